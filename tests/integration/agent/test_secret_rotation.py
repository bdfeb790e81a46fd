# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The console's API key is rotated while the agent runs: it takes the new one from where it is kept, and goes on."""

from __future__ import annotations

import os
import subprocess
import sys

import boto3
import pytest

from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.model import ConsoleEndpoint
from tests.demo.scenario import ConsoleSession
from tests.integration.agent.conftest import end
from tests.integration.agent.support import ACCOUNT, REGION, create_queue, event_body, make_connection, wait_until

AGENT_ACCOUNT = "999988887777"
AGENT = "ansible_collections.wxgov.sagemaker.plugins.module_utils.agent"


class Place:
    """Where the key is kept: a file that systemd would hand over, or Secrets Manager as the agent's account sees it."""

    def __init__(self, kind, home, tmp_path):
        self.kind = kind
        self.folder = tmp_path / "credentials"
        self.folder.mkdir()
        own = {"AWS_ACCESS_KEY_ID": AGENT_ACCOUNT, "AWS_SECRET_ACCESS_KEY": "x", "AWS_REGION": REGION}
        self.environment = home.environment(CREDENTIALS_DIRECTORY=str(self.folder), **own)
        self.secrets = boto3.client(
            "secretsmanager",
            endpoint_url=home.emulator.endpoint_url,
            region_name=REGION,
            aws_access_key_id=AGENT_ACCOUNT,
            aws_secret_access_key="x",
        )
        self.arn = self.secrets.create_secret(Name="console", SecretString="{}")["ARN"]
        self.options = {f"api_key_{kind}": "console-api-key" if kind == "file" else self.arn}

    def put(self, key):
        if self.kind == "secret":
            self.secrets.put_secret_value(SecretId=self.arn, SecretString=f'{{"api_key": "{key}"}}')
            return
        new = self.folder / "new"
        new.write_text(f"{key}\n")
        new.chmod(0o440)
        os.replace(new, self.folder / "console-api-key")


@pytest.mark.parametrize("kind", ["file", "secret"])
def test_the_running_agent_takes_the_new_key(kind, home, console, tmp_path):
    place = Place(kind, home, tmp_path)
    place.put("demo-api-key")
    console.add_user("svc-owner", "owner@example.com")
    entity = ConsoleSession(console.url).create("SOXBusEntity", "Bank")
    queue = create_queue(home.emulator.endpoint_url)
    login = {"instance_id": "demo-instance", "token_url": console.url, **place.options}
    endpoint = ConsoleEndpoint(console.url, "mcsp", login)
    home.store.save(make_connection(queue.url, business_entity_id=entity, default_user="svc-owner", console=endpoint))
    sagemaker = boto3.client(
        "sagemaker",
        endpoint_url=home.emulator.endpoint_url,
        region_name=REGION,
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key="x",
    )
    sagemaker.create_model_package_group(ModelPackageGroupName="credit-risk")

    def make():
        arn = sagemaker.create_model_package(ModelPackageGroupName="credit-risk")["ModelPackageArn"]
        queue.send(event_body(arn, "create_model_package"))

    with home.log.open("ab") as log:
        command = [sys.executable, "-m", AGENT, "run", "--config", str(home.config)]
        agent = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=log, env=place.environment)
    home.processes.append(agent)
    make()
    wait_until(lambda: len(console.objects("Model")) == 1, timeout=60)
    wait_until(lambda: home.connection().get("dirty") == 0, timeout=60)

    place.put("rotated-key")
    console.clear_calls()
    console.rotate_secrets(api_key="rotated-key")
    make()
    wait_until(lambda: len(console.objects("Model")) == 2, timeout=60)
    assert console.calls()["POST token"] == 1
    assert agent.poll() is None
    assert end(agent) == 0
    assert "rotated-key" not in home.log.read_text()
    sagemaker.close()
    place.secrets.close()
