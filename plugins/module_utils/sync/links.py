# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Links of model groups to use cases made by hand (R14): find both, plan (pure), apply.

A model group belongs to one use case at most. Where a use case that it leaves is its primary parent, the one that it
goes to becomes that, or the business entity: a console does not let go of a primary parent otherwise.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from ..connection.model import SyncSettings
from ..console.client import ConsoleClient
from ..console.objects import ConsoleObject, ObjectChange
from ..console.query import Column, Compare, Condition, In, Query, columns
from ..registry.arn import parse_arn
from .console_reader import ID, NAME
from .errors import LinkError
from .use_cases import Ref, by_name_or_id

LinkAction: TypeAlias = Literal["link", "make_primary", "unlink"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a model group is: its primary parent and all use cases among its parents."""

    primary_parent_id: str | None
    use_cases: tuple[Ref, ...]


@dataclass(frozen=True, slots=True)
class LinkOperation:
    """One step: link to a use case, make an object the primary parent, or unlink from a use case."""

    action: LinkAction
    target: Ref


def plan_link(place: Place, use_case: Ref) -> tuple[LinkOperation, ...]:
    """Return what makes a group belong to this use case and no other. Pure."""
    leaving = [other for other in place.use_cases if other.id != use_case.id]
    steps = [] if len(leaving) < len(place.use_cases) else [LinkOperation("link", use_case)]
    return (*steps, *_leave(place, leaving, use_case))


def plan_unlink(place: Place, use_case_id: str | None, entity: Ref) -> tuple[LinkOperation, ...]:
    """Return what makes a group belong to this use case no more, or, with None, to no use case at all. Pure."""
    leaving = [other for other in place.use_cases if use_case_id in (None, other.id)]
    staying = [other for other in place.use_cases if other not in leaving]
    return _leave(place, leaving, staying[0] if staying else entity)


def _leave(place: Place, leaving: Sequence[Ref], heir: Ref) -> tuple[LinkOperation, ...]:
    """The primary parent is handed over before the link to it is cut."""
    hand_over = any(other.id == place.primary_parent_id for other in leaving)
    first = (LinkOperation("make_primary", heir),) if hand_over else ()
    return (*first, *(LinkOperation("unlink", other) for other in leaving))


def after(place: Place, operations: Sequence[LinkOperation]) -> Place:
    """Return where the group is once the operations are done. Pure."""
    for operation in operations:
        target = operation.target
        if operation.action == "link":
            place = replace(place, use_cases=(*place.use_cases, target))
        elif operation.action == "make_primary":
            place = replace(place, primary_parent_id=target.id)
        else:
            place = replace(place, use_cases=tuple(other for other in place.use_cases if other.id != target.id))
    return place


def find_group(client: ConsoleClient, named: str, settings: SyncSettings) -> ConsoleObject:
    """Return the model group of a name, an id or the ARN of its model package group (2 requests). Raises LinkError."""
    type_name = client.types().model_group(settings.model_group_type).name
    if named.startswith("arn:"):
        arn = parse_arn(named)
        if not arn.is_group:
            raise LinkError(f"{named} is a model package, not a group: give the ARN of its model package group.")
        condition: Condition = Compare(Column(settings.arn_field), "=", named)
        hint = "synchronise the registry first"
    else:
        condition = by_name_or_id(named)
        hint = "give its name, its id, or the ARN of its model package group"
    ids = _ids(client, type_name, condition)
    if not ids:
        raise LinkError(f'The console has no model group "{named}" that this login can see: {hint}.')
    if len(ids) > 1:
        raise LinkError(f'{len(ids)} model groups are "{named}": give the id, one of {_listed(ids)}.')
    found = client.get_object(next(iter(ids)))
    if found is None:
        raise LinkError(f'The model group "{named}" was deleted just now.')
    return found


def find_use_case(client: ConsoleClient, named: str, entity: Ref, settings: SyncSettings) -> Ref:
    """Return the use case of a name or id directly under the entity (1 request, and 1 for each of the name).

    Raises LinkError where there is none, where several match, and for one under another entity (R13).
    """
    ids = _ids(client, client.types().by_name(settings.use_case_type).name, by_name_or_id(named))
    if not ids:
        raise LinkError(f'The console has no use case "{named}" that this login can see.')
    eligible: dict[str, str] = {}
    elsewhere: list[str] = []
    for object_id, location in ids.items():
        parents = client.parents(object_id)
        if any(parent.id == entity.id for parent in parents):
            eligible[object_id] = location
        elsewhere += [f'"{parent.name or parent.id}"' for parent in parents]
    if not eligible:
        raise LinkError(
            f'The use case "{named}" hangs under {" and ".join(elsewhere) or "nothing"} and not directly under the '
            f'business entity "{entity.name}", so it is not synchronised: associate it with "{entity.name}" first.'
        )
    if len(eligible) > 1:
        raise LinkError(
            f'{len(eligible)} use cases under "{entity.name}" are "{named}": give the id, one of {_listed(eligible)}.'
        )
    return _refs(client, settings.use_case_type, eligible)[0]


def find_place(client: ConsoleClient, group: ConsoleObject, settings: SyncSettings) -> Place:
    """Return where a model group is (1 request, and 1 for the names of its use cases, if it has any)."""
    linked = [parent.id for parent in client.parents(group.id) if parent.type_name == settings.use_case_type]
    return Place(group.primary_parent_id, _refs(client, settings.use_case_type, linked) if linked else ())


def apply_links(client: ConsoleClient, group: ConsoleObject, operations: Sequence[LinkOperation]) -> None:
    """Do what was planned (1 request a step). Doing it again after a crash in between does no harm."""
    for operation in operations:
        if operation.action == "link":
            client.associate(group.id, parents=[operation.target.id])
        elif operation.action == "unlink":
            client.dissociate(group.id, parents=[operation.target.id])
        else:
            title = group.title or group.name
            change = ObjectChange(
                group.type_name, group.name, title, group.description, primary_parent_id=operation.target.id
            )
            client.update_object(group.id, change)


def _ids(client: ConsoleClient, type_name: str, condition: Condition) -> dict[str, str]:
    """Return the locations of the objects that meet a condition, by id."""
    rows = client.select(Query(columns(ID, "Location"), type_name, where=condition))
    return {str(row.get(ID, "")): str(row.get("Location", "")) for row in rows}


def _refs(client: ConsoleClient, type_name: str, ids: Collection[str]) -> tuple[Ref, ...]:
    rows = client.select(Query(columns(ID, NAME), type_name, where=In(Column(ID), tuple(ids))))
    return tuple(Ref(str(row.get(ID, "")), str(row.get(NAME, ""))) for row in rows)


def _listed(ids: Mapping[str, str]) -> str:
    return ", ".join(f"{object_id} ({location})" for object_id, location in ids.items())
