# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module sync_existing_models: in this process where that shows the same, by ansible-playbook where it does not."""

from __future__ import annotations

import dataclasses
import importlib
import re
import sqlite3
from typing import Any

import pytest
import yaml

from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.lock import exclusive
from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.stores import StoreSettings, open_store
from tests.integration.sync.conftest import STEM
from tests.integration.sync.site import MODULE, Site, site

__all__ = ["site"]

API_KEY = "demo-api-key"


def task(name: str, **arguments: Any) -> dict[str, Any]:
    """A task that is allowed to fail, so that one play can hold several."""
    return {"name": name, MODULE: arguments, "ignore_errors": True}


def test_check_change_check_nothing(site: Site) -> None:
    site.world.register("churn", versions=2)
    result = site.play(
        {**task("check"), "check_mode": True, "diff": True},
        {**task("change"), "diff": True},
        {**task("check again"), "check_mode": True, "diff": True},
        {**task("nothing"), "diff": True},
        verbosity=3,
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


def test_a_dry_run_reads_and_does_nothing_else_on_either_side(site: Site) -> None:
    first, second = site.world.register("churn", versions=2)
    site.sync()
    site.world.sagemaker.update_model_package(ModelPackageArn=first, ModelApprovalStatus="Approved")
    site.world.sagemaker.delete_model_package(ModelPackageName=second)
    site.world.register("fraud")
    records = site.info()["runs"]
    files = sorted(site.state_dir.rglob("*"))
    for calls in (site.world.aws, site.world.console):
        calls.clear_calls()
    dry = site.sync(check=True)
    counts = dry["runs"][0]["counts"]
    assert (counts["created"], counts["updated"], counts["decommissioned"]) == (2, 1, 1)
    assert set(site.world.aws.calls()) <= {"sagemaker.Search", "sagemaker.DescribeModelPackage", "sts.AssumeRole"}
    assert {call.split()[0] for call in site.world.console.calls()} - {"GET"} == {"POST"}
    assert {call for call in site.world.console.calls() if call.startswith("POST")} == {"POST query", "POST token"}
    assert (site.info()["runs"], sorted(site.state_dir.rglob("*"))) == (records, files)
    before, after = dry["diff"][0]["before"], dry["diff"][0]["after"]
    assert set(before) == {"model churn-v1", "model churn-v2"}
    assert set(after) == {"model group fraud", "model fraud-v1", *before}
    assert after["model churn-v2"]["MRG-Model:Status"] == "Decommissioned"
    assert site.sync()["diff"] == dry["diff"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"connections": ["nowhere"]}, r"nowhere"),
        ({"connections": ["No Name"]}, r"'No Name' cannot be a connection's name"),
        ({"connections": ["resting"]}, r"The connection resting is disabled"),
        ({"concurrency": 65}, r"concurrency is 65; it must be from 1 to 64"),
        ({"parallel_connections": 0}, r"parallel_connections is 0; it must be from 1 to 32"),
        ({"connections_dir": "/nowhere"}, r"There is no enabled connection in /nowhere"),
        ({"fail_on": "threshold"}, r"fail_threshold_count, fail_threshold_percent"),
    ],
)
def test_bad_input_is_one_clear_sentence_and_changes_nothing(site: Site, options: dict[str, Any], said: str) -> None:
    site.world.register("churn")
    site.store.save(dataclasses.replace(site.world.connection, name="resting", enabled=False))
    result = site.sync(**options)
    assert result["failed"]
    assert re.search(said, result["msg"]), result["msg"]
    assert site.world.writes() == 0
    assert site.info()["runs"] == []


def test_a_run_that_fails_says_what_failed_and_keeps_the_rest(site: Site) -> None:
    packages = site.world.register("churn", versions=2)
    site.world.console.fault("status", "POST", "contents", status=400, skip=1, times=1)
    failed = site.sync(concurrency=1)
    assert failed["failed"]
    assert "1 object(s) could not be brought in step, the first of them churn-v1" in failed["msg"]
    assert failed["runs"][0]["counts"]["created"] == 2
    assert site.world.objects(packages[1]) != []


@pytest.mark.parametrize(
    ("options", "fails"),
    [
        ({"fail_on": "any"}, True),
        ({"fail_on": "never"}, False),
        ({"fail_on": "threshold", "fail_threshold_count": 2}, False),
        ({"fail_on": "threshold", "fail_threshold_count": 1}, True),
        ({"fail_on": "threshold", "fail_threshold_percent": 50}, False),
        ({"fail_on": "threshold", "fail_threshold_percent": 49}, True),
        ({"fail_on": "threshold", "fail_threshold_percent": 50, "fail_threshold_count": 1}, True),
    ],
)
def test_fail_on_says_how_many_failed_objects_are_too_many(site: Site, options: dict[str, Any], fails: bool) -> None:
    site.world.register("churn", versions=3)
    site.world.console.fault("status", "POST", "contents", status=400, skip=2, times=2)
    result = site.sync(concurrency=1, **options)
    assert result.get("failed", False) is fails
    counts = result["runs"][0]["counts"]
    assert (counts["created"], counts["failed"]) == (2, 2)


@pytest.mark.parametrize(("fail_on", "fails"), [("any", True), ("threshold", True), ("never", False)])
def test_a_connection_that_is_stopped_is_a_failure_unless_never(site: Site, fail_on: str, fails: bool) -> None:
    site.world.register("churn")
    site.store.save(dataclasses.replace(site.world.connection, business_entity_id="1"))
    result = site.sync(fail_on=fail_on, fail_threshold_percent=100)
    assert result.get("failed", False) is fails
    assert "no longer in the console" in result["runs"][0]["error"]


def test_what_is_held_back_is_no_failure_and_warned_of(site: Site, capfd: pytest.CaptureFixture[str]) -> None:
    (package,) = site.world.register("churn")
    site.sync()
    site.world.sagemaker.delete_model_package(ModelPackageName=package)
    result = site.sync()
    assert not result.get("failed")
    assert result["runs"][0]["counts"]["held"] == 1
    # Where the controller's code is loaded in this process too, ansible-core prints a warning instead of returning it.
    warned = f"{result.get('warnings', '')} {capfd.readouterr().err}"
    assert "production: 1 decommissions were held back" in " ".join(warned.split())


def test_connections_go_on_without_each_other(site: Site) -> None:
    site.store.save(dataclasses.replace(site.world.connection, name="broken", business_entity_id="1"))
    (site.connections_dir / "garbled.json").write_text("{")
    site.world.register("churn")
    with exclusive(site.state_dir, "busy", timeout=5):
        site.store.save(dataclasses.replace(site.world.connection, name="busy"))
        result = site.sync(lock_timeout=0)
    runs = {run["connection"]: run for run in result["runs"]}
    assert list(runs) == ["broken", "busy", "garbled", "production"]
    assert "no longer in the console" in runs["broken"]["error"]
    assert "still held by another process" in runs["busy"]["error"]
    assert "garbled.json cannot be used" in runs["garbled"]["error"]
    assert (runs["production"]["error"], runs["production"]["counts"]["created"]) == ("", 2)
    assert all(f"{name}: " in result["msg"] for name in ("broken", "busy", "garbled"))
    assert "production: " not in result["msg"]
    assert {run["connection"]: run["status"] for run in site.info()["runs"]} == {
        "broken": "failed",
        "production": "succeeded",
    }


def test_connections_run_at_the_same_time_and_no_more_of_them_than_said(site: Site) -> None:
    names = ("east", "north", "south")
    for name in names:
        site.store.save(dataclasses.replace(site.world.connection, name=name))
    site.store.remove("production")
    site.world.register("churn")
    site.world.console.fault("latency", "GET", "types", seconds=0.5, times=None)
    assert most_at_once(site, parallel_connections=3) == 3
    assert most_at_once(site, parallel_connections=1) == 1


def most_at_once(site: Site, **options: Any) -> int:
    """The largest number of runs of one task that were under way at one moment, by their records."""
    label = f"at-once-{options['parallel_connections']}"
    site.sync(label=label, fail_on="never", **options)
    runs = site.info(label=label)["runs"]
    times = [(run["started_at"], 1) for run in runs] + [(run["updated_at"], -1) for run in runs]
    under_way = most = 0
    for _moment, step in sorted(times):
        under_way += step
        most = max(most, under_way)
    return most


def test_connections_are_read_from_secrets_manager_too(site: Site) -> None:
    site.world.register("churn")
    options = {"connections_store": "secretsmanager", "secrets_region": "us-east-1"}
    nothing = site.sync(**options)
    assert "There is no enabled connection" in nothing["msg"]
    open_store(StoreSettings("secretsmanager", region="us-east-1")).save(site.world.connection)
    assert site.sync(**options)["runs"][0]["counts"]["created"] == 2


def test_run_records_survive_and_hold_no_secret(site: Site) -> None:
    site.world.register("churn")
    run_id = site.sync(label="nightly")["runs"][0]["run_id"]
    state = site.state_dir / "state.db"
    assert state.stat().st_mode & 0o777 == 0o600
    database = sqlite3.connect(state)
    rows = database.execute("SELECT id, status, record FROM runs").fetchall()
    database.close()
    assert [(row[0], row[1]) for row in rows] == [(run_id, "succeeded")]
    assert API_KEY not in rows[0][2]
    (shown,) = site.info(label="nightly")["runs"]
    assert (shown["id"], shown["label"], shown["progress"]["done"]) == (run_id, "nightly", 2)
    assert site.info(label="another")["runs"] == []


def test_the_examples_run(site: Site) -> None:
    site.world.register("churn")
    site.store.save(dataclasses.replace(site.world.connection, name="playground", business_entity_id="1", enabled=True))
    module = importlib.import_module("ansible_collections.wxgov.sagemaker.plugins.modules.sync_existing_models")
    examples = yaml.safe_load(module.EXAMPLES)
    result = site.play(*({**example, "ignore_errors": True} for example in examples))
    dry, everything, tolerant, playground = (result.one(example["name"]) for example in examples)
    assert dry["changed"]
    assert not dry.get("failed")
    assert [run["connection"] for run in everything["runs"]] == ["playground", "production"]
    assert tolerant["failed"]  # playground's business entity is not there
    assert playground["runs"][0]["connection"] == "playground"
