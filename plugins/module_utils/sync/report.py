# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an existing-model sync reports: counts, outcomes of what was touched, calls, notes, and progress."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from .phases import Outcome

OUTCOME_LIMIT = 1000
"""Outcomes kept with their values, of those that went well and of those that failed; beyond it only counts go on."""

ACTIONS = {
    "create": "created",
    "update": "updated",
    "decommission": "decommissioned",
    "restore": "restored",
    "create_in_registry": "registry_created",
    "update_in_registry": "registry_updated",
}
"""What a count is called, by the action of the operations."""


@dataclass(slots=True)
class Progress:
    """How far a run is: in the phase `number` of `of`, `done` of `total` entities (None: not known) in `seconds`."""

    phase: str = ""
    number: int = 0
    of: int = 0
    done: int = 0
    total: int | None = None
    seconds: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """Return it as data."""
        return {
            "phase": self.phase,
            "phase_number": self.number,
            "phases": self.of,
            "done": self.done,
            "total": self.total,
            "phase_seconds": round(self.seconds, 3),
        }


FailOn: TypeAlias = Literal["any", "threshold", "never"]


@dataclass(frozen=True, slots=True)
class FailurePolicy:
    """When failed objects make a run a failure.

    ``any``: one is enough. ``threshold``: more than ``count`` of them, or more than ``percent`` of those looked at
    (None: no such limit). ``never``: none do. A run that was stopped before its end is a failure by ``any`` and by
    ``threshold``. Decommissions that the guard held back are no failures.
    """

    fail_on: FailOn = "any"
    count: int | None = None
    percent: float | None = None

    def is_exceeded(self, failed: int, looked_at: int) -> bool:
        """Whether `failed` of `looked_at` objects are too many."""
        if self.fail_on == "never" or not failed:
            return False
        if self.fail_on == "any":
            return True
        too_many = self.count is not None and failed > self.count
        too_large = self.percent is not None and 100 * failed > self.percent * looked_at
        return too_many or too_large


@dataclass(slots=True)
class RunReport:
    """The report of one run, filled while it goes on (one thread writes it)."""

    connection: str
    listed: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    outcomes: list[Outcome] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    error: str = ""
    seconds: float = 0.0
    calls: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    throttling: Mapping[str, float | None] = field(default_factory=dict)
    progress: Progress = field(default_factory=Progress)
    found: int = 0

    def next_number(self) -> int:
        """Return the place of what is found next."""
        self.found += 1
        return self.found

    def put_in_order(self) -> None:
        """Sort the outcomes as the entities were found."""
        self.outcomes.sort(key=lambda outcome: outcome.number)

    def add(self, outcome: Outcome) -> None:
        """Count an outcome, and keep it while there are few of its sort."""
        sort = "failed" if outcome.error else outcome.operation.action
        self.counts[sort] += 1
        fellows = self.counts["failed"] if outcome.error else sum(self.counts[action] for action in ACTIONS)
        if fellows <= OUTCOME_LIMIT:
            self.outcomes.append(outcome)
        elif fellows == OUTCOME_LIMIT + 1:
            what = "failures" if outcome.error else "changes, with before and after,"
            self.notes.append(f"only the first {OUTCOME_LIMIT} {what} are listed; the counts are of all")

    @property
    def failed(self) -> bool:
        """Whether anything went wrong."""
        return bool(self.error) or self.counts["failed"] > 0

    @property
    def changed(self) -> bool:
        """Whether either side was (or, in check mode, would be) written to."""
        return any(self.counts[action] for action in ACTIONS)

    @property
    def looked_at(self) -> int:
        """How many objects the run has come to the end of."""
        return self.counts.total()

    def as_dict(self, *, outcomes: bool = True) -> dict[str, Any]:
        """Return the report as data, the same keys whatever happened; without the outcomes while a run goes on."""
        return {
            "connection": self.connection,
            "listed": {"model_package_groups": self.listed["model group"], "model_packages": self.listed["model"]},
            "counts": {
                **{name: self.counts[action] for action, name in ACTIONS.items()},
                **{name: self.counts[name] for name in ("unchanged", "held", "failed")},
            },
            "outcomes": [outcome.as_dict() for outcome in self.outcomes] if outcomes else [],
            "notes": list(self.notes),
            "error": self.error,
            "seconds": round(self.seconds, 3),
            "calls": {side: dict(sorted(calls.items())) for side, calls in self.calls.items()},
            "throttling": {"registry_throttled": 0, "console_calls_per_second": None, **self.throttling},
            "progress": self.progress.as_dict(),
        }

    def diff(self) -> dict[str, dict[str, Any]]:
        """Return what Ansible shows with --diff: the fields that change, by the name of the console object."""
        before = {_title(outcome): dict(outcome.operation.before) for outcome in self.outcomes}
        after = {_title(outcome): dict(outcome.operation.after) for outcome in self.outcomes}
        return {"before": _present(before), "after": _present(after)}


def _title(outcome: Outcome) -> str:
    return f"{outcome.operation.kind.value} {outcome.operation.name}"


def _present(values: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    return {title: fields for title, fields in values.items() if fields}
