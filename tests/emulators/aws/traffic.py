# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Between the socket and moto: call counters, throttling, faults, all keyed by "service.Operation"."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

FaultKind = Literal["error", "http_html_200", "truncate", "reset", "latency", "lost_response"]


@dataclass(slots=True)
class _Bucket:
    """Tokens refill at ``rate`` a second of real time, up to ``burst``."""

    rate: float
    burst: float
    tokens: float
    filled: float

    def take(self, now: float) -> bool:
        self.tokens = min(self.burst, self.tokens + (now - self.filled) * self.rate)
        self.filled = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


@dataclass(slots=True)
class Fault:
    """What happens to the next ``times`` calls of one operation.

    error: answer ``code`` with ``status``, nothing applied. http_html_200: a proxy's page with status 200, nothing
    applied. truncate: applied, half of the body with status 200. reset: connection dropped, nothing applied.
    lost_response: applied, connection dropped. latency: ``seconds`` late, otherwise normal.
    """

    operation: str
    kind: FaultKind
    times: int = 1
    code: str = "ThrottlingException"
    status: int = 400
    seconds: float = 0.0


class Traffic:
    """Counters, buckets and faults; safe for many threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._calls: Counter[str] = Counter()
        self._throttled: Counter[str] = Counter()
        self._buckets: dict[str, _Bucket] = {}
        self._faults: list[Fault] = []

    def count(self, operation: str) -> None:
        with self._lock:
            self._calls[operation] += 1

    def calls(self) -> dict[str, int]:
        """Calls since the last reset or clear, throttled and faulted ones included."""
        with self._lock:
            return dict(self._calls)

    def throttled(self) -> dict[str, int]:
        with self._lock:
            return dict(self._throttled)

    def clear_calls(self) -> None:
        with self._lock:
            self._calls.clear()
            self._throttled.clear()

    def throttle(self, operation: str, rate: float | None, burst: float = 1) -> None:
        """Let ``rate`` calls a second through, ``burst`` at once; None lifts it."""
        with self._lock:
            if rate is None:
                self._buckets.pop(operation, None)
            else:
                self._buckets[operation] = _Bucket(rate, burst, burst, self._clock())

    def is_throttled(self, operation: str) -> bool:
        """Take a token; True when there was none."""
        with self._lock:
            bucket = self._buckets.get(operation)
            if bucket is None or bucket.take(self._clock()):
                return False
            self._throttled[operation] += 1
            return True

    def add_fault(self, fault: Fault) -> None:
        if fault.kind not in get_args(FaultKind):
            raise ValueError(f"Unknown fault kind {fault.kind}; it is one of {', '.join(get_args(FaultKind))}.")
        with self._lock:
            self._faults.append(fault)

    def next_fault(self, operation: str) -> Fault | None:
        """The fault for this call, used up by one; faults on one operation come in the order they were added."""
        with self._lock:
            for fault in self._faults:
                if fault.operation == operation:
                    fault.times -= 1
                    if fault.times <= 0:
                        self._faults.remove(fault)
                    return fault
        return None

    @property
    def pending_faults(self) -> int:
        """How many faults no call has met yet."""
        with self._lock:
            return len(self._faults)

    def clear_faults(self) -> None:
        with self._lock:
            self._faults.clear()

    def reset(self) -> None:
        with self._lock:
            self._calls.clear()
            self._throttled.clear()
            self._buckets.clear()
            self._faults.clear()
