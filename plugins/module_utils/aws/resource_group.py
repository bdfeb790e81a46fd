# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resource groups: read one, list them and their members, make one what it should be.

`ensure_group` is what modules call; it needs a client and no Ansible module, so that one process can do many accounts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from .arn import Arn
from .client import ServiceClient
from .documents import compact
from .identity import AccountId
from .patience import Patience
from .plan import Operation, Outcome, Plan, converge
from .resource_group_plan import Configuration, DesiredGroup, GroupState, Query, plan_group

_ABSENT = ("NotFoundException",)
# What AWS answers to a question about the query of a group with a configuration, and the other way round.
_OTHER_KIND = ("BadRequestException",)


def read_group(groups: ServiceClient, name: str) -> GroupState | None:
    """The group of this name: three calls, four for one with a configuration, one where there is none."""
    answer = groups.find("get_group", name, _ABSENT, Group=name)
    if answer is None:
        return None
    found = groups.required(answer, "Group", "get_group", name)
    arn = found["GroupArn"]
    query = _read_query(groups, name)
    tags = groups.call("get_tags", arn, Arn=arn)
    return GroupState(
        name=found["Name"],
        arn=arn,
        description=found.get("Description") or "",
        query=query,
        configuration=_read_configuration(groups, name) if query is None else None,
        tags=dict(groups.required(tags, "Tags", "get_tags", arn)),
    )


def _read_query(groups: ServiceClient, name: str) -> Query | None:
    answer = groups.find("get_group_query", name, _OTHER_KIND, Group=name)
    if answer is None:
        return None
    query = groups.required(answer, "GroupQuery", "get_group_query", name)["ResourceQuery"]
    return {"type": query["Type"], "query": json.loads(query["Query"])}


def _read_configuration(groups: ServiceClient, name: str) -> Configuration | None:
    answer = groups.find("get_group_configuration", name, _OTHER_KIND, Group=name)
    if answer is None:
        return None
    found = groups.required(answer, "GroupConfiguration", "get_group_configuration", name)
    items = found.get("ProposedConfiguration") or found.get("Configuration") or []
    return [
        {
            "type": item["Type"],
            "parameters": [
                {"name": parameter["Name"], "values": list(parameter.get("Values") or [])}
                for parameter in item.get("Parameters") or []
            ],
        }
        for item in items
    ]


def group_names(groups: ServiceClient) -> list[str]:
    """The names of all groups of the account and region, sorted."""
    found = groups.pages("list_groups", "all resource groups", "GroupIdentifiers")
    return sorted(entry["GroupName"] for entry in found)


def group_members(groups: ServiceClient, name: str) -> list[dict[str, str]]:
    """The resources that a group holds now, by ARN: `arn` and `type` (as AWS::SQS::Queue)."""
    found = groups.pages("list_group_resources", name, "Resources", Group=name)
    identifiers = (entry["Identifier"] for entry in found)
    members = [{"arn": entry["ResourceArn"], "type": entry.get("ResourceType", "")} for entry in identifiers]
    return sorted(members, key=lambda member: member["arn"])


def ensure_group(
    groups: ServiceClient, desired: DesiredGroup, *, account: AccountId, check_mode: bool, patience: Patience
) -> Outcome[GroupState]:
    """Make the group what it should be and read it back; in check mode only say what would be done."""
    current = read_group(groups, desired.name)
    plan = plan_group(desired, current, partial(_future_arn, groups, desired.name, account))
    writer = _Writer(groups, desired, patience, plan.after.arn if plan.after else "")
    return converge(plan, check_mode=check_mode, apply=writer.apply, read_back=writer.read_back)


def _future_arn(groups: ServiceClient, name: str, account: AccountId) -> str:
    return str(Arn(groups.partition, "resource-groups", groups.region, account(), f"group/{name}"))


@dataclass(frozen=True, slots=True)
class _Writer:
    """Carries out the operations of one group."""

    groups: ServiceClient
    desired: DesiredGroup
    patience: Patience
    arn: str

    def apply(self, operation: Operation) -> None:
        """One AWS call an operation."""
        groups, name, after = self.groups, self.desired.name, operation.after
        if operation.name == "create_group":
            self._create(after)
        elif operation.name == "delete_group":
            groups.find("delete_group", name, _ABSENT, Group=name)
        elif operation.name == "update_group":
            groups.call("update_group", name, Group=name, Description=after["description"])
        elif operation.name == "update_group_query":
            groups.call("update_group_query", name, Group=name, ResourceQuery=_render_query(after["query"]))
        elif operation.name == "put_group_configuration":
            configuration = _render_configuration(after["configuration"])
            groups.call("put_group_configuration", name, Group=name, Configuration=configuration)
        elif operation.name == "tag":
            groups.call("tag", self.arn, Arn=self.arn, Tags=after["tags"])
        else:
            groups.call("untag", self.arn, Arn=self.arn, Keys=list(operation.before["tags"]))

    def _create(self, after: Mapping[str, Any]) -> None:
        parameters: dict[str, Any] = {"Description": after["description"]} if after["description"] else {}
        if after["query"] is not None:
            parameters["ResourceQuery"] = _render_query(after["query"])
        if after["configuration"] is not None:
            parameters["Configuration"] = _render_configuration(after["configuration"])
        if after["tags"]:
            parameters["Tags"] = after["tags"]
        self.groups.call("create_group", self.desired.name, Name=self.desired.name, **parameters)

    def read_back(self, plan: Plan[GroupState]) -> tuple[GroupState | None, tuple[str, ...]]:
        """Read until the group shows what was written: a configuration is attached in the background."""
        name = self.desired.name

        def left(state: GroupState | None) -> tuple[Operation, ...]:
            return plan_group(self.desired, state, lambda: "").operations

        state, settled = self.patience.until(lambda: read_group(self.groups, name), lambda answer: not left(answer))
        if settled:
            return state, ()
        late = ", ".join(operation.name for operation in left(state))
        return state, (f"Resource Groups accepted the change of {name} but does not show it yet: {late}.",)


def _render_query(query: Query) -> dict[str, str]:
    return {"Type": query["type"], "Query": compact(query["query"])}


def _render_configuration(configuration: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "Type": item["type"],
            "Parameters": [
                {"Name": parameter["name"], "Values": list(parameter["values"])} for parameter in item["parameters"]
            ],
        }
        for item in configuration
    ]
