# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes wrong with one entity stays with it; what goes wrong with a side stops the run and harms nothing."""

from __future__ import annotations

import json
import time

from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.errors import UnreachableError
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.existing import GIVE_UP_AFTER
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.guard import GuardOptions
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.report import RunReport
from tests.integration.sync.conftest import ACCOUNT, World


def test_an_owner_whose_name_is_ambiguous_fails_that_model_alone(world: World) -> None:
    world.console.add_user("twin.one", "twin@example.com")
    world.console.add_user("twin.two", "twin@example.com")
    world.register("fraud", CustomerMetadataProperties={"Owner": "twin@example.com"})
    world.register("churn", versions=2)
    report = world.sync()
    assert (report.error, report.counts["create"], report.counts["failed"]) == ("", 4, 1)
    (failed,) = [outcome for outcome in report.outcomes if outcome.error]
    assert (failed.operation.action, failed.operation.name) == ("compare", "fraud-v1")
    assert "twin.one, twin.two" in failed.error


def test_a_model_card_that_is_no_card_fails_nothing(world: World) -> None:
    card = {"ModelCardContent": json.dumps({"model_overview": ["not", "a", "mapping"]}), "ModelCardStatus": "Draft"}
    world.register("fraud", ModelCard=card)
    world.register("churn")
    report = world.sync()
    assert (report.counts["create"], report.counts["failed"]) == (4, 0)


def test_a_describe_that_fails_leaves_one_vanished_model_for_the_next_run(world: World) -> None:
    first, second, _third = world.register("churn", versions=3)
    world.sync()
    for arn in (first, second):
        world.sagemaker.delete_model_package(ModelPackageName=arn)
    world.aws.fault("sagemaker.DescribeModelPackage", "error", code="InternalFailure", status=400)
    report = world.sync()
    assert (report.error, report.counts["decommission"], report.counts["failed"]) == ("", 1, 1)
    (failed,) = [outcome for outcome in report.outcomes if outcome.error]
    assert "sagemaker:DescribeModelPackage failed" in failed.error
    assert world.sync().counts["decommission"] == 1


def test_a_query_that_fails_leaves_those_it_was_for_and_goes_on_with_the_new(world: World) -> None:
    first, second = world.register("churn", versions=2)
    world.sync()
    for arn in (first, second):
        world.sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    world.register("fraud")
    inventory = 3  # use cases, groups, models: then come the two that changed
    world.console.fault("status", "POST", "query", status=400, skip=inventory, times=2)
    report = world.sync()
    assert (report.error, report.counts["create"], report.counts["failed"]) == ("", 2, 2)
    assert {outcome.operation.arn for outcome in report.outcomes if outcome.error} == {first, second}
    assert world.sync().counts["update"] == 2


def test_a_console_that_goes_away_stops_the_run_soon_and_the_next_one_goes_on(world: World) -> None:
    world.aws.preload_registry(1, 300, account=ACCOUNT, region="us-east-1")
    world.sync(check=True)
    world.console.fault("reset", "POST", "contents", skip=40, times=None)
    world.console.fault("reset", "POST", "query", skip=3, times=None)
    report = world.sync(concurrency=8)
    assert f"Stopped after {GIVE_UP_AFTER} objects in a row" in report.error
    assert report.counts["create"] >= 30
    assert report.counts["create"] + report.counts["failed"] <= 301
    world.console.faults.clear()
    mended = sync_when_back(world)
    assert mended.error == ""
    assert len(world.console.objects("Model")) == 300
    assert not world.sync().changed


def sync_when_back(world: World) -> RunReport:
    """Run as soon as this process's breaker for the console lets it; another process would not know of any trouble."""
    until = time.monotonic() + 60
    while True:
        try:
            return world.sync()
        except UnreachableError:
            assert time.monotonic() < until, "the console was not asked again"
            time.sleep(0.2)


def test_a_listing_that_breaks_off_decommissions_nothing(world: World) -> None:
    world.aws.preload_registry(1, 250, account=ACCOUNT, region="us-east-1")
    world.sync(concurrency=8)
    world.aws.fault("sagemaker.Search", "latency", times=2, seconds=0.0)
    world.aws.fault("sagemaker.Search", "error", code="InternalFailure", status=400, times=100)
    report = world.sync(guard=GuardOptions(allow=True))
    assert "sagemaker:Search failed" in report.error
    assert (world.writes(), report.counts["decommission"]) == (0, 0)


def test_calls_are_those_of_the_formula(world: World) -> None:
    """⌈G/100⌉ + ⌈P/100⌉ to the registry, ⌈M/500⌉ a kind to the console, one write for each change, and no other."""
    world.aws.preload_registry(102, 6, account=ACCOUNT, region="us-east-1")
    objects = 102 + 612
    first = world.sync(concurrency=8)
    assert (first.error, first.counts["create"]) == ("", objects)
    # What a run asks once: the login, the types and the business entity, the use cases.
    start = {"POST token": 1, "GET types": 4, "GET contents": 1, "GET contents/associations": 1}
    use_cases = 1
    assert world.aws.calls() == {"sagemaker.Search": 2 + 7}
    users = world.console.calls()["GET scim/Users"]
    assert users <= 2
    start |= {"GET scim/Users": users}
    assert world.console.calls() == {**start, "POST query": use_cases + 1 + 1, "POST contents": objects}
    for number in range(3):
        arn = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:model-package/group-{number:05d}/1"
        world.sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    changed = world.sync()
    assert changed.counts["update"] == 3
    assert world.aws.calls() == {"sagemaker.Search": 2 + 7}
    of_the_changed = 1
    queries = use_cases + 1 + 2 + of_the_changed
    assert world.console.calls() == {**start, "POST query": queries, "PUT contents": 3}
    assert not world.sync().changed
    assert world.console.calls() == {**start, "POST query": use_cases + 1 + 2}
