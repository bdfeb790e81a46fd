# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting longer after each failure, by a random share so that many waiters do not return at once."""

from __future__ import annotations

from collections.abc import Callable


class Backoff:
    """Delays in seconds: up to ``first``, doubled each time up to ``longest``; at least a tenth of that bound."""

    def __init__(self, *, first: float, longest: float, jitter: Callable[[float, float], float]) -> None:
        self._first = first
        self._longest = longest
        self._jitter = jitter
        self._failures = 0

    def next(self) -> float:
        """The delay after one more failure."""
        bound = min(self._longest, self._first * 2 ** min(self._failures, 32))
        self._failures += 1
        return self._jitter(bound / 10, bound)

    def reset(self) -> None:
        """Begin anew after a success."""
        self._failures = 0
