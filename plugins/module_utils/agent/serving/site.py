# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the agent's web server answers: the status page, its data, metrics and health. It shows and changes nothing."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from ..errors import AgentError
from ..settings import Settings
from .access import TokenFile, is_loopback_name, presents
from .address import Address, TcpAddress
from .health import liveness, readiness
from .metrics import MissingPrometheusError, exposition
from .page import REFRESH_SECONDS, render
from .script import SCRIPT
from .server import Answer, Request, listening
from .source import Source
from .style import style_sheet
from .troubles import find_troubles
from .view import as_json

log = logging.getLogger(__name__)

HEADERS = (
    ("Cache-Control", "no-store"),
    (
        "Content-Security-Policy",
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'",
    ),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
)
REALM = 'realm="wxgov-sagemaker agent"'

_Page = Callable[[Request], Answer]


class Site:
    """Answers requests. ``token`` None: none is demanded. ``check_host``: only names of the loopback are answered.

    ``refresh_seconds`` is how often an open page is made anew.
    """

    def __init__(
        self,
        source: Source,
        *,
        token: TokenFile | None,
        check_host: bool,
        refresh_seconds: float = REFRESH_SECONDS,
    ) -> None:
        self._source = source
        self._token = token
        self._check_host = check_host
        self._metrics = exposition(source.view)
        self._pages: Mapping[str, _Page] = {
            "/": lambda _request: _text(render(source.view(), refresh_seconds), "text/html; charset=utf-8"),
            "/style.css": lambda _request: _text(style_sheet(), "text/css; charset=utf-8"),
            "/script.js": lambda _request: _text(SCRIPT, "text/javascript; charset=utf-8"),
            "/api/status": lambda _request: self._status(),
            "/metrics": self._scrape,
            "/healthz": lambda _request: _health(*liveness(source.inside())),
            "/readyz": lambda _request: _health(*readiness(source.inside())),
        }

    def __call__(self, request: Request) -> Answer:
        """Answer one request, or say why not."""
        answer = self._refusal(request) or self._pages[request.path](request)
        return Answer(answer.status, answer.content_type, answer.body, (*HEADERS, *answer.headers))

    def _refusal(self, request: Request) -> Answer | None:
        if self._check_host and not is_loopback_name(request.headers.get("host", "")):
            return _text("Ask for localhost: the agent answers to no other name here.\n", status=421)
        refusal = self._unauthorized(request)
        if refusal is not None:
            return refusal
        if request.method not in ("GET", "HEAD"):
            return _text("Nothing can be changed here.\n", status=405, headers=(("Allow", "GET, HEAD"),))
        if request.path not in self._pages:
            return _text(f"There is: {', '.join(self._pages)}.\n", status=404)
        return None

    def _unauthorized(self, request: Request) -> Answer | None:
        if self._token is None:
            return None
        try:
            token = self._token.read()
        except AgentError as error:
            log.error("%s", error)
            return _text("The token cannot be checked now; the agent's log says why.\n", status=503)
        if presents(token, request.headers):
            return None
        ways = (("WWW-Authenticate", f"Bearer {REALM}"), ("WWW-Authenticate", f"Basic {REALM}"))
        return _text("Show the token: as bearer token, or as password of any user.\n", status=401, headers=ways)

    def _status(self) -> Answer:
        view = self._source.view()
        return _json({"troubles": as_json(find_troubles(view)), **as_json(view)})

    def _scrape(self, request: Request) -> Answer:
        try:
            content_type, body = self._metrics(request.headers.get("accept", ""))
        except MissingPrometheusError as error:
            return _text(f"{error}\n", status=501)
        return Answer(200, content_type, body)


def serving(settings: Settings, source: Source) -> AbstractContextManager[Address | None]:
    """Serve until the end of the block, which gets the address; None where the settings turn it off.

    Raises AgentError where the address cannot be had or the token file cannot be used.
    """
    address = settings.address
    if address is None:
        return nullcontext()
    token = None if settings.listen_token_file is None else TokenFile(settings.listen_token_file)
    if token is not None:
        token.read()
    # On a Unix socket a client names whatever host it likes, and no browser gets there.
    check_host = isinstance(address, TcpAddress) and address.is_loopback
    return listening(address, Site(source, token=token, check_host=check_host))


def _health(good: bool, details: Mapping[str, Any]) -> Answer:
    return _json(details, status=200 if good else 503)


def _json(data: object, status: int = 200) -> Answer:
    return _text(json.dumps(data, indent=1) + "\n", "application/json", status)


def _text(
    text: str,
    content_type: str = "text/plain; charset=utf-8",
    status: int = 200,
    headers: tuple[tuple[str, str], ...] = (),
) -> Answer:
    return Answer(status, content_type, text.encode(), headers)
