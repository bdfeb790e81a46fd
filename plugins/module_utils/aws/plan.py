# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare, plan, apply: the shape that every AWS resource of this collection shares.

A resource brings four things: a frozen state, `plan(desired, current) -> Plan` and `simulate(state, operation)`, both
pure, and `apply(operation)` that makes AWS calls. `converge` joins them. Changed, check mode, diff and the result
in check mode all follow from the plan, so they cannot disagree with what a real run does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from .errors import AwsError


@dataclass(frozen=True, slots=True)
class Operation:
    """One named step; `before` and `after` hold just what the step changes, in the words of the result."""

    name: str
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)


class Resource(Protocol):
    """The state of a resource that exists."""

    def as_result(self) -> dict[str, Any]:
        """The state as a module returns it: plain values only."""


S = TypeVar("S", bound=Resource)


@dataclass(frozen=True, slots=True)
class Plan(Generic[S]):
    """The way from `before` to `after`; None stands for a resource that does not exist."""

    before: S | None
    after: S | None
    operations: tuple[Operation, ...]

    @property
    def changed(self) -> bool:
        """Whether anything is to be done."""
        return bool(self.operations)

    def diff(self) -> dict[str, dict[str, Any]]:
        """Before and after as Ansible's diff mode shows them."""
        return {"before": describe(self.before) or {}, "after": describe(self.after) or {}}


@dataclass(frozen=True, slots=True)
class Outcome(Generic[S]):
    """What was planned and what is there now (in check mode: what would be there)."""

    plan: Plan[S]
    state: S | None
    warnings: tuple[str, ...] = ()


def describe(state: S | None) -> dict[str, Any] | None:
    """A state as a result value; None for a resource that does not exist."""
    return None if state is None else state.as_result()


def make_plan(
    before: S | None, operations: tuple[Operation, ...], simulate: Callable[[S | None, Operation], S | None]
) -> Plan[S]:
    """A plan whose `after` is `before` with each operation simulated in turn."""
    after = before
    for operation in operations:
        after = simulate(after, operation)
    return Plan(before, after, operations)


def converge(
    plan: Plan[S],
    *,
    check_mode: bool,
    apply: Callable[[Operation], None],
    read_back: Callable[[Plan[S]], tuple[S | None, tuple[str, ...]]],
) -> Outcome[S]:
    """Carry the plan out, then read the resource back; in check mode do neither.

    `read_back` answers with the state and with warnings about what AWS does not show yet. An AwsError on the way gets
    the names of the operations that were done before it as the detail `operations_done`.
    """
    if check_mode or not plan.changed:
        return Outcome(plan, plan.after)
    for index, operation in enumerate(plan.operations):
        try:
            apply(operation)
        except AwsError as error:
            error.details["operations_done"] = [done.name for done in plan.operations[:index]]
            raise
    state, warnings = read_back(plan)
    return Outcome(plan, state, warnings)
