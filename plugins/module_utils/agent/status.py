# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the agent counts, and the file that shows it.

`status.json` in the state directory is replaced as a whole every few seconds, so a reader never sees half of it.
"""

from __future__ import annotations

import json
import os
import threading
import time
from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from .runtime import WRITTEN

STATUS_FILE = "status.json"
SCHEMA_VERSION = 1

COUNTED = (
    "received",
    "touched",
    "irrelevant",
    "undecodable",
    "dead_lettered",
    "discarded",
    "deleted",
    "delete_failures",
    "queue_errors",
    "journal_errors",
    "intake_pauses",
    "reconcile_failures",
    "sweeps_full",
    "sweeps_incremental",
    "sweep_failures",
    "sweep_marked",
    "unannounced",
    "polls",
    "poll_failures",
    "poll_marked",
    "start_failures",
)
"""Names of the counters of a connection; reconciliations are counted by outcome besides."""


_KEPT_STARTS = 16
KEPT_CHANGES = 100
"""How many of the latest changes of a connection are remembered, and of what was held back."""

SECONDS_BOUNDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)
"""Upper bounds of the classes that waits and durations are counted in, in seconds; a last class takes the rest."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """How many values fell into each class of `SECONDS_BOUNDS` (the last one: beyond them all), and their sum."""

    counts: tuple[int, ...] = (0,) * (len(SECONDS_BOUNDS) + 1)
    total: float = 0.0

    def with_value(self, value: float) -> Distribution:
        """The distribution with one value more."""
        place = bisect_left(SECONDS_BOUNDS, value)
        counts = (*self.counts[:place], self.counts[place] + 1, *self.counts[place + 1 :])
        return Distribution(counts, self.total + value)


@dataclass(frozen=True, slots=True)
class Change:
    """One key that was written, or that waits for a person. ``at`` is a wall-clock time in seconds."""

    at: float
    key: str
    status: str
    detail: str


@dataclass(frozen=True, slots=True)
class SweepRecord:
    """The last sweep of a kind that ended well, and the one under way. ``began_at`` None: none is under way.

    ``held_back`` says, a sentence each, what the guard against mass decommissioning held back.
    """

    began_at: float | None = None
    ended_at: float | None = None
    seconds: float = 0.0
    listed: int = 0
    marked: int = 0
    held_back: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The counters of one connection at one moment. Times are wall-clock seconds, lags seconds, None: never yet.

    ``event_lag``: from the registry's call to us, of the last event. ``message_age``: how long the oldest message of
    the last receive had been in the queue (0: the queue was empty). ``failures``: when each counter of failures last
    rose. ``event_lags``, ``key_seconds`` (from the first hint to the end of the work on a key) and ``work_seconds`` (of
    one attempt) are distributions since the start. ``unheard_sweeps``: see `Counters.reconciled`.
    """

    counts: Mapping[str, int]
    outcomes: Mapping[str, int]
    moments: Mapping[str, float]
    event_lag: float | None
    last_error: str | None
    last_error_at: float | None = None
    failures: Mapping[str, float] = field(default_factory=dict)
    message_age: float | None = None
    event_lags: Distribution = Distribution()
    key_seconds: Distribution = Distribution()
    work_seconds: Distribution = Distribution()
    changes: tuple[Change, ...] = ()
    held: tuple[Change, ...] = ()
    sweeps: Mapping[str, SweepRecord] = field(default_factory=dict)
    unheard_sweeps: int = 0


class Counters:
    """Counts of one connection since the start of the process. Safe for threads; an exporter reads `snapshot`.

    ``clock`` gives wall-clock seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter(dict.fromkeys(COUNTED, 0))
        self._outcomes: Counter[str] = Counter()
        self._moments: dict[str, float] = {}
        self._event_lag: float | None = None
        self._last_error: str | None = None
        self._failures: dict[str, float] = {}
        self._message_age: float | None = None
        self._event_lags = self._key_seconds = self._work_seconds = Distribution()
        self._changes: deque[Change] = deque(maxlen=KEPT_CHANGES)
        self._held: deque[Change] = deque(maxlen=KEPT_CHANGES)
        self._sweeps: dict[str, SweepRecord] = {}
        self._sweep_starts: deque[float] = deque(maxlen=_KEPT_STARTS)
        self._unheard: set[float] = set()

    def add(self, name: str, amount: int = 1) -> None:
        """Count something of `COUNTED`."""
        if name not in self._counts:
            raise KeyError(name)
        with self._lock:
            self._counts[name] += amount
            if name == "touched":
                self._unheard.clear()

    def reconciled(self, change: Change, waited: float, *, swept: bool = False) -> None:
        """Count one reconciled key that had been dirty for ``waited`` seconds; remember what it led to.

        ``swept``: a sweep found it, and no event told of it. ``unheard_sweeps`` is how many sweeps since the last event
        had to write something in this way: one may have been ahead of its event, several cannot all have.
        """
        with self._lock:
            if swept and change.status in WRITTEN:
                self._counts["unannounced"] += 1
                self._unheard.add(self._sweep_of(change.at - waited))
            self._outcomes[change.status] += 1
            self._moments["success"] = change.at
            self._key_seconds = self._key_seconds.with_value(max(0.0, waited))
            if change.status == "held":
                self._held.append(change)
            elif change.status not in ("unchanged", "ignored"):
                self._changes.append(change)

    def worked(self, seconds: float) -> None:
        """Remember how long one attempt at a key took, however it ended."""
        with self._lock:
            self._work_seconds = self._work_seconds.with_value(seconds)

    def stamp(self, name: str, moment: float) -> None:
        """Remember when something last was: receive, pause, success, full_sweep, incremental_sweep."""
        with self._lock:
            self._moments[name] = moment

    def saw_event(self, lag: float) -> None:
        """Remember how long the last event took from the registry to us."""
        lag = max(0.0, lag)
        with self._lock:
            self._event_lag = lag
            self._event_lags = self._event_lags.with_value(lag)

    def saw_messages(self, age: float) -> None:
        """Remember how long the oldest message of the last receive had been in the queue; 0 when it brought none."""
        with self._lock:
            self._message_age = max(0.0, age)

    def sweep_began(self, kind: str, moment: float) -> None:
        """Remember that a sweep is under way."""
        with self._lock:
            self._sweep_starts.append(moment)
            self._sweeps[kind] = replace(self._sweeps.get(kind, SweepRecord()), began_at=moment)

    def sweep_ended(self, kind: str, record: SweepRecord | None) -> None:
        """Remember how a sweep went; None when it failed: the last good one stays."""
        with self._lock:
            self._sweeps[kind] = record or replace(self._sweeps.get(kind, SweepRecord()), began_at=None)

    def failed(self, name: str, error: str) -> None:
        """Count a failure and remember what it said."""
        self.add(name)
        with self._lock:
            self._last_error = error
            self._failures[name] = self._clock()

    def snapshot(self) -> Snapshot:
        """All of it at one moment."""
        with self._lock:
            return Snapshot(
                dict(self._counts),
                dict(self._outcomes),
                dict(self._moments),
                self._event_lag,
                self._last_error,
                max(self._failures.values(), default=None),
                dict(self._failures),
                self._message_age,
                self._event_lags,
                self._key_seconds,
                self._work_seconds,
                tuple(self._changes),
                tuple(self._held),
                dict(self._sweeps),
                len(self._unheard),
            )

    @property
    def unheard_sweeps(self) -> int:
        """That of `snapshot`, for those who ask often."""
        with self._lock:
            return len(self._unheard)

    def _sweep_of(self, moment: float) -> float:
        """The start of the sweep that marked a key then; of one that is long past, the first that is remembered."""
        before = [start for start in self._sweep_starts if start <= moment]
        return before[-1] if before else 0.0


def isoformat(moment: float | None) -> str | None:
    """A wall-clock time as ISO 8601 in UTC."""
    if moment is None:
        return None
    return datetime.fromtimestamp(moment, timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z")


def write_status(directory: Path, status: Mapping[str, Any]) -> None:
    """Replace the status file. Raises OSError."""
    temporary = directory / f"{STATUS_FILE}.tmp"
    temporary.write_text(json.dumps({"schema_version": SCHEMA_VERSION, **status}, indent=1) + "\n", encoding="utf-8")
    os.replace(temporary, directory / STATUS_FILE)


def read_status(directory: Path) -> Mapping[str, Any] | None:
    """The last status that an agent wrote here, or None. Raises ValueError for a file that is not one."""
    try:
        status = json.loads((directory / STATUS_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    if not isinstance(status, dict):
        raise ValueError(f"{directory / STATUS_FILE} is not a status file.")
    return status
