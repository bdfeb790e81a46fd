# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The use cases of a business entity: which the synchronisation manages, and which it does not see and why.

Any parent counts, not only the primary one (R9). A use case under a child of the entity is not managed (R13): it is
reported with the entity that it hangs under.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

from ..connection.model import SyncSettings
from ..console.client import ConsoleClient
from ..console.errors import InvalidValueError
from ..console.objects import Scalar
from ..console.query import And, Column, Compare, Condition, In, Join, Or, Query, Row
from ..console.schema import TypeDefinition
from .console_reader import ID, NAME

STATUS_FIELD = "MRG-AIFacts-ModelUseCase:Status"
OWNER_FIELD = "MRG-ModelUseCase:Owner"
_PLAIN = (ID, NAME, "Title", "Description", "Location", "Last Modification Date")


@dataclass(frozen=True, slots=True)
class Ref:
    """An object of the console by id and name."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class GroupRef:
    """A model group; ``arn`` is that of its model package group, None where it has none."""

    id: str
    name: str
    arn: str | None


@dataclass(frozen=True, slots=True)
class UseCase:
    """A use case. ``entities`` are the business entities among its parents that were asked about.

    ``fields`` has the further fields that were asked for, where they have a value.
    """

    id: str
    name: str
    title: str
    description: str
    status: str | None
    owner: str | None
    location: str
    modified_at: str
    entities: tuple[Ref, ...] = ()
    model_groups: tuple[GroupRef, ...] = field(default=())
    fields: Mapping[str, Scalar] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which use cases: of this name or id, and in one of these statuses. None and empty mean all."""

    name_or_id: str | None = None
    statuses: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class UseCases:
    """The use cases of a business entity: ``managed`` directly under it, ``misplaced`` under an entity below it."""

    managed: tuple[UseCase, ...]
    misplaced: tuple[UseCase, ...]


class UseCaseReader:
    """Reads use cases. Cost of `under`, with E entities below the one asked about, U use cases and G groups:
    2 type definitions, E + 1 requests for children, and ⌈U/500⌉ + ⌈G/500⌉ query pages. ``fields`` names further fields
    of a use case to read, where this console has them."""

    def __init__(self, client: ConsoleClient, settings: SyncSettings, fields: Collection[str] = ()) -> None:
        self._client = client
        self._settings = settings
        schema = client.types()
        self._use_case = client.type_definition(schema.by_name(settings.use_case_type).name)
        self._group = client.type_definition(schema.model_group(settings.model_group_type).name)
        self._group.field(settings.arn_field)
        self._fields = tuple(name for name in fields if name in self._use_case.fields)

    @property
    def statuses(self) -> tuple[str, ...]:
        """The statuses of a use case that this console knows; empty where it has no such field."""
        status = self._use_case.fields.get(STATUS_FIELD)
        return () if status is None else status.enum_values

    def under(self, entity_id: str, wanted: Filter | None = None) -> UseCases:
        """Return the use cases under an entity and under those below it.

        Raises InvalidValueError for a status that the console does not know, and the errors of the console room.
        """
        chosen = wanted or Filter()
        _check_statuses(self._use_case, chosen.statuses)
        managed = self._use_cases((entity_id,), chosen)
        below = tuple(self._entities_below(entity_id))
        misplaced = self._use_cases(below, chosen) if below else {}
        groups = self._groups(entity_id) if managed else {}
        return UseCases(
            managed=tuple(replace(case, model_groups=tuple(groups.get(case.id, ()))) for case in managed.values()),
            misplaced=tuple(case for case in misplaced.values() if case.id not in managed),
        )

    def find(self, case_id: str, entity_id: str) -> UseCases:
        """Return one use case as `under` would, or nothing when it is elsewhere.

        Cost: 2 queries; for one that is not directly under the entity 2 queries and E + 1 requests for children.
        """
        wanted = Filter(case_id)
        case = self._use_cases((entity_id,), wanted).get(case_id)
        if case is not None:
            groups = self._groups(entity_id, case_id).get(case_id, ())
            return UseCases((replace(case, model_groups=tuple(groups)),), ())
        below = tuple(self._entities_below(entity_id))
        misplaced = self._use_cases(below, wanted).get(case_id) if below else None
        return UseCases((), () if misplaced is None else (misplaced,))

    def groups_under(self, entity_id: str) -> dict[str, list[GroupRef]]:
        """Return the model groups of the use cases directly under an entity, by the use case's id (⌈G/500⌉ queries)."""
        return self._groups(entity_id)

    def _use_cases(self, entity_ids: tuple[str, ...], wanted: Filter) -> dict[str, UseCase]:
        kind, entity = self._use_case.name, self._settings.business_entity_type
        extra = tuple(name for name in (STATUS_FIELD, OWNER_FIELD) if name in self._use_case.fields)
        columns = tuple(Column(name, kind) for name in (*_PLAIN, *extra, *self._fields))
        columns += (Column(ID, entity), Column(NAME, entity))
        where = And((In(Column(ID, entity), entity_ids), *_conditions(kind, wanted, self._use_case)))
        found: dict[str, UseCase] = {}
        for row in self._client.select(Query(columns, kind, (Join(entity, "CHILD", kind),), where)):
            case = _use_case(row, kind, entity, self._fields)
            known = found.get(case.id)
            found[case.id] = case if known is None else replace(known, entities=known.entities + case.entities)
        return found

    def _entities_below(self, entity_id: str) -> Iterator[str]:
        entity = self._settings.business_entity_type
        pending, seen = [entity_id], {entity_id}
        while pending:
            for child in self._client.children(pending.pop()):
                if child.type_name == entity and child.id not in seen:
                    seen.add(child.id)
                    pending.append(child.id)
                    yield child.id

    def _groups(self, entity_id: str, case_id: str | None = None) -> dict[str, list[GroupRef]]:
        group, kind, entity = self._group.name, self._use_case.name, self._settings.business_entity_type
        arn = Column(self._settings.arn_field, group)
        columns = (Column(ID, group), Column(NAME, group), arn, Column(ID, kind))
        joins = (Join(kind, "CHILD", group), Join(entity, "CHILD", kind))
        where: Condition = Compare(Column(ID, entity), "=", entity_id)
        if case_id is not None:
            where = And((where, Compare(Column(ID, kind), "=", case_id)))
        found: dict[str, list[GroupRef]] = {}
        for row in self._client.select(Query(columns, group, joins, where)):
            ref = GroupRef(_text(row, ID, group), _text(row, NAME, group), _text(row, arn.field, group) or None)
            found.setdefault(_text(row, ID, kind), []).append(ref)
        return found


def by_name_or_id(name_or_id: str, kind: str | None = None) -> Condition:
    """Return the condition for an object's name, or its id where the text can be one."""
    name = Compare(Column(NAME, kind), "=", name_or_id)
    if name_or_id.isascii() and name_or_id.isdigit():
        return Or((name, Compare(Column(ID, kind), "=", name_or_id)))
    return name


def _conditions(kind: str, wanted: Filter, definition: TypeDefinition) -> Iterator[Condition]:
    if wanted.name_or_id:
        yield by_name_or_id(wanted.name_or_id, kind)
    if wanted.statuses:
        yield In(Column(definition.field(STATUS_FIELD).name, kind), tuple(wanted.statuses))


def _check_statuses(definition: TypeDefinition, statuses: Collection[str]) -> None:
    if not statuses:
        return
    known = definition.field(STATUS_FIELD).enum_values
    unknown = [status for status in statuses if known and status not in known]
    if unknown:
        raise InvalidValueError(
            f"The console knows no status {', '.join(unknown)} of a use case. It knows: {', '.join(known)}."
        )


def _use_case(row: Row, kind: str, entity: str, fields: Collection[str]) -> UseCase:
    return UseCase(
        id=_text(row, ID, kind),
        name=_text(row, NAME, kind),
        title=_text(row, "Title", kind),
        description=_text(row, "Description", kind),
        status=_text(row, STATUS_FIELD, kind) or None,
        owner=_text(row, OWNER_FIELD, kind) or None,
        location=_text(row, "Location", kind),
        modified_at=_text(row, "Last Modification Date", kind),
        entities=(Ref(_text(row, ID, entity), _text(row, NAME, entity)),),
        fields={name: row[f"{kind}.{name}"] for name in fields if f"{kind}.{name}" in row},
    )


def _text(row: Row, name: str, kind: str) -> str:
    return str(row.get(f"{kind}.{name}", ""))
