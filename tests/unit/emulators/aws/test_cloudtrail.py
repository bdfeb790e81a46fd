# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""CloudTrail → EventBridge: which calls are recorded, what a record holds, and the hop that tests may disturb."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.emulators.aws.clouds import ACCOUNT, OTHER, EmulatedCloud, Keys, error_code
from tests.unit.emulators.aws.probes_cloudtrail import TRAIL, heard, listening_queue, trail
from tests.unit.emulators.aws.probes_identity import role
from tests.unit.emulators.aws.probes_sagemaker import GROUP_ARN, group, package
from tests.unit.emulators.aws.probes_sqs import allow

WRITES = [
    "CreateModelPackageGroup",
    "CreateModelPackage",
    "UpdateModelPackage",
    "DeleteModelPackage",
    "DeleteModelPackageGroup",
]


def life_of_a_group(cloud: EmulatedCloud) -> str:
    """Make each of the five calls once; the ARN of the package."""
    sagemaker = group(cloud)
    arn = package(sagemaker)
    sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    sagemaker.delete_model_package(ModelPackageName=arn)
    sagemaker.delete_model_package_group(ModelPackageGroupName="Probe")
    return arn


def names(details: list[dict[str, Any]]) -> list[str]:
    return [detail["eventName"] for detail in details]


# ---- which calls


def test_the_five_calls_arrive_in_order(cloud: EmulatedCloud) -> None:
    trail(cloud)
    sqs, url = listening_queue(cloud)
    life_of_a_group(cloud)
    assert names(heard(sqs, url)) == WRITES


def test_no_trail_no_events(cloud: EmulatedCloud) -> None:
    sqs, url = listening_queue(cloud)
    life_of_a_group(cloud)
    assert heard(sqs, url) == []


def test_trail_must_be_logging(cloud: EmulatedCloud) -> None:
    cloudtrail = trail(cloud, logging=False)
    sqs, url = listening_queue(cloud)
    group(cloud, "Before")
    cloudtrail.start_logging(Name=TRAIL)
    group(cloud, "While")
    cloudtrail.stop_logging(Name=TRAIL)
    group(cloud, "After")
    assert [detail["requestParameters"]["modelPackageGroupName"] for detail in heard(sqs, url)] == ["While"]


@pytest.mark.parametrize(("multi_region", "expected"), [(True, 1), (False, 0)])
def test_trail_of_another_region(cloud: EmulatedCloud, multi_region: bool, expected: int) -> None:
    trail(cloud, region="eu-west-1", IsMultiRegionTrail=multi_region)
    sqs, url = listening_queue(cloud)
    group(cloud)
    assert len(heard(sqs, url)) == expected


def basic(**selector: Any) -> dict[str, Any]:
    return {"EventSelectors": [selector]}


def advanced(*fields: tuple[str, dict[str, list[str]]]) -> dict[str, Any]:
    selectors = [{"Field": name, **test} for name, test in fields]
    return {"AdvancedEventSelectors": [{"Name": "probe", "FieldSelectors": selectors}]}


MANAGEMENT = ("eventCategory", {"Equals": ["Management"]})


@pytest.mark.parametrize(
    ("selectors", "expected"),
    [
        (basic(ReadWriteType="All", IncludeManagementEvents=True), 1),
        (basic(ReadWriteType="WriteOnly", IncludeManagementEvents=True), 1),
        (basic(ReadWriteType="ReadOnly", IncludeManagementEvents=True), 0),
        (basic(ReadWriteType="All", IncludeManagementEvents=False), 0),
        (basic(ReadWriteType="All", ExcludeManagementEventSources=["kms.amazonaws.com"]), 1),
        (advanced(MANAGEMENT), 1),
        (advanced(MANAGEMENT, ("readOnly", {"Equals": ["false"]})), 1),
        (advanced(MANAGEMENT, ("readOnly", {"Equals": ["true"]})), 0),
        (advanced(MANAGEMENT, ("eventSource", {"NotEquals": ["sagemaker.amazonaws.com"]})), 0),
        (advanced(("eventCategory", {"Equals": ["Data"]}), ("resources.type", {"Equals": ["AWS::S3::Object"]})), 0),
    ],
)
def test_event_selectors_are_honoured(cloud: EmulatedCloud, selectors: dict[str, Any], expected: int) -> None:
    trail(cloud).put_event_selectors(TrailName=TRAIL, **selectors)
    sqs, url = listening_queue(cloud)
    group(cloud)
    assert len(heard(sqs, url)) == expected


def test_read_calls_are_not_delivered(cloud: EmulatedCloud) -> None:
    sagemaker = group(cloud)
    trail(cloud)
    sqs, url = listening_queue(cloud)
    sagemaker.describe_model_package_group(ModelPackageGroupName="Probe")
    sagemaker.list_model_packages(ModelPackageGroupName="Probe")
    sagemaker.search(Resource="ModelPackage")
    assert heard(sqs, url) == []


# ---- what a record holds


def test_failed_calls_are_recorded_with_their_error(cloud: EmulatedCloud) -> None:
    sagemaker = group(cloud)
    package(sagemaker)
    trail(cloud)
    sqs, url = listening_queue(cloud)
    error_code(sagemaker.delete_model_package_group, ModelPackageGroupName="Probe")
    (detail,) = heard(sqs, url)
    assert (detail["eventName"], detail["errorCode"]) == ("DeleteModelPackageGroup", "ConflictException")
    assert "cannot be deleted" in detail["errorMessage"]
    assert detail["responseElements"] is None


def test_record_of_a_create(cloud: EmulatedCloud) -> None:
    sagemaker = group(cloud)
    trail(cloud)
    sqs, url = listening_queue(cloud)
    cloud.wait(3600)
    arn = package(
        sagemaker,
        CustomerMetadataProperties={"Owner": "alice"},
        ModelCard={"ModelCardContent": '{"secret": 1}', "ModelCardStatus": "Draft"},
        InferenceSpecification={"Containers": [{"Image": "xgb"}], "SupportedResponseMIMETypes": ["text/csv"]},
    )
    (detail,) = heard(sqs, url)
    parameters = detail["requestParameters"]
    assert parameters.pop("clientToken")
    assert parameters == {
        "modelPackageGroupName": "Probe",
        "customerMetadataProperties": {"Owner": "alice"},
        "modelCard": {"modelCardContent": "HIDDEN_DUE_TO_SECURITY_REASONS", "modelCardStatus": "Draft"},
        "inferenceSpecification": {"containers": [{"image": "xgb"}], "supportedResponseMIMETypes": ["text/csv"]},
    }
    assert detail["responseElements"] == {"modelPackageArn": arn}
    expected = {
        "eventSource": "sagemaker.amazonaws.com",
        "awsRegion": "us-east-1",
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": ACCOUNT,
        "eventCategory": "Management",
        "eventTime": cloud.emulator.clock.isoformat()[:-3] + detail["eventTime"][-3:],
    }
    assert {name: detail[name] for name in expected} == expected
    assert detail["userIdentity"]["type"] == "Root"
    assert "Boto3" in detail["userAgent"]


def test_deletes_have_no_response(cloud: EmulatedCloud) -> None:
    trail(cloud)
    sqs, url = listening_queue(cloud)
    arn = life_of_a_group(cloud)
    deletes = [detail for detail in heard(sqs, url) if detail["eventName"].startswith("Delete")]
    assert [detail["responseElements"] for detail in deletes] == [None, None]
    assert deletes[0]["requestParameters"] == {"modelPackageName": arn}
    assert "errorCode" not in deletes[0]


def test_assumed_role_is_named_with_its_session(cloud: EmulatedCloud) -> None:
    trail(cloud)
    sqs, url = listening_queue(cloud)
    arn = role(cloud, external_id=None)
    given = cloud.client("sts", OTHER).assume_role(RoleArn=arn, RoleSessionName="alice")["Credentials"]
    keys = Keys(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
    cloud.client_with("sagemaker", keys).create_model_package_group(ModelPackageGroupName="Probe")
    (detail,) = heard(sqs, url)
    identity = detail["userIdentity"]
    assert identity["type"] == "AssumedRole"
    assert identity["arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/probe/alice"
    assert identity["sessionContext"]["sessionIssuer"]["arn"] == arn


def test_call_across_accounts_is_recorded_in_both(cloud: EmulatedCloud) -> None:
    sagemaker = group(cloud)
    sagemaker.put_model_package_group_policy(
        ModelPackageGroupName="Probe", ResourcePolicy=allow(GROUP_ARN, {"AWS": OTHER}, "sagemaker:*")
    )
    queues = []
    for account in (ACCOUNT, OTHER):
        cloud.client("s3", account).create_bucket(Bucket=f"trail-{account}")
        cloudtrail = cloud.client("cloudtrail", account)
        cloudtrail.create_trail(Name=TRAIL, S3BucketName=f"trail-{account}")
        cloudtrail.start_logging(Name=TRAIL)
        queues.append(listening_queue(cloud, account))
    package(cloud.client("sagemaker", OTHER), GROUP_ARN)
    (owner,), (caller,) = (heard(*queue) for queue in queues)
    assert owner["sharedEventID"] == caller["sharedEventID"]
    assert owner["eventID"] != caller["eventID"]
    assert (owner["recipientAccountId"], caller["recipientAccountId"]) == (ACCOUNT, OTHER)
    assert owner["userIdentity"] == {"type": "AWSAccount", "principalId": OTHER, "accountId": OTHER}
    assert caller["userIdentity"]["type"] == "Root"


# ---- the hop


def test_delayed_events_wait_for_the_clock(cloud: EmulatedCloud) -> None:
    trail(cloud)
    sqs, url = listening_queue(cloud)
    cloud.emulator.delivery.configure("delay", seconds=300)
    group(cloud)
    cloud.wait(290)
    assert heard(sqs, url) == []
    assert cloud.emulator.delivery.waiting == 1
    cloud.wait(20)
    assert names(heard(sqs, url)) == ["CreateModelPackageGroup"]


def test_duplicates_have_the_same_event_id(cloud: EmulatedCloud) -> None:
    trail(cloud)
    sqs, url = listening_queue(cloud)
    cloud.emulator.delivery.configure("duplicate")
    group(cloud)
    details = heard(sqs, url)
    assert len(details) == 2
    assert details[0]["eventID"] == details[1]["eventID"]


def test_reordered_events_all_arrive(cloud: EmulatedCloud) -> None:
    trail(cloud)
    sqs, url = listening_queue(cloud)
    cloud.emulator.delivery.configure("reorder", seconds=600, seed=1)
    life_of_a_group(cloud)
    cloud.wait(600)
    arrived = names(heard(sqs, url))
    assert sorted(arrived) == sorted(WRITES)
    assert arrived != WRITES


def test_dropped_events_never_arrive(cloud: EmulatedCloud) -> None:
    trail(cloud)
    sqs, url = listening_queue(cloud)
    cloud.emulator.delivery.configure("drop")
    group(cloud, "Lost")
    cloud.emulator.delivery.configure()
    group(cloud, "Kept")
    assert [detail["requestParameters"]["modelPackageGroupName"] for detail in heard(sqs, url)] == ["Kept"]


def test_some_of_the_events_are_dropped(cloud: EmulatedCloud) -> None:
    trail(cloud)
    sqs, url = listening_queue(cloud)
    cloud.emulator.delivery.configure("drop", probability=0.5, seed=7)
    for number in range(20):
        group(cloud, f"Group{number}")
    assert 3 <= len(heard(sqs, url)) <= 17


def test_held_events_are_released_in_reverse(cloud: EmulatedCloud) -> None:
    trail(cloud)
    sqs, url = listening_queue(cloud)
    cloud.emulator.delivery.hold()
    life_of_a_group(cloud)
    assert heard(sqs, url) == []
    assert cloud.emulator.delivery.release(reverse=True) == len(WRITES)
    assert names(heard(sqs, url)) == WRITES[::-1]


def test_unknown_mode_is_refused(cloud: EmulatedCloud) -> None:
    with pytest.raises(ValueError, match="Unknown delivery mode shuffle"):
        cloud.emulator.delivery.configure("shuffle")


def test_injected_event_keeps_its_source(cloud: EmulatedCloud) -> None:
    sqs, url = listening_queue(cloud)
    event = {"source": "aws.sagemaker", "detail-type": "SageMaker Model Package State Change", "detail": {"a": 1}}
    cloud.emulator.inject_event(ACCOUNT, "us-east-1", event)
    assert heard(sqs, url) == [{"a": 1}]
