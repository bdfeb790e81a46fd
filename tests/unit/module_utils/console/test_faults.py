# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""A network that fails: the client says so in one sentence, and works again without being made anew."""

from __future__ import annotations

import contextlib
import socket
import threading

import pytest

from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.errors import (
    LoginRefusedError,
    RefusedError,
    UnknownOutcomeError,
    UnreachableError,
    WrongAddressError,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.objects import NewObject
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.sender import RetryPolicy

BASIC = {"username": "svc", "password": "demo-password"}
TWICE = RetryPolicy(attempts=2, connect_timeout=5.0, read_timeout=1.0)


class Wire:
    """A stretch of network between client and console: what goes in comes out, or nothing does any more."""

    def __init__(self, port):
        self.port = port
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self.accepted = 0
        self.is_cut = False
        self._dead = set()
        self._open = []
        threading.Thread(target=self._accept, daemon=True).start()

    def go_half_open(self):
        """Let go of the connections there are without telling the client; new ones work."""
        self._dead |= set(self._open)

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                near, _unused = self.socket.accept()
                self.accepted += 1
                far = socket.create_connection(("127.0.0.1", self.port))
                self._open += [near, far]
                for source, target in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=(source, target), daemon=True).start()

    def _carry(self, source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if not self.is_cut and source not in self._dead:
                    target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        for one in self._open:
            one.close()


@pytest.fixture
def wire(console):
    wire = Wire(console.port)
    yield wire
    wire.close()


def test_a_partition_is_an_outage_and_ends_without_a_restart(wire, make_client):
    client = make_client(url=wire.url, policy=TWICE)
    client.types()
    client.type_definition("SOXBusEntity")
    wire.is_cut = True
    with pytest.raises(UnreachableError, match=r"did not answer within 1 s \(2 attempts\)"):
        client.find_user("svc")
    with pytest.raises(UnknownOutcomeError, match="not known whether POST contents was done"):
        client.create_object(NewObject("SOXBusEntity", "Lost"))
    wire.is_cut = False
    assert client.find_user("svc").user_name == "svc"


def test_a_connection_that_died_unseen_costs_one_time_out_and_no_failure(wire, make_client, console):
    client = make_client(url=wire.url)
    client.types()
    wire.go_half_open()
    before = wire.accepted
    assert client.find_user("svc").user_name == "svc"
    assert wire.accepted - before == console.calls()["GET scim/Users"]
    assert client.calls["GET scim/Users"] == console.calls()["GET scim/Users"] + 1


def test_a_host_that_swallows_connections_is_given_up_after_the_connect_timeout(make_client):
    """A full backlog makes Linux drop what comes next, as a firewall does."""
    with socket.socket() as server, contextlib.ExitStack() as waiting:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for _attempt in range(4):
            one = waiting.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(server.getsockname())
        policy = RetryPolicy(attempts=2, connect_timeout=0.3)
        client = make_client(url=f"http://127.0.0.1:{server.getsockname()[1]}", method="basic", policy=policy, **BASIC)
        with pytest.raises(UnreachableError, match=r"did not accept a connection within 0\.3 s \(2 attempts\)"):
            client.types()


def test_a_name_server_that_fails_for_a_while(make_client, console, monkeypatch):
    client = make_client(url=f"http://localhost:{console.port}", method="basic", **BASIC)

    def fails(*arguments, **options):
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    with monkeypatch.context() as outage:
        outage.setattr(socket, "getaddrinfo", fails)
        with pytest.raises(UnreachableError, match="name not known or connection refused"):
            client.types()
    assert "Model" in client.types().types


def test_an_internal_error_of_the_console_is_told_and_not_hammered(client, entity, console):
    console.fault("status", "GET", "contents", status=500, times=1)
    console.clear_calls()
    with pytest.raises(RefusedError, match="500") as error:
        client.get_object(entity.id)
    assert error.value.status == 500
    assert client.get_object(entity.id) == entity
    assert console.calls() == {"GET contents": 2}


class Pages:
    """A server that answers each request with the next of some raw answers, and the last one for ever."""

    def __init__(self, *answers):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self.heads = []
        self._answers = list(answers)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _unused = self.socket.accept()
                with connection:
                    self.heads.append(connection.recv(65536))
                    answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
                    connection.sendall(answer)

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


def raw(status, body, kind="text/html"):
    head = f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + body


PAGE = b"<html><body><h1>Service unavailable</h1>key demo-password</body></html>"
TYPES = raw(200, b'{"types": [{"id": "1", "name": "Model", "localized_label": "Model"}]}', "application/json")


@pytest.fixture
def pages():
    made = []

    def make(*answers):
        made.append(Pages(*answers))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.mark.parametrize("status", [502, 503, 504])
def test_the_web_page_of_a_balancer_whose_console_is_down_is_an_outage_and_not_a_wrong_address(
    status, pages, make_client
):
    server = pages(raw(status, PAGE), raw(status, PAGE), TYPES)
    client = make_client(url=server.url, method="basic", **BASIC)
    assert "Model" in client.types().types
    assert len(server.heads) == 3
    down = pages(raw(status, PAGE))
    with pytest.raises(RefusedError, match=f"answered {status} to GET types: a web page"):
        make_client(url=down.url, method="basic", **BASIC).types()


@pytest.mark.parametrize("status", [200, 302, 401, 403, 404])
def test_no_status_makes_a_web_page_an_empty_answer(status, pages, make_client):
    server = pages(raw(status, PAGE))
    client = make_client(url=server.url, method="basic", **BASIC)
    with pytest.raises((WrongAddressError, LoginRefusedError, RefusedError)) as error:
        client.get_object("1")
    assert server.url in str(error.value)
    assert "demo-password" not in str(error.value)


def test_requests_go_through_the_proxy_of_the_environment_but_for_hosts_without(pages, make_client, monkeypatch):
    for name in ("HTTP_PROXY", "NO_PROXY", "no_proxy", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    proxy, direct = pages(TYPES), pages(TYPES)
    monkeypatch.setenv("http_proxy", proxy.url.replace("//", "//user:proxy-password@"))
    far = make_client(url="http://localhost:9/opgrc", method="basic", **BASIC)
    far.types()
    assert proxy.heads[0].startswith(b"GET http://localhost:9/opgrc/api/v2/types?")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    make_client(url=direct.url, method="basic", **BASIC).types()
    assert (len(proxy.heads), len(direct.heads)) == (1, 1)


def test_a_proxy_that_is_down_is_named_as_such_and_its_password_is_not(make_client, monkeypatch):
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    for scheme in ("http", "https"):
        monkeypatch.setenv(f"{scheme}_proxy", f"http://user:proxy-password@127.0.0.1:{port}")
        client = make_client(url=f"{scheme}://localhost:9", method="basic", **BASIC)
        with pytest.raises(UnreachableError, match="through the proxy") as error:
            client.types()
        assert "proxy-password" not in str(error.value)
