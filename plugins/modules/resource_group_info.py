#!/usr/bin/python
# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: resource_group_info
short_description: Describes AWS resource groups and, if asked, what is in them
version_added: "0.1.0"
author: "wxgov.sagemaker contributors (@wxgov)"
description:
  - Describes the resource groups of an account and region, and lists their members.
options:
  names:
    description: The groups to describe; all of them when this is not set. One that is not there is left out.
    type: list
    elements: str
  members:
    description: Whether to list the resources that each group holds.
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
  - module: wxgov.sagemaker.resource_group
"""

EXAMPLES = r"""
- name: See what belongs to the central model registry
  wxgov.sagemaker.resource_group_info:
    names:
      - model-registry
    members: true
  register: registry

- name: Describe every group
  wxgov.sagemaker.resource_group_info:
"""

RETURN = r"""
groups:
  description: The groups that were found, by name.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The group's name.
      returned: always
      type: str
      sample: model-registry
    arn:
      description: The group's ARN.
      returned: always
      type: str
      sample: arn:aws:resource-groups:us-east-1:111122223333:group/model-registry
    description:
      description: What the group is for.
      returned: always
      type: str
      sample: Model package groups under governance
    resource_query:
      description: The query, with C(type) and C(query) in AWS's own words. Null for a group with a configuration.
      returned: always
      type: dict
      sample:
        type: TAG_FILTERS_1_0
        query:
          ResourceTypeFilters: ["AWS::AllSupported"]
          TagFilters: [{"Key": "governance", "Values": ["watsonx"]}]
    configuration:
      description: The service configuration. Null for a group with a query.
      returned: always
      type: list
      elements: dict
      sample: null
    tags:
      description: The group's tags.
      returned: always
      type: dict
      sample: {"team": "governance"}
    members:
      description: The resources in the group, sorted by ARN.
      returned: with O(members=true)
      type: list
      elements: dict
      contains:
        arn:
          description: The resource's ARN.
          returned: always
          type: str
          sample: arn:aws:sagemaker:us-east-1:111122223333:model-package-group/fraud
        type:
          description: The resource's type.
          returned: always
          type: str
          sample: AWS::SageMaker::ModelPackageGroup
"""

from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ..module_utils.aws.client import ServiceClient
from ..module_utils.aws.module import ModuleSession, fail
from ..module_utils.aws.resource_group import group_members, group_names, read_group
from ..module_utils.errors import WxgovError

ARGUMENTS = {
    "names": {"type": "list", "elements": "str"},
    "members": {"type": "bool", "default": False},
}


def describe_groups(groups: ServiceClient, names: list[str] | None, members: bool) -> list[dict[str, Any]]:
    """The groups of these names that are there (of all names for None) as results, sorted by name."""
    wanted = group_names(groups) if names is None else sorted(set(names))
    found = [group for name in wanted if (group := read_group(groups, name)) is not None]
    more = {group.name: {"members": group_members(groups, group.name)} for group in found} if members else {}
    return [{**group.as_result(), **more.get(group.name, {})} for group in found]


def main() -> None:
    module = AnsibleAWSModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    try:
        groups = ModuleSession(module).client("resource-groups")
        found = describe_groups(groups, module.params["names"], module.params["members"])
    except WxgovError as error:
        fail(module, error)
    else:
        module.exit_json(changed=False, groups=found)


if __name__ == "__main__":
    main()
