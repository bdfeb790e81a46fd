# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may ask: a token where the network can reach the server, and no web page of another site anywhere.

A page that an operator has open in his browser may send requests to 127.0.0.1 and, by DNS rebinding, even read the
answers. Its requests carry its own name in the Host header, so a server on the loopback interface answers only to
names of the loopback interface. One that listens elsewhere demands the token, which no such page has.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import ipaddress
import os
import stat
from collections.abc import Mapping
from pathlib import Path

from ..errors import AgentError

LEAST_LENGTH = 16
"""Letters of a token; `openssl rand -hex 32` makes one of 64."""


class TokenFile:
    """The token in a file, read at each request: whoever replaces the file replaces the token."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> bytes:
        """The token. Raises AgentError for a file that is not there, too short, or readable by others."""
        try:
            with self._path.open("rb") as file:
                mode = os.fstat(file.fileno()).st_mode
                token = file.read(4096).strip()
        except OSError as error:
            raise AgentError(f"The token file {self._path} cannot be read: {error.strerror}.") from None
        if stat.S_IMODE(mode) & 0o077 and not self._is_credential():
            raise AgentError(f"The token file {self._path} may be read by other users: chmod 600 it.")
        if len(token) < LEAST_LENGTH:
            raise AgentError(f"The token in {self._path} is shorter than {LEAST_LENGTH} letters: make a longer one.")
        return token

    def _is_credential(self) -> bool:
        """Whether systemd keeps it (LoadCredential=): then an access list, not the mode, says who may read it."""
        folder = os.environ.get("CREDENTIALS_DIRECTORY")
        return bool(folder) and Path(str(folder)) in self._path.parents


def presents(token: bytes, headers: Mapping[str, str]) -> bool:
    """Whether a request carries the token: as bearer token, or as password of Basic authentication (for browsers).

    ``headers`` have lower-case names. Takes the same time whatever is wrong with the token.
    """
    scheme, _space, value = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        given = value.strip().encode("latin-1", "replace")
    elif scheme.lower() == "basic":
        given = _password(value.strip())
    else:
        return False
    return hmac.compare_digest(given, token)


def _password(value: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True).partition(b":")[2]
    except (binascii.Error, ValueError):
        return b""


def is_loopback_name(host: str) -> bool:
    """Whether a Host header names the loopback interface: localhost, 127.x.y.z or [::1], with any port or none."""
    name = host.strip().lower()
    bare = name[1:].partition("]")[0] if name.startswith("[") else name.rpartition(":")[0] or name
    if bare == "localhost":
        return True
    try:
        return ipaddress.ip_address(bare).is_loopback
    except ValueError:
        return False
