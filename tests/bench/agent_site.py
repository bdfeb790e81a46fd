# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the agent's benchmark takes place: a queue, a registry, a console, each a process of its own, and the agent."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import boto3
import requests

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
COLLECTIONS = CHECKOUT / ".ansible" / "collections"
sys.path.insert(0, str(COLLECTIONS))

from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.model import (
    AmbientCredentials,
    Connection,
    ConsoleEndpoint,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.store import DirectoryStore
from tests.bench.agent_standins import ACCOUNT, REGION, package_arn

AGENT = "ansible_collections.wxgov.sagemaker.plugins.module_utils.agent"
ENTITY = "Benchmark"
LONGEST = 300.0
"""Seconds after which a run that does not end is given up."""
NEVER = 86_400
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
_EVENT = (CHECKOUT / "tests" / "fixtures" / "events" / "update_model_package.json").read_text()


class Process:
    """A process of the benchmark's; ``url`` is what it has printed, where it prints an address."""

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        log: pathlib.Path | None = None,
        prints_url: bool = False,
    ) -> None:
        errors = log.open("ab") if log else None
        self._running = subprocess.Popen(
            command,
            cwd=CHECKOUT,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if prints_url else subprocess.DEVNULL,
            stderr=errors,
            text=True,
        )
        if errors:
            errors.close()
        self.pid = self._running.pid
        self.url = ""
        if prints_url:
            assert self._running.stdout is not None
            self.url = self._running.stdout.readline().strip().rsplit(" ", maxsplit=1)[-1]

    @property
    def code(self) -> int | None:
        """The exit code, None while it runs."""
        return self._running.poll()

    def cpu(self) -> float:
        """User and system CPU seconds so far, of all its threads."""
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", maxsplit=1)[1].split()
        return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS

    def megabytes(self, which: str = "VmRSS") -> float:
        """Resident memory now, or its peak so far (VmHWM)."""
        lines = pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(f"{which}:")) / 1024

    def stop(self) -> float:
        """SIGTERM, and the seconds until it has ended."""
        started = time.monotonic()
        if self.code is None:
            self._running.send_signal(signal.SIGTERM)
            try:
                self._running.wait(60)
            except subprocess.TimeoutExpired:
                self._running.kill()
                self._running.wait()
        if self._running.stdout:
            self._running.stdout.close()
        return time.monotonic() - started


def wait_for(what: str, condition: Callable[[], bool], *, pause: float = 0.02, alive: Process | None = None) -> None:
    """Wait until a condition holds. Raises RuntimeError after `LONGEST`, or when a process ends before."""
    deadline = time.monotonic() + LONGEST
    while not condition():
        if alive is not None and alive.code is not None:
            raise RuntimeError(f"the process ended with {alive.code} before {what}")
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what}: not within {LONGEST:g} s")
        time.sleep(pause)


@dataclasses.dataclass(slots=True)
class Site:
    """The servers, and a folder for what an agent has on disk. ``revision`` is what the registry is at."""

    queues: Process
    registry: Process
    console: Process
    folder: pathlib.Path
    entity: str
    revision: int = 0
    queue_url: str = ""
    sqs: Any = None

    def tell(self, server: Process, **values: Any) -> dict[str, Any]:
        """Turn something at a stand-in; what it says of itself."""
        answer = requests.post(f"{server.url}/_bench", json=values, timeout=60)
        return dict(answer.json())

    def seen(self) -> dict[str, Any]:
        """What the console says of what was written."""
        return self.tell(self.console)

    def change_all(self) -> None:
        """Let every package of the registry be another one than before."""
        self.revision += 1
        for server in (self.registry, self.console):
            self.tell(server, revision=self.revision)

    def new_queue(self) -> None:
        """Begin with an empty one: a consumer that ended may have left a receive under way in the one before."""
        attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true", "VisibilityTimeout": "30"}
        name = f"bench-{uuid.uuid4().hex}.fifo"
        self.queue_url = self.sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]

    def fill(self, keys: int, each: int, *, first: int = 0) -> None:
        """Queue ``each`` events about each of so many packages, in turn, all in one message group."""
        bodies = [event(package_arn(first + number)) for _turn in range(each) for number in range(keys)]
        for start in range(0, len(bodies), 10):
            entries = [
                {"Id": str(place), "MessageBody": body, "MessageGroupId": "wxgov"}
                for place, body in enumerate(bodies[start : start + 10])
            ]
            answer = self.sqs.send_message_batch(QueueUrl=self.queue_url, Entries=entries)
            assert len(answer["Successful"]) == len(entries), answer

    def depth(self) -> int:
        """Messages in the queue, visible or not."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.sqs.get_queue_attributes(QueueUrl=self.queue_url, AttributeNames=names)["Attributes"]
        return sum(int(value) for value in found.values())

    def received(self) -> int:
        """Receives since `forget_calls`."""
        calls = requests.get(f"{self.queues.url}/_emulator/calls", timeout=60).json()["calls"]
        return int(calls.get("sqs.ReceiveMessage", 0))

    def forget_calls(self) -> None:
        """Begin to count anew."""
        requests.delete(f"{self.queues.url}/_emulator/calls", timeout=60).raise_for_status()

    def environment(self) -> dict[str, str]:
        """What a contender needs."""
        path = os.pathsep.join([str(COLLECTIONS), *(entry for entry in sys.path if entry)])
        return {
            **plain_environment(),
            "PYTHONPATH": path,
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": "bench",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": self.queues.url,
            "AWS_ENDPOINT_URL_SAGEMAKER": self.registry.url,
        }

    def start_agent(self, settings: Mapping[str, Any]) -> Process:
        """The real agent: its own command, its own settings file, one connection."""
        config = self.folder / "agent.json"
        quiet = {name: NEVER for name in ("incremental_sweep_seconds", "console_poll_seconds")}
        places = {"state_dir": str(self.folder / "state"), "connections_dir": str(self.folder / "connections.d")}
        listen = {"listen": f"unix:{self.folder / 'agent.sock'}"}
        config.write_text(json.dumps({**quiet, "status_seconds": 1, **places, **listen, **settings}))
        login = {"api_key": "demo-api-key", "instance_id": "demo-instance", "token_url": self.console.url}
        connection = Connection(
            name="bench",
            business_entity_id=self.entity,
            business_entity_name=ENTITY,
            default_user="svc",
            account_id=ACCOUNT,
            region=REGION,
            credentials=AmbientCredentials(),
            queue_url=self.queue_url,
            console=ConsoleEndpoint(self.console.url, "mcsp", login),
        )
        DirectoryStore(self.folder / "connections.d").save(connection)
        (self.folder / "state" / "status.json").unlink(missing_ok=True)  # of the agent before
        command = [sys.executable, *profiler(), "-m", AGENT, "run", "--config", str(config)]
        return Process(command, self.environment(), log=self.folder / "agent.log")

    def status(self) -> dict[str, Any]:
        """What the agent's status file says of the connection; empty before it says anything."""
        try:
            text = (self.folder / "state" / "status.json").read_text()
        except FileNotFoundError:
            return {}
        return dict(json.loads(text)["connections"].get("bench", {}))

    def has_swept(self) -> bool:
        """Whether the agent that was started last has gone through the registry once."""
        return bool(self.status().get("counts", {}).get("sweeps_full"))


def event(arn: str) -> str:
    """An event about a package, as EventBridge sends it; each has an id of its own."""
    body = json.loads(_EVENT)
    body["detail"]["eventID"] = str(uuid.uuid4())
    body["detail"]["requestParameters"]["modelPackageArn"] = arn
    body["detail"]["responseElements"]["modelPackageArn"] = arn
    return json.dumps(body)


def plain_environment() -> dict[str, str]:
    """This process's environment without what would lead a client elsewhere."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "WXGOV_"))}


def profiler() -> list[str]:
    """Python options from WXGOV_BENCH_PYTHON, for a look at the agent with a profiler."""
    return os.environ.get("WXGOV_BENCH_PYTHON", "").split()


@contextmanager
def site() -> Iterator[Site]:
    """All servers, running, and a queue."""
    with ExitStack() as stack:

        def server(*arguments: str) -> Process:
            command = [sys.executable, "-m", *arguments]
            started = Process(command, plain_environment(), prints_url=True)
            stack.callback(started.stop)
            return started

        queues = server("tests.emulators.aws")
        behind = server("tests.emulators.console")
        registry = server("tests.bench.agent_standins", "registry")
        console = server("tests.bench.agent_standins", "console", "--behind", behind.url)
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="wxgov-bench-")))
        plan = {"business_entity": ENTITY, "use_cases": 0, "model_groups": 0}
        entity = requests.post(f"{behind.url}/_emulator/preload", json=plan, timeout=60).json()["business_entity"]
        made = Site(queues, registry, console, folder, str(entity))
        keys = {"aws_access_key_id": ACCOUNT, "aws_secret_access_key": "bench"}
        made.sqs = boto3.client("sqs", region_name=REGION, endpoint_url=queues.url, **keys)
        stack.callback(made.sqs.close)
        made.new_queue()
        yield made


@contextlib.contextmanager
def running(process: Process) -> Iterator[Process]:
    """A process that has ended when the block has."""
    try:
        yield process
    finally:
        process.stop()
