# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The attributes of an SQS queue as data: option, name in the API, kind, range, and what clears it.

Ranges and names: docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
(the maximum message size is 1 MiB since August 2025).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .documents import canonical, compact
from .errors import InputError
from .policy import Document, as_list, canonical_policy


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute: its `option` is also its key in results."""

    option: str
    api_name: str
    fifo_only: bool = False

    def check(self, value: Any) -> None:
        """Raise InputError for a value that AWS would refuse."""

    def parse(self, text: str) -> Any:
        """The value in AWS's text; None for an attribute that is not set."""
        return text or None

    def render(self, value: Any) -> str:
        """AWS's text of a value."""
        return "" if value is None else str(value)

    def canonical(self, value: Any, partition: str) -> Any:
        """What two values have in common that mean the same."""
        del partition
        return value


@dataclass(frozen=True, slots=True)
class Number(Attribute):
    """A whole number of `unit` between two bounds."""

    minimum: int = 0
    maximum: int = 0
    unit: str = "seconds"

    def check(self, value: Any) -> None:
        if not self.minimum <= value <= self.maximum:
            raise InputError(f"{self.option} is {value}; it must be from {self.minimum} to {self.maximum} {self.unit}.")

    def parse(self, text: str) -> int | None:
        return int(text) if text else None


@dataclass(frozen=True, slots=True)
class Flag(Attribute):
    """True or false."""

    def parse(self, text: str) -> bool:
        return text.lower() == "true"

    def render(self, value: Any) -> str:
        return str(bool(value)).lower()


@dataclass(frozen=True, slots=True)
class PolicyDocument(Attribute):
    """The queue's access policy."""

    def parse(self, text: str) -> Document | None:
        return _object(text, self.api_name)

    def render(self, value: Any) -> str:
        return compact(value) if value else ""

    def canonical(self, value: Any, partition: str) -> Any:
        return canonical_policy(value, partition)


@dataclass(frozen=True, slots=True)
class Structure(Attribute):
    """A small JSON object whose members have names of their own in Ansible."""

    members: tuple[tuple[str, str], ...] = ()  # (name in Ansible, name in the API)

    def parse(self, text: str) -> Document | None:
        found = _object(text, self.api_name)
        return found and {name: _member(found[api]) for name, api in self.members if api in found}

    def render(self, value: Any) -> str:
        return compact({api: value[name] for name, api in self.members if name in value}) if value else ""

    def canonical(self, value: Any, partition: str) -> Any:
        return canonical(value)


def _member(value: Any) -> Any:
    # SQS gives maxReceiveCount back as it was set: a number or its text.
    return int(value) if isinstance(value, str) and value.isdigit() else value


def _object(text: str, name: str) -> Document | None:
    found = json.loads(text) if text else None
    if found is not None and not isinstance(found, dict):
        raise InputError(f"The queue's {name} is not a JSON object: {text}")
    return found or None


ATTRIBUTES: tuple[Attribute, ...] = (
    Number("visibility_timeout", "VisibilityTimeout", minimum=0, maximum=43200),
    Number("message_retention_period", "MessageRetentionPeriod", minimum=60, maximum=1209600),
    Number("maximum_message_size", "MaximumMessageSize", minimum=1024, maximum=1048576, unit="bytes"),
    Number("delay_seconds", "DelaySeconds", minimum=0, maximum=900),
    Number("receive_message_wait_time_seconds", "ReceiveMessageWaitTimeSeconds", minimum=0, maximum=20),
    Flag("content_based_deduplication", "ContentBasedDeduplication", fifo_only=True),
    Attribute("deduplication_scope", "DeduplicationScope", fifo_only=True),
    Attribute("fifo_throughput_limit", "FifoThroughputLimit", fifo_only=True),
    PolicyDocument("policy", "Policy"),
    Structure(
        "redrive_policy",
        "RedrivePolicy",
        members=(("dead_letter_target_arn", "deadLetterTargetArn"), ("max_receive_count", "maxReceiveCount")),
    ),
    Structure(
        "redrive_allow_policy",
        "RedriveAllowPolicy",
        members=(("redrive_permission", "redrivePermission"), ("source_queue_arns", "sourceQueueArns")),
    ),
    Attribute("kms_master_key_id", "KmsMasterKeyId"),
    Number("kms_data_key_reuse_period_seconds", "KmsDataKeyReusePeriodSeconds", minimum=60, maximum=86400),
    Flag("sqs_managed_sse_enabled", "SqsManagedSseEnabled"),
)
BY_OPTION: Mapping[str, Attribute] = {attribute.option: attribute for attribute in ATTRIBUTES}

# What a new queue has where nothing else is said; needed only to show the queue that would be made.
DEFAULTS: Mapping[str, Any] = {
    "visibility_timeout": 30,
    "message_retention_period": 345600,
    "maximum_message_size": 1048576,
    "delay_seconds": 0,
    "receive_message_wait_time_seconds": 0,
    "content_based_deduplication": False,
    "sqs_managed_sse_enabled": True,
}
REUSE_PERIOD = 300  # seconds for which a KMS data key is used again where nothing else is said
FIFO_DEFAULTS: Mapping[str, Any] = {
    "deduplication_scope": "queue",
    "fifo_throughput_limit": "perQueue",
}


def parse_attributes(answer: Mapping[str, str]) -> dict[str, Any]:
    """All attributes of GetQueueAttributes' answer under their options; None where the queue has none."""
    return {attribute.option: attribute.parse(answer.get(attribute.api_name, "")) for attribute in ATTRIBUTES}


def render_attributes(values: Mapping[str, Any]) -> dict[str, str]:
    """Values as CreateQueue and SetQueueAttributes take them."""
    return {BY_OPTION[option].api_name: BY_OPTION[option].render(value) for option, value in values.items()}


def check_redrive(policy: Document, fifo: bool) -> None:
    """Raise InputError for a redrive policy that cannot be right; an empty one clears."""
    if not policy:
        return
    missing = [name for name in ("dead_letter_target_arn", "max_receive_count") if policy.get(name) is None]
    if missing:
        raise InputError(f"redrive_policy lacks {' and '.join(missing)}; give both, or {{}} to clear it.")
    if not 1 <= policy["max_receive_count"] <= 1000:
        raise InputError(
            f"redrive_policy.max_receive_count is {policy['max_receive_count']}; it must be from 1 to 1000."
        )
    if str(policy["dead_letter_target_arn"]).endswith(".fifo") != fifo:
        kind = "FIFO" if fifo else "standard"
        raise InputError(
            f"redrive_policy.dead_letter_target_arn is {policy['dead_letter_target_arn']!r}, "
            f"but the dead-letter queue of a {kind} queue must be a {kind} queue."
        )


def check_redrive_allow(policy: Document) -> None:
    """Raise InputError for a redrive allow policy that cannot be right; an empty one clears."""
    if not policy:
        return
    by_queue = policy.get("redrive_permission") == "byQueue"
    sources = as_list(policy.get("source_queue_arns"))
    if by_queue != bool(sources) or len(sources) > 10:
        raise InputError(
            f"redrive_allow_policy has {len(sources)} source_queue_arns with redrive_permission "
            f"{policy.get('redrive_permission')!r}; give 1 to 10 with 'byQueue', and none otherwise."
        )
