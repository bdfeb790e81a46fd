# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the console's API is, from whatever address of the console a user has at hand."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from .errors import WrongAddressError

API_PATH = "/api/v2"
DEFAULT_CONTEXT = "/opgrc"
DEFAULT_PORTS = {"https": 443, "http": 80}
UI_PATH = "/app/jspview/react/grc/task-view/"


@dataclass(frozen=True, slots=True)
class Address:
    """``origin`` is scheme and host, ``context`` the path of the application, such as /opgrc."""

    origin: str
    context: str

    @property
    def api(self) -> str:
        """The address before every resource of the API."""
        return f"{self.origin}{self.context}{API_PATH}"

    def task_view(self, object_id: str) -> str:
        """The page of an object in the console's web interface."""
        return f"{self.origin}{self.context}{UI_PATH}{object_id}"


def parse_address(url: str, *, allow_http: bool = False) -> Address:
    """Return the address for ``https://host``, ``https://host/opgrc/api``, ``…/v2``, ``https://host/x-opgrc/…`` alike.

    Raises WrongAddressError for what is no such address, and for plain http to another machine unless ``allow_http``.
    """
    parts = _split(url)
    check_scheme(url, allow_http=allow_http)
    if parts.username is not None or parts.query or parts.fragment:
        raise WrongAddressError(
            f"The console address of host {parts.hostname} must not hold a user name, a query or a fragment."
        )
    path = parts.path.rstrip("/")
    match = re.fullmatch(r"(?P<context>(?:/[^/]+)*/(?:[^/]*-)?opgrc)(?:/api(?:/v2)?|/app(?:/.*)?)?", path)
    if path and not match:
        raise WrongAddressError(
            f"{url} is not the address of a console: give https://HOST, or the address up to and with its context "
            "path, which ends in opgrc (https://HOST/opgrc)."
        )
    return Address(_origin(parts), match["context"] if match else DEFAULT_CONTEXT)


def check_scheme(url: str, *, allow_http: bool) -> None:
    """Raise WrongAddressError unless secrets may be sent there: https, or http on this machine."""
    parts = _split(url)
    if parts.scheme == "https" or (parts.scheme == "http" and (allow_http or is_loopback(parts.hostname or ""))):
        return
    if parts.scheme == "http":
        raise WrongAddressError(
            f"http://{parts.hostname} would send credentials unencrypted: use https, or allow plain http explicitly."
        )
    raise WrongAddressError(f"{parts.hostname or url!r} needs an address that starts with https://.")


def origin_of(url: str) -> str:
    """Return scheme://host[:port] of an address, in one spelling. Raises WrongAddressError for what is no address."""
    return _origin(_split(url))


def is_loopback(host: str) -> bool:
    """Return whether the host is this machine."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _origin(parts: SplitResult) -> str:
    """Return scheme and host in one spelling: clients of one console find each other by it."""
    host = parts.hostname or ""
    bracketed = f"[{host}]" if ":" in host else host
    port = "" if parts.port in (None, DEFAULT_PORTS.get(parts.scheme)) else f":{parts.port}"
    return f"{parts.scheme}://{bracketed}{port}"


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        usable = bool(parts.hostname) and parts.port != 0 and all(char.isprintable() and char != " " for char in url)
    except ValueError:
        usable = False
    if not usable:
        raise WrongAddressError(f"{url!r} is not the address of a console: give https://HOST.")
    return parts
