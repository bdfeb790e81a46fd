# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes on both sides over HTTP: status down, conflicts, a mapping of one's own, metrics, filters, placeholders."""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.model import Filters
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.client import connect
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.objects import ObjectChange
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.errors import MappingError, SchemaMismatchError
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.guard import GuardOptions
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.service import ConnectionRuntime
from tests.integration.sync.conftest import STEM, World

STATUS = "MRG-Model:Status"
OWNER = "MRG-Model:Model Owner"
DETAILS = "MRG-UserFact-Model:Additional Details"
GROUP = f"{STEM}model-package-group/churn"
STATUS_ROWS = [
    ("Proposed", "Proposal/Approved"),
    ("Model Definition", "Development/Review"),
    ("Under Development", "Development/InProgress"),
    ("Data Acquisition", "DataPrep-DataCollection/InProgress"),
    ("Data Acquisition Complete", "DataPrep-DataCollection/Complete"),
    ("Feature Engineering", "DataPrep-FeatureEngineering/InProgress"),
    ("Feature Engineering Complete", "DataPrep-FeatureEngineering/Complete"),
    ("Development Complete", "Development/Complete"),
    ("Decommissioned", "Archived/Retired"),
]
CARD = {
    "intended_uses": {"purpose_of_model": "find churn", "risk_rating": "Low"},
    "training_details": {
        "training_job_details": {
            "training_datasets": ["s3://data/a", "s3://data/b"],
            "hyper_parameters": [{"name": "depth", "value": "5"}],
        }
    },
    "evaluation_details": [
        {
            "name": "holdout",
            "metric_groups": [{"name": "binary", "metric_data": [{"name": "auc", "type": "number", "value": 0.91}]}],
        }
    ],
}


@pytest.fixture
def editor(world: World) -> Iterator[Any]:
    """Edits objects as a person does in the console: named fields only."""
    client = connect(world.console.url, auth_method="mcsp", auth_options=world.connection.console.auth_options)

    def edit(arn: str, **changes: str) -> None:
        found = client.get_object(world.model(arn)["id"])
        assert found is not None
        description = changes.pop("description", found.description)
        client.update_object(found.id, ObjectChange(found.type_name, found.name, found.title, description, changes))

    yield edit
    client.close()


@pytest.fixture
def runtime(world: World) -> Iterator[ConnectionRuntime]:
    runtime = world.runtime()
    yield runtime
    runtime.close()


def with_settings(world: World, **settings: Any) -> None:
    world.connection = dataclasses.replace(
        world.connection, sync=dataclasses.replace(world.connection.sync, **settings)
    )


def life_cycle(world: World, arn: str) -> str:
    found = world.sagemaker.describe_model_package(ModelPackageName=arn).get("ModelLifeCycle", {})
    return f"{found.get('Stage')}/{found.get('StageStatus')}"


def set_life_cycle(world: World, arn: str, text: str) -> None:
    stage, status = text.split("/")
    world.sagemaker.update_model_package(ModelPackageArn=arn, ModelLifeCycle={"Stage": stage, "StageStatus": status})


def put_card(world: World, arn: str, card: dict[str, Any]) -> None:
    content = {"ModelCardContent": json.dumps(card), "ModelCardStatus": "Draft"}
    world.sagemaker.update_model_package(ModelPackageArn=arn, ModelCard=content)


def aws_writes(world: World) -> int:
    return world.aws.calls().get("sagemaker.UpdateModelPackage", 0)


def test_every_status_of_the_table_goes_down_and_its_echo_ends_in_nothing(world, runtime, editor):
    (arn,) = world.register("churn")
    runtime.reconciler.reconcile(arn)
    for status, expected in STATUS_ROWS:
        editor(arn, **{STATUS: status})
        assert runtime.reconciler.reconcile(arn).status == ("unchanged" if status == "Proposed" else "updated")
        if status != "Proposed":
            assert life_cycle(world, arn) == expected
        world.aws.clear_calls()
        world.console.clear_calls()
        assert runtime.reconciler.reconcile(arn).status == "unchanged"
        assert (aws_writes(world), world.writes()) == (0, 0)
        assert world.model(arn)["fields"][STATUS] == status


def test_a_status_goes_down_in_the_existing_model_sync_with_one_call_and_one_write(world, editor):
    first, second = world.register("churn", versions=2)
    world.sync()
    editor(first, **{STATUS: "Development Complete"})
    dry = world.sync(check=True)
    assert (aws_writes(world), world.writes()) == (0, 0)
    report = world.sync()
    assert (aws_writes(world), world.writes()) == (1, 1)
    assert report.counts["update_in_registry"] + report.counts["update"] == 1
    assert dry.diff() == report.diff()
    assert report.diff()["after"]["model churn-v1"]["ModelLifeCycle"] == "Development/Complete"
    assert life_cycle(world, first) == "Development/Complete"
    assert "Life cycle: Development / Complete" in world.model(first)["fields"][DETAILS]
    assert not world.sync().changed
    assert life_cycle(world, second) == "None/None"


def test_a_status_is_found_without_search_although_the_package_itself_needs_no_look(world, editor, tmp_path):
    first, _second = world.register("churn", versions=2)
    world.aws.fault("sagemaker.Search", "error", code="AccessDeniedException", status=400, times=100)
    world.sync(state_dir=tmp_path)
    world.sync(state_dir=tmp_path)
    assert world.aws.calls().get("sagemaker.DescribeModelPackage", 0) == 0
    editor(first, **{STATUS: "Development Complete"})
    world.sync(state_dir=tmp_path)
    assert world.aws.calls()["sagemaker.DescribeModelPackage"] == 1
    assert life_cycle(world, first) == "Development/Complete"


def test_a_sweep_finds_a_status_that_no_poll_told_of(world, runtime, editor):
    first, _second = world.register("churn", versions=2)
    world.sync()
    editor(first, **{STATUS: "Model Definition"})
    marked: list[str] = []
    runtime.sweeper.full_sweep(marked.extend)
    assert marked == [first]
    assert runtime.reconciler.reconcile(first).status == "updated"
    assert life_cycle(world, first) == "Development/Review"


def test_a_conflict_is_settled_said_once_and_leaves_both_sides_in_step(world, runtime, editor, caplog):
    (arn,) = world.register("churn")
    world.sync()
    editor(arn, **{STATUS: "Development Complete"}, description="ours")
    set_life_cycle(world, arn, "Development/InProgress")
    with caplog.at_level(logging.WARNING):
        result = runtime.reconciler.reconcile(arn)
    (conflict,) = result.conflicts
    assert "MRG-Model:Status" in conflict
    assert "the console stands" in conflict
    assert any("both sides changed model churn-v1" in record.getMessage() for record in caplog.records)
    assert life_cycle(world, arn) == "Development/Complete"
    assert world.model(arn)["description"] == "ours"
    again = runtime.reconciler.reconcile(arn)
    assert (again.status, again.conflicts) == ("unchanged", ())


def test_a_conflict_is_in_the_report_of_a_run(world, editor):
    (arn,) = world.register("churn")
    set_life_cycle(world, arn, "Development/InProgress")
    world.sync()
    editor(arn, **{STATUS: "Development Complete"})
    set_life_cycle(world, arn, "Archived/Retired")
    report = world.sync()
    (outcome,) = [found.as_dict() for found in report.outcomes]
    assert outcome["action"] == "decommission"
    assert "the value from SageMaker stands" in outcome["conflicts"][0]
    assert (world.model(arn)["fields"][STATUS], life_cycle(world, arn)) == ("Decommissioned", "Archived/Retired")
    assert not world.sync().changed


@pytest.mark.parametrize("kind", ["error", "throttle"])
def test_a_push_that_fails_is_made_up_for(world, runtime, editor, kind):
    (arn,) = world.register("churn")
    world.sync()
    editor(arn, **{STATUS: "Development Complete"})
    if kind == "error":
        world.aws.fault("sagemaker.UpdateModelPackage", "error", code="ValidationException", times=1)
        report = world.sync()
        assert report.counts["failed"] == 1
        assert "UpdateModelPackage" in report.outcomes[0].error
    else:
        world.aws.fault("sagemaker.UpdateModelPackage", "error", code="ThrottlingException", times=2)
    assert runtime.reconciler.reconcile(arn).status == "updated"
    assert life_cycle(world, arn) == "Development/Complete"


def test_a_push_whose_console_write_fails_is_not_repeated_and_not_undone(world, runtime, editor):
    (arn,) = world.register("churn")
    world.sync()
    editor(arn, **{STATUS: "Development Complete"})
    world.console.fault("status", "PUT", "contents", status=400)
    with pytest.raises(Exception, match="400"):
        runtime.reconciler.reconcile(arn)
    assert life_cycle(world, arn) == "Development/Complete"
    world.aws.clear_calls()
    assert runtime.reconciler.reconcile(arn).status == "updated"
    assert aws_writes(world) == 0
    assert runtime.reconciler.reconcile(arn).status == "unchanged"


def test_card_content_and_approval_are_seen_in_the_console(world):
    (arn,) = world.register("churn")
    put_card(world, arn, CARD)
    world.sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    world.sync()
    fields = world.model(arn)["fields"]
    for line in (
        "Approval status: Approved",
        "Purpose: find churn",
        "Risk rating: Low",
        "Metric holdout / binary / auc: 0.91",
    ):
        assert line in fields[DETAILS]
    assert fields["MRG-AIFacts-Model:Hyperparameters"] == "depth: 5"
    assert fields["MRG-AIFacts-Model:TrainingData"] == "s3://data/a\ns3://data/b"


def test_a_text_that_does_not_fit_is_cut_and_reported(world):
    (arn,) = world.register("churn")
    put_card(world, arn, {"training_details": {"training_job_details": {"hyper_parameters": [
        {"name": f"parameter-{number}", "value": "x" * 100} for number in range(20)]}}})  # fmt: skip
    report = world.sync()
    assert world.model(arn)["fields"]["MRG-AIFacts-Model:Hyperparameters"].endswith(" […]")
    (note,) = [note for outcome in report.outcomes for note in outcome.as_dict()["notes"]]
    assert note.startswith("MRG-AIFacts-Model:Hyperparameters: ")
    assert note.endswith("characters were cut to 1024")


def test_a_mapping_of_ones_own(world, editor):
    (arn,) = world.register("churn", CustomerMetadataProperties={"team": "red"})
    world.sync()
    with_settings(
        world,
        mapping={
            "rows": [
                {"field": "MRG-Model:Developer", "value": "metadata:team", "direction": "both"},
                {"field": "MRG-AIFacts-Model:External Provider", "drop": True},
            ],
            "statuses": [
                {"status": "Feature Engineering", "stage": "Features", "stage_status": "Doing", "direction": "both"}
            ],
        },
    )
    report = world.sync()
    assert report.counts["update"] == 1
    assert not world.sync().changed
    assert world.model(arn)["fields"]["MRG-Model:Developer"] == "red"
    assert world.model(arn)["fields"]["MRG-AIFacts-Model:External Provider"] == "Amazon SageMaker"
    editor(arn, **{"MRG-Model:Developer": "green"})
    world.sync()
    described = world.sagemaker.describe_model_package(ModelPackageName=arn)
    assert described["CustomerMetadataProperties"] == {"team": "green"}
    set_life_cycle(world, arn, "Features/Doing")
    world.sync()
    assert world.model(arn)["fields"][STATUS] == "Feature Engineering"
    assert not world.sync().changed


def test_a_mapping_that_writes_the_same_values_writes_nothing(world):
    world.register("churn", versions=3)
    world.sync()
    with_settings(world, mapping={"rows": [{"field": DETAILS, "max_length": 3000, "winner": "console"}]})
    assert not world.sync().changed
    assert world.writes() == 0


def test_a_mapping_that_cannot_be_used_stops_before_anything_is_written(world):
    world.register("churn")
    with_settings(world, mapping={"rows": [{"field": "MRG-Model:Developer", "value": "nonsense"}]})
    with pytest.raises(MappingError, match="nonsense"):
        world.sync()
    with_settings(world, mapping={"metrics": {"value_field": "MRG-Metric:Owner"}})
    with pytest.raises(SchemaMismatchError, match="MRG-Metric:Owner"):
        world.sync()


def metrics(world: World) -> list[tuple[str, Any]]:
    rows = world.session.rows("SELECT [Resource ID] FROM [Metric]")
    found = [world.session.get(object_id) for (object_id,) in rows]
    return sorted((one["title"], one["fields"].get("MRG-Metric:Value")) for one in found)


def test_metrics_are_objects_under_the_model_where_they_are_asked_for(world):
    (arn,) = world.register("churn")
    put_card(world, arn, CARD)
    world.sync()
    assert metrics(world) == []
    with_settings(world, mapping={"metrics": {"enabled": True}})
    world.sync()
    assert metrics(world) == [("holdout / binary / auc", 0.91)]
    ((metric,),) = world.session.rows("SELECT [Resource ID] FROM [Metric]")
    assert world.session.get(metric)["primary_parent_id"] == world.model(arn)["id"]
    assert not world.sync().changed
    better = json.loads(json.dumps(CARD).replace("0.91", "0.95"))
    put_card(world, arn, better)
    world.sync()
    assert metrics(world) == [("holdout / binary / auc", 0.95)]
    assert not world.sync().changed


@pytest.mark.parametrize(
    ("cut", "left"),
    [
        ({"method": "POST", "skip": 2}, []),  # the group, the model, and not the metric
        ({"method": "PUT"}, [("holdout / binary / auc", 0.91)]),  # not the state that says it was done
    ],
    ids=["before", "after"],
)
def test_metrics_that_were_cut_off_are_made_up_for_and_none_is_made_twice(world, cut, left):
    (arn,) = world.register("churn")
    put_card(world, arn, CARD)
    with_settings(world, mapping={"metrics": {}})
    world.sync(check=True)
    assert metrics(world) == []
    world.console.fault("status", path="contents", status=400, **cut)
    assert world.sync().counts["failed"] == 1
    assert metrics(world) == left
    assert world.sync().counts["failed"] == 0
    assert metrics(world) == [("holdout / binary / auc", 0.91)]
    assert not world.sync().changed
    assert len(world.objects(arn)) == 1


def test_a_package_whose_group_the_search_does_not_show_yet_brings_it_along(world):
    packages = world.register("churn", versions=6)
    (other,) = world.register("fraud")
    world.console.fault("status", "POST", "contents", status=400, times=2)  # both groups, in the groups' phase
    report = world.sync(concurrency=4)
    assert report.counts["failed"] == 2
    for arn in (*packages, other):
        assert len(world.objects(arn)) == 1
    assert world.model(packages[0])["primary_parent_id"] == world.model(GROUP)["id"]
    assert len(world.objects(GROUP)) == 1
    assert not world.sync().changed


def test_a_package_made_again_is_a_new_version_and_a_new_model(world, runtime):
    first, second = world.register("churn", versions=2)
    world.sync()
    world.sagemaker.delete_model_package(ModelPackageName=second)
    (third,) = world.register("churn")
    assert third != second
    world.sync()
    assert world.model(second)["fields"][STATUS] == "Decommissioned"
    assert world.model(third)["name"] == "churn-v3"
    assert world.model(first)["fields"][STATUS] == "Proposed"


def test_a_group_made_again_keeps_its_object_its_link_and_its_models(world, runtime):
    (arn,) = world.register("churn")
    world.sync()
    case = world.session.create("Register", "Retention", world.connection.business_entity_id)
    move(world, world.model(GROUP), case)
    before, model = world.model(GROUP), world.model(arn)
    world.sagemaker.delete_model_package(ModelPackageName=arn)
    world.sagemaker.delete_model_package_group(ModelPackageGroupName="churn")
    for key in (arn, GROUP):
        assert runtime.reconciler.reconcile(key).status == "decommissioned"
    assert world.register("churn") == [arn]  # a new group counts from one: the ARN is there again
    for key in (GROUP, arn):
        assert runtime.reconciler.reconcile(key).status == "updated"
    after = world.model(GROUP)
    assert (after["id"], after["primary_parent_id"]) == (before["id"], case)
    assert "No longer" not in after["description"]
    assert world.model(arn)["id"] == model["id"]
    assert world.model(arn)["fields"][STATUS] == "Proposed"


def move(world: World, document: dict[str, Any], parent: str) -> None:
    """Hang an object under another primary parent, as somebody does in the console."""
    keys = ("type_definition_id", "name", "title", "description")
    world.session.update(document["id"], {**{key: document[key] for key in keys}, "primary_parent_id": parent})


def test_a_group_that_was_moved_by_hand_stays_where_it_is_and_gets_its_new_models(world, runtime):
    world.register("churn")
    world.sync()
    case = world.session.create("Register", "Retention", world.connection.business_entity_id)
    move(world, world.model(GROUP), case)
    (second,) = world.register("churn")
    (third,) = world.register("churn")
    assert runtime.reconciler.reconcile(second).status == "created"
    world.sync()
    for arn in (second, third):
        assert world.model(arn)["primary_parent_id"] == world.model(GROUP)["id"]
    assert world.model(GROUP)["primary_parent_id"] == case
    assert not world.sync().changed


# ---- filters


def test_what_the_filters_leave_out_is_not_made(world, runtime):
    (churn,) = world.register("churn")
    (trial,) = world.register("experiment-7")
    with_settings(world, filters=Filters(exclude_groups=("experiment-*",)))
    report = world.sync()
    assert (report.counts["create"], report.counts["failed"]) == (2, 0)
    assert "leave out 1 models of the registry" in " ".join(report.notes)
    assert world.objects(trial) == []
    assert len(world.objects(churn)) == 1
    filtered = world.runtime()
    for key in (trial, f"{STEM}model-package-group/experiment-7"):
        result = filtered.reconciler.reconcile(key)
        assert result.status == "ignored"
        assert "exclude_groups" in result.detail
    marked: list[str] = []
    filtered.sweeper.full_sweep(marked.extend)
    assert marked == []
    filtered.close()


def test_what_the_filters_newly_leave_out_is_reported_and_left_as_it_is(world):
    (churn,) = world.register("churn")
    trials = world.register("experiment-7", versions=2)
    world.sync()
    with_settings(world, filters=Filters(exclude_groups=("experiment-*",)))
    world.sagemaker.update_model_package(ModelPackageArn=trials[0], ModelApprovalStatus="Approved")
    world.sagemaker.delete_model_package(ModelPackageName=trials[1])
    report = world.sync()
    assert not report.changed
    assert world.writes() == 0
    said = " ".join(report.notes)
    assert "experiment-7-v1" in said
    assert "experiment-7-v2" in said
    assert "2 models that the filters leave out are in the console" in said
    runtime = world.runtime()
    assert runtime.reconciler.reconcile(trials[1]).status == "ignored"
    runtime.close()
    assert world.model(trials[1])["fields"][STATUS] == "Proposed"
    with_settings(world, filters=Filters())
    assert world.sync(guard=GuardOptions(allow=True)).counts["decommission"] == 1
    assert world.model(churn)["fields"][STATUS] == "Proposed"


def test_an_approval_status_decides_and_may_change(world, runtime):
    approved, pending = world.register("churn", versions=2)
    world.sagemaker.update_model_package(ModelPackageArn=approved, ModelApprovalStatus="Approved")
    with_settings(world, filters=Filters(approval_statuses=("Approved",)))
    world.sync()
    assert (len(world.objects(approved)), len(world.objects(pending))) == (1, 0)
    world.sagemaker.update_model_package(ModelPackageArn=approved, ModelApprovalStatus="Rejected")
    report = world.sync()
    assert "churn-v1: 1 models that the filters leave out" in " ".join(report.notes)
    assert "Approval status: Approved" in world.model(approved)["fields"][DETAILS]


def test_tags_of_the_group_decide_and_cost_a_call_only_for_an_event(world):
    (churn,) = world.register("churn")
    (fraud,) = world.register("fraud")
    world.sagemaker.add_tags(ResourceArn=GROUP, Tags=[{"Key": "governed", "Value": "yes"}])
    with_settings(world, filters=Filters(include_tags=("governed=yes",)))
    assert world.sync().counts["create"] == 2
    assert world.aws.calls().get("sagemaker.ListTags", 0) == 0
    assert world.objects(fraud) == []
    runtime = world.runtime()
    world.aws.clear_calls()
    assert runtime.reconciler.reconcile(churn).status == "unchanged"
    assert world.aws.calls()["sagemaker.ListTags"] == 1
    assert runtime.reconciler.reconcile(fraud).status == "ignored"
    runtime.close()


def test_the_guard_names_what_it_held_back_and_the_option_everywhere(world, runtime, caplog):
    packages = world.register("churn", versions=2)
    world.sync()
    for arn in packages:
        world.sagemaker.delete_model_package(ModelPackageName=arn)
    report = world.sync()
    with caplog.at_level(logging.WARNING):
        swept = runtime.sweeper.full_sweep(lambda _keys: None)
    for said in (report.notes[-1], *swept.held_back, caplog.records[-1].getMessage()):
        assert "churn-v1, churn-v2" in said
        assert "allow_mass_decommission=true" in said
