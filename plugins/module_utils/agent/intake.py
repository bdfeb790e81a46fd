# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the queue to the journal, one connection.

A message leaves the queue only when its key is on disk (or the message says nothing about this registry, or a copy of
it is in the dead-letter queue). Everything between may be repeated: a key that is marked twice is looked at once.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from datetime import datetime, timezone

from ..connection.model import Connection
from ..registry.errors import UndecodableEventError
from ..registry.events import Irrelevant, Touched, parse
from .backoff import Backoff
from .burst import Burst
from .errors import JournalUnavailableError
from .journal import Journal
from .liveness import CALL_SECONDS, Beat, no_beat
from .log import fields, reason
from .queue import ATTEMPT_SECONDS, BATCH, EventQueue, Message
from .status import Counters

log = logging.getLogger(__name__)

HELD_ATTEMPT = "receive_attempt"
"""The journal's note of a receive that nobody waited for: its id and the time, in wall-clock seconds."""

FULL_PAUSE = 1.0
"""Seconds between two looks at a journal that has as many keys as it may have."""

Step = Callable[[str], None]
"""Called with the name of each step just taken; tests stop the process there."""


def no_step(_name: str) -> None:
    """The `Step` of a real agent."""


def held_attempt(journal: Journal, connection: str) -> str | None:
    """The id of the receive that an agent before this one left under way, if the service may still know it."""
    try:
        note = journal.take_note(connection, HELD_ATTEMPT)
    except JournalUnavailableError:
        return None
    attempt_id, _space, moment = (note or "").partition(" ")
    return attempt_id if moment and 0 <= journal.now() - float(moment) < ATTEMPT_SECONDS else None


class Intake:
    """Receives, marks and deletes until `stop`. No error ends it: it backs off and tries again.

    ``on_outage(seconds)`` is called when the queue answers again after being out of reach that long. ``dirty_limit``
    keys in the journal, and nothing is received until there are fewer: what waits then waits in the queue.
    """

    def __init__(
        self,
        connection: Connection,
        queue: EventQueue,
        journal: Journal,
        counters: Counters,
        *,
        on_outage: Callable[[float], None],
        dirty_limit: int = 100_000,
        step: Step = no_step,
        beat: Beat = no_beat,
        clock: Callable[[], float] = time.time,
        jitter: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._connection = connection
        self._queue = queue
        self._journal = journal
        self._counters = counters
        self._on_outage = on_outage
        self._dirty_limit = dirty_limit
        self._step = step
        self._beat = beat
        self._clock = clock
        self._jitter = jitter
        self._stopping = threading.Event()
        self._last_answer = clock()
        self._polling = False
        self._left = False
        self._burst = Burst(time.monotonic)
        self._full = False
        self._look_at = 0.0
        self._fields = fields(connection=connection.name)

    def stop(self) -> None:
        """Let `run` return after the receive that is under way and what it brings."""
        self._stopping.set()

    @property
    def may_be_left(self) -> bool:
        """Whether the process may end now: only a receive is under way, and `take_leave` has seen to what it brings."""
        return self._left and self._polling

    def take_leave(self) -> None:
        """After `stop`: see to it that the receive under way, which may take 20 s more, need not be waited for.

        One more receive, with the same `ReceiveRequestAttemptId` and without waiting, brings what SQS has handed out to
        the first one, if anything. What it hands out to that one later, when nobody listens any more, the agent that
        starts next asks for under the same id, which is noted in the journal. A queue that knows no such ids is waited
        for.
        """
        if not self._queue.is_fifo:
            return
        try:
            if self._polling:
                note = f"{self._queue.attempt_id()} {self._journal.now()}"
                self._journal.set_note(self._connection.name, HELD_ATTEMPT, note)
                self._take_in(self._queue.receive(wait_seconds=0))
        except Exception as error:  # the receive under way is waited for then, as long as there is time
            log.warning("the last receive failed: %s", reason(error), extra=self._fields)
            return
        self._left = True

    def run(self) -> None:
        """Work until `stop`."""
        backoff = self._backoff()
        while not self._stopping.is_set():
            self._beat(CALL_SECONDS)
            try:
                if self._is_full():
                    self._stopping.wait(FULL_PAUSE)
                else:
                    self.turn()
            except JournalUnavailableError as error:
                self._counters.failed("journal_errors", str(error))
                log.error("%s Receiving waits for it.", error, extra=self._fields)
                self._stopping.wait(backoff.next())
            except Exception as error:  # no failure of a call may end the intake
                delay = backoff.next()
                self._counters.failed("queue_errors", reason(error))
                log.warning("the queue fails, next try in %.1f s: %s", delay, reason(error), extra=self._fields)
                self._stopping.wait(delay)
            else:
                backoff.reset()

    def turn(self) -> None:
        """One receive and all that follows from it. Raises whatever the queue's calls raise."""
        self._polling = True
        try:
            if self._stopping.is_set():  # after the line before, so that `take_leave` and this cannot miss each other
                return
            messages = self._queue.receive(wait_seconds=0 if self._burst.lasts else None)
        finally:
            self._polling = False
        self._take_in(messages)

    def _take_in(self, messages: list[Message]) -> None:
        self._answered()
        sent = [message.sent_at for message in messages if message.sent_at is not None]
        self._counters.saw_messages(self._clock() - min(sent) if sent else 0.0)
        if messages:
            self._counters.add("received", len(messages))
            self._step("received")
            self._handle(messages)
        elif self._burst.lasts:
            self._mark([])

    def _is_full(self) -> bool:
        """Whether the journal has all the keys that it may have; looked up once a second, as counting takes a while."""
        now = time.monotonic()
        if now < self._look_at:
            return self._full
        was_full, self._look_at = self._full, now + FULL_PAUSE
        self._full = self._journal.holds(self._connection.name, self._dirty_limit)
        if self._full and not was_full:
            self._counters.add("intake_pauses")
            log.error(
                "%d keys wait: nothing more is received until there are fewer", self._dirty_limit, extra=self._fields
            )
        if self._full:
            self._counters.stamp("pause", self._clock())
        elif was_full:
            log.info("receiving again", extra=self._fields)
        return self._full

    def _answered(self) -> None:
        now = self._clock()
        silence, self._last_answer = now - self._last_answer, now
        self._counters.stamp("receive", now)
        self._on_outage(silence)

    def _handle(self, messages: list[Message]) -> None:
        keys: list[str] = []
        poison: list[tuple[Message, str]] = []
        for message in messages:
            try:
                keys += self._keys(message)
            except UndecodableEventError as error:
                poison.append((message, str(error)))
        if not self._mark(keys, more_follow=len(messages) >= BATCH):
            return  # told to stop with the journal out of order: the messages come again
        self._step("journaled")
        spoilt = {message.id for message, why in poison if not self._put_aside(message, why)}
        self._delete([message for message in messages if message.id not in spoilt])
        self._step("deleted")

    def _keys(self, message: Message) -> tuple[str, ...]:
        event = parse(message.body, account_id=self._connection.account_id, region=self._connection.region)
        if isinstance(event, Irrelevant):
            self._counters.add("irrelevant")
            log.debug("ignored: %s", event.reason, extra=self._fields)
            return ()
        self._saw(event)
        return event.arns

    def _saw(self, event: Touched) -> None:
        self._counters.add("touched")
        if event.event_time is not None:
            now = datetime.fromtimestamp(self._clock(), timezone.utc)
            self._counters.saw_event((now - event.event_time).total_seconds())
        for arn in event.arns:
            about = fields(self._connection.name, arn, event.event_id)
            log.info("%s touched the registry", event.event_name, extra=about)

    def _mark(self, keys: list[str], *, more_follow: bool = False) -> bool:
        """Write the keys, however long it takes; nothing is received meanwhile. False when stopped before.

        Where more follow they wait for the end of the burst; else this is its end, and those that waited are due too.
        """
        backoff = self._backoff()
        if more_follow:
            wait = self._burst.hold(keys)
        else:
            wait, keys = 0.0, [*keys, *self._burst.end()]
        while True:
            self._beat(CALL_SECONDS)
            try:
                self._journal.mark_dirty(self._connection.name, keys, wait=wait)
                return True
            except JournalUnavailableError as error:
                self._counters.failed("journal_errors", str(error))
                log.error("%s Receiving waits for it.", error, extra=self._fields)
            if self._stopping.wait(backoff.next()):
                return False

    def _put_aside(self, message: Message, why: str) -> bool:
        """Send what cannot be read to the dead-letter queue; True when the message may be deleted."""
        self._counters.add("undecodable")
        try:
            kept = self._queue.put_aside(message, why)
        except Exception as error:
            self._counters.failed("queue_errors", reason(error))
            log.warning("message %s stays: its copy failed: %s", message.id, reason(error), extra=self._fields)
            return False
        self._step("put aside")
        if kept:
            self._counters.add("dead_lettered")
            log.warning("message %s is in the dead-letter queue: %s", message.id, why, extra=self._fields)
        else:
            # It would block its message group for days, and what it hinted at the sweeps find.
            self._counters.add("discarded")
            log.error(
                "message %s is discarded, %s; the queue has no redrive policy", message.id, why, extra=self._fields
            )
        return True

    def _delete(self, messages: list[Message]) -> None:
        if not messages:
            return
        result = self._queue.delete(messages)
        self._counters.add("deleted", result.deleted)
        left = result.expired + result.failed
        if left:
            self._counters.add("delete_failures", left)
            log.warning(
                "%d of %d messages were not deleted and come again (%d handles expired)",
                left,
                len(messages),
                result.expired,
                extra=self._fields,
            )

    def _backoff(self) -> Backoff:
        return Backoff(first=1.0, longest=60.0, jitter=self._jitter)
