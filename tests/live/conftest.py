# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine with systemd, and the agent deployed to it by the role, between the two emulators of this system."""

from __future__ import annotations

import json
import pathlib
import shutil
from collections.abc import Generator, Iterator, Mapping
from typing import Any

import pytest

from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.model import AmbientCredentials, Connection
from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.store import DirectoryStore
from tests.emulators.aws.server import AwsEmulator
from tests.emulators.console.server import ConsoleEmulator
from tests.harness.playbook import PlayResult, run_playbook
from tests.integration.agent.support import ACCOUNT
from tests.integration.agent.two_sides import TwoSides
from tests.live.machine import Machine

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
ROLE, PLAYBOOK = "wxgov.sagemaker.sync_agent", "wxgov.sagemaker.deploy_agent"
UNIT = "wxgov-sync-agent.service"
USER = "wxgov-sagemaker"
PREFIX, CONFIG, STATE = "/opt/wxgov-sagemaker", "/etc/wxgov-sagemaker", "/var/lib/wxgov-sagemaker"
CONNECTIONS = f"{CONFIG}/connections.d"
AWS_FILE, AWS_SECRET = "/root/wxgov-aws-credentials", "not-so-secret-4714"
WATCHDOG_SECONDS = 10
# Only a signal has it look at the connections again, and a port that nobody else has.
SETTINGS = {"receive_wait_seconds": 1, "status_seconds": 0.2, "reload_seconds": 3600, "listen": "127.0.0.1:0"}


class Host:
    """A machine as the inventory's one host."""

    def __init__(self, machine: Machine, folder: pathlib.Path, endpoint_url: str) -> None:
        self.machine = machine
        self.folder = folder
        self.collection = folder / "collections" / "ansible_collections" / "wxgov" / "sagemaker"
        self.variables = {
            "sync_agent_service_manager": "systemd",
            "sync_agent_python": machine.python,
            "sync_agent_wheelhouse": str(CHECKOUT / ".ansible" / "wheelhouse"),
            "sync_agent_settings": SETTINGS,
            "sync_agent_environment": {"AWS_ENDPOINT_URL": endpoint_url},
            "sync_agent_credentials": [
                {"name": "aws", "path": AWS_FILE, "variable": "AWS_SHARED_CREDENTIALS_FILE"},
            ],
            "sync_agent_watchdog_seconds": WATCHDOG_SECONDS,
        }
        for part in ("meta", "playbooks", "plugins", "roles/sync_agent"):
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(CHECKOUT / part, self.collection / part, ignore=ignored)
        shutil.copy(CHECKOUT / "galaxy.yml", self.collection)
        self.write(AWS_FILE, f"[default]\naws_access_key_id = {ACCOUNT}\naws_secret_access_key = {AWS_SECRET}\n", 0o600)

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """A file of root's."""
        target = self.machine.path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch(mode)
        target.write_text(text)

    def connect(self, connection: Connection) -> None:
        """Put a connection where the agent looks for them, as root."""
        DirectoryStore(self.machine.path(CONNECTIONS)).save(connection)

    def play(self, *steps: Mapping[str, Any]) -> PlayResult:
        """Run the playbook once for each step (variables; ``check`` for check mode) in one go, from within."""
        plays: list[dict[str, Any]] = []
        for step in steps:
            variables = {**self.variables, **{name: value for name, value in step.items() if name != "check"}}
            role = {"hosts": "sync_agents", "gather_facts": False, "check_mode": True, "roles": [ROLE]}
            plays.append({**(role if "check" in step else {"import_playbook": PLAYBOOK}), "vars": variables})
        return run_playbook(
            plays,
            inventory={"sync_agents": {"hosts": {"agent-a": {"ansible_connection": "local"}}}},
            env={"ANSIBLE_COLLECTIONS_PATH": str(self.folder / "collections")},
            diff=True,
            prefix=self.machine.prefix,
            folder=self.folder,
        ).check()

    def deploy(self, *steps: Mapping[str, Any]) -> list[set[str]]:
        """As `play`; for each step, the names of the tasks that changed something."""
        changed: list[set[str]] = []
        for entry in self.play(*steps).results:
            name = entry.task.removeprefix(f"{ROLE} : ")
            if name.startswith("Validating arguments"):
                changed.append(set())
            if entry.kind == "ok" and entry.result.get("changed"):
                changed[-1].add(name)
        assert len(changed) == len(steps)
        return changed

    @property
    def pid(self) -> str:
        """The agent's, as the machine counts; "0" when there is none."""
        return self.machine.properties(UNIT, "MainPID")["MainPID"]

    @property
    def status(self) -> dict[str, Any]:
        """What the agent says of itself."""
        status: dict[str, Any] = json.loads(self.machine.path(f"{STATE}/status.json").read_text())
        return status

    @property
    def release(self) -> str:
        """The release in use."""
        return self.machine.run("readlink", f"{PREFIX}/current").stdout.strip().removeprefix("releases/")


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """One for all tests of a file: each goes on from where the one before it ended."""
    with Machine(read_only=[CHECKOUT], shared=[tmp_path_factory.getbasetemp()]) as made:
        yield made


@pytest.fixture(scope="module")
def sides(aws_process: AwsEmulator, console_process: ConsoleEmulator) -> Iterator[TwoSides]:
    """A registry and a console that the agent is to keep in step."""
    aws_process.reset()
    console_process.reset()
    made = TwoSides(aws_process, console_process, seed=1)
    yield made
    made.close()


@pytest.fixture(scope="module")
def host(machine: Machine, sides: TwoSides, tmp_path_factory: pytest.TempPathFactory) -> Host:
    """The host before anything is deployed; the agent will find AWS's secret in its credentials alone."""
    made = Host(machine, tmp_path_factory.mktemp("host"), sides.aws.endpoint_url)
    made.connect(sides.connection(credentials=AmbientCredentials()))
    # What systemd waits before it starts an agent anew is the one thing that is not as the role has it.
    made.write(f"/etc/systemd/system/{UNIT}.d/patience.conf", "[Service]\nRestartSec=1\n")
    return made


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Function, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let a test that fails show the machine's journal."""
    report = yield
    machine = item.funcargs.get("machine")
    if report.failed and isinstance(machine, Machine):
        report.sections.append(("journal of the machine", machine.journal(f"--unit={UNIT}", "--lines=200")))
    return report
