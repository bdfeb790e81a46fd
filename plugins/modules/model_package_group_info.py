#!/usr/bin/python
# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: model_package_group_info
short_description: Lists model package groups of the SageMaker Model Registry
version_added: "0.1.0"
author: "wxgov.sagemaker contributors (@wxgov)"
description:
  - Lists the account's model package groups with their resource policies and tags, or those that other accounts share
    with it.
options:
  name:
    description: Only the group of this name.
    type: str
  name_prefix:
    description: Only groups whose name begins so.
    type: str
  cross_account:
    description:
      - Whether to list the groups that other accounts share with this one through RAM, instead of its own.
    type: bool
    default: false
extends_documentation_fragment:
  - wxgov.sagemaker.attributes
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
attributes:
  check_mode:
    support: full
    details:
      - It changes nothing in any mode.
  diff_mode:
    support: N/A
    details:
      - It changes nothing.
  idempotent:
    support: N/A
    details:
      - It changes nothing.
seealso:
  - module: wxgov.sagemaker.model_package_group
"""

EXAMPLES = r"""
- name: List the account's own groups for fraud
  wxgov.sagemaker.model_package_group_info:
    name_prefix: fraud-

- name: See which groups other accounts share with this one
  wxgov.sagemaker.model_package_group_info:
    cross_account: true
"""

RETURN = r"""
groups:
  description:
    - The groups, an empty list when there are none.
    - Policy, readers, registrars and tags of groups of other accounts are empty, for only their owner is told.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The name of the group.
      returned: always
      type: str
      sample: fraud-detection
    arn:
      description: The ARN of the group.
      returned: always
      type: str
      sample: arn:aws:sagemaker:us-east-1:111122223333:model-package-group/fraud-detection
    description:
      description: What the group is for. Null when nothing is said.
      returned: always
      type: str
      sample: Models that score card payments
    status:
      description: The status of the group.
      returned: always
      type: str
      sample: Completed
    creation_time:
      description: When the group was made, in ISO 8601, UTC. Null for a group that check mode would make.
      returned: always
      type: str
      sample: "2026-01-02T03:04:05+00:00"
    policy:
      description: The resource policy. Null when there is none.
      returned: always
      type: dict
      sample: {"Version": "2012-10-17", "Statement": []}
    readers:
      description: The accounts that the statement C(WxgovReaders) of the policy lets read, sorted.
      returned: always
      type: list
      elements: str
      sample: ["444455556666"]
    registrars:
      description: The accounts that the statement C(WxgovRegistrars) of the policy lets register, sorted.
      returned: always
      type: list
      elements: str
      sample: ["777788889999"]
    tags:
      description: The tags of the group.
      returned: always
      type: dict
      sample: {"team": "governance"}
"""

from collections.abc import Mapping
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ..module_utils.aws.client import ServiceClient
from ..module_utils.aws.model_package_group import list_groups, list_shared_groups, read_group
from ..module_utils.aws.model_package_group_plan import GroupState
from ..module_utils.aws.module import ModuleSession, fail
from ..module_utils.errors import WxgovError

ARGUMENTS = {
    "name": {"type": "str"},
    "name_prefix": {"type": "str"},
    "cross_account": {"type": "bool", "default": False},
}


def find_groups(sagemaker: ServiceClient, options: Mapping[str, Any]) -> list[GroupState]:
    """The groups that the options ask for."""
    name, prefix = options["name"], options["name_prefix"] or ""
    if options["cross_account"]:
        return [group for group in list_shared_groups(sagemaker, name or prefix) if name in (None, group.name)]
    if name is None:
        return list_groups(sagemaker, prefix)
    group = read_group(sagemaker, name)
    return [] if group is None else [group]


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec=ARGUMENTS, supports_check_mode=True, mutually_exclusive=[("name", "name_prefix")]
    )
    try:
        groups = find_groups(ModuleSession(module).client("sagemaker"), module.params)
    except WxgovError as error:
        fail(module, error)
    else:
        module.exit_json(changed=False, groups=[group.as_result() for group in groups])


if __name__ == "__main__":
    main()
