# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Agents as processes of their own, over the tests' small world: `python -m tests.integration.agent.agent_process`.

``run --config F`` and the other commands are the agent's own. ``fork`` reads one JSON object a line,
``{"config": …, "kill": [step, n] | null}``, forks an agent that kills itself at the n-th step of that name, and prints
its pid and, once it has ended, how: many agents for the price of one start of Python.

The environment says where the world is: WXGOV_TEST_WORLD (a folder; one file a connection), WXGOV_TEST_BLIND (sweeps
find nothing), WXGOV_TEST_HURRY (a worker is late after seconds), WXGOV_TEST_STOP_AT (``step:n``, where it stops),
AWS_ENDPOINT_URL. A key of the group ``hang`` blocks, of ``fail`` fails, of ``crash`` ends its thread.
"""

from __future__ import annotations

import json
import os
import pathlib
import signal
import sys
import threading
import time
from collections.abc import Callable

import boto3

from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent import workers
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.cli import main
from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.model import Connection
from tests.integration.agent.support import (
    AGENT_CONFIG,
    Result,
    World,
    WorldReconciler,
    WorldRuntime,
    WorldSweeper,
    sqs_client,
)

SESSION = boto3.session.Session()


class ThreadEnd(BaseException):
    """No handler of the agent's catches this: it stands for a bug that ends a thread."""


class TroubleReconciler(WorldReconciler):
    """The world's reconciler, with keys that make trouble."""

    def reconcile(self, key: str) -> Result:
        if "/hang/" in key:
            time.sleep(600)
        if "/crash/" in key:
            raise ThreadEnd
        if "/fail/" in key:
            raise OSError("the console does not answer")
        return super().reconcile(key)


class SignalAt:
    """Sends the process a signal at the n-th step of a name: SIGKILL is a power cut, SIGSTOP a machine put to sleep."""

    def __init__(self, number: signal.Signals, name: str, times: int) -> None:
        self._number = number
        self._name = name
        self._left = times
        self._lock = threading.Lock()

    def __call__(self, name: str) -> None:
        if name == self._name:
            with self._lock:
                self._left -= 1
                if self._left == 0:
                    os.kill(os.getpid(), self._number)


def runtime_maker(step: Callable[[str], None]) -> Callable[[Connection], WorldRuntime]:
    def make(connection: Connection) -> WorldRuntime:
        if connection.description == "cannot start":
            raise OSError("no route to the console")
        world = World(pathlib.Path(os.environ["WXGOV_TEST_WORLD"]) / f"{connection.name}.db")
        sweeper = WorldSweeper(world, blind="WXGOV_TEST_BLIND" in os.environ)
        client = sqs_client(os.environ["AWS_ENDPOINT_URL"], SESSION, config=AGENT_CONFIG)
        return WorldRuntime(TroubleReconciler(world, step), sweeper, client)

    return make


def no_step(_name: str) -> None:
    """Live on."""


def command(arguments: list[str], step: Callable[[str], None] = no_step) -> int:
    return main(arguments, runtime_factory=runtime_maker(step), step=step)


def serve_forks() -> None:
    sqs_client(os.environ["AWS_ENDPOINT_URL"], SESSION).close()  # loads the service's model once for all children
    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            step = SignalAt(signal.SIGKILL, *order["kill"]) if order["kill"] else no_step
            os._exit(command(["run", "--config", order["config"]], step))
        print(json.dumps({"pid": pid}), flush=True)
        _pid, status = os.waitpid(pid, 0)
        print(json.dumps({"code": os.waitstatus_to_exitcode(status)}), flush=True)


def hurry() -> None:
    """Let workers promise to show up again within seconds, not within half an hour, and idle ones look up often."""
    workers.CALL_SECONDS, workers.LONGEST_WAIT = 5.0, 0.2


if __name__ == "__main__":
    if "WXGOV_TEST_HURRY" in os.environ:
        hurry()
    if sys.argv[1] == "fork":
        serve_forks()
    else:
        stop_at, _colon, number = os.environ.get("WXGOV_TEST_STOP_AT", "").partition(":")
        sys.exit(command(sys.argv[1:], SignalAt(signal.SIGSTOP, stop_at, int(number)) if stop_at else no_step))
