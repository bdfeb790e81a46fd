# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""resource_group and resource_group_info against the emulator."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.integration.aws.conftest import ACCOUNT, Account, walk_cycle

NAME = "model-registry"
ARN = f"arn:aws:resource-groups:us-east-1:{ACCOUNT}:group/{NAME}"
GENERIC = {"type": "AWS::ResourceGroups::Generic", "parameters": []}
PACKAGES = "AWS::SageMaker::ModelPackageGroup"


def query(filters: dict[str, list[str]], *types: str) -> dict[str, Any]:
    tags = [{"Key": key, "Values": values} for key, values in filters.items()]
    return {
        "type": "TAG_FILTERS_1_0",
        "query": {"ResourceTypeFilters": list(types or ["AWS::AllSupported"]), "TagFilters": tags},
    }


def allowed(*values: str) -> dict[str, Any]:
    return {
        "type": "AWS::ResourceGroups::Generic",
        "parameters": [{"name": "allowed-resource-types", "values": list(values)}],
    }


BY_TAG = {"tag_filters": {"team": ["a"]}}
CYCLES: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, tuple[Any, Any]]]] = {
    "description": (BY_TAG, {"description": "x y"}, {"description": ("", "x y")}),
    "description cleared": ({**BY_TAG, "description": "x"}, {"description": ""}, {"description": ("x", "")}),
    "tag_filters": (
        BY_TAG,
        {"tag_filters": {"team": ["a", "b"], "stage": []}},
        {"resource_query": (query({"team": ["a"]}), query({"team": ["a", "b"], "stage": []}))},
    ),
    "a value that is no list": (
        BY_TAG,
        {"tag_filters": {"governed": True}},
        {"resource_query": (query({"team": ["a"]}), query({"governed": ["true"]}))},
    ),
    "resource_types alone": (
        BY_TAG,
        {"resource_types": [PACKAGES]},
        {"resource_query": (query({"team": ["a"]}), query({"team": ["a"]}, PACKAGES))},
    ),
    "tag_filters keep the types": (
        {**BY_TAG, "resource_types": [PACKAGES]},
        {"tag_filters": {"team": ["b"]}},
        {"resource_query": (query({"team": ["a"]}, PACKAGES), query({"team": ["b"]}, PACKAGES))},
    ),
    "configuration": (
        {"configuration": [GENERIC]},
        {"configuration": [allowed("AWS::EC2::Host")]},
        {"configuration": ([GENERIC], [allowed("AWS::EC2::Host")])},
    ),
    "configuration emptied": (
        {"configuration": [GENERIC]},
        {"configuration": []},
        {"configuration": ([GENERIC], [])},
    ),
    "tags unset to set": (BY_TAG, {"tags": {"team": "a"}}, {"tags": ({}, {"team": "a"})}),
    "tags replaced": (
        {**BY_TAG, "tags": {"team": "a", "old": "1"}},
        {"tags": {"team": "b"}},
        {"tags": ({"team": "a", "old": "1"}, {"team": "b"})},
    ),
    "purge_tags off": (
        {**BY_TAG, "tags": {"team": "a", "old": "1"}},
        {"tags": {"team": "b"}, "purge_tags": False},
        {"tags": ({"team": "a", "old": "1"}, {"team": "b", "old": "1"})},
    ),
}


def real(account: Account) -> dict[str, Any]:
    """The group as boto3 sees it."""
    groups = account.client("resource-groups")
    found: dict[str, Any] = {**groups.get_group(Group=NAME)["Group"], "tags": groups.get_tags(Arn=ARN)["Tags"]}
    for method, key in (("get_group_query", "GroupQuery"), ("get_group_configuration", "GroupConfiguration")):
        try:
            found[key] = getattr(groups, method)(Group=NAME)[key]
        except groups.exceptions.BadRequestException:
            found[key] = None
    return found


@pytest.mark.parametrize("cycle", CYCLES.values(), ids=CYCLES)
def test_each_option_is_checked_set_and_then_left_alone(account: Account, cycle: Any) -> None:
    given, change, expected = cycle
    account.succeed("resource_group", name=NAME, **given)
    walk_cycle(account, "resource_group", "group", {"name": NAME}, change, lambda: real(account), expected)


NEW: dict[str, Any] = {
    "name": NAME,
    "description": "everything",
    "tag_filters": {"team": ["a"]},
    "resource_types": [PACKAGES],
    "tags": {"team": "a"},
}


def test_a_group_from_check_mode_to_nothing_left(account: Account) -> None:
    checked = account.succeed("resource_group", check=True, **NEW)
    assert account.client("resource-groups").list_groups()["GroupIdentifiers"] == []
    made = account.succeed("resource_group", **NEW)
    assert made == checked
    assert made["group"] == {
        "name": NAME,
        "arn": ARN,
        "description": "everything",
        "resource_query": query({"team": ["a"]}, PACKAGES),
        "configuration": None,
        "tags": {"team": "a"},
    }
    account.emulator.clear_calls()
    assert account.succeed("resource_group", **NEW)["changed"] is False
    assert account.emulator.calls() == {"resource-groups.POST": 2, "resource-groups.GET": 1}

    checked = account.succeed("resource_group", name=NAME, state="absent", check=True)
    assert real(account)["GroupArn"] == ARN
    gone = account.succeed("resource_group", name=NAME, state="absent")
    assert gone == checked
    assert gone["diff"] == {"before": made["group"], "after": {}}
    assert account.client("resource-groups").list_groups()["GroupIdentifiers"] == []
    again = account.succeed("resource_group", name=NAME, state="absent")
    assert (again["changed"], again["group"]) == (False, None)


def test_the_same_query_in_other_words_changes_nothing(account: Account) -> None:
    written = {"TagFilters": [{"Values": ["b", "a"], "Key": "team"}], "ResourceTypeFilters": ["AWS::AllSupported"]}
    account.client("resource-groups").create_group(
        Name=NAME, ResourceQuery={"Type": "TAG_FILTERS_1_0", "Query": json.dumps(written, indent=2)}
    )
    assert account.succeed("resource_group", name=NAME, tag_filters={"team": ["a", "b"]})["changed"] is False


def test_info_lists_groups_and_members(account: Account) -> None:
    account.succeed("resource_group", **NEW)
    account.succeed("resource_group", name="other", configuration=[GENERIC])
    sagemaker = account.client("sagemaker")
    for name, team in (("Fraud", "a"), ("Churn", "b")):
        sagemaker.create_model_package_group(ModelPackageGroupName=name, Tags=[{"Key": "team", "Value": team}])
    account.client("sqs").create_queue(QueueName="queue", tags={"team": "a"})
    found = account.succeed("resource_group_info", names=[NAME, "missing"], members=True)["groups"]
    assert [group["name"] for group in found] == [NAME]
    assert found[0]["members"] == [
        {"arn": f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:model-package-group/Fraud", "type": PACKAGES}
    ]
    everything = account.succeed("resource_group_info", check=True)
    assert [group["name"] for group in everything["groups"]] == [NAME, "other"]
    assert everything["changed"] is False
    assert everything["groups"][1]["configuration"] == [GENERIC]
    assert "members" not in everything["groups"][0]


def test_many_members_come_in_pages(account: Account) -> None:
    account.succeed("resource_group", name=NAME, tag_filters={"team": ["a"]})
    sqs = account.client("sqs")
    for number in range(51):
        sqs.create_queue(QueueName=f"queue-{number:02}", tags={"team": "a"})
    (group,) = account.succeed("resource_group_info", names=[NAME], members=True)["groups"]
    assert [member["arn"].rsplit("-", 1)[-1] for member in group["members"]] == [f"{n:02}" for n in range(51)]


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "name": ({"name": "a b"}, "name is 'a b'; a group's name has 1 to 300 letters"),
    "name of AWS": ({"name": "AWSgroup"}, "and does not begin with aws."),
    "description": ({"description": "a/b"}, "description must have at most 1024 letters, digits, spaces"),
    "two kinds": ({"configuration": [], **BY_TAG}, "configuration excludes tag_filters and resource_types"),
    "no filters": ({"tag_filters": {}}, "tag_filters has 0 keys; a query has 1 to 50."),
    "too many values": ({"tag_filters": {"k": ["v"] * 21}}, "tag_filters: k has 21 values; a key has at most 20."),
    "object for a value": ({"tag_filters": {"k": {"a": 1}}}, "tag_filters: k is an object; give the list of values"),
    "a query too long": (
        {"tag_filters": {f"key{n}": ["v" * 100] for n in range(50)}},
        "AWS takes at most 4096.",
    ),
    "type": ({**BY_TAG, "resource_types": ["queue"]}, "resource_types has 'queue'; give a type's name"),
    "no types": ({**BY_TAG, "resource_types": []}, "resource_types is empty; leave it out for every type"),
    "configuration type": ({"configuration": [{"type": "x"}]}, "configuration has the type 'x'; give one as AWS::"),
    "region": ({**BY_TAG, "region": "mars-north-1"}, "The region 'mars-north-1' does not exist"),
}


@pytest.mark.parametrize(("options", "sentence"), BAD.values(), ids=BAD)
def test_bad_input_is_refused_before_any_call(account: Account, options: dict[str, Any], sentence: str) -> None:
    assert sentence in account.refuse("resource_group", **{"name": NAME, **options})
    assert account.emulator.calls() == {}


def test_what_cannot_be_changed_is_refused(account: Account) -> None:
    message = account.refuse("resource_group", name=NAME, description="x")
    assert message == f"There is no resource group '{NAME}' yet; to make it, give tag_filters or configuration."
    account.succeed("resource_group", name=NAME, **BY_TAG)
    message = account.refuse("resource_group", name=NAME, configuration=[GENERIC])
    assert message.startswith(f"The resource group '{NAME}' has a resource query and AWS cannot change that")
    account.succeed("resource_group", name="other", configuration=[GENERIC])
    message = account.refuse("resource_group", name="other", **BY_TAG)
    assert message.startswith("The resource group 'other' has a configuration and AWS cannot change that")


def test_a_refusal_names_action_and_resource(account: Account) -> None:
    account.emulator.fault("resource-groups.POST", "error", code="ForbiddenException", status=403)
    message = account.refuse("resource_group", name=NAME, **BY_TAG)
    assert message.startswith(f"The credentials may not do resource-groups:GetGroup on {NAME}; allow that action there")


def test_throttling_is_survived(account: Account) -> None:
    account.emulator.fault("resource-groups.POST", "error", code="TooManyRequestsException", status=429)
    assert account.succeed("resource_group", name=NAME, **BY_TAG)["changed"] is True
