# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether every loop still turns: each promises, in its own thread, by when it will show up again.

A fixed silence would not do: an idle worker sleeps for a minute, a sweep reads for an hour. So whoever is about to wait
or to work says for how long at most; a loop that breaks its promise hangs, and one that ends takes its promise along.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

Beat = Callable[[float], None]
"""Called by a loop before each wait or piece of work, with the seconds within which it will call again."""

CALL_SECONDS = 1800.0
"""The longest that one piece of work takes: a few calls of AWS, each with ten attempts of 30 s and their pauses."""
SWEEP_SECONDS = 6 * 3600.0
"""The longest between two keys that a sweep marks: a million packages at two pages a second take an hour and a half."""


def no_beat(_within: float) -> None:
    """The `Beat` of a loop that nobody watches."""


class Beats:
    """The promises of all loops, by thread. Takes no lock: one dictionary operation a call.

    ``clock`` is monotonic.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._due: dict[int, tuple[str, float]] = {}

    def beat(self, within: float) -> None:
        """Promise, for the thread that calls, to call again within so many seconds. Satisfies `Beat`."""
        self._due[threading.get_ident()] = (threading.current_thread().name, self._clock() + within)

    def end(self) -> None:
        """Forget the thread that calls: it ends."""
        self._due.pop(threading.get_ident(), None)

    def late(self) -> Mapping[str, float]:
        """The threads that have broken their promise, and by how many seconds."""
        now = self._clock()
        return {name: now - due for name, due in sorted(self._due.copy().values()) if due < now}

    def names(self) -> list[str]:
        """The threads that have promised something."""
        return sorted(name for name, _due in self._due.copy().values())
