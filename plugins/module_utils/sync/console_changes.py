# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was changed in the console, found by asking for the latest modifications of a type.

Which forms of a date the query language takes is not documented beyond ``DATE 'YYYY-MM-DD'``. So the condition is by
the day, with a day to spare for the console's time zone; the answer comes newest first and is read no further than
wanted. All moments are the console's own, so its clock may differ from ours.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from ..connection.model import Connection
from ..console.client import ConsoleClient
from ..console.query import And, Column, Compare, Condition, Date, Like, Order, Query, Row, columns
from .console_reader import ID, NAME, ConsoleReader, InventoryEntry
from .errors import UnreadableTimeError
from .mapping import Kind
from .use_case_work import use_case_key

MODIFIED = "Last Modification Date"
_DAY = datetime.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class ConsoleChange:
    """An object that was modified at a moment (POSIX seconds, by the console's clock).

    ``key`` is what has to be looked at; None: nothing, the object is as both sides last agreed, as after our own write.
    """

    object_id: str
    modified_at: float
    key: str | None


class ChangeSource:
    """The modifications of one type. ``name`` tells the sources of a connection apart."""

    def __init__(
        self,
        name: str,
        client: ConsoleClient,
        type_name: str,
        fields: tuple[str, ...],
        key_of: Callable[[Row], str | None],
        where: Condition | None = None,
    ) -> None:
        self.name = name
        self._client = client
        self._type_name = type_name
        self._columns = columns(ID, MODIFIED, *fields)
        self._key_of = key_of
        self._where = where

    def newest(self) -> float | None:
        """Return the moment of the latest modification, or None when there is no object (1 query)."""
        row = next(self._rows(self._where), None)
        return None if row is None else moment_of(row)

    def changed_since(self, moment: float) -> Iterator[ConsoleChange]:
        """Yield what was modified at that moment or later, the newest first (1 query for every 500).

        Raises the console's errors, and UnreadableTimeError.
        """
        since = datetime.datetime.fromtimestamp(max(moment, _DAY.total_seconds()), datetime.timezone.utc) - _DAY
        recent = Compare(Column(MODIFIED), ">=", Date(since.date().isoformat()))
        for row in self._rows(recent if self._where is None else And((recent, self._where))):
            modified_at = moment_of(row)
            if modified_at < moment:
                return
            yield ConsoleChange(str(row.get(ID, "")), modified_at, self._key_of(row))

    def _rows(self, where: Condition | None) -> Iterator[Row]:
        newest_first = (Order(Column(MODIFIED), descending=True), Order(Column(ID)))
        return self._client.select(Query(self._columns, self._type_name, where=where, order_by=newest_first))


def change_sources(client: ConsoleClient, reader: ConsoleReader, connection: Connection) -> tuple[ChangeSource, ...]:
    """Return where a connection's changes in the console come from: use cases, model groups and models."""
    use_cases = ChangeSource(
        "console_use_cases", client, connection.sync.use_case_type, (), lambda row: use_case_key(str(row.get(ID, "")))
    )
    groups = _of_kind("console_model_groups", Kind.GROUP, client, reader)
    return use_cases, groups, _of_kind("console_models", Kind.MODEL, client, reader)


def _of_kind(name: str, kind: Kind, client: ConsoleClient, reader: ConsoleReader) -> ChangeSource:
    target, names = reader.targets[kind], reader.names

    def key_of(row: Row) -> str | None:
        arn = str(row[names.arn]) if names.arn in row else None
        if arn is None or not reader.is_ours(kind, arn):
            return None
        pushed = tuple((field, row.get(field, "")) for field in target.pushed)
        state = str(row[names.state]) if names.state in row else None
        entry = InventoryEntry(kind, str(row.get(ID, "")), str(row.get(NAME, "")), arn, state, pushed)
        return None if entry.is_in_use_and_untouched else arn

    fields = (NAME, names.arn, names.state, *target.pushed)
    return ChangeSource(name, client, target.type_name, fields, key_of, Like(Column(names.arn), "arn:%"))


def moment_of(row: Mapping[str, object]) -> float:
    """Return when a row's object was last modified, in POSIX seconds. Raises UnreadableTimeError."""
    text = str(row.get(MODIFIED, ""))
    try:
        moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise UnreadableTimeError(
            f"The console says that object {row.get(ID)} was last modified at {text!r}, which is not an ISO 8601 time: "
            "changes in the console are found by the sweeps only."
        ) from None
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=datetime.timezone.utc)
    return aware.timestamp()
