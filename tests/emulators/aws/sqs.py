# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""SQS on moto: the service around ``sqs_queue.FaithfulQueue``: sending, long polls, batches, other accounts' queues."""

from __future__ import annotations

import hashlib
import re
import threading
import time
import uuid
from dataclasses import dataclass
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.core.responses import ActionResult
from moto.sqs import models, responses, urls
from moto.sqs.exceptions import (
    BatchRequestTooLong,
    InvalidAttributeName,
    InvalidParameterValue,
    MissingParameter,
    QueueDoesNotExist,
    ReceiptHandleIsInvalid,
    SQSException,
)

from tests.emulators.aws.caller import caller_of
from tests.emulators.aws.clock import CLOCK
from tests.emulators.aws.policy import AccessRequest, evaluate
from tests.emulators.aws.sqs_queue import MAXIMUM_INVISIBLE_SECONDS, FaithfulQueue, queue_of_arn

RECREATION_SECONDS = 60
_POLL_SLICE_SECONDS = 0.05
_ALLOWED_TEXT = re.compile("[\\t\\n\\r\\u0020-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]*")
_IDENTIFIER = re.compile("[!-~]{1,128}")


class PollGeneration:
    """Lets reset and stop send waiting long polls home at once."""

    def __init__(self) -> None:
        self.current = 0

    def end_polls(self) -> None:
        self.current += 1


POLLS = PollGeneration()


@dataclass(slots=True)
class _MoveTask:
    handle: str
    source_arn: str
    destination_arn: str | None
    moved: int
    started: int
    status: str = "COMPLETED"


def _size_in_bytes(body: str, attributes: dict[str, Any] | None) -> int:
    size = len(body.encode())
    for name, value in (attributes or {}).items():
        content = value.get("BinaryValue") or value.get("StringValue") or ""
        size += len(name.encode()) + len(value["DataType"].encode())
        size += len(content if isinstance(content, bytes) else content.encode())
    return size


class FaithfulSqsBackend(models.SQSBackend):
    """One account and region of SQS."""

    _url_module = urls

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self._deleted_at: dict[str, float] = {}
        self._move_tasks: list[_MoveTask] = []
        self._creation = threading.RLock()

    def create_queue(self, name: str, tags: dict[str, str] | None = None, **kwargs: Any) -> models.Queue:
        with self._creation:
            deleted = self._deleted_at.get(name)
            if deleted is not None and CLOCK.timestamp() - deleted < RECREATION_SECONDS:
                raise SQSException(
                    "AWS.SimpleQueueService.QueueDeletedRecently",
                    "You must wait 60 seconds after deleting a queue before you can create another with the same name.",
                )
            existing = self.queues.get(name)
            queue = super().create_queue(name, None if existing else tags, **kwargs)
            self._deleted_at.pop(name, None)
            return queue

    def delete_queue(self, queue_name: str) -> None:
        super().delete_queue(queue_name)
        self._deleted_at[queue_name] = CLOCK.timestamp()

    def set_queue_attributes(self, queue_name: str, attributes: dict[str, Any]) -> models.Queue:
        queue = self.get_queue(queue_name)
        queue.change_attributes(attributes)
        return queue

    def get_queue_attributes(self, queue_name: str, attribute_names: list[str]) -> dict[str, Any]:
        queue = self.get_queue(queue_name)
        known = [*queue.BASE_ATTRIBUTES, *queue.FIFO_ATTRIBUTES, *queue.KMS_ATTRIBUTES, "All"]
        for name in attribute_names or []:
            if name not in known:
                raise InvalidAttributeName(name)
        if not attribute_names:
            return {}
        attributes = {name: value for name, value in queue.attributes.items() if value is not None}
        if "All" in attribute_names:
            return attributes
        return {name: value for name, value in attributes.items() if name in attribute_names}

    # ---- sending

    def _validate_message(
        self,
        queue: FaithfulQueue,
        message_body: str,
        delay_seconds: int,
        deduplication_id: str | None = None,
        group_id: str | None = None,
        validate_group_id: bool = True,
    ) -> None:
        if not message_body:
            raise MissingParameter("MessageBody")
        if not _ALLOWED_TEXT.fullmatch(message_body):
            raise SQSException("InvalidMessageContents", "Invalid characters found.")
        for name, value in (("MessageGroupId", group_id), ("MessageDeduplicationId", deduplication_id)):
            if value is not None and not _IDENTIFIER.fullmatch(value):
                raise InvalidParameterValue(
                    f"Value {value} for parameter {name} is invalid. Reason: {name} can only include alphanumeric and "
                    "punctuation characters. 1 to 128 in length."
                )
        self._validate_for_type(queue, delay_seconds, deduplication_id, group_id)

    @staticmethod
    def _validate_for_type(
        queue: FaithfulQueue, delay_seconds: int, deduplication_id: str | None, group_id: str | None
    ) -> None:
        if not queue.fifo_queue:
            if deduplication_id is not None:
                raise InvalidParameterValue(
                    f"Value {deduplication_id} for parameter MessageDeduplicationId is invalid. Reason: The request "
                    "includes a parameter that is not valid for this queue type"
                )
            return
        if not group_id:
            raise MissingParameter("MessageGroupId")
        if not queue.content_based_deduplication and not deduplication_id:
            raise InvalidParameterValue(
                "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided "
                "explicitly"
            )
        if delay_seconds > 0:
            raise InvalidParameterValue(
                f"Value {delay_seconds} for parameter DelaySeconds is invalid. Reason: The request include parameter "
                "that is not valid for this queue type."
            )

    def send_message(
        self,
        queue_name: str,
        message_body: str,
        message_attributes: dict[str, Any] | None = None,
        delay_seconds: int | None = None,
        deduplication_id: str | None = None,
        group_id: str | None = None,
        system_attributes: dict[str, Any] | None = None,
        validate_group_id: bool = True,
    ) -> models.Message:
        queue = self.get_queue(queue_name)
        delay = int(delay_seconds) if delay_seconds is not None else queue.delay_seconds
        self._validate_message(queue, message_body, int(delay_seconds or 0), deduplication_id, group_id)
        if not 0 <= delay <= models.MAXIMUM_MESSAGE_DELAY:
            raise InvalidParameterValue(
                f"Value {delay} for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900."
            )
        if _size_in_bytes(message_body, message_attributes) > queue.maximum_message_size:
            raise InvalidParameterValue(
                "One or more parameters are invalid. Reason: Message must be shorter than "
                f"{queue.maximum_message_size} bytes."
            )
        message = models.Message(str(uuid.uuid4()), message_body, system_attributes)
        message.group_id = group_id
        message.message_attributes = message_attributes or {}
        message.deduplication_id = deduplication_id
        if queue.fifo_queue and not deduplication_id:
            message.deduplication_id = hashlib.sha256(message_body.encode()).hexdigest()
        message.mark_sent(delay_seconds=delay)
        queue.add_message(message)
        return message

    def send_message_batch(
        self, queue_name: str, entries: dict[str, dict[str, Any]]
    ) -> tuple[list[models.Message], list[dict[str, Any]]]:
        size = sum(_size_in_bytes(entry["MessageBody"], entry.get("MessageAttributes")) for entry in entries.values())
        if size > models.MAXIMUM_MESSAGE_LENGTH:
            raise BatchRequestTooLong(size)
        return super().send_message_batch(queue_name, entries)

    # ---- receiving

    def receive_message(
        self,
        queue_name: str,
        count: int,
        wait_seconds_timeout: int,
        visibility_timeout: int,
        message_attribute_names: list[str] | None = None,
        attempt_id: str | None = None,
    ) -> list[models.Message]:
        queue = self.get_queue(queue_name)
        generation = POLLS.current
        deadline = time.monotonic() + wait_seconds_timeout
        while True:
            messages = queue.receive(count, visibility_timeout, attempt_id)
            left = deadline - time.monotonic()
            if messages or left <= 0 or POLLS.current != generation:
                break
            queue.wait(min(_POLL_SLICE_SECONDS, left))
        for message in messages:
            models._filter_message_attributes(message, message_attribute_names or [])
        return messages

    def delete_message_batch(
        self, queue_name: str, receipts: list[dict[str, Any]]
    ) -> tuple[list[str], list[dict[str, Any]]]:
        successful: list[str] = []
        failed: list[dict[str, Any]] = []
        for entry in receipts:
            try:
                self.delete_message(queue_name, entry["ReceiptHandle"])
                successful.append(entry["Id"])
            except (ReceiptHandleIsInvalid, InvalidParameterValue) as error:
                failed.append(_batch_failure(entry["Id"], error))
        return successful, failed

    def change_message_visibility(self, queue_name: str, receipt_handle: str, visibility_timeout: int) -> None:
        self.get_queue(queue_name).change_visibility(receipt_handle, int(visibility_timeout))

    def change_message_visibility_batch(
        self, queue_name: str, entries: list[dict[str, Any]]
    ) -> tuple[list[str], list[dict[str, Any]]]:
        successful: list[str] = []
        failed: list[dict[str, Any]] = []
        for entry in entries:
            try:
                seconds = int(entry.get("VisibilityTimeout", -1))
                if not 0 <= seconds <= MAXIMUM_INVISIBLE_SECONDS:
                    raise InvalidParameterValue(
                        f"Value {seconds} for parameter VisibilityTimeout is invalid. Reason: Must be between 0 and "
                        "43200."
                    )
                self.change_message_visibility(queue_name, entry["ReceiptHandle"], seconds)
                successful.append(entry["Id"])
            except SQSException as error:
                failed.append(_batch_failure(entry["Id"], error))
        return successful, failed

    def purge_queue(self, queue_name: str) -> None:
        super().purge_queue(queue_name)
        self.get_queue(queue_name).purge()

    # ---- moving messages out of a dead-letter queue

    def start_message_move_task(self, source_arn: str, destination_arn: str | None) -> _MoveTask:
        source = queue_of_arn(source_arn)
        if source is None:
            raise SQSException("ResourceNotFoundException", f"The queue {source_arn} does not exist.")
        if not any(queue.dead_letter_queue is source for queue in self.queues.values()):
            raise InvalidParameterValue("Source queue must be configured as a Dead Letter Queue.")
        task = _MoveTask(str(uuid.uuid4()), source_arn, destination_arn, 0, int(CLOCK.timestamp() * 1000))
        for message in source.take_all():
            target = queue_of_arn(destination_arn or getattr(message, "dead_letter_source_arn", ""))
            if target is None:
                source.accept_moved(message)
                continue
            message.approximate_receive_count = 0
            target.accept_moved(message)
            task.moved += 1
        self._move_tasks.insert(0, task)
        return task

    def list_message_move_tasks(self, source_arn: str) -> list[_MoveTask]:
        return [task for task in self._move_tasks if task.source_arn == source_arn]


def _batch_failure(entry_id: str, error: SQSException) -> dict[str, Any]:
    return {"Id": entry_id, "SenderFault": True, "Code": error.code, "Message": error.message}


_QUEUE_URL = re.compile(r"/(\d{12})/[^/]+$")


class FaithfulSqsResponse(responses.SQSResponse):
    """Resolves the account of a QueueUrl, and lets the queue policy decide when it is not the caller's."""

    @property
    def sqs_backend(self) -> models.SQSBackend:
        owner = self._owner()
        if owner == self.current_account:
            return models.sqs_backends[owner][self.region]
        backend = models.sqs_backends[owner][self.region]
        self._authorize(backend)
        return backend

    def _owner(self) -> str:
        match = _QUEUE_URL.search(self._get_param("QueueUrl") or "")
        named = self._get_param("QueueOwnerAWSAccountId")
        return match.group(1) if match else named or self.current_account

    def _authorize(self, backend: models.SQSBackend) -> None:
        name = self._get_param("QueueName") or self._get_queue_name()
        queue = backend.queues.get(name)
        if queue is None:
            raise QueueDoesNotExist()
        caller = caller_of(self.headers)
        action = f"sqs:{self._get_action().removesuffix('Batch')}"
        request = AccessRequest(action, queue.queue_arn, account=self.current_account, arns=caller.arns)
        if evaluate(queue.policy, request) != "allow":
            raise JsonRESTError("AccessDenied", f"Access to the resource {queue.queue_arn} is denied.")

    def _determine_resource(self) -> str:
        """The queue that is named, also one that is yet to be made."""
        name = self._get_param("QueueName") or (self._get_queue_name() if self._get_param("QueueUrl") else None)
        return f"arn:aws:sqs:{self.region}:{self._owner()}:{name}" if name else "*"

    def receive_message(self) -> ActionResult:
        backend = self.sqs_backend
        queue = backend.get_queue(self._get_queue_name())
        attempt_id = self._get_param("ReceiveRequestAttemptId")
        if attempt_id and not queue.fifo_queue:
            raise InvalidParameterValue(
                f"Value {attempt_id} for parameter ReceiveRequestAttemptId is invalid. Reason: The request includes a "
                "parameter that is not valid for this queue type"
            )
        received: list[models.Message] = []
        answer = self._receive_through(backend, attempt_id, received)
        wanted = {*(self._get_param("AttributeNames") or []), *(self._get_param("MessageSystemAttributeNames") or [])}
        if wanted & {"All", "DeadLetterQueueSourceArn"}:
            self._add_dead_letter_source(answer, received)
        return answer

    def _receive_through(
        self, backend: models.SQSBackend, attempt_id: str | None, received: list[models.Message]
    ) -> ActionResult:
        """moto's handler, over a backend that also gets the attempt id and remembers what it returned."""

        class _Attempting:
            def __getattr__(self, name: str) -> Any:
                return getattr(backend, name)

            def receive_message(self, *arguments: Any) -> list[models.Message]:
                received.extend(backend.receive_message(*arguments, attempt_id=attempt_id))
                return received

        return responses.SQSResponse.receive_message(_WithBackend(self, _Attempting()))

    @staticmethod
    def _add_dead_letter_source(answer: ActionResult, received: list[models.Message]) -> None:
        for described, message in zip(answer.result.get("Messages", []), received, strict=True):
            source = getattr(message, "dead_letter_source_arn", None)
            if source:
                described.setdefault("Attributes", {})["DeadLetterQueueSourceArn"] = source

    def start_message_move_task(self) -> ActionResult:
        task = self.sqs_backend.start_message_move_task(self._get_param("SourceArn"), self._get_param("DestinationArn"))
        return ActionResult({"TaskHandle": task.handle})

    def list_message_move_tasks(self) -> ActionResult:
        tasks = self.sqs_backend.list_message_move_tasks(self._get_param("SourceArn"))
        return ActionResult(
            {
                "Results": [
                    {
                        "Status": task.status,
                        "SourceArn": task.source_arn,
                        "DestinationArn": task.destination_arn,
                        "ApproximateNumberOfMessagesMoved": task.moved,
                        "StartedTimestamp": task.started,
                    }
                    for task in tasks
                ]
            }
        )


class _WithBackend:
    """A handler seen through another backend."""

    def __init__(self, handler: FaithfulSqsResponse, backend: Any) -> None:
        self._handler = handler
        self.sqs_backend = backend

    def __getattr__(self, name: str) -> Any:
        return getattr(self._handler, name)


def install() -> None:
    """Put the faithful classes where moto looks for its own."""
    models.Queue = FaithfulQueue
    models.sqs_backends.backend = FaithfulSqsBackend
    for path in urls.url_paths:
        urls.url_paths[path] = FaithfulSqsResponse.dispatch
