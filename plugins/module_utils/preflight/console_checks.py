# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of the console's end of a connection: address and login, business entity, default user, types and fields."""

from __future__ import annotations

from dataclasses import dataclass

from ..connection.model import SyncSettings
from ..console.client import ConsoleClient
from ..console.errors import RefusedError
from ..console.objects import ConsoleUser
from ..console.query import Compare, Condition, Or, Query, Row, columns
from ..console.requirements import NeededType, unmet
from ..console.sync_needs import sync_needs
from .errors import BusinessEntityError, ConsoleSetupError, DefaultUserError, PermissionsError

_ENTITY_COLUMNS = columns("Resource ID", "Name", "Location")


@dataclass(frozen=True, slots=True)
class BusinessEntity:
    """A business entity at the root of the console's hierarchy."""

    id: str
    name: str
    location: str


def check_login(client: ConsoleClient, business_entity_type: str = "SOXBusEntity") -> None:
    """Check that the address is the API's, that it lets us in, and that it has business entities (2 requests).

    Raises WrongAddressError, LoginRefusedError, UnreachableError and other errors of the console room.
    """
    client.types().by_name(business_entity_type)


def resolve_business_entity(client: ConsoleClient, name_or_id: str, type_name: str = "SOXBusEntity") -> BusinessEntity:
    """Return the one root business entity of that name or id (1 request, and 1 for each that answers to it).

    Raises BusinessEntityError where there is none, where several are at the root, or where all hang under others.
    """
    name = columns("Name")[0]
    condition: Condition = Compare(name, "=", name_or_id)
    if name_or_id.isascii() and name_or_id.isdigit():
        condition = Or((condition, Compare(columns("Resource ID")[0], "=", name_or_id)))
    found = [_entity(row) for row in client.select(Query(_ENTITY_COLUMNS, type_name, where=condition))]
    if not found:
        raise BusinessEntityError(
            f'The console has no business entity "{name_or_id}" that this login can see: create it first, at the root.'
        )
    above = [_entity_above(client, entity, type_name) for entity in found]
    roots = [entity for entity, parent in zip(found, above, strict=True) if parent is None]
    if len(roots) > 1:
        listed = ", ".join(f"{entity.id} ({entity.location or entity.name})" for entity in roots)
        raise BusinessEntityError(
            f'{len(roots)} business entities at the root are named "{name_or_id}": give the id, one of {listed}.'
        )
    if not roots:
        raise BusinessEntityError(
            f'The business entity "{found[0].name}" (id {found[0].id}) is not at the root: it hangs under '
            f'"{above[0]}". Use a root entity.'
        )
    return roots[0]


def _entity_above(client: ConsoleClient, entity: BusinessEntity, type_name: str) -> str | None:
    """Return what the entity hangs under, or None for one at the root (1 request)."""
    above = [parent for parent in client.parents(entity.id) if parent.type_name == type_name]
    return (above[0].name or f"id {above[0].id}") if above else None


def check_permissions(client: ConsoleClient, entity: BusinessEntity) -> bool:
    """Check that the login may read, write and associate in the entity (1 request).

    Return False where the console does not tell: then it shows when it refuses. Raises PermissionsError.
    """
    try:
        lacking = client.permissions(entity.id).lacking("read", "write", "associate")
    except RefusedError as refusal:
        if refusal.status not in (404, 405, 501):
            raise
        return False
    if lacking:
        raise PermissionsError(
            f'The login may not {" or ".join(lacking)} in the business entity "{entity.name}" (id {entity.id}): give '
            "it a role there, through the entity's security domain, that includes this."
        )
    return True


def check_default_user(client: ConsoleClient, name_or_email: str) -> ConsoleUser:
    """Return the default user (1 or 2 requests). Raises DefaultUserError where there is none or it is not active."""
    user = client.find_user(name_or_email)
    if user is None:
        raise DefaultUserError(
            f'The console has no user "{name_or_email}": give the user name or e-mail address of an account there.'
        )
    if not user.active:
        raise DefaultUserError(f'The console user "{user.user_name}" is not active: activate it or name another.')
    return user


def check_sync_settings(client: ConsoleClient, settings: SyncSettings) -> None:
    """Check that the console has the types and fields that the agent and the use cases need.

    2 requests, and 1 more with metrics. Raises ConsoleSetupError, with everything that is missing and the option that
    changes each.
    """
    lacking = unmet(client, (NeededType(settings.use_case_type, "sync_use_case_type"), *sync_needs(settings)))
    if lacking:
        raise ConsoleSetupError(" ".join(lacking))


def _entity(row: Row) -> BusinessEntity:
    return BusinessEntity(
        id=str(row.get("Resource ID", "")), name=str(row.get("Name", "")), location=str(row.get("Location", ""))
    )
