# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host with connections and a state directory, and the module or plays run on it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.store import DirectoryStore
from tests.harness.module import run_module
from tests.harness.playbook import run_playbook
from tests.integration.sync.conftest import ACCOUNT, World

MODULE = "wxgov.sagemaker.sync_existing_models"
INFO = "wxgov.sagemaker.sync_run_info"


class Site:
    """A host's connections and state. `world.connection` is kept there as "production"."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world = world
        self.connections_dir = folder / "connections.d"
        self.state_dir = folder / "state"
        self.store = DirectoryStore(self.connections_dir)
        self.store.save(world.connection)

    @property
    def folders(self) -> dict[str, str]:
        """The options that say where things are."""
        return {"connections_dir": str(self.connections_dir), "state_dir": str(self.state_dir)}

    def env(self) -> dict[str, str]:
        """What reaches the AWS emulator."""
        return {
            "AWS_ENDPOINT_URL": self.world.aws.endpoint_url,
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": "emulated",
        }

    def sync(self, *, check: bool = False, diff: bool = True, **options: Any) -> dict[str, Any]:
        """Run the module in this process (whose environment the fixture `world` has set) and return its result."""
        return run_module("sync_existing_models", {**self.folders, **options}, check=check, diff=diff)

    def info(self, **options: Any) -> dict[str, Any]:
        """Run sync_run_info in this process."""
        return run_module("sync_run_info", {"state_dir": str(self.state_dir), **options})

    def play(self, *tasks: dict[str, Any], progress_interval: int = 0, **options: Any) -> Any:
        """Run tasks with ansible-playbook; no progress is printed unless an interval is given."""
        play = {
            "hosts": "localhost",
            "gather_facts": False,
            "module_defaults": {MODULE: {**self.folders, "progress_interval": progress_interval}},
            "tasks": list(tasks),
        }
        return run_playbook([play], env=self.env(), **options)


def python_path() -> str:
    """PYTHONPATH of a child process that is to import what this one can."""
    return os.pathsep.join(path for path in sys.path if path)


@pytest.fixture
def site(world: World, tmp_path: Path) -> Site:
    """A host that holds the connection."""
    return Site(world, tmp_path)
