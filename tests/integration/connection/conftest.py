# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The two modules as Ansible runs them, but in this process; and a console with what a connection needs."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.client import ConsoleClient, connect
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.objects import NewObject
from tests.emulators.aws.server import AwsEmulator
from tests.emulators.console.server import ConsoleEmulator
from tests.harness.module import run_module

ACCOUNT = "111122223333"


class Host:
    """A host with a directory of connections, and the options of one."""

    def __init__(self, console: ConsoleEmulator, directory: pathlib.Path) -> None:
        self.console = console
        self.directory = directory
        self.options: dict[str, Any] = {
            "name": "credit-risk",
            "business_entity": "Credit Risk",
            "default_user": "svc",
            "account_id": ACCOUNT,
            "region": "eu-central-1",
            "role_arn": f"arn:aws:iam::{ACCOUNT}:role/Sync",
            "external_id": "secret-external-id",
            "queue_url": f"https://sqs.eu-central-1.amazonaws.com/{ACCOUNT}/events.fifo",
            "console_url": console.url,
            "console_auth_method": "mcsp",
            "console_api_key": "demo-api-key",
            "console_instance_id": "demo-instance",
            "console_token_url": console.url,
        }

    def run(self, module: str, *, check: bool = False, diff: bool = True, **options: Any) -> dict[str, Any]:
        """The module's result, failed or not."""
        return run_module(module, {**options, "connections_dir": str(self.directory)}, check=check, diff=diff)

    def connection(self, *, check: bool = False, **options: Any) -> dict[str, Any]:
        """The result of governance_connection, which must succeed."""
        result = self.run("governance_connection", check=check, **options)
        assert not result.get("failed"), result["msg"]
        return result

    def refuse(self, **changes: Any) -> str:
        """The message of governance_connection with changed options, which must fail without a traceback."""
        result = self.run("governance_connection", **{**self.options, **changes})
        assert result.get("failed"), result
        assert "exception" not in result, result["exception"]
        return str(result["msg"])

    def files(self) -> dict[str, str]:
        """The directory's connections by file name, as text."""
        return {path.name: path.read_text() for path in sorted(self.directory.glob("*.json"))}


@pytest.fixture
def client(console: ConsoleEmulator) -> Iterator[ConsoleClient]:
    options = {"api_key": "demo-api-key", "instance_id": "demo-instance", "token_url": console.url}
    client = connect(console.url, auth_method="mcsp", auth_options=options)
    yield client
    client.close()


@pytest.fixture
def host(console: ConsoleEmulator, client: ConsoleClient, tmp_path: pathlib.Path) -> Host:
    client.create_object(NewObject("SOXBusEntity", "Credit Risk"))
    return Host(console, tmp_path / "connections.d")


@pytest.fixture
def world_of_aws(aws: AwsEmulator, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes the registry's account have the role of the options, and this process an agent of another account."""

    def make(*, trusting: bool, external_id: str | None = "secret-external-id") -> None:
        aws.reset()
        monkeypatch.setenv("AWS_ENDPOINT_URL", aws.endpoint_url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "999988887777")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        statement = {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{'999988887777' if trusting else '123123123123'}:root"},
            "Action": "sts:AssumeRole",
            **({"Condition": {"StringEquals": {"sts:ExternalId": external_id}}} if external_id else {}),
        }
        iam = boto3.client("iam", region_name="us-east-1", aws_access_key_id=ACCOUNT, aws_secret_access_key="x")
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.create_role(RoleName="Sync", AssumeRolePolicyDocument=document)

    return make
