# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where use cases meet the rest: the agent's keys and sweeps, and the first phase of the existing-model sync.

The journal's key of a use case is ``use-case:`` and the console's id; all other keys are ARNs of the registry.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from ..connection.model import Connection
from ..console.client import ConsoleClient
from ..errors import WxgovError
from ..registry.arn import PACKAGE
from ..registry.client import RegistryClient
from ..registry.writer import RegistryWriter
from .console_reader import ConsoleReader
from .phases import Outcome, Tally, Unplanned, sentence_of
from .reconciler import Reconciled
from .selection import Selection
from .sweep import SweepResult
from .use_case_apply import Claims, UseCaseApplier
from .use_case_plan import Finding, Provision, Thing, UseCaseOperation
from .use_case_planner import LifeCycleOf, UseCasePlanner
from .use_cases import UseCase

KEY_PREFIX = "use-case:"
GIVE_UP_AFTER = 3
"""Operations on one use case that failed in a row, after which the rest waits for the next attempt."""
DETAILS = 5
"""Operations on one use case that the log names; of more it says how many."""

logger = logging.getLogger(__name__)


class Reconciler(Protocol):
    """Settles a key."""

    def reconcile(self, key: str) -> Reconciled:
        """See reconciler.KeyReconciler."""


class Sweeper(Protocol):
    """Finds keys that no event told of."""

    def full_sweep(self, mark_dirty: Callable[[Iterable[str]], None]) -> SweepResult:
        """See sweep.Sweeper."""

    def incremental_sweep(self, since: datetime, mark_dirty: Callable[[Iterable[str]], None]) -> SweepResult:
        """See sweep.Sweeper."""


class Warnings:
    """Says something about a use case once for each of its changes. Safe for several threads."""

    def __init__(self) -> None:
        self._said: dict[str, tuple[str, ...]] = {}
        self._lock = threading.Lock()

    def say(self, case: UseCase, sentences: Iterable[str]) -> None:
        """Log the sentences, unless the last ones about this state of the use case were the same."""
        lines = tuple(sentences)
        said = (case.modified_at, *lines)
        with self._lock:
            if self._said.get(case.id) == said:
                return
            self._said[case.id] = said
        for line in lines:
            logger.warning("%s", line)


@dataclass(frozen=True, slots=True)
class UseCaseParts:
    """What works on the use cases of a connection."""

    planner: UseCasePlanner
    applier: UseCaseApplier
    warnings: Warnings = field(default_factory=Warnings)


def open_use_cases(
    registry: RegistryClient,
    writer: RegistryWriter,
    console: ConsoleClient,
    reader: ConsoleReader,
    connection: Connection,
    life_cycle_of: LifeCycleOf,
) -> UseCaseParts:
    """Return what works on the use cases of a connection, having read the console's type of them (1 request)."""
    claims = Claims(registry, writer, connection.console.url)
    selection = Selection(connection.sync.filters, writer.tags)
    planner = UseCasePlanner(registry, claims, console, reader, connection, selection, life_cycle_of)
    return UseCaseParts(planner, UseCaseApplier(writer, claims, console, reader))


def use_case_key(case_id: str) -> str:
    """Return the journal's key of a use case."""
    return f"{KEY_PREFIX}{case_id}"


class UseCaseReconciler:
    """Settles a use case: plans and applies. Safe for several threads as long as no two have the same use case."""

    def __init__(self, use_cases: UseCaseParts) -> None:
        self._planner = use_cases.planner
        self._applier = use_cases.applier
        self._warnings = use_cases.warnings

    def reconcile(self, case_id: str) -> Reconciled:
        """Bring the registry in line with a use case. Raises the errors of registry, console and sync."""
        found = self._planner.find(case_id)
        for case in found.misplaced:
            self._warnings.say(case, self._planner.misplaced([case]))
        if not found.managed:
            return Reconciled("ignored", "" if found.misplaced else "not a use case of this connection")
        (case,) = found.managed
        try:
            reconciled, remarks = self._carry_out(self._planner.plan(case))
        finally:
            self._planner.forget_speakers()
        self._warnings.say(case, remarks)
        return reconciled

    def tell_package(self, package_arn: str) -> Reconciled:
        """Write the text of a package's use case into its card, where it is not there yet."""
        reconciled, remarks = self._carry_out(self._planner.plan_package(package_arn))
        for remark in remarks:
            logger.warning("%s", remark)
        return reconciled

    def _carry_out(self, findings: Iterable[Finding]) -> tuple[Reconciled, list[str]]:
        """Apply what is found as it is found; return what was done, and the sentences.

        What fails does not keep the rest from being done, unless it is one after the other. Raises the first error.
        """
        remarks: list[str] = []
        done: list[str] = []
        failures: list[WxgovError] = []
        failed_in_a_row = 0
        status = "unchanged"
        for finding in findings:
            if isinstance(finding, str):
                remarks.append(finding)
                continue
            try:
                self._applier.apply(finding)
            except WxgovError as error:
                failures.append(error)
                failed_in_a_row += 1
                if failed_in_a_row == GIVE_UP_AFTER:
                    break
                continue
            failed_in_a_row = 0
            done.append(f"{finding.action} {finding.kind.value} {finding.name}")
            status = "created" if isinstance(finding, Provision) or status == "created" else "updated"
        if failures:
            raise failures[0]
        more = f"; and {len(done) - DETAILS} more" if len(done) > DETAILS else ""
        return Reconciled(status, "; ".join(done[:DETAILS]) + more), remarks


class KeyDispatcher:
    """Settles every form of key. A package that is new or was changed also gets its use case's text."""

    def __init__(self, entities: Reconciler, use_cases: UseCaseReconciler) -> None:
        self._entities = entities
        self._use_cases = use_cases
        self._untold: set[str] = set()  # packages that were settled, and then the telling failed

    def reconcile(self, key: str) -> Reconciled:
        """Compare and act for a key. Raises the errors of registry, console and sync: try again later."""
        if key.startswith(KEY_PREFIX):
            return self._use_cases.reconcile(key.removeprefix(KEY_PREFIX))
        outcome = self._entities.reconcile(key)
        is_news = outcome.status in ("created", "updated") and f":{PACKAGE}/" in key
        if is_news or key in self._untold:
            self._untold.add(key)
            told = self._use_cases.tell_package(key)
            self._untold.discard(key)
            if told.detail:
                return replace(outcome, detail="; ".join(part for part in (outcome.detail, told.detail) if part))
        return outcome


class UseCaseSweeper:
    """A sweeper that also goes through the use cases, in full sweeps."""

    def __init__(self, entities: Sweeper, use_cases: UseCaseParts) -> None:
        self._entities = entities
        self._planner = use_cases.planner
        self._warnings = use_cases.warnings

    def full_sweep(self, mark_dirty: Callable[[Iterable[str]], None]) -> SweepResult:
        """Sweep the entities, and mark every use case that has or should have something in the registry."""
        swept = self._entities.full_sweep(mark_dirty)
        found = self._planner.all()
        for case in found.misplaced:
            self._warnings.say(case, self._planner.misplaced([case]))
        keys = [use_case_key(case.id) for case in found.managed if self._planner.concerns_registry(case)]
        if keys:
            mark_dirty(keys)
        return replace(swept, listed=swept.listed + len(found.managed), marked=swept.marked + len(keys))

    def incremental_sweep(self, since: datetime, mark_dirty: Callable[[Iterable[str]], None]) -> SweepResult:
        """Sweep the entities: what changes in the console is found by polling."""
        return self._entities.incremental_sweep(since, mark_dirty)


class UseCasePhase:
    """The first phase of the existing-model sync: what the use cases lack in the registry."""

    name = "use cases"

    def __init__(self, use_cases: UseCaseParts) -> None:
        self._planner = use_cases.planner
        self._applier = use_cases.applier

    def operations(self, tally: Tally) -> Iterator[UseCaseOperation | Outcome]:
        """Yield what each use case lacks; what cannot be done, and who hangs in the wrong place, goes to the notes."""
        found = self._planner.all()
        tally.notes += self._planner.misplaced(found.misplaced)
        for case in found.managed:
            try:
                for finding in self._planner.plan(case):
                    if isinstance(finding, str):
                        tally.notes.append(finding)
                    else:
                        yield finding
            except Exception as error:  # whatever is wrong with one use case, the others are to go on
                yield Outcome(Unplanned(Thing.USE_CASE, case.name, ""), case.id, sentence_of(error))
            tally.on_look()

    def apply(self, operation: UseCaseOperation) -> str | None:
        """Carry out one operation."""
        return self._applier.apply(operation)
