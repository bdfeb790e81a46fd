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
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.mapping_overrides import effective_table
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.projection import (
    TargetFields,
    console_status,
    cut,
    object_name,
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


def own(*rows, **fields):
    """A model type with these fields more, and a mapping with these rows more."""
    known = {name: FieldDefinition(f"9{number}", name, kind) for number, (name, kind) in enumerate(fields.items())}
    return TargetFields({**target().definitions, **known}, effective_table({"rows": list(rows)}))


def test_what_was_cut_and_what_was_left_alone_is_in_the_notes():
    package = dataclasses.replace(PACKAGE, card=ModelCard("", {"model_overview": {"algorithm_type": "x" * 2000}}))
    assert project_package(package, target(), "alice").notes == (
        "MRG-AIFacts-Model:Algorithm: 2000 characters were cut to 1024",
    )
    leaving = own({"field": "MRG-AIFacts-Model:Algorithm", "overflow": "leave", "max_length": 100})
    projection = project_package(package, leaving, "alice")
    assert "MRG-AIFacts-Model:Algorithm" not in projection.fields
    assert projection.notes == ("MRG-AIFacts-Model:Algorithm is left alone: its 2000 characters are more than 100",)


@pytest.mark.parametrize(
    ("row", "kind", "value", "note"),
    [
        ({"value": "version"}, "INTEGER_TYPE", None, "N:F is left alone: the field takes a number, and '3' is none"),
        ({"value": "version", "conversion": "integer"}, "INTEGER_TYPE", 3, ""),
        ({"value": "version", "conversion": "number"}, "FLOAT_TYPE", 3.0, ""),
        (
            {"value": "description", "conversion": "number"},
            "FLOAT_TYPE",
            None,
            "N:F is left alone: 'xgboost' is no number",
        ),
        ({"value": "created_at", "conversion": "date"}, "DATE_TYPE", "2026-11-22", ""),
        ({"value": "card:training_details"}, "STRING_TYPE", None, "N:F is left alone: a dict is no text"),
        ({"value": "card:training_details", "conversion": "outline"}, "STRING_TYPE", "rounds: 10", ""),
        ({"value": "metadata:absent"}, "STRING_TYPE", None, ""),
    ],
)
def test_values_go_through_the_conversion_of_their_row(row, kind, value, note):
    projection = project_package(PACKAGE, own({"field": "N:F", **row}, **{"N:F": kind}), "alice")
    assert projection.fields.get("N:F") == value
    assert projection.notes == ((note,) if note else ())


def test_a_read_only_field_may_still_go_down():
    known = {**target().definitions, "N:F": FieldDefinition("9", "N:F", "STRING_TYPE", read_only=True)}
    row = {"field": "N:F", "value": "metadata:team"}
    up = TargetFields(known, effective_table({"rows": [{**row, "direction": "both"}]}))
    down = TargetFields(known, effective_table({"rows": [{**row, "direction": "to_registry"}]}))
    assert "N:F" not in project_package(PACKAGE, up, "alice").pushed
    assert "N:F" in project_package(PACKAGE, down, "alice").pushed
    assert "N:F" not in project_package(PACKAGE, down, "alice").fields


@pytest.mark.parametrize(
    ("value", "is_taken"),
    [
        ("blue team", True),
        ("a/b:c=d+e-f@g_h.i", True),
        ("", False),
        ("50 %", False),
        ("a\nb", False),
        ("x" * 257, False),
    ],
)
def test_only_what_metadata_can_hold_is_pushed(value, is_taken):
    row = {"field": "N:F", "value": "metadata:team", "direction": "both"}
    projection = project_package(PACKAGE, own(row, **{"N:F": "STRING_TYPE"}), "alice")
    assert projection.pushable("N:F", value) is is_taken
    assert not projection.pushable("N:F", ("a", "b"))
    shorter = project_package(PACKAGE, own({**row, "max_length": 5}, **{"N:F": "STRING_TYPE"}), "alice")
    assert not shorter.pushable("N:F", "sixsix")


@given(st.text(max_size=300))
def test_a_name_can_always_be_part_of_a_path(text):
    name = object_name(text)
    assert 0 < len(name) <= 255
    assert name == name.strip()
    assert not set("/\\:\n\t\0") & set(name)


def test_a_name_that_is_fine_stays_as_it_is():
    assert object_name("Churn-v3") == "Churn-v3"
    assert object_name("a/b: c") == "a-b- c"


@given(st.text(max_size=30), st.integers(5, 20))
def test_cutting_keeps_within_the_limit_and_leaves_short_texts_alone(text, limit):
    result = cut(text, limit)
    assert len(result) <= limit
    assert (result == text) == (len(text) <= limit)
