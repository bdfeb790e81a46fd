# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the agent's web server listens."""

from __future__ import annotations

import ipaddress
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

DEFAULT_LISTEN = "127.0.0.1:9719"
UNIX_PREFIX = "unix:"
_FORM = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<four>[0-9.]+)):(?P<port>[0-9]{1,5})")


@dataclass(frozen=True, slots=True)
class TcpAddress:
    """An IP address (text) and a port; port 0 lets the system choose a free one."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return ipaddress.ip_address(self.host).is_loopback

    @property
    def url(self) -> str:
        """As a browser wants it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class UnixAddress:
    """A socket in the file system; its permissions say who may connect."""

    path: Path

    @property
    def is_loopback(self) -> bool:
        """Only this machine can reach it."""
        return True

    @property
    def url(self) -> str:
        """As the settings have it; browsers have no form for it."""
        return f"{UNIX_PREFIX}{self.path}"


Address: TypeAlias = "TcpAddress | UnixAddress"


def parse_listen(text: object) -> Address | None:
    """Read the setting ``listen``: "IP:PORT", "[IPv6]:PORT", "unix:/PATH", or "" for none. Raises ValueError.

    The message completes "listen is … and ".
    """
    if text == "":
        return None
    if isinstance(text, str) and text.startswith(UNIX_PREFIX):
        path = text.removeprefix(UNIX_PREFIX)
        if not os.path.isabs(path):
            raise ValueError("must name an absolute path after unix:")
        return UnixAddress(Path(path))
    found = _FORM.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise ValueError('must be IP:PORT, [IPv6]:PORT, unix:/PATH, or "" for no server')
    try:
        host = str(ipaddress.ip_address(found["six"] or found["four"]))
    except ValueError:
        raise ValueError("does not hold an IP address") from None
    if int(found["port"]) > 65535:
        raise ValueError("has a port above 65535")
    return TcpAddress(host, int(found["port"]))
