# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a queue's policy lets an EventBridge rule send to it. Pure.

What EventBridge is to a policy: the service events.amazonaws.com with the rule as aws:SourceArn and the rule's account
as aws:SourceAccount, over TLS: docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html
Evaluation: docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

SERVICE = "events.amazonaws.com"
ACTION = "sqs:SendMessage"
Verdict: TypeAlias = Literal["allowed", "denied", "not allowed", "unclear"]


@dataclass(frozen=True, slots=True)
class Sending:
    """A rule that sends to a queue, both by ARN."""

    rule_arn: str
    queue_arn: str

    @property
    def context(self) -> Mapping[str, str]:
        """The condition keys that EventBridge brings along, in lower case."""
        return {
            "aws:sourcearn": self.rule_arn,
            "aws:sourceaccount": self.rule_arn.split(":")[4],
            "aws:securetransport": "true",
        }


def may_send(policy: str | None, sending: Sending) -> Verdict:
    """Return whether a policy (the queue's attribute, None for none) lets the rule send.

    unclear: that hangs on a condition that is not understood here. A deny wins over every allow.
    """
    try:
        document = json.loads(policy or "{}")
    except ValueError:
        return "unclear"
    found = _as_list(document.get("Statement")) if isinstance(document, Mapping) else []
    verdicts = [(one.get("Effect"), _applies(one, sending)) for one in found if isinstance(one, Mapping)]
    order: tuple[tuple[str, bool | None, Verdict], ...] = (
        ("Deny", True, "denied"),
        ("Deny", None, "unclear"),
        ("Allow", True, "allowed"),
        ("Allow", None, "unclear"),
    )
    return next((verdict for effect, applies, verdict in order if (effect, applies) in verdicts), "not allowed")


def _applies(statement: Mapping[str, Any], sending: Sending) -> bool | None:
    """Whether a statement is about this sending; None where a condition cannot be told."""
    about = (
        _names_service(statement)
        and _covers(statement, "Action", ACTION, ignore_case=True)
        and _covers(statement, "Resource", sending.queue_arn)
    )
    return about and _meets(statement.get("Condition") or {}, sending.context)


def _names_service(statement: Mapping[str, Any]) -> bool:
    if "NotPrincipal" in statement:
        return SERVICE not in _services(statement["NotPrincipal"])
    principal = statement.get("Principal")
    return principal == "*" or bool({SERVICE, "*"} & _services(principal)) or "*" in _as_list(_aws(principal))


def _services(principal: Any) -> set[str]:
    return set(_as_list(principal.get("Service"))) if isinstance(principal, Mapping) else set()


def _aws(principal: Any) -> Any:
    return principal.get("AWS") if isinstance(principal, Mapping) else None


def _covers(statement: Mapping[str, Any], element: str, value: str, *, ignore_case: bool = False) -> bool:
    if f"Not{element}" in statement:
        return not any(_wildcard(one, value, ignore_case) for one in _as_list(statement[f"Not{element}"]))
    return any(_wildcard(one, value, ignore_case) for one in _as_list(statement.get(element)))


def _equal_ignoring_case(pattern: str, value: str) -> bool:
    return pattern.lower() == value.lower()


def _like(pattern: str, value: str) -> bool:
    return _wildcard(pattern, value, ignore_case=False)


_OPERATORS: Mapping[str, Callable[[str, str], bool]] = {
    "ArnEquals": _like,
    "ArnLike": _like,
    "Bool": _equal_ignoring_case,
    "StringEquals": str.__eq__,
    "StringEqualsIgnoreCase": _equal_ignoring_case,
    "StringLike": _like,
}


def _meets(condition: Mapping[str, Any], context: Mapping[str, str]) -> bool | None:
    """Whether all conditions hold; None where one is of a kind or on a key that is not known, and none fails."""
    known: bool | None = True
    for operator, keys in condition.items():
        for key, values in keys.items():
            holds = _holds(operator, context.get(key.lower()), [_text(value) for value in _as_list(values)])
            if holds is False:
                return False
            known = known and holds
    return known


def _holds(operator: str, value: str | None, wanted: list[str]) -> bool | None:
    plain = operator.removesuffix("IfExists").replace("Not", "", 1)
    matches = _OPERATORS.get(plain)
    if matches is None or value is None:
        return None
    found = any(matches(pattern, value) for pattern in wanted)
    return not found if "Not" in operator else found


def _wildcard(pattern: str, value: str, ignore_case: bool) -> bool:
    expression = re.escape(str(pattern)).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, value, re.DOTALL | (re.IGNORECASE if ignore_case else 0)) is not None


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]
