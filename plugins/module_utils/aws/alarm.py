# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CloudWatch alarms: read those of some names, make them what they should be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .alarm_plan import MEMBERS, Alarm, AlarmsState, DesiredAlarms, plan_alarms
from .arn import Arn
from .client import ServiceClient
from .identity import AccountId
from .patience import Patience
from .plan import Operation, Outcome, Plan, converge

_ABSENT = ("ResourceNotFound", "ResourceNotFoundException")


def read_alarms(cloudwatch: ServiceClient, names: list[str], with_tags: bool) -> AlarmsState | None:
    """Those of the alarms that exist, None where none does: one call, and one an alarm for its tags."""
    found = cloudwatch.pages("describe_alarms", ", ".join(names), "MetricAlarms", AlarmNames=names)
    alarms = {
        entry["AlarmName"]: Alarm(
            name=entry["AlarmName"],
            arn=entry["AlarmArn"],
            settings={name: _parse(name, entry.get(member)) for name, member in MEMBERS.items()},
            tags=_tags(cloudwatch, entry["AlarmArn"]) if with_tags else {},
        )
        for entry in found
    }
    return AlarmsState(alarms) if alarms else None


def _parse(name: str, value: Any) -> Any:
    if name == "dimensions":
        return {dimension["Name"]: dimension["Value"] for dimension in value or ()}
    if name == "threshold":
        return None if value is None else float(value)
    return value


def _tags(cloudwatch: ServiceClient, arn: str) -> dict[str, str]:
    answer = cloudwatch.call("list_tags_for_resource", arn, ResourceARN=arn)
    found = cloudwatch.required(answer, "Tags", "list_tags_for_resource", arn)
    return {tag["Key"]: tag["Value"] for tag in found}


def ensure_alarms(
    cloudwatch: ServiceClient, desired: DesiredAlarms, *, account: AccountId, check_mode: bool, patience: Patience
) -> Outcome[AlarmsState]:
    """Make the alarms what they should be and read them back; in check mode only say what would be done."""
    names, with_tags = sorted(desired.alarms), desired.present and desired.tags is not None

    def arn_of(name: str) -> str:
        return str(Arn(cloudwatch.partition, "cloudwatch", cloudwatch.region, account(), f"alarm:{name}"))

    def read() -> AlarmsState | None:
        return read_alarms(cloudwatch, names, with_tags)

    def read_back(_plan: Plan[AlarmsState]) -> tuple[AlarmsState | None, tuple[str, ...]]:
        state, settled = patience.until(read, lambda answer: not plan_alarms(desired, answer, arn_of).changed)
        late = f"CloudWatch accepted the change of {', '.join(names)} but does not show it yet."
        return state, () if settled else (late,)

    plan = plan_alarms(desired, read(), arn_of)
    return converge(plan, check_mode=check_mode, apply=_Writer(cloudwatch).apply, read_back=read_back)


@dataclass(frozen=True, slots=True)
class _Writer:
    cloudwatch: ServiceClient

    def apply(self, operation: Operation) -> None:
        """One AWS call an operation."""
        if operation.name == "delete_alarms":
            names = list(operation.before["alarms"])
            self.cloudwatch.find("delete_alarms", ", ".join(names), _ABSENT, AlarmNames=names)
        elif operation.name == "tag_alarm":
            arn = operation.after["arn"]
            self.cloudwatch.call("tag_resource", arn, ResourceARN=arn, Tags=_tag_list(operation.after["tags"]))
        else:
            self._put(operation.after["alarm"], new=operation.name == "create_alarm")

    def _put(self, alarm: Alarm, new: bool) -> None:
        """Tags are taken only for a new alarm."""
        parameters = {MEMBERS[name]: value for name, value in alarm.settings.items() if value is not None}
        dimensions = [{"Name": name, "Value": value} for name, value in alarm.settings["dimensions"].items()]
        tags = {"Tags": _tag_list(alarm.tags)} if new and alarm.tags else {}
        self.cloudwatch.call(
            "put_metric_alarm", alarm.name, **{**parameters, "AlarmName": alarm.name, "Dimensions": dimensions, **tags}
        )


def _tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
