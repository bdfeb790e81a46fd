# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module sync_existing_models, run by ansible-playbook as users run it."""

from __future__ import annotations

import dataclasses
import importlib
import os
import re
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.lock import exclusive
from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.store import DirectoryStore
from tests.harness.playbook import environment
from tests.integration.sync.conftest import ACCOUNT, STEM, World

MODULE = "wxgov.sagemaker.sync_existing_models"
API_KEY = "demo-api-key"


class Site:
    """A host's connections and state, and plays against them."""

    def __init__(self, world: World, folder: Path, run_playbook: Any) -> None:
        self.world = world
        self.connections_dir = folder / "connections.d"
        self.state_dir = folder / "state"
        self.store = DirectoryStore(self.connections_dir)
        self._run = run_playbook

    def env(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": self.world.aws.endpoint_url,
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": "emulated",
        }

    def play(self, *tasks: dict[str, Any], progress_interval: int = 0, **options: Any) -> Any:
        """Run tasks; `module_defaults` carry the two directories, and print no progress unless told to."""
        folders = {"connections_dir": str(self.connections_dir), "state_dir": str(self.state_dir)}
        defaults = {**folders, "progress_interval": progress_interval}
        play = {
            "hosts": "localhost",
            "gather_facts": False,
            "module_defaults": {MODULE: defaults},
            "tasks": list(tasks),
        }
        return self._run([play], env=self.env(), verbosity=3, **options)


@pytest.fixture
def site(world, tmp_path, run_playbook):
    site = Site(world, tmp_path, run_playbook)
    site.store.save(world.connection)
    return site


def sync(name: str, **arguments: Any) -> dict[str, Any]:
    """A task that is allowed to fail, so that one play can hold several."""
    return {"name": name, MODULE: arguments, "ignore_errors": True}


def test_check_change_check_nothing(site):
    site.world.register("churn", versions=2)
    result = site.play(
        {**sync("check"), "check_mode": True, "diff": True},
        {**sync("change"), "diff": True},
        {**sync("check again"), "check_mode": True, "diff": True},
        {**sync("nothing"), "diff": True},
    ).check()
    check, change, again, nothing = (result.one(name) for name in ("check", "change", "check again", "nothing"))
    assert [step["changed"] for step in (check, change, again, nothing)] == [True, True, False, False]
    assert check.keys() == change.keys() == nothing.keys()
    assert check["runs"][0].keys() == change["runs"][0].keys() == nothing["runs"][0].keys()
    assert check["diff"] == change["diff"]
    assert check["diff"][0]["after"]["model churn-v2"]["Integration:External ID"] == f"{STEM}model-package/churn/2"
    assert nothing["diff"] == [{"before": {}, "after": {}}]
    assert change["runs"][0]["counts"]["created"] == 3
    assert nothing["runs"][0]["counts"]["unchanged"] == 3
    assert (check["runs"][0]["run_id"], bool(change["runs"][0]["run_id"])) == ("", True)
    assert API_KEY not in result.stdout


def test_bad_input_is_one_clear_sentence_and_changes_nothing(site):
    site.world.register("churn")
    disabled = dataclasses.replace(site.world.connection, name="resting", enabled=False)
    site.store.save(disabled)
    cases = {
        "unknown": ({"connections": ["nowhere"]}, r"nowhere"),
        "disabled": ({"connections": ["resting"]}, r"The connection resting is disabled"),
        "concurrency": ({"concurrency": 65}, r"concurrency is 65; it must be from 1 to 64"),
        "no connections": ({"connections_dir": str(site.state_dir)}, r"There is no enabled connection in"),
    }
    result = site.play(*(sync(name, **arguments) for name, (arguments, _text) in cases.items()))
    for name, (_arguments, text) in cases.items():
        message = result.one(name)["msg"]
        assert re.search(text, message), message
        assert "Traceback" not in message
    assert site.world.writes() == 0


def test_a_run_that_fails_says_what_failed_and_keeps_the_rest(site):
    packages = site.world.register("churn", versions=2)
    site.world.console.fault("status", "POST", "contents", status=400, skip=1, times=1)
    result = site.play(sync("run", concurrency=1))
    failed = result.one("run")
    assert failed["failed"]
    assert "1 object(s) could not be brought in step, the first of them churn-v1" in failed["msg"]
    assert failed["runs"][0]["counts"]["created"] == 2
    assert site.world.objects(packages[1]) != []


def test_two_connections_go_on_without_each_other(site):
    broken = dataclasses.replace(site.world.connection, name="broken", business_entity_id="1")
    site.store.save(broken)
    site.world.register("churn")
    run = site.play(sync("both")).one("both")
    assert [entry["connection"] for entry in run["runs"]] == ["broken", "production"]
    assert "no longer in the console" in run["runs"][0]["error"]
    assert run["runs"][1]["counts"]["created"] == 2
    assert "broken: The business entity" in run["msg"]


def test_a_connection_that_is_being_synchronised_is_waited_for(site):
    site.world.register("churn")
    with exclusive(site.state_dir, "production", timeout=5):
        message = site.play(sync("locked", lock_timeout=1)).one("locked")["msg"]
    assert "production" in message
    assert site.world.writes() == 0


def test_a_run_killed_anywhere_is_finished_by_the_next_without_a_double(site):
    packages = site.world.register("churn", versions=40)
    site.world.console.fault("latency", "POST", "contents", seconds=0.02, times=None)
    program = (
        "from pathlib import Path\n"
        "from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.existing import RunSettings\n"
        "from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync import runner\n"
        "from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.store import DirectoryStore\n"
        f"selection = runner.select_connections(DirectoryStore({str(site.connections_dir)!r}), None)\n"
        f"runner.run_connections(selection, runner.RunnerOptions(RunSettings(), Path({str(site.state_dir)!r})))\n"
    )
    roots = os.pathsep.join(path for path in sys.path if path)
    for written in (1, 12, 30):
        process = subprocess.Popen(
            [sys.executable, "-c", program], env={**environment(site.env()), "PYTHONPATH": roots}
        )
        while len(site.world.console.objects("Model")) < written:
            assert process.poll() is None, "the run ended before it could be killed"
        process.kill()
        process.wait()
    assert site.play(sync("last")).check().one("last")["runs"][0]["counts"]["failed"] == 0
    assert [len(site.world.objects(arn)) for arn in packages] == [1] * 40
    assert not site.play(sync("nothing")).check().one("nothing")["changed"]


def test_run_records_survive_and_hold_no_secret(site):
    site.world.register("churn")
    run_id = site.play(sync("run")).check().one("run")["runs"][0]["run_id"]
    state = site.state_dir / "state.db"
    assert state.stat().st_mode & 0o777 == 0o600
    database = sqlite3.connect(state)
    rows = database.execute("SELECT id, status, record FROM runs").fetchall()
    database.close()
    assert [(row[0], row[1]) for row in rows] == [(run_id, "succeeded")]
    assert API_KEY not in rows[0][2]


def test_the_examples_run(site):
    site.world.register("churn")
    site.store.save(dataclasses.replace(site.world.connection, name="playground", business_entity_id="1", enabled=True))
    module = importlib.import_module("ansible_collections.wxgov.sagemaker.plugins.modules.sync_existing_models")
    examples = yaml.safe_load(module.EXAMPLES)
    result = site.play(*({**task, "ignore_errors": True} for task in examples))
    dry, everything, tolerant, playground = (result.one(task["name"]) for task in examples)
    assert dry["changed"]
    assert not dry.get("failed")
    assert [run["connection"] for run in everything["runs"]] == ["playground", "production"]
    assert tolerant["failed"]  # playground has no business entity any more
    assert playground["runs"][0]["connection"] == "playground"
