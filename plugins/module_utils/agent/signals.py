# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signals as something to wait for, and one that is answered by itself."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import select
import signal

QUIT = (signal.SIGTERM, signal.SIGINT)
RELOAD = signal.SIGHUP
STACKS = signal.SIGUSR1
"""What every thread is at is written to stderr: names of files and functions, no values. Never waits for a thread."""

_STDERR = 2


class Signals:
    """Signals as numbers to wait for, by the pipe that Python writes them to; handlers are put back at the end."""

    HANDLED = (*QUIT, RELOAD)

    def __enter__(self) -> Signals:
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)
        self._handlers = {number: signal.signal(number, lambda *_ignored: None) for number in self.HANDLED}
        self._previous = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        faulthandler.register(STACKS, file=_STDERR)
        return self

    def __exit__(self, *_error: object) -> None:
        faulthandler.unregister(STACKS)
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
