# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""POST and GET /v2/query: one page of a statement's rows."""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Mapping
from typing import Any

from . import catalogue, clock, query_language, query_sql
from .errors import bad_request
from .instance import Field, Instance
from .query_sql import Column, Compiled, Options
from .store import Scalar, Store
from .switches import Switches
from .values import to_json


class QueryEndpoint:
    """Runs statements against a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def run(self, request: Mapping[str, Any], instance: Instance, switches: Switches, address: str) -> dict[str, Any]:
        """Return the page that a request body asks for. ``address`` begins the link to the next page.

        Keys of the request: statement, offset, limit, max_rows (0: no cap), case_insensitive, honor_primary.
        Raises ApiError (400).
        """
        statement = request.get("statement")
        if not isinstance(statement, str) or not statement.strip():
            raise bad_request("statement is required")
        if any("\ud800" <= character <= "\udfff" or character == "\0" for character in statement):
            raise bad_request("The statement holds characters that are not allowed")
        offset = _number(request, "offset", 0)
        limit = min(_number(request, "limit", switches.default_limit) or switches.default_limit, switches.max_limit)
        max_rows = _number(request, "max_rows", 0)
        options = Options(_flag(request, "case_insensitive"), _flag(request, "honor_primary"), switches.in_operator)
        compiled = query_sql.compile_statement(query_language.parse(statement), instance, options)
        left = max(0, max_rows - offset) if max_rows else limit + 1
        rows = self._page(compiled, offset, min(limit + 1, left))
        page: dict[str, Any] = {
            "definitions": [_definition(column) for column in compiled.columns],
            "rows": [_row(compiled.columns, row, switches) for row in rows[:limit]],
            "offset": offset,
            "limit": limit,
        }
        if len(rows) > limit and switches.query_next:
            page["next"] = {"href": f"{address}offset={offset + limit}"}
        return page

    def _page(self, compiled: Compiled, offset: int, count: int) -> list[tuple[Scalar, ...]]:
        with self._store.transaction():
            for index in compiled.indexes:
                self._store.ensure_index(*index)
            return self._store.rows(
                f"{compiled.sql} LIMIT ? OFFSET ?",
                [*compiled.parameters, count, min(offset, query_sql.MAX_INTEGER)],
            )


def from_arguments(arguments: Mapping[str, str]) -> dict[str, Any]:
    """Return the request body that the arguments of a GET stand for. Raises ApiError (400)."""
    request: dict[str, Any] = {"statement": arguments.get("q")}
    for name in ("offset", "limit", "max_rows"):
        if name in arguments:
            try:
                request[name] = int(arguments[name])
            except ValueError:
                raise bad_request(f"{name} takes a number, not {arguments[name][:100]!r}") from None
    for name in ("case_insensitive", "honor_primary"):
        if name in arguments:
            request[name] = arguments[name].lower() == "true"
    return request


def next_arguments(arguments: Mapping[str, str]) -> str:
    """Return the arguments of a GET for the link to its next page, ready for the offset to follow."""
    kept = {name: value for name, value in arguments.items() if name != "offset"}
    return urllib.parse.urlencode(kept) + "&" if kept else ""


def _number(request: Mapping[str, Any], name: str, default: int) -> int:
    value = request.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise bad_request(f"{name} takes a number of 0 or more, not {str(value)[:100]!r}")
    return value


def _flag(request: Mapping[str, Any], name: str) -> bool:
    value = request.get(name, False)
    if not isinstance(value, bool):
        raise bad_request(f"{name} takes true or false, not {str(value)[:100]!r}")
    return value


def _definition(column: Column) -> dict[str, str]:
    if column.field is None:
        return {"name": column.name, "data_type": catalogue.INTEGER}
    return {"id": column.field.id, "name": column.name, "data_type": column.field.data_type}


def _row(columns: list[Column], row: tuple[Scalar, ...], switches: Switches) -> dict[str, Any]:
    fields = []
    for column, value in zip(columns, row, strict=True):
        cell: dict[str, Any] = {"name": column.name}
        if value is not None:
            cell["value"] = value if column.field is None else _value(column.field, value, switches)
        fields.append(cell)
    return {"fields": fields}


def _value(field: Field, value: Scalar, switches: Switches) -> Any:
    if field.data_type == catalogue.DATE:
        return clock.shifted(str(value), switches.query_offset_minutes)
    if field.data_type == catalogue.MULTI:
        names = tuple(json.loads(str(value)))
        return list(names) if switches.query_enum_shape == "string" else to_json(field, names)
    if field.data_type == catalogue.ENUM and switches.query_enum_shape == "string":
        return value
    return to_json(field, value)
