# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where views come from: files that others write at the same time, and records of every age."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.errors import JournalUnavailableError
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.journal import PARKED_AFTER, Journal
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.serving.backlog import Waiting, read_waiting
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.serving.inside import Inside
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.serving.source import Source, release_of, run_view
from tests.harness.agent_views import NOW


@pytest.fixture
def journal(tmp_path):
    opened = Journal(tmp_path / "state.db", clock=lambda: NOW, jitter=lambda low, high: high)
    yield opened
    opened.close()


def fail(journal, connection, key, times):
    for number in range(times):
        journal.mark_dirty(connection, [key])
        lease = journal.take(connection)
        assert lease is not None
        journal.failed(lease, f"failure {number + 1} of {key}")


def test_what_waits_is_the_journals_own_account(journal, tmp_path):
    fail(journal, "prod", "a", PARKED_AFTER + 1)
    fail(journal, "prod", "b", 2)
    journal.mark_dirty("prod", ["c"])
    journal.mark_dirty("other", ["d"])
    found = read_waiting(tmp_path / "state.db", ["prod", "other", "none"], 10)
    assert found["prod"].backlog == journal.backlog("prod")
    assert list(found["prod"].worst) == [key for key in journal.keys("prod", 10) if key.attempts]
    assert [(key.key, key.parked, key.error) for key in found["prod"].worst] == [
        ("a", True, f"failure {PARKED_AFTER + 1} of a"),
        ("b", False, "failure 2 of b"),
    ]
    assert [key.key for key in read_waiting(tmp_path / "state.db", ["prod"], 1)["prod"].worst] == ["a"]
    assert (found["other"].backlog.dirty, found["other"].worst) == (1, ())
    assert found["none"] == Waiting()


def test_looking_waits_neither_for_a_writer_nor_for_the_journal(journal, tmp_path):
    journal.mark_dirty("prod", ["a"])
    other = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    other.execute("DELETE FROM dirty")
    busy = threading.Thread(target=journal.mark_dirty, args=("prod", ["b"]))
    busy.start()  # waits for the other writer, and has the journal's lock meanwhile
    assert read_waiting(tmp_path / "state.db", ["prod"], 10)["prod"].backlog.dirty == 1
    assert busy.is_alive()
    other.execute("ROLLBACK")
    other.close()
    busy.join(60)
    assert read_waiting(tmp_path / "state.db", ["prod"], 10)["prod"].backlog.dirty == 2


@pytest.mark.parametrize("content", [None, b"", b"not a database" * 100])
def test_a_journal_that_cannot_be_read_is_said_on_the_page(tmp_path, content):
    path = tmp_path / "state.db"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(JournalUnavailableError, match="cannot be read"):
        read_waiting(path, ["prod"], 10)
    view = Source(lambda: Inside("running", 1, "", NOW, 4, 0), path, now=lambda: NOW).view()
    if content:
        assert view.unreadable
    assert not path.exists() or path.read_bytes() == content


def test_a_view_is_made_once_a_second_however_many_ask(journal, tmp_path):
    clock, made = [NOW], []

    def inside():
        made.append(clock[0])
        return Inside("running", 1, "", NOW, 4, 0)

    source = Source(inside, tmp_path / "state.db", now=lambda: clock[0])
    threads = [threading.Thread(target=source.view) for _thread in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert made == [NOW]
    clock[0] += 0.9
    assert source.view().taken_at == NOW
    clock[0] += 0.2
    assert source.view().taken_at == clock[0]
    clock[0] -= 3600  # the host's clock was set back
    assert source.view().taken_at == clock[0]


def record(**changes):
    progress = {"phase": "models", "phase_number": 3, "phases": 4, "done": 50, "total": 200, "phase_seconds": 10.0}
    head = {"id": "1", "connection": "prod", "status": "running", "started_at": "2026-11-22T14:00:00.000+00:00",
            "updated_at": "2026-11-22T14:30:00.000+00:00"}  # fmt: skip
    return {**head, "counts": {"created": 50}, "progress": progress, "error": "", "notes": [], **changes}


def test_how_far_a_run_is():
    view = run_view(record(), NOW)
    assert (view.done, view.total, view.per_second, view.left_seconds) == (50, 200, 5.0, 30.0)
    assert (view.phase, view.phase_number, view.phases) == ("models", 3, 4)
    assert view.seconds == 3600, "it goes on"


@pytest.mark.parametrize("status", ["succeeded", "failed", "cut_off"])
def test_a_run_that_has_ended_takes_no_longer(status):
    view = run_view(record(status=status), NOW)
    assert (view.seconds, view.left_seconds) == (1800, None)


def test_a_record_that_says_little():
    just_begun = {
        "id": "1",
        "connection": "prod",
        "status": "running",
        "started_at": "2026-11-22T15:00:00",
        "updated_at": "",
    }
    view = run_view(just_begun, NOW)
    assert (view.done, view.total, view.left_seconds, view.seconds) == (0, None, None, 0.0)
    assert run_view(record(progress={"done": 3, "total": 0, "phase_seconds": 0}), NOW).left_seconds is None
    assert run_view(record(started_at="yesterday"), NOW).seconds == 0.0


def test_the_release_is_the_folder_that_the_role_made():
    assert release_of(Path("/opt/wxgov/releases/0.1.0-abc/lib/wxgov_sagemaker/agent/serving/source.py")) == "0.1.0-abc"
    assert release_of(Path("/srv/checkout/plugins/module_utils/agent/serving/source.py")) == ""
    assert release_of(Path("/opt/releases")) == ""
