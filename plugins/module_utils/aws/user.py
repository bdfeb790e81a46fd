# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""IAM users for programs: read one, make one what it should be. Their keys are in `access_key`.

`ensure_user` is what modules call; it needs a client and no Ansible module, so that one process can do many accounts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from .access_key import read_keys
from .arn import Arn, parse_arn
from .client import ServiceClient
from .documents import compact
from .errors import AwsError
from .identity import AccountId
from .patience import Patience
from .plan import Operation, Outcome, Plan, converge
from .policy import Document
from .role import policy_arn
from .user_plan import DesiredUser, UserState, plan_user

_ABSENT = ("NoSuchEntity", "NoSuchEntityException")
_MARKER = ("Marker", "Marker")


def read_user(iam: ServiceClient, name: str) -> UserState | None:
    """The user of this name: three calls and one for each inline policy; one call where there is none."""
    answer = iam.find("get_user", name, _ABSENT, UserName=name)
    if answer is None:
        return None
    user: Mapping[str, Any] = iam.required(answer, "User", "get_user", name)
    attached = iam.pages("list_attached_user_policies", name, "AttachedPolicies", _MARKER, UserName=name)
    inline = iam.pages("list_user_policies", name, "PolicyNames", _MARKER, UserName=name)
    return UserState(
        name=name,
        arn=user["Arn"],
        path=user["Path"],
        user_id=user["UserId"],
        permissions_boundary=user.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
        managed_policies=frozenset(policy["PolicyArn"] for policy in attached),
        inline_policies={policy: _inline_policy(iam, name, policy) for policy in inline},
        tags={tag["Key"]: tag["Value"] for tag in user.get("Tags", [])},
    )


def _inline_policy(iam: ServiceClient, user: str, policy: str) -> Document:
    answer = iam.call("get_user_policy", f"{user}: {policy}", UserName=user, PolicyName=policy)
    document: Document = iam.required(answer, "PolicyDocument", "get_user_policy", user)
    return document


def ensure_user(
    iam: ServiceClient, desired: DesiredUser, *, account: AccountId, check_mode: bool, patience: Patience
) -> Outcome[UserState]:
    """Make the user what it should be and read it back; in check mode only say what would be done.

    Raises AwsError, before anything is changed, for a user that is to be deleted and has access keys; in check mode
    that is a warning, for an earlier task may be about to delete them.
    """
    current = read_user(iam, desired.name)
    keys = read_keys(iam, desired.name) if current and not desired.present else None
    warnings: tuple[str, ...] = ()
    if keys:
        listed = ", ".join(key.access_key_id for key in keys)
        text = f"The user {desired.name!r} has the access keys {listed}; delete them first, with iam_access_key"
        if not check_mode:
            raise AwsError(f"{text} and state: absent.", code="DeleteConflict")
        warnings = (f"{text}.",)

    def own_account() -> str:
        return parse_arn(current.arn, "the user's ARN").account if current else account()

    def identity(path: str) -> str:
        return str(Arn(iam.partition, "iam", "", account(), f"user{path}{desired.name}"))

    resolved = desired
    if desired.managed_policies is not None:
        attached = current.managed_policies if current else frozenset()
        arns = [policy_arn(iam, policy, attached, own_account) for policy in desired.managed_policies]
        resolved = replace(desired, managed_policies=arns)
    plan = plan_user(resolved, current, iam.partition, identity)
    writer = _Writer(iam, resolved, patience)
    outcome = converge(plan, check_mode=check_mode, apply=writer.apply, read_back=writer.read_back)
    return replace(outcome, warnings=(*warnings, *outcome.warnings))


@dataclass(frozen=True, slots=True)
class _Writer:
    """Carries out the operations of one user."""

    iam: ServiceClient
    desired: DesiredUser
    patience: Patience

    def apply(self, operation: Operation) -> None:
        """One AWS call an operation."""
        method, parameters = _CALLS[operation.name](operation)
        name = self.desired.name
        if operation.name.startswith(("delete_", "detach_")):
            self.iam.find(method, name, _ABSENT, UserName=name, **parameters)
        else:
            self.iam.call(method, name, UserName=name, **parameters)

    def read_back(self, plan: Plan[UserState]) -> tuple[UserState | None, tuple[str, ...]]:
        """Read until IAM shows what was written."""
        name = self.desired.name

        def left(state: UserState | None) -> bool:
            return plan_user(self.desired, state, self.iam.partition, lambda path: "").changed

        state, settled = self.patience.until(lambda: read_user(self.iam, name), lambda answer: not left(answer))
        if settled:
            return state, ()
        return state, (f"IAM accepted the change of the user {name} but does not show it yet.",)


def _tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _creation(operation: Operation) -> tuple[str, dict[str, Any]]:
    after = operation.after
    parameters: dict[str, Any] = {"Path": after["path"]}
    if after["permissions_boundary"]:
        parameters["PermissionsBoundary"] = after["permissions_boundary"]
    if after["tags"]:
        parameters["Tags"] = _tag_list(after["tags"])
    return "create_user", parameters


def _inline(operation: Operation) -> tuple[str, dict[str, Any]]:
    ((name, document),) = operation.after["inline_policies"].items()
    return "put_user_policy", {"PolicyName": name, "PolicyDocument": compact(document)}


_CALLS: Mapping[str, Callable[[Operation], tuple[str, dict[str, Any]]]] = {
    "create_user": _creation,
    "delete_user": lambda operation: ("delete_user", {}),
    "put_permissions_boundary": lambda operation: (
        "put_user_permissions_boundary",
        {"PermissionsBoundary": operation.after["permissions_boundary"]},
    ),
    "delete_permissions_boundary": lambda operation: ("delete_user_permissions_boundary", {}),
    "attach_policy": lambda operation: (
        "attach_user_policy",
        {"PolicyArn": operation.after["managed_policies"][0]},
    ),
    "detach_policy": lambda operation: (
        "detach_user_policy",
        {"PolicyArn": operation.before["managed_policies"][0]},
    ),
    "put_inline_policy": _inline,
    "delete_inline_policy": lambda operation: (
        "delete_user_policy",
        {"PolicyName": next(iter(operation.before["inline_policies"]))},
    ),
    "tag": lambda operation: ("tag_user", {"Tags": _tag_list(operation.after["tags"])}),
    "untag": lambda operation: ("untag_user", {"TagKeys": list(operation.before["tags"])}),
}
