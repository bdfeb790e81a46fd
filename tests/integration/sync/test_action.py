# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action plugin: progress while the module runs, and the module's own result at the end."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tests.harness.playbook import CHECKOUT, run_playbook
from tests.integration.sync.site import MODULE, Site, site

__all__ = ["site"]

PACKAGES = 80
LINE = re.compile(r"\[localhost\] production: models \(\d/\d\) (\d+)/(\d+), [\d.]+/s, .+ left, 0 failed")


def test_progress_is_printed_while_models_are_written_and_the_result_is_the_modules_own(site: Site) -> None:
    site.world.register("churn", versions=PACKAGES)
    site.world.console.fault("latency", "POST", "contents", seconds=0.25, times=None)
    seen: list[tuple[int, int, int]] = []

    def watch(line: str) -> None:
        match = LINE.search(line)
        if match:
            seen.append((int(match[1]), int(match[2]), len(site.world.console.objects("Model"))))

    result = site.play(
        {"name": "dry", MODULE: {}, "check_mode": True},
        {"name": "watched", MODULE: {"concurrency": 2}, "diff": True},
        {"name": "plain", MODULE: {"progress_interval": 0}, "diff": True},
        {"name": "refused", MODULE: {"concurrency": 65}, "ignore_errors": True},
        {"name": "own async", MODULE: {}, "async": 600, "poll": 1, "diff": True},
        progress_interval=1,
        on_line=watch,
    ).check()
    watched, plain = result.one("watched"), result.one("plain")
    assert seen, result.stdout
    assert any(0 < done < total == PACKAGES for done, total, _written in seen)
    assert any(written < PACKAGES for _done, _total, written in seen), "no line was printed before all was written"
    assert [done for done, _total, _written in seen] == sorted(done for done, _total, _written in seen)
    assert watched.keys() == plain.keys()
    assert watched["runs"][0]["counts"]["created"] == PACKAGES + 1
    assert len(watched["runs"][0]["outcomes"]) == PACKAGES + 1
    assert watched["diff"][0]["after"].keys() >= {"model churn-v1", "model group churn"}
    assert (watched["changed"], plain["changed"], result.one("dry")["changed"]) == (True, False, True)
    assert result.stdout.count("connection  result  groups  packages") == 2, "one of the dry run, one of the watched"
    assert "production  ok" in result.stdout
    assert "concurrency is 65" in result.one("refused")["msg"]
    assert result.one("own async")["runs"][0]["counts"]["unchanged"] == PACKAGES + 1


def test_the_playbook_runs_once_reports_and_warns(site: Site) -> None:
    packages = site.world.register("churn", versions=3)
    variables: dict[str, Any] = {
        "sync_agent_connections_dir": str(site.connections_dir),
        "sync_agent_state_dir": str(site.state_dir),
        "wxgov_sync_progress_interval": 1,
        "wxgov_connections": ["production"],
    }
    hosts = {"sync_agents": {"hosts": {"one": {"ansible_connection": "local"}, "two": {"ansible_connection": "local"}}}}
    play = Path(CHECKOUT, "playbooks", "sync_existing.yml")
    found = run_playbook(play, inventory=hosts, extra_vars=variables, env=site.env())
    found.check()
    (run,) = found.one("Compare registries with the console and bring it in step")["runs"]
    assert run["counts"]["created"] == 4
    assert "4 created" in found.stdout
    assert found.stdout.count("connection  result") == 1
    for arn in packages:
        site.world.sagemaker.delete_model_package(ModelPackageName=arn)
    warned = run_playbook(play, inventory=hosts, extra_vars=variables, env=site.env()).check()
    assert "production: 3 decommissions were held back, see notes." in warned.stdout
    assert "came back empty" in warned.stdout
