# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pace that many threads pass: the lock, the clock and the waiting."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from .pace import Pace
from .priority import Priority, current_priority


class Gate:
    """Lets calls through at a pace, each priority's in a line of its own; one that need not wait costs microseconds.

    Only the first of a line looks at the clock: hundreds of threads that wait for one slow service cost nothing.
    """

    def __init__(
        self,
        pace: Pace,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._pace = pace
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._lines = {priority: threading.Lock() for priority in Priority}
        self._waiting = dict.fromkeys(Priority, 0)

    @property
    def rate(self) -> float | None:
        """Calls a second that are let through at the moment; None: not limited."""
        return self._pace.rate

    def enter(self, deadline: float) -> bool:
        """Wait for this thread's turn to call; False where it does not come before ``deadline`` (by the clock)."""
        priority = current_priority()
        if not self._is_waited(priority) and self._ask(priority) <= 0:
            return True
        self._count_waiting(priority, 1)
        try:
            return self._wait(priority, deadline)
        finally:
            self._count_waiting(priority, -1)

    def answered(self) -> None:
        """Learn that a call was answered with anything but "too many"."""
        if self._pace.rate is not None:
            with self._lock:
                self._pace.answered(self._clock())

    def throttled(self) -> None:
        """Learn that a call was answered with "too many"."""
        with self._lock:
            self._pace.throttled(self._clock())

    def _wait(self, priority: Priority, deadline: float) -> bool:
        line = self._lines[priority]
        if not line.acquire(timeout=min(threading.TIMEOUT_MAX, max(0.0, deadline - self._clock()))):
            return False
        try:
            while (wait := self._ask(priority)) > 0:
                if self._clock() + wait > deadline:
                    return False
                self._sleep(wait)
            return True
        finally:
            line.release()

    def _is_waited(self, priority: Priority) -> bool:
        """Whether others stand in the line: who comes later goes behind them, as long as there is a limit."""
        return self._waiting[priority] > 0 and self._pace.rate is not None

    def _ask(self, priority: Priority) -> float:
        with self._lock:
            return self._pace.ask(self._clock(), priority, self._waiting[Priority.EVENT] > 0)

    def _count_waiting(self, priority: Priority, amount: int) -> None:
        with self._lock:
            self._waiting[priority] += amount
