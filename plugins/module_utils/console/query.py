# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Queries in the console's query language, built from values so that no value can become syntax."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from .objects import Scalar

Row: TypeAlias = Mapping[str, Scalar]
"""A row by column key (see Column.key); a column without a value is absent."""

Operator: TypeAlias = Literal["=", "<>", "<", ">", "<=", ">="]
Relation: TypeAlias = Literal["PARENT", "CHILD", "ANCESTOR"]


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
class Compare:
    """column operator value. A str is quoted; Date(...) becomes a DATE literal; numbers go as they are."""

    column: Column
    operator: Operator
    value: str | int | float | Date


@dataclass(frozen=True, slots=True)
class Date:
    """A DATE 'YYYY-MM-DD' literal."""

    day: str


@dataclass(frozen=True, slots=True)
class In:
    """column [NOT] IN values. Long lists are split; an empty list matches nothing (NOT IN: everything)."""

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
    """All of the conditions."""

    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any of the conditions."""

    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite of a condition."""

    condition: Condition


Condition: TypeAlias = "Compare | In | Like | IsNull | And | Or | Not"


@dataclass(frozen=True, slots=True)
class Join:
    """[OUTER] JOIN [type_name] ON relation([of]).

    ``Join("SOXBusEntity", "CHILD", "Register")`` reads: the Register is the child of the joined SOXBusEntity;
    ``PARENT``: it is the parent of the joined type.
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

    def statement(self, *, in_operator: bool = True, in_list_size: int = 50) -> str:
        """Return the statement's text. Raises QueryError for a name or value that cannot be written."""
        raise NotImplementedError

    def split(self, in_list_size: int = 50) -> tuple[Query, ...]:
        """Return queries that together give the same rows, none with a longer top-level IN list; () if nothing can match."""
        raise NotImplementedError


def columns(*fields: str, type_name: str | None = None) -> tuple[Column, ...]:
    """Return a column for each field name, qualified by type_name where that is given."""
    return tuple(Column(field, type_name) for field in fields)
