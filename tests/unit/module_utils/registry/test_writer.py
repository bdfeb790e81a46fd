# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing a registry, over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from ansible_collections.wxgov.sagemaker.plugins.module_utils.registry.client import RegistryClient
from ansible_collections.wxgov.sagemaker.plugins.module_utils.registry.entities import LifeCycle, ModelCard
from ansible_collections.wxgov.sagemaker.plugins.module_utils.registry.errors import (
    NameTakenError,
    RegistryCallError,
    UnreadableAnswerError,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.registry.writer import RegistryWriter
from tests.emulators.aws.server import AwsEmulator

CARD = ModelCard("Draft", {"intended_uses": {"purpose_of_model": "Süßes zählen"}})
STAGE = LifeCycle("Proposal", "Approved", "from the console")


@pytest.fixture
def sagemaker(aws: AwsEmulator) -> Iterator[Any]:
    """A client as the synchronisation uses it: it repeats what failed on the way."""
    client = boto3.client(
        "sagemaker",
        region_name="us-east-1",
        endpoint_url=aws.endpoint_url,
        aws_access_key_id="111122223333",
        aws_secret_access_key="emulated",
    )
    yield client
    client.close()


@pytest.fixture
def writer(sagemaker: Any) -> RegistryWriter:
    """The writer under test."""
    return RegistryWriter(sagemaker)


def create(writer: RegistryWriter, token: str | None = None) -> str:
    return writer.create_package(
        "Churn", description="first", life_cycle=STAGE, card=CARD, metadata={"Owner": "alice"}, client_token=token
    )


@pytest.fixture
def group(writer: RegistryWriter) -> str:
    """The ARN of a group named Churn."""
    return writer.create_group("Churn", description="Who leaves?", tags={"wxgov:use-case-id": "17"})


def test_a_group_gets_its_description_and_tags(writer: RegistryWriter, group: str, sagemaker: Any) -> None:
    described = sagemaker.describe_model_package_group(ModelPackageGroupName="Churn")
    assert described["ModelPackageGroupArn"] == group
    assert described["ModelPackageGroupDescription"] == "Who leaves?"
    assert writer.tags(group) == {"wxgov:use-case-id": "17"}


def test_all_pages_of_tags_are_read(writer: RegistryWriter, group: str, sagemaker: Any) -> None:
    many = {f"key-{number:02d}": str(number) for number in range(49)}
    sagemaker.add_tags(ResourceArn=group, Tags=[{"Key": key, "Value": value} for key, value in many.items()])
    assert writer.tags(group) == {"wxgov:use-case-id": "17", **many}


def test_a_taken_name_has_an_error_of_its_own(writer: RegistryWriter, group: str) -> None:
    with pytest.raises(NameTakenError, match="Churn"):
        writer.create_group("Churn", description="", tags={})


def test_a_package_gets_what_is_given(writer: RegistryWriter, group: str, sagemaker: Any) -> None:
    arn = create(writer)
    package = RegistryClient(sagemaker).describe_package(arn)
    assert package is not None
    assert (package.group_name, package.version, package.description) == ("Churn", 1, "first")
    assert (package.life_cycle, package.card, package.metadata) == (STAGE, CARD, {"Owner": "alice"})
    assert sagemaker.describe_model_package(ModelPackageName=arn)["SkipModelValidation"] == "All"


def test_the_same_token_makes_one_package(writer: RegistryWriter, group: str) -> None:
    assert create(writer, "token-1") == create(writer, "token-1")
    assert create(writer, "token-2").endswith("/2")


def test_a_lost_answer_makes_one_package(writer: RegistryWriter, group: str, aws: AwsEmulator, sagemaker: Any) -> None:
    aws.fault("sagemaker.CreateModelPackage", "lost_response")
    arn = create(writer, "token-1")
    listed = sagemaker.list_model_packages(ModelPackageGroupName="Churn")["ModelPackageSummaryList"]
    assert [package["ModelPackageArn"] for package in listed] == [arn]
    assert aws.calls()["sagemaker.CreateModelPackage"] == 2


def test_an_update_leaves_alone_what_is_not_given(writer: RegistryWriter, group: str, sagemaker: Any) -> None:
    arn = create(writer)
    writer.update_package(arn, life_cycle=LifeCycle("Development", "Review"))
    described = sagemaker.describe_model_package(ModelPackageName=arn)
    assert described["ModelLifeCycle"]["Stage"] == "Development"
    assert json.loads(described["ModelCard"]["ModelCardContent"]) == CARD.content
    writer.update_package(arn, card=ModelCard("", {"intended_uses": {}}), metadata={"Team": "risk"})
    described = sagemaker.describe_model_package(ModelPackageName=arn)
    assert described["ModelCard"] == {"ModelCardContent": '{"intended_uses": {}}', "ModelCardStatus": "Draft"}
    assert described["CustomerMetadataProperties"] == {"Owner": "alice", "Team": "risk"}
    assert described["ModelLifeCycle"]["StageStatus"] == "Review"


def test_an_update_of_nothing_calls_nobody(writer: RegistryWriter, group: str, aws: AwsEmulator) -> None:
    writer.update_package("arn:aws:sagemaker:us-east-1:111122223333:model-package/churn/1")
    assert "sagemaker.UpdateModelPackage" not in aws.calls()
    assert writer.calls == {"CreateModelPackageGroup": 1}


def test_a_denial_names_the_action(writer: RegistryWriter, aws: AwsEmulator) -> None:
    aws.fault("sagemaker.CreateModelPackageGroup", "error", code="AccessDeniedException")
    with pytest.raises(RegistryCallError, match=r"denied sagemaker:CreateModelPackageGroup.*policy"):
        writer.create_group("Churn", description="", tags={})


def test_a_page_of_a_proxy_is_no_creation(writer: RegistryWriter, aws: AwsEmulator) -> None:
    aws.fault("sagemaker.CreateModelPackageGroup", "http_html_200")
    with pytest.raises(UnreadableAnswerError):
        writer.create_group("Churn", description="", tags={})
