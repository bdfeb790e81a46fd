# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent's sweep: finds what no event has told of.

It only reads, compares, and marks keys dirty; the workers are the one path that writes. What a worker then finds by
Describe decides, so a stale search index costs a look and nothing more.

Where Search is denied, both sweeps list summaries and go by those that are known (summaries.py). A summary shows
neither model card nor metadata, so a full sweep describes a seventh of the packages all the same, another one each day:
what an event should have told of and did not is found within a week.
"""

from __future__ import annotations

import logging
import time
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from ..registry.client import BEGINNING, GROUP, PACKAGE, RegistryClient
from ..registry.errors import DeniedError
from ..registry.listing import PackageSummary, read_summary
from .apply import GroupIds
from .comparison import FullComparison, Projector
from .console_reader import ConsoleReader
from .guard import GuardSettings, held_back, reason_to_hold
from .mapping import Kind
from .summaries import SummaryCache

BATCH = 500
ROUND_DAYS = 7
DAY = 86_400
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SweepResult:
    """What one sweep found: entities looked at, keys marked dirty, and what the guard held back, a sentence each."""

    listed: int
    marked: int
    held_back: tuple[str, ...] = ()


class Rota:
    """Summaries of which a part is not relied on, another part each day. ``day`` counts days."""

    def __init__(self, summaries: SummaryCache, day: int) -> None:
        self._summaries = summaries
        self._turn = day % ROUND_DAYS

    def is_known(self, summary: PackageSummary) -> bool:
        """Return whether a package was in step with just this summary, and it is not its turn to be described."""
        return self._summaries.is_known(summary) and zlib.crc32(summary.arn.encode()) % ROUND_DAYS != self._turn

    def settle(self, arn: str) -> None:
        """Learn that a package whose summary was asked for is in step now."""
        self._summaries.settle(arn)


class Sweeper:
    """Sweeps one connection. ``clock`` gives POSIX seconds.

    Without ``summaries`` and without Search, a full sweep describes every package, and an incremental one finds new
    packages only.
    """

    def __init__(
        self,
        registry: RegistryClient,
        reader: ConsoleReader,
        projector: Projector,
        groups: GroupIds,
        guard: GuardSettings,
        summaries: SummaryCache | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._registry = registry
        self._reader = reader
        self._projector = projector
        self._groups = groups
        self._guard = guard
        self._summaries = summaries
        self._clock = clock
        # By ARN, the digest of the summary that a package was marked for since the last full sweep.
        self._told: dict[str, str] = {}

    def full_sweep(self, mark_dirty: Callable[[Iterable[str]], None]) -> SweepResult:
        """Compare everything and mark what differs: ⌈G/100⌉ + ⌈P/100⌉ registry calls and ⌈M/500⌉ queries.

        Without Search it is a Describe more for each package that is not known or whose day it is.
        """
        self._projector.owners.forget()
        rota = None if self._summaries is None else Rota(self._summaries, int(self._clock() // DAY))
        comparison = FullComparison(self._registry, self._reader, self._projector, self._groups, rota)
        try:
            swept = self._compare(comparison, mark_dirty)
        finally:
            self._keep_summaries()
        self._told.clear()
        return swept

    def _compare(self, comparison: FullComparison, mark_dirty: Callable[[Iterable[str]], None]) -> SweepResult:
        marker = _Marker(mark_dirty)
        for kind in (Kind.GROUP, Kind.MODEL):
            for projection in comparison.stale(kind):
                marker.add(projection.arn)
            for note in comparison.left_out_notes(kind):
                logger.info("%s", note)
        held = [self._mark_vanished(comparison, kind, marker) for kind in (Kind.MODEL, Kind.GROUP)]
        marker.flush()
        return SweepResult(comparison.listed.total(), marker.marked, tuple(filter(None, held)))

    def incremental_sweep(self, since: datetime, mark_dirty: Callable[[Iterable[str]], None]) -> SweepResult:
        """Mark what the registry says was made or modified after `since` (aware). Deletions are the full sweep's.

        Without Search: the groups made since, and the packages whose summary is not known, ⌈P/100⌉ calls.
        """
        marker = _Marker(mark_dirty)
        try:
            for group in self._registry.search_groups_created_since(since):
                marker.add(group.arn)
            for package in self._registry.search_packages_modified_since(since):
                marker.add(package.arn)
        except DeniedError as denial:
            return self._list_changes(since, marker, denial)
        marker.flush()
        return SweepResult(marker.marked, marker.marked)

    def _list_changes(self, since: datetime, marker: _Marker, denial: DeniedError) -> SweepResult:
        """Mark what summaries tell. A package that stays unknown, as one that filters leave out, is marked once."""
        listed = 0
        told: dict[str, str] = {}
        try:
            for record in self._registry.list_walk(GROUP, since):
                marker.add(str(record["ModelPackageGroupArn"]))
                listed += 1
            for record in self._registry.list_walk(PACKAGE, since if self._summaries is None else BEGINNING):
                listed += 1
                summary = read_summary(record)
                if summary is not None and not self._is_known(summary):
                    marker.add(summary.arn)
                    told[summary.arn] = summary.digest
        except DeniedError as error:
            raise DeniedError(f"{denial} What would do in its place is denied too: {error}") from None
        finally:
            self._keep_summaries()
        marker.flush()
        self._told |= told
        return SweepResult(listed, marker.marked)

    def _is_known(self, summary: PackageSummary) -> bool:
        if self._projector.selection.why_name_is_out(summary.group_name):
            return True
        if self._summaries is not None and self._summaries.is_known(summary):
            return True
        return self._told.get(summary.arn) == summary.digest

    def _keep_summaries(self) -> None:
        """Write what was learned, and leave the file alone until the next sweep."""
        if self._summaries is not None:
            self._summaries.close()
            if self._summaries.problem:
                logger.warning("%s", self._summaries.problem)
                self._summaries.problem = ""

    def _mark_vanished(self, comparison: FullComparison, kind: Kind, marker: _Marker) -> str:
        """Mark what the console has and the registry no longer; why that was held back, or an empty text."""
        vanished = comparison.vanished(kind)
        reason = reason_to_hold(
            self._guard,
            managed=comparison.managed(kind),
            vanished=len(vanished),
            listed=comparison.listed[kind],
        )
        if reason is not None:
            sentence = held_back(kind.value, (entry.name for entry in vanished), len(vanished), reason)
            logger.warning("%s", sentence)
            return sentence
        for entry in vanished:
            marker.add(str(entry.arn))
        return ""


class _Marker:
    """Marks keys dirty in batches: one journal transaction for each."""

    def __init__(self, mark_dirty: Callable[[Iterable[str]], None]) -> None:
        self._mark_dirty = mark_dirty
        self._keys: list[str] = []
        self.marked = 0

    def add(self, key: str) -> None:
        self._keys.append(key)
        if len(self._keys) >= BATCH:
            self.flush()

    def flush(self) -> None:
        if self._keys:
            self._mark_dirty(self._keys)
            self.marked += len(self._keys)
            self._keys = []
