# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads what one connection has in the console, in as few queries as there are pages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from ..connection.model import Connection
from ..console.client import ConsoleClient
from ..console.errors import LoginRefusedError, SecretUnreadableError, UnreachableError
from ..console.objects import Scalar
from ..console.query import Column, Compare, Condition, In, Like, Or, Query, Row, columns
from ..console.requirements import unmet
from ..console.schema import ConsoleSchema, TypeDefinition
from ..console.sync_needs import sync_needs
from ..pacing.priority import Priority, current_priority
from ..registry.arn import GROUP, PACKAGE, partition_of
from .errors import SchemaMismatchError
from .mapping import DEFAULT, DESCRIPTION, FieldRule, Kind, MappingTable, MetricSettings
from .metrics import MetricObject
from .plan import ConsoleRecord, FieldNames
from .projection import TargetFields
from .shared_lookups import SharedLookups
from .state import SyncState, load_state

ID = "Resource ID"
NAME = "Name"
TITLE = "Title"
LOCATION = "Location"

LOOKUP_SIZE = 50
"""Objects that are looked up in one query."""
LOOKUP_INTERVAL = 0.02
"""Seconds between two such queries, while many objects are looked up."""

_ARN_KIND = {Kind.GROUP: GROUP, Kind.MODEL: PACKAGE}


@dataclass(frozen=True, slots=True)
class Target:
    """One console type that the synchronisation writes to.

    ``compared`` are the mapped fields that it has, ``pushed`` those of them whose changes go down to the registry,
    ``unmapped`` the fields that this console lacks.
    """

    type_name: str
    fields: TargetFields
    compared: tuple[str, ...]
    unmapped: tuple[str, ...]
    pushed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class InventoryEntry:
    """One console object in a full comparison: just enough to say whether it needs a closer look.

    ``pushed`` has name and value of the fields whose changes go down to the registry.
    """

    kind: Kind
    id: str
    name: str
    arn: str | None
    state_text: str | None
    pushed: tuple[tuple[str, Scalar], ...] = ()

    @property
    def state(self) -> SyncState | None:
        """The sync state (parsed on each call: at 10⁵ objects the text is a fraction of the parsed form)."""
        return load_state(self.state_text)

    @property
    def is_in_use_and_untouched(self) -> bool:
        """Whether it is not decommissioned for good, and the console did not change what the registry has to know."""
        state = self.state
        return state is not None and not state.gone and all(state.agrees(name, value) for name, value in self.pushed)


@dataclass(frozen=True, slots=True)
class _Sought:
    """An object that is looked up by its ARN, and a name that is to be free or its own."""

    arn: str
    name: str | None


@dataclass(frozen=True, slots=True)
class _Finding:
    """What a query brought: the rows that have an ARN, by it, and ARN and name (lower case) of all under the entity."""

    by_arn: Mapping[str, Sequence[Row]]
    holders: Sequence[tuple[str, str]]


class ConsoleReader:
    """The console as one connection sees it. Safe for threads."""

    def __init__(
        self,
        client: ConsoleClient,
        connection: Connection,
        targets: Mapping[Kind, Target],
        table: MappingTable = DEFAULT,
    ) -> None:
        self.client = client
        self.targets = targets
        self.table = table
        self.names = FieldNames(connection.sync.arn_field, connection.sync.state_field)
        self._entity_name = connection.business_entity_name
        self._arn_stem = f"arn:{partition_of(connection.region)}:sagemaker:{connection.region}:{connection.account_id}:"
        # Each priority by itself: what an event is about must not wait behind a query that is made for a sweep.
        self._lookups = {
            (kind, priority): SharedLookups(
                partial(self._look_up, kind),
                most=LOOKUP_SIZE,
                interval=LOOKUP_INTERVAL,
                everyones=(UnreachableError, LoginRefusedError, SecretUnreadableError),
            )
            for kind in Kind
            for priority in Priority
        }

    def find(self, kind: Kind, arn: str, name: str | None = None) -> tuple[ConsoleRecord | None, frozenset[str]]:
        """Return the object with this ARN, and the names (lower case) that others under the entity hold.

        1 query, which threads that look something up at the same time share. With `name` given, objects of that name
        are looked up in the same query. Should several objects carry the ARN (somebody copied one), the oldest is the
        one.
        """
        finding = self._lookups[kind, current_priority()].look_up(_Sought(arn, name))
        records = [self._record(kind, row) for row in finding.by_arn.get(arn, ())]
        taken = frozenset(name for holder, name in finding.holders if holder != arn)
        return min(records, key=lambda record: int(record.id), default=None), taken

    def _look_up(self, kind: Kind, sought: Sequence[_Sought]) -> _Finding:
        where = _one_of(self.names.arn, [one.arn for one in sought])
        names = [one.name for one in sought if one.name is not None]
        if names:
            where = Or((where, _one_of(NAME, names)))
        by_arn: dict[str, list[Row]] = {}
        holders = []
        for row in self._rows(kind, self._record_columns(kind), where):
            arn = _text(row, self.names.arn)
            by_arn.setdefault(arn, []).append(row)
            if self._in_entity(row):
                holders.append((arn, _text(row, NAME).lower()))
        return _Finding(by_arn, holders)

    def records(self, kind: Kind, arns: Iterable[str]) -> dict[str, ConsoleRecord]:
        """Return the objects with these ARNs, by ARN (1 query for every 50)."""
        where = In(Column(self.names.arn), tuple(arns))
        records = [self._record(kind, row) for row in self._rows(kind, self._record_columns(kind), where)]
        records.sort(key=lambda record: int(record.id), reverse=True)
        return {record.arn: record for record in records if record.arn is not None}

    def inventory(self, kind: Kind) -> Iterator[InventoryEntry]:
        """Yield every object that is ours or whose name must not be taken: those with an ARN of this registry, and
        those that lie under the business entity (1 query page for every 500)."""
        names = self.targets[kind].pushed
        fields = columns(ID, NAME, LOCATION, self.names.arn, self.names.state, *names)
        # Few values differ among many objects: equal ones are kept once.
        shared: dict[tuple[tuple[str, Scalar], ...], tuple[tuple[str, Scalar], ...]] = {}
        for row in self._rows(kind, fields, self._scope(kind)):
            arn = _text(row, self.names.arn) or None
            if self.is_ours(kind, arn) or self._in_entity(row):
                pushed = tuple((name, row.get(name, "")) for name in names)
                state = _text(row, self.names.state) or None
                yield InventoryEntry(
                    kind, _text(row, ID), _text(row, NAME), arn, state, shared.setdefault(pushed, pushed)
                )

    def metric_objects(self, settings: MetricSettings, names: Iterable[str]) -> dict[str, MetricObject]:
        """Return the metric objects of these names, by name (1 query for every 50)."""
        fields = columns(ID, NAME, TITLE, DESCRIPTION, settings.value_field)
        rows = self.client.select(Query(fields, settings.type_name, where=In(Column(NAME), tuple(names))))
        return {_text(row, NAME): _metric_object(row, settings.value_field) for row in rows}

    def is_ours(self, kind: Kind, arn: str | None) -> bool:
        """Whether the ARN is one of this connection's registry."""
        return arn is not None and arn.startswith(f"{self._arn_stem}{_ARN_KIND[kind]}/")

    def _scope(self, kind: Kind) -> Condition:
        by_arn = Like(Column(self.names.arn), f"{self._arn_stem}{_ARN_KIND[kind]}/%")
        # Names in paths are wildcards to LIKE where they hold % or _: what that lets in is sorted out by _in_entity.
        return Or((by_arn, Like(Column(LOCATION), f"%/{self._entity_name}/%")))

    def _in_entity(self, row: Row) -> bool:
        """Whether a row's object lies under the business entity: its folder path has the root entity's name."""
        return self._entity_name in _text(row, LOCATION).split("/")[:-1]

    def _rows(self, kind: Kind, fields: tuple[Column, ...], where: Condition) -> Iterator[Row]:
        return self.client.select(Query(fields, self.targets[kind].type_name, where=where))

    def _record_columns(self, kind: Kind) -> tuple[Column, ...]:
        return columns(
            ID, NAME, TITLE, DESCRIPTION, LOCATION, self.names.arn, self.names.state, *self.targets[kind].compared
        )

    def _record(self, kind: Kind, row: Row) -> ConsoleRecord:
        compared = (*self.targets[kind].compared, self.names.arn, self.names.state)
        return ConsoleRecord(
            kind=kind,
            id=_text(row, ID),
            name=_text(row, NAME),
            title=_text(row, TITLE),
            description=_text(row, DESCRIPTION),
            arn=_text(row, self.names.arn) or None,
            state=load_state(row.get(self.names.state)),
            fields={name: row[name] for name in compared if name in row},
        )


def open_reader(client: ConsoleClient, connection: Connection, table: MappingTable = DEFAULT) -> ConsoleReader:
    """Return a reader, having checked the console's types (3 requests, 4 with metrics). Raises SchemaMismatchError."""
    lacking = unmet(client, sync_needs(connection.sync))
    if lacking:
        raise SchemaMismatchError(" ".join(lacking))
    schema = client.types()
    group_type = schema.model_group(connection.sync.model_group_type).name
    targets = {
        Kind.GROUP: _target(Kind.GROUP, _definition(client, schema, group_type), table),
        Kind.MODEL: _target(Kind.MODEL, _definition(client, schema, connection.sync.model_type), table),
    }
    return ConsoleReader(client, connection, targets, table)


def _definition(client: ConsoleClient, schema: ConsoleSchema, name: str) -> TypeDefinition:
    return client.type_definition(schema.by_name(name).name)


def _target(kind: Kind, definition: TypeDefinition, table: MappingTable) -> Target:
    wanted = [rule for rule in table.rules[kind] if not rule.at_creation and rule.field != DESCRIPTION]
    fields = TargetFields(definition.fields, table)
    return Target(
        type_name=definition.name,
        fields=fields,
        compared=_names(wanted, fields, taken=True),
        unmapped=_names(wanted, fields, taken=False),
        pushed=_names([rule for rule in wanted if rule.to_registry], fields, taken=True),
    )


def _names(rules: Iterable[FieldRule], fields: TargetFields, *, taken: bool) -> tuple[str, ...]:
    return tuple(rule.field for rule in rules if fields.takes(rule) is taken)


def _one_of(field: str, values: Sequence[str]) -> Condition:
    """Return the condition that a field has one of the values; = for a single one, which every console knows."""
    return Compare(Column(field), "=", values[0]) if len(values) == 1 else In(Column(field), tuple(values))


def _metric_object(row: Row, value_field: str) -> MetricObject:
    value = row.get(value_field)
    return MetricObject(
        id=_text(row, ID),
        name=_text(row, NAME),
        title=_text(row, TITLE),
        description=_text(row, DESCRIPTION),
        value=float(value) if isinstance(value, int | float) else None,
    )


def _text(row: Mapping[str, Scalar], name: str) -> str:
    return str(row.get(name, ""))
