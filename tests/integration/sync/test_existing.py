# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The existing-model sync between the two emulators."""

from __future__ import annotations

import dataclasses

import pytest

from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.model import SyncSettings
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.errors import ConsoleError
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.errors import SchemaMismatchError, SyncError
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.guard import GuardOptions
from tests.demo.expectation import compare
from tests.demo.scenario import PEOPLE, fill_registry
from tests.integration.sync.conftest import ACCOUNT, ENTITY, STEM

STATUS = "MRG-Model:Status"


def test_a_grown_registry_costs_few_reads_one_write_an_object_and_nothing_twice(world):
    for user, email in PEOPLE.items():
        world.console.add_user(user, email)
    fill_registry(world.sagemaker)
    report = world.sync()
    assert (report.error, report.counts["create"], report.counts["failed"]) == ("", 72, 0)
    calls = world.console.calls()
    assert sum(world.aws.calls().values()) <= 3
    assert calls["POST query"] <= 6
    assert world.writes() == calls["POST contents"] == 72
    rows = compare(world.sagemaker, world.session, (), "governance.team", {})
    assert len(rows) == 72
    assert [row for row in rows if row.differences] == []

    again = world.sync()
    assert not again.changed
    assert again.counts["unchanged"] == 72
    assert world.writes() == 0
    assert sum(world.aws.calls().values()) <= 3


def test_more_than_one_page_on_each_side(world):
    world.aws.preload_registry(3, 40, account=ACCOUNT, region="us-east-1")
    world.aws.configure_registry(empty_pages=1)
    report = world.sync(concurrency=8)
    assert (report.counts["create"], report.counts["failed"]) == (123, 0)
    assert world.sync().counts["unchanged"] == 123


def test_a_dry_run_tells_what_a_run_does_and_writes_nothing(world):
    world.register("churn", versions=2)
    before = world.console.objects()
    dry = world.sync(check=True)
    assert dry.changed
    assert world.writes() == 0
    assert world.console.objects() == before
    wet = world.sync()
    assert dry.diff() == wet.diff()
    strip = [{**outcome.as_dict(), "object_id": None} for outcome in wet.outcomes]
    assert [outcome.as_dict() for outcome in dry.outcomes] == strip


def test_only_what_changed_is_written(world):
    first, second, third = world.register("churn", versions=3)
    world.sync()
    world.sagemaker.update_model_package(ModelPackageArn=first, ModelApprovalStatus="Approved")
    world.sagemaker.delete_model_package(ModelPackageName=second)
    report = world.sync()
    assert report.counts["update"] == 1
    assert report.counts["decommission"] == 1
    assert world.writes() == 2
    assert "Approved" in world.model(first)["fields"]["MRG-UserFact-Model:Additional Details"]
    assert world.model(second)["fields"][STATUS] == "Decommissioned"
    assert world.model(third)["fields"][STATUS] == "Proposed"
    assert not world.sync().changed


def test_a_deleted_group_is_marked_and_kept(world):
    (package,) = world.register("churn")
    world.sync()
    world.sagemaker.delete_model_package(ModelPackageName=package)
    world.sagemaker.delete_model_package_group(ModelPackageGroupName="churn")
    # Everything the registry had is gone, which the guard takes for a lost permission until it is told otherwise.
    held = world.sync()
    assert (held.counts["held"], held.counts["decommission"]) == (2, 0)
    assert "came back empty" in " ".join(held.notes)
    assert world.sync(guard=GuardOptions(allow=True)).counts["decommission"] == 2
    group = world.model(f"{STEM}model-package-group/churn")
    assert group["description"].startswith("[No longer in Amazon SageMaker]")
    assert not world.sync().changed


def test_a_listing_that_lost_most_of_the_registry_decommissions_nothing(world):
    packages = world.register("churn", versions=40)
    world.sync()
    for arn in packages[:20]:
        world.sagemaker.delete_model_package(ModelPackageName=arn)
    held = world.sync()
    assert held.counts["held"] == 20
    assert world.writes() == 0
    assert "20 of 40 objects (50 %)" in " ".join(held.notes)
    assert "allow_mass_decommission" in " ".join(held.notes)


def test_the_guards_limits_are_the_connections_unless_a_run_says_otherwise(world):
    packages = world.register("churn", versions=4)
    world.sync()
    for arn in packages[:2]:
        world.sagemaker.delete_model_package(ModelPackageName=arn)
    narrow = SyncSettings(max_decommission_percent=20, max_decommission_count=1)
    world.connection = dataclasses.replace(world.connection, sync=narrow)
    held = world.sync()
    assert (held.counts["held"], world.writes()) == (2, 0)
    assert "2 of 4 objects (50 %) are no longer in the registry; the limit is 20 % and 1 objects" in " ".join(
        held.notes
    )
    runtime = world.runtime()
    (said,) = runtime.sweeper.full_sweep(lambda keys: pytest.fail(f"marked {keys}")).held_back
    runtime.close()
    assert "the limit is 20 % and 1 objects" in said
    assert world.sync(guard=GuardOptions(max_percent=50)).counts["decommission"] == 2


def test_a_stale_search_index_neither_revives_nor_undoes_anything(world):
    first, second = world.register("churn", versions=2)
    world.sync()
    world.aws.configure_registry(search_lag=3600)
    world.sagemaker.delete_model_package(ModelPackageName=first)
    world.sagemaker.update_model_package(ModelPackageArn=second, ModelApprovalStatus="Approved")
    reconciler = world.runtime().reconciler
    assert reconciler.reconcile(first).status == "decommissioned"
    assert reconciler.reconcile(second).status == "updated"
    world.sync()
    assert world.writes() == 0
    assert world.model(first)["fields"][STATUS] == "Decommissioned"


@pytest.mark.parametrize("kind", ["http_html_200", "truncate"])
def test_a_proxy_page_instead_of_the_listing_is_an_error_and_not_an_empty_registry(world, kind):
    world.register("churn", versions=3)
    world.sync()
    world.aws.fault("sagemaker.Search", kind, times=100)
    report = world.sync(guard=GuardOptions(allow=True))
    assert "Search" in report.error
    assert report.failed
    assert world.writes() == 0


def test_a_creation_whose_answer_was_lost_is_not_made_twice(world):
    (arn,) = world.register("churn")
    world.console.fault("lost_response", "POST", "contents", times=2)
    report = world.sync()
    assert (report.counts["create"], report.counts["failed"]) == (2, 0)
    assert len(world.objects(arn)) == 1
    assert len(world.objects(f"{STEM}model-package-group/churn")) == 1
    assert not world.sync().changed


def test_one_bad_entity_does_not_stop_the_others_and_the_next_run_mends_it(world):
    packages = world.register("churn", versions=3)
    world.console.fault("status", "POST", "contents", status=400, skip=2, times=1)
    report = world.sync(concurrency=1)
    assert (report.counts["create"], report.counts["failed"]) == (3, 1)
    (failed,) = [outcome for outcome in report.outcomes if outcome.error]
    assert failed.operation.arn in packages
    mended = world.sync()
    assert mended.counts["create"] == 1
    assert not world.sync().changed


def test_an_object_made_by_hand_keeps_its_name_and_its_content(world):
    hand_made = world.session.create("ModelGroup", "churn", world.connection.business_entity_id)
    before = world.session.get(hand_made)
    (arn,) = world.register("churn")
    world.sync()
    assert world.session.get(hand_made) == before
    group = world.model(f"{STEM}model-package-group/churn")
    assert group["id"] != hand_made
    assert group["name"].startswith("churn (")
    assert world.model(arn)["primary_parent_id"] == group["id"]
    assert not world.sync().changed


def test_the_same_name_under_another_entity_is_nobodys_business(world):
    other = world.session.create("SOXBusEntity", "Elsewhere")
    world.session.create("ModelGroup", "churn", other)
    world.register("churn")
    world.sync()
    assert world.model(f"{STEM}model-package-group/churn")["name"] == "churn"


def test_a_connection_never_touches_the_objects_of_another_account(world):
    foreign = "arn:aws:sagemaker:us-east-1:999988887777:model-package-group/churn"
    entity = world.session.create("SOXBusEntity", "Another account")
    object_id = world.session.create("ModelGroup", "churn", entity, **{"Integration:External ID": foreign})
    before = world.session.get(object_id)
    world.register("fraud")
    world.sync(guard=GuardOptions(allow=True))
    assert world.session.get(object_id) == before


def test_names_of_types_and_fields_are_settings(world):
    world.console.switch(model_group_type="SageMakerModelGroup")
    world.register("churn")
    assert world.sync().counts["create"] == 2  # found by its label
    settings = dataclasses.replace(world.connection.sync, arn_field="No:Such Field", state_field="Nor:This")
    world.connection = dataclasses.replace(world.connection, sync=settings)
    with pytest.raises(SchemaMismatchError) as error:
        world.sync()
    for type_name in ("Model", "SageMakerModelGroup"):
        assert f'type {type_name} has no field "No:Such Field" (sync_arn_field)' in str(error.value)
        assert f'type {type_name} has no field "Nor:This" (sync_state_field)' in str(error.value)


def test_a_business_entity_that_is_gone_stops_the_run_before_it_starts(world):
    world.connection = dataclasses.replace(world.connection, business_entity_id="1")
    with pytest.raises(SyncError, match=f"{ENTITY} .id 1. of the connection production is no longer in the console"):
        world.sync()


def test_wrong_credentials_say_so_and_show_nothing(world):
    login = {**world.connection.console.auth_options, "api_key": "wrong-secret"}
    endpoint = dataclasses.replace(world.connection.console, auth_options=login)
    world.connection = dataclasses.replace(world.connection, console=endpoint)
    with pytest.raises(ConsoleError) as caught:
        world.sync()
    assert "wrong-secret" not in str(caught.value)


def test_a_denied_listing_names_the_actions_and_is_never_an_empty_registry(world):
    world.register("churn")
    world.sync()
    for call in ("Search", "ListModelPackageGroups"):
        world.aws.fault(f"sagemaker.{call}", "error", code="AccessDeniedException", status=400, times=100)
    report = world.sync(guard=GuardOptions(allow=True))
    assert "denied sagemaker:Search" in report.error
    assert "denied sagemaker:ListModelPackageGroups" in report.error
    assert world.writes() == 0


def test_throttling_is_waited_out(world):
    world.register("churn", versions=3)
    world.aws.throttle("sagemaker.Search", rate=5, burst=1)
    report = world.sync()
    assert (report.error, report.counts["create"]) == ("", 4)
