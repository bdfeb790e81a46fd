# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A sweep in one invocation of a Lambda function: it compares, and sends what differs to the queue.

The queue is what the journal is elsewhere: a key is safe in it from the moment that it is found, whatever becomes of
the invocation. Sweeps run out of time in very large registries; then the invocation fails, Lambda repeats it, and what
was found before is in step by then and not found again.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from .errors import AgentError
from .lambda_batch import batches, hint
from .queue import BATCH
from .runtime import ConnectionRuntime, MarkDirty, SweepResult
from .sweeps import FULL, INCREMENTAL

log = logging.getLogger(__name__)

RULE_ENDINGS: Mapping[str, str] = {"-full-sweep": FULL, "-incremental-sweep": INCREMENTAL}
"""The rules of the role sync_agent_lambda end so: the event of a schedule says nothing but the rule that it is of."""


class SweepUnfinishedError(AgentError):
    """The time of the invocation is nearly over, and the sweep is not."""


@dataclass(frozen=True, slots=True)
class SweepOrder:
    """A sweep that is due. ``id`` is that of the event, and the same when Lambda repeats the invocation."""

    kind: str
    id: str
    time: datetime


def is_schedule(event: Mapping[str, object]) -> bool:
    """Whether an event is that of a schedule (docs.aws.amazon.com/lambda/latest/dg/with-eventbridge-scheduler.html)."""
    return event.get("source") == "aws.events" and event.get("detail-type") == "Scheduled Event"


def order_of(event: Mapping[str, object]) -> SweepOrder:
    """What a schedule's event asks for. Raises AgentError for a rule of somebody else, or an event without time."""
    resources = event.get("resources")
    rules = [str(rule) for rule in resources] if isinstance(resources, list) else []
    kinds = [kind for rule in rules for ending, kind in RULE_ENDINGS.items() if rule.endswith(ending)]
    if len(kinds) != 1:
        raise AgentError(f"The schedule {', '.join(rules) or '(without a rule)'} is none of the agent's.")
    try:
        time = datetime.fromisoformat(str(event.get("time")).replace("Z", "+00:00"))
    except ValueError:
        raise AgentError("The event of the schedule has no time that can be read.") from None
    return SweepOrder(kinds[0], str(event.get("id")), time)


def sweep(
    runtime: ConnectionRuntime, order: SweepOrder, send: MarkDirty, *, look_back: float, in_time: Callable[[], bool]
) -> SweepResult:
    """Run a sweep; an incremental one asks the console as well for what people changed there.

    Raises SweepUnfinishedError when the time is over, and what the sweeper raises.
    """

    def mark(keys: Iterable[str]) -> None:
        send(keys)
        if not in_time():
            raise SweepUnfinishedError(
                "The time of the invocation is over before the sweep is. What it found is in the queue; the repetition "
                "finds the rest. Where that happens every day, run the agent on a host."
            )

    with runtime.background():
        if order.kind == FULL:
            return runtime.sweeper.full_sweep(mark)
        since = order.time - timedelta(seconds=look_back)
        for source in runtime.changes:
            mark([change.key for change in source.changed_since(since.timestamp()) if change.key is not None])
        return runtime.sweeper.incremental_sweep(since, mark)


def sender(sqs_client: Any, queue_url: str, group: str, order_id: str) -> MarkDirty:
    """Return a function that sends keys to the queue, one message each, 10 in a call.

    It raises botocore's errors, and AgentError for messages that SQS did not take. A repeated sweep's message is
    dropped by SQS within five minutes of the first.
    """

    def entry(number: int, key: str) -> dict[str, str]:
        message = {"Id": str(number), "MessageBody": hint(key)}
        if queue_url.endswith(".fifo"):
            identity = hashlib.sha256(f"{order_id} {key}".encode()).hexdigest()
            message |= {"MessageGroupId": group, "MessageDeduplicationId": identity}
        return message

    def send(keys: Iterable[str]) -> None:
        for batch in batches(keys, BATCH):
            entries = [entry(number, key) for number, key in enumerate(batch)]
            answer = sqs_client.send_message_batch(QueueUrl=queue_url, Entries=entries)
            taken = len(answer.get("Successful") or ())
            if taken != len(batch):
                raise AgentError(f"The queue {queue_url} took {taken} of {len(batch)} messages of the sweep.")

    return send
