# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The results of `connection_stack`: by account and resource, with what others need; what failed in a sentence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .errors import AwsError
from .plan import describe
from .policy import external_id_of
from .role_plan import RoleState
from .stack import AccountResult, NodeResult
from .stack_documents import Names
from .trail_plan import RecordingState


def resource_result(result: NodeResult, with_diff: bool) -> dict[str, Any]:
    """One resource: `status` is ok, changed, failed or not_attempted; `error` the sentence of the latter two.

    What a resource had done before it failed counts as changed. `diff` is filled in diff mode only.
    """
    outcome = result.outcome
    details = result.error.details if isinstance(result.error, AwsError) else {}
    done = [operation.name for operation in outcome.plan.operations] if outcome else details.get("operations_done", [])
    shown = outcome is not None and outcome.plan.changed and with_diff
    return {
        "status": _status(result),
        "changed": bool(done),
        "operations": done,
        "state": describe(outcome.state) if outcome else None,
        "diff": outcome.plan.diff() if outcome and shown else {"before": {}, "after": {}},
        "seconds": round(result.seconds, 3),
        "error": _error(result),
        "error_details": {key: value for key, value in details.items() if key != "operations_done"},
    }


def _status(result: NodeResult) -> str:
    if result.outcome is not None:
        return "changed" if result.outcome.plan.changed else "ok"
    return "failed" if result.error is not None else "not_attempted"


def _error(result: NodeResult) -> str:
    if result.error is not None:
        return str(result.error)
    return f"not attempted because of {', '.join(result.waited_for)}" if result.waited_for else ""


def account_result(result: AccountResult, with_diff: bool) -> dict[str, Any]:
    """One account, with the same keys whatever became of it."""
    resources = {name: resource_result(node, with_diff) for name, node in result.nodes.items()}
    place = result.place
    return {
        "name": result.job.name,
        "connection_name": result.job.settings.connection_name,
        "account_id": place.account if place else "",
        "region": place.region if place else "",
        "changed": any(resource["changed"] for resource in resources.values()),
        "failed": result.failed,
        "error": str(result.error) if result.error else "",
        "operations": [f"{name}: {step}" for name, resource in resources.items() for step in resource["operations"]],
        "resources": resources,
        "outputs": outputs(result),
        "calls": result.calls,
        "seconds": round(result.seconds, 3),
    }


def outputs(result: AccountResult) -> dict[str, str]:
    """What the rest of the onboarding needs; empty texts for what is not there or not asked for."""
    names, place = Names(result.job.settings.connection_name), result.place

    def arn(service: str, resource: str) -> str:
        return place.arn(service, resource) if place and result.job.settings.present else ""

    role = _state(result, "role")
    return {
        "queue_url": _state_value(result, "queue", "url"),
        "queue_arn": arn("sqs", names.queue),
        "dead_letter_queue_url": _state_value(result, "dead_letter_queue", "url"),
        "dead_letter_queue_arn": arn("sqs", names.dead_letter_queue),
        "target_dead_letter_queue_url": _state_value(result, "target_dead_letter_queue", "url"),
        "target_dead_letter_queue_arn": arn("sqs", names.target_dead_letter_queue),
        "rule_name": names.base,
        "rule_arn": arn("events", f"rule/{names.base}"),
        "trail_arn": _trail_arn(result),
        **_role_outputs(role if isinstance(role, RoleState) else None, result),
    }


def _role_outputs(role: RoleState | None, result: AccountResult) -> dict[str, str]:
    access = result.job.settings.access
    return {
        "role_name": role.name if role else "",
        "role_arn": role.arn if role else "",
        "external_id": (external_id_of(role.trust) or "") if role else "",
        "trusted_account_id": access.trusted_account if role and access else "",
    }


def _state(result: AccountResult, name: str) -> Any:
    node = result.nodes.get(name)
    return node.outcome.state if node and node.outcome else None


def _state_value(result: AccountResult, name: str, key: str) -> str:
    return str((describe(_state(result, name)) or {}).get(key, ""))


def _trail_arn(result: AccountResult) -> str:
    state = _state(result, "trail")
    covering = state.coverage.covering if isinstance(state, RecordingState) else None
    return covering.arn if covering else ""


def diff_of(accounts: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Before and after of all that changes, by account and resource."""
    sides: dict[str, dict[str, Any]] = {"before": {}, "after": {}}
    for account in accounts:
        for name, resource in account["resources"].items():
            for side, found in sides.items():
                if resource["changed"]:
                    found.setdefault(account["name"], {})[name] = resource["diff"][side]
    return sides


def failure_of(accounts: Sequence[Mapping[str, Any]]) -> str:
    """What failed, what therefore was not attempted, and what stands; the empty text when nothing failed."""
    failed = [account for account in accounts if account["failed"]]
    if not failed:
        return ""
    count = f"{len(failed)} of {len(accounts)} accounts are not finished; run again once it is mended. "
    return count + " ".join(_account_failure(account) for account in failed)


def _account_failure(account: Mapping[str, Any]) -> str:
    if account["error"]:
        return f"{account['name']}: {account['error']}"
    by_status: dict[str, list[str]] = {}
    for name, resource in account["resources"].items():
        by_status.setdefault(resource["status"], []).append(name)
    broken = " ".join(f"{name}: {account['resources'][name]['error']}" for name in by_status.get("failed", []))
    waiting = [
        f"{name} ({account['resources'][name]['error'].removeprefix('not attempted ')})"
        for name in by_status.get("not_attempted", [])
    ]
    standing = [*by_status.get("ok", []), *by_status.get("changed", [])]
    parts = [f"{account['name']}: {broken}"]
    parts += [f"Not attempted: {', '.join(waiting)}."] if waiting else []
    parts += [f"Done: {', '.join(standing)}."] if standing else ["Nothing was done."]
    return " ".join(parts)
