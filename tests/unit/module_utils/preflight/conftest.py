# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""A client of the emulated console and what a connection needs in it."""

from __future__ import annotations

import dataclasses

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
