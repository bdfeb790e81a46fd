# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role through ansible-playbook: on several hosts, in check mode, again, and away; and no secret in any output."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Callable
from typing import Any

import boto3
import yaml

from ansible_collections.wxgov.sagemaker.plugins.doc_fragments.connections import ModuleDocFragment as connections
from ansible_collections.wxgov.sagemaker.plugins.doc_fragments.console import ModuleDocFragment as console
from ansible_collections.wxgov.sagemaker.plugins.modules import governance_connection
from tests.harness.playbook import CHECKOUT

from .conftest import Host

ROLE = CHECKOUT / "roles" / "governance_connection"
PREFIX = "governance_connection_"
OPTIONS = governance_connection.CONNECTION_OPTIONS | governance_connection.RULE_OPTIONS

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


def test_the_role_keeps_connections_in_secrets_manager_and_reads_the_key_there(
    host: Host, tmp_path: pathlib.Path, run_playbook: Callable[..., Any], world_of_aws: Callable[..., None]
) -> None:
    """Nothing is left on the host, the second play changes nothing, and a test of what is kept passes."""
    world_of_aws(trusting=True)
    client = boto3.Session().client("secretsmanager", region_name="eu-central-1")
    arn = client.create_secret(Name="console-api-key", SecretString="demo-api-key")["ARN"]
    variables = {f"governance_connection_{name}": value for name, value in host.options.items()}
    del variables["governance_connection_console_api_key"]
    variables |= {
        "governance_connection_console_api_key_secret": arn,
        "governance_connection_connections_store": "secretsmanager",
        "governance_connection_secrets_prefix": "team/",
        "governance_connection_secrets_region": "eu-central-1",
        "governance_connection_validate_aws": True,
    }
    hosts = {"all": {"hosts": {"agent1": inventory(tmp_path)["all"]["hosts"]["agent1"]}}}
    env = {name: os.environ[name] for name in os.environ if name.startswith("AWS_")}
    tested = play("present", governance_connection_test=True)
    plays = [play("present"), play("present"), tested, play("absent")]
    done = run_playbook(plays, inventory=hosts, extra_vars=variables, env=env, verbosity=3).check()
    results = [entry.result["governance_connection_result"] for entry in looked(done)]
    assert [result["operations"] for result in results] == [["create"], [], [], ["remove"]]
    assert done.changed == 2
    assert {check["status"] for check in results[2]["checks"]} == {"ok"}
    assert not (tmp_path / "agent1").exists()
    assert client.describe_secret(SecretId="team/credit-risk")["DeletedDate"]
    assert not any(secret in done.stdout for secret in SECRETS)


def test_the_role_has_a_variable_for_each_option_and_passes_it_on() -> None:
    """With the types, choices and defaults of the module, which are tested with the module."""
    documented = module_options()
    specification = yaml.safe_load((ROLE / "meta" / "argument_specs.yml").read_text())
    variables = specification["argument_specs"]["main"]["options"]
    assert set(variables) == {f"{PREFIX}{name}" for name in documented}
    kept = ("type", "choices", "default", "required")
    for name, option in documented.items():
        variable = variables[f"{PREFIX}{name}"]
        assert {key: variable.get(key) for key in kept} == {key: option.get(key) for key in kept}, name
    defaults = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text())
    assert defaults == {
        f"{PREFIX}{name}": option["default"] for name, option in documented.items() if "default" in option
    }
    (task, _unused) = yaml.safe_load((ROLE / "tasks" / "main.yml").read_text())
    passed = task["wxgov.sagemaker.governance_connection"]
    assert set(passed) == set(documented)
    assert all(f"{PREFIX}{name}" in value.split() for name, value in passed.items())
    hidden = {name for name, option in variables.items() if option.get("no_log")}
    assert hidden == {f"{PREFIX}{name}" for name, option in OPTIONS.items() if option.get("no_log")}


def module_options() -> dict[str, Any]:
    blocks = [governance_connection.DOCUMENTATION, connections.DOCUMENTATION, console.DOCUMENTATION]
    return {name: option for block in blocks for name, option in yaml.safe_load(block)["options"].items()}


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
