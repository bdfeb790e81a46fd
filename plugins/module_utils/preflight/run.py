# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A preflight from its settings to its outcome: all checks, then the probes of those that are fit for one."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from threading import Event
from typing import Any

from ..connection.model import Connection
from ..connection.stores import ConnectionStore
from ..errors import WxgovError
from .inspection import InspectionSettings, chosen_names, inspect_connections, inspector_of
from .probe import ProbeSettings, planned_probe, send_probe, skipped_probe
from .probe_result import ProbeResult
from .report import FailOn, Report, message

_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class PreflightSettings:
    """What to look at and how. ``names`` None means all connections; ``probe`` None sends none."""

    names: tuple[str, ...] | None = None
    inspection: InspectionSettings = InspectionSettings()
    probe: ProbeSettings | None = None
    fail_on: FailOn = "failed"


@dataclass(frozen=True, slots=True)
class Preflight:
    """The outcome."""

    reports: tuple[Report, ...]
    fail_on: FailOn

    @property
    def failed(self) -> bool:
        """Whether any report is bad enough."""
        return any(report.is_bad(self.fail_on) for report in self.reports)

    def result(self) -> dict[str, Any]:
        """Return the keys of the module's result, the same in check mode."""
        return {
            "changed": any(report.probe is not None and report.probe.changed for report in self.reports),
            "msg": message(self.reports) if self.reports else "There are no connections.",
            "reports": [report.as_dict() for report in self.reports],
        }


def run_preflight(store: ConnectionStore, settings: PreflightSettings, *, check_mode: bool) -> Preflight:
    """Check the connections, all at once, and then send the probes, all at once.

    Raises ConnectionStoreError for a store that cannot be read and names that are not there. Nothing is written but
    what a probe makes and removes again, and nothing at all in check mode.
    """
    loaded = store.load_all()
    names = chosen_names(loaded, settings.names)
    reports = inspect_connections(loaded, names, settings.inspection)
    if settings.probe is None:
        return Preflight(reports, settings.fail_on)
    connections = {connection.name: connection for connection in loaded.connections}
    with stopping_on_signals(settings.probe.stop), ThreadPoolExecutor(max(1, len(reports)), "probe") as pool:
        running = [
            pool.submit(_probe, report, connections.get(report.connection), settings, settings.probe, check_mode)
            for report in reports
        ]
        probes = [future.result() for future in running]
    return Preflight(_with_probes(reports, probes), settings.fail_on)


def _probe(
    report: Report, connection: Connection | None, settings: PreflightSettings, probe: ProbeSettings, check_mode: bool
) -> ProbeResult:
    skipped = skipped_probe(report.checks)
    if skipped is not None or connection is None:
        return skipped or ProbeResult("skipped", "Not sent, for the connection cannot be read.")
    if check_mode:
        return planned_probe(probe)
    try:
        inspector = inspector_of(connection, settings.inspection)
    except WxgovError as error:
        return ProbeResult("failed", f"The probe was not sent: {error}", "Mend the inspector's role.")
    return send_probe(connection, inspector, probe)


def _with_probes(reports: Sequence[Report], probes: Sequence[ProbeResult]) -> tuple[Report, ...]:
    return tuple(
        replace(report, checks=(*report.checks, probe.check), probe=probe)
        for report, probe in zip(reports, probes, strict=True)
    )


@contextmanager
def stopping_on_signals(stop: Event) -> Iterator[None]:
    """Let Ctrl-C, a termination or a lost terminal end the probes with everything removed; the main thread only."""
    before = {number: signal.signal(number, lambda _number, _frame: stop.set()) for number in _STOPPING}
    try:
        yield
    finally:
        for number, handler in before.items():
            # None stands for a handler that was not Python's.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
