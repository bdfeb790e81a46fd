# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a preflight comes to: one report a connection, and one sentence for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from .checks import Check
from .probe_result import ProbeResult

FailOn: TypeAlias = Literal["failed", "warning", "never"]
_MARKS = {"ok": "+", "warning": "!", "failed": "x", "skipped": "-"}


@dataclass(frozen=True, slots=True)
class Report:
    """The checks of one connection in the order of the chain; ``seconds`` is how long they took, without the probe."""

    connection: str
    checks: tuple[Check, ...]
    seconds: float = 0.0
    probe: ProbeResult | None = None

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return not self._with("failed")

    @property
    def summary(self) -> str:
        """One sentence (and what mends it): the first broken link, else the first warning, else that all is well."""
        for status, word in (("failed", "failed"), ("warning", "warning")):
            found = self._with(status)
            if found:
                more = f" ({len(found) - 1} more)" if len(found) > 1 else ""
                return f"{self.connection}: {found[0].name} {word}{more}: {found[0].evidence} {found[0].mend}".rstrip()
        return f"{self.connection}: ok ({self._told})."

    @property
    def has_gaps(self) -> bool:
        """Whether a check was not made because nobody may look."""
        return any(check.mend for check in self._with("skipped"))

    @property
    def _told(self) -> str:
        """How much an "ok" is worth: how many checks were made, and what it takes to make the others."""
        skipped = self._with("skipped")
        made = f"{len(self.checks) - len(skipped)} checks"
        if not skipped:
            return made
        mend = next((f"; {check.mend}" for check in skipped if check.mend), "").rstrip(".")
        return f"{made}, {len(skipped)} skipped{mend}"

    @property
    def lines(self) -> list[str]:
        """The report as lines to read: a mark, the check's name, what was seen, and below it what to do."""
        width = max(len(check.name) for check in self.checks)
        found = [f"{self.connection}: {'ok' if self.ok else 'BROKEN'} ({self.seconds:.1f} s)"]
        for check in self.checks:
            found.append(f"  {_MARKS[check.status]} {check.status:7} {check.name:{width}}  {check.evidence}")
            if check.mend:
                found.append(f"    {'':7} {'':{width}}  -> {check.mend}")
        return found

    def is_bad(self, fail_on: FailOn) -> bool:
        """Whether the module is to fail because of it."""
        bad = {"failed": ("failed",), "warning": ("failed", "warning"), "never": ()}[fail_on]
        return any(check.status in bad for check in self.checks)

    def as_dict(self) -> dict[str, Any]:
        """Return the report as data for a result."""
        return {
            "connection": self.connection,
            "ok": self.ok,
            "summary": self.summary,
            "checks": [check.as_dict() for check in self.checks],
            "lines": self.lines,
            "seconds": round(self.seconds, 3),
            "probe": self.probe.as_dict() if self.probe else None,
        }

    def _with(self, status: str) -> list[Check]:
        return [check for check in self.checks if check.status == status]


def message(reports: Sequence[Report]) -> str:
    """Return one sentence for each connection that needs a look, broken ones first; one for all where none does."""
    broken = [report.summary for report in reports if not report.ok]
    warned = [report.summary for report in reports if report.ok and report.is_bad("warning")]
    well = [report for report in reports if not report.is_bad("warning")]
    if len(well) > 1 and not any(report.has_gaps for report in well):
        which = "All" if len(well) == len(reports) else "The other"
        return " ".join([*broken, *warned, f"{which} {len(well)} connections are ok."])
    return " ".join([*broken, *warned, *(report.summary for report in well)])
