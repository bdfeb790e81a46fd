# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs as lines for a reader: how far one is, and a table of several that have ended. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

COLUMNS = ("created", "updated", "decommissioned", "restored", "unchanged", "held", "failed")


def progress_line(run: Mapping[str, Any]) -> str:
    """Return one line on a run that goes on, as the module sync_run_info lists it.

    Such as ``production: models (3/5) 1200/10000, 82.1/s, 1m 47s left, 0 failed, SageMaker throttled 12 calls``.
    """
    progress, report = run["progress"], run["report"]
    if not progress["phase"]:
        return f"{run['connection']}: starting"
    total = "?" if progress["phase_total"] is None else str(progress["phase_total"])
    left = progress["seconds_left"]
    parts = [
        f"{progress['phase']} ({progress['phase_number']}/{progress['phases']}) {progress['phase_done']}/{total}",
        f"{progress['per_second']:g}/s",
        f"{duration(progress['seconds'])} so far" if left is None else f"{duration(left)} left",
        f"{report['counts']['failed']} failed",
        *_throttling(report["throttling"]),
    ]
    return f"{run['connection']}: {', '.join(parts)}"


def table(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a table of runs as the module sync_existing_models returns them: a head and a line for each, if any."""
    if not runs:
        return []
    head = ["connection", "result", "groups", "packages", *COLUMNS, "seconds"]
    rows = [head, *(_row(run) for run in runs)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    return ["  ".join(_cell(row, column, widths[column]) for column in range(len(head))).rstrip() for row in rows]


def duration(seconds: float) -> str:
    """Return a time for the reader, such as 48s, 1m 47s or 2h 05m."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02}s"
    return f"{whole // 3600}h {whole % 3600 // 60:02}m"


def _throttling(throttling: Mapping[str, Any]) -> list[str]:
    parts = []
    if throttling["registry_throttled"]:
        parts.append(f"SageMaker throttled {throttling['registry_throttled']} calls")
    if throttling["console_calls_per_second"] is not None:
        parts.append(f"console held to {throttling['console_calls_per_second']:.1f} calls/s")
    return parts


def _row(run: Mapping[str, Any]) -> list[str]:
    counts, listed = run["counts"], run["listed"]
    result = "stopped" if run["error"] else "failures" if counts["failed"] else "ok"
    numbers = [listed["model_package_groups"], listed["model_packages"], *(counts[name] for name in COLUMNS)]
    return [run["connection"], result, *(str(number) for number in numbers), f"{run['seconds']:.1f}"]


def _cell(row: Sequence[str], column: int, width: int) -> str:
    return row[column].ljust(width) if column < 2 else row[column].rjust(width)
