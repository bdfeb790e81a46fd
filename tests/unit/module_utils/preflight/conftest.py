# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""A client of the emulated console and what a connection needs in it."""

from __future__ import annotations

import dataclasses
import json

import boto3
import pytest

from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.plan import Wanted
from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.store import DirectoryStore
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.client import connect
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.objects import NewObject


@pytest.fixture
def client(console):
    options = {"api_key": "demo-api-key", "instance_id": "demo-instance", "token_url": console.url}
    client = connect(console.url, auth_method="mcsp", auth_options=options)
    yield client
    client.close()


@pytest.fixture
def entity(client):
    return client.create_object(NewObject("SOXBusEntity", "Credit Risk"))


@pytest.fixture
def store(tmp_path):
    return DirectoryStore(tmp_path / "connections.d")


@pytest.fixture
def wanted(console):
    """Options of a new connection, changed as asked."""

    def make(**changes):
        base = Wanted(
            name="credit-risk",
            business_entity="Credit Risk",
            default_user="svc",
            account_id="111122223333",
            region="eu-central-1",
            role_arn="arn:aws:iam::111122223333:role/Sync",
            external_id="secret-external-id",
            queue_url="https://sqs.eu-central-1.amazonaws.com/111122223333/events.fifo",
            console_url=console.url,
            console_auth_method="mcsp",
            console_api_key="demo-api-key",
            console_instance_id="demo-instance",
            console_token_url=console.url,
        )
        return dataclasses.replace(base, **changes)

    return make


REGISTRY, AGENT = "111122223333", "999988887777"


class Cloud:
    """The registry's account with the role Sync, which trusts the agent's account; and the agent's process."""

    def __init__(self, emulator):
        self.emulator = emulator
        self.iam = boto3.client("iam", region_name="us-east-1", aws_access_key_id=REGISTRY, aws_secret_access_key="x")
        self.iam.create_role(RoleName="Sync", AssumeRolePolicyDocument=self.trust("secret-external-id"))

    def let(self, external_id=None, account=AGENT):
        """Change whom the role trusts, and with which external id (None: without any)."""
        self.iam.update_assume_role_policy(RoleName="Sync", PolicyDocument=self.trust(external_id, account))

    @staticmethod
    def trust(external_id, account=AGENT):
        statement = {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
            "Action": "sts:AssumeRole",
        }
        if external_id:
            statement["Condition"] = {"StringEquals": {"sts:ExternalId": external_id}}
        return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture
def cloud(aws, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.endpoint_url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", AGENT)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    made = Cloud(aws)
    aws.clear_calls()
    return made
