# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Judging the chain: what no emulator shows, or only with many messages."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from ansible_collections.wxgov.sagemaker.plugins.module_utils.preflight.chain_checks import (
    BACKLOG,
    in_force,
    judge_pattern,
    judge_policy,
    judge_queue,
    judge_rule,
    judge_target,
    judge_trail,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.preflight.event_chain import (
    Queue,
    QueueId,
    Rule,
    Target,
    sample_event,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.registry.events import Touched, parse
from ansible_collections.wxgov.sagemaker.plugins.module_utils.trail_coverage import EVENT_NAMES, Coverage, TrailState

QUEUE = QueueId("aws", "us-east-1", "111122223333", "registry.fifo")
TARGET = Target("group", "arn:aws:sqs:us-east-1:111122223333:letters", ())
RULE = Rule("registry", "arn:aws:events:us-east-1:111122223333:rule/registry", True, frozenset(EVENT_NAMES), (TARGET,))
NATIVE = replace(RULE, name="native", takes=frozenset())
GOOD = {"FifoQueue": "true", "ContentBasedDeduplication": "true", "MessageRetentionPeriod": "1209600"}


def queue(**attributes):
    return Queue("registry.fifo", {**GOOD, **attributes})


def test_a_backlog_is_a_warning_from_a_number_on_messages_under_way_included():
    below = queue(ApproximateNumberOfMessages=str(BACKLOG - 10), ApproximateNumberOfMessagesNotVisible="10")
    assert judge_queue(below).status == "ok"
    above = queue(ApproximateNumberOfMessages=str(BACKLOG - 10), ApproximateNumberOfMessagesNotVisible="11")
    assert (judge_queue(above).status, str(BACKLOG + 1) in judge_queue(above).evidence) == ("warning", True)


def test_the_key_of_aws_shuts_eventbridge_out():
    assert judge_queue(queue(KmsMasterKeyId="alias/aws/sqs")).status == "failed"
    assert judge_queue(queue(KmsMasterKeyId="alias/own")).status == "ok"


def test_four_days_are_enough_and_a_second_less_is_not():
    assert judge_queue(queue(MessageRetentionPeriod="345600")).status == "ok"
    assert judge_queue(queue(MessageRetentionPeriod="345599")).status == "warning"


def test_a_rule_for_other_events_beside_the_registrys_changes_nothing():
    """As connection_stack makes it with native_events: its pattern takes none of the five calls."""
    rules = (NATIVE, RULE)
    assert judge_rule(rules, QUEUE, "registry").status == "ok"
    assert judge_pattern(rules).status == "ok"
    assert judge_target((replace(NATIVE, targets=()), RULE), QUEUE).status == "ok"
    policy = judge_policy(queue(Policy=""), rules, QUEUE)
    assert (policy.status, "native" in policy.evidence) == ("failed", False)


def test_two_rules_may_share_the_calls_out():
    halves = (replace(RULE, takes=frozenset(EVENT_NAMES[:2])), replace(RULE, takes=frozenset(EVENT_NAMES[2:])))
    assert judge_pattern(halves).status == "ok"
    assert judge_pattern(halves[:1]).status == "failed"


def test_a_disabled_rule_beside_an_enabled_one_does_not_count():
    old = replace(RULE, name="old", enabled=False)
    half = replace(RULE, takes=frozenset(EVENT_NAMES[:2]))
    assert in_force((old, half)) == (half,)
    assert judge_rule((old, half), QUEUE, "registry").evidence == "Enabled: registry."
    assert judge_rule((old,), QUEUE, "registry").status == "failed"


@pytest.mark.parametrize("name", ["native", "registry"])
def test_the_target_that_carries_the_events_is_judged(name):
    bare = replace(TARGET, message_group_id=None)
    rules = tuple(replace(rule, targets=(bare,)) if rule.name == name else rule for rule in (NATIVE, RULE))
    assert judge_target(rules, QUEUE).status == ("failed" if name == "registry" else "ok")


def test_a_policy_that_is_not_understood_is_a_warning():
    text = (
        '{"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*", '
        '"Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}]}'
    )
    assert judge_policy(queue(Policy=text), (RULE,), QUEUE).status == "warning"


def test_a_logging_trail_whose_selectors_cannot_be_read_is_a_warning():
    trail = TrailState("org", "arn:org", "us-east-1", True, True, logging=True, selectors_error="denied")
    assert judge_trail(Coverage("us-east-1", (trail,))).status == "warning"
    assert judge_trail(Coverage("us-east-1", (replace(trail, logging=False),))).status == "failed"
    assert judge_trail(Coverage("us-east-1", (trail, replace(trail, selectors_error="")))).status == "ok"


@pytest.mark.parametrize("call", EVENT_NAMES)
def test_a_sample_event_is_one_that_the_agent_itself_understands(call):
    event = parse(json.dumps(sample_event(call, QUEUE)), account_id=QUEUE.account_id, region=QUEUE.region)
    assert isinstance(event, Touched)
