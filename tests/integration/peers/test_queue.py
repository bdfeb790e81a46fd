# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""sqs_queue beside community.aws.sqs_queue: the same queue where both can, ours alone where only it can."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.aws.conftest import REGION
from tests.integration.peers.conftest import Pair, Side

ARN = f"arn:aws:sqs:{REGION}:${{account}}"
MOMENTS = {"CreatedTimestamp", "LastModifiedTimestamp"}


@pytest.fixture
def queues(pair: Callable[[str, str], Pair]) -> Pair:
    return pair("community.aws.sqs_queue", "sqs_queue")


def url(side: Side, name: str) -> str:
    found: str = side.client("sqs").get_queue_url(QueueName=name)["QueueUrl"]
    return found


def attributes(side: Side, name: str) -> dict[str, str]:
    found = side.client("sqs").get_queue_attributes(QueueUrl=url(side, name), AttributeNames=["All"])["Attributes"]
    return {key: value for key, value in found.items() if key not in MOMENTS}


def state(name: str) -> Callable[[Side], Any]:
    """A queue's attributes and tags as boto3 sees them."""

    def read(side: Side) -> Any:
        return attributes(side, name), side.client("sqs").list_queue_tags(QueueUrl=url(side, name)).get("Tags", {})

    return read


def policy(name: str) -> dict[str, Any]:
    statement = {
        "Sid": "EventBridge",
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": f"{ARN}:{name}",
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def test_a_standard_queue_from_new_to_gone(queues: Pair) -> None:
    """Made with everything, changed in everything, left alone, deleted; a dead-letter queue and a policy on the way."""
    for side in (queues.theirs, queues.ours):
        side.client("sqs").create_queue(QueueName="dead")
    first = {
        "name": "plain",
        "visibility_timeout": 45,
        "message_retention_period": 1209600,
        "maximum_message_size": 262144,
        "delay_seconds": 5,
        "receive_message_wait_time_seconds": 20,
        "tags": {"team": "a", "old": "1"},
    }
    second = {**first, "visibility_timeout": 60, "delay_seconds": 0, "tags": {"team": "b"}, "policy": policy("plain")}
    redrive = ({"deadLetterTargetArn": f"{ARN}:dead", "maxReceiveCount": 5}, "dead_letter_target_arn")
    third = {**second, "redrive_policy": redrive[0]}
    third_ours = {**second, "redrive_policy": {"dead_letter_target_arn": f"{ARN}:dead", "max_receive_count": 5}}
    for theirs, ours in ((first, first), (second, second), (third, third_ours)):
        for changed in (True, False):
            assert queues.theirs.do(**theirs)["changed"] is queues.ours.do(**ours)["changed"] is changed
        found, tags = queues.same(state("plain"))
    assert (found["VisibilityTimeout"], found["RedrivePolicy"]["maxReceiveCount"], tags) == ("60", 5, {"team": "b"})
    for changed in (True, False):
        gone = {"name": "plain", "state": "absent"}
        assert queues.theirs.do(**gone)["changed"] is queues.ours.do(**gone)["changed"] is changed
    names = queues.same(lambda side: [url.rsplit("/", 1)[-1] for url in side.client("sqs").list_queues()["QueueUrls"]])
    assert names == ["dead"]


def test_a_fifo_queue_of_high_throughput_with_a_key_from_the_beginning(queues: Pair) -> None:
    throughput = {"deduplication_scope": "messageGroup", "fifo_throughput_limit": "perMessageGroupId"}
    common = {"content_based_deduplication": True, **throughput, "kms_master_key_id": "alias/aws/sqs"}
    queues.theirs.do(name="line", queue_type="fifo", **common)
    queues.ours.do(name="line.fifo", **common)
    found, _tags = queues.same(state("line.fifo"))
    assert found["FifoThroughputLimit"] == "perMessageGroupId"
    assert found["KmsMasterKeyId"] == "alias/aws/sqs"


def test_a_key_for_a_queue_that_is_there(queues: Pair) -> None:
    """Theirs looks only at attributes that the queue has already, and says that nothing is to be done."""
    for side in (queues.theirs, queues.ours):
        side.client("sqs").create_queue(QueueName="plain")
    wanted = {"name": "plain", "kms_master_key_id": "alias/aws/sqs"}
    assert queues.theirs.do(**wanted)["changed"] is False
    assert "KmsMasterKeyId" not in attributes(queues.theirs, "plain")
    assert queues.ours.do(**wanted)["changed"] is True
    assert attributes(queues.ours, "plain")["KmsMasterKeyId"] == "alias/aws/sqs"


def test_what_is_said_of_deduplication(queues: Pair) -> None:
    """Theirs says true of every FIFO queue."""
    theirs = queues.theirs.do(name="line", queue_type="fifo", content_based_deduplication=False)
    ours = queues.ours.do(name="line.fifo", content_based_deduplication=False)
    assert queues.same(lambda side: attributes(side, "line.fifo")["ContentBasedDeduplication"]) == "false"
    assert theirs["content_based_deduplication"] is True
    assert ours["queue"]["content_based_deduplication"] is False


def test_a_redrive_policy_is_cleared(queues: Pair) -> None:
    """Their own documentation shows redrive_policy: {}; the service refuses what the module sends for it."""
    for side in (queues.theirs, queues.ours):
        sqs = side.client("sqs")
        sqs.create_queue(QueueName="dead")
        arn = ARN.replace("${account}", side.account.account_id)
        redrive = f'{{"deadLetterTargetArn": "{arn}:dead", "maxReceiveCount": 5}}'
        sqs.create_queue(QueueName="plain", Attributes={"RedrivePolicy": redrive})
    refused = queues.theirs.run(name="plain", redrive_policy={})
    assert refused["failed"] is True
    assert "mandatory attribute" in refused["msg"]
    assert "RedrivePolicy" in attributes(queues.theirs, "plain")
    queues.ours.do(name="plain", redrive_policy={})
    assert "RedrivePolicy" not in attributes(queues.ours, "plain")


def test_what_check_mode_shows_of_a_new_queue(queues: Pair) -> None:
    wanted = {"name": "plain", "visibility_timeout": 45}
    theirs, ours = queues.theirs.run(check=True, **wanted), queues.ours.run(check=True, **wanted)
    assert "visibility_timeout" not in theirs
    assert "diff" not in theirs
    assert ours["queue"]["visibility_timeout"] == ours["diff"]["after"]["visibility_timeout"] == 45
    made = queues.ours.do(**wanted)
    assert set(made) == set(ours)
    assert made["queue"] == ours["queue"]
