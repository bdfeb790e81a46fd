# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which trails cover a region, by every kind of selector."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.wxgov.sagemaker.plugins.module_utils.trail_coverage import (
    EVENT_NAMES,
    Coverage,
    TrailState,
    reasons_against,
)

GOOD = TrailState("good", "arn:good", "us-east-1", multi_region=False, organization=False, logging=True)
ALL = ", ".join(EVENT_NAMES)


def advanced(*fields: dict[str, Any], category: str = "Management") -> dict[str, Any]:
    return {"FieldSelectors": [{"Field": "eventCategory", "Equals": [category]}, *fields]}


def field(name: str, **operators: list[str]) -> dict[str, Any]:
    return {"Field": name, **operators}


@pytest.mark.parametrize(
    ("trail", "reasons"),
    [
        (GOOD, []),
        (replace(GOOD, home_region="eu-west-1", multi_region=True), []),
        (
            replace(GOOD, home_region="eu-west-1", logging=None),
            ["it is a single-region trail of eu-west-1, not of us-east-1"],
        ),
        (replace(GOOD, logging=False), ["it is not logging"]),
        (
            replace(GOOD, selectors_error="its event selectors cannot be read: no"),
            ["its event selectors cannot be read: no"],
        ),
    ],
)
def test_where_and_whether_it_logs(trail: TrailState, reasons: list[str]) -> None:
    assert reasons_against(trail, "us-east-1") == reasons


@pytest.mark.parametrize(
    ("selectors", "reason"),
    [
        ([{}], ""),
        ([{"ReadWriteType": "All", "IncludeManagementEvents": True}], ""),
        ([{"ReadWriteType": "WriteOnly"}], ""),
        ([{"ReadWriteType": "ReadOnly"}], "its event selectors log read events only"),
        ([{"IncludeManagementEvents": False}], "its event selectors leave out management events"),
        (
            [{"ExcludeManagementEventSources": ["kms.amazonaws.com", "sagemaker.amazonaws.com"]}],
            "its event selectors exclude sagemaker.amazonaws.com",
        ),
        ([{"ExcludeManagementEventSources": ["kms.amazonaws.com"]}], ""),
        ([{"IncludeManagementEvents": False}, {"ReadWriteType": "WriteOnly"}], ""),
    ],
)
def test_basic_selectors(selectors: list[dict[str, Any]], reason: str) -> None:
    assert reasons_against(replace(GOOD, event_selectors=selectors), "us-east-1") == ([reason] if reason else [])


@pytest.mark.parametrize(
    ("selectors", "missing"),
    [
        ([advanced()], ""),
        ([advanced(category="Data")], ALL),
        ([advanced(category="Data"), advanced()], ""),
        ([advanced(field("readOnly", Equals=["false"]))], ""),
        ([advanced(field("readOnly", Equals=["true"]))], ALL),
        ([advanced(field("readOnly", NotEquals=["true"]))], ""),
        ([advanced(field("eventSource", NotEquals=["kms.amazonaws.com"]))], ""),
        ([advanced(field("eventSource", NotEquals=["sagemaker.amazonaws.com"]))], ALL),
        ([advanced(field("eventSource", Equals=["sagemaker.amazonaws.com", "x"]))], ""),
        ([advanced(field("eventSource", StartsWith=["sagemaker"]))], ""),
        ([advanced(field("eventSource", NotEndsWith=["amazonaws.com"]))], ALL),
        (
            [advanced(field("eventName", StartsWith=["Create"]))],
            "DeleteModelPackage, DeleteModelPackageGroup, UpdateModelPackage",
        ),
        (
            [
                advanced(field("eventName", StartsWith=["Create", "Delete"])),
                advanced(field("eventName", Equals=["UpdateModelPackage"])),
            ],
            "",
        ),
        ([advanced(field("eventName", NotEquals=["UpdateModelPackage"]))], "UpdateModelPackage"),
        ([advanced(field("userIdentity.arn", NotEquals=["arn:aws:iam::1:role/x"]))], ALL),
        ([{"FieldSelectors": []}], ALL),
    ],
)
def test_advanced_selectors(selectors: list[dict[str, Any]], missing: str) -> None:
    found = reasons_against(replace(GOOD, advanced_event_selectors=selectors), "us-east-1")
    assert found == ([f"its advanced event selectors leave out {missing}"] if missing else [])


def test_the_first_good_trail_is_named_and_nothing_is_to_mend() -> None:
    bad = replace(GOOD, name="bad", logging=False)
    result = Coverage("us-east-1", [bad, GOOD]).as_result()
    assert (result["covered"], result["trail"]["name"], result["mend"]) == (True, "good", "")
    assert [trail["covers"] for trail in result["trails"]] == [False, True]


def test_what_is_to_mend_names_every_trail_and_its_reasons() -> None:
    bad = replace(GOOD, name="bad", logging=False, event_selectors=[{"ReadWriteType": "ReadOnly"}])
    worse = replace(GOOD, name="worse", home_region="eu-west-1")
    mend = Coverage("us-east-1", [bad, worse]).mend()
    assert "bad: it is not logging, its event selectors log read events only" in mend
    assert "worse: it is a single-region trail of eu-west-1" in mend
    assert mend.endswith("mend one of them.")
