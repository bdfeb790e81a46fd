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
REQUIREMENTS = CHECKOUT / "roles" / "sync_agent" / "files" / "requirements.txt"
SECRET = 'not-so-secret "4713" \\ $HOME'


class Host:
    """A host to deploy to: this one, with every directory of the role below one folder."""

    def __init__(self, folder, run_playbook):
        self.folder = folder
        self.prefix = folder / "opt"
        self.config = folder / "etc"
        self.state = folder / "state"
        self.units = folder / "units"
        self._run = run_playbook
        self.variables = {
            "sync_agent_service_manager": "process",
            "sync_agent_prefix": str(self.prefix),
            "sync_agent_config_dir": str(self.config),
            "sync_agent_state_dir": str(self.state),
            "sync_agent_unit_dir": str(self.units),
            "sync_agent_python": sys.executable,
            "sync_agent_wheelhouse": str(WHEELHOUSE),
            "sync_agent_settings": {"receive_wait_seconds": 1, "status_seconds": 0.2},
            "sync_agent_environment": {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "WXGOV_TEST_SECRET": SECRET},
        }

    def apply(self, check=False, **changes):
        """Apply the role; the result of the play, failed or not."""
        play = {"hosts": "all", "gather_facts": False, "roles": ["wxgov.sagemaker.sync_agent"]}
        return self._run([play], extra_vars={**self.variables, **changes}, check=check, diff=True)

    def deploy(self, **changes):
        """The names of the tasks that changed something."""
        result = self.apply(**changes).check()
        assert SECRET.split()[0] not in result.stdout
        changed = {entry.task for entry in result.results if entry.kind == "ok" and entry.result.get("changed")}
        return {task.removeprefix("wxgov.sagemaker.sync_agent : ") for task in changed}

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
        if not launcher.exists():
            return None
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


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A prefix with the release installed and nothing running: what an image is built with."""
    assert WHEELHOUSE.is_dir(), "make setup fills the wheelhouse"
    assert not pathlib.Path("/run/systemd/system").exists(), "these tests would start a unit of this machine's"
    host = Host(tmp_path_factory.mktemp("image"), run_playbook)
    host.variables["sync_agent_service_manager"] = "systemd"
    host.units.mkdir()
    assert host.deploy(check=True) >= {"Create the release's directory", "Write the settings", "Install the unit"}
    assert [path.name for path in host.folder.iterdir()] == ["units"], "check mode leaves nothing behind"
    assert host.deploy() >= {"Install the requirements", "Write the environment", "Install the unit"}
    return host


@pytest.fixture
def host(installed, tmp_path):
    """A host with a copy of that prefix, so that the release need not be installed again."""
    made = Host(tmp_path, run_playbook)
    shutil.copytree(installed.prefix, made.prefix, symlinks=True)
    yield made
    made.close()


def test_the_package_is_the_source_without_what_needs_ansible(installed):
    package = installed.prefix / "current" / "lib" / "wxgov_sagemaker"
    source = CHECKOUT / "plugins" / "module_utils"
    copied = {path.relative_to(package): path.read_bytes() for path in package.rglob("*.py")}
    expected = {path.relative_to(source): path.read_bytes() for path in source.rglob("*.py")}
    assert copied == {path: text for path, text in expected.items() if path.parts[0] != "aws"}
    assert not any(b"import ansible" in text for text in copied.values())


def test_a_unit_is_installed_and_removed_where_systemd_does_not_run(installed):
    unit = (installed.units / "wxgov-sync-agent.service").read_text()
    assert f"ExecStart={installed.prefix}/current/bin/wxgov-agent run --config {installed.config}/agent.json" in unit
    assert f"EnvironmentFile={installed.config}/agent.env" in unit
    assert "not-so-secret" not in unit
    assert installed.pid is None
    assert installed.deploy() == set()


def test_a_process_is_started_kept_restarted_and_ended(host):
    assert "Start the agent" in host.deploy()
    pid = host.pid
    assert (host.status["state"], host.status["pid"]) == ("running", pid)
    # The secret of the environment is in the process and in one private file, and in no command line.
    assert stat.S_IMODE((host.config / "agent.env").stat().st_mode) == 0o600
    environment = pathlib.Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    assert f"WXGOV_TEST_SECRET={SECRET}".encode() in environment
    assert b"not-so-secret" not in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()

    # Once more, and in check mode: nothing changes, and it is the same process.
    assert host.deploy() == set()
    assert host.deploy(check=True) == set()
    assert host.pid == pid

    # Changed settings and environment restart it; check mode says so and does not.
    host.variables["sync_agent_settings"] = {"receive_wait_seconds": 1, "status_seconds": 0.3}
    host.variables["sync_agent_environment"] = {"AWS_ENDPOINT_URL": "http://127.0.0.1:2"}
    restarted = {
        "Stop the agent that was deployed differently",
        "Write the settings",
        "Write the environment",
        "Start the agent",
    }
    assert host.deploy(check=True) == restarted
    assert host.pid == pid
    assert host.deploy() == restarted
    assert host.pid not in (None, pid)
    assert json.loads((host.config / "agent.json").read_text())["status_seconds"] == 0.3
    pid = host.pid

    # A process that has died is started again.
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: host.pid is None)
    assert host.deploy() == {"Start the agent"}
    assert host.pid not in (None, pid)

    # Removal ends it, and leaves connections and, unless told, state alone.
    pid = host.pid
    removal = {"Stop the agent", "Remove program, settings and unit"}
    assert host.deploy(check=True, sync_agent_state="absent") == removal
    assert host.pid == pid
    assert host.deploy(sync_agent_state="absent") == removal
    wait_until(lambda: not pathlib.Path(f"/proc/{pid}").exists(), timeout=2)
    assert not (host.prefix / "releases").exists()
    assert (host.state / "state.db").exists()
    assert host.deploy(sync_agent_state="absent", sync_agent_remove_state=True) == removal - {"Stop the agent"}
    assert not host.state.exists()
    assert host.deploy(sync_agent_state="absent", sync_agent_remove_state=True) == set()


def test_an_upgrade_is_a_new_release_beside_the_old_one_and_can_be_gone_back_from(host, tmp_path):
    host.deploy()
    release, pid = host.release, host.pid
    other = tmp_path / "requirements.txt"
    other.write_text(REQUIREMENTS.read_text() + "# another release\n")
    assert host.deploy(sync_agent_requirements=str(other)) >= {"Install the requirements", "Start the agent"}
    assert host.release != release
    assert host.pid not in (None, pid)
    upgraded = host.pid
    back = host.deploy()
    assert "Start the agent" in back
    assert "Install the requirements" not in back
    assert host.release == release
    assert host.pid not in (None, pid, upgraded)


def test_settings_that_cannot_be_used_fail_with_their_name_and_can_be_mended(host):
    refused = host.apply(sync_agent_settings={"workers": 0})
    assert refused.rc != 0
    assert "workers is 0 and must be a whole number" in refused.stdout
    assert host.deploy() >= {"Write the settings", "Start the agent"}
    assert host.status["state"] == "running"


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
