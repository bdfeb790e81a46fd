# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""iam_user against the emulator: every option through check → change → check → no change."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from ansible_collections.wxgov.sagemaker.plugins.modules import iam_user
from tests.integration.aws.conftest import Account, differing, walk_cycle

BOUNDARY = "arn:aws:iam::aws:policy/AmazonSQSFullAccess"
READ_ONLY = "arn:aws:iam::aws:policy/AmazonSageMakerReadOnly"
FULL = "arn:aws:iam::aws:policy/AmazonSQSFullAccess"


def inline(action: str) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]}


TWO = {"a": inline("sqs:*"), "z": inline("s3:*")}
CYCLES: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, tuple[Any, Any]]]] = {
    "managed_policies by name are added": (
        {"managed_policies": [READ_ONLY]},
        {"managed_policies": ["AmazonSQSFullAccess"]},
        {"managed_policies": ([READ_ONLY], [FULL, READ_ONLY])},
    ),
    "purge_managed_policies": (
        {"managed_policies": [READ_ONLY, FULL]},
        {"managed_policies": [], "purge_managed_policies": True},
        {"managed_policies": ([FULL, READ_ONLY], [])},
    ),
    "inline_policies changed and added": (
        {"inline_policies": TWO},
        {"inline_policies": {"a": inline("sqs:ReceiveMessage"), "b": inline("sts:*")}},
        {"inline_policies": (TWO, {**TWO, "a": inline("sqs:ReceiveMessage"), "b": inline("sts:*")})},
    ),
    "purge_inline_policies": (
        {"inline_policies": TWO},
        {"inline_policies": {"a": inline("sqs:*")}, "purge_inline_policies": True},
        {"inline_policies": (TWO, {"a": inline("sqs:*")})},
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
}


def real(account: Account) -> dict[str, Any]:
    """The user as boto3 sees it."""
    iam = account.client("iam")
    names = iam.list_user_policies(UserName="u")["PolicyNames"]
    attached = iam.list_attached_user_policies(UserName="u")["AttachedPolicies"]
    return {
        **iam.get_user(UserName="u")["User"],
        "attached": sorted(policy["PolicyArn"] for policy in attached),
        "inline": {
            name: iam.get_user_policy(UserName="u", PolicyName=name)["PolicyDocument"] for name in sorted(names)
        },
    }


@pytest.mark.parametrize("cycle", CYCLES.values(), ids=CYCLES)
def test_each_option_is_checked_set_and_then_left_alone(account: Account, cycle: Any) -> None:
    given, change, expected = cycle
    account.succeed("iam_user", name="u", **given)
    walk_cycle(account, "iam_user", "user", {"name": "u"}, change, lambda: real(account), expected)


NEW: dict[str, Any] = {
    "name": "u",
    "path": "/wxgov/",
    "managed_policies": ["AmazonSageMakerReadOnly"],
    "inline_policies": {"a": inline("sqs:*")},
    "permissions_boundary": BOUNDARY,
    "tags": {"team": "a"},
}


def test_a_user_from_check_mode_to_nothing_left(account: Account) -> None:
    checked = account.succeed("iam_user", check=True, **NEW)
    assert account.client("iam").list_users()["Users"] == []
    made = account.succeed("iam_user", **NEW)
    assert set(differing(checked["user"], made["user"])) == {"user_id"}
    assert made["diff"] == checked["diff"]
    assert (made["user"]["path"], made["user"]["managed_policies"]) == ("/wxgov/", [READ_ONLY])
    account.emulator.clear_calls()
    assert account.succeed("iam_user", region=None, **NEW)["changed"] is False
    assert account.emulator.calls() == {
        "iam.GetUser": 1,
        "iam.ListAttachedUserPolicies": 1,
        "iam.ListUserPolicies": 1,
        "iam.GetUserPolicy": 1,
    }
    assert "would change its ARN; delete the user first" in account.refuse("iam_user", name="u", path="/")

    key = account.succeed("iam_access_key", user_name="u")["access_key"]["access_key_id"]
    message = account.refuse("iam_user", name="u", state="absent")
    assert message == (
        f"The user 'u' has the access keys {key}; delete them first, with iam_access_key and state: absent."
    )
    checked = account.succeed("iam_user", name="u", state="absent", check=True)
    assert key in str(checked["warnings"])
    assert real(account)["attached"] == [READ_ONLY]
    account.succeed("iam_access_key", user_name="u", state="absent")
    gone = account.succeed("iam_user", name="u", state="absent")
    assert gone["operations"] == checked["operations"] == ["detach_policy", "delete_inline_policy", "delete_user"]
    assert gone["user"] is None
    assert account.client("iam").list_users()["Users"] == []
    assert account.succeed("iam_user", name="u", state="absent")["changed"] is False


def test_the_examples_do_what_they_say(account: Account) -> None:
    for task in yaml.safe_load(iam_user.EXAMPLES):
        assert account.succeed("iam_user", **task["wxgov.sagemaker.iam_user"])["changed"] is True
    assert account.client("iam").list_users()["Users"] == []


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "name": ({"name": "a b"}, "name is 'a b'; a user's name has 1 to 64 letters"),
    "path": ({"path": "wxgov"}, "path is 'wxgov'; it must begin and end with a slash"),
    "boundary": ({"permissions_boundary": "admin"}, "permissions_boundary is 'admin', which is not an ARN"),
    "managed": ({"managed_policies": ["a b"]}, "managed_policies has 'a b', which is neither an ARN nor the name"),
    "managed ARN": ({"managed_policies": ["arn:aws:sqs:::x"]}, "an ARN of the service 'sqs'; give one of 'iam'."),
    "inline name": ({"inline_policies": {"a b": inline("s3:*")}}, "inline_policies has the name 'a b'"),
    "inline": ({"inline_policies": {"a": {}}}, "inline_policies: a has no Statement; a policy needs at least one."),
}


@pytest.mark.parametrize(("options", "sentence"), BAD.values(), ids=BAD)
def test_bad_input_is_refused_before_any_call(account: Account, options: dict[str, Any], sentence: str) -> None:
    assert sentence in account.refuse("iam_user", **{"name": "u", **options})
    assert account.emulator.calls() == {}


def test_a_refusal_names_action_and_resource(account: Account) -> None:
    account.emulator.fault("iam.CreateUser", "error", code="AccessDenied", status=403)
    message = account.refuse("iam_user", name="u")
    assert message.startswith("The credentials may not do iam:CreateUser on u; allow that action there.")
