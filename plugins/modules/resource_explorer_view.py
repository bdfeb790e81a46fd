#!/usr/bin/python
# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: resource_explorer_view
short_description: Manages an AWS Resource Explorer view
version_added: "0.1.0"
author: "wxgov.sagemaker contributors (@wxgov)"
description:
  - Creates, changes and deletes a view, through which users search the index of a region.
  - Makes it the region's default view, which a search uses that names none.
  - The region needs an index, see M(wxgov.sagemaker.resource_explorer_index).
  - An option that is not set leaves the view as it is; an empty value clears.
options:
  name:
    description: The view's name, of letters, digits and hyphens.
    type: str
    required: true
  state:
    description: Whether the view shall be there.
    type: str
    choices: [present, absent]
    default: present
  filter_string:
    description:
      - What the view shows, in Resource Explorer's query syntax, for instance
        V(resourcetype:sagemaker:model-package-group). An empty value shows everything.
    type: str
  included_properties:
    description: What results have besides their ARN, for instance V(tags), without which tags cannot be searched for.
    type: list
    elements: str
  scope:
    description:
      - The ARN of the account, organizational unit or organization the view covers; the account when this is not set.
      - AWS cannot change it.
    type: str
  default:
    description: Whether the view is the region's default view. V(false) leaves another default view alone.
    type: bool
  wait:
    description: Whether to wait until AWS shows what was written.
    type: bool
    default: true
  wait_timeout:
    description: For how many seconds to wait.
    type: int
    default: 120
extends_documentation_fragment:
  - wxgov.sagemaker.attributes
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.tags
  - amazon.aws.boto3
attributes:
  check_mode:
    support: full
    details:
      - A missing index is a warning in check mode and an error otherwise.
  diff_mode:
    support: full
  idempotent:
    support: full
seealso:
  - module: wxgov.sagemaker.resource_explorer_index
"""

EXAMPLES = r"""
- name: Let users find model package groups, also by tag
  wxgov.sagemaker.resource_explorer_view:
    name: model-registry
    filter_string: resourcetype:sagemaker:model-package-group
    included_properties: [tags]
    default: true

- name: Delete the view
  wxgov.sagemaker.resource_explorer_view:
    name: model-registry
    state: absent
"""

RETURN = r"""
view:
  description: The view as it is now (in check mode, as it would be). Null when there is none.
  returned: success
  type: dict
  contains:
    name:
      description: The view's name.
      returned: always
      type: str
      sample: model-registry
    arn:
      description: The view's ARN. Empty for one that check mode would make.
      returned: always
      type: str
      sample: arn:aws:resource-explorer-2:us-east-1:111122223333:view/model-registry/1a2b3c
    filter_string:
      description: What the view shows.
      returned: always
      type: str
      sample: resourcetype:sagemaker:model-package-group
    included_properties:
      description: What results have besides their ARN.
      returned: always
      type: list
      elements: str
      sample: [tags]
    scope:
      description: What the view covers.
      returned: always
      type: str
      sample: arn:aws:iam::111122223333:root
    default:
      description: Whether it is the region's default view.
      returned: always
      type: bool
      sample: true
    tags:
      description: The view's tags.
      returned: always
      type: dict
      sample: {"team": "governance"}
operations:
  description: What was done (in check mode, what would be done), in order.
  returned: success
  type: list
  elements: str
  sample: [create_view, associate_default_view]
"""

from collections.abc import Mapping
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ..module_utils.aws.module import WAIT_OPTIONS, ModuleSession, finish
from ..module_utils.aws.plan import Outcome
from ..module_utils.aws.resource_explorer import ensure_view
from ..module_utils.aws.resource_explorer_plan import DesiredView, ViewState, check_view
from ..module_utils.aws.tags import text_tags

ARGUMENTS = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "filter_string": {"type": "str"},
    "included_properties": {"type": "list", "elements": "str"},
    "scope": {"type": "str"},
    "default": {"type": "bool"},
    "tags": {"type": "dict", "aliases": ["resource_tags"]},
    "purge_tags": {"type": "bool", "default": True},
    **WAIT_OPTIONS,
}


def desired_view(options: Mapping[str, Any]) -> DesiredView:
    """The view that the options ask for, checked."""
    desired = DesiredView(
        present=options["state"] == "present",
        is_default=options["default"],
        tags=text_tags(options["tags"]),
        **{name: options[name] for name in ("name", "filter_string", "included_properties", "scope", "purge_tags")},
    )
    check_view(desired)
    return desired


def main() -> None:
    module = AnsibleAWSModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    session = ModuleSession(module)

    def work() -> Outcome[ViewState]:
        desired = desired_view(module.params)
        explorer = session.client("resource-explorer-2")
        return ensure_view(explorer, desired, check_mode=session.check_mode, patience=session.patience)

    finish(module, "view", work)


if __name__ == "__main__":
    main()
