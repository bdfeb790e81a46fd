# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""eventbridge_rule beside amazon.aws.cloudwatchevent_rule."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.aws.conftest import REGION
from tests.integration.peers.conftest import Pair, Side

SQS = f"arn:aws:sqs:{REGION}:${{account}}"
PATTERN = {"source": ["aws.sagemaker"], "detail": {"eventName": ["CreateModelPackage", "UpdateModelPackage"]}}
FIFO = {"id": "queue", "arn": f"{SQS}:line.fifo"}


@pytest.fixture
def rules(pair: Callable[[str, str], Pair]) -> Pair:
    """Both modules, each with a standard and a FIFO queue to send to."""
    made = pair("amazon.aws.cloudwatchevent_rule", "eventbridge_rule")
    for side in (made.theirs, made.ours):
        side.client("sqs").create_queue(QueueName="plain")
        fifo = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
        side.client("sqs").create_queue(QueueName="line.fifo", Attributes=fifo)
    return made


def state(side: Side) -> Any:
    """The rule and its targets as boto3 sees them."""
    events = side.client("events")
    rule = events.describe_rule(Name="registry")
    rule.pop("ResponseMetadata")
    return rule, events.list_targets_by_rule(Rule="registry")["Targets"]


def test_a_rule_with_a_standard_queue_from_new_to_gone(rules: Pair) -> None:
    target = {"id": "plain", "arn": f"{SQS}:plain", "input_path": "$.detail"}
    new = {"name": "registry", "event_pattern": json.dumps(PATTERN), "description": "x", "targets": [target]}
    changed = {**new, "event_pattern": json.dumps({"source": ["aws.sagemaker"]}), "description": "y"}
    disabled = {**changed, "state": "disabled"}
    for step in (new, changed, disabled):
        assert rules.theirs.do(**step)["changed"] is rules.ours.do(**step)["changed"] is True
        rule, targets = rules.same(state)
    assert (rule["State"], rule["Description"]) == ("DISABLED", "y")
    assert targets == [{"Id": "plain", "Arn": f"arn:aws:sqs:{REGION}:ACCOUNT:plain", "InputPath": "$.detail"}]
    for side in (rules.theirs, rules.ours):
        side.do(name="registry", state="absent")
    assert rules.same(lambda side: side.client("events").list_rules()["Rules"]) == []


def test_a_schedule(rules: Pair) -> None:
    hourly = {"name": "registry", "schedule_expression": "rate(1 hour)"}
    for changed in (True, False):
        assert rules.theirs.do(**hourly)["changed"] is rules.ours.do(**hourly)["changed"] is changed
    assert rules.same(state)[0]["ScheduleExpression"] == "rate(1 hour)"


def test_a_fifo_queue_as_target(rules: Pair) -> None:
    """The one thing this project needs most: theirs has no option for the message group, without which AWS refuses."""
    options = {"name": "registry", "event_pattern": PATTERN}
    refused = rules.theirs.run(**options, targets=[FIFO])
    assert refused["failed"] is True
    assert "SqsParameters" in refused["msg"]
    unknown = rules.theirs.run(**options, targets=[{**FIFO, "message_group_id": "registry"}])
    assert "Unsupported parameters" in unknown["msg"]
    rules.ours.do(**options, targets=[{**FIFO, "message_group_id": "registry"}])
    (target,) = state(rules.ours)[1]
    assert target["SqsParameters"] == {"MessageGroupId": "registry"}


def test_check_mode(rules: Pair) -> None:
    options = {"name": "registry", "event_pattern": PATTERN}
    skipped = rules.theirs.run(check=True, **options)
    assert skipped["skipped"] is True
    assert "does not support check mode" in skipped["msg"]
    checked = rules.ours.run(check=True, **options)
    assert checked["diff"]["after"]["event_pattern"] == PATTERN
    assert rules.same(lambda side: side.client("events").list_rules()["Rules"]) == []


def test_the_same_pattern_in_other_words(rules: Pair) -> None:
    """Theirs compares texts, so that a blank makes a change."""
    for side in (rules.theirs, rules.ours):
        side.do(name="registry", event_pattern=json.dumps(PATTERN))
    other = json.dumps({key: PATTERN[key] for key in reversed(PATTERN)}, indent=1)
    assert rules.theirs.do(name="registry", event_pattern=other)["changed"] is True
    assert rules.ours.do(name="registry", event_pattern=other)["changed"] is False
