# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CloudWatch alarms on SQS queues: what they should be, what they are, and the way between; pure functions.

Metrics: docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
Ranges: docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .arn import parse_arn
from .errors import InputError
from .plan import Operation, Plan, make_plan
from .tags import plan_tags, simulate_tags

PERIOD = 300  # seconds; SQS sends its metrics every minute for active queues, with a delay
MOST_ACTIONS = 5


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm. `settings` has the members of `MEMBERS` under their names in Ansible."""

    name: str
    arn: str
    settings: Mapping[str, Any]
    tags: Mapping[str, str] = field(default_factory=dict)

    def as_result(self) -> dict[str, Any]:
        """The alarm as the module returns it."""
        return {"name": self.name, "arn": self.arn, **self.settings, "tags": dict(self.tags)}


# name in Ansible → member of PutMetricAlarm and DescribeAlarms
MEMBERS: Mapping[str, str] = {
    "description": "AlarmDescription",
    "namespace": "Namespace",
    "metric": "MetricName",
    "dimensions": "Dimensions",
    "statistic": "Statistic",
    "period": "Period",
    "evaluation_periods": "EvaluationPeriods",
    "threshold": "Threshold",
    "comparison": "ComparisonOperator",
    "missing_data": "TreatMissingData",
    "actions": "AlarmActions",
    "ok_actions": "OKActions",
    "insufficient_data_actions": "InsufficientDataActions",
    "actions_enabled": "ActionsEnabled",
}
_UNTOUCHED: Mapping[str, Any] = {
    "actions": [],
    "ok_actions": [],
    "insufficient_data_actions": [],
    "actions_enabled": True,
}


@dataclass(frozen=True, slots=True)
class AlarmsState:
    """Those of a set of alarms that exist, by name."""

    alarms: Mapping[str, Alarm]

    def as_result(self) -> dict[str, Any]:
        """The alarms as the module returns them, sorted by name."""
        return {"alarms": [self.alarms[name].as_result() for name in sorted(self.alarms)]}


@dataclass(frozen=True, slots=True)
class DesiredAlarms:
    """The alarms that shall be there: settings by name; what a setting does not name is left as it is."""

    alarms: Mapping[str, Mapping[str, Any]]
    present: bool = True
    tags: Mapping[str, str] | None = None


def queue_alarm(
    queue: str, metric: str, threshold: float, description: str, actions: Sequence[str] | None
) -> dict[str, Any]:
    """Settings of an alarm that goes off when the highest value of a queue's metric in five minutes is over a bound."""
    given = {} if actions is None else {"actions": list(actions)}
    return {
        "description": description,
        "namespace": "AWS/SQS",
        "metric": metric,
        "dimensions": {"QueueName": queue},
        "statistic": "Maximum",
        "period": PERIOD,
        "evaluation_periods": 1,
        "threshold": float(threshold),
        "comparison": "GreaterThanThreshold",
        # A queue that nobody used for hours sends no metrics at all; that is no alarm.
        "missing_data": "notBreaching",
        **given,
    }


def check_actions(actions: Sequence[str]) -> None:
    """Raise InputError for alarm actions that CloudWatch would refuse."""
    for action in actions:
        parse_arn(action, "alarms.actions")
    if len(actions) > MOST_ACTIONS:
        raise InputError(f"alarms.actions has {len(actions)} members; an alarm has at most {MOST_ACTIONS}.")


def plan_alarms(
    desired: DesiredAlarms, current: AlarmsState | None, identity: Callable[[str], str]
) -> Plan[AlarmsState]:
    """The operations from `current` to `desired`; `identity` gives the ARN of an alarm yet to be made by its name."""
    there = current.alarms if current else {}
    if not desired.present:
        before = {"alarms": {name: there[name].as_result() for name in sorted(there)}}
        return make_plan(current, (Operation("delete_alarms", before),) if there else (), simulate_alarms)
    operations: list[Operation] = []
    for name in sorted(desired.alarms):
        operations += _alarm_operations(name, desired, there.get(name), identity)
    return make_plan(current, tuple(operations), simulate_alarms)


def _alarm_operations(
    name: str, desired: DesiredAlarms, current: Alarm | None, identity: Callable[[str], str]
) -> list[Operation]:
    wanted = desired.alarms[name]
    if current is None:
        after = Alarm(name, identity(name), {**_UNTOUCHED, **wanted}, dict(desired.tags or {}))
        return [Operation("create_alarm", {"name": name}, {"alarm": after})]
    operations = []
    changes = {key: value for key, value in wanted.items() if value != current.settings.get(key)}
    if changes:
        # PutMetricAlarm replaces everything, so it is told the rest as it is.
        after = replace(current, settings={**current.settings, **wanted})
        operations.append(Operation("put_alarm", {"name": name, "alarm": current}, {"alarm": after}))
    tag, _untag = plan_tags(current.tags, desired.tags, False)
    if tag:
        operations.append(
            Operation("tag_alarm", {"name": name, **tag.before}, {"name": name, "arn": current.arn, **tag.after})
        )
    return operations


def simulate_alarms(state: AlarmsState | None, operation: Operation) -> AlarmsState | None:
    """The alarms after an operation."""
    there = dict(state.alarms) if state else {}
    if operation.name == "delete_alarms":
        return None
    if operation.name == "tag_alarm":
        alarm = there[operation.before["name"]]
        changed = replace(alarm, tags=simulate_tags(alarm.tags, Operation("tag", {}, operation.after)))
        return AlarmsState({**there, alarm.name: changed})
    return AlarmsState({**there, operation.before["name"]: operation.after["alarm"]})
