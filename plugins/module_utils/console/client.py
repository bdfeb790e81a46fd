# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The console's API, call by call. One instance may be used by several threads."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from .address import parse_address
from .answers import expect_list, expect_mapping
from .auth import authenticator
from .errors import BadAnswerError, InvalidValueError, NotFoundError, RefusedError, UnknownTypeError
from .limiter import LIMITERS
from .objects import (
    EXTENSION,
    Association,
    ConsoleObject,
    ConsoleUser,
    NewObject,
    ObjectChange,
    Permissions,
    Scalar,
    associations_from_answer,
    change_body,
    creation_body,
    object_from_answer,
    permissions_from_answer,
    read_value,
    users_from_answer,
)
from .query import IN_LIST_SIZE, Column, Order, Query, Row
from .schema import ConsoleSchema, TypeDefinition, schema_from_answer, type_from_answer
from .secret import FetchSecret
from .transport import Transport

RESOURCE_ID = "Resource ID"


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """What consoles may differ in.

    ``max_rows`` 0 asks for no cap on a query's whole result; a result that reaches another cap is an error.
    ``in_operator`` False writes IN lists as OR chains from the start; else that is done once the console has refused
    an IN.
    ``empty_value`` is what clears a field (null, or the empty text).
    """

    page_limit: int = 500
    max_rows: int = 0
    in_operator: bool = True
    in_list_size: int = IN_LIST_SIZE
    empty_value: str | None = None


class ConsoleClient:
    """Every method may raise the errors of console.errors; each is one request unless its text says otherwise.

    The first call also logs in, and the list of types and each type's definition are fetched once, when first needed.
    """

    def __init__(self, transport: Transport, settings: ClientSettings | None = None) -> None:
        self.transport = transport
        self.settings = settings or ClientSettings()
        self._lock = threading.RLock()
        self._in_operator = self.settings.in_operator
        self._schema: ConsoleSchema | None = None
        self._definitions: dict[str, TypeDefinition] = {}

    def types(self) -> ConsoleSchema:
        """Return the console's types (one request, then kept)."""
        with self._lock:
            if self._schema is None:
                params = {"include_field_definitions": "false", "include_localized_labels": "true"}
                self._schema = schema_from_answer(self.transport.request("GET", "types", "GET types", params=params))
            return self._schema

    def type_definition(self, name: str) -> TypeDefinition:
        """Return a type with its fields, by system name (one request a type, then kept). Raises UnknownTypeError."""
        with self._lock:
            if name not in self._definitions:
                try:
                    data = self.transport.request("GET", f"types/{_quote(name)}", "GET types")
                except NotFoundError:
                    raise UnknownTypeError(f'The console has no type "{name}".') from None
                self._definitions[name] = type_from_answer(data)
            return self._definitions[name]

    def select(self, query: Query) -> Iterator[Row]:
        """Yield the rows of a query: one request a page, and one query for every 50 values of a long IN list.

        Where the query has no order and selects [Resource ID], the rows come in that order: pages by offset are only
        sure to fit together in a fixed order. The last page is the one that has no ``next`` and is not full: nothing
        public promises the link, so a full page costs one more request.
        """
        for part in query.split(self.settings.in_list_size):
            yield from self._pages(_ordered(part))

    def _pages(self, query: Query) -> Iterator[Row]:
        what = f"The answer of the query of {query.type_name}"
        offset = 0
        previous: object = None
        while True:
            answer = expect_mapping(self._page(query, offset), what)
            rows = expect_list(answer, "rows", what)
            for raw in rows:
                yield _row(raw, query.columns, what)
            length = _page_length(answer, self.settings.page_limit)
            self._expect_all(offset + len(rows), what)
            is_linked = bool(answer.get("next"))
            if not is_linked and len(rows) < length:
                return
            if not rows or (rows == previous and (_has_key(query) or not is_linked)):
                raise BadAnswerError(f"{what} brings nothing new at offset {offset}, yet does not end there.")
            previous = rows
            offset += max(length, len(rows))

    def _expect_all(self, count: int, what: str) -> None:
        """Raise BadAnswerError for as many rows as were asked for at most: what is cut off would be taken for gone."""
        if 0 < self.settings.max_rows <= count:
            raise BadAnswerError(
                f"{what} has {count} rows, and max_rows is {self.settings.max_rows}: more may have been left out. "
                "Raise console_max_rows of the connection."
            )

    def _page(self, query: Query, offset: int) -> object:
        """Ask for one page; without IN from the moment that a console refuses a statement with it but not without."""
        if not self._in_operator:
            return self._ask(query, offset, in_operator=False)
        try:
            return self._ask(query, offset, in_operator=True)
        except RefusedError as refusal:
            if refusal.status != 400 or query.statement() == query.statement(in_operator=False):
                raise
        answer = self._ask(query, offset, in_operator=False)
        self._in_operator = False
        return answer

    def _ask(self, query: Query, offset: int, *, in_operator: bool) -> object:
        size = self.settings.in_list_size
        body = {
            "statement": query.statement(in_operator=in_operator, in_list_size=size),
            "offset": offset,
            "limit": self.settings.page_limit,
            "max_rows": self.settings.max_rows,
            "case_insensitive": False,
            "honor_primary": False,
        }
        return self.transport.request("POST", "query", "POST query", body=body)

    def get_object(self, object_id: str) -> ConsoleObject | None:
        """Return an object, or None if there is none of that id."""
        try:
            data = self.transport.request("GET", f"contents/{_quote(object_id)}", "GET contents")
        except NotFoundError:
            return None
        return self._read_object(data)

    def create_object(self, new: NewObject) -> ConsoleObject:
        """Create an object and return it. Raises UnknownOutcomeError if it is not known whether that happened.

        The console answers a creation under an existing name with the existing object: query first.
        """
        body = creation_body(new, self.type_definition(new.type_name))
        schema = self.types()
        data = self.transport.request("POST", "contents", "POST contents", body=body, repeatable=False)
        return object_from_answer(data, schema)

    def update_object(self, object_id: str, change: ObjectChange) -> ConsoleObject:
        """Change an object and return it as it then is. Raises NotFoundError."""
        body = change_body(change, self.type_definition(change.type_name), self.settings.empty_value)
        return self._read_object(
            self.transport.request("PUT", f"contents/{_quote(object_id)}", "PUT contents", body=body)
        )

    def delete_object(self, object_id: str) -> bool:
        """Delete an object; return whether there was one. Raises RefusedError where the console does not let it go."""
        try:
            self.transport.request("DELETE", f"contents/{_quote(object_id)}", "DELETE contents")
        except NotFoundError:
            return False
        return True

    def permissions(self, object_id: str) -> Permissions:
        """Return what the login may do with an object. Raises NotFoundError, also where a console lacks this call."""
        path = f"contents/{_quote(object_id)}/permissions/effective"
        return permissions_from_answer(self.transport.request("GET", path, "GET contents/permissions/effective"))

    def parents(self, object_id: str) -> tuple[Association, ...]:
        """Return all parents, the primary one among them. Raises NotFoundError."""
        return self._associations(object_id, "parent")

    def children(self, object_id: str) -> tuple[Association, ...]:
        """Return the direct children. Raises NotFoundError."""
        return self._associations(object_id, "child")

    def associate(self, object_id: str, *, parents: Iterable[str] = (), children: Iterable[str] = ()) -> None:
        """Link the object to parents and children; a link that is there already does no harm.

        One request; two or three only if the console refuses it, to see whether the links are there after all.
        """
        wanted = {"parent": tuple(parents), "child": tuple(children)}
        links = [{"id": other, "type": kind} for kind, others in wanted.items() for other in others]
        if not links:
            return
        path = f"contents/{_quote(object_id)}/associations"
        try:
            self.transport.request("POST", path, "POST contents/associations", body={"associations": links})
        except RefusedError:
            if not all(set(others) <= self._linked(object_id, kind) for kind, others in wanted.items() if others):
                raise

    def dissociate(self, object_id: str, *, parents: Iterable[str] = (), children: Iterable[str] = ()) -> None:
        """Remove links to parents and children; one that is gone already does no harm. Requests as with associate."""
        unwanted = {"parent": tuple(parents), "child": tuple(children)}
        params = {}
        for key, kind in (("parents", "parent"), ("children", "child")):
            if unwanted[kind]:
                params[key] = ",".join(unwanted[kind])
        if not params:
            return
        path = f"contents/{_quote(object_id)}/associations"
        try:
            self.transport.request("DELETE", path, "DELETE contents/associations", params=params)
        except RefusedError:
            if any(set(others) & self._linked(object_id, kind) for kind, others in unwanted.items() if others):
                raise

    def find_user(self, name_or_email: str) -> ConsoleUser | None:
        """Return the user of that user name or e-mail address, or None (one or two requests).

        What holds an @ is looked up as an address first; only that search is known from IBM's own code, so a console
        that refuses the other does no harm then. Raises InvalidValueError if several users have the address.
        """
        if "@" not in name_or_email:
            return _only(self._users("userName", name_or_email), name_or_email)
        found = self._users("emails", name_or_email)
        try:
            found = found or self._users("userName", name_or_email)
        except RefusedError as refusal:
            if refusal.status != 400:
                raise
        return _only(found, name_or_email)

    def task_view_url(self, object_id: str) -> str:
        """Return the address of the object's page in the console's web interface (no request)."""
        return self.transport.address.task_view(_quote(object_id))

    @property
    def calls(self) -> Mapping[str, int]:
        """Requests sent so far, by verb and resource: {"POST query": 3, "GET types": 1}."""
        return self.transport.calls

    def close(self) -> None:
        """Close the transport's connections."""
        self.transport.close()

    def _read_object(self, data: object) -> ConsoleObject:
        return object_from_answer(data, self.types())

    def _associations(self, object_id: str, kind: str) -> tuple[Association, ...]:
        path = f"contents/{_quote(object_id)}/associations"
        data = self.transport.request("GET", path, "GET contents/associations", params={"association_type": kind})
        return associations_from_answer(data, self.types(), kind)

    def _linked(self, object_id: str, kind: str) -> set[str]:
        return {association.id for association in self._associations(object_id, kind)}

    def _users(self, attribute: str, value: str) -> list[ConsoleUser]:
        """Return the users that match; a console that ignores the filter must not make us take the wrong one."""
        params = {"filter": f"{attribute} eq {json.dumps(value, ensure_ascii=False)}"}
        found = users_from_answer(self.transport.request("GET", "scim/Users", "GET scim/Users", params=params))
        return [user for user in found if _matches(user, attribute, value)]


def connect(
    url: str,
    *,
    auth_method: str,
    auth_options: Mapping[str, str],
    validate_certs: bool = True,
    ca_path: str | None = None,
    allow_http: bool = False,
    settings: ClientSettings | None = None,
    fetch_secret: FetchSecret | None = None,
) -> ConsoleClient:
    """Return a client for the console at ``url``; no request is made and no secret read yet.

    ``auth_method``, ``auth_options`` and ``fetch_secret`` are those of console.auth.authenticator. All clients of one
    console in a process share its limiter (``client.transport.pacer``). Raises BadOptionError, WrongAddressError.
    """
    login = authenticator(auth_method, fetch_secret=fetch_secret, **auth_options)
    pacer = LIMITERS.of(parse_address(url, allow_http=allow_http).origin)
    transport = Transport(
        url, login, validate_certs=validate_certs, ca_path=ca_path, allow_http=allow_http, pacer=pacer
    )
    return ConsoleClient(transport, settings)


def _quote(segment: str) -> str:
    """Quote one path segment; "." and ".." would be resolved away on their way."""
    if segment in ("", ".", ".."):
        raise InvalidValueError(f"{segment!r} cannot be the id or name of anything in the console.")
    return quote(segment, safe="")


def _ordered(query: Query) -> Query:
    if query.order_by:
        return query
    key = next((column for column in query.columns if column.field == RESOURCE_ID), None)
    return query if key is None else Query(query.columns, query.type_name, query.joins, query.where, (Order(key),))


def _has_key(query: Query) -> bool:
    return any(column.field == RESOURCE_ID for column in query.columns)


def _page_length(answer: Mapping[str, object], asked: int) -> int:
    """Return by how much to advance: the page size that the console used, which may be less than asked for."""
    used = answer.get("limit")
    if isinstance(used, int) and not isinstance(used, bool) and 0 < used <= asked:
        return used
    return asked


def _row(raw: object, columns: tuple[Column, ...], what: str) -> Row:
    """Read a row by position: with joins two columns may have the same name."""
    cells = expect_list(expect_mapping(raw, what), "fields", what)
    if len(cells) != len(columns):
        raise BadAnswerError(f"{what} has a row of {len(cells)} fields where {len(columns)} were asked for.")
    row: dict[str, Scalar] = {}
    for column, cell in zip(columns, cells, strict=True):
        value = read_value(expect_mapping(cell, what).get("value"), column.key)
        if value is not None:
            is_path = column.field == "Location" and isinstance(value, str)
            row[column.key] = str(value).removesuffix(EXTENSION) if is_path else value
    return row


def _only(found: list[ConsoleUser], name_or_email: str) -> ConsoleUser | None:
    if len(found) > 1:
        names = ", ".join(user.user_name for user in found)
        raise InvalidValueError(f'Console users that share the address "{name_or_email}": {names}. Name one.')
    return found[0] if found else None


def _matches(user: ConsoleUser, attribute: str, value: str) -> bool:
    if attribute == "userName":
        return user.user_name.casefold() == value.casefold()
    return not user.emails or value.casefold() in {address.casefold() for address in user.emails}
