# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Agents with the real synchronisation as processes of their own: `python -m tests.integration.agent.real_agent`.

``run --config F`` is the agent's own command. ``fork`` reads one JSON object a line, ``{"config": …, "step": name,
"seconds": s}``, forks an agent that kills itself that long after its first step of this name, and prints how it ended:
hundreds of agents for the price of one start of Python and one of boto3.

With WXGOV_TEST_BLIND in the environment sweeps find nothing, so that a change whose event is lost stays lost and is
seen.
"""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.cli import main
from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.aws_pace import PACES
from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.aws_session import client_for, session_for
from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.model import Connection
from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.store import DirectoryStore
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.client import connect
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync import service
from tests.integration.agent.support import Swept


class BlindSweeper:
    """Finds nothing."""

    def full_sweep(self, mark_dirty: Callable[[Iterable[str]], None]) -> Swept:
        return Swept(0, 0)

    def incremental_sweep(self, since: datetime, mark_dirty: Callable[[Iterable[str]], None]) -> Swept:
        return Swept(0, 0)


def blinded(runtime: Any) -> Any:
    """The runtime with nothing but its events, where the environment asks for that."""
    if "WXGOV_TEST_BLIND" not in os.environ:
        return runtime
    return dataclasses.replace(runtime, sweeper=BlindSweeper(), changes=())


def make_runtime(connection: Connection) -> Any:
    return blinded(service.make_runtime(connection))


class Clients:
    """AWS clients made once, before any agent is forked: nothing is sent by them until then."""

    def __init__(self, connection: Connection) -> None:
        self._session = session_for(connection)
        self._sagemaker, self._sqs = client_for(self._session, "sagemaker"), client_for(self._session, "sqs")

    def make_runtime(self, connection: Connection) -> Any:
        endpoint = connection.console
        console = connect(endpoint.url, auth_method=endpoint.auth_method, auth_options=endpoint.auth_options)
        parts = service.assemble(connection, console, self._sagemaker, self._session)
        runtime = service.ConnectionRuntime(
            reconciler=service.make_reconciler(parts),
            sweeper=service.make_sweeper(parts),
            changes=(),
            sqs_client=self._sqs,
            console=console,
            aws_traffic=parts.aws_traffic,
            paces=PACES.of(connection.account_id),
            region=connection.region,
        )
        return blinded(runtime)


class KillAfter:
    """Ends the process as a power cut would, so many seconds after the first step of a name."""

    def __init__(self, name: str, seconds: float) -> None:
        self._name = name
        self._seconds = seconds
        self._armed = threading.Lock()

    def __call__(self, name: str) -> None:
        if name == self._name and self._armed.acquire(blocking=False):
            threading.Timer(self._seconds, os.kill, (os.getpid(), signal.SIGKILL)).start()


def serve_forks(connections: str) -> None:
    (connection,) = DirectoryStore(connections).load_all().connections
    clients = Clients(connection)
    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            step = KillAfter(order["step"], order["seconds"])
            os._exit(main(["run", "--config", order["config"]], runtime_factory=clients.make_runtime, step=step))
        _pid, status = os.waitpid(pid, 0)
        print(json.dumps({"code": os.waitstatus_to_exitcode(status)}), flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "fork":
        serve_forks(sys.argv[2])
    else:
        sys.exit(main(sys.argv[1:], runtime_factory=make_runtime))
