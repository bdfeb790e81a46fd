# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Onboarding for IBM's own integration: the form's values, no secret unless asked for, and no agent of ours."""

from __future__ import annotations

import copy
import json
import pathlib
import sys
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.client import ConsoleClient
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.objects import NewObject
from tests.emulators.aws.server import AwsEmulator
from tests.emulators.console.server import ConsoleEmulator
from tests.harness.playbook import CHECKOUT, PlayResult

ONBOARD = CHECKOUT / "playbooks" / "onboard_account.yml"
CREDIT, CHURN, AGENT = "210000000001", "210000000002", "999988887777"
LOCAL = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
PRINTED = "Print the values for Integrations > Amazon SageMaker in the console"
PROFILE = f"arn:aws:sagemaker:us-east-1:{CREDIT}:user-profile/d-abc/links"
Run = Callable[..., PlayResult]


def environment(aws: AwsEmulator, account: str) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": aws.endpoint_url,
        "AWS_ACCESS_KEY_ID": account,
        "AWS_SECRET_ACCESS_KEY": "anything-goes-here",
        "AWS_REGION": "us-east-1",
    }


@pytest.fixture
def inventory(
    aws: AwsEmulator, console: ConsoleEmulator, client: ConsoleClient, tmp_path: pathlib.Path
) -> dict[str, Any]:
    """Two accounts for IBM's integration, one with a role and one with an access key; and a host for an agent."""
    for name in ("credit", "churn"):
        client.create_object(NewObject("SOXBusEntity", name))
    common = {**LOCAL, "wxgov_agent": "native", "wxgov_default_user": "svc", "aws_events_create_trail": True}
    accounts = {
        "credit": {
            **common,
            "wxgov_aws_environment": environment(aws, CREDIT),
            "wxgov_business_entity": "credit",
            "wxgov_description": "Models of the credit department",
            "wxgov_default_profile_arn": PROFILE,
            "aws_access_install_source": "marketplace",
        },
        "churn": {
            **common,
            "wxgov_aws_environment": environment(aws, CHURN),
            "wxgov_business_entity": "churn",
            "aws_access_method": "access_key",
            "aws_access_store_in_secret": "wxgov/console",
        },
    }
    login = {
        "WXGOV_CONSOLE_URL": console.url,
        "WXGOV_CONSOLE_AUTH_METHOD": "mcsp",
        "WXGOV_CONSOLE_API_KEY": "demo-api-key",
        "WXGOV_CONSOLE_INSTANCE_ID": "demo-instance",
        "WXGOV_CONSOLE_TOKEN_URL": console.url,
    }
    agent = {
        **LOCAL,
        "wxgov_agent_environment": {**environment(aws, AGENT), **login},
        "governance_connection_connections_dir": str(tmp_path / "connections.d"),
    }
    groups = {"registry_accounts": {"hosts": accounts}, "sync_agents": {"hosts": {"agent": agent}}}
    return {"all": {"children": groups}}


def printed(result: PlayResult, host: str) -> dict[str, str]:
    """The values that were printed for an account, by label; the warning's lines as one."""
    (lines,) = [entry.result["msg"] for entry in result.results if (entry.host, entry.task) == (host, PRINTED)]
    pairs = [line.split(": ", 1) for line in lines if not line.startswith("WARNING")]
    warning = " ".join(line.removeprefix("WARNING: ") for line in lines if line.startswith("WARNING"))
    return {**{pair[0]: pair[-1] if len(pair) > 1 else "" for pair in pairs}, "WARNING": warning}


def test_accounts_are_handed_over_and_nothing_is_kept_for_our_agent(
    run_playbook: Run, inventory: dict[str, Any], tmp_path: pathlib.Path
) -> None:
    notes = tmp_path / "handoff"
    notes.mkdir()
    made = run_playbook(ONBOARD, inventory=inventory, extra_vars={"wxgov_handoff_dir": str(notes)}).check()
    assert not list(tmp_path.glob("connections.d/*.json"))

    values = printed(made, "credit")
    assert values.pop("WARNING").startswith("Our agent and IBM's integration must never serve one business entity")
    assert values.pop("External ID").startswith("(not shown")
    assert values == {
        "Description": "Models of the credit department",
        "Business entity": "credit",
        "Default user": "svc",
        "AWS account ID": CREDIT,
        "AWS region": "us-east-1",
        "Default profile ARN": PROFILE,
        "Credentials": "cross-account role",
        "Role ARN": f"arn:aws:iam::{CREDIT}:role/Aws_Sagemaker_Sqs_Cross_Account_Role",
        "Queue URL": values["Queue URL"],
    }
    assert values["Queue URL"].endswith(f"/{CREDIT}/wxgov-sagemaker-credit.fifo")

    key = printed(made, "churn")
    assert (key["Credentials"], key["Access key ID"][:4]) == ("access key", "AKIA")
    assert "in the secret wxgov/console of AWS Secrets Manager" in key["Secret access key"]
    assert "External ID" not in key

    written = dict(line.split(": ", 1) for line in (notes / "credit.txt").read_text().splitlines() if ": " in line)
    external_id = written["External ID"]
    assert len(external_id) == 32
    assert external_id not in made.stdout
    assert (notes / "credit.txt").stat().st_mode & 0o777 == 0o600

    shown = {"wxgov_handoff_dir": str(notes), "wxgov_show_external_id": True}
    again = run_playbook(ONBOARD, inventory=inventory, extra_vars=shown, diff=True).check()
    assert again.changed == 0
    assert printed(again, "credit")["External ID"] == external_id


def test_an_account_changes_hands_and_the_agent_lets_go_of_it(
    run_playbook: Run, inventory: dict[str, Any], tmp_path: pathlib.Path
) -> None:
    accounts = inventory["all"]["children"]["registry_accounts"]["hosts"]
    del accounts["churn"]
    ours = copy.deepcopy(inventory)
    account = ours["all"]["children"]["registry_accounts"]["hosts"]["credit"]
    account |= {"wxgov_agent": "ours", "aws_access_install_source": "agent", "aws_access_agent_account_id": AGENT}
    first = run_playbook(ONBOARD, inventory=ours).check()
    assert PRINTED not in {entry.task for entry in first.results if entry.kind != "skipped"}
    assert "must never serve it too" in first.one("Say who serves the account")["msg"]
    file = tmp_path / "connections.d" / "credit.json"
    assert json.loads(file.read_text())["enabled"] is True

    handed = run_playbook(ONBOARD, inventory=inventory).check()
    assert json.loads(file.read_text())["enabled"] is False
    assert printed(handed, "credit")["Business entity"] == "credit"
    assert run_playbook(ONBOARD, inventory=inventory).check().changed == 0


@pytest.mark.parametrize(
    ("host", "variables", "words"),
    [
        ("credit", {"wxgov_agent": "theirs"}, "say ours, or native"),
        ("credit", {"aws_access_install_source": "agent"}, "set aws_access_install_source to marketplace or ibm"),
        ("churn", {"aws_access_store_in_secret": ""}, "aws_access_store_in_secret"),
    ],
)
def test_what_would_not_work_is_said_before_anything_is_made(
    host: str, variables: dict[str, str], words: str, run_playbook: Run, inventory: dict[str, Any], aws: AwsEmulator
) -> None:
    accounts = inventory["all"]["children"]["registry_accounts"]["hosts"]
    inventory["all"]["children"]["registry_accounts"]["hosts"] = {host: accounts[host] | variables}
    refused = run_playbook(ONBOARD, inventory=inventory)
    assert refused.rc != 0
    assert words in refused.stdout
    assert not any(call.startswith(("sqs.", "events.", "iam.")) for call in aws.calls())
