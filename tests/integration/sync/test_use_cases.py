# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Approved use cases get their model package group (R20), and are reported where they hang in the wrong place (R13)."""

from __future__ import annotations

import dataclasses
import logging
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.wxgov.sagemaker.plugins.module_utils.errors import WxgovError
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.service import ConnectionRuntime
from tests.integration.sync.conftest import STEM, World

STATUS = "MRG-AIFacts-ModelUseCase:Status"
PURPOSE = "MRG-AIFacts-ModelUseCase:Purpose"
APPROVED = {"name": "Approved for Development"}
ARN = "Integration:External ID"


def group_of(name: str) -> str:
    return f"{STEM}model-package-group/{name}"


def package_of(name: str, version: int = 1) -> str:
    return f"{STEM}model-package/{name}/{version}"


def approve(world: World, name: str = "Claims triage", entity: str | None = None, **fields: Any) -> str:
    """An approved use case under the connection's entity; return its id."""
    parent = entity or world.connection.business_entity_id
    return world.session.create("Register", name, parent, **{STATUS: APPROVED, **fields})


def groups(world: World) -> list[str]:
    listed = world.sagemaker.list_model_package_groups(SortBy="Name")["ModelPackageGroupSummaryList"]
    return sorted(group["ModelPackageGroupName"] for group in listed)


def packages(world: World) -> list[str]:
    listed = world.sagemaker.list_model_packages(ModelPackageType="Versioned")["ModelPackageSummaryList"]
    return sorted(package["ModelPackageArn"] for package in listed)


def tags(world: World, arn: str) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in world.sagemaker.list_tags(ResourceArn=arn)["Tags"]}


def console_writes(world: World) -> int:
    return sum(count for name, count in world.console.calls().items() if name.split()[0] in ("POST", "PUT", "DELETE"))


def registry_writes(world: World) -> Counter[str]:
    reads = ("Search", "Describe", "List")
    calls = {name.removeprefix("sagemaker."): count for name, count in world.aws.calls().items()}
    return Counter({name: count for name, count in calls.items() if not name.startswith(reads)})


def settle(runtime: ConnectionRuntime) -> None:
    """A full sweep, and everything that it marks."""
    keys: list[str] = []
    runtime.sweeper.full_sweep(keys.extend)
    for key in keys:
        runtime.reconciler.reconcile(key)


@pytest.fixture
def runtime(world: World) -> Iterator[ConnectionRuntime]:
    runtime = world.runtime()
    yield runtime
    runtime.close()


def test_an_approved_use_case_gets_a_group_with_a_first_package(world: World, runtime: ConnectionRuntime) -> None:
    case = approve(world, "Claims triage (EU) – März", **{PURPOSE: "Sort the claims"})
    assert runtime.reconciler.reconcile(f"use-case:{case}").status == "created"
    name = "claims-triage-eu-marz"
    assert (groups(world), packages(world)) == ([name], [package_of(name)])
    described = world.sagemaker.describe_model_package(ModelPackageName=package_of(name))
    assert described["ModelLifeCycle"] == {"Stage": "Proposal", "StageStatus": "Approved"}
    assert described["ModelCard"]["ModelCardStatus"] == "Draft"
    assert "Sort the claims" in described["ModelCard"]["ModelCardContent"]
    assert "InferenceSpecification" not in described
    group = world.model(group_of(name))
    assert group["primary_parent_id"] == case
    assert tags(world, group_of(name)) == {
        "wxgov:use-case-id": case,
        "wxgov:model-group-id": group["id"],
        "wxgov:console": world.console.url,
    }
    group_description = world.sagemaker.describe_model_package_group(ModelPackageGroupName=name)
    assert group_description["ModelPackageGroupDescription"] == "Claims triage (EU) – März"


def test_the_model_in_the_console_comes_with_the_ordinary_synchronisation(
    world: World, runtime: ConnectionRuntime
) -> None:
    case = approve(world)
    runtime.reconciler.reconcile(f"use-case:{case}")
    settle(runtime)
    group, model = world.model(group_of("claims-triage")), world.model(package_of("claims-triage"))
    assert model["primary_parent_id"] == group["id"]
    assert model["fields"]["MRG-Model:Status"] == "Proposed"
    assert len(world.console.objects("ModelGroup")) == 1


def test_a_second_look_reads_and_writes_nothing(world: World, runtime: ConnectionRuntime) -> None:
    case = approve(world)
    settle(runtime)
    settle(runtime)
    world.aws.clear_calls()
    world.console.clear_calls()
    assert runtime.reconciler.reconcile(f"use-case:{case}").status == "unchanged"
    assert registry_writes(world) == {}
    assert world.aws.calls() == {"sagemaker.Search": 1}
    assert world.console.calls() == {"POST query": 2}


def test_a_use_case_that_is_not_approved_gets_nothing(world: World, runtime: ConnectionRuntime) -> None:
    case = approve(world, **{STATUS: {"name": "Awaiting Use Case Approval"}})
    assert runtime.reconciler.reconcile(f"use-case:{case}").status == "unchanged"
    assert groups(world) == []
    assert world.console.objects("ModelGroup") == []


def test_switched_off_it_gets_nothing(world: World) -> None:
    case = approve(world)
    off = dataclasses.replace(world.connection, sync=dataclasses.replace(world.connection.sync, push_use_cases=False))
    runtime = dataclasses.replace(world, connection=off).runtime()
    assert runtime.reconciler.reconcile(f"use-case:{case}").status == "unchanged"
    settle(runtime)
    runtime.close()
    assert groups(world) == []


@pytest.mark.parametrize("known", [("Proposed", "Approved"), ("Approved", "Approved for Development")])
def test_the_release_of_the_console_says_what_approves(known: tuple[str, ...]) -> None:
    from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.use_case_plan import approving

    assert approving(known) == known[1]
    assert approving(["Proposed"]) is None


def test_the_models_group_that_the_console_has_is_used(world: World, runtime: ConnectionRuntime) -> None:
    case = approve(world)
    made = world.session.create("ModelGroup", "From the workflow", case)
    runtime.reconciler.reconcile(f"use-case:{case}")
    settle(runtime)
    assert world.model(group_of("claims-triage"))["id"] == made
    assert [group["name"] for group in world.console.objects("ModelGroup")] == ["From the workflow"]


def test_a_model_that_waits_in_the_group_is_the_first_package(world: World, runtime: ConnectionRuntime) -> None:
    case = approve(world)
    group = world.session.create("ModelGroup", "claims", case)
    status = {"MRG-Model:Status": {"name": "Data Acquisition"}}
    waiting = world.session.create("Model", "Candidate", group, **status)
    world.session.create("Model", "Later candidate", group)
    runtime.reconciler.reconcile(f"use-case:{case}")
    settle(runtime)
    arn = package_of("claims-triage")
    assert world.model(arn)["id"] == waiting
    assert world.model(arn)["fields"]["MRG-Model:Status"] == "Data Acquisition"
    life_cycle = world.sagemaker.describe_model_package(ModelPackageName=arn)["ModelLifeCycle"]
    assert life_cycle == {"Stage": "DataPrep-DataCollection", "StageStatus": "InProgress"}
    assert len(world.console.objects("Model")) == 2


def test_any_parent_counts(world: World, runtime: ConnectionRuntime) -> None:
    other = world.session.create("SOXBusEntity", "Somewhere else")
    case = approve(world, entity=other)
    link(world, case, world.connection.business_entity_id)
    assert runtime.reconciler.reconcile(f"use-case:{case}").status == "created"
    settle(runtime)
    assert world.model(group_of("claims-triage"))["primary_parent_id"] == case


def link(world: World, child: str, parent: str) -> None:
    url = f"{world.console.url}/opgrc/api/v2/contents/{child}/associations"
    body = {"associations": [{"id": parent, "type": "parent"}]}
    world.session._session.post(url, json=body, timeout=5).raise_for_status()


# ---- names


def test_a_group_that_is_there_already_is_not_taken_over(world: World, runtime: ConnectionRuntime) -> None:
    world.register("claims-triage")
    settle(runtime)
    before = world.model(group_of("claims-triage"))
    case = approve(world)
    runtime.reconciler.reconcile(f"use-case:{case}")
    assert groups(world) == ["claims-triage", f"claims-triage-{case}"]
    settle(runtime)
    assert world.model(group_of("claims-triage")) == before
    assert tags(world, group_of("claims-triage")) == {}
    assert set(packages(world)) == {package_of("claims-triage"), package_of(f"claims-triage-{case}")}


def test_use_cases_of_the_same_name_get_a_group_each(world: World, runtime: ConnectionRuntime) -> None:
    first, second = approve(world, "Claims-Triage"), approve(world, "claims triage")
    settle(runtime)
    assert groups(world) == ["claims-triage", f"claims-triage-{second}"]
    assert tags(world, group_of("claims-triage"))["wxgov:use-case-id"] == first


def test_the_arn_of_a_group_that_was_deleted_is_not_used_again(world: World, runtime: ConnectionRuntime) -> None:
    """Its object in the console has that ARN still and would become the new group's."""
    world.sagemaker.create_model_package_group(ModelPackageGroupName="claims-triage")
    settle(runtime)
    world.sagemaker.delete_model_package_group(ModelPackageGroupName="claims-triage")
    case = approve(world)
    runtime.reconciler.reconcile(f"use-case:{case}")
    assert groups(world) == [f"claims-triage-{case}"]


def test_a_name_that_somebody_takes_in_between_is_left_to_him(world: World, runtime: ConnectionRuntime) -> None:
    case = approve(world)
    world.aws.fault("sagemaker.CreateModelPackageGroup", "error", code="AccessDeniedException")
    with pytest.raises(WxgovError):
        runtime.reconciler.reconcile(f"use-case:{case}")
    world.sagemaker.create_model_package_group(ModelPackageGroupName="claims-triage")
    runtime.reconciler.reconcile(f"use-case:{case}")
    settle(runtime)
    assert groups(world) == ["claims-triage", f"claims-triage-{case}"]
    assert world.model(group_of(f"claims-triage-{case}"))["primary_parent_id"] == case
    assert len(world.objects(group_of("claims-triage"))) == 1
    assert world.model(group_of("claims-triage"))["primary_parent_id"] == world.connection.business_entity_id


# ---- what was deleted on purpose stays deleted


def test_a_group_that_was_deleted_is_not_made_again(world: World, runtime: ConnectionRuntime) -> None:
    case = approve(world)
    settle(runtime)
    settle(runtime)
    world.sagemaker.delete_model_package(ModelPackageName=package_of("claims-triage"))
    runtime.reconciler.reconcile(package_of("claims-triage"))
    assert runtime.reconciler.reconcile(f"use-case:{case}").status == "unchanged"
    assert packages(world) == []
    world.sagemaker.delete_model_package_group(ModelPackageGroupName="claims-triage")
    runtime.reconciler.reconcile(group_of("claims-triage"))
    assert runtime.reconciler.reconcile(f"use-case:{case}").status == "unchanged"
    assert groups(world) == []


def test_a_group_linked_by_hand_is_left_as_it_is(world: World, runtime: ConnectionRuntime) -> None:
    world.sagemaker.create_model_package_group(ModelPackageGroupName="older")
    settle(runtime)
    case = approve(world)
    link(world, world.model(group_of("older"))["id"], case)
    assert runtime.reconciler.reconcile(f"use-case:{case}").status == "unchanged"
    assert (groups(world), packages(world)) == (["older"], [])


# ---- R13


@pytest.fixture
def misplaced(world: World) -> str:
    below = world.session.create("SOXBusEntity", "Retail", world.connection.business_entity_id)
    return approve(world, "Dynamic prices", below)


def test_a_use_case_under_a_child_entity_is_named_once_a_change(
    world: World, runtime: ConnectionRuntime, misplaced: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert runtime.reconciler.reconcile(f"use-case:{misplaced}").status == "ignored"
        runtime.reconciler.reconcile(f"use-case:{misplaced}")
        settle(runtime)
    (line,) = [record.message for record in caplog.records if "Dynamic prices" in record.message]
    assert '"Retail"' in line
    assert 'not directly under the business entity "SageMaker production"' in line
    assert groups(world) == []


def test_the_report_of_a_run_names_it(world: World, misplaced: str) -> None:
    (note,) = [note for note in world.sync().notes if "Dynamic prices" in note]
    assert misplaced in note


def test_one_of_another_entity_is_none_of_ours(
    world: World, runtime: ConnectionRuntime, caplog: pytest.LogCaptureFixture
) -> None:
    other = world.session.create("SOXBusEntity", "Somewhere else")
    case = approve(world, entity=other)
    assert runtime.reconciler.reconcile(f"use-case:{case}").status == "ignored"
    settle(runtime)
    assert (groups(world), caplog.records) == ([], [])


# ---- the existing-model sync


def test_one_run_brings_use_case_group_and_model(world: World) -> None:
    approve(world)
    report = world.sync()
    assert report.error == ""
    assert report.counts["create_in_registry"] == 1
    assert world.model(package_of("claims-triage"))["primary_parent_id"] == world.model(group_of("claims-triage"))["id"]
    again = world.sync()
    assert (again.changed, registry_writes(world), world.writes()) == (False, {}, 0)


def test_check_mode_shows_it_and_does_nothing(world: World) -> None:
    case = approve(world, **{PURPOSE: "Sort the claims"})
    report = world.sync(check=True)
    assert (groups(world), world.console.objects("ModelGroup"), world.writes()) == ([], [], 0)
    shown = report.diff()["after"]["model package group claims-triage"]
    assert shown["Use case"] == "Claims triage"
    assert shown["Tags"]["wxgov:use-case-id"] == case
    assert shown["First model package"] == package_of("claims-triage")
    assert shown["Life cycle"] == "Proposal / Approved"
    assert report.changed


def test_one_use_case_that_cannot_be_compared_does_not_stop_the_run(world: World) -> None:
    first, second = approve(world, "First"), approve(world, "Second")
    group = world.session.create("ModelGroup", "of the first", first)
    world.console.fault("status", "GET", f"contents/{group}", status=400)
    report = world.sync()
    assert report.counts["failed"] == 1
    assert groups(world) == ["second"]
    assert tags(world, group_of("second"))["wxgov:use-case-id"] == second


# ---- filters


def test_what_the_filters_leave_out_is_not_made_and_said(world: World) -> None:
    approve(world)
    filters = dataclasses.replace(world.connection.sync.filters, include_groups=("churn*",))
    world.connection = dataclasses.replace(
        world.connection, sync=dataclasses.replace(world.connection.sync, filters=filters)
    )
    (note,) = [note for note in world.sync().notes if "Claims triage" in note]
    assert "claims-triage" in note
    assert "include_groups" in note
    assert groups(world) == []
    assert world.console.objects("ModelGroup") == []
