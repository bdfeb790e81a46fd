#!/usr/bin/python
# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: eventbridge_rule
short_description: Manages an Amazon EventBridge rule and its targets
version_added: "0.1.0"
author: "wxgov.sagemaker contributors (@wxgov)"
description:
  - Creates, changes, enables, disables and deletes an EventBridge rule together with its targets.
  - Knows what a FIFO queue needs as a target (a message group), dead-letter queues and retry policies.
  - The event pattern is compared as JSON, not as text.
  - An option that is not set leaves the rule as it is; an empty value clears.
options:
  name:
    description: The rule's name, unique on its event bus.
    type: str
    required: true
  event_bus_name:
    description: The name or ARN of the event bus. Events of AWS services arrive on V(default).
    type: str
    default: default
  state:
    description:
      - V(present) leaves it as it is whether the rule is enabled; a new rule is.
      - V(absent) removes the targets and then the rule.
    type: str
    choices: [present, absent, enabled, disabled]
    default: present
  event_pattern:
    description:
      - What events the rule takes, as JSON or as a dictionary. Checked before it is sent.
      - A new rule needs this or O(schedule_expression).
    type: json
  test_events:
    description:
      - Events that the pattern must match, or must not match. EventBridge itself is asked about each of them before the
        rule is touched, in check mode too.
      - When it answers otherwise for one of them, the task fails and names it, and nothing is changed.
      - Without O(event_pattern), the pattern that the rule has is tested. Without effect with O(state=absent).
    type: list
    elements: dict
    suboptions:
      event:
        description:
          - The whole event, as JSON or as a dictionary.
          - EventBridge wants C(id), C(account), C(source), C(time), C(region), C(resources) and C(detail-type) in it.
        type: json
        required: true
      matches:
        description: Whether the pattern must match the event.
        type: bool
        default: true
  schedule_expression:
    description: When the rule fires by itself, for instance V(rate(1 hour)).
    type: str
  description:
    description: What the rule is for; at most 512 characters.
    type: str
  role_arn:
    description: The ARN of the role that the rule uses for its targets. SQS queues need none.
    type: str
  targets:
    description:
      - Where the events go; at most 5.
      - An option of a target that is not set leaves that part as it is, an empty one clears it.
    type: list
    elements: dict
    suboptions:
      id:
        description: What the target is called in the rule.
        type: str
        required: true
      arn:
        description: The ARN of the target.
        type: str
        required: true
      message_group_id:
        description:
          - The message group of all events sent to an SQS queue; a fixed text.
          - A FIFO queue as target needs it.
        type: str
      dead_letter_arn:
        description: The ARN of the standard SQS queue that gets the events which could not be delivered.
        type: str
      retry_policy:
        description: How long delivery is tried; V({}) gives the service's own values back (24 hours, 185 times).
        type: dict
        suboptions:
          maximum_retry_attempts:
            description: How often, 0 to 185.
            type: int
          maximum_event_age_in_seconds:
            description: For how many seconds, 60 to 86400.
            type: int
      input:
        description: A constant JSON text that is sent instead of the event.
        type: json
      input_path:
        description: A JSONPath to the part of the event that is sent.
        type: str
      input_transformer:
        description: A template that is sent, filled from the event; V({}) clears it.
        type: dict
        suboptions:
          input_paths_map:
            description: JSONPaths by variable.
            type: dict
          input_template:
            description: The template, with variables in angle brackets.
            type: str
      role_arn:
        description: The ARN of the role that EventBridge takes on for this target.
        type: str
  purge_targets:
    description: Whether targets that are not in O(targets) are removed. Without effect when O(targets) is not set.
    type: bool
    default: true
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
seealso:
  - module: wxgov.sagemaker.sqs_queue
  - module: wxgov.sagemaker.cloudtrail_coverage_info
"""

EXAMPLES = r"""
- name: Send changes of the model registry to a FIFO queue
  wxgov.sagemaker.eventbridge_rule:
    name: registry-events
    description: Changes of the SageMaker Model Registry
    event_pattern:
      source: [aws.sagemaker]
      detail-type: [AWS API Call via CloudTrail]
      detail:
        eventSource: [sagemaker.amazonaws.com]
        eventName:
          - CreateModelPackage
          - CreateModelPackageGroup
          - DeleteModelPackage
          - DeleteModelPackageGroup
          - UpdateModelPackage
        errorCode: [{exists: false}]
    targets:
      - id: queue
        arn: arn:aws:sqs:us-east-1:111122223333:registry-events.fifo
        message_group_id: registry
        dead_letter_arn: arn:aws:sqs:us-east-1:111122223333:registry-events-target-dlq
        retry_policy:
          maximum_retry_attempts: 185
          maximum_event_age_in_seconds: 86400
    tags:
      team: governance

- name: Have the pattern tested before the rule is made
  wxgov.sagemaker.eventbridge_rule:
    name: registry-approvals
    event_pattern:
      source: [aws.sagemaker]
      detail-type: [SageMaker Model Package State Change]
      detail:
        ModelApprovalStatus: [Approved]
    test_events:
      - event: "{{ approval }}"
      - event: "{{ approval | combine({'detail': {'ModelApprovalStatus': 'Rejected'}}) }}"
        matches: false
  vars:
    approval:
      id: 17793124-05d4-b198-2fde-7ededc63b103
      account: "111122223333"
      region: us-east-1
      time: "2026-01-15T09:30:00Z"
      source: aws.sagemaker
      detail-type: SageMaker Model Package State Change
      resources:
        - arn:aws:sagemaker:us-east-1:111122223333:model-package/fraud/1
      detail:
        ModelApprovalStatus: Approved

- name: Stop the rule for a while
  wxgov.sagemaker.eventbridge_rule:
    name: registry-events
    state: disabled

- name: Remove the rule and its targets
  wxgov.sagemaker.eventbridge_rule:
    name: registry-events
    state: absent
"""

RETURN = r"""
rule:
  description: The rule as it is now (in check mode, as it would be). Null when there is none.
  returned: success
  type: dict
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
      description: The targets in the order of their ids, each with all options of O(targets), null where not set.
      returned: always
      type: list
      elements: dict
      sample:
        - id: queue
          arn: arn:aws:sqs:us-east-1:111122223333:registry-events.fifo
          message_group_id: registry
operations:
  description: What was done (in check mode, what would be done), in order.
  returned: success
  type: list
  elements: str
  sample: [create_rule, put_targets]
operations_done:
  description: The operations that were done before one failed; the rest was not begun.
  returned: when an operation failed
  type: list
  elements: str
  sample: [create_rule]
failed_entries:
  description: The targets that EventBridge refused, though it answered.
  returned: when PutTargets or RemoveTargets failed for some targets
  type: list
  elements: dict
  contains:
    id:
      description: The target's id.
      returned: always
      type: str
      sample: queue
    code:
      description: AWS's error code.
      returned: always
      type: str
      sample: ConcurrentModificationException
    message:
      description: AWS's words.
      returned: always
      type: str
      sample: The rule is being changed.
"""

from collections.abc import Mapping
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ..module_utils.aws.documents import parse_object
from ..module_utils.aws.module import WAIT_OPTIONS, ModuleSession, finish
from ..module_utils.aws.plan import Outcome
from ..module_utils.aws.rule import ensure_rule
from ..module_utils.aws.rule_plan import DesiredRule, RuleState, check_rule
from ..module_utils.aws.rule_targets import desired_target
from ..module_utils.aws.rule_test_events import read_test_events
from ..module_utils.aws.tags import text_tags

TARGET_OPTIONS = {
    "id": {"type": "str", "required": True},
    "arn": {"type": "str", "required": True},
    "message_group_id": {"type": "str"},
    "dead_letter_arn": {"type": "str"},
    "retry_policy": {
        "type": "dict",
        "options": {"maximum_retry_attempts": {"type": "int"}, "maximum_event_age_in_seconds": {"type": "int"}},
    },
    "input": {"type": "json"},
    "input_path": {"type": "str"},
    "input_transformer": {
        "type": "dict",
        "options": {"input_paths_map": {"type": "dict"}, "input_template": {"type": "str"}},
    },
    "role_arn": {"type": "str"},
}
ARGUMENTS = {
    "name": {"type": "str", "required": True},
    "event_bus_name": {"type": "str", "default": "default"},
    "state": {"type": "str", "choices": ["present", "absent", "enabled", "disabled"], "default": "present"},
    "event_pattern": {"type": "json"},
    "test_events": {
        "type": "list",
        "elements": "dict",
        "options": {"event": {"type": "json", "required": True}, "matches": {"type": "bool", "default": True}},
    },
    "schedule_expression": {"type": "str"},
    "description": {"type": "str"},
    "role_arn": {"type": "str"},
    "targets": {"type": "list", "elements": "dict", "options": TARGET_OPTIONS},
    "purge_targets": {"type": "bool", "default": True},
    "tags": {"type": "dict", "aliases": ["resource_tags"]},
    "purge_tags": {"type": "bool", "default": True},
    **WAIT_OPTIONS,
}


def desired_rule(options: Mapping[str, Any]) -> DesiredRule:
    """The rule that the options ask for, checked."""
    settings = {name: options[name] for name in ("description", "schedule_expression", "role_arn")}
    if options["event_pattern"] is not None:
        settings["event_pattern"] = parse_object(options["event_pattern"], "event_pattern")
    settings["state"] = {"enabled": "ENABLED", "disabled": "DISABLED"}.get(options["state"])
    targets = options["targets"]
    desired = DesiredRule(
        name=options["name"],
        event_bus_name=options["event_bus_name"],
        present=options["state"] != "absent",
        settings={name: value for name, value in settings.items() if value is not None},
        tags=text_tags(options["tags"]),
        purge_tags=options["purge_tags"],
        targets=None if targets is None else [desired_target(target) for target in targets],
        purge_targets=options["purge_targets"],
    )
    check_rule(desired)
    return desired


def main() -> None:
    module = AnsibleAWSModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    session = ModuleSession(module)

    def work() -> Outcome[RuleState]:
        desired = desired_rule(module.params)
        return ensure_rule(
            session.client("events"),
            desired,
            account=session.account,
            check_mode=session.check_mode,
            patience=session.patience,
            test_events=read_test_events(module.params["test_events"]),
        )

    finish(module, "rule", work)


if __name__ == "__main__":
    main()
