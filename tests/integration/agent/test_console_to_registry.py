# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent as it is shipped: what is decided in the console appears in the registry, and comes back from there."""

from __future__ import annotations

import subprocess
import sys

import boto3

from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.model import ConsoleEndpoint, SyncSettings
from tests.demo.scenario import ConsoleSession
from tests.emulators.console.server import ConsoleEmulator
from tests.integration.agent.conftest import Home, end
from tests.integration.agent.support import ACCOUNT, REGION, create_queue, event_body, make_connection, wait_until

AGENT = "ansible_collections.wxgov.sagemaker.plugins.module_utils.agent"
PATIENCE = 60


def change(console: ConsoleEmulator, session: ConsoleSession, object_id: str, field: str, value: str) -> None:
    name = session.get(object_id)["name"]
    body = {"name": name, "title": name, "description": "What it is for"}
    body["fields"] = [{"name": field, "value": {"name": value}}]
    url = f"{console.url}/opgrc/api/v2/contents/{object_id}"
    session._session.put(url, json=body, timeout=5).raise_for_status()


def test_an_approval_and_a_status_travel_down(home: Home, console: ConsoleEmulator) -> None:
    console.add_user("svc-owner", "owner@example.com")
    session = ConsoleSession(console.url)
    entity = session.create("SOXBusEntity", "Bank")
    case = session.create("Register", "Claims triage", entity)
    queue = create_queue(home.emulator.endpoint_url)
    login = {"api_key": "demo-api-key", "instance_id": "demo-instance", "token_url": console.url}
    endpoint = ConsoleEndpoint(console.url, "mcsp", login)
    often = SyncSettings(poll_seconds=1)  # the agent's own setting is an hour
    home.store.save(
        make_connection(queue.url, business_entity_id=entity, default_user="svc-owner", console=endpoint, sync=often)
    )
    home.configure()
    sagemaker = boto3.client(
        "sagemaker",
        endpoint_url=home.emulator.endpoint_url,
        region_name=REGION,
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key="x",
    )
    with home.log.open("ab") as log:
        command = [sys.executable, "-m", AGENT, "run", "--config", str(home.config)]
        agent = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=log, env=home.environment())
    home.processes.append(agent)
    wait_until(lambda: home.connection().get("counts", {}).get("polls", 0) >= 1, PATIENCE)

    change(console, session, case, "MRG-AIFacts-ModelUseCase:Status", "Approved for Development")
    arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package/claims-triage/1"

    def packages() -> list[str]:
        listed = sagemaker.list_model_packages(ModelPackageType="Versioned")["ModelPackageSummaryList"]
        return [package["ModelPackageArn"] for package in listed]

    def models() -> list[str]:
        statement = f"SELECT [Resource ID] FROM [Model] WHERE [Integration:External ID] = '{arn}'"
        return [object_id for (object_id,) in session.rows(statement)]

    wait_until(lambda: packages() == [arn], PATIENCE)
    queue.send(event_body(arn, "create_model_package"))
    wait_until(lambda: len(models()) == 1, PATIENCE)
    described = sagemaker.describe_model_package(ModelPackageName=arn)
    assert described["ModelLifeCycle"] == {"Stage": "Proposal", "StageStatus": "Approved"}
    assert "What it is for" in described["ModelCard"]["ModelCardContent"]

    change(console, session, models()[0], "MRG-Model:Status", "Data Acquisition")

    def stage() -> str:
        return str(sagemaker.describe_model_package(ModelPackageName=arn)["ModelLifeCycle"]["Stage"])

    wait_until(lambda: stage() == "DataPrep-DataCollection", PATIENCE)
    wait_until(lambda: home.connection().get("dirty") == 0, PATIENCE)
    assert end(agent) == 0
    sagemaker.close()
