# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pure functions from a registry entity to what its console object should hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from ..console.objects import Scalar
from ..console.schema import FieldDefinition
from ..console.sync_needs import DECOMMISSIONED, STATUS_FIELD
from ..registry.entities import LifeCycle, ModelPackage, ModelPackageGroup
from . import mapping, model_card
from .conversions import convert
from .mapping import FieldRule, Kind, MappingTable
from .model_card import Metric
from .registry_values import GROUP_VALUES, METADATA, OWNER, STATUS, is_metadata, package_value

_NOT_FOR_NAMES = re.compile(r"[/\\:\x00-\x1f\x7f]+")
_NUMBERS = frozenset({"INTEGER_TYPE", "FLOAT_TYPE", "DECIMAL_TYPE", "CURRENCY_TYPE"})


@dataclass(frozen=True, slots=True)
class Projection:
    """What the console object of one registry entity should hold.

    ``fields`` (with the description under mapping.DESCRIPTION) are compared and kept up; None clears a field, an absent
    one is left alone. ``initial_fields`` are given at creation only. ``group_name`` is a model's group, else None.

    ``pushed`` are the console fields whose changes go down to the registry, ``held`` what the registry has for those of
    them that never come up. ``initial_status`` is a model's status where the registry has no opinion: that of a new one
    and of one in use again; None for groups, and for a console that does not know it. ``life_cycle`` and ``archived``
    (R19) are a package's own; with ``card_archived`` no console status brings it back. ``metrics`` None: no metric
    objects are kept. ``notes`` say what did not fit. ``after_push`` projects the package as it will be with another
    life cycle (None: its own) and more metadata.
    """

    kind: Kind
    arn: str
    name: str
    fields: Mapping[str, Scalar | None]
    initial_fields: Mapping[str, Scalar]
    group_name: str | None
    modified_at: datetime | None
    pushed: tuple[str, ...] = ()
    held: Mapping[str, Scalar | None] = field(default_factory=dict)
    initial_status: str | None = None
    life_cycle: LifeCycle | None = None
    archived: bool = False
    card_archived: bool = False
    metrics: tuple[Metric, ...] | None = None
    notes: tuple[str, ...] = ()
    table: MappingTable = field(default=mapping.DEFAULT, repr=False)
    after_push: Callable[[LifeCycle | None, Mapping[str, str]], Projection] | None = field(
        default=None, repr=False, compare=False
    )

    def pushable(self, name: str, value: Scalar | None) -> bool:
        """Whether the registry can take a console field's value."""
        rule = self.table.rule(self.kind, name)
        if not isinstance(value, str):
            return False
        if rule.value == STATUS:
            return not self.card_archived and self.table.life_cycle(value) is not None
        short_enough = rule.max_length is None or len(value) <= rule.max_length
        return rule.value.startswith(METADATA) and is_metadata(value) and short_enough


@dataclass(frozen=True, slots=True)
class TargetFields:
    """The fields of one console type that the mapping may use: definitions by name, of this very console."""

    definitions: Mapping[str, FieldDefinition]
    table: MappingTable = field(default=mapping.DEFAULT, repr=False)

    def takes(self, rule: FieldRule) -> bool:
        """Whether this console has the rule's field and lets it be used as the rule says."""
        if rule.field == mapping.DESCRIPTION:
            return True
        definition = self.definitions.get(rule.field)
        return definition is not None and not (definition.read_only and rule.to_console)

    def fit(self, rule: FieldRule, value: Any) -> tuple[Scalar | None, str]:
        """Return the value as the field can hold it (no value as None), and what was cut off, as a sentence or "".

        Raises ValueError, saying why, for a value that the field cannot hold: it is left alone, because a value that a
        release of the console does not know must not clear a field.
        """
        converted = convert(rule.conversion, value)
        definition = self.definitions.get(rule.field)
        if converted is None or definition is None:
            return self._shorten(rule, converted, None)
        if definition.enum_values and converted not in definition.enum_values:
            raise ValueError(f"the console does not know the value {converted!r}")
        if definition.data_type in _NUMBERS and not isinstance(converted, int | float):
            raise ValueError(f"the field takes a number, and {converted!r} is none")
        return self._shorten(rule, converted, mapping.MAX_LENGTH.get(definition.data_type))

    def _shorten(self, rule: FieldRule, value: Scalar | None, limit: int | None) -> tuple[Scalar | None, str]:
        limits = [length for length in (rule.max_length, limit) if length is not None]
        if not isinstance(value, str) or not limits or len(value) <= min(limits):
            return value, ""
        if rule.overflow == "leave":
            raise ValueError(f"its {len(value)} characters are more than {min(limits)}")
        return cut(value, min(limits)), f"{rule.field}: {len(value)} characters were cut to {min(limits)}"


def project_group(group: ModelPackageGroup, target: TargetFields) -> Projection:
    """Return what the model group of a model package group should hold."""
    values = _Values(Kind.GROUP, target, lambda name: GROUP_VALUES[name](group))
    return Projection(
        kind=Kind.GROUP,
        arn=group.arn,
        name=object_name(group.name),
        fields=values.fields,
        initial_fields=values.initial,
        group_name=None,
        modified_at=None,
        notes=tuple(values.notes),
        table=target.table,
    )


def project_package(package: ModelPackage, target: TargetFields, owner: str) -> Projection:
    """Return what the model of a model package should hold; `owner` is a console user name (owners.py decides it)."""

    def value(name: str) -> Any:
        if name == STATUS:
            return console_status(package, target.table)
        return owner if name == OWNER else package_value(package, name)

    values = _Values(Kind.MODEL, target, value)
    with_metrics = target.table.metrics is not None
    return Projection(
        kind=Kind.MODEL,
        arn=package.arn,
        name=object_name(f"{package.group_name}-v{package.version}"),
        fields=values.fields,
        initial_fields=values.initial,
        group_name=package.group_name,
        modified_at=package.last_modified_at,
        pushed=values.pushed,
        held=values.held,
        initial_status=_initial_status(target),
        life_cycle=package.life_cycle,
        archived=is_archived(package),
        card_archived=_is_card_archived(package),
        metrics=_numeric_metrics(package) if with_metrics else None,
        notes=tuple(values.notes),
        table=target.table,
        after_push=lambda cycle, metadata: project_package(_pushed(package, cycle, metadata), target, owner),
    )


def console_status(package: ModelPackage, table: MappingTable = mapping.DEFAULT) -> str | None:
    """Return the console's model status for a package; None where the status table leaves the console to say it."""
    if is_archived(package):
        return DECOMMISSIONED
    return None if package.life_cycle is None else table.console_status(package.life_cycle)


def is_archived(package: ModelPackage) -> bool:
    """Whether the registry says that the model is out of use: by its life cycle or by its model card (R19)."""
    by_stage = package.life_cycle is not None and package.life_cycle.stage == mapping.ARCHIVED_STAGE
    return by_stage or _is_card_archived(package)


def object_name(text: str) -> str:
    """Return a name that the console can use in a path: no separators, control characters or outer spaces."""
    return cut(_NOT_FOR_NAMES.sub("-", text).strip() or "unnamed", mapping.MAX_NAME_LENGTH).strip()


def cut(text: str, limit: int | None) -> str:
    """Return the text, cut to `limit` characters and marked as cut where it is longer."""
    if limit is None or len(text) <= limit:
        return text
    return text[: max(0, limit - len(mapping.CUT_MARKER))] + mapping.CUT_MARKER[-limit:]


def _pushed(package: ModelPackage, life_cycle: LifeCycle | None, metadata: Mapping[str, str]) -> ModelPackage:
    return replace(package, life_cycle=life_cycle or package.life_cycle, metadata={**package.metadata, **metadata})


class _Values:
    """The values of one entity, sorted by what is done with them."""

    def __init__(self, kind: Kind, target: TargetFields, value_of: Callable[[str], Any]) -> None:
        self.fields: dict[str, Scalar | None] = {}
        self.initial: dict[str, Scalar] = {}
        self.held: dict[str, Scalar | None] = {}
        self.notes: list[str] = []
        rules = [rule for rule in target.table.rules[kind] if target.takes(rule)]
        self.pushed = tuple(rule.field for rule in rules if rule.to_registry)
        for rule in rules:
            self._add(rule, value_of(rule.value), target)

    def _add(self, rule: FieldRule, raw: Any, target: TargetFields) -> None:
        if raw is None and rule.value == STATUS:
            return  # the registry has no opinion, which is not the same as no value
        try:
            value, cut_off = target.fit(rule, raw)
        except ValueError as error:
            self.notes.append(f"{rule.field} is left alone: {error}")
            return
        if cut_off:
            self.notes.append(cut_off)
        if not rule.to_console:
            self.held[rule.field] = value
        elif not rule.at_creation:
            self.fields[rule.field] = value
        elif value is not None:
            self.initial[rule.field] = value


def _initial_status(target: TargetFields) -> str | None:
    definition = target.definitions.get(STATUS_FIELD)
    return mapping.PROPOSED if definition is not None and mapping.PROPOSED in definition.enum_values else None


def _is_card_archived(package: ModelPackage) -> bool:
    return package.card is not None and package.card.status == mapping.ARCHIVED_CARD


def _numeric_metrics(package: ModelPackage) -> tuple[Metric, ...]:
    """The metrics that a number field can hold; graphs, texts and truth values stay in the card."""
    found = () if package.card is None else model_card.metrics(package.card.content)
    return tuple(
        metric for metric in found if isinstance(metric.value, int | float) and not isinstance(metric.value, bool)
    )
