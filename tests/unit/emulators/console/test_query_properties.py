# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Laws of the query endpoint over generated statements."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

OVER_ONE_CONSOLE = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])

# What a field can hold: any text but NUL and lone surrogates.
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=40)
TRICKY = st.text(st.sampled_from("'\"[]%_*?\\;-\n\t ü𝔘a"), min_size=1, max_size=12)
WORDS = st.sampled_from(
    ["SELECT", "FROM", "WHERE", "JOIN", "ON", "CHILD", "AND", "OR", "NOT", "IN", "LIKE", "IS", "NULL", "UNION", "COUNT"]
    + ["ORDER", "BY", "GROUP", "LIMIT", "DATE", "CONTAINS", "OUTER", "AS", "[Name]", "[Model]", "[Resource ID]", "*"]
    + ["[MRG-Model:Status]", "[Creation Date]", "(", ")", ",", ".", "=", "<>", "<=", "'x'", "'", "5", "-1.5", "''", ";"]
)


def literal(text: str) -> str:
    doubled = text.replace("'", "''")
    return f"'{doubled}'"


@OVER_ONE_CONSOLE
@given(text=TEXTS | TRICKY)
def test_any_text_is_found_again_by_its_literal(api, tree, text):
    field = "MRG-Model:Source"
    body = {"name": "churn-v1", "fields": [{"name": field, "value": text}]}
    assert api.call("PUT", f"contents/{tree['model']}", json=body).status_code == 200
    for condition in (f"= {literal(text)}", f"IN ('no', {literal(text)})", f">= {literal(text)}"):
        rows = api.rows(f"SELECT [{field}] FROM [Model] WHERE [{field}] {condition}")
        assert rows == [(text,)]
    assert api.rows(f"SELECT [Name] FROM [Model] WHERE [{field}] <> {literal(text)}") == []


@OVER_ONE_CONSOLE
@given(text=TRICKY, start=st.integers(0, 12), end=st.integers(0, 12))
def test_like_is_what_its_wildcards_say(api, tree, text, start, end):
    field = "MRG-Model:Source"
    body = {"name": "churn-v1", "fields": [{"name": field, "value": text}]}
    assert api.call("PUT", f"contents/{tree['model']}", json=body).status_code == 200

    def matches(pattern):
        return bool(api.rows(f"SELECT [Name] FROM [Model] WHERE [{field}] LIKE {literal(pattern)}"))

    assert matches(text)
    assert matches(f"{text[:start]}%")
    assert matches(f"%{text[start : max(start, end)]}%")
    assert matches("_" * len(text))
    assert not matches("_" * (len(text) + 1))
    assert not matches(f"{text}x%")


@OVER_ONE_CONSOLE
@given(statement=st.lists(WORDS, max_size=25).map(" ".join) | st.text(max_size=60))
def test_no_statement_breaks_the_console(api, tree, statement):
    answer = api.call("POST", "query", json={"statement": statement})
    assert answer.status_code in (200, 400), answer.text
    assert answer.json()["rows" if answer.status_code == 200 else "message"] is not None


@OVER_ONE_CONSOLE
@given(tail=st.lists(WORDS, max_size=12).map(" ".join))
def test_no_condition_breaks_the_console(api, tree, tail):
    answer = api.call("POST", "query", json={"statement": f"SELECT [Name] FROM [Model] WHERE [Name] = 'x' {tail}"})
    assert answer.status_code in (200, 400), answer.text


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@OVER_ONE_CONSOLE
@given(
    body=st.dictionaries(
        st.sampled_from(["name", "type_definition_id", "title", "description", "primary_parent_id", "fields", "x"]),
        JSON,
    ),
    entry=st.dictionaries(
        st.sampled_from(["name", "value", "id"]), JSON | st.sampled_from(["Name", "MRG-Model:Status"])
    ),
)
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_no_body_breaks_the_console(api, tree, method, body, entry):
    for candidate in (body, {"type_definition_id": "Model", "name": "m", "fields": [entry]}):
        answer = api.call(method, "contents" if method == "POST" else f"contents/{tree['model']}", json=candidate)
        assert answer.status_code in (200, 201, 400), answer.text
