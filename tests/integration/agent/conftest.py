# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""A place for an agent to live in: directories, a queue in the emulator, a world."""

from __future__ import annotations

import json
import os
import pathlib
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from typing import Any

import pytest

from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.store import DirectoryStore
from tests.emulators.aws.server import AwsEmulator
from tests.integration.agent import explain
from tests.integration.agent.support import Queue, World, create_queue, make_connection, wait_until

SETTINGS: dict[str, Any] = {
    "receive_wait_seconds": 1,
    "status_seconds": 0.1,
    "console_poll_seconds": 3600,
    "reload_seconds": 3600,
    "grace_seconds": 10,
    "workers": 4,
    "log_format": "json",
    "listen": "",
}


class Home:
    """Everything one agent has on disk, and the means to run it."""

    def __init__(self, folder: pathlib.Path, emulator: AwsEmulator) -> None:
        self.folder = folder
        self.emulator = emulator
        self.state = folder / "state"
        self.config = folder / "agent.json"
        self.log = folder / "agent.log"
        self.store = DirectoryStore(folder / "connections.d")
        self.processes: list[subprocess.Popen[bytes]] = []
        self.configure()

    def configure(self, **changes: Any) -> None:
        directories = {"connections_dir": str(self.store.path), "state_dir": str(self.state)}
        self.config.write_text(json.dumps({**directories, **SETTINGS, **changes}))

    def connect(self, name: str = "prod", **changes: Any) -> tuple[Queue, World]:
        """A connection with a queue and a world of its own."""
        queue = create_queue(self.emulator.endpoint_url, name)
        self.store.save(make_connection(queue.url, name, **changes))
        return queue, self.world(name)

    def world(self, name: str = "prod") -> World:
        return World(self.folder / f"{name}.db")

    def environment(self, **extra: str) -> dict[str, str]:
        return {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "AWS_ENDPOINT_URL": self.emulator.endpoint_url,
            "WXGOV_TEST_WORLD": str(self.folder),
            **extra,
        }

    def start(
        self, wait: bool = True, module: str = "agent_process", file_size: int | None = None, **extra: str
    ) -> subprocess.Popen[bytes]:
        """An agent as a process; returns when its status says that it runs.

        ``file_size``: no file of its may grow beyond so many bytes.
        """

        def limit() -> None:
            if file_size is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, resource.RLIM_INFINITY))

        command = [sys.executable, "-m", f"tests.integration.agent.{module}", "run", "--config", str(self.config)]
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stderr=log, env=self.environment(**extra), preexec_fn=limit
            )
        self.processes.append(process)
        if wait:
            wait_until(lambda: self.status().get("pid") == process.pid and self.status()["state"] == "running")
        return process

    def cli(self, *arguments: str) -> tuple[int, str, str]:
        """A command of the agent's in a process of its own; its exit code, output and errors."""
        command = [sys.executable, "-m", "tests.integration.agent.agent_process", *arguments]
        command += ["--config", str(self.config)]
        run = subprocess.run(command, env=self.environment(), capture_output=True, text=True, timeout=120, check=False)
        return run.returncode, run.stdout, run.stderr

    def status(self) -> dict[str, Any]:
        try:
            status: dict[str, Any] = json.loads((self.state / "status.json").read_text())
        except FileNotFoundError:
            return {}
        return status

    def status_is_newer_than(self, moment: float) -> bool:
        """Whether the agent has written its status since; it does so once a second at most."""
        return (self.state / "status.json").stat().st_mtime > moment + 0.05  # it was begun after the moment

    def connection(self, name: str = "prod") -> dict[str, Any]:
        """The status of one connection; empty while there is none."""
        found: dict[str, Any] = self.status().get("connections", {}).get(name, {})
        return found

    def log_lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]

    def close(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait(60)


def end(process: subprocess.Popen[bytes], number: int = signal.SIGTERM, timeout: float = 60) -> int:
    """Send a signal and return the exit code."""
    process.send_signal(number)
    return process.wait(timeout)


def resident_megabytes(pid: int) -> float:
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no VmRSS")


def settle(home: Home, queue: Queue, name: str = "prod", timeout: float = 60) -> None:
    """Wait until the queue is empty and no key is dirty, letting visibility timeouts pass.

    What was deleted is in the journal, so a status that was written after the queue was seen empty knows of it.
    """
    deadline = time.monotonic() + timeout
    while True:
        seen_at = time.time()
        if queue.depth() == 0:
            wait_until(lambda moment=seen_at: home.status_is_newer_than(moment))
            if home.connection(name).get("dirty") == 0 and queue.depth() == 0:
                return
        assert time.monotonic() < deadline, home.status()
        home.emulator.advance(31)
        time.sleep(0.1)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Function, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let a test that fails tell how its agents were, before they are killed."""
    report = yield
    if report.when == "call" and report.failed:
        report.sections += explain.sections(item.funcargs)
    return report


@pytest.fixture
def home(tmp_path: pathlib.Path, aws: AwsEmulator) -> Iterator[Home]:
    made = Home(tmp_path, aws)
    yield made
    made.close()
