# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many requests a connection's AWS clients send, and how they fare; those that are repeated count too."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_TOO_MANY = frozenset({"TooManyRequestsException", "RequestLimitExceeded", "BandwidthLimitExceeded", "SlowDown"})
"""Codes, besides those with "Throttl" in them; botocore/retries/standard.py has a list."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """Requests to one service; ``throttled`` and ``failed`` (no answer, or a 5xx) ones are among ``sent``."""

    sent: int = 0
    throttled: int = 0
    failed: int = 0


class AwsTraffic:
    """Counts each answer, or want of one, that clients get; ask it from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._services: dict[str, Traffic] = {}

    def watch(self, events: Any) -> None:
        """Count for the clients that are made with, or have, this emitter of botocore's events."""
        events.register("response-received", self._count)

    def by_service(self) -> Mapping[str, Traffic]:
        """The counts so far, by service, such as sagemaker or sqs."""
        with self._lock:
            return dict(self._services)

    def _count(self, event_name: str, parsed_response: Mapping[str, Any] | None = None, **_event: object) -> None:
        """botocore emits ``response-received.SERVICE.OPERATION`` once for each attempt at a request."""
        service = event_name.split(".")[1]
        throttled, failed = judge(parsed_response)
        with self._lock:
            known = self._services.get(service, Traffic())
            self._services[service] = Traffic(known.sent + 1, known.throttled + throttled, known.failed + failed)


def judge(answer: Mapping[str, Any] | None) -> tuple[bool, bool]:
    """Whether a parsed answer (None: there was none) says "too many", and whether it is no answer of the service."""
    if answer is None:
        return False, True
    status = (answer.get("ResponseMetadata") or {}).get("HTTPStatusCode") or 0
    if 200 <= status < 300:
        return False, False
    error = answer.get("Error") or {}
    code, message = str(error.get("Code") or ""), str(error.get("Message") or "")
    throttled = status == 429 or "Throttl" in code or code in _TOO_MANY or message.startswith("Rate exceeded")
    return throttled, status >= 500 and not throttled
