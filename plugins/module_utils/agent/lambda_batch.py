# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One batch of messages, in one invocation of a Lambda function and without a journal: SQS keeps what is not done.

The function answers with the messages that are to come again (`ReportBatchItemFailures`); Lambda deletes the others.
The keys of a batch are looked at side by side, each of them once. A key that fails brings every message that names it
back, and no other: what an event says does not depend on the events before it, so nothing else has to wait for it. In a
queue whose events all have one group, a single bad entity would otherwise hold up every model.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from ..connection.model import Connection
from ..registry.errors import UndecodableEventError
from ..registry.events import Irrelevant, parse
from .errors import AgentError
from .log import about, fields, reason
from .queue import Message
from .runtime import Reconciler

log = logging.getLogger(__name__)

HINT_SOURCE, HINT_TYPE = "wxgov.sagemaker", "Keys To Look At"


@dataclass(frozen=True, slots=True)
class Record:
    """One message as Lambda hands it over. ``queue`` is the ARN of the queue that it comes from."""

    message: Message
    queue: str


@dataclass(slots=True)
class Work:
    """What a batch asks for: the keys, and which messages name each; ``again`` are ids of messages to come again."""

    messages_by_key: dict[str, list[str]] = field(default_factory=dict)
    again: set[str] = field(default_factory=set)


def hint(key: str) -> str:
    """The body of a message by which a sweep asks for a key to be looked at."""
    return json.dumps({"source": HINT_SOURCE, "detail-type": HINT_TYPE, "detail": {"keys": [key]}})


def records_of(event: Mapping[str, object]) -> list[Record]:
    """The records of an SQS event of Lambda. Raises AgentError for an event that is none.

    docs.aws.amazon.com/lambda/latest/dg/with-sqs.html shows one.
    """
    records = event.get("Records")
    if not isinstance(records, list):
        raise AgentError("The function was invoked with something that is not an event of SQS: it has no Records.")
    return [_record(entry) for entry in records]


def _record(entry: object) -> Record:
    names = ("messageId", "receiptHandle", "body", "eventSourceARN")
    parts = [entry.get(name) for name in names] if isinstance(entry, dict) else [None]
    if not all(isinstance(part, str) for part in parts):
        raise AgentError(f"A record of the event lacks one of {', '.join(names)}.")
    identity, handle, body, queue = (str(part) for part in parts)
    return Record(Message(identity, handle, body), queue)


def check_queue(records: Iterable[Record], connection: Connection) -> None:
    """Raise AgentError for messages of a queue that is not the connection's: its keys would be of another registry."""
    account, name = connection.queue_url.rsplit("/", 2)[-2:]
    for record in records:
        if record.queue.split(":")[-2:] != [account, name]:
            raise AgentError(
                f"The function was given messages of {record.queue}, and the queue of the connection "
                f"{connection.name} is {connection.queue_url}: correct the event source mapping."
            )


def sort_out(records: Sequence[Record], connection: Connection, put_aside: Callable[[Message, str], object]) -> Work:
    """Find the keys. What cannot be read is put aside with the reason; where that fails, its message comes again."""
    work = Work()
    for record in records:
        message = record.message
        try:
            for key in keys_of(message.body, connection):
                work.messages_by_key.setdefault(key, []).append(message.id)
        except UndecodableEventError as why:
            try:
                put_aside(message, str(why))
            except Exception as error:  # whatever the queue answered, the message is still there
                log.warning("message %s stays: its copy failed: %s", message.id, reason(error))
                work.again.add(message.id)
            else:
                log.warning("message %s is put aside: %s", message.id, why)
    return work


def keys_of(body: str, connection: Connection) -> tuple[str, ...]:
    """The keys that a message names. Raises UndecodableEventError."""
    hinted = _hinted(body)
    if hinted is not None:
        return hinted
    event = parse(body, account_id=connection.account_id, region=connection.region)
    if isinstance(event, Irrelevant):
        log.debug("ignored: %s", event.reason)
        return ()
    for key in event.arns:
        log.info("%s touched the registry", event.event_name, extra=fields(connection.name, key, event.event_id))
    return event.arns


def _hinted(body: str) -> tuple[str, ...] | None:
    """The keys of a message of ours; None for any other."""
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(event, dict) or (event.get("source"), event.get("detail-type")) != (HINT_SOURCE, HINT_TYPE):
        return None
    detail = event.get("detail")
    keys = detail.get("keys") if isinstance(detail, dict) else None
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise UndecodableEventError("a message of a sweep without keys")
    return tuple(keys)


def reconcile_all(
    work: Work, reconciler: Reconciler, connection: str, *, workers: int, in_time: Callable[[], bool]
) -> list[str]:
    """Look at every key; the ids of the messages to come again, those of keys for which there was no time included."""

    def look(key: str) -> bool:
        with about(connection, key):
            if not in_time():
                log.warning("no time left to look at it: its messages come again")
                return False
            try:
                outcome = reconciler.reconcile(key)
            except Exception as error:  # whatever went wrong, the messages come again
                log.warning("failed: %s", reason(error))
                return False
            log.info("%s%s", outcome.status, f": {outcome.detail}" if outcome.detail else "")
            return True

    keys = list(work.messages_by_key)
    with ThreadPoolExecutor(max_workers=workers) as pool:
        done = list(pool.map(look, keys))
    failed = {
        identity for key, good in zip(keys, done, strict=True) if not good for identity in work.messages_by_key[key]
    }
    return sorted(work.again | failed)


def batches(keys: Iterable[str], size: int) -> Iterator[list[str]]:
    """The keys in lists of at most ``size``."""
    batch: list[str] = []
    for key in keys:
        batch.append(key)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
