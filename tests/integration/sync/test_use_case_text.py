# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a use case says goes down to the model cards of its packages, and nothing else of a card is touched (R22)."""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.wxgov.sagemaker.plugins.module_utils.registry.errors import RegistryCallError
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.service import ConnectionRuntime
from tests.integration.sync.conftest import STEM, World
from tests.integration.sync.test_use_cases import PURPOSE, STATUS, link, registry_writes, settle

GROUP = f"{STEM}model-package-group/churn"
OTHERS = {"intended_uses": {"risk_rating": "Low"}, "evaluation_details": [{"name": "holdout"}], "unheard of": 1}


def card(content: Any, status: str = "Draft") -> dict[str, Any]:
    return {"ModelCard": {"ModelCardContent": json.dumps(content), "ModelCardStatus": status}}


def content_of(world: World, arn: str) -> Any:
    described = world.sagemaker.describe_model_package(ModelPackageName=arn)
    return json.loads(described["ModelCard"]["ModelCardContent"])


def describe(world: World, case: str, text: str, **fields: Any) -> None:
    """Change a use case as a person in the console does."""
    url = f"{world.console.url}/opgrc/api/v2/contents/{case}"
    given = [{"name": name, "value": value} for name, value in fields.items()]
    body = {"name": "Retention", "title": "Retention", "description": text, "fields": given}
    world.session._session.put(url, json=body, timeout=5).raise_for_status()


@pytest.fixture
def case(world: World) -> str:
    """A use case with a description and a purpose; it is not approved, and has no group yet."""
    made = world.session.create("Register", "Retention", world.connection.business_entity_id)
    describe(world, made, "Who leaves?\nAnd why?", **{PURPOSE: "Keep customers"})
    return made


@pytest.fixture
def runtime(world: World) -> Iterator[ConnectionRuntime]:
    runtime = world.runtime()
    yield runtime
    runtime.close()


def linked(world: World, runtime: ConnectionRuntime, case: str) -> None:
    """The group churn in the console, linked to the use case by hand."""
    settle(runtime)
    link(world, world.model(GROUP)["id"], case)


SAID = {
    "business_details": {"business_problem": "Who leaves?\nAnd why?"},
    "intended_uses": {"intended_uses": "Who leaves?\nAnd why?", "purpose_of_model": "Keep customers"},
}


def test_a_card_is_made_where_there_is_none(world: World, runtime: ConnectionRuntime, case: str) -> None:
    (arn,) = world.register("churn")
    linked(world, runtime, case)
    assert runtime.reconciler.reconcile(f"use-case:{case}").status == "updated"
    described = world.sagemaker.describe_model_package(ModelPackageName=arn)
    assert content_of(world, arn) == SAID
    assert described["ModelCard"]["ModelCardStatus"] == "Draft"


def test_the_rest_of_a_card_stays(world: World, runtime: ConnectionRuntime, case: str) -> None:
    before = {**OTHERS, "business_details": {"business_problem": "old", "line_of_business": "Retail"}}
    (arn,) = world.register("churn", **card(before, "PendingReview"))
    linked(world, runtime, case)
    runtime.reconciler.reconcile(f"use-case:{case}")
    assert content_of(world, arn) == {
        **OTHERS,
        "intended_uses": {"risk_rating": "Low", **SAID["intended_uses"]},
        "business_details": {"line_of_business": "Retail", **SAID["business_details"]},
    }
    status = world.sagemaker.describe_model_package(ModelPackageName=arn)["ModelCard"]["ModelCardStatus"]
    assert status == "PendingReview"


def test_what_differs_costs_a_describe_and_a_write_and_the_rest_nothing(
    world: World, runtime: ConnectionRuntime, case: str
) -> None:
    world.register("churn", versions=5)
    linked(world, runtime, case)
    runtime.reconciler.reconcile(f"use-case:{case}")
    (arn,) = world.register("churn")
    world.aws.clear_calls()
    runtime.reconciler.reconcile(f"use-case:{case}")
    assert world.aws.calls() == {
        "sagemaker.Search": 1,
        "sagemaker.DescribeModelPackage": 1,
        "sagemaker.UpdateModelPackage": 1,
    }
    assert content_of(world, arn) == SAID
    world.aws.clear_calls()
    assert runtime.reconciler.reconcile(f"use-case:{case}").status == "unchanged"
    assert world.aws.calls() == {"sagemaker.Search": 1}


def test_the_console_wins(world: World, runtime: ConnectionRuntime, case: str) -> None:
    (arn,) = world.register("churn")
    linked(world, runtime, case)
    runtime.reconciler.reconcile(f"use-case:{case}")
    edited = {**SAID, "business_details": {"business_problem": "mine"}, "additional_information": {"a": "b"}}
    world.sagemaker.update_model_package(ModelPackageArn=arn, **card(edited))
    settle(runtime)
    assert content_of(world, arn) == {**SAID, "additional_information": {"a": "b"}}
    describe(world, case, "Why do they leave?")
    settle(runtime)
    assert content_of(world, arn)["business_details"] == {"business_problem": "Why do they leave?"}
    assert content_of(world, arn)["intended_uses"]["purpose_of_model"] == "Keep customers"


def test_a_use_case_that_says_nothing_takes_nothing_away(world: World, runtime: ConnectionRuntime, case: str) -> None:
    (arn,) = world.register("churn")
    linked(world, runtime, case)
    runtime.reconciler.reconcile(f"use-case:{case}")
    describe(world, case, "", **{PURPOSE: None})
    world.aws.clear_calls()
    assert runtime.reconciler.reconcile(f"use-case:{case}").status == "unchanged"
    assert content_of(world, arn) == SAID


def test_a_new_package_gets_the_text_at_once(world: World, runtime: ConnectionRuntime, case: str) -> None:
    world.register("churn")
    linked(world, runtime, case)
    settle(runtime)
    (arn,) = world.register("churn", **card(OTHERS))
    assert runtime.reconciler.reconcile(arn).status == "created"
    assert content_of(world, arn)["business_details"] == SAID["business_details"]
    world.aws.clear_calls()
    assert runtime.reconciler.reconcile(arn).status in ("updated", "unchanged")  # our own write comes back
    assert registry_writes(world) == {}


def test_telling_a_new_package_is_tried_again_when_it_failed(
    world: World, runtime: ConnectionRuntime, case: str
) -> None:
    world.register("churn")
    linked(world, runtime, case)
    settle(runtime)
    (arn,) = world.register("churn")
    world.aws.fault("sagemaker.UpdateModelPackage", "error", code="AccessDeniedException")
    with pytest.raises(RegistryCallError, match="UpdateModelPackage"):
        runtime.reconciler.reconcile(arn)
    runtime.reconciler.reconcile(arn)
    assert content_of(world, arn) == SAID


def test_a_card_that_is_refused_does_not_keep_the_others_from_theirs(
    world: World, runtime: ConnectionRuntime, case: str
) -> None:
    packages = world.register("churn", versions=4)
    linked(world, runtime, case)
    world.aws.fault("sagemaker.UpdateModelPackage", "error", code="ValidationException", times=2)
    with pytest.raises(RegistryCallError, match="UpdateModelPackage"):
        runtime.reconciler.reconcile(f"use-case:{case}")
    told = [arn for arn in packages if "ModelCard" in world.sagemaker.describe_model_package(ModelPackageName=arn)]
    assert told == packages[2:]
    world.aws.fault("sagemaker.UpdateModelPackage", "error", code="ValidationException", times=10)
    describe(world, case, "Something else")
    world.aws.clear_calls()
    with pytest.raises(RegistryCallError, match="UpdateModelPackage"):
        runtime.reconciler.reconcile(f"use-case:{case}")
    assert world.aws.calls()["sagemaker.UpdateModelPackage"] == 3  # nothing goes: the rest waits


def test_a_package_of_a_group_that_was_just_made_gets_the_text(
    world: World, runtime: ConnectionRuntime, case: str
) -> None:
    settle(runtime)  # which use case speaks for which group is known from now on, and is out of date below
    describe(world, case, "Approved now", **{STATUS: {"name": "Approved for Development"}})
    runtime.reconciler.reconcile(f"use-case:{case}")
    (arn,) = world.register("retention")
    assert arn.endswith("/2")
    runtime.reconciler.reconcile(arn)
    assert content_of(world, arn)["business_details"] == {"business_problem": "Approved now"}


UNTOUCHABLE = {
    "withheld": {"ModelCard": {"ModelCardContent": "HIDDEN_DUE_TO_SECURITY_REASONS", "ModelCardStatus": "Approved"}},
    "not JSON": {"ModelCard": {"ModelCardContent": '{"intended', "ModelCardStatus": "Draft"}},
    "no object": card({"intended_uses": "a text"}),
    "full": card({"additional_information": {"custom_details": {"a": "x" * 99_940}}}),
}


@pytest.mark.parametrize("what", UNTOUCHABLE)
def test_a_card_that_cannot_be_read_or_written_is_left_alone_and_named(
    world: World, runtime: ConnectionRuntime, case: str, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    (arn,) = world.register("churn", **UNTOUCHABLE[what])
    linked(world, runtime, case)
    with caplog.at_level(logging.WARNING):
        for _attempt in range(2):
            assert runtime.reconciler.reconcile(f"use-case:{case}").status == "unchanged"
    assert len([record for record in caplog.records if arn in record.message]) == 1
    after = world.sagemaker.describe_model_package(ModelPackageName=arn)["ModelCard"]
    assert after == UNTOUCHABLE[what]["ModelCard"]
    assert [note for note in world.sync().notes if arn in note]


@pytest.mark.parametrize(
    "retired",
    [card({}, "Archived"), {"ModelLifeCycle": {"Stage": "Archived", "StageStatus": "Retired"}}],
    ids=["card", "life cycle"],
)
def test_an_archived_model_is_left_alone(
    world: World, runtime: ConnectionRuntime, case: str, retired: dict[str, Any]
) -> None:
    world.register("churn", **retired)
    linked(world, runtime, case)
    world.aws.clear_calls()
    assert runtime.reconciler.reconcile(f"use-case:{case}").status == "unchanged"
    assert world.aws.calls() == {"sagemaker.Search": 1}


def test_search_that_lags_behind_causes_no_write(world: World, runtime: ConnectionRuntime, case: str) -> None:
    world.register("churn")
    linked(world, runtime, case)
    world.aws.configure_registry(search_lag=3600)
    runtime.reconciler.reconcile(f"use-case:{case}")
    world.aws.clear_calls()
    assert runtime.reconciler.reconcile(f"use-case:{case}").status == "unchanged"
    assert world.aws.calls() == {"sagemaker.Search": 1, "sagemaker.DescribeModelPackage": 1}


def test_pages_of_packages_and_empty_ones(world: World, runtime: ConnectionRuntime, case: str) -> None:
    packages = [*world.register("churn", versions=100, **card(SAID)), *world.register("churn", versions=3)]
    linked(world, runtime, case)
    world.aws.configure_registry(empty_pages=1)
    runtime.reconciler.reconcile(f"use-case:{case}")
    assert all(content_of(world, arn) == SAID for arn in packages)


def test_without_search(world: World, runtime: ConnectionRuntime, case: str) -> None:
    packages = world.register("churn", versions=2)
    linked(world, runtime, case)
    world.aws.fault("sagemaker.Search", "error", code="AccessDeniedException")
    runtime.reconciler.reconcile(f"use-case:{case}")
    assert all(content_of(world, arn) == SAID for arn in packages)


def test_of_two_use_cases_the_older_one_speaks(world: World, runtime: ConnectionRuntime, case: str) -> None:
    (arn,) = world.register("churn")
    linked(world, runtime, case)
    later = world.session.create("Register", "Later", world.connection.business_entity_id)
    link(world, world.model(GROUP)["id"], later)
    settle(runtime)
    assert runtime.reconciler.reconcile(f"use-case:{later}").status == "unchanged"
    assert content_of(world, arn) == SAID


def test_switched_off_nothing_is_written(world: World, runtime: ConnectionRuntime, case: str) -> None:
    world.register("churn")
    linked(world, runtime, case)
    off = dataclasses.replace(world.connection.sync, push_text=False)
    mute = dataclasses.replace(world, connection=dataclasses.replace(world.connection, sync=off))
    world.aws.clear_calls()
    other = mute.runtime()
    assert other.reconciler.reconcile(f"use-case:{case}").status == "unchanged"
    other.close()
    mute.sync()
    assert registry_writes(world) == {}


def test_a_run_writes_the_text_and_shows_it_before(world: World, runtime: ConnectionRuntime, case: str) -> None:
    (arn,) = world.register("churn", **card({"business_details": {"business_problem": "old"}}))
    linked(world, runtime, case)
    shown = world.sync(check=True).diff()
    assert shown["before"]["model card churn/1"] == {"business_details.business_problem": "old"}
    assert shown["after"]["model card churn/1"]["intended_uses.purpose_of_model"] == "Keep customers"
    assert content_of(world, arn) == {"business_details": {"business_problem": "old"}}
    assert world.sync().counts["update_in_registry"] == 1
    assert content_of(world, arn) == SAID
    world.sync()
    assert registry_writes(world) == {}


def test_the_status_of_a_use_case_does_not_matter(world: World, runtime: ConnectionRuntime, case: str) -> None:
    (arn,) = world.register("churn")
    linked(world, runtime, case)
    describe(world, case, "Rejected, and yet described", **{STATUS: {"name": "Rejected"}})
    settle(runtime)
    assert content_of(world, arn)["business_details"]["business_problem"] == "Rejected, and yet described"


def test_packages_that_the_filters_leave_out_are_left_alone(
    world: World, runtime: ConnectionRuntime, case: str
) -> None:
    (first,) = world.register("churn")
    linked(world, runtime, case)
    (second,) = world.register("churn", ModelApprovalStatus="Approved")
    filters = dataclasses.replace(world.connection.sync.filters, approval_statuses=("Approved",))
    settings = dataclasses.replace(world.connection.sync, filters=filters)
    world.connection = dataclasses.replace(world.connection, sync=settings)
    world.sync()
    assert content_of(world, second) == SAID
    assert "ModelCard" not in world.sagemaker.describe_model_package(ModelPackageName=first)
