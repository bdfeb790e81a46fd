# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the journal to the console: a bounded pool of threads, shared fairly by all connections.

* A key is worked on by one thread at a time; a key that is marked meanwhile is worked on again.
* Connections take turns, and while several have a claim on the pool one thread is left to each of the others: a
  console that hangs keeps no other connection waiting. (That holds for up to as many connections as threads.)
* While a console is down, one key after the other of its connection tries whether it is back, and what fails by that
  does not count as the key's failure: an outage of an hour must not make a key wait for another one.
* While the existing-model sync holds a connection's exclusive lock, its keys wait and everything else goes on.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

from .errors import JournalUnavailableError
from .intake import Step, no_step
from .journal import SWEEP, Journal, Lease
from .liveness import CALL_SECONDS, Beat, no_beat
from .log import about, fields, reason
from .runtime import WRITTEN, Background, Outcome, Reconciler
from .status import Change, Counters
from .threads import never

log = logging.getLogger(__name__)

LONGEST_WAIT = 5.0
"""Seconds after which an idle worker looks for work by itself: a wake-up that is missed costs no more than this."""
LOCKED_PAUSE = 1.0
DOWN_PAUSE = 5.0
"""Seconds between two tries whether a console is back; each costs a call of the registry and fails at once."""
DOWN_PAUSES = 6.0
"""How many such pauses at most a key waits that met a console that is down."""

TryShared = Callable[[str], AbstractContextManager[bool]]
"""Takes a connection's shared lock without waiting; the context says whether it was to be had."""


@dataclass(eq=False, slots=True)
class Slot:
    """One connection's place in the pool; the pool's lock guards it."""

    name: str
    reconciler: Reconciler
    counters: Counters
    is_down: Callable[[], bool] = never
    background: Background = nullcontext
    down: bool = False
    active: int = 0
    paused_until: float = 0.0
    attached: bool = True
    idle: threading.Event = field(default_factory=threading.Event)


class WorkerPool:
    """Call `run` in ``size`` threads. ``clock`` is monotonic, ``now`` the wall clock for the status page.

    What was written after more than ``doubt_seconds`` is looked at again: the process may have been stopped in between,
    and what it then wrote may be older than what another agent has written meanwhile.
    """

    def __init__(
        self,
        journal: Journal,
        size: int,
        try_shared: TryShared,
        *,
        doubt_seconds: float = 30.0,
        down_pause: float = DOWN_PAUSE,
        step: Step = no_step,
        beat: Beat = no_beat,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
        jitter: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._journal = journal
        self._size = size
        self._try_shared = try_shared
        self._running = 0
        self.doubt_seconds = doubt_seconds
        self._down_pause = down_pause
        self._step = step
        self._beat = beat
        self._clock = clock
        self._now = now
        self._jitter = jitter
        self._lock = threading.Lock()
        self._slots: deque[Slot] = deque()
        self._stopping = threading.Event()

    def resize(self, size: int) -> int:
        """Have as many threads; returns how many more have to call `run`. Those that are too many end by themselves."""
        with self._lock:
            self._size = size
            missing = max(0, size - self._running)
        self._journal.wake()
        return missing

    def attach(
        self,
        name: str,
        reconciler: Reconciler,
        counters: Counters,
        *,
        is_down: Callable[[], bool] = never,
        background: Background = nullcontext,
    ) -> Slot:
        """Begin to work on a connection's keys. ``is_down()``: its console does not answer at all at the moment."""
        slot = Slot(name, reconciler, counters, is_down, background)
        slot.idle.set()
        with self._lock:
            self._slots.append(slot)
        self._journal.wake()
        return slot

    def detach(self, slot: Slot) -> None:
        """Take no more keys for it; ``slot.idle`` is set once nothing is under way."""
        with self._lock:
            slot.attached = False
            self._slots = deque(other for other in self._slots if other is not slot)

    def stop(self) -> None:
        """Let every `run` return after the key that it works on."""
        self._stopping.set()
        self._journal.wake()

    def run(self) -> None:
        """Work until `stop`, or until there are more threads than `resize` wants."""
        with self._lock:
            self._running += 1
        while True:
            marks = self._journal.marks  # before the look at what may end this, or its waking would go unnoticed
            if self._stopping.is_set() or self._one_too_many():
                return
            self._beat(CALL_SECONDS)
            try:
                work = self._next()
                if work is None:
                    self._journal.wait(marks, self._idle_seconds())
                else:
                    self._work(*work)
            except JournalUnavailableError as error:
                log.error("%s Working waits for it.", error)
                self._stopping.wait(1.0)

    def _one_too_many(self) -> bool:
        with self._lock:
            surplus = self._running > self._size
            self._running -= surplus
        return surplus

    def _next(self) -> tuple[Slot, Lease] | None:
        """The next key of the connection whose turn it is."""
        with self._lock:
            for _turn in range(len(self._slots)):
                slot = self._slots[0]
                self._slots.rotate(-1)
                lease = self._journal.take(slot.name) if self._may_work(slot) else None
                if lease is not None:
                    slot.active += 1
                    slot.idle.clear()
                    return slot, lease
        return None

    def _may_work(self, slot: Slot) -> bool:
        if slot.paused_until > self._clock():
            return False
        if not slot.active:
            return True
        return not slot.down and self._spare() > 0

    def _spare(self) -> int:
        """How many threads are free beyond one for each connection that has none: several may hang at once."""
        free = self._size - sum(slot.active for slot in self._slots)
        return free - sum(1 for slot in self._slots if not slot.active)

    def _idle_seconds(self) -> float:
        """How long nothing can be done unless a key is marked, or a thread comes free (which nudges the others)."""
        with self._lock:
            ready = [slot.name for slot in self._slots if self._may_work(slot)]
            pauses = [slot.paused_until - self._clock() for slot in self._slots if slot.paused_until > self._clock()]
        next_key = self._journal.seconds_to_next(ready)
        return max(0.0, min([LONGEST_WAIT, *pauses, *([] if next_key is None else [next_key])]))

    def _work(self, slot: Slot, lease: Lease) -> None:
        self._step("taken")
        began = self._clock()
        try:
            with self._try_shared(slot.name) as locked:
                if locked:
                    self._reconcile(slot, lease)
                else:
                    with self._lock:  # before the key is free: another thread would take it at once
                        slot.paused_until = self._clock() + LOCKED_PAUSE
                    self._journal.release(lease)
        except JournalUnavailableError:
            raise
        except Exception as error:  # whatever went wrong, the key stays and is tried again
            self._failed(slot, lease, reason(error))
        finally:
            slot.counters.worked(self._clock() - began)
            with self._lock:
                slot.active -= 1
                if not slot.active:
                    slot.idle.set()
            self._journal.nudge()

    def _reconcile(self, slot: Slot, lease: Lease) -> None:
        began = self._clock()
        background = slot.background() if lease.priority == SWEEP else nullcontext()
        with background, about(slot.name, lease.key):
            outcome = slot.reconciler.reconcile(lease.key)
        self._step("reconciled")
        in_doubt = outcome.status in WRITTEN and self._clock() - began > self.doubt_seconds
        recheck_after = 0.0 if in_doubt else outcome.recheck_after
        if recheck_after is None:
            self._journal.done(lease)
        else:
            self._journal.recheck(lease, recheck_after)
        self._is_up(slot)
        self._step("done")
        now = self._now()
        change = Change(now, lease.key, outcome.status, outcome.detail)
        slot.counters.reconciled(change, now - lease.dirty_since, swept=lease.priority == SWEEP)
        detail = f": {outcome.detail}" if outcome.detail else ""
        log.log(_level(outcome), "%s%s", outcome.status, detail, extra=fields(slot.name, lease.key))

    def _is_up(self, slot: Slot) -> None:
        """Let all threads work on a connection again whose console answers."""
        with self._lock:
            was_down, slot.down = slot.down, False
        if was_down:
            log.info("the console answers again", extra=fields(slot.name))
            self._journal.wake()

    def _failed(self, slot: Slot, lease: Lease, error: str) -> None:
        slot.counters.failed("reconcile_failures", error)
        if slot.is_down():
            with self._lock:
                was_down, slot.down = slot.down, True
                slot.paused_until = self._clock() + self._down_pause
            # The first failure does count: a key that alone makes the console look down must not stay at the front.
            if was_down:
                self._journal.defer(lease, self._jitter(self._down_pause, self._down_pause * DOWN_PAUSES), error)
                return
            log.error("the console does not answer, its keys wait: %s", error, extra=fields(slot.name))
        delay = self._journal.failed(lease, error)
        which = fields(slot.name, lease.key)
        log.warning("failed %d times, next try in %.1f s: %s", lease.attempts + 1, delay, error, extra=which)


def _level(outcome: Outcome) -> int:
    """What a person has to decide is worth a warning; a key without difference is not worth a line."""
    return {"held": logging.WARNING, "unchanged": logging.DEBUG}.get(outcome.status, logging.INFO)
