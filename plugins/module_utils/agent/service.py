# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent's process: its connections, its signals, its end.

* SIGTERM, SIGINT: nothing more is received or taken; the keys under way end, at most ``grace_seconds``. Then exit 0.
  What is left is in the journal or still in the queue. A second signal exits at once.
* SIGHUP: read settings and connections again (connections also every ``reload_seconds``, when one has changed). What
  cannot be used changes nothing.
* A state directory that cannot be written at the start (disk full, read-only) is waited for: an agent that ended would
  be started so often that its service manager gives up. What waiting cannot mend ends the start with one sentence.
* A thread that dies is a bug: the process stops and exits 1, so that whoever supervises it starts it anew.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

from ..connection.lock import Shares
from ..connection.model import Connection
from .errors import AgentError, JournalUnavailableError, SettingsError
from .fleet import Fleet
from .intake import Step, no_step
from .journal import Journal
from .log import configure, reason
from .notify import ServiceManager
from .opening import Opening, ToldToStopError
from .roster import Roster, Scope, Wanted
from .runtime import RuntimeFactory
from .serving.address import Address
from .serving.inside import Inside
from .settings import SETTINGS_FILE, Settings, take_over
from .signals import QUIT, RELOAD, Signals
from .state_directory import JOURNAL_FILE, only_agent
from .status import Counters, isoformat, write_status
from .threads import Crew, always
from .unit import Surroundings, Unit
from .workers import WorkerPool

log = logging.getLogger(__name__)

DEPLOYMENT_VARIABLE = "WXGOV_AGENT_DEPLOYMENT"
"""What deployed this process, as its deployer calls it; shown in the status file, so that he can tell old from new."""

STATE_DIRECTORY = "state directory"
"""Where among the problems the state directory is."""

SETTLE_SECONDS = 0.5
"""How long a key is left alone that was just worked on, so that a burst of events about it costs two looks at it."""

_TICK = 1.0
_FIRST_LOOK = 10.0
"""Seconds that the start waits for the first look at the connections; the store may be out of reach."""


class Service:
    """One agent. `run` blocks until the end and must be called in the main thread.

    ``reread`` reads the settings file again; it raises SettingsError. ``environment`` None: that of the process.
    """

    def __init__(
        self,
        settings: Settings,
        make_runtime: RuntimeFactory,
        *,
        reread: Callable[[], Settings] | None = None,
        environment: Mapping[str, str] | None = None,
        step: Step = no_step,
    ) -> None:
        self._settings = settings
        self._make_runtime = make_runtime
        self._reread = reread or (lambda: settings)
        environment = os.environ if environment is None else environment
        self._deployment = environment.get(DEPLOYMENT_VARIABLE, "")
        self._step = step
        self._manager = ServiceManager(environment)
        self._worker_numbers = itertools.count()
        self._wanted: Wanted | None = None
        self._followed: Wanted | None = None
        self._problem = ""
        self._state = "starting"
        self._blocked = ""
        self._holds_directory = False
        self._units: Mapping[str, Unit] = {}
        self._started_at = time.time()
        self._rebuilt = 0
        self._next_status = 0.0
        self._unshown = ""
        self._address: Address | None = None

    def run(self) -> int:
        """Work until told to stop; the exit code. Raises AgentError when it cannot start."""
        # Loads what only a running agent needs; the other commands are short.
        from .serving.site import serving
        from .serving.source import Source

        with ExitStack() as stack:
            self._signals = stack.enter_context(Signals())
            self._crew = Crew(on_crash=self._signals.wake)
            self._roster = Roster(self._scope(), self._hear, beat=self._crew.beats.beat)
            source = Source(self._inside, self._settings.state_dir / JOURNAL_FILE)

            def serve() -> None:
                if self._address is None:
                    self._address = stack.enter_context(serving(self._settings, source))

            try:
                self._take_directory(stack, serve)
            except ToldToStopError:
                return self._leave_off()
            serve()
            self._pool = WorkerPool(
                self._journal,
                self._settings.workers,
                Shares(self._settings.state_dir).joined,
                doubt_seconds=self._settings.doubt_seconds,
                step=self._step,
                beat=self._crew.beats.beat,
            )
            self._fleet = Fleet(self._journal, self._make_unit)
            self._units = self._fleet.units
            self._spawn_workers(self._settings.workers)
            self._crew.spawn("roster", self._roster.run, may_be_left=always)
            self._roster.looked.wait(_FIRST_LOOK)
            self._follow()
            self._state = "running"
            log.info("the agent runs with pid %d and %d connections", os.getpid(), len(self._units))
            self._manager.ready(self._summary())
            self._watch()
            return self._shut_down()

    def _take_directory(self, stack: ExitStack, serve: Callable[[], None]) -> None:
        """Hold the state directory and open the journal, whenever its disk lets us; health is served meanwhile."""

        def say(problem: str) -> None:
            self._blocked = problem
            if problem:
                log.error("%s The agent begins as soon as it can be.", problem)
                with contextlib.suppress(AgentError):  # told of when there is nothing to wait for any more
                    serve()
                self._manager.ready(f"waiting: {problem}")
            else:
                log.info("the state directory can be used")
            if self._holds_directory:
                self._show()

        opening = Opening(self._signals, say=say, alive=self._manager.alive)
        opening.until_granted(lambda: stack.enter_context(only_agent(self._settings.state_dir)))
        self._holds_directory = True
        path = self._settings.state_dir / JOURNAL_FILE
        self._journal = opening.until_granted(lambda: Journal(path, settle=SETTLE_SECONDS))

    def _leave_off(self) -> int:
        """End before there was anything to work with; the exit code."""
        self._manager.stopping()
        self._state = "stopped"
        if self._holds_directory:
            self._show()
        log.info("the agent has stopped")
        return 0

    def _inside(self) -> Inside:
        """Let the web server's threads look in; they wait for nothing here."""
        return Inside(
            state=self._state,
            pid=os.getpid(),
            deployment=self._deployment,
            started_at=self._started_at,
            workers=self._settings.workers,
            journal_rebuilds=self._rebuilt,
            units=tuple(self._units.values()),
            standby=tuple(self._followed.standby) if self._followed else (),
            refused=self._problems(),
            crashed=tuple(self._crew.crashed),
            late=self._crew.beats.late(),
            blocked=self._blocked,
        )

    def _problems(self) -> dict[str, str]:
        """What could not be used of connections and settings, by where it is."""
        return {**self._roster.problems, **({SETTINGS_FILE: self._problem} if self._problem else {})}

    def _scope(self) -> Scope:
        return Scope(self._settings.store, self._settings.connections, self._settings.reload_seconds)

    def _hear(self, wanted: Wanted) -> None:
        """Take the roster's news, in its thread."""
        self._wanted = wanted
        self._signals.wake()

    def _follow(self) -> None:
        wanted = self._wanted
        if wanted is not None and wanted is not self._followed:
            self._followed = wanted
            self._fleet.follow(wanted)

    def _spawn_workers(self, number: int) -> None:
        for _worker in range(number):
            self._crew.spawn(f"worker:{next(self._worker_numbers)}", self._pool.run)

    def _make_unit(self, connection: Connection, counters: Counters) -> Unit:
        surroundings = Surroundings(
            self._settings, self._make_runtime, self._journal, self._pool, self._crew, self._step
        )
        return Unit(connection, counters, surroundings)

    def _watch(self) -> None:
        """Until a signal to quit or a crash."""
        while not self._crew.crashed:
            self._tick()
            received = self._signals.wait(_TICK)
            if any(number in QUIT for number in received):
                return
            if RELOAD in received:
                self._reload()

    def _tick(self) -> None:
        self._follow()
        self._manager.status(self._summary())
        self._fleet.bury()
        if self._journal.rebuilt != self._rebuilt:
            self._rebuilt = self._journal.rebuilt
            self._fleet.request_full_sweeps("the journal was lost")
        try:
            if self._journal.absorb():
                self._fleet.obey()
        except JournalUnavailableError as error:
            log.warning("%s", error)
        now = time.monotonic()
        if now >= self._next_status:
            self._next_status = now + self._settings.status_seconds
            self._show()
        # Here the locks of journal, pool and counters have just been had: a dead lock keeps the watchdog unfed, too.
        if not self._crew.beats.late():
            self._manager.alive()

    def _reload(self) -> None:
        """Take over the settings as far as that can be done while running, and look at the connections again."""
        self._manager.reloading()
        log.info("reading settings and connections again")
        try:
            taken = take_over(self._settings, self._reread())
        except SettingsError as error:
            self._problem = str(error)
            log.error("the settings stay as they are: %s", error)
        else:
            self._problem = f"A new start is needed for {', '.join(taken.left)}." if taken.left else ""
            if taken.left:
                log.warning("these settings are taken over at the next start: %s", ", ".join(taken.left))
            self._settings = taken.settings
            configure(self._settings.log_format, self._settings.log_level)
            self._pool.doubt_seconds = self._settings.doubt_seconds
            self._spawn_workers(self._pool.resize(self._settings.workers))
            if taken.begin_anew and self._followed is not None:
                self._fleet.follow(self._followed, anew=True)
        self._roster.refresh(self._scope())
        self._manager.ready(self._summary())

    def _summary(self) -> str:
        number = len(self._units)
        return f"{number} connection{'s' * (number != 1)} at work"

    def _shut_down(self) -> int:
        self._state = "stopping"
        self._manager.stopping()
        crashed = bool(self._crew.crashed)
        self._roster.stop()
        self._fleet.stop()
        self._pool.stop()
        self._show()
        clean = self._crew.join(self._settings.grace_seconds, self._wait_or_quit)
        if clean:
            self._fleet.close()
        else:
            log.warning("still at work after %g s, left: %s", self._settings.grace_seconds, self._crew.unfinished())
        self._state = "failed" if crashed else "stopped"
        self._show()
        if not self._crew.alive():
            self._journal.close()
        log.info("the agent has %s", self._state)
        return 1 if crashed else 0

    def _wait_or_quit(self, seconds: float) -> None:
        for number in self._signals.wait(seconds):
            if number in QUIT:
                log.warning("second signal: exit at once")
                os._exit(128 + number)

    def _show(self) -> None:
        try:
            write_status(self._settings.state_dir, self._status())
        except OSError as error:
            problem = reason(error)
            if problem != self._unshown:
                log.warning("the status file cannot be written: %s", problem)
            self._unshown = problem
        else:
            self._unshown = ""

    def _status(self) -> dict[str, Any]:
        return {
            "state": self._state,
            "pid": os.getpid(),
            "started_at": isoformat(self._started_at),
            "written_at": isoformat(time.time()),
            "deployment": self._deployment,
            "workers": self._settings.workers,
            "journal_rebuilt": self._rebuilt,
            "listening": self._address.url if self._address else None,
            "problems": {**self._problems(), **({STATE_DIRECTORY: self._blocked} if self._blocked else {})},
            "standby": list(self._followed.standby) if self._followed else [],
            "connections": {name: self._status_of(unit) for name, unit in sorted(self._units.items())},
        }

    def _status_of(self, unit: Unit) -> dict[str, Any]:
        name, now = unit.connection.name, self._journal.now()
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
