# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of a rule and its targets."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ansible_collections.wxgov.sagemaker.plugins.module_utils.aws.errors import AwsError, InputError
from ansible_collections.wxgov.sagemaker.plugins.module_utils.aws.plan import Plan
from ansible_collections.wxgov.sagemaker.plugins.module_utils.aws.rule import raise_failed_entries
from ansible_collections.wxgov.sagemaker.plugins.module_utils.aws.rule_pattern import check_pattern
from ansible_collections.wxgov.sagemaker.plugins.module_utils.aws.rule_plan import (
    DesiredRule,
    RuleState,
    check_rule,
    plan_rule,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.aws.rule_targets import (
    DesiredTarget,
    desired_target,
    parse_target,
    render_target,
)

SQS = "arn:aws:sqs:us-east-1:111122223333"
PATTERNS = ({}, {"source": ["a"]}, {"source": ["b", "a"]}, {"source": ["a", "b"], "detail": {"x": [{"exists": False}]}})
EMPTY = dict.fromkeys(
    ("message_group_id", "dead_letter_arn", "retry_policy", "input", "input_path", "input_transformer", "role_arn")
)
tags = st.dictionaries(st.sampled_from(("a", "b", "c")), st.sampled_from(("1", "2")), max_size=3)
settings = st.fixed_dictionaries(
    {},
    optional={
        "description": st.sampled_from(("", "x", "y")),
        "event_pattern": st.sampled_from(PATTERNS),
        "schedule_expression": st.sampled_from(("", "rate(1 hour)")),
        "role_arn": st.sampled_from(("", "arn:aws:iam::111122223333:role/r")),
        "state": st.sampled_from(("ENABLED", "DISABLED")),
    },
)
target_options = st.fixed_dictionaries(
    {"arn": st.sampled_from((f"{SQS}:plain", f"{SQS}:line.fifo"))},
    optional={
        "message_group_id": st.sampled_from(("g", "h")),
        "dead_letter_arn": st.sampled_from(("", f"{SQS}:dead")),
        "retry_policy": st.sampled_from(({}, {"maximum_retry_attempts": 3, "maximum_event_age_in_seconds": None})),
    },
)
# The three exclude each other, so what sets one clears the others.
NO_INPUT = {"input": "", "input_path": "", "input_transformer": {}}
inputs = st.sampled_from(
    (
        {},
        NO_INPUT,
        {**NO_INPUT, "input": '{"a": 1}'},
        {**NO_INPUT, "input": "[1]"},
        {**NO_INPUT, "input_path": "$.detail"},
        {**NO_INPUT, "input_transformer": {"input_paths_map": {"n": "$.n"}, "input_template": '"<n>"'}},
    )
)
target_options = st.builds(lambda options, input: {**options, **input}, target_options, inputs)


def accepted(option: dict[str, Any]) -> DesiredTarget | None:
    try:
        return desired_target({**EMPTY, **option})
    except InputError:
        return None


@st.composite
def target_lists(draw: st.DrawFn) -> list[DesiredTarget] | None:
    if draw(st.booleans()):
        return None
    ids = draw(st.lists(st.sampled_from("abcdefg"), unique=True, max_size=5))
    found = [accepted({"id": id, **draw(target_options)}) for id in ids]
    return [target for target in found if target]


def rules(present: tuple[bool, ...], settings: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[DesiredRule]:
    return st.builds(
        DesiredRule,
        name=st.just("r"),
        present=st.sampled_from(present),
        settings=settings,
        tags=st.one_of(st.none(), tags),
        purge_tags=st.booleans(),
        targets=target_lists(),
        purge_targets=st.booleans(),
    )


# New rules have what a rule needs, so that few cases are refused and thrown away.
new_rules = rules((True,), settings.map(lambda given: {**given, "event_pattern": {"source": ["a"]}}))
changed_rules = rules((True,), settings)
desired_rules = rules((True, True, True, False), settings)


def plan(desired: DesiredRule, current: RuleState | None) -> Plan[RuleState]:
    try:
        check_rule(desired)
        return plan_rule(desired, current, lambda: "arn:rule")
    except InputError:
        assume(False)
        raise


@given(new_rules, desired_rules)
def test_after_the_plan_nothing_is_left_to_do(first: DesiredRule, second: DesiredRule) -> None:
    made = plan(first, None)
    changed = plan(second, made.after)
    for desired, done in ((first, made), (second, changed)):
        assert plan_rule(desired, done.after, lambda: "arn:rule").operations == ()


@given(new_rules, changed_rules)
def test_what_was_not_asked_for_stays_and_the_limit_holds(first: DesiredRule, second: DesiredRule) -> None:
    before = plan(first, None).after
    after = plan(second, before).after
    assume(before is not None and after is not None)
    for key, value in before.settings.items():
        if key not in second.settings:
            assert after.settings[key] == value
    if second.targets is None:
        assert after.targets == before.targets
    elif not second.purge_targets:
        assert set(before.targets) <= set(after.targets)
    else:
        assert set(after.targets) == {target.id for target in second.targets}
    assert len(after.targets) <= 5


@given(new_rules, desired_rules)
def test_there_are_never_more_than_five_targets_on_the_way(first: DesiredRule, second: DesiredRule) -> None:
    changed = plan(second, plan(first, None).after)
    ids = set(changed.before.targets) if changed.before else set()
    for operation in changed.operations:
        if operation.name == "put_targets":
            ids |= set(operation.after["targets"])
        if operation.name == "remove_targets":
            ids -= set(operation.before["targets"])
        assert len(ids) <= 5


@given(target_options)
def test_a_target_survives_the_way_to_aws_and_back(option: dict[str, Any]) -> None:
    desired = accepted({"id": "t", **option})
    assume(desired is not None)
    target = desired.over(None)
    assert parse_target(render_target(target)) == target


def test_a_managed_rule_is_not_touched() -> None:
    rule = RuleState("r", "arn", "default", {}, managed_by="ecs.amazonaws.com")
    for present in (True, False):
        with pytest.raises(InputError, match="managed by ecs.amazonaws.com"):
            plan_rule(DesiredRule("r", present=present), rule, lambda: "arn")


def test_a_rule_that_takes_all_cloudtrail_events_is_enabled() -> None:
    state = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
    base = {"description": None, "event_pattern": {"a": [1]}, "schedule_expression": None, "role_arn": None}
    rule = RuleState("r", "arn", "default", {**base, "state": state})
    assert plan_rule(DesiredRule("r", settings={"state": "ENABLED"}), rule, lambda: "arn").operations == ()
    off = plan_rule(DesiredRule("r", settings={"state": "DISABLED"}), rule, lambda: "arn")
    assert [operation.name for operation in off.operations] == ["put_rule"]


@pytest.mark.parametrize(
    "pattern",
    [
        {"source": ["a", {"prefix": "b"}, None, 1, True]},
        {"detail": {"x": [{"anything-but": ["a"]}], "$or": [{"y": ["1"]}, {"z": [{"numeric": ["<", 1]}]}]}},
        {"detail": {"errorCode": [{"exists": False}]}},
    ],
)
def test_patterns_that_eventbridge_takes(pattern: dict[str, Any]) -> None:
    check_pattern(pattern)


@pytest.mark.parametrize(
    ("pattern", "place"),
    [
        ({"source": "a"}, "source is 'a'"),
        ({"detail": {"a": {"b": 1}}}, "detail.a.b is 1"),
        ({"detail": {}}, "detail is empty"),
        ({"detail": {"a": [["x"]]}}, "detail.a holds a list in a list"),
        ({"detail": {"a": [{"prefix": "x", "suffix": "y"}]}}, "detail.a has a matcher with prefix, suffix"),
        ({"detail": {"$or": [{"a": "x"}]}}, r"detail.\$or.a is 'x'"),
    ],
)
def test_patterns_that_it_refuses_are_named_by_place(pattern: dict[str, Any], place: str) -> None:
    with pytest.raises(InputError, match=place):
        check_pattern(pattern)


def test_refused_targets_are_told_one_by_one() -> None:
    answer = {
        "FailedEntryCount": 1,
        "FailedEntries": [{"TargetId": "q", "ErrorCode": "AccessDenied", "ErrorMessage": "no"}],
    }
    with pytest.raises(AwsError, match="PutTargets on r failed for 1 of 2 targets.*q: AccessDenied: no") as caught:
        raise_failed_entries(answer, "PutTargets", "r", 2)
    assert caught.value.details == {"failed_entries": [{"id": "q", "code": "AccessDenied", "message": "no"}]}


def test_a_count_without_entries_is_a_failure_too() -> None:
    with pytest.raises(AwsError, match="AWS does not say which"):
        raise_failed_entries({"FailedEntryCount": 2}, "RemoveTargets", "r", 2)
    raise_failed_entries({"FailedEntryCount": 0, "FailedEntries": []}, "RemoveTargets", "r", 2)
