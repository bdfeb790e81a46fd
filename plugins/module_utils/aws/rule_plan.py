# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an EventBridge rule should be, what it is, and the way between: pure functions."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .arn import check_partition, parse_role_arn
from .documents import same
from .errors import InputError
from .plan import Operation, Plan, make_plan
from .rule_pattern import check_pattern
from .rule_targets import MOST_TARGETS, DesiredTarget, Target, check_complete
from .tags import plan_tags, simulate_tags

_NAME = re.compile(r"[.\-_A-Za-z0-9]{1,64}")
_TARGET_ARNS = ("dead_letter_arn", "role_arn")
_SETTINGS = ("description", "event_pattern", "schedule_expression", "role_arn", "state")


@dataclass(frozen=True, slots=True)
class RuleState:
    """A rule that exists. `settings` has description, event_pattern, schedule_expression, role_arn and state."""

    name: str
    arn: str
    event_bus_name: str
    settings: Mapping[str, Any]
    managed_by: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    targets: Mapping[str, Target] = field(default_factory=dict)

    def as_result(self) -> dict[str, Any]:
        """The rule as the module returns it; targets in the order of their ids."""
        return {
            "name": self.name,
            "arn": self.arn,
            "event_bus_name": self.event_bus_name,
            **self.settings,
            "managed_by": self.managed_by,
            "tags": dict(self.tags),
            "targets": [self.targets[id].as_result() for id in sorted(self.targets)],
        }


@dataclass(frozen=True, slots=True)
class DesiredRule:
    """What a user asks for. `settings` holds what was given, an empty value clears; targets None are left alone."""

    name: str
    event_bus_name: str = "default"
    present: bool = True
    settings: Mapping[str, Any] = field(default_factory=dict)
    tags: Mapping[str, str] | None = None
    purge_tags: bool = True
    targets: Sequence[DesiredTarget] | None = None
    purge_targets: bool = True


def check_rule(desired: DesiredRule) -> None:
    """Raise InputError for what cannot be right whatever the rule is now."""
    if not _NAME.fullmatch(desired.name):
        raise InputError(
            f"name is {desired.name!r}; a rule's name has 1 to 64 letters, digits, dots, hyphens and underscores."
        )
    settings = desired.settings
    if len(settings.get("description") or "") > 512:
        raise InputError(f"description has {len(settings['description'])} characters; a rule's has at most 512.")
    if settings.get("role_arn"):
        parse_role_arn(settings["role_arn"], "role_arn")
    check_pattern(settings.get("event_pattern") or {})
    _check_targets(desired.targets or ())


def check_rule_partition(desired: DesiredRule, partition: str) -> None:
    """Raise InputError where the rule would name a bus, a role or a target of another partition."""
    check_partition(desired.event_bus_name, "event_bus_name", partition)
    check_partition(desired.settings.get("role_arn"), "role_arn", partition)
    for target in desired.targets or ():
        for option, text in (("arn", target.arn), *((name, target.given.get(name)) for name in _TARGET_ARNS)):
            check_partition(text, f"targets: {target.id}: {option}", partition)


def _check_targets(targets: Sequence[DesiredTarget]) -> None:
    ids = [target.id for target in targets]
    twice = sorted({id for id in ids if ids.count(id) > 1})
    if twice:
        raise InputError(f"targets has the id {twice[0]!r} twice; an id must be unique in a rule.")
    if len(ids) > MOST_TARGETS:
        raise InputError(f"targets has {len(ids)} members; a rule has at most {MOST_TARGETS}.")


def plan_rule(desired: DesiredRule, current: RuleState | None, identity: Callable[[], str]) -> Plan[RuleState]:
    """The operations from `current` to `desired`; `identity` gives the ARN of a rule that is yet to be made."""
    if current is not None and current.managed_by:
        return _plan_managed(desired, current)
    if not desired.present:
        return make_plan(current, _removal(current), simulate_rule)
    settings = _settings(desired, current)
    operations: list[Operation | None] = []
    if current is None:
        operations.append(_creation(desired, settings, identity()))
        targets: Mapping[str, Target] = {}
    else:
        operations.append(_put_rule(current, settings))
        operations += plan_tags(current.tags, desired.tags, desired.purge_tags)
        targets = current.targets
    operations += _target_operations(desired, targets)
    return make_plan(current, tuple(operation for operation in operations if operation), simulate_rule)


def _plan_managed(desired: DesiredRule, current: RuleState) -> Plan[RuleState]:
    raise InputError(
        f"The rule {desired.name!r} is managed by {current.managed_by} and can be changed only there; "
        "choose another name."
    )


def _removal(current: RuleState | None) -> tuple[Operation, ...]:
    """A rule can be deleted only once it has no targets."""
    if current is None:
        return ()
    before = current.as_result()
    removal = _remove_targets(current.targets) if current.targets else None
    deletion = Operation("delete_rule", {key: value for key, value in before.items() if key != "targets"})
    return (removal, deletion) if removal else (deletion,)


def _settings(desired: DesiredRule, current: RuleState | None) -> dict[str, Any]:
    """All settings the rule shall have: PutRule forgets what it is not told."""
    base = current.settings if current else {**dict.fromkeys(_SETTINGS), "state": "ENABLED"}
    given = {key: None if value in ("", {}) else value for key, value in desired.settings.items()}
    settings = {**base, **given}
    if not (settings["event_pattern"] or settings["schedule_expression"]):
        raise InputError(f"The rule {desired.name!r} needs an event_pattern or a schedule_expression; it has neither.")
    return settings


def _creation(desired: DesiredRule, settings: Mapping[str, Any], arn: str) -> Operation:
    after = {
        "name": desired.name,
        "arn": arn,
        "event_bus_name": desired.event_bus_name,
        "settings": settings,
        "tags": dict(desired.tags or {}),
    }
    return Operation("create_rule", {}, after)


def _put_rule(current: RuleState, settings: Mapping[str, Any]) -> Operation | None:
    changes = {key: value for key, value in settings.items() if not _same_setting(key, value, current.settings[key])}
    if not changes:
        return None
    return Operation("put_rule", {key: current.settings[key] for key in changes}, changes)


def _same_setting(key: str, one: Any, other: Any) -> bool:
    if key == "event_pattern":
        return same(one, other)
    if key == "state":  # ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS is enabled, and more
        return bool(one == other or str(other).startswith(f"{one}_"))
    return bool(one == other)


def _target_operations(desired: DesiredRule, current: Mapping[str, Target]) -> list[Operation]:
    if desired.targets is None:
        return []
    wanted = {target.id: target.over(current.get(target.id)) for target in desired.targets}
    for target in wanted.values():
        check_complete(target)
    gone = {id: target for id, target in current.items() if desired.purge_targets and id not in wanted}
    together = len({*current, *wanted})
    if together - len(gone) > MOST_TARGETS:
        raise InputError(
            f"The rule {desired.name!r} would have {together - len(gone)} targets and may have {MOST_TARGETS}; "
            "leave some out, or set purge_targets: true."
        )
    changed = {id: target for id, target in wanted.items() if target != current.get(id)}
    put = [_put_targets(changed, current)] if changed else []
    remove = [_remove_targets(gone)] if gone else []
    # New targets come first, so that at no time an event finds none; only the limit can forbid that.
    return put + remove if together <= MOST_TARGETS else remove + put


def _put_targets(changed: Mapping[str, Target], current: Mapping[str, Target]) -> Operation:
    before = {id: current[id] for id in sorted(changed) if id in current}
    return Operation("put_targets", {"targets": before}, {"targets": {id: changed[id] for id in sorted(changed)}})


def _remove_targets(gone: Mapping[str, Target]) -> Operation:
    return Operation("remove_targets", {"targets": {id: gone[id] for id in sorted(gone)}}, {"targets": {}})


def simulate_rule(state: RuleState | None, operation: Operation) -> RuleState | None:
    """The rule after an operation, as AWS would have it."""
    if operation.name == "create_rule":
        return RuleState(**operation.after)
    if operation.name == "delete_rule" or state is None:
        return None
    if operation.name == "put_rule":
        return replace(state, settings={**state.settings, **operation.after})
    if operation.name == "put_targets":
        return replace(state, targets={**state.targets, **operation.after["targets"]})
    if operation.name == "remove_targets":
        left = {id: target for id, target in state.targets.items() if id not in operation.before["targets"]}
        return replace(state, targets=left)
    return replace(state, tags=simulate_tags(state.tags, operation))
