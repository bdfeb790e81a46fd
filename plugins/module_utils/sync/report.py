# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an existing-model sync reports: counts, outcomes of the entities that were touched, calls, and notes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .plan import Operation

OUTCOME_LIMIT = 1000
"""Outcomes kept with their values; beyond it only the counts go on."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one entity: ``error`` is empty when the operation was done (or, in check mode, would be)."""

    operation: Operation
    object_id: str | None
    error: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the outcome as data for a result or a run record."""
        return {
            "action": self.operation.action,
            "kind": self.operation.kind.value,
            "name": self.operation.name,
            "arn": self.operation.arn,
            "object_id": self.object_id,
            "error": self.error,
        }


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

    def add(self, outcome: Outcome) -> None:
        """Count an outcome, and keep it while there are few."""
        self.counts["failed" if outcome.error else outcome.operation.action] += 1
        if len(self.outcomes) < OUTCOME_LIMIT:
            self.outcomes.append(outcome)

    @property
    def failed(self) -> bool:
        """Whether anything went wrong."""
        return bool(self.error) or self.counts["failed"] > 0

    @property
    def changed(self) -> bool:
        """Whether the console was (or, in check mode, would be) written to."""
        return any(self.counts[action] for action in ("create", "update", "decommission", "restore"))

    def as_dict(self) -> dict[str, Any]:
        """Return the report as data; the same keys whatever happened."""
        actions = {"create": "created", "update": "updated", "decommission": "decommissioned", "restore": "restored"}
        return {
            "connection": self.connection,
            "listed": {"model_package_groups": self.listed["model group"], "model_packages": self.listed["model"]},
            "counts": {
                **{name: self.counts[action] for action, name in actions.items()},
                **{name: self.counts[name] for name in ("unchanged", "held", "failed")},
            },
            "outcomes": [outcome.as_dict() for outcome in self.outcomes],
            "notes": self.notes,
            "error": self.error,
            "seconds": round(self.seconds, 3),
            "calls": {side: dict(sorted(calls.items())) for side, calls in self.calls.items()},
        }

    def diff(self) -> dict[str, dict[str, Any]]:
        """Return what Ansible shows with --diff: the fields that change, by the name of the console object."""
        before = {_title(outcome): dict(outcome.operation.before) for outcome in self.outcomes}
        after = {_title(outcome): dict(outcome.operation.after) for outcome in self.outcomes}
        return {"before": {name: values for name, values in before.items() if values}, "after": after}


def _title(outcome: Outcome) -> str:
    return f"{outcome.operation.kind.value} {outcome.operation.name}"
