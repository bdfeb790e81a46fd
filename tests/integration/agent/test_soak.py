# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""One agent for a long time, with faults of all kinds on both sides: it stays in step, and does not grow.

TEST_SOAK_SECONDS in the environment says for how long (8), TEST_SEED which faults. Sweeps are blind.
"""

from __future__ import annotations

import os
import pathlib
import time

from tests.integration.agent.conftest import end, resident_megabytes, settle
from tests.integration.agent.support import wait_until
from tests.integration.agent.two_sides import TwoSides

SECONDS = float(os.environ.get("TEST_SOAK_SECONDS", "8"))
SEED = int(os.environ.get("TEST_SEED", "20261122"))
AWS_CALLS = ("sqs.ReceiveMessage", "sqs.DeleteMessageBatch", "sagemaker.DescribeModelPackage")
AWS_FAULTS = ("error", "reset", "lost_response", "http_html_200", "truncate", "latency")
CONSOLE_FAULTS = ("status", "reset", "lost_response", "html", "truncate", "latency")


MOST_FAULTS = 3
"""As many wait for a call on either side. Were there more whenever the agent is slow, each call would fail at last, and
keys be parked for a quarter of an hour, which no test waits for."""


def spoil(sides: TwoSides) -> bool:
    """One fault on one side, unless calls have enough to meet there; whether there was one."""
    is_aws = sides.chance.random() < 0.5
    if (sides.aws.pending_faults if is_aws else sides.console.faults.pending) >= MOST_FAULTS:
        return False
    if is_aws:
        call, kind = sides.chance.choice(AWS_CALLS), sides.chance.choice(AWS_FAULTS)
        sides.aws.fault(call, kind, code="ThrottlingException", status=400, seconds=0.3)
    else:
        sides.console.fault(
            sides.chance.choice(CONSOLE_FAULTS), status=sides.chance.choice((429, 500, 503)), seconds=0.3
        )
    return True


def open_files(pid: int) -> int:
    return len(list(pathlib.Path(f"/proc/{pid}/fd").iterdir()))


def test_a_long_time_of_faults_leaves_both_sides_in_step_and_the_agent_as_it_was(home, console):
    sides = TwoSides(home.emulator, console, SEED)
    home.store.save(sides.connection())
    agent = home.start(module="real_agent", WXGOV_TEST_BLIND="1")
    wait_until(lambda: home.connection().get("state") == "running")
    for _change in range(10):
        sides.change()
    settle(home, sides.queue)
    megabytes, files = resident_megabytes(agent.pid), open_files(agent.pid)
    until = time.monotonic() + SECONDS
    faults = 0
    while time.monotonic() < until:
        faults += spoil(sides)
        sides.change()
        home.emulator.advance(31)  # a message whose answer was lost shall not wait for real
        time.sleep(sides.chance.uniform(0, 0.2))
    home.emulator.clear_faults()
    console.faults.clear()
    settle(home, sides.queue, timeout=120)
    assert sides.differences() == []
    grown = resident_megabytes(agent.pid) - megabytes
    print(f"{faults} faults, {sides.changes} changes, {grown:.1f} MB more, {open_files(agent.pid) - files} files more")
    assert grown < 40
    assert open_files(agent.pid) - files < 40, "connections are kept for each thread and closed, not collected"
    assert end(agent) == 0
    sides.close()
