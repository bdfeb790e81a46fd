# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Routes, refusals and headers of the agent's site."""

from __future__ import annotations

import json
import re

import pytest

from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.serving import metrics
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.serving.access import TokenFile
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.serving.inside import Inside
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.serving.server import Request
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.serving.site import Site
from tests.harness.agent_views import NOW, troubled_agent

TOKEN = "a-token-of-some-length"
PATHS = ("/", "/style.css", "/script.js", "/api/status", "/metrics", "/healthz", "/readyz")


class OneView:
    """A source with the same view for ever."""

    def __init__(self, inside=None):
        self._inside = inside or Inside("running", 1, "", NOW, 8, 0)

    def view(self):
        return troubled_agent()

    def inside(self):
        return self._inside


def ask(site, path="/", method="GET", **headers):
    given = {"host": "localhost:9719", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return site(Request(method, path, given))


@pytest.fixture
def site():
    return Site(OneView(), token=None, check_host=True)


def test_every_path_answers_with_all_headers(site):
    types = {path: ask(site, path).content_type.partition(";")[0] for path in PATHS}
    assert types == {
        "/": "text/html",
        "/style.css": "text/css",
        "/script.js": "text/javascript",
        "/api/status": "application/json",
        "/metrics": "text/plain",
        "/healthz": "application/json",
        "/readyz": "application/json",
    }
    for path in (*PATHS, "/nothing"):
        headers = dict(ask(site, path).headers)
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none';")
        assert "unsafe" not in policy


def test_what_is_not_there_says_what_is(site):
    answer = ask(site, "/../etc/passwd")
    assert answer.status == 404
    assert all(path in answer.body.decode() for path in PATHS)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_nothing_can_be_changed(site, method):
    answer = ask(site, "/", method)
    assert (answer.status, dict(answer.headers)["Allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("path", PATHS)
def test_pages_of_other_sites_get_nothing(site, path):
    answer = ask(site, path, host="rebound.evil.example:9719")
    assert answer.status == 421
    assert b"lending-prod" not in answer.body


def test_health_is_told_by_the_status():
    stuck = Inside("running", 1, "", NOW, 8, 0, late={"intake:prod": 3.0})
    broken = Site(OneView(stuck), token=None, check_host=True)
    assert ask(broken, "/healthz").status == 503
    assert "intake:prod" in ask(broken, "/healthz").body.decode()
    assert ask(Site(OneView(), token=None, check_host=True), "/healthz").status == 200
    starting = Site(OneView(Inside("starting", 1, "", NOW, 8, 0)), token=None, check_host=True)
    assert (ask(starting, "/healthz").status, ask(starting, "/readyz").status) == (200, 503)


def test_with_a_token_no_path_and_no_method_answers_without_it(tmp_path):
    path = tmp_path / "token"
    path.write_text(TOKEN)
    path.chmod(0o600)
    guarded = Site(OneView(), token=TokenFile(path), check_host=False)
    for asked in (*PATHS, "/nothing"):
        for method in ("GET", "POST"):
            answer = ask(guarded, asked, method)
            assert answer.status == 401
            assert [value.partition(" ")[0] for name, value in answer.headers if name == "WWW-Authenticate"] == [
                "Bearer",
                "Basic",
            ]
    assert ask(guarded, "/healthz", authorization=f"Bearer {TOKEN}", host="any.example").status == 200
    path.chmod(0o644)
    answer = ask(guarded, "/healthz", authorization=f"Bearer {TOKEN}")
    assert answer.status == 503
    assert str(path) not in answer.body.decode()


def test_the_status_as_json(site):
    status = json.loads(ask(site, "/api/status").body)
    assert [trouble["severity"] for trouble in status["troubles"]] == ["critical", *["warning"] * 4]
    lending = status["connections"][1]
    assert lending["breaker"] == "open"
    assert lending["waiting"][0]["error"] == "The console refused the value of Owner: no such user."
    assert lending["backlog"]["oldest"] == "2026-11-22T12:26:40Z"
    assert status["runs"][0]["done"] == 6210

    def times(value, name=""):
        if isinstance(value, dict):
            return [found for key, member in value.items() for found in times(member, key)]
        if isinstance(value, list):
            return [found for member in value for found in times(member)]
        return [value] if (name.endswith("_at") or name in ("at", "oldest", "not_before", "dirty_since")) else []

    assert times(status)
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", at) for at in times(status) if at is not None)


def test_without_the_metrics_library_the_rest_works(monkeypatch):
    monkeypatch.setattr(metrics, "HAS_PROMETHEUS", False)
    site = Site(OneView(), token=None, check_host=True)
    answer = ask(site, "/metrics")
    assert answer.status == 501
    assert b'"prometheus-client" is missing' in answer.body
    assert ask(site, "/").status == ask(site, "/healthz").status == 200
