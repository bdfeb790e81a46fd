# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the existing-model sync over stored connections, several at a time: locks, run records, one report each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..connection.errors import InvalidConnectionError, NoSuchConnectionError
from ..connection.lock import exclusive
from ..connection.model import Connection
from ..connection.stores import ConnectionStore
from ..errors import WxgovError
from .errors import SyncError
from .existing import RunSettings
from .phases import sentence_of
from .report import FailurePolicy, RunReport
from .runs import RunStore
from .service import sync_existing_models


@dataclass(frozen=True, slots=True)
class ConnectionChoice:
    """The connections of a run by name, in its order; a text says why that one cannot be used."""

    found: Mapping[str, Connection | str]


@dataclass(frozen=True, slots=True)
class RunnerOptions:
    """How connections are run: ``parallel`` of them at a time, each waiting ``lock_timeout`` seconds for its lock.

    Run records go to ``state_dir`` and carry ``label``.
    """

    settings: RunSettings
    state_dir: Path
    lock_timeout: float = 60.0
    parallel: int = 4
    label: str = ""


@dataclass(frozen=True, slots=True)
class ConnectionRun:
    """One connection's run: its report, and the id of its run record (empty where none was made: in check mode)."""

    report: RunReport
    run_id: str = ""

    def failure(self, policy: FailurePolicy) -> str:
        """Return one sentence on what went wrong, or an empty text where that is no failure by the policy."""
        if self.report.error:
            return "" if policy.fail_on == "never" else self.report.error
        failed = self.report.counts["failed"]
        if not policy.is_exceeded(failed, self.report.looked_at):
            return ""
        first = next((outcome for outcome in self.report.outcomes if outcome.error), None)
        example = "" if first is None else f", the first of them {first.operation.name}: {first.error}"
        return f"{failed} object(s) could not be brought in step{example}"

    def as_dict(self) -> dict[str, Any]:
        """Return the run as data."""
        return {"run_id": self.run_id, **self.report.as_dict()}


def select_connections(store: ConnectionStore, names: Sequence[str] | None) -> ConnectionChoice:
    """Return the named connections, or all that are enabled; one that cannot be read does not keep the others back.

    Raises the store's errors, and SyncError for a named connection that is not there or disabled, and when there is
    none at all: those are mistakes of whoever asked, and nothing is done then.
    """
    if names is None:
        loaded = store.load_all()
        enabled = {one.name: one for one in loaded.connections if one.enabled}
        every: dict[str, Connection | str] = {**enabled, **loaded.problems}
        if not every:
            raise SyncError(
                f"There is no enabled connection in {store.place}. Save one with governance_connection first."
            )
        return ConnectionChoice(dict(sorted(every.items())))
    return ConnectionChoice({name: _named(store, name) for name in dict.fromkeys(names)})


def _named(store: ConnectionStore, name: str) -> Connection | str:
    try:
        connection = store.load(name)
    except (NoSuchConnectionError, InvalidConnectionError):
        raise
    except WxgovError as error:
        return str(error)
    if not connection.enabled:
        raise SyncError(f"The connection {name} is disabled. Enable it, or leave it out.")
    return connection


def run_connections(choice: ConnectionChoice, options: RunnerOptions) -> list[ConnectionRun]:
    """Run over the connections, in parallel; what goes wrong with one is in its report and touches no other."""
    with ThreadPoolExecutor(max(1, options.parallel), "connection") as pool:
        return list(pool.map(lambda name: _run(name, choice.found[name], options), choice.found))


def _run(name: str, connection: Connection | str, options: RunnerOptions) -> ConnectionRun:
    try:
        if isinstance(connection, str):
            return ConnectionRun(RunReport(name, error=connection))
        if options.settings.check:
            return ConnectionRun(_guarded(connection, options.settings))
        return _recorded(connection, options)
    except Exception as error:  # the lock, the run record, or what nobody foresaw: the others are to go on
        return ConnectionRun(RunReport(name, error=sentence_of(error)))


def _recorded(connection: Connection, options: RunnerOptions) -> ConnectionRun:
    with exclusive(options.state_dir, connection.name, timeout=options.lock_timeout):
        record = _Record(RunStore(options.state_dir), connection.name, options.label)
        report = _guarded(connection, options.settings, record.progress)
        record.end(report)
    return ConnectionRun(report, record.run_id)


@dataclass(slots=True)
class _Record:
    """The run record of one run."""

    store: RunStore
    connection: str
    label: str
    run_id: str = field(init=False)

    def __post_init__(self) -> None:
        self.run_id = self.store.start(self.connection, {"label": self.label})

    def progress(self, report: RunReport) -> None:
        """Write how far the run has come."""
        self._write(report, report.as_dict(outcomes=False), "running")

    def end(self, report: RunReport) -> None:
        """Write how the run ended."""
        self._write(report, report.as_dict(), "failed" if report.failed else "succeeded")

    def _write(self, report: RunReport, record: Mapping[str, Any], status: str) -> None:
        """Write the record. It is for the reader only: a full disk must not stop the synchronisation."""
        try:
            self.store.update(self.run_id, {"label": self.label, **record}, status)
        except SyncError as error:
            if str(error) not in report.notes:
                report.notes.append(str(error))


def _guarded(
    connection: Connection, settings: RunSettings, on_progress: Callable[[RunReport], None] = lambda _report: None
) -> RunReport:
    """A connection that cannot even be opened gets a report that says so."""
    try:
        return sync_existing_models(connection, settings, on_progress)
    except WxgovError as error:
        return RunReport(connection.name, error=str(error))
