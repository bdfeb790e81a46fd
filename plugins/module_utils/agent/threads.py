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


class Crew:
    """Starts daemon threads. A thread that ends by an exception is a bug: ``on_crash`` is called, once for each."""

    def __init__(self, on_crash: Callable[[], None]) -> None:
        self._on_crash = on_crash
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self.crashed: list[str] = []
        self.beats = Beats()

    def spawn(self, name: str, target: Callable[[], None]) -> threading.Thread:
        """Run ``target`` in a thread of this name."""

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
            self._threads = [other for other in self._threads if other.is_alive()]
            self._threads.append(thread)
            thread.start()
        return thread

    def alive(self) -> list[str]:
        """The names of the threads that have not ended."""
        with self._lock:
            return [thread.name for thread in self._threads if thread.is_alive()]

    def join(self, timeout: float, poll: Callable[[float], None] = time.sleep) -> bool:
        """Wait for all threads; False when some are still at work after ``timeout`` seconds."""
        deadline = time.monotonic() + timeout
        while self.alive():
            if time.monotonic() >= deadline:
                return False
            poll(0.05)
        return True
