# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role through ansible-playbook: on several hosts, in check mode, again, and away; and no secret in any output."""

from __future__ import annotations

import pathlib
from collections.abc import Callable
from typing import Any

import yaml

from .conftest import Host

SECRETS = ("secret-external-id", "secret-second-id", "demo-api-key")


def play(state: str, **variables: Any) -> dict[str, Any]:
    return {
        "name": f"Connection {state}",
        "hosts": "all",
        "gather_facts": False,
        "roles": [{"role": "wxgov.sagemaker.governance_connection"}],
        "vars": {"governance_connection_state": state, **variables},
        "tasks": [{"name": f"Look {state}", "ansible.builtin.debug": {"var": "governance_connection_result"}}],
    }


def inventory(tmp_path: pathlib.Path) -> dict[str, Any]:
    hosts = {
        name: {"ansible_connection": "local", "governance_connection_connections_dir": str(tmp_path / name / "d")}
        for name in ("agent1", "agent2")
    }
    return {"all": {"hosts": hosts}}


def test_the_role_writes_on_each_host_and_takes_away_again(
    host: Host, tmp_path: pathlib.Path, run_playbook: Callable[..., Any]
) -> None:
    variables = {f"governance_connection_{name}": value for name, value in host.options.items()}
    hosts = inventory(tmp_path)
    options = {"inventory": hosts, "extra_vars": variables, "diff": True}

    checked = run_playbook([play("present")], check=True, **options).check()
    assert checked.changed == 2
    assert not (tmp_path / "agent1").exists()

    second = play("present", governance_connection_description="Second")
    rotated = play("present", governance_connection_description="Second")
    # Extra variables win over the play's, so what differs from play to play is not among them.
    done = run_playbook([play("present"), second, rotated], verbosity=3, **options).check()
    assert done.changed == 4
    assert {entry.result["governance_connection_result"]["operations"][0] for entry in looked(done)[:2]} == {"create"}
    assert {entry.result["governance_connection_result"]["operations"][0] for entry in looked(done)[2:4]} == {"update"}
    assert [entry.result["governance_connection_result"]["operations"] for entry in looked(done)[4:]] == [[], []]
    for name in ("agent1", "agent2"):
        document = yaml.safe_load((tmp_path / name / "d" / "credit-risk.json").read_text())
        assert document["description"] == "Second"
        assert document["credentials"]["external_id"] == "secret-external-id"

    gone = run_playbook([play("absent"), play("absent")], **options).check()
    assert gone.changed == 2
    assert not list(tmp_path.glob("agent*/d/*.json"))

    for secret in SECRETS:
        assert secret not in checked.stdout + done.stdout + gone.stdout
        assert secret not in str([checked.results, done.results, gone.results])


def looked(result: Any) -> list[Any]:
    return [entry for entry in result.results if entry.task.startswith("Look")]


def test_what_is_wrong_is_said_in_the_play_and_no_secret_with_it(
    host: Host, tmp_path: pathlib.Path, run_playbook: Callable[..., Any]
) -> None:
    variables = {f"governance_connection_{name}": value for name, value in host.options.items()}
    variables["governance_connection_external_id"] = "secret-second-id"
    variables["governance_connection_business_entity"] = "Nobody"
    refused = run_playbook([play("present")], inventory=inventory(tmp_path), extra_vars=variables, verbosity=3)
    assert refused.rc != 0
    assert 'no business entity "Nobody"' in refused.stdout.replace('\\"', '"')
    assert not any(secret in refused.stdout for secret in SECRETS)
    assert not list(tmp_path.glob("agent*"))
