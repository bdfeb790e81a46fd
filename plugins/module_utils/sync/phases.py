# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run of the existing-model sync is made of: phases, one after the other.

A phase knows what is to be done (``operations``) and how one such thing is done (``apply``). When it is done, by how
many threads, what is counted, what a failure means and that check mode does nothing is the engine's (existing.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol, TypeVar

from ..errors import WxgovError


class PlannedOperation(Protocol):
    """An operation as reports and diffs need it; the operations of plan.py are such.

    ``action`` is create, update, decommission or restore for what is written to the console, create_in_registry or
    update_in_registry for what is written to SageMaker (report.ACTIONS). An operation may have an ``object_id``, the
    console's; check mode shows it.
    """

    @property
    def action(self) -> str:
        """What is done."""

    @property
    def kind(self) -> Enum:
        """What it is done to: a member whose value is the word for the reader."""

    @property
    def name(self) -> str:
        """Name of the object or entity."""

    @property
    def arn(self) -> str:
        """ARN of the registry's entity; empty where there is none yet."""

    @property
    def before(self) -> Mapping[str, Any]:
        """The present values of what changes, by field."""

    @property
    def after(self) -> Mapping[str, Any]:
        """The new values of what changes, by field."""


@dataclass(frozen=True, slots=True)
class Unplanned:
    """Stands for the operation of an entity that could not be compared."""

    kind: Enum
    name: str
    arn: str
    action: str = "compare"
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one entity: ``error`` is empty when the operation was done (or, in check mode, would be).

    ``number`` is its place among what the run found, which the engine gives it: outcomes end in any order.
    """

    operation: PlannedOperation
    object_id: str | None
    error: str = ""
    number: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Return the outcome as data for a result or a run record.

        Operations of plan.py say which conflicts they settled and what did not fit; others have neither.
        """
        return {
            "action": self.operation.action,
            "kind": self.operation.kind.value,
            "name": self.operation.name,
            "arn": self.operation.arn,
            "object_id": self.object_id,
            "error": self.error,
            "conflicts": [str(conflict) for conflict in getattr(self.operation, "conflicts", ())],
            "notes": list(getattr(self.operation, "notes", ())),
        }


def sentence_of(error: Exception) -> str:
    """Return what an entity's outcome says of an error; one that nobody foresaw is told from those that were."""
    return str(error) if isinstance(error, WxgovError) else f"Unexpected {type(error).__name__}: {error}"


@dataclass(slots=True)
class Tally:
    """What a phase says of its own work while it goes on; only the thread that reads ``operations`` uses it.

    ``listed`` counts registry entities by the value of their kind; ``total`` is how many entities the phase will look
    at (None: not known); ``notes`` are sentences for the reader. `on_look` is called now and then, for the progress.
    """

    on_look: Callable[[], None]
    listed: Counter[str] = field(default_factory=Counter)
    unchanged: int = 0
    held: int = 0
    total: int | None = None
    notes: list[str] = field(default_factory=list)

    def leave(self) -> None:
        """Count an entity for which nothing is to be done."""
        self.unchanged += 1
        self.on_look()


OperationT = TypeVar("OperationT", bound=PlannedOperation)


class Phase(Protocol[OperationT]):
    """One phase of a run; the next one begins when every operation of this one has been applied or has failed."""

    @property
    def name(self) -> str:
        """What progress calls it, such as "models"."""

    def operations(self, tally: Tally) -> Iterator[OperationT | Outcome]:
        """Yield what is to be done, reading both sides and writing to neither: check mode reads it to its end too.

        An entity that could not be compared is an Outcome with an error (operation: Unplanned). An exception ends the
        whole run, which is right where the listing itself cannot be trusted and nowhere else. One thread reads it,
        while others apply what it has yielded.
        """

    def apply(self, operation: OperationT) -> str | None:
        """Carry out one operation and return the console object's id, if there is one. Several threads call this.

        What it raises is the outcome of this one entity.
        """
