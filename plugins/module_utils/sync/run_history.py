# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looking at runs and at the agent from outside: reads ``state.db`` and ``status.json`` and never writes either.

It works while a run is going on, while the agent runs, and when neither does. What a process that was killed left
behind as "running" is told from a real run by the connection's lock, which ends with its holder.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ..connection.lock import is_held_alone
from .errors import SyncError
from .state_file import FILE_NAME

STATUS_FILE = "status.json"
"""The agent's; this room does not import that one. A test holds the two names together."""
STALE_SECONDS = 60.0
_COLUMNS = "id, connection, status, started_at, updated_at, record"


def read_runs(
    state_dir: Path, connection: str | None = None, limit: int = 10, label: str | None = None
) -> list[dict[str, Any]]:
    """Return the newest ``limit`` runs of each connection (or of one), newest first; none where nothing ever ran.

    Each has id, connection, status (running, succeeded, failed or cut_off), started_at, updated_at, label, and the
    report of sync.report.RunReport as far as it has come. With `label` those of that label among them. Raises SyncError
    for a file that cannot be read.
    """
    rows = _rows(state_dir / FILE_NAME, connection, limit)
    alive = {name: is_held_alone(state_dir, name) for name in {row[1] for row in rows if row[2] == "running"}}
    newest: set[str] = set()
    runs = []
    for row in rows:
        is_newest = row[1] not in newest
        newest.add(row[1])
        runs.append(_run(row, is_alive=is_newest and alive.get(row[1], False)))
    return [run for run in runs if label is None or run["label"] == label]


def read_agent_status(state_dir: Path, now: datetime) -> dict[str, Any] | None:
    """Return the agent's last status with ``age_seconds`` and ``is_stale`` added; None where no agent wrote one.

    A status is stale when it says that the agent is alive and yet is older than a minute. Raises SyncError.
    """
    path = state_dir / STATUS_FILE
    try:
        status = json.loads(path.read_text(encoding="utf-8"))
        written_at = datetime.fromisoformat(str(status["written_at"]).replace("Z", "+00:00"))
        age = max(0.0, (now - written_at).total_seconds())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SyncError(f"{path} cannot be read: {error.strerror}.") from None
    except (ValueError, TypeError, KeyError):
        raise SyncError(f"{path} is not a status that an agent wrote.") from None
    is_stale = status.get("state") not in ("stopped", "failed") and age > STALE_SECONDS
    return {**status, "age_seconds": round(age, 1), "is_stale": is_stale}


def progress(run: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Return how far a run is. Pure.

    ``done`` objects in all, ``seconds`` since the start, ``per_second`` (of a run that goes on, in its present phase);
    ``phase``, which is number ``phase_number`` of ``phases``, and of its ``phase_total`` entities ``phase_done``;
    ``seconds_left`` of the phase. None: not known. The seconds of a run that goes on are counted to `now`.
    """
    counts = run.get("counts") or {}
    done = sum(count for count in counts.values() if isinstance(count, int))
    is_running = run["status"] == "running"
    ended = now if is_running else datetime.fromisoformat(str(run["updated_at"]))
    seconds = max(0.0, (ended - datetime.fromisoformat(str(run["started_at"]))).total_seconds())
    phase = run.get("progress") or {}
    in_phase = is_running and phase.get("phase")
    rate = _rate(phase["done"], phase["phase_seconds"]) if in_phase else _rate(done, seconds)
    return {
        "done": done,
        "seconds": round(seconds, 1),
        "per_second": rate,
        "phase": phase.get("phase", ""),
        "phase_number": phase.get("phase_number", 0),
        "phases": phase.get("phases", 0),
        "phase_done": phase.get("done", 0),
        "phase_total": phase.get("total"),
        "seconds_left": _seconds_left(phase, rate) if is_running else 0.0,
    }


def _rate(done: int, seconds: float) -> float:
    return round(done / seconds, 1) if seconds else 0.0


def _seconds_left(phase: Mapping[str, Any], rate: float) -> float | None:
    total, done = phase.get("total"), phase.get("done", 0)
    return None if total is None or not rate else round(float(total - done) / rate, 1)


def utc_now() -> datetime:
    """Return the time now, aware."""
    return datetime.now(timezone.utc)


def _run(row: Sequence[Any], *, is_alive: bool) -> dict[str, Any]:
    run_id, connection, status, started_at, updated_at, record = row
    shown = "cut_off" if status == "running" and not is_alive else status
    head = {"id": run_id, "connection": connection, "status": shown, "started_at": started_at, "updated_at": updated_at}
    try:
        return {"label": "", **json.loads(record), **head}
    except ValueError:
        raise SyncError(f"The record of the run {run_id} cannot be read.") from None


def _rows(path: Path, connection: str | None, limit: int) -> list[tuple[str, ...]]:
    if not path.exists():
        return []
    statement = (
        f"SELECT {_COLUMNS} FROM (SELECT *, rowid AS number, ROW_NUMBER() OVER "
        "(PARTITION BY connection ORDER BY started_at DESC, rowid DESC) AS place FROM runs) "
        "WHERE place <= ? AND (? IS NULL OR connection = ?) ORDER BY started_at DESC, number DESC"
    )
    try:
        return _select(path, statement, (limit, connection, connection))
    except sqlite3.Error as error:
        raise SyncError(f"The run records in {path} cannot be read: {error}.") from None


def _select(path: Path, statement: str, values: tuple[Any, ...]) -> list[tuple[str, ...]]:
    """Without a write-ahead log nobody is at work on the file: read as immutable, SQLite makes no file beside it."""
    is_at_rest = not path.with_name(f"{path.name}-wal").exists()
    mode = "mode=ro&immutable=1" if is_at_rest else "mode=ro"
    database = sqlite3.connect(f"file:{quote(str(path.resolve()))}?{mode}", uri=True, timeout=10)
    try:
        tables = database.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'runs'").fetchall()
        return database.execute(statement, values).fetchall() if tables else []
    finally:
        database.close()
