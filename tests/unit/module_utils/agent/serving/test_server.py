# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server that clients cannot hang: bounded, with an end to each connection and to itself."""

from __future__ import annotations

import contextlib
import socket
import threading
import time

import pytest

from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.errors import AgentError
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.serving.address import TcpAddress, UnixAddress
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.serving.server import (
    THREADS,
    Answer,
    Request,
    listening,
)

ANYWHERE = TcpAddress("127.0.0.1", 0)


def hello(request: Request) -> Answer:
    if request.path == "/broken":
        raise ValueError("secret of the inside")
    return Answer(200, "text/plain", f"{request.method} {request.path}".encode(), (("X-Own", "yes"),))


def exchange(address, data, timeout=60):
    """All that the server sends until it closes the connection."""
    with socket.create_connection((address.host, address.port), timeout=timeout) as client:
        client.sendall(data)
        received = b""
        try:
            while part := client.recv(65536):
                received += part
        except ConnectionResetError:
            pass
        return received


def eventually(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_one_request_one_answer_and_the_connection_is_closed():
    with listening(ANYWHERE, hello) as address:
        answer = exchange(address, b"GET /page?x=1 HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n")
        head, _empty, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.0 200")
        assert b"X-Own: yes" in head
        assert b"Python" not in head
        assert body == b"GET /page"
        assert exchange(address, b"HEAD / HTTP/1.0\r\n\r\n").endswith(b"\r\n\r\n")
        assert exchange(address, b"POST / HTTP/1.0\r\nContent-Length: 0\r\n\r\n").endswith(b"POST /")
        assert exchange(address, b"BREW / HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.0 501")
        assert b"400" in exchange(address, b"\x16\x03\x01 nonsense in between\r\n\r\n")


def test_what_goes_wrong_inside_stays_inside():
    with listening(ANYWHERE, hello) as address:
        answer = exchange(address, b"GET /broken HTTP/1.0\r\n\r\n")
    assert b"500" in answer
    assert b"secret" not in answer


def test_silent_and_dripping_clients_are_cut_off_and_others_served_again():
    request = b"GET / HTTP/1.0\r\n\r\n"
    with listening(ANYWHERE, hello, longest=1.0) as address:
        clients = [socket.create_connection((address.host, address.port), timeout=60) for _client in range(THREADS)]
        stopping = threading.Event()

        def drip():
            with contextlib.suppress(OSError):
                while not stopping.wait(0.1):
                    clients[0].sendall(b"G")

        dripping = threading.Thread(target=drip)
        dripping.start()
        eventually(lambda: exchange(address, request) == b"")  # all threads are taken: one more is not let in
        eventually(lambda: exchange(address, request).endswith(b"GET /"))  # … until the others have had their time
        assert all(client.recv(1) == b"" for client in clients[1:])
        stopping.set()
        dripping.join(60)
        for client in clients:
            client.close()


def test_the_end_waits_for_nobody():
    before = threading.active_count()
    with listening(ANYWHERE, hello) as address:
        silent = socket.create_connection((address.host, address.port), timeout=60)
        eventually(lambda: exchange(address, b"GET / HTTP/1.0\r\n\r\n").endswith(b"GET /"))
    assert silent.recv(1) == b""
    silent.close()
    assert threading.active_count() == before
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((address.host, address.port), timeout=60)


def test_an_address_that_cannot_be_had_is_one_sentence(tmp_path):
    taken = r"cannot listen on http://127\.0\.0\.1:{port}: Address already in use"
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(AgentError, match=taken.format(port=port)):
            listening(TcpAddress("127.0.0.1", port), hello).__enter__()
    with pytest.raises(AgentError, match="nowhere/sock: No such file or directory"):
        listening(UnixAddress(tmp_path / "nowhere" / "sock"), hello).__enter__()
    with pytest.raises(AgentError, match=r"cannot listen on http://192\.0\.2\.1:80: Cannot assign"):
        listening(TcpAddress("192.0.2.1", 80), hello).__enter__()


def test_a_socket_in_use_is_not_taken_away_and_a_file_is_not_removed(tmp_path):
    address = UnixAddress(tmp_path / "sock")
    with listening(address, hello):
        with pytest.raises(AgentError, match="Address already in use"):
            listening(address, hello).__enter__()
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(address.path))
    assert not address.path.exists()
    address.path.write_text("somebody's")
    with pytest.raises(AgentError, match="Address already in use"):
        listening(address, hello).__enter__()
    assert address.path.read_text() == "somebody's"


def test_ipv6():
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        with pytest.raises(AgentError, match="cannot listen on http://"):
            listening(TcpAddress("::1", 0), hello).__enter__()
    else:
        with listening(TcpAddress("::1", 0), hello) as address:
            assert address.url.startswith("http://[::1]:")
            assert exchange(address, b"GET / HTTP/1.0\r\n\r\n").endswith(b"GET /")
