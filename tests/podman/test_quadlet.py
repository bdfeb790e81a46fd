# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The container of the sync_agent role under podman: one story in the order of the file."""

from __future__ import annotations

import json

from tests.integration.agent.support import wait_until
from tests.live.conftest import UNIT, USER, WATCHDOG_SECONDS
from tests.live.test_systemd import changes, until_in_step, until_restarted


def test_a_first_run_deploys_and_a_second_one_changes_nothing(host, sides):
    first, again = host.deploy({}, {})
    assert first >= {"Build the image", "Install the unit", "Start the unit"}
    assert again == set()
    with changes(sides):
        wait_until(lambda: sides.changes > 10)
    until_in_step(sides)


def test_the_container_has_no_more_rights_than_it_needs(host, machine):
    (container,) = json.loads(machine.run("podman", "inspect", "wxgov-sync-agent").stdout)
    assert container["HostConfig"]["ReadonlyRootfs"]
    assert container["EffectiveCaps"] in ([], None)
    assert container["Config"]["User"] == machine.run("id", "--user", USER).stdout.strip()
    assert container["HostConfig"]["Memory"] == 512 << 20


def test_signs_of_life_reach_systemd(host, machine):
    """More than once in what systemd waits at most; without them it would start the agent anew."""

    def heard():
        return machine.properties(UNIT, "WatchdogTimestampMonotonic")["WatchdogTimestampMonotonic"]

    for _sign in range(4):
        last = heard()
        wait_until(lambda last=last: heard() != last, timeout=WATCHDOG_SECONDS * 3)
    assert machine.properties(UNIT, "NRestarts", "Type") == {"NRestarts": "0", "Type": "notify"}


def test_a_reload_reaches_the_agent(host, machine):
    machine.run("systemctl", "reload", UNIT)
    wait_until(lambda: "reading settings and connections again" in machine.journal(f"--unit={UNIT}"))


def test_an_agent_that_is_killed_is_started_anew(host, machine, sides):
    pid = host.pid
    with changes(sides):
        machine.run("podman", "kill", "--signal=KILL", "wxgov-sync-agent")
        until_restarted(host, pid)
    until_in_step(sides)


def test_an_upgrade_and_the_way_back_lose_nothing(host, sides):
    first = host.release
    errors = host.collection / "plugins" / "module_utils" / "errors.py"
    errors.write_text(errors.read_text() + "# changed\n")
    with changes(sides):
        upgrade, back = host.deploy({}, {"sync_agent_release": "previous"})
    assert "Build the image" in upgrade
    assert "Build the image" not in back
    assert host.release == first
    until_in_step(sides)


def test_a_stop_is_a_success(machine):
    machine.run("systemctl", "stop", UNIT)
    assert machine.properties(UNIT, "ActiveState", "Result") == {"ActiveState": "inactive", "Result": "success"}
    assert "the agent has stopped" in machine.journal(f"--unit={UNIT}", "--lines=20")


def test_a_removal_leaves_no_unit_no_image_and_no_user(host, machine):
    machine.run("systemctl", "start", UNIT)
    (removed,) = host.deploy({"sync_agent_state": "absent", "sync_agent_remove_state": True})
    assert removed >= {"Stop the unit", "Remove the images", "Remove program, settings and unit"}
    assert machine.properties(UNIT, "LoadState") == {"LoadState": "not-found"}
    assert "wxgov-sync-agent" not in machine.run("podman", "image", "ls").stdout
    assert machine.run("podman", "ps", "--all", "--quiet").stdout == ""
    assert machine.run("id", USER, check=False).returncode != 0
