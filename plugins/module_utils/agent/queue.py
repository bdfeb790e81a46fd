# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The queue as the agent uses it: receive, delete, and put aside what cannot be read.

botocore gives an empty answer for a 200 whose body it cannot parse, and SQS's answer for "no message" is as empty; so
the raw body of every receive is checked before it is parsed. A receive whose answer was lost is repeated with the same
`ReceiveRequestAttemptId`: SQS then gives the same messages again instead of locking the group for the visibility
timeout (SQS API reference, ReceiveMessage; valid for 5 minutes, FIFO queues only). An id may outlive the process: see
`Intake.take_leave`.
"""

from __future__ import annotations

import json
import logging
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .errors import UnreadableQueueAnswerError

log = logging.getLogger(__name__)

BATCH = 10  # the most that SQS gives and deletes in one call
REASON = "Reason"
"""The message attribute that says why a message was put aside."""
ATTEMPT_SECONDS = 240.0
"""How long an attempt's id is used again: less than the 5 minutes of the service, for clocks that differ."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message; the body stays out of logs. ``sent_at``: wall-clock seconds of its arrival in the queue.

    ``reason`` says why it is in a dead-letter queue, where we have put it there.
    """

    id: str
    handle: str = field(repr=False)
    body: str = field(repr=False)
    sent_at: float | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Deletion:
    """What became of a batch. ``expired`` messages come again, which is harmless; so do ``failed`` ones."""

    deleted: int
    expired: int
    failed: int


class EventQueue:
    """One queue over a boto3 SQS client. Methods raise botocore's errors and UnreadableQueueAnswerError.

    ``attempt_id`` is that of a receive whose answer another process did not wait for.
    """

    def __init__(
        self,
        client: Any,
        url: str,
        *,
        wait_seconds: int = 20,
        attempt_id: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._url = url
        self._wait_seconds = wait_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._attempt = (attempt_id, clock()) if attempt_id else None
        self._dead_letter_url: str | None = None
        client.meta.events.register(
            "before-parse.sqs.ReceiveMessage", _check_receive_body, unique_id="wxgov-agent-check-receive-body"
        )

    @property
    def is_fifo(self) -> bool:
        """Whether the queue knows attempts' ids, and so gives messages again whose answer was lost."""
        return self._url.endswith(".fifo")

    def attempt_id(self) -> str:
        """The id of the receive that is under way, or whose answer was lost, or that comes next."""
        with self._lock:
            now = self._clock()
            if self._attempt is None or now - self._attempt[1] > ATTEMPT_SECONDS:
                self._attempt = (uuid.uuid4().hex, now)
            return self._attempt[0]

    def receive(self, wait_seconds: int | None = None, *, hidden_seconds: int | None = None) -> list[Message]:
        """Long poll once, or for ``wait_seconds``; what comes is hidden for as long as the queue says, or as given."""
        request: dict[str, Any] = {
            "MaxNumberOfMessages": BATCH,
            "WaitTimeSeconds": self._wait_seconds if wait_seconds is None else wait_seconds,
            "MessageSystemAttributeNames": ["SentTimestamp"],
            "MessageAttributeNames": [REASON],
        }
        if hidden_seconds is not None:
            request["VisibilityTimeout"] = hidden_seconds
        if self.is_fifo:
            request["ReceiveRequestAttemptId"] = self.attempt_id()
        try:
            answer = self._client.receive_message(QueueUrl=self._url, **request)
        except Exception as error:
            if _is_refusal(error):
                self._end_attempt()  # nothing was handed out, and an id that the service does not like must not stay
            raise
        messages = [_message(entry) for entry in answer.get("Messages") or []]
        self._end_attempt()
        return messages

    def retention_seconds(self) -> float:
        """How long the queue keeps a message (1 call)."""
        answer = self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=["MessageRetentionPeriod"])
        text = (answer.get("Attributes") or {}).get("MessageRetentionPeriod")
        if not isinstance(text, str) or not text.isdecimal():
            raise UnreadableQueueAnswerError(f"The queue {self._url} does not tell its retention period.")
        return float(text)

    def delete(self, messages: Sequence[Message]) -> Deletion:
        """Delete up to `BATCH` messages in one call; what fails on the service's side is tried once more."""
        deleted = expired = 0
        pending = list(messages)
        for _attempt in range(2):
            entries = [{"Id": str(index), "ReceiptHandle": message.handle} for index, message in enumerate(pending)]
            answer = self._client.delete_message_batch(QueueUrl=self._url, Entries=entries)
            gone = {entry.get("Id") for entry in answer.get("Successful") or []}
            faulty = {entry.get("Id") for entry in answer.get("Failed") or [] if entry.get("SenderFault")}
            deleted += sum(entry["Id"] in gone for entry in entries)
            expired += sum(entry["Id"] in faulty for entry in entries)
            pending = [
                message for entry, message in zip(entries, pending, strict=True) if entry["Id"] not in gone | faulty
            ]
            if not pending:
                break
        return Deletion(deleted, expired, len(pending))

    def dead_letter_url(self) -> str | None:
        """The queue behind this one, or None (2 calls, then remembered)."""
        if self._dead_letter_url is None:
            self._dead_letter_url = self._find_dead_letter_queue()
        return self._dead_letter_url

    def put_aside(self, message: Message, reason: str) -> bool:
        """Copy a message to the dead-letter queue with the reason as attribute; False when the queue has none."""
        url = self.dead_letter_url()
        if url is None:
            return False
        request: dict[str, Any] = {
            "MessageBody": message.body,
            "MessageAttributes": {
                REASON: {"DataType": "String", "StringValue": reason},
                "SourceMessageId": {"DataType": "String", "StringValue": message.id},
            },
        }
        if url.endswith(".fifo"):
            # One copy a message, even when the answer is lost and the message comes again; and a group each, so that
            # one which is looked at later (see redrive) locks no other.
            request |= {"MessageGroupId": message.id, "MessageDeduplicationId": message.id}
        try:
            answer = self._client.send_message(QueueUrl=url, **request)
        except Exception:
            self._dead_letter_url = None  # it may have been replaced: look again next time
            raise
        _require(answer, "MessageId", "SendMessage")
        return True

    def _end_attempt(self) -> None:
        with self._lock:
            self._attempt = None

    def _find_dead_letter_queue(self) -> str | None:
        """The queue behind this one, found by the ARN in its redrive policy."""
        answer = self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=["RedrivePolicy"])
        policy = (answer.get("Attributes") or {}).get("RedrivePolicy")
        if policy is None:
            return None
        try:
            _arn, _partition, _service, _region, account_id, name = json.loads(policy)["deadLetterTargetArn"].split(":")
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise UnreadableQueueAnswerError(f"The redrive policy of {self._url} names no queue.") from error
        found = self._client.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account_id)
        return _require(found, "QueueUrl", "GetQueueUrl")


def _check_receive_body(response_dict: Mapping[str, Any], **_event: object) -> None:
    """Raise for a successful answer that is not SQS's: `{}` is "no message", everything else must have `Messages`."""
    if response_dict["status_code"] >= 300:
        return
    try:
        body = json.loads(response_dict["body"] or b"")
    except ValueError:
        body = None
    if not isinstance(body, dict) or (body and not isinstance(body.get("Messages"), list)):
        raise UnreadableQueueAnswerError(
            "The answer to ReceiveMessage is not one of SQS. Is there a proxy or a login page in between?"
        )


def _message(entry: object) -> Message:
    known = entry if isinstance(entry, dict) else {}
    name, handle, body = (known.get(part) for part in ("MessageId", "ReceiptHandle", "Body"))
    if not (isinstance(name, str) and isinstance(handle, str) and isinstance(body, str)):
        raise UnreadableQueueAnswerError("A message in the answer to ReceiveMessage has no id, handle or body.")
    return Message(name, handle, body, _sent_at(known), _reason(known))


def _is_refusal(error: Exception) -> bool:
    """Whether the service said no (botocore's ClientError with a 4xx) at the first try: then it has done nothing."""
    response = getattr(error, "response", None)
    metadata = response.get("ResponseMetadata") if isinstance(response, dict) else None
    if not isinstance(metadata, dict) or metadata.get("RetryAttempts"):
        return False
    return metadata.get("HTTPStatusCode") in range(400, 500)


def _sent_at(entry: Mapping[str, Any]) -> float | None:
    """SQS gives milliseconds as text; whatever else is there costs no message, only a figure on the status page."""
    attributes = entry.get("Attributes")
    text = attributes.get("SentTimestamp") if isinstance(attributes, dict) else None
    return int(text) / 1000 if isinstance(text, str) and text.isdecimal() else None


def _reason(entry: Mapping[str, Any]) -> str | None:
    attributes = entry.get("MessageAttributes")
    value = attributes.get(REASON) if isinstance(attributes, dict) else None
    text = value.get("StringValue") if isinstance(value, dict) else None
    return text if isinstance(text, str) else None


def _require(answer: Mapping[str, Any], key: str, operation: str) -> str:
    value = answer.get(key)
    if not isinstance(value, str) or not value:
        raise UnreadableQueueAnswerError(f"The answer to {operation} lacks {key}. Is there a proxy in between?")
    return value
