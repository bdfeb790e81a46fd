# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""SIGKILL at every step of intake and work, again and again: nothing is lost, nothing is made twice.

Sweeps are blind here, so a change whose event is lost stays lost and the test sees it. Another ``SEED`` is another run.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

from tests.integration.agent.conftest import end, settle
from tests.integration.agent.support import event_body, package_arn

SEED, ROUNDS = 20261122, 64
INTAKE_STEPS = ("received", "journaled", "deleted")
WORK_STEPS = ("taken", "compared", "written", "reconciled", "done")
STEPS = (*INTAKE_STEPS, "put aside", *WORK_STEPS)


class ForkServer:
    """See agent_process: starts agents quickly."""

    def __init__(self, home) -> None:
        command = [sys.executable, "-m", "tests.integration.agent.agent_process", "fork"]
        self._home = home
        with home.log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=home.environment(WXGOV_TEST_BLIND="1"),
            )

    def start(self, kill):
        print(json.dumps({"config": str(self._home.config), "kill": kill}), file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())["pid"]

    def wait(self):
        return json.loads(self.process.stdout.readline())["code"]

    def close(self):
        self.process.stdin.close()
        self.process.wait(60)
        self.process.stdout.close()


@pytest.fixture
def forks(home):
    server = ForkServer(home)
    yield server
    server.close()


def test_nothing_is_lost_or_doubled_however_often_the_agent_is_killed(home, forks):
    queue, world = home.connect()
    chance = random.Random(SEED)
    killed = dict.fromkeys((*STEPS, "any moment"), 0)
    poison = 0
    for number in range(ROUNDS):
        moment = (*STEPS, "any moment")[number % (len(STEPS) + 1)]
        for _change in range(chance.randint(2, 5)):
            arn = package_arn(f"group-{chance.randint(1, 3)}", chance.randint(1, 4))
            world.change(arn)
            queue.send(event_body(arn))
        if moment == "put aside" or chance.random() < 0.2:
            poison += 1
            queue.send(f"poison {poison}")
        if moment == "any moment":
            pid = forks.start(None)
            time.sleep(chance.uniform(0.02, 0.3))
            os.kill(pid, signal.SIGKILL)
        else:
            forks.start([moment, chance.randint(1, 2) if moment in ("taken", "compared") else 1])
        assert forks.wait() == -signal.SIGKILL, moment
        killed[moment] += 1
        home.emulator.advance(31)  # what the dead agent had received becomes visible again
    assert min(killed.values()) >= 5
    agent = home.start(WXGOV_TEST_BLIND="1")
    settle(home, queue)
    assert world.target() == world.source(), "every change arrived, and every object is there once"
    assert end(agent) == 0
    # At least once: SQS itself moves a message that it handed out too often, a copy of which may lie there already.
    letters = {letter["Body"] for letter in queue.dead_letters()}
    assert letters == {f"poison {number + 1}" for number in range(poison)}


def test_a_change_during_work_is_not_lost_by_a_kill(home, forks):
    queue, world = home.connect()
    arn = package_arn("credit-risk", 1)
    for step in WORK_STEPS:
        world.change(arn)
        queue.send(event_body(arn))
        queue.send(event_body(arn))
        forks.start([step, 1])
        assert forks.wait() == -signal.SIGKILL
        home.emulator.advance(31)
    agent = home.start(WXGOV_TEST_BLIND="1")
    settle(home, queue)
    assert world.target() == [(arn, len(WORK_STEPS))]
    assert end(agent) == 0
