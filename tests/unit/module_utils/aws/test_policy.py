# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Policy documents: equality of meaning in every partition, and the laws of merging by Sid."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.wxgov.sagemaker.plugins.module_utils.aws.errors import InputError
from ansible_collections.wxgov.sagemaker.plugins.module_utils.aws.policy import (
    account_of,
    canonical_policy,
    canonical_statement,
    check_policy,
    external_id_of,
    merge_by_sid,
    open_principals,
    same_policy,
    statements,
    trust_policy,
)

PARTITIONS = ("aws", "aws-us-gov", "aws-cn")
ACCOUNTS = ("111122223333", "444455556666", "777788889999")
partitions = st.sampled_from(PARTITIONS)
actions = st.lists(
    st.sampled_from(("sqs:SendMessage", "sqs:*", "sts:AssumeRole", "s3:GetObject")), min_size=1, max_size=3
)
resources = st.lists(st.sampled_from(("*", "arn:aws:sqs:r:1:a", "arn:aws:sqs:r:1:b")), min_size=1, max_size=3)
aws_principals = st.lists(st.sampled_from(ACCOUNTS), min_size=1, max_size=3)
principals = st.one_of(
    st.just("*"),
    aws_principals.map(lambda accounts: {"AWS": accounts}),
    st.just({"Service": "events.amazonaws.com"}),
)
conditions = st.one_of(
    st.just({}),
    st.just({"Bool": {"aws:SecureTransport": "false"}}),
    st.lists(st.sampled_from(("x", "y", "z")), min_size=1, max_size=3).map(
        lambda values: {"StringEquals": {"sts:ExternalId": values}}
    ),
)


@st.composite
def one_statement(draw: st.DrawFn, sids: tuple[str, ...] = ("", "A", "B", "C")) -> dict[str, Any]:
    found: dict[str, Any] = {
        "Effect": draw(st.sampled_from(("Allow", "Deny"))),
        "Principal": draw(principals),
        "Action": draw(actions),
        "Resource": draw(resources),
        "Condition": draw(conditions),
    }
    sid = draw(st.sampled_from(sids))
    return {"Sid": sid, **found} if sid else found


def distinct_sids(found: list[dict[str, Any]]) -> bool:
    sids = [statement["Sid"] for statement in found if statement.get("Sid")]
    return len(sids) == len(set(sids))


policies = (
    st.lists(one_statement(), min_size=1, max_size=4)
    .filter(distinct_sids)
    .map(lambda found: {"Version": "2012-10-17", "Statement": found})
)


def reworded(document: dict[str, Any], partition: str, dice: random.Random) -> dict[str, Any]:
    """The same policy in other words."""

    def shuffled(values: list[Any]) -> Any:
        values = [*values, *values[:1]]
        dice.shuffle(values)
        return values[0] if len(set(map(str, values))) == 1 and dice.random() < 0.5 else values

    found = json.loads(json.dumps(document))  # a deep copy would keep what Hypothesis shares between statements
    for statement in found["Statement"]:
        statement["Action"] = shuffled([dice.choice((str.upper, str.lower))(action) for action in statement["Action"]])
        statement["Resource"] = shuffled(statement["Resource"])
        principal = statement["Principal"]
        if principal == "*":
            statement["Principal"] = {"AWS": dice.choice(("*", ["*"]))}
        elif "AWS" in principal:
            root = f"arn:{partition}:iam::%s:root"
            principal["AWS"] = shuffled([dice.choice(("%s", root)) % account for account in principal["AWS"]])
        for operator, keys in list(statement["Condition"].items()):
            statement["Condition"][operator] = {
                dice.choice((str.upper, str.lower))(key): False if value == "false" else shuffled(list(value))
                for key, value in keys.items()
            }
        if not statement["Condition"]:
            del statement["Condition"]
    dice.shuffle(found["Statement"])
    if len(found["Statement"]) == 1 and dice.random() < 0.5:
        (found["Statement"],) = found["Statement"]
    return found


@given(policies, partitions, st.randoms(use_true_random=False))
def test_other_words_are_the_same_policy(document: dict[str, Any], partition: str, dice: random.Random) -> None:
    assert same_policy(document, reworded(document, partition, dice), partition)


@given(policies, policies, partitions)
def test_equality_is_no_accident(one: dict[str, Any], other: dict[str, Any], partition: str) -> None:
    """What is the same has as many statements, effects and Sids."""
    if same_policy(one, other, partition):

        def kernel(document: dict[str, Any]) -> list[tuple[str, str, list[str]]]:
            return sorted(
                (entry["Effect"], entry.get("Sid", ""), sorted({action.lower() for action in entry["Action"]}))
                for entry in document["Statement"]
            )

        assert kernel(one) == kernel(other)


@pytest.mark.parametrize("partition", PARTITIONS)
def test_an_account_is_its_root_only_in_its_own_partition(partition: str) -> None:
    bare = trust_policy(["111122223333"], [], None, partition)
    bare["Statement"][0]["Principal"] = {"AWS": "111122223333"}
    for other in PARTITIONS:
        spelled = copy.deepcopy(bare)
        spelled["Statement"][0]["Principal"] = {"AWS": f"arn:{other}:iam::111122223333:root"}
        assert same_policy(bare, spelled, partition) is (other == partition)


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"Effect": "Deny"}, False),
        ({"Action": "sqs:ReceiveMessage"}, False),
        ({"Action": "SQS:sendmessage"}, True),
        ({"Resource": "arn:aws:sqs:r:1:A"}, False),
        ({"Principal": {"AWS": "111122223333"}}, False),
        ({"Principal": {"Service": ["events.amazonaws.com"]}}, True),
        ({"Condition": {"StringEquals": {"AWS:sourceaccount": ["1"]}}}, True),
        ({"Condition": {"StringLike": {"aws:SourceAccount": "1"}}}, False),
        ({"Condition": {"StringEquals": {"aws:SourceAccount": 1}}}, True),
        ({"Sid": "Other"}, False),
    ],
)
def test_what_counts_and_what_does_not(change: dict[str, Any], same: bool) -> None:
    base = {
        "Sid": "S",
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": "arn:aws:sqs:r:1:a",
        "Condition": {"StringEquals": {"aws:SourceAccount": "1"}},
    }
    one, other = ({"Version": "2012-10-17", "Statement": [entry]} for entry in (base, {**base, **change}))
    assert same_policy(one, other, "aws") is same


def test_no_policy_is_the_empty_policy_and_no_other() -> None:
    assert canonical_policy(None, "aws") is None
    assert same_policy(None, {}, "aws")
    assert not same_policy(None, {"Statement": []}, "aws")


def test_a_missing_version_is_the_old_one() -> None:
    document = {"Statement": [{"Effect": "Allow"}]}
    assert same_policy(document, {"Version": "2008-10-17", **document}, "aws")
    assert not same_policy(document, {"Version": "2012-10-17", **document}, "aws")


def rendered(document: Any) -> list[str]:
    return [canonical_statement(statement, "aws") for statement in statements(document)]


@given(policies, policies)
def test_a_merge_holds_everything_wanted(current: dict[str, Any], wanted: dict[str, Any]) -> None:
    assert set(rendered(wanted)) <= set(rendered(merge_by_sid(current, wanted, "aws")))


@given(policies, policies)
def test_a_merge_keeps_foreign_statements_in_their_order(current: dict[str, Any], wanted: dict[str, Any]) -> None:
    ours = {entry.get("Sid") for entry in wanted["Statement"]} - {None}
    merged = merge_by_sid(current, wanted, "aws")
    kept = [
        text
        for text, entry in zip(rendered(current), current["Statement"], strict=True)
        if entry.get("Sid") not in ours
    ]
    left = [
        text
        for text, entry in zip(rendered(merged), statements(merged), strict=True)
        if entry.get("Sid") not in ours and text in kept
    ]
    assert left[: len(kept)] == kept


@given(policies, policies)
def test_a_merge_adds_nothing_else(current: dict[str, Any], wanted: dict[str, Any]) -> None:
    assert set(rendered(merge_by_sid(current, wanted, "aws"))) <= {*rendered(current), *rendered(wanted)}


@given(policies, policies)
def test_merging_twice_is_merging_once(current: dict[str, Any], wanted: dict[str, Any]) -> None:
    once = merge_by_sid(current, wanted, "aws")
    assert merge_by_sid(once, wanted, "aws") == once


@given(policies)
def test_merging_into_nothing_is_the_wanted_policy(wanted: dict[str, Any]) -> None:
    assert merge_by_sid(None, wanted, "aws") == wanted
    assert merge_by_sid({}, wanted, "aws") == wanted


@given(policies, policies, st.randoms(use_true_random=False))
def test_a_merge_that_changes_nothing_gives_back_the_very_document(
    current: dict[str, Any], wanted: dict[str, Any], dice: random.Random
) -> None:
    merged = merge_by_sid(current, wanted, "aws")
    assert merge_by_sid(merged, reworded(wanted, "aws", dice), "aws") == merged


def owned(*sids: str) -> st.SearchStrategy[dict[str, Any]]:
    """Policies of one owner: a statement for each Sid."""
    return st.tuples(*(one_statement((sid,)) for sid in sids)).map(
        lambda found: {"Version": "2012-10-17", "Statement": list(found)}
    )


@given(owned("A", "B"), owned("C", "D"))
def test_the_order_of_two_owners_does_not_matter(one: dict[str, Any], other: dict[str, Any]) -> None:
    left = merge_by_sid(merge_by_sid(None, one, "aws"), other, "aws")
    right = merge_by_sid(merge_by_sid(None, other, "aws"), one, "aws")
    assert same_policy(left, right, "aws")


@pytest.mark.parametrize("partition", PARTITIONS)
def test_a_trust_policy_asks_accounts_for_the_external_id_and_services_for_none(partition: str) -> None:
    document = trust_policy(["111122223333"], ["sagemaker.amazonaws.com"], "the-id", partition)
    check_policy(document, "trust", "trust")
    assert external_id_of(document) == "the-id"
    assert open_principals(document) == []
    account, service = document["Statement"]
    assert account["Principal"] == {"AWS": [f"arn:{partition}:iam::111122223333:root"]}
    assert "Condition" not in service


def test_open_principals_are_those_without_external_id() -> None:
    allow = {"Effect": "Allow", "Action": "sts:AssumeRole"}
    closed = {"StringEquals": {"STS:externalid": "x"}}
    document = {
        "Statement": [
            {**allow, "Principal": {"AWS": ["111122223333"]}},
            {**allow, "Principal": {"AWS": "444455556666"}, "Condition": closed},
            {**allow, "Principal": "*"},
            {**allow, "Principal": {"Service": "x.amazonaws.com"}},
            {"Effect": "Deny", "Action": "sts:AssumeRole", "Principal": {"AWS": "777788889999"}},
        ]
    }
    assert open_principals(document) == ["*", "111122223333"]


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ([], None),
        ([{"StringEquals": {"sts:ExternalId": "a"}}], "a"),
        ([{"StringEquals": {"sts:ExternalId": ["a"]}}], "a"),
        ([{"StringEquals": {"sts:ExternalId": ["a", "b"]}}], None),
        ([{"StringNotEquals": {"sts:ExternalId": "a"}}], None),
        ([{"StringEquals": {"aws:SourceAccount": "1"}}], None),
    ],
)
def test_the_external_id_is_read_back(conditions: list[Any], expected: str | None) -> None:
    document = {"Statement": [{"Effect": "Allow", "Condition": condition} for condition in conditions]}
    assert external_id_of(document) == expected


@pytest.mark.parametrize(
    ("principal", "account"),
    [
        ("111122223333", "111122223333"),
        ("arn:aws-cn:iam::111122223333:role/x", "111122223333"),
        ("*", ""),
        ("AROAEXAMPLE", ""),
    ],
)
def test_the_account_of_a_principal(principal: str, account: str) -> None:
    assert account_of(principal) == account


@given(policies)
def test_generated_policies_pass_the_check_and_a_broken_one_does_not(document: dict[str, Any]) -> None:
    check_policy(document, "policy", "resource")
    broken = copy.deepcopy(document)
    broken["Statement"][-1]["Sied"] = "x"
    with pytest.raises(InputError, match="unknown element Sied"):
        check_policy(broken, "policy", "resource")
