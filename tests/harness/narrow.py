# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""A narrow way to a server: an HTTP proxy that lets so many requests a second through and answers 429 to the rest."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

PASSED_ON = ("authorization", "content-type", "accept")


class NarrowWay:
    """``url`` stands for the server's; ``refused`` counts the 429s."""

    def __init__(self, target: str, rate: float, burst: float = 1.0) -> None:
        self.target = urlsplit(target)
        self.refused = 0
        self._rate = rate
        self._burst = self._tokens = burst
        self._filled_at = time.monotonic()
        self._lock = threading.Lock()
        self._server = _server(self)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def lets_through(self) -> bool:
        """Take a token; False, and counted, where there is none."""
        now = time.monotonic()
        with self._lock:
            self._tokens = min(self._burst, self._tokens + (now - self._filled_at) * self._rate)
            self._filled_at = now
            if self._tokens < 1:
                self.refused += 1
                return False
            self._tokens -= 1
            return True

    def start(self) -> None:
        """Answer from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _server(way: NarrowWay) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def __getattr__(self, name: str) -> Any:
            if name.startswith("do_"):
                return self._serve
            raise AttributeError(name)

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, kind, answer = self._forward(body) if way.lets_through() else (429, "application/json", b"{}")
            self.send_response_only(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)
            self.wfile.flush()

        def _forward(self, body: bytes) -> tuple[int, str, bytes]:
            server = http.client.HTTPConnection(way.target.hostname or "", way.target.port, timeout=60)
            try:
                headers = {name: self.headers[name] for name in PASSED_ON if name in self.headers}
                server.request(self.command, self.path, body or None, headers)
                answer = server.getresponse()
                return answer.status, answer.headers.get("Content-Type", "application/json"), answer.read()
            finally:
                server.close()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    return server


@contextmanager
def narrow_way(target: str, rate: float, burst: float = 1.0) -> Iterator[NarrowWay]:
    """A narrow way for the length of a block."""
    way = NarrowWay(target, rate, burst)
    way.start()
    try:
        yield way
    finally:
        way.stop()
