# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resource Explorer: the index of a region and its views.

`ensure_index` and `ensure_view` are what modules call; they need a client and no Ansible module, so that one process
can do many accounts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from .client import ServiceClient
from .errors import AwsError
from .patience import Patience
from .plan import Operation, Outcome, Plan, converge
from .resource_explorer_plan import (
    AGGREGATOR,
    DesiredIndex,
    DesiredView,
    IndexState,
    ViewState,
    plan_index,
    plan_view,
)

_ABSENT = ("ResourceNotFoundException",)
_NO_INDEX = "DELETED"
_INDEX = "the index of the region"
_BUSY = frozenset(("CREATING", "UPDATING", "DELETING"))


def read_index(explorer: ServiceClient) -> IndexState | None:
    """The index of the client's region; one call."""
    answer = explorer.find("get_index", _INDEX, _ABSENT)
    if answer is None:
        return None
    state = explorer.required(answer, "State", "get_index", _INDEX)
    if state == _NO_INDEX:
        return None
    arn = explorer.required(answer, "Arn", "get_index", _INDEX)
    return IndexState(arn, answer.get("Type") or "LOCAL", state, dict(answer.get("Tags") or {}))


def aggregator_region(explorer: ServiceClient) -> str | None:
    """The region that has the account's aggregator index; one call."""
    found = explorer.pages("list_indexes", "the aggregator index of the account", "Indexes", Type=AGGREGATOR)
    return str(found[0]["Region"]) if found else None


def ensure_index(
    explorer: ServiceClient, desired: DesiredIndex, *, check_mode: bool, patience: Patience
) -> Outcome[IndexState]:
    """Make the region's index what it should be and read it back; in check mode only say what would be done.

    AWS works in the background: an index that is busy is waited for before it is changed.
    """
    current = read_index(explorer)
    writer = _IndexWriter(explorer, desired, patience, current.arn if current else "")
    if current is not None and current.state in _BUSY and not check_mode:
        current = writer.idle()
        writer.arn = current.arn if current else ""
    plan = plan_index(desired, current, explorer.region, lambda: aggregator_region(explorer))
    return converge(plan, check_mode=check_mode, apply=writer.apply, read_back=writer.read_back)


@dataclass(slots=True)
class _IndexWriter:
    """Carries out the operations of the region's index."""

    explorer: ServiceClient
    desired: DesiredIndex
    patience: Patience
    arn: str

    def idle(self) -> IndexState | None:
        """The index once AWS is done with what it does in the background."""
        state, settled = self.patience.until(
            lambda: read_index(self.explorer), lambda answer: answer is None or answer.state not in _BUSY
        )
        if not settled and state is not None:
            raise AwsError(
                f"The Resource Explorer index of {self.explorer.region} is {state.state} and cannot be changed now; "
                "set wait: true and a longer wait_timeout, or run again later."
            )
        return state

    def apply(self, operation: Operation) -> None:
        """One AWS call an operation; a new index is waited for, as it cannot be changed before it is active."""
        explorer, after = self.explorer, operation.after
        if operation.name == "create_index":
            answer = explorer.call("create_index", _INDEX, Tags=after["tags"])
            self.arn = explorer.required(answer, "Arn", "create_index", _INDEX)
            if self.desired.type == AGGREGATOR:
                self.idle()
        elif operation.name == "update_index_type":
            explorer.call("update_index_type", self.arn, Arn=self.arn, Type=after["type"])
        elif operation.name == "delete_index":
            explorer.find("delete_index", self.arn, _ABSENT, Arn=self.arn)
        else:
            _tag(explorer, self.arn, operation)

    def read_back(self, plan: Plan[IndexState]) -> tuple[IndexState | None, tuple[str, ...]]:
        """Read until AWS is done in the background."""

        def done(state: IndexState | None) -> bool:
            if plan.after is None or state is None:
                return plan.after is state is None
            wanted = (plan.after.type, dict(plan.after.tags))
            return state.state == "ACTIVE" and (state.type, dict(state.tags)) == wanted

        state, settled = self.patience.until(lambda: read_index(self.explorer), done)
        if settled:
            return state, ()
        shown = state.state if state else "not there"
        return state, (
            f"Resource Explorer took the change of the index of {self.explorer.region} and still works on it "
            f"({shown}); replication between regions may take hours.",
        )


def _tag(explorer: ServiceClient, arn: str, operation: Operation) -> None:
    if operation.name == "tag":
        explorer.call("tag_resource", arn, resourceArn=arn, Tags=operation.after["tags"])
    else:
        explorer.call("untag_resource", arn, resourceArn=arn, tagKeys=list(operation.before["tags"]))


# --- views ----------------------------------------------------------------------------------------------------------


def read_view(explorer: ServiceClient, name: str) -> ViewState | None:
    """The view of this name in the client's region: three calls, one where there is none.

    A view's ARN ends in `view/NAME/ID`, and only the list of ARNs leads from the name to it.
    """
    arns = explorer.pages("list_views", "all views of the region", "Views")
    arn = next((arn for arn in arns if arn.split(":")[-1].split("/")[:2] == ["view", name]), None)
    return None if arn is None else _read_view_at(explorer, name, arn)


def _read_view_at(explorer: ServiceClient, name: str, arn: str) -> ViewState | None:
    answer = explorer.find("get_view", name, _ABSENT, ViewArn=arn)
    if answer is None:
        return None
    view: Mapping[str, Any] = explorer.required(answer, "View", "get_view", name)
    default = explorer.find("get_default_view", "the default view of the region", _ABSENT) or {}
    return ViewState(
        name=name,
        arn=arn,
        filter_string=(view.get("Filters") or {}).get("FilterString", ""),
        included_properties=frozenset(found["Name"] for found in view.get("IncludedProperties") or []),
        scope=view.get("Scope"),
        is_default=default.get("ViewArn") == arn,
        tags=dict(answer.get("Tags") or {}),
    )


def ensure_view(
    explorer: ServiceClient, desired: DesiredView, *, check_mode: bool, patience: Patience
) -> Outcome[ViewState]:
    """Make the view what it should be and read it back; in check mode only say what would be done."""
    current = read_view(explorer, desired.name)
    plan = plan_view(desired, current)
    warnings = _without_index(explorer, desired.name, check_mode) if plan.changed and current is None else ()
    writer = _ViewWriter(explorer, desired, patience, current.arn if current else "")
    outcome = converge(plan, check_mode=check_mode, apply=writer.apply, read_back=writer.read_back)
    return replace(outcome, warnings=(*warnings, *outcome.warnings))


def _without_index(explorer: ServiceClient, view: str, check_mode: bool) -> tuple[str, ...]:
    """A view needs an index to look into; in check mode an earlier task may be about to make it."""
    if read_index(explorer) is not None:
        return ()
    text = f"{explorer.region} has no Resource Explorer index that the view {view!r} could look into"
    if not check_mode:
        raise AwsError(f"{text}; make it with resource_explorer_index first.")
    return (f"{text}; the view is shown as if there were one.",)


@dataclass(slots=True)
class _ViewWriter:
    """Carries out the operations of one view."""

    explorer: ServiceClient
    desired: DesiredView
    patience: Patience
    arn: str

    def apply(self, operation: Operation) -> None:
        """One AWS call an operation."""
        explorer, name, after = self.explorer, self.desired.name, operation.after
        if operation.name == "create_view":
            self._create(after)
        elif operation.name == "update_view":
            explorer.call("update_view", name, ViewArn=self.arn, **_content(after))
        elif operation.name == "delete_view":
            explorer.find("delete_view", name, _ABSENT, ViewArn=self.arn)
        elif operation.name == "associate_default_view":
            explorer.call("associate_default_view", name, ViewArn=self.arn)
        elif operation.name == "disassociate_default_view":
            explorer.call("disassociate_default_view", name)
        else:
            _tag(explorer, self.arn, operation)

    def _create(self, after: Mapping[str, Any]) -> None:
        name = self.desired.name
        scope = {"Scope": after["scope"]} if after["scope"] else {}
        answer = self.explorer.call("create_view", name, ViewName=name, Tags=after["tags"], **_content(after), **scope)
        view = self.explorer.required(answer, "View", "create_view", name)
        self.arn = view["ViewArn"]

    def read_back(self, plan: Plan[ViewState]) -> tuple[ViewState | None, tuple[str, ...]]:
        """Read until the view shows what was written."""
        name = self.desired.name

        def read() -> ViewState | None:
            return _read_view_at(self.explorer, name, self.arn) if plan.after else read_view(self.explorer, name)

        state, settled = self.patience.until(read, lambda answer: not plan_view(self.desired, answer).changed)
        if settled:
            return state, ()
        return state, (f"Resource Explorer took the change of the view {name} but does not show it yet.",)


def _content(after: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "Filters": {"FilterString": after["filter_string"]},
        "IncludedProperties": [{"Name": name} for name in sorted(after["included_properties"])],
    }
