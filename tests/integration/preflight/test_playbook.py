# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook preflight and the module's examples, through ansible-playbook, with the agent at work."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from ansible_collections.wxgov.sagemaker.plugins.modules import governance_preflight
from tests.harness.playbook import CHECKOUT, LOCAL_HOST, PlayResult
from tests.integration.preflight.world import INSPECTOR_ARN, INSPECTOR_ID, World, policy_file

ACCOUNT, NAME = "111122223333", "credit-risk"
PLAYBOOK = CHECKOUT / "playbooks" / "preflight.yml"
Run = Callable[..., PlayResult]


@pytest.fixture(scope="module")
def world(empty_world: World) -> World:
    empty_world.onboard({NAME: ACCOUNT}, {"look": policy_file("inspector"), "probe": policy_file("probe")})
    return empty_world


def preflight(world: World, run_playbook: Run, **variables: Any) -> PlayResult:
    host = {
        **LOCAL_HOST["all"]["hosts"]["localhost"],
        "wxgov_agent_environment": world.environment,
        "sync_agent_connections_dir": str(world.store.path),
        "wxgov_inspector_role_arn": INSPECTOR_ARN,
        "wxgov_inspector_external_id": INSPECTOR_ID,
    }
    inventory = {"all": {"children": {"sync_agents": {"hosts": {"localhost": host}}}}}
    return run_playbook(PLAYBOOK, inventory=inventory, extra_vars=variables)


def test_a_broken_link_is_shown_and_fails_the_play(world: World, run_playbook: Run) -> None:
    events = world.root("events", ACCOUNT)
    events.disable_rule(Name=f"wxgov-sagemaker-{NAME}")
    result = preflight(world, run_playbook, wxgov_probe=True)
    events.enable_rule(Name=f"wxgov-sagemaker-{NAME}")
    assert result.rc != 0
    mend = f"Enable it: aws events enable-rule --name wxgov-sagemaker-{NAME}."
    assert f"{NAME}: aws.rule failed: Disabled: wxgov-sagemaker-{NAME}. {mend}" in result.stdout
    lines = result.one("Look at each connection")["reports"][0]["lines"]
    assert len(lines) > 22
    assert all(line in result.stdout for line in lines if '"' not in line)
    assert any(line.startswith("  x failed  aws.rule ") for line in lines)
    assert INSPECTOR_ID not in result.stdout


def test_the_probe_goes_through_the_playbook_and_the_examples_run_as_printed(world: World, run_playbook: Run) -> None:
    tasks = yaml.safe_load(governance_preflight.EXAMPLES)
    play = {
        "hosts": "localhost",
        "gather_facts": False,
        "vars": {"inspector_external_id": INSPECTOR_ID},
        "module_defaults": {"wxgov.sagemaker.governance_preflight": {"connections_dir": str(world.store.path)}},
        "tasks": tasks,
    }
    with world.agent():
        done = preflight(world, run_playbook, wxgov_probe="true", wxgov_probe_timeout=60).check()
        examples = run_playbook([play], env=world.environment, verbosity=2).check()
    report = done.one("Look at each connection")["reports"][0]
    assert report["checks"][-1]["name"] == "probe"
    assert {check["status"] for check in report["checks"]} == {"ok"}
    assert f"{NAME}: ok (22 checks)." in done.stdout
    assert done.changed == 0

    documented = yaml.safe_load(governance_preflight.RETURN)
    first, quiet, shown, probed = (examples.one(task["name"]) for task in tasks)
    assert shown["msg"] == quiet["reports"][0]["lines"]
    for result in (first, quiet, probed):
        assert set(documented) <= set(result)
        assert set(documented["reports"]["contains"]) == set(result["reports"][0])
        checks = documented["reports"]["contains"]["checks"]["contains"]
        assert all(set(check) == set(checks) for check in result["reports"][0]["checks"])
        for check in result["reports"][0]["checks"]:
            assert f"C({check['name']})" in " ".join(checks["name"]["description"])
    assert set(documented["reports"]["contains"]["probe"]["contains"]) == set(probed["reports"][0]["probe"])
    assert (first["reports"][0]["probe"], probed["reports"][0]["probe"]["status"]) == (None, "ok")
    assert INSPECTOR_ID not in examples.stdout
