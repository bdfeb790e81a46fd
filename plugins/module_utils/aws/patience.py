# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting with a clock and a sleep that tests can replace."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to go on asking, in seconds. `timeout` 0 asks once."""

    timeout: float
    pause: float = 1.0
    longest_pause: float = 8.0
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def until(self, ask: Callable[[], T], good: Callable[[T], bool]) -> tuple[T, bool]:
        """Ask until the answer is good or the time is over; gives the last answer and whether it is good.

        The pause doubles up to `longest_pause`; the last one is cut to end with the time.
        """
        end = self.clock() + self.timeout
        pause = self.pause
        while True:
            answer = ask()
            if good(answer):
                return answer, True
            left = end - self.clock()
            if left <= 0:
                return answer, False
            self.sleep(min(pause, left))
            pause = min(pause * 2, self.longest_pause)
