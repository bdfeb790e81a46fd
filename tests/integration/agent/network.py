# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks that can fail: proxies between an agent and a service, of TCP, of TLS and of HTTP."""

from __future__ import annotations

import contextlib
import http.client
import http.server
import pathlib
import selectors
import socket
import ssl
import threading
from collections.abc import Callable
from types import TracebackType


class Network:
    """A context manager. ``url`` is where the service is to be had.

    `silence`: whatever is sent goes nowhere and nothing comes back, on old connections and new ones, as when packets
    are dropped on the way. `refuse`: connections are cut, and no new one is accepted. `heal`: all is well again, but
    connections that were silent stay so, as after a change of routes.
    """

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._silent = False
        self._refusing = False
        self._dead: set[socket.socket] = set()
        self._pairs: dict[socket.socket, socket.socket] = {}
        self._lock = threading.Lock()
        self._stopping = False
        self._selector = selectors.DefaultSelector()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Network:
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stopping = True
        self._thread.join(60)
        for end in (*self._pairs, self._listener):
            end.close()
        self._selector.close()

    def silence(self) -> None:
        with self._lock:
            self._silent = True
            self._dead |= set(self._pairs)

    def refuse(self) -> None:
        with self._lock:
            self._refusing = True
            for end in list(self._pairs):
                self._close(end)

    def heal(self) -> None:
        with self._lock:
            self._silent = self._refusing = False

    def _run(self) -> None:
        while not self._stopping:
            for key, _events in self._selector.select(0.05):
                with self._lock, contextlib.suppress(OSError):
                    key.data()

    def _accept(self) -> None:
        client, _address = self._listener.accept()
        if self._refusing:
            client.close()
            return
        server = socket.create_connection(self._target)
        for one, other in ((client, server), (server, client)):
            self._pairs[one] = other
            self._selector.register(one, selectors.EVENT_READ, self._forwarding(one))
            if self._silent:
                self._dead.add(one)

    def _forwarding(self, source: socket.socket) -> Callable[[], None]:
        return lambda: self._forward(source)

    def _forward(self, source: socket.socket) -> None:
        if source not in self._pairs:
            return
        data = source.recv(65536)
        if not data:
            self._close(source)
        elif source not in self._dead:
            self._pairs[source].sendall(data)

    def _close(self, end: socket.socket) -> None:
        other = self._pairs.get(end)
        for one in (end, other):
            if one is not None and one in self._pairs:
                del self._pairs[one]
                self._dead.discard(one)
                self._selector.unregister(one)
                one.close()


class TlsFront:
    """A context manager: TLS towards the agent, TCP towards the service. ``url`` is where the service is to be had.

    `present` changes the certificate and cuts what is open, as a restarted load balancer does.
    """

    def __init__(self, host: str, port: int, public: pathlib.Path, private: pathlib.Path) -> None:
        self._target = (host, port)
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._context = self._with(public, private)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> TlsFront:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._cut()

    def present(self, public: pathlib.Path, private: pathlib.Path) -> None:
        self._context = self._with(public, private)
        self._cut()

    @staticmethod
    def _with(public: pathlib.Path, private: pathlib.Path) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(public, private)
        return context

    def _cut(self) -> None:
        with self._lock:
            for end in self._open:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _address = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        """Carry one connection to its end; what is sent while one side is read waits, as HTTP has it."""
        with contextlib.ExitStack() as stack:
            stack.enter_context(contextlib.suppress(OSError))
            stack.enter_context(client)
            near = stack.enter_context(self._context.wrap_socket(client, server_side=True))
            far = stack.enter_context(socket.create_connection(self._target))
            with self._lock:
                self._open |= {near, far}
            try:
                self._carry(near, far)
            finally:
                with self._lock:
                    self._open -= {near, far}

    @staticmethod
    def _carry(near: ssl.SSLSocket, far: socket.socket) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(near, selectors.EVENT_READ, far)
            selector.register(far, selectors.EVENT_READ, near)
            while True:
                for key, _events in selector.select():
                    source, target = key.fileobj, key.data
                    data = source.recv(65536)
                    while isinstance(source, ssl.SSLSocket) and source.pending():
                        data += source.recv(65536)
                    if not data:
                        return
                    target.sendall(data)


class StallingProxy:
    """A context manager: answers what AWS answers, but to one account (an access key id) nothing, ever.

    ``stalled`` counts the requests that wait.
    """

    def __init__(self, host: str, port: int, access_key_id: str) -> None:
        self._end = threading.Event()
        self.stalled = 0
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:  # the name that http.server looks for
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if f"Credential={access_key_id}/" in self.headers["Authorization"]:
                    proxy.stalled += 1
                    proxy._end.wait()
                    return
                far = http.client.HTTPConnection(host, port, timeout=60)
                far.request("POST", self.path, body, dict(self.headers))
                answer = far.getresponse()
                content = answer.read()
                far.close()
                self.send_response(answer.status)
                self.send_header("Content-Type", answer.headers["Content-Type"])
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *arguments: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.handle_error = lambda *arguments: None
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> StallingProxy:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end.set()
        self._server.shutdown()
        self._server.server_close()
