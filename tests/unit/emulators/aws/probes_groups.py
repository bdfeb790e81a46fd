# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Resource Groups does, IAM with a user's keys and SageMaker with an SSO domain, and stock moto does not."""

from __future__ import annotations

import json
from typing import Any

from tests.unit.emulators.aws.clouds import Cloud, error_code

QUERY = {"ResourceTypeFilters": ["AWS::AllSupported"], "TagFilters": [{"Key": "team", "Values": ["a"]}]}
CONFIGURATION = [{"Type": "AWS::ResourceGroups::Generic", "Parameters": []}]


def groups(cloud: Cloud, **options: Any) -> tuple[Any, str]:
    """(client, ARN of a new group)."""
    client = cloud.client("resource-groups")
    given = options or {"ResourceQuery": {"Type": "TAG_FILTERS_1_0", "Query": json.dumps(QUERY)}}
    return client, client.create_group(Name="probe", Description="old", **given)["Group"]["GroupArn"]


def domain(cloud: Cloud, mode: str) -> tuple[Any, str]:
    """(SageMaker client, id of a new Studio domain)."""
    sagemaker = cloud.client("sagemaker")
    arn = sagemaker.create_domain(
        DomainName="probe",
        AuthMode=mode,
        DefaultUserSettings={"ExecutionRole": "arn:aws:iam::123456789012:role/studio"},
        SubnetIds=["subnet-1"],
        VpcId="vpc-1",
    )["DomainArn"]
    return sagemaker, arn.rsplit("/", 1)[-1]


def mend_a_group_is_found_by_its_arn(cloud: Cloud) -> None:
    client, arn = groups(cloud)
    assert client.get_group(Group=arn)["Group"]["Name"] == "probe"


def mend_group_takes_a_name(cloud: Cloud) -> None:
    client, _arn = groups(cloud)
    client.update_group(Group="probe", Description="new")
    assert client.get_group(Group="probe")["Group"]["Description"] == "new"


def mend_an_empty_description_clears(cloud: Cloud) -> None:
    client, _arn = groups(cloud)
    client.update_group(GroupName="probe", Description="")
    assert client.get_group(GroupName="probe")["Group"]["Description"] == ""


def mend_a_missing_group_is_not_found(cloud: Cloud) -> None:
    client = cloud.client("resource-groups")
    assert error_code(client.update_group, GroupName="missing", Description="new") == "NotFoundException"


def mend_a_group_with_a_configuration_has_no_query(cloud: Cloud) -> None:
    client, _arn = groups(cloud, Configuration=CONFIGURATION)
    assert error_code(client.get_group_query, Group="probe") == "BadRequestException"
    found = client.get_group_configuration(Group="probe")["GroupConfiguration"]
    assert (found["Configuration"], found["Status"]) == (CONFIGURATION, "UPDATE_COMPLETE")


def mend_a_group_with_a_query_has_no_configuration(cloud: Cloud) -> None:
    client, _arn = groups(cloud)
    assert error_code(client.get_group_configuration, Group="probe") == "BadRequestException"


def mend_a_group_has_a_query_or_a_configuration(cloud: Cloud) -> None:
    query = {"Type": "TAG_FILTERS_1_0", "Query": json.dumps(QUERY)}
    client = cloud.client("resource-groups")
    code = error_code(client.create_group, Name="probe", ResourceQuery=query, Configuration=CONFIGURATION)
    assert code == "BadRequestException"


def mend_tags_of_a_missing_group_are_not_found(cloud: Cloud) -> None:
    client, arn = groups(cloud)
    assert client.get_tags(Arn=arn)["Tags"] == {}
    assert error_code(client.get_tags, Arn=f"{arn}-missing") == "NotFoundException"


def mend_a_tag_that_is_not_there_can_be_removed(cloud: Cloud) -> None:
    client, arn = groups(cloud)
    client.untag(Arn=arn, Keys=["missing"])
    assert client.get_tags(Arn=arn)["Tags"] == {}


def mend_members_are_found_by_tag(cloud: Cloud) -> None:
    cloud.client("sqs").create_queue(QueueName="mine", tags={"team": "a"})
    cloud.client("sqs").create_queue(QueueName="theirs", tags={"team": "b"})
    cloud.client("sagemaker").create_model_package_group(
        ModelPackageGroupName="Mine", Tags=[{"Key": "team", "Value": "a"}]
    )
    client, _arn = groups(cloud)
    found: list[str] = []
    token: dict[str, str] = {}
    while True:
        answer = client.list_group_resources(Group="probe", MaxResults=1, **token)
        found += [entry["Identifier"]["ResourceType"] for entry in answer["Resources"]]
        if "NextToken" not in answer:
            break
        token = {"NextToken": answer["NextToken"]}
    assert sorted(found) == ["AWS::SQS::Queue", "AWS::SageMaker::ModelPackageGroup"]


def mend_a_user_with_keys_cannot_be_deleted(cloud: Cloud) -> None:
    iam = cloud.client("iam")
    iam.create_user(UserName="alice")
    key = iam.create_access_key(UserName="alice")["AccessKey"]["AccessKeyId"]
    assert error_code(iam.delete_user, UserName="alice") == "DeleteConflict"
    iam.delete_access_key(UserName="alice", AccessKeyId=key)
    iam.delete_user(UserName="alice")


def mend_a_presigned_url_needs_a_domain_in_iam_mode(cloud: Cloud) -> None:
    sagemaker, name = domain(cloud, "SSO")
    sagemaker.create_user_profile(DomainId=name, UserProfileName="auditor")
    code = error_code(sagemaker.create_presigned_domain_url, DomainId=name, UserProfileName="auditor")
    assert code == "ValidationException"


def mend_a_presigned_url_lands_where_it_is_told(cloud: Cloud) -> None:
    sagemaker, name = domain(cloud, "IAM")
    sagemaker.create_user_profile(DomainId=name, UserProfileName="auditor")
    url = sagemaker.create_presigned_domain_url(
        DomainId=name, UserProfileName="auditor", ExpiresInSeconds=60, LandingUri="studio::models"
    )["AuthorizedUrl"]
    assert "landing=studio%3A%3Amodels" in url


def mend_a_user_has_a_permissions_boundary(cloud: Cloud) -> None:
    iam = cloud.client("iam")
    boundary = "arn:aws:iam::aws:policy/AmazonSQSFullAccess"
    iam.create_user(UserName="alice", PermissionsBoundary=boundary)
    assert iam.get_user(UserName="alice")["User"]["PermissionsBoundary"]["PermissionsBoundaryArn"] == boundary
    iam.delete_user_permissions_boundary(UserName="alice")
    assert "PermissionsBoundary" not in iam.get_user(UserName="alice")["User"]
    iam.put_user_permissions_boundary(UserName="alice", PermissionsBoundary=boundary)
    assert iam.get_user(UserName="alice")["User"]["PermissionsBoundary"]["PermissionsBoundaryArn"] == boundary
