# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""iam_role and iam_access_key beside those of amazon.aws."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.peers.conftest import OURS, THEIRS, Pair, Side

PARTNER = "999988887777"
READ_ONLY = "arn:aws:iam::aws:policy/AmazonSageMakerReadOnly"
FULL = "arn:aws:iam::aws:policy/AmazonSQSFullAccess"


def trust(external_id: str) -> dict[str, Any]:
    statement = {
        "Sid": "TrustedAccounts",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{PARTNER}:root"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"sts:ExternalId": external_id}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


@pytest.fixture
def roles(pair: Callable[[str, str], Pair]) -> Pair:
    return pair("amazon.aws.iam_role", "iam_role")


@pytest.fixture
def keys(pair: Callable[[str, str], Pair]) -> Pair:
    """Both modules, each with a user."""
    made = pair("amazon.aws.iam_access_key", "iam_access_key")
    for side in (made.theirs, made.ours):
        side.client("iam").create_user(UserName="u")
    return made


def state(side: Side) -> Any:
    """The role as boto3 sees it, without what AWS makes up."""
    iam = side.client("iam")
    role = iam.get_role(RoleName="governance")["Role"]
    attached = iam.list_attached_role_policies(RoleName="governance")["AttachedPolicies"]
    profiles = iam.list_instance_profiles_for_role(RoleName="governance")["InstanceProfiles"]
    kept = {key: role[key] for key in role if key not in ("RoleId", "CreateDate", "RoleLastUsed")}
    return {**kept, "Tags": sorted(role.get("Tags", []), key=str)}, sorted(attached, key=str), profiles


def test_a_role_from_new_to_gone(roles: Pair) -> None:
    # The description stays: theirs sends it without the duration, which the emulator then takes for the default one.
    common = {"name": "governance", "path": "/wxgov/", "max_session_duration": 7200, "description": "x"}
    steps: tuple[dict[str, Any], ...] = (
        {"managed_policies": [READ_ONLY], "tags": {"team": "a"}, "trust": "one-id"},
        {"managed_policies": [FULL], "tags": {"team": "b"}, "trust": "other-id"},
    )
    for step in steps:
        given = {key: value for key, value in step.items() if key != "trust"}
        theirs = {"assume_role_policy_document": trust(step["trust"]), "create_instance_profile": False}
        ours = {"trusted_accounts": [PARTNER], "external_id": step["trust"], "purge_managed_policies": True}
        for changed in (True, False):
            assert roles.theirs.do(**common, **given, **theirs)["changed"] is changed
            assert roles.ours.do(**common, **given, **ours)["changed"] is changed
        assert same_role(roles)["Tags"] == [{"Key": "team", "Value": step["tags"]["team"]}]
    for side in (roles.theirs, roles.ours):
        side.do(name="governance", state="absent")
    assert roles.same(lambda side: side.client("iam").list_roles()["Roles"]) == []


def same_role(roles: Pair) -> Any:
    """Both accounts' role, equal but for one account or a list of one as principal."""

    def read(side: Side) -> Any:
        role, attached, profiles = state(side)
        (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
        named = statement["Principal"]["AWS"]
        statement["Principal"]["AWS"] = [named] if isinstance(named, str) else named
        return role, attached, profiles

    role, _attached, profiles = roles.same(read)
    assert profiles == []
    return role


def test_what_the_defaults_do_to_a_role_with_a_policy_of_somebody_elses(roles: Pair) -> None:
    """Theirs takes the policy off, and makes an instance profile that nobody asked for."""
    document = {"assume_role_policy_document": trust("one-id")}
    for side in (roles.theirs, roles.ours):
        side.do(name="governance", **document)
        side.client("iam").attach_role_policy(RoleName="governance", PolicyArn=FULL)
        side.do(name="governance", **document, managed_policies=[READ_ONLY])
    _role, theirs, their_profiles = state(roles.theirs)
    _role, ours, our_profiles = state(roles.ours)
    assert (len(theirs), len(ours)) == (1, 2)
    assert (len(their_profiles), our_profiles) == (1, [])


def test_what_check_mode_shows_of_a_new_role(roles: Pair) -> None:
    document = {"assume_role_policy_document": trust("one-id")}
    theirs = roles.theirs.run(check=True, name="governance", **document)
    ours = roles.ours.run(check=True, name="governance", **document)
    assert theirs["changed"] is ours["changed"] is True
    assert "iam_role" not in theirs
    assert ours["role"]["arn"] == f"arn:aws:iam::{OURS}:role/governance"
    assert ours["diff"]["before"] == {}
    assert set(ours) == set(roles.ours.do(name="governance", **document))


def listed(side: Side) -> list[str]:
    found = side.client("iam").list_access_keys(UserName="u")["AccessKeyMetadata"]
    return [key["Status"] for key in found]


def test_one_key_and_what_is_done_with_it(keys: Pair) -> None:
    """Made, turned off, deleted: the steps that both know."""
    theirs = keys.theirs.do(user_name="u")["access_key_id"]
    ours = keys.ours.do(user_name="u")["access_key"]["access_key_id"]
    assert keys.same(listed) == ["Active"]
    for side, key in ((keys.theirs, theirs), (keys.ours, ours)):
        side.client("iam").update_access_key(UserName="u", AccessKeyId=key, Status="Inactive")
    keys.theirs.do(user_name="u", id=theirs, active=True)
    keys.ours.do(user_name="u", access_key_id=ours)
    assert keys.same(listed) == ["Active"]
    keys.theirs.do(user_name="u", id=theirs, state="absent")
    keys.ours.do(user_name="u", access_key_id=ours, state="absent")
    assert keys.same(listed) == []


def test_a_second_run(keys: Pair) -> None:
    """Theirs makes a key at each run, until AWS allows no more."""
    for changed in (True, False):
        assert keys.theirs.do(user_name="u")["changed"] is True
        assert keys.ours.do(user_name="u")["changed"] is changed
    assert (listed(keys.theirs), listed(keys.ours)) == (["Active", "Active"], ["Active"])
    third = keys.theirs.run(user_name="u")
    assert third["failed"] is True
    assert "LimitExceeded" in str(third)


def test_a_rotation_while_the_old_key_is_in_use(keys: Pair) -> None:
    """Theirs, at the limit of two keys, deletes the oldest before anybody has the new one; ours never does."""
    old = {}
    for side in (keys.theirs, keys.ours):
        iam = side.client("iam")
        old[side.account.account_id] = iam.create_access_key(UserName="u")["AccessKey"]["AccessKeyId"]
        iam.create_access_key(UserName="u")
    keys.theirs.do(user_name="u", rotate_keys=True)
    refused = keys.ours.run(user_name="u", state="rotated", access_key_id=old[OURS], max_age_days=0)
    left = {
        side.account.account_id: {
            key["AccessKeyId"] for key in side.client("iam").list_access_keys(UserName="u")["AccessKeyMetadata"]
        }
        for side in (keys.theirs, keys.ours)
    }
    assert old[THEIRS] not in left[THEIRS]
    assert old[OURS] in left[OURS]
    assert len(left[OURS]) == 2
    assert refused.get("failed") or refused["changed"] is False
