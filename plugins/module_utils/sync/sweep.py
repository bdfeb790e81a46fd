# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent's sweep: finds what no event has told of.

It only reads, compares, and marks keys dirty; the workers are the one path that writes. What a worker then finds by
Describe decides, so a stale search index costs a look and nothing more.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from ..registry.client import RegistryClient
from .apply import GroupIds
from .comparison import FullComparison, Projector
from .console_reader import ConsoleReader
from .guard import GuardSettings, held_back, reason_to_hold
from .mapping import Kind

BATCH = 500
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SweepResult:
    """What one sweep found: entities looked at, keys marked dirty, and what the guard held back, a sentence each."""

    listed: int
    marked: int
    held_back: tuple[str, ...] = ()


class Sweeper:
    """Sweeps one connection."""

    def __init__(
        self,
        registry: RegistryClient,
        reader: ConsoleReader,
        projector: Projector,
        groups: GroupIds,
        guard: GuardSettings,
    ) -> None:
        self._registry = registry
        self._reader = reader
        self._projector = projector
        self._groups = groups
        self._guard = guard

    def full_sweep(self, mark_dirty: Callable[[Iterable[str]], None]) -> SweepResult:
        """Compare everything and mark what differs: ⌈G/100⌉ + ⌈P/100⌉ registry calls and ⌈M/500⌉ queries."""
        self._projector.owners.forget()
        comparison = FullComparison(self._registry, self._reader, self._projector, self._groups)
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
        """Mark what the registry says was made or modified after `since` (aware). Deletions are the full sweep's."""
        marker = _Marker(mark_dirty)
        for group in self._registry.search_groups_created_since(since):
            marker.add(group.arn)
        for package in self._registry.search_packages_modified_since(since):
            marker.add(package.arn)
        marker.flush()
        return SweepResult(marker.marked, marker.marked)

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
