# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Workers over a real journal: one thread a key, fair over connections, nothing lost when work fails."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from dataclasses import dataclass

import pytest

from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.journal import SWEEP, Journal
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.status import Counters
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.workers import LOCKED_PAUSE, WorkerPool


@dataclass(frozen=True)
class Result:
    status: str = "updated"
    detail: str = ""
    recheck_after: float | None = None


class Bench:
    """A reconciler that does what the test says with each key, and notes what was at work at the same time."""

    def __init__(self, act=lambda key: Result()) -> None:
        self.act = act
        self.done: Counter[str] = Counter()
        self.clashes: list[str] = []
        self.most_at_once = 0
        self._at_work: Counter[str] = Counter()
        self._lock = threading.Lock()

    def reconcile(self, key):
        with self._lock:
            self._at_work[key] += 1
            if self._at_work[key] > 1:
                self.clashes.append(key)
            self.most_at_once = max(self.most_at_once, self._at_work.total())
        try:
            return self.act(key)
        finally:
            with self._lock:
                self._at_work[key] -= 1
                self.done[key] += 1


@contextlib.contextmanager
def always(_name):
    yield True


@contextlib.contextmanager
def working(journal, size=4, try_shared=always, **options):
    """A pool at work; at the end every thread must have ended."""
    pool = WorkerPool(journal, size, try_shared, **options)
    threads = [threading.Thread(target=pool.run) for _number in range(size)]
    for thread in threads:
        thread.start()
    try:
        yield pool
    finally:
        pool.stop()
        for thread in threads:
            thread.join(60)
    assert not any(thread.is_alive() for thread in threads)


def wait_until(condition, timeout=60):
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.005)


@pytest.fixture
def journal(tmp_path):
    opened = Journal(tmp_path / "state.db", jitter=lambda low, high: 0.05)
    yield opened
    opened.close()


def is_clean(journal, *names):
    return all(journal.backlog(name).dirty == 0 for name in names)


def test_every_key_is_worked_on_once_and_outcomes_are_counted(journal):
    bench, counters = Bench(), Counters()
    journal.mark_dirty("prod", [f"key-{number}" for number in range(40)])
    with working(journal) as pool:
        pool.attach("prod", bench, counters)
        wait_until(lambda: is_clean(journal, "prod"))
    assert set(bench.done.values()) == {1}
    assert len(bench.done) == 40
    wait_until(lambda: counters.snapshot().outcomes == {"updated": 40})
    assert "success" in counters.snapshot().moments


def test_a_key_marked_while_it_is_worked_on_is_worked_on_again_but_not_at_the_same_time(journal):
    begun = threading.Event()
    go_on = threading.Event()

    def act(key):
        begun.set()
        go_on.wait(60)
        return Result()

    bench = Bench(act)
    journal.mark_dirty("prod", ["a"])
    with working(journal) as pool:
        pool.attach("prod", bench, Counters())
        assert begun.wait(60)
        for _time in range(5):
            journal.mark_dirty("prod", ["a"])
        go_on.set()
        wait_until(lambda: is_clean(journal, "prod"))
    assert bench.done["a"] == 2
    assert not bench.clashes


def test_keys_are_worked_on_at_the_same_time_up_to_the_size_of_the_pool(journal):
    together = threading.Barrier(4, timeout=60)

    def act(key):
        together.wait()
        return Result()

    bench = Bench(act)
    journal.mark_dirty("prod", [f"key-{number}" for number in range(8)])
    with working(journal, size=4) as pool:
        pool.attach("prod", bench, Counters())
        wait_until(lambda: is_clean(journal, "prod"))
    assert bench.most_at_once == 4


def test_a_failing_key_is_tried_again_and_delays_no_other(journal):
    failures = iter([OSError("no network"), KeyError("x"), RuntimeError("odd")])

    def act(key):
        if key == "bad" and (failure := next(failures, None)):
            raise failure
        return Result()

    bench, counters = Bench(act), Counters()
    journal.mark_dirty("prod", ["bad", *(f"key-{number}" for number in range(10))])
    with working(journal, size=1) as pool:
        pool.attach("prod", bench, counters)
        wait_until(lambda: is_clean(journal, "prod"))
    assert bench.done["bad"] == 4
    assert set(bench.done.values()) == {1, 4}
    seen = counters.snapshot()
    assert seen.counts["reconcile_failures"] == 3
    assert seen.last_error == "RuntimeError: odd"


def test_a_key_to_recheck_is_worked_on_again(journal):
    results = iter([Result("unchanged", recheck_after=0.05), Result("unchanged")])
    bench = Bench(lambda key: next(results))
    journal.mark_dirty("prod", ["a"])
    with working(journal) as pool:
        pool.attach("prod", bench, Counters())
        wait_until(lambda: is_clean(journal, "prod"))
    assert bench.done["a"] == 2


def test_a_connection_that_hangs_leaves_a_thread_to_each_other(journal):
    let_go = threading.Event()

    def hang(key):
        let_go.wait(120)
        return Result()

    stuck, quick = Bench(hang), Bench()
    journal.mark_dirty("stuck", [f"key-{number}" for number in range(20)])
    with working(journal, size=4) as pool:
        pool.attach("stuck", stuck, Counters())
        pool.attach("quick", quick, Counters())
        wait_until(lambda: stuck.most_at_once >= 3)
        journal.mark_dirty("quick", ["a", "b", "c"])
        try:
            wait_until(lambda: is_clean(journal, "quick"))
        finally:
            let_go.set()
        wait_until(lambda: is_clean(journal, "stuck"))
    assert stuck.most_at_once == 3


def test_connections_that_hang_leave_a_thread_to_each_other(journal):
    let_go = threading.Event()

    def hang(key):
        let_go.wait(120)
        return Result()

    stuck, quick = {"one": Bench(hang), "two": Bench(hang)}, Bench()
    for name in stuck:
        journal.mark_dirty(name, [f"key-{number}" for number in range(20)])
    with working(journal, size=8) as pool:
        for name, bench in stuck.items():
            pool.attach(name, bench, Counters())
        pool.attach("quick", quick, Counters())
        wait_until(lambda: sum(bench.most_at_once for bench in stuck.values()) >= 7)
        journal.mark_dirty("quick", ["a", "b", "c"])
        try:
            wait_until(lambda: is_clean(journal, "quick"))
            # Only now: once they no longer hang, the one may have its most threads when the other has few.
            assert sum(bench.most_at_once for bench in stuck.values()) == 7
        finally:
            let_go.set()
        wait_until(lambda: all(is_clean(journal, name) for name in stuck))


def test_connections_take_turns(journal):
    order = []
    lock = threading.Lock()

    def note(name):
        def act(key):
            with lock:
                order.append(name)
            return Result()

        return act

    for name in ("one", "two"):
        journal.mark_dirty(name, [f"key-{number}" for number in range(10)])
    pool = WorkerPool(journal, 1, always)
    for name in ("one", "two"):
        pool.attach(name, Bench(note(name)), Counters())
    thread = threading.Thread(target=pool.run)
    thread.start()
    wait_until(lambda: is_clean(journal, "one", "two"))
    pool.stop()
    thread.join(60)
    assert all(first != second for first, second in zip(order, order[1:], strict=False))


def test_a_locked_connection_is_asked_for_once_a_pause_and_not_all_the_time(journal):
    asked, now = [], [0.0]

    @contextlib.contextmanager
    def try_shared(name):
        asked.append(name)
        yield name == "open"

    journal.mark_dirty("locked", ["a"])
    with working(journal, try_shared=try_shared, clock=lambda: now[0]) as pool:
        locked = pool.attach("locked", Bench(), Counters())
        pool.attach("open", Bench(), Counters())
        for pause in (1, 2, 3):
            wait_until(lambda told=pause: asked.count("locked") == told)
            wait_until(lambda: locked.paused_until > now[0])  # before the clock goes on
            for number in range(20):  # each wakes the threads, and has them look for work on all connections
                journal.mark_dirty("open", [f"key-{number}"])
                wait_until(lambda: is_clean(journal, "open"))
            assert asked.count("locked") == pause
            now[0] += LOCKED_PAUSE
            pool.resize(4)


def test_a_locked_connection_waits_without_failing_while_others_go_on(journal):
    locked = threading.Event()
    locked.set()

    @contextlib.contextmanager
    def try_shared(name):
        yield not (name == "locked" and locked.is_set())

    shut, free = Bench(), Bench()
    journal.mark_dirty("locked", ["a"])
    journal.mark_dirty("free", ["a"])
    with working(journal, try_shared=try_shared) as pool:
        counters = Counters()
        pool.attach("locked", shut, counters)
        pool.attach("free", free, Counters())
        wait_until(lambda: is_clean(journal, "free"))
        assert not shut.done
        locked.clear()
        wait_until(lambda: is_clean(journal, "locked"))
    assert counters.snapshot().counts["reconcile_failures"] == 0


def test_a_lock_that_cannot_be_opened_is_a_failure_of_the_key_and_not_the_end_of_the_thread(journal):
    broken = threading.Event()
    broken.set()

    @contextlib.contextmanager
    def try_shared(_name):
        if broken.is_set():
            raise OSError("read-only")
        yield True

    bench, counters = Bench(), Counters()
    journal.mark_dirty("prod", ["a"])
    with working(journal, size=1, try_shared=try_shared) as pool:
        pool.attach("prod", bench, counters)
        wait_until(lambda: counters.snapshot().counts["reconcile_failures"] >= 1)
        broken.clear()
        wait_until(lambda: is_clean(journal, "prod"))


def test_a_detached_connection_is_left_alone_once_its_work_has_ended(journal):
    let_go = threading.Event()

    def hang(key):
        let_go.wait(60)
        return Result()

    bench = Bench(hang)
    journal.mark_dirty("prod", ["a", "b"])
    with working(journal, size=1) as pool:
        slot = pool.attach("prod", bench, Counters())
        wait_until(lambda: not slot.idle.is_set())
        pool.detach(slot)
        assert not slot.idle.is_set()
        let_go.set()
        assert slot.idle.wait(60)
        time.sleep(0.05)
    assert bench.done.total() == 1
    assert journal.backlog("prod").dirty == 1


def test_a_stop_finishes_what_is_under_way_and_keeps_the_rest(journal):
    begun = threading.Event()

    def act(key):
        begun.set()
        time.sleep(0.1)
        return Result()

    bench = Bench(act)
    journal.mark_dirty("prod", [f"key-{number}" for number in range(10)])
    with working(journal, size=2) as pool:
        pool.attach("prod", bench, Counters())
        assert begun.wait(60)
    assert 1 <= bench.done.total() <= 3
    assert journal.backlog("prod").dirty == 10 - bench.done.total()


def test_a_journal_out_of_order_is_waited_for(journal):
    bench = Bench()
    journal.mark_dirty("prod", ["a"])
    journal._database.execute("PRAGMA query_only = ON")
    with working(journal, size=1) as pool:
        pool.attach("prod", bench, Counters())
        wait_until(lambda: bench.done["a"] >= 1)
        journal._database.execute("PRAGMA query_only = OFF")
        wait_until(lambda: is_clean(journal, "prod"))
    assert bench.done["a"] >= 2, "what could not be noted as done is done again"


def test_an_idle_pool_does_not_spin(journal):
    with working(journal, size=4) as pool:
        pool.attach("prod", Bench(), Counters())
        time.sleep(0.1)
        before = time.process_time()
        time.sleep(0.5)
        assert time.process_time() - before < 0.1


def test_a_pool_at_its_share_does_not_spin(journal):
    let_go = threading.Event()

    def hang(key):
        let_go.wait(60)
        return Result()

    journal.mark_dirty("one", [f"key-{number}" for number in range(20)])
    bench = Bench(hang)
    with working(journal, size=4) as pool:
        for name in ("one", "two", "three"):
            pool.attach(name, bench, Counters())
        wait_until(lambda: bench.most_at_once >= 2)
        before = time.process_time()
        time.sleep(0.5)
        spent = time.process_time() - before
        let_go.set()
    assert spent < 0.1
    assert bench.most_at_once >= 2


class Console:
    """Whether the reconciler's console is down, and how often it was tried meanwhile."""

    def __init__(self, journal) -> None:
        self.is_down = False
        self.tries: Counter[str] = Counter()
        self.bench = Bench(self.act)
        self.counters = Counters()
        self.journal = journal

    def act(self, key):
        if self.is_down:
            self.tries[key] += 1
            raise OSError("the console does not answer")
        return Result()

    def attach(self, pool):
        return pool.attach("prod", self.bench, self.counters, is_down=lambda: self.is_down)


def test_an_outage_of_the_console_is_no_failure_of_the_keys_and_is_tried_by_one_thread(journal):
    """Row 16 of the fault matrix: keys do not burn their back-off into hours while the console is down."""
    console = Console(journal)
    console.is_down = True
    keys = [f"key-{number}" for number in range(40)]
    journal.mark_dirty("prod", keys)
    with working(journal, size=4, down_pause=0.05) as pool:
        console.attach(pool)
        wait_until(lambda: console.tries.total() >= 12, 60)
        assert max(key.attempts for key in journal.keys("prod", 100)) <= 1, "only the first failure counts"
        assert sum(key.attempts for key in journal.keys("prod", 100)) <= 4, "and only of those that were under way"
        assert journal.backlog("prod").dirty == 40
        console.is_down = False
        wait_until(lambda: is_clean(journal, "prod"), 60)
    assert set(console.bench.done) == set(keys)


def test_while_a_console_is_down_one_key_at_a_time_tries_and_then_there_is_a_pause(journal):
    console = Console(journal)
    console.is_down = True
    journal.mark_dirty("prod", [f"key-{number}" for number in range(10)])
    with working(journal, size=4) as pool:
        slot = console.attach(pool)
        wait_until(lambda: slot.down and not slot.active)
        assert console.tries.total() <= 4
        assert slot.paused_until - time.monotonic() > 1
        slot.paused_until = 0.0
        journal.wake()
        tried = console.tries.total()
        wait_until(lambda: console.tries.total() == tried + 1)
        wait_until(lambda: not slot.active)
        assert console.bench.most_at_once <= 4
        assert console.tries.total() == tried + 1


def test_a_key_that_alone_makes_the_console_look_down_does_not_keep_the_others_waiting(journal):
    console = Console(journal)

    def act(key):
        console.is_down = key == "bad"
        if key == "bad":
            console.tries[key] += 1
            raise OSError("503")
        return Result()

    console.bench.act = act
    journal.mark_dirty("prod", ["bad"])
    with working(journal, size=1, down_pause=0.05) as pool:
        console.attach(pool)
        wait_until(lambda: console.tries["bad"] >= 1)
        journal.mark_dirty("prod", [f"key-{number}" for number in range(5)])
        wait_until(lambda: journal.backlog("prod").dirty == 1, 60)
        for _time in range(3):
            journal.mark_dirty("prod", ["good", "bad"])
            wait_until(lambda: journal.backlog("prod").dirty == 1, 60)
        wait_until(lambda: journal.keys("prod", 1)[0].attempts >= 2, 60)


def test_what_was_written_after_a_long_time_is_looked_at_again_and_what_was_not_is_not(journal):
    """Row 21: a process that was stopped between looking and writing may have written something old."""
    clock = iter(range(0, 100_000, 100))
    results = {"written": ["updated", "unchanged"], "same": ["unchanged"]}
    bench = Bench(lambda key: Result(results[key].pop(0)))
    journal.mark_dirty("prod", ["written", "same"])
    with working(journal, size=1, clock=lambda: next(clock), doubt_seconds=30) as pool:
        pool.attach("prod", bench, Counters())
        wait_until(lambda: is_clean(journal, "prod"))
    assert bench.done == {"written": 2, "same": 1}


def test_work_that_a_sweep_asked_for_is_made_in_the_background(journal):
    behind = []

    @contextlib.contextmanager
    def background():
        behind.append(threading.get_ident())
        yield
        behind.remove(threading.get_ident())

    seen = {}
    bench = Bench(lambda key: seen.update({key: threading.get_ident() in behind}) or Result())
    journal.mark_dirty("prod", ["swept", "both"], SWEEP)
    journal.mark_dirty("prod", ["event", "both"])
    with working(journal, size=2) as pool:
        pool.attach("prod", bench, Counters(), background=background)
        wait_until(lambda: is_clean(journal, "prod"))
    assert seen == {"swept": True, "event": False, "both": False}


def test_a_pool_grows_and_shrinks_while_it_works(journal):
    pool = WorkerPool(journal, 3, always)
    threads = []

    def run(number):
        for _thread in range(number):
            threads.append(threading.Thread(target=pool.run))
            threads[-1].start()

    def living():
        return sum(thread.is_alive() for thread in threads)

    run(3)
    wait_until(lambda: pool.resize(3) == 0)
    assert pool.resize(1) == 0
    wait_until(lambda: living() == 1)
    run(pool.resize(4))
    assert len(threads) == 6
    bench = Bench(lambda key: time.sleep(0.2) or Result())
    journal.mark_dirty("prod", [f"key-{number}" for number in range(8)])
    pool.attach("prod", bench, Counters())
    wait_until(lambda: is_clean(journal, "prod"))
    assert bench.most_at_once == 4
    pool.stop()
    wait_until(lambda: living() == 0)
