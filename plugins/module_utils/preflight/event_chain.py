# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the way of an event through AWS: trails, the rules that send to a connection's queue, the queues."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from ..connection.arns import parse_queue_url
from ..connection.errors import InvalidConnectionError
from ..connection.model import Connection
from ..connection.validation import partition_of
from ..trail_coverage import EVENT_NAMES, EVENT_SOURCE, Coverage, TrailState, trail_elsewhere, trail_state
from .aws_reader import AwsReader
from .errors import AwsAbsentError, AwsReadError

CHANGES_EVENT = ("Input", "InputPath", "InputTransformer")


@dataclass(frozen=True, slots=True)
class QueueId:
    """A queue by where it is and what it is called."""

    partition: str
    region: str
    account_id: str
    name: str

    @property
    def arn(self) -> str:
        """The queue's ARN."""
        return f"arn:{self.partition}:sqs:{self.region}:{self.account_id}:{self.name}"


@dataclass(frozen=True, slots=True)
class Target:
    """A rule's target that is the connection's queue."""

    message_group_id: str | None
    dead_letter_arn: str | None
    changed_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of the default event bus. ``takes`` are the registry's calls that its pattern matches."""

    name: str
    arn: str
    enabled: bool
    takes: frozenset[str]
    targets: tuple[Target, ...]


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue with its attributes as SQS names them."""

    name: str
    attributes: Mapping[str, str] = field(repr=False)

    @property
    def waiting(self) -> int:
        """Messages in the queue, about, whether somebody has received them or not."""
        names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        return sum(int(self.attributes.get(name, 0)) for name in names)

    @property
    def dead_letter_arn(self) -> str | None:
        """The ARN of the queue that its redrive policy names."""
        policy = json.loads(self.attributes.get("RedrivePolicy") or "{}")
        return str(policy["deadLetterTargetArn"]) if policy.get("deadLetterTargetArn") else None


def queue_of(connection: Connection) -> QueueId:
    """Return the connection's queue. Raises InvalidConnectionError for a URL that is not one of a FIFO queue."""
    url = parse_queue_url(connection.queue_url)
    if not url.is_fifo:
        raise InvalidConnectionError(f"The queue {connection.queue_url} is not a FIFO queue.")
    region = connection.region
    return QueueId(partition_of(region), region, url.account_id, url.name)


def rule_name(connection: Connection) -> str:
    """Return the name of the rule that this collection makes for a connection."""
    return f"wxgov-sagemaker-{connection.name}"


def read_coverage(reader: AwsReader) -> Coverage:
    """Return the region's trails (1 call and 2 a trail, 1 more page by page where none covers the region)."""
    listed = reader.read("cloudtrail", "describe_trails", "trailList", includeShadowTrails=True)
    coverage = Coverage(reader.region, tuple(_trail(reader, trail) for trail in listed))
    if coverage.covering:
        return coverage
    known = {trail.arn for trail in coverage.trails}
    found = reader.pages("cloudtrail", "list_trails", "Trails")
    others = (trail_elsewhere(trail) for trail in found if trail["TrailARN"] not in known)
    return Coverage(reader.region, (*coverage.trails, *others))


def _trail(reader: AwsReader, trail: Mapping[str, Any]) -> TrailState:
    arn = trail["TrailARN"]
    status: Mapping[str, Any] = {}
    selectors: Mapping[str, Any] = {}
    problem = ""
    with suppress(AwsAbsentError):  # deleted meanwhile
        status = reader.call("cloudtrail", "get_trail_status", must_have="IsLogging", Name=arn)
    try:
        selectors = reader.call(
            "cloudtrail", "get_event_selectors", region=trail["HomeRegion"], must_have="TrailARN", TrailName=arn
        )
    except AwsReadError as error:  # a member account may see an organization's trail and yet not read its selectors
        problem = f"its event selectors cannot be read: {error}"
    return trail_state(trail, status, selectors, problem)


def read_rules(reader: AwsReader, connection: Connection, queue: QueueId) -> tuple[Rule, ...]:
    """Return the rules whose target the queue is; without any, the one that has the name of the connection's rule.

    1 call, and for each rule 2, and 5 more for its pattern (fewer for a rule without one).
    """
    names = reader.pages("events", "list_rule_names_by_target", "RuleNames", TargetArn=queue.arn)
    if names:
        return tuple(_rule(reader, name, queue) for name in sorted(names))
    try:
        return (_rule(reader, rule_name(connection), queue),)
    except AwsAbsentError:
        return ()


def _rule(reader: AwsReader, name: str, queue: QueueId) -> Rule:
    answer = reader.call("events", "describe_rule", must_have="Arn", Name=name)
    targets = reader.pages("events", "list_targets_by_rule", "Targets", Rule=name)
    pattern = answer.get("EventPattern")
    return Rule(
        name=name,
        arn=str(answer.get("Arn", "")),
        enabled=str(answer.get("State", "")).startswith("ENABLED"),
        takes=frozenset(_taken(reader, pattern, queue)) if pattern else frozenset(),
        targets=tuple(_target(target) for target in targets if target["Arn"] == queue.arn),
    )


def _taken(reader: AwsReader, pattern: str, queue: QueueId) -> Sequence[str]:
    """EventBridge itself says what a pattern matches: patterns can be written in too many ways to judge them here."""
    return [
        name
        for name in EVENT_NAMES
        if reader.read(
            "events", "test_event_pattern", "Result", EventPattern=pattern, Event=json.dumps(sample_event(name, queue))
        )
    ]


def _target(target: Mapping[str, Any]) -> Target:
    return Target(
        message_group_id=target.get("SqsParameters", {}).get("MessageGroupId"),
        dead_letter_arn=target.get("DeadLetterConfig", {}).get("Arn"),
        changed_by=tuple(name for name in CHANGES_EVENT if name in target),
    )


def sample_event(call: str, place: QueueId) -> dict[str, Any]:
    """Return what EventBridge gets of a registry call that succeeded, as far as patterns look at it.

    Members: docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
    """
    group = "wxgov-preflight"
    stem = f"arn:{place.partition}:sagemaker:{place.region}:{place.account_id}"
    group_arn = f"{stem}:model-package-group/{group}"
    named: dict[str, str] = {"modelPackageGroupName": group}
    answered: dict[str, str] | None = {"modelPackageGroupArn": group_arn}
    if not call.endswith("Group"):
        package = f"{stem}:model-package/{group}/1"
        named = {"modelPackageArn": package, "modelPackageName": package, "modelPackageGroupName": group}
        answered = {"modelPackageArn": package}
    return {
        "version": "0",
        "id": "00000000-0000-0000-0000-000000000000",
        "detail-type": "AWS API Call via CloudTrail",
        "source": "aws.sagemaker",
        "account": place.account_id,
        "time": "2026-01-01T00:00:00Z",
        "region": place.region,
        "resources": [],
        "detail": {
            "eventVersion": "1.11",
            "userIdentity": {"type": "AssumedRole", "accountId": place.account_id},
            "eventTime": "2026-01-01T00:00:00Z",
            "eventSource": EVENT_SOURCE,
            "eventName": call,
            "awsRegion": place.region,
            "requestParameters": named,
            "responseElements": None if call.startswith("Delete") else answered,
            "readOnly": False,
            "eventType": "AwsApiCall",
            "managementEvent": True,
            "recipientAccountId": place.account_id,
            "eventCategory": "Management",
        },
    }


def read_queue(reader: AwsReader, name: str, url: str) -> Queue:
    """Return a queue with all its attributes (1 call). Raises AwsAbsentError where there is none."""
    attributes = reader.read("sqs", "get_queue_attributes", "Attributes", QueueUrl=url, AttributeNames=["All"])
    return Queue(name, attributes)


def read_queue_by_arn(reader: AwsReader, arn: str) -> Queue:
    """Return the queue of an ARN (2 calls). Raises AwsAbsentError where there is none."""
    account, name = arn.split(":")[4:6]
    url = reader.read("sqs", "get_queue_url", "QueueUrl", QueueName=name, QueueOwnerAWSAccountId=account)
    return read_queue(reader, name, url)
