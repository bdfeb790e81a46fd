# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The planner: pure functions from a projection and the console's record of it to the operation that makes them agree.

A field is compared three ways: what the registry says now (the projection), what the console holds, and what both last
agreed on (the sync state in the object). ``plan(apply(plan))`` is empty for every input, which is tested as a property.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Literal, TypeAlias

from ..console.objects import Scalar
from . import mapping
from .mapping import DECOMMISSIONED, DESCRIPTION, PROPOSED, STATUS_FIELD, Kind
from .projection import Projection, cut
from .state import SyncState, digest, dump_state

Values: TypeAlias = Mapping[str, Scalar | None]
ChangeAction: TypeAlias = Literal["update", "decommission", "restore"]

GONE_GROUP_NOTE = "[No longer in Amazon SageMaker] "
"""Starts the description of a group that was deleted: the console's model group has no status that is known."""


@dataclass(frozen=True, slots=True)
class FieldNames:
    """The two console fields that carry our own data (settings of the connection)."""

    arn: str
    state: str


@dataclass(frozen=True, slots=True)
class ConsoleRecord:
    """What the planner needs of a console object; ``fields`` has what has a value, without the description."""

    kind: Kind
    id: str
    name: str
    title: str
    description: str
    arn: str | None
    state: SyncState | None
    fields: Mapping[str, Scalar] = field(default_factory=dict)

    def value(self, name: str) -> Scalar | None:
        """The present value of a compared field."""
        return self.description if name == DESCRIPTION else self.fields.get(name)


@dataclass(frozen=True, slots=True)
class Create:
    """Create a console object under the group `group_name`, or without one under the business entity."""

    kind: Kind
    arn: str
    name: str
    description: str
    fields: Mapping[str, Scalar]
    group_name: str | None

    action: Literal["create"] = "create"

    @property
    def before(self) -> Values:
        """Nothing is there before."""
        return {}

    @property
    def after(self) -> Values:
        """Every value given at creation, by field."""
        return {"Name": self.name, DESCRIPTION: self.description, **self.fields}


@dataclass(frozen=True, slots=True)
class Change:
    """Change a console object: ``fields`` are the ones to send, ``previous`` what they held before."""

    kind: Kind
    arn: str
    object_id: str
    name: str
    title: str
    description: str
    previous_description: str
    fields: Values
    previous: Values
    action: ChangeAction

    @property
    def before(self) -> Values:
        """The present values of what changes, by field."""
        return {**self._description(self.previous_description), **self.previous}

    @property
    def after(self) -> Values:
        """The new values of what changes, by field."""
        return {**self._description(self.description), **self.fields}

    def _description(self, text: str) -> Values:
        return {DESCRIPTION: text} if self.description != self.previous_description else {}


Operation: TypeAlias = Create | Change


def is_current(projection: Projection, state: SyncState | None) -> bool:
    """Whether nothing is to be done for an entity, judged by the object's sync state alone.

    True as well when the state was written from a newer record than this one: the registry's index lags behind.
    """
    if state is None or state.gone:
        return False
    if (
        state.modified_at is not None
        and projection.modified_at is not None
        and state.modified_at > projection.modified_at
    ):
        return True
    return all(state.agrees(name, value) for name, value in _wanted(projection, state).items())


def plan_entity(
    projection: Projection, record: ConsoleRecord | None, names: FieldNames, is_taken: Callable[[str], bool]
) -> Operation | None:
    """Return what makes the console's object agree with the registry's entity, or None when it does.

    `record` is the object with the entity's ARN; `is_taken` says whether a name belongs to another object of the same
    type under the business entity, which must not be touched.
    """
    if record is None:
        return _create(projection, names, is_taken)
    if is_current(projection, record.state):
        return None
    return _change(projection, record, names)


def plan_gone(record: ConsoleRecord, names: FieldNames) -> Change | None:
    """Return what decommissions the object of an entity that is no longer in the registry; None when that was done."""
    state = record.state or SyncState()
    if state.gone or record.arn is None:
        return None
    agreed = dict(state.fields)
    description = record.description
    fields: dict[str, Scalar | None] = {}
    if record.kind is Kind.MODEL:
        fields[STATUS_FIELD] = DECOMMISSIONED
        agreed[STATUS_FIELD] = digest(DECOMMISSIONED)
    else:
        description = cut(GONE_GROUP_NOTE + description, mapping.MAX_LENGTH["STRING_TYPE"])
    state = replace(state, gone=True, fields=agreed)
    return _build(record, fields, description, dump_state(state), names, "decommission")


def _wanted(projection: Projection, state: SyncState | None) -> Values:
    """The compared values, with a way back from Decommissioned for a model that is in use again."""
    decommissioned_by_us = state is not None and state.agrees(STATUS_FIELD, DECOMMISSIONED)
    if projection.kind is Kind.MODEL and STATUS_FIELD not in projection.fields and decommissioned_by_us:
        return {**projection.fields, STATUS_FIELD: PROPOSED}
    return projection.fields


def _create(projection: Projection, names: FieldNames, is_taken: Callable[[str], bool]) -> Create:
    values = {name: value for name, value in projection.fields.items() if name != DESCRIPTION and value is not None}
    state = SyncState(
        {name: digest(value) for name, value in projection.fields.items()}, modified_at=projection.modified_at
    )
    own = {names.arn: projection.arn, names.state: dump_state(state)}
    return Create(
        kind=projection.kind,
        arn=projection.arn,
        name=_free_name(projection, is_taken),
        description=str(projection.fields.get(DESCRIPTION) or projection.name),
        fields={**projection.initial_fields, **values, **own},
        group_name=projection.group_name,
    )


def _free_name(projection: Projection, is_taken: Callable[[str], bool]) -> str:
    """A creation under a taken name is answered with, and changes, the object that has it: never send such a name."""
    if not is_taken(projection.name):
        return projection.name
    suffix = f" ({blake2b(projection.arn.encode(), digest_size=4).hexdigest()})"
    return cut(projection.name, mapping.MAX_NAME_LENGTH - len(suffix)) + suffix


def _change(projection: Projection, record: ConsoleRecord, names: FieldNames) -> Change:
    wanted = _wanted(projection, record.state)
    sent = {name: value for name, value in wanted.items() if _registry_prevails(name, value, record)}
    kept = {} if record.state is None else record.state.fields
    agreed = {
        **{name: kept[name] for name in kept if name in wanted},
        **{name: digest(wanted[name]) for name in wanted},
    }
    state = dump_state(SyncState(agreed, modified_at=projection.modified_at))
    description = str(sent.pop(DESCRIPTION, None) or record.description)
    return _build(record, sent, description, state, names, _action(sent, record))


def _registry_prevails(name: str, value: Scalar | None, record: ConsoleRecord) -> bool:
    """Whether the registry's value is to be written over the console's."""
    present = record.value(name)
    if digest(present) == digest(value):
        return False
    if record.state is None:
        return _winner(record.kind, name) == "registry" or not present
    if record.state.agrees(name, value) and not record.state.gone:
        return False  # the registry has not changed it; whatever the console holds was edited there, and stays
    console_changed = not record.state.agrees(name, present)
    return _winner(record.kind, name) == "registry" or not console_changed


def _winner(kind: Kind, name: str) -> str:
    return next((rule.winner for rule in mapping.RULES[kind] if rule.field == name), "registry")


def _action(sent: Values, record: ConsoleRecord) -> ChangeAction:
    if sent.get(STATUS_FIELD) == DECOMMISSIONED:
        return "decommission"
    return "restore" if record.state is not None and record.state.gone else "update"


def _build(
    record: ConsoleRecord, fields: Values, description: str, state: str, names: FieldNames, action: ChangeAction
) -> Change:
    own: dict[str, Scalar | None] = {names.state: state}
    changed = {name: value for name, value in fields.items() if digest(record.fields.get(name)) != digest(value)}
    if record.arn is None:
        raise ValueError(f"console object {record.id} has no ARN and is not ours to change")
    sent = {**changed, **own}
    return Change(
        kind=record.kind,
        arn=record.arn,
        object_id=record.id,
        name=record.name,
        title=record.title or record.name,
        description=description,
        previous_description=record.description,
        fields=sent,
        previous={name: record.fields.get(name) for name in sent},
        action=action,
    )
