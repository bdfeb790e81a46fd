# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sync_agent role through ansible-playbook: a real installation from wheels, a real process."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import signal
import stat
import subprocess
import sys
import zipfile

import pytest

from tests.harness.playbook import run_playbook
from tests.integration.agent.support import wait_until

CHECKOUT = pathlib.Path(__file__).resolve().parents[3]
WHEELHOUSE = CHECKOUT / ".ansible" / "wheelhouse"
SECRET = 'not-so-secret "4713" \\ $HOME'


class Host:
    """A host to deploy to: this one, with every directory of the role below one folder."""

    def __init__(self, folder):
        self.folder = folder
        self.prefix = folder / "opt"
        self.config = folder / "etc"
        self.state = folder / "state"
        self.units = folder / "units"
        self.collections = folder / "collections"
        self.variables = {
            "sync_agent_service_manager": "process",
            "sync_agent_prefix": str(self.prefix),
            "sync_agent_config_dir": str(self.config),
            "sync_agent_state_dir": str(self.state),
            "sync_agent_unit_dir": str(self.units),
            "sync_agent_python": sys.executable,
            "sync_agent_wheelhouse": str(WHEELHOUSE),
            "sync_agent_settings": {"listen": "", "receive_wait_seconds": 1, "status_seconds": 0.2},
            "sync_agent_environment": {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "WXGOV_TEST_SECRET": SECRET},
        }
        self.units.mkdir()
        self.source = self._copy_collection()

    def _copy_collection(self):
        """Copy what of the collection is needed at run time: nothing else may be, and the test changes it."""
        copy = self.collections / "ansible_collections" / "wxgov" / "sagemaker"
        for part in ("meta", "plugins", "roles/sync_agent"):
            shutil.copytree(CHECKOUT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(CHECKOUT / "galaxy.yml", copy)
        return copy / "plugins" / "module_utils"

    def deploy(self, *steps):
        """Apply the role once for each step (variables; `check` for check mode), in one run of ansible-playbook.

        For each step, the names of the tasks that changed something.
        """
        plays = [
            {
                "hosts": "all",
                "gather_facts": False,
                "check_mode": bool(step.get("check")),
                "roles": ["wxgov.sagemaker.sync_agent"],
                "vars": {**self.variables, **{name: value for name, value in step.items() if name != "check"}},
            }
            for step in steps
        ]
        env = {"ANSIBLE_COLLECTIONS_PATH": str(self.collections)}
        result = run_playbook(plays, env=env, diff=True).check()
        assert SECRET.split()[0] not in result.stdout
        changed = []
        for entry in result.results:
            name = entry.task.removeprefix("wxgov.sagemaker.sync_agent : ")
            if name.startswith("Validating arguments"):
                changed.append(set())
            if entry.kind == "ok" and entry.result.get("changed"):
                changed[-1].add(name)
        assert len(changed) == len(steps)
        return changed

    @property
    def status(self):
        return json.loads((self.state / "status.json").read_text())

    @property
    def release(self):
        return os.readlink(self.prefix / "current")

    @property
    def pid(self):
        """The pid of the agent that lives, or None."""
        launcher = self.prefix / "current" / "bin" / "wxgov-agent"
        command = [launcher, "status", "--config", self.config / "agent.json"]
        answer = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        return json.loads(answer.stdout)["pid"]

    def close(self):
        """End the agent whatever state the test left it in: by the pid that its lock file names."""
        lock = self.state / "agent.lock"
        if lock.exists():
            command = pathlib.Path("/proc") / lock.read_text() / "cmdline"
            if command.exists() and b"wxgov_sagemaker.agent" in command.read_bytes():
                os.kill(int(lock.read_text()), signal.SIGKILL)


@pytest.fixture
def host(tmp_path):
    assert WHEELHOUSE.is_dir(), "make setup fills the wheelhouse"
    assert not pathlib.Path("/run/systemd/system").exists(), "this test would start a unit of this machine's"
    made = Host(tmp_path)
    yield made
    made.close()


def test_the_life_of_a_deployment(host):
    """One story, because an installation takes its time: deploy, repeat, upgrade, go back, remove."""
    untouched = sorted(host.folder.rglob("*"))
    (fresh,) = host.deploy({"check": True})
    assert fresh >= {"Create the release's directory", "Write the settings", "Make the release the current one"}
    assert sorted(host.folder.rglob("*")) == untouched, "check mode leaves nothing behind"

    # A first deployment works, a second changes nothing.
    first, again, again_checked = host.deploy({}, {}, {"check": True})
    assert first >= fresh | {"Install the requirements", "Start the agent"}
    assert again == again_checked == set()
    pid, release = host.pid, host.release
    assert (host.status["state"], host.status["pid"]) == ("running", pid)
    assert host.status["deployment"]
    assert len([line for line in agent_log(host) if "the agent runs with pid" in line["message"]]) == 1
    check_package(host)
    check_secret(host, pid)

    # Changed source, settings and environment restart it from a release beside the old one; check mode only says so.
    before = (host.source / "errors.py").read_text()
    (host.source / "errors.py").write_text(before + "# changed\n")
    changes = {
        "sync_agent_settings": {"listen": "", "receive_wait_seconds": 1, "status_seconds": 0.3},
        "sync_agent_environment": {"AWS_ENDPOINT_URL": "http://127.0.0.1:2"},
    }
    (checked,) = host.deploy({**changes, "check": True})
    assert (host.pid, host.release) == (pid, release)
    (changed,) = host.deploy(changes)
    assert checked >= {
        "Create the release's directory",
        "Stop the agent that was deployed differently",
        "Write the settings",
        "Write the environment",
        "Make the release the current one",
        "Start the agent",
    }
    assert checked <= changed
    upgraded = host.pid
    assert upgraded not in (None, pid)
    assert host.release != release
    assert (host.prefix / "current" / "lib" / "wxgov_sagemaker" / "errors.py").read_text().endswith("# changed\n")
    assert json.loads((host.config / "agent.json").read_text())["status_seconds"] == 0.3

    # The agent has died, and one goes back to the source before: nothing to install, one to start.
    os.kill(upgraded, signal.SIGKILL)
    wait_until(lambda: host.pid is None)
    (host.source / "errors.py").write_text(before)
    back, unit = host.deploy({}, {"sync_agent_service_manager": "systemd"})
    assert "Start the agent" in back
    assert not back & {"Install the requirements", "Stop the agent that was deployed differently"}
    assert host.release == release
    last = host.pid
    assert last not in (None, upgraded)

    # Without systemd there is a unit, and nobody to start it.
    assert unit == {"Install the unit"}
    check_unit(host)

    # Removal ends the process and leaves the connections alone.
    (host.config / "connections.d").mkdir()
    removal = {"sync_agent_state": "absent"}
    removal_checked, removed, removed_again = host.deploy(
        {**removal, "check": True}, {**removal}, {**removal, "sync_agent_remove_state": True}
    )
    assert removal_checked == removed == {"Stop the agent", "Remove program, settings and unit"}
    assert removed_again == {"Remove program, settings and unit"}
    wait_until(lambda: not pathlib.Path(f"/proc/{last}").exists(), timeout=2)
    left = {str(path.relative_to(host.folder)) for path in host.folder.rglob("*") if "collections/" not in str(path)}
    assert left == {"collections", "opt", "etc", "etc/connections.d", "units"}


def check_package(host):
    """The package is the source, byte by byte, without what needs Ansible."""
    package = host.prefix / "current" / "lib" / "wxgov_sagemaker"
    copied = {path.relative_to(package): path.read_bytes() for path in package.rglob("*.py")}
    expected = {path.relative_to(host.source): path.read_bytes() for path in host.source.rglob("*.py")}
    assert copied == {path: text for path, text in expected.items() if path.parts[0] != "aws"}
    assert not any(b"import ansible" in text or b"from ansible" in text for text in copied.values())


def check_secret(host, pid):
    """The secret of the environment is in the process and in one private file, and in no command line."""
    assert stat.S_IMODE((host.config / "agent.env").stat().st_mode) == 0o600
    environment = pathlib.Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    assert f"WXGOV_TEST_SECRET={SECRET}".encode() in environment
    assert b"not-so-secret" not in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()


def check_unit(host):
    unit = (host.units / "wxgov-sync-agent.service").read_text()
    assert f"ExecStart={host.prefix}/current/bin/wxgov-agent run --config {host.config}/agent.json" in unit
    assert f"EnvironmentFile={host.config}/agent.env" in unit
    assert "not-so-secret" not in unit


def agent_log(host):
    return [json.loads(line) for line in (host.state / "agent.log").read_text().splitlines()]


def test_the_release_is_named_after_source_requirements_and_python(tmp_path):
    pack = CHECKOUT / "roles" / "sync_agent" / "files" / "pack.py"
    source = tmp_path / "collection" / "plugins" / "module_utils"
    (source / "agent").mkdir(parents=True)
    (source / "aws").mkdir()
    (tmp_path / "collection" / "galaxy.yml").write_text("---\nname: x\nversion: 1.2.3\n")
    (source / "agent" / "part.py").write_text("A = 1\n")
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("boto3\n")

    def name(python="python3", archive=None):
        command = [sys.executable, str(pack), str(source), str(requirements), python, *([archive] if archive else [])]
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout

    first = name()
    assert first.startswith("1.2.3-")
    (source / "aws" / "queue.py").write_text("left out\n")
    (source / "agent" / "notes.txt").write_text("left out\n")
    assert name() == first
    assert name(python="python3.12") != first
    requirements.write_text("boto3==1\n")
    second = name()
    (source / "agent" / "part.py").write_text("A = 2\n")
    assert len({first, second, name()}) == 3
    for archive in ("a.zip", "b.zip"):
        name(archive=str(tmp_path / archive))
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    assert zipfile.ZipFile(tmp_path / "a.zip").namelist() == ["wxgov_sagemaker/agent/part.py"]
