# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The registry beyond single mends: pages, lists by type, the lag of Search, preloading, user profiles."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.emulators.aws.clouds import ACCOUNT, OTHER, REGION, EmulatedCloud, error_code
from tests.unit.emulators.aws.probes_sagemaker import describe, found, group, package, where


def walk(call: Callable[..., dict[str, Any]], key: str, **arguments: Any) -> tuple[list[dict[str, Any]], int]:
    """(all items, number of pages) of a paged operation."""
    items: list[dict[str, Any]] = []
    pages = 0
    token: dict[str, str] = {}
    while True:
        answer = call(**arguments, **token)
        items += answer[key]
        pages += 1
        if "NextToken" not in answer:
            return items, pages
        token = {"NextToken": answer["NextToken"]}


def test_preload_is_quick_and_visible(cloud: EmulatedCloud) -> None:
    started = time.process_time()
    names = cloud.emulator.preload_registry(100, 100)
    assert time.process_time() - started < 1.5
    sagemaker = cloud.client("sagemaker")
    assert sagemaker.search(Resource="ModelPackage")["TotalHits"]["Value"] == 10_000
    groups, _unused = walk(sagemaker.list_model_package_groups, "ModelPackageGroupSummaryList")
    assert [entry["ModelPackageGroupName"] for entry in groups] == names
    packages, pages = walk(sagemaker.list_model_packages, "ModelPackageSummaryList", ModelPackageGroupName=names[7])
    assert (len(packages), pages) == (100, 1)
    arn = packages[41]["ModelPackageArn"]
    assert describe(sagemaker, arn)["ModelPackageVersion"] == 42
    assert cloud.emulator.calls()["sagemaker.Search"] == 1
    assert package(sagemaker, names[7]).endswith("/101")


def test_walk_of_search_sees_each_package_once(cloud: EmulatedCloud) -> None:
    cloud.emulator.preload_registry(7, 50)
    items, pages = walk(cloud.client("sagemaker").search, "Results", Resource="ModelPackage", MaxResults=100)
    arns = [item["ModelPackage"]["ModelPackageArn"] for item in items]
    assert (len(arns), len(set(arns)), pages) == (350, 350, 4)


def test_empty_pages_carry_a_token(cloud: EmulatedCloud) -> None:
    sagemaker = group(cloud)
    arns = [package(sagemaker) for _unused in range(5)]
    cloud.emulator.configure_registry(empty_pages=2)
    first = sagemaker.list_model_packages(ModelPackageGroupName="Probe", MaxResults=3)
    assert first["ModelPackageSummaryList"] == []
    assert first["NextToken"]
    items, pages = walk(
        sagemaker.list_model_packages, "ModelPackageSummaryList", ModelPackageGroupName="Probe", MaxResults=3
    )
    assert [item["ModelPackageArn"] for item in items] == arns
    assert pages == 6
    assert len(walk(sagemaker.search, "Results", Resource="ModelPackage")[0]) == 5


def test_list_by_type(cloud: EmulatedCloud) -> None:
    sagemaker = group(cloud)
    versioned = package(sagemaker)
    single = sagemaker.create_model_package(ModelPackageName="Single")["ModelPackageArn"]

    def listed(**options: str) -> list[str]:
        answer = sagemaker.list_model_packages(**options)
        return [entry["ModelPackageArn"] for entry in answer["ModelPackageSummaryList"]]

    assert listed() == [single]
    assert listed(ModelPackageType="Versioned") == [versioned]
    assert sorted(listed(ModelPackageType="Both")) == sorted([versioned, single])
    assert listed(ModelPackageGroupName="Probe") == [versioned]
    assert listed(ModelPackageType="Both", NameContains="Sing") == [single]
    assert listed(ModelPackageType="Both", ModelApprovalStatus="PendingManualApproval") == [versioned]
    assert versioned.endswith(":model-package/probe/1")


def test_lists_filter_by_creation_time(cloud: EmulatedCloud) -> None:
    sagemaker = group(cloud)
    old = package(sagemaker)
    cloud.wait(1000)
    new = package(sagemaker)
    edge = describe(sagemaker, new)["CreationTime"].timestamp() - 500

    def listed(**options: float) -> list[str]:
        answer = sagemaker.list_model_packages(ModelPackageGroupName="Probe", **options)
        return [entry["ModelPackageArn"] for entry in answer["ModelPackageSummaryList"]]

    assert listed(CreationTimeAfter=edge) == [new]
    assert listed(CreationTimeBefore=edge) == [old]


def test_token_belongs_to_its_request(cloud: EmulatedCloud) -> None:
    sagemaker = group(cloud)
    for _unused in range(3):
        package(sagemaker)
    token = sagemaker.search(Resource="ModelPackage", MaxResults=1)["NextToken"]
    code = error_code(sagemaker.search, Resource="ModelPackageGroup", NextToken=token)
    assert code == "ValidationException"
    assert error_code(sagemaker.search, Resource="ModelPackage", NextToken="garbage") == "ValidationException"


def test_search_lags_behind_on_demand(cloud: EmulatedCloud) -> None:
    sagemaker = group(cloud)
    seen = package(sagemaker)
    cloud.emulator.configure_registry(search_lag=60)
    cloud.wait(61)
    assert found(sagemaker) == [seen]
    unseen = package(sagemaker)
    sagemaker.update_model_package(ModelPackageArn=seen, ModelApprovalStatus="Approved")
    assert found(sagemaker) == [seen]
    assert found(sagemaker, where("ModelApprovalStatus", "Equals", "Approved")) == []
    assert describe(sagemaker, seen)["ModelApprovalStatus"] == "Approved"
    cloud.wait(61)
    assert sorted(found(sagemaker)) == sorted([seen, unseen])
    sagemaker.delete_model_package(ModelPackageName=unseen)
    assert len(found(sagemaker)) == 2
    cloud.wait(61)
    assert found(sagemaker) == [seen]


def test_incremental_search_by_modification(cloud: EmulatedCloud) -> None:
    sagemaker = group(cloud)
    arns = [package(sagemaker) for _unused in range(3)]
    cloud.wait(100)
    edge = cloud.emulator.clock.now().strftime("%Y-%m-%dT%H:%M:%S")
    cloud.wait(100)
    sagemaker.update_model_package(ModelPackageArn=arns[1], CustomerMetadataProperties={"a": "b"})
    assert found(sagemaker, where("LastModifiedTime", "GreaterThan", edge)) == [arns[1]]


@pytest.mark.parametrize(("at_creation", "expected"), [(True, True), (False, False)])
def test_new_packages_may_lack_a_modification_time(cloud: EmulatedCloud, at_creation: bool, expected: bool) -> None:
    cloud.emulator.configure_registry(last_modified_at_creation=at_creation)
    sagemaker = group(cloud)
    arn = package(sagemaker)
    assert ("LastModifiedTime" in describe(sagemaker, arn)) is expected
    sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Rejected")
    assert "LastModifiedTime" in describe(sagemaker, arn)


def test_unknown_property_is_refused(cloud: EmulatedCloud) -> None:
    sagemaker = cloud.client("sagemaker")
    expression = {"Filters": [where("Colour", "Equals", "red")]}
    assert error_code(sagemaker.search, Resource="ModelPackage", SearchExpression=expression) == "ValidationException"
    assert error_code(sagemaker.search, Resource="ModelPackage", SortBy="Colour") == "ValidationException"


def test_search_of_groups(cloud: EmulatedCloud) -> None:
    sagemaker = group(cloud, "Credit", Tags=[{"Key": "team", "Value": "risk"}])
    group(cloud, "Fraud")
    expression = {"Filters": [where("Tags.team", "Equals", "risk")]}
    answer = sagemaker.search(Resource="ModelPackageGroup", SearchExpression=expression)
    (record,) = [entry["ModelPackageGroup"] for entry in answer["Results"]]
    assert (record["ModelPackageGroupName"], record["Tags"]) == ("Credit", [{"Key": "team", "Value": "risk"}])


def test_user_profile_shows_in_created_by(cloud: EmulatedCloud) -> None:
    cloud.emulator.set_user_profile(OTHER, "Alice", "d-1")
    theirs = cloud.client("sagemaker", OTHER)
    theirs.create_model_package_group(ModelPackageGroupName="Probe")
    creator = theirs.describe_model_package_group(ModelPackageGroupName="Probe")["CreatedBy"]
    assert creator["UserProfileName"] == "Alice"
    assert creator["DomainId"] == "d-1"
    assert creator["UserProfileArn"] == f"arn:aws:sagemaker:{REGION}:{OTHER}:user-profile/d-1/alice"
    assert (
        "UserProfileName" not in group(cloud).describe_model_package_group(ModelPackageGroupName="Probe")["CreatedBy"]
    )


def test_accounts_and_regions_are_apart(cloud: EmulatedCloud) -> None:
    group(cloud)
    for client in (cloud.client("sagemaker", OTHER), cloud.client("sagemaker", ACCOUNT, "eu-west-1")):
        assert client.list_model_package_groups()["ModelPackageGroupSummaryList"] == []
        client.create_model_package_group(ModelPackageGroupName="Probe")


def test_tags_are_found_by_the_tagging_api(cloud: EmulatedCloud) -> None:
    sagemaker = group(cloud, Tags=[{"Key": "team", "Value": "risk"}])
    arn = package(sagemaker)
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "team", "Value": "risk"}])
    tagging = cloud.client("resourcegroupstaggingapi")
    answer = tagging.get_resources(TagFilters=[{"Key": "team", "Values": ["risk"]}])
    assert arn in [entry["ResourceARN"] for entry in answer["ResourceTagMappingList"]]
    assert len(answer["ResourceTagMappingList"]) == 2
