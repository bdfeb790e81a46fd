# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The console's users, and the SCIM answers about them."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .errors import bad_request, not_found

_LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
_USER = "urn:ietf:params:scim:schemas:core:2.0:User"


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who may log in or own a model."""

    id: int
    user_name: str
    email: str
    active: bool

    def as_json(self) -> dict[str, Any]:
        """Return the SCIM resource."""
        return {
            "schemas": [_USER],
            "id": str(self.id),
            "userName": self.user_name,
            "displayName": self.user_name,
            "active": self.active,
            "emails": [{"value": self.email, "type": "work", "primary": True}] if self.email else [],
        }


class Users:
    """All users. Thread-safe."""

    def __init__(self, first_id: int) -> None:
        self._lock = threading.Lock()
        self._next_id = first_id
        self._users: dict[str, User] = {}
        self._names: dict[int, str] = {}

    def add(self, user_name: str, email: str, active: bool = True) -> User:
        """Add a user, or change the one of that name."""
        with self._lock:
            known = self._users.get(user_name.lower())
            user = User(known.id if known else self._next_id, user_name, email, active)
            self._next_id += 0 if known else 1
            self._users[user_name.lower()] = user
            self._names[user.id] = user_name
            return user

    def get(self, user_name: str) -> User | None:
        """Return the user of that name; case does not matter."""
        with self._lock:
            return self._users.get(user_name.lower())

    def name(self, user_id: int) -> str:
        """Return a user's name."""
        with self._lock:
            return self._names[user_id]

    def all(self) -> list[User]:
        """Return the users, oldest first."""
        with self._lock:
            return sorted(self._users.values(), key=lambda user: user.id)

    def search(self, arguments: Mapping[str, str]) -> dict[str, Any]:
        """Return the answer of GET /scim/Users: filter, startIndex (from 1) and count. Raises ApiError (400)."""
        chosen = [user for user in self.all() if matches(arguments.get("filter", ""), user)]
        start = max(1, _whole(arguments.get("startIndex", "1")))
        count = _whole(arguments.get("count", "100"))
        shown = chosen[start - 1 : start - 1 + count]
        return {
            "schemas": [_LIST],
            "totalResults": len(chosen),
            "startIndex": start,
            "itemsPerPage": len(shown),
            "Resources": [user.as_json() for user in shown],
        }

    def by_id(self, user_id: str) -> dict[str, Any]:
        """Return one user's SCIM resource. Raises ApiError (404)."""
        for user in self.all():
            if str(user.id) == user_id:
                return user.as_json()
        raise not_found("User")


def _whole(text: str) -> int:
    if not text.isdecimal() or len(text) > 9:
        raise bad_request(f"{text[:100]!r} is not a number")
    return int(text)


_TOKEN = re.compile(r'\s*(?:("(?:[^"\\]|\\.)*")|([()])|([^\s()"]+))')
_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "eq": lambda value, wanted: value == wanted,
    "ne": lambda value, wanted: value != wanted,
    "co": lambda value, wanted: wanted in value,
    "sw": lambda value, wanted: value.startswith(wanted),
    "ew": lambda value, wanted: value.endswith(wanted),
}


def matches(text: str, user: User) -> bool:
    """Tell whether a user fulfils a SCIM filter; an empty one fits all. Raises ApiError (400) for an unknown filter.

    Known: userName, displayName, id, active, emails and emails.value; eq ne co sw ew pr; and, or. Case does not matter,
    as RFC 7643 has it for user names and mail addresses.
    """
    tokens = _tokens(text)
    if not tokens:
        return True
    result, alternative = False, True
    while True:
        term, tokens = _term(tokens, user)
        alternative = alternative and term
        word = tokens[0].lower() if tokens else ""
        if word == "and":
            tokens = tokens[1:]
            continue
        result, alternative = result or alternative, True
        if not tokens:
            return result
        if word != "or":
            raise bad_request(f"The filter cannot be read at {tokens[0][:100]!r}")
        tokens = tokens[1:]


def _tokens(text: str) -> Sequence[str]:
    tokens: list[str] = []
    position = 0
    while text[position:].strip():
        match = _TOKEN.match(text, position)
        if match is None or match.group(2):
            raise bad_request(f"The filter cannot be read at {text[position:][:100]!r}")
        tokens.append(match.group(0).strip())
        position = match.end()
    return tokens


def _term(tokens: Sequence[str], user: User) -> tuple[bool, Sequence[str]]:
    if len(tokens) < 2:
        raise bad_request("The filter ends too early")
    values = _attribute(tokens[0], user)
    operator = tokens[1].lower()
    if operator == "pr":
        return any(values), tokens[2:]
    if operator not in _OPERATORS:
        raise bad_request(f"The filter has an unknown operator {tokens[1][:100]!r}")
    if len(tokens) < 3:
        raise bad_request("The filter ends too early")
    quoted = len(tokens[2]) > 1 and tokens[2].startswith('"') and tokens[2].endswith('"')
    if not quoted and tokens[2].lower() not in ("true", "false"):
        raise bad_request(f"The filter compares with {tokens[2][:100]!r}, which is not a quoted text")
    wanted = re.sub(r"\\(.)", r"\1", tokens[2][1:-1]) if quoted else tokens[2]
    return any(_OPERATORS[operator](value.lower(), wanted.lower()) for value in values), tokens[3:]


def _attribute(name: str, user: User) -> list[str]:
    values = {
        "username": [user.user_name],
        "displayname": [user.user_name],
        "id": [str(user.id)],
        "active": ["true" if user.active else "false"],
        "emails": [user.email] if user.email else [],
        "emails.value": [user.email] if user.email else [],
    }.get(name.lower())
    if values is None:
        raise bad_request(f"The filter names an unknown attribute {name[:100]!r}")
    return values
