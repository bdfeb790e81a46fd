# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of a queue: carried out it leaves nothing to do, it touches nothing that was not asked, and it is honest."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ansible_collections.wxgov.sagemaker.plugins.module_utils.aws.errors import InputError
from ansible_collections.wxgov.sagemaker.plugins.module_utils.aws.plan import Plan, make_plan
from ansible_collections.wxgov.sagemaker.plugins.module_utils.aws.queue_attributes import (
    BY_OPTION,
    parse_attributes,
    render_attributes,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.aws.queue_plan import (
    DesiredQueue,
    QueueState,
    check_queue,
    plan_queue,
    simulate_queue,
)

ARN = "arn:aws:sqs:us-east-1:111122223333:"
tags = st.dictionaries(st.sampled_from(("a", "b", "c")), st.sampled_from(("1", "2")), max_size=3)


def policy(sid: str, action: str) -> dict[str, Any]:
    statement = {"Sid": sid, "Effect": "Allow", "Principal": "*", "Action": action, "Resource": "*"}
    return {"Version": "2012-10-17", "Statement": [statement]}


documents = st.builds(policy, st.sampled_from(("A", "B")), st.sampled_from(("sqs:*", "sqs:SendMessage")))


# Combinations that are seldom refused, so that few cases are thrown away.
PAIRS: tuple[dict[str, Any], ...] = (
    {},
    {"deduplication_scope": "messageGroup"},
    {"fifo_throughput_limit": "perQueue"},
    {"deduplication_scope": "queue", "fifo_throughput_limit": "perQueue"},
    {"deduplication_scope": "messageGroup", "fifo_throughput_limit": "perMessageGroupId"},
)
encryptions = st.sampled_from(
    (
        {},
        {"kms_master_key_id": ""},
        {"kms_master_key_id": "alias/k"},
        {"kms_master_key_id": "alias/k", "kms_data_key_reuse_period_seconds": 60},
        {"kms_master_key_id": "alias/l", "kms_data_key_reuse_period_seconds": 300},
        {"sqs_managed_sse_enabled": True},
        {"sqs_managed_sse_enabled": False},
    )
)


def given_attributes(fifo: bool) -> st.SearchStrategy[dict[str, Any]]:
    end = ".fifo" if fifo else ""
    redrive = st.fixed_dictionaries(
        {
            "dead_letter_target_arn": st.sampled_from((f"{ARN}d{end}", f"{ARN}e{end}")),
            "max_receive_count": st.integers(1, 3),
        }
    )
    allow = st.sampled_from(
        ({}, {"redrive_permission": "denyAll"}, {"redrive_permission": "byQueue", "source_queue_arns": [f"{ARN}x"]})
    )
    optional: dict[str, st.SearchStrategy[Any]] = {
        "visibility_timeout": st.integers(0, 5),
        "message_retention_period": st.sampled_from((60, 345600)),
        "delay_seconds": st.integers(0, 2),
        "policy": st.one_of(st.just({}), documents),
        "redrive_policy": st.one_of(st.just({}), redrive),
        "redrive_allow_policy": allow,
    }
    if fifo:
        optional["content_based_deduplication"] = st.booleans()
    plain = st.fixed_dictionaries({}, optional=optional)
    pairs = st.sampled_from(PAIRS if fifo else ({},))
    return st.builds(lambda *parts: {k: v for part in parts for k, v in part.items()}, plain, pairs, encryptions)


@st.composite
def desired_queues(draw: st.DrawFn, fifo: bool, present: tuple[bool, ...]) -> DesiredQueue:
    return DesiredQueue(
        name="q.fifo" if fifo else "q",
        present=draw(st.sampled_from(present)),
        attributes=draw(given_attributes(fifo)),
        purge_policy=draw(st.booleans()),
        tags=draw(st.one_of(st.none(), tags)),
        purge_tags=draw(st.booleans()),
    )


def plan(desired: DesiredQueue, current: QueueState | None) -> Plan[QueueState]:
    """The plan of a request that is not refused; refused ones are no case."""
    try:
        check_queue(desired)
        return plan_queue(desired, current, "aws", lambda: (f"https://sqs/{desired.name}", ARN + desired.name))
    except InputError:
        assume(False)
        raise


@st.composite
def two_requests(draw: st.DrawFn) -> tuple[DesiredQueue, DesiredQueue]:
    fifo = draw(st.booleans())
    return draw(desired_queues(fifo, (True,))), draw(desired_queues(fifo, (True, True, True, False)))


@given(two_requests())
def test_after_the_plan_nothing_is_left_to_do(requests: tuple[DesiredQueue, DesiredQueue]) -> None:
    first, second = requests
    made = plan(first, None)
    changed = plan(second, made.after)
    for desired, done in ((first, made), (second, changed)):
        assert plan_queue(desired, done.after, "aws", lambda: ("https://sqs/q", ARN + "q")).operations == ()


@given(two_requests())
def test_what_was_not_asked_for_stays(requests: tuple[DesiredQueue, DesiredQueue]) -> None:
    first, second = requests
    before = plan(first, None).after
    after = plan(second, before).after
    assume(before is not None and after is not None)
    linked = {"kms_master_key_id", "sqs_managed_sse_enabled", "kms_data_key_reuse_period_seconds"}
    touched = set(second.attributes) | (linked if linked & set(second.attributes) else set())
    for option in BY_OPTION:
        if option not in touched:
            assert after.attributes[option] == before.attributes[option]
    assert (after.name, after.url, after.arn) == (before.name, before.url, before.arn)
    if second.tags is None:
        assert after.tags == before.tags


@given(two_requests())
def test_before_and_after_of_each_operation_are_true(requests: tuple[DesiredQueue, DesiredQueue]) -> None:
    first, second = requests
    made = plan(first, None)
    assume(made.after is not None)
    changes = plan(second, made.after)
    state = changes.before
    for operation in changes.operations:
        if operation.name == "set_queue_attributes" and state is not None:
            assert {key: state.attributes[key] for key in operation.before} == operation.before
            assert set(operation.before) == set(operation.after)
        state = simulate_queue(state, operation)
    assert state == changes.after
    assert changes.changed is bool(changes.operations)
    assert (changes.diff()["before"] == changes.diff()["after"]) is (not changes.changed)


@given(two_requests())
def test_the_policy_is_sent_only_when_it_changes(requests: tuple[DesiredQueue, DesiredQueue]) -> None:
    first, second = requests
    before = plan(first, None).after
    for operation in plan(second, before).operations:
        if before is not None and operation.name == "set_queue_attributes" and "policy" in operation.after:
            assert operation.after["policy"] != before.attributes["policy"]


@given(st.booleans().flatmap(given_attributes))
def test_attributes_survive_the_way_to_aws_and_back(attributes: dict[str, Any]) -> None:
    back = parse_attributes(render_attributes(attributes))
    for option, value in attributes.items():
        assert back[option] == (None if value in ("", {}) else value)


@pytest.mark.parametrize("count", ["5", '"5"'])
def test_a_receive_count_is_a_number_however_it_was_set(count: str) -> None:
    text = f'{{"deadLetterTargetArn": "{ARN}dead", "maxReceiveCount": {count}}}'
    found = parse_attributes({"RedrivePolicy": text})["redrive_policy"]
    assert found == {"dead_letter_target_arn": f"{ARN}dead", "max_receive_count": 5}


def test_scope_and_limit_travel_together() -> None:
    made = plan_queue(DesiredQueue("q.fifo"), None, "aws", lambda: ("u", "a")).after
    wanted = {"deduplication_scope": "messageGroup", "fifo_throughput_limit": "perMessageGroupId"}
    half = plan_queue(
        DesiredQueue("q.fifo", attributes={"deduplication_scope": "messageGroup"}), made, "aws", lambda: ("u", "a")
    )
    assert half.operations[0].after == {**wanted, "fifo_throughput_limit": "perQueue"}
    whole = plan_queue(DesiredQueue("q.fifo", attributes=wanted), half.after, "aws", lambda: ("u", "a"))
    assert whole.operations[0].after == wanted


def test_a_queue_that_is_gone_is_left_in_peace() -> None:
    nothing = plan_queue(DesiredQueue("q", present=False), None, "aws", lambda: ("u", "a"))
    assert nothing == make_plan(None, (), simulate_queue)
