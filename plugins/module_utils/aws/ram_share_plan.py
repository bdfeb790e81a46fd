# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a RAM resource share should be, what it is, and the way between: pure functions.

Names, forms and rules: docs.aws.amazon.com/ram/latest/APIReference/API_CreateResourceShare.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .arn import ACCOUNT_ID, Arn, parse_arn
from .errors import InputError
from .plan import Operation, Plan, make_plan
from .tags import plan_tags, simulate_tags

NEW_SHARE = "known-when-the-share-is-made"
"""Stands in check mode for the id that RAM gives to a new share."""

# Ids: the service model of AWS Organizations, OrganizationId and OrganizationalUnitId.
_ORGANIZATION = re.compile(r"organization/o-[a-z0-9]{10,32}|ou/o-[a-z0-9]{10,32}/ou-[0-9a-z]{4,32}-[a-z0-9]{8,32}")
_SERVICE = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.amazonaws\.com(\.cn)?")
_PERMISSION_NAME = re.compile(r"[\w.-]+")


@dataclass(frozen=True, slots=True)
class ShareState:
    """A share that exists. `permissions` has a permission's ARN for each type of resource (in lower case).

    `pending` are the principals who have not accepted yet. `unsettled` is what RAM is still working on, and `failed`
    what it gave up, with its reason.
    """

    name: str
    arn: str
    account_id: str
    allow_external_principals: bool = True
    status: str = "ACTIVE"
    status_message: str = ""
    resource_arns: frozenset[str] = frozenset()
    principals: frozenset[str] = frozenset()
    permissions: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    pending: frozenset[str] = frozenset()
    unsettled: frozenset[str] = frozenset()
    failed: Mapping[str, str] = field(default_factory=dict)

    def as_result(self) -> dict[str, Any]:
        """The share as the module returns it."""
        return {
            "name": self.name,
            "arn": self.arn,
            "account_id": self.account_id,
            "status": self.status,
            "allow_external_principals": self.allow_external_principals,
            "resource_arns": sorted(self.resource_arns),
            "principals": sorted(self.principals),
            "permissions": sorted(self.permissions.values()),
            "tags": dict(self.tags),
        }


@dataclass(frozen=True, slots=True)
class DesiredShare:
    """What a user asks for; None leaves alone. A share is known by `arn`, else by `name`.

    `permissions` are ARNs by type of resource (see `ram_share.resolve_permissions`).
    """

    name: str | None = None
    arn: str | None = None
    present: bool = True
    allow_external_principals: bool | None = None
    resource_arns: Sequence[str] | None = None
    purge_resources: bool = True
    principals: Sequence[str] | None = None
    purge_principals: bool = True
    permissions: Mapping[str, str] | None = None
    tags: Mapping[str, str] | None = None
    purge_tags: bool = True

    @property
    def label(self) -> str:
        """What messages call the share."""
        return self.name or self.arn or ""

    @property
    def foreseen(self) -> bool:
        """Whether the share is one that an earlier task would make, in check mode."""
        return is_foreseen(self.arn)


def is_foreseen(share_arn: str | None) -> bool:
    """Whether the ARN is that of a share that check mode would make."""
    return (share_arn or "").endswith(f"/{NEW_SHARE}")


# --- checking -------------------------------------------------------------------------------------------------------


def check_share(desired: DesiredShare, partition: str, region: str) -> None:
    """Raise InputError for what cannot be right whatever the share is now."""
    if desired.name is not None and not desired.name.strip():
        raise InputError("name is empty; give the share a name.")
    if desired.arn:
        check_share_arn(desired.arn, "arn", partition, region)
    for principal in desired.principals or ():
        check_principal(principal, partition)
    for arn in desired.resource_arns or ():
        _check_resource(arn, partition, region)


def check_share_arn(text: str, option: str, partition: str, region: str) -> Arn:
    """The parts of the ARN of a resource share of this region."""
    arn = parse_arn(text, option, "ram")
    if not arn.resource.startswith("resource-share/"):
        raise InputError(f"{option} is {text!r}, which is not the ARN of a resource share.")
    _check_place(arn, option, partition, region)
    return arn


def check_principal(principal: str, partition: str) -> None:
    """Raise InputError for what RAM cannot share with."""
    if ACCOUNT_ID.fullmatch(principal) or _SERVICE.fullmatch(principal):
        return
    if principal.isdigit():
        raise InputError(
            f"principals has {principal!r}, but an account id has 12 digits; quote it, for YAML drops leading zeros."
        )
    if not principal.startswith("arn:"):
        raise InputError(
            f"principals has {principal!r}; give an account id of 12 digits, the ARN of an organization, of an "
            "organizational unit, of an IAM role or user, or a service's name as in 'sagemaker.amazonaws.com'."
        )
    arn = parse_arn(principal, "principals")
    if arn.partition != partition:
        raise InputError(f"principals has {principal!r} of the partition {arn.partition}, but this is {partition}.")
    if arn.service == "organizations" and not _ORGANIZATION.fullmatch(arn.resource):
        raise InputError(
            f"principals has {principal!r}; the ARN of an organization ends in organization/o-…, that of an "
            "organizational unit in ou/o-…/ou-…"
        )
    if arn.service == "iam" and not arn.resource.startswith(("role/", "user/")):
        raise InputError(f"principals has {principal!r}; of IAM only roles and users can be given, or an account's id.")
    if arn.service not in ("organizations", "iam"):
        raise InputError(f"principals has {principal!r}, an ARN of {arn.service!r}; RAM cannot share with that.")


def _check_resource(text: str, partition: str, region: str) -> None:
    _check_place(parse_arn(text, "resource_arns"), "resource_arns", partition, region)


def _check_place(arn: Arn, option: str, partition: str, region: str) -> None:
    if arn.partition != partition:
        raise InputError(f"{option} has {str(arn)!r} of the partition {arn.partition}, but this is {partition}.")
    if arn.region and arn.region != region:
        raise InputError(
            f"{option} has {str(arn)!r} of the region {arn.region}, but RAM shares within a region, and this is "
            f"{region}; set region: {arn.region}."
        )


def check_owner(desired: DesiredShare, account: str) -> None:
    """Raise InputError for resources of another account: only their owner can share them."""
    for text in desired.resource_arns or ():
        owner = parse_arn(text, "resource_arns").account
        if owner and owner != account:
            raise InputError(
                f"resource_arns has {text!r} of the account {owner}, but the share belongs to {account}; "
                "only its owner can share a resource."
            )


def permission_arn(permission: str, partition: str) -> str:
    """The ARN of a permission given by ARN, or by the name of one that AWS manages."""
    if permission.startswith("arn:"):
        arn = parse_arn(permission, "permissions", "ram")
        if not arn.resource.startswith("permission/"):
            raise InputError(f"permissions has {permission!r}, which is not the ARN of a RAM permission.")
        if arn.partition != partition:
            raise InputError(
                f"permissions has {permission!r} of the partition {arn.partition}, but this is {partition}."
            )
        return permission
    if not _PERMISSION_NAME.fullmatch(permission):
        raise InputError(f"permissions has {permission!r}; give a permission's ARN or the name of one of AWS's own.")
    return str(Arn(partition, "ram", "", "aws", f"permission/{permission}"))


# --- planning -------------------------------------------------------------------------------------------------------


def plan_share(desired: DesiredShare, current: ShareState | None, identity: Callable[[], Arn]) -> Plan[ShareState]:
    """The operations from `current` to `desired`; `identity` gives the ARN of a share that is yet to be made.

    Who loses access loses it before anything is added, and a permission is in place before a resource or a principal
    that it is for.
    """
    if not desired.present:
        gone = () if current is None else (Operation("delete_resource_share", current.as_result()),)
        return make_plan(current, gone, simulate_share)
    if current is None:
        return make_plan(None, (_creation(desired, identity()),), simulate_share)
    operations = [
        _disassociate(desired, current),
        _update(desired, current),
        *_permissions(desired, current),
        _associate(desired, current),
        *plan_tags(current.tags, desired.tags, desired.purge_tags),
    ]
    return make_plan(current, tuple(operation for operation in operations if operation), simulate_share)


def _creation(desired: DesiredShare, arn: Arn) -> Operation:
    if desired.arn and not desired.foreseen:
        raise InputError(f"There is no resource share {desired.arn}; give a name and no arn to make one.")
    after = {
        "name": desired.name or NEW_SHARE,
        "arn": str(arn),
        "account_id": arn.account,
        "allow_external_principals": desired.allow_external_principals is not False,
        "resource_arns": frozenset(desired.resource_arns or ()),
        "principals": frozenset(desired.principals or ()),
        "permissions": dict(desired.permissions or {}),
        "tags": dict(desired.tags or {}),
    }
    return Operation("create_resource_share", {}, after)


def _update(desired: DesiredShare, current: ShareState) -> Operation | None:
    wanted = {"name": desired.name, "allow_external_principals": desired.allow_external_principals}
    changes = {key: value for key, value in wanted.items() if value is not None and value != getattr(current, key)}
    before = {key: getattr(current, key) for key in changes}
    return Operation("update_resource_share", before, changes) if changes else None


def _disassociate(desired: DesiredShare, current: ShareState) -> Operation | None:
    gone = {
        "resource_arns": _missing(current.resource_arns, desired.resource_arns, desired.purge_resources),
        "principals": _missing(current.principals, desired.principals, desired.purge_principals),
    }
    return Operation("disassociate_resource_share", gone, {}) if any(gone.values()) else None


def _missing(current: frozenset[str], wanted: Sequence[str] | None, purge: bool) -> list[str]:
    return [] if wanted is None or not purge else sorted(current - set(wanted))


def _associate(desired: DesiredShare, current: ShareState) -> Operation | None:
    new = {
        "resource_arns": sorted(set(desired.resource_arns or ()) - current.resource_arns),
        "principals": sorted(set(desired.principals or ()) - current.principals),
    }
    return Operation("associate_resource_share", {}, new) if any(new.values()) else None


def _permissions(desired: DesiredShare, current: ShareState) -> list[Operation]:
    """One operation a type of resource. A type's permission can be replaced, not taken away."""
    return [
        Operation(
            "associate_resource_share_permission",
            {"permissions": {kind: current.permissions[kind]} if kind in current.permissions else {}},
            {"permissions": {kind: arn}},
        )
        for kind, arn in sorted((desired.permissions or {}).items())
        if current.permissions.get(kind) != arn
    ]


def simulate_share(state: ShareState | None, operation: Operation) -> ShareState | None:
    """The share after an operation, as RAM would have it, but for permissions that RAM chooses by itself."""
    if operation.name == "create_resource_share":
        return ShareState(**operation.after)
    if operation.name == "delete_resource_share" or state is None:
        return None
    if operation.name == "update_resource_share":
        return replace(state, **operation.after)
    if operation.name == "associate_resource_share_permission":
        return replace(state, permissions={**state.permissions, **operation.after["permissions"]})
    if operation.name == "associate_resource_share":
        return replace(
            state,
            resource_arns=state.resource_arns | set(operation.after["resource_arns"]),
            principals=state.principals | set(operation.after["principals"]),
        )
    if operation.name == "disassociate_resource_share":
        return replace(
            state,
            resource_arns=state.resource_arns - set(operation.before["resource_arns"]),
            principals=state.principals - set(operation.before["principals"]),
        )
    return replace(state, tags=simulate_tags(state.tags, operation))
