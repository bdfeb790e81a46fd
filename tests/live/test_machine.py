# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The machine that the other tests here rest on: shut off from this system, gone at its end, refused in plain words."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest

from tests.live.conftest import CHECKOUT
from tests.live.machine import Machine, MachineError, hierarchies


def cgroups():
    """The cgroups of machines."""
    return [path for hierarchy in hierarchies() for path in hierarchy.parent.glob("wxgov-live-*")]


def test_what_happens_in_a_machine_stays_there_and_ends_with_it(tmp_path):
    mine = pathlib.Path("/etc/wxgov-live-test")
    before = cgroups()
    with Machine(read_only=[CHECKOUT], shared=[tmp_path]) as machine:
        machine.run("touch", str(mine))
        assert machine.path(mine).exists()
        assert not mine.exists()
        machine.run("touch", str(tmp_path / "shared"))
        assert (tmp_path / "shared").exists()
        for place in (CHECKOUT / "here", "/proc/sys/kernel/core_pattern", "/sys/here"):
            with pytest.raises(MachineError, match="Read-only file system"):
                machine.run("touch", str(place))
        assert machine.run("cat", "/proc/1/comm").stdout == "systemd\n"
        machine.run("systemd-run", "--unit=sleeper", "sleep", "1000")
        assert machine.properties("sleeper.service", "ActiveState") == {"ActiveState": "active"}
        assert len(cgroups()) > len(before)
        init = machine.path("/")
    assert cgroups() == before
    assert not init.exists()


@pytest.mark.parametrize(("arguments", "code"), [((), 1), (("--if-possible",), 0)])
def test_where_there_can_be_none_a_sentence_says_why(arguments, code):
    weaker = ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin"]
    command = [*weaker, sys.executable, "-m", "tests.live", *arguments]
    told = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=60, check=False)
    assert told.returncode == code
    sentence = "The agent was not tested under a live systemd. This system forbids namespaces or mounts: "
    assert told.stdout.startswith(sentence)
    assert len(told.stdout.splitlines()) == 1
