# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dead letters, given another chance.

An event only hints at what may have changed, so it need not go back to its queue: the keys in it are marked dirty, and
it is deleted. Old, doubled or overtaken events do no harm by that. What cannot be read stays and is told of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from ..connection.model import Connection
from ..registry.errors import UndecodableEventError
from ..registry.events import Irrelevant, parse
from .errors import AgentError
from .queue import EventQueue, Message

HIDDEN_SECONDS = 120
"""How long a letter that is looked at is hidden from others; one that stays can be had again afterwards."""
_WAIT_SECONDS = 2  # more than 0: a short poll asks only some of the service's machines and may miss letters

MarkDirty = Callable[[Iterable[str]], None]


@dataclass(frozen=True, slots=True)
class Letter:
    """One that cannot be read, and why."""

    id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Redriven:
    """What became of the letters of one queue. ``keys`` were marked dirty; ``undecodable`` letters stay there.

    With ``discarded``, these were deleted instead. ``deleted`` letters have left the queue for good; ``undeleted`` ones
    should have and are still there, to be looked at once more by the next redrive, which does no harm.
    """

    queue: str
    read: int
    keys: int
    irrelevant: int
    undecodable: tuple[Letter, ...]
    discarded: bool
    deleted: int
    undeleted: int


def dead_letter_queues(client: Any, connection: Connection, more: Iterable[str] = ()) -> tuple[str, ...]:
    """The URLs of the queues with a connection's dead letters: behind its queue, behind the rules' targets, and `more`.

    The one behind the targets is found by the name that `connection_stack` gives it; there may be none. Raises
    AgentError for one of ``more`` (names or URLs) that is not there.
    """
    queue = EventQueue(client, connection.queue_url)
    behind = queue.dead_letter_url()
    found = [behind] if behind else []
    base = connection.queue_url.rsplit("/", 1)[-1].removesuffix(".fifo")
    target = _url_of(client, f"{base}-target-dlq", connection.account_id)
    found += [target] if target else []
    for name in more:
        url = name if "/" in name else _url_of(client, name, connection.account_id)
        if url is None:
            raise AgentError(f"There is no queue {name} in the account {connection.account_id}, or it may not be seen.")
        found.append(url)
    return tuple(dict.fromkeys(found))


def redrive(client: Any, connection: Connection, url: str, mark_dirty: MarkDirty, *, discard: bool = False) -> Redriven:
    """Take the letters of one queue, mark their keys, delete them. Raises botocore's and the journal's errors.

    Calls: 2 for every 10 letters. An unreadable one of a FIFO queue gets a group of its own (2 calls more, once), for
    until it is deleted it would lock the letters behind it.
    """
    letters = EventQueue(client, url, wait_seconds=_WAIT_SECONDS)
    events = EventQueue(client, connection.queue_url)
    work = _Work(connection, mark_dirty)
    seen: set[str] = set()
    deleted = undeleted = 0
    while batch := [letter for letter in letters.receive(hidden_seconds=HIDDEN_SECONDS) if letter.id not in seen]:
        seen |= {letter.id for letter in batch}
        done, stuck = work.sort(batch)
        if discard:
            done += stuck
        elif letters.is_fifo and url == events.dead_letter_url():
            locking = [letter for letter in stuck if letter.reason is None]
            copied = [letter for letter in locking if events.put_aside(letter, work.problems[letter.id])]
            undeleted += _left(letters, copied)
            for letter in copied:
                del work.problems[letter.id]  # its copy comes by itself
        left = _left(letters, done)
        deleted, undeleted = deleted + len(done) - left, undeleted + left
    unread = tuple(Letter(name, why) for name, why in work.problems.items())
    read = work.read + len(unread)
    queue = url.rsplit("/", 1)[-1]
    return Redriven(queue, read, len(work.keys), work.irrelevant, unread, discard, deleted, undeleted)


def _left(queue: EventQueue, letters: list[Message]) -> int:
    """Delete letters; how many of them are there all the same."""
    return len(letters) - queue.delete(letters).deleted if letters else 0


class _Work:
    """The letters of one run, sorted."""

    def __init__(self, connection: Connection, mark_dirty: MarkDirty) -> None:
        self._connection = connection
        self._mark_dirty = mark_dirty
        self.keys: set[str] = set()
        self.read = 0
        self.irrelevant = 0
        self.problems: dict[str, str] = {}

    def sort(self, letters: list[Message]) -> tuple[list[Message], list[Message]]:
        """Those that are done with, their keys being on disk, and those that cannot be read."""
        done: list[Message] = []
        stuck: list[Message] = []
        keys: list[str] = []
        for letter in letters:
            try:
                event = parse(letter.body, account_id=self._connection.account_id, region=self._connection.region)
            except UndecodableEventError as error:
                self.problems[letter.id] = letter.reason or str(error)
                stuck.append(letter)
                continue
            done.append(letter)
            if isinstance(event, Irrelevant):
                self.irrelevant += 1
            else:
                keys += event.arns
        self._mark_dirty(keys)
        self.keys.update(keys)
        self.read += len(done)
        return done, stuck


def _url_of(client: Any, name: str, account_id: str) -> str | None:
    try:
        answer = client.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account_id)
    except Exception as error:
        response = getattr(error, "response", None) or {}
        code = str(response.get("Error", {}).get("Code", ""))
        if code.endswith(("QueueDoesNotExist", "NonExistentQueue", "AccessDenied", "AccessDeniedException")):
            return None
        raise
    url = answer.get("QueueUrl")
    return str(url) if url else None
