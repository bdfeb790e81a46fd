# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the existing-model sync over stored connections: locks, run records, one report each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..connection.lock import exclusive
from ..connection.model import Connection
from ..connection.store import DirectoryStore
from ..errors import WxgovError
from .errors import SyncError
from .existing import RunSettings
from .report import RunReport
from .runs import RunStore
from .service import sync_existing_models


@dataclass(frozen=True, slots=True)
class ConnectionRun:
    """One connection's run: its report, and the id of its run record (empty in check mode)."""

    report: RunReport
    run_id: str

    @property
    def failure(self) -> str:
        """One sentence on what went wrong, or an empty text."""
        if self.report.error:
            return self.report.error
        failed = self.report.counts["failed"]
        if not failed:
            return ""
        first = next((outcome for outcome in self.report.outcomes if outcome.error), None)
        example = "" if first is None else f", the first of them {first.operation.name}: {first.error}"
        return f"{failed} object(s) could not be written{example}"

    def as_dict(self) -> dict[str, Any]:
        """Return the run as data."""
        return {"run_id": self.run_id, **self.report.as_dict()}


def select_connections(directory: str, names: Sequence[str] | None) -> list[Connection]:
    """Return the named connections, or all that are enabled.

    Raises the store's errors, and SyncError for a named connection that is disabled or when there is none at all.
    """
    store = DirectoryStore(Path(directory))
    if names is None:
        found = [connection for connection in (store.load(name) for name in store.names()) if connection.enabled]
        if not found:
            raise SyncError(
                f"There is no enabled connection in {directory}. Save one with governance_connection first."
            )
        return found
    connections = [store.load(name) for name in dict.fromkeys(names)]
    for connection in connections:
        if not connection.enabled:
            raise SyncError(f"The connection {connection.name} is disabled. Enable it, or leave it out.")
    return connections


def run_connections(
    connections: Sequence[Connection], settings: RunSettings, state_dir: str, lock_timeout: float
) -> list[ConnectionRun]:
    """Run over each connection in turn; what stops one does not stop the next."""
    return [_run(connection, settings, Path(state_dir), lock_timeout) for connection in connections]


def _run(connection: Connection, settings: RunSettings, state_dir: Path, lock_timeout: float) -> ConnectionRun:
    if settings.check:
        return ConnectionRun(_guarded(connection, settings), "")
    with exclusive(state_dir, connection.name, timeout=lock_timeout):
        store = RunStore(state_dir)
        run_id = store.start(connection.name)
        report = _guarded(connection, settings, lambda report: store.update(run_id, report.as_dict()))
        store.update(run_id, report.as_dict(), "failed" if report.failed else "succeeded")
    return ConnectionRun(report, run_id)


def _guarded(
    connection: Connection, settings: RunSettings, on_progress: Callable[[RunReport], None] = lambda _report: None
) -> RunReport:
    """A connection that cannot even be opened gets a report that says so."""
    try:
        return sync_existing_models(connection, settings, on_progress)
    except WxgovError as error:
        return RunReport(connection.name, error=str(error))
