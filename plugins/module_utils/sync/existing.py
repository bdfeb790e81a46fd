# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The existing-model sync: a full comparison of one registry with the console, and the operations that it leads to.

Order: groups, then models, then what has vanished. The registry is read page by page and acted on in batches, so memory
does not grow with the number of packages that change. One bad entity never stops the run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice

from ..console.client import ConsoleClient
from ..errors import WxgovError
from ..registry.client import RegistryClient
from .apply import Applier
from .comparison import FullComparison, Projector
from .console_reader import ConsoleReader, InventoryEntry
from .guard import GuardSettings, reason_to_hold
from .mapping import Kind
from .plan import ConsoleRecord, Create, Operation, plan_entity, plan_gone
from .projection import Projection
from .report import Outcome, RunReport

BATCH = 200


@dataclass(frozen=True, slots=True)
class RunSettings:
    """How a run goes: ``concurrency`` writes at a time; with ``check`` nothing is written on either side."""

    concurrency: int = 4
    check: bool = False
    guard: GuardSettings = field(default_factory=GuardSettings)


class ExistingModelSync:
    """One run over one connection."""

    def __init__(
        self,
        registry: RegistryClient,
        console: ConsoleClient,
        reader: ConsoleReader,
        projector: Projector,
        applier: Applier,
        settings: RunSettings,
    ) -> None:
        self._registry = registry
        self._console = console
        self._reader = reader
        self._projector = projector
        self._applier = applier
        self._settings = settings

    def run(self, report: RunReport, clock: Callable[[], float], on_progress: Callable[[RunReport], None]) -> None:
        """Run, filling `report` as it goes and calling `on_progress` after each batch.

        An error that concerns one entity is that entity's outcome; one that stops the run is in ``report.error``.
        """
        started = clock()
        try:
            self._note_unmapped(report)
            comparison = FullComparison(self._registry, self._reader, self._projector, self._applier.groups)
            with ThreadPoolExecutor(self._settings.concurrency, "sync") as pool:
                for kind in (Kind.GROUP, Kind.MODEL):
                    for batch in _batches(comparison.stale(kind), BATCH):
                        self._carry_out(self._plan(batch, comparison, report), pool, report)
                        on_progress(report)
                    report.listed[kind.value] = comparison.listed[kind]
                    report.counts["unchanged"] += comparison.unchanged[kind]
                for kind in (Kind.MODEL, Kind.GROUP):
                    self._carry_out(self._plan_vanished(comparison, kind, report), pool, report)
        except WxgovError as error:
            report.error = str(error)
        finally:
            report.seconds = clock() - started
            report.calls = {"registry": self._registry.calls, "console": self._console.calls}
            on_progress(report)

    def _note_unmapped(self, report: RunReport) -> None:
        for kind, target in self._reader.targets.items():
            if target.unmapped:
                fields = ", ".join(target.unmapped)
                report.notes.append(
                    f"this console's {kind.value} type lacks {fields}: those values are not synchronised"
                )

    def _plan(self, batch: Sequence[Projection], comparison: FullComparison, report: RunReport) -> Iterator[Operation]:
        """Plan a batch of entities that are new or may differ (1 query for every 50 that the console has)."""
        kind = batch[0].kind
        known = [projection.arn for projection in batch if comparison.entry(kind, projection.arn) is not None]
        records = self._reader.records(kind, known) if known else {}
        for projection in batch:
            record = records.get(projection.arn)
            if self._is_stale_revival(record):
                report.counts["unchanged"] += 1
                continue
            operation = plan_entity(
                projection, record, self._reader.names, lambda name: comparison.is_taken(kind, name)
            )
            if operation is None:
                report.counts["unchanged"] += 1
            else:
                yield operation

    def _is_stale_revival(self, record: ConsoleRecord | None) -> bool:
        """Whether a listed entity that was decommissioned as deleted is in truth still gone (Search lags behind)."""
        if record is None or record.state is None or not record.state.gone:
            return False
        return not self._exists(record.kind, str(record.arn))

    def _plan_vanished(self, comparison: FullComparison, kind: Kind, report: RunReport) -> Iterator[Operation]:
        vanished = comparison.vanished(kind)
        reason = reason_to_hold(
            self._settings.guard,
            managed=comparison.managed(kind),
            vanished=len(vanished),
            listed=comparison.listed[kind],
        )
        if reason is not None:
            report.counts["held"] += len(vanished)
            report.notes.append(
                f"held back the decommissioning of {len(vanished)} {kind.value}s: {reason}. "
                "If that is right, run again with allow_mass_decommission."
            )
            return
        confirmed = [entry for entry in vanished if not self._exists(kind, str(entry.arn))]
        records = self._reader.records(kind, _arns(confirmed)) if confirmed else {}
        for record in records.values():
            operation = plan_gone(record, self._reader.names)
            if operation is not None:
                yield operation

    def _exists(self, kind: Kind, arn: str) -> bool:
        """Ask the registry itself (1 Describe): a listing that lacks an entity is no proof that it is gone."""
        describe = self._registry.describe_group if kind is Kind.GROUP else self._registry.describe_package
        return describe(arn) is not None

    def _carry_out(self, operations: Iterable[Operation], pool: ThreadPoolExecutor, report: RunReport) -> None:
        apply = self._would_apply if self._settings.check else self._apply
        for outcome in pool.map(apply, list(operations)):
            report.add(outcome)

    def _would_apply(self, operation: Operation) -> Outcome:
        return Outcome(operation, None if isinstance(operation, Create) else operation.object_id)

    def _apply(self, operation: Operation) -> Outcome:
        try:
            object_id = self._applier.apply(operation)
        except WxgovError as error:
            return Outcome(operation, None, str(error))
        return Outcome(operation, object_id)


def _arns(entries: Iterable[InventoryEntry]) -> list[str]:
    return [str(entry.arn) for entry in entries]


def _batches(projections: Iterator[Projection], size: int) -> Iterator[list[Projection]]:
    while batch := list(islice(projections, size)):
        yield batch
