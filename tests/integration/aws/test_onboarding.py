# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks onboard_account and offboard_account over an inventory of accounts: one task an account, both ways."""

from __future__ import annotations

import json
import pathlib
import sys
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.client import connect
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.objects import NewObject
from tests.emulators.aws.server import AwsEmulator
from tests.emulators.console.server import ConsoleEmulator
from tests.harness.playbook import CHECKOUT, PlayResult
from tests.integration.aws.conftest import Account
from tests.integration.aws.test_connection_stack import snapshot

AGENT = "999988887777"
NAMES = {"credit": "210000000001", "churn": "210000000002"}
LOCAL = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
ONBOARD, OFFBOARD = (CHECKOUT / "playbooks" / f"{name}_account.yml" for name in ("onboard", "offboard"))
Run = Callable[..., PlayResult]


@pytest.fixture
def inventory(aws: AwsEmulator, console: ConsoleEmulator, tmp_path: pathlib.Path) -> dict[str, Any]:
    """Two accounts, one with a role and one with an access key, their business entities, and a host for the agent."""
    login = {"api_key": "demo-api-key", "instance_id": "demo-instance", "token_url": console.url}
    client = connect(console.url, auth_method="mcsp", auth_options=login)
    for name in NAMES:
        client.create_object(NewObject("SOXBusEntity", name, name, "", None, {}))
    accounts = {
        name: {
            **LOCAL,
            "wxgov_aws_environment": Account(aws, number).environment,
            "wxgov_business_entity": name,
            "wxgov_default_user": "svc",
            "aws_events_create_trail": True,
            "aws_access_agent_account_id": AGENT,
        }
        for name, number in NAMES.items()
    }
    accounts["churn"]["aws_access_method"] = "access_key"
    agent = {
        **LOCAL,
        "wxgov_agent_environment": {
            **Account(aws, AGENT).environment,
            "WXGOV_CONSOLE_URL": console.url,
            "WXGOV_CONSOLE_AUTH_METHOD": "mcsp",
            "WXGOV_CONSOLE_API_KEY": "demo-api-key",
            "WXGOV_CONSOLE_INSTANCE_ID": "demo-instance",
            "WXGOV_CONSOLE_TOKEN_URL": console.url,
        },
        "governance_connection_connections_dir": str(tmp_path / "connections.d"),
    }
    groups = {"registry_accounts": {"hosts": accounts}, "sync_agents": {"hosts": {"agent": agent}}}
    return {"all": {"children": groups}}


def left(aws: AwsEmulator) -> dict[str, bool]:
    """Whether an account still has rules, queues, alarms, roles or users."""
    found = {name: snapshot(Account(aws, number)) for name, number in NAMES.items()}
    for name, number in NAMES.items():
        found[name]["users"] = Account(aws, number).client("iam").list_users()["Users"]
    return {name: any(found[name][kind] for kind in ("rules", "queues", "alarms", "roles", "users")) for name in NAMES}


def module_tasks(result: PlayResult, host: str) -> list[str]:
    """The tasks of a host that started a process: those whose result tells of the module's own keys."""
    keys = {"accounts", "role", "queue", "rule", "connection"}
    return [entry.task for entry in result.results if entry.host == host and keys & set(entry.result)]


def test_accounts_are_onboarded_and_taken_off_again(
    run_playbook: Run, inventory: dict[str, Any], aws: AwsEmulator, tmp_path: pathlib.Path
) -> None:
    options = {"inventory": inventory}
    connections = tmp_path / "connections.d"

    checked = run_playbook(ONBOARD, check=True, diff=True, **options).check()
    assert not connections.exists()
    assert not any(left(aws).values())
    assert {name: checked.stats[name]["changed"] for name in NAMES} == {"credit": 1, "churn": 3}
    for name in NAMES:
        assert f"wxgov-sagemaker-{name}.fifo" in checked.stdout, "the diff does not show what would be made"

    made = run_playbook(ONBOARD, **options).check()
    assert sorted(path.stem for path in connections.glob("*.json")) == sorted(NAMES)
    assert all(left(aws).values())
    assert len(module_tasks(made, "credit")) == 1, "an account takes more than one module task"
    ways = {path.stem: json.loads(path.read_text())["credentials"]["type"] for path in connections.glob("*.json")}
    assert ways == {"credit": "assume_role", "churn": "access_key"}
    aws.clear_calls()
    again = run_playbook(ONBOARD, **options, extra_vars={"governance_connection_validate_aws": True}).check()
    assert again.changed == 0
    assert aws.calls()["sts.AssumeRole"] >= 2, "the role was not tried with the external id and without it"

    unsaid = run_playbook(OFFBOARD, **options)
    assert unsaid.rc != 0
    assert "Say which accounts to take off" in unsaid.stdout
    assert all(left(aws).values())

    # Without the first play, as with a limit that leaves the agents out, nothing is taken from under them.
    one = {**options, "extra_vars": {"wxgov_offboard": "churn"}}
    refused = run_playbook(yaml.safe_load(OFFBOARD.read_text())[1:], **one)
    assert refused.rc != 0
    assert "agent may still have the connection, so nothing is removed from AWS" in refused.stdout
    assert left(aws)["churn"]

    gone = run_playbook(OFFBOARD, **one).check()
    assert [entry.host for entry in gone.results if entry.result.get("changed")] == ["agent", *["churn"] * 3]
    assert left(aws) == {"credit": True, "churn": False}
    assert [path.stem for path in connections.glob("*.json")] == ["credit"]

    rest = run_playbook(OFFBOARD, **{**options, "extra_vars": {"wxgov_offboard": "registry_accounts"}}).check()
    assert (rest.stats["churn"]["changed"], rest.stats["credit"]["changed"]) == (0, 1)
    assert not any(left(aws).values())
    assert list(connections.glob("*.json")) == []
    assert snapshot(Account(aws, NAMES["churn"]))["trails"] == ["wxgov-sagemaker"]
