# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A connection's own mapping: what it changes in the default table, read with care. Pure.

::

    rows:                                       # one entry a console field; what it does not say stays as it was
      - field: MRG-Model:Model Version
        kind: model                             # or model_group; model if not given
        value: version                          # a new row needs one
        direction: to_console                   # to_registry, both
        winner: registry                        # console
        conversion: text                        # json, outline, number, integer, yes_no, date
        max_length: 100
        overflow: cut                           # leave
        at_creation: false
      - field: MRG-AIFacts-Model:Hyperparameters
        drop: true
    statuses:                                   # one entry a console status
      - status: In Validation
        stage: Validation
        stage_status: InProgress
        direction: both
    metrics: {enabled: true, type: Metric, value_field: "MRG-Metric:Value"}
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any, cast

from ..console.sync_needs import DECOMMISSIONED, STATUS_FIELD
from . import mapping, registry_values
from .conversions import CONVERSIONS
from .errors import MappingError
from .mapping import DEFAULT, DESCRIPTION, FieldRule, Kind, MappingTable, MetricSettings, StatusRow
from .state import DIGEST_BYTES

ROOM = 3800
"""Characters that the digests of all rows of a kind may take in the sync state. Its text field may be as short as 4,000
(a medium text of the console); the rest is for what else the state holds."""

KINDS = {"model": Kind.MODEL, "model_group": Kind.GROUP}
DIRECTIONS = ("to_console", "to_registry", "both")

_ROW_KEYS = {
    "field", "kind", "value", "direction", "winner", "conversion", "max_length", "overflow", "at_creation", "drop",
}  # fmt: skip
_STATUS_KEYS = {"status", "stage", "stage_status", "direction", "drop"}
_METRIC_KEYS = {"enabled", "type", "value_field"}

# SageMaker's model of Stage and StageStatus (shape EntityName).
_STAGE_FORM = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")


def effective_table(overrides: Mapping[str, object], reserved: Collection[str] = ()) -> MappingTable:
    """Return the mapping of a connection that changes this much.

    `reserved` are console fields that hold our own data. Raises MappingError, naming the row and the reason.
    """
    if not overrides:
        return DEFAULT
    _require_known(overrides, {"rows", "statuses", "metrics"}, _Place("it"))
    rules = {kind: {rule.field: rule for rule in rows} for kind, rows in DEFAULT.rules.items()}
    rows = _entries(overrides, "rows")
    _require_once([(str(row.get("kind", "model")), str(row.get("field"))) for row in rows], "rows", "field")
    for number, row in enumerate(rows, 1):
        place = _entry_place("rows", number, row.get("field"))
        if row.get("field") in reserved:
            raise place.wrong("is the field of the ARN or of the sync state")
        _change_rule(rules, row, place)
    _require_one_writer(rules[Kind.MODEL].values())
    statuses = {row.console_status: row for row in DEFAULT.statuses}
    entries = _entries(overrides, "statuses")
    _require_once([("", str(entry.get("status"))) for entry in entries], "statuses", "status")
    for number, entry in enumerate(entries, 1):
        _change_status(statuses, entry, _entry_place("statuses", number, entry.get("status")))
    _require_way_back(statuses.values())
    for kind, changed in rules.items():
        _require_room(kind, changed.values())
    metrics = _metrics(overrides.get("metrics"))
    return MappingTable(
        {kind: tuple(changed.values()) for kind, changed in rules.items()}, tuple(statuses.values()), metrics
    )


def _require_one_writer(rules: Iterable[FieldRule]) -> None:
    """Two console fields that go to one place in the registry would overwrite each other for ever."""
    for value, count in Counter(rule.value for rule in rules if rule.to_registry).items():
        if count > 1:
            raise MappingError(f"The mapping cannot be used: {count} rows go to {value} in the registry; one may.")


def _require_room(kind: Kind, rules: Iterable[FieldRule]) -> None:
    needed = sum(len(json.dumps(rule.field)) + 2 * DIGEST_BYTES + 4 for rule in rules if not rule.at_creation)
    if needed > ROOM:
        raise MappingError(
            f"The mapping cannot be used: the rows of the {kind.value} take {needed} characters of the sync state, and "
            f"there is room for {ROOM}. Drop rows."
        )


class _Place:
    """Where in the overrides something is, for messages."""

    def __init__(self, text: str) -> None:
        self._text = text

    def wrong(self, reason: str) -> MappingError:
        """Return the error that says what is wrong here."""
        return MappingError(f"The mapping cannot be used: {self._text} {reason}.")


def _entry_place(section: str, number: int, name: object) -> _Place:
    shown = f" ({name})" if isinstance(name, str) and name else ""
    return _Place(f"{section}[{number}]{shown}")


def _change_rule(rules: dict[Kind, dict[str, FieldRule]], row: Mapping[str, object], place: _Place) -> None:
    _require_known(row, _ROW_KEYS, place)
    field = _text(row, "field", place)
    kind = KINDS[_choice(row, "kind", tuple(KINDS), place, "model")]
    known = rules[kind].get(field)
    if _flag(row, "drop", place):
        _drop_rule(rules[kind], field, row, place)
        return
    if known is None and "value" not in row:
        raise place.wrong("is a new row and needs a value")
    rule = known or FieldRule(field, "")
    if field == STATUS_FIELD:
        _require_known(row, {"field", "kind", "winner", "drop"}, place, "of the status (its own table has the rest)")
    rules[kind][field] = _checked(kind, _changed(rule, row, place), place)


def _drop_rule(rules: dict[str, FieldRule], field: str, row: Mapping[str, object], place: _Place) -> None:
    if set(row) - {"field", "kind", "drop"}:
        raise place.wrong("is dropped and cannot be changed as well")
    if field in (STATUS_FIELD, DESCRIPTION):
        raise place.wrong("cannot be dropped: every object needs it")
    if field not in rules:
        raise place.wrong("is dropped, but there is no such row")
    del rules[field]


def _changed(rule: FieldRule, row: Mapping[str, object], place: _Place) -> FieldRule:
    direction = _choice(row, "direction", DIRECTIONS, place, rule.direction)
    # Who writes alone is who is right, unless the row says something else.
    usual = "console" if direction == "to_registry" and "winner" not in row else rule.winner
    return replace(
        rule,
        value=_text(row, "value", place) if "value" in row else rule.value,
        direction=cast(Any, direction),
        winner=cast(Any, _choice(row, "winner", ("registry", "console"), place, usual)),
        conversion=_choice(row, "conversion", tuple(CONVERSIONS), place, rule.conversion),
        max_length=_length(row, rule.max_length, place),
        overflow=cast(Any, _choice(row, "overflow", ("cut", "leave"), place, rule.overflow)),
        at_creation=_flag(row, "at_creation", place, rule.at_creation),
    )


def _checked(kind: Kind, rule: FieldRule, place: _Place) -> FieldRule:
    if not registry_values.is_known(kind, rule.value):
        known = ", ".join((*registry_values.NAMES[kind], "card:PATH", "metadata:KEY"))
        raise place.wrong(f"has the value {rule.value!r}, which a {kind.value} does not have; there are {known}")
    if rule.value == registry_values.STATUS and rule.field != STATUS_FIELD:
        raise place.wrong(f"has the value {rule.value}, which belongs to {STATUS_FIELD} alone")
    if not rule.to_registry:
        return rule
    if not registry_values.is_writable(kind, rule.value):
        raise place.wrong(f"goes to the registry, where {rule.value} cannot be written; metadata:KEY can")
    if rule.value != registry_values.STATUS and rule.conversion != "text":
        raise place.wrong(f"goes to the registry, so its conversion must be text and not {rule.conversion}")
    if rule.at_creation:
        raise place.wrong("goes to the registry and cannot be for the creation in the console alone")
    return rule


def _change_status(statuses: dict[str, StatusRow], entry: Mapping[str, object], place: _Place) -> None:
    _require_known(entry, _STATUS_KEYS, place)
    status = _text(entry, "status", place)
    known = statuses.get(status)
    if _flag(entry, "drop", place):
        if known is None:
            raise place.wrong("is dropped, but there is no such row")
        del statuses[status]
        return
    if known is None and not {"stage", "stage_status"} <= set(entry):
        raise place.wrong("is a new row and needs stage and stage_status")
    row = StatusRow(
        status,
        _stage(entry, "stage", place, known),
        _stage(entry, "stage_status", place, known),
        cast(Any, _choice(entry, "direction", DIRECTIONS, place, "to_registry" if known is None else known.direction)),
    )
    statuses[status] = row


def _stage(entry: Mapping[str, object], key: str, place: _Place, known: StatusRow | None) -> str:
    if key not in entry and known is not None:
        return known.stage if key == "stage" else known.stage_status
    text = _text(entry, key, place)
    if not _STAGE_FORM.fullmatch(text):
        raise place.wrong(f"has the {key} {text!r}; SageMaker takes up to 63 letters, digits and inner hyphens")
    return text


def _require_way_back(statuses: Iterable[StatusRow]) -> None:
    """A status that goes down must not come back up as another one: the two sides would never agree.

    A life cycle of the stage Archived comes up as Decommissioned whatever the table says (R19).
    """
    rows = list(statuses)
    for row in rows:
        if not row.to_registry:
            continue
        ups = [other for other in rows if other.to_console and _cycle(other) == _cycle(row)]
        back = DECOMMISSIONED if row.stage == mapping.ARCHIVED_STAGE else None
        other = back if back is not None else next((one.console_status for one in ups), None)
        if other is not None and other != row.console_status:
            raise MappingError(
                f"The mapping cannot be used: the status {row.console_status} sets {row.stage}/{row.stage_status} in "
                f"SageMaker, which sets the status {other} in the console."
            )
    counts = Counter(_cycle(row) for row in rows if row.to_console)
    for (stage, stage_status), count in counts.items():
        if count > 1:
            raise MappingError(
                f"The mapping cannot be used: {stage}/{stage_status} sets {count} different statuses in the console."
            )


def _cycle(row: StatusRow) -> tuple[str, str]:
    return row.stage, row.stage_status


def _metrics(value: object) -> MetricSettings | None:
    place = _Place("metrics")
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise place.wrong("is not a dictionary")
    _require_known(value, _METRIC_KEYS, place)
    if not _flag(value, "enabled", place, default=True):
        return None
    usual = MetricSettings()
    return MetricSettings(
        _text(value, "type", place) if "type" in value else usual.type_name,
        _text(value, "value_field", place) if "value_field" in value else usual.value_field,
    )


def _entries(overrides: Mapping[str, object], section: str) -> list[Mapping[str, object]]:
    value = overrides.get(section)
    if value is None:
        return []
    if not isinstance(value, list | tuple):
        raise MappingError(f"The mapping cannot be used: {section} is not a list.")
    for number, entry in enumerate(value, 1):
        if not isinstance(entry, Mapping):
            raise _entry_place(section, number, None).wrong("is not a dictionary")
    return list(value)


def _require_known(given: Mapping[str, object], known: set[str], place: _Place, of: str = "there") -> None:
    for key in given:
        if key not in known:
            raise place.wrong(f"has the unknown key {key!r}; {of} are {', '.join(sorted(known))}")


def _require_once(names: list[tuple[str, str]], section: str, what: str) -> None:
    for (_kind, name), count in Counter(names).items():
        if count > 1:
            raise MappingError(f"The mapping cannot be used: {section} has the {what} {name} {count} times.")


def _text(given: Mapping[str, object], key: str, place: _Place) -> str:
    value = given.get(key)
    if isinstance(value, str) and value.strip():
        return value
    raise place.wrong(f"needs a text as its {key}")


def _choice(given: Mapping[str, object], key: str, known: tuple[str, ...], place: _Place, usual: str) -> str:
    value = given.get(key, usual)
    if isinstance(value, str) and value in known:
        return value
    raise place.wrong(f"has the {key} {value!r}; there are {', '.join(known)}")


def _flag(given: Mapping[str, object], key: str, place: _Place, default: bool = False) -> bool:
    value = given.get(key, default)
    if isinstance(value, bool):
        return value
    raise place.wrong(f"has the {key} {value!r}, which is neither true nor false")


def _length(given: Mapping[str, object], usual: int | None, place: _Place) -> int | None:
    value = given.get("max_length", usual)
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value > len(mapping.CUT_MARKER)):
        return value
    raise place.wrong(f"has the max_length {value!r}; it must be a whole number above {len(mapping.CUT_MARKER)}")
