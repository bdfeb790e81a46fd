# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pace, driven by a clock of the test's: what it lets through, how it is cut and grows, and who goes first."""

from __future__ import annotations

import heapq
import math
from collections import deque
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.aws_pace import SETTINGS as SAGEMAKER
from ansible_collections.wxgov.sagemaker.plugins.module_utils.pacing.pace import Pace, PaceSettings
from ansible_collections.wxgov.sagemaker.plugins.module_utils.pacing.priority import Priority

EVENT, SWEEP = Priority.EVENT, Priority.SWEEP


def limited(rate, **settings):
    """A pace that is limited to a rate and has nothing saved up, at time 0."""
    pace = Pace(PaceSettings(**settings))
    pace.throttled(0.0)
    pace.rate = rate
    return pace


def simulate(pace, seconds, demand, start=0.0):
    """Callers that ask again when they were told to; return how many calls of each priority were made.

    ``demand`` is the number of callers of a priority, each of whom always has a next call to make.
    """
    made = {EVENT: 0, SWEEP: 0}
    due = [(start, priority.value) for priority, callers in demand.items() for _caller in range(callers)]
    heapq.heapify(due)
    while True:
        now, name = due[0]
        if now > start + seconds:
            return made
        priority = Priority(name)
        wait = pace.ask(now, priority, demand[EVENT] > 0)
        made[priority] += wait == 0
        heapq.heapreplace(due, (now + max(wait, 0.001), name))


def test_there_is_no_limit_until_the_console_says_so():
    pace = Pace()
    assert all(pace.ask(0.001 * number, SWEEP) == 0 for number in range(5000))
    assert pace.rate is None


@given(st.floats(2, 400))
def test_the_first_429_halves_the_rate_that_was_measured(rate):
    pace = Pace()
    for number in range(int(10 * rate)):
        pace.ask(number / rate, EVENT)
    pace.throttled(10.0)
    assert pace.rate == pytest.approx(rate / 2, rel=0.35)
    assert pace.ask(10.0, EVENT) > 0


def test_several_429_at_once_count_as_one_and_later_ones_again():
    pace = limited(16.0)
    for moment in (2.0, 2.1, 2.9):
        pace.throttled(moment)
    assert pace.rate == 8.0
    pace.throttled(3.1)
    assert pace.rate == 4.0


@given(st.lists(st.floats(1.1, 100), max_size=30))
def test_the_rate_never_falls_below_its_floor(gaps):
    pace, now = limited(10.0), 0.0
    for gap in gaps:
        now += gap
        pace.throttled(now)
        assert pace.rate >= pace.settings.floor


def test_the_rate_grows_by_one_a_second_while_it_holds_calls_back_and_then_ends():
    pace = limited(10.0, ceiling=20.0)
    for tenth in range(1, 51):
        while pace.ask(tenth / 10, EVENT) == 0:
            pass
        pace.answered(tenth / 10)
    assert pace.rate == pytest.approx(15.0, abs=0.2)
    for tenth in range(51, 150):
        while pace.rate is not None and pace.ask(tenth / 10, EVENT) == 0:
            pass
        pace.answered(tenth / 10)
    assert pace.rate is None


def test_a_rate_that_nobody_needs_does_not_grow():
    pace = limited(10.0)
    for second in range(1, 60):
        assert pace.ask(float(second), EVENT) == 0
        pace.answered(float(second))
    assert pace.rate == 10.0


@settings(max_examples=25)
@given(st.floats(1, 200), st.integers(0, 6), st.integers(0, 6))
def test_no_more_calls_are_made_than_the_rate_and_its_burst_allow(rate, events, sweeps):
    pace = limited(rate)
    made = simulate(pace, 10.0, {EVENT: events, SWEEP: sweeps}) if events + sweeps else {EVENT: 0, SWEEP: 0}
    assert sum(made.values()) <= rate * 10 + max(3.0, rate) + 1
    if events + sweeps > 1:
        assert sum(made.values()) >= 0.85 * rate * 10 - 3


@settings(max_examples=25)
@given(st.floats(5, 100), st.integers(2, 8), st.integers(1, 8))
def test_events_come_first_and_sweeps_still_get_their_fifth(rate, events, sweeps):
    made = simulate(limited(rate), 20.0, {EVENT: events, SWEEP: sweeps})
    assert made[SWEEP] >= 0.2 * rate * 20 - 2
    assert made[EVENT] >= 0.7 * rate * 20


def test_while_an_event_waits_a_sweep_takes_nothing_of_the_shared_part():
    pace = limited(10.0)
    assert [pace.ask(1.0, SWEEP, True) == 0 for _call in range(3)] == [True, True, False]
    assert pace.ask(1.0, SWEEP, False) == 0
    assert pace.ask(1.0, SWEEP, True) > 0
    assert pace.ask(1.0, EVENT, True) == 0


@settings(max_examples=25)
@given(st.floats(5, 100), st.integers(1, 8))
def test_a_sweep_alone_has_the_whole_rate_and_an_event_still_goes_at_once(rate, sweeps):
    pace = limited(rate)
    made = simulate(pace, 10.0, {EVENT: 0, SWEEP: sweeps})
    assert made[SWEEP] >= 0.85 * rate * 10
    assert pace.ask(10.5, EVENT) == 0


@given(st.floats(1, 100))
def test_a_caller_is_told_a_time_at_which_asking_helps(rate):
    pace = limited(rate)
    now = 0.0
    while (wait := pace.ask(now, SWEEP)) == 0:
        now += 0.0
    tries = 0
    while (wait := pace.ask(now, SWEEP)) > 0:
        now += wait
        tries += 1
    assert tries <= 3


def test_a_single_caller_at_the_lowest_rate_still_gets_faster():
    pace, now = limited(0.5), 0.0
    for _call in range(10):
        while (wait := pace.ask(now, SWEEP)) > 0:
            now += wait
        now += 0.02
        pace.answered(now)
    assert pace.rate > 3


@given(st.floats(1, 200), st.lists(st.sampled_from([EVENT, SWEEP]), min_size=1, max_size=60))
def test_even_calls_have_the_same_time_between_them_whoever_makes_them(rate, callers):
    pace, now, made = limited(rate, is_even=True), 0.0, []
    for caller in callers:
        while (wait := pace.ask(now, caller)) > 0:
            now += wait
        made.append(now)
    assert min((later - earlier for earlier, later in pairwise(made)), default=1.0) >= 0.999 / rate


@given(st.integers(0, 50), st.integers(1, 50))
def test_a_cut_goes_as_deep_as_the_share_of_answers_says(answered, refused):
    pace = limited(100.0, decrease=0.8, deepest=0.3)
    for _call in range(answered):
        pace.answered(0.5)
    rate = pace.rate
    for _call in range(refused):
        pace.throttled(0.5)
    pace.throttled(2.0)
    share = answered / (answered + refused)
    assert pace.rate == pytest.approx(rate * max(0.3, min(0.8, share)))


class Service:
    """Takes so many calls a second, and a burst of them at once; each is answered after 20 ms."""

    LATENCY = 0.02

    def __init__(self, rate, burst):
        self.rate, self.burst = rate, burst
        self._tokens, self._filled_at = burst, 0.0

    def takes(self, now):
        self._tokens = min(self.burst, self._tokens + (now - self._filled_at) * self.rate)
        self._filled_at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


def call_through(pace, service, calls, threads):
    """Threads that share a number of calls and repeat each until it is answered; (seconds, refusals) that it takes.

    As at a gate, one of those that wait looks at the clock.
    """
    now, waiting, answered, refused = 0.0, threads, 0, 0
    under_way = deque()
    while answered < calls:
        wait = pace.ask(now, SWEEP) if waiting else math.inf
        if wait == 0:
            waiting -= 1
            under_way.append((now + service.LATENCY, service.takes(now + service.LATENCY / 2)))
        elif under_way and under_way[0][0] <= now + wait:
            now, is_answered = under_way.popleft()
            waiting += 1
            answered, refused = answered + is_answered, refused + (not is_answered)
            (pace.answered if is_answered else pace.throttled)(now)
        else:
            now += wait
    return now, refused


@pytest.mark.parametrize(
    ("rate", "burst", "calls", "threads", "least", "most"),
    [
        (10, 10, 400, 16, 0.95, 0.09),
        (10, 1, 400, 16, 0.85, 0.08),
        (10, 10, 400, 2, 0.95, 0.04),
        (2, 2, 400, 16, 0.95, 0.16),
        (50, 50, 2000, 16, 0.95, 0.02),
        (100, 100, 8000, 64, 0.95, 0.02),
        (10, 10, 2000, 256, 0.95, 0.20),
    ],
)
def test_nearly_all_that_sagemaker_takes_is_used_and_little_is_refused(rate, burst, calls, threads, least, most):
    seconds, refused = call_through(Pace(SAGEMAKER), Service(rate, burst), calls, threads)
    goodput, share = (calls - burst) / seconds / rate, refused / (calls + refused)
    print(f"{rate}/s, burst {burst}, {threads} threads: {goodput:.0%} of the limit, {share:.1%} of the calls throttled")
    assert goodput >= least
    assert share <= most


@settings(max_examples=25)
@given(st.floats(3, 100), st.floats(1, 3), st.integers(2, 32))
def test_whatever_the_service_takes_the_pace_finds_it(rate, seconds_of_burst, threads):
    calls, burst = int(60 * rate), rate * seconds_of_burst
    seconds, refused = call_through(Pace(SAGEMAKER), Service(rate, burst), calls, threads)
    assert (calls - burst) / seconds / rate >= 0.9
    assert refused <= 0.2 * calls + threads  # the first volley is sent before anything is known


def test_a_limit_that_is_lifted_is_forgotten_within_half_a_minute():
    pace, service = Pace(SAGEMAKER), Service(10, 10)
    call_through(pace, service, 400, 16)
    assert pace.rate < 15
    now = start = 1000.0
    while pace.rate is not None and pace.rate < 200:
        while (wait := pace.ask(now, EVENT)) > 0:
            now += wait
        pace.answered(now)
    assert now - start < 30
