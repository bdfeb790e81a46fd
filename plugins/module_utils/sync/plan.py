# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The planner: pure functions from a projection and the console's record of it to the operation that makes them agree.

A field is compared three ways: what the registry says now (the projection), what the console holds, and what both last
agreed on (the sync state in the object); merge.py decides it. One operation holds all that is to be done for one
entity, on both sides. ``plan(apply(plan))`` is empty for every input, which is tested as a property.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Literal, TypeAlias

from ..console.objects import Scalar
from ..console.sync_needs import DECOMMISSIONED, STATUS_FIELD
from ..registry.entities import LifeCycle
from . import mapping
from .mapping import DESCRIPTION, FieldRule, Kind, Side
from .merge import FieldView, Verdict, merge
from .metrics import METRICS, metrics_digest
from .model_card import Metric
from .projection import Projection, cut
from .registry_values import METADATA, STATUS
from .state import SyncState, digest, dump_state

Values: TypeAlias = Mapping[str, Scalar | None]
ChangeAction: TypeAlias = Literal["update", "update_in_registry", "decommission", "restore"]

GONE_GROUP_NOTE = "[No longer in Amazon SageMaker] "
"""Starts the description of a group that was deleted: the console's model group has no status that is known."""

MAX_SHOWN = 80
"""Characters of a value that a sentence on a conflict quotes."""


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
class Conflict:
    """A field that both sides changed since they last agreed: what each has, and which one stands.

    ``mapping_changed``: what the registry says may differ only because the mapping was changed.
    """

    field: str
    registry: Scalar | None
    console: Scalar | None
    winner: Side
    mapping_changed: bool = False

    def __str__(self) -> str:
        """One sentence for logs and reports."""
        cause = "the mapping was changed" if self.mapping_changed else "SageMaker was changed"
        return (
            f"{self.field}: {cause} (now {_brief(self.registry)}) and so was the console (now {_brief(self.console)}); "
            f"the {'value from SageMaker' if self.winner == 'registry' else 'console'} stands"
        )


@dataclass(frozen=True, slots=True)
class RegistryChange:
    """What goes down to the model package; None and empty leave alone. ``token`` makes a repetition harmless."""

    life_cycle: LifeCycle | None
    metadata: Mapping[str, str]
    previous_life_cycle: LifeCycle | None
    previous_metadata: Values
    token: str

    @property
    def before(self) -> Values:
        """The present values of what changes in the registry."""
        return {**_life_cycle_text(self.life_cycle, self.previous_life_cycle), **self.previous_metadata}

    @property
    def after(self) -> Values:
        """The new values of what changes in the registry."""
        return {**_life_cycle_text(self.life_cycle, self.life_cycle), **_metadata_names(self.metadata)}


@dataclass(frozen=True, slots=True)
class Create:
    """Create a console object under the group `group_name`, or without one under the business entity.

    ``metrics`` are made under it afterwards (None: there are none), and until they are the object's sync state is
    `interim_state` instead of the one in ``fields``: cut off in between, the next plan makes up for them.
    """

    kind: Kind
    arn: str
    name: str
    description: str
    fields: Mapping[str, Scalar]
    group_name: str | None
    metrics: tuple[Metric, ...] | None = None
    interim_state: str | None = None
    notes: tuple[str, ...] = ()
    conflicts: tuple[Conflict, ...] = ()

    action: Literal["create"] = "create"

    @property
    def before(self) -> Values:
        """Nothing is there before."""
        return {}

    @property
    def after(self) -> Values:
        """Every value given at creation, by field."""
        return {"Name": self.name, DESCRIPTION: self.description, **self.fields, **_metric_values(self.metrics)}


@dataclass(frozen=True, slots=True)
class Change:
    """Change a console object: ``fields`` are the ones to send, ``previous`` what they held before.

    ``registry`` is written first, then ``metrics`` (None: left alone), then the object, whose new state says that it
    was done: cut off anywhere, the next plan has what is left.
    """

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
    registry: RegistryChange | None = None
    metrics: tuple[Metric, ...] | None = None
    conflicts: tuple[Conflict, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def before(self) -> Values:
        """The present values of what changes, by field, on both sides."""
        registry = {} if self.registry is None else self.registry.before
        return {**self._description(self.previous_description), **self.previous, **registry}

    @property
    def after(self) -> Values:
        """The new values of what changes, by field, on both sides."""
        registry = {} if self.registry is None else self.registry.after
        return {**self._description(self.description), **self.fields, **registry, **_metric_values(self.metrics)}

    def _description(self, text: str) -> Values:
        return {DESCRIPTION: text} if self.description != self.previous_description else {}


Operation: TypeAlias = Create | Change


def is_current(projection: Projection, state: SyncState | None, console: Mapping[str, Scalar] | None = None) -> bool:
    """Whether nothing is to be done for an entity, judged by the object's sync state and its pushed fields alone.

    `console` has the object's values of `projection.pushed`; None: they are not known and count as unchanged. What the
    registry says does not count where the state was written from a newer record: its index lags behind.
    """
    if state is None or state.gone:
        return False
    if not _is_older(projection, state):
        if not all(state.agrees(name, value) for name, value in _wanted(projection, state).items()):
            return False
        if _metrics_to_write(projection, state) is not None:
            return False
    return console is None or not any(_is_to_push(projection, state, name, console) for name in projection.pushed)


def plan_entity(
    projection: Projection, record: ConsoleRecord | None, names: FieldNames, is_taken: Callable[[str], bool]
) -> Operation | None:
    """Return what makes the console's object and the registry's entity agree, or None when they do.

    `record` is the object with the entity's ARN; `is_taken` says whether a name belongs to another object of the same
    type under the business entity, which must not be touched.
    """
    if record is None:
        return plan_creation(projection, names, is_taken)
    if is_current(projection, record.state, record.fields):
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
    conflicts: tuple[Conflict, ...] = ()
    if record.kind is Kind.MODEL:
        present = record.value(STATUS_FIELD)
        if STATUS_FIELD in agreed and not state.agrees(STATUS_FIELD, present) and present != DECOMMISSIONED:
            conflicts = (Conflict(STATUS_FIELD, DECOMMISSIONED, present, "registry"),)
        fields[STATUS_FIELD] = DECOMMISSIONED
        agreed[STATUS_FIELD] = digest(DECOMMISSIONED)
    else:
        description = _gone_description(description)
    state = replace(state, gone=True, fields=agreed)
    change = _build(record, fields, description, dump_state(state), names, "decommission")
    return replace(change, conflicts=conflicts)


def _is_older(projection: Projection, state: SyncState) -> bool:
    """Whether the state was written from a newer record of the registry than the one that was projected."""
    known, seen = state.modified_at, projection.modified_at
    return known is not None and seen is not None and known > seen


def _is_to_push(projection: Projection, state: SyncState, name: str, console: Mapping[str, Scalar]) -> bool:
    """Whether a console field was changed to something that the registry has to hear of."""
    agreed, value = state.fields.get(name), console.get(name)
    return agreed is None or (agreed != digest(value) and projection.pushable(name, value))


def _wanted(projection: Projection, state: SyncState | None) -> Values:
    """The compared values, with a way back from Decommissioned for a model that is in use again."""
    was_deleted = state is not None and state.gone and state.agrees(STATUS_FIELD, DECOMMISSIONED)
    was_out_of_use = was_deleted or (state is not None and state.archived)
    if was_out_of_use and projection.initial_status is not None and STATUS_FIELD not in projection.fields:
        return {**projection.fields, STATUS_FIELD: projection.initial_status}
    return projection.fields


def plan_creation(projection: Projection, names: FieldNames, is_taken: Callable[[str], bool]) -> Create:
    """Return what makes the object of an entity that the console does not have."""
    fields = dict(projection.fields)
    if projection.initial_status is not None:
        fields.setdefault(STATUS_FIELD, projection.initial_status)  # said here, it is agreed on
    agreed = {name: digest(value) for name, value in fields.items()}
    agreed |= {name: digest(None) for name in projection.held}
    state = SyncState(
        agreed,
        modified_at=projection.modified_at,
        archived=projection.archived,
        mapping=projection.table.fingerprint,
    )
    values = {name: value for name, value in fields.items() if name != DESCRIPTION and value is not None}
    own = {names.arn: projection.arn, names.state: dump_state(_with_metrics(state, projection))}
    return Create(
        kind=projection.kind,
        arn=projection.arn,
        name=_free_name(projection, is_taken),
        description=str(fields.get(DESCRIPTION) or projection.name),
        fields={**projection.initial_fields, **values, **own},
        group_name=projection.group_name,
        metrics=projection.metrics or None,
        interim_state=dump_state(state) if projection.metrics else None,
        notes=projection.notes,
    )


def _free_name(projection: Projection, is_taken: Callable[[str], bool]) -> str:
    """A creation under a taken name is answered with, and changes, the object that has it: never send such a name."""
    name = projection.name
    for size in (4, 8, 16, 32):
        if not is_taken(name):
            break
        suffix = f" ({blake2b(projection.arn.encode(), digest_size=size).hexdigest()})"
        name = cut(projection.name, mapping.MAX_NAME_LENGTH - len(suffix)) + suffix
    return name


def _change(projection: Projection, record: ConsoleRecord, names: FieldNames) -> Change | None:
    before = record.state or SyncState()
    merger = _Merger(projection, record)
    conflicts = merger.conflicts()
    registry = _registry_change(projection, merger, before)
    if registry is not None and projection.after_push is not None:
        # What goes down may show in other fields (a text that names the life cycle): they are written along with it.
        projection = projection.after_push(registry.life_cycle, registry.metadata)
        merger = _Merger(projection, record)
        conflicts |= {name: found for name, found in merger.conflicts().items() if name not in conflicts}
    fields = {name: merger.registry_value(name) for name, verdict in merger.verdicts.items() if verdict.to_console}
    metrics = _metrics_to_write(projection, before)
    after = _state_after(projection, before, merger, registry)
    description = str(fields.pop(DESCRIPTION, None) or merger.console_value(DESCRIPTION) or projection.name)
    if record.state is not None and not before.gone and not fields and registry is None:
        same_text = description == record.description
        if same_text and metrics is None and (after.fields, after.archived) == (before.fields, before.archived):
            return None
    change = _build(record, fields, description, dump_state(after), names, _action(fields, registry, record))
    return replace(
        change, registry=registry, metrics=metrics, conflicts=tuple(conflicts.values()), notes=projection.notes
    )


def _state_after(
    projection: Projection, before: SyncState, merger: _Merger, registry: RegistryChange | None
) -> SyncState:
    agreed = {name: verdict.agreed for name, verdict in merger.verdicts.items() if verdict.agreed is not None}
    sets_life_cycle = registry is not None and registry.life_cycle is not None
    state = SyncState(
        agreed,
        modified_at=_seen_until(before, projection, registry),
        archived=projection.archived if sets_life_cycle or not _is_older(projection, before) else before.archived,
        mapping=projection.table.fingerprint,
    )
    if _is_older(projection, before):
        known = {METRICS: before.fields[METRICS]} if METRICS in before.fields else {}
        return replace(state, fields={**agreed, **known})
    return _with_metrics(state, projection)


class _Merger:
    """The verdicts on all fields of one entity."""

    def __init__(self, projection: Projection, record: ConsoleRecord) -> None:
        self._projection = projection
        self._record = record
        self._state = record.state or SyncState()
        self._stale = _is_older(projection, self._state)
        self._wanted = {**projection.held, **_wanted(projection, record.state)}
        names = dict.fromkeys([*self._wanted, *projection.pushed])
        self.verdicts: dict[str, Verdict] = {name: self._decide(name) for name in names}

    def registry_value(self, name: str) -> Scalar | None:
        """What the registry says of a field."""
        return self._wanted.get(name)

    def console_value(self, name: str) -> Scalar | None:
        """What the console says of a field, without our own note on a group that was gone."""
        present = self._record.value(name)
        if name == DESCRIPTION and self._state.gone and isinstance(present, str):
            wanted = str(self.registry_value(name) or "")
            return wanted if present == _gone_description(wanted) else present.removeprefix(GONE_GROUP_NOTE)
        return present

    def conflicts(self) -> dict[str, Conflict]:
        """Return the fields that both sides changed, by name."""
        mapping_changed = self._state.mapping not in ("", self._projection.table.fingerprint)
        return {
            name: Conflict(
                field=name,
                registry=self.registry_value(name),
                console=self.console_value(name),
                winner="registry" if verdict.to_console else "console",
                mapping_changed=mapping_changed,
            )
            for name, verdict in self.verdicts.items()
            if verdict.conflict
        }

    def _decide(self, name: str) -> Verdict:
        rule = self._rule(name)
        console = self.console_value(name)
        view = FieldView(
            agreed=self._state.fields.get(name),
            registry=self.registry_value(name),
            console=console,
            silent=self._stale or name not in self._wanted,
            pushable=rule.to_registry and self._projection.pushable(name, console),
        )
        return merge(view, rule, self._winner(name, rule))

    def _rule(self, name: str) -> FieldRule:
        return self._projection.table.rule(self._projection.kind, name)

    def _winner(self, name: str, rule: FieldRule) -> Side:
        """A model that was archived is out of use, whatever the console has made of its status meanwhile (R19)."""
        return "registry" if name == STATUS_FIELD and self._projection.archived else rule.winner


def _registry_change(projection: Projection, merger: _Merger, before: SyncState) -> RegistryChange | None:
    life_cycle: LifeCycle | None = None
    metadata: dict[str, str] = {}
    previous: dict[str, Scalar | None] = {}
    for name, verdict in merger.verdicts.items():
        if not verdict.to_registry:
            continue
        value = str(merger.console_value(name))
        source = projection.table.rule(projection.kind, name).value
        if source == STATUS:
            life_cycle = projection.table.life_cycle(value)
        else:
            metadata[source.removeprefix(METADATA)] = value
            previous[source] = merger.registry_value(name)
    if not _is_older(projection, before) and _is_same(life_cycle, projection.life_cycle):
        life_cycle = None
    if life_cycle is None and not metadata:
        return None
    # The state's time moves on with every push, so that only the repetition of one that was cut off has its token.
    asked = f"{projection.arn} {before.modified_at} {projection.modified_at} {life_cycle} {sorted(metadata.items())}"
    token = blake2b(asked.encode(), digest_size=16).hexdigest()
    return RegistryChange(life_cycle, metadata, projection.life_cycle, previous, token)


def _is_same(first: LifeCycle | None, second: LifeCycle | None) -> bool:
    """Whether two life cycles are the same but for their description."""
    if first is None or second is None:
        return first is second
    return (first.stage, first.stage_status) == (second.stage, second.stage_status)


def _metrics_to_write(projection: Projection, state: SyncState) -> tuple[Metric, ...] | None:
    if projection.metrics is None or _is_older(projection, state):
        return None
    written = state.fields.get(METRICS, metrics_digest(()))
    return None if written == metrics_digest(projection.metrics) else projection.metrics


def _with_metrics(state: SyncState, projection: Projection) -> SyncState:
    if projection.metrics is None:
        return state
    return replace(state, fields={**state.fields, METRICS: metrics_digest(projection.metrics)})


def _action(fields: Values, registry: RegistryChange | None, record: ConsoleRecord) -> ChangeAction:
    if fields.get(STATUS_FIELD) == DECOMMISSIONED:
        return "decommission"
    if record.state is not None and record.state.gone and not record.state.is_announced:
        return "restore"
    return "update" if fields or registry is None else "update_in_registry"


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


def _gone_description(text: str) -> str:
    return cut(GONE_GROUP_NOTE + text, mapping.MAX_LENGTH["STRING_TYPE"])


def _seen_until(before: SyncState, projection: Projection, registry: RegistryChange | None) -> datetime | None:
    """Which records of the registry count as seen: with our own write, also the one that it was planned on.

    Search may answer with that record for a while, and what it says must not undo the write.
    """
    known = [moment for moment in (before.modified_at, projection.modified_at) if moment is not None]
    newest = max(known, default=None)
    return newest if newest is None or registry is None else newest + timedelta(microseconds=1)


def _brief(value: Scalar | None) -> str:
    """A value for a sentence: a long text is cut."""
    return repr(cut(value, MAX_SHOWN) if isinstance(value, str) else value)


def _life_cycle_text(changed: LifeCycle | None, shown: LifeCycle | None) -> Values:
    if changed is None:
        return {}
    return {"ModelLifeCycle": None if shown is None else f"{shown.stage}/{shown.stage_status}"}


def _metadata_names(metadata: Mapping[str, str]) -> Values:
    return {f"{METADATA}{key}": value for key, value in metadata.items()}


def _metric_values(metrics: tuple[Metric, ...] | None) -> Values:
    return {f"Metric {metric.evaluation} / {metric.group} / {metric.name}": metric.value for metric in metrics or ()}
