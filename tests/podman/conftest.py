# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Debian 13 with podman as the machine, and an image with Python for the agent's to be built on."""

from __future__ import annotations

import pathlib
import sys
from collections.abc import Iterator

import pytest

from tests.emulators.aws.server import AwsEmulator
from tests.emulators.console.server import ConsoleEmulator
from tests.integration.agent.two_sides import TwoSides
from tests.live.conftest import Host
from tests.live.machine import GENERATORS, SHIPPED, Machine
from tests.podman.places import CHECKOUT, SYSTEM, WHEELHOUSE

BASE = "localhost/base:1"
MORE = (f"{SHIPPED}/dbus.service", f"{SHIPPED}/dbus.socket", f"{GENERATORS}/podman-system-generator")
# The network is the machine's, and rights to raise limits may be nobody's where the machine runs.
CONTAINERS = """[containers]
netns = "host"
default_ulimits = ["nofile=1024:4096", "nproc=4096:4096"]
"""
ENTER_CGROUPS = 'for file in /sys/fs/cgroup/*/cgroup.procs; do echo $$ > "$file"; done 2> /dev/null; exec "$@"'


class ContainerHost(Machine):
    """A machine whose commands run in its own cgroups, as podman wants them."""

    @property
    def prefix(self) -> list[str]:
        """As a login shell's would."""
        return [*super().prefix, "sh", "-c", ENTER_CGROUPS, "sh"]


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """One for all tests of a file."""
    read_only = [CHECKOUT, pathlib.Path(sys.base_prefix)]
    shared = [tmp_path_factory.getbasetemp()]
    with ContainerHost(read_only, shared, system=SYSTEM, more=MORE) as made:
        made.run("systemctl", "start", "dbus.socket")
        made.path("/var/lib/containers").mkdir(exist_ok=True)
        made.run("mount", "-t", "tmpfs", "tmpfs", "/var/lib/containers")
        made.path("/etc/containers/containers.conf").write_text(CONTAINERS)
        tree = "usr etc bin lib lib64 sbin tmp root"
        made.run("sh", "-c", f"tar -C / --one-file-system -c {tree} | podman import --quiet - {BASE}")
        yield made


@pytest.fixture(scope="module")
def sides(aws_process: AwsEmulator, console_process: ConsoleEmulator) -> Iterator[TwoSides]:
    """A registry and a console that the agent is to keep in step."""
    made = TwoSides(aws_process, console_process, seed=1)
    yield made
    made.close()


@pytest.fixture(scope="module")
def host(machine: Machine, sides: TwoSides, tmp_path_factory: pytest.TempPathFactory) -> Host:
    """The host before anything is deployed."""
    made = Host(machine, tmp_path_factory.mktemp("host"), sides.aws.endpoint_url)
    made.variables |= {
        "sync_agent_service_manager": "quadlet",
        "sync_agent_base_image": BASE,
        "sync_agent_wheelhouse": str(WHEELHOUSE),
        "sync_agent_credentials": [],
    }
    made.connect(sides.connection())
    return made
