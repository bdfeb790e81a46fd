# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions with a connection's credentials, against the AWS emulator."""

from __future__ import annotations

import dataclasses
import datetime
import json

import boto3
import botocore.exceptions
import botocore.loaders
import pytest

from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.aws_session import (
    client_for,
    known_regions,
    session_for,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.errors import AwsSessionError
from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.model import (
    AccessKey,
    AmbientCredentials,
    AssumeRole,
)

REGISTRY, AGENT = "111122223333", "999988887777"
ROLE = f"arn:aws:iam::{REGISTRY}:role/Sync"
EXTERNAL_ID = "secret-external-id"


@pytest.fixture
def agent_process(aws, monkeypatch):
    """The surroundings of an agent in an account of its own; and a role in the registry's account that trusts it."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.endpoint_url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", AGENT)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    root = boto3.client("iam", region_name="us-east-1", aws_access_key_id=REGISTRY, aws_secret_access_key="x")
    root.create_role(
        RoleName="Sync",
        AssumeRolePolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Principal": {"AWS": f"arn:aws:iam::{AGENT}:root"},
                        "Action": "sts:AssumeRole",
                        "Condition": {"StringEquals": {"sts:ExternalId": EXTERNAL_ID}},
                    }
                ],
            }
        ),
    )
    aws.clear_calls()
    return aws


def identity(session):
    return client_for(session, "sts").get_caller_identity()


def test_a_role_is_assumed_when_first_needed_and_then_kept(agent_process, connection):
    session = session_for(connection)
    assert agent_process.calls() == {}
    for _unused in range(3):
        assert identity(session)["Account"] == REGISTRY
    assert "assumed-role/Sync/wxgov-credit-risk" in identity(session)["Arn"]
    assert agent_process.calls() == {"sts.AssumeRole": 1, "sts.GetCallerIdentity": 4}


def test_a_role_is_assumed_again_before_it_expires(agent_process, connection, monkeypatch):
    session = session_for(connection)
    identity(session)
    credentials = session.get_credentials()
    later = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=51)
    credentials._time_fetcher = lambda: later
    identity(session)
    assert agent_process.calls()["sts.AssumeRole"] == 2


@pytest.mark.parametrize("external_id", [None, "wrong-external-id"])
def test_without_the_external_id_the_role_is_refused_in_words(external_id, agent_process, connection):
    session = session_for(dataclasses.replace(connection, credentials=AssumeRole(ROLE, external_id)))
    with pytest.raises(AwsSessionError, match="trust policy") as error:
        identity(session)
    assert ROLE in str(error.value)
    assert "external-id" not in str(error.value)


def test_a_role_can_be_assumed_from_a_given_session(agent_process, connection, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(AwsSessionError, match="cannot be assumed"):
        identity(session_for(connection))
    base = boto3.Session(aws_access_key_id=AGENT, aws_secret_access_key="x", region_name="us-east-1")
    assert identity(session_for(connection, base_session=base))["Account"] == REGISTRY


def test_an_access_key(agent_process, connection):
    session = session_for(dataclasses.replace(connection, credentials=AccessKey(REGISTRY, "secret")))
    assert identity(session)["Account"] == REGISTRY
    assert agent_process.calls() == {"sts.GetCallerIdentity": 1}


def test_ambient_credentials(agent_process, connection):
    session = session_for(dataclasses.replace(connection, credentials=AmbientCredentials()))
    assert identity(session)["Account"] == AGENT
    assert session.region_name == "eu-central-1"
    base = boto3.Session(aws_access_key_id=REGISTRY, aws_secret_access_key="x", region_name="us-east-1")
    given = session_for(dataclasses.replace(connection, credentials=AmbientCredentials()), base_session=base)
    assert identity(given)["Account"] == REGISTRY
    assert base.region_name == "us-east-1"


def test_clients_wait_and_retry_as_the_agent_needs_it(agent_process, connection):
    config = client_for(session_for(connection, max_pool_connections=25), "sqs").meta.config
    assert (config.connect_timeout, config.read_timeout, config.max_pool_connections) == (3, 30, 25)
    assert config.retries == {"mode": "standard", "total_max_attempts": 11}
    assert config.region_name == "eu-central-1"


def test_a_region_that_does_not_exist_is_said_so(agent_process, connection):
    with pytest.raises(AwsSessionError, match="eu-central-9"):
        session_for(dataclasses.replace(connection, region="eu-central-9"))
    assert {"eu-central-1", "us-gov-west-1", "cn-north-1"} <= known_regions()


def test_a_broken_profile_of_the_process_is_said_so(agent_process, connection, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    with pytest.raises(AwsSessionError, match="no-such-profile"):
        session_for(connection)


def test_credentials_that_are_missing_are_botocores_error(agent_process, connection, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    session = session_for(dataclasses.replace(connection, credentials=AmbientCredentials()))
    with pytest.raises(botocore.exceptions.NoCredentialsError):
        identity(session)


def test_descriptions_of_services_are_read_once_for_all_connections(agent_process, connection, monkeypatch):
    client_for(session_for(connection), "sagemaker")
    read = []
    load = botocore.loaders.JSONFileLoader.load_file
    monkeypatch.setattr(
        botocore.loaders.JSONFileLoader, "load_file", lambda loader, path: read.append(path) or load(loader, path)
    )
    client_for(session_for(dataclasses.replace(connection, name="another")), "sagemaker")
    assert [path for path in read if "sagemaker" in path or "partitions" in path or "endpoints" in path] == []
