# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which connections are worked on, whatever becomes of their store: a directory, or Secrets Manager in the emulator."""

from __future__ import annotations

import dataclasses
import gc
import os
import pathlib
import threading

import boto3
import pytest

from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.roster import Roster, Scope
from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.errors import ConnectionStoreError
from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.secrets_store import DEFAULT_PREFIX
from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.serialization import dumps
from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.stores import StoreSettings, open_store
from tests.integration.agent.support import make_connection, wait_until

REGION = "eu-central-1"


class Place:
    """A store, and a roster that looks at it; ``wanted`` is the last news."""

    def __init__(self, settings, share, environment):
        self.settings = settings
        self.store = open_store(settings)
        self.news = []
        self.opener = open_store
        self.environment = environment
        self.roster = Roster(
            Scope(settings, share, 3600), self.news.append, open_store=self.open, environment=environment
        )

    def open(self, settings):
        return self.opener(settings)

    def save(self, *names, **changes):
        """Save connections; each has a business entity and an account of its own, as the stores want it."""
        for name in names:
            own = {"business_entity_id": f"9{ord(name[0])}", "account_id": f"{ord(name[0]):012}"}
            self.store.save(make_connection(f"https://sqs/{name}.fifo", name, **{**own, **changes}))

    def put(self, name, text):
        """Write the document of a connection that is there already, past the store."""
        if self.settings.kind == "directory":
            (self.store.path / f"{name}.json").write_text(text)
        else:
            client = boto3.client("secretsmanager", region_name=REGION)
            client.put_secret_value(SecretId=f"{DEFAULT_PREFIX}{name}", SecretString=text)

    def look(self):
        self.roster.look()
        return self.wanted

    def reopen(self, opener):
        """Let the roster have another store at its next look."""
        self.opener = opener
        self.roster.refresh(Scope(self.settings, None, 3600))

    @property
    def wanted(self):
        return self.news[-1] if self.news else None


@pytest.fixture
def cloud(aws, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.endpoint_url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "111122223333")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    return aws


@pytest.fixture
def make_place(tmp_path):
    def make(kind="directory", share=None):
        (tmp_path / "c").mkdir(exist_ok=True)
        settings = StoreSettings(kind=kind, directory=str(tmp_path / "c"), region=REGION)
        return Place(settings, share, {"HOME": str(tmp_path)})

    return make


@pytest.fixture(params=["directory", "secretsmanager"])
def place(request, cloud, make_place):
    return make_place(request.param)


def test_enabled_connections_are_wanted_and_all_are_known(place):
    place.save("a", "b")
    place.save("off", enabled=False)
    wanted = place.look()
    assert list(wanted.enabled) == ["a", "b"]
    assert wanted.known == {"a", "b", "off"}
    assert wanted.enabled["a"] == place.store.load("a")


def test_there_is_news_only_when_something_has_changed(place):
    place.save("a")
    for _time in range(3):
        place.look()
    assert len(place.news) == 1
    place.save("a", description="another text")
    assert place.look().enabled["a"].description == "another text"
    place.store.remove("a")
    assert place.look().known == frozenset()
    assert len(place.news) == 3


def test_a_broken_connection_is_the_one_in_use_until_it_is_mended(place):
    place.save("a", "b")
    before = place.look()
    place.put("a", "{")
    place.look()
    assert place.wanted == before
    assert list(place.roster.problems) == ["a"]
    place.put("a", dumps(dataclasses.replace(before.enabled["a"], description="mended")))
    assert place.look().enabled["a"].description == "mended"
    assert place.roster.problems == {}


def test_a_connection_that_was_broken_from_the_start_is_not_started_and_known(place):
    place.save("a", "b")
    place.put("a", "{")
    wanted = place.look()
    assert list(wanted.enabled) == ["b"]
    assert wanted.known == {"a", "b"}, "what is in the journal for it is kept"


def test_a_share_leaves_the_others_to_stand_by_and_names_what_is_missing(make_place):
    place = make_place(share=("b", "gone"))
    place.save("a", "b")
    place.save("off", enabled=False)
    wanted = place.look()
    assert (list(wanted.enabled), wanted.standby, wanted.known) == (["b"], ("a",), {"a", "b", "off"})
    assert list(place.roster.problems) == ["gone"]


def test_another_share_is_taken_over_at_the_next_look(make_place):
    place = make_place(share=("a",))
    place.save("a", "b")
    place.look()
    place.roster.refresh(Scope(place.settings, None, 3600))
    wanted = place.look()
    assert (list(wanted.enabled), wanted.standby) == (["a", "b"], ())


def test_a_store_out_of_reach_changes_nothing_and_is_tried_again(make_place):
    place = make_place()
    place.save("a")
    place.look()

    def refuse(settings):
        raise ConnectionStoreError("Secrets Manager cannot be asked.")

    place.reopen(refuse)
    place.look()
    assert len(place.news) == 1
    assert place.roster.problems == {"": "Secrets Manager cannot be asked."}
    place.reopen(open_store)
    place.save("b")
    assert list(place.look().enabled) == ["a", "b"]
    assert place.roster.problems == {}


def test_no_error_of_a_store_ends_the_look(make_place):
    place = make_place()
    place.save("a")
    place.look()

    def fail(settings):
        raise PermissionError("no")

    place.reopen(fail)
    place.look()
    assert place.roster.problems == {"": "PermissionError: no"}
    assert len(place.news) == 1


def test_a_directory_that_is_gone_is_not_one_without_connections(make_place, tmp_path):
    place = make_place()
    place.save("a")
    place.look()
    (tmp_path / "c").rename(tmp_path / "elsewhere")
    place.look()
    assert len(place.news) == 1
    assert "not there" in place.roster.problems[""]


def test_a_connection_that_could_not_be_read_for_the_moment_is_read_again(make_place):
    """A broken document is read again when it has changed, a store that failed half way at the next look."""
    place = make_place()
    place.save("a")
    real = place.store

    class Failing:
        place = "a store"
        revisions = real.revisions

        def load(self, name):
            raise ConnectionStoreError("throttled")

        def close(self):
            pass

    place.reopen(lambda settings: Failing())
    place.look()
    assert list(place.roster.problems) == ["a"]
    assert place.wanted.enabled == {}
    place.reopen(open_store)
    assert list(place.look().enabled) == ["a"]


def test_a_look_costs_one_call_and_one_for_each_secret_that_changed(cloud, make_place):
    place = make_place("secretsmanager")
    place.save("a", "b", "c")
    cloud.clear_calls()
    place.look()
    assert cloud.calls() == {"secretsmanager.ListSecrets": 1, "secretsmanager.GetSecretValue": 3}
    cloud.clear_calls()
    place.look()
    assert cloud.calls() == {"secretsmanager.ListSecrets": 1}
    place.store.load("b")
    place.save("b", description="another text")
    cloud.clear_calls()
    place.look()
    assert cloud.calls() == {"secretsmanager.ListSecrets": 1, "secretsmanager.GetSecretValue": 1}


def sockets():
    """How many sockets this process has open; the emulator's ends are among them."""
    found = 0
    for entry in pathlib.Path("/proc/self/fd").iterdir():
        try:
            found += os.readlink(entry).startswith("socket:")
        except FileNotFoundError:
            continue  # that of the listing itself
    return found


def test_a_store_that_fails_time_and_again_keeps_no_sockets_open(cloud, make_place):
    place = make_place("secretsmanager")
    place.save("a")
    place.look()
    cloud.fault("secretsmanager.ListSecrets", "error", times=20, code="AccessDeniedException", status=400)
    gc.collect()
    gc.disable()  # what is not closed stays open for as long as nobody collects it
    try:
        before = sockets()
        for _look in range(20):
            place.look()
        assert "ListSecrets" in place.roster.problems[""]
        wait_until(lambda: sockets() <= before)
    finally:
        gc.enable()


def test_the_store_stays_open_until_it_could_be_another_one(make_place, tmp_path):
    place, opened = make_place(), []
    place.save("a")

    def counted(settings):
        opened.append(settings)
        return open_store(settings)

    place.opener = counted
    for _look in range(3):
        place.look()
    assert len(opened) == 1
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "credentials").write_text("[default]\n")
    place.look()
    assert len(opened) == 2, "the process finds other credentials"
    place.reopen(counted)
    place.look()
    assert len(opened) == 3, "it was told to look at everything again"


def test_new_credentials_of_the_process_are_news(make_place, tmp_path):
    place = make_place()
    place.save("a")
    first = place.look()
    path = tmp_path / ".aws" / "credentials"
    path.parent.mkdir()
    path.write_text("[default]\naws_access_key_id = other\n")
    second = place.look()
    assert second.enabled == first.enabled
    assert second.aws_files != first.aws_files


def test_a_refresh_reads_everything_and_wakes_the_loop(make_place):
    place = make_place()
    place.save("a")
    thread = threading.Thread(target=place.roster.run)
    thread.start()
    assert place.roster.looked.wait(60)
    place.save("b")
    place.roster.refresh(Scope(place.settings, None, 3600))
    wait_until(lambda: list(place.wanted.enabled) == ["a", "b"], timeout=60)
    place.roster.stop()
    thread.join(60)
    assert not thread.is_alive()
