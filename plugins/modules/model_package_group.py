#!/usr/bin/python
# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: model_package_group
short_description: Manages a model package group of the SageMaker Model Registry
version_added: "0.1.0"
author: "wxgov.sagemaker contributors (@wxgov)"
description:
  - Creates, tags, shares by a resource policy, and deletes a model package group.
  - An option that is not set leaves the group as it is; an empty value clears what can be cleared.
options:
  name:
    description: The group's name.
    type: str
    required: true
  state:
    description:
      - Whether the group shall be there. A group that holds model packages is deleted only with O(force=true).
    type: str
    choices: [present, absent]
    default: present
  description:
    description:
      - What the group is for; at most 1024 characters. AWS cannot change it, so another one than the group has is an
        error.
    type: str
  readers:
    description:
      - The accounts that may look at the group and at the model packages in it, as 12 digits in quotes.
      - They are in one statement of the resource policy, C(WxgovReaders); other statements stay.
    type: list
    elements: str
  registrars:
    description:
      - The accounts that may look and register model packages too, as 12 digits in quotes.
      - They are in one statement of the resource policy, C(WxgovRegistrars); other statements stay.
    type: list
    elements: str
  policy:
    description:
      - The resource policy as JSON or as a dictionary, instead of O(readers) and O(registrars).
      - Policies are compared by meaning, not by text.
      - Its statements take the place of those with the same C(Sid); the group's other statements stay, unless
        O(purge_policy=true).
      - V({}) clears the whole policy.
    type: json
  purge_policy:
    description: Whether statements that are not in O(policy) are removed.
    type: bool
    default: false
  force:
    description: Whether O(state=absent) deletes the model packages in the group first. They cannot be brought back.
    type: bool
    default: false
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
  diff_mode:
    support: full
  idempotent:
    support: full
notes:
  - AWS makes a resource share of its own from a resource policy. The accounts can use the group at once, but see it in
    their lists only after that share was promoted, as
    U(https://docs.aws.amazon.com/sagemaker/latest/dg/model-registry-ram-promote.html) describes.
    M(wxgov.sagemaker.ram_resource_share) needs no such step.
seealso:
  - module: wxgov.sagemaker.model_package_group_info
  - module: wxgov.sagemaker.ram_resource_share
"""

EXAMPLES = r"""
- name: Make a group that another account may look at
  wxgov.sagemaker.model_package_group:
    name: fraud-detection
    description: Models that score card payments
    readers:
      - "444455556666"
    tags:
      team: governance

- name: Let a third account register model packages in it
  wxgov.sagemaker.model_package_group:
    name: fraud-detection
    registrars:
      - "777788889999"

- name: Take both accounts' access away
  wxgov.sagemaker.model_package_group:
    name: fraud-detection
    readers: []
    registrars: []

- name: Delete the group with everything in it
  wxgov.sagemaker.model_package_group:
    name: fraud-detection
    state: absent
    force: true
"""

RETURN = r"""
group:
  description: The group as it is now (in check mode, as it would be). Null when there is none.
  returned: success
  type: dict
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
operations:
  description: What was done (in check mode, what would be done), in order.
  returned: success
  type: list
  elements: str
  sample: [create_model_package_group, put_policy]
"""

from collections.abc import Mapping
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ..module_utils.aws.documents import parse_object
from ..module_utils.aws.model_package_group import ensure_group
from ..module_utils.aws.model_package_group_plan import DesiredGroup, GroupState, check_group
from ..module_utils.aws.module import WAIT_OPTIONS, ModuleSession, finish
from ..module_utils.aws.plan import Outcome
from ..module_utils.aws.tags import text_tags

ARGUMENTS = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "description": {"type": "str"},
    "readers": {"type": "list", "elements": "str"},
    "registrars": {"type": "list", "elements": "str"},
    "policy": {"type": "json"},
    "purge_policy": {"type": "bool", "default": False},
    "force": {"type": "bool", "default": False},
    "tags": {"type": "dict", "aliases": ["resource_tags"]},
    "purge_tags": {"type": "bool", "default": True},
    **WAIT_OPTIONS,
}


def desired_group(options: Mapping[str, Any]) -> DesiredGroup:
    """The group that the options ask for, checked."""
    same_names = ("name", "description", "readers", "registrars", "purge_policy", "force", "purge_tags")
    desired = DesiredGroup(
        present=options["state"] == "present",
        policy=None if options["policy"] is None else parse_object(options["policy"], "policy"),
        tags=text_tags(options["tags"]),
        **{name: options[name] for name in same_names},
    )
    check_group(desired)
    return desired


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec=ARGUMENTS,
        supports_check_mode=True,
        mutually_exclusive=[("policy", "readers"), ("policy", "registrars")],
    )
    session = ModuleSession(module)

    def work() -> Outcome[GroupState]:
        desired = desired_group(module.params)
        return ensure_group(
            session.client("sagemaker"),
            desired,
            account=session.account,
            check_mode=session.check_mode,
            patience=session.patience,
        )

    finish(module, "group", work)


if __name__ == "__main__":
    main()
