# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Accounts that connection_stack has onboarded, their entities in the console, and the host of an agent for them.

Permissions are enforced throughout: the agent's user may take two roles on and do nothing else.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import boto3

from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.model import (
    AssumeRole,
    Connection,
    ConsoleEndpoint,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.store import DirectoryStore
from tests.demo.scenario import ConsoleSession
from tests.emulators.aws.server import AwsEmulator
from tests.emulators.console.server import ConsoleEmulator
from tests.harness.module import run_module
from tests.harness.playbook import CHECKOUT
from tests.integration.agent.conftest import SETTINGS

AGENT_PACKAGE = "ansible_collections.wxgov.sagemaker.plugins.module_utils.agent"
AGENT = "444455556666"
REGION = "us-east-1"
SECRET = "test-secret-0000"
ROLE = "Aws_Sagemaker_Sqs_Cross_Account_Role"
INSPECTOR, INSPECTOR_ID = "wxgov-inspector", "inspector-external-id"
INSPECTOR_ARN = f"arn:aws:iam::{{account_id}}:role/{INSPECTOR}"
OWNER = "model.owner"
Policies = dict[str, Any]


def policy_file(name: str) -> Policies:
    policy: Policies = json.loads((CHECKOUT / "playbooks" / "files" / f"{name}-policy.json").read_text())
    return policy


class World:
    """Both emulators with connections between them; ``environment`` is what the agent's host has of AWS."""

    def __init__(self, aws: AwsEmulator, console: ConsoleEmulator, folder: pathlib.Path) -> None:
        self.aws, self.console, self.folder = aws, console, folder
        self.store = DirectoryStore(folder / "connections.d")
        console.add_user(OWNER, "owner@example.com")
        self.session = ConsoleSession(console.url)
        iam = self.root("iam", AGENT)
        iam.create_user(UserName="agent")
        allow_all = [f"arn:aws:iam::*:role/{name}" for name in (ROLE, INSPECTOR)]
        self.put_user_policy(iam, allow_all)
        key = iam.create_access_key(UserName="agent")["AccessKey"]
        self.environment = {
            "AWS_ENDPOINT_URL": aws.endpoint_url,
            "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    @staticmethod
    def put_user_policy(iam: Any, roles: list[str]) -> None:
        statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": roles}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_user_policy(UserName="agent", PolicyName="agent", PolicyDocument=document)

    def root(self, service: str, account: str) -> Any:
        """A client as the root of an account, for whom no permission is asked."""
        return boto3.client(
            service,
            endpoint_url=self.aws.endpoint_url,
            region_name=REGION,
            aws_access_key_id=account,
            aws_secret_access_key=SECRET,
        )

    def onboard(self, accounts: dict[str, str], inspector_policies: dict[str, Policies]) -> None:
        """Make everything of these connections (name → account), as onboard_account does, and an inspector each."""
        login = {"endpoint_url": self.aws.endpoint_url, "region": REGION}
        given = [
            {"name": name, "access_key": account, "secret_key": SECRET, "region": REGION}
            for name, account in accounts.items()
        ]
        made = run_module(
            "connection_stack",
            {
                **login,
                "access_key": AGENT,
                "secret_key": SECRET,
                "accounts": given,
                "trail": {"create": True},
                "access": {"agent_account_id": AGENT},
            },
        )
        assert not made.get("failed"), made["msg"]
        for name, result in zip(accounts, made["accounts"], strict=True):
            self.inspect(accounts[name], inspector_policies)
            self.store.save(self.connection(name, accounts[name], result["outputs"]))

    def inspect(self, account: str, policies: dict[str, Policies]) -> None:
        """An inspector's role in an account, which trusts the agent's account."""
        statement = {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{AGENT}:root"},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"sts:ExternalId": INSPECTOR_ID}},
        }
        trust = {"Version": "2012-10-17", "Statement": [statement]}
        iam = self.root("iam", account)
        iam.create_role(RoleName=INSPECTOR, AssumeRolePolicyDocument=json.dumps(trust))
        for name, policy in policies.items():
            iam.put_role_policy(RoleName=INSPECTOR, PolicyName=name, PolicyDocument=json.dumps(policy))

    def connection(self, name: str, account: str, outputs: dict[str, str]) -> Connection:
        options = {"api_key": "demo-api-key", "instance_id": "demo-instance", "token_url": self.console.url}
        return Connection(
            name=name,
            business_entity_id=self.session.create("SOXBusEntity", f"Entity of {name}"),
            business_entity_name=f"Entity of {name}",
            default_user=OWNER,
            account_id=account,
            region=REGION,
            credentials=AssumeRole(outputs["role_arn"], outputs["external_id"]),
            queue_url=outputs["queue_url"],
            console=ConsoleEndpoint(self.console.url, "mcsp", options),
            default_profile_arn=self.profile(account),
        )

    def profile(self, account: str) -> str:
        sagemaker = self.root("sagemaker", account)
        domain = sagemaker.create_domain(
            DomainName="studio",
            AuthMode="IAM",
            DefaultUserSettings={"ExecutionRole": f"arn:aws:iam::{account}:role/studio"},
            SubnetIds=["subnet-1"],
            VpcId="vpc-1",
        )["DomainArn"].rsplit("/", 1)[-1]
        arn: str = sagemaker.create_user_profile(DomainId=domain, UserProfileName="links")["UserProfileArn"]
        return arn

    @contextlib.contextmanager
    def agent(self) -> Iterator[None]:
        """An agent as it is shipped, as a process of its own, that serves the connections."""
        config = self.folder / "agent.json"
        directories = {"connections_dir": str(self.store.path), "state_dir": str(self.folder / "state")}
        config.write_text(json.dumps({**directories, **SETTINGS}))
        command = [sys.executable, "-m", AGENT_PACKAGE, "run", "--config", str(config)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        with (self.folder / "agent.log").open("ab") as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=log, env=environment)
        try:
            yield
        finally:
            process.terminate()
            process.wait(60)

    def run(self, *, check: bool = False, **options: Any) -> dict[str, Any]:
        """The result of governance_preflight on the agent's host, failed or not."""
        given = {
            "connections_dir": str(self.store.path),
            "inspector_role_arn": INSPECTOR_ARN,
            "inspector_external_id": INSPECTOR_ID,
            **options,
        }
        result = run_module("governance_preflight", given, check=check)
        assert "exception" not in result, result["exception"]
        return result


def standing(result: dict[str, Any], number: int = 0) -> dict[str, str]:
    """The checks of a report that are not ok, with their status."""
    checks = result["reports"][number]["checks"]
    return {check["name"]: check["status"] for check in checks if check["status"] != "ok"}
