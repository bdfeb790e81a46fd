# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal keeps every key until it was looked at with no hint in between, and gives it to one worker at a time."""

from __future__ import annotations

import os
import pathlib
import resource
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.clock import SteadyClock
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.errors import JournalUnavailableError
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.journal import (
    EVENT,
    LONGEST_DELAY,
    PARKED_AFTER,
    SWEEP,
    Journal,
    Settling,
)


class Clock:
    """Seconds that only the test moves."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def journal(tmp_path, clock):
    opened = Journal(tmp_path / "state.db", clock=clock, jitter=lambda low, high: high)
    yield opened
    opened.close()


def test_a_key_is_worked_on_once_and_then_gone(journal):
    journal.mark_dirty("prod", ["a", "a", "b"])
    first, second = journal.take("prod"), journal.take("prod")
    assert {first.key, second.key} == {"a", "b"}
    assert journal.take("prod") is None
    assert journal.done(first)
    assert journal.done(second)
    assert journal.take("prod") is None
    assert journal.backlog("prod").dirty == 0


@pytest.fixture
def settling(tmp_path, clock):
    opened = Journal(tmp_path / "settling.db", clock=clock, settle=0.5)
    yield opened
    opened.close()


@pytest.mark.parametrize("while_at_work", [True, False])
def test_of_a_burst_the_first_hint_is_followed_at_once_and_the_others_together(settling, clock, while_at_work):
    settling.mark_dirty("prod", ["a"])
    first = settling.take("prod")
    if while_at_work:
        settling.mark_dirty("prod", ["a"])
    assert settling.done(first) is not while_at_work
    settling.mark_dirty("prod", ["a", "b"])
    assert settling.take("prod").key == "b", "another key does not wait"
    settling.mark_dirty("prod", ["a"])
    assert settling.take("prod") is None
    assert settling.seconds_to_next(["prod"]) == pytest.approx(0.5)
    clock.now += 0.5
    assert settling.done(settling.take("prod"))
    assert settling.backlog("prod").dirty == 1, "only b, which is still at work"


def test_what_has_settled_is_forgotten(clock):
    settling = Settling(0.5)
    for number in range(100):
        settling.begin("prod", f"key-{number}", clock.now)
        clock.now += 0.125
    assert settling.waiting == 4
    assert settling.ready("prod", "key-99", clock.now) == clock.now + 0.375
    assert settling.ready("prod", "key-0", clock.now) == clock.now


def test_a_key_that_is_marked_while_it_is_worked_on_is_worked_on_again(journal):
    journal.mark_dirty("prod", ["a"])
    first = journal.take("prod")
    journal.mark_dirty("prod", ["a"])
    assert journal.take("prod") is None, "one worker a key"
    assert not journal.done(first)
    again = journal.take("prod")
    assert again.key == "a"
    assert journal.done(again)


def test_a_key_that_is_marked_again_during_a_failure_does_not_wait(journal):
    journal.mark_dirty("prod", ["a"])
    lease = journal.take("prod")
    journal.mark_dirty("prod", ["a"])
    journal.failed(lease, "no")
    assert journal.take("prod").attempts == 1


def test_connections_do_not_see_each_other(journal):
    journal.mark_dirty("prod", ["a"])
    assert journal.take("test") is None
    assert journal.take("prod").key == "a"


def test_the_key_that_waits_longest_comes_first(journal, clock):
    for key in ("c", "a", "b"):
        journal.mark_dirty("prod", [key])
        clock.now += 1
    assert [journal.take("prod").key for _time in range(3)] == ["c", "a", "b"]


def test_events_come_before_sweeps(journal, clock):
    journal.mark_dirty("prod", ["swept"], SWEEP)
    clock.now += 1
    journal.mark_dirty("prod", ["told"], EVENT)
    assert journal.take("prod").key == "told"


def test_an_event_raises_a_swept_key_and_a_sweep_lowers_none(journal, clock):
    journal.mark_dirty("prod", ["first", "second"], SWEEP)
    journal.mark_dirty("prod", ["second"], EVENT)
    journal.mark_dirty("prod", ["second"], SWEEP)
    assert journal.take("prod").key == "second"


def test_a_failing_key_waits_twice_as_long_each_time_and_at_last_a_quarter_of_an_hour(journal, clock):
    journal.mark_dirty("prod", ["a"])
    delays = []
    for _time in range(PARKED_AFTER + 2):
        delays.append(journal.failed(journal.take("prod"), "no"))
        clock.now += delays[-1] - 0.001
        assert journal.take("prod") is None
        clock.now += 0.002
    assert delays == [min(2.0**n, LONGEST_DELAY) for n in range(PARKED_AFTER)] + [LONGEST_DELAY] * 2
    assert journal.backlog("prod").parked == 1
    assert journal.take("prod").key == "a", "parked keys are still tried"


def test_the_delay_is_a_random_share(tmp_path, clock):
    asked = []

    def jitter(low, high):
        asked.append((low, high))
        return 0.25 * high

    journal = Journal(tmp_path / "state.db", clock=clock, jitter=jitter)
    journal.mark_dirty("prod", ["a"])
    assert journal.failed(journal.take("prod"), "no") == 0.25
    clock.now += 1
    assert journal.failed(journal.take("prod"), "no") == 0.5
    assert asked == [(0, 1.0), (0, 2.0)]
    journal.close()


def test_a_sweep_does_not_undo_the_back_off_and_an_event_does(journal):
    journal.mark_dirty("prod", ["a"])
    journal.failed(journal.take("prod"), "no")
    journal.mark_dirty("prod", ["a"], SWEEP)
    assert journal.take("prod") is None
    journal.mark_dirty("prod", ["a"], EVENT)
    assert journal.take("prod").attempts == 1


def test_a_failing_key_holds_up_no_other(journal):
    journal.mark_dirty("prod", ["bad", "good"])
    leases = {lease.key: lease for lease in (journal.take("prod"), journal.take("prod"))}
    journal.failed(leases["bad"], "no")
    journal.done(leases["good"])
    journal.mark_dirty("prod", ["better"])
    assert journal.take("prod").key == "better"


def test_a_key_to_recheck_comes_back_after_its_delay(journal, clock):
    journal.mark_dirty("prod", ["a"])
    journal.recheck(journal.take("prod"), 20)
    clock.now += 19.9
    assert journal.take("prod") is None
    assert journal.seconds_to_next(["prod"]) == pytest.approx(0.1)
    clock.now += 0.2
    assert journal.take("prod").key == "a"


def test_a_released_key_is_free_and_has_not_failed(journal):
    journal.mark_dirty("prod", ["a"])
    journal.release(journal.take("prod"))
    assert journal.take("prod").attempts == 0


def test_seconds_to_next(journal, clock):
    assert journal.seconds_to_next(["prod"]) is None
    journal.mark_dirty("prod", ["a"])
    assert journal.seconds_to_next(["prod"]) == 0
    assert journal.seconds_to_next(["test"]) is None
    lease = journal.take("prod")
    assert journal.seconds_to_next(["prod"]) is None, "a leased key is nothing to wait for"
    journal.failed(lease, "no")
    assert journal.seconds_to_next(["prod", "test"]) == 1.0


def test_the_backlog_tells_how_long_the_oldest_key_waits(journal, clock):
    began = clock.now
    journal.mark_dirty("prod", ["a"])
    clock.now += 50
    journal.mark_dirty("prod", ["a", "b"])
    backlog = journal.backlog("prod")
    assert (backlog.dirty, backlog.failing, backlog.oldest) == (2, 0, began)


def test_keys_and_watermarks_survive_a_restart_and_leases_do_not(tmp_path, clock):
    path = tmp_path / "state.db"
    journal = Journal(path, clock=clock)
    journal.mark_dirty("prod", ["a", "b"])
    journal.set_watermark("prod", "full_sweep", 7.0)
    journal.take("prod")
    journal.close()
    reopened = Journal(path, clock=clock)
    assert {reopened.take("prod").key, reopened.take("prod").key} == {"a", "b"}
    assert reopened.watermark("prod", "full_sweep") == 7.0
    assert reopened.watermark("prod", "other") is None
    reopened.close()


def test_what_is_marked_survives_the_death_of_the_process(tmp_path):
    program = (
        "import sys, os, signal, pathlib\n"
        "from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.journal import Journal\n"
        "Journal(pathlib.Path(sys.argv[1])).mark_dirty('prod', ['a'])\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    path = tmp_path / "state.db"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", program, str(path)], check=False, timeout=30, env=environment)
    journal = Journal(path)
    assert journal.take("prod").key == "a"
    journal.close()


def test_a_connection_is_forgotten_with_all_it_had(journal):
    journal.mark_dirty("prod", ["a"])
    journal.mark_dirty("test", ["a"])
    journal.set_watermark("prod", "full_sweep", 1.0)
    journal.forget("prod")
    assert journal.backlog("prod").dirty == 0
    assert journal.watermark("prod", "full_sweep") is None
    assert journal.backlog("test").dirty == 1


@pytest.mark.parametrize(
    "content", [b"this is not a database, but long enough to look at" * 100, b"SQLite format 3\0" * 500]
)
def test_a_corrupt_file_is_moved_aside_and_begun_anew(tmp_path, content):
    path = tmp_path / "state.db"
    path.write_bytes(content)
    journal = Journal(path)
    journal.mark_dirty("prod", ["a"])
    assert journal.take("prod").key == "a"
    (aside,) = tmp_path.glob("state.db.corrupt-*")
    assert aside.read_bytes() == content
    journal.close()


def test_a_file_that_breaks_while_in_use_is_begun_anew_and_counted(tmp_path):
    path = tmp_path / "state.db"
    journal = Journal(path)
    journal.mark_dirty("prod", [f"key-{number:06d}" for number in range(3000)])
    journal._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    journal._database.execute("PRAGMA cache_size = 0")
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(size - 4096))
    journal.mark_dirty("prod", ["after"])
    assert journal.rebuilt == 1
    assert journal.take("prod").key == "after"
    assert journal.backlog("prod").dirty == 1
    journal.close()


def test_a_broken_half_of_a_pair_of_generations_cannot_lose_a_later_mark(tmp_path):
    path = tmp_path / "state.db"
    journal = Journal(path)
    journal.mark_dirty("prod", ["a"])
    lease = journal.take("prod")
    journal.forget("prod")
    journal.mark_dirty("prod", ["a"])
    assert not journal.done(lease), "the later mark is another one"
    assert journal.take("prod").key == "a"
    journal.close()


def test_a_file_that_cannot_be_written_is_an_error_of_its_own(tmp_path):
    path = tmp_path / "state.db"
    journal = Journal(path)
    journal._database.execute("PRAGMA query_only = ON")
    with pytest.raises(JournalUnavailableError, match=r"state\.db"):
        journal.mark_dirty("prod", ["a"])
    journal._database.execute("PRAGMA query_only = OFF")
    journal.mark_dirty("prod", ["a"])
    assert journal.take("prod").key == "a"
    journal.close()


def test_a_full_disk_is_an_error_and_the_journal_works_again_afterwards(tmp_path):
    journal = Journal(tmp_path / "state.db")
    (pages,) = journal._database.execute("PRAGMA page_count").fetchone()
    journal._database.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(JournalUnavailableError, match="full"):
        journal.mark_dirty("prod", [f"key-{number:06d}" for number in range(3000)])
    assert journal.backlog("prod").dirty == 0, "all or nothing"
    journal._database.execute("PRAGMA max_page_count = 1000000")
    journal.mark_dirty("prod", ["a"])
    assert journal.take("prod").key == "a"
    journal.close()


def test_a_directory_that_is_missing_is_an_error(tmp_path):
    with pytest.raises(JournalUnavailableError, match="cannot be opened"):
        Journal(tmp_path / "missing" / "state.db")


def test_the_file_is_private(tmp_path):
    journal = Journal(tmp_path / "state.db")
    assert (tmp_path / "state.db").stat().st_mode & 0o077 == 0
    journal.close()


def test_others_may_use_the_same_file(tmp_path):
    path = tmp_path / "state.db"
    journal = Journal(path)
    other = sqlite3.connect(path, timeout=5)
    with other:
        other.execute("CREATE TABLE runs (id TEXT)")
        other.execute("INSERT INTO runs VALUES ('x')")
    journal.mark_dirty("prod", ["a"])
    assert other.execute("SELECT count(*) FROM dirty").fetchone() == (1,)
    other.close()
    journal.close()


def test_a_wait_ends_when_a_key_is_marked_and_is_not_begun_after_a_mark(journal):
    marks = journal.marks
    ended = threading.Event()

    def wait():
        journal.wait(marks, 30)
        ended.set()

    waiter = threading.Thread(target=wait)
    waiter.start()
    journal.mark_dirty("prod", ["a"])
    assert ended.wait(60)
    waiter.join()
    journal.wait(marks, 30)  # returns at once: the mark came before


def test_many_threads_neither_lose_nor_double_a_key(tmp_path):
    journal = Journal(tmp_path / "state.db")
    keys = [f"key-{number}" for number in range(120)]
    at_work: set[str] = set()
    seen: list[str] = []
    clashes: list[str] = []
    guard = threading.Lock()

    def work():
        while (lease := journal.take("prod")) is not None:
            with guard:
                if lease.key in at_work:
                    clashes.append(lease.key)
                at_work.add(lease.key)
                seen.append(lease.key)
            with guard:
                at_work.discard(lease.key)
            journal.done(lease)

    journal.mark_dirty("prod", keys)
    threads = [threading.Thread(target=work) for _number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not clashes
    assert sorted(seen) == sorted(keys)
    journal.close()


class JournalMachine(RuleBasedStateMachine):
    """The journal against a model: a dict of keys, with what was marked after it was taken."""

    keys = st.sampled_from(["a", "b", "c"])

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(prefix="wxgov-journal-")
        self.path = f"{self.folder.name}/state.db"
        self.clock = Clock()
        self.dirty: set[str] = set()
        self.leases: dict[str, tuple[object, bool]] = {}
        self.open()

    def open(self) -> None:
        self.journal = Journal(pathlib.Path(self.path), clock=self.clock)

    @rule(keys=st.sets(keys), priority=st.sampled_from([EVENT, SWEEP]))
    def mark(self, keys, priority):
        self.journal.mark_dirty("prod", keys, priority)
        self.dirty |= keys
        self.leases = {key: (lease, again or key in keys) for key, (lease, again) in self.leases.items()}

    @rule()
    def take(self):
        lease = self.journal.take("prod")
        if lease is not None:
            assert lease.key in self.dirty
            assert lease.key not in self.leases
            self.leases[lease.key] = (lease, False)

    @precondition(lambda self: self.leases)
    @rule(data=st.data())
    def done(self, data):
        key = data.draw(st.sampled_from(sorted(self.leases)))
        lease, again = self.leases.pop(key)
        assert self.journal.done(lease) is not again
        if not again:
            self.dirty.discard(key)

    @precondition(lambda self: self.leases)
    @rule(data=st.data(), how=st.sampled_from(["failed", "recheck", "release"]))
    def put_back(self, data, how):
        lease, _again = self.leases.pop(data.draw(st.sampled_from(sorted(self.leases))))
        arguments = {"failed": ["no"], "recheck": [30], "release": []}[how]
        getattr(self.journal, how)(lease, *arguments)

    @rule(seconds=st.sampled_from([1, 60, 1000]))
    def advance(self, seconds):
        self.clock.now += seconds

    @rule()
    def restart(self):
        self.journal.close()
        self.leases = {}
        self.open()

    @invariant()
    def nothing_is_lost(self):
        assert self.journal.backlog("prod").dirty == len(self.dirty)

    def teardown(self):
        self.clock.now += 10_000
        self.journal.close()
        self.open()
        left = set()
        while (lease := self.journal.take("prod")) is not None:
            left.add(lease.key)
        assert left == self.dirty, "every key is ready in the end"
        self.journal.close()
        self.folder.cleanup()


TestJournalMachine = JournalMachine.TestCase
TestJournalMachine.settings = settings(max_examples=30, stateful_step_count=25, deadline=None)


def test_what_another_process_marks_is_found_and_due_whatever_its_clock_says(tmp_path, clock):
    journal = Journal(tmp_path / "state.db", clock=clock)
    assert not journal.absorb()
    journal.mark_dirty("prod", ["own"])
    assert not journal.absorb(), "its own writing is no news"
    ahead = Clock()
    ahead.now = clock.now + 7200
    other = Journal(tmp_path / "state.db", clock=ahead)
    other.mark_dirty("prod", ["theirs"])
    other.close()
    marks = journal.marks
    assert journal.absorb()
    assert journal.marks != marks, "workers look again"
    assert not journal.absorb()
    assert {journal.take("prod").key, journal.take("prod").key} == {"own", "theirs"}
    journal.close()


def test_a_clock_that_was_set_back_between_two_runs_delays_no_key(tmp_path, clock):
    journal = Journal(tmp_path / "state.db", clock=clock, jitter=lambda low, high: high)
    journal.mark_dirty("prod", ["new", "failing"])
    new, failing = sorted((journal.take("prod"), journal.take("prod")), key=lambda lease: lease.key, reverse=True)
    journal.failed(failing, "no")
    journal.release(new)
    journal.close()
    clock.now -= 7200
    again = Journal(tmp_path / "state.db", clock=clock)
    assert {again.take("prod").key, again.take("prod").key} == {"new", "failing"}
    again.close()


def test_a_restart_does_not_undo_the_back_off(tmp_path, clock):
    journal = Journal(tmp_path / "state.db", clock=clock, jitter=lambda low, high: high)
    journal.mark_dirty("prod", ["failing"])
    journal.failed(journal.take("prod"), "no")
    journal.close()
    again = Journal(tmp_path / "state.db", clock=clock)
    assert again.take("prod") is None
    clock.now += 1
    assert again.take("prod").attempts == 1
    again.close()


def test_the_clock_of_a_running_journal_is_not_the_hosts(tmp_path, monkeypatch):
    """Row 15 of the fault matrix: the host's clock is set back by an hour, and a mark is due all the same."""
    journal = Journal(tmp_path / "state.db")
    journal.mark_dirty("prod", ["a"])
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() - 3600)
    assert journal.take("prod").key == "a"
    journal.close()


def test_a_steady_clock_starts_with_the_time_of_day_and_only_goes_on():
    wall, monotonic = iter([5000.0, 1.0]), iter([10.0, 12.5])
    clock = SteadyClock(wall=lambda: next(wall), monotonic=lambda: next(monotonic))
    assert clock() == 5002.5


def test_a_file_that_breaks_while_the_disk_is_full_is_begun_anew_when_there_is_room(tmp_path):
    journal = Journal(tmp_path / "state.db")
    journal.mark_dirty("prod", ["a"])
    for path in tmp_path.glob("state.db*"):
        path.write_bytes(b"not a database, and longer than the header of one" * 100)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))  # no file can grow: writing fails, as on a full disk
    try:
        for _attempt in range(2):
            with pytest.raises(JournalUnavailableError, match="Is the disk full"):
                journal.mark_dirty("prod", ["b"])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    journal.mark_dirty("prod", ["b"])
    assert (journal.backlog("prod").dirty, journal.rebuilt) == (1, 1)
    journal.close()


def test_a_bound_on_keys_is_told_per_connection(journal):
    journal.mark_dirty("prod", ["a", "b"])
    journal.mark_dirty("other", ["c"])
    journal.mark_dirty("prod", ["d", "e", "f"], SWEEP)
    assert [journal.holds("prod", number) for number in (1, 2, 3)] == [True, True, False]


def test_keys_are_listed_with_their_reasons_and_the_worst_first(journal, clock):
    journal.mark_dirty("prod", ["bad"], SWEEP)
    for _time in range(PARKED_AFTER + 1):
        journal.failed(journal.take("prod"), "the console does not answer")
        clock.now += LONGEST_DELAY
    journal.mark_dirty("prod", ["new"])
    bad, new = journal.keys("prod", 10)
    assert (bad.key, bad.priority, bad.attempts, bad.parked) == ("bad", SWEEP, PARKED_AFTER + 1, True)
    assert bad.error == "the console does not answer"
    assert (new.key, new.priority, new.attempts, new.parked, new.error) == ("new", EVENT, 0, False, "")
    assert (new.dirty_since, new.not_before) == (clock.now, clock.now)
    assert [found.key for found in journal.keys("prod", 1)] == ["bad"]
    assert journal.keys("other", 10) == []


def test_notes_survive_and_are_taken_once(tmp_path):
    journal = Journal(tmp_path / "state.db")
    journal.set_note("prod", "order", "first")
    journal.set_note("prod", "order", "second")
    journal.close()
    again = Journal(tmp_path / "state.db")
    assert again.note("prod", "order") == "second"
    assert again.note("other", "order") is None
    assert [again.take_note("prod", "order") for _time in range(2)] == ["second", None]
    again.set_note("prod", "order", "third")
    again.forget("prod")
    assert again.note("prod", "order") is None
    again.close()


def test_a_mark_waits_for_the_disk_and_nothing_else_does(journal):
    """What SQLite has been told when each transaction begins; only FULL waits for the disk at a commit in WAL mode."""
    told = []
    journal._database.set_trace_callback(told.append)
    journal.mark_dirty("prod", ["a", "b"])
    assert journal.done(journal.take("prod"))
    journal.failed(journal.take("prod"), "why")
    journal.set_note("prod", "name", "value")
    journal.mark_dirty("prod", ["c"])
    journal.mark_dirty("prod", ["d"])
    mode, modes = "", []
    for statement in told:
        if "synchronous" in statement:
            mode = statement.rpartition(" ")[2]
        if statement.startswith("BEGIN"):
            modes.append(mode)
    assert modes == ["FULL", "NORMAL", "NORMAL", "NORMAL", "FULL", "FULL"]
