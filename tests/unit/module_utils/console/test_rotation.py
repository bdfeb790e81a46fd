# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""A secret rotated under a living client: the next call works, with one login; a wrong one is not sent for long."""

from __future__ import annotations

import os
import threading

import pytest

from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.errors import (
    LoginRefusedError,
    RefusedError,
    SecretUnreadableError,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.refusals import Refusals

TOKEN_METHODS = {
    "mcsp": {"instance_id": "demo-instance"},
    "mcsp_account": {"instance_id": "demo-account"},
    "ibm_cloud": {},
    "cp4d": {"username": "svc"},
}
HEADER_METHODS = {"zen_api_key": {"username": "svc"}, "basic": {"username": "svc"}}
METHODS = TOKEN_METHODS | HEADER_METHODS
PASSWORDS = ("cp4d", "basic")


class Keeper:
    """One place that a secret is kept in, for all kinds of places."""

    def __init__(self, kind, name, tmp_path, monkeypatch):
        self.kind, self.name = kind, name
        self.path = tmp_path / "secret"
        self.monkeypatch = monkeypatch
        self.stored = ""
        self.reads = 0

    def put(self, value):
        """Replace the secret as the tools for it do: files as a whole."""
        self.stored = value
        self.monkeypatch.setenv("MY_SECRET", value)
        new = self.path.with_suffix(".new")
        new.write_text(value)
        new.chmod(0o600)
        os.replace(new, self.path)

    def fetch(self, secret_id):
        self.reads += 1
        return self.stored

    @property
    def option(self):
        value = {"file": str(self.path), "env": "MY_SECRET", "secret": "team/console"}[self.kind]
        return {f"{self.name}_{self.kind}": value}


@pytest.fixture
def kept(make_client, console, tmp_path, monkeypatch):
    """Makes a client whose secret is kept somewhere, logged in once; gives it and the place."""

    def make(method, kind="file", clock=lambda: 0.0):
        name = "password" if method in PASSWORDS else "api_key"
        place = Keeper(kind, name, tmp_path, monkeypatch)
        place.put("demo-password" if method in PASSWORDS else "demo-api-key")
        url = {"token_url": console.url} if method in TOKEN_METHODS else {}
        options = METHODS[method] | url | place.option
        client = make_client(method=method, fetch_secret=place.fetch, clock=clock, **options)
        client.types()
        console.clear_calls()
        place.reads = 0
        return client, place

    return make


def rotate(console, method, value="rotated"):
    console.rotate_secrets(**{"password" if method in PASSWORDS else "api_key": value})


@pytest.mark.parametrize("kind", ["file", "env", "secret"])
@pytest.mark.parametrize("method", METHODS)
def test_a_rotated_secret_is_picked_up_by_the_next_call(method, kind, kept, console):
    client, place = kept(method, kind)
    place.put("rotated")
    rotate(console, method)
    assert client.find_user("svc").user_name == "svc"
    assert console.calls().get("POST token", 0) == (method in TOKEN_METHODS)
    # A change of a file or variable shows before the old secret is sent; one of a store only once that is refused.
    is_noticed = method in HEADER_METHODS and kind != "secret"
    assert console.calls()["GET scim/Users"] == (1 if is_noticed else 2)
    assert place.reads == (kind == "secret")
    console.clear_calls()
    client.find_user("svc")
    assert console.calls() == {"GET scim/Users": 1}
    assert place.reads <= 1


@pytest.mark.parametrize("method", METHODS)
def test_a_source_with_the_old_secret_is_one_clear_error_and_no_storm(method, kept, console):
    now = [0.0]
    client, place = kept(method, clock=lambda: now[0])
    rotate(console, method)
    told = []
    for _attempt in range(20):
        with pytest.raises(LoginRefusedError) as error:
            client.find_user("svc")
        told.append(str(error.value))
    sent = console.calls()
    assert sent == ({"GET scim/Users": 1, "POST token": 1} if method in TOKEN_METHODS else {"GET scim/Users": 3})
    assert f"until the secret changes (the file {place.path})" in told[-1]
    assert all(method in text for text in told)
    assert not any(secret in text for text in told for secret in ("demo-api-key", "demo-password"))

    place.put("rotated")
    assert client.find_user("svc") is not None, "the new secret is held back with the old one"


def test_what_is_held_back_is_tried_again_ever_more_rarely(kept, console):
    now = [0.0]
    client, _unused = kept("mcsp", clock=lambda: now[0])
    rotate(console, "mcsp")
    tried = []
    while now[0] < 2000:
        before = console.calls().get("POST token", 0)
        with pytest.raises(LoginRefusedError):
            client.find_user("svc")
        if console.calls().get("POST token", 0) > before:
            tried.append(now[0])
        now[0] += 5.0
    assert tried == [0, 5, 15, 35, 75, 155, 315, 615, 915, 1215, 1515, 1815]
    console.rotate_secrets(api_key="demo-api-key")
    now[0] += 300.0
    assert client.find_user("svc") is not None
    console.revoke_tokens()
    assert client.find_user("svc") is not None, "a secret that is good again is still held back"


def test_threads_that_meet_a_rotation_at_once_log_in_once(kept, console):
    client, place = kept("mcsp")
    place.put("rotated")
    rotate(console, "mcsp")
    barrier, failed = threading.Barrier(8), []

    def work():
        barrier.wait()
        try:
            client.find_user("svc")
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=work) for _unused in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert console.calls()["POST token"] == 1


def test_a_secret_that_is_gone_is_said_so_and_found_when_it_is_back(kept, console):
    client, place = kept("mcsp")
    console.revoke_tokens()
    place.path.unlink()
    with pytest.raises(SecretUnreadableError, match="No such file"):
        client.find_user("svc")
    assert "POST token" not in console.calls()
    place.put("demo-api-key")
    assert client.find_user("svc") is not None


def test_a_refused_request_alone_does_not_hold_back_what_others_are_answered(kept, console):
    """A console that answers 401 for one resource must not be shut out by that."""
    client, _unused = kept("basic")
    console.fault("status", "GET", "contents", status=401, times=None)
    for _attempt in range(5):
        with pytest.raises(LoginRefusedError):
            client.get_object("1")
        assert client.find_user("svc") is not None
    assert console.calls() == {"GET contents": 5, "GET scim/Users": 5}


def test_other_refusals_say_nothing_of_the_secret(kept, console):
    client, _unused = kept("basic")
    console.fault("status", "GET", "contents", status=403, times=None)
    for _attempt in range(5):
        with pytest.raises(RefusedError):
            client.get_object("1")
    assert console.calls() == {"GET contents": 5}


def test_of_two_secrets_only_the_refused_one_is_held_back():
    now = [0.0]
    refusals = Refusals(lambda: now[0])
    refusals.refused("old", "No.", at_login=True)
    refusals.check("new", "here")
    with pytest.raises(LoginRefusedError, match=r"^No\. It is not tried again for 5 s, or until .* \(here\)\.$"):
        refusals.check("old", "here")
    refusals.accepted("other")
    with pytest.raises(LoginRefusedError):
        refusals.check("old", "here")
    refusals.refused("new", "No.", at_login=False)
    refusals.check("new", "here")
    refusals.accepted("new")
    refusals.refused("new", "No.", at_login=False)
    refusals.refused("new", "No.", at_login=False)
    refusals.check("new", "here")
    refusals.refused("new", "No.", at_login=False)
    with pytest.raises(LoginRefusedError):
        refusals.check("new", "here")
