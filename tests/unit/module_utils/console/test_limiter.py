# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The breaker, driven by a clock of the test's; and it and the pace between a client and a console."""

from __future__ import annotations

import threading
import timeit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.client import connect
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.errors import CircuitOpenError, UnreachableError
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.limiter import (
    Breaker,
    BreakerSettings,
    Limiter,
    Limiters,
    Sign,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.sender import Answer, Failure, sign_of
from ansible_collections.wxgov.sagemaker.plugins.module_utils.pacing.pace import Pace, PaceSettings
from ansible_collections.wxgov.sagemaker.plugins.module_utils.pacing.priority import Priority, calling_for

EVENT, SWEEP = Priority.EVENT, Priority.SWEEP


def test_the_breaker_opens_after_five_failures_in_a_row():
    breaker = Breaker()
    for _count in range(4):
        breaker.silent(0.0)
    breaker.answered()
    for _count in range(4):
        breaker.silent(0.0)
        assert breaker.state == "closed"
    breaker.silent(0.0)
    assert (breaker.state, breaker.ask(0.25)) == ("open", 0.75)


def test_one_tries_and_the_others_wait_until_it_is_known():
    breaker = Breaker(BreakerSettings(failures=1))
    breaker.silent(0.0)
    assert breaker.ask(1.0) == 0
    assert breaker.state == "half_open"
    assert breaker.ask(1.1) > 0
    breaker.answered()
    assert (breaker.state, breaker.ask(1.2)) == ("closed", 0)


def test_a_try_that_fails_doubles_the_wait_up_to_its_end_and_one_that_succeeds_forgets_it():
    breaker = Breaker(BreakerSettings(failures=1, longest=5.0))
    now, waits = 0.0, []
    for _count in range(5):
        breaker.silent(now)
        waits.append(breaker.ask(now))
        now += waits[-1]
        assert breaker.ask(now) == 0
    assert waits == [1.0, 2.0, 4.0, 5.0, 5.0]
    breaker.answered()
    breaker.silent(now)
    assert breaker.ask(now) == 1.0


def test_a_try_that_says_nothing_or_never_ends_makes_room_for_the_next():
    breaker = Breaker(BreakerSettings(failures=1, lease=60.0))
    breaker.silent(0.0)
    assert breaker.ask(1.0) == 0
    breaker.unknown(1.5)
    assert breaker.ask(1.5) == 0
    assert breaker.ask(30.0) > 0
    assert breaker.ask(61.5) == 0


@given(st.lists(st.tuples(st.floats(0, 40), st.sampled_from(["answered", "silent", "unknown", "ask"])), max_size=60))
def test_whatever_happens_the_breaker_lets_a_call_through_within_its_longest_time(steps):
    breaker, now = Breaker(), 0.0
    for gap, step in steps:
        now += gap
        if step == "answered":
            breaker.answered()
        else:
            getattr(breaker, step)(now)
    assert breaker.ask(now + 60.0) == 0


class Time:
    """A clock that only sleeping moves."""

    def __init__(self):
        self.now = 0.0
        self.slept = []

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


def stopped(patience=5.0, **settings):
    time = Time()
    breaker = Breaker(BreakerSettings(**settings))
    return time, Limiter("http://host", breaker=breaker, patience=patience, clock=lambda: time.now, sleep=time.sleep)


def test_a_short_outage_is_waited_for_and_a_long_one_is_an_error_at_once():
    time, limiter = stopped(failures=1)
    limiter.after(Sign.SILENT)
    limiter.before()
    assert time.slept == [1.0]
    for _count in range(3):
        limiter.after(Sign.SILENT)
        time.now += 60.0 if _count < 2 else 0.0
        if _count < 2:
            limiter.before()
    with pytest.raises(CircuitOpenError, match="http://host did not answer 4 times in a row"):
        limiter.before()
    assert limiter.state().breaker == "open"


def test_while_another_tries_a_call_waits_no_longer_than_its_patience():
    time, limiter = stopped(failures=1)
    limiter.after(Sign.SILENT)
    limiter.before()
    with pytest.raises(CircuitOpenError):
        limiter.before()
    assert 5.0 <= time.now - 1.0 <= 5.2
    limiter.after(Sign.ANSWERED)
    limiter.before()


def test_a_call_that_says_nothing_of_the_console_neither_opens_nor_closes_the_breaker():
    _time, limiter = stopped(failures=2)
    for sign, failures, state in (
        (Sign.SILENT, 1, "closed"),
        (Sign.UNKNOWN, 1, "closed"),
        (Sign.SILENT, 2, "open"),
        (Sign.UNKNOWN, 2, "open"),
        (Sign.THROTTLED, 0, "closed"),
    ):
        limiter.after(sign)
        assert (limiter.state().failures, limiter.state().breaker) == (failures, state)


def test_signs():
    assert sign_of(Answer(200, {}, "")) is sign_of(Answer(500, {}, "")) is sign_of(Answer(404, {}, "")) is Sign.ANSWERED
    assert sign_of(Answer(429, {}, "")) is Sign.THROTTLED
    assert {sign_of(Answer(status, {}, "")) for status in (502, 503, 504)} == {Sign.SILENT}
    assert sign_of(Failure("", sent=False)) is sign_of(Failure("", sent=True)) is Sign.SILENT
    assert sign_of(Failure("", sent=False, final=True)) is Sign.UNKNOWN


def test_a_call_that_need_not_wait_costs_less_than_20_microseconds():
    limiter = Limiter("http://host")

    def call():
        limiter.before()
        limiter.after(Sign.ANSWERED)

    assert min(timeit.repeat(call, number=2000, repeat=5)) / 2000 < 20e-6


def test_threads_share_the_rate_and_sweeps_do_not_hold_events_up():
    pace = Pace(PaceSettings(increase=0.0))
    pace.throttled(0.0)
    pace.rate = 200.0
    time_zero = threading.Event()
    limiter = Limiter("http://host", pace=pace)
    pace._filled_at = limiter._clock()
    made = {EVENT: 0, SWEEP: 0}
    stop = limiter._clock() + 0.5

    def work(priority):
        time_zero.wait()
        with calling_for(priority):
            while limiter._clock() < stop:
                limiter.before()
                with lock:
                    made[priority] += 1

    lock = threading.Lock()
    threads = [threading.Thread(target=work, args=(priority,)) for priority in (EVENT, EVENT, SWEEP, SWEEP, SWEEP)]
    for thread in threads:
        thread.start()
    time_zero.set()
    for thread in threads:
        thread.join()
    assert sum(made.values()) <= 0.5 * 200 + 5 + 8
    assert made[EVENT] > made[SWEEP] > 0


def test_clients_of_one_console_share_a_limiter_and_it_ends_with_them():
    limiters = Limiters()
    first = limiters.of("https://a")
    assert limiters.of("https://a") is first
    assert limiters.of("https://b") is not first
    assert list(limiters.states()) == ["https://a"]
    del first
    assert limiters.states() == {}


def test_a_client_paces_itself_when_the_console_throttles(console):
    login = {"api_key": "demo-api-key", "instance_id": "demo-instance", "token_url": console.url}
    one = connect(console.url, auth_method="mcsp", auth_options=login)
    two = connect(f"{console.url}/opgrc/api", auth_method="mcsp", auth_options=login)
    assert one.transport.pacer is two.transport.pacer
    one.types()
    assert one.transport.pacer.state().rate is None
    console.fault("status", "GET", "types", status=429, retry_after=0, times=1)
    two.types()
    assert two.transport.pacer.state().rate is not None
    for client in (one, two):
        client.close()


def test_a_console_that_is_down_is_left_alone_and_found_again(make_client, console):
    time = Time()
    client = make_client()
    breaker = Breaker(BreakerSettings(failures=5, first=20.0))
    limiter = Limiter(console.url, breaker=breaker, clock=lambda: time.now, sleep=time.sleep)
    client.transport._sender._pacer = limiter
    client.types()
    console.fault("status", "GET", "types", status=503, times=None)
    with pytest.raises(Exception, match="503"):
        client.type_definition("Model")
    sent = sum(console.calls().values())
    with pytest.raises(UnreachableError, match="5 times in a row"):
        client.type_definition("Model")
    assert sum(console.calls().values()) == sent
    console.faults.clear()
    time.now += 21.0
    assert client.type_definition("Model").name == "Model"
    assert limiter.state().breaker == "closed"
