# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""sqs_queue against the emulator: every option through check → change → check → no change."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.integration.aws.conftest import ACCOUNT, Account, differing, walk_cycle

PREFIX = f"arn:aws:sqs:us-east-1:{ACCOUNT}"
RULE = f"arn:aws:events:us-east-1:{ACCOUNT}:rule/registry"


def statement(sid: str, queue: str = "plain", action: str = "sqs:SendMessage") -> dict[str, Any]:
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": action,
        "Resource": f"{PREFIX}:{queue}",
        "Condition": {"ArnEquals": {"aws:SourceArn": RULE}},
    }


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


REDRIVE = {"dead_letter_target_arn": f"{PREFIX}:dead", "max_receive_count": 5}
ALLOW = {"redrive_permission": "byQueue", "source_queue_arns": [f"{PREFIX}:a", f"{PREFIX}:b"]}
KMS = "alias/aws/sqs"

# option(s), what the queue has before, what is asked, what the diff must show
CYCLES: dict[str, tuple[str, dict[str, Any], dict[str, Any], dict[str, tuple[Any, Any]]]] = {
    "visibility_timeout": ("plain", {}, {"visibility_timeout": 45}, {"visibility_timeout": (30, 45)}),
    "visibility_timeout zero": ("plain", {}, {"visibility_timeout": 0}, {"visibility_timeout": (30, 0)}),
    "message_retention_period": (
        "plain",
        {},
        {"message_retention_period": 1209600},
        {"message_retention_period": (345600, 1209600)},
    ),
    "maximum_message_size": (
        "plain",
        {"maximum_message_size": 262144},
        {"maximum_message_size": 1024},
        {"maximum_message_size": (262144, 1024)},
    ),
    "delay_seconds": ("plain", {}, {"delay_seconds": 900}, {"delay_seconds": (0, 900)}),
    "receive_message_wait_time_seconds": (
        "plain",
        {},
        {"receive_message_wait_time_seconds": 20},
        {"receive_message_wait_time_seconds": (0, 20)},
    ),
    "content_based_deduplication on": (
        "line.fifo",
        {},
        {"content_based_deduplication": True},
        {"content_based_deduplication": (False, True)},
    ),
    "content_based_deduplication off": (
        "line.fifo",
        {"content_based_deduplication": True},
        {"content_based_deduplication": False},
        {"content_based_deduplication": (True, False)},
    ),
    "deduplication_scope": (
        "line.fifo",
        {},
        {"deduplication_scope": "messageGroup"},
        {"deduplication_scope": ("queue", "messageGroup")},
    ),
    "fifo_throughput_limit": (
        "line.fifo",
        {"deduplication_scope": "messageGroup"},
        {"fifo_throughput_limit": "perMessageGroupId"},
        {"fifo_throughput_limit": ("perQueue", "perMessageGroupId")},
    ),
    "high_throughput_fifo on": (
        "line.fifo",
        {},
        {"high_throughput_fifo": True},
        {
            "deduplication_scope": ("queue", "messageGroup"),
            "fifo_throughput_limit": ("perQueue", "perMessageGroupId"),
        },
    ),
    "high_throughput_fifo off": (
        "line.fifo",
        {"high_throughput_fifo": True},
        {"high_throughput_fifo": False},
        {
            "deduplication_scope": ("messageGroup", "queue"),
            "fifo_throughput_limit": ("perMessageGroupId", "perQueue"),
        },
    ),
    "policy unset to set": (
        "plain",
        {},
        {"policy": policy(statement("Ours"))},
        {"policy": (None, policy(statement("Ours")))},
    ),
    "policy merged by Sid": (
        "plain",
        {"policy": policy(statement("Theirs"), statement("Ours"))},
        {"policy": policy(statement("Ours", action="sqs:*"))},
        {
            "policy": (
                policy(statement("Theirs"), statement("Ours")),
                policy(statement("Theirs"), statement("Ours", action="sqs:*")),
            )
        },
    ),
    "purge_policy": (
        "plain",
        {"policy": policy(statement("Theirs"), statement("Ours"))},
        {"policy": policy(statement("Ours")), "purge_policy": True},
        {"policy": (policy(statement("Theirs"), statement("Ours")), policy(statement("Ours")))},
    ),
    "policy cleared": (
        "plain",
        {"policy": policy(statement("Ours"))},
        {"policy": {}},
        {"policy": (policy(statement("Ours")), None)},
    ),
    "redrive_policy unset to set": ("plain", {}, {"redrive_policy": REDRIVE}, {"redrive_policy": (None, REDRIVE)}),
    "redrive_policy changed": (
        "plain",
        {"redrive_policy": REDRIVE},
        {"redrive_policy": {**REDRIVE, "max_receive_count": 9}},
        {"redrive_policy": (REDRIVE, {**REDRIVE, "max_receive_count": 9})},
    ),
    "redrive_policy emptied": (
        "plain",
        {"redrive_policy": REDRIVE},
        {"redrive_policy": {}},
        {"redrive_policy": (REDRIVE, None)},
    ),
    "redrive_allow_policy unset to set": (
        "plain",
        {},
        {"redrive_allow_policy": ALLOW},
        {"redrive_allow_policy": (None, ALLOW)},
    ),
    "redrive_allow_policy emptied": (
        "plain",
        {"redrive_allow_policy": ALLOW},
        {"redrive_allow_policy": {}},
        {"redrive_allow_policy": (ALLOW, None)},
    ),
    "kms_master_key_id unset to set": (
        "plain",
        {},
        {"kms_master_key_id": KMS},
        {
            "kms_data_key_reuse_period_seconds": (None, 300),
            "kms_master_key_id": (None, KMS),
            "sqs_managed_sse_enabled": (True, False),
        },
    ),
    "kms_data_key_reuse_period_seconds": (
        "plain",
        {"kms_master_key_id": KMS},
        {"kms_data_key_reuse_period_seconds": 600},
        {"kms_data_key_reuse_period_seconds": (300, 600)},
    ),
    "sqs_managed_sse_enabled off": (
        "plain",
        {},
        {"sqs_managed_sse_enabled": False},
        {"sqs_managed_sse_enabled": (True, False)},
    ),
    "sqs_managed_sse_enabled takes the key's place": (
        "plain",
        {"kms_master_key_id": KMS},
        {"sqs_managed_sse_enabled": True},
        {
            "kms_data_key_reuse_period_seconds": (300, None),
            "kms_master_key_id": (KMS, None),
            "sqs_managed_sse_enabled": (False, True),
        },
    ),
    "tags unset to set": ("plain", {}, {"tags": {"team": "a"}}, {"tags": ({}, {"team": "a"})}),
    "tags replaced": (
        "plain",
        {"tags": {"team": "a", "old": "1"}},
        {"tags": {"team": "b"}},
        {"tags": ({"team": "a", "old": "1"}, {"team": "b"})},
    ),
    "purge_tags off": (
        "plain",
        {"tags": {"team": "a", "old": "1"}},
        {"tags": {"team": "b"}, "purge_tags": False},
        {"tags": ({"team": "a", "old": "1"}, {"team": "b", "old": "1"})},
    ),
    "tags emptied": ("plain", {"tags": {"team": "a"}}, {"tags": {}}, {"tags": ({"team": "a"}, {})}),
}


def real(account: Account, name: str) -> dict[str, Any]:
    """The queue as boto3 sees it, without the times at which it changed."""
    sqs = account.client("sqs")
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    moving = ("CreatedTimestamp", "LastModifiedTimestamp")
    return {
        **{key: value for key, value in attributes.items() if key not in moving},
        "tags": sqs.list_queue_tags(QueueUrl=url).get("Tags", {}),
    }


@pytest.mark.parametrize("cycle", CYCLES.values(), ids=CYCLES)
def test_each_option_is_checked_set_and_then_left_alone(account: Account, cycle: Any) -> None:
    name, given, change, expected = cycle
    account.succeed("sqs_queue", name="dead")
    account.succeed("sqs_queue", name=name, **given)
    walk_cycle(account, "sqs_queue", "queue", {"name": name}, change, lambda: real(account, name), expected)


def test_a_new_queue_is_made_in_one_call_and_shown_the_same_in_check_mode(account: Account) -> None:
    account.succeed("sqs_queue", name="dead.fifo")
    options: dict[str, Any] = {
        "name": "new.fifo",
        "fifo_queue": True,
        "visibility_timeout": 31,
        "message_retention_period": 345600,
        "maximum_message_size": 262144,
        "delay_seconds": 1,
        "receive_message_wait_time_seconds": 2,
        "content_based_deduplication": True,
        "high_throughput_fifo": True,
        "policy": policy(statement("Ours", "new.fifo")),
        "redrive_policy": {"dead_letter_target_arn": f"{PREFIX}:dead.fifo", "max_receive_count": 3},
        "redrive_allow_policy": {"redrive_permission": "denyAll"},
        "tags": {"team": "a"},
    }
    checked = account.succeed("sqs_queue", check=True, **options)
    assert checked["changed"] is True
    account.emulator.clear_calls()
    made = account.succeed("sqs_queue", **options)
    assert made["queue"] == checked["queue"], differing(checked["queue"], made["queue"])
    assert made["diff"] == checked["diff"]
    assert account.emulator.calls() == {
        "sqs.GetQueueUrl": 1,
        "sts.GetCallerIdentity": 1,
        "sqs.CreateQueue": 1,
        "sqs.GetQueueAttributes": 1,
        "sqs.ListQueueTags": 1,
    }
    seen = real(account, "new.fifo")
    assert seen["FifoQueue"] == "true"
    assert seen["DeduplicationScope"] == "messageGroup"
    assert seen["FifoThroughputLimit"] == "perMessageGroupId"
    assert json.loads(seen["RedrivePolicy"]) == {
        "deadLetterTargetArn": f"{PREFIX}:dead.fifo",
        "maxReceiveCount": 3,
    }
    assert json.loads(seen["Policy"]) == options["policy"]
    assert seen["tags"] == {"team": "a"}

    account.emulator.clear_calls()
    assert account.succeed("sqs_queue", **options)["changed"] is False
    assert account.emulator.calls() == {"sqs.GetQueueUrl": 1, "sqs.GetQueueAttributes": 1, "sqs.ListQueueTags": 1}


def test_another_attribute_is_changed_without_sending_the_policy(account: Account) -> None:
    account.succeed("sqs_queue", name="plain", policy=policy(statement("Ours")))
    account.succeed("sqs_queue", name="plain", delay_seconds=5)
    assert json.loads(real(account, "plain")["Policy"]) == policy(statement("Ours"))


def test_an_equal_policy_in_other_words_changes_nothing(account: Account) -> None:
    wordy = {**statement("Ours"), "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}}
    account.succeed("sqs_queue", name="plain", policy=policy(wordy))
    terse = {**wordy, "Principal": {"AWS": [ACCOUNT]}, "Action": ["SQS:sendmessage"]}
    assert account.succeed("sqs_queue", name="plain", policy=json.dumps(policy(terse)))["changed"] is False


def test_a_receive_count_that_another_tool_set_as_text_is_the_same_number(account: Account) -> None:
    sqs = account.client("sqs")
    sqs.create_queue(QueueName="dead")
    text = json.dumps({"deadLetterTargetArn": f"{PREFIX}:dead", "maxReceiveCount": "5"})
    sqs.create_queue(QueueName="plain", Attributes={"RedrivePolicy": text})
    assert account.succeed("sqs_queue", name="plain", redrive_policy=REDRIVE)["changed"] is False


def test_deletion_is_shown_done_and_repeated_without_harm(account: Account) -> None:
    made = account.succeed("sqs_queue", name="plain")["queue"]
    checked = account.succeed("sqs_queue", name="plain", state="absent", check=True)
    assert (checked["changed"], checked["queue"]) == (True, None)
    assert checked["diff"] == {"before": made, "after": {}}
    assert real(account, "plain")["QueueArn"] == made["arn"]
    done = account.succeed("sqs_queue", name="plain", state="absent")
    assert done == checked
    assert account.client("sqs").list_queues().get("QueueUrls", []) == []
    for check in (True, False):
        again = account.succeed("sqs_queue", name="plain", state="absent", check=check)
        assert (again["changed"], again["queue"], again["operations"]) == (False, None, [])


def test_a_name_deleted_a_moment_ago_is_waited_for(account: Account, hurry: list[float]) -> None:
    account.succeed("sqs_queue", name="plain")
    account.succeed("sqs_queue", name="plain", state="absent")
    message = account.refuse("sqs_queue", name="plain", wait=False)
    assert "deleted less than 60 seconds ago" in message
    assert hurry == []
    assert account.succeed("sqs_queue", name="plain")["changed"] is True
    assert 50 <= sum(hurry) <= 70


def test_a_new_queue_is_waited_for_until_it_shows(account: Account, hurry: list[float]) -> None:
    late = {"kind": "error", "times": 3, "code": "AWS.SimpleQueueService.NonExistentQueue", "status": 400}
    account.fault("sqs.GetQueueAttributes", **late)
    made = account.succeed("sqs_queue", name="plain", visibility_timeout=45)
    assert made["queue"]["visibility_timeout"] == 45
    assert hurry == [1, 2, 4]
    account.fault("sqs.GetQueueAttributes", **late)
    hasty = account.succeed("sqs_queue", name="other", wait=False)
    assert hasty["queue"] is None
    assert "does not show it yet" in str(hasty["warnings"])


@pytest.mark.parametrize(
    ("region", "partition"),
    [("eu-central-1", "aws"), ("us-gov-west-1", "aws-us-gov"), ("cn-north-1", "aws-cn")],
)
def test_the_region_of_the_task_is_the_region_of_the_queue(account: Account, region: str, partition: str) -> None:
    checked = account.succeed("sqs_queue", name="plain", region=region, check=True)
    made = account.succeed("sqs_queue", name="plain", region=region)
    assert made["queue"]["arn"] == checked["queue"]["arn"] == f"arn:{partition}:sqs:{region}:{ACCOUNT}:plain"
    assert account.client("sqs").list_queues().get("QueueUrls", []) == []
