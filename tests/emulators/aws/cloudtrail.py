# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""CloudTrail on moto, and what moto lacks: management write calls to SageMaker reach EventBridge.

A record is published only where a trail that is logging covers the region and logs management write events. Between the
call and the event bus sits a ``DeliveryHop``, where tests delay, duplicate, reorder, drop or hold events: AWS promises
neither order nor exactly-once delivery.
Sources, under https://docs.aws.amazon.com/: eventbridge/latest/userguide/eb-service-event-cloudtrail.html (trail
needed, read-only calls not delivered); awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html.
"""

from __future__ import annotations

import json
import random
import re
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from moto.cloudtrail import models, responses, urls
from moto.core.exceptions import JsonRESTError
from moto.core.utils import get_service_model
from moto.events.models import events_backends

from tests.emulators.aws.caller import Caller
from tests.emulators.aws.clock import CLOCK

REDACTED = "HIDDEN_DUE_TO_SECURITY_REASONS"
EVENT_SOURCE = "sagemaker.amazonaws.com"
READ_ONLY_PREFIXES = ("Describe", "List", "Get", "Search", "BatchDescribe", "BatchGet", "Query", "Render")
Mode = Literal["normal", "delay", "duplicate", "reorder", "drop"]


class FaithfulCloudTrailBackend(models.CloudTrailBackend):
    """One account and region of CloudTrail."""

    _url_module = urls

    def create_trail(self, name: str, *arguments: Any, **options: Any) -> models.Trail:
        if name in self.trails:
            raise JsonRESTError(
                "TrailAlreadyExistsException",
                f"Trail {name} already exists for customer: {self.account_id}",
            )
        return super().create_trail(name, *arguments, **options)

    def delete_trail(self, name: str) -> None:
        super().delete_trail(self.get_trail(name).trail_name)

    def put_event_selectors(
        self,
        trail_name: str,
        event_selectors: list[dict[str, Any]],
        advanced_event_selectors: list[dict[str, Any]],
    ) -> tuple[str, list[dict[str, Any]], list[dict[str, Any]]]:
        trail = self.get_trail(trail_name)
        if event_selectors:
            trail.advanced_event_selectors = []
        return super().put_event_selectors(trail_name, event_selectors, advanced_event_selectors)


class FaithfulCloudTrailResponse(responses.CloudTrailResponse):
    """DescribeTrails lists the trails it is asked for."""

    def describe_trails(self) -> str:
        answer = json.loads(super().describe_trails())
        wanted = self._get_param("trailNameList")
        trails = [
            trail for trail in answer["trailList"] if not wanted or {trail["Name"], trail["TrailARN"]} & set(wanted)
        ]
        return json.dumps({"trailList": trails})


# ---- which calls a trail logs


def is_read_only(operation: str) -> bool:
    return operation.startswith(READ_ONLY_PREFIXES)


def trail_logs_writes(trail: models.Trail) -> bool:
    """Whether the trail's selectors include SageMaker's management write events; without selectors a trail logs all."""
    if trail.advanced_event_selectors:
        return any(_advanced_selects(selector) for selector in trail.advanced_event_selectors)
    if trail.event_selectors:
        return any(_basic_selects(selector) for selector in trail.event_selectors)
    return True


def _basic_selects(selector: Mapping[str, Any]) -> bool:
    return (
        selector.get("IncludeManagementEvents", True)
        and selector.get("ReadWriteType", "All") in ("All", "WriteOnly")
        and EVENT_SOURCE not in selector.get("ExcludeManagementEventSources", [])
    )


def _advanced_selects(selector: Mapping[str, Any]) -> bool:
    facts = {"eventCategory": "Management", "readOnly": "false", "eventSource": EVENT_SOURCE}
    fields = {entry["Field"]: entry for entry in selector.get("FieldSelectors", [])}
    return "eventCategory" in fields and all(
        name in facts and _field_matches(entry, facts[name]) for name, entry in fields.items()
    )


_FIELD_TESTS: dict[str, Callable[[str, list[str]], bool]] = {
    "Equals": lambda fact, values: fact in values,
    "NotEquals": lambda fact, values: fact not in values,
    "StartsWith": lambda fact, values: any(fact.startswith(value) for value in values),
    "NotStartsWith": lambda fact, values: not any(fact.startswith(value) for value in values),
    "EndsWith": lambda fact, values: any(fact.endswith(value) for value in values),
    "NotEndsWith": lambda fact, values: not any(fact.endswith(value) for value in values),
}


def _field_matches(entry: Mapping[str, Any], fact: str) -> bool:
    return all(test(fact, entry[name]) for name, test in _FIELD_TESTS.items() if entry.get(name))


def is_recorded(account: str, region: str) -> bool:
    """Whether a logging trail of this account covers the region with write events."""
    return any(
        trail.status.is_logging and (trail.is_multi_region or trail.region_name == region) and trail_logs_writes(trail)
        for backend in list(models.cloudtrail_backends[account].values())
        for trail in list(backend.trails.values())
    )


# ---- the record


def recorded_shape(value: Any, shape: Any) -> Any:
    """A request or response as CloudTrail writes it: first letters lowered, keys of user maps kept, secrets hidden."""
    if value is None:
        return None
    if getattr(shape, "metadata", {}).get("sensitive"):
        return REDACTED
    if shape.type_name == "structure" and isinstance(value, Mapping):
        return {
            name[0].lower() + name[1:]: recorded_shape(value[name], member)
            for name, member in shape.members.items()
            if value.get(name) is not None
        }
    if shape.type_name == "list" and isinstance(value, list):
        return [recorded_shape(entry, shape.member) for entry in value]
    if shape.type_name == "map" and isinstance(value, Mapping):
        return {key: recorded_shape(entry, shape.value) for key, entry in value.items()}
    return value


def user_identity(caller: Caller) -> dict[str, Any]:
    identity: dict[str, Any] = {
        "type": caller.kind,
        "principalId": caller.principal_id,
        "arn": caller.arn,
        "accountId": caller.account,
        "accessKeyId": caller.access_key,
    }
    if caller.kind == "IAMUser":
        identity["userName"] = caller.name
    if caller.kind == "AssumedRole" and caller.role_arn:
        identity["sessionContext"] = {
            "sessionIssuer": {
                "type": "Role",
                "principalId": caller.principal_id.split(":")[0],
                "arn": caller.role_arn,
                "accountId": caller.account,
                "userName": caller.role_arn.rsplit("/", 1)[-1],
            },
            "attributes": {
                "creationDate": caller.session_started.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "mfaAuthenticated": "false",
            },
        }
    return identity


@dataclass(frozen=True, slots=True)
class Call:
    """One finished API call, as the SageMaker handler saw it."""

    operation: str
    caller: Caller
    region: str
    parameters: Mapping[str, Any]
    status: int
    answer: Mapping[str, Any]
    user_agent: str = ""
    source_ip: str = "127.0.0.1"


def record(call: Call, recipient: str, shared_event_id: str | None) -> dict[str, Any]:
    """The CloudTrail record of a call, for one of the accounts that get one."""
    model = get_service_model("sagemaker").operation_model(call.operation)
    failed = call.status >= 400
    identity = user_identity(call.caller)
    if recipient != call.caller.account:
        identity = {
            "type": "AWSAccount",
            "principalId": call.caller.principal_id,
            "accountId": call.caller.account,
        }
    answer = None if failed or not call.answer else recorded_shape(call.answer, model.output_shape)
    detail: dict[str, Any] = {
        "eventVersion": "1.11",
        "userIdentity": identity,
        "eventTime": CLOCK.isoformat(),
        "eventSource": EVENT_SOURCE,
        "eventName": call.operation,
        "awsRegion": call.region,
        "sourceIPAddress": call.source_ip,
        "userAgent": call.user_agent,
        "requestParameters": recorded_shape(call.parameters, model.input_shape),
        "responseElements": answer or None,
        "requestID": str(uuid.uuid4()),
        "eventID": str(uuid.uuid4()),
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": recipient,
        "eventCategory": "Management",
    }
    if failed:
        detail["errorCode"] = str(call.answer.get("__type", "InternalFailure")).rsplit("#", maxsplit=1)[-1]
        detail["errorMessage"] = call.answer.get("message") or call.answer.get("Message", "")
    if shared_event_id:
        detail["sharedEventID"] = shared_event_id
    return detail


_OWNER = re.compile(r"arn:[^:]+:sagemaker:[^:]+:(\d{12}):")


def recipients(call: Call) -> list[str]:
    """The caller's account, and the account that owns the named resource when that is another one."""
    owners = [
        match.group(1)
        for value in call.parameters.values()
        if isinstance(value, str) and (match := _OWNER.match(value))
    ]
    return list(dict.fromkeys([call.caller.account, *owners]))


def record_call(call: Call) -> None:
    """Write the records of a call into the hop to EventBridge, where trails ask for them."""
    if is_read_only(call.operation):
        return
    accounts = recipients(call)
    shared = str(uuid.uuid4()) if len(accounts) > 1 else None
    for account in accounts:
        if is_recorded(account, call.region):
            HOP.send(account, call.region, record(call, account, shared))


# ---- the hop


@dataclass(slots=True)
class _Pending:
    due: float
    account: str
    region: str
    detail: dict[str, Any]


@dataclass(slots=True)
class _Settings:
    mode: Mode = "normal"
    seconds: float = 0.0
    probability: float = 1.0
    random: random.Random = field(default_factory=lambda: random.Random(0))


class DeliveryHop:
    """CloudTrail → EventBridge. ``normal`` delivers before the API call answers.

    delay: after ``seconds`` of the emulator clock. duplicate: twice, with ``probability``, the same eventID in a new
    event. reorder: after a random part of ``seconds``. drop: never, with ``probability``.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._settings = _Settings()
        self._pending: list[_Pending] = []
        self._held = False

    def configure(
        self, mode: Mode = "normal", seconds: float = 0.0, probability: float = 1.0, seed: int | None = 0
    ) -> None:
        if mode not in get_args(Mode):
            raise ValueError(f"Unknown delivery mode {mode}; it is one of {', '.join(get_args(Mode))}.")
        with self._lock:
            self._settings = _Settings(mode, seconds, probability, random.Random(seed))

    def hold(self) -> None:
        """Keep every event until ``release``."""
        with self._lock:
            self._held = True

    def release(self, reverse: bool = False) -> int:
        """Deliver what was held, in order or reversed; the number of events delivered."""
        with self._lock:
            self._held = False
            pending, self._pending = self._pending, []
        for entry in reversed(pending) if reverse else pending:
            _publish(entry)
        return len(pending)

    @property
    def waiting(self) -> int:
        """Events on their way."""
        return len(self._pending)

    def reset(self) -> None:
        with self._lock:
            self._settings = _Settings()
            self._pending = []
            self._held = False

    def send(self, account: str, region: str, detail: dict[str, Any]) -> None:
        with self._lock:
            settings = self._settings
            hit = settings.random.random() < settings.probability
            if settings.mode == "drop" and hit:
                return
            delay = settings.seconds if settings.mode == "delay" else 0.0
            if settings.mode == "reorder":
                delay = settings.random.random() * settings.seconds
            entry = _Pending(CLOCK.timestamp() + delay, account, region, detail)
            copies = 2 if settings.mode == "duplicate" and hit else 1
            if self._held or delay:
                self._pending += [entry] * copies
                return
        for _unused in range(copies):
            _publish(entry)

    def deliver_due(self) -> None:
        """Deliver what has become due; called by the pump and by every advance of the clock."""
        with self._lock:
            if self._held or not self._pending:
                return
            now = CLOCK.timestamp()
            due = sorted((entry for entry in self._pending if entry.due <= now), key=lambda entry: entry.due)
            self._pending = [entry for entry in self._pending if entry.due > now]
        for entry in due:
            _publish(entry)


def _publish(entry: _Pending) -> None:
    events_backends[entry.account][entry.region].publish(
        {
            "source": "aws.sagemaker",
            "detail-type": "AWS API Call via CloudTrail",
            "time": entry.detail["eventTime"],
            "detail": json.loads(json.dumps(entry.detail)),
        }
    )


HOP = DeliveryHop()


def install() -> None:
    models.cloudtrail_backends.backend = FaithfulCloudTrailBackend
    for path in urls.url_paths:
        urls.url_paths[path] = FaithfulCloudTrailResponse.dispatch
