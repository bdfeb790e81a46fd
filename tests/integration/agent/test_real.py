# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent as it is shipped, with the real synchronisation, between the two emulators: `python -m … agent run`."""

from __future__ import annotations

import re
import subprocess
import sys

import boto3
import requests

from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.model import ConsoleEndpoint
from tests.demo.scenario import ConsoleSession
from tests.integration.agent.conftest import end, resident_megabytes
from tests.integration.agent.support import ACCOUNT, REGION, create_queue, event_body, make_connection, wait_until

AGENT = "ansible_collections.wxgov.sagemaker.plugins.module_utils.agent"


def test_a_registry_event_becomes_a_console_object(home, console):
    home.configure(listen="127.0.0.1:0")
    console.add_user("svc-owner", "owner@example.com")
    session = ConsoleSession(console.url)
    entity = session.create("SOXBusEntity", "Bank")
    queue = create_queue(home.emulator.endpoint_url)
    login = {"api_key": "demo-api-key", "instance_id": "demo-instance", "token_url": console.url}
    endpoint = ConsoleEndpoint(console.url, "mcsp", login)
    home.store.save(
        make_connection(queue.url, business_entity_id=entity, default_user="svc-owner", console=endpoint),
    )
    sagemaker = boto3.client(
        "sagemaker",
        endpoint_url=home.emulator.endpoint_url,
        region_name=REGION,
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key="x",
    )
    sagemaker.create_model_package_group(ModelPackageGroupName="credit-risk")
    swept = sagemaker.create_model_package(ModelPackageGroupName="credit-risk")["ModelPackageArn"]

    def count(arn):
        return len(session.rows(f"SELECT [Resource ID] FROM [Model] WHERE [Integration:External ID] = '{arn}'"))

    with home.log.open("ab") as log:
        command = [sys.executable, "-m", AGENT, "run", "--config", str(home.config)]
        agent = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=log, env=home.environment())
    home.processes.append(agent)
    wait_until(lambda: count(swept) == 1)  # by the sweep at the start: no event told of it
    told = sagemaker.create_model_package(ModelPackageGroupName="credit-risk")["ModelPackageArn"]
    queue.send(event_body(told, "create_model_package"))
    wait_until(lambda: count(told) == 1)
    wait_until(lambda: home.connection().get("dirty") == 0)
    megabytes = resident_megabytes(agent.pid)
    print(f"resident: {megabytes:.0f} MB")
    assert megabytes < 120
    home.emulator.clear_calls()
    console.clear_calls()
    queue.send(event_body(told, "create_model_package"))
    wait_until(lambda: home.emulator.calls().get("sqs.DeleteMessageBatch") == 1)
    wait_until(lambda: home.connection()["outcomes"].get("unchanged", 0) >= 1)
    print(home.emulator.calls(), console.calls())
    assert home.emulator.calls()["sagemaker.DescribeModelPackage"] == 1
    assert console.calls() == {"POST query": 1}
    with requests.Session() as http:
        http.trust_env = False
        text = http.get(f"{home.status()['listening']}/metrics", timeout=30).text
    sent = r'api_requests_total\{connection="prod",service="(\w+)"\} (\S+)'
    counted = {service: float(number) for service, number in re.findall(sent, text)}
    assert counted.keys() == {"console", "sagemaker", "sqs"}
    assert min(counted.values()) >= 3
    assert 'wxgov_agent_breaker_open{connection="prod"} 0.0' in text
    assert end(agent) == 0
    sagemaker.close()
