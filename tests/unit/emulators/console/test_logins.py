# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ways in, and what happens to those who have none."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import pytest
import requests

MCSP = "api/2.0/services/demo-instance/apikeys/token"
KEY = {"apikey": "demo-api-key"}


def claims(token: str) -> dict[str, Any]:
    part = token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))))


def test_service_token_opens_the_api_and_carries_its_end(console):
    answer = requests.post(f"{console.url}/{MCSP}", json=KEY, timeout=5).json()
    assert abs(claims(answer["token"])["exp"] - time.time() - 3600) < 30
    assert answer["expires_in"] == 3600
    types = requests.get(
        f"{console.url}/opgrc/api/v2/types", headers={"Authorization": f"Bearer {answer['token']}"}, timeout=5
    )
    assert types.status_code == 200


@pytest.mark.parametrize(
    ("path", "request_options", "key"),
    [
        ("api/2.0/accounts/demo-account/apikeys/token", {"json": KEY}, "token"),
        ("api/2.0/subscriptions/demo-subscription/apikeys/token?includeRoles=true", {"json": KEY}, "token"),
        (
            "identity/token",
            {"data": {"grant_type": "urn:ibm:params:oauth:grant-type:apikey", "apikey": "demo-api-key"}},
            "access_token",
        ),
        ("icp4d-api/v1/authorize", {"json": {"username": "svc", "password": "demo-password"}}, "token"),
        ("icp4d-api/v1/authorize", {"json": {"username": "svc", "api_key": "demo-api-key"}}, "token"),
    ],
)
def test_every_token_endpoint_gives_a_token_that_works(api, path, request_options, key):
    answer = requests.post(f"{api.emulator.url}/{path}", timeout=5, **request_options)
    assert answer.status_code == 200
    api.session.headers["Authorization"] = f"Bearer {answer.json()[key]}"
    assert api.call("GET", "types").status_code == 200


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (MCSP, {"apikey": "wrong"}, 401),
        (MCSP, {}, 401),
        ("api/2.0/services/other/apikeys/token", KEY, 404),
        ("api/2.0/accounts/demo-instance/apikeys/token", KEY, 404),
        ("icp4d-api/v1/authorize", {"username": "svc", "password": "wrong"}, 401),
        ("icp4d-api/v1/authorize", {"username": "other", "password": "demo-password"}, 401),
        ("identity/token", {}, 400),
    ],
)
def test_wrong_credentials_get_no_token(console, path, body, status):
    answer = requests.post(f"{console.url}/{path}", json=body, timeout=5)
    assert answer.status_code == status
    assert "demo-api-key" not in answer.text


@pytest.mark.parametrize(
    ("scheme", "pair", "status"),
    [
        ("Basic", "svc:demo-password", 200),
        ("Basic", "svc:demo-api-key", 401),
        ("ZenApiKey", "svc:demo-api-key", 200),
        ("ZenApiKey", "svc:demo-password", 401),
        ("Digest", "svc:demo-password", 401),
    ],
)
def test_authorization_headers(api, scheme, pair, status):
    api.session.headers["Authorization"] = f"{scheme} {base64.b64encode(pair.encode()).decode()}"
    assert api.call("GET", "types").status_code == status


@pytest.mark.parametrize("value", ["Bearer ", "Bearer a.b.c", "Bearer x", "Basic ???", "Basic", "nonsense"])
def test_broken_sessions_get_401(api, value):
    api.session.headers["Authorization"] = value
    answer = api.call("GET", "types")
    assert answer.status_code == 401
    assert answer.json()["message"]


def test_a_token_ends_with_its_time(api):
    api.emulator.clock.advance(3590)
    assert api.call("GET", "types").status_code == 200
    api.emulator.clock.advance(20)
    assert api.call("GET", "types").status_code == 401
    api.log_in()
    assert api.call("GET", "types").status_code == 200


def test_a_forged_end_of_a_token_is_not_believed(api):
    head, _unused, signature = api.session.headers["Authorization"].removeprefix("Bearer ").split(".")
    forged = base64.urlsafe_b64encode(json.dumps({"sub": "svc", "exp": 9**12}).encode()).decode().rstrip("=")
    api.session.headers["Authorization"] = f"Bearer {head}.{forged}.{signature}"
    assert api.call("GET", "types").status_code == 401


def test_tokens_can_be_revoked(api):
    assert api.control("DELETE", "tokens").status_code == 204
    assert api.call("GET", "types").status_code == 401


def test_a_rotated_secret_shuts_the_old_one_and_its_tokens_out(console):
    console.rotate_secrets(api_key="new-key")
    login = f"{console.url}/api/2.0/services/demo-instance/apikeys/token"
    assert requests.post(login, json={"apikey": "demo-api-key"}, timeout=5).status_code == 401
    token = requests.post(login, json={"apikey": "new-key"}, timeout=5).json()["token"]
    types = f"{console.url}/opgrc/api/v2/types"
    assert requests.get(types, headers={"Authorization": f"Bearer {token}"}, timeout=5).status_code == 200
    old = requests.post(f"{console.url}/_emulator/secrets", json={"password": "new-password"}, timeout=5)
    assert old.status_code == 204
    assert requests.get(types, headers={"Authorization": f"Bearer {token}"}, timeout=5).status_code == 401
    assert requests.get(types, auth=("svc", "demo-password"), timeout=5).status_code == 401
    assert requests.get(types, auth=("svc", "new-password"), timeout=5).status_code == 200
    for body in ({}, {"token": "x"}, {"api_key": 5}, {"password": ""}):
        assert requests.post(f"{console.url}/_emulator/secrets", json=body, timeout=5).status_code == 400


def test_an_inactive_user_is_out(api):
    api.emulator.add_user("svc", "svc@example.com", active=False)
    assert api.call("GET", "types").status_code == 401


def test_no_session_at_all_is_sent_to_the_login_page(api):
    del api.session.headers["Authorization"]
    answer = api.call("GET", "types")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/openpages/logon.jsp")
    assert answer.headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize("path", ["v2/types", "grc/api/types", "opgrc/api/v3/types", "opgrc/v2/types"])
def test_a_wrong_context_path_is_sent_to_the_login_page(api, path):
    answer = api.session.get(f"{api.emulator.url}/{path}", allow_redirects=False, timeout=5)
    assert answer.status_code == 302
    followed = api.session.get(f"{api.emulator.url}/{path}", timeout=5)
    assert followed.status_code == 200
    assert "<html>" in followed.text


def test_the_context_path_of_cloud_pak_for_data_works_too(api):
    answer = api.session.get(f"{api.emulator.url}/openpages-inst-opgrc/api/v2/types", timeout=5)
    assert "types" in answer.json()


def test_a_token_endpoint_may_answer_with_the_token_alone(api):
    api.emulator.switch(token_minimal=True, token_seconds=60)
    answer = requests.post(f"{api.emulator.url}/{MCSP}", json=KEY, timeout=5).json()
    assert list(answer) == ["token"]
    assert claims(answer["token"])["exp"] - claims(answer["token"])["iat"] == 60
