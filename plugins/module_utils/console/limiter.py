# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast one console may be called, and whether it is worth calling at all: one limiter a console and process.

No rate limit of a console is published, so its **pace** (pacing.pace) is not limited until the console answers 429:
then the rate at which it was called is cut in half, and grows again by one a second.

The **breaker** opens when calls in a row had no answer: then calls fail at once instead of each waiting for its
time-outs, and one at a time tries whether the console is back, after 1, 2, 4 … seconds.

`Breaker` is told the time as `Pace` is; `Limiter` adds the lock, the clock and the waiting to both.
"""

from __future__ import annotations

import math
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

from ..pacing.pace import Pace
from ..pacing.priority import Priority, current_priority
from .errors import CircuitOpenError


class Sign(Enum):
    """What a finished call says of the console; UNKNOWN: nothing, such as a certificate that is not trusted here."""

    ANSWERED = "answered"
    THROTTLED = "throttled"
    SILENT = "silent"
    UNKNOWN = "unknown"


_LOOK_AGAIN = 0.05
"""Seconds between looks at whether somebody else's try has shown the console to be back."""


@dataclass(frozen=True, slots=True)
class BreakerSettings:
    """``failures`` in a row open it, for ``first`` seconds and twice as long each time a try fails, up to ``longest``.

    A try that has not ended after ``lease`` seconds is given up.
    """

    failures: int = 5
    first: float = 1.0
    longest: float = 30.0
    lease: float = 60.0


class Breaker:
    """closed: calls go through; open: none does; half_open: one is trying."""

    def __init__(self, settings: BreakerSettings | None = None) -> None:
        self.settings = settings or BreakerSettings()
        self.state = "closed"
        self.failures = 0
        self._openings = 0
        self._until = 0.0

    def ask(self, now: float) -> float:
        """Return 0 where a call may go through (which may make it the one that tries), else for how long not."""
        if self.state == "closed":
            return 0.0
        if now < self._until:
            return self._until - now
        self.state = "half_open"
        self._until = now + self.settings.lease
        return 0.0

    def answered(self) -> None:
        """Learn of an answer."""
        self.state = "closed"
        self.failures = self._openings = 0

    def silent(self, now: float) -> None:
        """Learn that a call had no answer. One that was on its way when the breaker opened changes nothing."""
        self.failures += 1
        if self.state == "open" or (self.state == "closed" and self.failures < self.settings.failures):
            return
        self.state = "open"
        self._until = now + min(self.settings.longest, self.settings.first * 2.0**self._openings)
        self._openings = min(self._openings + 1, 32)

    def unknown(self, now: float) -> None:
        """Learn that a call ended without saying anything of the console: the next one may try."""
        if self.state == "half_open":
            self.state = "open"
            self._until = now


@dataclass(frozen=True, slots=True)
class LimiterState:
    """A limiter at one moment: calls a second (None: not limited), the breaker's state, failures in a row."""

    rate: float | None
    breaker: str
    failures: int


class Limiter:
    """The pacer of all clients of one console. Safe for threads; a call that need not wait costs microseconds.

    While the breaker is open a call waits for up to ``patience`` seconds, if that can help, and then raises
    CircuitOpenError. ``name`` is the console's address, for that message.
    """

    def __init__(
        self,
        name: str,
        *,
        pace: Pace | None = None,
        breaker: Breaker | None = None,
        patience: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self.name = name
        self.pace = pace or Pace()
        self.breaker = breaker or Breaker()
        self._patience = patience
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._waiting_events = 0

    def before(self) -> None:
        """Wait until a call may be made. Raises CircuitOpenError."""
        priority = current_priority()
        if self._try(priority, math.inf) > 0:
            self._wait(priority)

    def after(self, sign: Sign) -> None:
        """Learn how a call ended."""
        now = self._clock()
        with self._lock:
            if sign is Sign.SILENT:
                self.breaker.silent(now)
            elif sign is Sign.UNKNOWN:
                self.breaker.unknown(now)
            else:
                self.breaker.answered()
                if sign is Sign.THROTTLED:
                    self.pace.throttled(now)
                else:
                    self.pace.answered(now)

    def state(self) -> LimiterState:
        """Return what a metric or a status page shows."""
        with self._lock:
            return LimiterState(self.pace.rate, self.breaker.state, self.breaker.failures)

    def _wait(self, priority: Priority) -> None:
        deadline = self._clock() + self._patience
        is_event = priority is Priority.EVENT
        self._count_waiting(is_event)
        try:
            while (wait := self._try(priority, deadline)) > 0:
                self._sleep(wait)
        finally:
            self._count_waiting(is_event, -1)

    def _try(self, priority: Priority, deadline: float) -> float:
        """Return 0 where a call may be made now, else when to ask again; the breaker is waited for till the deadline.

        The pace is asked first: whoever is to try whether the console is back does so at once.
        """
        now = self._clock()
        with self._lock:
            wait = self.pace.ask(now, priority, self._waiting_events > 0)
            if wait > 0 or self.breaker.state == "closed":
                return wait
            wait = self.breaker.ask(now)
            failures, is_trying = self.breaker.failures, self.breaker.state == "half_open"
        if wait <= 0:
            return 0.0
        if now + (0.0 if is_trying else wait) > deadline:
            raise CircuitOpenError(
                f"{self.name} did not answer {failures} times in a row; it is asked again in {wait:.0f} s at most."
            )
        return min(wait, _LOOK_AGAIN) if is_trying else wait

    def _count_waiting(self, is_event: bool, amount: int = 1) -> None:
        if is_event:
            with self._lock:
                self._waiting_events += amount


class Limiters:
    """One limiter for each console, as long as some client has it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._limiters: weakref.WeakValueDictionary[str, Limiter] = weakref.WeakValueDictionary()

    def of(self, origin: str) -> Limiter:
        """Return the limiter of the console at scheme://host[:port]."""
        with self._lock:
            limiter = self._limiters.get(origin)
            if limiter is None:
                limiter = self._limiters[origin] = Limiter(origin)
            return limiter

    def states(self) -> Mapping[str, LimiterState]:
        """Return the state of every limiter that is in use, by origin."""
        with self._lock:
            limiters = dict(self._limiters)
        return {origin: limiter.state() for origin, limiter in sorted(limiters.items())}


LIMITERS = Limiters()
"""The process's own: whoever calls the same console shares its pace, whatever connection it is for. Empty at import."""
