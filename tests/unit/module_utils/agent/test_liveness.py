# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Promises of loops: who has broken one, and who has none."""

from __future__ import annotations

import threading

from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.liveness import Beats
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.threads import Crew


def test_a_loop_is_late_once_its_promise_is_broken_and_no_longer_when_it_shows_up():
    clock = [100.0]
    beats = Beats(lambda: clock[0])
    assert beats.late() == {}
    beats.beat(10)
    clock[0] = 110.0
    assert beats.late() == {}
    clock[0] = 113.5
    assert beats.late() == {threading.current_thread().name: 3.5}
    beats.beat(10)
    assert beats.late() == {}
    assert beats.names() == [threading.current_thread().name]


def test_each_thread_has_its_own_and_takes_it_along():
    clock = [0.0]
    crew = Crew(on_crash=lambda: None)
    crew.beats = Beats(lambda: clock[0])
    ready, leave = threading.Barrier(3), threading.Event()

    def loop():
        crew.beats.beat(5)
        ready.wait(60)
        leave.wait(60)

    for name in ("one", "two"):
        crew.spawn(name, loop)
    ready.wait(60)
    clock[0] = 6.0
    assert crew.beats.late() == {"one": 1.0, "two": 1.0}
    leave.set()
    assert crew.join(60)
    assert crew.beats.late() == {}


def test_a_thread_that_crashes_is_crashed_and_not_late():
    crew = Crew(on_crash=lambda: None)

    def loop():
        crew.beats.beat(-1)
        raise ValueError("a bug")

    crew.spawn("broken", loop)
    assert crew.join(60)
    assert (crew.crashed, crew.beats.late()) == (["broken"], {})
