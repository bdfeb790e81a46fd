# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""When sweeps run, what they ask for, and that none gets lost."""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import dataclass
from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.journal import Journal
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.status import Counters
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.sweeps import (
    FULL,
    INCREMENTAL,
    Schedule,
    Sweeps,
    next_sweep,
)

SCHEDULE = Schedule(full=86_400, incremental=600, overlap=900)
moments = st.floats(0, 4e9)


@dataclass(frozen=True)
class Result:
    listed: int = 3
    marked: int = 1
    held_back: tuple[str, ...] = ()


class RecordingSweeper:
    """A sweeper that marks one key and may fail or call back in the middle."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, datetime | None]] = []
        self.failures = 0
        self.meanwhile = lambda: None

    def full_sweep(self, mark_dirty):
        return self._sweep(FULL, None, mark_dirty)

    def incremental_sweep(self, since, mark_dirty):
        return self._sweep(INCREMENTAL, since, mark_dirty)

    def _sweep(self, kind, since, mark_dirty):
        self.calls.append((kind, since))
        self.meanwhile()
        if self.failures:
            self.failures -= 1
            raise OSError("no network")
        mark_dirty(["key"])
        return Result()


class Clock:
    def __init__(self) -> None:
        self.now = 2_000_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def journal(tmp_path):
    opened = Journal(tmp_path / "state.db")
    yield opened
    opened.close()


@pytest.fixture
def rig(journal):
    sweeper, clock, counters = RecordingSweeper(), Clock(), Counters()
    sweeps = Sweeps("prod", sweeper, journal, counters, SCHEDULE, clock=clock, jitter=lambda low, high: low / 1000)
    return sweeps, sweeper, clock, counters


def test_the_first_sweep_is_full_and_at_once():
    assert next_sweep(SCHEDULE, 1000, None, None) == (FULL, 0)


@given(moments, moments, moments)
def test_a_sweep_is_never_further_away_than_the_shortest_interval(now, last_full, last_any):
    _kind, delay = next_sweep(SCHEDULE, now, last_full, last_any)
    assert 0 <= delay <= SCHEDULE.incremental


@given(moments)
def test_full_sweeps_come_daily_and_incremental_ones_in_between(last_full):
    assert next_sweep(SCHEDULE, last_full + 1, last_full, last_full)[0] == INCREMENTAL
    assert next_sweep(SCHEDULE, last_full + 600, last_full, last_full) == (INCREMENTAL, 0)
    assert next_sweep(SCHEDULE, last_full + 86_400, last_full, last_full + 86_300) == (FULL, 0)


def test_an_incremental_sweep_begins_an_overlap_before_the_last_sweep_began(rig):
    sweeps, sweeper, clock, _counters = rig
    began = clock.now
    sweeper.meanwhile = lambda: setattr(clock, "now", clock.now + 100)
    sweeps.sweep(FULL)
    sweeps.sweep(INCREMENTAL)
    sweeps.sweep(INCREMENTAL)
    assert sweeper.calls == [
        (FULL, None),
        (INCREMENTAL, datetime.fromtimestamp(began - 900, timezone.utc)),
        (INCREMENTAL, datetime.fromtimestamp(began + 100 - 900, timezone.utc)),
    ]


def test_a_sweep_marks_keys_counts_and_leaves_a_watermark(rig, journal):
    sweeps, sweeper, clock, counters = rig
    began = clock.now
    sweeper.meanwhile = lambda: setattr(clock, "now", clock.now + 100)
    sweeps.sweep(FULL)
    assert journal.take("prod").key == "key"
    assert journal.watermark("prod", FULL) == began
    counts = counters.snapshot().counts
    assert (counts["sweeps_full"], counts["sweep_marked"]) == (1, 1)


def test_a_failed_sweep_leaves_no_watermark_and_is_repeated(rig, journal):
    sweeps, sweeper, _clock, counters = rig
    sweeper.failures = 2
    run(sweeps, until=lambda: len(sweeper.calls) >= 3 and journal.watermark("prod", FULL) is not None)
    assert [kind for kind, _since in sweeper.calls] == [FULL] * 3
    assert counters.snapshot().counts["sweep_failures"] == 2


def test_a_full_sweep_that_is_asked_for_during_a_sweep_is_made_afterwards(rig):
    sweeps, sweeper, _clock, _counters = rig

    def ask_once():
        sweeper.meanwhile = lambda: None
        sweeps.request_full("test")

    sweeper.meanwhile = ask_once
    run(sweeps, until=lambda: len(sweeper.calls) >= 2)
    assert [kind for kind, _since in sweeper.calls] == [FULL, FULL]


def test_a_full_sweep_that_was_asked_for_is_not_forgotten_when_it_fails(rig):
    sweeps, sweeper, _clock, _counters = rig
    sweeps.sweep(FULL)
    sweeper.failures = 1
    sweeps.request_full("test")
    run(sweeps, until=lambda: len(sweeper.calls) >= 3)
    assert [kind for kind, _since in sweeper.calls] == [FULL, FULL, FULL]


def test_a_stop_ends_a_sweep_at_the_next_key(rig, journal):
    sweeps, sweeper, _clock, counters = rig
    sweeper.meanwhile = sweeps.stop
    run(sweeps, until=lambda: len(sweeper.calls) >= 1)
    assert journal.backlog("prod").dirty == 0
    assert counters.snapshot().counts["sweep_failures"] == 0


def run(sweeps, until):
    """Run the sweeps in a thread until something has happened, then stop them and see that they end."""
    thread = threading.Thread(target=sweeps.run)
    thread.start()
    deadline = time.monotonic() + 10
    while not until() and time.monotonic() < deadline:
        time.sleep(0.005)
    sweeps.stop()
    thread.join(60)
    assert until()
    assert not thread.is_alive()


def test_a_sweep_makes_its_calls_in_the_background(journal):
    """Events go first where the rate is limited: whatever a sweep calls, it calls with less priority."""
    behind = []

    @contextlib.contextmanager
    def background():
        behind.append(True)
        yield
        behind.pop()

    sweeper = RecordingSweeper()
    seen = []
    sweeper.meanwhile = lambda: seen.append(bool(behind))
    sweeps = Sweeps("prod", sweeper, journal, Counters(), SCHEDULE, background=background, clock=Clock())
    for kind in (FULL, INCREMENTAL):
        sweeps.sweep(kind)
    assert seen == [True, True]
    assert not behind
