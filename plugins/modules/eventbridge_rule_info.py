#!/usr/bin/python
# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: eventbridge_rule_info
short_description: Lists Amazon EventBridge rules and their targets
version_added: "0.1.0"
author: "wxgov.sagemaker contributors (@wxgov)"
description:
  - Lists the rules of an event bus with their targets and tags, as M(wxgov.sagemaker.eventbridge_rule) returns them.
options:
  name:
    description: Only the rule of this name.
    type: str
  name_prefix:
    description: Only rules whose name begins so.
    type: str
  event_bus_name:
    description: The name or ARN of the event bus.
    type: str
    default: default
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
  - module: wxgov.sagemaker.eventbridge_rule
"""

EXAMPLES = r"""
- name: Look at one rule
  wxgov.sagemaker.eventbridge_rule_info:
    name: registry-events

- name: List the rules of all connections
  wxgov.sagemaker.eventbridge_rule_info:
    name_prefix: wxgov-sagemaker-
"""

RETURN = r"""
rules:
  description: The rules, sorted by name; an empty list when there are none.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The rule's name.
      returned: always
      type: str
      sample: registry-events
    arn:
      description: The rule's ARN.
      returned: always
      type: str
      sample: arn:aws:events:us-east-1:111122223333:rule/registry-events
    event_bus_name:
      description: The event bus as it was given.
      returned: always
      type: str
      sample: default
    description:
      description: What the rule is for. Null when nothing is said.
      returned: always
      type: str
      sample: Changes of the SageMaker Model Registry
    event_pattern:
      description: What events the rule takes. Null when it has no pattern.
      returned: always
      type: dict
      sample: {"source": ["aws.sagemaker"]}
    schedule_expression:
      description: When the rule fires by itself. Null when it does not.
      returned: always
      type: str
      sample: rate(1 hour)
    role_arn:
      description: The rule's role. Null when it has none.
      returned: always
      type: str
      sample: arn:aws:iam::111122223333:role/events
    state:
      description: Whether the rule is enabled, in AWS's words.
      returned: always
      type: str
      sample: ENABLED
    managed_by:
      description: The AWS service that manages the rule. Null when none does.
      returned: always
      type: str
      sample: aws.partner
    tags:
      description: The rule's tags.
      returned: always
      type: dict
      sample: {"team": "governance"}
    targets:
      description: The targets in the order of their ids, as M(wxgov.sagemaker.eventbridge_rule) takes them; null where
        a part is not set.
      returned: always
      type: list
      elements: dict
      sample:
        - id: queue
          arn: arn:aws:sqs:us-east-1:111122223333:registry-events.fifo
          message_group_id: registry
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ..module_utils.aws.module import ModuleSession, fail
from ..module_utils.aws.rule_listing import list_rules
from ..module_utils.errors import WxgovError

ARGUMENTS = {
    "name": {"type": "str"},
    "name_prefix": {"type": "str"},
    "event_bus_name": {"type": "str", "default": "default"},
}


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec=ARGUMENTS, supports_check_mode=True, mutually_exclusive=[("name", "name_prefix")]
    )
    try:
        events = ModuleSession(module).client("events")
        options = module.params
        prefix, bus = options["name_prefix"] or "", options["event_bus_name"]
        rules = list_rules(events, name=options["name"], prefix=prefix, bus=bus)
    except WxgovError as error:
        fail(module, error)
    else:
        module.exit_json(changed=False, rules=[rule.as_result() for rule in rules])


if __name__ == "__main__":
    main()
