# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is counted and remembered for metrics and the status page."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.status import (
    KEPT_CHANGES,
    SECONDS_BOUNDS,
    Change,
    Counters,
    Distribution,
    SweepRecord,
    isoformat,
    read_status,
    write_status,
)


def change(number, status="updated"):
    return Change(1000.0 + number, f"key-{number}", status, "")


def test_outcomes_are_counted_and_changes_remembered():
    counters = Counters()
    for number, status in enumerate(["created", "unchanged", "held", "ignored", "decommissioned"]):
        counters.reconciled(change(number, status), waited=number - 1.0)
    seen = counters.snapshot()
    assert seen.outcomes == {"created": 1, "unchanged": 1, "held": 1, "ignored": 1, "decommissioned": 1}
    assert [kept.status for kept in seen.changes] == ["created", "decommissioned"]
    assert [kept.key for kept in seen.held] == ["key-2"]
    assert seen.moments["success"] == 1004.0
    assert (sum(seen.key_seconds.counts), seen.key_seconds.total) == (5, 0 + 0 + 1 + 2 + 3)


def test_sweeps_that_find_what_no_event_told_of_are_counted_until_an_event_comes():
    counters = Counters()

    def swept(at, status="updated", waited=1.0):
        counters.reconciled(Change(at, "key", status, ""), waited, swept=True)
        return counters.snapshot().unheard_sweeps

    counters.sweep_began("full_sweep", 100.0)
    assert [swept(110.0), swept(111.0)] == [1, 1], "of one sweep"
    assert swept(112.0, "unchanged") == 1
    counters.sweep_began("incremental_sweep", 200.0)
    assert swept(290.0, waited=150.0) == 1, "marked by the first sweep, and worked on during the second"
    counters.reconciled(Change(291.0, "key", "updated", ""), 1.0)
    assert counters.snapshot().unheard_sweeps == 1, "an event told of that"
    assert swept(292.0) == 2
    assert counters.snapshot().counts["unannounced"] == 4
    counters.add("touched")
    assert counters.unheard_sweeps == counters.snapshot().unheard_sweeps == 0
    assert swept(293.0) == 1


def test_memory_does_not_grow_with_what_is_remembered():
    counters = Counters()
    for number in range(KEPT_CHANGES * 3):
        counters.reconciled(change(number), 0)
        counters.reconciled(change(number, "held"), 0)
    seen = counters.snapshot()
    assert len(seen.changes) == len(seen.held) == KEPT_CHANGES
    assert seen.changes[-1].key == f"key-{KEPT_CHANGES * 3 - 1}"


def test_a_snapshot_stays_as_it_was():
    counters = Counters()
    counters.failed("queue_errors", "no route")
    before = counters.snapshot()
    counters.failed("queue_errors", "still none")
    counters.add("received", 3)
    counters.reconciled(change(1), 0)
    assert (before.counts["queue_errors"], before.counts["received"], before.last_error) == (1, 0, "no route")
    assert (before.changes, before.outcomes) == ((), {})


def test_failures_have_their_times():
    clock = [50.0]
    counters = Counters(lambda: clock[0])
    assert (counters.snapshot().last_error_at, counters.snapshot().failures) == (None, {})
    counters.failed("queue_errors", "first")
    clock[0] = 60.0
    counters.failed("sweep_failures", "second")
    seen = counters.snapshot()
    assert seen.failures == {"queue_errors": 50.0, "sweep_failures": 60.0}
    assert (seen.last_error, seen.last_error_at) == ("second", 60.0)
    with pytest.raises(KeyError):
        counters.failed("no such counter", "x")


def test_sweeps_keep_their_last_good_result():
    counters = Counters()
    counters.sweep_began("full_sweep", 10.0)
    assert counters.snapshot().sweeps["full_sweep"] == SweepRecord(began_at=10.0)
    good = SweepRecord(None, 20.0, 10.0, 100, 3, ("held back",))
    counters.sweep_ended("full_sweep", good)
    counters.sweep_began("full_sweep", 30.0)
    running = counters.snapshot().sweeps["full_sweep"]
    assert (running.began_at, running.ended_at, running.held_back) == (30.0, 20.0, ("held back",))
    counters.sweep_ended("full_sweep", None)
    assert counters.snapshot().sweeps["full_sweep"] == good


def test_lags_are_never_negative():
    counters = Counters()
    counters.saw_event(-3.0)
    counters.saw_messages(-1.0)
    seen = counters.snapshot()
    assert (seen.event_lag, seen.message_age) == (0.0, 0.0)


@given(st.lists(st.floats(0, 1e6), max_size=40))
def test_a_distribution_forgets_no_value(values):
    distribution = Distribution()
    for value in values:
        distribution = distribution.with_value(value)
    assert sum(distribution.counts) == len(values)
    assert distribution.total == pytest.approx(sum(values))
    for place, bound in enumerate(SECONDS_BOUNDS):
        assert sum(distribution.counts[: place + 1]) == sum(value <= bound for value in values)


def test_the_status_file(tmp_path):
    assert read_status(tmp_path) is None
    write_status(tmp_path, {"state": "running"})
    assert read_status(tmp_path) == {"schema_version": 1, "state": "running"}
    (tmp_path / "status.json").write_text("[]")
    with pytest.raises(ValueError, match="is not a status file"):
        read_status(tmp_path)
    assert isoformat(None) is None
    assert isoformat(0) == "1970-01-01T00:00:00Z"
