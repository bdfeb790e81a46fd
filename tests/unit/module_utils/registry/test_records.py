# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""API records into entities: what is there is read, what must be there and is not is an error."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.wxgov.sagemaker.plugins.module_utils.registry.entities import (
    Creator,
    LifeCycle,
    ModelCard,
    ModelPackage,
    ModelPackageGroup,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.registry.errors import UnreadableAnswerError
from ansible_collections.wxgov.sagemaker.plugins.module_utils.registry.records import read_group, read_package

NOON = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)
PACKAGE: dict[str, Any] = {
    "ModelPackageArn": "arn:aws:sagemaker:us-east-1:111122223333:model-package/churn/3",
    "ModelPackageGroupName": "Churn",
    "ModelPackageVersion": 3,
    "ModelPackageDescription": "xgboost",
    "ModelPackageStatus": "Completed",
    "ModelApprovalStatus": "Approved",
    "ApprovalDescription": "good",
    "ModelLifeCycle": {"Stage": "Development", "StageStatus": "InProgress", "StageDescription": "training"},
    "ModelCard": {"ModelCardStatus": "Draft", "ModelCardContent": '{"model_overview": {}}'},
    "CreatedBy": {
        "UserProfileName": "alice",
        "IamIdentity": {"Arn": "arn:aws:sts::111122223333:assumed-role/DS/alice", "SourceIdentity": "al"},
    },
    "CustomerMetadataProperties": {"Owner": "alice"},
    "CreationTime": NOON,
    "LastModifiedTime": NOON + timedelta(seconds=5),
}


def test_a_package_in_full():
    assert read_package(PACKAGE, "Search") == ModelPackage(
        arn=PACKAGE["ModelPackageArn"],
        group_name="Churn",
        version=3,
        created_at=NOON,
        last_modified_at=NOON + timedelta(seconds=5),
        description="xgboost",
        status="Completed",
        approval_status="Approved",
        approval_description="good",
        life_cycle=LifeCycle("Development", "InProgress", "training"),
        card=ModelCard("Draft", {"model_overview": {}}),
        creator=Creator("alice", "arn:aws:sts::111122223333:assumed-role/DS/alice", "al"),
        metadata={"Owner": "alice"},
    )


def test_a_package_never_modified_counts_as_modified_when_made():
    package = read_package({key: value for key, value in PACKAGE.items() if key != "LastModifiedTime"}, "Search")
    assert package is not None
    assert package.last_modified_at == NOON


def test_a_package_without_group_is_no_version_of_anything():
    alone = {"ModelPackageArn": "arn:aws:sagemaker:us-east-1:111122223333:model-package/alone", "CreationTime": NOON}
    assert read_package(alone, "Search") is None


@pytest.mark.parametrize("content", ["HIDDEN_DUE_TO_SECURITY_REASONS", None, "[1]", '{"cut off'])
def test_a_card_whose_content_is_withheld_keeps_its_status(content):
    card = {"ModelCardStatus": "Approved", "ModelCardContent": content}
    package = read_package({**PACKAGE, "ModelCard": card}, "DescribeModelPackage")
    assert package is not None
    assert package.card == ModelCard("Approved", {}, readable=False)


@pytest.mark.parametrize("content", ["", "{}"])
def test_an_empty_card_is_readable(content):
    package = read_package({**PACKAGE, "ModelCard": {"ModelCardContent": content}}, "DescribeModelPackage")
    assert package is not None
    assert package.card == ModelCard("", {}, readable=True)


@pytest.mark.parametrize("key", ["ModelPackageArn", "CreationTime"])
def test_a_record_without_what_it_must_have_is_an_error_naming_it(key):
    with pytest.raises(UnreadableAnswerError, match=f"Search has no {key}"):
        read_package({name: value for name, value in PACKAGE.items() if name != key}, "Search")


def test_a_time_that_is_none_is_an_error():
    with pytest.raises(UnreadableAnswerError, match="which is not a time"):
        read_package({**PACKAGE, "CreationTime": "yesterday"}, "Search")


def test_an_empty_answer_is_an_error_and_not_a_group():
    with pytest.raises(UnreadableAnswerError, match="ModelPackageGroupArn"):
        read_group({}, "DescribeModelPackageGroup")


names = st.from_regex(r"[a-z0-9]{1,10}", fullmatch=True)


@given(
    st.fixed_dictionaries(
        {"ModelPackageGroupArn": names, "ModelPackageGroupName": names, "CreationTime": st.just(NOON)}
    )
)
def test_the_least_that_a_group_has_is_enough(record):
    group = read_group(record, "Search")
    assert group == ModelPackageGroup(record["ModelPackageGroupArn"], record["ModelPackageGroupName"], NOON)
