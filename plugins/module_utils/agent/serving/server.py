# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small web server that cannot be made to hang: few threads, short requests, an end to each connection.

It runs beside the agent's work, so whatever a client does must cost the work nothing: connections beyond `THREADS` are
refused, one that has not ended after `LONGEST` seconds is cut off, and every connection is good for one request.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import socketserver
import stat
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ..errors import AgentError
from ..log import reason
from .address import Address, TcpAddress, UnixAddress

log = logging.getLogger(__name__)

THREADS = 8
LONGEST = 10.0
"""Seconds that one connection may take, reading and answering together."""
_LOOK = 0.25


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked; header names are lower-case."""

    method: str
    path: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered; ``headers`` come on top of type and length."""

    status: int
    content_type: str
    body: bytes
    headers: tuple[tuple[str, str], ...] = field(default=())


Application = Callable[[Request], Answer]
"""Answers a request. Called by several threads at once; an exception becomes a 500 without details."""


class _Handler(BaseHTTPRequestHandler):
    """One request of one connection."""

    server: _Server
    server_version = "wxgov-agent"
    sys_version = ""
    timeout = LONGEST

    def do_GET(self) -> None:
        """Answer what the application answers."""
        self._answer()

    do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_GET

    def address_string(self) -> str:
        """The client, for the log; one on a Unix socket has no address."""
        return str(self.client_address[0]) if isinstance(self.client_address, tuple) else "unix"

    def log_message(self, format: str, *args: Any) -> None:
        """Only for those who look closely: a scraper asks every few seconds."""
        log.debug("%s %s", self.address_string(), format % args)

    def _answer(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, urlsplit(self.path).path, headers)
        try:
            answer = self.server.application(request)
        except Exception as error:  # a page that cannot be made is no reason to end anything
            log.exception("%s %s cannot be answered: %s", request.method, request.path, reason(error))
            answer = Answer(500, "text/plain; charset=utf-8", b"This cannot be shown now; the agent's log says why.\n")
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        for name, value in answer.headers:
            self.send_header(name, value)
        self.end_headers()
        if request.method != "HEAD":
            self.wfile.write(answer.body)


class _Server(socketserver.TCPServer):
    """Hands connections to a bounded pool and keeps an eye on how long each takes."""

    allow_reuse_address = True
    request_queue_size = 32

    def __init__(self, address: Address, application: Application, longest: float) -> None:
        self.application = application
        self._longest = longest
        self._lock = threading.Lock()
        self._open: dict[socket.socket, float] = {}
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="serving")
        where: Any  # socketserver's types know of no Unix sockets here
        if isinstance(address, UnixAddress):
            self.address_family, where = socket.AF_UNIX, str(address.path)
        else:
            self.address_family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
            where = (address.host, address.port)
        super().__init__(where, _Handler, bind_and_activate=False)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Begin with a connection, or close it at once where too many are open."""
        with self._lock:
            full = len(self._open) >= THREADS
            if not full:
                self._open[request] = time.monotonic() + self._longest
        if full:
            self.shutdown_request(request)
        else:
            self._pool.submit(self._serve, request, client_address)

    def service_actions(self) -> None:
        """Cut off what takes too long; called several times a second."""
        now = time.monotonic()
        with self._lock:
            late = [request for request, end in self._open.items() if end < now]
        for request in late:
            _cut(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away in the middle is not worth more."""
        log.debug("a connection of %s broke off", client_address, exc_info=True)

    def close(self) -> None:
        """Stop listening and end what is open."""
        self.server_close()
        with self._lock:
            requests = list(self._open)
        for request in requests:
            _cut(request)
        self._pool.shutdown()

    def _serve(self, request: Any, client_address: Any) -> None:
        try:
            self.finish_request(request, client_address)
        except Exception:
            self.handle_error(request, client_address)
        finally:
            with self._lock:
                self._open.pop(request, None)
            self.shutdown_request(request)


def _cut(request: socket.socket) -> None:
    """End a connection that another thread waits on."""
    with contextlib.suppress(OSError):
        request.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def listening(address: Address, application: Application, longest: float = LONGEST) -> Iterator[Address]:
    """Serve until the end of the block; gives the address with the port that was chosen. ``longest``: see `LONGEST`.

    Raises AgentError, before anything is served, where the address cannot be had.
    """
    server = _Server(address, application, longest)
    try:
        _bind(server, address)
    except BaseException:
        server.close()
        raise
    thread = threading.Thread(target=server.serve_forever, args=(_LOOK,), name="serving", daemon=True)
    thread.start()
    try:
        found = TcpAddress(address.host, server.socket.getsockname()[1]) if isinstance(address, TcpAddress) else address
        log.info("status page, metrics and health at %s", found.url)
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.close()
        if isinstance(address, UnixAddress):
            with contextlib.suppress(OSError):
                address.path.unlink()


def _bind(server: _Server, address: Address) -> None:
    try:
        if isinstance(address, UnixAddress):
            _remove_stale(address.path)
            with _umask(0o177):
                server.server_bind()
        else:
            server.server_bind()
        server.server_activate()
    except OSError as error:
        raise AgentError(
            f"The agent cannot listen on {address.url}: {error.strerror}. Name another address in the setting listen, "
            'or "" for none.'
        ) from None


def _remove_stale(path: Path) -> None:
    """Remove the socket that a killed agent left; only one agent uses a state directory, and so a socket's path."""
    with contextlib.suppress(FileNotFoundError):
        if stat.S_ISSOCK(path.stat().st_mode) and not _answers(path):
            path.unlink()


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
        return True


@contextlib.contextmanager
def _umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)
