# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a SageMaker model package group should be, what it is, and the way between: pure functions.

Names and sizes: docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateModelPackageGroup.html; what a policy for
other accounts has to say: docs.aws.amazon.com/sagemaker/latest/dg/model-registry-ram-discover.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .arn import Arn, check_account_id, parse_arn
from .documents import compact
from .errors import InputError
from .plan import Operation, Plan, make_plan
from .policy import VERSION, Document, account_of, as_list, check_policy, merge_by_sid, same_policy, statements
from .tags import plan_tags, simulate_tags

LARGEST_POLICY = 20480  # characters
LARGEST_DESCRIPTION = 1024  # characters
READERS, REGISTRARS = "WxgovReaders", "WxgovRegistrars"
READ_ACTIONS = (
    "sagemaker:BatchDescribeModelPackage",
    "sagemaker:DescribeModelPackage",
    "sagemaker:DescribeModelPackageGroup",
    "sagemaker:ListModelPackages",
)
REGISTER_ACTIONS = ("sagemaker:CreateModelPackage", *READ_ACTIONS)
_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
_SHOWN = 3  # model packages named in a message


@dataclass(frozen=True, slots=True)
class GroupState:
    """A group that exists. `creation_time` is in ISO 8601, None for one that is yet to be made."""

    name: str
    arn: str
    description: str | None = None
    status: str = "Completed"
    creation_time: str | None = None
    policy: Document | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    def as_result(self) -> dict[str, Any]:
        """The group as the module returns it."""
        return {
            "name": self.name,
            "arn": self.arn,
            "description": self.description,
            "status": self.status,
            "creation_time": self.creation_time,
            "policy": None if self.policy is None else dict(self.policy),
            "readers": accounts_of(self.policy, READERS),
            "registrars": accounts_of(self.policy, REGISTRARS),
            "tags": dict(self.tags),
        }


@dataclass(frozen=True, slots=True)
class DesiredGroup:
    """What a user asks for; None leaves alone, an empty value clears. `policy` excludes `readers` and `registrars`."""

    name: str
    present: bool = True
    description: str | None = None
    readers: Sequence[str] | None = None
    registrars: Sequence[str] | None = None
    policy: Document | None = None
    purge_policy: bool = False
    force: bool = False
    tags: Mapping[str, str] | None = None
    purge_tags: bool = True


def check_group(desired: DesiredGroup) -> None:
    """Raise InputError for what cannot be right whatever the group is now."""
    if not _NAME.fullmatch(desired.name):
        raise InputError(
            f"name is {desired.name!r}; a model package group's name has 1 to 63 letters, digits and hyphens, and "
            "neither begins nor ends with a hyphen."
        )
    if len(desired.description or "") > LARGEST_DESCRIPTION:
        raise InputError(
            f"description has {len(desired.description or '')} characters; a model package group's has at most "
            f"{LARGEST_DESCRIPTION}."
        )
    for option, accounts in (("readers", desired.readers), ("registrars", desired.registrars)):
        for account in accounts or ():
            check_account_id(account, option)
    if desired.policy:
        check_policy(desired.policy, "policy", "resource")


# --- the policy -----------------------------------------------------------------------------------------------------


def accounts_of(policy: Document | None, sid: str) -> list[str]:
    """The accounts that the statement of this Sid lets in, sorted."""
    found: set[str] = set()
    for statement in statements(policy):
        principal = statement.get("Principal")
        if statement.get("Sid") == sid and isinstance(principal, Mapping):
            found.update(account_of(str(member)) for member in as_list(principal.get("AWS")))
    return sorted(found - {""})


def access_statement(sid: str, accounts: Sequence[str], actions: Sequence[str], group: Arn) -> dict[str, Any]:
    """Lets accounts do something with a group and its versions, whose ARN has the group's name in lower case."""
    names = sorted({group.name, group.name.lower()})
    versions = [str(replace(group, resource=f"model-package/{name}/*")) for name in names]
    principals = sorted({f"arn:{group.partition}:iam::{account}:root" for account in accounts})
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": {"AWS": principals},
        "Action": list(actions),
        "Resource": [str(group), *versions],
    }


def wanted_policy(desired: DesiredGroup, current: Document | None, group: Arn) -> Document | None:
    """The policy that the group shall have; None for none. Statements that nobody speaks of stay."""
    if desired.policy is not None:
        if not desired.policy:
            return None
        whole = desired.purge_policy or current is None
        return desired.policy if whole else merge_by_sid(current, desired.policy, group.partition)
    policy = current
    for sid, accounts, actions in (
        (READERS, desired.readers, READ_ACTIONS),
        (REGISTRARS, desired.registrars, REGISTER_ACTIONS),
    ):
        if accounts:
            one = {"Version": VERSION, "Statement": [access_statement(sid, accounts, actions, group)]}
            policy = merge_by_sid(policy, one, group.partition)
        elif accounts is not None:
            policy = without_statement(policy, sid)
    return policy


def without_statement(policy: Document | None, sid: str) -> Document | None:
    """The policy without the statement of this Sid; None where nothing is left."""
    left = [statement for statement in statements(policy) if statement.get("Sid") != sid]
    return {**(policy or {}), "Statement": left} if left else None


def _policy_operation(desired: DesiredGroup, current: Document | None, group: Arn) -> Operation | None:
    wanted = wanted_policy(desired, current, group)
    if same_policy(wanted, current, group.partition):
        return None
    if wanted is None:
        return Operation("delete_policy", {"policy": current}, {"policy": None})
    size = len(compact(wanted))
    if size > LARGEST_POLICY:
        raise InputError(
            f"The policy of the model package group {desired.name!r} would have {size} characters and may have "
            f"{LARGEST_POLICY}; share the group through RAM instead, or name fewer principals."
        )
    return Operation("put_policy", {"policy": current}, {"policy": wanted})


# --- planning -------------------------------------------------------------------------------------------------------


def plan_group(
    desired: DesiredGroup,
    current: GroupState | None,
    identity: Callable[[], str],
    versions: Callable[[], Sequence[str]],
) -> Plan[GroupState]:
    """The operations from `current` to `desired`.

    `identity` gives the ARN of a group that is yet to be made, `versions` the ARNs of the model packages in one that is
    to go; each is asked only then.
    """
    if not desired.present:
        gone = () if current is None else _removal(desired, current, versions())
        return make_plan(current, gone, simulate_group)
    operations: list[Operation | None] = []
    if current is None:
        group = parse_arn(identity(), "the group's ARN")
        operations.append(_creation(desired, group))
        operations.append(_policy_operation(desired, None, group))
    else:
        _check_description(desired, current)
        operations.append(_policy_operation(desired, current.policy, parse_arn(current.arn, "the group's ARN")))
        operations += plan_tags(current.tags, desired.tags, desired.purge_tags)
    return make_plan(current, tuple(operation for operation in operations if operation), simulate_group)


def _creation(desired: DesiredGroup, group: Arn) -> Operation:
    after = {
        "name": desired.name,
        "arn": str(group),
        "description": desired.description or None,
        "tags": dict(desired.tags or {}),
    }
    return Operation("create_model_package_group", {}, after)


def _check_description(desired: DesiredGroup, current: GroupState) -> None:
    if desired.description is not None and desired.description != (current.description or ""):
        raise InputError(
            f"The description of the model package group {desired.name!r} is {current.description or ''!r} and AWS "
            f"cannot change it to {desired.description!r}; leave the option out, or delete the group and make it again."
        )


def _removal(desired: DesiredGroup, current: GroupState, versions: Sequence[str]) -> tuple[Operation, ...]:
    """A group can be deleted only once it is empty."""
    deletion = Operation("delete_model_package_group", current.as_result())
    if not versions:
        return (deletion,)
    if not desired.force:
        shown = ", ".join([*sorted(versions)[:_SHOWN], *(["…"] if len(versions) > _SHOWN else [])])
        raise InputError(
            f"The model package group {desired.name!r} holds {len(versions)} model packages ({shown}); set force: true "
            "to delete them too."
        )
    return (Operation("delete_model_packages", {"model_packages": sorted(versions)}, {"model_packages": []}), deletion)


def simulate_group(state: GroupState | None, operation: Operation) -> GroupState | None:
    """The group after an operation, as SageMaker would have it."""
    if operation.name == "create_model_package_group":
        return GroupState(**operation.after)
    if operation.name == "delete_model_package_group" or state is None:
        return None
    if operation.name in ("put_policy", "delete_policy"):
        return replace(state, policy=operation.after["policy"])
    if operation.name == "delete_model_packages":
        return state
    return replace(state, tags=simulate_tags(state.tags, operation))
