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
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

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
    "reconcile_failures",
    "sweeps_full",
    "sweeps_incremental",
    "sweep_failures",
    "sweep_marked",
    "start_failures",
)
"""Names of the counters of a connection; reconciliations are counted by outcome besides."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The counters of one connection at one moment. Times are wall-clock seconds, lags seconds, None: never yet."""

    counts: Mapping[str, int]
    outcomes: Mapping[str, int]
    moments: Mapping[str, float]
    event_lag: float | None
    last_error: str | None


class Counters:
    """Counts of one connection since the start of the process. Safe for threads; an exporter reads `snapshot`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter(dict.fromkeys(COUNTED, 0))
        self._outcomes: Counter[str] = Counter()
        self._moments: dict[str, float] = {}
        self._event_lag: float | None = None
        self._last_error: str | None = None

    def add(self, name: str, amount: int = 1) -> None:
        """Count something of `COUNTED`."""
        if name not in self._counts:
            raise KeyError(name)
        with self._lock:
            self._counts[name] += amount

    def outcome(self, status: str) -> None:
        """Count one reconciled key."""
        with self._lock:
            self._outcomes[status] += 1

    def stamp(self, name: str, moment: float) -> None:
        """Remember when something last went well: receive, success, full_sweep, incremental_sweep."""
        with self._lock:
            self._moments[name] = moment

    def saw_event(self, lag: float) -> None:
        """Remember how long the last event took from the registry to us."""
        with self._lock:
            self._event_lag = max(0.0, lag)

    def failed(self, name: str, error: str) -> None:
        """Count a failure and remember what it said."""
        self.add(name)
        with self._lock:
            self._last_error = error

    def snapshot(self) -> Snapshot:
        """All of it at one moment."""
        with self._lock:
            return Snapshot(
                dict(self._counts), dict(self._outcomes), dict(self._moments), self._event_lag, self._last_error
            )


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
