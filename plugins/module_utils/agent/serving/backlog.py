# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal as others see it: read over a connection of its own, so that looking never makes a worker wait.

SQLite's write-ahead log lets readers and the writer go on side by side; `Journal` itself serialises its callers.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from ..errors import JournalUnavailableError
from ..journal import PARKED_AFTER, Backlog, DirtyKey

EMPTY = Backlog(0, 0, 0, None)

_COUNT = """
    SELECT count(*), count(CASE WHEN attempts > 0 THEN 1 END), count(CASE WHEN attempts > ? THEN 1 END),
           min(dirty_since)
    FROM dirty WHERE connection = ?
"""
_WORST = """
    SELECT key, priority, attempts, dirty_since, not_before, last_error FROM dirty
    WHERE connection = ? AND attempts > 0 ORDER BY attempts DESC, dirty_since LIMIT ?
"""


@dataclass(frozen=True, slots=True)
class Waiting:
    """What a connection has to do, and those of its keys that have failed, worst first."""

    backlog: Backlog = EMPTY
    worst: tuple[DirtyKey, ...] = ()


def read_waiting(path: Path, connections: Iterable[str], limit: int) -> Mapping[str, Waiting]:
    """Read it for each connection, ``limit`` keys at most. Raises JournalUnavailableError."""
    try:
        with _opened(path) as database:
            return {name: _waiting(database, name, limit) for name in connections}
    except sqlite3.Error as error:
        raise JournalUnavailableError(f"The journal {path} cannot be read: {error}.") from error


def _waiting(database: sqlite3.Connection, name: str, limit: int) -> Waiting:
    backlog = Backlog(*database.execute(_COUNT, (PARKED_AFTER, name)).fetchone())
    worst = database.execute(_WORST, (name, limit)).fetchall() if backlog.failing else []
    return Waiting(backlog, tuple(DirtyKey(*row) for row in worst))


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    database = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=2)
    try:
        yield database
    finally:
        database.close()
