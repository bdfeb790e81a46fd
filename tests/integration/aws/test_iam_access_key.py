# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""iam_access_key against the emulator: made once, rotated with an overlap, never lost, never shown."""

from __future__ import annotations

import json
from typing import Any

import boto3
import botocore.exceptions
import pytest

from tests.integration.aws.conftest import ACCOUNT, REGION, SECRET, Account, differing

USER = "registry-governance"
STORE = "governance/registry-key"


@pytest.fixture
def user(account: Account) -> Account:
    """The account with a user without keys."""
    account.client("iam").create_user(UserName=USER)
    return account


def keys(account: Account) -> dict[str, str]:
    """Status by key id, as boto3 sees them."""
    found = account.client("iam").list_access_keys(UserName=USER)["AccessKeyMetadata"]
    return {key["AccessKeyId"]: key["Status"] for key in found}


def stored(account: Account, stage: str = "AWSCURRENT") -> dict[str, str]:
    """What the secret holds."""
    value = account.client("secretsmanager").get_secret_value(SecretId=STORE, VersionStage=stage)
    found: dict[str, str] = json.loads(value["SecretString"])
    return found


def works(account: Account, key: str, secret: str) -> bool:
    """Whether AWS accepts the key, as its user."""
    sts = boto3.client(
        "sts",
        endpoint_url=account.emulator.endpoint_url,
        region_name=REGION,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
    )
    try:
        return bool(sts.get_caller_identity()["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/{USER}")
    except botocore.exceptions.ClientError:
        return False


def run(account: Account, **options: Any) -> dict[str, Any]:
    return account.succeed("iam_access_key", user_name=USER, **options)


def test_one_key_is_made_once_and_its_secret_given_once(user: Account) -> None:
    checked = run(user, check=True)
    assert checked["operations"] == ["create_access_key"]
    assert checked["access_key"]["access_key_id"] == "made-by-this-run"
    assert checked["secret_access_key"] is None
    assert keys(user) == {}

    made = run(user)
    assert set(made) == set(checked)
    assert made["diff"] == checked["diff"]
    assert works(user, made["access_key"]["access_key_id"], made["secret_access_key"])
    assert made["secret_access_key"] not in json.dumps({**made, "secret_access_key": None})

    user.emulator.clear_calls()
    again = run(user)
    assert (again["changed"], again["secret_access_key"]) == (False, None)
    assert again["access_key"] == made["access_key"]
    assert user.emulator.calls() == {"iam.ListAccessKeys": 1}
    assert set(again) == set(made)


def test_a_rotation_without_a_secret_store(user: Account) -> None:
    """create → hand over → deactivate → take back → deactivate → delete; each step twice, and check mode first."""
    old = run(user)
    first = old["access_key"]["access_key_id"]
    rotation = {"state": "rotated", "access_key_id": first}
    checked = run(user, check=True, **rotation)
    new = run(user, **rotation)
    second = new["access_key"]["access_key_id"]
    assert checked["diff"] == new["diff"]
    assert second != first
    assert keys(user) == {first: "Active", second: "Active"}
    assert works(user, first, old["secret_access_key"])
    assert works(user, second, new["secret_access_key"])
    again = run(user, **rotation)
    assert (again["changed"], again["access_key"]["access_key_id"], again["secret_access_key"]) == (False, second, None)

    refused = user.refuse("iam_access_key", user_name=USER, access_key_id=second, other_keys="absent")
    assert refused.startswith(f"The access key {first} of '{USER}' is active, and an active key is not deleted")

    off = {"access_key_id": second, "other_keys": "inactive"}
    checked = run(user, check=True, **off)
    assert keys(user)[first] == "Active"
    done = run(user, **off)
    assert done == checked
    assert done["operations"] == ["deactivate_access_key"]
    assert not works(user, first, old["secret_access_key"])
    assert works(user, second, new["secret_access_key"])
    assert run(user, **off)["changed"] is False

    back = run(user, access_key_id=first)
    assert back["operations"] == ["activate_access_key"]
    assert works(user, first, old["secret_access_key"])
    run(user, **off)

    gone = {"access_key_id": second, "other_keys": "absent"}
    checked = run(user, check=True, **gone)
    assert set(keys(user)) == {first, second}
    done = run(user, **gone)
    assert done == checked
    assert done["operations"] == ["delete_access_key"]
    assert keys(user) == {second: "Active"}
    assert run(user, **gone)["changed"] is False


def test_a_rotation_by_way_of_secrets_manager(user: Account) -> None:
    """The secret never passes through the play, and two rotations are told apart by the secret's version."""
    checked = run(user, check=True, store_in_secret=STORE)
    made = run(user, store_in_secret=STORE, secret_kms_key_id="alias/mine")
    assert made["operations"] == checked["operations"] == ["create_access_key", "create_secret"]
    assert made["secret_access_key"] is None
    first = stored(user)
    assert first["user_name"] == USER
    assert first["access_key_id"] == made["access_key"]["access_key_id"]
    assert works(user, first["access_key_id"], first["secret_access_key"])
    assert first["secret_access_key"] not in json.dumps(made)
    described = user.client("secretsmanager").describe_secret(SecretId=STORE)
    assert made["access_key"]["secret"] == {"name": STORE, "arn": described["ARN"]}
    assert described["KmsKeyId"] == "alias/mine"
    user.emulator.clear_calls()
    assert run(user, store_in_secret=STORE)["changed"] is False
    assert user.emulator.calls() == {"iam.ListAccessKeys": 1, "secretsmanager.DescribeSecret": 1}

    young = {"state": "rotated", "max_age_days": 90, "store_in_secret": STORE}
    assert run(user, **young)["changed"] is False
    rotated = run(user, state="rotated", access_key_id=first["access_key_id"], store_in_secret=STORE)
    assert rotated["operations"] == ["create_access_key", "put_secret_value"]
    second = stored(user)
    assert second["access_key_id"] == rotated["access_key"]["access_key_id"] != first["access_key_id"]
    assert stored(user, "AWSPREVIOUS") == first
    assert run(user, state="rotated", access_key_id=first["access_key_id"], store_in_secret=STORE)["changed"] is False

    run(user, store_in_secret=STORE, other_keys="inactive")
    assert keys(user) == {first["access_key_id"]: "Inactive", second["access_key_id"]: "Active"}
    run(user, store_in_secret=STORE, other_keys="absent")
    assert list(keys(user)) == [second["access_key_id"]]

    checked = run(user, check=True, state="absent", store_in_secret=STORE)
    gone = run(user, state="absent", store_in_secret=STORE)
    assert gone == checked
    assert gone["operations"] == ["delete_access_key", "delete_secret"]
    assert gone["access_key"] is None
    assert keys(user) == {}
    assert run(user, state="absent", store_in_secret=STORE)["changed"] is False
    back = run(user, store_in_secret=STORE)
    assert back["operations"] == ["restore_secret", "create_access_key", "put_secret_value"]
    assert works(user, stored(user)["access_key_id"], stored(user)["secret_access_key"])


def test_an_inactive_key_in_the_secret_is_made_active(user: Account) -> None:
    made = run(user, store_in_secret=STORE)["access_key"]["access_key_id"]
    user.client("iam").update_access_key(UserName=USER, AccessKeyId=made, Status="Inactive")
    again = run(user, store_in_secret=STORE)
    assert again["operations"] == ["activate_access_key"]
    assert keys(user) == {made: "Active"}


def test_a_key_that_a_cut_off_run_left_is_named_and_cleared_away(user: Account) -> None:
    left = user.client("iam").create_access_key(UserName=USER)["AccessKey"]["AccessKeyId"]
    made = run(user, store_in_secret=STORE)
    assert f"{USER} has the active access key {left} beside the new one" in str(made["warnings"])
    assert keys(user) == {left: "Active", stored(user)["access_key_id"]: "Active"}
    run(user, store_in_secret=STORE, other_keys="inactive")
    run(user, store_in_secret=STORE, other_keys="absent")
    assert list(keys(user)) == [stored(user)["access_key_id"]]


def test_a_secret_that_somebody_else_wrote_holds_no_key(user: Account) -> None:
    user.client("secretsmanager").create_secret(Name=STORE, SecretString="mine")
    assert run(user, store_in_secret=STORE)["operations"] == ["create_access_key", "put_secret_value"]


def test_a_third_key_is_refused_until_an_inactive_one_may_go(user: Account) -> None:
    first = run(user)["access_key"]["access_key_id"]
    second = run(user, state="rotated", access_key_id=first)["access_key"]["access_key_id"]
    message = user.refuse("iam_access_key", user_name=USER, store_in_secret=STORE)
    assert message.startswith(f"The user '{USER}' has the access keys ")
    assert f"{first} (active)" in message
    assert "AWS allows 2; delete one that nobody uses with state: absent" in message
    user.client("iam").update_access_key(UserName=USER, AccessKeyId=first, Status="Inactive")
    user.client("iam").update_access_key(UserName=USER, AccessKeyId=second, Status="Inactive")
    made = run(user, store_in_secret=STORE, other_keys="absent")
    assert made["operations"] == ["delete_access_key", "delete_access_key", "create_access_key", "create_secret"]
    assert keys(user) == {stored(user)["access_key_id"]: "Active"}


def test_one_key_is_deleted_by_its_id(user: Account) -> None:
    first = run(user)["access_key"]["access_key_id"]
    second = run(user, state="rotated", access_key_id=first)["access_key"]["access_key_id"]
    gone = run(user, state="absent", access_key_id=first)
    assert gone["operations"] == ["delete_access_key"]
    assert keys(user) == {second: "Active"}
    assert run(user, state="absent", access_key_id=first)["changed"] is False


def test_a_missing_user(account: Account) -> None:
    assert account.refuse("iam_access_key", user_name=USER) == (
        f"There is no IAM user '{USER}'; make the user first, for a key belongs to one."
    )
    assert run(account, check=True)["operations"] == ["create_access_key"]
    assert run(account, state="absent")["changed"] is False


@pytest.mark.parametrize("spoiled", ["secretsmanager.CreateSecret", "sts.GetCallerIdentity"])
def test_a_key_whose_secret_would_be_lost_is_deleted_again(user: Account, spoiled: str) -> None:
    user.emulator.fault(spoiled, "error", code="AccessDeniedException")
    message = user.refuse("iam_access_key", user_name=USER, store_in_secret=STORE)
    action = {"secretsmanager.CreateSecret": "secretsmanager:CreateSecret on governance/registry-key"}
    assert action.get(spoiled, "sts:GetCallerIdentity on AKIA") in message
    assert "was deleted again." in message
    assert keys(user) == {}
    assert run(user, store_in_secret=STORE)["changed"] is True
    assert len(keys(user)) == 1


def test_a_key_that_cannot_be_deleted_again_is_named(user: Account) -> None:
    user.emulator.fault("secretsmanager.CreateSecret", "error", code="AccessDeniedException")
    user.emulator.fault("iam.DeleteAccessKey", "error", code="AccessDenied")
    message = user.refuse("iam_access_key", user_name=USER, store_in_secret=STORE)
    (left,) = keys(user)
    assert f"The new access key {left} could not be deleted again, do so by hand" in message


def test_a_new_key_that_aws_does_not_know_yet_is_waited_for(user: Account) -> None:
    user.emulator.fault("sts.GetCallerIdentity", "error", code="InvalidClientTokenId", status=403)
    made = run(user)
    assert user.emulator.calls()["sts.GetCallerIdentity"] == 2
    # Ansible gathers the warnings of a whole process, so those of other tests are there too.
    assert "does not accept" not in str(made.get("warnings"))
    user.emulator.fault("sts.GetCallerIdentity", "error", times=9, code="InvalidClientTokenId", status=403)
    late = run(user, state="rotated", access_key_id=made["access_key"]["access_key_id"], wait_timeout=1)
    sentence = "AWS does not accept the new key yet: AWS does not accept the credentials"
    assert sentence in str(late["warnings"])
    assert late["secret_access_key"]


def test_a_key_whose_answer_got_lost_is_named(user: Account) -> None:
    """botocore calls again when the connection breaks, and AWS then makes a second key."""
    user.emulator.fault("iam.CreateAccessKey", "lost_response")
    made = run(user)
    assert user.emulator.calls()["iam.CreateAccessKey"] == 2
    new = made["access_key"]["access_key_id"]
    (stray,) = set(keys(user)) - {new}
    assert f"{USER} now also has the access key {stray}" in str(made["warnings"])
    assert works(user, new, made["secret_access_key"])


def test_throttling_is_survived(user: Account) -> None:
    user.emulator.fault("iam.CreateAccessKey", "error", code="Throttling")
    assert run(user)["changed"] is True
    assert len(keys(user)) == 1


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "user": ({"user_name": "a b"}, "user_name is 'a b'; a user's name has 1 to 64 letters"),
    "key": ({"access_key_id": "short"}, "access_key_id is 'short'; give the id of a key"),
    "secret": ({"store_in_secret": "a b"}, "store_in_secret is 'a b'; give the name of a secret"),
    "age": ({"state": "rotated", "max_age_days": 0}, "max_age_days is 0; it must be 1 or more."),
    "age elsewhere": ({"max_age_days": 9}, "max_age_days is for state: rotated, and state is present."),
    "rotation without an end": ({"state": "rotated"}, "without them each run would make a new key."),
    "others unnamed": ({"other_keys": "inactive"}, "other_keys: inactive needs access_key_id or store_in_secret"),
    "others elsewhere": (
        {"other_keys": "absent", "state": "absent"},
        "other_keys: absent is for state: present, and state is absent.",
    ),
    "two keys in use": (
        {"access_key_id": "AKIAIOSFODNN7EXAMPLE", "store_in_secret": STORE},
        "access_key_id and store_in_secret exclude each other with state: present",
    ),
}


@pytest.mark.parametrize(("options", "sentence"), BAD.values(), ids=BAD)
def test_bad_input_is_refused_before_any_call(account: Account, options: dict[str, Any], sentence: str) -> None:
    message = account.refuse("iam_access_key", **{"user_name": USER, **options})
    assert sentence in message
    assert account.emulator.calls() == {}


def test_a_named_key_must_be_there(user: Account) -> None:
    message = user.refuse("iam_access_key", user_name=USER, access_key_id="AKIAIOSFODNN7EXAMPLE")
    assert message.startswith(f"The user '{USER}' has no access key AKIAIOSFODNN7EXAMPLE; leave access_key_id out")


def test_no_region_is_needed_without_a_secret(user: Account) -> None:
    made = user.succeed("iam_access_key", user_name=USER, region=None)
    assert differing(**made["diff"])
    assert SECRET not in json.dumps(made)
