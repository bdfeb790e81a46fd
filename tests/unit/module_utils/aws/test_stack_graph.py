# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The graph of a connection: orders both ways, nothing that is not derivable, and what each option puts in."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.wxgov.sagemaker.plugins.module_utils.aws.alarm_plan import DesiredAlarms
from ansible_collections.wxgov.sagemaker.plugins.module_utils.aws.errors import InputError
from ansible_collections.wxgov.sagemaker.plugins.module_utils.aws.stack_documents import Place
from ansible_collections.wxgov.sagemaker.plugins.module_utils.aws.stack_graph import (
    Node,
    RoleAndTrust,
    build_graph,
    in_order,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.aws.stack_settings import stack_settings

PLACE = Place("aws-us-gov", "us-gov-west-1", "111122223333")
AGENT = {"agent_account_id": "444455556666"}
OPTIONS = st.fixed_dictionaries(
    {"connection_name": st.from_regex(r"[A-Za-z0-9_-]{0,39}[A-Z0-9]", fullmatch=True)},
    optional={
        "vendor_defaults": st.booleans(),
        "native_events": st.booleans(),
        "kms_master_key_id": st.sampled_from(["", "alias/queues", "0f0f0f0f-0000-1111-2222-333344445555"]),
        "manage_key_policy": st.booleans(),
        "access": st.sampled_from(
            [AGENT, {**AGENT, "full_access": True}, {**AGENT, "without_search": True}, {"install_source": "ibm"}]
        ),
        "alarms": st.sampled_from([{}, {"enabled": False}, {"actions": []}]),
        "trail": st.fixed_dictionaries({"create": st.booleans(), "require": st.booleans()}),
        "tags": st.dictionaries(st.text("abc", min_size=1), st.text("abc")),
    },
)


def graph(present: bool = True, **options: Any) -> dict[str, Node]:
    settings = stack_settings({"connection_name": "alpha", **options}, {}, present)
    return {node.name: node for node in build_graph(settings, PLACE)}


def pairs(nodes: Mapping[str, Node]) -> Iterator[tuple[str, str]]:
    """(earlier, later) for all that must not be swapped, over any number of steps."""
    before: dict[str, set[str]] = {}
    for name, node in nodes.items():
        before[name] = set(node.after).union(*(before[other] for other in node.after))
        yield from ((other, name) for other in before[name])


@given(OPTIONS, st.booleans())
def test_each_node_comes_after_all_that_it_waits_for(options: dict[str, Any], present: bool) -> None:
    nodes = graph(present, **options)
    names = list(nodes)
    for node in nodes.values():
        assert set(node.after) <= set(names[: names.index(node.name)])


@given(OPTIONS)
def test_what_is_made_first_is_removed_last(options: dict[str, Any]) -> None:
    making = graph(True, **{**options, "native_events": True})
    removing = graph(False, **options)
    made = {pair for pair in pairs(making) if set(pair) <= set(removing)}
    removed = set(pairs(removing))
    assert {(later, earlier) for earlier, later in made} <= removed
    assert set(making) - set(removing) == {"trail"}
    assert not {(later, earlier) for earlier, later in removed} & removed


def test_removal_goes_from_the_source_to_the_sink_and_the_role_last() -> None:
    removed = set(pairs(graph(False, access={}, alarms={}, kms_master_key_id="alias/queues")))
    assert {("rule", "queue"), ("native_rule", "queue"), ("queue", "dead_letter_queue")} <= removed
    assert {("rule", "target_dead_letter_queue"), ("rule", "key")} <= removed
    for queue in ("queue", "dead_letter_queue", "target_dead_letter_queue"):
        assert (queue, "role") in removed


def test_nothing_is_made_before_it_is_known_that_a_trail_records_events() -> None:
    nodes = graph(access=AGENT, alarms={}, kms_master_key_id="alias/queues")
    made = set(pairs(nodes))
    assert {("trail", name) for name in nodes if name != "trail"} <= made


def test_a_second_rule_that_is_not_wanted_goes_before_the_queues_refuse_its_events() -> None:
    unwanted, wanted = set(pairs(graph())), set(pairs(graph(native_events=True)))
    assert ("native_rule", "queue") in unwanted
    assert ("native_rule", "target_dead_letter_queue") in unwanted
    assert ("queue", "native_rule") in wanted


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif dataclasses.is_dataclass(value):
        for one in dataclasses.fields(value):
            yield from strings(getattr(value, one.name))
    elif isinstance(value, Mapping):
        for key, member in value.items():
            yield from strings(key)
            yield from strings(member)
    elif isinstance(value, list | tuple | set | frozenset):
        for member in value:
            yield from strings(member)


@given(OPTIONS)
def test_every_arn_is_derived_from_place_and_name_without_asking_aws(options: dict[str, Any]) -> None:
    nodes = graph(True, **options)
    arns = {text for node in nodes.values() for text in strings(node.desired) if text.startswith("arn:")}
    assert arns
    own = {arn for arn in arns if not arn.startswith(("arn:aws-us-gov:iam::aws:policy/", "arn:aws-us-gov:s3:::"))}
    assert {tuple(arn.split(":")[1:5:2]) for arn in own} == {("aws-us-gov", "us-gov-west-1")}
    assert {arn.split(":")[4] for arn in own} == {"111122223333"}
    made = {node.desired.name for node in nodes.values() if hasattr(node.desired, "name")}
    pointed_at = {arn.rsplit(":", 1)[1] for arn in own if arn.split(":")[2] == "sqs"}
    assert pointed_at <= made, "a queue is named that the graph does not make"


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({}, {"trail", "dead_letter_queue", "target_dead_letter_queue", "queue", "rule", "native_rule"}),
        ({"access": AGENT}, {"role"}),
        ({"alarms": {}}, {"alarms"}),
        ({"kms_master_key_id": "alias/queues"}, {"key"}),
    ],
)
def test_parts_are_there_when_they_are_asked_for(options: dict[str, Any], names: set[str]) -> None:
    assert names <= set(graph(**options))
    assert set(graph()) | names == set(graph(**options))


@pytest.mark.parametrize(
    "options", [{"kms_master_key_id": ""}, {"kms_master_key_id": "alias/queues", "manage_key_policy": False}]
)
def test_a_keys_policy_is_left_alone(options: dict[str, Any]) -> None:
    assert "key" not in graph(**options)


def test_native_events_may_send_to_both_queues() -> None:
    rules = [
        f"arn:aws-us-gov:events:us-gov-west-1:111122223333:rule/wxgov-sagemaker-alpha{end}" for end in ("", "-native")
    ]
    for name in ("queue", "target_dead_letter_queue"):
        (allow, _deny) = graph(native_events=True)[name].desired.attributes["policy"]["Statement"]
        assert allow["Condition"] == {"ArnEquals": {"aws:SourceArn": rules}}
        (allow, _deny) = graph()[name].desired.attributes["policy"]["Statement"]
        assert allow["Condition"] == {"ArnEquals": {"aws:SourceArn": rules[0]}}
    assert graph(native_events=True)["native_rule"].desired.targets == graph()["rule"].desired.targets


def test_the_vendors_values() -> None:
    ours, vendors = graph(), graph(vendor_defaults=True)
    assert ours["queue"].desired.attributes["message_retention_period"] == 1209600
    assert vendors["queue"].desired.attributes["message_retention_period"] == 345600
    detail = ours["rule"].desired.settings["event_pattern"]["detail"]
    assert detail.pop("errorCode") == [{"exists": False}]
    assert vendors["rule"].desired.settings["event_pattern"]["detail"] == detail


@pytest.mark.parametrize(
    ("key", "resource", "condition"),
    [
        ("1234-abcd", "arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/1234-abcd", None),
        ("arn:aws-us-gov:kms:us-gov-west-1:9:key/1", "arn:aws-us-gov:kms:us-gov-west-1:9:key/1", None),
        ("alias/queues", "arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/*", "alias/queues"),
        (
            "arn:aws-us-gov:kms:us-gov-west-1:111122223333:alias/queues",
            "arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/*",
            "alias/queues",
        ),
    ],
)
def test_the_agent_may_use_the_key_however_it_is_named(key: str, resource: str, condition: str | None) -> None:
    desired = graph(access=AGENT, kms_master_key_id=key)["role"].desired
    assert isinstance(desired, RoleAndTrust)
    statement = (desired.role.inline_policies or {})["wxgov-queue"]["Statement"][-1]
    assert statement["Resource"] == resource
    wanted = {"ForAnyValue:StringEquals": {"kms:ResourceAliases": condition}} if condition else None
    assert statement.get("Condition") == wanted


def test_alarms_watch_all_three_queues() -> None:
    desired = graph(alarms={"oldest_message_age": 60, "actions": ["arn:aws-us-gov:sns:us-gov-west-1:111122223333:t"]})[
        "alarms"
    ].desired
    assert isinstance(desired, DesiredAlarms)
    watched = {
        alarm["dimensions"]["QueueName"]: (alarm["metric"], alarm["threshold"]) for alarm in desired.alarms.values()
    }
    assert watched == {
        "wxgov-sagemaker-alpha.fifo": ("ApproximateAgeOfOldestMessage", 60.0),
        "wxgov-sagemaker-alpha-dlq.fifo": ("ApproximateNumberOfMessagesVisible", 0.0),
        "wxgov-sagemaker-alpha-target-dlq": ("ApproximateNumberOfMessagesVisible", 0.0),
    }


def test_what_waits_for_itself_is_refused() -> None:
    with pytest.raises(ValueError, match="These wait for one another: a, b"):
        in_order({"a": ("b",), "b": ("a",), "c": ()})


def test_a_graph_is_refused_whose_resources_cannot_be_right() -> None:
    with pytest.raises(InputError, match="max_receive_count is 0"):
        graph(max_receive_count=0)
    with pytest.raises(InputError, match="maximum_retry_attempts is 186"):
        graph(retry_policy={"maximum_retry_attempts": 186})
    with pytest.raises(InputError, match="message_group_id is 'a b'"):
        graph(message_group_id="a b")


def test_documents_fit_into_what_aws_takes() -> None:
    """The longest name: an inline policy of a role may have 10,240 characters, a rule's name 64."""
    nodes = graph(connection_name="x" * 40, access=AGENT, kms_master_key_id="alias/queues", native_events=True)
    role = nodes["role"].desired
    assert isinstance(role, RoleAndTrust)
    assert len(json.dumps(role.role.inline_policies)) < 10240
    assert len(nodes["native_rule"].desired.name) <= 64
