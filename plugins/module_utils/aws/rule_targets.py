# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Targets of an EventBridge rule as data; names and ranges from
docs.aws.amazon.com/eventbridge/latest/APIReference/API_Target.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .arn import parse_arn, parse_role_arn
from .documents import compact, parse_json
from .errors import InputError

MOST_TARGETS = 5
_ID = re.compile(r"[.\-_A-Za-z0-9]{1,64}")
_GROUP = re.compile(r"[!-~]{1,100}")
_ATTEMPTS = (0, 185)
_AGE = (60, 86400)


@dataclass(frozen=True, slots=True)
class Target:
    """One target. None is for what is not set; `others` keeps what this collection has no option for."""

    id: str
    arn: str
    message_group_id: str | None = None
    dead_letter_arn: str | None = None
    maximum_retry_attempts: int | None = None
    maximum_event_age_in_seconds: int | None = None
    input: Any = None
    input_path: str | None = None
    input_paths_map: Mapping[str, str] | None = None
    input_template: str | None = None
    role_arn: str | None = None
    others: Mapping[str, Any] = field(default_factory=dict)

    def as_result(self) -> dict[str, Any]:
        """The target as the module returns it, in the shape of the option."""
        retry = _present(
            maximum_retry_attempts=self.maximum_retry_attempts,
            maximum_event_age_in_seconds=self.maximum_event_age_in_seconds,
        )
        transformer = _present(input_paths_map=self.input_paths_map, input_template=self.input_template)
        return {
            "id": self.id,
            "arn": self.arn,
            "message_group_id": self.message_group_id,
            "dead_letter_arn": self.dead_letter_arn,
            "retry_policy": retry or None,
            "input": self.input,
            "input_path": self.input_path,
            "input_transformer": transformer or None,
            "role_arn": self.role_arn,
        }


def _present(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def parse_target(answer: Mapping[str, Any]) -> Target:
    """A target of ListTargetsByRule."""
    rest = dict(answer)
    retry = rest.pop("RetryPolicy", {})
    transformer = rest.pop("InputTransformer", {})
    text = rest.pop("Input", None)
    return Target(
        id=rest.pop("Id"),
        arn=rest.pop("Arn"),
        message_group_id=rest.pop("SqsParameters", {}).get("MessageGroupId"),
        dead_letter_arn=rest.pop("DeadLetterConfig", {}).get("Arn"),
        maximum_retry_attempts=retry.get("MaximumRetryAttempts"),
        maximum_event_age_in_seconds=retry.get("MaximumEventAgeInSeconds"),
        input=None if text is None else parse_json(text, "the target's input"),
        input_path=rest.pop("InputPath", None),
        input_paths_map=transformer.get("InputPathsMap"),
        input_template=transformer.get("InputTemplate"),
        role_arn=rest.pop("RoleArn", None),
        others=rest,
    )


def render_target(target: Target) -> dict[str, Any]:
    """A target as PutTargets takes it."""
    nested = {
        "SqsParameters": _present(MessageGroupId=target.message_group_id),
        "DeadLetterConfig": _present(Arn=target.dead_letter_arn),
        "RetryPolicy": _present(
            MaximumRetryAttempts=target.maximum_retry_attempts,
            MaximumEventAgeInSeconds=target.maximum_event_age_in_seconds,
        ),
        "InputTransformer": _present(InputPathsMap=target.input_paths_map, InputTemplate=target.input_template),
    }
    return {
        **target.others,
        "Id": target.id,
        "Arn": target.arn,
        **_present(
            Input=None if target.input is None else compact(target.input),
            InputPath=target.input_path,
            RoleArn=target.role_arn,
        ),
        **{name: value for name, value in nested.items() if value},
    }


@dataclass(frozen=True, slots=True)
class DesiredTarget:
    """What a user asks of a target: the fields of `Target` that were given; an empty one clears."""

    id: str
    arn: str
    given: Mapping[str, Any] = field(default_factory=dict)

    def over(self, current: Target | None) -> Target:
        """The target with what was given laid over what is there; a target of another ARN starts anew."""
        base = current if current is not None and current.arn == self.arn else Target(self.id, self.arn)
        given: dict[str, Any] = {name: None if value in ("", {}) else value for name, value in self.given.items()}
        return replace(base, **given)


def desired_target(option: Mapping[str, Any]) -> DesiredTarget:
    """A member of the option `targets`; raises InputError for what cannot be right."""
    where = f"targets: {option['id']}"
    given = {name: option[name] for name in ("message_group_id", "dead_letter_arn", "input_path", "role_arn")}
    if option["input"] is not None:
        given["input"] = parse_json(option["input"], f"{where}: input") if option["input"] else ""
    given.update(_nested(option["retry_policy"], ("maximum_retry_attempts", "maximum_event_age_in_seconds")))
    given.update(_nested(option["input_transformer"], ("input_paths_map", "input_template")))
    desired = DesiredTarget(option["id"], option["arn"], {k: v for k, v in given.items() if v is not None})
    _check_target(desired, where)
    return desired


def _nested(value: Mapping[str, Any] | None, names: tuple[str, ...]) -> dict[str, Any]:
    """The members of a nested option; an empty one clears them all."""
    if value is None:
        return {}
    if all(value.get(name) is None for name in names):
        return dict.fromkeys(names, "")
    return {name: value.get(name) for name in names}


def _check_target(desired: DesiredTarget, where: str) -> None:
    if not _ID.fullmatch(desired.id):
        raise InputError(f"{where}: an id has 1 to 64 letters, digits, dots, hyphens and underscores.")
    arn = parse_arn(desired.arn, f"{where}: arn")
    given = desired.given
    if arn.name.endswith(".fifo") and not given.get("message_group_id"):
        raise InputError(
            f"{where}: {desired.arn} is a FIFO queue, so the target needs message_group_id; "
            "without it no event ever arrives."
        )
    if given.get("message_group_id"):
        if arn.service != "sqs":
            raise InputError(f"{where}: message_group_id is for SQS queues, and {desired.arn} is none.")
        if not _GROUP.fullmatch(given["message_group_id"]):
            raise InputError(
                f"{where}: message_group_id is {given['message_group_id']!r}; "
                "it has 1 to 100 letters, digits and punctuation marks, no spaces."
            )
    if given.get("role_arn"):
        parse_role_arn(given["role_arn"], f"{where}: role_arn")
    _check_inputs(desired.over(None), where)
    _check_dead_letter(given.get("dead_letter_arn"), where)
    _check_range(given.get("maximum_retry_attempts"), _ATTEMPTS, f"{where}: maximum_retry_attempts", "attempts")
    _check_range(given.get("maximum_event_age_in_seconds"), _AGE, f"{where}: maximum_event_age_in_seconds", "seconds")


def _check_dead_letter(text: str | None, where: str) -> None:
    if text and parse_arn(text, f"{where}: dead_letter_arn", "sqs").name.endswith(".fifo"):
        raise InputError(
            f"{where}: dead_letter_arn is {text!r}, a FIFO queue; EventBridge delivers dead letters "
            "to standard queues only."
        )


def _check_range(value: Any, bounds: tuple[int, int], what: str, unit: str) -> None:
    if value in (None, ""):
        return
    if not bounds[0] <= value <= bounds[1]:
        raise InputError(f"{what} is {value}; it must be from {bounds[0]} to {bounds[1]} {unit}.")


def check_complete(target: Target) -> None:
    """Raise InputError for a whole target whose parts exclude each other or lack each other."""
    where = f"targets: {target.id}"
    _check_inputs(target, where)
    if target.input_paths_map and not target.input_template:
        raise InputError(f"{where}: input_transformer needs input_template.")


def _check_inputs(target: Target, where: str) -> None:
    options = {
        "input": target.input,
        "input_path": target.input_path,
        "input_transformer": target.input_template or target.input_paths_map,
    }
    inputs = [name for name, value in options.items() if value is not None]
    if len(inputs) > 1:
        raise InputError(f"{where}: {' and '.join(inputs)} exclude each other; keep one and clear the other.")
