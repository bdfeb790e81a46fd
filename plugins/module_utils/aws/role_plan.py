# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an IAM role should be, what it is, and the way between: pure functions."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .arn import check_account_id, check_partition, parse_arn
from .documents import compact
from .errors import InputError
from .plan import Operation, Plan, make_plan
from .policy import Document, account_of, check_policy, external_id_of, open_principals, same_policy, trust_policy
from .tags import plan_tags, simulate_tags

_NAME = re.compile(r"[\w+=,.@-]{1,64}", re.ASCII)
_POLICY_NAME = re.compile(r"[\w+=,.@-]{1,128}", re.ASCII)
_PATH = re.compile(r"/|/[!-~]+/")
_EXTERNAL_ID = re.compile(r"[\w+=,.@:/-]{2,1224}", re.ASCII)
_SESSION = (3600, 43200)
_INLINE_SIZE = 10240  # characters of all inline policies of a role

GENERATED_LATER = "generated-when-the-role-is-made"
"""Stands for the external id in check mode, where the role that would keep it does not exist yet."""


@dataclass(frozen=True, slots=True)
class RoleState:
    """A role that exists. `managed_policies` are ARNs, `inline_policies` documents by name."""

    name: str
    arn: str
    path: str
    role_id: str
    trust: Document
    description: str = ""
    max_session_duration: int = 3600
    permissions_boundary: str | None = None
    managed_policies: frozenset[str] = frozenset()
    inline_policies: Mapping[str, Document] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)

    def as_result(self) -> dict[str, Any]:
        """The role as the module returns it."""
        return {
            "name": self.name,
            "arn": self.arn,
            "path": self.path,
            "role_id": self.role_id,
            "description": self.description,
            "assume_role_policy_document": dict(self.trust),
            "max_session_duration": self.max_session_duration,
            "permissions_boundary": self.permissions_boundary,
            "managed_policies": sorted(self.managed_policies),
            "inline_policies": {name: dict(self.inline_policies[name]) for name in sorted(self.inline_policies)},
            "tags": dict(self.tags),
        }


@dataclass(frozen=True, slots=True)
class Trust:
    """Who may take the role on: typed, or as a document. `external_id` None with `generate` makes one."""

    accounts: Sequence[str] = ()
    services: Sequence[str] = ()
    external_id: str | None = None
    generate_external_id: bool = False
    document: Document | None = None
    require_external_id: bool = True

    def effective(self, current: Document | None, partition: str, new_external_id: Callable[[], str]) -> Document:
        """The trust policy; a generated external id is the one the role has already, else a new one."""
        if self.document is not None:
            return self.document
        external_id = self.external_id
        if external_id is None and self.generate_external_id:
            external_id = external_id_of(current) or new_external_id()
        return trust_policy(self.accounts, self.services, external_id, partition)


@dataclass(frozen=True, slots=True)
class DesiredRole:
    """What a user asks for; None is for what was not given, an empty value clears.

    `trust` is the effective document and `managed_policies` are ARNs once a plan is made of it.
    """

    name: str
    present: bool = True
    path: str | None = None
    description: str | None = None
    trust: Document | None = None
    max_session_duration: int | None = None
    permissions_boundary: str | None = None
    managed_policies: Sequence[str] | None = None
    purge_managed_policies: bool = False
    inline_policies: Mapping[str, Document] | None = None
    purge_inline_policies: bool = False
    tags: Mapping[str, str] | None = None
    purge_tags: bool = True


def check_role(desired: DesiredRole) -> None:
    """Raise InputError for what cannot be right whatever the role is now."""
    if not _NAME.fullmatch(desired.name):
        raise InputError(f"name is {desired.name!r}; a role's name has 1 to 64 letters, digits and +=,.@_-")
    if desired.path is not None and not (_PATH.fullmatch(desired.path) and len(desired.path) <= 512):
        raise InputError(f"path is {desired.path!r}; it must begin and end with a slash, as in '/governance/'.")
    if len(desired.description or "") > 1000:
        raise InputError(f"description has {len(desired.description or '')} characters; a role's has at most 1000.")
    duration = desired.max_session_duration
    if duration is not None and not _SESSION[0] <= duration <= _SESSION[1]:
        raise InputError(f"max_session_duration is {duration}; it must be from {_SESSION[0]} to {_SESSION[1]} seconds.")
    if desired.permissions_boundary:
        parse_arn(desired.permissions_boundary, "permissions_boundary", "iam")
    for policy in desired.managed_policies or ():
        _check_managed_policy(policy)
    for name, document in (desired.inline_policies or {}).items():
        if not _POLICY_NAME.fullmatch(name):
            raise InputError(
                f"inline_policies has the name {name!r}; it must have 1 to 128 letters, digits and +=,.@_-"
            )
        check_policy(document, f"inline_policies: {name}", "identity")
    _check_size(desired.inline_policies or {})


def check_role_partition(desired: DesiredRole, trust: Trust | None, partition: str) -> None:
    """Raise InputError where the role would name a policy or a principal of another partition."""
    check_partition(desired.permissions_boundary, "permissions_boundary", partition)
    for policy in desired.managed_policies or ():
        check_partition(policy, "managed_policies", partition)
    for account in trust.accounts if trust else ():
        check_partition(account, "trusted_accounts", partition)


def _check_size(documents: Mapping[str, Document]) -> None:
    """IAM does not count blanks. docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""
    size = sum(len(compact(document)) for document in documents.values())
    if size > _INLINE_SIZE:
        raise InputError(
            f"inline_policies have {size} characters together, and a role's have at most {_INLINE_SIZE}; name fewer "
            "resources one by one, or make a managed policy of some."
        )


def _check_managed_policy(policy: str) -> None:
    if policy.startswith("arn:"):
        if not parse_arn(policy, "managed_policies", "iam").resource.startswith("policy/"):
            raise InputError(f"managed_policies has {policy!r}, which is not the ARN of a policy.")
    elif not _POLICY_NAME.fullmatch(policy):
        raise InputError(f"managed_policies has {policy!r}, which is neither an ARN nor the name of a policy.")


def check_trust(trust: Trust) -> None:
    """Raise InputError for a trust that cannot be right."""
    if trust.document is not None:
        check_policy(trust.document, "assume_role_policy_document", "trust")
    for account in trust.accounts:
        if account.startswith("arn:"):
            parse_arn(account, "trusted_accounts", "iam")
        else:
            check_account_id(account, "trusted_accounts")
    for service in trust.services:
        if "." not in service or not re.fullmatch(r"[a-z0-9.-]+", service):
            raise InputError(
                f"trusted_services has {service!r}; give a service's name as in 'sagemaker.amazonaws.com'."
            )
    if trust.external_id is not None and not _EXTERNAL_ID.fullmatch(trust.external_id):
        raise InputError("external_id must have 2 to 1224 letters, digits and _+=,.@:/- characters, no spaces.")


def check_confused_deputy(document: Document, required: bool, own_account: Callable[[], str]) -> None:
    """Raise InputError when another account could take the role on without an external id.

    `own_account` is asked only when somebody can do without an external id.
    docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html
    """
    if not required:
        return
    open_to = open_principals(document)
    foreign = [principal for principal in open_to if account_of(principal) != own_account()]
    if foreign:
        raise InputError(
            f"The role would trust {', '.join(foreign)} without an external id, so that anybody whom that account "
            "serves could use it; give external_id or generate_external_id: true, or set require_external_id: false."
        )


def plan_role(
    desired: DesiredRole, current: RoleState | None, partition: str, identity: Callable[[str], str]
) -> Plan[RoleState]:
    """The operations from `current` to `desired`; `identity` turns the path of a role yet to be made into its ARN."""
    if not desired.present:
        return make_plan(current, _removal(current), simulate_role)
    operations: list[Operation | None] = []
    if current is None:
        operations.append(_creation(desired, identity))
    else:
        operations += _changes(desired, current, partition)
    operations += _policies(desired, current, partition)
    return make_plan(current, tuple(operation for operation in operations if operation), simulate_role)


def _removal(current: RoleState | None) -> tuple[Operation, ...]:
    """IAM deletes a role only once nothing hangs on it."""
    if current is None:
        return ()
    detach = [Operation("detach_policy", {"managed_policies": [arn]}) for arn in sorted(current.managed_policies)]
    delete = [
        Operation("delete_inline_policy", {"inline_policies": {name: current.inline_policies[name]}})
        for name in sorted(current.inline_policies)
    ]
    return (*detach, *delete, Operation("delete_role", current.as_result()))


def _creation(desired: DesiredRole, identity: Callable[[str], str]) -> Operation:
    if desired.trust is None:
        raise InputError(
            f"There is no role {desired.name!r} yet; to make it, give trusted_accounts, trusted_services "
            "or assume_role_policy_document."
        )
    path = desired.path or "/"
    return Operation(
        "create_role",
        {},
        {
            "name": desired.name,
            "path": path,
            "arn": identity(path),
            "role_id": "",
            "trust": desired.trust,
            "description": desired.description or "",
            "max_session_duration": desired.max_session_duration or _SESSION[0],
            "permissions_boundary": desired.permissions_boundary or None,
            "tags": dict(desired.tags or {}),
        },
    )


def _changes(desired: DesiredRole, current: RoleState, partition: str) -> list[Operation | None]:
    if desired.path is not None and desired.path != current.path:
        raise InputError(
            f"The role {desired.name!r} has the path {current.path!r} and AWS cannot change that to {desired.path!r}; "
            "delete the role first, or give the path it has."
        )
    operations: list[Operation | None] = [_update(desired, current)]
    if desired.trust is not None and not same_policy(desired.trust, current.trust, partition):
        operations.append(Operation("update_trust", {"trust": current.trust}, {"trust": desired.trust}))
    boundary = desired.permissions_boundary
    if boundary is not None and (boundary or None) != current.permissions_boundary:
        name = "put_permissions_boundary" if boundary else "delete_permissions_boundary"
        before = {"permissions_boundary": current.permissions_boundary}
        operations.append(Operation(name, before, {"permissions_boundary": boundary or None}))
    return [*operations, *plan_tags(current.tags, desired.tags, desired.purge_tags)]


def _update(desired: DesiredRole, current: RoleState) -> Operation | None:
    wanted = {"description": desired.description, "max_session_duration": desired.max_session_duration}
    is_now = {"description": current.description, "max_session_duration": current.max_session_duration}
    after = {key: is_now[key] if value is None else value for key, value in wanted.items()}
    # UpdateRole is told both, whichever changes, so that nothing hangs on what it does with one left out.
    return Operation("update_role", is_now, after) if after != is_now else None


def _policies(desired: DesiredRole, current: RoleState | None, partition: str) -> list[Operation]:
    """New policies come before old ones go, so that at no time the role can do less than before and after."""
    attached = current.managed_policies if current else frozenset()
    inline: Mapping[str, Document] = current.inline_policies if current else {}
    wanted = set(desired.managed_policies or ())
    operations = [Operation("attach_policy", {}, {"managed_policies": [arn]}) for arn in sorted(wanted - attached)]
    documents = desired.inline_policies or {}
    for name in sorted(documents):
        if not same_policy(documents[name], inline.get(name), partition):
            before = {"inline_policies": {name: inline[name]}} if name in inline else {}
            operations.append(Operation("put_inline_policy", before, {"inline_policies": {name: documents[name]}}))
    if desired.purge_managed_policies and desired.managed_policies is not None:
        gone = sorted(attached - wanted)
        operations += [Operation("detach_policy", {"managed_policies": [arn]}) for arn in gone]
    if desired.purge_inline_policies and desired.inline_policies is not None:
        for name in sorted(set(inline) - set(documents)):
            operations.append(Operation("delete_inline_policy", {"inline_policies": {name: inline[name]}}))
    return operations


def simulate_role(state: RoleState | None, operation: Operation) -> RoleState | None:
    """The role after an operation, as AWS would have it."""
    if operation.name == "create_role":
        return RoleState(**operation.after)
    if operation.name == "delete_role" or state is None:
        return None
    if operation.name in ("tag", "untag"):
        return replace(state, tags=simulate_tags(state.tags, operation))
    if operation.name in ("attach_policy", "detach_policy"):
        added, removed = (frozenset(side.get("managed_policies", ())) for side in (operation.after, operation.before))
        return replace(state, managed_policies=(state.managed_policies - removed) | added)
    if operation.name in ("put_inline_policy", "delete_inline_policy"):
        removed = frozenset(operation.before.get("inline_policies", ()))
        left = {name: document for name, document in state.inline_policies.items() if name not in removed}
        return replace(state, inline_policies={**left, **operation.after.get("inline_policies", {})})
    return replace(state, **operation.after)
