# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The emulator's clock: real time, plus what a test has added to it."""

from __future__ import annotations

import datetime
import threading
import time


class Clock:
    """Runs like the wall clock; ``advance`` puts it forward. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._offset = 0.0

    def now(self) -> float:
        """Return seconds since the epoch."""
        with self._lock:
            return time.time() + self._offset

    def advance(self, seconds: float) -> float:
        """Put the clock forward and return its new time."""
        with self._lock:
            self._offset += seconds
            return time.time() + self._offset

    def reset(self) -> None:
        """Go back to real time."""
        with self._lock:
            self._offset = 0.0


def to_text(seconds: float, offset_minutes: int = 0) -> str:
    """Return an ISO 8601 text with milliseconds: ``…Z`` for UTC, ``…+02:00`` for any other offset."""
    zone = datetime.timezone(datetime.timedelta(minutes=offset_minutes))
    text = datetime.datetime.fromtimestamp(seconds, zone).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z") if offset_minutes == 0 else text


def normalise(text: str) -> str:
    """Return an ISO date or timestamp as UTC text with milliseconds, the form in which dates are stored.

    A text without offset counts as UTC. Raises ValueError for anything else.
    """
    moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00") if text.endswith("Z") else text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.timezone.utc)
    return moment.astimezone(datetime.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def shifted(stored: str, offset_minutes: int) -> str:
    """Return a stored date as the query endpoint shows it: with the server's offset."""
    moment = datetime.datetime.fromisoformat(stored.replace("Z", "+00:00"))
    return to_text(moment.timestamp(), offset_minutes)
