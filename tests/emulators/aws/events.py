# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""EventBridge on moto: rule state, pattern validation, event bodies, delivery to SQS and dead-letter queues.

A delivery needs what it needs on AWS: the queue is in the rule's region, its policy lets events.amazonaws.com send with
this rule as aws:SourceArn, and a FIFO queue has content-based deduplication. Otherwise the event goes to the target's
dead-letter queue, if that is a standard queue whose policy allows it, or is lost.
Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html and eb-use-resource-based.html.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.events import models, responses, urls
from moto.events.exceptions import InvalidEventPatternException, ValidationException
from moto.sqs.exceptions import SQSException
from moto.sqs.models import sqs_backends

from tests.emulators.aws.clock import CLOCK
from tests.emulators.aws.policy import AccessRequest, evaluate
from tests.emulators.aws.sqs_queue import FaithfulQueue, queue_of_arn

TARGETS_PER_RULE = 5
MATCHERS = frozenset(
    {"prefix", "suffix", "anything-but", "numeric", "exists", "cidr", "equals-ignore-case", "wildcard"}
)
_ACTIVE_STATES = ("ENABLED", "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS")


class DeliveryError(Exception):
    """Why a target did not take an event; ``code`` is what EventBridge writes on the dead letter."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class FaithfulRule(models.Rule):
    """A rule that honours its state and delivers to SQS as EventBridge does."""

    def send_to_targets(self, original_event: Any, transform_input: bool = True) -> None:
        if self.state not in _ACTIVE_STATES or not self.event_pattern.matches_event(original_event):
            return
        event = event_body(original_event)
        for target in list(self.targets):
            if ":sqs:" in target["Arn"]:
                self._send_to_queue(target, event)
        self._send_to_others(original_event, transform_input)

    def _send_to_others(self, original_event: Any, transform_input: bool) -> None:
        others = [target for target in self.targets if ":sqs:" not in target["Arn"]]
        if not others:
            return
        shadow = models.Rule.__new__(models.Rule)
        shadow.__dict__.update(self.__dict__, targets=others)
        _STOCK_RULE.send_to_targets(shadow, original_event, transform_input)

    def _send_to_queue(self, target: Mapping[str, Any], event: Mapping[str, Any]) -> None:
        try:
            queue = self._deliverable_queue(target["Arn"])
            group = target.get("SqsParameters", {}).get("MessageGroupId")
            if queue.fifo_queue and not queue.content_based_deduplication:
                raise DeliveryError("INVALID_PARAMETER", "The FIFO queue has no content-based deduplication.")
            _send(queue, target_input(target, event), group)
        except DeliveryError as error:
            self._bury(target, event, error)

    def _deliverable_queue(self, arn: str) -> FaithfulQueue:
        queue = queue_of_arn(arn)
        if queue is None:
            raise DeliveryError("RESOURCE_NOT_FOUND", f"The queue {arn} does not exist.")
        if queue.region != self.region_name:
            raise DeliveryError("INVALID_PARAMETER", f"The queue {arn} is not in {self.region_name}.")
        request = AccessRequest(
            "sqs:SendMessage",
            queue.queue_arn,
            service="events.amazonaws.com",
            context={"aws:SourceArn": self.arn, "aws:SourceAccount": self.account_id},
        )
        if evaluate(queue.policy, request) != "allow":
            raise DeliveryError("NO_PERMISSIONS", f"The policy of {arn} does not let {self.arn} send messages.")
        return queue

    def _bury(self, target: Mapping[str, Any], event: Mapping[str, Any], error: DeliveryError) -> None:
        arn = target.get("DeadLetterConfig", {}).get("Arn")
        if not arn:
            return
        try:
            queue = self._deliverable_queue(arn)
        except DeliveryError:
            return
        if queue.fifo_queue:
            return
        notes = {
            "RULE_ARN": self.arn,
            "TARGET_ARN": target["Arn"],
            "ERROR_CODE": error.code,
            "ERROR_MESSAGE": str(error),
            "RETRY_ATTEMPTS": "0",
        }
        attributes = {name: {"DataType": "String", "StringValue": value} for name, value in notes.items()}
        _send(queue, json.dumps(event, ensure_ascii=False), None, attributes)


_STOCK_RULE = models.Rule


def _send(queue: FaithfulQueue, body: str, group: str | None, attributes: dict[str, Any] | None = None) -> None:
    backend = sqs_backends[queue.account_id][queue.region]
    try:
        backend.send_message(queue.name, body, group_id=group, message_attributes=attributes)
    except SQSException as error:
        raise DeliveryError("SDK_CLIENT_ERROR", str(error)) from error


def event_body(event: Mapping[str, Any]) -> dict[str, Any]:
    """The event in AWS's key order, ``time`` as text, without moto's own keys."""
    moment = event["time"]
    if isinstance(moment, (int, float)):
        moment = datetime.fromtimestamp(moment, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    names = ("version", "id", "detail-type", "source", "account")
    return {
        **{name: event[name] for name in names},
        "time": moment,
        "region": event["region"],
        "resources": event["resources"],
        "detail": event["detail"],
    }


def value_at(path: str, event: Any) -> Any:
    """What a JSONPath of dots (``$.detail.eventName``) names in the event, or None."""
    for step in [part for part in path.removeprefix("$").split(".") if part]:
        if not isinstance(event, Mapping) or step not in event:
            return None
        event = event[step]
    return event


def target_input(target: Mapping[str, Any], event: Mapping[str, Any]) -> str:
    """The message a target gets: its constant Input, a part by InputPath, a transformed or the whole event."""
    if "Input" in target:
        return str(target["Input"])
    if "InputPath" in target:
        return json.dumps(value_at(target["InputPath"], event), ensure_ascii=False)
    if "InputTransformer" in target:
        return _transformed(target["InputTransformer"], event)
    return json.dumps(event, ensure_ascii=False)


_PLACEHOLDER = re.compile(r'(")?<([\w.\-]+)>("?)')


def _transformed(transformer: Mapping[str, Any], event: Mapping[str, Any]) -> str:
    values = {name: value_at(path, event) for name, path in transformer.get("InputPathsMap", {}).items()}
    values["aws.events.event.json"] = values["aws.events.event"] = event

    def replace(match: re.Match[str]) -> str:
        opening, name, closing = match.group(1) or "", match.group(2), match.group(3)
        value = values.get(name)
        if opening and closing:
            return json.dumps(value if isinstance(value, str) else json.dumps(value))
        text = value if isinstance(value, str) and (opening or closing) else json.dumps(value)
        return f"{opening}{text}{closing}"

    return _PLACEHOLDER.sub(replace, transformer["InputTemplate"])


def check_pattern(pattern: Any) -> None:
    """Refuse match types EventBridge does not know."""
    for key, value in pattern.items():
        if key == "$or":
            for alternative in value:
                check_pattern(alternative)
        elif isinstance(value, dict):
            check_pattern(value)
        elif isinstance(value, list):
            for entry in value:
                if isinstance(entry, dict) and not set(entry) <= MATCHERS:
                    unknown = sorted(set(entry) - MATCHERS)[0]
                    raise InvalidEventPatternException(reason=f"Unrecognized match type {unknown}")


class FaithfulEventsBackend(models.EventsBackend):
    """One account and region of EventBridge."""

    _url_module = urls

    def put_rule(self, name: str, *arguments: Any, **options: Any) -> models.Rule:
        pattern = options.get("event_pattern")
        if pattern:
            check_pattern(models.EventPattern.load(pattern).get_pattern())
        bus = self._get_event_bus(self._normalize_event_bus_arn(options.get("event_bus_arn")))
        if name in bus.rules:
            options["tags"] = None  # PutRule takes tags for a new rule only
        return super().put_rule(name, *arguments, **options)

    def put_targets(self, name: str, event_bus_arn: str | None, targets: list[dict[str, Any]]) -> None:
        rule = self._get_event_bus(self._normalize_event_bus_arn(event_bus_arn)).rules.get(name)
        if rule is not None:
            ids = {target["Id"] for target in rule.targets} | {target["Id"] for target in targets}
            if len(ids) > TARGETS_PER_RULE:
                raise JsonRESTError(
                    "LimitExceededException", "The requested resource exceeds the maximum number allowed."
                )
        for target in targets:
            self._check_target(target)
        super().put_targets(name, event_bus_arn, targets)

    @staticmethod
    def _check_target(target: Mapping[str, Any]) -> None:
        dead_letter = target.get("DeadLetterConfig", {}).get("Arn", "")
        if dead_letter.endswith(".fifo"):
            raise ValidationException(
                f"Parameter {dead_letter} is not valid. Reason: A dead-letter queue must be a standard queue."
            )
        if sum(name in target for name in ("Input", "InputPath", "InputTransformer")) > 1:
            raise ValidationException(
                f"Only one of Input, InputPath, or InputTransformer must be provided for target {target['Id']}."
            )
        if target["Arn"].endswith(".fifo") and not target.get("SqsParameters", {}).get("MessageGroupId"):
            raise ValidationException(f"Parameter(s) SqsParameters must be specified for target: {target['Id']}.")

    def put_events(self, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = []
        for event in events:
            if len(events) <= 10 and str(event.get("Source", "")).startswith("aws."):
                entries.append(
                    {"ErrorCode": "NotAuthorizedForSource", "ErrorMessage": "Not authorized for the source."}
                )
            else:
                entries += super().put_events(events if len(events) > 10 else [event])
        return entries

    def publish(self, event: Mapping[str, Any]) -> None:
        """Put a service's event (source, detail-type, detail, maybe resources and time) on the default bus."""
        message = {
            "version": "0",
            "id": str(uuid.uuid4()),
            "time": CLOCK.isoformat(),
            "resources": [],
            **event,
            "account": self.account_id,
            "region": self.region_name,
        }
        for rule in list(self._get_event_bus("default").rules.values()):
            rule.send_to_targets(json.loads(json.dumps(message)))


class FaithfulEventsHandler(responses.EventsHandler):
    """Adds what moto's handler leaves out."""

    def _determine_resource(self) -> str:
        if self._get_param("ResourceARN"):
            return str(self._get_param("ResourceARN"))
        name = self._get_param("Rule") or (self._get_param("Name") if self._get_action().endswith("Rule") else None)
        return f"arn:aws:events:{self.region}:{self.current_account}:rule/{name}" if name else "*"

    def test_event_pattern(self) -> tuple[str, dict[str, Any]]:
        pattern = models.EventPattern.load(self._get_param("EventPattern"))
        check_pattern(pattern.get_pattern())
        return self._create_response({"Result": pattern.matches_event(json.loads(self._get_param("Event")))})


def install() -> None:
    """Put the faithful classes where moto looks for its own."""
    models.Rule = FaithfulRule
    models.events_backends.backend = FaithfulEventsBackend
    for path in urls.url_paths:
        urls.url_paths[path] = FaithfulEventsHandler.dispatch
