# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP as the emulator needs it: requests, answers, routes, and a server that can drop a connection half-way.

http.server rather than a WSGI server, because a lost answer needs the socket: WSGI promises an answer to every request.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
import urllib.parse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from .errors import ApiError, bad_request

MAX_BODY = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Request:
    """A request. ``segments`` is the path, cut at its slashes and decoded; header names are lower case."""

    method: str
    segments: tuple[str, ...]
    arguments: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    base_url: str

    @property
    def path(self) -> str:
        """The decoded path without its leading slash."""
        return "/".join(self.segments)

    def json(self) -> dict[str, Any]:
        """Return the body, which must be a JSON object. Raises ApiError (400)."""
        try:
            parsed = json.loads(self.body or b"{}", parse_constant=_no_constant)
        except (ValueError, RecursionError):
            raise bad_request("The body is not JSON") from None
        if not isinstance(parsed, dict):
            raise bad_request("The body is not a JSON object")
        return parsed


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer. ``cut`` is what becomes of it on the way: None, "lost" (nothing of it arrives), "half" or "reset"."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: str | None = None


def json_answer(value: Any, status: int = 200) -> Answer:
    """Return a JSON answer."""
    return Answer(status, json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


def html_answer(text: str, status: int = 200) -> Answer:
    """Return a web page."""
    return Answer(status, text.encode(), "text/html; charset=utf-8")


Handler = Callable[..., Answer]


class Routes:
    """Finds the handler of a method and path. A pattern is a path with {name} for any one segment."""

    def __init__(self) -> None:
        self._routes: list[tuple[str, tuple[str, ...], str, Handler]] = []

    def add(self, method: str, pattern: str, handler: Handler) -> None:
        """Add a route; the first that fits wins."""
        parts = tuple(pattern.split("/"))
        name = "/".join(part for part in parts if not part.startswith("{"))
        self._routes.append((method, parts, f"{method} {name}", handler))

    def find(self, method: str, segments: Sequence[str]) -> tuple[str, Callable[[Request], Answer]]:
        """Return a route's counter name ("GET contents/associations") and its handler. Raises ApiError (404, 405)."""
        other_method = False
        for known, parts, name, handler in self._routes:
            values = _match(parts, segments)
            if values is None:
                continue
            if known == method:
                return name, lambda request, handler=handler, values=values: handler(request, *values)
            other_method = True
        if other_method:
            raise ApiError(405, f"{method} is not allowed here")
        raise ApiError(404, "There is no such resource")


def _match(parts: Sequence[str], segments: Sequence[str]) -> list[str] | None:
    if len(parts) != len(segments):
        return None
    values = []
    for part, segment in zip(parts, segments, strict=True):
        if part.startswith("{"):
            values.append(segment)
        elif part != segment:
            return None
    return values


class Server:
    """A threaded HTTP/1.1 server on a free port, for one ``respond`` function."""

    def __init__(self, host: str, port: int, respond: Callable[[Request], Answer]) -> None:
        self._server = _Server((host, port), respond)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self.port = int(self._server.server_address[1])

    def start(self) -> None:
        """Answer requests from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Stop answering, and close the connections that clients keep open."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._server.close_connections()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, address: tuple[str, int], respond: Callable[[Request], Answer]) -> None:
        super().__init__(address, _Handler)
        self.respond = respond
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()

    def server_bind(self) -> None:
        # The inherited method looks the host's name up, which can take seconds.
        socket_server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._open_lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._open_lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client that went away is what several tests are about."""

    def close_connections(self) -> None:
        with self._open_lock:
            connections = list(self._open)
        for connection in connections:
            _shut(connection)


def socket_server_bind(server: ThreadingHTTPServer) -> None:
    """Bind a server's socket."""
    server.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.socket.bind(server.server_address)
    server.server_address = server.socket.getsockname()


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Server

    def __getattr__(self, name: str) -> Any:
        # http.server looks for do_GET, do_POST, …; all of them are one here.
        if name.startswith("do_"):
            return self._serve
        raise AttributeError(name)

    def log_message(self, *args: Any) -> None:
        """Say nothing."""

    def handle_expect_100(self) -> bool:
        """Tell a client that waits before it sends its body to go on, at once: the output is buffered."""
        going_on = super().handle_expect_100()
        self.wfile.flush()
        return going_on

    def _serve(self) -> None:
        request = self._request()
        if request is None:
            self.close_connection = True
            self._write(json_answer({"message": f"A body has a length, of at most {MAX_BODY} bytes"}, 413))
            return
        self._write(self.server.respond(request))

    def _request(self) -> Request | None:
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isdecimal() or int(length) > MAX_BODY:
            return None
        target = urllib.parse.urlsplit(self.path)
        path = target.path.strip("/")
        host = self.headers.get("Host") or f"127.0.0.1:{self.server.server_port}"
        return Request(
            method=self.command,
            segments=tuple(urllib.parse.unquote(segment) for segment in path.split("/")),
            arguments=dict(urllib.parse.parse_qsl(target.query, keep_blank_values=True)),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(int(length)),
            base_url=f"http://{host}",
        )

    def _write(self, answer: Answer) -> None:
        if answer.cut in ("lost", "reset"):
            self._drop(reset=answer.cut == "reset")
            return
        self.send_response_only(answer.status, HTTPStatus(answer.status).phrase)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.body:
            self.send_header("Content-Type", answer.content_type)
        if answer.status != HTTPStatus.NO_CONTENT:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body[: len(answer.body) // 2] if answer.cut else answer.body)
        self.wfile.flush()
        if answer.cut:
            self._drop(reset=False)

    def _drop(self, reset: bool) -> None:
        self.close_connection = True
        if reset:
            # Linger for 0 seconds: closing sends RST, not FIN.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            # The socket closes with the last of the three.
            self.rfile.close()
            self.wfile.close()
            self.connection.close()
            return
        _shut(self.connection)
