# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a console object should hold, by registry entity."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.schema import FieldDefinition
from ansible_collections.wxgov.sagemaker.plugins.module_utils.registry.entities import (
    LifeCycle,
    ModelCard,
    ModelPackage,
    ModelPackageGroup,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.projection import (
    TargetFields,
    console_status,
    cut,
    project_group,
    project_package,
)
from tests.harness.registry_strategies import packages, target

STATUS = "MRG-Model:Status"
NOON = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)
PACKAGE = ModelPackage(
    arn="arn:aws:sagemaker:us-east-1:111122223333:model-package/churn/3",
    group_name="Churn",
    version=3,
    created_at=NOON,
    last_modified_at=NOON,
    description="xgboost",
    status="Completed",
    approval_status="Approved",
    approval_description="looks good",
    life_cycle=LifeCycle("Development", "InProgress"),
    card=ModelCard("Draft", {"model_overview": {"algorithm_type": "XGBoost"}, "training_details": {"rounds": "10"}}),
)


def test_a_package_in_full():
    projection = project_package(PACKAGE, target(), "alice")
    assert projection.name == "Churn-v3"
    assert projection.group_name == "Churn"
    assert projection.modified_at == NOON
    assert projection.fields == {
        "Description": "xgboost",
        STATUS: "Under Development",
        "MRG-Model:Model Owner": "alice",
        "MRG-Model:Model Version": "3",
        "MRG-AIFacts-Model:External Provider": "Amazon SageMaker",
        "MRG-AIFacts-Model:External Model Name": "Churn",
        "MRG-AIFacts-Model:Algorithm": "XGBoost",
        "MRG-AIFacts-Model:Prediction Type": None,
        "MRG-AIFacts-Model:TrainingParameters": '{"rounds": "10"}',
        "MRG-UserFact-Model:Additional Details": "Approval status: Approved\nApproval note: looks good\n"
        "Life cycle: Development / InProgress\nModel package status: Completed\nModel card status: Draft",
    }
    assert projection.initial_fields == {
        "MRG-Model:Model Non Model": "Model",
        "MRG-Model:Machine Learning Model": "Yes",
    }


@pytest.mark.parametrize(
    ("life_cycle", "card_status", "status"),
    [
        (None, "", None),
        (LifeCycle("Development", "InProgress"), "", "Under Development"),
        (LifeCycle("Development", "Complete"), "", None),  # the console says when development is complete
        (LifeCycle("Proposal", "Approved"), "", None),
        (LifeCycle("Archived", "Retired"), "", "Decommissioned"),
        (LifeCycle("Archived", "Whatever"), "", "Decommissioned"),
        (LifeCycle("Development", "InProgress"), "Archived", "Decommissioned"),
    ],
)
def test_the_status_goes_up_only_where_the_table_says_so(life_cycle, card_status, status):
    package = dataclasses.replace(PACKAGE, life_cycle=life_cycle, card=ModelCard(card_status))
    assert console_status(package) == status


def test_an_entity_without_description_gets_a_sentence():
    group = ModelPackageGroup("arn:aws:sagemaker:us-east-1:111122223333:model-package-group/churn", "churn", NOON)
    assert project_group(group, target()).fields["Description"] == "Amazon SageMaker model package group churn."


@given(packages())
def test_a_field_that_the_console_lacks_is_not_sent(package):
    projection = project_package(package, target(**{"MRG-AIFacts-Model:Algorithm": True}), "alice")
    assert "MRG-AIFacts-Model:Algorithm" not in projection.fields


def test_an_enumeration_value_that_the_console_lacks_leaves_the_field_alone():
    fields = {**target().definitions, STATUS: FieldDefinition("1", STATUS, "ENUM_TYPE", enum_values=("Proposed",))}
    assert STATUS not in project_package(PACKAGE, TargetFields(fields), "alice").fields


def test_a_read_only_field_is_not_sent():
    version = "MRG-Model:Model Version"
    fields = {**target().definitions, version: FieldDefinition("1", version, "STRING_TYPE", read_only=True)}
    assert version not in project_package(PACKAGE, TargetFields(fields), "alice").fields


def test_a_text_that_is_too_long_is_cut_and_says_so():
    package = dataclasses.replace(PACKAGE, card=ModelCard("", {"model_overview": {"algorithm_type": "x" * 2000}}))
    algorithm = project_package(package, target(), "alice").fields["MRG-AIFacts-Model:Algorithm"]
    assert len(algorithm) == 1024
    assert algorithm.endswith(" […]")


@given(st.text(max_size=30), st.integers(5, 20))
def test_cutting_keeps_within_the_limit_and_leaves_short_texts_alone(text, limit):
    result = cut(text, limit)
    assert len(result) <= limit
    assert (result == text) == (len(text) <= limit)
