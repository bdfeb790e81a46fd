# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Row 1 of the fault matrix with everything real but the services: hundreds of agents killed while they work.

TEST_KILLS (300) and TEST_SEED in the environment make it another run. Each agent dies at a random moment between a
receive and the end of a write; the changes go on meanwhile. Sweeps are blind: nothing repairs what is lost.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections import Counter

import pytest

from tests.integration.agent.conftest import end, settle
from tests.integration.agent.two_sides import TwoSides

KILLS = int(os.environ.get("TEST_KILLS", "300"))
SEED = int(os.environ.get("TEST_SEED", "20261122"))
STEPS = ("received", "taken", "taken")
LONGEST = 0.12
"""Seconds after the first receive or the first key; an idle machine is done with what is there after about as long."""


@pytest.fixture
def sides(home, console):
    made = TwoSides(home.emulator, console, SEED)
    home.store.save(made.connection())
    yield made
    made.close()


@pytest.fixture
def forks(home, sides):
    command = [sys.executable, "-m", "tests.integration.agent.real_agent", "fork", str(home.store.path)]
    with home.log.open("ab") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=home.environment(WXGOV_TEST_BLIND="1"),
        )

    def run(step, seconds):
        order = {"config": str(home.config), "step": step, "seconds": seconds}
        print(json.dumps(order), file=process.stdin, flush=True)
        # A receive of the agent before may still be under way in SQS, and hide the messages from this one for 30 s.
        while not select.select([process.stdout], [], [], 0.5)[0]:
            home.emulator.advance(31)
        return json.loads(process.stdout.readline())["code"]

    yield run
    process.stdin.close()
    process.wait(60)
    process.stdout.close()


def writes(console):
    return sum(count for name, count in console.calls().items() if name in ("POST contents", "PUT contents"))


def test_nothing_is_lost_or_doubled_however_often_the_agent_is_killed(home, console, sides, forks):
    console.clear_calls()
    moments = Counter()
    for _kill in range(KILLS):
        for _change in range(sides.chance.randint(1, 3)):
            sides.change()
        before = writes(console)
        assert forks(sides.chance.choice(STEPS), sides.chance.uniform(0, LONGEST)) == -signal.SIGKILL
        moments["hidden" if sides.hidden() else "taken in"] += 1
        moments["written" if writes(console) > before else "not written"] += 1
        home.emulator.advance(31)  # what the dead agent had received becomes visible again
    print(dict(moments), sides.changes, "changes", writes(console), "writes")
    assert min(moments["hidden"], moments["taken in"], moments["written"], moments["not written"]) >= KILLS / 50, (
        "the kills hit everywhere"
    )
    agent = home.start(module="real_agent", WXGOV_TEST_BLIND="1")
    settle(home, sides.queue)
    assert sides.differences() == []
    assert end(agent) == 0
