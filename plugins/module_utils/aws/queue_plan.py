# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an SQS queue should be, what it is, and the way between: pure functions."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .arn import check_partition, parse_arn
from .errors import InputError
from .plan import Operation, Plan, make_plan
from .policy import check_policy, merge_by_sid
from .queue_attributes import (
    BY_OPTION,
    DEFAULTS,
    FIFO_DEFAULTS,
    REUSE_PERIOD,
    check_redrive,
    check_redrive_allow,
)
from .tags import plan_tags, simulate_tags

_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}|[A-Za-z0-9_-]{1,75}\.fifo")


@dataclass(frozen=True, slots=True)
class QueueState:
    """A queue that exists. `attributes` has every option of `queue_attributes.ATTRIBUTES`, None where not set."""

    name: str
    url: str
    arn: str
    attributes: Mapping[str, Any]
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def fifo(self) -> bool:
        """Whether it is a FIFO queue; its name says so for ever."""
        return self.name.endswith(".fifo")

    def as_result(self) -> dict[str, Any]:
        """The queue as the module returns it."""
        return {
            "name": self.name,
            "url": self.url,
            "arn": self.arn,
            "fifo_queue": self.fifo,
            **self.attributes,
            "tags": dict(self.tags),
        }


@dataclass(frozen=True, slots=True)
class DesiredQueue:
    """What a user asks for. `attributes` holds just the options that were given; an empty value clears."""

    name: str
    present: bool = True
    attributes: Mapping[str, Any] = field(default_factory=dict)
    purge_policy: bool = False
    tags: Mapping[str, str] | None = None
    purge_tags: bool = True

    @property
    def fifo(self) -> bool:
        """Whether a FIFO queue is asked for."""
        return self.name.endswith(".fifo")


def desired_attributes(options: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes among a module's options, those that were given; `high_throughput_fifo` becomes its pair."""
    given = {option: options[option] for option in BY_OPTION if options.get(option) is not None}
    high = options.get("high_throughput_fifo")
    if high is None:
        return given
    pair = {
        "deduplication_scope": "messageGroup" if high else "queue",
        "fifo_throughput_limit": "perMessageGroupId" if high else "perQueue",
    }
    for option, value in pair.items():
        if given.get(option, value) != value:
            raise InputError(
                f"high_throughput_fifo: {str(high).lower()} means {option}: {value}, but {option} is {given[option]!r}."
            )
    return {**given, **pair}


def check_queue(desired: DesiredQueue, fifo_queue: bool | None = None) -> None:
    """Raise InputError for what cannot be right whatever the queue is now. `fifo_queue` is the option of that name."""
    _check_name(desired.name, fifo_queue)
    for option, value in desired.attributes.items():
        attribute = BY_OPTION[option]
        if attribute.fifo_only and not desired.fifo:
            raise InputError(f"{option} is for FIFO queues, and {desired.name!r} is a standard queue.")
        attribute.check(value)
    if desired.attributes.get("policy"):
        check_policy(desired.attributes["policy"], "policy", "resource")
    _check_redrive(desired)
    if desired.attributes.get("kms_master_key_id") and desired.attributes.get("sqs_managed_sse_enabled"):
        raise InputError(
            "kms_master_key_id and sqs_managed_sse_enabled: true exclude each other; choose one encryption."
        )
    _check_pair(desired.attributes)


def check_queue_partition(desired: DesiredQueue, partition: str) -> None:
    """Raise InputError where the queue would name a queue or a key of another partition."""
    redrive = desired.attributes.get("redrive_policy") or {}
    allow = desired.attributes.get("redrive_allow_policy") or {}
    check_partition(redrive.get("dead_letter_target_arn"), "redrive_policy.dead_letter_target_arn", partition)
    for source in allow.get("source_queue_arns") or ():
        check_partition(source, "redrive_allow_policy.source_queue_arns", partition)
    check_partition(desired.attributes.get("kms_master_key_id"), "kms_master_key_id", partition)


def _check_name(name: str, fifo_queue: bool | None) -> None:
    if fifo_queue is not None and fifo_queue != name.endswith(".fifo"):
        hint = f"name it {name + '.fifo'!r}" if fifo_queue else "only FIFO queues end so"
        raise InputError(f"fifo_queue is {str(fifo_queue).lower()}, but the name is {name!r}; {hint}.")
    if not _NAME.fullmatch(name):
        raise InputError(
            f"name is {name!r}; a queue's name has 1 to 80 letters, digits, hyphens and underscores, "
            "'.fifo' at the end of a FIFO queue's included."
        )


def _check_redrive(desired: DesiredQueue) -> None:
    redrive = desired.attributes.get("redrive_policy") or {}
    check_redrive(redrive, desired.fifo)
    if redrive:
        parse_arn(redrive["dead_letter_target_arn"], "redrive_policy.dead_letter_target_arn", "sqs")
    allow = desired.attributes.get("redrive_allow_policy") or {}
    check_redrive_allow(allow)
    for arn in allow.get("source_queue_arns") or []:
        parse_arn(arn, "redrive_allow_policy.source_queue_arns", "sqs")


def _check_pair(attributes: Mapping[str, Any]) -> None:
    if (
        attributes.get("fifo_throughput_limit") == "perMessageGroupId"
        and attributes.get("deduplication_scope") == "queue"
    ):
        raise InputError(
            "fifo_throughput_limit: perMessageGroupId needs deduplication_scope: messageGroup, but that is 'queue'."
        )


def plan_queue(
    desired: DesiredQueue, current: QueueState | None, partition: str, identity: Callable[[], tuple[str, str]]
) -> Plan[QueueState]:
    """The operations from `current` to `desired`.

    `identity` gives URL and ARN of a queue that is yet to be made; it is asked only then.
    """
    if not desired.present:
        gone = () if current is None else (Operation("delete_queue", current.as_result()),)
        return make_plan(current, gone, simulate_queue)
    if current is None:
        return make_plan(None, (_creation(desired, identity),), simulate_queue)
    changes = _changes(desired, current, partition)
    operations = [
        changes
        and Operation("set_queue_attributes", {option: current.attributes[option] for option in changes}, changes),
        *plan_tags(current.tags, desired.tags, desired.purge_tags),
    ]
    return make_plan(current, tuple(operation for operation in operations if operation), simulate_queue)


def _creation(desired: DesiredQueue, identity: Callable[[], tuple[str, str]]) -> Operation:
    url, arn = identity()
    defaults = {**DEFAULTS, **(FIFO_DEFAULTS if desired.fifo else {})}
    attributes = {**dict.fromkeys(BY_OPTION), **defaults, **creation_attributes(desired)}
    _check_together(attributes, {})
    after = {"name": desired.name, "url": url, "arn": arn, "attributes": attributes, "tags": dict(desired.tags or {})}
    return Operation("create_queue", {}, after)


def creation_attributes(desired: DesiredQueue) -> dict[str, Any]:
    """What CreateQueue is told: the options that were given and are not empty."""
    return _encryption({}, {option: value for option, value in desired.attributes.items() if not _is_empty(value)})


def _changes(desired: DesiredQueue, current: QueueState, partition: str) -> dict[str, Any]:
    wanted: dict[str, Any] = {
        option: None if _is_empty(value) else value for option, value in desired.attributes.items()
    }
    policy = wanted.get("policy")
    if policy and not desired.purge_policy:
        wanted["policy"] = merge_by_sid(current.attributes["policy"], policy, partition)
    wanted = _encryption(current.attributes, wanted)
    _check_together(wanted, current.attributes)
    changes = {
        option: value
        for option, value in wanted.items()
        if BY_OPTION[option].canonical(value, partition)
        != BY_OPTION[option].canonical(current.attributes[option], partition)
    }
    return _whole_pair(changes, current.attributes)


def _is_empty(value: Any) -> bool:
    return value in ("", {})


def _check_together(wanted: Mapping[str, Any], current: Mapping[str, Any]) -> None:
    """Raise InputError for what contradicts what the queue has."""
    _check_pair({**current, **wanted})
    reuse, key = wanted.get("kms_data_key_reuse_period_seconds"), {**current, **wanted}.get("kms_master_key_id")
    if reuse is not None and not key:
        raise InputError("kms_data_key_reuse_period_seconds needs kms_master_key_id; the queue has none.")


def _encryption(current: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The two encryptions exclude each other: asking for one takes the other away."""
    if wanted.get("kms_master_key_id"):
        return {**wanted, "sqs_managed_sse_enabled": False}
    if wanted.get("sqs_managed_sse_enabled") and current.get("kms_master_key_id"):
        return {**wanted, "kms_master_key_id": None}
    return dict(wanted)


def _with_reuse_period(attributes: Mapping[str, Any]) -> Mapping[str, Any]:
    """The period for which a data key is used again is there just where a KMS key is."""
    if not attributes["kms_master_key_id"]:
        return {**attributes, "kms_data_key_reuse_period_seconds": None}
    if attributes["kms_data_key_reuse_period_seconds"] is None:
        return {**attributes, "kms_data_key_reuse_period_seconds": REUSE_PERIOD}
    return attributes


def _whole_pair(changes: dict[str, Any], current: Mapping[str, Any]) -> dict[str, Any]:
    """Scope and limit of a FIFO queue go together in one call, for each is checked against the other."""
    pair = ("deduplication_scope", "fifo_throughput_limit")
    if any(option in changes for option in pair):
        return {**{option: current[option] for option in pair}, **changes}
    return changes


def simulate_queue(state: QueueState | None, operation: Operation) -> QueueState | None:
    """The queue after an operation, as AWS would have it."""
    if operation.name == "create_queue":
        return QueueState(**{**operation.after, "attributes": _with_reuse_period(operation.after["attributes"])})
    if operation.name == "delete_queue" or state is None:
        return None
    if operation.name == "set_queue_attributes":
        return replace(state, attributes=_with_reuse_period({**state.attributes, **operation.after}))
    return replace(state, tags=simulate_tags(state.tags, operation))
