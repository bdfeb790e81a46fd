# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The time of day as one process counts it on, whatever becomes of the host's clock meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable


class SteadyClock:
    """Wall-clock seconds that never jump: the time of day at the start plus the time that has passed since.

    A host's clock that is set back by an hour must not make what is due now wait for an hour.
    """

    def __init__(
        self, *, wall: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._monotonic = monotonic
        self._offset = wall() - monotonic()

    def __call__(self) -> float:
        """Seconds since the epoch."""
        return self._offset + self._monotonic()
