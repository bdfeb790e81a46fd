# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples of the two modules, run as they stand by one ansible-playbook; only address and login are ours."""

from __future__ import annotations

import importlib
import json
import pathlib
from collections.abc import Callable
from typing import Any

import boto3
import yaml

from tests.emulators.aws.server import AwsEmulator

from .conftest import ACCOUNT, Host

MODULES = ("governance_connection", "governance_connection_info")
INSTANCE_OF_THE_EXAMPLES = "4f1e6c52-0d55-4a0c-9d7b-5f2f3d9ad3a1"
ROLE_OF_THE_EXAMPLES = "Aws_Sagemaker_Sqs_Cross_Account_Role"
KEY_FILE_OF_THE_EXAMPLES = "/etc/wxgov-sagemaker/console-api-key"


def examples(module: str, url: str, key_file: pathlib.Path) -> list[dict[str, Any]]:
    text = importlib.import_module(f"ansible_collections.wxgov.sagemaker.plugins.modules.{module}").EXAMPLES
    text = text.replace("https://console.example.com", url).replace(INSTANCE_OF_THE_EXAMPLES, "demo-instance")
    text = text.replace(KEY_FILE_OF_THE_EXAMPLES, str(key_file))
    found: list[dict[str, Any]] = yaml.safe_load(text)
    return found


def test_the_examples_run(
    host: Host,
    aws: AwsEmulator,
    world_of_aws: Callable[..., None],
    run_playbook: Callable[..., Any],
    tmp_path: pathlib.Path,
) -> None:
    world_of_aws(trusting=True)
    iam = boto3.Session().client("iam", region_name="us-east-1", aws_access_key_id=ACCOUNT, aws_secret_access_key="x")
    trust = iam.get_role(RoleName="Sync")["Role"]["AssumeRolePolicyDocument"]
    iam.create_role(RoleName=ROLE_OF_THE_EXAMPLES, AssumeRolePolicyDocument=json.dumps(trust))
    host.console.add_user("model.owner", "owner@example.com")
    key_file = tmp_path / "console-api-key"
    key_file.write_text("demo-api-key\n")
    key_file.chmod(0o600)
    connection, info = (examples(module, host.console.url, key_file) for module in MODULES)
    *kept, removed = connection
    place = {"connections_dir": str(host.directory)}
    play = {
        "hosts": "localhost",
        "gather_facts": False,
        "vars": {"console_api_key": "demo-api-key", "credit_risk_external_id": "secret-external-id"},
        "module_defaults": {
            "wxgov.sagemaker.governance_connection": {**place, "console_token_url": host.console.url},
            "wxgov.sagemaker.governance_connection_info": place,
        },
        "tasks": [*kept, *info, removed],
    }
    env = {
        "AWS_ENDPOINT_URL": aws.endpoint_url,
        "AWS_ACCESS_KEY_ID": "999988887777",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    result = run_playbook([play], env=env, verbosity=3).check()
    done = [result.one(task["name"]) for task in connection]
    updates = [["update"]] * (len(connection) - 4)
    assert [step["operations"] for step in done] == [["create"], *updates, [], ["update"], ["remove"]]
    assert {check["status"] for check in done[-3]["checks"]} == {"ok"}
    (listed,) = result.one(info[0]["name"])["connections"]
    assert (listed["name"], listed["enabled"]) == ("credit-risk", False)
    for secret in ("demo-api-key", "secret-external-id"):
        assert secret not in result.stdout
