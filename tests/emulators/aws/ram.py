# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""RAM on moto: model package groups can be shared, shares changed, and a shared-with account sees what it got.

Shares become effective at once, as inside an organization with sharing enabled; invitations are not emulated.
"""

from __future__ import annotations

import json
from typing import Any

from moto.ram import models, responses, urls
from moto.ram.exceptions import UnknownResourceException

PATHS = ("associateresourceshare", "disassociateresourceshare", "listresources", "listprincipals")


def share_of_arn(arn: str, account: str, region: str) -> models.ResourceShare:
    """A share the account owns. Raises UnknownResourceException."""
    for share in models.ram_backends[account][region].resource_shares:
        if share.arn == arn:
            return share
    raise UnknownResourceException(f"ResourceShare {arn} could not be found.")


def shares_seen(owner: str, account: str, region: str) -> list[models.ResourceShare]:
    """Own shares, or those of other accounts that name this one."""
    if owner == "SELF":
        return list(models.ram_backends[account][region].resource_shares)
    return [
        share
        for other, backends in list(models.ram_backends.items())
        if other != account and region in list(backends.keys())
        for share in backends[region].resource_shares
        if share.status != "DELETED" and account in share.principals
    ]


class FaithfulRamResponse(responses.ResourceAccessManagerResponse):
    """Adds associate, disassociate, listings and the view from the other side."""

    def _share(self) -> models.ResourceShare:
        return share_of_arn(self._get_param("resourceShareArn"), self.current_account, self.region)

    def _seen(self) -> list[models.ResourceShare]:
        owner = self._get_param("resourceOwner")
        if owner not in ("SELF", "OTHER-ACCOUNTS"):
            self.ram_backend.get_resource_shares(owner)  # refuses it
        name, arns = self._get_param("name"), self._get_param("resourceShareArns") or []
        status = self._get_param("resourceShareStatus")
        return [
            share
            for share in shares_seen(owner, self.current_account, self.region)
            if name in (None, share.name) and (not arns or share.arn in arns) and status in (None, share.status)
        ]

    def get_resource_shares(self) -> str:
        return json.dumps({"resourceShares": [share.describe() for share in self._seen()]})

    def associate_resource_share(self) -> str:
        share = self._share()
        principals, arns = self._get_param("principals") or [], self._get_param("resourceArns") or []
        share.add_principals([entry for entry in principals if entry not in share.principals])
        share.add_resources([entry for entry in arns if entry not in share.resource_arns])
        return _associations(share, principals, arns, "ASSOCIATED")

    def disassociate_resource_share(self) -> str:
        share = self._share()
        principals, arns = self._get_param("principals") or [], self._get_param("resourceArns") or []
        share.principals = [entry for entry in share.principals if entry not in principals]
        share.resource_arns = [entry for entry in share.resource_arns if entry not in arns]
        return _associations(share, principals, arns, "DISASSOCIATED")

    def list_resources(self) -> str:
        resources = [
            {"arn": arn, "type": _resource_type(arn), "resourceShareArn": share.arn, "status": "AVAILABLE"}
            for share in self._seen()
            for arn in share.resource_arns
        ]
        return json.dumps({"resources": resources})

    def list_principals(self) -> str:
        principals = [
            {"id": principal, "resourceShareArn": share.arn, "external": True}
            for share in self._seen()
            for principal in share.principals
        ]
        return json.dumps({"principals": principals})


def _resource_type(arn: str) -> str:
    service, kind = arn.split(":")[2], arn.split(":")[5].split("/")[0]
    return f"{service}:{''.join(part.capitalize() for part in kind.split('-'))}"


def _associations(share: models.ResourceShare, principals: list[str], arns: list[str], status: str) -> str:
    entries: list[dict[str, Any]] = []
    for kind, values in (("PRINCIPAL", principals), ("RESOURCE", arns)):
        entries += [
            {
                "resourceShareArn": share.arn,
                "resourceShareName": share.name,
                "associatedEntity": value,
                "associationType": kind,
                "status": status,
            }
            for value in values
        ]
    return json.dumps({"resourceShareAssociations": entries})


def install() -> None:
    if "model-package-group" not in models.ResourceShare.SHAREABLE_RESOURCES:
        models.ResourceShare.SHAREABLE_RESOURCES.append("model-package-group")
    for path in [*urls.url_paths, *(f"{{0}}/{name}$" for name in PATHS)]:
        urls.url_paths[path] = FaithfulRamResponse.dispatch
