# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The console's API, call by call. One instance may be used by several threads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from .objects import Association, ConsoleObject, ConsoleUser, NewObject, ObjectChange
from .query import Query, Row
from .schema import ConsoleSchema, TypeDefinition
from .transport import Transport


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """What consoles may differ in.

    ``max_rows`` 0 asks for no cap on a query's whole result. ``in_operator`` False writes IN lists as OR chains.
    ``empty_value`` is what clears a field (null, or the empty string).
    """

    page_limit: int = 500
    max_rows: int = 0
    in_operator: bool = True
    in_list_size: int = 50
    empty_value: str | None = None


class ConsoleClient:
    """Every method may raise the errors of console.errors; each call is one request unless its text says otherwise."""

    def __init__(self, transport: Transport, settings: ClientSettings | None = None) -> None:
        self.transport = transport
        self.settings = settings or ClientSettings()

    def types(self) -> ConsoleSchema:
        """Return the console's types (one request, then kept)."""
        raise NotImplementedError

    def type_definition(self, name: str) -> TypeDefinition:
        """Return a type with its fields, by system name (one request a type, then kept). Raises UnknownType."""
        raise NotImplementedError

    def select(self, query: Query) -> Iterator[Row]:
        """Yield the rows of a query: one request a page, and one query for every 50 values of a long IN list."""
        raise NotImplementedError

    def get_object(self, object_id: str) -> ConsoleObject | None:
        """Return an object, or None if there is none of that id."""
        raise NotImplementedError

    def create_object(self, new: NewObject) -> ConsoleObject:
        """Create an object and return it. Raises UnknownOutcome if the answer was lost.

        The console answers a creation under an existing name with the existing object: query first.
        """
        raise NotImplementedError

    def update_object(self, object_id: str, change: ObjectChange) -> ConsoleObject:
        """Change an object and return it as it then is. Raises NotFound."""
        raise NotImplementedError

    def parents(self, object_id: str) -> tuple[Association, ...]:
        """Return all parents, the primary one among them."""
        raise NotImplementedError

    def children(self, object_id: str) -> tuple[Association, ...]:
        """Return the direct children."""
        raise NotImplementedError

    def associate(self, object_id: str, *, parents: Iterable[str] = (), children: Iterable[str] = ()) -> None:
        """Link the object to further parents and children; a link that is there already does no harm."""
        raise NotImplementedError

    def dissociate(self, object_id: str, *, parents: Iterable[str] = (), children: Iterable[str] = ()) -> None:
        """Remove links to parents and children; never the primary parent."""
        raise NotImplementedError

    def find_user(self, name_or_email: str) -> ConsoleUser | None:
        """Return the user of that user name, else of that e-mail address, else None (one or two requests)."""
        raise NotImplementedError

    def task_view_url(self, object_id: str) -> str:
        """Return the address of the object's page in the console's web interface (no request)."""
        raise NotImplementedError

    @property
    def calls(self) -> Mapping[str, int]:
        """Requests sent so far, by verb and resource: {"POST query": 3, "GET types": 1}."""
        raise NotImplementedError

    def close(self) -> None:
        """Close the transport's connections."""
        raise NotImplementedError


def connect(
    url: str,
    *,
    auth_method: str,
    auth_options: Mapping[str, str],
    validate_certs: bool = True,
    ca_path: str | None = None,
    settings: ClientSettings | None = None,
) -> ConsoleClient:
    """Return a client for the console at ``url``; no request is made yet.

    ``auth_method`` and ``auth_options`` are those of console.auth.authenticator. Raises BadOption, WrongAddress.
    """
    raise NotImplementedError
