# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The unit of the sync_agent role under a systemd that runs: deployed by the playbook, from within the machine.

One story in the order of the file, because an installation takes its time. The agent reaches AWS by nothing but the
file in its credentials, so that all it gets done shows that it could read it.
"""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Iterator

from tests.integration.agent.support import wait_until
from tests.integration.agent.two_sides import TwoSides
from tests.live.conftest import AWS_FILE, AWS_SECRET, CONFIG, CONNECTIONS, PREFIX, STATE, UNIT, USER, WATCHDOG_SECONDS

CREDENTIAL = f"/run/credentials/{UNIT}/aws"
LISTENING = "0A"
"""State of a socket in /proc/net/tcp."""


def until_in_step(sides):
    """Wait until everything that was changed in the registry is in the console."""
    differences = [""]

    def in_step():
        differences[:] = sides.differences()
        return not differences

    with contextlib.suppress(AssertionError):
        wait_until(in_step)
    assert differences == []


def until_restarted(host, pid):
    """Wait until another process than this one runs and says so."""
    wait_until(lambda: host.pid not in ("0", pid))
    wait_until(lambda: host.machine.properties(UNIT, "ActiveState")["ActiveState"] == "active")


@contextlib.contextmanager
def changes(sides) -> Iterator[None]:
    """Somebody changes the registry all the time."""
    ending = threading.Event()

    def change():
        while not ending.wait(0.2):
            sides.change()

    somebody = threading.Thread(target=change)
    somebody.start()
    try:
        yield
    finally:
        ending.set()
        somebody.join()


def test_a_first_run_deploys_and_a_second_one_changes_nothing(host):
    foreseen, first, again = host.deploy({"check": True}, {}, {})
    assert foreseen >= {"Make the agent's user", "Create the release's directory", "Install the unit"}
    assert first >= foreseen | {"Install the requirements", "Start the unit"}
    assert again == set()


def test_systemd_holds_the_unit_for_what_it_is(host, machine):
    names = ("Type", "ActiveState", "SubState", "UnitFileState", "StatusText", "NRestarts", "WatchdogUSec", "User")
    unit = machine.properties(UNIT, *names)
    assert unit.pop("StatusText") == "1 connection at work"
    assert unit == {
        "Type": "notify",
        "ActiveState": "active",
        "SubState": "running",
        "UnitFileState": "enabled",
        "NRestarts": "0",
        "WatchdogUSec": f"{WATCHDOG_SECONDS}s",
        "User": USER,
    }
    assert (host.status["pid"], host.status["state"]) == (int(host.pid), "running")


def test_events_reach_the_console_from_within_the_sandbox(host, sides):
    wait_until(lambda: host.status["connections"]["prod"]["state"] == "running")
    for _turn in range(10):
        sides.change()
    until_in_step(sides)
    wait_until(lambda: sides.queue.depth() == 0)


def test_the_process_has_no_more_rights_than_it_needs(host, machine):
    """What the kernel holds it to, which is what counts."""
    process = dict(re.findall(r"^(\w+):\t(.*)$", machine.path(f"/proc/{host.pid}/status").read_text(), re.MULTILINE))
    uid = machine.run("id", "--user", USER).stdout.strip()
    assert {*process["Uid"].split()} == {uid}
    assert {process[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert (process["NoNewPrivs"], process["Seccomp"]) == ("1", "2")
    verdict = machine.run("systemd-analyze", "security", "--threshold=20", "--no-pager", UNIT)
    level = float(re.search(r"Overall exposure level for \S+: ([\d.]+)", verdict.stdout)[1])
    print(f"exposure: {level}")
    assert level <= 2.0


def test_memory_and_threads_are_bounded(host, machine):
    limits = machine.properties(UNIT, "MemoryMax", "TasksMax", "LimitNOFILE", "LimitCORE", "ControlGroup")
    group = limits.pop("ControlGroup").lstrip("/")
    assert limits == {"MemoryMax": str(512 << 20), "TasksMax": "256", "LimitNOFILE": "4096", "LimitCORE": "0"}
    tree = machine.path("/sys/fs/cgroup")
    files = {tree / "memory" / group / "memory.limit_in_bytes", tree / group / "memory.max"}
    assert [path.read_text().strip() for path in files if path.exists()] == [str(512 << 20)]


def test_only_root_and_the_agent_can_read_its_secrets(host, machine):
    """What the agent reads it shows by working; somebody else reads none of it, and the agent nothing of root's."""

    def may_read(user, path):
        return machine.run("setpriv", f"--reuid={user}", "--clear-groups", "cat", path, check=False).returncode == 0

    secrets = [CREDENTIAL, f"{CONNECTIONS}/prod.json", f"{CONFIG}/agent.env", f"{STATE}/state.db"]
    assert AWS_SECRET in machine.run("cat", CREDENTIAL).stdout
    assert [path for path in secrets if may_read("daemon", path)] == []
    assert [path for path in (AWS_FILE, f"{CONFIG}/agent.env") if may_read(USER, path)] == []
    for path, mode in ((STATE, "700"), (CONNECTIONS, "700"), (f"{STATE}/state.db", "600")):
        assert machine.run("stat", "--format=%a %U", path).stdout.split() == [mode, USER]
    said = machine.journal() + machine.run("systemctl", "show", UNIT).stdout
    assert "not-so-secret" not in said


def test_it_listens_on_the_loopback_interface_alone(host, machine):
    process = machine.path(f"/proc/{host.pid}")
    own = {path.readlink().name for path in (process / "fd").iterdir()}
    listening = []
    for table in ("tcp", "tcp6"):
        for line in (process / "net" / table).read_text().splitlines()[1:]:
            _number, local, _remote, state, *rest = line.split()
            if state == LISTENING and f"socket:[{rest[5]}]" in own:
                listening.append((table, local.split(":")[0]))
    assert listening == [("tcp", "0100007F")]


def test_a_reload_takes_a_new_connection_over(host, machine, sides):
    other = TwoSides(sides.aws, sides.console, seed=2, account="444455556666", name="other")
    host.connect(other.connection())
    pid = host.pid
    other.register(tell=False)
    assert list(host.status["connections"]) == ["prod"]
    machine.run("systemctl", "reload", UNIT)
    until_in_step(other)
    other.close()
    assert host.pid == pid
    unit = machine.properties(UNIT, "ActiveState", "StatusText")
    assert unit == {"ActiveState": "active", "StatusText": "2 connections at work"}


def test_an_agent_that_is_killed_is_started_anew(host, machine, sides):
    pid = host.pid
    with changes(sides):
        machine.run("kill", "-KILL", pid)
        until_restarted(host, pid)
    until_in_step(sides)
    assert machine.properties(UNIT, "NRestarts")["NRestarts"] == "1"


def test_the_watchdog_ends_an_agent_that_stands_still(host, machine, sides):
    pid = host.pid
    with changes(sides):
        machine.run("kill", "-STOP", pid)
        until_restarted(host, pid)
    until_in_step(sides)
    assert "Watchdog timeout" in machine.journal(f"--unit={UNIT}")
    assert machine.properties(UNIT, "NRestarts")["NRestarts"] == "2"


def test_an_upgrade_and_the_way_back_lose_nothing(host, machine, sides):
    first, first_pid = host.release, host.pid
    errors = host.collection / "plugins" / "module_utils" / "errors.py"
    errors.write_text(errors.read_text() + "# changed\n")
    with changes(sides):
        (upgrade,) = host.deploy({})
    second, second_pid = host.release, host.pid
    assert upgrade >= {"Create the release's directory", "Stop the unit", "Make the release the current one"}
    assert "Install the requirements" not in upgrade
    assert (second != first, second_pid != first_pid) == (True, True)
    with changes(sides):
        (back,) = host.deploy({"sync_agent_release": "previous"})
    assert "Stop the unit" in back
    assert "Create the release's directory" not in back
    assert host.release == first
    assert host.pid not in ("0", first_pid, second_pid)
    until_in_step(sides)


def test_a_stop_is_a_success(host, machine, sides):
    machine.run("systemctl", "stop", UNIT)
    names = ("ActiveState", "Result", "ExecMainStatus", "MainPID")
    assert machine.properties(UNIT, *names) == {
        "ActiveState": "inactive",
        "Result": "success",
        "ExecMainStatus": "0",
        "MainPID": "0",
    }
    assert not machine.path(CREDENTIAL).exists()
    sides.change()
    machine.run("systemctl", "start", UNIT)
    until_in_step(sides)


def test_a_removal_leaves_no_unit_and_at_last_no_user(host, machine):
    """The connections stay, and do not wait for whoever gets the number of the agent's user next."""
    removal = {"sync_agent_state": "absent"}
    foreseen, removed, everything = host.deploy(
        {**removal, "check": True}, removal, {**removal, "sync_agent_remove_state": True}
    )
    assert foreseen == removed
    assert removed >= {"Stop the unit", "Remove program, settings and unit"}
    assert everything == {
        "Remove program, settings and unit",
        "Give the connections to root",
        "Remove the agent's user",
    }
    assert machine.properties(UNIT, "LoadState", "ActiveState") == {"LoadState": "not-found", "ActiveState": "inactive"}
    assert machine.run("id", USER, check=False).returncode != 0
    found = machine.run("find", PREFIX, CONFIG, "-printf", "%p %u\n").stdout.splitlines()
    kept = [PREFIX, CONFIG, CONNECTIONS, f"{CONNECTIONS}/other.json", f"{CONNECTIONS}/prod.json"]
    assert sorted(found) == sorted(f"{path} root" for path in kept)
    assert not machine.path(STATE).exists()
