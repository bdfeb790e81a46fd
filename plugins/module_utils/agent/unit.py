# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The live side of one connection: its runtime, its intake, its sweeps, its place among the workers.

Three threads: one makes the runtime (trying again for as long as that fails) and then runs the sweeps, one is the
intake, and one polls the console. Nothing that goes wrong here reaches another connection.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..connection.model import Connection
from .backoff import Backoff
from .intake import Intake, Step, held_attempt, no_step
from .journal import Journal
from .liveness import CALL_SECONDS
from .log import fields, reason
from .polling import Polls
from .queue import EventQueue
from .runtime import ConnectionRuntime, Pace, RuntimeFactory, Traffic
from .settings import Settings
from .status import Counters
from .sweeps import Schedule, Sweeps
from .threads import Crew, always, never
from .workers import Slot, WorkerPool

log = logging.getLogger(__name__)

SHORTEST_RETENTION = 60.0
"""Seconds; SQS lets no queue forget faster (SetQueueAttributes, MessageRetentionPeriod)."""

STARTING, RUNNING, FAILING, STOPPING = "starting", "running", "failing", "stopping"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all units of one agent share. ``clock`` gives wall-clock seconds."""

    settings: Settings
    make_runtime: RuntimeFactory
    journal: Journal
    pool: WorkerPool
    crew: Crew
    step: Step = no_step
    clock: Callable[[], float] = time.time


class Unit:
    """One connection at work, from `start` to `finished`."""

    def __init__(self, connection: Connection, counters: Counters, surroundings: Surroundings) -> None:
        self.connection = connection
        self.counters = counters
        self.state = STARTING
        self.started_at = time.time()
        self._around = surroundings
        self._fields = fields(connection=connection.name)
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._on_stop: list[Callable[[], None]] = []
        self._intake: Intake | None = None
        self._slot: Slot | None = None
        self._sweeps: Sweeps | None = None
        self._runtime: ConnectionRuntime | None = None

    def start(self) -> None:
        """Begin; returns at once."""
        self._spawn("sweeps", self._live, may_be_left=always)

    def stop(self) -> None:
        """Ask everything of this connection to end; returns at once."""
        self._stopping.set()
        with self._lock:
            self.state = STOPPING
            for end in self._on_stop:
                end()
            if self._slot is not None:
                self._around.pool.detach(self._slot)

    def take_leave(self) -> None:
        """After `stop`, when the whole process ends: do not wait for the receive under way. Returns at once."""
        with self._lock:
            if self._intake is not None:
                self._spawn("leave", self._intake.take_leave)

    def request_full_sweep(self, why: str) -> None:
        """Have a full sweep soon; before the first one there is no need to ask."""
        if self._sweeps is not None:
            self._sweeps.request_full(why)

    @property
    def finished(self) -> bool:
        """Whether nothing of this connection is under way any more."""
        with self._lock:
            idle = self._slot is None or self._slot.idle.is_set()
            return idle and not any(thread.is_alive() for thread in self._threads)

    @property
    def traffic(self) -> Mapping[str, Traffic]:
        """See `ConnectionRuntime.traffic`; empty while there is no runtime."""
        runtime = self._runtime
        return {} if runtime is None else runtime.traffic

    @property
    def pace(self) -> Pace | None:
        """See `ConnectionRuntime.pace`; None while there is no runtime."""
        runtime = self._runtime
        return None if runtime is None else runtime.pace

    @property
    def registry_rates(self) -> Mapping[str, float]:
        """See `ConnectionRuntime.registry_rates`; empty while there is no runtime."""
        runtime = self._runtime
        return {} if runtime is None else runtime.registry_rates

    @property
    def busy(self) -> int:
        """How many workers are at a key of this connection."""
        slot = self._slot
        return 0 if slot is None else slot.active

    def close(self) -> None:
        """Give back the runtime of a unit that has finished."""
        runtime, self._runtime = self._runtime, None
        if runtime is None:
            return
        try:
            runtime.close()
        except Exception as error:
            log.warning("closing the connection failed: %s", reason(error), extra=self._fields)

    def _spawn(self, role: str, target: Callable[[], None], may_be_left: Callable[[], bool] = never) -> None:
        name = f"{role}:{self.connection.name}"
        self._threads.append(self._around.crew.spawn(name, target, may_be_left=may_be_left))

    def _live(self) -> None:
        runtime = self._make_runtime()
        if runtime is None:
            return
        with self._lock:
            self._runtime = runtime
            if self._stopping.is_set():
                return
            intake, sweeps = self._parts(runtime)
            self._intake, self._sweeps = intake, sweeps
            polls = self._polls(runtime)
            self._on_stop += [intake.stop, sweeps.stop, polls.stop]
            self._slot = self._around.pool.attach(
                self.connection.name,
                runtime.reconciler,
                self.counters,
                is_down=lambda: runtime.pace.breaker != "closed",
                background=runtime.background,
            )
            self._spawn("intake", intake.run, may_be_left=lambda: intake.may_be_left)
            if runtime.changes:
                self._spawn("polling", polls.run, may_be_left=always)
            self.state, self.started_at = RUNNING, time.time()
        log.info("connection started", extra=self._fields)
        sweeps.run()

    def _parts(self, runtime: ConnectionRuntime) -> tuple[Intake, Sweeps]:
        settings, journal = self._around.settings, self._around.journal
        schedule = Schedule(
            settings.full_sweep_seconds, settings.incremental_sweep_seconds, settings.sweep_overlap_seconds
        )
        beat = self._around.crew.beats.beat
        name = self.connection.name
        sweeps = Sweeps(
            name,
            runtime.sweeper,
            journal,
            self.counters,
            schedule,
            background=runtime.background,
            beat=beat,
            clock=self._around.clock,
        )
        queue = EventQueue(
            runtime.sqs_client,
            self.connection.queue_url,
            wait_seconds=settings.receive_wait_seconds,
            attempt_id=held_attempt(journal, name),
        )

        def on_outage(seconds: float) -> None:
            if seconds > SHORTEST_RETENTION / 2 and seconds > self._retention_of(queue) / 2:
                sweeps.request_full(f"nothing was received for {seconds:.0f} s, so the queue may have lost messages")

        intake = Intake(
            self.connection,
            queue,
            journal,
            self.counters,
            on_outage=on_outage,
            dirty_limit=settings.dirty_limit,
            step=self._around.step,
            beat=beat,
            clock=self._around.clock,
        )
        return intake, sweeps

    def _polls(self, runtime: ConnectionRuntime) -> Polls:
        every = self.connection.sync.poll_seconds or self._around.settings.console_poll_seconds
        return Polls(
            self.connection.name,
            runtime.changes,
            self._around.journal,
            self.counters,
            every,
            background=runtime.background,
            beat=self._around.crew.beats.beat,
        )

    def _retention_of(self, queue: EventQueue) -> float:
        try:
            return queue.retention_seconds()
        except Exception as error:
            assumed = self._around.settings.queue_retention_seconds
            text = "the queue does not tell how long it keeps messages, %.0f s are assumed: %s"
            log.warning(text, assumed, reason(error), extra=self._fields)
            return assumed

    def _make_runtime(self) -> ConnectionRuntime | None:
        backoff = Backoff(first=2.0, longest=300.0, jitter=random.uniform)
        while not self._stopping.is_set():
            self._around.crew.beats.beat(CALL_SECONDS)
            try:
                return self._around.make_runtime(self.connection)
            except Exception as error:
                delay = backoff.next()
                self.state = FAILING
                self.counters.failed("start_failures", reason(error))
                log.error("cannot start, next try in %.0f s: %s", delay, reason(error), extra=self._fields)
                self._stopping.wait(delay)
        return None
