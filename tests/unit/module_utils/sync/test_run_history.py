# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looking at run records and at the agent's status without touching either."""

from __future__ import annotations

import datetime
import sqlite3
import threading
import time

import pytest

from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent import status as agent_status
from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.lock import exclusive, is_held_alone, shared
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync import run_history
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.errors import SyncError
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.run_history import (
    progress,
    read_agent_status,
    read_runs,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.runs import RunStore
from tests.harness.module import run_module

NOW = datetime.datetime(2026, 11, 22, 9, 0, tzinfo=datetime.timezone.utc)
RECORD = {"counts": {"created": 3, "unchanged": 7}, "error": ""}


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def finished(store, connection, status="succeeded"):
    run_id = store.start(connection)
    store.update(run_id, RECORD, status)
    return run_id


def test_nothing_there_is_no_runs_and_no_file_is_made(tmp_path):
    assert read_runs(tmp_path) == []
    assert read_runs(tmp_path / "nowhere") == []
    assert read_agent_status(tmp_path, NOW) is None
    assert files(tmp_path) == []


def test_a_database_of_the_agent_alone_has_no_runs(tmp_path):
    sqlite3.connect(tmp_path / "state.db").execute("CREATE TABLE dirty (key TEXT)").connection.close()
    assert read_runs(tmp_path) == []


def test_the_newest_of_each_connection_come_first(tmp_path):
    store = RunStore(tmp_path)
    ids = [finished(store, name) for name in ("a", "a", "b", "a")]
    assert [run["id"] for run in read_runs(tmp_path)] == ids[::-1]
    assert [run["id"] for run in read_runs(tmp_path, limit=1)] == [ids[3], ids[2]]
    assert [run["id"] for run in read_runs(tmp_path, "a", limit=2)] == [ids[3], ids[1]]
    assert read_runs(tmp_path, "c") == []
    assert read_runs(tmp_path)[0] | RECORD == read_runs(tmp_path)[0]


def test_looking_leaves_no_file_behind(tmp_path):
    finished(RunStore(tmp_path), "a")
    before = files(tmp_path)
    read_runs(tmp_path)
    assert files(tmp_path) == before


def test_a_run_that_goes_on_is_told_from_one_that_was_cut_off(tmp_path):
    store = RunStore(tmp_path)
    first = store.start("a")
    with exclusive(tmp_path, "a", timeout=1):
        second = store.start("a")
        store.update(second, RECORD)
        seen = {run["id"]: run["status"] for run in read_runs(tmp_path)}
        assert seen == {second: "running", first: "cut_off"}
    assert {run["status"] for run in read_runs(tmp_path)} == {"cut_off"}


def test_it_reads_while_somebody_writes(tmp_path):
    store = RunStore(tmp_path)
    run_id = store.start("a")
    stop = threading.Event()

    def write():
        number = 0
        while not stop.is_set():
            number += 1
            store.update(run_id, {"counts": {"created": number}})

    thread = threading.Thread(target=write)
    thread.start()
    seen = []
    try:
        until = time.monotonic() + 60
        while len(set(seen)) < 5 and time.monotonic() < until:
            (run,) = read_runs(tmp_path)
            seen.append(run.get("counts", {}).get("created", 0))
    finally:
        stop.set()
        thread.join()
    assert seen == sorted(seen)
    assert len(set(seen)) >= 5


NO_PHASE = {"phase": "", "phase_number": 0, "phases": 0, "phase_done": 0, "phase_total": None}


def run_at(status="running", **record):
    times = {"started_at": "2026-11-22T08:59:55+00:00", "updated_at": "2026-11-22T08:59:57+00:00"}
    return {"status": status, **times, **RECORD, **record}


def test_progress_of_a_run_before_its_first_phase_and_after_its_end():
    starting = {"done": 10, "seconds": 5.0, "per_second": 2.0, **NO_PHASE, "seconds_left": None}
    assert progress(run_at(), NOW) == starting
    ended = progress(run_at("succeeded"), NOW)
    assert ended == {"done": 10, "seconds": 2.0, "per_second": 5.0, **NO_PHASE, "seconds_left": 0.0}
    assert progress({**run_at(), "started_at": run_at()["updated_at"], "counts": {}}, NOW)["done"] == 0


def test_progress_of_a_phase_has_its_own_rate_and_the_time_left():
    phase = {"phase": "models", "phase_number": 2, "phases": 4, "done": 8, "total": 100, "phase_seconds": 2.0}
    shown = progress(run_at(progress=phase), NOW)
    assert (shown["phase"], shown["phase_number"], shown["phases"]) == ("models", 2, 4)
    assert (shown["phase_done"], shown["phase_total"], shown["per_second"]) == (8, 100, 4.0)
    assert shown["seconds_left"] == 23.0
    unknown = progress(run_at(progress={**phase, "total": None}), NOW)
    assert (unknown["phase_total"], unknown["seconds_left"]) == (None, None)
    assert progress(run_at(progress={**phase, "done": 0}), NOW)["seconds_left"] is None


def test_runs_are_found_by_their_label(tmp_path):
    store = RunStore(tmp_path)
    plain = store.start("a")
    nightly = store.start("a", {"label": "nightly"})
    assert [run["id"] for run in read_runs(tmp_path, label="nightly")] == [nightly]
    assert [run["label"] for run in read_runs(tmp_path)] == ["nightly", ""]
    assert [run["id"] for run in read_runs(tmp_path, label="")] == [plain]


@pytest.mark.parametrize("content", [b"not a database at all" * 50, b"SQLite format 3\x00" + b"\xff" * 500])
def test_a_file_that_is_no_database_is_said_so(tmp_path, content):
    (tmp_path / "state.db").write_bytes(content)
    with pytest.raises(SyncError, match=r"state\.db"):
        read_runs(tmp_path)


def test_a_record_that_is_no_json_is_said_so(tmp_path):
    run_id = finished(RunStore(tmp_path), "a")
    database = sqlite3.connect(tmp_path / "state.db")
    with database:
        database.execute("UPDATE runs SET record = '{'")
    database.close()
    with pytest.raises(SyncError, match=run_id):
        read_runs(tmp_path)


def test_the_agents_status_and_its_age(tmp_path):
    assert run_history.STATUS_FILE == agent_status.STATUS_FILE
    written = {"state": "running", "written_at": "2026-11-22T08:59:30Z", "connections": {"a": {"dirty": 1}}}
    agent_status.write_status(tmp_path, written)
    seen = read_agent_status(tmp_path, NOW)
    assert seen == {"schema_version": 1, **written, "age_seconds": 30.0, "is_stale": False}
    for state, stale in (("running", True), ("stopped", False)):
        agent_status.write_status(tmp_path, {**written, "state": state, "written_at": "2026-11-22T08:00:00Z"})
        assert read_agent_status(tmp_path, NOW)["is_stale"] is stale


@pytest.mark.parametrize("text", ["", "[]", "{", '{"state": "running"}', '{"written_at": "yesterday"}', "\udcff"])
def test_a_status_that_is_none_is_said_so(tmp_path, text):
    (tmp_path / "status.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(SyncError, match=r"status\.json is not a status"):
        read_agent_status(tmp_path, NOW)


def test_the_lock_is_looked_at_without_taking_it(tmp_path):
    assert not is_held_alone(tmp_path, "a")
    assert files(tmp_path) == []
    with shared(tmp_path, "a", timeout=1):
        assert not is_held_alone(tmp_path, "a")
    with exclusive(tmp_path, "a", timeout=1):
        assert is_held_alone(tmp_path, "a")
    assert not is_held_alone(tmp_path, "a")


def test_a_run_is_shown_by_the_module(tmp_path):
    store = RunStore(tmp_path)
    finished(store, "a", "failed")
    finished(store, "b")
    status = {"state": "running", "written_at": "2026-11-22T08:59:30Z", "connections": {"a": {"dirty": 1}, "b": {}}}
    agent_status.write_status(tmp_path, status)
    every = run_module("sync_run_info", {"state_dir": str(tmp_path)})
    assert [(run["connection"], run["status"]) for run in every["runs"]] == [("b", "succeeded"), ("a", "failed")]
    assert every["runs"][0]["report"]["counts"] == RECORD["counts"]
    assert every["runs"][0]["progress"]["done"] == 10
    assert set(every["agent"]["connections"]) == {"a", "b"}
    one = run_module("sync_run_info", {"state_dir": str(tmp_path), "connection": "a"}, check=True)
    assert [run["connection"] for run in one["runs"]] == ["a"]
    assert one["agent"]["connections"] == {"a": {"dirty": 1}}
    nothing = run_module("sync_run_info", {"state_dir": str(tmp_path / "none"), "connection": "a"})
    assert nothing == {"changed": False, "runs": [], "agent": {}}
    for limit in (0, 101):
        refused = run_module("sync_run_info", {"state_dir": str(tmp_path), "limit": limit})
        assert refused["msg"] == f"limit is {limit}; it must be from 1 to 100."
    (tmp_path / "status.json").write_text("{")
    assert "is not a status" in run_module("sync_run_info", {"state_dir": str(tmp_path)})["msg"]
