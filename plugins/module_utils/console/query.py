# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Queries in the console's query language, built from values so that no value can become syntax.

The grammar is that of OpenPages: identifiers in brackets, text in single quotes with ``''`` for a quote. A LIMIT inside
a statement is ignored by the console, so there is none here: paging is the client's.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from .errors import QueryError
from .objects import Scalar

Row: TypeAlias = Mapping[str, Scalar]
"""A row by column key (see Column.key); a column without a value is absent."""

Operator: TypeAlias = Literal["=", "<>", "<", ">", "<=", ">="]
Relation: TypeAlias = Literal["PARENT", "CHILD", "ANCESTOR"]

IN_LIST_SIZE = 50


@dataclass(frozen=True, slots=True)
class Column:
    """A field of a type; the type may be left out where only one is queried."""

    field: str
    type_name: str | None = None

    @property
    def key(self) -> str:
        """The key of this column in a Row: "Field", or "Type.Field" where the type is given."""
        return self.field if self.type_name is None else f"{self.type_name}.{self.field}"


@dataclass(frozen=True, slots=True)
class Date:
    """A DATE literal; ``day`` is YYYY-MM-DD."""

    day: str


@dataclass(frozen=True, slots=True)
class Compare:
    """column operator value. Text is quoted, numbers go as they are, Date becomes a DATE literal."""

    column: Column
    operator: Operator
    value: str | int | float | Date


@dataclass(frozen=True, slots=True)
class In:
    """column [NOT] IN values. Long lists are split; an empty list matches nothing (negated: everything)."""

    column: Column
    values: tuple[str, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Like:
    """column LIKE pattern. ``%`` and ``_`` in the pattern are wildcards: the language knows no way to escape them."""

    column: Column
    pattern: str


@dataclass(frozen=True, slots=True)
class IsNull:
    """column IS [NOT] NULL."""

    column: Column
    negated: bool = False


@dataclass(frozen=True, slots=True)
class And:
    """All of the conditions; of none: true."""

    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any of the conditions; of none: false."""

    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite of a condition."""

    condition: Condition


Condition: TypeAlias = Compare | In | Like | IsNull | And | Or | Not


@dataclass(frozen=True, slots=True)
class Join:
    """[OUTER] JOIN [type_name] ON relation([of]).

    ``Join("SOXBusEntity", "CHILD", "Register")`` reads: the Register is the child of the joined SOXBusEntity;
    ``PARENT``: it is the parent of the joined type. (Four recorded examples agree; one line of IBM's prose does not.)
    """

    type_name: str
    relation: Relation
    of: str
    outer: bool = False


@dataclass(frozen=True, slots=True)
class Order:
    """One ORDER BY term."""

    column: Column
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """SELECT columns FROM type_name [joins] [WHERE where] [ORDER BY order_by]."""

    columns: tuple[Column, ...]
    type_name: str
    joins: tuple[Join, ...] = ()
    where: Condition | None = None
    order_by: tuple[Order, ...] = ()

    def statement(self, *, in_operator: bool = True, in_list_size: int = IN_LIST_SIZE) -> str:
        """Return the statement's text; without ``in_operator`` IN lists become chains of comparisons.

        Raises QueryError for a name or value that cannot be written, and for a condition that nothing can meet
        (split() tells those apart beforehand).
        """
        if not self.columns:
            raise QueryError(f"A query of {self.type_name} needs at least one column.")
        where = True if self.where is None else _simplify(self.where)
        if where is False:
            raise QueryError(f"No {self.type_name} can meet the query's condition.")
        writer = _Writer(in_operator, in_list_size)
        parts = [f"SELECT {', '.join(_column(column) for column in self.columns)} FROM {_identifier(self.type_name)}"]
        parts += [_join(join) for join in self.joins]
        if where is not True:
            parts.append(f"WHERE {writer.condition(where)}")
        if self.order_by:
            parts.append(f"ORDER BY {', '.join(_order(order) for order in self.order_by)}")
        return " ".join(parts)

    def split(self, in_list_size: int = IN_LIST_SIZE) -> tuple[Query, ...]:
        """Return queries that together give the same rows, none with a longer IN list among the conditions joined
        by And; no query at all where nothing can meet the condition.
        """
        where = True if self.where is None else _simplify(self.where)
        if where is False:
            return ()
        if where is True:
            return (replace(self, where=None),)
        conditions = where.conditions if isinstance(where, And) else (where,)
        lists = [part for part in conditions if isinstance(part, In) and not part.negated]
        long = next((part for part in lists if len(part.values) > in_list_size), None)
        if long is None:
            return (replace(self, where=where),)
        rest = tuple(condition for condition in conditions if condition is not long)
        return tuple(replace(self, where=_and((*rest, chunk))) for chunk in _chunks(long, in_list_size))


def columns(*fields: str, type_name: str | None = None) -> tuple[Column, ...]:
    """Return a column for each field name, qualified by type_name where that is given."""
    return tuple(Column(field, type_name) for field in fields)


class _Writer:
    """Writes conditions; composite ones always in parentheses, so that precedence never matters."""

    def __init__(self, in_operator: bool, in_list_size: int) -> None:
        self.in_operator = in_operator
        self.in_list_size = in_list_size

    def condition(self, condition: Condition) -> str:
        if isinstance(condition, And | Or):
            word = " AND " if isinstance(condition, And) else " OR "
            return f"({word.join(self.condition(part) for part in condition.conditions)})"
        if isinstance(condition, Not):
            return f"(NOT {self.condition(condition.condition)})"
        if isinstance(condition, In):
            return self._in(condition)
        if isinstance(condition, Like):
            return f"{_column(condition.column)} LIKE {_text(condition.pattern)}"
        if isinstance(condition, IsNull):
            return f"{_column(condition.column)} IS {'NOT ' if condition.negated else ''}NULL"
        return f"{_column(condition.column)} {_operator(condition.operator)} {_literal(condition.value)}"

    def _in(self, condition: In) -> str:
        column = _column(condition.column)
        if self.in_operator:
            word = "NOT IN" if condition.negated else "IN"
            chunks = _chunks(condition, self.in_list_size)
            terms = [f"{column} {word} ({', '.join(_text(value) for value in chunk.values)})" for chunk in chunks]
        else:
            operator = "<>" if condition.negated else "="
            terms = [f"{column} {operator} {_text(value)}" for value in condition.values]
        if len(terms) == 1:
            return terms[0]
        return f"({(' AND ' if condition.negated else ' OR ').join(terms)})"


def _simplify(condition: Condition) -> Condition | bool:
    """Return the condition without empty lists and repeated values, or True or False where it is always one of them."""
    if isinstance(condition, In):
        values = tuple(dict.fromkeys(condition.values))
        return replace(condition, values=values) if values else condition.negated
    if isinstance(condition, Not):
        inner = _simplify(condition.condition)
        return not inner if isinstance(inner, bool) else Not(inner)
    if isinstance(condition, And | Or):
        absorbing = isinstance(condition, Or)
        parts = [_simplify(part) for part in condition.conditions]
        if absorbing in parts:
            return absorbing
        kept = tuple(part for part in parts if not isinstance(part, bool))
        if not kept:
            return not absorbing
        return kept[0] if len(kept) == 1 else type(condition)(kept)
    return condition


def _and(conditions: tuple[Condition, ...]) -> Condition:
    return conditions[0] if len(conditions) == 1 else And(conditions)


def _chunks(condition: In, size: int) -> list[In]:
    starts = range(0, len(condition.values), max(1, size))
    return [replace(condition, values=condition.values[start : start + max(1, size)]) for start in starts]


def _join(join: Join) -> str:
    if join.relation not in ("PARENT", "CHILD", "ANCESTOR"):
        raise QueryError(f"A join's relation is PARENT, CHILD or ANCESTOR, not {join.relation!r}.")
    outer = "OUTER " if join.outer else ""
    return f"{outer}JOIN {_identifier(join.type_name)} ON {join.relation}({_identifier(join.of)})"


def _order(order: Order) -> str:
    return f"{_column(order.column)} {'DESC' if order.descending else 'ASC'}"


def _operator(operator: str) -> str:
    if operator not in ("=", "<>", "<", ">", "<=", ">="):
        raise QueryError(f"The query language has no operator {operator!r}.")
    return operator


def _column(column: Column) -> str:
    field = _identifier(column.field)
    return field if column.type_name is None else f"{_identifier(column.type_name)}.{field}"


def _identifier(name: str) -> str:
    if not name or name.strip() != name or "[" in name or "]" in name or not name.isprintable():
        raise QueryError(f"{name!r} cannot be the name of a type or field in a query.")
    return f"[{name}]"


def _literal(value: str | int | float | Date) -> str:
    if isinstance(value, Date):
        return f"DATE {_text(_day(value.day))}"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, bool) or not math.isfinite(value):
        raise QueryError(f"{value!r} cannot be written in a query.")
    return repr(value) if isinstance(value, int) else format(value, "f")


def _day(day: str) -> str:
    try:
        return datetime.date.fromisoformat(day).strftime("%Y-%m-%d")
    except ValueError:
        raise QueryError(f"{day!r} is not a date: write YYYY-MM-DD.") from None


def _text(value: str) -> str:
    """Quote a text. What cannot be sent as UTF-8, and the NUL that ends texts in some databases, is refused."""
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise QueryError(f"{value!r} cannot be written in a query: it is not valid Unicode.") from None
    if "\0" in value:
        raise QueryError(f"{value!r} cannot be written in a query: it holds a NUL character.")
    return "'" + value.replace("'", "''") + "'"
