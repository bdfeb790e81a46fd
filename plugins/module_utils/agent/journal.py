# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal of dirty keys: what still has to be looked at, on disk before its message leaves the queue.

A key is a registry ARN of one connection. It is in the journal from the moment something hints that it changed until a
worker has looked at it with no further hint in between. Losing the journal loses no data, only time: the full sweep at
the next start finds every difference again. So a file that turns out to be corrupt is moved aside and begun anew.

Only marks wait for the disk. Whatever else is written costs a second look if the power fails before it is on disk, and
that is cheaper than a wait for the disk after each key; marks that are on disk already are never lost by it.

Leases (which worker holds which key) live in memory: after a crash all keys are free again. `Service` makes sure that
only one agent uses a state directory. Other commands may write to the same file meanwhile, marks and notes, which the
agent then finds by `absorb`.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from .clock import SteadyClock
from .errors import JournalUnavailableError

log = logging.getLogger(__name__)

EVENT, SWEEP = 0, 1
"""Priorities: what an event names is worked on before what a sweep found."""

FIRST_DELAY = 1.0
LONGEST_DELAY = 900.0
PARKED_AFTER = 12
"""After so many failures in a row (about an hour of back-off) a key counts as parked: tried every `LONGEST_DELAY`."""

_SCHEMA = (
    """CREATE TABLE IF NOT EXISTS dirty (
        connection TEXT NOT NULL,
        key TEXT NOT NULL,
        priority INTEGER NOT NULL,
        generation INTEGER NOT NULL,
        attempts INTEGER NOT NULL,
        not_before REAL NOT NULL,
        dirty_since REAL NOT NULL,
        last_error TEXT NOT NULL,
        PRIMARY KEY (connection, key)
    ) WITHOUT ROWID""",
    "CREATE INDEX IF NOT EXISTS dirty_ready ON dirty (connection, priority, not_before)",
    """CREATE TABLE IF NOT EXISTS watermarks (
        connection TEXT NOT NULL,
        name TEXT NOT NULL,
        value REAL NOT NULL,
        PRIMARY KEY (connection, name)
    ) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS notes (
        connection TEXT NOT NULL,
        name TEXT NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY (connection, name)
    ) WITHOUT ROWID""",
)
# A second hint makes the key ready now, unless it comes from a sweep: sweeps would undo the back-off of what fails.
_MARK = """
    INSERT INTO dirty VALUES (:connection, :key, :priority, :generation, 0, :ready, :now, '')
    ON CONFLICT (connection, key) DO UPDATE SET
        generation = :generation,
        priority = min(priority, :priority),
        not_before = CASE WHEN :priority = 0 THEN min(not_before, :ready) ELSE not_before END
"""
_READY = """
    SELECT key, generation, attempts, dirty_since FROM dirty
    WHERE connection = ? AND priority = ? AND not_before <= ? ORDER BY not_before LIMIT ?
"""
# Whoever wrote these went by another clock: keys that have not failed are due, and no other waits longer than it may.
_REARM = """
    UPDATE dirty SET not_before = :now
    WHERE not_before > CASE WHEN attempts = 0 THEN :now ELSE :now + :longest END
"""
_DONE = "DELETE FROM dirty WHERE connection = ? AND key = ? AND generation = ?"
_SETTLE = "UPDATE dirty SET not_before = max(not_before, ?) WHERE connection = ? AND key = ?"
_KEYS = """
    SELECT key, priority, attempts, dirty_since, not_before, last_error FROM dirty
    WHERE connection = ? ORDER BY attempts DESC, dirty_since LIMIT ?
"""
_OTHER_FAULTS = (
    sqlite3.DataError,
    sqlite3.IntegrityError,
    sqlite3.InternalError,
    sqlite3.NotSupportedError,
    sqlite3.OperationalError,
    sqlite3.ProgrammingError,
)
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Lease:
    """One worker's hold on one key. ``dirty_since`` is a wall-clock time in seconds."""

    connection: str
    key: str
    generation: int
    attempts: int
    dirty_since: float
    priority: int = EVENT


@dataclass(frozen=True, slots=True)
class Backlog:
    """What a connection still has to do. ``oldest`` is a wall-clock time in seconds, None when nothing is dirty."""

    dirty: int
    failing: int
    parked: int
    oldest: float | None


@dataclass(frozen=True, slots=True)
class DirtyKey:
    """One key that waits, and why it still does. Times are wall-clock seconds; ``error`` is "" before any failure."""

    key: str
    priority: int
    attempts: int
    dirty_since: float
    not_before: float
    error: str

    @property
    def parked(self) -> bool:
        """Whether it has failed so often that it is only tried every `LONGEST_DELAY`."""
        return self.attempts > PARKED_AFTER


class Settling:
    """Until when the keys that were worked on last are left alone. `begin` needs the journal's lock."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._until: dict[tuple[str, str], float] = {}

    def begin(self, connection: str, key: str, now: float) -> float:
        """Leave a key alone from now on; returns until when. What is over is forgotten, the oldest being first."""
        until = now + self._seconds
        self._until.pop((connection, key), None)
        for known in list(itertools.takewhile(lambda known: self._until[known] <= now, self._until)):
            del self._until[known]
        if self._seconds:
            self._until[connection, key] = until
        return until

    @property
    def waiting(self) -> int:
        """How many keys are remembered."""
        return len(self._until)

    def ready(self, connection: str, key: str, now: float) -> float:
        """When a key that is marked now may be taken."""
        return max(now, self._until.get((connection, key), now))


class Journal:
    """Dirty keys, watermarks of sweeps, and notes in one SQLite file. Safe for threads.

    Every method may raise JournalUnavailableError.

    ``clock`` gives wall-clock seconds and must not jump (default: a `SteadyClock`); ``jitter(low, high)`` a random
    number between. A key that was worked on is not ready again before ``settle`` seconds have passed: of a burst of
    hints at one key the first is followed at once, and all others together.
    """

    def __init__(
        self,
        path: Path,
        *,
        clock: Callable[[], float] | None = None,
        jitter: Callable[[float, float], float] = random.uniform,
        settle: float = 0.0,
    ) -> None:
        self._path = path
        self._clock = clock or SteadyClock()
        self._jitter = jitter
        self._settling = Settling(settle)
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._leased: set[tuple[str, str]] = set()
        self._marks = 0
        # Generations never repeat, not even over a file that was lost, so that "done" can never mean a later hint.
        self._generations = itertools.count(time.time_ns())
        self.rebuilt = 0
        self._broken = False
        self._durably: bool | None = None
        self._database = self._open()
        self._version = self._data_version()
        # A journal that can only be read is good enough to be looked at; whoever has to write finds out soon enough.
        with contextlib.suppress(JournalUnavailableError):
            self._rearm()

    def now(self) -> float:
        """The time that this journal goes by, in wall-clock seconds."""
        return self._clock()

    def mark_dirty(self, connection: str, keys: Iterable[str], priority: int = EVENT, *, wait: float = 0.0) -> None:
        """Write keys in one transaction; they are on disk when this returns. A new one is ready in ``wait`` seconds."""
        now = self._clock()
        rows = [
            {
                "connection": connection,
                "key": key,
                "priority": priority,
                "generation": next(self._generations),
                "now": now,
                "ready": max(now + wait, self._settling.ready(connection, key, now)),
            }
            for key in dict.fromkeys(keys)
        ]
        if not rows:
            return
        self._write(lambda database: database.executemany(_MARK, rows), durably=True)
        with self._changed:
            self._marks += 1
            self._changed.notify(len(rows))

    def take(self, connection: str) -> Lease | None:
        """Lease the key that has been ready longest, events before sweeps; None when no key is ready."""
        with self._lock:
            held = sum(1 for owner, _key in self._leased if owner == connection)
            for priority in (EVENT, SWEEP):
                parameters = (connection, priority, self._clock(), held + 1)
                for key, generation, attempts, since in self._read(_READY, parameters):
                    if (connection, key) not in self._leased:
                        self._leased.add((connection, key))
                        return Lease(connection, key, generation, attempts, since, priority)
        return None

    def done(self, lease: Lease) -> bool:
        """Take the key off the journal, unless it was marked again meanwhile; True when it is clean."""
        with self._released(lease):
            ready = self._settling.begin(lease.connection, lease.key, self._clock())

            def take_off(database: sqlite3.Connection) -> bool:
                which = (lease.connection, lease.key, lease.generation)
                if database.execute(_DONE, which).rowcount == 1:
                    return True
                database.execute(_SETTLE, (ready, lease.connection, lease.key))
                return False

            return self._write(take_off)

    def recheck(self, lease: Lease, delay: float) -> None:
        """Keep the key, to be looked at again after ``delay`` seconds (or at once, when it was marked meanwhile)."""
        self._put_back(lease, 0, delay, "")

    def failed(self, lease: Lease, error: str) -> float:
        """Keep the key and let it wait: `FIRST_DELAY` doubled each time, full jitter. Returns the delay in seconds."""
        attempts = lease.attempts + 1
        if attempts > PARKED_AFTER:
            delay = LONGEST_DELAY
        else:
            delay = self._jitter(0, min(LONGEST_DELAY, FIRST_DELAY * 2 ** (attempts - 1)))
        self._put_back(lease, attempts, delay, error)
        return delay

    def defer(self, lease: Lease, delay: float, error: str) -> None:
        """Keep the key for ``delay`` seconds: that it was tried in vain was not its fault and does not count."""
        self._put_back(lease, lease.attempts, delay, error)

    def release(self, lease: Lease) -> None:
        """Give the key back as it was, to be taken again by anyone."""
        with self._released(lease):
            pass

    @property
    def marks(self) -> int:
        """Changes whenever keys are marked; to be read before looking for work, and given to `wait`."""
        with self._lock:
            return self._marks

    def wait(self, marks: int, timeout: float) -> None:
        """Sleep until keys are marked, at most ``timeout`` seconds; not at all when `marks` has changed already."""
        with self._changed:
            if self._marks == marks:
                self._changed.wait(timeout)

    def nudge(self) -> None:
        """Let one `wait` end early: what it waited for may be possible now."""
        with self._changed:
            self._changed.notify()

    def wake(self) -> None:
        """End every `wait` now."""
        with self._changed:
            self._marks += 1
            self._changed.notify_all()

    def seconds_to_next(self, connections: Iterable[str]) -> float | None:
        """Seconds until a key of these connections is ready (0: now), leased ones left out; None when there is none."""
        with self._lock:
            moments = [moment for name in connections for moment in self._next_moments(name)]
            return max(0.0, min(moments) - self._clock()) if moments else None

    def backlog(self, connection: str) -> Backlog:
        """Count what is dirty."""
        row = self._read(
            "SELECT count(*), count(CASE WHEN attempts > 0 THEN 1 END), count(CASE WHEN attempts > ? THEN 1 END),"
            " min(dirty_since) FROM dirty WHERE connection = ?",
            (PARKED_AFTER, connection),
        )[0]
        return Backlog(*row)

    def holds(self, connection: str, number: int) -> bool:
        """Whether events have marked at least so many keys of a connection; what sweeps marked must not stop events."""
        statement = "SELECT count(*) FROM (SELECT 1 FROM dirty WHERE connection = ? AND priority = ? LIMIT ?)"
        return bool(self._read(statement, (connection, EVENT, number))[0][0] >= number)

    def connections(self) -> list[str]:
        """The names of the connections with dirty keys."""
        return [str(name) for (name,) in self._read("SELECT DISTINCT connection FROM dirty ORDER BY connection", ())]

    def keys(self, connection: str, limit: int) -> list[DirtyKey]:
        """The dirty keys of a connection, those that failed most often first, then the oldest."""
        return [DirtyKey(*row) for row in self._read(_KEYS, (connection, limit))]

    def absorb(self) -> bool:
        """Notice what other processes have written since the last time; True when they have written something."""
        with self._lock:
            version = self._data_version()
            if version == self._version:
                return False
            self._rearm()
            self._version = version
        self.wake()
        return True

    def forget(self, connection: str) -> None:
        """Drop everything about a connection that is no longer there."""

        def drop(database: sqlite3.Connection) -> None:
            database.execute("DELETE FROM dirty WHERE connection = ?", (connection,))
            database.execute("DELETE FROM watermarks WHERE connection = ?", (connection,))
            database.execute("DELETE FROM notes WHERE connection = ?", (connection,))

        self._write(drop)

    def watermark(self, connection: str, name: str) -> float | None:
        """A remembered wall-clock time in seconds."""
        rows = self._read("SELECT value FROM watermarks WHERE connection = ? AND name = ?", (connection, name))
        return float(rows[0][0]) if rows else None

    def set_watermark(self, connection: str, name: str, value: float) -> None:
        """Remember a wall-clock time in seconds."""
        self._write(
            lambda database: database.execute("REPLACE INTO watermarks VALUES (?, ?, ?)", (connection, name, value))
        )

    def note(self, connection: str, name: str) -> str | None:
        """A remembered text."""
        rows = self._read("SELECT value FROM notes WHERE connection = ? AND name = ?", (connection, name))
        return str(rows[0][0]) if rows else None

    def set_note(self, connection: str, name: str, value: str) -> None:
        """Remember a text."""
        self._write(lambda database: database.execute("REPLACE INTO notes VALUES (?, ?, ?)", (connection, name, value)))

    def take_note(self, connection: str, name: str) -> str | None:
        """A remembered text, which is forgotten by that; of several who take it, one gets it."""
        value = self.note(connection, name)
        if value is None:
            return None
        statement = "DELETE FROM notes WHERE connection = ? AND name = ? AND value = ?"
        cursor = self._write(lambda database: database.execute(statement, (connection, name, value)))
        return value if cursor.rowcount == 1 else None

    def close(self) -> None:
        """Close the file; no method may be called afterwards."""
        with self._lock:
            self._database.close()

    def _next_moments(self, connection: str) -> Iterator[float]:
        held = sum(1 for owner, _key in self._leased if owner == connection)
        statement = (
            "SELECT key, not_before FROM dirty WHERE connection = ? AND priority = ? ORDER BY not_before LIMIT ?"
        )
        for priority in (EVENT, SWEEP):
            rows = self._read(statement, (connection, priority, held + 1))
            yield from (moment for key, moment in rows if (connection, key) not in self._leased)

    def _put_back(self, lease: Lease, attempts: int, delay: float, error: str) -> None:
        statement = (
            "UPDATE dirty SET attempts = ?, last_error = ?,"
            " not_before = CASE WHEN generation = ? THEN ? ELSE not_before END WHERE connection = ? AND key = ?"
        )
        moment = self._clock() + delay
        parameters = (attempts, error, lease.generation, moment, lease.connection, lease.key)
        with self._released(lease):
            self._write(lambda database: database.execute(statement, parameters))

    def _data_version(self) -> int:
        """A number that changes when another connection to the file has written (SQLite, PRAGMA data_version)."""
        return int(self._read("PRAGMA data_version", ())[0][0])

    def _rearm(self) -> None:
        parameters = {"now": self._clock(), "longest": LONGEST_DELAY}
        self._write(lambda database: database.execute(_REARM, parameters))

    @contextlib.contextmanager
    def _released(self, lease: Lease) -> Iterator[None]:
        """End the lease whatever happens; the key's row is changed before another worker can take it.

        Nobody is woken here: the worker that ends a lease looks for work next, and so finds what this made ready.
        """
        with self._lock:
            try:
                yield
            finally:
                self._leased.discard((lease.connection, lease.key))

    def _read(self, statement: str, parameters: tuple[object, ...]) -> list[tuple[Any, ...]]:
        return self._guarded(lambda database: database.execute(statement, parameters).fetchall())

    def _write(self, change: Callable[[sqlite3.Connection], _T], *, durably: bool = False) -> _T:
        """Write in one transaction; ``durably``: return when it is on disk (in WAL mode only FULL waits for that)."""

        def transaction(database: sqlite3.Connection) -> _T:
            if database.in_transaction:  # left over by a commit that failed
                database.rollback()
            if self._durably is not durably:
                database.execute(f"PRAGMA synchronous = {'FULL' if durably else 'NORMAL'}")
                self._durably = durably
            with database:
                database.execute("BEGIN IMMEDIATE")
                return change(database)

        return self._guarded(transaction)

    def _guarded(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        with self._lock:
            try:
                if self._broken:
                    self._begin_anew()
                try:
                    return work(self._database)
                except sqlite3.DatabaseError as error:
                    if not _is_corrupt(error):
                        raise
                    self._rebuild(error)
                    return work(self._database)
            except (sqlite3.Error, OSError) as error:
                raise JournalUnavailableError(
                    f"The journal {self._path} cannot be used: {error}. Is the disk full or read-only?"
                ) from error

    def _open(self) -> sqlite3.Connection:
        try:
            try:
                return _connect(self._path)
            except sqlite3.DatabaseError as error:
                if not _is_corrupt(error):
                    raise
                _move_aside(self._path, error)
                return _connect(self._path)
        except (sqlite3.Error, OSError) as error:
            raise JournalUnavailableError(
                f"The journal {self._path} cannot be opened: {error}. Is its directory writable?"
            ) from error

    def _rebuild(self, error: sqlite3.DatabaseError) -> None:
        self._database.close()
        self._broken = True  # until a new file could be made: the disk may be full as well
        _move_aside(self._path, error)
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._database = _connect(self._path)
        self._durably = None
        self._broken = False
        self.rebuilt += 1


def _connect(path: Path) -> sqlite3.Connection:
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    # Autocommit outside of our own BEGIN; one connection for all threads, serialised by the journal's lock.
    database = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
    try:
        database.execute("PRAGMA journal_mode = WAL")
        (verdict,) = database.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise sqlite3.DatabaseError(f"quick_check: {verdict}")
        for statement in _SCHEMA:
            database.execute(statement)
    except BaseException:
        database.close()
        raise
    return database


def _is_corrupt(error: sqlite3.DatabaseError) -> bool:
    """Whether the file itself is at fault: sqlite3 has no class of its own for that, but subclasses for all else."""
    return not isinstance(error, _OTHER_FAULTS)


def _move_aside(path: Path, error: sqlite3.DatabaseError) -> None:
    """Keep the broken file for whoever wants to look; its write-ahead log goes with it."""
    aside = path.with_name(f"{path.name}.corrupt-{time.time_ns()}")
    for suffix in ("", "-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            os.replace(f"{path}{suffix}", f"{aside}{suffix}")
    log.warning("the journal %s was corrupt (%s): moved to %s, a full sweep repairs what it held", path, error, aside)
