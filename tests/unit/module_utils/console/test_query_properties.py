# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever is put into a statement is what an independent reader, the emulator's parser, takes out of it again."""

from __future__ import annotations

import datetime
from typing import TypeAlias

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.wxgov.sagemaker.plugins.module_utils.console import query as ours
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.errors import QueryError
from tests.emulators.console import query_language as theirs
from tests.emulators.console.query_language import parse

TRICKY = st.sampled_from(
    [*"'\"%_.,*()=<>-;:/\\#", "''", " ", " FROM ", " OR ", "NULL", "DATE ", "--", "Ü", "日本", "𝔘", "e\u0301", "\u200f"]
)
HOSTILE = st.sampled_from(["[", "]", "] FROM [", "]]", "\0", "\n", "\t", "\r", "\u00a0", "\u2028", "\ud800", "\x7f"])
CHARACTERS = st.characters(exclude_categories=("Cs",))
ANY_NAMES = st.lists(TRICKY | HOSTILE | CHARACTERS, max_size=8).map("".join)


def can_be_a_name(text: str) -> bool:
    """Written down once more, from the language's rule: brackets end a name, and what is not seen is no part of one."""
    return bool(text) and text == text.strip() and text.isprintable() and not set(text) & {"[", "]"}


NAMES = ANY_NAMES.map(lambda text: "".join(c for c in text if can_be_a_name(f"x{c}x")).strip() or "Name")
TEXTS = (
    st.lists(TRICKY | CHARACTERS | st.sampled_from("[]\n\t"), max_size=8).map("".join).filter(lambda t: "\0" not in t)
)
COLUMNS = st.builds(ours.Column, NAMES, st.none() | NAMES)
OPERATORS = st.sampled_from(["=", "<>", "<", ">", "<=", ">="])
DAYS = st.dates(datetime.date(1000, 1, 1)).map(lambda day: ours.Date(day.isoformat()))
PREDICATES = st.one_of(
    st.builds(ours.Compare, COLUMNS, OPERATORS, TEXTS | st.integers(-(10**15), 10**15) | DAYS),
    st.builds(ours.In, COLUMNS, st.lists(TEXTS, min_size=1, max_size=4, unique=True).map(tuple), st.booleans()),
    st.builds(ours.Like, COLUMNS, TEXTS),
    st.builds(ours.IsNull, COLUMNS, st.booleans()),
)


def composite(inner: st.SearchStrategy[ours.Condition]) -> st.SearchStrategy[ours.Condition]:
    several = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return st.builds(ours.And, several) | st.builds(ours.Or, several) | st.builds(ours.Not, inner)


CONDITIONS = st.recursive(PREDICATES, composite, max_leaves=6)
JOINS = st.builds(ours.Join, NAMES, st.sampled_from(["PARENT", "CHILD", "ANCESTOR"]), NAMES, st.booleans())
QUERIES = st.builds(
    ours.Query,
    st.lists(COLUMNS, min_size=1, max_size=3).map(tuple),
    NAMES,
    st.lists(JOINS, max_size=2).map(tuple),
    st.none() | CONDITIONS,
    st.lists(st.builds(ours.Order, COLUMNS, st.booleans()), max_size=2).map(tuple),
)

Value: TypeAlias = str | int | float | ours.Date


def field(column: ours.Column) -> theirs.FieldRef:
    return theirs.FieldRef(column.type_name, column.field)


def literal(value: Value) -> theirs.Literal:
    if isinstance(value, ours.Date):
        return theirs.Literal("date", value.day)
    return theirs.Literal("string" if isinstance(value, str) else "number", value)


def read(condition: ours.Condition, *, in_operator: bool) -> theirs.Condition:
    """What the parser has to make of a condition."""
    if isinstance(condition, ours.And | ours.Or):
        parts = tuple(read(part, in_operator=in_operator) for part in condition.conditions)
        return theirs.Chain("AND" if isinstance(condition, ours.And) else "OR", parts)
    if isinstance(condition, ours.Not):
        return theirs.Not(read(condition.condition, in_operator=in_operator))
    if isinstance(condition, ours.In):
        return list_of(condition, in_operator=in_operator)
    if isinstance(condition, ours.Like):
        return theirs.Like(field(condition.column), condition.pattern)
    if isinstance(condition, ours.IsNull):
        return theirs.IsNull(field(condition.column), condition.negated)
    return theirs.Compare(field(condition.column), condition.operator, literal(condition.value))


def list_of(condition: ours.In, *, in_operator: bool) -> theirs.Condition:
    literals = tuple(literal(value) for value in condition.values)
    if in_operator:
        return theirs.Within(field(condition.column), literals, condition.negated)
    operator = "<>" if condition.negated else "="
    terms = tuple(theirs.Compare(field(condition.column), operator, value) for value in literals)
    return terms[0] if len(terms) == 1 else theirs.Chain("AND" if condition.negated else "OR", terms)


@given(query=QUERIES, in_operator=st.booleans())
def test_a_statement_says_what_the_query_says_and_nothing_else(query: ours.Query, in_operator: bool) -> None:
    (select,) = parse(query.statement(in_operator=in_operator)).selects
    assert select == theirs.Select(
        columns=tuple(field(column) for column in query.columns),
        source=theirs.Source(query.type_name, query.type_name),
        joins=tuple(
            theirs.Join(theirs.Source(join.type_name, join.type_name), join.outer, join.relation, join.of)
            for join in query.joins
        ),
        where=None if query.where is None else read(query.where, in_operator=in_operator),
        group_by=(),
        order_by=tuple(theirs.Ordering(field(order.column), order.descending) for order in query.order_by),
    )


@given(name=ANY_NAMES)
def test_any_text_is_one_name_at_each_place_or_refused(name: str) -> None:
    """A type's and a field's name stand at seven places of a statement."""
    column = ours.Column(name, name)
    query = ours.Query(
        (column,), name, (ours.Join(name, "CHILD", name),), ours.IsNull(column), (ours.Order(column, True),)
    )
    try:
        statement = query.statement()
    except QueryError:
        assert not can_be_a_name(name)
        return
    (select,) = parse(statement).selects
    reference = theirs.FieldRef(name, name)
    assert select == theirs.Select(
        columns=(reference,),
        source=theirs.Source(name, name),
        joins=(theirs.Join(theirs.Source(name, name), False, "CHILD", name),),
        where=theirs.IsNull(reference, False),
        group_by=(),
        order_by=(theirs.Ordering(reference, True),),
    )


@given(name=ANY_NAMES.filter(lambda text: not can_be_a_name(text)))
def test_what_cannot_be_a_name_is_refused_wherever_it_stands(name: str) -> None:
    fine = ours.Column("Name")
    bad = ours.Column(name)
    for query in (
        ours.Query((bad,), "Model"),
        ours.Query((ours.Column("Name", name),), "Model"),
        ours.Query((fine,), name),
        ours.Query((fine,), "Model", (ours.Join(name, "CHILD", "Model"),)),
        ours.Query((fine,), "Model", (ours.Join("Model", "CHILD", name),)),
        ours.Query((fine,), "Model", where=ours.Compare(bad, "=", "x")),
        ours.Query((fine,), "Model", where=ours.In(bad, ("x",))),
        ours.Query((fine,), "Model", where=ours.Like(bad, "x")),
        ours.Query((fine,), "Model", order_by=(ours.Order(bad),)),
    ):
        try:
            statement = query.statement()
        except QueryError:
            continue
        raise AssertionError(f"{name!r} was written: {statement!r}")
