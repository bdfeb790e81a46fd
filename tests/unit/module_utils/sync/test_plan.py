# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The planner's laws, for both sides. What each side does with an operation is in tests/harness/two_sides.py."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.schema import FieldDefinition
from ansible_collections.wxgov.sagemaker.plugins.module_utils.registry.entities import LifeCycle, ModelCard
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.errors import MappingError
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.mapping import DEFAULT, Kind
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.mapping_overrides import effective_table
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.plan import (
    Change,
    ConsoleRecord,
    Create,
    is_current,
    plan_entity,
    plan_gone,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.projection import Projection, TargetFields
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.state import SyncState
from tests.harness.conflict_cases import GROUP, PACKAGE
from tests.harness.registry_strategies import MODEL_FIELDS, STATUSES, STEM, groups, packages, target, texts
from tests.harness.two_sides import DETAILS, NAMES, OWNER, STATUS, Sides, nothing_taken

ARN = f"{STEM}model-package/churn/1"
TEAM = "MRG-Model:Developer"
TICKET = "MRG-Model:Source"

PLAIN = target()
OWN = TargetFields(
    {
        **PLAIN.definitions,
        TEAM: FieldDefinition("901", TEAM, "STRING_TYPE"),
        TICKET: FieldDefinition("902", TICKET, "STRING_TYPE"),
    },
    effective_table(
        {
            "rows": [
                {"field": TEAM, "value": "metadata:team", "direction": "both"},
                {"field": TICKET, "value": "metadata:ticket", "direction": "to_registry"},
                {"field": "MRG-AIFacts-Model:Algorithm", "value": "life_cycle_stage"},
                {"field": STATUS, "winner": "registry"},
            ],
            "statuses": [
                {"status": "Development Complete", "direction": "both"},
                {"status": "In Use", "stage": "Production", "stage_status": "Complete", "direction": "both"},
            ],
            "metrics": {},
        }
    ),
)
targets = st.sampled_from([PLAIN, OWN])
owners = st.sampled_from(["alice", "bob"])
models = st.builds(Sides, targets, packages(arn=ARN), owner=owners)
model_groups = st.builds(Sides, st.just(PLAIN), groups())
editable = st.sampled_from(
    [name for name, (kind, _enum) in MODEL_FIELDS.items() if kind != "ENUM_TYPE" and "Integ" not in name]
    + [TEAM, TICKET]
)
statuses = st.fixed_dictionaries({}, optional={STATUS: st.sampled_from(STATUSES)})
edits = st.builds(lambda fields, status: {**fields, **status}, st.dictionaries(editable, texts), statuses)


@st.composite
def later_packages(draw, sides):
    """Another state of the same package, modified later."""
    package = draw(packages(arn=ARN))
    changed = dataclasses.replace(
        package, group_name=sides.entity.group_name, version=sides.entity.version, created_at=sides.entity.created_at
    )
    given = {field.name: getattr(changed, field.name) for field in dataclasses.fields(changed)}
    return sides.registry(owner=draw(owners), **{name: value for name, value in given.items() if name != "arn"})


histories = st.lists(st.sampled_from(["registry", "console", "both", "gone", "back", "forget", "sync"]), max_size=8)


@given(models)
def test_nothing_is_left_to_do_after_a_creation(sides):
    after = sides.settled()
    assert after.plan() is None
    assert is_current(after.projection(), after.record.state, after.record.fields)


@given(model_groups)
def test_nothing_is_left_to_do_after_the_creation_of_a_group(sides):
    assert sides.settled().plan() is None


@given(models, histories, st.data())
def test_one_round_is_enough_whatever_happened_on_either_side(sides, history, data):
    """Convergence: after any history, one plan brings both sides in step, and what it says is a difference."""
    package = sides.entity
    sides = sides.settled()
    for step in history:
        if step in ("registry", "both") and sides.entity is not None:
            sides = data.draw(later_packages(sides))
            package = sides.entity
        if step in ("console", "both"):
            sides = sides.console(**data.draw(edits))
        if step == "gone":
            sides = sides.deleted()
        if step == "back" and sides.entity is None:
            sides = sides.made_again(package)
        if step == "forget":
            sides = sides.forgetting()
        if step == "sync":
            sides = sides.settled()
    operation = sides.plan()
    if operation is not None:
        assert operation.before != operation.after
    after = sides.applied(operation)
    assert after.plan() is None
    if after.entity is not None:
        assert is_current(after.projection(), after.record.state, after.record.fields)


@given(models, st.data())
def test_a_change_brings_every_value_of_the_registry_when_nobody_edited_the_console(sides, data):
    changed = data.draw(later_packages(sides.settled()))
    after = changed.settled()
    for name, value in changed.projection().fields.items():
        assert (after.record.value(name) or None) == value
    assert after.entity == changed.entity


@given(models, edits, st.data())
def test_an_operation_always_has_a_difference(sides, changes, data):
    operation = data.draw(later_packages(sides.settled().console(**changes))).plan()
    if isinstance(operation, Change):
        assert operation.before != operation.after
        assert all((operation.previous[name] or None) != (value or None) for name, value in operation.fields.items())
        if operation.registry is not None:
            assert operation.registry.before != operation.registry.after


@given(models, st.dictionaries(editable.filter(lambda name: name not in (TEAM, TICKET)), texts))
def test_an_edit_in_the_console_stays_while_the_registry_does_not_change(sides, changes):
    assert sides.settled().console(**changes).plan() is None


@given(models, st.sampled_from(STATUSES))
def test_a_status_set_in_the_console_goes_down_just_where_the_table_has_it(sides, status):
    in_step = sides.settled()
    asked = sides.target.table.life_cycle(status)
    after = in_step.console(status=status).settled()
    assert after.console_value(STATUS) == status
    if status == in_step.console_value(STATUS) or asked is None or in_step.projection().card_archived:
        assert after.entity.life_cycle == in_step.entity.life_cycle
    else:
        assert after.entity.life_cycle == asked


@given(models, texts.filter(bool))
def test_an_edit_in_the_console_stays_when_another_field_changes_in_the_registry(sides, text):
    edited = sides.settled().console(**{"MRG-AIFacts-Model:External Provider": text})
    after = edited.registry(approval_description="something else").settled()
    assert after.console_value("MRG-AIFacts-Model:External Provider") == text
    assert "something else" in after.console_value(DETAILS)


@given(packages(arn=ARN))
def test_who_reassigns_a_model_in_the_console_keeps_it_so(package):
    sides = Sides(PLAIN, package, owner="alice").settled().console(owner="carol")
    assert sides.registry(owner="bob").settled().console_value(OWNER) == "carol"


@given(models, st.data())
def test_an_older_record_never_undoes_a_newer_one(sides, data):
    newer = data.draw(later_packages(sides.settled())).settled()
    lagging = dataclasses.replace(newer, entity=sides.entity)
    assert is_current(lagging.projection(), lagging.record.state, lagging.record.fields)
    assert lagging.plan() is None


@given(models, st.sampled_from(STATUSES))
def test_the_record_from_before_our_own_push_does_not_undo_it(sides, status):
    edited = sides.settled().console(status=status)
    pushed = edited.settled()
    assert dataclasses.replace(pushed, entity=edited.entity).plan() is None


def test_a_status_set_back_is_pushed_although_the_search_index_never_saw_the_first_push():
    start = Sides(PLAIN, dataclasses.replace(PACKAGE, life_cycle=LifeCycle("Development", "InProgress"))).settled()
    first = start.console(status="Development Complete")
    lagging = dataclasses.replace(first.settled(), entity=start.entity).console(status="Under Development")
    back = lagging.plan().registry
    assert back.life_cycle == LifeCycle("Development", "InProgress")
    third = dataclasses.replace(lagging.settled(), entity=start.entity).console(status="Development Complete")
    assert third.plan().registry.life_cycle == first.plan().registry.life_cycle
    assert len({first.plan().registry.token, back.token, third.plan().registry.token}) == 3


def test_an_older_record_does_not_make_forget_that_the_model_is_archived():
    start = Sides(OWN, dataclasses.replace(PACKAGE, life_cycle=LifeCycle("Development", "InProgress"))).settled()
    archived = start.registry(life_cycle="Archived/Retired").settled()
    assert archived.record.state.archived
    lagging = dataclasses.replace(archived, entity=start.entity).console(**{TEAM: "green"})
    operation = lagging.plan()
    assert operation.registry.metadata == {"team": "green"}
    assert lagging.applied(operation).record.state.archived


def test_a_model_that_was_archived_when_it_was_first_seen_finds_back():
    first_seen = Sides(PLAIN, dataclasses.replace(PACKAGE, life_cycle=LifeCycle("Archived", "Retired"))).settled()
    assert first_seen.console_value(STATUS) == "Decommissioned"
    assert first_seen.registry(life_cycle="Development/Complete").settled().console_value(STATUS) == "Proposed"


def test_the_repetition_of_a_push_has_its_token():
    edited = Sides(PLAIN, PACKAGE).settled().console(status="Development Complete")
    assert edited.plan().registry.token == edited.plan().registry.token


@given(models, st.sampled_from(STATUSES), st.data())
def test_a_push_that_was_cut_off_before_the_console_heard_of_it_ends_the_same(sides, status, data):
    edited = sides.settled().console(status=status)
    cut_off = dataclasses.replace(edited.settled(), record=edited.record)
    after = cut_off.settled()
    assert after.plan() is None
    assert after.entity.life_cycle == edited.settled().entity.life_cycle
    assert after.console_value(STATUS) == status


@given(models, st.sampled_from([*STATUSES, "Decommissioned"]))
def test_a_status_that_somebody_set_is_told_when_the_package_is_gone_unless_it_says_the_same(sides, present):
    settled = sides.settled()
    told = STATUS in settled.record.state.fields and present not in (settled.console_value(STATUS), "Decommissioned")
    operation = settled.console(status=present).deleted().plan()
    assert [(found.field, found.console, found.winner) for found in operation.conflicts] == [
        (STATUS, present, "registry")
    ] * told


@given(models)
def test_a_deleted_package_is_decommissioned_once_and_comes_back_when_it_does(sides):
    gone = sides.settled().deleted()
    operation = gone.plan()
    assert operation.action == "decommission"
    gone = gone.applied(operation)
    assert gone.console_value(STATUS) == "Decommissioned"
    assert gone.plan() is None
    back = gone.made_again(sides.entity).settled()
    assert back.console_value(STATUS) == sides.projection().fields.get(STATUS, "Proposed")
    assert not back.record.state.gone
    assert back.plan() is None


def test_an_object_that_waits_for_its_package_keeps_the_status_that_it_has():
    """A use case's first model has the ARN before the package is there; its state says gone and agrees on nothing."""
    package = dataclasses.replace(PACKAGE, life_cycle=LifeCycle("Proposal", "Approved"))
    waiting = Sides(PLAIN, package).settled().console(status="Development Complete")
    announced = dataclasses.replace(waiting.record, state=SyncState(gone=True))
    after = dataclasses.replace(waiting, record=announced).settled()
    assert after.console_value(STATUS) == "Development Complete"
    assert after.entity == package
    assert after.plan() is None


@given(model_groups)
def test_a_deleted_group_says_so_and_is_put_right_when_it_comes_back(sides):
    in_step = sides.settled()
    gone = in_step.deleted().settled()
    assert gone.console_value("Description").startswith("[No longer in Amazon SageMaker]")
    assert gone.plan() is None
    back = gone.made_again(sides.entity).settled()
    assert back.console_value("Description") == in_step.console_value("Description")
    assert back.plan() is None


def test_a_group_with_a_very_long_description_is_put_right_too():
    sides = Sides(PLAIN, dataclasses.replace(GROUP, description="x" * 1024)).settled()
    gone = sides.deleted().settled()
    assert len(gone.console_value("Description")) == 1024
    assert gone.made_again(sides.entity).settled().console_value("Description") == "x" * 1024


@given(models)
def test_an_object_that_lost_its_state_is_adopted_and_not_made_again(sides):
    orphan = sides.settled().forgetting()
    operation = orphan.plan()
    assert isinstance(operation, Change)
    assert set(operation.fields) == {NAMES.state}
    assert operation.conflicts == ()
    assert orphan.applied(operation).plan() is None


@given(models, st.sampled_from(STATUSES))
def test_adopting_an_object_never_writes_to_the_registry_over_what_is_there(sides, status):
    operation = sides.settled().console(status=status).forgetting().plan()
    assert operation.registry is None


def test_a_new_row_takes_a_console_value_down_only_where_the_registry_has_none():
    before = Sides(PLAIN, dataclasses.replace(PACKAGE, metadata={"ticket": "T-1"})).settled()
    edited = before.console(**{TEAM: "green", TICKET: "T-2"})
    after = dataclasses.replace(edited, target=OWN).settled()
    assert after.entity.metadata == {"ticket": "T-1", "team": "green"}
    assert after.plan() is None


@given(packages(arn=ARN), st.data())
def test_a_changed_mapping_writes_only_where_a_value_changes_and_only_once(package, data):
    sides = Sides(PLAIN, package).settled()
    renamed = {"rows": [{"field": "MRG-AIFacts-Model:Prediction Type", "value": "arn"}]}
    other = dataclasses.replace(sides, target=TargetFields(PLAIN.definitions, effective_table(renamed)))
    assert set(other.plan().fields) == {"MRG-AIFacts-Model:Prediction Type", NAMES.state}
    assert other.settled().plan() is None
    same_values = {"rows": [{"field": "MRG-AIFacts-Model:Prediction Type", "winner": "console"}]}
    table = effective_table(same_values)
    assert table.fingerprint != DEFAULT.fingerprint
    assert dataclasses.replace(sides, target=TargetFields(PLAIN.definitions, table)).plan() is None


def test_a_value_that_differs_because_the_mapping_changed_says_so():
    sides = Sides(PLAIN, PACKAGE).settled().console(**{"MRG-AIFacts-Model:Algorithm": "by hand"})
    table = effective_table({"rows": [{"field": "MRG-AIFacts-Model:Algorithm", "value": "version"}]})
    (conflict,) = dataclasses.replace(sides, target=TargetFields(PLAIN.definitions, table)).plan().conflicts
    assert conflict.mapping_changed
    assert "the mapping was changed" in str(conflict)
    assert "the value from SageMaker stands" in str(conflict)


@given(models)
def test_a_taken_name_is_never_sent(sides):
    projection = sides.projection()
    first = plan_entity(projection, None, NAMES, lambda name: name == projection.name)
    assert isinstance(first, Create)
    assert first.name.startswith(projection.name)
    second = plan_entity(projection, None, NAMES, lambda name: name in (projection.name, first.name))
    assert len({projection.name, first.name, second.name}) == 3
    assert len(second.name) <= 255


@given(models)
def test_the_state_fits_a_medium_text_field(sides):
    assert len(json.dumps(sides.plan().fields[NAMES.state])) < 4000


def test_the_state_of_the_largest_mapping_still_fits():
    rows = [
        {"field": f"MRG-UserFact-Model:A field with a name of quite some length {number:02}", "value": "arn"}
        for number in range(100)
    ]
    with pytest.raises(MappingError, match="Drop rows"):
        effective_table({"rows": rows})
    largest = next(count for count in range(100, 0, -1) if fits(rows[:count]))
    definitions = {row["field"]: FieldDefinition("1", row["field"], "STRING_TYPE") for row in rows}
    full = TargetFields({**PLAIN.definitions, **definitions}, effective_table({"rows": rows[:largest]}))
    created = Sides(full, PACKAGE).plan()
    assert 3700 < len(created.fields[NAMES.state]) < 4000


def fits(rows):
    try:
        return effective_table({"rows": rows}) is not None
    except MappingError:
        return False


def test_metrics_are_agreed_on_only_when_they_are_there():
    content = {"evaluation_details": [{"name": "e", "metric_groups": [
        {"name": "g", "metric_data": [{"name": "auc", "type": "number", "value": 0.9}]}]}]}  # fmt: skip
    package = dataclasses.replace(PACKAGE, card=ModelCard("", content))
    created = Sides(OWN, package).plan()
    assert [metric.value for metric in created.metrics] == [0.9]
    assert "(metrics)" in created.fields[NAMES.state]
    assert "(metrics)" not in created.interim_state
    assert created.after["Metric e / g / auc"] == 0.9
    sides = Sides(OWN, package).applied(created)
    assert sides.plan() is None
    changed = json.loads(json.dumps(content).replace("0.9", "0.8"))
    operation = sides.registry(card=ModelCard("", changed)).plan()
    assert [metric.value for metric in operation.metrics] == [0.8]
    without = sides.registry(approval_status="Rejected").plan()
    assert without.metrics is None


def test_an_older_record_says_nothing_of_metrics_while_a_status_goes_down():
    def card(value):
        metric = {"name": "auc", "type": "number", "value": value}
        group = {"name": "g", "metric_data": [metric]}
        return ModelCard("", {"evaluation_details": [{"name": "e", "metric_groups": [group]}]})

    start = Sides(OWN, dataclasses.replace(PACKAGE, card=card(0.9))).settled()
    newer = start.registry(card=card(0.8)).settled()
    lagging = dataclasses.replace(newer, entity=start.entity).console(status="Development Complete")
    operation = lagging.plan()
    assert operation.registry is not None
    assert operation.metrics is None
    seen = dataclasses.replace(lagging, entity=newer.entity).applied(operation)
    assert seen.plan().metrics is None
    assert seen.settled().plan() is None


def test_a_conflict_quotes_no_more_than_the_beginning():
    sides = Sides(PLAIN, PACKAGE).settled().console(description="x" * 4000).registry(description="y" * 1000)
    (conflict,) = sides.plan().conflicts
    assert len(str(conflict)) < 400


def test_the_life_cycle_is_not_written_where_it_is_that_already():
    package = dataclasses.replace(PACKAGE, life_cycle=LifeCycle("Development", "Review"), card=None)
    sides = Sides(PLAIN, package).settled()
    there = sides.console(status="Development Complete").registry(life_cycle="Development/Complete")
    operation = there.plan()
    assert operation.registry is None
    assert there.applied(operation).plan() is None


def test_an_object_without_arn_is_not_ours_to_change():
    foreign = ConsoleRecord(Kind.MODEL, "9", "churn-v1", "", "", None, None)
    assert plan_gone(foreign, NAMES) is None
    projection = Projection(Kind.MODEL, ARN, "churn-v1", {"Description": "d"}, {}, "churn", None)
    with pytest.raises(ValueError, match="has no ARN"):
        plan_entity(projection, foreign, NAMES, nothing_taken)
