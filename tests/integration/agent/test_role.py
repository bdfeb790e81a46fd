# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sync_agent role through ansible-playbook: a real installation from wheels, a real process."""

from __future__ import annotations

import getpass
import json
import os
import pathlib
import shutil
import signal
import stat
import subprocess
import sys

import pytest

from tests.harness.playbook import run_playbook
from tests.integration.agent.support import wait_until

CHECKOUT = pathlib.Path(__file__).resolve().parents[3]
WHEELHOUSE = CHECKOUT / ".ansible" / "wheelhouse"
SECRET = 'not-so-secret "4713" \\ $HOME'
SOMEBODY = "daemon" if os.geteuid() == 0 else getpass.getuser()
SETTINGS = {"receive_wait_seconds": 1, "status_seconds": 0.2, "listen": ""}


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
            "sync_agent_settings": SETTINGS,
            "sync_agent_environment": {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "WXGOV_TEST_SECRET": SECRET},
            "sync_agent_releases_kept": 1,
        }
        self.source = self._copy_collection()

    def _copy_collection(self):
        """Copy what of the collection is needed at run time: nothing else may be, and the test changes it."""
        copy = self.collections / "ansible_collections" / "wxgov" / "sagemaker"
        for part in ("meta", "plugins", "roles/sync_agent"):
            shutil.copytree(CHECKOUT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(CHECKOUT / "galaxy.yml", copy)
        return copy / "plugins" / "module_utils"

    def run(self, *steps, inventory=None):
        """Apply the role once for each step (variables; `check` for check mode), in one run of ansible-playbook."""
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
        result = run_playbook(plays, env=env, diff=True, inventory=inventory)
        assert SECRET.split()[0] not in result.stdout
        return result

    def deploy(self, *steps):
        """As `run`; for each step, the names of the tasks that changed something."""
        changed = []
        for entry in self.run(*steps).check().results:
            name = entry.task.removeprefix("wxgov.sagemaker.sync_agent : ")
            if name.startswith("Validating arguments"):
                changed.append(set())
            if entry.kind == "ok" and entry.result.get("changed"):
                changed[-1].add(name)
        assert len(changed) == len(steps)
        return changed

    def refusals(self, *attempts):
        """Apply the role with each of these variables, all of which are refused; the messages in this order."""
        hosts = {
            f"attempt-{number}": {"ansible_connection": "local", **variables}
            for number, variables in enumerate(attempts)
        }
        kept = self.variables
        self.variables = {name: value for name, value in kept.items() if not any(name in one for one in attempts)}
        defaults = {name: kept[name] for name in kept.keys() - self.variables.keys()}
        result = self.run({}, inventory={"all": {"hosts": hosts, "vars": defaults}})
        self.variables = kept
        failures = {entry.host: entry.result for entry in result.results if entry.kind == "failed"}
        assert sorted(failures) == sorted(hosts)
        return [failures[name].get("stderr") or failures[name]["msg"] for name in hosts]

    @property
    def status(self):
        return json.loads((self.state / "status.json").read_text())

    @property
    def release(self):
        return pathlib.Path(os.readlink(self.prefix / "current")).name

    @property
    def releases(self):
        return {path.name for path in (self.prefix / "releases").iterdir()}

    @property
    def pid(self):
        """The pid of the agent that lives, or None."""
        launcher = self.prefix / "current" / "bin" / "wxgov-agent"
        command = [launcher, "status", "--config", self.config / "agent.json"]
        answer = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        return json.loads(answer.stdout)["pid"]

    def close(self):
        """End the agent whatever state the test left it in: by the pid that its lock file names."""
        lock = self.state / "agent.lock"
        if lock.exists():
            command = pathlib.Path("/proc") / lock.read_text().strip() / "cmdline"
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
    # What a new host would become; then the same for real; then nothing is left to do.
    fresh, first, again = host.deploy({"check": True}, {}, {})
    assert fresh >= {"Create the release's directory", "Write the settings", "Make the release the current one"}
    assert first >= fresh | {"Install the requirements", "Start the agent"}
    assert again == set()
    first_pid, first_release = host.pid, host.release
    assert (host.status["state"], host.status["pid"]) == ("running", first_pid)
    assert len([line for line in agent_log(host) if "the agent runs with pid" in line["message"]]) == 1
    assert set(host.folder.rglob("*")) > set(untouched)
    check_package(host)
    check_secret(host, first_pid)

    # What the release would not accept is refused while the old agent goes on, and so is a release that is not there.
    settings, absent, nothing = host.refusals(
        {"sync_agent_settings": {**SETTINGS, "wrokers": 3}},
        {"sync_agent_release": "0.0.1-none"},
        {"sync_agent_release": "previous"},
    )
    assert "wrokers is not a setting" in settings
    assert "There is no release 0.0.1-none" in absent
    assert f"It has {first_release}" in absent
    assert "No release was in use before" in nothing
    assert (host.pid, host.release) == (first_pid, first_release)

    # A changed source restarts it, from a release beside the old one in the same environment.
    before = (host.source / "errors.py").read_text()
    (host.source / "errors.py").write_text(before + "# changed\n")
    changes = {"sync_agent_settings": {**SETTINGS, "status_seconds": 0.3}, "sync_agent_environment": {"A": "b"}}
    (changed,) = host.deploy(changes)
    assert changed >= {
        "Create the release's directory",
        "Stop the agent",
        "Write the settings",
        "Write the environment",
        "Make the release the current one",
        "Start the agent",
    }
    assert "Install the requirements" not in changed
    second_pid, second_release = host.pid, host.release
    assert second_pid not in (None, first_pid)
    assert host.releases == {first_release, second_release}, "the one that was replaced is kept, whatever the number"
    assert (host.prefix / "current" / "lib" / "wxgov_sagemaker" / "errors.py").read_text().endswith("# changed\n")
    assert json.loads((host.config / "agent.json").read_text())["status_seconds"] == 0.3

    # Back by one variable; the agent has died meanwhile.
    os.kill(second_pid, signal.SIGKILL)
    wait_until(lambda: host.pid is None, timeout=60)
    unit = {"sync_agent_service_manager": "systemd", "sync_agent_user": SOMEBODY, "sync_agent_manage_user": False}
    back, installed = host.deploy({"sync_agent_release": "previous"}, {"sync_agent_release": "previous", **unit})
    assert "Start the agent" in back
    assert not back & {"Create the release's directory", "Stop the agent"}
    assert host.release == first_release
    last = host.pid
    assert last not in (None, second_pid)

    # Without systemd there is a unit, and nobody to start it; what its user has to read and write is that user's.
    assert "Install the unit" in installed
    assert not installed & {"Stop the unit", "Start the unit"}
    check_unit(host)

    # Removal ends the process, and leaves connections and state alone unless told otherwise.
    removal = {"sync_agent_state": "absent"}
    removal_checked, removed = host.deploy({**removal, "check": True}, removal)
    assert removal_checked == removed == {"Stop the agent", "Remove program, settings and unit"}
    wait_until(lambda: not pathlib.Path(f"/proc/{last}").exists(), timeout=60)
    left = {str(path.relative_to(host.folder)) for path in host.folder.rglob("*") if "collections/" not in str(path)}
    assert {path for path in left if not path.startswith("state/")} == {
        *("collections", "opt", "units", "etc", "etc/connections.d", "state"),
    }
    assert "state/state.db" in left


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
    assert stat.S_IMODE((host.config / "connections.d").stat().st_mode) == 0o700
    environment = pathlib.Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    assert f"WXGOV_TEST_SECRET={SECRET}".encode() in environment
    assert b"not-so-secret" not in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()


def check_unit(host):
    unit = (host.units / "wxgov-sync-agent.service").read_text().splitlines()
    assert f"ExecStart={host.prefix}/current/bin/wxgov-agent run --config {host.config}/agent.json" in unit
    assert f"EnvironmentFile={host.config}/agent.env" in unit
    assert f"User={SOMEBODY}" in unit
    assert "not-so-secret" not in "".join(unit)
    for path in (host.state, host.state / "state.db", host.config / "connections.d"):
        assert path.owner() == SOMEBODY
    assert (host.config / "agent.env").stat().st_uid == os.geteuid(), "systemd reads it, and the agent need not"


def agent_log(host):
    return [json.loads(line) for line in (host.state / "agent.log").read_text().splitlines()]
