# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""A network that can fail: a TCP proxy between an agent and a service."""

from __future__ import annotations

import contextlib
import selectors
import socket
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
