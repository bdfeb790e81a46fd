# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests counted by service, those that the SDK repeats included."""

from __future__ import annotations

import boto3
import botocore.config
import botocore.exceptions
import pytest

from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.traffic import AwsTraffic, Traffic, judge


@pytest.mark.parametrize(
    ("answer", "judgement"),
    [
        (None, (False, True)),
        ({"ResponseMetadata": {"HTTPStatusCode": 200}}, (False, False)),
        ({"ResponseMetadata": {"HTTPStatusCode": 429}}, (True, False)),
        ({"Error": {"Code": "ThrottlingException"}, "ResponseMetadata": {"HTTPStatusCode": 400}}, (True, False)),
        ({"Error": {"Code": "RequestThrottled"}, "ResponseMetadata": {"HTTPStatusCode": 403}}, (True, False)),
        ({"Error": {"Code": "Throttling"}, "ResponseMetadata": {"HTTPStatusCode": 503}}, (True, False)),
        ({"Error": {"Code": "SlowDown"}, "ResponseMetadata": {"HTTPStatusCode": 503}}, (True, False)),
        ({"Error": {"Code": "AccessDenied"}, "ResponseMetadata": {"HTTPStatusCode": 403}}, (False, False)),
        ({"Error": {"Code": "InternalFailure"}, "ResponseMetadata": {"HTTPStatusCode": 500}}, (False, True)),
        ({}, (False, False)),
    ],
)
def test_what_an_answer_says(answer, judgement):
    assert judge(answer) == judgement


def test_attempts_of_a_sessions_clients_are_counted(aws):
    session = boto3.Session("210987654321", "x", region_name="eu-central-1")
    traffic = AwsTraffic()
    traffic.watch(session.events)
    config = botocore.config.Config(retries={"mode": "standard", "max_attempts": 3}, connect_timeout=5, read_timeout=30)
    sqs = session.client("sqs", endpoint_url=aws.endpoint_url, config=config)
    sagemaker = session.client("sagemaker", endpoint_url=aws.endpoint_url, config=config)
    assert traffic.by_service() == {}
    sqs.list_queues()
    aws.fault("sqs.ListQueues", "error", times=2, code="RequestThrottled", status=400)
    sqs.list_queues()
    aws.fault("sqs.ListQueues", "reset")
    sqs.list_queues()
    sagemaker.list_model_package_groups()
    with pytest.raises(botocore.exceptions.ClientError):
        sqs.get_queue_url(QueueName="none")
    assert traffic.by_service() == {"sqs": Traffic(7, 2, 1), "sagemaker": Traffic(1, 0, 0)}
    sqs.close()
    sagemaker.close()
