# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Opens ``state.db``, the connection host's file of run records and other things that may be lost."""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path

from .errors import SyncError

FILE_NAME = "state.db"
TIMEOUT = 10.0
"""Seconds to wait for other processes."""
PAUSE = 0.02


def open_state(state_dir: Path, schema: str, *, check_same_thread: bool = True) -> sqlite3.Connection:
    """Open the file, making it (mode 0600) and the table of `schema` where they are not there. Raises SyncError."""
    path = state_dir / FILE_NAME
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
        return _prepared(sqlite3.connect(path, timeout=TIMEOUT, check_same_thread=check_same_thread), schema)
    except (OSError, sqlite3.Error) as error:
        raise SyncError(f"The file {path} cannot be used: {error}.") from error


def _prepared(database: sqlite3.Connection, schema: str) -> sqlite3.Connection:
    """Switch to a write-ahead log and make the table. SQLite does not wait for others who just do the same: we do."""
    deadline = time.monotonic() + TIMEOUT
    while True:
        try:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute(schema)
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(PAUSE)
        else:
            return database
