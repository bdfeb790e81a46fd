# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The named conversions."""

from __future__ import annotations

import json
from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.conversions import CONVERSIONS, convert

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("conversion", "value", "expected"),
    [
        ("text", "a", "a"),
        ("text", 3, "3"),
        ("text", True, "true"),
        ("json", {"b": 1, "a": ["é"]}, '{"a": ["é"], "b": 1}'),
        ("outline", {"b": "1", "job": {"arn": "x", "sets": ["y", "z"]}}, "b: 1\njob.arn: x\njob.sets: y\njob.sets: z"),
        ("outline", ["a", 2, True], "a\n2\ntrue"),
        ("outline", {"a": None, "b": ""}, None),
        ("number", "2.5", 2.5),
        ("number", 3, 3.0),
        ("integer", "7", 7),
        ("yes_no", True, "Yes"),
        ("yes_no", "FALSE", "No"),
        ("date", datetime(2026, 11, 22, 23, tzinfo=timezone.utc), "2026-11-22"),
    ],
)  # fmt: skip
def test_values(conversion, value, expected):
    assert convert(conversion, value) == expected


@pytest.mark.parametrize(
    ("conversion", "value"),
    [
        ("text", {"a": 1}),
        ("number", "many"),
        ("number", True),
        ("number", float("nan")),
        ("number", "inf"),
        ("integer", 2.5),
        ("integer", "2.5"),
        ("integer", True),
        ("yes_no", "perhaps"),
        ("yes_no", 1),
        ("date", "2026-11-22"),
    ],
)
def test_what_does_not_convert_is_a_value_error(conversion, value):
    with pytest.raises(ValueError, match=r"is no|neither"):
        convert(conversion, value)


def test_what_is_nested_without_end_does_not_convert():
    deep = []
    for _unused in range(3000):
        deep = [deep]
    with pytest.raises(ValueError, match="nested too deeply"):
        convert("outline", [deep, "x"])


@given(st.sampled_from(sorted(CONVERSIONS)), st.sampled_from([None, "", [], {}, ()]))
def test_no_value_stays_no_value(conversion, value):
    assert convert(conversion, value) is None


@given(st.sampled_from(sorted(CONVERSIONS)), json_values)
def test_every_value_converts_or_is_a_value_error(conversion, value):
    try:
        converted = convert(conversion, value)
    except ValueError:
        return
    assert converted is None or isinstance(converted, str | bool | int | float)


@given(json_values.filter(lambda value: value not in (None, "", [], {})))
def test_json_comes_back_as_it_was(value):
    assert json.loads(convert("json", value)) == value
