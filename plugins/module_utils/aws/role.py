# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""IAM roles: read one, make one what it should be.

`ensure_role` is what modules call; it needs a client and no Ansible module, so that one process can do many accounts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .arn import Arn, parse_arn
from .client import ServiceClient
from .documents import compact
from .errors import AwsError, InputError
from .identity import AccountId
from .patience import Patience
from .plan import Operation, Outcome, Plan, converge
from .policy import Document, external_id_of
from .role_plan import DesiredRole, RoleState, Trust, check_confused_deputy, check_role_partition, plan_role

_ABSENT = ("NoSuchEntity", "NoSuchEntityException")
_MARKER = ("Marker", "Marker")
_DENIED = ("AccessDenied", "AccessDeniedException")
_SHORTEST_SESSION = 900  # seconds, the least that AssumeRole takes


def read_role(iam: ServiceClient, name: str) -> RoleState | None:
    """The role of this name: three calls and one for each inline policy; one call where there is none."""
    answer = iam.find("get_role", name, _ABSENT, RoleName=name)
    if answer is None:
        return None
    role: Mapping[str, Any] = iam.required(answer, "Role", "get_role", name)
    attached = iam.pages("list_attached_role_policies", name, "AttachedPolicies", _MARKER, RoleName=name)
    inline = iam.pages("list_role_policies", name, "PolicyNames", _MARKER, RoleName=name)
    return RoleState(
        name=name,
        arn=role["Arn"],
        path=role["Path"],
        role_id=role["RoleId"],
        trust=role["AssumeRolePolicyDocument"],
        description=role.get("Description", ""),
        max_session_duration=role.get("MaxSessionDuration", 3600),
        permissions_boundary=role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
        managed_policies=frozenset(policy["PolicyArn"] for policy in attached),
        inline_policies={policy: _inline_policy(iam, name, policy) for policy in inline},
        tags={tag["Key"]: tag["Value"] for tag in role.get("Tags", [])},
    )


def _inline_policy(iam: ServiceClient, role: str, policy: str) -> Document:
    answer = iam.call("get_role_policy", f"{role}: {policy}", RoleName=role, PolicyName=policy)
    document: Document = iam.required(answer, "PolicyDocument", "get_role_policy", role)
    return document


def ensure_role(
    iam: ServiceClient,
    desired: DesiredRole,
    trust: Trust | None,
    *,
    account: AccountId,
    check_mode: bool,
    patience: Patience,
    new_external_id: Callable[[], str],
) -> Outcome[RoleState]:
    """Make the role what it should be and read it back; in check mode only say what would be done.

    `trust` None leaves the trust policy alone. `new_external_id` is called only when one is to be generated.
    """
    if desired.present:
        check_role_partition(desired, trust, iam.partition)
    current = read_role(iam, desired.name)
    resolved = _resolve(iam, desired, trust, current, account, new_external_id) if desired.present else desired

    def identity(path: str) -> str:
        return str(Arn(iam.partition, "iam", "", account(), f"role{path}{desired.name}"))

    plan = plan_role(resolved, current, iam.partition, identity)
    writer = _Writer(iam, resolved, patience)
    return converge(plan, check_mode=check_mode, apply=writer.apply, read_back=writer.read_back)


def await_assumable(sts: ServiceClient, role: RoleState, patience: Patience) -> None:
    """Take the role on, with the external id that its trust policy asks for, again and again until STS lets the caller.

    A new role or trust policy takes seconds to be known to STS; see the section on eventual consistency at
    docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html. The session is thrown away. Raises AwsError when the
    time is over.
    """
    request: dict[str, Any] = {
        "RoleArn": role.arn,
        "RoleSessionName": "wxgov-wait-assumable",
        "DurationSeconds": _SHORTEST_SESSION,
    }
    external_id = external_id_of(role.trust)
    if external_id:
        request["ExternalId"] = external_id
    _answer, let_in = patience.until(
        lambda: sts.find("assume_role", role.arn, _DENIED, **request), lambda answer: answer is not None
    )
    if not let_in:
        raise AwsError(
            f"The role {role.name} is as it should be, but after {patience.timeout:g} s STS still does not let the "
            "caller take it on; see that its trust policy names the caller and that the caller may do sts:AssumeRole "
            f"on {role.arn}, or set wait_assumable: false."
        )


def _resolve(
    iam: ServiceClient,
    desired: DesiredRole,
    trust: Trust | None,
    current: RoleState | None,
    account: AccountId,
    new_external_id: Callable[[], str],
) -> DesiredRole:
    """`desired` with the trust policy as a document and the managed policies as ARNs."""

    def own_account() -> str:
        return parse_arn(current.arn, "the role's ARN").account if current else account()

    document = None
    if trust is not None:
        document = trust.effective(current.trust if current else None, iam.partition, new_external_id)
        check_confused_deputy(document, trust.require_external_id, own_account)
    arns = None
    if desired.managed_policies is not None:
        attached = current.managed_policies if current else frozenset()
        arns = [policy_arn(iam, policy, attached, own_account) for policy in desired.managed_policies]
    return replace(desired, trust=document, managed_policies=arns)


def policy_arn(iam: ServiceClient, policy: str, attached: Sequence[str] | frozenset[str], account: AccountId) -> str:
    """The ARN of a managed policy given by ARN or by name.

    A name is looked up among the policies attached already, then AWS's own, then the account's at the path `/` (one
    call each), and last in the list of all policies. Raises InputError when there is none.
    """
    if policy.startswith("arn:"):
        return policy
    for arn in sorted(attached):
        if arn.rsplit("/", 1)[-1] == policy:
            return arn
    for own in (False, True):
        arn = str(Arn(iam.partition, "iam", "", account() if own else "aws", f"policy/{policy}"))
        if iam.find("get_policy", arn, _ABSENT, PolicyArn=arn) is not None:
            return arn
    for entry in iam.pages("list_policies", "all policies", "Policies", _MARKER):
        if entry["PolicyName"] == policy:
            return str(entry["Arn"])
    raise InputError(f"managed_policies has {policy!r}, but neither AWS nor this account has a policy of that name.")


@dataclass(frozen=True, slots=True)
class _Writer:
    """Carries out the operations of one role."""

    iam: ServiceClient
    desired: DesiredRole
    patience: Patience

    def apply(self, operation: Operation) -> None:
        """One AWS call an operation."""
        method, parameters = _CALLS[operation.name](operation)
        resource = self.desired.name
        if operation.name.startswith(("delete_", "detach_")):
            self.iam.find(method, resource, _ABSENT, RoleName=resource, **parameters)
        else:
            self.iam.call(method, resource, RoleName=resource, **parameters)

    def read_back(self, plan: Plan[RoleState]) -> tuple[RoleState | None, tuple[str, ...]]:
        """Read until the role shows what was written: a new role may take seconds to be there everywhere."""

        def left(state: RoleState | None) -> tuple[Operation, ...]:
            return plan_role(self.desired, state, self.iam.partition, lambda path: "").operations

        state, settled = self.patience.until(
            lambda: read_role(self.iam, self.desired.name), lambda answer: not left(answer)
        )
        if settled:
            return state, ()
        late = ", ".join(operation.name for operation in left(state))
        return state, (f"IAM accepted the change of {self.desired.name} but does not show it yet: {late}.",)


_Call = tuple[str, dict[str, Any]]


def _create(operation: Operation) -> _Call:
    role = operation.after
    optional = {"Description": role["description"], "PermissionsBoundary": role["permissions_boundary"]}
    return "create_role", {
        "Path": role["path"],
        "AssumeRolePolicyDocument": compact(role["trust"]),
        "MaxSessionDuration": role["max_session_duration"],
        "Tags": _tag_list(role["tags"]),
        **{key: value for key, value in optional.items() if value},
    }


def _one_policy(operation: Operation) -> tuple[str, Document]:
    ((name, document),) = (operation.after or operation.before)["inline_policies"].items()
    return name, document


def _put_inline(operation: Operation) -> _Call:
    name, document = _one_policy(operation)
    return "put_role_policy", {"PolicyName": name, "PolicyDocument": compact(document)}


def _tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


_CALLS: Mapping[str, Callable[[Operation], _Call]] = {
    "create_role": _create,
    "update_role": lambda operation: (
        "update_role",
        {
            "Description": operation.after["description"],
            "MaxSessionDuration": operation.after["max_session_duration"],
        },
    ),
    "update_trust": lambda operation: (
        "update_assume_role_policy",
        {"PolicyDocument": compact(operation.after["trust"])},
    ),
    "put_permissions_boundary": lambda operation: (
        "put_role_permissions_boundary",
        {"PermissionsBoundary": operation.after["permissions_boundary"]},
    ),
    "delete_permissions_boundary": lambda operation: ("delete_role_permissions_boundary", {}),
    "attach_policy": lambda operation: (
        "attach_role_policy",
        {"PolicyArn": operation.after["managed_policies"][0]},
    ),
    "detach_policy": lambda operation: (
        "detach_role_policy",
        {"PolicyArn": operation.before["managed_policies"][0]},
    ),
    "put_inline_policy": _put_inline,
    "delete_inline_policy": lambda operation: (
        "delete_role_policy",
        {"PolicyName": _one_policy(operation)[0]},
    ),
    "tag": lambda operation: ("tag_role", {"Tags": _tag_list(operation.after["tags"])}),
    "untag": lambda operation: ("untag_role", {"TagKeys": list(operation.before["tags"])}),
    "delete_role": lambda operation: ("delete_role", {}),
}
