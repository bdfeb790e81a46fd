# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Not sending a secret over and over that was refused: many services lock an account after a few wrong attempts.

A refused login holds the secret back at once. A refused request does so only when it is the third in a row, because no
document says that a console answers 401 for bad credentials alone. What is held back is tried again after 5, 10, 20 …
300 seconds, and at once where the secret is another.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from .errors import LoginRefusedError

TOLERATED = 3
FIRST_SECONDS = 5.0
LONGEST_SECONDS = 300.0


class Refusals:
    """What was refused last. May be used by several threads; keeps the secret, and never shows it."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._secret: str | None = None
        self._message = ""
        self._in_a_row = 0
        self._holds = 0
        self._until = 0.0

    def check(self, secret: str, place: str) -> None:
        """Raise LoginRefusedError where the secret is held back; ``place`` says where it comes from."""
        with self._lock:
            wait = self._until - self._clock()
            if secret != self._secret or wait <= 0:
                return
            message = self._message
        raise LoginRefusedError(
            f"{message} It is not tried again for {wait:.0f} s, or until the secret changes ({place})."
        )

    def refused(self, secret: str, message: str, *, at_login: bool) -> None:
        """Learn that a secret was refused, with the sentence that said so."""
        with self._lock:
            if secret != self._secret:
                self._secret, self._in_a_row, self._holds, self._until = secret, 0, 0, 0.0
            self._message = message
            self._in_a_row += 1
            if at_login or self._in_a_row >= TOLERATED:
                self._until = self._clock() + min(LONGEST_SECONDS, FIRST_SECONDS * 2.0**self._holds)
                self._holds = min(self._holds + 1, 32)

    def accepted(self, secret: str) -> None:
        """Learn that a secret is good."""
        with self._lock:
            if secret == self._secret:
                self._secret = None
