# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Walks a long listing of SageMaker, page by page, in windows of creation time.

How deep Search may be paged is not documented, and a NextToken may expire while a page's objects are written. So a walk
ends a window after some thousand records and begins the next one, without a token, at the second it has come to: the
listing is in ascending order of time. Records of that second come twice and are left out the second time, so neither
ties nor the filter's resolution of a second lose or double anything. A record shows its time rounded, perhaps into the
next second, while the filter goes by the exact one: so a second counts as come to only a little after it began.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from ..pacing.priority import current_priority, take_priority
from .errors import RegistryCallError
from .failures import says_invalid

WINDOW = 5000
"""Records after which a window ends: half of the 10,000 at which the search engine behind such APIs often stops."""
EDGE = 100
"""A window ends only where no more records than a page has would be read again: at the latest when a second begins."""


FINE, COARSE = timedelta(milliseconds=10), timedelta(seconds=1)
"""More than a shown time is away from the exact one: where times show fractions of a second, and where none does."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page: ``total`` is how many records the request has in all, where the answer says so."""

    records: Sequence[Mapping[str, Any]]
    token: str | None
    total: int | None = None


ReadPage: TypeAlias = Callable[[datetime, str | None], Page]
"""Reads the page of a token (None: the first) of what has happened at a moment or later, oldest first."""


@dataclass(frozen=True, slots=True)
class _Step:
    """What to read next."""

    since: datetime
    token: str | None


class Walk:
    """The records of a listing, each once. The next page is read while the present one is worked on.

    `moment_of` and `arn_of` read a record. `pages` counts pages read; `total` is what the first one said there is.
    Iterating raises what `read` raises; an invalid token in mid-walk begins a new window instead.
    """

    def __init__(
        self,
        read: ReadPage,
        since: datetime,
        *,
        moment_of: Callable[[Mapping[str, Any]], datetime],
        arn_of: Callable[[Mapping[str, Any]], str],
        window: int = WINDOW,
    ) -> None:
        self._read = read
        self._moment_of = moment_of
        self._arn_of = arn_of
        self._window = window
        self._start = self._second = since
        self._recent: dict[str, datetime] = {}  # what a window that began at the present second would read again
        self._margin = COARSE
        self._hits = 0
        self.pages = 0
        self.total: int | None = None

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        with ThreadPoolExecutor(1, "registry-walk", take_priority, (current_priority(),)) as reader:
            step: _Step | None = _Step(self._start, None)
            pending: Future[Page] | None = reader.submit(self._read, self._start, None)
            while step is not None and pending is not None:
                page = self._page(step, pending)
                fresh = [] if page is None else self._fresh(page)
                step = self._next(page)
                pending = None if step is None else reader.submit(self._read, step.since, step.token)
                yield from fresh

    def _page(self, step: _Step, pending: Future[Page]) -> Page | None:
        """Return the page, or None where its token is no longer good: the walk goes on from the place it is at."""
        try:
            page = pending.result()
        except RegistryCallError as error:
            if step.token is None or not self._hits or not says_invalid(error.__cause__):
                raise
            return None
        self.pages += 1
        if self.total is None:
            self.total = page.total
        return page

    def _fresh(self, page: Page) -> list[Mapping[str, Any]]:
        return [record for record in page.records if self._is_fresh(record)]

    def _is_fresh(self, record: Mapping[str, Any]) -> bool:
        arn, moment = self._arn_of(record), self._moment_of(record)
        if arn in self._recent:
            return False
        if moment.microsecond:
            self._margin = FINE
        second = (moment - self._margin).replace(microsecond=0)
        if second > self._second:
            self._second = second
            oldest = second - self._margin
            self._recent = {known: at for known, at in self._recent.items() if at >= oldest}
        self._recent[arn] = moment
        self._hits += 1
        return True

    def _next(self, page: Page | None) -> _Step | None:
        """Return what to read after a page: the next page, a new window, or nothing.

        A page may be empty while it has a token (filters are applied after paging): only the token's absence ends it.
        """
        if page is not None and page.token is None:
            return None
        if page is not None and not self._is_window_over():
            return _Step(self._start, page.token)
        self._start, self._hits = self._second, 0
        return _Step(self._start, None)

    def _is_window_over(self) -> bool:
        is_long, has_advanced = self._hits >= self._window, self._second > self._start
        return is_long and has_advanced and len(self._recent) <= EDGE
