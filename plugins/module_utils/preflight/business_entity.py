# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A business entity at the root, as a connection needs one: found, compared, made, changed, or removed while empty."""

from __future__ import annotations

from dataclasses import dataclass

from ..connection.plan import Operation
from ..console.client import ConsoleClient
from ..console.errors import UnknownOutcomeError
from ..console.objects import Association, ConsoleObject, NewObject, ObjectChange
from ..console.query import Compare, Query, columns
from .errors import BusinessEntityError

SHOWN_CHILDREN = 10
MAX_NAME_LENGTH = 255


@dataclass(frozen=True, slots=True)
class WantedEntity:
    """The entity asked for. A description of None leaves what is there alone; an empty one clears it."""

    name: str
    description: str | None = None
    type_name: str = "SOXBusEntity"


def check_entity_name(name: str) -> None:
    """Raise BusinessEntityError for a name that cannot be part of a path in the console."""
    if not name or name != name.strip() or set(name) & set("/\\") or not name.isprintable():
        raise BusinessEntityError(
            f"{name!r} cannot be the name of a business entity: it must not be empty, hold / or \\, or begin or end "
            "with a space."
        )
    if len(name) > MAX_NAME_LENGTH:
        raise BusinessEntityError(
            f"The name of a business entity has at most {MAX_NAME_LENGTH} characters, not {len(name)}."
        )


def find_root_entity(client: ConsoleClient, name: str, type_name: str) -> ConsoleObject | None:
    """Return the entity of that name at the root, or None where no entity has the name.

    1 request, and 2 for each entity of the name. Raises BusinessEntityError where one has the name and hangs under
    another entity, or where several at the root have it.
    """
    condition = Compare(columns("Name")[0], "=", name)
    rows = list(client.select(Query(columns("Resource ID"), type_name, where=condition)))
    roots: list[str] = []
    below: list[tuple[str, Association]] = []
    for row in rows:
        object_id = str(row.get("Resource ID", ""))
        above = [parent for parent in client.parents(object_id) if parent.type_name == type_name]
        if above:
            below.append((object_id, above[0]))
        else:
            roots.append(object_id)
    if len(roots) > 1:
        raise BusinessEntityError(f'{len(roots)} business entities at the root are named "{name}": {", ".join(roots)}.')
    if not roots and below:
        object_id, parent = below[0]
        raise BusinessEntityError(
            f'The business entity "{name}" (id {object_id}) is not at the root: it hangs under '
            f'"{parent.name or f"id {parent.id}"}". Use another name, or move it to the root.'
        )
    return client.get_object(roots[0]) if roots else None


def plan_presence(existing: ConsoleObject | None, wanted: WantedEntity) -> tuple[Operation, ...]:
    """Return what has to be done so that the entity is there with its description. Pure."""
    if existing is None:
        return (Operation("create", {}, {"name": wanted.name, "description": wanted.description or ""}),)
    if wanted.description is None or wanted.description == existing.description:
        return ()
    before, after = {"description": existing.description}, {"description": wanted.description}
    return (Operation("update", {"name": wanted.name, **before}, {"name": wanted.name, **after}),)


def plan_absence(existing: ConsoleObject | None, children: tuple[Association, ...]) -> tuple[Operation, ...]:
    """Return what has to be done so that there is no such entity. Pure.

    Raises BusinessEntityError, naming what is in it, for one that is not empty: it is never emptied here.
    """
    if existing is None:
        return ()
    if children:
        listed = [_named(child) for child in children[:SHOWN_CHILDREN]]
        more = len(children) - len(listed)
        rest = f" and {more} more" if more else ""
        raise BusinessEntityError(
            f'The business entity "{existing.name}" (id {existing.id}) is not empty: it holds '
            f"{', '.join(listed)}{rest}. Move or delete those in the console first."
        )
    return (Operation("delete", {"name": existing.name, "description": existing.description}, {}),)


def apply_entity(
    client: ConsoleClient, existing: ConsoleObject | None, wanted: WantedEntity, operations: tuple[Operation, ...]
) -> ConsoleObject | None:
    """Do what was planned (1 request an operation) and return the entity as it then is, None where it is gone."""
    for operation in operations:
        if operation.name == "create":
            return _create(client, wanted)
        if existing is not None and operation.name == "delete":
            client.delete_object(existing.id)
            return None
        if existing is not None and operation.name == "update":
            title = existing.title or existing.name
            change = ObjectChange(existing.type_name, existing.name, title, wanted.description or "")
            return client.update_object(existing.id, change)
    return existing


def _create(client: ConsoleClient, wanted: WantedEntity) -> ConsoleObject:
    new = NewObject(wanted.type_name, wanted.name, wanted.name, wanted.description or "")
    try:
        return client.create_object(new)
    except UnknownOutcomeError:
        # The answer was lost: the entity may be there, and its name tells.
        return find_root_entity(client, wanted.name, wanted.type_name) or client.create_object(new)


def _named(child: Association) -> str:
    return f'{child.type_name} "{child.name}" (id {child.id})' if child.name else f"{child.type_name} {child.id}"
