# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""One SQS queue: its attributes, and its messages from arrival to delete or dead-letter queue.

A queue keeps one line of messages a message group (a standard queue has a single line). A FIFO line is delivered from
its head and stops at the first message that is not visible, so order survives a visibility timeout. Every change
happens under the queue's condition, which long polls wait on.
"""

from __future__ import annotations

import copy
import itertools
import json
import re
import secrets
from dataclasses import dataclass
from typing import Any

from moto.sqs import models
from moto.sqs.exceptions import (
    InvalidAttributeName,
    InvalidParameterValue,
    ReceiptHandleIsInvalid,
    SQSException,
)

from tests.emulators.aws.clock import CLOCK
from tests.emulators.aws.sqs_attributes import check_attributes, check_queue_name, redrive_allowed

DEDUPLICATION_SECONDS = 300
RECEIVE_ATTEMPT_SECONDS = 300
MAXIMUM_INVISIBLE_SECONDS = 43_200
FIRST_SEQUENCE_NUMBER = 18_849_496_460_467_696_128


@dataclass(slots=True)
class _Attempt:
    expires: float
    handles: list[str]


@dataclass(slots=True)
class _Deduplication:
    expires: float
    message_id: str
    sequence_number: str


class FaithfulQueue(models.Queue):
    """A queue whose messages live in ``_lines``; moto's own message list stays empty."""

    BASE_ATTRIBUTES = [*models.Queue.BASE_ATTRIBUTES, "RedriveAllowPolicy"]

    def __init__(self, name: str, region: str, account_id: str, **kwargs: Any) -> None:
        check_queue_name(name, kwargs)
        check_attributes(kwargs, fifo=name.endswith(".fifo"), current_scope="queue", current_limit="perQueue")
        self.redrive_allow_policy: str | None = None
        self._lines: dict[str | None, dict[str, models.Message]] = {}
        self._handles: dict[str, models.Message] = {}
        self._deduplicated: dict[tuple[str | None, str], _Deduplication] = {}
        self._attempts: dict[str, _Attempt] = {}
        self._sequence = itertools.count(FIRST_SEQUENCE_NUMBER, 256)
        super().__init__(name, region, account_id, **kwargs)

    # ---- attributes

    def _set_attributes(self, attributes: dict[str, Any], now: float | None = None) -> None:
        if attributes.get("KmsMasterKeyId"):
            attributes = {**attributes, "SqsManagedSseEnabled": "false"}
        elif str(attributes.get("SqsManagedSseEnabled", "")).lower() == "true":
            attributes = {**attributes, "KmsMasterKeyId": None}
        if "Policy" not in attributes and hasattr(self, "_policy_json"):
            attributes = {**attributes, "Policy": json.dumps(self._policy_json)}
        super()._set_attributes(attributes, now)

    def change_attributes(self, attributes: dict[str, Any]) -> None:
        """SetQueueAttributes: what is not named stays."""
        if "FifoQueue" in attributes and str(attributes["FifoQueue"]).lower() != str(self.fifo_queue).lower():
            raise InvalidAttributeName("FifoQueue")
        check_attributes(
            attributes,
            fifo=self.fifo_queue,
            current_scope=self.deduplication_scope,
            current_limit=self.fifo_throughput_limit,
        )
        self._set_attributes({key: value for key, value in attributes.items() if key != "FifoQueue"})

    def _setup_dlq(self, policy: Any) -> None:
        if models.Queue._is_empty_redrive_policy(policy):
            super()._setup_dlq(policy)
            return
        document = json.loads(policy) if isinstance(policy, str) else policy
        target = queue_of_arn(document["deadLetterTargetArn"])
        reason = _redrive_problem(self, target)
        if reason:
            raise InvalidParameterValue(f"Value {policy} for parameter RedrivePolicy is invalid. Reason: {reason}")
        super()._setup_dlq(policy)

    @property
    def attributes(self) -> dict[str, Any]:
        with self._messages_lock:
            counts = self._count()
        result = {
            "ApproximateNumberOfMessages": counts[0],
            "ApproximateNumberOfMessagesNotVisible": counts[1],
            "ApproximateNumberOfMessagesDelayed": counts[2],
            "CreatedTimestamp": int(self.created_timestamp),
            "LastModifiedTimestamp": int(self.last_modified_timestamp),
            "QueueArn": self.queue_arn,
            "Policy": self.policy,
            "RedrivePolicy": json.dumps(self.redrive_policy) if self.redrive_policy else None,
            "RedriveAllowPolicy": self.redrive_allow_policy or None,
            "SqsManagedSseEnabled": str(self.sqs_managed_sse_enabled).lower(),
        }
        names = ["DelaySeconds", "MaximumMessageSize", "MessageRetentionPeriod", "ReceiveMessageWaitTimeSeconds"]
        names.append("VisibilityTimeout")
        names += self.FIFO_ATTRIBUTES if self.fifo_queue else []
        names += self.KMS_ATTRIBUTES if self.kms_master_key_id else []
        for name in names:
            value = getattr(self, models.camelcase_to_underscores(name))
            result[name] = str(value).lower() if isinstance(value, bool) else value
        return result

    def _count(self) -> tuple[int, int, int]:
        """(visible, in flight, delayed), in one pass."""
        now = CLOCK.timestamp() * 1000
        self._drop_expired(now)
        visible = in_flight = delayed = 0
        for line in self._lines.values():
            for message in line.values():
                if message.delayed_until > now:
                    delayed += 1
                elif message.visible_at > now:
                    in_flight += 1
                else:
                    visible += 1
        return visible, in_flight, delayed

    def _drop_expired(self, now: float) -> None:
        oldest = now - self.message_retention_period * 1000
        for line in self._lines.values():
            for message in [entry for entry in line.values() if entry.sent_timestamp < oldest]:
                del line[message.id]

    # ---- messages

    @property
    def messages(self) -> list[models.Message]:
        """Visible messages, for moto's own readers."""
        with self._messages_lock:
            now = CLOCK.timestamp() * 1000
            return [
                message
                for line in self._lines.values()
                for message in line.values()
                if message.visible_at <= now and message.delayed_until <= now
            ]

    def _line_of(self, message: models.Message) -> dict[str, models.Message]:
        return self._lines.setdefault(message.group_id if self.fifo_queue else None, {})

    def add_message(self, message: models.Message) -> None:
        """Append; on a FIFO queue a duplicate takes over the id and sequence number of the first and is not stored."""
        with self._messages_lock:
            if self.fifo_queue:
                scope = message.group_id if self.deduplication_scope == "messageGroup" else None
                key = (scope, message.deduplication_id)
                now = CLOCK.timestamp()
                first = self._deduplicated.get(key)
                if first is not None and first.expires > now:
                    message.id, message.sequence_number = first.message_id, first.sequence_number
                    return
                message.sequence_number = str(next(self._sequence))
                self._deduplicated[key] = _Deduplication(
                    now + DEDUPLICATION_SECONDS, message.id, message.sequence_number
                )
            self._line_of(message)[message.id] = message
            self._messages_lock.notify_all()

    def accept_moved(self, message: models.Message) -> None:
        """Take over a message from another queue: no deduplication; a FIFO queue restarts its retention."""
        with self._messages_lock:
            message.visible_at = 0.0
            if self.fifo_queue:
                message.sent_timestamp = int(CLOCK.timestamp() * 1000)
                message.sequence_number = str(next(self._sequence))
            self._line_of(message)[message.id] = message
            self._messages_lock.notify_all()

    def take_all(self) -> list[models.Message]:
        """Empty the queue and return what was in it (StartMessageMoveTask)."""
        with self._messages_lock:
            taken = [message for line in self._lines.values() for message in line.values()]
            self._lines.clear()
            return taken

    def purge(self) -> None:
        with self._messages_lock:
            self._lines.clear()

    def receive(self, count: int, visibility_timeout: int, attempt_id: str | None) -> list[models.Message]:
        """Up to ``count`` deliverable messages, now made invisible. Copies, with the handle of this receive."""
        with self._messages_lock:
            replay = self._replay(attempt_id, visibility_timeout)
            if replay:
                return replay
            dead: list[models.Message] = []
            now = CLOCK.timestamp() * 1000
            self._drop_expired(now)
            delivered: list[models.Message] = []
            for group in list(self._lines):
                self._receive_from(group, count, visibility_timeout, now, delivered, dead)
                if len(delivered) >= count:
                    break
            if attempt_id and delivered:
                handles = [message.receipt_handle or "" for message in delivered]
                self._attempts[attempt_id] = _Attempt(CLOCK.timestamp() + RECEIVE_ATTEMPT_SECONDS, handles)
        for message in dead:
            self.dead_letter_queue.accept_moved(message)
        return delivered

    def _receive_from(
        self,
        group: str | None,
        count: int,
        visibility_timeout: int,
        now: float,
        delivered: list[models.Message],
        dead: list[models.Message],
    ) -> None:
        line = self._lines[group]
        for message in list(line.values()):
            if len(delivered) >= count:
                return
            if message.visible_at > now or message.delayed_until > now:
                if self.fifo_queue:
                    return
                continue
            if self._spent(message):
                del line[message.id]
                message.dead_letter_source_arn = self.queue_arn
                dead.append(message)
                continue
            delivered.append(self._hand_out(message, visibility_timeout))
        if not line:
            del self._lines[group]

    def _spent(self, message: models.Message) -> bool:
        limit = self.redrive_policy["maxReceiveCount"] if self.redrive_policy else None
        return limit is not None and self.dead_letter_queue is not None and message.approximate_receive_count >= limit

    def _hand_out(self, message: models.Message, visibility_timeout: int) -> models.Message:
        now = CLOCK.timestamp() * 1000
        message.approximate_first_receive_timestamp = message.approximate_first_receive_timestamp or int(now)
        message.approximate_receive_count += 1
        message.received_at = now
        message.visible_at = now + visibility_timeout * 1000 if visibility_timeout else 0.0
        message.receipt_handle = secrets.token_urlsafe(96)
        self._handles[message.receipt_handle] = message
        return copy.copy(message)

    def _replay(self, attempt_id: str | None, visibility_timeout: int) -> list[models.Message]:
        """The batch of an earlier receive with the same attempt id, as long as nothing has touched it since."""
        attempt = self._attempts.get(attempt_id) if attempt_id else None
        if attempt is None or attempt.expires <= CLOCK.timestamp():
            return []
        messages = [self._handles[handle] for handle in attempt.handles]
        untouched = all(
            self._is_held(message, handle) for message, handle in zip(messages, attempt.handles, strict=True)
        )
        if not untouched:
            return []
        for message in messages:
            message.visible_at = CLOCK.timestamp() * 1000 + visibility_timeout * 1000
        return [copy.copy(message) for message in messages]

    def _is_held(self, message: models.Message, handle: str) -> bool:
        return (
            message.receipt_handle == handle
            and message.id in self._line_of(message)
            and message.visible_at > CLOCK.timestamp() * 1000
        )

    def _message_of(self, receipt_handle: str) -> models.Message | None:
        """The message a handle stands for; None when it is deleted already. Unknown handles are an error."""
        message = self._handles.get(receipt_handle)
        if message is None:
            raise ReceiptHandleIsInvalid()
        if message.id not in self._line_of(message):
            return None
        if self.fifo_queue and not self._is_held(message, receipt_handle):
            raise InvalidParameterValue(
                f"Value {receipt_handle} for parameter ReceiptHandle is invalid. "
                "Reason: The receipt handle has expired."
            )
        return message

    def delete_message(self, receipt_handle: str) -> None:
        with self._messages_lock:
            message = self._message_of(receipt_handle)
            if message is not None:
                del self._line_of(message)[message.id]
                self._messages_lock.notify_all()

    def change_visibility(self, receipt_handle: str, seconds: int) -> None:
        with self._messages_lock:
            message = self._message_of(receipt_handle)
            now = CLOCK.timestamp() * 1000
            if message is None or message.visible_at <= now:
                raise SQSException("MessageNotInflight", "The specified message is not in flight.")
            if now + seconds * 1000 - message.received_at > MAXIMUM_INVISIBLE_SECONDS * 1000:
                raise InvalidParameterValue(
                    f"Value {seconds} for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout for "
                    "the message is beyond the limit [43200 seconds]"
                )
            message.visible_at = now + seconds * 1000 if seconds else 0.0
            for attempt, remembered in list(self._attempts.items()):
                if receipt_handle in remembered.handles:
                    del self._attempts[attempt]
            self._messages_lock.notify_all()

    def wait(self, seconds: float) -> None:
        with self._messages_lock:
            self._messages_lock.wait(seconds)


def queue_of_arn(arn: str) -> FaithfulQueue | None:
    """The queue with this ARN, in any account and region, or None."""
    match = re.fullmatch(r"arn:[^:]+:sqs:([^:]+):(\d{12}):([^:]+)", arn)
    if match is None:
        return None
    region, account, name = match.groups()
    backends = models.sqs_backends[account]
    return backends[region].queues.get(name) if region in backends else None


def _redrive_problem(source: FaithfulQueue, target: FaithfulQueue | None) -> str | None:
    if target is None:
        return "Dead letter target does not exist."
    if (target.account_id, target.region) != (source.account_id, source.region):
        return "Dead-letter target owner and region must be those of the source."
    if target.fifo_queue != source.fifo_queue:
        return "Dead-letter queue must be same type of queue as the source."
    if not redrive_allowed(target.redrive_allow_policy, source.queue_arn):
        return "The redrive allow policy of the dead-letter queue does not let this source queue use it."
    return None
