# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resource shares of one account and region: associations, invitations, permissions, and who is let in.

An account outside of the owner's organization gets an invitation, and is let in once it accepts. Accounts of the same
organization, its units and the organization itself are let in at once where sharing with it was enabled.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from moto.core.exceptions import JsonRESTError
from moto.moto_api._internal import mock_random
from moto.organizations.models import organizations_backends
from moto.ram import models, urls
from moto.ram.exceptions import InvalidParameterException, UnknownResourceException
from moto.sagemaker.models import sagemaker_backends

from tests.emulators.aws.caller import is_account_id
from tests.emulators.aws.clock import CLOCK

INVITATION_SECONDS = 7 * 86400
"""For how long an invitation may be answered; one that was answered is listed no longer than that either."""

PERMISSION_PREFIX = "arn:aws:ram::aws:permission/"
GROUP_TYPE = "sagemaker:ModelPackageGroup"
DEFAULT_PERMISSION = f"{PERMISSION_PREFIX}AWSRAMDefaultPermissionSageMakerModelPackageGroup"
GROUP_PERMISSIONS = {
    DEFAULT_PERMISSION: True,
    f"{PERMISSION_PREFIX}AWSRAMPermissionSageMakerModelPackageGroupAllowDeploy": False,
    f"{PERMISSION_PREFIX}AWSRAMPermissionSageMakerModelPackageGroupAllowRegister": False,
}
_ORGANIZATION = re.compile(r"arn:aws:organizations::\d{12}:(organization/o-\w+|ou/o-\w+/ou-[\w-]+)")
_IAM = re.compile(r"arn:aws:iam::(\d{12}):(role|user)/.+")
_SERVICE = re.compile(r"[a-z0-9-]+\.amazonaws\.com")


def refusal(code: str, message: str) -> JsonRESTError:
    return JsonRESTError(code, message)


# ---- organizations


def _organization_backend(account: str) -> Any | None:
    """moto's Organizations backend of the management account of the account's organization."""
    own = organizations_backends[account]["aws"]
    if own.org is not None:
        return own
    management = organizations_backends.master_accounts.get(account)
    backend = organizations_backends[management[0]][management[1]] if management else None
    return backend if backend is not None and backend.org is not None else None


def sharing_organization(account: str) -> Any | None:
    """The Organizations backend of the account, where sharing with the organization was enabled."""
    backend = _organization_backend(account)
    if backend is None:
        return None
    regions = models.ram_backends[backend.org.master_account_id]
    return backend if any(getattr(ram, "sharing_enabled", False) for ram in list(regions.values())) else None


def organization_arns(account: str) -> set[str]:
    """The ARNs of the organization of the account and of every unit it is in."""
    backend = sharing_organization(account)
    if backend is None:
        return set()
    found = {backend.org.arn}
    parent = next((entry.parent_id for entry in backend.accounts if entry.id == account), None)
    units = {unit.id: unit for unit in backend.ou}
    while parent in units:
        found.add(units[parent].arn)
        parent = units[parent].parent_id
    return found


# ---- shares


@dataclass(slots=True)
class Association:
    """A principal or a resource of a share."""

    entity: str
    kind: str
    status: str
    external: bool = False
    settles_at: float = 0.0
    since: float = field(default_factory=CLOCK.timestamp)

    def current_status(self) -> str:
        """The status now: a resource may take a while to be associated."""
        if self.status == "ASSOCIATING" and not self.external and CLOCK.timestamp() >= self.settles_at:
            self.status = "ASSOCIATED"
        return self.status


@dataclass(slots=True)
class Invitation:
    """What the other account answers."""

    arn: str
    receiver: str
    status: str = "PENDING"
    sent: float = field(default_factory=CLOCK.timestamp)

    def current_status(self) -> str:
        if self.status == "PENDING" and CLOCK.timestamp() - self.sent > INVITATION_SECONDS:
            return "EXPIRED"
        return self.status

    @property
    def listed(self) -> bool:
        return self.status == "PENDING" or CLOCK.timestamp() - self.sent <= INVITATION_SECONDS


class Share:
    """One resource share."""

    def __init__(self, account: str, region: str, given: Mapping[str, Any], seconds: float) -> None:
        self.account = account
        self.region = region
        self.seconds = seconds
        self.arn = f"arn:aws:ram:{region}:{account}:resource-share/{mock_random.uuid4()}"
        self.name: str = given["name"]
        self.allow_external: bool = given.get("allowExternalPrincipals", True)
        self.tags = {tag["key"]: tag.get("value", "") for tag in given.get("tags") or []}
        self.status = "ACTIVE"
        self.created = self.updated = CLOCK.timestamp()
        self.associations: dict[str, Association] = {}
        self.invitations: list[Invitation] = []
        self.permissions: dict[str, Any] = {}

    def describe(self, *, owner: bool = True) -> dict[str, Any]:
        described = {
            "resourceShareArn": self.arn,
            "name": self.name,
            "owningAccountId": self.account,
            "allowExternalPrincipals": self.allow_external,
            "status": self.status,
            "creationTime": self.created,
            "lastUpdatedTime": self.updated,
            "featureSet": "STANDARD",
        }
        return {**described, "tags": tag_list(self.tags)} if owner else described

    def entities(self, kind: str) -> list[str]:
        """Principals or resources that are associated or about to be."""
        gone = ("DISASSOCIATED", "FAILED")
        return [entry.entity for entry in self.associations.values() if entry.kind == kind and entry.status not in gone]

    def lets_in(self, account: str) -> bool:
        """Whether the account may use what is shared."""
        if self.status != "ACTIVE" or account == self.account:
            return False
        around = {account, *organization_arns(account)}
        return any(
            entry.entity in around or _account_of(entry.entity) == account
            for entry in self.associations.values()
            if entry.kind == "PRINCIPAL" and entry.current_status() == "ASSOCIATED"
        )

    # ---- principals

    def check_principals(self, principals: Iterable[str]) -> None:
        for principal in principals:
            account = _account_of(principal)
            if account:
                if self._outside(account) and not self.allow_external:
                    raise refusal(
                        "OperationNotPermittedException",
                        f"The resource share {self.arn} does not allow external principals such as {principal}.",
                    )
            elif _ORGANIZATION.fullmatch(principal):
                _check_organization(self.account, principal)
            elif not _SERVICE.fullmatch(principal):
                raise InvalidParameterException(f"Principal ID {principal} is malformed. Verify the ID and try again.")

    def _outside(self, account: str) -> bool:
        own = sharing_organization(self.account)
        return own is None or own is not sharing_organization(account)

    def add_principals(self, principals: Iterable[str]) -> None:
        for principal in principals:
            if principal in self.entities("PRINCIPAL"):
                continue
            account = _account_of(principal)
            external = bool(account) and self._outside(account)
            status = "ASSOCIATING" if external else "ASSOCIATED"
            self.associations[principal] = Association(principal, "PRINCIPAL", status, external)
            if external:
                arn = f"arn:aws:ram:{self.region}:{self.account}:resource-share-invitation/{mock_random.uuid4()}"
                self.invitations.append(Invitation(arn, account))

    def answer(self, invitation: Invitation, status: str) -> None:
        """ACCEPTED or REJECTED."""
        invitation.status = status
        for entry in self.associations.values():
            if entry.kind == "PRINCIPAL" and _account_of(entry.entity) == invitation.receiver:
                entry.status = "ASSOCIATED" if status == "ACCEPTED" else "DISASSOCIATED"

    # ---- resources

    def add_resources(self, arns: Iterable[str], backend: FaithfulRamBackend) -> None:
        for arn in arns:
            if arn not in self.entities("RESOURCE"):
                settles_at = CLOCK.timestamp() + self.seconds
                self.associations[arn] = Association(arn, "RESOURCE", "ASSOCIATING", settles_at=settles_at)
            kind = resource_type(arn)
            default = next((entry for entry in backend.permissions_of(kind) if entry.is_resource_type_default), None)
            if default is not None:
                self.permissions.setdefault(kind.lower(), default)

    def remove(self, entities: Iterable[str]) -> None:
        for entity in entities:
            if entity in self.associations:
                self.associations[entity].status = "DISASSOCIATED"
                self.invitations = [
                    entry
                    for entry in self.invitations
                    if entry.status != "PENDING" or entry.receiver != _account_of(entity)
                ]

    def delete(self) -> None:
        self.remove(list(self.associations))
        self.status = "DELETED"
        self.updated = CLOCK.timestamp()


def _account_of(principal: str) -> str:
    match = _IAM.fullmatch(principal)
    return match.group(1) if match else principal if is_account_id(principal) else ""


def _check_organization(account: str, principal: str) -> None:
    backend = sharing_organization(account)
    known = {backend.org.arn, *(unit.arn for unit in backend.ou)} if backend else set()
    if principal not in known:
        kind = "Organization" if ":organization/" in principal else "OrganizationalUnit"
        raise UnknownResourceException(f"{kind} {principal.rsplit('/', 1)[-1]} could not be found.")


def check_resources(account: str, region: str, arns: Iterable[str]) -> None:
    """Only what the account has in the region can be shared, and of SageMaker's groups only those that exist."""
    for arn in arns:
        parts = arn.split(":", 5)
        if len(parts) != 6 or parts[0] != "arn":
            raise refusal("MalformedArnException", f"The specified resource ARN {arn} is not valid. Verify the ARN.")
        kind, _unused, name = parts[5].partition("/")
        if kind not in (*models.ResourceShare.SHAREABLE_RESOURCES, "model-package-group"):
            raise refusal("MalformedArnException", "You cannot share the selected resource type.")
        groups = sagemaker_backends[account][region].registry.groups if kind == "model-package-group" else None
        if parts[3:5] != [region, account] or (groups is not None and name not in groups):
            raise UnknownResourceException(f"ResourceArn {arn} could not be found.")


def resource_type(arn: str) -> str:
    """``sagemaker:ModelPackageGroup`` of ``arn:…:sagemaker:…:model-package-group/x``."""
    service, kind = arn.split(":")[2], re.split("[:/]", arn.split(":", 5)[5])[0]
    return f"{service}:{''.join(part.capitalize() for part in kind.split('-'))}"


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in tags.items()]


class FaithfulRamBackend(models.ResourceAccessManagerBackend):
    """One account and region of RAM; ``association_seconds`` is how long a resource takes to be associated."""

    _url_module: ClassVar[Any] = urls

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.sharing_enabled = False
        self.association_seconds = 0.0
        self.shares: dict[str, Share] = {}
        self.tokens: dict[str, tuple[dict[str, Any], Share]] = {}
        self.managed_permissions += [
            models.ManagedPermission(
                account_id,
                region_name,
                name=arn.rsplit("/", 1)[-1],
                resource_type=GROUP_TYPE,
                is_resource_type_default=default,
            )
            for arn, default in GROUP_PERMISSIONS.items()
        ]

    def permissions_of(self, kind: str) -> list[Any]:
        return [entry for entry in self.managed_permissions if entry.resource_type.lower() == kind.lower()]

    def permission(self, arn: str) -> Any:
        for entry in self.managed_permissions:
            if entry.arn == arn:
                return entry
        raise UnknownResourceException(f"Permission {arn} could not be found.")

    def enable_sharing_with_aws_organization(self) -> dict[str, Any]:
        answer: dict[str, Any] = super().enable_sharing_with_aws_organization()
        self.sharing_enabled = True
        return answer

    def share(self, arn: str) -> Share:
        """A share the account owns. Raises UnknownResourceException."""
        if arn not in self.shares:
            raise UnknownResourceException(f"ResourceShare {arn} could not be found.")
        return self.shares[arn]

    def create(self, given: Mapping[str, Any]) -> Share:
        parameters = {key: value for key, value in given.items() if key != "clientToken"}
        token = given.get("clientToken")
        if token in self.tokens:
            earlier, share = self.tokens[token]
            if earlier != parameters:
                raise refusal("IdempotentParameterMismatchException", "The token was used with other parameters.")
            return share
        share = Share(self.account_id, self.region_name, given, self.association_seconds)
        share.check_principals(given.get("principals") or [])
        check_resources(self.account_id, self.region_name, given.get("resourceArns") or [])
        for arn in given.get("permissionArns") or []:
            permission = self.permission(arn)
            share.permissions[permission.resource_type.lower()] = permission
        share.add_principals(given.get("principals") or [])
        share.add_resources(given.get("resourceArns") or [], self)
        self.shares[share.arn] = share
        if token:
            self.tokens[token] = (parameters, share)
        return share


def all_shares(region: str) -> list[Share]:
    """The shares of every account."""
    return [
        share
        for backends in list(models.ram_backends.values())
        if region in list(backends.keys())
        for share in list(backends[region].shares.values())
    ]


def opens(arn: str, account: str, region: str) -> bool:
    """Whether a share gives the resource to the account."""
    return any(arn in share.entities("RESOURCE") and share.lets_in(account) for share in all_shares(region))
