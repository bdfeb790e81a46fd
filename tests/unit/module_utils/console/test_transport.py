# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of each fault: repeated, or one clear error; never an empty result."""

from __future__ import annotations

import socket

import pytest
import requests

from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.auth import authenticator
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.errors import (
    BadAnswerError,
    LoginRefusedError,
    NotFoundError,
    RefusedError,
    UnknownOutcomeError,
    UnreachableError,
    WrongAddressError,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.limiter import LIMITERS, Limiter
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.objects import NewObject, ObjectChange
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.query import Query, columns
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.sender import Answer
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.transport import Transport, error_text

ENTITIES = Query(columns("Resource ID", "Name"), "SOXBusEntity")
CHANGE = ObjectChange("SOXBusEntity", "Credit Risk", "Credit Risk", "Loans and cards")


def read(client, entity):
    assert [row["Name"] for row in client.select(ENTITIES)] == ["Credit Risk"]


def get(client, entity):
    assert client.get_object(entity.id) == entity


def update(client, entity):
    assert client.update_object(entity.id, CHANGE).description == "Loans and cards"


def link(client, entity):
    other = client.create_object(NewObject("SOXBusEntity", "Other"))
    case = client.create_object(NewObject("Register", "Churn", primary_parent_id=entity.id))
    client.associate(case.id, parents=[other.id])
    assert {parent.name for parent in client.parents(case.id)} == {"Credit Risk", "Other"}
    client.dissociate(case.id, parents=[other.id])
    assert {parent.name for parent in client.parents(case.id)} == {"Credit Risk"}


SAFE = {"POST query": read, "GET contents": get, "PUT contents": update}
LINKING = ("POST contents/", "DELETE contents/")


@pytest.mark.parametrize("label", SAFE)
@pytest.mark.parametrize(
    ("kind", "status"),
    [("status", 502), ("status", 503), ("status", 504), ("reset", 0), ("lost_response", 0), ("truncate", 0)],
)
def test_what_may_be_repeated_is(label, kind, status, client, entity, console, make_client):
    verb, path = label.split(" ")
    console.clear_calls()
    console.fault(kind, verb, path, status=status, times=2)
    SAFE[label](client, entity)
    assert console.calls()[label] == 3
    assert make_client.slept == [0.25, 0.5]


@pytest.mark.parametrize("verb", ["POST", "DELETE"])
@pytest.mark.parametrize("kind", ["reset", "lost_response", "truncate", "status"])
def test_linking_twice_is_as_linking_once(kind, verb, client, entity, console):
    console.fault(kind, verb, "contents/associations", times=1)
    link(client, entity)


def test_it_gives_up_in_the_end_and_says_so(client, entity, console):
    console.fault("status", "POST", "query", status=503, times=None)
    with pytest.raises(RefusedError, match="503.*Injected fault") as error:
        read(client, entity)
    assert error.value.status == 503
    console.faults.clear()
    console.fault("reset", "POST", "query", times=None)
    with pytest.raises(UnreachableError, match="5 attempts"):
        read(client, entity)


def test_too_many_requests_are_slowed_down_as_asked(client, entity, console, make_client):
    console.fault("status", "POST", "query", status=429, retry_after=7, times=1)
    console.fault("status", "POST", "query", status=429, retry_after=3600, times=1)
    console.fault("status", "POST", "query", status=429, times=1)
    read(client, entity)
    assert make_client.slept == [7.0, 60.0, 1.0]


def test_a_creation_refused_as_one_too_many_is_repeated(client, entity, console):
    console.fault("status", "POST", "contents", status=429, retry_after=1, times=2)
    client.create_object(NewObject("SOXBusEntity", "Second"))
    assert len(console.objects("SOXBusEntity")) == 2


@pytest.mark.parametrize("kind", ["reset", "lost_response", "truncate", "html", "status"])
def test_a_creation_whose_answer_is_lost_is_never_repeated(kind, client, entity, console):
    console.clear_calls()
    console.fault(kind, "POST", "contents", status=504, times=1)
    with pytest.raises(UnknownOutcomeError, match="not known whether POST contents was done"):
        client.create_object(NewObject("SOXBusEntity", "Second"))
    assert console.calls() == {"POST contents": 1}
    happened = kind in ("lost_response", "truncate")
    names = {row["Name"] for row in client.select(ENTITIES)}
    assert names == ({"Credit Risk", "Second"} if happened else {"Credit Risk"})


def test_a_slow_answer_is_waited_for_only_so_long(client, entity, console):
    console.fault("latency", "GET", "contents", seconds=1.3, times=1)
    get(client, entity)
    assert console.calls()["GET contents"] == 2


def test_an_expired_token_is_replaced_once_without_anybody_noticing(client, entity, console):
    console.clear_calls()
    console.clock.advance(4000)
    read(client, entity)
    client.create_object(NewObject("SOXBusEntity", "Second"))
    assert console.calls() == {"POST query": 2, "POST token": 1, "POST contents": 1}


def test_a_token_is_replaced_before_it_expires(make_client, console):
    now = [0.0]
    client = make_client(clock=lambda: now[0])
    client.types()
    now[0] = 3541.0
    list(client.select(ENTITIES))
    assert console.calls() == {"POST token": 2, "GET types": 1, "POST query": 1}


def test_a_login_that_is_never_good_enough_ends_after_one_more_try(client, entity, console):
    console.clear_calls()
    console.fault("status", "POST", "query", status=401, times=None)
    with pytest.raises(LoginRefusedError, match="mcsp.*401"):
        read(client, entity)
    assert console.calls() == {"POST query": 2, "POST token": 1}


@pytest.mark.parametrize(("kind", "reason"), [("html", "web page"), ("redirect", "redirects to /openpages/logon.jsp")])
@pytest.mark.parametrize("call", [read, get, update])
def test_a_login_page_is_an_error_that_names_the_address(kind, reason, call, client, entity, console):
    console.clear_calls()
    console.fault(kind, times=1)
    with pytest.raises(WrongAddressError, match=reason) as error:
        call(client, entity)
    assert f"{console.url}/opgrc/api/v2/" in str(error.value)
    assert sum(console.calls().values()) == 1


def test_an_address_beside_the_api_redirects(make_client, console):
    client = make_client(url=f"{console.url}/governance/opgrc")
    with pytest.raises(WrongAddressError, match=f"{console.url}/governance/opgrc/api/v2/types redirects"):
        client.types()


def test_a_web_page_of_status_404_is_not_a_missing_object(client, entity, console, monkeypatch):
    page = Answer(404, {}, "<html>no such page</html>")
    monkeypatch.setattr(client.transport._sender, "send", lambda request: page)
    with pytest.raises(WrongAddressError):
        client.get_object("1")


def test_refusals_carry_the_consoles_words(client, entity):
    with pytest.raises(RefusedError, match="NoSuchField") as error:
        list(client.select(Query(columns("NoSuchField"), "Model")))
    assert error.value.status == 400
    with pytest.raises(NotFoundError):
        client.update_object("999999", CHANGE)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"message": "Bad thing."}, "Bad thing"),
        ({"error": "x", "message": "y"}, "y; x"),
        ({"errors": [{"message": "one"}, {"message": "two"}, {"message": "one"}]}, "one; two"),
        ({"error": {"code": "E1", "message": "inner"}}, "inner"),
        ({"code": "CODE-7"}, "CODE-7"),
        (["a", {"message": "b\n  c"}], "a; b c"),
        ({"other": 1}, ""),
        (None, ""),
        (5, ""),
    ],
)
def test_error_texts_of_any_shape(body, words):
    assert error_text(Answer(400, {}, "", body, is_json=True)) == words


def test_a_secret_that_the_console_sends_back_is_hidden(make_client, console, monkeypatch):
    client = make_client()
    client.types()
    token = client.transport._keeper.known()
    echo = Answer(400, {}, "", {"message": f"bad header Bearer {token}, key demo-api-key"}, is_json=True)
    monkeypatch.setattr(client.transport._sender, "send", lambda request: echo)
    with pytest.raises(RefusedError) as error:
        client.type_definition("Model")
    assert token not in str(error.value)
    assert "demo-api-key" not in str(error.value)
    assert "bad header" in str(error.value)


def test_calls_are_counted_as_the_console_counts_them(client, entity, console):
    read(client, entity)
    link(client, entity)
    get(client, entity)
    client.find_user("svc")
    assert client.calls == console.calls()


def test_truncated_answers_that_stay_truncated_are_no_empty_result(client, entity, console):
    console.fault("truncate", "POST", "query", times=None)
    with pytest.raises((BadAnswerError, UnreachableError)):
        read(client, entity)


class Recorder:
    """A pacer that only remembers."""

    def __init__(self):
        self.seen = []

    def before(self):
        self.seen.append("before")

    def after(self, sign):
        self.seen.append(sign.value)


def test_a_pacer_is_asked_before_each_request_and_told_of_throttling(console):
    pacer = Recorder()
    login = authenticator("basic", username="svc", password="demo-password")
    transport = Transport(console.url, login, pacer=pacer, sleep=lambda seconds: None)
    console.fault("status", "GET", "types", status=429, times=1)
    transport.request("GET", "types", "GET types")
    transport.close()
    assert pacer.seen == ["before", "throttled", "before", "answered"]


@pytest.mark.parametrize(("host", "seen"), [("127.0.0.1", 2), ("localhost", 1)])
def test_the_consoles_pacer_paces_the_login_only_at_the_consoles_own_origin(host, seen, console):
    pacer = Recorder()
    login = authenticator(
        "mcsp", api_key="demo-api-key", instance_id="demo-instance", token_url=f"http://{host}:{console.port}"
    )
    transport = Transport(console.url, login, pacer=pacer)
    transport.request("GET", "types", "GET types")
    transport.close()
    assert pacer.seen == ["before", "answered"] * seen
    assert transport.calls == {"POST token": 1, "GET types": 1}


def test_a_silent_token_server_opens_its_own_breaker_and_not_the_consoles(console):
    with socket.create_server(("127.0.0.1", 0)) as free:
        silent = f"http://127.0.0.1:{free.getsockname()[1]}"
    limiter = Limiter(console.url)
    login = authenticator("mcsp", api_key="demo-api-key", instance_id="demo-instance", token_url=f"{silent}/")
    transport = Transport(console.url, login, pacer=limiter, sleep=lambda seconds: None)
    with pytest.raises(UnreachableError, match=silent):
        transport.request("GET", "types", "GET types")
    assert (limiter.state().breaker, limiter.state().failures) == ("closed", 0)
    assert (LIMITERS.states()[silent].breaker, LIMITERS.states()[silent].failures) == ("open", 5)


def test_a_token_that_cannot_be_sent_is_an_error(make_client, monkeypatch):
    client = make_client()
    odd = Answer(200, {}, "", {"token": "a\r\nX-Evil: 1"}, is_json=True)
    monkeypatch.setattr(client.transport._sender, "send", lambda request: odd)
    with pytest.raises(BadAnswerError, match="cannot be sent"):
        client.types()


def test_a_redirect_to_nowhere_is_still_a_redirect(client, monkeypatch):
    for location in ("http://[bad", "", "https://sso.example.com/login?session=secret-1"):
        answer = Answer(302, {"location": location}, "")
        monkeypatch.setattr(client.transport._sender, "send", lambda request, answer=answer: answer)
        with pytest.raises(WrongAddressError, match="redirects to") as error:
            client.transport.request("GET", "types", "GET types")
        assert "secret-1" not in str(error.value)


def test_the_connections_are_kept(client, entity, console):
    before = len(client.transport._sender._lines)
    for _unused in range(5):
        get(client, entity)
    assert len(client.transport._sender._lines) == before == 1
    assert requests.get(f"{console.url}/_emulator/health", timeout=5).status_code == 200
