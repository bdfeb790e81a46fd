# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""model_package_group and its info module against the emulator: every option, check → change → check → no change."""

from __future__ import annotations

import json
from typing import Any

import botocore.exceptions
import pytest

from tests.integration.aws.conftest import ACCOUNT, Account, differing, walk_cycle

ARN = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:model-package-group/Fraud"
READER, REGISTRAR = "444455556666", "777788889999"
READ = [
    "sagemaker:BatchDescribeModelPackage",
    "sagemaker:DescribeModelPackage",
    "sagemaker:DescribeModelPackageGroup",
    "sagemaker:ListModelPackages",
]


def access(sid: str, account: str, *more: str) -> dict[str, Any]:
    versions = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:model-package"
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": {"AWS": [f"arn:aws:iam::{account}:root"]},
        "Action": [*more, *READ],
        "Resource": [ARN, f"{versions}/Fraud/*", f"{versions}/fraud/*"],
    }


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def foreign(action: str = "sagemaker:DescribeModelPackageGroup") -> dict[str, Any]:
    return {
        "Sid": "Foreign",
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::222233334444:root"},
        "Action": action,
        "Resource": ARN,
    }


READERS = access("WxgovReaders", READER)
REGISTRARS = access("WxgovRegistrars", REGISTRAR, "sagemaker:CreateModelPackage")
CYCLES: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, tuple[Any, Any]]]] = {
    "readers": (
        {},
        {"readers": [READER]},
        {"policy": (None, policy(READERS)), "readers": ([], [READER])},
    ),
    "registrars beside readers": (
        {"readers": [READER]},
        {"registrars": [REGISTRAR]},
        {"policy": (policy(READERS), policy(READERS, REGISTRARS)), "registrars": ([], [REGISTRAR])},
    ),
    "readers beside foreign statements": (
        {"policy": policy(foreign())},
        {"readers": [READER]},
        {"policy": (policy(foreign()), policy(foreign(), READERS)), "readers": ([], [READER])},
    ),
    "readers emptied beside foreign statements": (
        {"policy": policy(READERS, foreign())},
        {"readers": []},
        {"policy": (policy(READERS, foreign()), policy(foreign())), "readers": ([READER], [])},
    ),
    "readers emptied, nothing left": (
        {"readers": [READER]},
        {"readers": []},
        {"policy": (policy(READERS), None), "readers": ([READER], [])},
    ),
    "policy merged by Sid": (
        {"policy": policy(foreign(), READERS)},
        {"policy": policy(foreign("sagemaker:ListModelPackages"))},
        {"policy": (policy(foreign(), READERS), policy(foreign("sagemaker:ListModelPackages"), READERS))},
    ),
    "purge_policy": (
        {"policy": policy(foreign(), READERS)},
        {"policy": policy(foreign()), "purge_policy": True},
        {"policy": (policy(foreign(), READERS), policy(foreign())), "readers": ([READER], [])},
    ),
    "policy cleared": ({"policy": policy(foreign())}, {"policy": {}}, {"policy": (policy(foreign()), None)}),
    "tags unset to set": ({}, {"tags": {"team": "a"}}, {"tags": ({}, {"team": "a"})}),
    "tags changed, added and purged": (
        {"tags": {"a": "1", "b": "2"}},
        {"tags": {"b": "3", "c": "4"}},
        {"tags": ({"a": "1", "b": "2"}, {"b": "3", "c": "4"})},
    ),
    "tags without purge": (
        {"tags": {"a": "1"}},
        {"tags": {"b": "2"}, "purge_tags": False},
        {"tags": ({"a": "1"}, {"a": "1", "b": "2"})},
    ),
}


def real(account: Account) -> dict[str, Any]:
    """The group as boto3 shows it."""
    sagemaker = account.client("sagemaker")
    group = sagemaker.describe_model_package_group(ModelPackageGroupName="Fraud")
    try:
        text = sagemaker.get_model_package_group_policy(ModelPackageGroupName="Fraud")["ResourcePolicy"]
    except botocore.exceptions.ClientError:
        text = "null"
    tags = sagemaker.list_tags(ResourceArn=ARN)["Tags"]
    return {
        "arn": group["ModelPackageGroupArn"],
        "created": group["CreationTime"],
        "policy": json.loads(text),
        "tags": {tag["Key"]: tag["Value"] for tag in tags},
    }


@pytest.mark.parametrize("cycle", CYCLES)
def test_one_option(account: Account, cycle: str) -> None:
    base, change, expected = CYCLES[cycle]
    account.succeed("model_package_group", name="Fraud", **base)
    walk_cycle(account, "model_package_group", "group", {"name": "Fraud"}, change, lambda: real(account), expected)
    assert real(account)["policy"] == account.succeed("model_package_group", name="Fraud")["group"]["policy"]


def test_creation_is_foreseen_done_and_repeated_without_calls_too_many(account: Account) -> None:
    options = {"name": "Fraud", "description": "Card payments", "readers": [READER], "tags": {"team": "a"}}
    checked = account.succeed("model_package_group", check=True, **options)
    assert account.client("sagemaker").list_model_package_groups()["ModelPackageGroupSummaryList"] == []
    done = account.succeed("model_package_group", **options)
    assert done["operations"] == checked["operations"] == ["create_model_package_group", "put_policy"]
    assert set(differing(checked["group"], done["group"])) == {"creation_time"}
    assert done["diff"] == checked["diff"]
    assert set(done) == set(checked)
    assert done["group"]["creation_time"] == real(account)["created"].strftime("%Y-%m-%dT%H:%M:%S+00:00")

    account.emulator.clear_calls()
    assert account.succeed("model_package_group", **options)["changed"] is False
    assert account.emulator.calls() == {
        "sagemaker.DescribeModelPackageGroup": 1,
        "sagemaker.GetModelPackageGroupPolicy": 1,
        "sagemaker.ListTags": 1,
    }


def test_accounts_can_do_what_they_were_let_and_nothing_else(account: Account) -> None:
    account.succeed("model_package_group", name="Fraud", readers=[READER], registrars=[REGISTRAR])
    (reader, registrar) = (Account(account.emulator, other).client("sagemaker") for other in (READER, REGISTRAR))
    version = registrar.create_model_package(ModelPackageGroupName=ARN)["ModelPackageArn"]
    for client in (reader, registrar):
        assert client.describe_model_package_group(ModelPackageGroupName=ARN)["ModelPackageGroupArn"] == ARN
        assert client.describe_model_package(ModelPackageName=version)["ModelPackageArn"] == version
        assert len(client.list_model_packages(ModelPackageGroupName=ARN)["ModelPackageSummaryList"]) == 1
        with pytest.raises(botocore.exceptions.ClientError, match="AccessDenied"):
            client.delete_model_package(ModelPackageName=version)
    with pytest.raises(botocore.exceptions.ClientError, match="AccessDenied"):
        reader.create_model_package(ModelPackageGroupName=ARN)


def test_an_empty_group_is_deleted(account: Account) -> None:
    made = account.succeed("model_package_group", name="Fraud", readers=[READER])["group"]
    checked = account.succeed("model_package_group", name="Fraud", state="absent", check=True)
    assert (checked["changed"], checked["group"], checked["diff"]) == (True, None, {"before": made, "after": {}})
    assert real(account)["arn"] == ARN
    assert account.succeed("model_package_group", name="Fraud", state="absent") == checked
    assert account.client("sagemaker").list_model_package_groups()["ModelPackageGroupSummaryList"] == []
    for check in (True, False):
        again = account.succeed("model_package_group", name="Fraud", state="absent", check=check)
        assert (again["changed"], again["group"], again["operations"]) == (False, None, [])


def test_a_group_with_versions_is_deleted_only_with_force(account: Account) -> None:
    sagemaker = account.client("sagemaker")
    account.succeed("model_package_group", name="Fraud")
    for _number in range(101):  # one more than a page holds
        sagemaker.create_model_package(ModelPackageGroupName="Fraud")
    message = account.refuse("model_package_group", name="Fraud", state="absent")
    assert "The model package group 'Fraud' holds 101 model packages (arn:" in message
    assert message.endswith("set force: true to delete them too.")
    assert "force: true" in account.refuse("model_package_group", name="Fraud", state="absent", check=True)

    checked = account.succeed("model_package_group", name="Fraud", state="absent", force=True, check=True)
    assert checked["operations"] == ["delete_model_packages", "delete_model_package_group"]
    assert len(sagemaker.list_model_packages(ModelPackageGroupName="Fraud")["ModelPackageSummaryList"]) == 100
    done = account.succeed("model_package_group", name="Fraud", state="absent", force=True)
    assert done == checked
    assert sagemaker.list_model_package_groups()["ModelPackageGroupSummaryList"] == []


def test_a_version_registered_meanwhile_does_not_stand_in_the_way_of_force(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = "ansible_collections.wxgov.sagemaker.plugins.module_utils.aws"
    from ansible_collections.wxgov.sagemaker.plugins.module_utils.aws.patience import Patience

    monkeypatch.setattr(f"{room}.module.Patience", lambda timeout: Patience(timeout, sleep=lambda seconds: None))
    sagemaker = account.client("sagemaker")
    account.succeed("model_package_group", name="Fraud")
    sagemaker.create_model_package(ModelPackageGroupName="Fraud")
    fault = {"operation": "sagemaker.DeleteModelPackageGroup", "kind": "error", "code": "ConflictException"}
    account.emulator.fault(**fault)
    assert account.succeed("model_package_group", name="Fraud", state="absent", force=True)["group"] is None
    assert account.emulator.calls()["sagemaker.DeleteModelPackageGroup"] == 2

    account.succeed("model_package_group", name="Fraud")
    account.emulator.fault(**fault)
    assert "ConflictException" in account.refuse("model_package_group", name="Fraud", state="absent")


def test_a_description_cannot_be_changed(account: Account) -> None:
    account.succeed("model_package_group", name="Fraud", description="a")
    assert account.succeed("model_package_group", name="Fraud", description="a")["changed"] is False
    message = account.refuse("model_package_group", name="Fraud", description="b")
    assert "is 'a' and AWS cannot change it to 'b'; leave the option out" in message


def test_a_policy_that_says_the_same_in_other_words_changes_nothing(account: Account) -> None:
    account.succeed("model_package_group", name="Fraud", policy=policy(foreign()))
    wordy = {**foreign(), "Principal": {"AWS": ["222233334444"]}, "Action": ["SageMaker:describemodelpackagegroup"]}
    assert account.succeed("model_package_group", name="Fraud", policy=json.dumps(policy(wordy)))["changed"] is False


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "name": ({"name": "-fraud"}, "name is '-fraud'; a model package group's name has 1 to 63 letters"),
    "long name": ({"name": "a" * 64}, "a model package group's name has 1 to 63 letters"),
    "description": (
        {"description": "a" * 1025},
        "description has 1025 characters; a model package group's has at most",
    ),
    "reader": ({"readers": ["44445555666"]}, "readers is '44445555666', but an account id has 12 digits; quote it"),
    "registrar": ({"registrars": ["*"]}, "registrars is '*', but an account id has 12 digits"),
    "policy is no JSON": ({"policy": "{"}, "policy is not valid JSON"),
    "policy without statement": ({"policy": {"Version": "2012-10-17"}}, "policy has no Statement"),
    "policy without principal": (
        {"policy": policy({**foreign(), "Principal": None})},
        "policy: statement 1 (Foreign) has neither Principal nor NotPrincipal.",
    ),
    "policy and readers": ({"policy": {}, "readers": []}, "parameters are mutually exclusive: policy|readers"),
    "region": ({"region": "us-east-9"}, "The region 'us-east-9' does not exist"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_sentence_before_any_call(account: Account, case: str) -> None:
    options, sentence = BAD[case]
    assert sentence in account.refuse("model_package_group", **{"name": "Fraud", **options})
    assert account.emulator.calls() == {}


def test_a_policy_over_the_limit_is_refused_before_anything_is_made(account: Account) -> None:
    large = policy({**foreign(), "Resource": [f"{ARN}{number:04}" for number in range(300)]})
    message = account.refuse("model_package_group", name="Fraud", policy=large)
    assert message.startswith("The policy of the model package group 'Fraud' would have ")
    assert "characters and may have 20480; share the group through RAM instead" in message
    assert account.client("sagemaker").list_model_package_groups()["ModelPackageGroupSummaryList"] == []


def test_a_refusal_names_action_and_resource(account: Account) -> None:
    account.emulator.fault("sagemaker.CreateModelPackageGroup", "error", code="AccessDeniedException")
    result = account.run("model_package_group", name="Fraud")
    assert "may not do sagemaker:CreateModelPackageGroup on Fraud; allow that action there." in result["msg"]
    assert result["missing_permission"] == {"action": "sagemaker:CreateModelPackageGroup", "resource": "Fraud"}


def test_a_run_that_broke_off_is_finished_by_the_next(account: Account) -> None:
    account.emulator.fault("sagemaker.PutModelPackageGroupPolicy", "error", code="AccessDeniedException")
    options = {"name": "Fraud", "readers": [READER]}
    broken = account.run("model_package_group", **options)
    assert broken["missing_permission"]["action"] == "sagemaker:PutModelPackageGroupPolicy"
    assert real(account)["policy"] is None
    assert account.succeed("model_package_group", **options)["operations"] == ["put_policy"]
    assert account.succeed("model_package_group", **options)["changed"] is False

    account.client("sagemaker").create_model_package(ModelPackageGroupName="Fraud")
    account.emulator.fault("sagemaker.DeleteModelPackageGroup", "error", code="AccessDeniedException")
    assert account.run("model_package_group", name="Fraud", state="absent", force=True)["failed"] is True
    assert account.succeed("model_package_group", name="Fraud", state="absent")["operations"] == [
        "delete_model_package_group"
    ]


def test_another_validation_error_is_not_taken_for_absence(account: Account) -> None:
    account.succeed("model_package_group", name="Fraud", readers=[READER])
    for operation in ("DescribeModelPackageGroup", "GetModelPackageGroupPolicy"):
        account.emulator.fault(f"sagemaker.{operation}", "error", code="ValidationException")
        message = account.refuse("model_package_group", name="Fraud", readers=[REGISTRAR])
        assert message == f"sagemaker:{operation} on Fraud failed (ValidationException): Injected by a test."
    assert real(account)["policy"] == policy(READERS)


def test_throttling_is_waited_out(account: Account) -> None:
    account.emulator.fault("sagemaker.CreateModelPackageGroup", "error", times=3)
    options = {"name": "Fraud", "aws_config": {"retries": {"max_attempts": 1}}}
    assert account.succeed("model_package_group", **options)["changed"] is True


# ---- model_package_group_info


def names(result: dict[str, Any]) -> list[str]:
    return [group["name"] for group in result["groups"]]


def test_groups_are_listed_over_pages_by_prefix_and_by_name(account: Account) -> None:
    account.emulator.preload_registry(101, 0, account=ACCOUNT, prefix="many")
    account.emulator.configure_registry(empty_pages=1)
    made = account.succeed("model_package_group", name="Fraud", readers=[READER], tags={"team": "a"})["group"]
    listed = names(account.succeed("model_package_group_info"))
    assert listed == ["Fraud", *(f"many-{number:05d}" for number in range(101))]
    assert account.succeed("model_package_group_info", name="Fraud")["groups"] == [made]
    assert account.succeed("model_package_group_info", name_prefix="Fra")["groups"] == [made]
    assert names(account.succeed("model_package_group_info", name_prefix="any")) == []
    nothing = account.succeed("model_package_group_info", name="Fra", check=True)
    assert (nothing["groups"], nothing["changed"]) == ([], False)
    assert "mutually exclusive" in account.refuse("model_package_group_info", name="a", name_prefix="a")


def test_an_unreadable_list_is_not_taken_for_none(account: Account) -> None:
    account.emulator.fault("sagemaker.ListModelPackageGroups", "http_html_200")
    assert "sagemaker:ListModelPackageGroups on *" in account.refuse("model_package_group_info")
