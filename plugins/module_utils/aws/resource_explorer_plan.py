# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a region's Resource Explorer index and its views should be, what they are, and the way between: pure functions.

A region has one index; an account has one aggregator among them. A view's scope cannot be changed.
docs.aws.amazon.com/resource-explorer/latest/userguide/manage-aggregator-region.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .arn import parse_arn
from .errors import InputError
from .plan import Operation, Plan, make_plan
from .tags import plan_tags, simulate_tags

LOCAL = "LOCAL"
AGGREGATOR = "AGGREGATOR"

_VIEW_NAME = re.compile(r"[A-Za-z0-9-]{1,64}")
_LONGEST_FILTER = 2048


@dataclass(frozen=True, slots=True)
class IndexState:
    """The index of a region. `state` is CREATING, ACTIVE, UPDATING or DELETING."""

    arn: str
    type: str = LOCAL
    state: str = "ACTIVE"
    tags: Mapping[str, str] = field(default_factory=dict)

    def as_result(self) -> dict[str, Any]:
        """The index as the module returns it."""
        return {"arn": self.arn, "type": self.type, "state": self.state, "tags": dict(self.tags)}


@dataclass(frozen=True, slots=True)
class DesiredIndex:
    """What a user asks for; None is for what was not given."""

    present: bool = True
    type: str | None = None
    tags: Mapping[str, str] | None = None
    purge_tags: bool = True


def plan_index(
    desired: DesiredIndex, current: IndexState | None, region: str, aggregator: Callable[[], str | None]
) -> Plan[IndexState]:
    """The operations from `current` to `desired`; `aggregator` gives the region of the account's aggregator index.

    It is asked only when this index is to become the aggregator. Raises InputError when another region has it.
    """
    operations: list[Operation | None] = []
    if not desired.present:
        operations = [Operation("delete_index", current.as_result())] if current else []
        return make_plan(current, tuple(operation for operation in operations if operation), simulate_index)
    if desired.type == AGGREGATOR and (current is None or current.type != AGGREGATOR):
        _check_aggregator(region, aggregator())
    if current is None:
        tags = dict(desired.tags or {})
        operations.append(Operation("create_index", {}, {"arn": "", "tags": tags}))
    is_now = current.type if current else LOCAL
    if desired.type not in (None, is_now):
        operations.append(Operation("update_index_type", {"type": is_now}, {"type": desired.type}))
    if current is not None:
        operations += plan_tags(current.tags, desired.tags, desired.purge_tags)
    return make_plan(current, tuple(operation for operation in operations if operation), simulate_index)


def _check_aggregator(region: str, there: str | None) -> None:
    if there and there != region:
        raise InputError(
            f"The aggregator index of this account is in {there}, and an account has one; make that one LOCAL before "
            f"the index of {region} becomes AGGREGATOR (after deleting an aggregator AWS wants 24 hours)."
        )


def simulate_index(state: IndexState | None, operation: Operation) -> IndexState | None:
    """The index after an operation, as AWS would have it once it is done in the background."""
    if operation.name == "create_index":
        return IndexState(**operation.after)
    if operation.name == "delete_index" or state is None:
        return None
    if operation.name in ("tag", "untag"):
        return replace(state, tags=simulate_tags(state.tags, operation))
    return replace(state, type=operation.after["type"])


# --- views ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ViewState:
    """A view. `is_default` says whether the region's searches use it when they name none."""

    name: str
    arn: str
    filter_string: str = ""
    included_properties: frozenset[str] = frozenset()
    scope: str | None = None
    is_default: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)

    def as_result(self) -> dict[str, Any]:
        """The view as the module returns it."""
        return {
            "name": self.name,
            "arn": self.arn,
            "filter_string": self.filter_string,
            "included_properties": sorted(self.included_properties),
            "scope": self.scope,
            "default": self.is_default,
            "tags": dict(self.tags),
        }


@dataclass(frozen=True, slots=True)
class DesiredView:
    """What a user asks for; None is for what was not given, an empty value clears."""

    name: str
    present: bool = True
    filter_string: str | None = None
    included_properties: Sequence[str] | None = None
    scope: str | None = None
    is_default: bool | None = None
    tags: Mapping[str, str] | None = None
    purge_tags: bool = True


def check_view(desired: DesiredView) -> None:
    """Raise InputError for what cannot be right whatever the view is now."""
    if not _VIEW_NAME.fullmatch(desired.name):
        raise InputError(f"name is {desired.name!r}; a view's name has 1 to 64 letters, digits and hyphens.")
    size = len(desired.filter_string or "")
    if size > _LONGEST_FILTER:
        raise InputError(f"filter_string has {size} characters; AWS takes at most {_LONGEST_FILTER}.")
    if desired.scope is not None:
        parse_arn(desired.scope, "scope")


def plan_view(desired: DesiredView, current: ViewState | None) -> Plan[ViewState]:
    """The operations from `current` to `desired`."""
    if not desired.present:
        removal = (Operation("delete_view", current.as_result()),) if current else ()
        return make_plan(current, removal, simulate_view)
    operations: list[Operation | None] = []
    if current is None:
        operations.append(_creation(desired))
    else:
        operations.append(_update(desired, current))
        operations += plan_tags(current.tags, desired.tags, desired.purge_tags)
    was = current.is_default if current else False
    if desired.is_default not in (None, was):
        name = "associate_default_view" if desired.is_default else "disassociate_default_view"
        operations.append(Operation(name, {"is_default": was}, {"is_default": desired.is_default}))
    return make_plan(current, tuple(operation for operation in operations if operation), simulate_view)


def _creation(desired: DesiredView) -> Operation:
    after = {
        "name": desired.name,
        "arn": "",
        "filter_string": desired.filter_string or "",
        "included_properties": frozenset(desired.included_properties or ()),
        "scope": desired.scope,
        "tags": dict(desired.tags or {}),
    }
    return Operation("create_view", {}, after)


def _update(desired: DesiredView, current: ViewState) -> Operation | None:
    """UpdateView is told both, so that nothing hangs on what it does with one left out."""
    if desired.scope not in (None, current.scope):
        raise InputError(
            f"The view {desired.name!r} has the scope {current.scope} and AWS cannot change that; delete the view "
            "first, or leave scope out."
        )
    is_now: dict[str, Any] = {
        "filter_string": current.filter_string,
        "included_properties": current.included_properties,
    }
    after = dict(is_now)
    if desired.filter_string is not None:
        after["filter_string"] = desired.filter_string
    if desired.included_properties is not None:
        after["included_properties"] = frozenset(desired.included_properties)
    return Operation("update_view", is_now, after) if after != is_now else None


def simulate_view(state: ViewState | None, operation: Operation) -> ViewState | None:
    """The view after an operation, as AWS would have it."""
    if operation.name == "create_view":
        return ViewState(**operation.after)
    if operation.name == "delete_view" or state is None:
        return None
    if operation.name in ("tag", "untag"):
        return replace(state, tags=simulate_tags(state.tags, operation))
    return replace(state, **operation.after)
