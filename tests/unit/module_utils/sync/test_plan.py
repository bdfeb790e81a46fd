# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The planner's laws. What the console does with an operation is written anew here, not borrowed from the product."""

from __future__ import annotations

import dataclasses
import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.mapping import Kind
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.plan import (
    Change,
    ConsoleRecord,
    Create,
    FieldNames,
    is_current,
    plan_entity,
    plan_gone,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.projection import (
    Projection,
    project_group,
    project_package,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.state import load_state
from tests.harness.registry_strategies import MODEL_FIELDS, STATUSES, STEM, groups, packages, target, texts

NAMES = FieldNames("Integration:External ID", "Integration:Additional Information")
STATUS = "MRG-Model:Status"
OWNER = "MRG-Model:Model Owner"
DETAILS = "MRG-UserFact-Model:Additional Details"
ARN = f"{STEM}model-package/churn/1"
TARGET = target()

owners = st.sampled_from(["alice", "bob"])
projections = st.builds(project_package, packages(arn=ARN), st.just(TARGET), owners)
editable = st.sampled_from(
    [name for name, (kind, _enum) in MODEL_FIELDS.items() if kind != "ENUM_TYPE" and "Integ" not in name]
)
edits = st.dictionaries(editable, texts) | st.fixed_dictionaries({STATUS: st.sampled_from(STATUSES)})


def nothing_taken(_name: str) -> bool:
    return False


def stored(operation: Create | Change, record: ConsoleRecord | None = None) -> ConsoleRecord:
    """What a console holds after the operation: fields merged, empty ones gone."""
    if isinstance(operation, Create):
        fields = dict(operation.fields)
        if operation.kind is Kind.MODEL:
            fields = {STATUS: "Proposed", **fields}  # the console's default for a new model
        base = ConsoleRecord(operation.kind, "4711", operation.name, operation.name, operation.description, None, None)
    else:
        assert record is not None
        fields = {**record.fields, **operation.fields}
        base = dataclasses.replace(record, title=operation.title, description=operation.description)
    kept = {name: value for name, value in fields.items() if value not in (None, "")}
    return dataclasses.replace(base, arn=kept[NAMES.arn], state=load_state(kept[NAMES.state]), fields=kept)


def edited(record: ConsoleRecord, changes: dict[str, str]) -> ConsoleRecord:
    """The object after somebody typed into it."""
    fields = {name: value for name, value in {**record.fields, **changes}.items() if value}
    return dataclasses.replace(record, fields=fields)


def created(projection: Projection) -> ConsoleRecord:
    operation = plan_entity(projection, None, NAMES, nothing_taken)
    assert isinstance(operation, Create)
    return stored(operation)


def later(projection: Projection, base: Projection) -> Projection:
    """The projection as of a later modification than `base`'s."""
    return dataclasses.replace(projection, modified_at=base.modified_at + timedelta(seconds=1))


def settle(projection: Projection, record: ConsoleRecord) -> ConsoleRecord:
    """The object after the plan for it was carried out."""
    operation = plan_entity(projection, record, NAMES, nothing_taken)
    return record if operation is None else stored(operation, record)


@given(projections)
def test_nothing_is_left_to_do_after_a_creation(projection):
    record = created(projection)
    assert plan_entity(projection, record, NAMES, nothing_taken) is None
    assert is_current(projection, record.state)


@given(st.builds(project_group, groups(), st.just(TARGET)))
def test_nothing_is_left_to_do_after_the_creation_of_a_group(projection):
    record = created(projection)
    assert plan_entity(projection, record, NAMES, nothing_taken) is None


@given(projections, projections, edits)
def test_nothing_is_left_to_do_after_a_change_whoever_edited_before(first, second, changes):
    second = later(second, first)
    record = settle(second, edited(created(first), changes))
    assert plan_entity(second, record, NAMES, nothing_taken) is None


@given(projections, projections)
def test_a_change_brings_every_value_of_the_registry_when_nobody_edited_the_console(first, second):
    second = later(second, first)
    record = settle(second, created(first))
    for name, value in second.fields.items():
        assert (record.value(name) or None) == value


@given(projections, projections, edits)
def test_an_operation_always_has_a_difference(first, second, changes):
    record = edited(created(first), changes)
    operation = plan_entity(later(second, first), record, NAMES, nothing_taken)
    if operation is not None:
        assert operation.before != operation.after
        assert all((operation.previous[name] or None) != (value or None) for name, value in operation.fields.items())


@given(projections, edits)
def test_an_edit_in_the_console_stays_while_the_registry_does_not_change(projection, changes):
    record = edited(created(projection), changes)
    assert plan_entity(projection, record, NAMES, nothing_taken) is None


@given(projections, texts.filter(bool))
def test_an_edit_in_the_console_stays_when_another_field_changes_in_the_registry(projection, text):
    record = edited(created(projection), {"MRG-AIFacts-Model:External Provider": text})
    fields = {**projection.fields, DETAILS: "Approval status: something else"}
    record = settle(later(dataclasses.replace(projection, fields=fields), projection), record)
    assert record.fields["MRG-AIFacts-Model:External Provider"] == text
    assert record.fields[DETAILS] == "Approval status: something else"


@given(packages(arn=ARN))
def test_who_reassigns_a_model_in_the_console_keeps_it_so(package):
    projection = project_package(package, TARGET, "alice")
    record = edited(created(projection), {OWNER: "carol"})
    record = settle(later(project_package(package, TARGET, "bob"), projection), record)
    assert record.fields[OWNER] == "carol"


@given(packages(arn=ARN))
def test_a_new_owner_in_the_registry_arrives_while_nobody_reassigned(package):
    projection = project_package(package, TARGET, "alice")
    record = settle(later(project_package(package, TARGET, "bob"), projection), created(projection))
    assert record.fields[OWNER] == "bob"


@given(projections, projections)
def test_an_older_record_never_undoes_a_newer_one(first, second):
    newer = later(second, first)
    record = settle(newer, created(first))
    older = dataclasses.replace(first, modified_at=newer.modified_at - timedelta(seconds=1))
    assert plan_entity(older, record, NAMES, nothing_taken) is None


@given(projections)
def test_a_deleted_package_is_decommissioned_once_and_comes_back_when_it_does(projection):
    record = created(projection)
    operation = plan_gone(record, NAMES)
    assert operation is not None
    assert operation.action == "decommission"
    gone = stored(operation, record)
    assert gone.fields[STATUS] == "Decommissioned"
    assert plan_gone(gone, NAMES) is None
    back = settle(projection, gone)
    assert back.fields[STATUS] == projection.fields.get(STATUS, "Proposed")
    assert back.state is not None
    assert not back.state.gone
    assert plan_entity(projection, back, NAMES, nothing_taken) is None


@given(st.builds(project_group, groups(), st.just(TARGET)))
def test_a_deleted_group_says_so_and_is_put_right_when_it_comes_back(projection):
    record = created(projection)
    operation = plan_gone(record, NAMES)
    assert operation is not None
    gone = stored(operation, record)
    assert gone.description.startswith("[No longer in Amazon SageMaker]")
    assert plan_gone(gone, NAMES) is None
    back = settle(projection, gone)
    assert back.description == record.description
    assert plan_entity(projection, back, NAMES, nothing_taken) is None


@given(projections)
def test_an_object_that_lost_its_state_is_adopted_and_not_made_again(projection):
    record = created(projection)
    orphan = dataclasses.replace(
        record, state=None, fields={n: v for n, v in record.fields.items() if n != NAMES.state}
    )
    operation = plan_entity(projection, orphan, NAMES, nothing_taken)
    assert isinstance(operation, Change)
    assert set(operation.fields) == {NAMES.state}
    assert plan_entity(projection, stored(operation, orphan), NAMES, nothing_taken) is None


@given(projections)
def test_an_adopted_object_keeps_the_owner_that_it_has(projection):
    record = edited(created(projection), {OWNER: "carol"})
    operation = plan_entity(projection, dataclasses.replace(record, state=None), NAMES, nothing_taken)
    assert isinstance(operation, Change)
    assert OWNER not in operation.fields


@given(projections)
def test_a_taken_name_is_never_sent(projection):
    operation = plan_entity(projection, None, NAMES, lambda name: name == projection.name)
    assert isinstance(operation, Create)
    assert operation.name != projection.name
    assert operation.name.startswith(projection.name)
    assert len(operation.name) <= 255


@given(projections)
def test_the_state_fits_a_medium_text_field(projection):
    operation = plan_entity(projection, None, NAMES, nothing_taken)
    assert len(json.dumps(operation.fields[NAMES.state])) < 4000


def test_an_archived_model_that_is_used_again_leaves_decommissioned():
    archived = Projection(
        Kind.MODEL, ARN, "churn-v1", {"Description": "d", STATUS: "Decommissioned"}, {}, "churn", None
    )
    in_use = dataclasses.replace(archived, fields={"Description": "d"})
    record = created(archived)
    operation = plan_entity(in_use, record, NAMES, nothing_taken)
    assert operation.fields[STATUS] == "Proposed"
    assert plan_entity(in_use, stored(operation, record), NAMES, nothing_taken) is None


def test_an_object_without_arn_is_not_ours_to_change():
    foreign = ConsoleRecord(Kind.MODEL, "9", "churn-v1", "", "", None, None)
    assert plan_gone(foreign, NAMES) is None
    projection = Projection(Kind.MODEL, ARN, "churn-v1", {"Description": "d"}, {}, "churn", None)
    with pytest.raises(ValueError, match="has no ARN"):
        plan_entity(projection, foreign, NAMES, nothing_taken)
