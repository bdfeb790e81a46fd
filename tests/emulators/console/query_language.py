# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documented query language: text → syntax tree. Knows nothing of types, fields or the database."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from lark import Lark, Transformer, Tree
from lark.exceptions import LarkError, UnexpectedCharacters, UnexpectedEOF, UnexpectedToken

from .errors import bad_request

# A LIMIT is taken and ignored, as IBM's own documentation of the language says; only the request's limit counts.
GRAMMAR = r"""
start: select (_UNION select)* limit?

select: _SELECT columns _FROM source join* where? group_by? order_by?
columns: column ("," column)*
?column: field | count
count: _COUNT "(" (STAR | field) ")"
source: NAME (_AS NAME)?
join: OUTER? _JOIN source _ON RELATION "(" NAME ")"
where: _WHERE condition
group_by: _GROUP _BY field ("," field)*
order_by: _ORDER _BY ordering ("," ordering)*
ordering: field DIRECTION?
limit: _LIMIT NUMBER

?condition: conjunction (_OR conjunction)* -> any_of
conjunction: negation (_AND negation)* -> all_of
?negation: _NOT negation -> negated
    | predicate
    | "(" condition ")"
?predicate: field OPERATOR literal -> compare
    | field _LIKE STRING -> like
    | field _IN "(" literal ("," literal)* ")" -> within
    | field _NOT _IN "(" literal ("," literal)* ")" -> not_within
    | field _IS _NULL -> is_null
    | field _IS _NOT _NULL -> is_not_null
    | _CONTAINS "(" field "," STRING ")" -> contains

field: NAME ("." NAME)?
?literal: STRING -> string
    | NUMBER -> number
    | _DATE STRING -> date

NAME: "[" /[^\[\]]+/ "]"
STRING: /'(?:[^']|'')*'/
NUMBER.2: /-?[0-9]+(?:\.[0-9]+)?/
OPERATOR: "<>" | "<=" | ">=" | "=" | "<" | ">"
STAR: "*"
RELATION.2: /(?:PARENT|CHILD|ANCESTOR)\b/i
DIRECTION.2: /(?:ASC|DESC)\b/i
OUTER.2: /OUTER\b/i
_SELECT.2: /SELECT\b/i
_FROM.2: /FROM\b/i
_AS.2: /AS\b/i
_JOIN.2: /JOIN\b/i
_ON.2: /ON\b/i
_WHERE.2: /WHERE\b/i
_GROUP.2: /GROUP\b/i
_ORDER.2: /ORDER\b/i
_BY.2: /BY\b/i
_UNION.2: /UNION\b/i
_LIMIT.2: /LIMIT\b/i
_COUNT.2: /COUNT\b/i
_AND.2: /AND\b/i
_OR.2: /OR\b/i
_NOT.2: /NOT\b/i
_IN.2: /IN\b/i
_LIKE.2: /LIKE\b/i
_IS.2: /IS\b/i
_NULL.2: /NULL\b/i
_CONTAINS.2: /CONTAINS\b/i
_DATE.2: /DATE\b/i

%ignore /\s+/
"""

# Far above what a client needs; they keep a hostile statement from costing more than an error message.
MAX_LENGTH = 1_000_000
MAX_NESTING = 50


@dataclass(frozen=True, slots=True)
class FieldRef:
    """``[Field]`` or ``[Type or alias].[Field]``."""

    qualifier: str | None
    name: str


@dataclass(frozen=True, slots=True)
class Count:
    """``COUNT(*)`` (field None) or ``COUNT([Field])``."""

    field: FieldRef | None


@dataclass(frozen=True, slots=True)
class Literal:
    """A string, a number or a DATE; ``kind`` is "string", "number" or "date"."""

    kind: str
    value: str | int | float


@dataclass(frozen=True, slots=True)
class Compare:
    """``[Field] <operator> literal``."""

    field: FieldRef
    operator: str
    literal: Literal


@dataclass(frozen=True, slots=True)
class Like:
    """``[Field] LIKE 'pattern'``: % is any text, _ any character."""

    field: FieldRef
    pattern: str


@dataclass(frozen=True, slots=True)
class Within:
    """``[Field] [NOT] IN (…)``."""

    field: FieldRef
    literals: tuple[Literal, ...]
    negated: bool


@dataclass(frozen=True, slots=True)
class IsNull:
    """``[Field] IS [NOT] NULL``."""

    field: FieldRef
    negated: bool


@dataclass(frozen=True, slots=True)
class Contains:
    """``CONTAINS([Field], 'text')``."""

    field: FieldRef
    text: str


@dataclass(frozen=True, slots=True)
class Not:
    """``NOT condition``."""

    condition: Condition


@dataclass(frozen=True, slots=True)
class Chain:
    """Conditions joined by one ``operator``, "AND" or "OR"."""

    operator: str
    conditions: tuple[Condition, ...]


Condition: TypeAlias = Compare | Like | Within | IsNull | Contains | Not | Chain


@dataclass(frozen=True, slots=True)
class Source:
    """A type in FROM or JOIN; ``alias`` is how the statement's fields refer to it."""

    type_name: str
    alias: str


@dataclass(frozen=True, slots=True)
class Join:
    """``[OUTER] JOIN source ON <relation>([of])``: the type ``of`` is the PARENT, CHILD or ANCESTOR of the source."""

    source: Source
    outer: bool
    relation: str
    of: str


@dataclass(frozen=True, slots=True)
class Ordering:
    """One term of ORDER BY."""

    field: FieldRef
    descending: bool


@dataclass(frozen=True, slots=True)
class Select:
    """One SELECT."""

    columns: tuple[FieldRef | Count, ...]
    source: Source
    joins: tuple[Join, ...]
    where: Condition | None
    group_by: tuple[FieldRef, ...]
    order_by: tuple[Ordering, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """One SELECT, or several joined by UNION."""

    selects: tuple[Select, ...]


def _bare(name: str) -> str:
    return name[1:-1]


def _text(token: str) -> str:
    return token[1:-1].replace("''", "'")


class _Clause:
    """A part of a SELECT on its way up; only lives while a statement is parsed."""

    def __init__(self, kind: str, items: Any) -> None:
        self.kind = kind
        self.items = items


class _Builder(Transformer[Any, Statement]):
    """Makes the syntax tree bottom-up, so a deeply nested statement costs no stack."""

    def start(self, items: Sequence[Any]) -> Statement:
        return Statement(tuple(item for item in items if isinstance(item, Select)))

    def select(self, items: Sequence[Any]) -> Select:
        clauses = {item.kind: item.items for item in items if isinstance(item, _Clause)}
        return Select(
            columns=clauses["columns"],
            source=next(item for item in items if isinstance(item, Source)),
            joins=tuple(item for item in items if isinstance(item, Join)),
            where=clauses.get("where"),
            group_by=clauses.get("group_by", ()),
            order_by=clauses.get("order_by", ()),
        )

    def columns(self, items: Sequence[Any]) -> _Clause:
        return _Clause("columns", tuple(items))

    def where(self, items: Sequence[Any]) -> _Clause:
        return _Clause("where", items[0])

    def group_by(self, items: Sequence[Any]) -> _Clause:
        return _Clause("group_by", tuple(items))

    def order_by(self, items: Sequence[Any]) -> _Clause:
        return _Clause("order_by", tuple(items))

    def limit(self, items: Sequence[Any]) -> None:
        return None

    def ordering(self, items: Sequence[Any]) -> Ordering:
        return Ordering(items[0], len(items) > 1 and items[1].upper() == "DESC")

    def source(self, items: Sequence[Any]) -> Source:
        return Source(_bare(items[0]), _bare(items[-1]))

    def join(self, items: Sequence[Any]) -> Join:
        *outer, source, relation, of = items
        return Join(source, bool(outer), relation.upper(), _bare(of))

    def count(self, items: Sequence[Any]) -> Count:
        return Count(items[0] if isinstance(items[0], FieldRef) else None)

    def field(self, items: Sequence[Any]) -> FieldRef:
        return FieldRef(_bare(items[0]) if len(items) > 1 else None, _bare(items[-1]))

    def string(self, items: Sequence[Any]) -> Literal:
        return Literal("string", _text(items[0]))

    def date(self, items: Sequence[Any]) -> Literal:
        return Literal("date", _text(items[0]))

    def number(self, items: Sequence[Any]) -> Literal:
        text = str(items[0])
        if len(text) > 40:
            raise bad_request(f"The number {text[:20]}… is too long")
        return Literal("number", float(text) if "." in text else int(text))

    def compare(self, items: Sequence[Any]) -> Compare:
        return Compare(items[0], str(items[1]), items[2])

    def like(self, items: Sequence[Any]) -> Like:
        return Like(items[0], _text(items[1]))

    def within(self, items: Sequence[Any]) -> Within:
        return Within(items[0], tuple(items[1:]), negated=False)

    def not_within(self, items: Sequence[Any]) -> Within:
        return Within(items[0], tuple(items[1:]), negated=True)

    def is_null(self, items: Sequence[Any]) -> IsNull:
        return IsNull(items[0], negated=False)

    def is_not_null(self, items: Sequence[Any]) -> IsNull:
        return IsNull(items[0], negated=True)

    def contains(self, items: Sequence[Any]) -> Contains:
        return Contains(items[0], _text(items[1]))

    def negated(self, items: Sequence[Any]) -> Not:
        return Not(items[0])

    def all_of(self, items: Sequence[Any]) -> Condition:
        return items[0] if len(items) == 1 else Chain("AND", tuple(items))

    def any_of(self, items: Sequence[Any]) -> Condition:
        return items[0] if len(items) == 1 else Chain("OR", tuple(items))


@functools.cache
def _parser() -> Lark:
    return Lark(GRAMMAR, parser="lalr", transformer=_Builder(), maybe_placeholders=False)


@functools.lru_cache(maxsize=128)
def parse(statement: str) -> Statement:
    """Return the syntax tree of a statement. Raises ApiError (400) that says where it leaves the language."""
    if len(statement) > MAX_LENGTH:
        raise bad_request(f"The statement has {len(statement)} characters, at most {MAX_LENGTH} are taken")
    try:
        parsed = _parser().parse(statement)
    except UnexpectedEOF:
        raise bad_request("Syntax error at the end of the statement") from None
    except (UnexpectedCharacters, UnexpectedToken) as error:
        near = statement[max(0, (error.pos_in_stream or 0)) :][:40]
        where = f"at line {error.line}, column {error.column}, near {near!r}" if near else "at its end"
        raise bad_request(f"Syntax error in the statement {where}") from None
    except LarkError as error:
        raise bad_request(f"The statement cannot be read: {type(error).__name__}") from None
    if isinstance(parsed, Tree):
        raise TypeError("the grammar has a rule without a builder")
    for select in parsed.selects:
        if select.where is not None:
            _check_nesting(select.where)
    return parsed


def _check_nesting(condition: Condition) -> None:
    level, depth = [condition], 0
    while level:
        if depth > MAX_NESTING:
            raise bad_request(f"The statement's conditions are nested deeper than {MAX_NESTING} levels")
        depth += 1
        level = [inner for outer in level for inner in _inside(outer)]


def _inside(condition: Condition) -> tuple[Condition, ...]:
    if isinstance(condition, Chain):
        return condition.conditions
    return (condition.condition,) if isinstance(condition, Not) else ()
