# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""ARNs, JSON documents, patience, tags and regions."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.wxgov.sagemaker.plugins.module_utils.aws.arn import Arn, parse_arn, parse_role_arn
from ansible_collections.wxgov.sagemaker.plugins.module_utils.aws.client import USUAL_REGIONS, check_region
from ansible_collections.wxgov.sagemaker.plugins.module_utils.aws.documents import compact, parse_object, same
from ansible_collections.wxgov.sagemaker.plugins.module_utils.aws.errors import InputError
from ansible_collections.wxgov.sagemaker.plugins.module_utils.aws.identity import caller_account
from ansible_collections.wxgov.sagemaker.plugins.module_utils.aws.module import known_regions
from ansible_collections.wxgov.sagemaker.plugins.module_utils.aws.patience import Patience
from ansible_collections.wxgov.sagemaker.plugins.module_utils.aws.tags import plan_tags, simulate_tags, text_tags

json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.text(max_size=3)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=2), inner, max_size=3)),
    max_leaves=8,
)
tags = st.dictionaries(st.sampled_from(("a", "b", "aws:x")), st.sampled_from(("1", "2")), max_size=3)


@pytest.mark.parametrize("partition", ["aws", "aws-us-gov", "aws-cn"])
@pytest.mark.parametrize("resource", ["queue.fifo", "role/a/b", "rule/bus/name", "log-group:x:*"])
def test_an_arn_survives_being_taken_apart(partition: str, resource: str) -> None:
    text = f"arn:{partition}:sqs:us-east-1:111122223333:{resource}"
    assert str(parse_arn(text, "x", "sqs")) == text


def test_the_name_is_the_last_part() -> None:
    assert Arn("aws", "iam", "", "111122223333", "role/path/name").name == "name"
    assert parse_role_arn("arn:aws:iam::111122223333:role/path/name", "x").name == "name"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "queue",
        "arn:aws:sqs:r:111122223333",
        "arn:azure:sqs:r:111122223333:q",
        "arn:aws:sqs:r:1:q",
        "arn:aws:sns:r::t",
    ],
)
def test_what_is_no_queue_arn_is_refused_with_its_text(text: str) -> None:
    with pytest.raises(InputError, match="target is") as caught:
        parse_arn(text, "target", "sqs")
    assert repr(text) in str(caught.value)


@given(st.dictionaries(st.text(max_size=3), json_values, max_size=3))
def test_a_document_is_the_same_after_any_way_through_text(document: dict[str, Any]) -> None:
    assert same(parse_object(compact(document), "x"), document)
    assert same(parse_object(json.dumps(document, indent=2), "x"), document)


@given(json_values, json_values, st.randoms(use_true_random=False))
def test_order_and_repetition_in_lists_mean_nothing(one: Any, other: Any, dice: Any) -> None:
    members = [one, other, one]
    dice.shuffle(members)
    assert same({"k": members}, {"k": [one, other]})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": 1}, {"a": "1"}),
        ({"a": [1]}, {"a": [1, 2]}),
        ({"a": []}, {}),
        ({"a": None}, {}),
        ({"a": [True]}, {"a": [1]}),
    ],
)
def test_documents_that_differ(one: Any, other: Any) -> None:
    assert not same(one, other)


class Hours:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    def patience(self, timeout: float) -> Patience:
        return Patience(timeout, sleep=self.sleep, clock=lambda: self.now)


def test_patience_doubles_its_pauses_and_ends_with_the_time() -> None:
    hours = Hours()
    answer, good = hours.patience(30).until(lambda: "no", lambda answer: answer == "yes")
    assert (answer, good, sum(hours.pauses)) == ("no", False, 30)
    assert hours.pauses == [1, 2, 4, 8, 8, 7]


def test_patience_of_nothing_asks_once() -> None:
    asked: list[int] = []
    assert Hours().patience(0).until(lambda: asked.append(1), lambda answer: False) == (None, False)
    assert asked == [1]


def test_patience_takes_the_first_good_answer() -> None:
    hours, answers = Hours(), iter("abc")
    assert hours.patience(60).until(lambda: next(answers), lambda answer: answer == "b") == ("b", True)
    assert hours.pauses == [1]


@given(tags, tags, st.booleans())
def test_tags_end_as_wanted_and_reserved_ones_stay(
    current: dict[str, str], wanted: dict[str, str], purge: bool
) -> None:
    wanted = {key: value for key, value in wanted.items() if not key.startswith("aws:")}
    after = dict(current)
    for operation in plan_tags(current, wanted, purge):
        if operation:
            after = simulate_tags(after, operation)
    kept = {key: value for key, value in current.items() if not purge or key.startswith("aws:")}
    assert after == {**kept, **wanted}
    assert plan_tags(after, wanted, purge) == (None, None)
    assert plan_tags(current, None, purge) == (None, None)


def test_tags_are_texts() -> None:
    assert text_tags({"a": True, "b": 1, 3: "c"}) == {"a": "true", "b": "1", "3": "c"}
    assert text_tags(None) is None


def test_a_region_is_known_or_the_nearest_one_is_named() -> None:
    assert check_region("us-east-1", frozenset) == "us-east-1"
    assert check_region("xx-new-1", lambda: frozenset(["xx-new-1"])) == "xx-new-1"
    with pytest.raises(InputError, match="'eu-centrl-1' does not exist.*Did you mean 'eu-central-1'"):
        check_region("eu-centrl-1", lambda: USUAL_REGIONS)
    with pytest.raises(InputError, match="No region is set"):
        check_region(None, lambda: USUAL_REGIONS)


def test_the_usual_regions_are_regions() -> None:
    assert known_regions("sqs") >= USUAL_REGIONS


def test_the_account_is_asked_for_once() -> None:
    calls: list[int] = []

    class Sts:
        def call(self, method: str, resource: str) -> dict[str, str]:
            calls.append(1)
            return {"Account": "111122223333"}

        def required(self, answer: dict[str, str], key: str, method: str, resource: str) -> str:
            return answer[key]

    account = caller_account(Sts)
    assert calls == []
    assert [account(), account()] == ["111122223333"] * 2
    assert calls == [1]
