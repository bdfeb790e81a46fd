# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Statements: what they read, that no value becomes syntax, and what the console answers."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.client import ClientSettings
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.errors import QueryError, RefusedError
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.objects import NewObject
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.query import (
    And,
    Column,
    Compare,
    Date,
    In,
    IsNull,
    Join,
    Like,
    Not,
    Or,
    Order,
    Query,
    columns,
)

NAME = Column("Name")
ARN = Column("Integration:External ID")
ONLY_NAME = "the only one"
TEXTS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=30)


def where(condition, **settings):
    statement = Query(columns("Name"), "Model", where=condition).statement(**settings)
    return statement.removeprefix("SELECT [Name] FROM [Model]").removeprefix(" WHERE ")


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        (Compare(NAME, "=", "it's"), "[Name] = 'it''s'"),
        (Compare(Column("V"), ">=", 3), "[V] >= 3"),
        (Compare(Column("V"), "<", 0.25), "[V] < 0.250000"),
        (Compare(Column("D"), ">", Date("2026-02-03")), "[D] > DATE '2026-02-03'"),
        (Like(NAME, "churn%"), "[Name] LIKE 'churn%'"),
        (IsNull(NAME), "[Name] IS NULL"),
        (IsNull(NAME, negated=True), "[Name] IS NOT NULL"),
        (In(NAME, ("a", "b", "a")), "[Name] IN ('a', 'b')"),
        (In(NAME, ("a",), negated=True), "[Name] NOT IN ('a')"),
        (Not(Compare(NAME, "=", "a")), "(NOT [Name] = 'a')"),
        (
            Or((And((Compare(NAME, "=", "a"), IsNull(ARN))), Compare(NAME, "=", "b"))),
            "(([Name] = 'a' AND [Integration:External ID] IS NULL) OR [Name] = 'b')",
        ),
        (And((Compare(NAME, "=", "a"),)), "[Name] = 'a'"),
        (And((In(NAME, (), negated=True), IsNull(ARN))), "[Integration:External ID] IS NULL"),
        (Or((In(NAME, ()), IsNull(ARN))), "[Integration:External ID] IS NULL"),
        (Not(In(NAME, ())), ""),
        (And(()), ""),
    ],
)
def test_conditions(condition, text):
    assert where(condition) == text


def test_in_lists_without_the_operator_are_chains():
    assert where(In(NAME, ("a", "b")), in_operator=False) == "([Name] = 'a' OR [Name] = 'b')"
    assert where(In(NAME, ("a", "b"), negated=True), in_operator=False) == "([Name] <> 'a' AND [Name] <> 'b')"


def test_a_long_list_inside_is_written_in_parts():
    assert where(In(NAME, ("a", "b", "c"), negated=True), in_list_size=2) == (
        "([Name] NOT IN ('a', 'b') AND [Name] NOT IN ('c'))"
    )


def test_a_whole_statement():
    query = Query(
        (Column("Name", "Register"), Column("Name", "SOXBusEntity")),
        "Register",
        joins=(Join("SOXBusEntity", "CHILD", "Register"), Join("Model", "PARENT", "Register", outer=True)),
        where=Compare(Column("Resource ID", "SOXBusEntity"), "=", "7"),
        order_by=(Order(Column("Name", "Register")), Order(Column("Name", "SOXBusEntity"), descending=True)),
    )
    assert query.statement() == (
        "SELECT [Register].[Name], [SOXBusEntity].[Name] FROM [Register] JOIN [SOXBusEntity] ON CHILD([Register]) "
        "OUTER JOIN [Model] ON PARENT([Register]) WHERE [SOXBusEntity].[Resource ID] = '7' "
        "ORDER BY [Register].[Name] ASC, [SOXBusEntity].[Name] DESC"
    )


@pytest.mark.parametrize(
    "query",
    [
        Query((), "Model"),
        Query(columns("Name]"), "Model"),
        Query(columns(""), "Model"),
        Query(columns(" Name"), "Model"),
        Query(columns("Name\n"), "Model"),
        Query(columns("Name"), "Model] WHERE [x"),
        Query(columns("Name"), "Model", joins=(Join("A", "CHILD) OR (", "B"),)),
        Query(columns("Name"), "Model", where=Compare(NAME, "= 'a' OR", "b")),
        Query(columns("Name"), "Model", where=Compare(NAME, "=", "a\0b")),
        Query(columns("Name"), "Model", where=Compare(NAME, "=", "\ud800")),
        Query(columns("Name"), "Model", where=Compare(NAME, "=", float("nan"))),
        Query(columns("Name"), "Model", where=Compare(NAME, "=", True)),
        Query(columns("Name"), "Model", where=Compare(NAME, "=", Date("2026-02-30"))),
        Query(columns("Name"), "Model", where=Compare(NAME, "=", Date("2026-01-01' OR '"))),
        Query(columns("Name"), "Model", where=In(NAME, ())),
    ],
)
def test_what_cannot_be_written_is_refused(query):
    with pytest.raises(QueryError):
        query.statement()


@given(st.lists(TEXTS, max_size=12), st.integers(1, 5), st.booleans())
def test_split_queries_ask_for_each_value_once_and_none_for_too_many(values, size, beside_another):
    condition = In(ARN, tuple(values))
    whole = And((IsNull(NAME), condition)) if beside_another else condition
    parts = Query(columns("Name"), "Model", where=whole).split(size)
    lists = [
        part.where if isinstance(part.where, In) else next(c for c in part.where.conditions if isinstance(c, In))
        for part in parts
    ]
    assert [value for one in lists for value in one.values] == list(dict.fromkeys(values))
    assert all(len(one.values) <= size for one in lists)
    if beside_another:
        assert all(IsNull(NAME) in part.where.conditions for part in parts)


def test_what_nothing_can_meet_needs_no_query():
    assert Query(columns("Name"), "Model", where=And((IsNull(NAME), In(ARN, ())))).split() == ()
    assert len(Query(columns("Name"), "Model").split()) == 1


@pytest.fixture(scope="module")
def quoting_client(console_process):
    """Module-scoped, because hypothesis runs many examples in one test: nothing is reset between them."""
    from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.client import connect

    console_process.reset()
    client = connect(
        console_process.url,
        auth_method="mcsp",
        auth_options={"api_key": "demo-api-key", "instance_id": "demo-instance", "token_url": console_process.url},
    )
    client.create_object(NewObject("SOXBusEntity", ONLY_NAME))
    yield client
    client.close()


@given(text=TEXTS, other=TEXTS, operator=st.sampled_from(["=", "<>"]))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_text_becomes_syntax(quoting_client, text, other, operator):
    """The console parses every statement, and never finds the one object there is: it has another name."""
    assume(ONLY_NAME not in (text, other))
    found = quoting_client.select(
        Query(
            columns("Name"),
            "SOXBusEntity",
            where=And((In(NAME, (other, text)), Or((Compare(NAME, operator, other), Compare(NAME, "=", text))))),
        )
    )
    assert list(found) == []
    assert len(list(quoting_client.select(Query(columns("Name"), "SOXBusEntity")))) == 1


@pytest.mark.parametrize(
    "text", ["it's", "''", "' OR [Name] <> '", "a%b_c", "[Name]", 'say "hi"', "DATE '2026-01-01'", "日本", "\\'", "--x"]
)
def test_an_odd_value_is_found_by_itself_alone(text, client, entity):
    field = "Integration:External ID"
    for number, value in enumerate((text, "another")):
        client.create_object(NewObject("Model", f"m{number}", primary_parent_id=entity.id, fields={field: value}))
    for condition in (Compare(Column(field), "=", text), In(Column(field), (text,))):
        rows = list(client.select(Query(columns("Name", field), "Model", where=condition)))
        assert rows == [{"Name": "m0", field: text}]


def test_chains_find_what_lists_find(make_client, client, entity, console):
    for number in range(7):
        client.create_object(NewObject("Model", f"m{number}", primary_parent_id=entity.id))
    query = Query(columns("Name"), "Model", where=In(NAME, ("m1", "m2", "m5", "none")))
    expected = [row["Name"] for row in client.select(query)]
    console.switch(in_operator=False)
    chained = make_client(settings=ClientSettings(in_operator=False, in_list_size=2))
    assert sorted(row["Name"] for row in chained.select(query)) == sorted(expected) == ["m1", "m2", "m5"]


def test_a_console_without_in_is_asked_in_chains_from_then_on(client, entity, console):
    console.switch(in_operator=False)
    query = Query(columns("Name"), "SOXBusEntity", where=In(NAME, ("Credit Risk", "none")))
    console.clear_calls()
    for _unused in range(3):
        assert [row["Name"] for row in client.select(query)] == ["Credit Risk"]
    assert console.calls() == {"POST query": 4}
    with pytest.raises(RefusedError):
        list(client.select(Query(columns("Nonsense"), "SOXBusEntity", where=query.where)))
    assert console.calls() == {"POST query": 5}


def test_a_join_keeps_columns_of_one_name_apart(client, entity):
    client.create_object(NewObject("Register", "Churn", primary_parent_id=entity.id))
    query = Query(
        (Column("Name", "Register"), Column("Name", "SOXBusEntity")),
        "Register",
        joins=(Join("SOXBusEntity", "CHILD", "Register"),),
        where=Compare(Column("Resource ID", "SOXBusEntity"), "=", entity.id),
    )
    assert list(client.select(query)) == [{"Register.Name": "Churn", "SOXBusEntity.Name": "Credit Risk"}]
