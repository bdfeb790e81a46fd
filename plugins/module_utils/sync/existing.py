# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine of the existing-model sync: carries out phases, counts, and keeps one bad entity from stopping the run.

While one thread reads both sides and plans, others write. How much is planned ahead is bounded, so memory does not grow
with the number of objects that change, and it is enough to keep all writers busy while the next page is read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from ..console.errors import LoginRefusedError, UnreachableError
from ..pacing.priority import Priority, calling_for
from .errors import SyncError
from .guard import GuardOptions
from .phases import Outcome, Phase, PlannedOperation, Tally, sentence_of
from .report import Progress, RunReport

AHEAD = 200
"""Operations planned and not yet carried out, at least."""
GIVE_UP_AFTER = 50
"""Operations in a row that failed because the console was not there, after which the run is stopped."""
SHOW_EVERY = 0.5
"""Seconds between two reports of progress, at least."""

Calls = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class RunSettings:
    """How a run goes: ``concurrency`` writes at a time; with ``check`` nothing is written on either side.

    ``describe_all`` is for a registry without Search: describe every package, also those whose summary is known.
    ``state_dir`` is where the known summaries are kept (None: nowhere).
    """

    concurrency: int = 4
    check: bool = False
    guard: GuardOptions = field(default_factory=GuardOptions)
    describe_all: bool = False
    state_dir: Path | None = None


@dataclass(frozen=True, slots=True)
class Meter:
    """What the engine reads off the two sides: calls by side and name, and how far each holds callers back."""

    calls: Callable[[], Calls]
    throttling: Callable[[], Mapping[str, float | None]]


@dataclass(frozen=True, slots=True)
class _Done:
    """How an operation ended. ``is_absent``: the console was not there."""

    outcome: Outcome
    is_absent: bool = False


class ExistingModelSync:
    """One run over one connection."""

    def __init__(self, phases: Sequence[Phase[Any]], settings: RunSettings, meter: Meter) -> None:
        self._phases = phases
        self._settings = settings
        self._meter = meter

    def run(self, report: RunReport, clock: Callable[[], float], on_progress: Callable[[RunReport], None]) -> None:
        """Run, filling `report` as it goes and calling `on_progress` now and then.

        An error that concerns one entity is that entity's outcome; one that stops the run is in ``report.error``.
        """
        started = clock()

        def show() -> None:
            report.seconds = clock() - started
            report.calls = self._meter.calls()
            report.throttling = self._meter.throttling()
            on_progress(report)

        try:
            with (
                calling_for(Priority.SWEEP),
                ThreadPoolExecutor(self._settings.concurrency, "sync") as pool,
            ):
                for number, phase in enumerate(self._phases, 1):
                    report.progress = Progress(phase.name, number, len(self._phases))
                    show()
                    _PhaseRun(phase, report, pool, self._settings, clock, show).run()
        except Exception as error:  # what was written until here is in the report, and must not go with it
            report.error = sentence_of(error)
        finally:
            show()


class _PhaseRun:
    """One phase of a run: the thread that makes it plans and counts, those of the pool apply."""

    def __init__(
        self,
        phase: Phase[Any],
        report: RunReport,
        pool: ThreadPoolExecutor,
        settings: RunSettings,
        clock: Callable[[], float],
        show: Callable[[], None],
    ) -> None:
        self._phase = phase
        self._report = report
        self._pool = pool
        self._settings = settings
        self._clock = clock
        self._show = show
        self._started = self._shown = clock()
        self._before = (Counter(report.listed), report.counts["unchanged"], report.counts["held"])
        self._outcomes = 0
        self._tally = Tally(self._look)
        self._done: SimpleQueue[_Done] = SimpleQueue()
        self._under_way = 0
        self._absent_in_a_row = 0
        self._stopped = ""

    def run(self) -> None:
        """Carry the phase out. Raises WxgovError where the run cannot go on, when all that was begun has ended."""
        ahead = max(AHEAD, 4 * self._settings.concurrency)
        try:
            for found in self._phase.operations(self._tally):
                self._take(found)
                self._collect(leave=ahead)
                self._look()
                if self._stopped:
                    break
        finally:
            while self._under_way:
                self._collect(leave=self._under_way - 1)
                self._look()
            self._count()
            self._report.notes += self._tally.notes
            self._report.put_in_order()
        if self._stopped:
            raise SyncError(self._stopped)

    def _take(self, found: PlannedOperation | Outcome) -> None:
        number = self._report.next_number()
        if isinstance(found, Outcome):
            self._add(replace(found, number=number))
        elif self._settings.check:
            self._add(Outcome(found, getattr(found, "object_id", None), number=number))
        else:
            self._under_way += 1
            self._pool.submit(self._apply, found, number)

    def _apply(self, operation: PlannedOperation, number: int) -> None:
        """Carry out one operation, in a thread of the pool."""
        try:
            if self._stopped:
                raise SyncError("Not tried: the run was stopped.")
            with calling_for(Priority.SWEEP):
                done = _Done(Outcome(operation, self._phase.apply(operation), number=number))
        except Exception as error:  # whatever is wrong with one entity, the others are to go on
            is_absent = isinstance(error, UnreachableError | LoginRefusedError)
            done = _Done(Outcome(operation, None, sentence_of(error), number), is_absent)
        self._done.put(done)

    def _collect(self, leave: int) -> None:
        """Count what has ended; wait only while more than `leave` operations are under way."""
        while self._under_way:
            try:
                done = self._done.get(block=self._under_way > leave)
            except Empty:
                return
            self._under_way -= 1
            self._add(done.outcome)
            self._absent_in_a_row = self._absent_in_a_row + 1 if done.is_absent else 0
            if self._absent_in_a_row >= GIVE_UP_AFTER:
                self._stopped = (
                    f"Stopped after {GIVE_UP_AFTER} objects in a row could not be written: {done.outcome.error}"
                )

    def _add(self, outcome: Outcome) -> None:
        self._outcomes += 1
        self._report.add(outcome)

    def _look(self) -> None:
        """Show how far it is, if it is time to: this is called for every entity."""
        now = self._clock()
        if now - self._shown >= SHOW_EVERY:
            self._shown = now
            self._count()
            self._show()

    def _count(self) -> None:
        """Bring the tally's news into the report."""
        listed, unchanged, held = self._before
        self._report.listed = listed + self._tally.listed
        self._report.counts["unchanged"] = unchanged + self._tally.unchanged
        self._report.counts["held"] = held + self._tally.held
        progress = self._report.progress
        progress.done = self._outcomes + self._tally.unchanged + self._tally.held
        progress.total = None if self._tally.total is None else max(self._tally.total, progress.done)
        progress.seconds = self._clock() - self._started
