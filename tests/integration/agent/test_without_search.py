# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent as it is shipped, with a role that may not Search and events that never come: its sweeps find all."""

from __future__ import annotations

import sqlite3
import subprocess
import sys

import boto3

from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.model import ConsoleEndpoint
from tests.demo.scenario import ConsoleSession
from tests.emulators.console.server import ConsoleEmulator
from tests.integration.agent.conftest import Home, end
from tests.integration.agent.support import ACCOUNT, REGION, create_queue, make_connection, wait_until
from tests.integration.agent.test_console_to_registry import AGENT, PATIENCE


def test_sweeps_list_where_search_is_denied(home: Home, console: ConsoleEmulator) -> None:
    console.add_user("svc-owner", "owner@example.com")
    session = ConsoleSession(console.url)
    entity = session.create("SOXBusEntity", "Bank")
    queue = create_queue(home.emulator.endpoint_url)
    login = {"api_key": "demo-api-key", "instance_id": "demo-instance", "token_url": console.url}
    endpoint = ConsoleEndpoint(console.url, "mcsp", login)
    home.store.save(make_connection(queue.url, business_entity_id=entity, default_user="svc-owner", console=endpoint))
    home.configure(incremental_sweep_seconds=1)
    home.emulator.fault("sagemaker.Search", "error", code="AccessDeniedException", status=400, times=10**6)
    sagemaker = boto3.client(
        "sagemaker",
        endpoint_url=home.emulator.endpoint_url,
        region_name=REGION,
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key="x",
    )

    def register(group: str) -> str:
        sagemaker.create_model_package_group(ModelPackageGroupName=group)
        return str(sagemaker.create_model_package(ModelPackageGroupName=group)["ModelPackageArn"])

    def details(arn: str) -> str:
        field, key = "MRG-UserFact-Model:Additional Details", "Integration:External ID"
        found = [text for (text,) in session.rows(f"SELECT [{field}] FROM [Model] WHERE [{key}] = '{arn}'")]
        assert len(found) < 2
        return str(found[0]) if found else ""

    old = register("fraud")
    with home.log.open("ab") as log:
        command = [sys.executable, "-m", AGENT, "run", "--config", str(home.config)]
        agent = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=log, env=home.environment())
    home.processes.append(agent)
    wait_until(lambda: details(old), PATIENCE)  # by the full sweep at the start
    new = register("churn")
    wait_until(lambda: details(new), PATIENCE)
    sagemaker.update_model_package(ModelPackageArn=old, ModelApprovalStatus="Approved")
    wait_until(lambda: "Approved" in details(old), PATIENCE)
    assert home.connection()["counts"].get("sweep_failures", 0) == 0
    assert end(agent) == 0
    with sqlite3.connect(home.state / "state.db") as state:
        tables = {name for (name,) in state.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert "summaries" in tables
    sagemaker.close()
