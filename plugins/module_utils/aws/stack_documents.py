# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documents of a connection: event patterns, queue policies, and what the agent may do. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..trail_coverage import EVENT_NAMES, EVENT_SOURCE
from .arn import Arn
from .policy import VERSION


@dataclass(frozen=True, slots=True)
class Place:
    """Where a connection's resources are: every ARN of them follows from this and from their names."""

    partition: str
    region: str
    account: str

    def arn(self, service: str, resource: str) -> str:
        """The ARN of a resource of the region."""
        return str(Arn(self.partition, service, self.region, self.account, resource))


@dataclass(frozen=True, slots=True)
class Names:
    """What everything of a connection is called."""

    connection: str

    @property
    def base(self) -> str:
        """The stem of all names, and the name of the rule."""
        return f"wxgov-sagemaker-{self.connection}"

    @property
    def queue(self) -> str:
        """The FIFO queue."""
        return f"{self.base}.fifo"

    @property
    def dead_letter_queue(self) -> str:
        """Behind the queue: a FIFO queue, as its own must be."""
        return f"{self.base}-dlq.fifo"

    @property
    def target_dead_letter_queue(self) -> str:
        """Behind the rules' targets: a standard queue, for EventBridge takes no other."""
        return f"{self.base}-target-dlq"

    @property
    def native_rule(self) -> str:
        """The rule for the service's own state change events."""
        return f"{self.base}-native"


def registry_pattern(failed_calls: bool) -> dict[str, Any]:
    """The five calls that change the registry. Calls that failed are recorded too; they changed nothing."""
    detail: dict[str, Any] = {"eventSource": [EVENT_SOURCE], "eventName": list(EVENT_NAMES)}
    if not failed_calls:
        detail["errorCode"] = [{"exists": False}]
    return {"source": ["aws.sagemaker"], "detail-type": ["AWS API Call via CloudTrail"], "detail": detail}


NATIVE_PATTERN: Mapping[str, Any] = {
    "source": ["aws.sagemaker"],
    "detail-type": ["SageMaker Model Package State Change"],
}


def sending_policy(queue_arn: str, rule_arns: Sequence[str]) -> dict[str, Any]:
    """A queue's policy: these rules may send to it, and nobody may talk to it without TLS."""
    return {
        "Version": VERSION,
        "Statement": [
            {
                "Sid": "WxgovEventBridge",
                "Effect": "Allow",
                "Principal": {"Service": "events.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": queue_arn,
                "Condition": {"ArnEquals": {"aws:SourceArn": rule_arns[0] if len(rule_arns) == 1 else list(rule_arns)}},
            },
            {
                "Sid": "WxgovTlsOnly",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "sqs:*",
                "Resource": queue_arn,
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            },
        ],
    }


def full_access_policies(partition: str) -> list[str]:
    """The two policies of AWS that the vendor's page asks for."""
    return [f"arn:{partition}:iam::aws:policy/{name}" for name in ("AmazonSageMakerFullAccess", "AmazonSQSFullAccess")]


SEARCH = ("sagemaker:Search",)
LISTING = ("sagemaker:ListModelPackageGroups", "sagemaker:ListModelPackages")
"""What finds the registry's entities: by Search, or, in an account that allows it to nobody, by lists of summaries."""


def agent_policies(
    place: Place, names: Names, kms_key: str | None, *, without_search: bool = False
) -> dict[str, dict[str, Any]]:
    """What the agent calls, and nothing else, as inline policies by name.

    Search and the two List calls that do in its place know no resources: AWS takes only `*` for them. What is written
    to the registry comes from the console: life cycles, model cards, and the groups of approved use cases, which have
    to carry the tag that says so. Who approves or rejects a model package is no business of the agent's. The role
    aws_access has the same in its template.
    """
    queues = [
        {
            "Sid": "Receive",
            "Effect": "Allow",
            "Action": ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"],
            "Resource": place.arn("sqs", names.queue),
        },
        {
            "Sid": "SetAside",
            "Effect": "Allow",
            "Action": ["sqs:GetQueueUrl", "sqs:SendMessage"],
            "Resource": place.arn("sqs", names.dead_letter_queue),
        },
    ]
    entities = [place.arn("sagemaker", "model-package-group/*"), place.arn("sagemaker", "model-package/*")]
    registry = [
        {
            "Sid": "Find",
            "Effect": "Allow",
            "Action": list(LISTING if without_search else SEARCH),
            "Resource": "*",
        },
        {
            "Sid": "Read",
            "Effect": "Allow",
            "Action": [
                "sagemaker:DescribeModelPackage",
                "sagemaker:DescribeModelPackageGroup",
                "sagemaker:ListTags",
            ],
            "Resource": entities,
        },
        {
            "Sid": "Write",
            "Effect": "Allow",
            "Action": ["sagemaker:CreateModelPackage", "sagemaker:UpdateModelPackage"],
            "Resource": entities,
            "Condition": {"StringNotEquals": {"sagemaker:ModelApprovalStatus": ["Approved", "Rejected"]}},
        },
        {
            "Sid": "MakeGroups",
            "Effect": "Allow",
            "Action": ["sagemaker:AddTags", "sagemaker:CreateModelPackageGroup"],
            "Resource": place.arn("sagemaker", "model-package-group/*"),
            "Condition": {"Null": {"aws:RequestTag/wxgov:use-case-id": "false"}},
        },
    ]
    key = [] if not kms_key else [_key_statement(place, kms_key)]
    return {
        "wxgov-queue": {"Version": VERSION, "Statement": [*queues, *key]},
        "wxgov-registry": {"Version": VERSION, "Statement": registry},
    }


def _key_statement(place: Place, kms_key: str) -> dict[str, Any]:
    """Reading from an encrypted queue and sending to one. An alias names its key by a condition, not by ARN.

    docs.aws.amazon.com/kms/latest/developerguide/alias-authorization.html
    """
    alias = kms_key.rsplit(":", 1)[-1] if "alias/" in kms_key else ""
    arn = kms_key if kms_key.startswith("arn:") else place.arn("kms", f"key/{kms_key}")
    statement: dict[str, Any] = {
        "Sid": "Decrypt",
        "Effect": "Allow",
        "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
        "Resource": place.arn("kms", "key/*") if alias else arn,
    }
    if alias:
        statement["Condition"] = {"ForAnyValue:StringEquals": {"kms:ResourceAliases": alias}}
    return statement
