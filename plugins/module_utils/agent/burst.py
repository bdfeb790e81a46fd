# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When keys that came in a burst are looked at: once the burst is over, for what comes next may be about them as well.

Taking ten messages off the queue costs a fraction of a look at one key. So while the queue has more, its messages come
first, and each key is looked at once instead of once for every event about it. A burst that does not end holds no key
longer than `HOLD_SECONDS`.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable

HOLD_SECONDS = 5.0


class Burst:
    """The keys of one connection that wait for the end of a burst. ``clock`` is monotonic. Safe for threads."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._held: dict[str, float] = {}

    @property
    def lasts(self) -> bool:
        """Whether keys are held; then the next receive need not wait for messages: there are more, or it is over."""
        return bool(self._held)

    def hold(self, keys: Iterable[str]) -> float:
        """Take keys of which there may be more; returns the seconds that they are to wait."""
        now = self._clock()
        with self._lock:
            self._drop_due(now)
            for key in keys:
                self._held.setdefault(key, now + HOLD_SECONDS)
        return HOLD_SECONDS

    def end(self) -> list[str]:
        """The keys that still wait, which now need not wait any longer."""
        with self._lock:
            self._drop_due(self._clock())
            waiting, self._held = list(self._held), {}
        return waiting

    def _drop_due(self, now: float) -> None:
        """Forget those that wait no more; whoever came first is due first."""
        for key, _due in list(itertools.takewhile(lambda held: held[1] <= now, self._held.items())):
            del self._held[key]
