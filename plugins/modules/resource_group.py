#!/usr/bin/python
# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: resource_group
short_description: Manages an AWS resource group
version_added: "0.1.0"
author: "wxgov.sagemaker contributors (@wxgov)"
description:
  - Creates, changes and deletes a resource group, by a query for tags or with a service configuration.
  - With a query for the tags of model package groups, a group shows what belongs to a central model registry.
  - An option that is not set leaves the group as it is; an empty value clears.
  - Deleting a group leaves its members alone.
options:
  name:
    description: The group's name; it does not begin with C(aws).
    type: str
    required: true
  state:
    description: Whether the group shall be there.
    type: str
    choices: [present, absent]
    default: present
  description:
    description: What the group is for, in at most 1024 letters, digits, spaces and C(_.-) characters.
    type: str
  tag_filters:
    description:
      - The tags that a member has, each with the list of values it may have; an empty list takes any value.
      - A member has all of them.
    type: dict
  resource_types:
    description:
      - The types of the members, for instance V(AWS::SageMaker::ModelPackageGroup). A new group with O(tag_filters) has
        V(AWS::AllSupported) when this is not set.
    type: list
    elements: str
  configuration:
    description:
      - The service configuration of a group that is filled by other means than a query.
      - A group has a query or a configuration; AWS cannot change the one into the other.
    type: list
    elements: dict
    suboptions:
      type:
        description: The item's type, for instance V(AWS::ResourceGroups::Generic).
        type: str
        required: true
      parameters:
        description: The item's parameters.
        type: list
        elements: dict
        default: []
        suboptions:
          name:
            description: The parameter's name.
            type: str
            required: true
          values:
            description: Its values.
            type: list
            elements: str
            default: []
  wait:
    description: Whether to wait until AWS shows what was written; a configuration is attached in the background.
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
  diff_mode:
    support: full
  idempotent:
    support: full
seealso:
  - module: wxgov.sagemaker.resource_group_info
  - module: wxgov.sagemaker.resource_explorer_index
"""

EXAMPLES = r"""
- name: Group what belongs to the central model registry
  wxgov.sagemaker.resource_group:
    name: model-registry
    description: Model package groups under governance
    tag_filters:
      governance: [watsonx]
    resource_types:
      - AWS::SageMaker::ModelPackageGroup
    tags:
      team: governance

- name: Take queues in too
  wxgov.sagemaker.resource_group:
    name: model-registry
    resource_types:
      - AWS::SageMaker::ModelPackageGroup
      - AWS::SQS::Queue

- name: Delete the group, not its members
  wxgov.sagemaker.resource_group:
    name: model-registry
    state: absent
"""

RETURN = r"""
group:
  description: The group as it is now (in check mode, as it would be). Null when there is none.
  returned: success
  type: dict
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
operations:
  description: What was done (in check mode, what would be done), in order.
  returned: success
  type: list
  elements: str
  sample: [create_group]
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ..module_utils.aws.errors import InputError
from ..module_utils.aws.module import WAIT_OPTIONS, ModuleSession, finish
from ..module_utils.aws.plan import Outcome
from ..module_utils.aws.resource_group import ensure_group
from ..module_utils.aws.resource_group_plan import DesiredGroup, GroupState, check_group
from ..module_utils.aws.tags import text_tags

PARAMETER_OPTIONS = {
    "name": {"type": "str", "required": True},
    "values": {"type": "list", "elements": "str", "default": []},
}
CONFIGURATION_OPTIONS = {
    "type": {"type": "str", "required": True},
    "parameters": {"type": "list", "elements": "dict", "default": [], "options": PARAMETER_OPTIONS},
}
ARGUMENTS = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "description": {"type": "str"},
    "tag_filters": {"type": "dict"},
    "resource_types": {"type": "list", "elements": "str"},
    "configuration": {"type": "list", "elements": "dict", "options": CONFIGURATION_OPTIONS},
    "tags": {"type": "dict", "aliases": ["resource_tags"]},
    "purge_tags": {"type": "bool", "default": True},
    **WAIT_OPTIONS,
}


def filters_of(option: Mapping[str, Any] | None) -> dict[str, Sequence[str]] | None:
    """The option `tag_filters`: a value of its own counts as a list of one."""
    if option is None:
        return None
    filters: dict[str, Sequence[str]] = {}
    for key, values in option.items():
        if isinstance(values, Mapping):
            raise InputError(f"tag_filters: {key} is an object; give the list of values that the tag may have.")
        given = values if isinstance(values, list) else [values]
        filters[key] = list((text_tags({str(place): value for place, value in enumerate(given)}) or {}).values())
    return filters


def desired_group(options: Mapping[str, Any]) -> DesiredGroup:
    """The group that the options ask for, checked."""
    desired = DesiredGroup(
        present=options["state"] == "present",
        tag_filters=filters_of(options["tag_filters"]),
        tags=text_tags(options["tags"]),
        **{name: options[name] for name in ("name", "description", "resource_types", "configuration", "purge_tags")},
    )
    check_group(desired)
    return desired


def main() -> None:
    module = AnsibleAWSModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    session = ModuleSession(module)

    def work() -> Outcome[GroupState]:
        desired = desired_group(module.params)
        return ensure_group(
            session.client("resource-groups"),
            desired,
            account=session.account,
            check_mode=session.check_mode,
            patience=session.patience,
        )

    finish(module, "group", work)


if __name__ == "__main__":
    main()
