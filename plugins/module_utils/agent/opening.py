# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a start needs of the disk, asked for until it is granted: a full disk must not end the agent for good."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from .backoff import Backoff
from .errors import JournalUnavailableError, StateUnavailableError
from .signals import QUIT, RELOAD, Signals
from .state_directory import may_pass

LONGEST_PAUSE = 15.0
"""Seconds between two tries at most; one costs a file that is opened."""
_TICK = 1.0

_T = TypeVar("_T")


class ToldToStopError(Exception):
    """A signal to quit has come while the start waited."""


class Opening:
    """Tries again and again, answering signals meanwhile.

    ``say`` hears what keeps the agent from beginning, and "" when nothing does any more; ``alive`` is called once a
    second at least, for the watchdog.
    """

    def __init__(
        self,
        signals: Signals,
        *,
        say: Callable[[str], None],
        alive: Callable[[], None],
        jitter: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._signals = signals
        self._say = say
        self._alive = alive
        self._backoff = Backoff(first=1.0, longest=LONGEST_PAUSE, jitter=jitter)

    def until_granted(self, take: Callable[[], _T]) -> _T:
        """What ``take`` returns. Raises ToldToStopError, and whatever ``take`` raises that waiting cannot mend."""
        problem = ""
        while True:
            try:
                taken = take()
            except (StateUnavailableError, JournalUnavailableError) as error:
                if _is_for_good(error):
                    raise
                if problem != str(error):
                    problem = str(error)
                    self._say(problem)
                self._pause(self._backoff.next())
            else:
                if problem:
                    self._say("")
                return taken

    def _pause(self, seconds: float) -> None:
        """Wait; a SIGHUP says that there may be room now."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._alive()
            received = self._signals.wait(min(left, _TICK))
            if any(number in QUIT for number in received):
                raise ToldToStopError
            if RELOAD in received:
                return


def _is_for_good(error: Exception) -> bool:
    """Whether the file system itself has said no, and not for lack of room; SQLite's own errors may all pass."""
    return isinstance(error.__cause__, OSError) and not may_pass(error.__cause__)
