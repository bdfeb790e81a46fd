# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Syntax tree → one SQL statement for the store, so that comparisons run over SQLite's indexes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from . import catalogue, clock
from . import query_language as ql
from .errors import bad_request
from .instance import Field, Instance, ObjectType, field_of
from .store import Scalar, table

# ON CHILD([A]) says that A is the child of the joined type (four live examples agree on it), ON PARENT([A]) that A is
# its parent. {of} is the id of A; the result are the ids that the joined object may have.
_RELATIONS = {
    "CHILD": "SELECT x.parent FROM association x WHERE x.child = {of}{primary}",
    "PARENT": "SELECT x.child FROM association x WHERE x.parent = {of}{primary}",
    "ANCESTOR": (
        "WITH RECURSIVE below(id) AS (SELECT x.child FROM association x WHERE x.parent = {of}{primary}"
        " UNION SELECT x.child FROM association x, below WHERE x.parent = below.id{primary}) SELECT id FROM below"
    ),
}
_DIRECT = {"CHILD": ("child", "parent"), "PARENT": ("parent", "child")}

MAX_INTEGER = 2**63 - 1
MAX_LITERALS = 30_000


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the answer. ``field`` is None for a count."""

    name: str
    field: Field | None


@dataclass(slots=True)
class Compiled:
    """A statement ready to run. ``indexes`` are the columns that it compares: (type key, column, ignoring case)."""

    sql: str
    parameters: list[Scalar]
    columns: list[Column]
    indexes: list[tuple[str, str, bool]]


@dataclass(frozen=True, slots=True)
class Options:
    """What the request says beside its statement, and what the console supports."""

    ignore_case: bool = False
    primary_only: bool = False
    in_operator: bool = True


@dataclass(frozen=True, slots=True)
class _Resolved:
    """A field of the statement, found: its SQL expression and where it lives."""

    sql: str
    field: Field
    type_key: str


@dataclass(slots=True)
class _Scope:
    """One SELECT while it is compiled."""

    options: Options
    tables: dict[str, tuple[str, ObjectType]] = field(default_factory=dict)
    parameters: list[Scalar] = field(default_factory=list)
    indexes: list[tuple[str, str, bool]] = field(default_factory=list)

    def add(self, source: ql.Source, instance: Instance) -> tuple[str, ObjectType]:
        if source.alias in self.tables:
            raise bad_request(f"[{source.alias}] stands for two types in the query")
        added = (f"q{len(self.tables)}", instance.named(source.type_name))
        self.tables[source.alias] = added
        return added

    def find(self, alias: str) -> tuple[str, ObjectType]:
        if alias not in self.tables:
            raise bad_request(f"[{alias}] is not a type of the query's FROM and JOIN")
        return self.tables[alias]

    def resolve(self, reference: ql.FieldRef) -> _Resolved:
        if reference.qualifier is not None:
            name, object_type = self.find(reference.qualifier)
            found = field_of(object_type, reference.name)
            return _Resolved(f"{name}.{found.column}", found, object_type.key)
        owners = [entry for entry in self.tables.values() if reference.name in entry[1].fields]
        if len(owners) > 1:
            raise bad_request(f"[{reference.name}] is a field of several types of the query: qualify it")
        name, object_type = owners[0] if owners else next(iter(self.tables.values()))
        found = field_of(object_type, reference.name)
        return _Resolved(f"{name}.{found.column}", found, object_type.key)

    def bind(self, value: Scalar) -> str:
        self.parameters.append(value)
        return "?"

    def compared(self, reference: ql.FieldRef) -> _Resolved:
        """Resolve a field that a condition compares."""
        found = self.resolve(reference)
        ignore_case = self.options.ignore_case and found.field.data_type in catalogue.TEXTS
        self.indexes.append((found.type_key, found.field.column, ignore_case))
        return found


def compile_statement(statement: ql.Statement, instance: Instance, options: Options) -> Compiled:
    """Return the SQL of a statement, without paging. Raises ApiError (400) for unknown types and fields, bad values."""
    parts = [_select(select, instance, options, alone=len(statement.selects) == 1) for select in statement.selects]
    if len({len(part.columns) for part in parts}) > 1:
        raise bad_request("The parts of a UNION have different numbers of columns")
    if sum(len(part.parameters) for part in parts) > MAX_LITERALS:
        raise bad_request(f"The statement has more than {MAX_LITERALS} literals")
    # A UNION's rows have no order of their own, but pages must not overlap.
    order = " ORDER BY " + ", ".join(str(n + 1) for n in range(len(parts[0].columns))) if len(parts) > 1 else ""
    return Compiled(
        sql=" UNION ".join(part.sql for part in parts) + order,
        parameters=[value for part in parts for value in part.parameters],
        columns=parts[0].columns,
        indexes=[index for part in parts for index in part.indexes],
    )


def _select(select: ql.Select, instance: Instance, options: Options, alone: bool) -> Compiled:
    scope = _Scope(options)
    first, first_type = scope.add(select.source, instance)
    joins = [_join(scope, join, instance) for join in select.joins]
    columns, expressions = _columns(scope, select)
    sql = [f"SELECT {', '.join(expressions)} FROM {table(first_type.key)} {first}", *joins]
    if select.where is not None:
        sql.append(f"WHERE {_condition(scope, select.where)}")
    if select.group_by:
        sql.append(f"GROUP BY {', '.join(scope.resolve(reference).sql for reference in select.group_by)}")
    ordering = _ordering(scope, select, [column.field is None for column in columns])
    if ordering and not alone:
        if select.order_by:
            raise bad_request("ORDER BY cannot be part of a UNION")
    elif ordering:
        sql.append(f"ORDER BY {', '.join(ordering)}")
    return Compiled(" ".join(sql), scope.parameters, columns, scope.indexes)


def _columns(scope: _Scope, select: ql.Select) -> tuple[list[Column], list[str]]:
    columns, expressions = [], []
    counts = any(isinstance(column, ql.Count) for column in select.columns)
    for column in select.columns:
        if isinstance(column, ql.Count):
            inner = "*" if column.field is None else scope.resolve(column.field).sql
            columns.append(Column("COUNT(*)" if column.field is None else f"COUNT([{column.field.name}])", None))
            expressions.append(f"COUNT({inner})")
            continue
        found = scope.resolve(column)
        grouped = [scope.resolve(reference).sql for reference in select.group_by]
        if (counts or grouped) and found.sql not in grouped:
            raise bad_request(f"[{column.name}] must be in GROUP BY, since the query counts or groups")
        columns.append(Column(found.field.name, found.field))
        expressions.append(found.sql)
    return columns, expressions


def _ordering(scope: _Scope, select: ql.Select, counts: Sequence[bool]) -> list[str]:
    terms = [f"{scope.compared(term.field).sql} {_direction(term.descending)}" for term in select.order_by]
    # Where the statement leaves the order open the ids decide: pages must not overlap.
    if not any(counts) and not select.group_by:
        last = _direction(bool(select.order_by) and select.order_by[-1].descending)
        terms += [f"{name}.id {last}" for name, _unused in scope.tables.values()]
    return terms


def _direction(descending: bool) -> str:
    return "DESC" if descending else "ASC"


def _join(scope: _Scope, join: ql.Join, instance: Instance) -> str:
    of, _unused = scope.find(join.of)
    name, object_type = scope.add(join.source, instance)
    if join.outer or join.relation == "ANCESTOR":
        primary = " AND x.is_primary" if scope.options.primary_only else ""
        related = _RELATIONS[join.relation].format(of=f"{of}.id", primary=primary)
        return f"{'LEFT ' if join.outer else ''}JOIN {table(object_type.key)} {name} ON {name}.id IN ({related})"
    # Two plain joins leave SQLite free to begin at whichever side the WHERE narrows down.
    near, far = _DIRECT[join.relation]
    primary = f" AND link_{name}.is_primary" if scope.options.primary_only else ""
    return (
        f"JOIN association link_{name} ON link_{name}.{near} = {of}.id{primary}"
        f" JOIN {table(object_type.key)} {name} ON {name}.id = link_{name}.{far}"
    )


def _condition(scope: _Scope, condition: ql.Condition) -> str:
    if isinstance(condition, ql.Chain):
        return _balanced([_condition(scope, inner) for inner in condition.conditions], condition.operator)
    if isinstance(condition, ql.Not):
        return f"NOT ({_condition(scope, condition.condition)})"
    if isinstance(condition, ql.Compare):
        return _compare(scope, condition)
    if isinstance(condition, ql.Within):
        return _within(scope, condition)
    if isinstance(condition, ql.Like):
        return _like(scope, condition)
    if isinstance(condition, ql.Contains):
        return _contains(scope, condition)
    return f"{scope.resolve(condition.field).sql} IS {'NOT ' if condition.negated else ''}NULL"


def _balanced(terms: Sequence[str], operator: str) -> str:
    """Join terms as a balanced tree: SQLite limits the depth of an expression, and a chain is as deep as it is long."""
    if len(terms) == 1:
        return terms[0]
    middle = len(terms) // 2
    return f"({_balanced(terms[:middle], operator)} {operator} {_balanced(terms[middle:], operator)})"


def _compare(scope: _Scope, condition: ql.Compare) -> str:
    found = scope.compared(condition.field)
    value = scope.bind(_literal(found.field, condition.literal))
    if found.field.data_type == catalogue.MULTI:
        if condition.operator not in ("=", "<>"):
            raise bad_request(f"[{found.field.name}] has several values: only = and <> compare it")
        matches = f"{value} IN (SELECT value FROM json_each({found.sql}))"
        return f"({found.sql} IS NOT NULL AND {'NOT ' if condition.operator == '<>' else ''}{matches})"
    return f"{found.sql}{_collation(scope, found.field)} {condition.operator} {value}"


def _within(scope: _Scope, condition: ql.Within) -> str:
    if not scope.options.in_operator:
        raise bad_request("Syntax error in the statement: IN is not supported")
    found = scope.compared(condition.field)
    values = ", ".join(scope.bind(_literal(found.field, literal)) for literal in condition.literals)
    negation = "NOT " if condition.negated else ""
    if found.field.data_type == catalogue.MULTI:
        matches = f"EXISTS (SELECT 1 FROM json_each({found.sql}) WHERE value IN ({values}))"
        return f"({found.sql} IS NOT NULL AND {negation}{matches})"
    return f"{found.sql}{_collation(scope, found.field)} {negation}IN ({values})"


def _like(scope: _Scope, condition: ql.Like) -> str:
    found = scope.compared(condition.field)
    _only_text(found.field, "LIKE")
    # GLOB is SQLite's case-sensitive LIKE, and runs over an index when the pattern begins with plain text.
    operator = "LIKE" if scope.options.ignore_case else "GLOB"
    pattern = scope.bind(condition.pattern if scope.options.ignore_case else _glob(condition.pattern))
    if found.field.data_type == catalogue.MULTI:
        return f"EXISTS (SELECT 1 FROM json_each({found.sql}) WHERE value {operator} {pattern})"
    return f"{found.sql} {operator} {pattern}"


def _contains(scope: _Scope, condition: ql.Contains) -> str:
    found = scope.resolve(condition.field)
    _only_text(found.field, "CONTAINS")
    return f"instr(lower({found.sql}), lower({scope.bind(condition.text)})) > 0"


def _glob(pattern: str) -> str:
    special = {"%": "*", "_": "?", "*": "[*]", "?": "[?]", "[": "[[]"}
    return "".join(special.get(character, character) for character in pattern)


def _only_text(field: Field, operator: str) -> None:
    if field.data_type not in catalogue.TEXTS | {catalogue.ENUM, catalogue.MULTI}:
        raise bad_request(f"{operator} compares texts; [{field.name}] is a {field.data_type}")


def _collation(scope: _Scope, field: Field) -> str:
    return " COLLATE NOCASE" if scope.options.ignore_case and field.data_type in catalogue.TEXTS else ""


def _literal(field: Field, literal: ql.Literal) -> Scalar:
    """Return a literal as the field's column stores it."""
    if field.data_type == catalogue.DATE:
        return _date(field, literal)
    if literal.kind == "date":
        raise bad_request(f"[{field.name}] is a {field.data_type}: it cannot be compared with a DATE")
    if field.data_type in (catalogue.ID, *catalogue.NUMBERS):
        return _number(field, literal.value)
    return str(literal.value)


def _date(field: Field, literal: ql.Literal) -> str:
    try:
        return clock.normalise(str(literal.value))
    except (ValueError, OverflowError):
        raise bad_request(f"[{field.name}] is a date: {str(literal.value)[:100]!r} is none") from None


def _number(field: Field, value: str | int | float) -> int | float:
    try:
        number = float(value) if field.data_type == catalogue.FLOAT else int(value)
    except (ValueError, OverflowError):
        raise bad_request(f"[{field.name}] is a number: {str(value)[:100]!r} is none") from None
    if abs(number) > MAX_INTEGER:
        raise bad_request(f"[{field.name}] is a number: {str(value)[:100]!r} is too large")
    return number
