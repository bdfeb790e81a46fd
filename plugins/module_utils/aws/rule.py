# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""EventBridge rules and their targets: read one, make one what it should be.

`ensure_rule` is what modules call; it needs a client and no Ansible module, so that one process can do many accounts.
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
from .errors import AwsError
from .identity import AccountId
from .patience import Patience
from .plan import Operation, Outcome, Plan, converge
from .rule_plan import DesiredRule, RuleState, check_rule_partition, plan_rule, simulate_rule
from .rule_targets import Target, parse_target, render_target
from .rule_test_events import SampleEvent, check_test_events

_ABSENT = ("ResourceNotFoundException",)
_API_NAMES = {
    "description": "Description",
    "event_pattern": "EventPattern",
    "schedule_expression": "ScheduleExpression",
    "role_arn": "RoleArn",
    "state": "State",
}


def read_rule(events: ServiceClient, name: str, bus: str = "default") -> RuleState | None:
    """The rule of this name on a bus; three calls (more for over 100 targets), one where there is none."""
    answer = events.find("describe_rule", name, _ABSENT, Name=name, EventBusName=bus)
    if answer is None:
        return None
    arn = events.required(answer, "Arn", "describe_rule", name)
    targets = events.pages("list_targets_by_rule", name, "Targets", Rule=name, EventBusName=bus)
    tags = events.call("list_tags_for_resource", arn, ResourceARN=arn)
    settings: dict[str, Any] = {key: answer.get(api) or None for key, api in _API_NAMES.items()}
    if settings["event_pattern"]:
        settings["event_pattern"] = json.loads(settings["event_pattern"])
    return RuleState(
        name=name,
        arn=arn,
        event_bus_name=bus,
        settings=settings,
        managed_by=answer.get("ManagedBy"),
        tags={tag["Key"]: tag["Value"] for tag in events.required(tags, "Tags", "list_tags_for_resource", arn)},
        targets={target["Id"]: parse_target(target) for target in targets},
    )


def ensure_rule(
    events: ServiceClient,
    desired: DesiredRule,
    *,
    account: AccountId,
    check_mode: bool,
    patience: Patience,
    test_events: Sequence[SampleEvent] = (),
) -> Outcome[RuleState]:
    """Make the rule what it should be and read it back; in check mode only say what would be done.

    The pattern that the rule would have is tested against `test_events` first; InputError when one goes wrong.
    """
    check_rule_partition(desired, events.partition)
    current = read_rule(events, desired.name, desired.event_bus_name)
    plan = plan_rule(desired, current, partial(_future_arn, events, desired, account))
    if plan.after is not None:
        check_test_events(events, desired.name, plan.after.settings["event_pattern"], test_events)
    writer = _Writer(events, desired, patience, current)
    return converge(plan, check_mode=check_mode, apply=writer.apply, read_back=writer.read_back)


def _future_arn(events: ServiceClient, desired: DesiredRule, account: AccountId) -> str:
    bus = desired.event_bus_name.rsplit("/", 1)[-1]
    resource = f"rule/{desired.name}" if bus == "default" else f"rule/{bus}/{desired.name}"
    return str(Arn(events.partition, "events", events.region, account(), resource))


@dataclass(slots=True)
class _Writer:
    """Carries out the operations of one rule; knows the rule as it is after each of them."""

    events: ServiceClient
    desired: DesiredRule
    patience: Patience
    state: RuleState | None

    def apply(self, operation: Operation) -> None:
        """One AWS call an operation."""
        after = simulate_rule(self.state, operation)
        name, bus = self.desired.name, self.desired.event_bus_name
        if operation.name in ("create_rule", "put_rule") and after is not None:
            self._put_rule(after, new=operation.name == "create_rule")
        elif operation.name == "put_targets":
            self._put_targets(operation.after["targets"])
        elif operation.name == "remove_targets":
            self._remove_targets(list(operation.before["targets"]))
        elif operation.name == "delete_rule":
            self.events.find("delete_rule", name, _ABSENT, Name=name, EventBusName=bus)
        elif self.state is not None:
            self._tag(self.state.arn, operation)
        self.state = after

    def _put_rule(self, rule: RuleState, new: bool) -> None:
        """PutRule replaces the whole rule, so it is told everything; tags it takes only for a new one."""
        settings = {key: value for key, value in rule.settings.items() if value is not None}
        if "event_pattern" in settings:
            settings["event_pattern"] = compact(settings["event_pattern"])
        parameters: dict[str, Any] = {_API_NAMES[key]: value for key, value in settings.items()}
        if new and rule.tags:
            parameters["Tags"] = [{"Key": key, "Value": value} for key, value in rule.tags.items()]
        try:
            self.events.call("put_rule", rule.name, Name=rule.name, EventBusName=rule.event_bus_name, **parameters)
        except AwsError as error:
            if error.code in _ABSENT:
                raise AwsError(f"There is no event bus {rule.event_bus_name!r} for the rule {rule.name!r}.") from error
            raise

    def _put_targets(self, targets: Mapping[str, Target]) -> None:
        name = self.desired.name
        rendered = [render_target(target) for target in targets.values()]
        answer = self.events.call(
            "put_targets", name, Rule=name, EventBusName=self.desired.event_bus_name, Targets=rendered
        )
        raise_failed_entries(answer, "PutTargets", name, len(rendered))

    def _remove_targets(self, ids: list[str]) -> None:
        name = self.desired.name
        answer = self.events.call("remove_targets", name, Rule=name, EventBusName=self.desired.event_bus_name, Ids=ids)
        raise_failed_entries(answer, "RemoveTargets", name, len(ids))

    def _tag(self, arn: str, operation: Operation) -> None:
        if operation.name == "tag":
            tags = [{"Key": key, "Value": value} for key, value in operation.after["tags"].items()]
            self.events.call("tag_resource", arn, ResourceARN=arn, Tags=tags)
        else:
            self.events.call("untag_resource", arn, ResourceARN=arn, TagKeys=list(operation.before["tags"]))

    def read_back(self, plan: Plan[RuleState]) -> tuple[RuleState | None, tuple[str, ...]]:
        """Read until the rule shows what was written: emulators and old endpoints drop parts of targets silently."""
        desired = self.desired

        def left(state: RuleState | None) -> tuple[Operation, ...]:
            return plan_rule(desired, state, lambda: "").operations

        state, settled = self.patience.until(
            lambda: read_rule(self.events, desired.name, desired.event_bus_name), lambda answer: not left(answer)
        )
        if settled:
            return state, ()
        late = ", ".join(operation.name for operation in left(state))
        return state, (f"EventBridge accepted the change of {desired.name} but does not show it yet: {late}.",)


def raise_failed_entries(answer: Mapping[str, Any], action: str, rule: str, asked: int) -> None:
    """Raise AwsError when EventBridge answered 200 and yet refused some entries."""
    failed = [
        {"id": entry.get("TargetId"), "code": entry.get("ErrorCode"), "message": entry.get("ErrorMessage")}
        for entry in answer.get("FailedEntries", [])
    ]
    count = max(int(answer.get("FailedEntryCount", 0)), len(failed))
    if not count:
        return
    each = (
        "; ".join(f"{entry['id']}: {entry['code']}: {entry['message']}" for entry in failed) or "AWS does not say which"
    )
    raise AwsError(
        f"events:{action} on {rule} failed for {count} of {asked} targets, the others are done: {each}",
        details={"failed_entries": failed},
    )
