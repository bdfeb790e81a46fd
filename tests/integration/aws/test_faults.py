# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""What AWS does to the modules: throttling, answers that get lost, refusals half-way, other types of the same name.

Each ends in the right state or in a clear sentence, and running again finishes it.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.aws.conftest import ACCOUNT, Account

PLAIN = f"arn:aws:sqs:us-east-1:{ACCOUNT}:plain"
READ_ONLY = "arn:aws:iam::aws:policy/AmazonSageMakerReadOnly"
ALLOW = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:*", "Resource": PLAIN}]}
WANTED: dict[str, dict[str, Any]] = {
    "sqs_queue": {"name": "plain", "visibility_timeout": 45, "tags": {"team": "a"}},
    "eventbridge_rule": {
        "name": "r",
        "event_pattern": {"source": ["x"]},
        "targets": [{"id": "q", "arn": PLAIN}],
        "tags": {"team": "a"},
    },
    "iam_role": {
        "name": "r",
        "trusted_services": ["sagemaker.amazonaws.com"],
        "managed_policies": [READ_ONLY],
        "inline_policies": {"p": ALLOW},
        "tags": {"team": "a"},
    },
}
SERVICES = {"sqs_queue": "sqs", "eventbridge_rule": "events", "iam_role": "iam"}
# Each writing call of a new resource, with the calls that it takes to make it.
WRITES = [
    ("sqs_queue", "sqs.CreateQueue"),
    ("eventbridge_rule", "events.PutRule"),
    ("eventbridge_rule", "events.PutTargets"),
    ("iam_role", "iam.CreateRole"),
    ("iam_role", "iam.AttachRolePolicy"),
    ("iam_role", "iam.PutRolePolicy"),
]


@pytest.mark.parametrize("module", WANTED)
def test_five_calls_a_second_are_enough(account: Account, module: str) -> None:
    """Every operation that the module uses lets one call through each 0.2 s, and a run is one burst of them."""
    account.succeed(module, **WANTED[module])
    operations = [name for name in account.emulator.calls() if name.startswith(SERVICES[module])]
    account.succeed(module, name=WANTED[module]["name"], state="absent")
    account.emulator.advance(61)  # SQS keeps a deleted queue's name for a minute
    account.emulator.clear_calls()
    for operation in operations:
        account.emulator.throttle(operation, rate=5)
    assert account.succeed(module, **WANTED[module])["changed"] is True
    assert account.succeed(module, **WANTED[module])["changed"] is False
    assert sum(account.emulator.throttled_calls().values()) > 0, "nothing was throttled"


@pytest.mark.parametrize(("module", "operation"), WRITES)
def test_an_answer_that_gets_lost(account: Account, module: str, operation: str) -> None:
    """The call was carried out and nobody knows; at the latest the second run ends in the right state."""
    account.emulator.fault(operation, "lost_response")
    first = account.run(module, **WANTED[module])
    assert "Traceback" not in str(first)
    second = account.succeed(module, **WANTED[module])
    assert first.get("failed") or second["changed"] is False
    assert account.succeed(module, **WANTED[module])["changed"] is False


@pytest.mark.parametrize(("module", "operation"), WRITES)
def test_a_refusal_half_way(account: Account, module: str, operation: str) -> None:
    """What was done before is told, what was not is done by the next run, and nothing twice."""
    whole = account.succeed(module, check=True, **WANTED[module])["operations"]
    account.emulator.fault(operation, "error", code="LimitExceeded", status=409)
    result = account.run(module, **WANTED[module])
    action = operation.replace(".", ":")
    assert result["failed"] is True
    assert result["msg"].startswith(f"{action} on ")
    assert "failed (LimitExceeded)" in result["msg"]
    done = result["operations_done"]
    assert done == whole[: len(done)]
    assert account.succeed(module, **WANTED[module])["operations"] == whole[len(done) :]


def test_a_queue_of_the_same_name_and_the_other_type(account: Account) -> None:
    """A queue's name says its type, so that the type cannot be asked for against it; the queue stays as it is."""
    sqs = account.client("sqs")
    url = sqs.create_queue(QueueName="line.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    sqs.create_queue(QueueName="plain")
    before = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert "fifo_queue is false" in account.refuse("sqs_queue", name="line.fifo", fifo_queue=False)
    assert "name it 'plain.fifo'" in account.refuse("sqs_queue", name="plain", fifo_queue=True)
    assert sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"] == before


def test_the_chinese_partition_has_arns_of_its_own(account: Account) -> None:
    made = account.succeed("sqs_queue", name="plain", region="cn-north-1")["queue"]
    dead = {"dead_letter_target_arn": made["arn"], "max_receive_count": 3}
    assert made["arn"].startswith("arn:aws-cn:sqs:cn-north-1:")
    account.succeed("sqs_queue", name="other", region="cn-north-1", redrive_policy=dead)
