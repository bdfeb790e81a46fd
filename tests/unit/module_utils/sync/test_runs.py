# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run records on disk."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.errors import SyncError
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.runs import KEPT_PER_CONNECTION, RunStore


def test_the_newest_run_of_a_connection_with_its_progress(tmp_path):
    store = RunStore(tmp_path)
    assert store.latest("production") is None
    store.update(store.start("production"), {"seconds": 1.0}, "succeeded")
    run_id = store.start("production")
    store.start("other")
    running = store.latest("production")
    assert running is not None
    assert (running["id"], running["status"]) == (run_id, "running")
    store.update(run_id, {"counts": {"created": 5}}, "failed")
    ended = store.latest("production")
    assert ended is not None
    assert (ended["status"], ended["counts"]) == ("failed", {"created": 5})
    assert ended["started_at"] <= ended["updated_at"]


def test_only_the_newest_are_kept_and_other_connections_are_left_alone(tmp_path):
    store = RunStore(tmp_path)
    store.start("other")
    for _run in range(KEPT_PER_CONNECTION + 5):
        store.start("production")
    with store._transaction() as database:
        counts = dict(database.execute("SELECT connection, count(*) FROM runs GROUP BY connection"))
    assert counts == {"other": 1, "production": KEPT_PER_CONNECTION}


def test_the_file_is_private_and_shared_by_writers(tmp_path):
    folder = tmp_path / "new" / "state"
    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(lambda _number: RunStore(folder).start("production"), range(40)))
    assert len(set(ids)) == 40
    assert (folder / "state.db").stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_directory_that_cannot_be_used_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SyncError, match="file"):
        RunStore(tmp_path / "file").start("production")
    (tmp_path / "state.db").write_text("this is no database, and longer than a header would be" * 10)
    with pytest.raises(SyncError, match=r"state\.db cannot be used"):
        RunStore(tmp_path).start("production")
