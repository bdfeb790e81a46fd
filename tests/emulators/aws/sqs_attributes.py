# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which queue attributes SQS accepts. Pure: names and values in, nothing or the error SQS answers out.

Ranges and names: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from moto.sqs.exceptions import InvalidAttributeName, InvalidAttributeValue, InvalidParameterValue, SQSException

from tests.emulators.aws.policy import resource_policy_error

RANGES = {
    "DelaySeconds": (0, 900),
    "KmsDataKeyReusePeriodSeconds": (60, 86_400),
    "MaximumMessageSize": (1024, 1_048_576),
    "MessageRetentionPeriod": (60, 1_209_600),
    "ReceiveMessageWaitTimeSeconds": (0, 20),
    "VisibilityTimeout": (0, 43_200),
}
FIFO_CHOICES = {
    "ContentBasedDeduplication": ("true", "false"),
    "DeduplicationScope": ("messageGroup", "queue"),
    "FifoThroughputLimit": ("perQueue", "perMessageGroupId"),
}
BOOLEANS = {"FifoQueue": ("true", "false"), "SqsManagedSseEnabled": ("true", "false")}
SETTABLE = frozenset(
    [*RANGES, *FIFO_CHOICES, *BOOLEANS, "KmsMasterKeyId", "Policy", "RedrivePolicy", "RedriveAllowPolicy"]
)


def check_queue_name(name: str, attributes: Mapping[str, Any]) -> None:
    """A name ends in .fifo exactly when FifoQueue is true."""
    fifo = str(attributes.get("FifoQueue", "false")).lower() == "true"
    if fifo and not name.endswith(".fifo"):
        raise InvalidParameterValue(
            "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with "
            ".fifo suffix and be 1 to 80 in length"
        )
    if name.endswith(".fifo") and not fifo:
        raise InvalidParameterValue(
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
        )


def check_attributes(given: Mapping[str, Any], *, fifo: bool, current_scope: str, current_limit: str) -> None:
    """Raise the SQS error for the first attribute of ``given`` that SQS would refuse."""
    for name, value in given.items():
        if name not in SETTABLE:
            raise InvalidAttributeName(name)
        if name in FIFO_CHOICES and not fifo:
            raise InvalidAttributeName(name)
        _check_value(name, str(value))
    _check_throughput_pair(given, current_scope, current_limit)
    _check_encryption(given)


def _check_value(name: str, value: str) -> None:
    if name in RANGES:
        low, high = RANGES[name]
        if not (value.lstrip("-").isdigit() and low <= int(value) <= high):
            raise InvalidAttributeValue(name)
    choices = FIFO_CHOICES.get(name) or BOOLEANS.get(name)
    if choices and value.lower() not in [choice.lower() for choice in choices]:
        raise InvalidAttributeValue(name)
    if name in _DOCUMENTS and value:
        _DOCUMENTS[name](value)


def _check_policy(value: str) -> None:
    if resource_policy_error(value):
        raise InvalidAttributeValue("Policy")


def _check_throughput_pair(given: Mapping[str, Any], current_scope: str, current_limit: str) -> None:
    scope = given.get("DeduplicationScope", current_scope)
    limit = given.get("FifoThroughputLimit", current_limit)
    if limit == "perMessageGroupId" and scope != "messageGroup":
        raise InvalidAttributeValue("FifoThroughputLimit")


def _check_encryption(given: Mapping[str, Any]) -> None:
    if given.get("KmsMasterKeyId") and str(given.get("SqsManagedSseEnabled", "false")).lower() == "true":
        raise InvalidAttributeValue("SqsManagedSseEnabled")


def _parameter_error(name: str, value: str, reason: str) -> SQSException:
    return InvalidParameterValue(f"Value {value} for parameter {name} is invalid. Reason: {reason}")


def _json_object(name: str, value: str) -> dict[str, Any]:
    try:
        document = json.loads(value)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise _parameter_error(name, value, "Not a JSON object.")
    return document


def _check_redrive_policy(value: str) -> None:
    """Only the empty text clears; what AWS says of {}: github.com/ansible-collections/community.aws/issues/2321."""
    document = _json_object("RedrivePolicy", value)
    for name in ("maxReceiveCount", "deadLetterTargetArn"):
        if name not in document:
            raise _parameter_error(
                "RedrivePolicy", value, f"Redrive policy does not contain mandatory attribute: {name}."
            )
    count = str(document.get("maxReceiveCount", ""))
    if not (count.isdigit() and 1 <= int(count) <= 1000):
        raise _parameter_error(
            "RedrivePolicy", value, "Invalid value for maxReceiveCount: valid values are from 1 to 1000 both inclusive."
        )


def _check_redrive_allow_policy(value: str) -> None:
    document = _json_object("RedriveAllowPolicy", value)
    if not document:
        return
    permission = document.get("redrivePermission")
    if permission not in ("allowAll", "denyAll", "byQueue"):
        raise _parameter_error("RedriveAllowPolicy", value, "redrivePermission is not allowAll, denyAll or byQueue.")
    sources = document.get("sourceQueueArns")
    if (permission == "byQueue") != bool(sources) or len(sources or []) > 10:
        raise _parameter_error("RedriveAllowPolicy", value, "byQueue takes 1 to 10 sourceQueueArns, others take none.")


_DOCUMENTS: dict[str, Callable[[str], None]] = {
    "Policy": _check_policy,
    "RedriveAllowPolicy": _check_redrive_allow_policy,
    "RedrivePolicy": _check_redrive_policy,
}


def redrive_allowed(allow_policy: str | None, source_arn: str) -> bool:
    """Whether a queue with this RedriveAllowPolicy may be the dead-letter queue of ``source_arn``."""
    document = json.loads(allow_policy) if allow_policy else {}
    permission = document.get("redrivePermission", "allowAll")
    return permission == "allowAll" or (permission == "byQueue" and source_arn in document.get("sourceQueueArns", []))
