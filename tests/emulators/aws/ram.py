# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""RAM on moto: the operations that stock moto lacks or answers without looking. What they do is in ``ram_state``.

Every list is paged, and the first of several pages is empty: the API says that this may happen.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from moto.ram import models, responses, urls
from moto.ram.exceptions import InvalidParameterException, UnknownResourceException

from tests.emulators.aws.ram_state import (
    Association,
    FaithfulRamBackend,
    Invitation,
    Share,
    all_shares,
    check_resources,
    refusal,
    resource_type,
)

PAGE = 20
PATHS = (
    "acceptresourceshareinvitation",
    "associateresourceshare",
    "associateresourcesharepermission",
    "disassociateresourceshare",
    "getpermission",
    "getresourceshareinvitations",
    "listprincipals",
    "listresources",
    "listresourcesharepermissions",
    "rejectresourceshareinvitation",
    "tagresource",
    "untagresource",
)


class FaithfulRamResponse(responses.ResourceAccessManagerResponse):
    """Handlers of shares, their associations and permissions, and invitations."""

    @property
    def backend(self) -> FaithfulRamBackend:
        backend: FaithfulRamBackend = self.ram_backend
        return backend

    def _determine_resource(self) -> str:
        for name in ("resourceShareArn", "resourceShareInvitationArn"):
            if self._get_param(name):
                return str(self._get_param(name))
        return "*"

    def _list(self, name: str) -> list[Any]:
        return self._get_param(name) or []

    def _share(self) -> Share:
        return self.backend.share(self._get_param("resourceShareArn"))

    def _answer(self, key: str, entries: list[dict[str, Any]]) -> str:
        """One page. With more than one, the first is empty and carries a token."""
        size = int(self._get_param("maxResults") or PAGE)
        token = self._get_param("nextToken")
        if token is None and len(entries) > size:
            return json.dumps({key: [], "nextToken": "0"})
        start = int(token or 0)
        page: dict[str, Any] = {key: entries[start : start + size]}
        if start + size < len(entries):
            page["nextToken"] = str(start + size)
        return json.dumps(page)

    # ---- shares

    def create_resource_share(self) -> str:
        share = self.backend.create(self.request_params)
        return json.dumps({"resourceShare": share.describe()})

    def _seen(self) -> list[Share]:
        """The shares of one side, by the filters that the listings have in common."""
        owner = self._get_param("resourceOwner")
        if owner not in ("SELF", "OTHER-ACCOUNTS"):
            raise InvalidParameterException(f"{owner} is not a valid resource owner.")
        if owner == "SELF":
            shares = list(self.backend.shares.values())
        else:
            shares = [share for share in all_shares(self.region) if share.lets_in(self.current_account)]
        arns = self._list("resourceShareArns")
        unknown = [arn for arn in arns if arn not in {share.arn for share in shares}]
        if unknown:
            raise UnknownResourceException(f"ResourceShare {unknown[0]} could not be found.")
        return [share for share in shares if not arns or share.arn in arns]

    def get_resource_shares(self) -> str:
        name, status = self._get_param("name"), self._get_param("resourceShareStatus")
        owner = self._get_param("resourceOwner") == "SELF"
        wanted = {entry["tagKey"]: set(entry.get("tagValues") or []) for entry in self._list("tagFilters")}
        entries = [
            share.describe(owner=owner)
            for share in self._seen()
            if name in (None, share.name)
            and status in (None, share.status)
            and all(key in share.tags and (not values or share.tags[key] in values) for key, values in wanted.items())
        ]
        return self._answer("resourceShares", entries)

    def update_resource_share(self) -> str:
        share = self._share()
        if self._get_param("name") is not None:
            share.name = self._get_param("name")
        if self._get_param("allowExternalPrincipals") is not None:
            share.allow_external = self._get_param("allowExternalPrincipals")
        return json.dumps({"resourceShare": share.describe()})

    def delete_resource_share(self) -> str:
        share = self._share()
        if share.status == "DELETED":
            raise refusal("InvalidStateTransitionException", f"The resource share {share.arn} is deleted already.")
        share.delete()
        return json.dumps({"returnValue": True})

    def tag_resource(self) -> str:
        share = self._share()
        share.tags |= {tag["key"]: tag.get("value", "") for tag in self._list("tags")}
        return "{}"

    def untag_resource(self) -> str:
        share = self._share()
        share.tags = {key: value for key, value in share.tags.items() if key not in self._list("tagKeys")}
        return "{}"

    # ---- associations

    def associate_resource_share(self) -> str:
        share = self._share()
        principals, arns = self._list("principals"), self._list("resourceArns")
        share.check_principals(principals)
        check_resources(self.current_account, self.region, arns)
        share.add_principals(principals)
        share.add_resources(arns, self.backend)
        return json.dumps({"resourceShareAssociations": self._associations(share, (*principals, *arns))})

    def disassociate_resource_share(self) -> str:
        """The owner takes out anybody, an account that was let in takes out itself."""
        arn = self._get_param("resourceShareArn")
        entities = [*self._list("principals"), *self._list("resourceArns")]
        if arn in self.backend.shares:
            share = self.backend.share(arn)
        else:
            seen = {share.arn: share for share in all_shares(self.region) if share.lets_in(self.current_account)}
            if arn not in seen:
                raise UnknownResourceException(f"ResourceShare {arn} could not be found.")
            share = seen[arn]
            if entities != [self.current_account]:
                raise refusal("OperationNotPermittedException", "An account can only take itself out of a share.")
        share.remove(entities)
        return json.dumps({"resourceShareAssociations": self._associations(share, entities)})

    def _associations(self, share: Share, entities: Any) -> list[dict[str, Any]]:
        return [_association(share, share.associations[entity]) for entity in entities if entity in share.associations]

    def get_resource_share_associations(self) -> str:
        kind, status = self._get_param("associationType"), self._get_param("associationStatus")
        entity = self._get_param("principal") or self._get_param("resourceArn")
        arns = self._list("resourceShareArns")
        for arn in arns:
            self.backend.share(arn)
        entries = [
            _association(share, entry)
            for share in self.backend.shares.values()
            if not arns or share.arn in arns
            for entry in share.associations.values()
            if entry.kind == kind and status in (None, entry.current_status()) and entity in (None, entry.entity)
        ]
        return self._answer("resourceShareAssociations", entries)

    def list_resources(self) -> str:
        resources = [
            {"arn": arn, "type": resource_type(arn), "resourceShareArn": share.arn, "status": "AVAILABLE"}
            for share in self._seen()
            for arn in share.entities("RESOURCE")
        ]
        return self._answer("resources", resources)

    def list_principals(self) -> str:
        """An account that was let in sees the owner, not the other principals."""
        own = self._get_param("resourceOwner") == "SELF"
        principals = [
            {"id": principal, "resourceShareArn": share.arn}
            for share in self._seen()
            for principal in (share.entities("PRINCIPAL") if own else [share.account])
        ]
        return self._answer("principals", principals)

    # ---- permissions

    def list_resource_share_permissions(self) -> str:
        permissions = [entry.describe() for entry in self._share().permissions.values()]
        return self._answer("permissions", [_moments_left_out(entry) for entry in permissions])

    def get_permission(self) -> str:
        permission = self.backend.permission(self._get_param("permissionArn"))
        return json.dumps({"permission": _moments_left_out(permission.describe())})

    def associate_resource_share_permission(self) -> str:
        share, permission = self._share(), self.backend.permission(self._get_param("permissionArn"))
        kind = permission.resource_type.lower()
        if kind in share.permissions and not self._get_param("replace"):
            raise InvalidParameterException(f"The resource share has a permission for {permission.resource_type}.")
        share.permissions[kind] = permission
        return json.dumps({"returnValue": True})

    # ---- invitations

    def _received(self) -> Iterator[tuple[Share, Invitation]]:
        for share in all_shares(self.region):
            for invitation in share.invitations:
                if invitation.receiver == self.current_account and invitation.listed:
                    yield share, invitation

    def get_resource_share_invitations(self) -> str:
        arns = self._list("resourceShareArns")
        entries = [
            _invitation(share, invitation) for share, invitation in self._received() if not arns or share.arn in arns
        ]
        return self._answer("resourceShareInvitations", entries)

    def accept_resource_share_invitation(self) -> str:
        return self._respond("ACCEPTED")

    def reject_resource_share_invitation(self) -> str:
        return self._respond("REJECTED")

    def _respond(self, status: str) -> str:
        arn = self._get_param("resourceShareInvitationArn")
        found = [(share, invitation) for share, invitation in self._received() if invitation.arn == arn]
        if not found:
            raise refusal("ResourceShareInvitationArnNotFoundException", f"Invitation {arn} could not be found.")
        ((share, invitation),) = found
        now = invitation.current_status()
        if now != "PENDING":
            happened = {"ACCEPTED": "AlreadyAccepted", "REJECTED": "AlreadyRejected", "EXPIRED": "Expired"}[now]
            raise refusal(f"ResourceShareInvitation{happened}Exception", f"The invitation {arn} is {now} already.")
        share.answer(invitation, status)
        return json.dumps({"resourceShareInvitation": _invitation(share, invitation)})


def _association(share: Share, entry: Association) -> dict[str, Any]:
    return {
        "resourceShareArn": share.arn,
        "resourceShareName": share.name,
        "associatedEntity": entry.entity,
        "associationType": entry.kind,
        "status": entry.current_status(),
        "creationTime": entry.since,
        "lastUpdatedTime": entry.since,
        "external": entry.external,
    }


def _invitation(share: Share, invitation: Invitation) -> dict[str, Any]:
    return {
        "resourceShareInvitationArn": invitation.arn,
        "resourceShareName": share.name,
        "resourceShareArn": share.arn,
        "senderAccountId": share.account,
        "receiverAccountId": invitation.receiver,
        "invitationTimestamp": invitation.sent,
        "status": invitation.current_status(),
    }


def _moments_left_out(described: dict[str, Any]) -> dict[str, Any]:
    """moto keeps the times of permissions as texts, where the API has numbers."""
    return {key: value for key, value in described.items() if not key.endswith("Time")}


def install() -> None:
    models.ram_backends.backend = FaithfulRamBackend
    for path in [*urls.url_paths, *(f"{{0}}/{name}$" for name in PATHS)]:
        urls.url_paths[path] = FaithfulRamResponse.dispatch
