# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a request is sent again, and when it is not."""

from __future__ import annotations

import http.server
import json
import socket
import threading
import urllib.parse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.errors import (
    UnknownOutcomeError,
    UnreachableError,
    WrongAddressError,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.sender import (
    Answer,
    Failure,
    Request,
    RetryPolicy,
    Sender,
    retry_after,
    wait_before_repeat,
)

POLICY = RetryPolicy(connect_timeout=0.5, read_timeout=0.3)
NOW = 1_800_000_000.0


def request(repeatable=True, url="http://127.0.0.1:9/x"):
    return Request("POST", url, "POST contents", json={"a": 1}, repeatable=repeatable)


def wait(outcome, repeatable=True, attempt=0, random=0.5):
    return wait_before_repeat(request(repeatable), outcome, attempt, POLICY, lambda: random, lambda: NOW)


@pytest.mark.parametrize(
    ("outcome", "if_repeatable", "if_not"),
    [
        (Answer(200, {}, "{}", {}, is_json=True), False, False),
        (Answer(200, {}, '{"cut'), True, False),
        (Answer(200, {}, "<html>"), False, False),
        (Answer(204, {}, ""), False, False),
        (Answer(302, {}, ""), False, False),
        (Answer(400, {}, ""), False, False),
        (Answer(404, {}, "nothing"), False, False),
        (Answer(429, {}, ""), True, True),
        (Answer(500, {}, ""), False, False),
        (Answer(502, {}, ""), True, False),
        (Answer(503, {}, ""), True, False),
        (Answer(504, {}, ""), True, False),
        (Failure("", sent=False), True, True),
        (Failure("", sent=True), True, False),
        (Failure("", sent=False, final=True), False, False),
    ],
)
def test_what_is_repeated(outcome, if_repeatable, if_not):
    assert (wait(outcome) is not None) == if_repeatable
    assert (wait(outcome, repeatable=False) is not None) == if_not


@given(st.integers(0, 30), st.floats(0, 1, exclude_max=True))
def test_the_wait_is_jittered_over_all_of_a_growing_span(attempt, random):
    waited = wait(Failure("", sent=True), attempt=attempt, random=random)
    assert waited == pytest.approx(random * min(20.0, 0.5 * 2**attempt))


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("0", 1.0),
        ("86400", 60.0),
        (" 12 ", 12.0),
        ("Fri, 15 Jan 2027 08:00:10 GMT", 10.0),
        ("Fri, 15 Jan 2027 07:00:00 GMT", 1.0),
        ("soon", None),
        ("-3", None),
        ("", None),
        ("9" * 400, 60.0),
        ("١٢", None),
    ],
)
def test_retry_after_is_kept_within_bounds(header, seconds):
    assert retry_after(header, POLICY, lambda: NOW) == seconds


@given(st.text())
def test_any_retry_after_is_a_wait_or_ignored(header):
    seconds = retry_after(header, POLICY, lambda: NOW)
    assert seconds is None or 1.0 <= seconds <= 60.0


class Peer:
    """A server that does one thing with every connection; `accepted` counts them."""

    def __init__(self, behave):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}/x"
        self.accepted = 0
        self.received = b""
        self._behave = behave
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                connection, _unused = self.socket.accept()
            except OSError:
                return
            self.accepted += 1
            with connection:
                self.received = connection.recv(65536)
                self._behave(connection)

    def close(self):
        # shutdown, not close alone: only that wakes a thread which waits in accept
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


@pytest.fixture
def peer():
    peers = []

    def make(behave):
        peers.append(Peer(behave))
        return peers[-1]

    yield make
    for one in peers:
        one.close()


def answers(connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")


def redirect_to(url):
    return f"HTTP/1.1 302 Found\r\nLocation: {url}\r\nContent-Length: 0\r\n\r\n".encode()


def closes(connection):
    """Close without an answer."""


def sends_half(connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + b'{"a": 1')


def stays_silent(connection):
    connection.settimeout(2)
    connection.recv(1)


def talks_nonsense(connection):
    connection.sendall(b"SSH-2.0-OpenSSH_9.6\r\n")


def claims_gzip(connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd")


@pytest.fixture
def sender():
    slept = []
    sender = Sender(
        policy=RetryPolicy(attempts=3, connect_timeout=0.5, read_timeout=0.3), sleep=slept.append, random=lambda: 1.0
    )
    sender.slept = slept
    yield sender
    sender.close()


@pytest.mark.parametrize("behave", [closes, sends_half, stays_silent, talks_nonsense, claims_gzip])
def test_a_lost_answer_is_asked_for_again_where_that_is_safe(behave, peer, sender):
    server = peer(behave)
    with pytest.raises(UnreachableError, match="3 attempts"):
        sender.send(request(url=server.url))
    assert server.accepted == 3
    assert sender.slept == [0.5, 1.0]
    assert sender.calls == {"POST contents": 3}


@pytest.mark.parametrize("behave", [closes, sends_half, stays_silent, talks_nonsense, claims_gzip])
def test_a_lost_answer_to_a_creation_leaves_its_outcome_unknown(behave, peer, sender):
    server = peer(behave)
    with pytest.raises(UnknownOutcomeError, match="POST contents"):
        sender.send(request(repeatable=False, url=server.url))
    assert server.accepted == 1


def test_a_creation_that_never_left_is_tried_again(sender):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(UnreachableError, match="refused"):
        sender.send(request(repeatable=False, url=f"http://127.0.0.1:{port}/x"))
    assert sender.calls == {"POST contents": 3}


def test_a_name_that_does_not_exist_is_said_so(sender):
    with pytest.raises(UnreachableError, match="name not known"):
        sender.send(request(url="http://nowhere.invalid/x"))


@pytest.mark.parametrize("url", ["nonsense", "http://", "gopher://host/", f"http://{'a' * 70}.b/", "http://a..b/"])
def test_an_address_that_cannot_be_called_is_not_tried_again(url, sender):
    with pytest.raises(WrongAddressError):
        sender.send(request(url=url))
    assert sender.slept == []


class Counter:
    """An HTTP/1.1 server that keeps its connections, tells what it was sent, and sets a cookie that counts."""

    def __init__(self):
        seen = self.seen = []
        connections = self.connections = set()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                connections.add(self.client_address)
                seen.append((self.path, dict(self.headers), body))
                self.send_response(200)
                self.send_header("Set-Cookie", f"session=s{len(seen)}; Path=/")
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            do_GET = do_PUT = do_DELETE = do_POST

            def log_message(self, *_arguments):
                """Be quiet."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/x"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def cookies(self):
        return [headers.get("Cookie") for _path, headers, _body in self.seen]


@pytest.fixture
def counter():
    made = Counter()
    yield made
    made.server.shutdown()
    made.server.server_close()


def test_cookies_come_back_over_one_kept_connection_until_they_are_forgotten(counter, sender):
    """What stands before a console keeps a login on one of its machines by a cookie."""
    for _request in range(3):
        assert sender.send(request(url=counter.url)).data == {}
    sender.forget_cookies()
    sender.send(request(url=counter.url))
    assert counter.cookies() == [None, "session=s1", "session=s2", None]
    assert len(counter.connections) == 1


def test_what_is_sent_is_what_was_asked_for_and_nothing_more(counter, sender):
    sender.send(Request("GET", counter.url, "GET x", params={"filter": 'name eq "a&b ü"'}, headers={"X-One": "1"}))
    sender.send(Request("POST", counter.url, "POST x", form={"user": "a b", "password": "c&d"}))
    sender.send(Request("PUT", counter.url, "PUT x", json={"ü": [1, None]}))
    sender.send(Request("DELETE", counter.url, "DELETE x"))
    paths, headers, bodies = zip(*counter.seen, strict=True)
    assert urllib.parse.parse_qs(urllib.parse.urlsplit(paths[0]).query) == {"filter": ['name eq "a&b ü"']}
    assert paths[1:] == ("/x", "/x", "/x")
    assert (bodies[0], bodies[1], json.loads(bodies[2]), bodies[3]) == (
        b"",
        b"user=a+b&password=c%26d",
        {"ü": [1, None]},
        b"",
    )
    assert [sent.get("Content-Type") for sent in headers] == [
        None,
        "application/x-www-form-urlencoded",
        "application/json",
        None,
    ]
    host = counter.url.split("/")[2]
    common = {"Host": host, "Accept": "application/json", "Accept-Encoding": "gzip, deflate"}
    common["User-Agent"] = "wxgov.sagemaker"
    assert {name: value for name, value in headers[0].items() if name != "X-One"} == common
    assert headers[0]["X-One"] == "1"


def test_a_netrc_file_does_not_replace_the_credentials(tmp_path, monkeypatch, peer, sender):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password netrc-secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    server = peer(answers)
    sender.send(Request("GET", server.url, "GET x", headers={"Authorization": "Bearer ours"}))
    assert b"Authorization: Bearer ours\r\n" in server.received


def test_a_redirect_is_not_followed(peer, sender):
    target = peer(answers)
    server = peer(lambda connection: connection.sendall(redirect_to(target.url)))
    assert sender.send(Request("GET", server.url, "GET x", headers={"Authorization": "Bearer ours"})).status == 302
    assert target.accepted == 0
