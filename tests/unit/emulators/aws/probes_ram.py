# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""What RAM does and stock moto does not: one probe a mend."""

from __future__ import annotations

from typing import Any

from tests.unit.emulators.aws.clouds import ACCOUNT, OTHER, Cloud, error_code
from tests.unit.emulators.aws.probes_sagemaker import GROUP_ARN, group, package

PERMISSION = "arn:aws:ram::aws:permission/AWSRAMPermissionSageMakerModelPackageGroupAllowRegister"


def share(cloud: Cloud, **given: Any) -> tuple[Any, str]:
    """A client of the owner, and the ARN of a new share."""
    ram = cloud.client("ram")
    answer = ram.create_resource_share(**{"name": "probe", **given})
    return ram, answer["resourceShare"]["resourceShareArn"]


def shared_group(cloud: Cloud, **given: Any) -> tuple[Any, str]:
    """A share of one model package group."""
    group(cloud)
    return share(cloud, resourceArns=[GROUP_ARN], **given)


def statuses(ram: Any, kind: str, arn: str) -> dict[str, str]:
    answer = ram.get_resource_share_associations(associationType=kind, resourceShareArns=[arn])
    return {entry["associatedEntity"]: entry["status"] for entry in answer["resourceShareAssociations"]}


def invitation(cloud: Cloud) -> tuple[Any, dict[str, Any]]:
    """A client of the other account, and the one invitation it has."""
    theirs = cloud.client("ram", OTHER)
    (found,) = theirs.get_resource_share_invitations()["resourceShareInvitations"]
    return theirs, found


def organization(cloud: Cloud) -> tuple[str, str]:
    """An organization led by the owner, sharing enabled: its ARN, and a member account."""
    organizations = cloud.client("organizations")
    arn = organizations.create_organization(FeatureSet="ALL")["Organization"]["Arn"]
    made = organizations.create_account(AccountName="member", Email="member@example.com")
    cloud.client("ram").enable_sharing_with_aws_organization()
    return arn, made["CreateAccountStatus"]["AccountId"]


# ---- shares


def mend_model_package_groups_can_be_shared(cloud: Cloud) -> None:
    ram, arn = shared_group(cloud)
    assert statuses(ram, "RESOURCE", arn) == {GROUP_ARN: "ASSOCIATED"}
    listed = ram.list_resources(resourceOwner="SELF")["resources"]
    assert [(entry["arn"], entry["type"]) for entry in listed] == [(GROUP_ARN, "sagemaker:ModelPackageGroup")]


def mend_what_is_shared_exists(cloud: Cloud) -> None:
    ram = cloud.client("ram")
    code = error_code(ram.create_resource_share, name="probe", resourceArns=[GROUP_ARN])
    assert code == "UnknownResourceException"


def mend_shares_are_found_by_name(cloud: Cloud) -> None:
    ram, arn = share(cloud)
    share(cloud, name="another")
    found = ram.get_resource_shares(resourceOwner="SELF", name="probe")["resourceShares"]
    assert [entry["resourceShareArn"] for entry in found] == [arn]


def mend_a_token_makes_one_share(cloud: Cloud) -> None:
    _unused, first = share(cloud, clientToken="t")
    ram, second = share(cloud, clientToken="t")
    assert first == second
    code = error_code(ram.create_resource_share, name="other", clientToken="t")
    assert code == "IdempotentParameterMismatchException"


def mend_shares_have_tags(cloud: Cloud) -> None:
    ram, arn = share(cloud, tags=[{"key": "a", "value": "1"}])
    ram.tag_resource(resourceShareArn=arn, tags=[{"key": "b", "value": "2"}])
    ram.untag_resource(resourceShareArn=arn, tagKeys=["a"])
    (found,) = ram.get_resource_shares(resourceOwner="SELF")["resourceShares"]
    assert found["tags"] == [{"key": "b", "value": "2"}]


def mend_an_update_keeps_what_it_does_not_name(cloud: Cloud) -> None:
    ram, arn = share(cloud, allowExternalPrincipals=False)
    ram.update_resource_share(resourceShareArn=arn, name="renamed")
    (found,) = ram.get_resource_shares(resourceOwner="SELF")["resourceShares"]
    assert (found["name"], found["allowExternalPrincipals"]) == ("renamed", False)


def mend_lists_come_in_pages_and_the_first_is_empty(cloud: Cloud) -> None:
    for number in range(3):
        ram, _unused = share(cloud, name=f"probe-{number}")
    first = ram.get_resource_shares(resourceOwner="SELF", maxResults=2)
    assert first["resourceShares"] == []
    second = ram.get_resource_shares(resourceOwner="SELF", maxResults=2, nextToken=first["nextToken"])
    third = ram.get_resource_shares(resourceOwner="SELF", maxResults=2, nextToken=second["nextToken"])
    assert [entry["name"] for entry in second["resourceShares"]] == ["probe-0", "probe-1"]
    assert [entry["name"] for entry in third["resourceShares"]] == ["probe-2"]
    assert "nextToken" not in third


def mend_resources_and_principals_come_and_go(cloud: Cloud) -> None:
    group(cloud)
    ram, arn = share(cloud)
    ram.associate_resource_share(resourceShareArn=arn, resourceArns=[GROUP_ARN], principals=[OTHER])
    assert statuses(ram, "RESOURCE", arn) == {GROUP_ARN: "ASSOCIATED"}
    assert statuses(ram, "PRINCIPAL", arn) == {OTHER: "ASSOCIATING"}
    ram.disassociate_resource_share(resourceShareArn=arn, resourceArns=[GROUP_ARN], principals=[OTHER])
    assert statuses(ram, "RESOURCE", arn) == {GROUP_ARN: "DISASSOCIATED"}
    assert statuses(ram, "PRINCIPAL", arn) == {OTHER: "DISASSOCIATED"}


# ---- permissions


def mend_a_share_has_one_permission_a_type(cloud: Cloud) -> None:
    ram, arn = shared_group(cloud)
    (default,) = ram.list_resource_share_permissions(resourceShareArn=arn)["permissions"]
    assert (default["resourceType"], default["isResourceTypeDefault"]) == ("sagemaker:ModelPackageGroup", True)
    refused = error_code(ram.associate_resource_share_permission, resourceShareArn=arn, permissionArn=PERMISSION)
    assert refused == "InvalidParameterException"
    ram.associate_resource_share_permission(resourceShareArn=arn, permissionArn=PERMISSION, replace=True)
    (other,) = ram.list_resource_share_permissions(resourceShareArn=arn)["permissions"]
    assert other["arn"] == PERMISSION
    assert ram.get_permission(permissionArn=PERMISSION)["permission"]["resourceType"] == default["resourceType"]
    assert error_code(ram.get_permission, permissionArn=f"{PERMISSION}Not") == "UnknownResourceException"


def mend_a_share_is_made_with_a_permission(cloud: Cloud) -> None:
    ram, arn = shared_group(cloud, permissionArns=[PERMISSION])
    (found,) = ram.list_resource_share_permissions(resourceShareArn=arn)["permissions"]
    assert found["arn"] == PERMISSION


# ---- the other side


def mend_an_account_outside_is_let_in_when_it_accepts(cloud: Cloud) -> None:
    ram, arn = shared_group(cloud, principals=[OTHER])
    theirs, found = invitation(cloud)
    assert (found["resourceShareArn"], found["status"], found["senderAccountId"]) == (arn, "PENDING", ACCOUNT)
    assert theirs.get_resource_shares(resourceOwner="OTHER-ACCOUNTS")["resourceShares"] == []
    assert statuses(ram, "PRINCIPAL", arn) == {OTHER: "ASSOCIATING"}
    sagemaker = cloud.client("sagemaker", OTHER)
    assert error_code(sagemaker.create_model_package, ModelPackageGroupName=GROUP_ARN) == "AccessDeniedException"

    theirs.accept_resource_share_invitation(resourceShareInvitationArn=found["resourceShareInvitationArn"])
    assert statuses(ram, "PRINCIPAL", arn) == {OTHER: "ASSOCIATED"}
    (seen,) = theirs.get_resource_shares(resourceOwner="OTHER-ACCOUNTS")["resourceShares"]
    assert seen["resourceShareArn"] == arn
    assert [entry["arn"] for entry in theirs.list_resources(resourceOwner="OTHER-ACCOUNTS")["resources"]] == [GROUP_ARN]
    assert [entry["id"] for entry in theirs.list_principals(resourceOwner="OTHER-ACCOUNTS")["principals"]] == [ACCOUNT]
    listed = sagemaker.list_model_package_groups(CrossAccountFilterOption="CrossAccount")
    assert [entry["ModelPackageGroupArn"] for entry in listed["ModelPackageGroupSummaryList"]] == [GROUP_ARN]
    assert package(sagemaker, GROUP_ARN)

    ram.disassociate_resource_share(resourceShareArn=arn, principals=[OTHER])
    assert error_code(sagemaker.create_model_package, ModelPackageGroupName=GROUP_ARN) == "AccessDeniedException"


def mend_an_invitation_is_answered_once(cloud: Cloud) -> None:
    shared_group(cloud, principals=[OTHER])
    theirs, found = invitation(cloud)
    arn = found["resourceShareInvitationArn"]
    theirs.reject_resource_share_invitation(resourceShareInvitationArn=arn)
    assert invitation(cloud)[1]["status"] == "REJECTED"
    code = error_code(theirs.accept_resource_share_invitation, resourceShareInvitationArn=arn)
    assert code == "ResourceShareInvitationAlreadyRejectedException"
    assert theirs.get_resource_shares(resourceOwner="OTHER-ACCOUNTS")["resourceShares"] == []


def mend_an_invitation_expires(cloud: Cloud) -> None:
    shared_group(cloud, principals=[OTHER])
    theirs, found = invitation(cloud)
    cloud.wait(8 * 86400)
    assert invitation(cloud)[1]["status"] == "EXPIRED"
    code = error_code(
        theirs.accept_resource_share_invitation, resourceShareInvitationArn=found["resourceShareInvitationArn"]
    )
    assert code == "ResourceShareInvitationExpiredException"


def mend_an_answered_invitation_is_not_listed_for_ever(cloud: Cloud) -> None:
    shared_group(cloud, principals=[OTHER])
    theirs, found = invitation(cloud)
    theirs.accept_resource_share_invitation(resourceShareInvitationArn=found["resourceShareInvitationArn"])
    cloud.wait(8 * 86400)
    assert theirs.get_resource_share_invitations()["resourceShareInvitations"] == []
    assert theirs.get_resource_shares(resourceOwner="OTHER-ACCOUNTS")["resourceShares"]


def mend_a_share_may_keep_outsiders_out(cloud: Cloud) -> None:
    _unused, arn = share(cloud, allowExternalPrincipals=False)
    code = error_code(cloud.client("ram").associate_resource_share, resourceShareArn=arn, principals=[OTHER])
    assert code == "OperationNotPermittedException"


def mend_an_organization_needs_no_invitation(cloud: Cloud) -> None:
    organization_arn, member = organization(cloud)
    ram, arn = shared_group(cloud, allowExternalPrincipals=False, principals=[organization_arn])
    assert statuses(ram, "PRINCIPAL", arn) == {organization_arn: "ASSOCIATED"}
    theirs = cloud.client("ram", member)
    assert theirs.get_resource_share_invitations()["resourceShareInvitations"] == []
    (seen,) = theirs.get_resource_shares(resourceOwner="OTHER-ACCOUNTS")["resourceShares"]
    assert seen["resourceShareArn"] == arn
    assert package(cloud.client("sagemaker", member), GROUP_ARN)


def mend_a_unit_lets_in_who_is_in_it(cloud: Cloud) -> None:
    _unused, member = organization(cloud)
    organizations = cloud.client("organizations")
    root = organizations.list_roots()["Roots"][0]["Id"]
    unit = organizations.create_organizational_unit(ParentId=root, Name="ml")["OrganizationalUnit"]
    shared_group(cloud, principals=[unit["Arn"]])
    theirs = cloud.client("ram", member)
    assert theirs.get_resource_shares(resourceOwner="OTHER-ACCOUNTS")["resourceShares"] == []
    organizations.move_account(AccountId=member, SourceParentId=root, DestinationParentId=unit["Id"])
    assert len(theirs.get_resource_shares(resourceOwner="OTHER-ACCOUNTS")["resourceShares"]) == 1


def mend_an_account_can_leave_a_share(cloud: Cloud) -> None:
    _unused, arn = shared_group(cloud, principals=[OTHER])
    theirs, found = invitation(cloud)
    theirs.accept_resource_share_invitation(resourceShareInvitationArn=found["resourceShareInvitationArn"])
    theirs.disassociate_resource_share(resourceShareArn=arn, principals=[OTHER])
    assert theirs.get_resource_shares(resourceOwner="OTHER-ACCOUNTS")["resourceShares"] == []


def mend_a_deleted_share_lets_nobody_in(cloud: Cloud) -> None:
    ram, arn = shared_group(cloud, principals=[OTHER])
    theirs, found = invitation(cloud)
    theirs.accept_resource_share_invitation(resourceShareInvitationArn=found["resourceShareInvitationArn"])
    ram.delete_resource_share(resourceShareArn=arn)
    assert theirs.get_resource_shares(resourceOwner="OTHER-ACCOUNTS")["resourceShares"] == []
    assert error_code(ram.delete_resource_share, resourceShareArn=arn) == "InvalidStateTransitionException"


def mend_a_group_of_the_organization_is_not_open_to_others(cloud: Cloud) -> None:
    organization_arn, _unused = organization(cloud)
    shared_group(cloud, principals=[organization_arn])
    sagemaker = cloud.client("sagemaker", OTHER)
    listed = sagemaker.list_model_package_groups(CrossAccountFilterOption="CrossAccount")
    assert listed["ModelPackageGroupSummaryList"] == []
