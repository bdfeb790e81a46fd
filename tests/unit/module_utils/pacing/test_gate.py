# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Threads at a gate: who goes first, who gives up, and that those who wait do nothing."""

from __future__ import annotations

import math
import threading
import time
import timeit

from ansible_collections.wxgov.sagemaker.plugins.module_utils.pacing.gate import Gate
from ansible_collections.wxgov.sagemaker.plugins.module_utils.pacing.pace import Pace, PaceSettings
from ansible_collections.wxgov.sagemaker.plugins.module_utils.pacing.priority import (
    Priority,
    calling_for,
    current_priority,
    take_priority,
)

EVENT, SWEEP = Priority.EVENT, Priority.SWEEP


class Time:
    """A clock that only sleeping moves; a sleeper may be stopped until the test lets it go on."""

    def __init__(self):
        self.now = 0.0
        self.sleepers = 0
        self.most_sleepers = 0
        self._lock = threading.Lock()
        self.running = threading.Event()
        self.running.set()

    def clock(self):
        return self.now

    def sleep(self, seconds):
        with self._lock:
            end = self.now + seconds
            self.sleepers += 1
            self.most_sleepers = max(self.most_sleepers, self.sleepers)
        assert self.running.wait(60)
        with self._lock:
            self.now = max(self.now, end)
            self.sleepers -= 1


def limited(time_, rate):
    """A gate that is held to a rate from now on."""
    pace = Pace(PaceSettings(increase=0.0, floor=rate, is_even=True))
    pace.throttled(time_.now)
    return Gate(pace, clock=time_.clock, sleep=time_.sleep)


def until(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def start(gate, priority, passed, name):
    """A thread that passes the gate once and writes its name down; returned when it waits there."""

    def work():
        with calling_for(priority):
            assert gate.enter(math.inf)
            passed.append(name)

    before = gate._waiting[priority]
    thread = threading.Thread(target=work)
    thread.start()
    until(lambda: gate._waiting[priority] > before or not thread.is_alive())
    return thread


def pass_all(rate, *names):
    """Let threads of both priorities, which all wait at a gate, go by the real clock; the order in which they pass."""
    pace, passed = Pace(PaceSettings(increase=0.0, floor=rate, is_even=True)), []
    pace.throttled(time.monotonic())
    pace._due_at = math.inf
    gate = Gate(pace, sleep=lambda seconds: time.sleep(min(seconds, 0.01)))
    threads = [start(gate, Priority(name), passed, name) for name in names]
    pace._due_at = time.monotonic()
    for thread in threads:
        thread.join(60)
    assert len(passed) == len(names)
    return passed


def test_an_event_is_not_held_up_by_the_sweeps_that_wait_already():
    passed = pass_all(20.0, *["sweep"] * 25, "event")
    assert passed.index("event") <= 6


def test_while_an_event_waits_a_sweep_goes_by_its_own_share_only():
    time_, passed = Time(), []
    gate = limited(time_, 10.0)
    time_.running.clear()
    event = start(gate, EVENT, passed, "event")
    entered = []
    for _sweep in range(2):  # one for its own share, and there would be one of what is shared
        gate._pace._due_at = 0.0
        with calling_for(SWEEP):
            entered.append(gate.enter(time_.now + 0.1))
    assert entered == [True, False]
    time_.running.set()
    event.join(60)
    assert passed == ["event"]


def test_whoever_comes_later_goes_behind_those_who_wait():
    time_, passed = Time(), []
    gate = limited(time_, 10.0)
    time_.running.clear()
    first = start(gate, EVENT, passed, "first")
    gate._pace._due_at = 0.0  # a call could be made now, and it is the first one's
    assert not gate.enter(time_.now + 0.1)
    time_.running.set()
    first.join(60)
    assert passed == ["first"]


def test_of_those_who_wait_only_the_first_of_each_line_looks_at_the_clock():
    time_, passed = Time(), []
    gate = limited(time_, 10.0)
    time_.running.clear()
    threads = [start(gate, priority, passed, "") for priority in (SWEEP, EVENT) for _thread in range(20)]
    time_.running.set()
    for thread in threads:
        thread.join(60)
    assert len(passed) == 40
    assert time_.most_sleepers == 2


def test_whoever_would_be_too_late_is_told_so_and_the_next_goes_on():
    time_ = Time()
    gate = limited(time_, 2.0)
    assert gate.enter(1.0)
    assert not gate.enter(time_.now + 0.3)
    assert gate.enter(time_.now + 0.6)
    assert time_.now <= 1.2


def test_without_a_limit_nobody_waits_and_it_costs_microseconds():
    gate = Gate(Pace())
    assert gate.rate is None

    def call():
        gate.enter(math.inf)
        gate.answered()

    assert min(timeit.repeat(call, number=2000, repeat=5)) / 2000 < 20e-6


def test_a_priority_ends_with_its_block_and_a_thread_of_a_pool_keeps_what_it_was_given():
    seen = []
    with calling_for(SWEEP):
        assert current_priority() is SWEEP
        plain = threading.Thread(target=lambda: seen.append(current_priority()))
        given = threading.Thread(target=lambda: (take_priority(SWEEP), seen.append(current_priority())))
        for thread in (plain, given):
            thread.start()
            thread.join(60)
    assert seen == [EVENT, SWEEP]
    assert current_priority() is EVENT
