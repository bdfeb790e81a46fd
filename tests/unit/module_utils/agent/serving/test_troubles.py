# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""What counts as wrong, and what does not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.journal import Backlog
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.serving.health import liveness, readiness
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.serving.inside import Inside
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.serving.troubles import (
    CRITICAL,
    WARNING,
    find_troubles,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.status import SweepRecord
from tests.harness.agent_views import NOW, agent, calm_agent, connection, run, snapshot, troubled_agent

WELL = snapshot()


def found(**changes):
    """The troubles of an agent with one connection that has these changes."""
    return [(trouble.severity, trouble.what) for trouble in find_troubles(agent(connections=(connection(**changes),)))]


def test_nothing_is_wrong_with_an_agent_that_is_well():
    assert find_troubles(calm_agent()) == []
    assert find_troubles(agent(connections=())) == []


def test_the_worst_is_first_and_each_says_what_to_do():
    troubles = find_troubles(troubled_agent())
    severities = [trouble.severity for trouble in troubles]
    assert severities == sorted(severities, key=lambda severity: severity != CRITICAL)
    assert all(trouble.what.endswith((".", "!")) and trouble.todo.endswith(".") for trouble in troubles)


@pytest.mark.parametrize(
    ("changes", "severity", "text"),
    [
        ({"state": "failing", "seen": snapshot(last_error="No route.")}, CRITICAL, "It cannot start: No route."),
        ({"breaker": "open"}, CRITICAL, "The console https://console.example.com does not answer."),
        ({"breaker": "half_open"}, CRITICAL, "The console https://console.example.com does not answer."),
        ({"rate": 2.25}, WARNING, "The console limits us to 2.2 calls a second."),
        (
            {"seen": snapshot(moments={**WELL.moments, "receive": NOW - 200})},
            CRITICAL,
            "The queue has not answered for 3 min.",
        ),
        (
            {"seen": snapshot(moments={**WELL.moments, "receive": NOW - 200, "pause": NOW - 1})},
            CRITICAL,
            "So many keys wait that nothing more is received.",
        ),
        (
            {
                "seen": snapshot(
                    moments={**WELL.moments, "receive": NOW - 200},
                    failures={"queue_errors": NOW - 9, "reconcile_failures": NOW - 30},
                    last_error="AccessDenied.",
                    last_error_at=NOW - 9,
                )
            },
            CRITICAL,
            "The queue has not answered for 3 min. AccessDenied.",
        ),
        (
            {"seen": snapshot(failures={"journal_errors": NOW - 20}, last_error="Refused.", last_error_at=NOW - 2)},
            CRITICAL,
            "The journal cannot be written.",
        ),
        ({"backlog": Backlog(9, 3, 2, NOW)}, WARNING, "2 keys are parked."),
        ({"backlog": Backlog(9, 0, 0, NOW - 1000)}, WARNING, "The oldest key has waited for 17 min."),
        ({"seen": snapshot(failures={"sweep_failures": NOW - 20})}, WARNING, "The last sweep failed."),
        (
            {"seen": snapshot(failures={"poll_failures": NOW - 20}, moments={**WELL.moments, "poll": NOW - 80})},
            WARNING,
            "The console could not be asked what was changed there.",
        ),
        (
            {"seen": snapshot(unheard_sweeps=2)},
            WARNING,
            "2 sweeps found changes that no event told of, and no event has come since.",
        ),
        (
            {"seen": snapshot(sweeps={"full_sweep": SweepRecord(ended_at=NOW, held_back=("held back it all",))})},
            WARNING,
            "Held back it all.",
        ),
    ],
)
def test_of_a_connection(changes, severity, text):
    assert found(**changes) == [(severity, text)]


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "starting", "seen": snapshot(moments={})},
        {"started_at": NOW - 5, "seen": snapshot(moments={})},  # the first answer is still to come
        {"seen": snapshot(failures={"journal_errors": NOW - 60})},  # a success has followed
        {"seen": snapshot(failures={"sweep_failures": NOW - 5000})},
        {"seen": snapshot(failures={"reconcile_failures": NOW})},  # a key that fails is tried again
        {"backlog": Backlog(9, 9, 0, NOW - 1000)},  # it has failed, which the list of keys shows
        {"seen": snapshot(moments={**WELL.moments, "pause": NOW - 60})},
        {"breaker": ""},
        {"seen": snapshot(unheard_sweeps=1)},  # it may have been ahead of its event
    ],
)
def test_what_is_past_or_still_to_come_is_no_trouble(changes):
    assert found(**changes) == []


def test_of_the_agent():
    view = agent(late={"intake:prod": 4000.0}, crashed=("worker:1",), unreadable=("The journal is gone.",),
                 refused={"prod": "prod.json is not JSON."})  # fmt: skip
    troubles = find_troubles(view)
    assert [(trouble.severity, trouble.where, trouble.what) for trouble in troubles] == [
        (CRITICAL, "", "The thread worker:1 died."),
        (CRITICAL, "", "The thread intake:prod should have shown up 67 min ago."),
        (CRITICAL, "", "The journal is gone."),
        (WARNING, "prod", "prod.json is not JSON."),
    ]
    (trouble,) = find_troubles(agent(refused={"settings file": "workers is 0."}, connections=()))
    assert (trouble.what, "reload" in trouble.todo, "connection" in trouble.todo) == ("workers is 0.", True, False)


def test_an_agent_that_cannot_begin_says_why_and_nothing_else():
    """That its journal cannot be read either is the same thing once more."""
    (trouble,) = find_troubles(agent(connections=(), blocked="No space left.", unreadable=("No journal.",)))
    assert (trouble.severity, trouble.what) == (CRITICAL, "No space left.")
    assert "by itself" in trouble.todo
    ready, details = readiness(Inside("starting", 1, "", NOW, 4, 0, blocked="No space left."))
    assert (ready, details["blocked"]) == (False, "No space left.")


def test_only_the_last_run_of_a_connection_counts():
    past = [run("failed", id="1", error="Denied."), run("cut_off", id="2")]
    assert find_troubles(agent(runs=(run("succeeded"), *past))) == []
    assert find_troubles(agent(runs=(run(), *past))) == []
    (failed,) = find_troubles(agent(runs=tuple(past)))
    assert (failed.severity, failed.what) == (WARNING, "The last existing-model sync failed. Denied.")
    (cut_off,) = find_troubles(agent(runs=(past[1], past[0])))
    assert "cut off" in cut_off.what


def test_alive_is_who_has_neither_crashed_nor_stuck_threads():
    inside = Inside("running", 1, "", NOW, 4, 0)
    assert liveness(inside) == (True, {"status": "ok", "crashed": [], "late_seconds": {}})
    assert liveness(replace(inside, crashed=("worker:1",)))[0] is False
    alive, details = liveness(replace(inside, late={"intake:prod": 3.14159}))
    assert (alive, details["late_seconds"]) == (False, {"intake:prod": 3.1})


@pytest.mark.parametrize("state", ["starting", "stopping", "failed"])
def test_only_a_running_agent_is_ready(state):
    assert readiness(Inside("running", 1, "", NOW, 4, 0))[0] is True
    ready, details = readiness(Inside(state, 1, "", NOW, 4, 0))
    assert (ready, details["agent"]) == (False, state)
