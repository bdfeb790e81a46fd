# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections to work with."""

from __future__ import annotations

import dataclasses

import pytest

from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.model import (
    AssumeRole,
    Connection,
    ConsoleEndpoint,
)

CONNECTION = Connection(
    name="credit-risk",
    business_entity_id="4577",
    business_entity_name="Credit Risk",
    default_user="svc",
    account_id="111122223333",
    region="eu-central-1",
    credentials=AssumeRole("arn:aws:iam::111122223333:role/Sync", "secret-external-id"),
    queue_url="https://sqs.eu-central-1.amazonaws.com/111122223333/events.fifo",
    console=ConsoleEndpoint("https://host", "mcsp", {"api_key": "secret-api-key", "instance_id": "instance-1"}),
)


@pytest.fixture
def connection():
    return CONNECTION


@pytest.fixture
def another():
    """A connection that goes with the first one."""
    return dataclasses.replace(
        CONNECTION,
        name="churn",
        business_entity_id="4578",
        account_id="222233334444",
        credentials=AssumeRole("arn:aws:iam::222233334444:role/Sync"),
        queue_url="https://sqs.eu-central-1.amazonaws.com/222233334444/events.fifo",
    )
