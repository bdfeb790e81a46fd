# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an IAM user for programs should be, what it is, and the way between: pure functions."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .arn import parse_arn
from .errors import InputError
from .plan import Operation, Plan, make_plan
from .policy import Document, check_policy, same_policy
from .tags import plan_tags, simulate_tags

_NAME = re.compile(r"[\w+=,.@-]{1,64}", re.ASCII)
_POLICY_NAME = re.compile(r"[\w+=,.@-]{1,128}", re.ASCII)
_PATH = re.compile(r"/|/[!-~]{1,510}/")


@dataclass(frozen=True, slots=True)
class UserState:
    """A user that exists. `managed_policies` are ARNs, `inline_policies` documents by name."""

    name: str
    arn: str
    path: str = "/"
    user_id: str = ""
    permissions_boundary: str | None = None
    managed_policies: frozenset[str] = frozenset()
    inline_policies: Mapping[str, Document] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)

    def as_result(self) -> dict[str, Any]:
        """The user as the module returns it."""
        return {
            "name": self.name,
            "arn": self.arn,
            "path": self.path,
            "user_id": self.user_id,
            "permissions_boundary": self.permissions_boundary,
            "managed_policies": sorted(self.managed_policies),
            "inline_policies": {name: dict(self.inline_policies[name]) for name in sorted(self.inline_policies)},
            "tags": dict(self.tags),
        }


@dataclass(frozen=True, slots=True)
class DesiredUser:
    """What is asked for; None is for what was not given, an empty value clears.

    `managed_policies` are ARNs once a plan is made of it.
    """

    name: str
    present: bool = True
    path: str | None = None
    permissions_boundary: str | None = None
    managed_policies: Sequence[str] | None = None
    purge_managed_policies: bool = False
    inline_policies: Mapping[str, Document] | None = None
    purge_inline_policies: bool = False
    tags: Mapping[str, str] | None = None
    purge_tags: bool = True


def check_user(desired: DesiredUser) -> None:
    """Raise InputError for what cannot be right whatever the user is now."""
    if not _NAME.fullmatch(desired.name):
        raise InputError(f"name is {desired.name!r}; a user's name has 1 to 64 letters, digits and +=,.@_-")
    if desired.path is not None and not _PATH.fullmatch(desired.path):
        raise InputError(f"path is {desired.path!r}; it must begin and end with a slash, as in '/governance/'.")
    if desired.permissions_boundary:
        parse_arn(desired.permissions_boundary, "permissions_boundary", "iam")
    for policy in desired.managed_policies or ():
        if policy.startswith("arn:"):
            parse_arn(policy, "managed_policies", "iam")
        elif not _POLICY_NAME.fullmatch(policy):
            raise InputError(f"managed_policies has {policy!r}, which is neither an ARN nor the name of a policy.")
    for name, document in (desired.inline_policies or {}).items():
        if not _POLICY_NAME.fullmatch(name):
            raise InputError(
                f"inline_policies has the name {name!r}; it must have 1 to 128 letters, digits and +=,.@_-"
            )
        check_policy(document, f"inline_policies: {name}", "identity")


def plan_user(
    desired: DesiredUser, current: UserState | None, partition: str, identity: Callable[[str], str]
) -> Plan[UserState]:
    """The operations from `current` to `desired`; `identity` turns the path of a user yet to be made into its ARN."""
    if not desired.present:
        return make_plan(current, _removal(current), simulate_user)
    operations: list[Operation | None] = []
    if current is None:
        operations.append(_creation(desired, identity))
    else:
        operations += _changes(desired, current)
    operations += _policies(desired, current, partition)
    return make_plan(current, tuple(operation for operation in operations if operation), simulate_user)


def _removal(current: UserState | None) -> tuple[Operation, ...]:
    """IAM deletes a user only once no policy hangs on it."""
    if current is None:
        return ()
    detach = [_attach("detach_policy", arn) for arn in sorted(current.managed_policies)]
    delete = [
        Operation("delete_inline_policy", {"inline_policies": {name: current.inline_policies[name]}})
        for name in sorted(current.inline_policies)
    ]
    return (*detach, *delete, Operation("delete_user", current.as_result()))


def _attach(name: str, arn: str) -> Operation:
    policies = {"managed_policies": [arn]}
    return Operation(name, {}, policies) if name == "attach_policy" else Operation(name, policies)


def _creation(desired: DesiredUser, identity: Callable[[str], str]) -> Operation:
    path = desired.path or "/"
    after = {
        "name": desired.name,
        "arn": identity(path),
        "path": path,
        "permissions_boundary": desired.permissions_boundary or None,
        "tags": dict(desired.tags or {}),
    }
    return Operation("create_user", {}, after)


def _changes(desired: DesiredUser, current: UserState) -> list[Operation | None]:
    if desired.path not in (None, current.path):
        raise InputError(
            f"The user {desired.name!r} has the path {current.path!r}, and a change to {desired.path!r} would change "
            "its ARN; delete the user first, or give the path it has."
        )
    operations: list[Operation | None] = []
    boundary = desired.permissions_boundary
    if boundary is not None and (boundary or None) != current.permissions_boundary:
        name = "put_permissions_boundary" if boundary else "delete_permissions_boundary"
        before = {"permissions_boundary": current.permissions_boundary}
        operations.append(Operation(name, before, {"permissions_boundary": boundary or None}))
    return [*operations, *plan_tags(current.tags, desired.tags, desired.purge_tags)]


def _policies(desired: DesiredUser, current: UserState | None, partition: str) -> list[Operation]:
    """New policies come before old ones go, so that at no time the user can do less than before and after."""
    attached = current.managed_policies if current else frozenset()
    inline: Mapping[str, Document] = current.inline_policies if current else {}
    wanted = frozenset(desired.managed_policies or ())
    documents = desired.inline_policies or {}
    operations = [_attach("attach_policy", arn) for arn in sorted(wanted - attached)]
    for name in sorted(documents):
        if not same_policy(documents[name], inline.get(name), partition):
            before = {"inline_policies": {name: inline[name]}} if name in inline else {}
            operations.append(Operation("put_inline_policy", before, {"inline_policies": {name: documents[name]}}))
    if desired.purge_managed_policies and desired.managed_policies is not None:
        operations += [_attach("detach_policy", arn) for arn in sorted(attached - wanted)]
    if desired.purge_inline_policies and desired.inline_policies is not None:
        for name in sorted(set(inline) - set(documents)):
            operations.append(Operation("delete_inline_policy", {"inline_policies": {name: inline[name]}}))
    return operations


def simulate_user(state: UserState | None, operation: Operation) -> UserState | None:
    """The user after an operation, as AWS would have it."""
    if operation.name == "create_user":
        return UserState(**operation.after)
    if operation.name == "delete_user" or state is None:
        return None
    if operation.name in ("tag", "untag"):
        return replace(state, tags=simulate_tags(state.tags, operation))
    if operation.name in ("attach_policy", "detach_policy"):
        added, removed = (frozenset(side.get("managed_policies", ())) for side in (operation.after, operation.before))
        return replace(state, managed_policies=(state.managed_policies - removed) | added)
    if operation.name in ("put_inline_policy", "delete_inline_policy"):
        gone = frozenset(operation.before.get("inline_policies", ()))
        left = {name: document for name, document in state.inline_policies.items() if name not in gone}
        return replace(state, inline_policies={**left, **operation.after.get("inline_policies", {})})
    return replace(state, **operation.after)
