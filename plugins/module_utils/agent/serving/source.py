# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where views of the agent come from: its live parts, the journal's file and the run records.

Nothing here waits for a worker: counters are copied in microseconds, and files are read over connections of their own.
However many clients ask, a view is made once a second at most.
"""

from __future__ import annotations

import platform
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ...errors import WxgovError
from ...sync.run_history import read_runs
from ..unit import Unit
from .backlog import Waiting, read_waiting
from .inside import Inside
from .view import AgentView, ConnectionView, Requests, RunView

FRESH_SECONDS = 1.0
WORST_KEYS = 50
RUNS = 5
"""How many keys that have failed, and how many runs, are shown of each connection."""


class Source:
    """Makes views. ``inside`` is called by the threads that serve; ``now`` is the wall clock."""

    def __init__(self, inside: Callable[[], Inside], state_file: Path, *, now: Callable[[], float] = time.time) -> None:
        self._inside = inside
        self._state_file = state_file
        self._now = now
        self._lock = threading.Lock()
        self._last: AgentView | None = None

    def view(self) -> AgentView:
        """The agent as it is, at most `FRESH_SECONDS` ago."""
        with self._lock:
            now = self._now()
            if self._last is None or not 0 <= now - self._last.taken_at < FRESH_SECONDS:
                self._last = self._take(now)
            return self._last

    def inside(self) -> Inside:
        """The live parts alone, for those who must not touch a disk."""
        return self._inside()

    def _take(self, now: float) -> AgentView:
        inside = self._inside()
        unreadable: list[str] = []
        waiting = self._waiting(inside, unreadable)
        return AgentView(
            taken_at=now,
            state=inside.state,
            host=platform.node(),
            pid=inside.pid,
            release=release_of(Path(__file__)),
            deployment=inside.deployment,
            started_at=inside.started_at,
            workers=inside.workers,
            journal_rebuilds=inside.journal_rebuilds,
            connections=tuple(_connection(unit, waiting) for unit in inside.units),
            runs=self._runs(now, unreadable),
            standby=inside.standby,
            refused=dict(inside.refused),
            crashed=inside.crashed,
            late=dict(inside.late),
            unreadable=tuple(unreadable),
            blocked=inside.blocked,
        )

    def _waiting(self, inside: Inside, unreadable: list[str]) -> Mapping[str, Waiting]:
        try:
            return read_waiting(self._state_file, [unit.connection.name for unit in inside.units], WORST_KEYS)
        except WxgovError as error:
            unreadable.append(str(error))
            return {}

    def _runs(self, now: float, unreadable: list[str]) -> tuple[RunView, ...]:
        try:
            return tuple(run_view(run, now) for run in read_runs(self._state_file.parent, limit=RUNS))
        except WxgovError as error:
            unreadable.append(str(error))
            return ()


def _connection(unit: Unit, waiting: Mapping[str, Waiting]) -> ConnectionView:
    connection, pace = unit.connection, unit.pace
    mine = waiting.get(connection.name, Waiting())
    traffic = {service: Requests(count.sent, count.throttled, count.failed) for service, count in unit.traffic.items()}
    return ConnectionView(
        name=connection.name,
        description=connection.description,
        account_id=connection.account_id,
        region=connection.region,
        console_url=connection.console.url,
        state=unit.state,
        started_at=unit.started_at,
        busy=unit.busy,
        seen=unit.counters.snapshot(),
        backlog=mine.backlog,
        waiting=mine.worst,
        breaker="" if pace is None else pace.breaker,
        rate=None if pace is None else pace.rate,
        registry_rates=dict(unit.registry_rates),
        requests=traffic,
    )


def run_view(run: Mapping[str, Any], now: float) -> RunView:
    """A run record (sync.run_history.read_runs) as the page shows it. A record that has just begun says little."""
    progress = run.get("progress") or {}
    started, updated = _moment(run.get("started_at")), _moment(run.get("updated_at"))
    status = str(run.get("status"))
    ended = now if status == "running" else updated
    done, total = int(progress.get("done") or 0), progress.get("total")
    phase_seconds = float(progress.get("phase_seconds") or 0.0)
    per_second = done / phase_seconds if phase_seconds > 0 else 0.0
    left = (total - done) / per_second if total is not None and per_second > 0 and status == "running" else None
    return RunView(
        id=str(run.get("id")),
        connection=str(run.get("connection")),
        status=status,
        started_at=started,
        updated_at=updated,
        seconds=max(0.0, ended - started) if ended is not None and started is not None else 0.0,
        phase=str(progress.get("phase") or ""),
        phase_number=int(progress.get("phase_number") or 0),
        phases=int(progress.get("phases") or 0),
        done=done,
        total=total,
        per_second=per_second,
        left_seconds=None if left is None else max(0.0, left),
        counts=dict(run.get("counts") or {}),
        error=str(run.get("error") or ""),
        notes=tuple(run.get("notes") or ()),
    )


def _moment(text: object) -> float | None:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()


def release_of(path: Path) -> str:
    """The release that a file belongs to: the sync_agent role puts each below releases/NAME. "" elsewhere."""
    parts = path.resolve().parts
    return parts[parts.index("releases") + 1] if "releases" in parts[:-1] else ""
