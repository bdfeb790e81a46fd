# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Polls the console for what people change there: it sends no events.

Each turn asks every source what was modified since the watermark, less an overlap for what was committed late, and
marks it dirty. Watermarks are the console's own times and are kept in the journal. What was seen in the overlap for a
while is not marked again, so that a change is looked at a few times and not for ever.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace

from .backoff import Backoff
from .journal import EVENT, Journal
from .liveness import CALL_SECONDS, Beat, no_beat
from .log import fields, reason
from .runtime import Background, ChangeSource
from .status import Counters

log = logging.getLogger(__name__)

OVERLAP = 120.0
"""Seconds before the watermark that are read again: a modification may be visible later than its own time says."""

FIRST_LOOK_BACK = 900.0
"""Seconds before the latest modification at which polling begins where there is no watermark: what was there before is
the full sweep's, which runs at the start, and these are for what changed while it ran."""

COARSEST = 60.0
"""Seconds of one tick of a console's times: how finely they are told is not known, a minute is what we allow for."""

SETTLED = OVERLAP + COARSEST
"""Seconds after which a modification is settled: until then another one may come to light that has the very same time.
Every turn marks it, and so does the first one after that."""

_BATCH = 500


@dataclass(frozen=True, slots=True)
class _Sight:
    """A modification, when (monotonic) it was first seen, and whether a turn has marked it since it settled."""

    modified_at: float
    first_seen: float
    settled: bool = False


class Polls:
    """The polling of one connection's console."""

    def __init__(
        self,
        name: str,
        sources: Sequence[ChangeSource],
        journal: Journal,
        counters: Counters,
        every: float,
        *,
        background: Background = nullcontext,
        beat: Beat = no_beat,
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._name = name
        self._sources = sources
        self._journal = journal
        self._counters = counters
        self._every = every
        self._background = background
        self._beat = beat
        self._now = now
        self._clock = clock
        self._backoff = Backoff(first=max(10.0, every), longest=900.0, jitter=jitter)
        self._fields = fields(connection=name)
        self._stopping = threading.Event()
        self._seen: dict[str, dict[str, _Sight]] = {}

    def stop(self) -> None:
        """Let `run` return; a turn under way ends before the next source."""
        self._stopping.set()

    def run(self) -> None:
        """Poll until `stop`. A turn that fails is repeated after a while and never ends this."""
        while not self._stopping.is_set():
            delay = self._every if self.turn() else max(self._every, self._backoff.next())
            self._beat(delay + CALL_SECONDS)
            self._stopping.wait(delay)

    def turn(self) -> bool:
        """Ask every source once; whether all of them answered."""
        answered = True
        for source in self._sources:
            if self._stopping.is_set():
                break
            self._beat(CALL_SECONDS)
            try:
                with self._background():
                    self._poll(source)
            except Exception as error:
                answered = False
                self._counters.failed("poll_failures", reason(error))
                log.warning("polling %s failed: %s", source.name, reason(error), extra=self._fields)
        if answered:
            self._backoff.reset()
            self._counters.add("polls")
            self._counters.stamp("poll", self._now())
        return answered

    def _poll(self, source: ChangeSource) -> None:
        """Read, mark, and only then move the watermark. Raises what source and journal raise."""
        watermark = self._journal.watermark(self._name, source.name)
        if watermark is None:
            newest = source.newest()
            since = watermark = 0.0 if newest is None else newest - FIRST_LOOK_BACK
        else:
            since = watermark - OVERLAP
        known = self._seen.get(source.name, {})
        seen: dict[str, _Sight] = {}
        keys: list[str] = []
        latest, now = watermark, self._clock()
        for change in source.changed_since(since):
            latest = max(latest, change.modified_at)
            sight = known.get(change.object_id)
            if sight is None or sight.modified_at != change.modified_at:
                sight = _Sight(change.modified_at, now)
            if change.key is not None and not sight.settled:
                keys.append(change.key)
            seen[change.object_id] = replace(sight, settled=now - sight.first_seen >= SETTLED)
        self._mark(keys)
        self._journal.set_watermark(self._name, source.name, latest)
        # What lies before the overlap is not read again.
        self._seen[source.name] = {name: sight for name, sight in seen.items() if sight.modified_at >= latest - OVERLAP}

    def _mark(self, keys: Sequence[str]) -> None:
        for start in range(0, len(keys), _BATCH):
            self._journal.mark_dirty(self._name, keys[start : start + _BATCH], EVENT)
        self._counters.add("poll_marked", len(keys))
        if keys:
            log.info("polling: %d changed in the console", len(keys), extra=self._fields)
