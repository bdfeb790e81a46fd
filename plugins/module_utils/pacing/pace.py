# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast something may be called that says "too many" and does not say how many it takes.

Additive increase, multiplicative decrease: there is no limit until the first "too many". Then the rate at which calls
were made is cut, and grows again second by second while it is what holds calls back. A fifth of the rate is kept for
events and a fifth for sweeps; of the rest events take first, and whatever one of the two leaves is the other's.

A `Pace` is told the time and has no lock: whoever has one adds both.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from .priority import Priority


@dataclass(frozen=True, slots=True)
class PaceSettings:
    """Rates are calls a second.

    ``increase`` is what the rate gains each second, or ``eagerness`` times its distance to the rate that last was too
    much, where that is more: quick far away from it on either side, careful around it. A cut leaves ``decrease`` of the
    rate, or the share of calls that were answered since the last cut where that is less, but no less than ``deepest``;
    several "too many" within ``patience`` seconds count as one. At ``ceiling`` there is no limit again. ``reserve`` is
    each priority's own share, and unused calls of ``burst`` seconds may be made up for. With ``is_even`` calls have the
    same time between them, for a service that may count in moments: none is made up for then.
    """

    increase: float = 1.0
    eagerness: float = 0.0
    decrease: float = 0.5
    deepest: float = 0.5
    floor: float = 0.5
    ceiling: float = 500.0
    patience: float = 1.0
    reserve: float = 0.2
    burst: float = 1.0
    is_even: bool = False


class Pace:
    """A token bucket of three: one for each priority and a shared one, which their overflow goes to."""

    def __init__(self, settings: PaceSettings | None = None) -> None:
        self.settings = settings or PaceSettings()
        self.rate: float | None = None
        self._own = dict.fromkeys(Priority, 0.0)
        self._shared = 0.0
        self._filled_at = 0.0
        self._grown_at = 0.0
        self._cut_at = -math.inf
        self._scarce_at = -math.inf
        self._due_at = -math.inf
        self._too_much = 0.0
        self._answers = self._refusals = 0
        self._seen_rate = 0.0
        self._seen_at = 0.0

    def ask(self, now: float, priority: Priority, event_waits: bool = False) -> float:
        """Return 0 where a call may be made now (and count it), else in how many seconds to ask again."""
        if self.rate is None:
            self._see(now)
            return 0.0
        self._fill(now, self.rate)
        wait = self._due_at - now
        if wait <= 0 and self._take(priority, event_waits):
            self._due_at = self._next_due(now, self.rate)
            self._see(now)
            return 0.0
        self._scarce_at = now
        return max(wait, self._time_to_next(priority, event_waits, self.rate))

    def throttled(self, now: float) -> None:
        """Learn of a "too many": whatever was saved up is gone, and the rate is cut unless that has just happened."""
        self._refusals += 1
        if now - self._cut_at < self.settings.patience:
            return
        if self.rate is None:
            self._too_much = 0.0  # what a few calls of the last second amount to says little: grow fast until the next
            rate = self._measured(now) * self.settings.decrease
        else:
            self._too_much = self.rate
            rate = self.rate * self._left()
        self.rate = max(self.settings.floor, rate)
        self._answers = self._refusals = 0
        saved = 1.0 if self.settings.is_even else 0.0  # even calls need no empty buckets, but a choice of whose is next
        self._own = dict.fromkeys(Priority, saved)
        self._shared = saved
        self._due_at = self._next_due(now, self.rate)
        self._cut_at = self._filled_at = self._grown_at = now

    def answered(self, now: float) -> None:
        """Learn of any other answer: the rate grows, if it held a call back lately."""
        if self.rate is None:
            return
        self._answers += 1
        elapsed = min(1.0, now - self._grown_at)
        self._grown_at = now
        if now - self._scarce_at > 1.0 + 1.0 / self.rate:
            return
        self._fill(now, self.rate)
        self.rate += elapsed * max(self.settings.increase, self.settings.eagerness * abs(self._too_much - self.rate))
        if self.rate >= self.settings.ceiling:
            self.rate = None

    def _left(self) -> float:
        """Return what a cut leaves of the rate; the refusal that leads to it does not count."""
        answered = self._answers / max(1, self._answers + self._refusals - 1)
        return max(self.settings.deepest, min(self.settings.decrease, answered))

    def _next_due(self, now: float, rate: float) -> float:
        return now + 1.0 / rate if self.settings.is_even else now

    def _see(self, now: float) -> None:
        self._seen_rate = self._measured(now) + 1.0
        self._seen_at = now

    def _measured(self, now: float) -> float:
        """Return the recent calls a second: each counts for 1 and fades with a time constant of a second."""
        return self._seen_rate * math.exp(min(0.0, self._seen_at - now))

    def _fill(self, now: float, rate: float) -> None:
        gained = rate * max(0.0, now - self._filled_at)
        self._filled_at = max(now, self._filled_at)
        reserve, burst = self.settings.reserve, self.settings.burst
        overflow = 0.0
        for priority, tokens in self._own.items():
            full = max(1.0, reserve * rate * burst)
            self._own[priority] = min(full, tokens + reserve * gained)
            overflow += max(0.0, tokens + reserve * gained - full)
        share = 1.0 - len(Priority) * reserve
        self._shared = min(max(1.0, share * rate * burst), self._shared + share * gained + overflow)

    def _take(self, priority: Priority, event_waits: bool) -> bool:
        if self._own[priority] >= 1.0:
            self._own[priority] -= 1.0
            return True
        if self._shared >= 1.0 and (priority is Priority.EVENT or not event_waits):
            self._shared -= 1.0
            return True
        return False

    def _time_to_next(self, priority: Priority, event_waits: bool, rate: float) -> float:
        reserve = self.settings.reserve
        times = []
        if reserve > 0:
            times.append((1.0 - self._own[priority]) / (reserve * rate))
        full = max(1.0, reserve * rate * self.settings.burst)
        inflow = rate * (1.0 - reserve * sum(1 for tokens in self._own.values() if tokens < full))
        if inflow > 0 and (priority is Priority.EVENT or not event_waits):
            times.append((1.0 - self._shared) / inflow)
        return max(0.001, min(times, default=1.0 / rate))
