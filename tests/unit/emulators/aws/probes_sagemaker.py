# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the SageMaker Model Registry does and stock moto does not: one probe a mend."""

from __future__ import annotations

import json
from datetime import timedelta, timezone
from typing import Any

from botocore.exceptions import ClientError

from tests.unit.emulators.aws.clouds import ACCOUNT, OTHER, REGION, Cloud, error_code

GROUP_ARN = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package-group/Probe"


def group(cloud: Cloud, name: str = "Probe", **options: Any) -> Any:
    sagemaker = cloud.client("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName=name, **options)
    return sagemaker


def package(sagemaker: Any, name: str = "Probe", **options: Any) -> str:
    arn: str = sagemaker.create_model_package(ModelPackageGroupName=name, **options)["ModelPackageArn"]
    return arn


def describe(sagemaker: Any, arn: str) -> dict[str, Any]:
    answer: dict[str, Any] = sagemaker.describe_model_package(ModelPackageName=arn)
    return answer


def found(sagemaker: Any, *filters: dict[str, str], **options: Any) -> list[str]:
    """The package ARNs a Search returns, in its order."""
    expression = {"SearchExpression": {"Filters": list(filters)}} if filters else {}
    answer = sagemaker.search(Resource="ModelPackage", **expression, **options)
    return [entry["ModelPackage"]["ModelPackageArn"] for entry in answer["Results"]]


def where(name: str, operator: str, value: str) -> dict[str, str]:
    return {"Name": name, "Operator": operator, "Value": value}


def refusal(call: Any, **arguments: Any) -> tuple[str, str]:
    """(code, message) of a refused call."""
    try:
        call(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["Error"]["Message"]
    raise AssertionError("the call was accepted")


# ---- groups


def mend_group_name_is_taken_once(cloud: Cloud) -> None:
    sagemaker = group(cloud, ModelPackageGroupDescription="first")
    assert error_code(sagemaker.create_model_package_group, ModelPackageGroupName="Probe") == "ValidationException"
    answer = sagemaker.describe_model_package_group(ModelPackageGroupName="Probe")
    assert answer["ModelPackageGroupDescription"] == "first"


def mend_group_is_found_by_arn(cloud: Cloud) -> None:
    sagemaker = group(cloud)
    answer = sagemaker.describe_model_package_group(ModelPackageGroupName=GROUP_ARN)
    assert answer["ModelPackageGroupName"] == "Probe"


def mend_package_is_created_in_a_group_by_arn(cloud: Cloud) -> None:
    assert package(group(cloud), GROUP_ARN).endswith(":model-package/probe/1")


def mend_group_can_be_deleted(cloud: Cloud) -> None:
    sagemaker = group(cloud)
    sagemaker.delete_model_package_group(ModelPackageGroupName="Probe")
    code, message = refusal(sagemaker.describe_model_package_group, ModelPackageGroupName="Probe")
    assert code == "ValidationException"
    assert "does not exist" in message


def mend_group_with_packages_is_not_deleted(cloud: Cloud) -> None:
    sagemaker = group(cloud)
    arn = package(sagemaker)
    assert error_code(sagemaker.delete_model_package_group, ModelPackageGroupName="Probe") == "ConflictException"
    sagemaker.delete_model_package(ModelPackageName=arn)
    sagemaker.delete_model_package_group(ModelPackageGroupName="Probe")


def mend_group_has_a_resource_policy(cloud: Cloud) -> None:
    sagemaker = group(cloud)
    policy = json.dumps({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sagemaker:*"}]})
    sagemaker.put_model_package_group_policy(ModelPackageGroupName="Probe", ResourcePolicy=policy)
    assert sagemaker.get_model_package_group_policy(ModelPackageGroupName="Probe")["ResourcePolicy"] == policy
    sagemaker.delete_model_package_group_policy(ModelPackageGroupName="Probe")
    code = error_code(sagemaker.get_model_package_group_policy, ModelPackageGroupName="Probe")
    assert code == "ValidationException"


def mend_other_accounts_need_the_group_policy(cloud: Cloud) -> None:
    group(cloud)
    code = error_code(cloud.client("sagemaker", OTHER).create_model_package, ModelPackageGroupName=GROUP_ARN)
    assert code == "AccessDeniedException"


def mend_shared_group_takes_packages_of_other_accounts(cloud: Cloud) -> None:
    sagemaker = group(cloud)
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{OTHER}:root"},
        "Action": ["sagemaker:CreateModelPackage", "sagemaker:ListModelPackages"],
        "Resource": [GROUP_ARN, f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package/probe/*"],
    }
    sagemaker.put_model_package_group_policy(
        ModelPackageGroupName="Probe", ResourcePolicy=json.dumps({"Statement": [statement]})
    )
    theirs = cloud.client("sagemaker", OTHER)
    arn = package(theirs, GROUP_ARN)
    assert f":{ACCOUNT}:" in arn
    listed = theirs.list_model_packages(ModelPackageGroupName=GROUP_ARN)["ModelPackageSummaryList"]
    assert [entry["ModelPackageArn"] for entry in listed] == [arn]
    assert error_code(theirs.delete_model_package, ModelPackageName=arn) == "AccessDeniedException"


# ---- packages


def mend_new_version_waits_for_approval(cloud: Cloud) -> None:
    sagemaker = group(cloud)
    assert describe(sagemaker, package(sagemaker))["ModelApprovalStatus"] == "PendingManualApproval"


def mend_update_leaves_other_fields_alone(cloud: Cloud) -> None:
    sagemaker = group(cloud)
    arn = package(sagemaker, CustomerMetadataProperties={"Owner": "alice"})
    sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved", ApprovalDescription="ok")
    sagemaker.update_model_package(ModelPackageArn=arn, CustomerMetadataProperties={"Team": "risk"})
    answer = describe(sagemaker, arn)
    assert (answer["ModelApprovalStatus"], answer["ApprovalDescription"]) == ("Approved", "ok")
    assert answer["CustomerMetadataProperties"] == {"Owner": "alice", "Team": "risk"}


def mend_metadata_key_can_be_removed(cloud: Cloud) -> None:
    sagemaker = group(cloud)
    arn = package(sagemaker, CustomerMetadataProperties={"Owner": "alice", "Team": "risk"})
    sagemaker.update_model_package(ModelPackageArn=arn, CustomerMetadataPropertiesToRemove=["Owner"])
    assert describe(sagemaker, arn)["CustomerMetadataProperties"] == {"Team": "risk"}


def mend_model_card_is_kept(cloud: Cloud) -> None:
    sagemaker = group(cloud)
    arn = package(sagemaker, ModelCard={"ModelCardContent": '{"a": 1}', "ModelCardStatus": "Draft"})
    sagemaker.update_model_package(ModelPackageArn=arn, ModelCard={"ModelCardStatus": "Approved"})
    expected = {"ModelCardContent": '{"a": 1}', "ModelCardStatus": "Approved"}
    assert describe(sagemaker, arn)["ModelCard"] == expected


def mend_life_cycle_and_source_are_kept(cloud: Cloud) -> None:
    sagemaker = group(cloud)
    given = {
        "ModelLifeCycle": {"Stage": "Development", "StageStatus": "InProgress"},
        "SourceUri": "s3://models/credit",
        "SecurityConfig": {"KmsKeyId": "alias/models"},
        "SkipModelValidation": "All",
    }
    answer = describe(sagemaker, package(sagemaker, **given))
    assert {name: answer.get(name) for name in given} == given


def mend_package_can_be_deleted(cloud: Cloud) -> None:
    sagemaker = group(cloud)
    arn = package(sagemaker)
    sagemaker.delete_model_package(ModelPackageName=arn)
    code, message = refusal(sagemaker.describe_model_package, ModelPackageName=arn)
    assert code == "ValidationException"
    assert "does not exist" in message


def mend_missing_package_does_not_exist(cloud: Cloud) -> None:
    sagemaker = group(cloud)
    arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package/probe/9"
    code, message = refusal(sagemaker.describe_model_package, ModelPackageName=arn)
    assert (code, message) == ("ValidationException", f"ModelPackage {arn} does not exist.")


def mend_version_numbers_are_not_reused(cloud: Cloud) -> None:
    sagemaker = group(cloud)
    package(sagemaker)
    sagemaker.delete_model_package(ModelPackageName=package(sagemaker))
    assert package(sagemaker).endswith("/3")


def mend_unversioned_name_is_taken_once(cloud: Cloud) -> None:
    sagemaker = cloud.client("sagemaker")
    sagemaker.create_model_package(ModelPackageName="Single")
    assert error_code(sagemaker.create_model_package, ModelPackageName="Single") == "ValidationException"


def mend_client_token_makes_one_package(cloud: Cloud) -> None:
    sagemaker = group(cloud)
    assert package(sagemaker, ClientToken="once") == package(sagemaker, ClientToken="once")


def mend_packages_are_described_in_batches(cloud: Cloud) -> None:
    sagemaker = group(cloud)
    arn = package(sagemaker)
    missing = arn[:-1] + "7"
    answer = sagemaker.batch_describe_model_package(ModelPackageArnList=[arn, missing])
    assert answer["ModelPackageSummaries"][arn]["ModelPackageVersion"] == 1
    assert answer["BatchDescribeModelPackageErrorMap"][missing]["ErrorCode"] == "ValidationException"


def mend_each_update_has_its_own_time(cloud: Cloud) -> None:
    sagemaker = group(cloud)
    arn = package(sagemaker)
    created = describe(sagemaker, arn)
    cloud.wait(90)
    sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    updated = describe(sagemaker, arn)
    assert timedelta(seconds=90) <= updated["LastModifiedTime"] - created["LastModifiedTime"] < timedelta(seconds=100)
    assert updated["CreationTime"] == created["CreationTime"]


def mend_creator_is_the_caller(cloud: Cloud) -> None:
    sagemaker = group(cloud)
    creator = describe(sagemaker, package(sagemaker))["CreatedBy"]
    assert creator["IamIdentity"]["Arn"] == f"arn:aws:iam::{ACCOUNT}:root"


def mend_package_has_tags(cloud: Cloud) -> None:
    sagemaker = group(cloud)
    arn = package(sagemaker)
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "team", "Value": "risk"}])
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "risk"}]
    sagemaker.delete_tags(ResourceArn=arn, TagKeys=["team"])
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == []


def mend_tag_key_is_replaced(cloud: Cloud) -> None:
    sagemaker = group(cloud, Tags=[{"Key": "team", "Value": "risk"}])
    sagemaker.add_tags(ResourceArn=GROUP_ARN, Tags=[{"Key": "team", "Value": "credit"}])
    assert sagemaker.list_tags(ResourceArn=GROUP_ARN)["Tags"] == [{"Key": "team", "Value": "credit"}]


def mend_tags_of_a_missing_resource_are_an_error(cloud: Cloud) -> None:
    sagemaker = cloud.client("sagemaker")
    assert error_code(sagemaker.list_tags, ResourceArn=GROUP_ARN) == "ValidationException"


# ---- lists


def mend_list_of_a_missing_group_is_an_error(cloud: Cloud) -> None:
    sagemaker = cloud.client("sagemaker")
    assert error_code(sagemaker.list_model_packages, ModelPackageGroupName="Missing") == "ValidationException"


def mend_page_has_at_most_a_hundred(cloud: Cloud) -> None:
    sagemaker = group(cloud)
    code = error_code(sagemaker.list_model_packages, ModelPackageGroupName="Probe", MaxResults=101)
    assert code == "ValidationException"


def mend_walk_survives_a_delete(cloud: Cloud) -> None:
    sagemaker = group(cloud)
    arns = [package(sagemaker) for _unused in range(4)]
    page = sagemaker.list_model_packages(ModelPackageGroupName="Probe", MaxResults=2)
    sagemaker.delete_model_package(ModelPackageName=arns[2])
    rest = sagemaker.list_model_packages(ModelPackageGroupName="Probe", MaxResults=2, NextToken=page["NextToken"])
    assert [entry["ModelPackageArn"] for entry in rest["ModelPackageSummaryList"]] == [arns[3]]


# ---- Search


def mend_search_has_pages_and_totals(cloud: Cloud) -> None:
    sagemaker = group(cloud)
    arns = [package(sagemaker) for _unused in range(5)]
    first = sagemaker.search(Resource="ModelPackage", MaxResults=3)
    assert first["TotalHits"] == {"Value": 5, "Relation": "EqualTo"}
    rest = sagemaker.search(Resource="ModelPackage", MaxResults=3, NextToken=first["NextToken"])
    both = [entry["ModelPackage"]["ModelPackageArn"] for entry in [*first["Results"], *rest["Results"]]]
    assert sorted(both) == sorted(arns)
    assert "NextToken" not in rest


def mend_search_sorts(cloud: Cloud) -> None:
    sagemaker = group(cloud)
    arns = []
    for _unused in range(3):
        arns.append(package(sagemaker))
        cloud.wait(1)
    sagemaker.update_model_package(ModelPackageArn=arns[0], ModelApprovalStatus="Approved")
    assert found(sagemaker) == [arns[0], arns[2], arns[1]]
    assert found(sagemaker, SortBy="ModelPackageVersion", SortOrder="Ascending") == arns


def mend_search_compares_times(cloud: Cloud) -> None:
    sagemaker = group(cloud)
    old = package(sagemaker)
    cloud.wait(100)
    new = package(sagemaker)
    edge = (describe(sagemaker, new)["CreationTime"] - timedelta(seconds=50)).astimezone(timezone.utc)
    moment = edge.strftime("%Y-%m-%dT%H:%M:%S")
    assert found(sagemaker, where("LastModifiedTime", "GreaterThan", moment)) == [new]
    assert found(sagemaker, where("CreationTime", "LessThan", moment)) == [old]


def mend_search_reads_customer_metadata(cloud: Cloud) -> None:
    sagemaker = group(cloud)
    package(sagemaker, CustomerMetadataProperties={"Owner": "alice"})
    mine = package(sagemaker, CustomerMetadataProperties={"Owner": "bob"})
    assert found(sagemaker, where("CustomerMetadataProperties.Owner", "Equals", "bob")) == [mine]
    assert len(found(sagemaker, {"Name": "CustomerMetadataProperties.Owner", "Operator": "Exists"})) == 2


def mend_search_knows_in(cloud: Cloud) -> None:
    sagemaker = group(cloud)
    arns = [package(sagemaker, ModelApprovalStatus=status) for status in ("Approved", "Rejected")]
    assert sorted(found(sagemaker, where("ModelApprovalStatus", "In", "Approved,Rejected"))) == arns


def mend_search_by_tag_with_untagged_packages(cloud: Cloud) -> None:
    sagemaker = group(cloud)
    package(sagemaker)
    tagged = cloud.client("sagemaker").create_model_package(
        ModelPackageName="tagged", Tags=[{"Key": "team", "Value": "risk"}]
    )["ModelPackageArn"]
    assert found(sagemaker, where("Tags.team", "Equals", "risk")) == [tagged]


def mend_search_returns_tags(cloud: Cloud) -> None:
    sagemaker = group(cloud)
    arn = package(sagemaker)
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "team", "Value": "risk"}])
    record = sagemaker.search(Resource="ModelPackage")["Results"][0]["ModelPackage"]
    assert record["Tags"] == [{"Key": "team", "Value": "risk"}]


def mend_search_joins_with_or(cloud: Cloud) -> None:
    sagemaker = group(cloud)
    arns = [package(sagemaker) for _unused in range(3)]
    expression = {
        "Operator": "Or",
        "Filters": [where("ModelPackageVersion", "Equals", "1")],
        "SubExpressions": [
            {
                "Filters": [
                    where("ModelPackageVersion", "GreaterThan", "2"),
                    where("ModelPackageGroupName", "Equals", "Probe"),
                ]
            }
        ],
    }
    answer = sagemaker.search(Resource="ModelPackage", SearchExpression=expression)
    assert sorted(entry["ModelPackage"]["ModelPackageVersion"] for entry in answer["Results"]) == [1, 3]
    assert len(arns) == 3


def mend_search_looks_into_lists(cloud: Cloud) -> None:
    sagemaker = group(cloud)
    wanted = ""
    for image in ("xgb:1", "torch:2"):
        specification = {"Containers": [{"Image": image}], "SupportedContentTypes": ["text/csv"]}
        wanted = package(sagemaker, InferenceSpecification=specification)
    name = "InferenceSpecification.Containers"
    nested = {"NestedPropertyName": name, "Filters": [where(f"{name}.Image", "Contains", "torch")]}
    answer = sagemaker.search(Resource="ModelPackage", SearchExpression={"NestedFilters": [nested]})
    assert [entry["ModelPackage"]["ModelPackageArn"] for entry in answer["Results"]] == [wanted]


def mend_search_page_has_at_most_a_hundred(cloud: Cloud) -> None:
    code = error_code(cloud.client("sagemaker").search, Resource="ModelPackage", MaxResults=101)
    assert code == "ValidationException"


# ---- Studio


def mend_user_profile_gets_a_presigned_url(cloud: Cloud) -> None:
    sagemaker = cloud.client("sagemaker")
    settings = {"ExecutionRole": f"arn:aws:iam::{ACCOUNT}:role/studio"}
    domain = sagemaker.create_domain(
        DomainName="probe", AuthMode="IAM", DefaultUserSettings=settings, SubnetIds=["subnet-1"], VpcId="vpc-1"
    )["DomainArn"].rsplit("/", 1)[-1]
    sagemaker.create_user_profile(DomainId=domain, UserProfileName="alice")
    assert sagemaker.describe_user_profile(DomainId=domain, UserProfileName="alice")["Status"] == "InService"
    assert len(sagemaker.list_user_profiles(DomainIdEquals=domain)["UserProfiles"]) == 1
    url = sagemaker.create_presigned_domain_url(DomainId=domain, UserProfileName="alice")["AuthorizedUrl"]
    assert url.startswith(f"https://{domain}.studio.{REGION}.sagemaker.aws/auth?token=")
    sagemaker.delete_user_profile(DomainId=domain, UserProfileName="alice")
    code = error_code(sagemaker.create_presigned_domain_url, DomainId=domain, UserProfileName="alice")
    assert code == "ResourceNotFound"
