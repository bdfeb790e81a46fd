# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent's process: its connections, its signals, its end.

* SIGTERM, SIGINT: nothing more is received or taken; the receive and the keys under way end, at most ``grace_seconds``.
  Then exit 0. What is left is in the journal or still in the queue. A second signal exits at once.
* SIGHUP: look at the connections' files now (otherwise every ``reload_seconds``, when one has changed).
* A thread that dies is a bug: the process stops and exits 1, so that whoever supervises it starts it anew.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import select
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from ..connection.errors import LockTimeoutError
from ..connection.lock import shared
from ..connection.model import Connection
from .errors import AgentError, AlreadyRunningError, JournalUnavailableError
from .intake import Step, no_step
from .journal import Journal
from .log import fields, reason
from .roster import Roster
from .runtime import RuntimeFactory
from .settings import Settings
from .status import Counters, isoformat, write_status
from .threads import Crew
from .unit import Surroundings, Unit
from .workers import WorkerPool

log = logging.getLogger(__name__)

JOURNAL_FILE = "state.db"
LOCK_FILE = "agent.lock"
DEPLOYMENT_VARIABLE = "WXGOV_AGENT_DEPLOYMENT"
"""What deployed this process, as its deployer calls it; shown in the status file, so that he can tell old from new."""

_TICK = 1.0
_QUIT = (signal.SIGTERM, signal.SIGINT)


class Service:
    """One agent. `run` blocks until the end and must be called in the main thread."""

    def __init__(self, settings: Settings, make_runtime: RuntimeFactory, *, step: Step = no_step) -> None:
        self._settings = settings
        self._make_runtime = make_runtime
        self._step = step
        self._roster = Roster(settings.connections_dir)
        self._units: dict[str, Unit] = {}
        self._retiring: list[Unit] = []
        self._counters: dict[str, Counters] = {}
        self._state = "starting"
        self._started_at = time.time()
        self._rebuilt = 0
        self._next_status = self._next_reload = 0.0

    def run(self) -> int:
        """Work until told to stop; the exit code. Raises AgentError when it cannot start."""
        with ExitStack() as stack:
            stack.enter_context(only_agent(self._settings.state_dir))
            signals = stack.enter_context(Signals())
            self._signals = signals
            self._journal = Journal(self._settings.state_dir / JOURNAL_FILE)
            self._crew = Crew(on_crash=signals.wake)
            self._pool = WorkerPool(
                self._journal, self._settings.workers, self._try_shared, step=self._step, beat=self._crew.beats.beat
            )
            for number in range(self._settings.workers):
                self._crew.spawn(f"worker:{number}", self._pool.run)
            self._reload()
            self._state = "running"
            log.info("the agent runs with pid %d and %d connections", os.getpid(), len(self._units))
            self._watch()
            return self._shut_down()

    def _watch(self) -> None:
        """Until a signal to quit or a crash."""
        while not self._crew.crashed:
            self._tick()
            received = self._signals.wait(_TICK)
            if any(number in _QUIT for number in received):
                return
            if signal.SIGHUP in received:
                log.info("looking at the connections again")
                self._reload()

    def _tick(self) -> None:
        now = time.monotonic()
        self._bury()
        if self._journal.rebuilt != self._rebuilt:
            self._rebuilt = self._journal.rebuilt
            for unit in self._units.values():
                unit.request_full_sweep("the journal was lost")
        if now >= self._next_reload:
            self._next_reload = now + self._settings.reload_seconds
            if self._roster.changed():
                self._reload()
        if now >= self._next_status:
            self._next_status = now + self._settings.status_seconds
            self._show()

    def _reload(self) -> None:
        """Bring the units in line with the connections' files; a file that cannot be used changes nothing."""
        wanted = self._roster.read({name: unit.connection for name, unit in self._units.items()})
        if wanted is None:
            return
        for name in [name for name, unit in self._units.items() if wanted.enabled.get(name) != unit.connection]:
            log.info("connection stopped", extra=fields(connection=name))
            unit = self._units.pop(name)
            unit.stop()
            self._retiring.append(unit)
            if name not in wanted.known:
                self._forget(name)
        for name, connection in wanted.enabled.items():
            if name not in self._units:
                self._units[name] = self._start(connection)

    def _start(self, connection: Connection) -> Unit:
        surroundings = Surroundings(
            self._settings, self._make_runtime, self._journal, self._pool, self._crew, self._step
        )
        unit = Unit(connection, self._counters.setdefault(connection.name, Counters()), surroundings)
        unit.start()
        return unit

    def _forget(self, name: str) -> None:
        self._counters.pop(name, None)
        try:
            self._journal.forget(name)
        except JournalUnavailableError as error:
            log.warning("%s", error, extra=fields(connection=name))

    def _bury(self) -> None:
        """Close what has stopped."""
        for unit in [unit for unit in self._retiring if unit.finished]:
            self._retiring.remove(unit)
            unit.close()

    def _shut_down(self) -> int:
        self._state = "stopping"
        crashed = bool(self._crew.crashed)
        for unit in self._units.values():
            unit.stop()
        self._pool.stop()
        self._show()
        clean = self._crew.join(self._settings.grace_seconds, self._wait_or_quit)
        if clean:
            for unit in (*self._units.values(), *self._retiring):
                unit.close()
        else:
            log.warning("still at work after %g s, left: %s", self._settings.grace_seconds, self._crew.alive())
        self._state = "failed" if crashed else "stopped"
        self._show()
        if clean:
            self._journal.close()
        log.info("the agent has %s", self._state)
        return 1 if crashed else 0

    def _wait_or_quit(self, seconds: float) -> None:
        for number in self._signals.wait(seconds):
            if number in _QUIT:
                log.warning("second signal: exit at once")
                os._exit(128 + number)

    @contextlib.contextmanager
    def _try_shared(self, name: str) -> Iterator[bool]:
        with ExitStack() as stack:
            try:
                stack.enter_context(shared(self._settings.state_dir, name, timeout=0))
            except LockTimeoutError:
                yield False
                return
            yield True

    def _show(self) -> None:
        try:
            write_status(self._settings.state_dir, self._status())
        except OSError as error:
            log.warning("the status file cannot be written: %s", error)

    def _status(self) -> dict[str, Any]:
        return {
            "state": self._state,
            "pid": os.getpid(),
            "started_at": isoformat(self._started_at),
            "written_at": isoformat(time.time()),
            "deployment": os.environ.get(DEPLOYMENT_VARIABLE, ""),
            "workers": self._settings.workers,
            "journal_rebuilt": self._journal.rebuilt,
            "problems": dict(self._roster.problems),
            "connections": {name: self._status_of(unit) for name, unit in sorted(self._units.items())},
        }

    def _status_of(self, unit: Unit) -> dict[str, Any]:
        name, now = unit.connection.name, time.time()
        seen = unit.counters.snapshot()
        status: dict[str, Any] = {
            "state": unit.state,
            "counts": dict(seen.counts),
            "outcomes": dict(seen.outcomes),
            "last_error": seen.last_error,
            "event_lag_seconds": seen.event_lag,
            **{f"last_{moment}_at": isoformat(seen.moments.get(moment)) for moment in ("receive", "success")},
        }
        try:
            backlog = self._journal.backlog(name)
            status |= {
                "dirty": backlog.dirty,
                "failing": backlog.failing,
                "parked": backlog.parked,
                "lag_seconds": 0.0 if backlog.oldest is None else round(max(0.0, now - backlog.oldest), 1),
                "last_full_sweep_at": isoformat(self._journal.watermark(name, "full_sweep")),
                "last_incremental_sweep_at": isoformat(self._journal.watermark(name, "incremental_sweep")),
            }
        except JournalUnavailableError as error:
            status["last_error"] = str(error)
        return status


class Signals:
    """Signals as numbers to wait for, by the pipe that Python writes them to; handlers are put back at the end."""

    HANDLED = (*_QUIT, signal.SIGHUP)

    def __enter__(self) -> Signals:
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)
        self._handlers = {number: signal.signal(number, lambda *_ignored: None) for number in self.HANDLED}
        self._previous = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        return self

    def __exit__(self, *_error: object) -> None:
        signal.set_wakeup_fd(self._previous)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        os.close(self._read)
        os.close(self._write)

    def wait(self, timeout: float) -> list[int]:
        """The signals that came within ``timeout`` seconds; empty also when `wake` was called."""
        readable, _writable, _failed = select.select([self._read], [], [], timeout)
        return [number for number in os.read(self._read, 64) if number] if readable else []

    def wake(self) -> None:
        """End `wait` now; for other threads."""
        with contextlib.suppress(BlockingIOError):
            os.write(self._write, b"\0")


@contextlib.contextmanager
def only_agent(state_dir: Path) -> Iterator[None]:
    """Hold the state directory; the lock file holds our pid while we live. Raises AlreadyRunningError, AgentError."""
    path = state_dir / LOCK_FILE
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise AgentError(f"The state directory {state_dir} cannot be used: {reason(error)}.") from error
    try:
        if not _lock_alone(descriptor):
            pid = running_pid(state_dir)
            raise AlreadyRunningError(f"An agent (pid {pid}) already uses {state_dir}: stop it first.")
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _lock_alone(descriptor: int) -> bool:
    """Take the lock; a second is granted to those who only look whether it is held (see `running_pid`)."""
    for _attempt in range(20):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.05)
        else:
            return True
    return False


def running_pid(state_dir: Path) -> int | None:
    """The process id of the agent that holds this state directory, or None. The lock says so, not the mere file."""
    try:
        descriptor = os.open(state_dir / LOCK_FILE, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.pread(descriptor, 32, 0).decode("ascii", "replace")
        return int(text) if text.isdecimal() else None
    else:
        return None
    finally:
        os.close(descriptor)
