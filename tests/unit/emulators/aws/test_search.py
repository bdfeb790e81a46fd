# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Search's pure part against simple models of what it should do."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.emulators.aws.search import SearchError, digest, filter_matches, in_order, matches, page, sort_text

START = datetime(2026, 1, 1)
records = st.fixed_dictionaries(
    {
        "ModelPackageArn": st.uuids().map(str),
        "ModelPackageVersion": st.integers(1, 9),
        "ModelApprovalStatus": st.sampled_from(["Approved", "Rejected", "PendingManualApproval"]),
        "CreationTime": st.integers(0, 100).map(lambda seconds: START + timedelta(seconds=seconds)),
    }
)
filters = st.one_of(
    st.builds(
        lambda operator, value: {"Name": "ModelPackageVersion", "Operator": operator, "Value": str(value)},
        st.sampled_from(["Equals", "NotEquals", "GreaterThan", "LessThanOrEqualTo"]),
        st.integers(1, 9),
    ),
    st.builds(
        lambda value: {"Name": "ModelApprovalStatus", "Operator": "Equals", "Value": value},
        st.sampled_from(["Approved", "Rejected"]),
    ),
)


@given(
    items=st.lists(records, max_size=40, unique_by=lambda record: record["ModelPackageArn"]),
    size=st.integers(1, 7),
    descending=st.booleans(),
    empty_pages=st.integers(0, 2),
    doomed=st.sets(st.integers(0, 39), max_size=5),
)
def test_walk_returns_each_surviving_item_once_in_order(
    items: list[dict[str, Any]], size: int, descending: bool, empty_pages: int, doomed: set[int]
) -> None:
    def keys(record: dict[str, Any]) -> tuple[str, str]:
        return sort_text(record["CreationTime"]), record["ModelPackageArn"]

    def turn(token: str | None, left: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], str | None]:
        return page(
            in_order(left, keys),
            token=token,
            size=size,
            descending=descending,
            fingerprint="f",
            empty_pages=empty_pages,
        )

    seen, token = turn(None, items)
    left = [item for number, item in enumerate(items) if number not in doomed]
    while token:
        chosen, token = turn(token, left)
        assert len(chosen) <= size
        seen += chosen
    arns = [record["ModelPackageArn"] for record in seen]
    assert len(arns) == len(set(arns))
    assert {record["ModelPackageArn"] for record in left} <= set(arns)
    assert [keys(record) for record in seen] == sorted([keys(record) for record in seen], reverse=descending)


@given(record=records, several=st.lists(filters, min_size=1, max_size=4))
def test_operators_join_filters_and_sub_expressions(record: dict[str, Any], several: list[dict[str, str]]) -> None:
    results = [filter_matches(record, entry) for entry in several]
    assert matches(record, {"Filters": several}) is all(results)
    assert matches(record, {"Filters": several, "Operator": "Or"}) is any(results)
    nested = {"Filters": several[:1], "SubExpressions": [{"Filters": several[1:], "Operator": "Or"}]}
    assert matches(record, nested) is (results[0] and (any(results[1:]) or len(results) == 1))


@given(record=records, entry=filters)
def test_not_equals_is_the_opposite_of_equals(record: dict[str, Any], entry: dict[str, str]) -> None:
    equal = filter_matches(record, {**entry, "Operator": "Equals"})
    assert filter_matches(record, {**entry, "Operator": "NotEquals"}) is not equal


@pytest.mark.parametrize(
    ("name", "operator", "value", "expected"),
    [
        ("CreationTime", "GreaterThan", "2026-01-01T00:00:09", True),
        ("CreationTime", "GreaterThan", "2026-01-01T00:00:10", False),
        ("CreationTime", "GreaterThanOrEqualTo", "2026-01-01T00:00:10Z", True),
        ("CreationTime", "LessThan", "2026-01-01T01:00:11+01:00", True),
        ("ModelPackageVersion", "GreaterThan", "9", True),
        ("ModelPackageVersion", "In", "1, 10", True),
        ("ModelPackageGroupName", "Contains", "raud", True),
        ("ModelPackageGroupName", "Contains", "RAUD", False),
        ("CustomerMetadataProperties.a.b", "Equals", "dotted", True),
        ("CustomerMetadataProperties.missing", "NotEquals", "x", True),
        ("CustomerMetadataProperties.missing", "GreaterThan", "x", False),
        ("Tags.team", "Equals", "risk", True),
        ("ModelLifeCycle.Stage", "Equals", "Production", True),
    ],
)
def test_filters_compare_in_the_type_of_the_property(name: str, operator: str, value: str, expected: bool) -> None:
    record = {
        "ModelPackageGroupName": "Fraud",
        "ModelPackageVersion": 10,
        "CreationTime": START + timedelta(seconds=10),
        "CustomerMetadataProperties": {"a.b": "dotted"},
        "ModelLifeCycle": {"Stage": "Production"},
        "Tags": [{"Key": "team", "Value": "risk"}],
    }
    assert filter_matches(record, {"Name": name, "Operator": operator, "Value": value}) is expected


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ({"Name": "CreationTime", "Operator": "GreaterThan", "Value": "yesterday"}, "not a timestamp"),
        ({"Name": "ModelPackageVersion", "Operator": "GreaterThan", "Value": "many"}, "not a number"),
        ({"Name": "ModelPackageVersion", "Operator": "Above", "Value": "1"}, "Unknown operator"),
        ({"Name": "ModelPackageVersion", "Operator": "Equals"}, "has no Value"),
        ({"Name": "ModelPackageVersion", "Operator": "Exists", "Value": "1"}, "must not be given"),
    ],
)
def test_senseless_filters_are_refused(condition: dict[str, str], message: str) -> None:
    with pytest.raises(SearchError, match=message):
        filter_matches({"CreationTime": START, "ModelPackageVersion": 1}, condition)


def test_token_of_another_request_is_refused() -> None:
    items = in_order([{"id": str(number)} for number in range(3)], lambda item: (item["id"], ""))

    def turn(token: str | None, request: dict[str, str]) -> tuple[list[dict[str, str]], str | None]:
        return page(items, token=token, size=1, descending=False, fingerprint=digest(request))

    _unused, token = turn(None, {"a": "1"})
    assert turn(token, {"a": "1"})[0] == [{"id": "1"}]
    with pytest.raises(SearchError, match="NextToken is invalid"):
        turn(token, {"a": "2"})
