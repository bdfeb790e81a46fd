# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sweeps find what no event told of: CloudTrail delivers on a best-effort basis, and queues forget.

A full sweep runs at the start, every day, after an outage in which the queue may have lost messages, and after the loss
of the journal; an incremental one in between asks for what was modified since the last sweep, with an overlap for the
registry's search index, which lags behind.
"""

from __future__ import annotations

import logging
import random
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime, timezone

from .backoff import Backoff
from .journal import SWEEP, Journal
from .liveness import CALL_SECONDS, SWEEP_SECONDS, Beat, no_beat
from .log import about, fields, reason
from .runtime import Background, Sweeper, SweepResult
from .status import Counters, SweepRecord

log = logging.getLogger(__name__)

FULL, INCREMENTAL = "full_sweep", "incremental_sweep"


@dataclass(frozen=True, slots=True)
class Schedule:
    """How often to sweep, in seconds; ``overlap`` is how far before the last sweep an incremental one begins."""

    full: float
    incremental: float
    overlap: float


class SweepStopped(Exception):
    """The agent stops in the middle of a sweep; it is begun anew at the next start."""


def next_sweep(schedule: Schedule, now: float, last_full: float | None, last_any: float | None) -> tuple[str, float]:
    """The kind of the next sweep and the seconds until then. ``last_…`` None: never finished one."""
    if last_full is None or last_any is None:
        return FULL, 0.0
    until_full = last_full + schedule.full - now
    until_incremental = last_any + schedule.incremental - now
    # A clock that was set back must not postpone a sweep beyond its interval.
    until_full, until_incremental = min(until_full, schedule.full), min(until_incremental, schedule.incremental)
    return (
        (FULL, max(0.0, until_full)) if until_full <= until_incremental else (INCREMENTAL, max(0.0, until_incremental))
    )


class Sweeps:
    """The sweeps of one connection, one after the other. ``clock`` is the wall clock."""

    def __init__(
        self,
        name: str,
        sweeper: Sweeper,
        journal: Journal,
        counters: Counters,
        schedule: Schedule,
        *,
        background: Background = nullcontext,
        beat: Beat = no_beat,
        clock: Callable[[], float] = time.time,
        jitter: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._name = name
        self._sweeper = sweeper
        self._journal = journal
        self._counters = counters
        self._schedule = schedule
        self._background = background
        self._beat = beat
        self._clock = clock
        self._backoff = Backoff(first=10.0, longest=900.0, jitter=jitter)
        self._fields = fields(connection=name)
        self._wake = threading.Event()
        self._stopping = False
        self._full_wanted = False
        self._last_full: float | None = None
        self._last_any: float | None = None

    def stop(self) -> None:
        """Let `run` return; a sweep under way ends at the next key that it wants to mark."""
        self._stopping = True
        self._wake.set()

    def request_full(self, why: str) -> None:
        """Have a full sweep as soon as possible."""
        log.warning("a full sweep is due: %s", why, extra=self._fields)
        self._full_wanted = True
        self._wake.set()

    def run(self) -> None:
        """Sweep until `stop`. A sweep that fails is repeated after a while and never ends this."""
        while not self._stopping:
            last_full = None if self._full_wanted else self._last_full
            kind, delay = next_sweep(self._schedule, self._clock(), last_full, self._last_any)
            if not delay:
                delay = self._attempt(kind)
            self._beat(delay + CALL_SECONDS)
            self._wake.wait(delay)
            self._wake.clear()

    def _attempt(self, kind: str) -> float:
        """One sweep; the seconds to wait after it."""
        try:
            self.sweep(kind)
        except SweepStopped:
            return 0.0
        except Exception as error:
            delay = self._backoff.next()
            self._counters.failed("sweep_failures", reason(error))
            log.warning("the %s failed, next try in %.0f s: %s", _title(kind), delay, reason(error), extra=self._fields)
            return delay
        self._backoff.reset()
        return 0.0

    def sweep(self, kind: str) -> None:
        """Run one sweep and remember when it began. Raises what the sweeper raises."""
        began = self._clock()
        run_id = f"{kind}-{uuid.uuid4().hex[:8]}"
        self._beat(SWEEP_SECONDS)
        self._counters.sweep_began(kind, began)
        wanted, self._full_wanted = self._full_wanted, False  # one that is asked for from now on is another one
        try:
            with self._background(), about(self._name, run_id=run_id):
                result = self._run(kind)
        except BaseException:
            self._full_wanted = self._full_wanted or wanted
            self._counters.sweep_ended(kind, None)
            raise
        self._counters.add("sweeps_full" if kind == FULL else "sweeps_incremental")
        ended = self._clock()
        record = SweepRecord(None, ended, ended - began, result.listed, result.marked, tuple(result.held_back))
        self._counters.sweep_ended(kind, record)
        self._counters.stamp(kind, ended)
        self._last_any = began
        if kind == FULL:
            self._last_full = began
        self._journal.set_watermark(self._name, kind, began)
        which = fields(self._name, run_id=run_id)
        log.info("%s: %d looked at, %d marked", _title(kind), result.listed, result.marked, extra=which)

    def _run(self, kind: str) -> SweepResult:
        if kind == FULL:
            return self._sweeper.full_sweep(self._mark)
        since = (self._last_any or 0.0) - self._schedule.overlap
        return self._sweeper.incremental_sweep(datetime.fromtimestamp(max(0.0, since), timezone.utc), self._mark)

    def _mark(self, keys: Iterable[str]) -> None:
        if self._stopping:
            raise SweepStopped
        self._beat(SWEEP_SECONDS)
        marked = tuple(keys)
        self._journal.mark_dirty(self._name, marked, SWEEP)
        self._counters.add("sweep_marked", len(marked))


def _title(kind: str) -> str:
    return kind.replace("_", " ")
