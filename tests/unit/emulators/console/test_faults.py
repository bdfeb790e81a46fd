# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults on demand: what a client sees, and whether the work was done."""

from __future__ import annotations

import socket
import time

import pytest
import requests

CLOCK = b'{"advance": 0}'
BODY = {"type_definition_id": "SOXBusEntity", "name": "E"}


def fault(api, **body):
    answer = api.control("POST", "faults", body)
    assert answer.status_code == 204, answer.text


def post(api):
    return api.call("POST", "contents", json=BODY)


def made(api) -> int:
    return len(api.emulator.objects())


def test_latency_delays_and_lets_through(api):
    fault(api, kind="latency", seconds=0.2)
    start = time.monotonic()
    assert post(api).status_code == 201
    assert time.monotonic() - start >= 0.2
    start = time.monotonic()
    post(api)
    assert time.monotonic() - start < 0.2


@pytest.mark.parametrize("status", [401, 403, 429, 500, 502, 503, 504])
def test_status(api, status):
    fault(api, kind="status", status=status)
    answer = post(api)
    assert answer.status_code == status
    assert "Retry-After" not in answer.headers
    assert made(api) == 0
    assert post(api).status_code == 201


def test_too_many_requests_with_retry_after(api):
    fault(api, kind="status", status=429, retry_after=1, times=2)
    assert [post(api).headers.get("Retry-After") for _unused in range(3)] == ["1", "1", None]


def test_html_with_status_200(api):
    fault(api, kind="html")
    answer = post(api)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert made(api) == 0


def test_redirect_to_the_login_page(api):
    fault(api, kind="redirect")
    answer = post(api)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/openpages/logon.jsp")
    assert made(api) == 0


def test_a_lost_answer_was_applied(api):
    fault(api, kind="lost_response")
    with pytest.raises(requests.ConnectionError):
        post(api)
    assert made(api) == 1
    assert post(api).json()["id"] == api.emulator.objects()[0]["id"]


def test_a_reset_connection_applied_nothing(api):
    fault(api, kind="reset")
    with pytest.raises(requests.ConnectionError):
        post(api)
    assert made(api) == 0
    assert post(api).status_code == 201


def test_a_cut_answer_was_applied(api):
    fault(api, kind="truncate")
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        post(api)
    assert made(api) == 1
    assert post(api).status_code == 201


def test_faults_hit_only_what_they_name(api):
    entity = api.create("SOXBusEntity", "E")["id"]
    fault(api, kind="status", match={"method": "PUT", "path": "contents"}, times=None)
    fault(api, kind="status", match={"path": "query"}, status=500, times=None)
    fault(api, kind="status", match={"path": f"contents/{entity}/associations"}, status=502, times=None)
    assert post(api).status_code == 201
    assert api.call("PUT", f"contents/{entity}", json=BODY).status_code == 503
    assert api.call("GET", "query?q=x").status_code == 500
    assert api.call("GET", f"contents/{entity}/associations").status_code == 502
    assert api.call("GET", f"contents/{entity}").status_code == 200
    assert api.control("DELETE", "faults").status_code == 204
    assert api.call("PUT", f"contents/{entity}", json=BODY).status_code == 200


def test_faults_can_be_about_the_token_endpoint(api):
    fault(api, kind="status", match={"path": "token"}, status=500)
    url = f"{api.emulator.url}/api/2.0/services/demo-instance/apikeys/token"
    answers = [requests.post(url, json={"apikey": "demo-api-key"}, timeout=5).status_code for _unused in range(2)]
    assert answers == [500, 200]


def test_a_fault_can_wait_for_its_turn(api):
    fault(api, kind="status", skip=2, times=2)
    assert [post(api).status_code for _unused in range(5)] == [201, 201, 503, 503, 201]


def test_faults_come_one_after_the_other(api):
    fault(api, kind="status", status=500)
    fault(api, kind="latency", seconds=0.01)
    fault(api, kind="html")
    assert [post(api).status_code for _unused in range(3)] == [500, 200, 201]


def test_faulty_requests_count(api):
    fault(api, kind="status", status=500, times=2)
    for _unused in range(3):
        post(api)
    assert api.emulator.calls() == {"POST contents": 3}
    assert [item["status"] for item in api.emulator.requests()] == [500, 500, 201]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"kind": "nonsense"},
        {"kind": "status", "status": "500"},
        {"kind": "html", "match": "contents"},
        {"kind": "html", "x": 1},
        {"kind": 5},
    ],
)
def test_faults_that_do_not_exist_are_refused(api, body):
    assert api.control("POST", "faults", body).status_code == 400


def test_a_client_that_waits_for_leave_to_send_its_body_gets_it(api):
    with socket.create_connection((api.emulator.host, api.emulator.port), timeout=5) as connection:
        head = (
            f"POST /_emulator/clock HTTP/1.1\r\nHost: x\r\nContent-Length: {len(CLOCK)}\r\nExpect: 100-continue\r\n\r\n"
        )
        connection.sendall(head.encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 100 ")
        connection.sendall(CLOCK)
        assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")


def test_a_body_without_length_is_refused(api):
    answer = api.call("POST", "contents", data=iter([b"{}"]))
    assert answer.status_code == 413


def test_a_stopped_console_refuses_connections_and_comes_back(api):
    entity = api.create("SOXBusEntity", "E")["id"]
    api.emulator.stop()
    try:
        with pytest.raises(requests.ConnectionError):
            api.get(entity)
        with pytest.raises(requests.ConnectionError):
            requests.get(f"{api.emulator.url}/_emulator/health", timeout=2)
    finally:
        api.emulator.start()
    assert api.get(entity)["id"] == entity
