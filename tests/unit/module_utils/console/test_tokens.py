# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""One token for all threads, replaced before it expires."""

from __future__ import annotations

import base64
import json
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.errors import (
    BadAnswerError,
    CircuitOpenError,
    LoginRefusedError,
    RefusedError,
    SecretUnreadableError,
    UnreachableError,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.tokens import (
    Token,
    TokenKeeper,
    jwt_claims,
    lifetime_of,
    refresh_time,
)


def jwt(**claims):
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"head.{payload}.signature"


@pytest.mark.parametrize(
    ("answer", "token", "lifetime"),
    [
        ({"expires_in": 3600}, "opaque", 3600),
        ({"expires_in": "3600"}, "opaque", 3600),
        ({"expires_in": 60}, jwt(exp=5000, iat=1000), 60),
        ({}, jwt(exp=5000, iat=1400), 3600),
        ({}, jwt(exp=5000), 4000),
        ({}, jwt(sub="me"), None),
        ({"expires_in": True}, "a.b.c", None),
        ({}, "opaque", None),
    ],
)
def test_a_tokens_life_is_read_where_it_is_stated(answer, token, lifetime):
    assert lifetime_of(answer, token, now=1000.0) == lifetime


@pytest.mark.parametrize(("lifetime", "at"), [(3600, 100 + 3540), (100, 100 + 90), (None, None), (0, None), (-5, None)])
def test_a_token_is_replaced_before_its_end(lifetime, at):
    assert refresh_time(100.0, lifetime) == at


def test_the_keeper_fetches_once_until_then():
    now, fetched = [0.0], []

    def fetch():
        fetched.append(now[0])
        return Token(f"token-{len(fetched)}", 3600)

    keeper = TokenKeeper(fetch, lambda: now[0])
    assert [keeper.current(), keeper.current()] == ["token-1", "token-1"]
    now[0] = 3539.0
    assert keeper.current() == "token-1"
    now[0] = 3540.0
    assert keeper.current() == "token-2"


class Server:
    """Gives tokens of 3600 s; while it has a problem it takes ``seconds`` to raise that instead."""

    def __init__(self):
        self.now = 0.0
        self.asked = []
        self.problem = None
        self.seconds = 0.0
        self.keeper = TokenKeeper(self.fetch, lambda: self.now)

    def fetch(self):
        self.asked.append(self.now)
        if self.problem:
            self.now += self.seconds
            raise self.problem
        return Token(f"token-{len(self.asked)}", 3600)

    def at(self, now):
        self.now = now
        return self.keeper.current()


OUTAGES = [UnreachableError("no answer"), CircuitOpenError("not asked"), RefusedError("503", 503)]


@pytest.mark.parametrize("problem", OUTAGES)
def test_a_token_that_cannot_be_replaced_early_serves_to_its_end(problem):
    server = Server()
    server.at(0.0)
    server.problem = problem
    assert [server.at(now) for now in (3540.0, 3541.0, 3544.9, 3545.0, 3598.0, 3599.9)] == ["token-1"] * 6
    assert server.asked == [0.0, 3540.0, 3545.0, 3598.0]
    with pytest.raises(type(problem)):
        server.at(3600.0)
    server.problem = None
    assert server.at(3600.5) == "token-6"


def test_a_token_that_expires_while_the_next_is_asked_for_is_not_handed_out():
    server = Server()
    server.at(0.0)
    server.problem, server.seconds = UnreachableError("no answer"), 165.0
    with pytest.raises(UnreachableError):
        server.at(3550.0)


def test_after_an_outage_the_next_token_is_fetched_and_kept():
    server = Server()
    server.at(0.0)
    server.problem = UnreachableError("no answer")
    server.at(3540.0)
    server.problem = None
    assert [server.at(3544.0), server.at(3545.0), server.at(7084.0)] == ["token-1", "token-3", "token-3"]


@pytest.mark.parametrize("problem", [LoginRefusedError("no"), SecretUnreadableError("where?"), BadAnswerError("odd")])
def test_what_is_no_outage_is_told_at_once(problem):
    server = Server()
    server.at(0.0)
    server.problem = problem
    with pytest.raises(type(problem)):
        server.at(3540.0)


def test_a_token_that_was_refused_is_not_handed_out_in_an_outage():
    server = Server()
    server.keeper.drop(server.at(0.0))
    server.problem = UnreachableError("no answer")
    with pytest.raises(UnreachableError):
        server.at(1.0)


def test_dropping_an_old_token_keeps_the_new_one():
    tokens = iter("abc")
    keeper = TokenKeeper(lambda: Token(next(tokens)), lambda: 0.0)
    old = keeper.current()
    keeper.drop(old)
    assert keeper.current() == "b"
    keeper.drop(old)
    assert keeper.current() == "b"


def test_threads_that_need_a_token_at_once_share_one_login():
    started = threading.Barrier(8)
    fetched = []

    def fetch():
        fetched.append(1)
        return Token("t", 3600)

    keeper = TokenKeeper(fetch, lambda: 0.0)

    def ask():
        started.wait()
        keeper.current()

    threads = [threading.Thread(target=ask) for _unused in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(fetched) == 1


@given(st.text())
def test_any_text_is_a_token_whose_claims_may_be_unknown(text):
    assert isinstance(jwt_claims(text), dict)


@given(st.dictionaries(st.text(), st.integers() | st.text()))
def test_claims_are_read_as_they_were_written(claims):
    assert jwt_claims(jwt(**{f"_{name}": value for name, value in claims.items()})) == {
        f"_{name}": value for name, value in claims.items()
    }
