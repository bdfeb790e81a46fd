# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SQS queues: read one, make one what it should be.

`ensure_queue` is what modules call; it needs a client and no Ansible module, so that one process can do many accounts.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from .arn import Arn
from .client import ServiceClient
from .errors import AwsError
from .identity import AccountId
from .patience import Patience
from .plan import Operation, Outcome, Plan, converge
from .queue_attributes import parse_attributes, render_attributes
from .queue_plan import DesiredQueue, QueueState, check_queue_partition, creation_attributes, plan_queue

_ABSENT = ("NonExistentQueue", "QueueDoesNotExist")
_DELETED_RECENTLY = "QueueDeletedRecently"


def read_queue(sqs: ServiceClient, name: str) -> QueueState | None:
    """The queue of this name in the client's account and region; three calls, one where there is none."""
    found = sqs.find("get_queue_url", name, _ABSENT, QueueName=name)
    if found is None:
        return None
    return read_queue_at(sqs, name, sqs.required(found, "QueueUrl", "get_queue_url", name))


def read_queue_at(sqs: ServiceClient, name: str, url: str) -> QueueState | None:
    """The queue behind a URL; two calls. None where it vanished in between."""
    answer = sqs.find("get_queue_attributes", name, _ABSENT, QueueUrl=url, AttributeNames=["All"])
    tags = None if answer is None else sqs.find("list_queue_tags", name, _ABSENT, QueueUrl=url)
    if answer is None or tags is None:
        return None
    attributes = sqs.required(answer, "Attributes", "get_queue_attributes", name)
    arn = sqs.required(attributes, "QueueArn", "get_queue_attributes", name)
    # SQS leaves Tags out for a queue without tags.
    return QueueState(name, url, arn, parse_attributes(attributes), dict(tags.get("Tags", {})))


def ensure_queue(
    sqs: ServiceClient, desired: DesiredQueue, *, account: AccountId, check_mode: bool, patience: Patience
) -> Outcome[QueueState]:
    """Make the queue what it should be and read it back; in check mode only say what would be done."""
    check_queue_partition(desired, sqs.partition)
    current = read_queue(sqs, desired.name)
    plan = plan_queue(desired, current, sqs.partition, partial(_future_identity, sqs, desired.name, account))
    writer = _Writer(sqs, desired, patience, current.url if current else "")
    return converge(plan, check_mode=check_mode, apply=writer.apply, read_back=writer.read_back)


def _future_identity(sqs: ServiceClient, name: str, account: AccountId) -> tuple[str, str]:
    arn = Arn(sqs.partition, "sqs", sqs.region, account(), name)
    return f"{sqs.client.meta.endpoint_url.rstrip('/')}/{arn.account}/{name}", str(arn)


@dataclass(slots=True)
class _Writer:
    """Carries out the operations of one queue; knows its URL once it is made."""

    sqs: ServiceClient
    desired: DesiredQueue
    patience: Patience
    url: str

    def apply(self, operation: Operation) -> None:
        """One AWS call an operation, but for a creation that has to wait for the name."""
        sqs, name = self.sqs, self.desired.name
        if operation.name == "create_queue":
            self._create()
        elif operation.name == "delete_queue":
            sqs.find("delete_queue", name, _ABSENT, QueueUrl=self.url)
        elif operation.name == "tag":
            sqs.call("tag_queue", name, QueueUrl=self.url, Tags=operation.after["tags"])
        elif operation.name == "untag":
            sqs.call("untag_queue", name, QueueUrl=self.url, TagKeys=list(operation.before["tags"]))
        else:
            rendered = render_attributes(operation.after)
            sqs.call("set_queue_attributes", name, QueueUrl=self.url, Attributes=rendered)

    def _create(self) -> None:
        """One call with everything, so that the queue is never there without its policy.

        For 60 s after a deletion AWS refuses the name; that is waited out.
        """
        name = self.desired.name
        attributes = render_attributes(creation_attributes(self.desired))
        if self.desired.fifo:
            attributes["FifoQueue"] = "true"

        def ask() -> AwsError | None:
            try:
                answer = self.sqs.call(
                    "create_queue", name, QueueName=name, Attributes=attributes, tags=dict(self.desired.tags or {})
                )
            except AwsError as error:
                if error.code != _DELETED_RECENTLY:
                    raise
                return error
            self.url = self.sqs.required(answer, "QueueUrl", "create_queue", name)
            return None

        refused, created = self.patience.until(ask, lambda answer: answer is None)
        if not created:
            raise AwsError(
                f"A queue named {name!r} was deleted less than 60 seconds ago and AWS does not give the name back "
                "yet; set wait: true and a wait_timeout of more than 60.",
                code=_DELETED_RECENTLY,
            ) from refused

    def read_back(self, plan: Plan[QueueState]) -> tuple[QueueState | None, tuple[str, ...]]:
        """Read until the queue shows what was written: SQS may need a minute to show attributes everywhere."""
        name = self.desired.name

        def left(state: QueueState | None) -> tuple[Operation, ...]:
            return plan_queue(self.desired, state, self.sqs.partition, lambda: ("", "")).operations

        def read() -> QueueState | None:
            return read_queue_at(self.sqs, name, self.url) if plan.after else read_queue(self.sqs, name)

        state, settled = self.patience.until(read, lambda answer: not left(answer))
        if settled:
            return state, ()
        late = sorted({key for operation in left(state) for key in (*operation.before, *operation.after)})
        return state, (f"SQS accepted the change of {name} but does not show it yet: {', '.join(late)}.",)
