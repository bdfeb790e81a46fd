# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Polling: nothing is missed, nothing is marked for ever, and a failure stays where it is."""

from __future__ import annotations

import pathlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.journal import Journal
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.polling import (
    FIRST_LOOK_BACK,
    OVERLAP,
    SETTLED,
    Polls,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.status import Counters

NOON = 1_800_000_000.0


@dataclass(frozen=True)
class Change:
    object_id: str
    modified_at: float
    key: str | None


@dataclass
class Console:
    """The objects of a console by id; a source of changes that may be out of order, as nothing promises one."""

    name: str = "things"
    objects: dict[str, Change] = field(default_factory=dict)
    broken: bool = False
    asked: list[float] = field(default_factory=list)

    def edit(self, object_id: str, moment: float, key: str | None = "") -> None:
        self.objects[object_id] = Change(object_id, moment, f"key-{object_id}" if key == "" else key)

    def newest(self) -> float | None:
        if self.broken:
            raise OSError("no answer")
        return max((change.modified_at for change in self.objects.values()), default=None)

    def changed_since(self, moment: float) -> Iterator[Change]:
        if self.broken:
            raise OSError("no answer")
        self.asked.append(moment)
        yield from (change for change in self.objects.values() if change.modified_at >= moment)


@dataclass
class Bench:
    """One connection's polling with a journal of its own; time passes when the test says so."""

    console: Console
    journal: Journal
    counters: Counters
    polls: Polls
    clock: list[float]

    def turn(self, seconds: float = 60) -> set[str]:
        """A turn; the keys that are dirty after it, taken off the journal."""
        self.clock[0] += seconds
        self.polls.turn()
        keys = set()
        while (lease := self.journal.take("prod")) is not None:
            keys.add(lease.key)
            self.journal.done(lease)
        return keys


def make(path: pathlib.Path, console: Console, *more: Console) -> Bench:
    clock, counters = [0.0], Counters()
    journal = Journal(path / "state.db")
    polls = Polls("prod", [console, *more], journal, counters, 60, clock=lambda: clock[0])
    return Bench(console, journal, counters, polls, clock)


@pytest.fixture
def bench(tmp_path: pathlib.Path) -> Iterator[Bench]:
    made = make(tmp_path, Console())
    yield made
    made.journal.close()


def test_what_changes_is_marked_in_the_next_turn(bench: Bench) -> None:
    bench.console.edit("1", NOON)
    bench.console.edit("2", NOON - FIRST_LOOK_BACK - 1)
    assert bench.turn() == {"key-1"}
    bench.console.edit("2", NOON + 1)
    assert "key-2" in bench.turn()


def test_a_change_is_marked_for_a_while_and_not_for_ever(bench: Bench) -> None:
    bench.console.edit("1", NOON)
    marked = [bench.turn() for _minute in range(7)]
    turns = 1 + int(SETTLED / 60)  # the last of them is the first one after it has settled
    assert marked == [{"key-1"}] * turns + [set()] * (7 - turns)


def test_a_second_change_within_one_tick_of_the_consoles_clock_is_marked(bench: Bench) -> None:
    bench.console.edit("1", NOON)
    bench.turn()
    bench.console.edit("1", NOON)  # told to the minute, this is no other time
    assert bench.turn() == {"key-1"}


def test_what_needs_nothing_is_not_marked_but_moves_the_watermark(bench: Bench) -> None:
    bench.console.edit("1", NOON, None)
    assert bench.turn() == set()
    assert bench.journal.watermark("prod", "things") == NOON


def test_what_is_visible_late_is_found_within_the_overlap(bench: Bench) -> None:
    bench.console.edit("1", NOON)
    bench.turn()
    bench.console.edit("2", NOON - OVERLAP)
    assert "key-2" in bench.turn()


def test_the_first_object_ever_is_found(bench: Bench) -> None:
    assert bench.turn() == set()
    bench.console.edit("1", NOON)
    assert bench.turn() == {"key-1"}


def test_the_watermark_outlives_the_process(bench: Bench, tmp_path: pathlib.Path) -> None:
    bench.console.edit("1", NOON - 5000)
    bench.turn()
    bench.journal.close()
    bench.console.edit("2", NOON - 4000)
    bench.console.edit("3", NOON)
    bench.journal = make(tmp_path, bench.console).journal
    bench.polls = Polls("prod", [bench.console], bench.journal, bench.counters, 60)
    assert bench.turn() == {"key-1", "key-2", "key-3"}  # the first lies in the overlap


def test_a_source_that_fails_holds_up_no_other_and_loses_nothing(tmp_path: pathlib.Path) -> None:
    broken, sound = Console("broken"), Console("sound")
    bench = make(tmp_path, broken, sound)
    bench.turn()
    broken.broken = True
    broken.edit("1", NOON)
    sound.edit("2", NOON)
    assert bench.turn() == {"key-2"}
    counts = bench.counters.snapshot()
    assert (counts.counts["poll_failures"], counts.counts["polls"]) == (1, 1)
    assert "no answer" in str(counts.last_error)
    broken.broken = False
    assert "key-1" in bench.turn()
    bench.journal.close()


def test_keys_are_on_disk_before_the_watermark_moves(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.console.edit("1", NOON)
    bench.turn()
    bench.console.edit("1", NOON + 1)

    def full_disk(*_arguments: object) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as patched:
        patched.setattr(bench.journal, "mark_dirty", full_disk)
        assert bench.turn() == set()
    assert bench.journal.watermark("prod", "things") == NOON
    assert bench.turn() == {"key-1"}


def test_run_goes_on_after_a_failure_and_ends_when_told(bench: Bench) -> None:
    bench.console.broken = True
    waited: list[float] = []

    class Stop(threading.Event):
        """Counts the waits, mends the console after the first, and ends the third."""

        def wait(self, timeout: float | None = None) -> bool:
            waited.append(float(timeout or 0))
            bench.console.broken = False
            if len(waited) == 3:
                bench.polls.stop()
            return self.is_set()

    bench.polls._stopping = Stop()
    bench.polls.run()
    assert waited[0] >= 60
    assert waited[1:] == [60, 60]
    assert bench.counters.snapshot().counts["polls"] == 2


EDITS = st.lists(
    st.tuples(
        st.sampled_from("abcd"),
        st.one_of(st.floats(0, OVERLAP), st.integers(0, 4).map(lambda halves: halves * 30.0)),
        st.integers(0, 2),
    ),  # who, how late, turns after it
    max_size=25,
)


@settings(max_examples=100)  # each has a journal of its own, on disk
@given(EDITS)
@example([("a", 0.0, 1), ("b", 0.0, 0), ("a", 120.0, 0)])  # the same object and time, two minutes after the first look
def test_every_edit_is_marked_after_it_was_made(tmp_path_factory: pytest.TempPathFactory, edits: list[tuple]) -> None:
    """Whatever is edited, late by no more than the overlap: the next turn marks it, also under a time seen before."""
    bench = make(tmp_path_factory.mktemp("polls"), Console())
    unseen: set[str] = set()
    bench.console.edit("start", NOON)
    bench.turn()
    for who, late, turns in edits:
        bench.clock[0] += 30
        bench.console.edit(who, NOON + bench.clock[0] - late)
        unseen.add(f"key-{who}")
        for _turn in range(turns):
            unseen -= bench.turn()
            assert not unseen
    unseen -= bench.turn()
    assert not unseen
    bench.journal.close()
