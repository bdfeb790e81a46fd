#!/usr/bin/python
# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: resource_explorer_index
short_description: Manages the AWS Resource Explorer index of a region
version_added: "0.1.0"
author: "wxgov.sagemaker contributors (@wxgov)"
description:
  - Turns AWS Resource Explorer on in a region by making its index, so that model package groups, also shared ones, can
    be searched for; and off again.
  - Makes the index the aggregator, which has the resources of all regions of the account, or an ordinary one.
  - AWS does all of this in the background. An index that is busy is waited for.
options:
  state:
    description:
      - Whether the region shall have an index. V(absent) deletes the region's views with it.
      - After an aggregator is deleted, AWS lets no other index become one for 24 hours.
    type: str
    choices: [present, absent]
    default: present
  type:
    description:
      - V(AGGREGATOR) takes the resources of all other regions in; an account has one. V(LOCAL) has the region's own.
      - A new index is V(LOCAL) when this is not set, and an old one stays what it is.
    type: str
    choices: [LOCAL, AGGREGATOR]
  wait:
    description:
      - Whether to wait until AWS is done in the background. Filling an index takes longer than that, up to hours.
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
  - The first index of an account also makes a service-linked role, for which C(iam:CreateServiceLinkedRole) is needed.
seealso:
  - module: wxgov.sagemaker.resource_explorer_view
  - module: wxgov.sagemaker.resource_group
"""

EXAMPLES = r"""
- name: Index the region, and all other regions of the account in it
  wxgov.sagemaker.resource_explorer_index:
    type: AGGREGATOR
    tags:
      team: governance

- name: Turn Resource Explorer off in the region
  wxgov.sagemaker.resource_explorer_index:
    state: absent
"""

RETURN = r"""
index:
  description: The index as it is now (in check mode, as it would be). Null when there is none.
  returned: success
  type: dict
  contains:
    arn:
      description: The index's ARN. Empty for one that check mode would make.
      returned: always
      type: str
      sample: arn:aws:resource-explorer-2:us-east-1:111122223333:index/1a2b3c
    type:
      description: Whether it is C(LOCAL) or C(AGGREGATOR).
      returned: always
      type: str
      sample: AGGREGATOR
    state:
      description: What AWS does with it, C(ACTIVE) when nothing.
      returned: always
      type: str
      sample: ACTIVE
    tags:
      description: The index's tags.
      returned: always
      type: dict
      sample: {"team": "governance"}
operations:
  description: What was done (in check mode, what would be done), in order.
  returned: success
  type: list
  elements: str
  sample: [create_index, update_index_type]
"""

from collections.abc import Mapping
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ..module_utils.aws.module import WAIT_OPTIONS, ModuleSession, finish
from ..module_utils.aws.plan import Outcome
from ..module_utils.aws.resource_explorer import ensure_index
from ..module_utils.aws.resource_explorer_plan import DesiredIndex, IndexState
from ..module_utils.aws.tags import text_tags

ARGUMENTS = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "type": {"type": "str", "choices": ["LOCAL", "AGGREGATOR"]},
    "tags": {"type": "dict", "aliases": ["resource_tags"]},
    "purge_tags": {"type": "bool", "default": True},
    **WAIT_OPTIONS,
}


def desired_index(options: Mapping[str, Any]) -> DesiredIndex:
    """The index that the options ask for."""
    return DesiredIndex(
        present=options["state"] == "present",
        type=options["type"],
        tags=text_tags(options["tags"]),
        purge_tags=options["purge_tags"],
    )


def main() -> None:
    module = AnsibleAWSModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    session = ModuleSession(module)

    def work() -> Outcome[IndexState]:
        desired = desired_index(module.params)
        explorer = session.client("resource-explorer-2")
        return ensure_index(explorer, desired, check_mode=session.check_mode, patience=session.patience)

    finish(module, "index", work)


if __name__ == "__main__":
    main()
