# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Remembers, for a registry without Search, the summaries of packages that were settled: they need no Describe.

A table of ``state.db``. Losing it costs a Describe of every package, once, and nothing else.
"""

from __future__ import annotations

import sqlite3
import threading
from hashlib import blake2b
from pathlib import Path

from ..registry.listing import PackageSummary
from .errors import SyncError
from .state_file import FILE_NAME, open_state

FLUSH_AFTER = 500

_SCHEMA = """
CREATE TABLE IF NOT EXISTS summaries (
    connection TEXT NOT NULL, arn TEXT NOT NULL, digest TEXT NOT NULL, PRIMARY KEY (connection, arn)
) WITHOUT ROWID
"""


class SummaryCache:
    """The settled summaries of one connection. Safe for several threads.

    `meaning` is what a summary was settled by, such as the version of the mapping: under another one nothing is known.
    With `read_only` nothing is written and no file is made. ``problem`` says what went wrong with the file, if it did.
    """

    def __init__(self, state_dir: Path, connection: str, meaning: str = "", *, read_only: bool = False) -> None:
        self._read_only = read_only
        self._state_dir = state_dir
        self._connection = connection
        self._meaning = meaning
        self._lock = threading.Lock()
        self._database: sqlite3.Connection | None = None
        self._seen: dict[str, str] = {}
        self._settled: list[tuple[str, str, str]] = []
        self.problem = ""

    def is_known(self, summary: PackageSummary) -> bool:
        """Whether a package was settled with just this summary; it is not where the table cannot be read."""
        digest = self._digest(summary)
        with self._lock:
            if self._read(summary.arn) == digest:
                return True
            self._seen[summary.arn] = digest
            return False

    def settle(self, arn: str) -> None:
        """Learn that a package whose summary was asked for is in step now."""
        with self._lock:
            digest = self._seen.pop(arn, None)
            if digest is not None and not self._read_only:
                self._settled.append((self._connection, arn, digest))
            if len(self._settled) >= FLUSH_AFTER:
                self._flush()

    def close(self) -> None:
        """Write what has been learned."""
        with self._lock:
            if self._settled:
                self._flush()
            if self._database is not None:
                self._database.close()
                self._database = None

    def _digest(self, summary: PackageSummary) -> str:
        return blake2b(f"{self._meaning} {summary.digest}".encode(), digest_size=8).hexdigest()

    def _read(self, arn: str) -> str | None:
        if self._read_only and not (self._state_dir / FILE_NAME).exists():
            return None
        statement = "SELECT digest FROM summaries WHERE connection = ? AND arn = ?"
        try:
            row = self._open().execute(statement, (self._connection, arn)).fetchone()
        except (sqlite3.Error, SyncError) as error:
            self.problem = f"The summaries in {self._state_dir} cannot be read, so packages are described: {error}"
            return None
        return None if row is None else str(row[0])

    def _open(self) -> sqlite3.Connection:
        if self._database is None:
            self._database = open_state(self._state_dir, _SCHEMA, check_same_thread=False)
        return self._database

    def _flush(self) -> None:
        try:
            database = self._open()
            with database:
                database.executemany("INSERT OR REPLACE INTO summaries VALUES (?, ?, ?)", self._settled)
        except (sqlite3.Error, SyncError) as error:
            self.problem = f"The summaries could not be kept in {self._state_dir}: {error}"
        self._settled = []
