# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Agents with the real synchronisation as processes of their own: `python -m tests.integration.agent.real_agent`.

``run --config F`` is the agent's own command. ``fork`` reads one JSON object a line, ``{"config": …, "step": name,
"seconds": s}``, forks an agent that kills itself that long after its first step of this name, and prints how it ended:
hundreds of agents for the price of one start of Python and one of boto3.

With WXGOV_TEST_BLIND in the environment sweeps find nothing, so that a change whose event is lost stays lost and is
seen. With WXGOV_TEST_HURRY the agent loses its patience after seconds. WXGOV_TEST_HOSTS names a file with the hosts
below ".test" that the name server knows, all on this machine; WXGOV_TEST_CLOCK one with the seconds by which the host's
clock is ahead, as far as the end of AWS credentials goes.
"""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

import botocore.credentials

from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.backoff import Backoff
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.cli import main
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.workers import WorkerPool
from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection import aws_session
from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.aws_pace import PACES
from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.aws_session import client_for, session_for
from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.model import Connection
from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.store import DirectoryStore
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.client import connect
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.limiter import BreakerSettings
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.sender import RetryPolicy
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
            sagemaker_client=self._sagemaker,
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


def hurry() -> None:
    """Shorten time-outs and pauses; what is done about them stays as it is."""
    aws_session.CONNECT_TIMEOUT, aws_session.READ_TIMEOUT, aws_session.MAX_ATTEMPTS = 1, 2, 2
    replace_defaults(RetryPolicy, attempts=2, cap=0.5, connect_timeout=1.0, read_timeout=1.0)
    replace_defaults(BreakerSettings, first=0.2, longest=0.5)
    WorkerPool.__init__.__kwdefaults__["down_pause"] = 0.1
    patient = Backoff.__init__

    def impatient(self: Backoff, *, first: float, longest: float, jitter: Callable[[float, float], float]) -> None:
        patient(self, first=min(first, 0.2), longest=min(longest, 1.0), jitter=jitter)

    Backoff.__init__ = impatient


def replace_defaults(kind: type, **values: float) -> None:
    """Give members of a dataclass other defaults."""
    names = [field.name for field in dataclasses.fields(kind)]
    defaults = dict(zip(names, kind.__init__.__defaults__, strict=True))
    kind.__init__.__defaults__ = tuple({**defaults, **values}.values())


def follow_hosts(path: pathlib.Path) -> None:
    """Look names below ".test" up in a file, at each lookup anew."""
    real = socket.getaddrinfo

    def getaddrinfo(host: Any, *arguments: Any, **options: Any) -> Any:
        if str(host).endswith(".test"):
            if str(host) not in path.read_text().split():
                raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
            host = "127.0.0.1"
        return real(host, *arguments, **options)

    socket.getaddrinfo = getaddrinfo


def follow_clock(path: pathlib.Path) -> None:
    """Let credentials end by a clock that a file puts ahead."""
    kind = botocore.credentials.DeferredRefreshableCredentials
    (real,) = kind.__init__.__defaults__
    kind.__init__.__defaults__ = (lambda: real() + timedelta(seconds=float(path.read_text())),)


if __name__ == "__main__":
    for variable, follow in (("WXGOV_TEST_HOSTS", follow_hosts), ("WXGOV_TEST_CLOCK", follow_clock)):
        if variable in os.environ:
            follow(pathlib.Path(os.environ[variable]))
    if "WXGOV_TEST_HURRY" in os.environ:
        hurry()
    if sys.argv[1] == "fork":
        serve_forks(sys.argv[2])
    else:
        sys.exit(main(sys.argv[1:], runtime_factory=make_runtime))
