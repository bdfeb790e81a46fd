# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs that are cut off anywhere, and sides that want to be called slowly. TEST_SEED says where they are cut off."""

from __future__ import annotations

import dataclasses
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.harness.narrow import narrow_way
from tests.harness.playbook import environment
from tests.integration.sync.conftest import ACCOUNT, World
from tests.integration.sync.site import Site, python_path, site

__all__ = ["site"]

PROGRAM = """
from pathlib import Path
from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.store import DirectoryStore
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.existing import RunSettings
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync import runner

selection = runner.select_connections(DirectoryStore({connections!r}), None)
state_dir = Path({state!r})
runner.run_connections(selection, runner.RunnerOptions(RunSettings(state_dir=state_dir), state_dir))
"""
GROUPS, VERSIONS, KILLS = 3, 40, 5
SEED = int(os.environ.get("TEST_SEED", "20261122"))


def requests_of(world: World) -> int:
    """Calls of both sides since the counters were zeroed: the clock by which runs are killed."""
    return sum(world.aws.calls().values()) + sum(world.console.calls().values())


def run_until(site: Site, calls: int) -> bool:
    """Run in a process of its own and kill it when both sides have been called so often; whether it was still alive."""
    world = site.world
    world.aws.clear_calls()
    world.console.clear_calls()
    program = PROGRAM.format(connections=str(site.connections_dir), state=str(site.state_dir))
    process = subprocess.Popen(
        [sys.executable, "-c", program], env={**environment(site.env()), "PYTHONPATH": python_path()}
    )
    until = time.monotonic() + 120
    while requests_of(world) < calls and process.poll() is None:
        assert time.monotonic() < until, "the run neither ended nor called"
        time.sleep(0.001)
    process.kill()
    return process.wait() == -signal.SIGKILL


@pytest.mark.parametrize("with_search", [True, False], ids=["search", "without search"])
def test_a_run_killed_anywhere_is_finished_by_the_next_without_a_double(site: Site, with_search: bool) -> None:
    chance = random.Random(SEED)
    world = site.world
    world.aws.preload_registry(GROUPS, VERSIONS, account=ACCOUNT, region="us-east-1")
    if not with_search:
        world.aws.fault("sagemaker.Search", "error", code="AccessDeniedException", status=400, times=10**6)
    objects = GROUPS * (1 + VERSIONS)
    kills = sum(run_until(site, chance.randint(1, 60)) for _kill in range(KILLS))
    assert kills >= 3, "most runs ended before they could be killed"
    assert {run["status"] for run in site.info()["runs"]} <= {"cut_off", "succeeded"}
    written = len(world.console.objects("Model")) + len(world.console.objects("ModelGroup"))

    world.aws.clear_calls()
    world.console.clear_calls()
    last = site.sync()["runs"][0]
    assert (last["error"], last["counts"]["failed"]) == ("", 0)
    assert last["counts"]["created"] == objects - written == world.writes()
    assert last["counts"]["unchanged"] == written
    listing = {"sagemaker.Search", "sagemaker.ListModelPackages", "sagemaker.ListModelPackageGroups"}
    assert sum(count for call, count in world.aws.calls().items() if call in listing) <= 6
    arns = Counter(
        one["fields"]["Integration:External ID"]
        for kind in ("Model", "ModelGroup")
        for one in (world.session.get(found["id"]) for found in world.console.objects(kind))
    )
    assert len(arns) == objects
    assert set(arns.values()) == {1}
    assert not site.sync()["changed"]


def test_a_registry_that_takes_ten_calls_a_second_is_read_without_a_failure(world: World, tmp_path: Path) -> None:
    world.aws.preload_registry(2, 20, account=ACCOUNT, region="us-east-1")
    world.aws.fault("sagemaker.Search", "error", code="AccessDeniedException", status=400, times=10**6)
    world.aws.throttle("sagemaker.DescribeModelPackage", rate=10, burst=1)
    report = world.sync(concurrency=16, state_dir=tmp_path)
    assert (report.error, report.counts["failed"], report.counts["create"]) == ("", 0, 42)
    assert world.aws.throttled_calls().get("sagemaker.DescribeModelPackage", 0) > 0
    assert report.throttling["registry_throttled"]


def test_a_console_that_takes_ten_calls_a_second_is_written_without_a_failure(world: World) -> None:
    world.aws.preload_registry(2, 20, account=ACCOUNT, region="us-east-1")
    with narrow_way(world.console.url, rate=10, burst=10) as way:
        login = {**world.connection.console.auth_options, "token_url": way.url}
        endpoint = dataclasses.replace(world.connection.console, url=way.url, auth_options=login)
        world.connection = dataclasses.replace(world.connection, console=endpoint)
        report = world.sync(concurrency=16)
    assert (report.error, report.counts["failed"], report.counts["create"]) == ("", 0, 42)
    assert way.refused > 0
    assert report.throttling["console_calls_per_second"]
