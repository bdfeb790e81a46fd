# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Evaluate a resource policy, a trust policy or an identity policy (which names no principal) for one request.

Covers what the policies of this project use: Effect, Principal, Action, Resource and the usual string, ARN, Bool and
Null conditions. An operator it does not know raises NotImplementedError: a wrong answer would be worse than none.
Source of the rules: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Decision = Literal["allow", "deny", "none"]


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """Who asks for what: ``account`` and ``arns`` of an AWS principal, or ``service``."""

    action: str
    resource: str
    account: str | None = None
    arns: tuple[str, ...] = ()
    service: str | None = None
    context: Mapping[str, str] = field(default_factory=dict)


def wildcard(pattern: str, value: str, ignore_case: bool = False) -> bool:
    """Match ``*`` and ``?`` as IAM does."""
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, value, re.IGNORECASE | re.DOTALL if ignore_case else re.DOTALL) is not None


def as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]


def evaluate(document: str | Mapping[str, Any] | None, request: AccessRequest) -> Decision:
    """Deny wins over allow; ``none`` when no statement speaks of the request."""
    if not document:
        return "none"
    parsed = json.loads(document) if isinstance(document, str) else document
    effects = {
        statement.get("Effect") for statement in as_list(parsed.get("Statement")) if _applies(statement, request)
    }
    if "Deny" in effects:
        return "deny"
    return "allow" if "Allow" in effects else "none"


def _applies(statement: Mapping[str, Any], request: AccessRequest) -> bool:
    return (
        _principal_matches(statement, request)
        and _action_matches(statement, request.action)
        and _resource_matches(statement, request.resource)
        and _conditions_hold(statement.get("Condition") or {}, request.context)
    )


def _principal_matches(statement: Mapping[str, Any], request: AccessRequest) -> bool:
    if "NotPrincipal" in statement:
        return not _principal_in(statement["NotPrincipal"], request)
    return "Principal" not in statement or _principal_in(statement["Principal"], request)


def _principal_in(principal: Any, request: AccessRequest) -> bool:
    if principal == "*":
        return True
    if not isinstance(principal, Mapping):
        return False
    if request.service is not None:
        return request.service in as_list(principal.get("Service"))
    return any(_is_aws_principal(entry, request) for entry in as_list(principal.get("AWS")))


def _is_aws_principal(entry: str, request: AccessRequest) -> bool:
    if entry in ("*", request.account) or entry in request.arns:
        return True
    return request.account is not None and re.fullmatch(rf"arn:[^:]+:iam::{request.account}:root", entry) is not None


def _action_matches(statement: Mapping[str, Any], action: str) -> bool:
    if "NotAction" in statement:
        return not any(wildcard(entry, action, ignore_case=True) for entry in as_list(statement["NotAction"]))
    return any(wildcard(entry, action, ignore_case=True) for entry in as_list(statement.get("Action")))


def _resource_matches(statement: Mapping[str, Any], resource: str) -> bool:
    if "NotResource" in statement:
        return not any(wildcard(entry, resource) for entry in as_list(statement["NotResource"]))
    if "Resource" not in statement:
        return True
    return any(wildcard(entry, resource) for entry in as_list(statement["Resource"]))


def _bool_text(value: Any) -> str:
    return str(value).lower()


_POSITIVE: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda wanted, actual: wanted == actual,
    "StringEqualsIgnoreCase": lambda wanted, actual: wanted.lower() == actual.lower(),
    "StringLike": wildcard,
    "ArnEquals": wildcard,
    "ArnLike": wildcard,
    "Bool": lambda wanted, actual: wanted.lower() == actual.lower(),
}
_NEGATIVE = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
}


def _conditions_hold(conditions: Mapping[str, Mapping[str, Any]], context: Mapping[str, str]) -> bool:
    lowered = {key.lower(): value for key, value in context.items()}
    return all(
        _condition_holds(operator, as_list(wanted), lowered.get(key.lower()))
        for operator, keys in conditions.items()
        for key, wanted in keys.items()
    )


def _condition_holds(operator: str, wanted: list[Any], actual: str | None) -> bool:
    base = operator.split(":")[-1]
    if base.endswith("IfExists"):
        return actual is None or _condition_holds(base.removesuffix("IfExists"), wanted, actual)
    if base == "Null":
        return (actual is None) == (_bool_text(wanted[0]) == "true")
    if base in _NEGATIVE:
        return actual is None or not _condition_holds(_NEGATIVE[base], wanted, actual)
    if base not in _POSITIVE:
        raise NotImplementedError(f"The emulator does not evaluate the policy condition operator {operator}.")
    compare = _POSITIVE[base]
    return actual is not None and any(
        compare(_bool_text(entry) if isinstance(entry, bool) else str(entry), actual) for entry in wanted
    )


def resource_policy_error(text: str) -> str | None:
    """Why AWS would not accept ``text`` as a resource policy, or None."""
    try:
        document = json.loads(text)
    except ValueError as error:
        return f"not JSON: {error}"
    statements = as_list(document.get("Statement")) if isinstance(document, dict) else []
    if not statements:
        return "no Statement"
    for statement in statements:
        problem = _statement_error(statement)
        if problem:
            return problem
    return None


def _statement_error(statement: Any) -> str | None:
    if not isinstance(statement, dict):
        return "a Statement is not an object"
    if statement.get("Effect") not in ("Allow", "Deny"):
        return "Effect is neither Allow nor Deny"
    if "Principal" not in statement and "NotPrincipal" not in statement:
        return "no Principal"
    if "Action" not in statement and "NotAction" not in statement:
        return "no Action"
    return None
