# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The emulator's clock: real time plus an offset that tests push forward.

Only what moto itself asks for the time is shifted (``moto.core.utils.utcnow``, which every mended service goes
through). The time module is left alone, so botocore clients in the same process keep signing with the real time.
"""

from __future__ import annotations

import datetime as datetime_module
import threading
from types import ModuleType
from typing import Any

from moto.core import utils as moto_utils


class EmulatorClock:
    """Seconds and UTC datetimes of the emulated cloud."""

    def __init__(self) -> None:
        self._offset = 0.0
        self._lock = threading.Lock()

    def advance(self, seconds: float) -> datetime_module.datetime:
        """Move time forward by ``seconds`` (negative raises ValueError) and return the new now."""
        if seconds < 0:
            raise ValueError(f"The emulator clock only moves forward; got {seconds} seconds.")
        with self._lock:
            self._offset += seconds
        return self.now()

    def reset(self) -> None:
        with self._lock:
            self._offset = 0.0

    def now(self) -> datetime_module.datetime:
        """Timezone-aware UTC datetime."""
        return datetime_module.datetime.now(datetime_module.timezone.utc) + datetime_module.timedelta(
            seconds=self._offset
        )

    def naive_now(self) -> datetime_module.datetime:
        """UTC datetime without a zone, as moto keeps its timestamps."""
        return self.now().replace(tzinfo=None)

    def timestamp(self) -> float:
        """Seconds since the epoch."""
        return self.now().timestamp()

    def isoformat(self) -> str:
        """``2026-10-22T09:10:11Z``, the one-second resolution of CloudTrail and EventBridge."""
        return self.now().strftime("%Y-%m-%dT%H:%M:%SZ")


CLOCK = EmulatorClock()


class _ShiftedDatetime(datetime_module.datetime):
    """Answers ``now`` from the emulator clock; everything else is datetime's own."""

    @classmethod
    def now(cls, tz: datetime_module.tzinfo | None = None) -> Any:
        now = CLOCK.now()
        return now.astimezone(tz) if tz else now.astimezone().replace(tzinfo=None)

    @classmethod
    def utcnow(cls) -> Any:
        return CLOCK.naive_now()


class _ShiftedDatetimeModule(ModuleType):
    """Stands in for the datetime module inside moto.core.utils only."""

    datetime = _ShiftedDatetime

    def __getattr__(self, name: str) -> Any:
        return getattr(datetime_module, name)


def install() -> None:
    """Let moto read the emulator clock. Modules hold their own reference to utcnow, hence the mend inside it."""
    moto_utils.datetime = _ShiftedDatetimeModule("datetime")
