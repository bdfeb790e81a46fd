# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets threads that look something up at the same time share one call: the batching of a data loader, for threads.

A lone key is looked up at once. Once several come at the same time, calls are made at intervals, and each takes along
what has come meanwhile: under load it is the calls that grow, and not their number.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

_Key = TypeVar("_Key")
_Found = TypeVar("_Found")


class _Round(Generic[_Key, _Found]):
    """Keys that are looked up together, and what comes of it."""

    def __init__(self) -> None:
        self.keys: list[_Key] = []
        self.outcome: Future[_Found] = Future()


class SharedLookups(Generic[_Key, _Found]):
    """Calls ``call(keys)`` for up to ``most`` keys at once; every thread that asked for one of them gets its result.

    A call begins after all of its keys were asked for, so that what it finds is never older than a key's own call would
    have found. It begins at once when it is full, or when none is under way and the one before had a single key; else
    ``interval`` seconds after the one before has begun: a call that takes long holds back nobody for long.

    An error that is one of ``everyones`` (the other side is down) is raised for all keys of a call. Any other may be
    the fault of one key: then each key has a call to itself.
    """

    def __init__(
        self,
        call: Callable[[Sequence[_Key]], _Found],
        *,
        most: int,
        interval: float,
        everyones: tuple[type[Exception], ...] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._call = call
        self._most = most
        self._interval = interval
        self._everyones = everyones
        self._clock = clock
        self._turn = threading.Condition()
        self._open: _Round[_Key, _Found] | None = None
        self._under_way = 0
        self._began_at = -interval
        self._were_alone = True

    def look_up(self, key: _Key) -> _Found:
        """Return what a call that this key was part of found; raises what that call raised."""
        with self._turn:
            joined = self._open
            if joined is None or len(joined.keys) >= self._most:
                lookups = self._open = _Round()
            else:
                lookups = joined
            lookups.keys.append(key)
            if len(lookups.keys) == self._most:
                self._turn.notify_all()
        if lookups is not joined:
            self._lead(lookups)
        error = lookups.outcome.exception()
        if error is None or len(lookups.keys) == 1 or isinstance(error, self._everyones):
            return lookups.outcome.result()
        return self._call([key])

    def _lead(self, lookups: _Round[_Key, _Found]) -> None:
        """Wait for the turn of a round, make its call, and let those know who wait for it."""
        with self._turn:
            self._turn.wait_for(lambda: self._may_begin(lookups), self._began_at + self._interval - self._clock())
            if self._open is lookups:
                self._open = None
            self._under_way += 1
            self._began_at = self._clock()
            self._were_alone = len(lookups.keys) == 1
        try:
            lookups.outcome.set_result(self._call(lookups.keys))
        except BaseException as error:
            lookups.outcome.set_exception(error)
            if not isinstance(error, Exception):
                raise  # this thread ends; the others go on
        finally:
            with self._turn:
                self._under_way -= 1
                self._turn.notify_all()

    def _may_begin(self, lookups: _Round[_Key, _Found]) -> bool:
        return len(lookups.keys) >= self._most or (self._were_alone and not self._under_way)
