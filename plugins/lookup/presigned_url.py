# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: presigned_url
short_description: Makes a fresh presigned URL into SageMaker Studio
version_added: "0.1.0"
author: "wxgov.sagemaker contributors (@wxgov)"
description:
  - Makes a URL that signs the browser that opens it in to SageMaker Studio as a user profile. It can be opened for five
    minutes, and may land on a model package.
  - It is a lookup, so that the URL is made at the moment it is used and not kept.
  - AWS makes such URLs only for domains with authentication mode C(IAM).
options:
  _terms:
    description: The ARN of one user profile or of several.
    required: true
    type: list
    elements: str
  expires_in:
    description: For how many seconds the URL can be opened, 5 to 300.
    type: int
    default: 300
  session_expires_in:
    description: For how many seconds the session lasts that it opens, 1800 to 43200; 43200 when this is not set.
    type: int
  model_package_arn:
    description: The ARN of a model package to land on; right to describe it is needed.
    type: str
  landing_path:
    description:
      - The path in Studio to land on. C({group}) and C({version}) in it stand for those of O(model_package_arn).
      - With O(model_package_arn) it is V(models/registered-models/{group}/versions) when this is not set. AWS does not
        document Studio's paths, so set this when they change.
    type: str
notes:
  - The URL is a credential. Set C(no_log) on the task that uses it.
  - The region is that of the ARN.
extends_documentation_fragment:
  - amazon.aws.boto3
  - amazon.aws.common.plugins
  - amazon.aws.region.plugins
"""

EXAMPLES = r"""
- name: Open Studio
  ansible.builtin.set_fact:
    studio_url: "{{ lookup('wxgov.sagemaker.presigned_url', default_profile_arn) }}"
  no_log: true

- name: Open Studio at a model package, for a minute
  ansible.builtin.set_fact:
    studio_url: "{{ lookup('wxgov.sagemaker.presigned_url', default_profile_arn,
                    model_package_arn=model_package_arn, expires_in=60) }}"
  no_log: true
"""

RETURN = r"""
_raw:
  description: A URL for each user profile.
  type: list
  elements: str
"""

from typing import Any

from ansible.errors import AnsibleLookupError

from ansible_collections.amazon.aws.plugins.plugin_utils.lookup import AWSLookupBase

from ..module_utils.aws.client import ServiceClient, check_region
from ..module_utils.aws.module import known_regions
from ..module_utils.aws.presigned_url import (
    PresignedRequest,
    check_request,
    create_presigned_url,
    parse_profile_arn,
)
from ..module_utils.errors import WxgovError


class LookupModule(AWSLookupBase):
    """The plugin; everything but options and clients is in module_utils."""

    def run(self, terms: list[Any], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[str]:
        super().run(terms, variables, **kwargs)
        try:
            return [self._url(term) for term in terms]
        except WxgovError as error:
            raise AnsibleLookupError(str(error)) from error

    def _url(self, profile_arn: Any) -> str:
        request = PresignedRequest(
            profile=parse_profile_arn(profile_arn),
            expires_in=self.get_option("expires_in"),
            session_seconds=self.get_option("session_expires_in"),
            landing_path=self.get_option("landing_path"),
            model_package_arn=self.get_option("model_package_arn"),
        )
        check_request(request)
        region = check_region(request.profile.arn.region, lambda: known_regions("sagemaker"))
        sagemaker = ServiceClient("sagemaker", self.client("sagemaker", region=region))
        return create_presigned_url(sagemaker, request).url
