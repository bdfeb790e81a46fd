# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""A connection between the two emulators, and the parts of the synchronisation open on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest

from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.model import (
    AmbientCredentials,
    Connection,
    ConsoleEndpoint,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.existing import RunSettings
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.report import RunReport
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.service import (
    ConnectionRuntime,
    make_runtime,
    sync_existing_models,
)
from tests.demo.scenario import ConsoleSession
from tests.emulators.aws.server import AwsEmulator
from tests.emulators.console.server import ConsoleEmulator

ACCOUNT = "111122223333"
ENTITY = "SageMaker production"
STEM = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:"


@dataclass
class World:
    """The two sides and the connection between them."""

    aws: AwsEmulator
    console: ConsoleEmulator
    sagemaker: Any
    session: ConsoleSession
    connection: Connection

    def register(self, group: str, versions: int = 1, **attributes: Any) -> list[str]:
        """Create a group (unless it is there) and versions in it; return the packages' ARNs."""
        known = self.sagemaker.list_model_package_groups(NameContains=group)["ModelPackageGroupSummaryList"]
        if group not in [summary["ModelPackageGroupName"] for summary in known]:
            self.sagemaker.create_model_package_group(ModelPackageGroupName=group)
        request = {"ModelPackageGroupName": group, "ModelPackageDescription": "a model", **attributes}
        return [self.sagemaker.create_model_package(**request)["ModelPackageArn"] for _unused in range(versions)]

    def sync(self, **settings: Any) -> RunReport:
        """Run the existing-model sync with zeroed counters."""
        self.aws.clear_calls()
        self.console.clear_calls()
        return sync_existing_models(self.connection, RunSettings(**settings), lambda _report: None)

    def runtime(self) -> ConnectionRuntime:
        """The agent's parts."""
        return make_runtime(self.connection)

    def model(self, arn: str) -> dict[str, Any]:
        """The one console object with this ARN, with fields as a dictionary."""
        (found,) = self.objects(arn)
        return found

    def objects(self, arn: str) -> list[dict[str, Any]]:
        """All console objects with this ARN."""
        kind = "ModelGroup" if ":model-package-group/" in arn else "Model"
        rows = self.session.rows(f"SELECT [Resource ID] FROM [{kind}] WHERE [Integration:External ID] = '{arn}'")
        return [self.session.get(object_id) for (object_id,) in rows]

    def writes(self) -> int:
        """Requests that wrote to the console since the counters were zeroed."""
        return sum(count for name, count in self.console.calls().items() if name in ("POST contents", "PUT contents"))


@pytest.fixture
def world(aws: AwsEmulator, console: ConsoleEmulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Two empty sides with a root business entity, two users, and a connection."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.endpoint_url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCOUNT)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "emulated")
    console.add_user("alice", "alice@example.com")
    console.add_user("governance.team", "governance@example.com")
    session = ConsoleSession(console.url)
    entity = session.create("SOXBusEntity", ENTITY)
    login = {"api_key": "demo-api-key", "instance_id": "demo-instance", "token_url": console.url}
    connection = Connection(
        name="production",
        business_entity_id=entity,
        business_entity_name=ENTITY,
        default_user="governance.team",
        account_id=ACCOUNT,
        region="us-east-1",
        credentials=AmbientCredentials(),
        queue_url="",
        console=ConsoleEndpoint(console.url, "mcsp", login),
    )
    sagemaker = boto3.client("sagemaker", region_name="us-east-1")
    console.clear_calls()
    yield World(aws, console, sagemaker, session, connection)
    sagemaker.close()
