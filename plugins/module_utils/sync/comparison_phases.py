# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The phases that bring the console in line with the registry: groups, models, then what the registry no longer has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeAlias, TypeVar

from ..errors import WxgovError
from ..pacing.priority import Priority, calling_for
from ..registry.client import RegistryClient
from .apply import Applier
from .comparison import FullComparison, Projector, Uncompared
from .console_reader import ConsoleReader, InventoryEntry
from .guard import GuardSettings, held_back, reason_to_hold
from .mapping import Kind
from .phases import Outcome, Phase, Tally, Unplanned, sentence_of
from .plan import ConsoleRecord, Operation, plan_entity, plan_gone
from .projection import Projection
from .summaries import SummaryCache

BATCH = 100
"""Entities planned together, so that what the console has of them is two queries."""
CONFIRMERS = 4
"""Describe calls at a time for what the listing lacks."""

Found: TypeAlias = Operation | Outcome
T = TypeVar("T")


class ComparisonPhases:
    """Makes the four phases, which share one comparison; it is begun by the first of them that is carried out."""

    def __init__(
        self,
        registry: RegistryClient,
        reader: ConsoleReader,
        projector: Projector,
        applier: Applier,
        guard: GuardSettings,
        summaries: SummaryCache | None = None,
    ) -> None:
        self.registry = registry
        self.reader = reader
        self.applier = applier
        self.guard = guard
        self.summaries = summaries
        self._projector = projector
        self._comparison: FullComparison | None = None

    def phases(self) -> list[Phase[Operation]]:
        """Return the phases in their order: a model's group is there before it, and goes after it."""
        return [
            EntityPhase(self, Kind.GROUP),
            EntityPhase(self, Kind.MODEL),
            VanishedPhase(self, Kind.MODEL),
            VanishedPhase(self, Kind.GROUP),
        ]

    def comparison(self) -> FullComparison:
        """Return the comparison; the first call reads the console's inventory."""
        if self._comparison is None:
            self._comparison = FullComparison(
                self.registry, self.reader, self._projector, self.applier.groups, self.summaries
            )
        return self._comparison

    def exists(self, kind: Kind, arn: str) -> bool:
        """Ask the registry itself (1 Describe): a listing that lacks an entity is no proof that it is gone."""
        describe = self.registry.describe_group if kind is Kind.GROUP else self.registry.describe_package
        return describe(arn) is not None

    def settle(self, arn: str) -> None:
        """Learn that an entity is in step."""
        if self.summaries is not None:
            self.summaries.settle(arn)


class EntityPhase:
    """Creates and changes the objects of one kind."""

    def __init__(self, shared: ComparisonPhases, kind: Kind) -> None:
        self.name = f"{kind.value}s"
        self._shared = shared
        self._kind = kind

    def operations(self, tally: Tally) -> Iterator[Found]:
        """Compare each listed entity with the console's object (1 query for every 50 that differ)."""
        for batch in _batches(self._differing(tally), BATCH):
            yield from self._plan(batch, tally)
        tally.notes += self._shared.comparison().left_out_notes(self._kind)
        if self._kind is Kind.MODEL and self._shared.comparison().listing.is_search_denied:
            tally.notes.append(_without_search(self._shared.registry.calls["DescribeModelPackage"]))

    def apply(self, operation: Operation) -> str | None:
        """Carry out one operation."""
        object_id = self._shared.applier.apply(operation)
        self._shared.settle(operation.arn)
        return object_id

    def _differing(self, tally: Tally) -> Iterator[Projection | Uncompared]:
        comparison = self._shared.comparison()
        for found in comparison.looks(self._kind):
            tally.listed[self._kind.value] = comparison.listed[self._kind]
            tally.total = comparison.total(self._kind)
            if found is None:
                tally.leave()
            else:
                yield found

    def _plan(self, batch: Sequence[Projection | Uncompared], tally: Tally) -> Iterator[Found]:
        projections = [found for found in batch if isinstance(found, Projection)]
        yield from (_not_compared(found) for found in batch if isinstance(found, Uncompared))
        comparison = self._shared.comparison()
        known = [found for found in projections if comparison.entry(self._kind, found.arn) is not None]
        try:
            records = self._shared.reader.records(self._kind, [found.arn for found in known]) if known else {}
        except WxgovError as error:
            yield from (_failed(found, error) for found in known)
            arns = {found.arn for found in known}
            projections, records = [found for found in projections if found.arn not in arns], {}
        for projection in projections:
            yield from self._plan_one(projection, records.get(projection.arn), tally)

    def _plan_one(self, projection: Projection, record: ConsoleRecord | None, tally: Tally) -> Iterator[Found]:
        comparison = self._shared.comparison()
        try:
            operation = None
            if not self._is_stale_revival(record):
                operation = plan_entity(
                    projection,
                    record,
                    self._shared.reader.names,
                    lambda name: comparison.is_taken(self._kind, name),
                )
        except Exception as error:  # one bad entity must not stop the run, whatever it is that is bad in it
            yield _failed(projection, error)
            return
        if operation is None:
            self._shared.settle(projection.arn)
            tally.leave()
        else:
            yield operation

    def _is_stale_revival(self, record: ConsoleRecord | None) -> bool:
        """Whether a listed entity that was decommissioned as deleted is in truth still gone (Search lags behind)."""
        if record is None or record.state is None or not record.state.gone:
            return False
        return not self._shared.exists(record.kind, str(record.arn))


class VanishedPhase:
    """Decommissions the objects of one kind whose entity is no longer in the registry, unless the guard says no."""

    def __init__(self, shared: ComparisonPhases, kind: Kind) -> None:
        self.name = f"vanished {kind.value}s"
        self._shared = shared
        self._kind = kind

    def operations(self, tally: Tally) -> Iterator[Found]:
        """Confirm by Describe (1 call each) that what the listing lacks is gone, and plan its decommissioning."""
        comparison = self._shared.comparison()
        vanished = comparison.vanished(self._kind)
        tally.total = len(vanished)
        reason = reason_to_hold(
            self._shared.guard,
            managed=comparison.managed(self._kind),
            vanished=len(vanished),
            listed=comparison.listed[self._kind],
        )
        if reason is not None:
            tally.held = len(vanished)
            tally.notes.append(held_back(self._kind.value, (entry.name for entry in vanished), len(vanished), reason))
            return
        if vanished:
            with ThreadPoolExecutor(CONFIRMERS, "sync-confirm") as pool:
                for batch in _batches(iter(vanished), BATCH):
                    yield from self._plan(batch, list(pool.map(self._look_for, batch)), tally)

    def apply(self, operation: Operation) -> str | None:
        """Carry out one operation."""
        return self._shared.applier.apply(operation)

    def _look_for(self, entry: InventoryEntry) -> bool | Exception:
        """Return whether the registry still has an entity, or why that cannot be told."""
        try:
            with calling_for(Priority.SWEEP):
                return self._shared.exists(self._kind, str(entry.arn))
        except Exception as error:  # it is this entity's outcome
            return error

    def _plan(
        self, batch: Sequence[InventoryEntry], answers: Sequence[bool | Exception], tally: Tally
    ) -> Iterator[Found]:
        gone = []
        for entry, answer in zip(batch, answers, strict=True):
            if isinstance(answer, Exception):
                yield _failed(entry, answer)
            elif answer:
                tally.leave()
            else:
                gone.append(entry)
        try:
            records = self._shared.reader.records(self._kind, [str(entry.arn) for entry in gone]) if gone else {}
        except WxgovError as error:
            yield from (_failed(entry, error) for entry in gone)
            return
        for entry in gone:
            record = records.get(str(entry.arn))
            operation = None if record is None else plan_gone(record, self._shared.reader.names)
            if operation is None:
                tally.leave()
            else:
                yield operation


def _not_compared(found: Uncompared) -> Outcome:
    return Outcome(Unplanned(found.kind, found.name, found.arn), None, found.error)


def _failed(found: Projection | InventoryEntry, error: Exception) -> Outcome:
    return Outcome(Unplanned(found.kind, found.name, str(found.arn)), None, sentence_of(error))


def _without_search(described: int) -> str:
    return (
        f"sagemaker:Search is denied, so packages were listed and {described} of them described. What a summary does "
        "not show (model card, metadata, approval note) is noticed only by the agent's events, or with describe_all."
    )


def _batches(found: Iterator[T], size: int) -> Iterator[list[T]]:
    while batch := list(islice(found, size)):
        yield batch
