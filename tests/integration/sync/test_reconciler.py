# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""One entity at a time, and the sweep that finds what no event told of."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone

import pytest

from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.errors import RefusedError
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.errors import ParentMissingError
from tests.integration.sync.conftest import STEM

GROUP = f"{STEM}model-package-group/churn"


@pytest.fixture
def runtime(world):
    runtime = world.runtime()
    yield runtime
    runtime.close()


def cost(world, work):
    """The calls that some work makes."""
    world.aws.clear_calls()
    world.console.clear_calls()
    result = work()
    return result, {**world.aws.calls(), **world.console.calls()}


def test_a_change_of_a_known_model_costs_a_describe_a_query_and_a_write(world, runtime):
    runtime.sweeper.full_sweep(lambda keys: None)  # the agent begins with one; it learns which groups have use cases
    (arn,) = world.register("churn")
    world.sync()
    world.sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    result, calls = cost(world, lambda: runtime.reconciler.reconcile(arn))
    assert result.status == "updated"
    assert calls == {"sagemaker.DescribeModelPackage": 1, "POST query": 1, "PUT contents": 1}
    result, calls = cost(world, lambda: runtime.reconciler.reconcile(arn))
    assert (result.status, calls) == ("unchanged", {"sagemaker.DescribeModelPackage": 1, "POST query": 1})


def test_a_new_version_in_a_known_group_costs_no_more(world, runtime):
    world.register("churn")
    runtime.sweeper.full_sweep(lambda keys: [runtime.reconciler.reconcile(key) for key in keys])
    (arn,) = world.register("churn")
    result, calls = cost(world, lambda: runtime.reconciler.reconcile(arn))
    assert result.status == "created"
    assert calls == {"sagemaker.DescribeModelPackage": 1, "POST query": 1, "POST contents": 1}


def test_a_package_whose_group_is_not_there_yet_brings_it_along(world, runtime):
    (arn,) = world.register("churn")
    assert runtime.reconciler.reconcile(arn).status == "created"
    assert world.model(arn)["primary_parent_id"] == world.model(GROUP)["id"]
    assert runtime.reconciler.reconcile(GROUP).status == "unchanged"


def test_ten_packages_of_a_new_group_at_once_bring_it_along_once(world, runtime):
    packages = world.register("churn", versions=10)
    world.console.fault("latency", "POST", "contents", seconds=0.05, times=None)
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(runtime.reconciler.reconcile, [*packages, GROUP]))
    assert {outcome.status for outcome in outcomes} <= {"created", "unchanged"}
    assert len(world.objects(GROUP)) == 1
    assert all(len(world.objects(arn)) == 1 for arn in packages)


def test_a_group_deleted_by_hand_in_the_console_is_made_again(world, runtime):
    world.register("churn")
    runtime.sweeper.full_sweep(lambda keys: [runtime.reconciler.reconcile(key) for key in keys])
    group_id = world.model(GROUP)["id"]
    (first,) = [entry["id"] for entry in world.console.objects("Model")]
    world.session._session.delete(f"{world.console.url}/opgrc/api/v2/contents/{first}", timeout=5).raise_for_status()
    world.session._session.delete(f"{world.console.url}/opgrc/api/v2/contents/{group_id}", timeout=5).raise_for_status()
    (arn,) = world.register("churn")
    with pytest.raises(RefusedError, match="primary parent"):
        runtime.reconciler.reconcile(arn)
    assert runtime.reconciler.reconcile(arn).status == "created"
    assert world.model(GROUP)["id"] != group_id


def test_deletions(world, runtime):
    first, second = world.register("churn", versions=2)
    world.sync()
    world.sagemaker.delete_model_package(ModelPackageName=first)
    result, calls = cost(world, lambda: runtime.reconciler.reconcile(first))
    assert result.status == "decommissioned"
    assert calls == {"sagemaker.DescribeModelPackage": 1, "POST query": 1, "PUT contents": 1}
    assert runtime.reconciler.reconcile(first).status == "unchanged"
    never = second.replace("/2", "/99")
    assert runtime.reconciler.reconcile(never).status == "ignored"


def test_a_group_that_comes_back_is_restored(world, runtime):
    world.sagemaker.create_model_package_group(ModelPackageGroupName="churn")
    runtime.reconciler.reconcile(GROUP)
    world.sagemaker.delete_model_package_group(ModelPackageGroupName="churn")
    assert runtime.reconciler.reconcile(GROUP).status == "decommissioned"
    world.sagemaker.create_model_package_group(ModelPackageGroupName="churn")
    assert runtime.reconciler.reconcile(GROUP).status == "updated"
    assert "No longer" not in world.model(GROUP)["description"]
    assert len(world.objects(GROUP)) == 1


def test_a_package_whose_group_cannot_be_read_is_tried_again_later(world, runtime):
    (arn,) = world.register("churn")
    world.aws.fault("sagemaker.DescribeModelPackageGroup", "error", code="ResourceNotFound")
    with pytest.raises(ParentMissingError, match="churn is not in the registry"):
        runtime.reconciler.reconcile(arn)
    assert world.objects(arn) == []
    assert runtime.reconciler.reconcile(arn).status == "created"


def test_a_full_sweep_marks_just_what_differs(world, runtime):
    first, second, third = world.register("churn", versions=3)
    world.sync()
    world.sagemaker.update_model_package(ModelPackageArn=first, ModelApprovalStatus="Approved")
    world.sagemaker.delete_model_package(ModelPackageName=second)
    (fourth,) = world.register("churn")
    marked: list[str] = []
    result, calls = cost(world, lambda: runtime.sweeper.full_sweep(marked.extend))
    assert sorted(marked) == sorted([first, second, fourth])
    assert (result.listed, result.marked, result.held_back) == (4, 3, ())
    assert calls["sagemaker.Search"] == 2
    assert calls["POST query"] == 3  # groups, models, use cases
    assert world.writes() == 0
    assert third not in marked


def test_a_sweep_over_an_empty_listing_marks_nothing_gone(world, runtime):
    (arn,) = world.register("churn")
    world.sync()
    world.sagemaker.delete_model_package(ModelPackageName=arn)
    marked: list[str] = []
    result = runtime.sweeper.full_sweep(marked.extend)
    (held_back,) = result.held_back
    assert marked == []
    assert "came back empty" in held_back


def test_an_incremental_sweep_marks_what_was_made_or_changed_since(world, runtime):
    first, second = world.register("churn", versions=2)
    world.aws.advance(3600)
    since = datetime.now(timezone.utc) + timedelta(seconds=1800)
    world.sagemaker.update_model_package(ModelPackageArn=first, ModelApprovalStatus="Approved")
    (third,) = world.register("fraud")
    marked: list[str] = []
    runtime.sweeper.incremental_sweep(since, marked.extend)
    assert sorted(marked) == sorted([first, third, f"{STEM}model-package-group/fraud"])
    assert second not in marked
