# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections in a directory: private, whole, and none lost between writers."""

from __future__ import annotations

import dataclasses
import json
import multiprocessing
import os
import stat
import threading

import pytest

from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection import files
from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.errors import (
    BrokenConnectionError,
    ConnectionStoreError,
    InvalidConnectionError,
    LockTimeoutError,
    NoSuchConnectionError,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.serialization import SCHEMA_VERSION
from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.store import DirectoryStore


@pytest.fixture
def store(tmp_path):
    return DirectoryStore(tmp_path / "etc" / "connections.d")


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_what_is_saved_is_loaded(store, connection, another):
    store.save(connection)
    store.save(another)
    assert store.names() == ("churn", "credit-risk")
    assert store.load("credit-risk") == connection
    assert store.load_all().connections == (another, connection)
    assert store.load_all().problems == {}


def test_only_the_owner_can_read(store, connection):
    previous = os.umask(0)
    try:
        store.save(connection)
    finally:
        os.umask(previous)
    assert mode(store.path) == 0o700
    assert mode(store.path / "credit-risk.json") == 0o600
    assert store.is_private("credit-risk")


def test_a_file_that_others_can_read_is_noticed_and_mended(store, connection):
    store.save(connection)
    (store.path / "credit-risk.json").chmod(0o640)
    assert not store.is_private("credit-risk")
    store.save(connection)
    assert store.is_private("credit-risk")


def test_files_written_by_root_belong_to_the_directorys_owner(store, connection):
    """Anybody else cannot give files away, and keeps them."""
    store.path.mkdir(parents=True)
    owner = (12345, 12346) if os.geteuid() == 0 else (os.geteuid(), store.path.stat().st_gid)
    os.chown(store.path, *owner)
    with store.edited():
        store.save(connection)
    for name in ("credit-risk.json", ".lock"):
        found = (store.path / name).stat()
        assert (found.st_uid, found.st_gid) == owner


def test_no_directory_is_no_connections(store):
    assert store.names() == ()
    assert store.load_all().connections == ()
    assert store.find("x") is None
    assert store.remove("x") is False
    assert not store.path.exists()


def test_other_files_are_left_alone(store, connection):
    store.save(connection)
    for name in (".credit-risk.json.x1", "notes.txt", "UPPER.json", ".json", "a.json.bak"):
        (store.path / name).write_text("{}")
    assert store.names() == ("credit-risk",)


@pytest.mark.parametrize("name", ["", "Credit", "a/b", "../x", "-a", "a" * 64, "a.b", "a\n"])
def test_names_that_cannot_be(store, name, connection):
    for act in (store.load, store.remove, store.is_private):
        with pytest.raises(InvalidConnectionError):
            act(name)
    with pytest.raises(InvalidConnectionError):
        store.save(dataclasses.replace(connection, name=name))


def test_a_connection_that_is_not_there(store):
    with pytest.raises(NoSuchConnectionError, match="nothing"):
        store.load("nothing")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not valid JSON"),
        ('{"schema_version": 1', "not valid JSON"),
        ("[]", "not a JSON object"),
        ('{"schema_version": 99}', "upgrade"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_and_hides_no_other(store, connection, text, words):
    store.save(connection)
    path = store.path / "broken.json"
    path.write_text(text)
    with pytest.raises(BrokenConnectionError, match=words) as error:
        store.load("broken")
    assert str(path) in str(error.value)
    loaded = store.load_all()
    assert loaded.connections == (connection,)
    assert list(loaded.problems) == ["broken"]
    assert words in loaded.problems["broken"]


def test_bytes_that_are_no_text_and_a_name_that_is_anothers(store, connection):
    store.save(connection)
    (store.path / "bytes.json").write_bytes(b"\xff\xfe")
    (store.path / "copy.json").write_bytes((store.path / "credit-risk.json").read_bytes())
    (store.path / "folder.json").mkdir()
    assert set(store.load_all().problems) == {"bytes", "copy", "folder"}


def test_a_write_that_fails_leaves_the_old_file_and_no_scraps(store, connection, monkeypatch):
    store.save(connection)

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ConnectionStoreError, match="No space left"):
        store.save(dataclasses.replace(connection, enabled=False))
    monkeypatch.undo()
    assert store.load("credit-risk") == connection
    assert sorted(entry.name for entry in store.path.iterdir()) == ["credit-risk.json"]


def test_a_directory_that_cannot_be_made_is_said_so(tmp_path, connection):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConnectionStoreError, match="cannot be written"):
        DirectoryStore(tmp_path / "file" / "connections.d").save(connection)
    with pytest.raises(ConnectionStoreError, match="cannot be read"):
        DirectoryStore(tmp_path / "file").names()


def test_a_reader_sees_the_old_file_or_the_new_never_a_part(store, connection):
    versions = [dataclasses.replace(connection, description=letter * 20_000) for letter in "ab"]
    store.save(versions[0])
    stop = threading.Event()
    problems = []

    def read():
        while not stop.is_set():
            if store.find("credit-risk") not in versions:
                problems.append("mixed")

    readers = [threading.Thread(target=read) for _unused in range(3)]
    for reader in readers:
        reader.start()
    for number in range(100):
        store.save(versions[number % 2])
    stop.set()
    for reader in readers:
        reader.join()
    assert problems == []


def count_up(path, times):
    store = DirectoryStore(path)
    for _unused in range(times):
        with store.edited():
            connection = store.load("credit-risk")
            store.save(dataclasses.replace(connection, description=str(int(connection.description) + 1)))


def test_writers_in_several_processes_lose_no_change(store, connection):
    store.save(dataclasses.replace(connection, description="0"))
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=count_up, args=(store.path, 15)) for _unused in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert store.load("credit-risk").description == "45"


def test_an_editor_who_does_not_finish_is_waited_for_only_so_long(store):
    with store.edited(), pytest.raises(LockTimeoutError), store.edited(timeout=0):
        raise AssertionError("two editors at once")


def test_the_file_is_readable_json_of_the_present_version(store, connection):
    store.save(connection)
    document = json.loads((store.path / "credit-risk.json").read_text())
    assert document["schema_version"] == SCHEMA_VERSION
    assert document["credentials"]["type"] == "assume_role"


def test_is_private_looks_at_group_and_others(tmp_path):
    path = tmp_path / "x"
    path.write_text("")
    for bits, private in ((0o600, True), (0o400, True), (0o610, False), (0o604, False)):
        path.chmod(bits)
        assert files.is_private(path) is private
