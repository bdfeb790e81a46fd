# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run records: what each existing-model sync did, kept in the connection host's ``state.db``.

Losing them loses no data (the state of the synchronisation is in the two systems), only history.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from uuid import uuid4

from .errors import SyncError
from .state_file import FILE_NAME, open_state

KEPT_PER_CONNECTION = 100

_SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
    id TEXT PRIMARY KEY, connection TEXT NOT NULL, status TEXT NOT NULL, started_at TEXT NOT NULL,
    updated_at TEXT NOT NULL, record TEXT NOT NULL
)
"""


class RunStore:
    """The table of runs. Each method is one transaction; processes may share the file."""

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir

    def start(self, connection: str, record: Mapping[str, Any] | None = None) -> str:
        """Record that a run has started and return its id. Raises SyncError when the directory cannot be written."""
        run_id = uuid4().hex
        now = _now()
        with self._transaction() as database:
            database.execute(
                "INSERT INTO runs VALUES (?, ?, 'running', ?, ?, ?)",
                (run_id, connection, now, now, json.dumps(record or {}, sort_keys=True)),
            )
            database.execute(
                "DELETE FROM runs WHERE connection = ? AND id NOT IN "
                "(SELECT id FROM runs WHERE connection = ? ORDER BY started_at DESC, rowid DESC LIMIT ?)",
                (connection, connection, KEPT_PER_CONNECTION),
            )
        return run_id

    def update(self, run_id: str, record: Mapping[str, Any], status: str = "running") -> None:
        """Write a run's record; `status` is running, succeeded, failed or cut_off."""
        with self._transaction() as database:
            database.execute(
                "UPDATE runs SET status = ?, updated_at = ?, record = ? WHERE id = ?",
                (status, _now(), json.dumps(record, sort_keys=True), run_id),
            )

    def latest(self, connection: str) -> dict[str, Any] | None:
        """Return the newest run of a connection with its status and times, or None."""
        with self._transaction() as database:
            row = database.execute(
                "SELECT id, status, started_at, updated_at, record FROM runs WHERE connection = ? "
                "ORDER BY started_at DESC, rowid DESC LIMIT 1",
                (connection,),
            ).fetchone()
        if row is None:
            return None
        return {"id": row[0], "status": row[1], "started_at": row[2], "updated_at": row[3], **json.loads(row[4])}

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        database = open_state(self._state_dir, _SCHEMA)
        try:
            with database:
                yield database
        except sqlite3.Error as error:
            raise SyncError(f"The run records in {self._state_dir / FILE_NAME} cannot be used: {error}.") from error
        finally:
            database.close()


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds")
