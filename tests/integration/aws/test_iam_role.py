# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""iam_role against the emulator: every option through check → change → check → no change."""

from __future__ import annotations

import json
from typing import Any

import botocore.exceptions
import pytest

from tests.integration.aws.conftest import ACCOUNT, Account, differing, walk_cycle

PARTNER = "444455556666"
BOUNDARY = "arn:aws:iam::aws:policy/AmazonSQSFullAccess"
READ_ONLY = "arn:aws:iam::aws:policy/AmazonSageMakerReadOnly"
FULL = "arn:aws:iam::aws:policy/AmazonSQSFullAccess"


def trust(account: str = PARTNER, external_id: str | None = "one-id") -> dict[str, Any]:
    statement: dict[str, Any] = {
        "Sid": "TrustedAccounts",
        "Effect": "Allow",
        "Principal": {"AWS": [f"arn:aws:iam::{account}:root"]},
        "Action": "sts:AssumeRole",
    }
    if external_id:
        statement["Condition"] = {"StringEquals": {"sts:ExternalId": external_id}}
    return {"Version": "2012-10-17", "Statement": [statement]}


def service(name: str) -> dict[str, Any]:
    return {"Sid": "TrustedServices", "Effect": "Allow", "Principal": {"Service": [name]}, "Action": "sts:AssumeRole"}


def inline(action: str) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]}


BASE = {"trusted_accounts": [PARTNER], "external_id": "one-id"}
DOCUMENT = "assume_role_policy_document"
CYCLES: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, tuple[Any, Any]]]] = {
    "description": ({}, {"description": "x y"}, {"description": ("", "x y")}),
    "description cleared": ({"description": "x"}, {"description": ""}, {"description": ("x", "")}),
    "max_session_duration": ({}, {"max_session_duration": 7200}, {"max_session_duration": (3600, 7200)}),
    "trusted_accounts": (
        {},
        {"trusted_accounts": ["777788889999"], "external_id": "one-id"},
        {DOCUMENT: (trust(), trust("777788889999"))},
    ),
    "trusted_services": (
        {},
        {"trusted_services": ["sagemaker.amazonaws.com"], **BASE},
        {
            DOCUMENT: (
                trust(),
                {"Version": "2012-10-17", "Statement": [*trust()["Statement"], service("sagemaker.amazonaws.com")]},
            )
        },
    ),
    "external_id": (
        {},
        {"trusted_accounts": [PARTNER], "external_id": "other-id"},
        {DOCUMENT: (trust(), trust(external_id="other-id"))},
    ),
    "require_external_id off": (
        {},
        {"trusted_accounts": [PARTNER], "require_external_id": False},
        {DOCUMENT: (trust(), trust(external_id=None))},
    ),
    DOCUMENT: ({}, {DOCUMENT: trust(external_id="doc-id")}, {DOCUMENT: (trust(), trust(external_id="doc-id"))}),
    "managed_policies by ARN": ({}, {"managed_policies": [READ_ONLY]}, {"managed_policies": ([], [READ_ONLY])}),
    "managed_policies by name are added": (
        {"managed_policies": [READ_ONLY]},
        {"managed_policies": ["AmazonSQSFullAccess"]},
        {"managed_policies": ([READ_ONLY], [FULL, READ_ONLY])},
    ),
    "purge_managed_policies": (
        {"managed_policies": [READ_ONLY, FULL]},
        {"managed_policies": [READ_ONLY], "purge_managed_policies": True},
        {"managed_policies": ([FULL, READ_ONLY], [READ_ONLY])},
    ),
    "managed_policies emptied": (
        {"managed_policies": [READ_ONLY]},
        {"managed_policies": [], "purge_managed_policies": True},
        {"managed_policies": ([READ_ONLY], [])},
    ),
    "inline_policies": (
        {},
        {"inline_policies": {"a": inline("sqs:*")}},
        {"inline_policies": ({}, {"a": inline("sqs:*")})},
    ),
    "inline_policies changed and added": (
        {"inline_policies": {"a": inline("sqs:*"), "z": inline("s3:*")}},
        {"inline_policies": {"a": inline("sqs:ReceiveMessage"), "b": inline("sts:*")}},
        {
            "inline_policies": (
                {"a": inline("sqs:*"), "z": inline("s3:*")},
                {"a": inline("sqs:ReceiveMessage"), "b": inline("sts:*"), "z": inline("s3:*")},
            )
        },
    ),
    "purge_inline_policies": (
        {"inline_policies": {"a": inline("sqs:*"), "z": inline("s3:*")}},
        {"inline_policies": {"a": inline("sqs:*")}, "purge_inline_policies": True},
        {
            "inline_policies": (
                {"a": inline("sqs:*"), "z": inline("s3:*")},
                {"a": inline("sqs:*")},
            )
        },
    ),
    "permissions_boundary": ({}, {"permissions_boundary": BOUNDARY}, {"permissions_boundary": (None, BOUNDARY)}),
    "permissions_boundary cleared": (
        {"permissions_boundary": BOUNDARY},
        {"permissions_boundary": ""},
        {"permissions_boundary": (BOUNDARY, None)},
    ),
    "tags unset to set": ({}, {"tags": {"team": "a"}}, {"tags": ({}, {"team": "a"})}),
    "tags replaced": (
        {"tags": {"team": "a", "old": "1"}},
        {"tags": {"team": "b"}},
        {"tags": ({"team": "a", "old": "1"}, {"team": "b"})},
    ),
    "purge_tags off": (
        {"tags": {"team": "a", "old": "1"}},
        {"tags": {"team": "b"}, "purge_tags": False},
        {"tags": ({"team": "a", "old": "1"}, {"team": "b", "old": "1"})},
    ),
}


def real(account: Account, name: str = "governance") -> dict[str, Any]:
    """The role as boto3 sees it."""
    iam = account.client("iam")
    role = iam.get_role(RoleName=name)["Role"]
    role.pop("RoleLastUsed", None)
    names = iam.list_role_policies(RoleName=name)["PolicyNames"]
    return {
        **role,
        "Tags": sorted(role.get("Tags", []), key=lambda tag: str(tag["Key"])),
        "attached": sorted(
            policy["PolicyArn"] for policy in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
        ),
        "inline": {
            policy: iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"] for policy in sorted(names)
        },
    }


@pytest.mark.parametrize("cycle", CYCLES.values(), ids=CYCLES)
def test_each_option_is_checked_set_and_then_left_alone(account: Account, cycle: Any) -> None:
    given, change, expected = cycle
    account.succeed("iam_role", name="governance", **{**BASE, **given})
    walk_cycle(account, "iam_role", "role", {"name": "governance"}, change, lambda: real(account), expected)


NEW: dict[str, Any] = {
    "name": "governance",
    "path": "/wxgov/",
    "description": "x",
    "trusted_accounts": [PARTNER],
    "external_id": "one-id",
    "max_session_duration": 7200,
    "managed_policies": ["AmazonSageMakerReadOnly"],
    "inline_policies": {"a": inline("sqs:*")},
    "permissions_boundary": BOUNDARY,
    "tags": {"team": "a"},
}


def test_a_new_role_is_shown_the_same_in_check_mode(account: Account) -> None:
    checked = account.succeed("iam_role", check=True, **NEW)
    assert account.client("iam").list_roles()["Roles"] == []
    account.emulator.clear_calls()
    made = account.succeed("iam_role", **NEW)
    assert account.emulator.calls() == {
        "iam.GetRole": 2,
        "sts.GetCallerIdentity": 1,
        "iam.GetPolicy": 1,
        "iam.CreateRole": 1,
        "iam.AttachRolePolicy": 1,
        "iam.PutRolePolicy": 1,
        "iam.ListAttachedRolePolicies": 1,
        "iam.ListRolePolicies": 1,
        "iam.GetRolePolicy": 1,
    }
    assert set(differing(checked["role"], made["role"])) == {"role_id"}
    assert made["diff"] == checked["diff"]
    assert made["external_id"] == checked["external_id"] == "one-id"
    seen = real(account)
    assert (seen["Path"], seen["MaxSessionDuration"], seen["Description"]) == ("/wxgov/", 7200, "x")
    assert seen["AssumeRolePolicyDocument"] == trust()
    assert seen["PermissionsBoundary"]["PermissionsBoundaryArn"] == BOUNDARY
    assert (seen["attached"], seen["inline"]) == ([READ_ONLY], {"a": inline("sqs:*")})
    account.emulator.clear_calls()
    assert account.succeed("iam_role", **NEW)["changed"] is False
    assert account.emulator.calls() == {
        "iam.GetRole": 1,
        "iam.ListAttachedRolePolicies": 1,
        "iam.ListRolePolicies": 1,
        "iam.GetRolePolicy": 1,
    }
    assert account.client("iam").list_instance_profiles()["InstanceProfiles"] == []


def test_a_generated_external_id_is_kept_and_opens_the_role(account: Account) -> None:
    options: dict[str, Any] = {
        "name": "governance",
        "trusted_accounts": [PARTNER],
        "generate_external_id": True,
    }
    checked = account.succeed("iam_role", check=True, **options)
    assert checked["external_id"] == "generated-when-the-role-is-made"
    made = account.succeed("iam_role", **options)
    external_id = made["external_id"]
    assert len(external_id) >= 32
    assert external_id != checked["external_id"]
    again = account.succeed("iam_role", **options)
    assert (again["changed"], again["external_id"]) == (False, external_id)
    moved = account.succeed("iam_role", **{**options, "trusted_accounts": ["777788889999", PARTNER]})
    assert (moved["changed"], moved["external_id"]) == (True, external_id)

    sts = Account(account.emulator, PARTNER).client("sts")
    arn = made["role"]["arn"]
    sts.assume_role(RoleArn=arn, RoleSessionName="session", ExternalId=external_id)
    with pytest.raises(botocore.exceptions.ClientError, match="AccessDenied"):
        sts.assume_role(RoleArn=arn, RoleSessionName="session", ExternalId="guessed")


def test_two_roles_get_two_external_ids(account: Account) -> None:
    ids = {
        account.succeed("iam_role", name=name, trusted_accounts=[PARTNER], generate_external_id=True)["external_id"]
        for name in ("one", "two")
    }
    assert len(ids) == 2


def test_the_own_account_needs_no_external_id(account: Account) -> None:
    made = account.succeed("iam_role", name="governance", trusted_accounts=[ACCOUNT])
    assert made["external_id"] is None


def test_a_customer_policy_is_found_by_name_whatever_its_path(account: Account) -> None:
    iam = account.client("iam")
    arn = iam.create_policy(PolicyName="mine", Path="/deep/", PolicyDocument=json.dumps(inline("sqs:*")))["Policy"][
        "Arn"
    ]
    made = account.succeed("iam_role", name="governance", **BASE, managed_policies=["mine"])
    assert made["role"]["managed_policies"] == [arn]
    message = account.refuse("iam_role", name="governance", managed_policies=["nobodys"])
    assert message == "managed_policies has 'nobodys', but neither AWS nor this account has a policy of that name."


def test_the_same_policies_in_other_words_change_nothing(account: Account) -> None:
    account.succeed("iam_role", name="governance", **BASE, inline_policies={"a": inline("sqs:*")})
    wordy = {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Action": ["SQS:*"], "Resource": ["*"]},
    }
    document = trust()
    document["Statement"][0]["Principal"] = {"AWS": PARTNER}
    document["Statement"][0]["Condition"] = {"StringEquals": {"STS:externalid": ["one-id"]}}
    again = account.succeed(
        "iam_role", name="governance", assume_role_policy_document=document, inline_policies={"a": wordy}
    )
    assert again["changed"] is False


def test_deletion_takes_everything_off_first(account: Account) -> None:
    made = account.succeed("iam_role", **NEW)["role"]
    checked = account.succeed("iam_role", name="governance", state="absent", check=True)
    assert checked["diff"] == {"before": made, "after": {}}
    assert real(account)["Arn"] == made["arn"]
    assert account.succeed("iam_role", name="governance", state="absent") == checked
    assert account.client("iam").list_roles()["Roles"] == []
    for check in (True, False):
        again = account.succeed("iam_role", name="governance", state="absent", check=check)
        assert (again["changed"], again["role"], again["external_id"]) == (False, None, None)


def test_no_region_is_needed(account: Account) -> None:
    assert account.succeed("iam_role", name="governance", region=None, **BASE)["changed"] is True


def test_a_new_role_is_waited_for_until_it_shows(account: Account, hurry: list[float]) -> None:
    """The first GetRole looks whether it is there; the next two come too early."""
    account.fault("iam.GetRole", kind="error", times=3, code="NoSuchEntity", status=404)
    made = account.succeed("iam_role", name="governance", **BASE)
    assert made["role"]["role_id"]
    assert account.emulator.calls()["iam.GetRole"] == 4
    assert hurry == [1, 2]


ALLOWED = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "iam:*", "Resource": "*"},
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": f"arn:aws:iam::{ACCOUNT}:role/governance"},
    ],
}


def partner(account: Account) -> dict[str, str]:
    """The keys of a user of the own account, who may make roles and take on the role governance."""
    iam = account.client("iam")
    iam.create_user(UserName="runner")
    iam.put_user_policy(UserName="runner", PolicyName="runner", PolicyDocument=json.dumps(ALLOWED))
    key = iam.create_access_key(UserName="runner")["AccessKey"]
    account.emulator.enforce_iam()
    return {"access_key": key["AccessKeyId"], "secret_key": key["SecretAccessKey"]}


def test_a_role_is_waited_for_until_sts_lets_the_caller_in(account: Account, hurry: list[float]) -> None:
    """STS knows the new role only from the third request on; each has the external id that was made for the role."""
    account.fault("sts.AssumeRole", kind="error", times=2, code="AccessDenied", status=403)
    options = {"name": "governance", "trusted_accounts": [ACCOUNT], "generate_external_id": True}
    made = account.succeed("iam_role", **partner(account), **options, wait_assumable=True)
    assert made["changed"] is True
    assert account.emulator.calls()["sts.AssumeRole"] == 3
    assert hurry == [1, 2]
    account.emulator.clear_calls()
    assert account.succeed("iam_role", name="governance", wait_assumable=True)["changed"] is False
    assert account.emulator.calls()["sts.AssumeRole"] == 1
    account.emulator.clear_calls()
    account.succeed("iam_role", check=True, name="governance", description="x", wait_assumable=True)
    account.succeed("iam_role", name="governance", state="absent", wait_assumable=True)
    assert "sts.AssumeRole" not in account.emulator.calls()


@pytest.mark.parametrize("wait", [True, False])
def test_a_role_that_does_not_trust_the_caller_is_said_so(account: Account, hurry: list[float], wait: bool) -> None:
    message = account.refuse(
        "iam_role", **partner(account), name="governance", **BASE, wait=wait, wait_assumable=True, wait_timeout=30
    )
    assert message.startswith(
        f"The role governance is as it should be, but after {30 if wait else 0} s STS still does not let the caller"
    )
    assert sum(hurry) == (30 if wait else 0)
    assert real(account)["Arn"].endswith(":role/governance")
