# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Threads whose death is noticed."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from .liveness import Beats

log = logging.getLogger(__name__)


def never() -> bool:
    """What is under way in a thread that has to be waited for."""
    return False


def always() -> bool:
    """What is under way in a thread that only reads."""
    return True


class Crew:
    """Starts daemon threads. A thread that ends by an exception is a bug: ``on_crash`` is called, once for each."""

    def __init__(self, on_crash: Callable[[], None]) -> None:
        self._on_crash = on_crash
        self._lock = threading.Lock()
        self._threads: dict[threading.Thread, Callable[[], bool]] = {}
        self.crashed: list[str] = []
        self.beats = Beats()

    def spawn(
        self, name: str, target: Callable[[], None], *, may_be_left: Callable[[], bool] = never
    ) -> threading.Thread:
        """Run ``target`` in a thread of this name; ``may_be_left()``: the process may end without waiting for it."""

        def watched() -> None:
            try:
                target()
            except BaseException:
                log.critical("the thread %s died; the agent stops", name, exc_info=True)
                self.crashed.append(name)
                self._on_crash()
            finally:
                self.beats.end()

        thread = threading.Thread(target=watched, name=name, daemon=True)
        with self._lock:
            self._threads = {other: leave for other, leave in self._threads.items() if other.is_alive()}
            self._threads[thread] = may_be_left
            thread.start()
        return thread

    def alive(self) -> list[str]:
        """The names of the threads that have not ended."""
        with self._lock:
            return [thread.name for thread in self._threads if thread.is_alive()]

    def unfinished(self) -> list[str]:
        """The names of the threads that have not ended and may not be left."""
        with self._lock:
            return [thread.name for thread, leave in self._threads.items() if thread.is_alive() and not leave()]

    def join(self, timeout: float, poll: Callable[[float], None] = time.sleep) -> bool:
        """Wait for all threads that may not be left; False when some are at work after ``timeout`` seconds."""
        deadline = time.monotonic() + timeout
        while self.unfinished():
            if time.monotonic() >= deadline:
                return False
            poll(0.05)
        return True
