# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the service manager is told, as systemd wants it of a unit with ``Type=notify`` (man 3 sd_notify).

Datagrams to the socket that NOTIFY_SOCKET names; without it nothing is sent, and an error never matters.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Callable, Mapping


class ServiceManager:
    """Tells how the agent is. ``clock`` is the monotonic one that systemd reads too (CLOCK_MONOTONIC)."""

    def __init__(self, environment: Mapping[str, str], clock: Callable[[], float] = time.monotonic) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "")
        self._clock = clock
        self._every = _watchdog_seconds(environment)
        self._next = 0.0
        self._status = ""

    def ready(self, status: str) -> None:
        """The agent has started, or works again after `reloading`; ``status`` is one line."""
        self._status = status
        self._send("READY=1", f"STATUS={status}")

    def status(self, status: str) -> None:
        """What ``systemctl status`` shows; to be called often, the same line again costs nothing."""
        if status != self._status:
            self._status = status
            self._send(f"STATUS={status}")

    def reloading(self) -> None:
        """The agent reads its settings anew; `ready` follows."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={int(self._clock() * 1_000_000)}")

    def stopping(self) -> None:
        """The agent ends."""
        self._send("STOPPING=1")

    def alive(self) -> None:
        """Every loop turns. To be called often: three times within WatchdogSec a datagram is sent."""
        now = self._clock()
        if self._every is not None and now >= self._next:
            self._next = now + self._every
            self._send("WATCHDOG=1")

    def _send(self, *lines: str) -> None:
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)  # a service manager that hangs must not hang the agent
            sender.sendto("\n".join(lines).encode(), address)


def _watchdog_seconds(environment: Mapping[str, str]) -> float | None:
    """A third of the time after which the watchdog bites; None where it is off or watches another process."""
    microseconds = environment.get("WATCHDOG_USEC", "")
    watched = environment.get("WATCHDOG_PID", str(os.getpid()))
    if not microseconds.isdecimal() or watched != str(os.getpid()):
        return None
    return int(microseconds) / 3_000_000
