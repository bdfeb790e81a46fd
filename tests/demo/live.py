# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Live changes: what people do on either side while the agent runs, and what the other side must show for each."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from tests.demo.expectation import ARN_FIELD, STATUS
from tests.demo.scenario import ACCOUNT, APPROVED, REGION, USE_CASE_STATUS, ConsoleSession, model_card

PATIENCE = 30.0
"""Seconds after which a change that the console does not show counts as lost."""

STEM = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:"
NEW_GROUP = "energy-saver"
NEW_USE_CASE = "Early warning"


@dataclass(frozen=True)
class Change:
    """One change in SageMaker: the calls, and a look at the console whether it has arrived (None: nothing to await)."""

    title: str
    make: Callable[[Any], object]
    arrived: Callable[[ConsoleSession], bool] | None


@dataclass(frozen=True)
class Decision:
    """One change in the console: the request, and a look at both sides that says whether it has arrived."""

    title: str
    make: Callable[[ConsoleSession], object]
    arrived: Callable[[Any, ConsoleSession], bool]


@dataclass(frozen=True)
class Arrival:
    """When a change arrived: seconds from the return of the call, or None when nothing was to arrive."""

    title: str
    seconds: float | None


def package_arn(group: str, version: int) -> str:
    """The ARN of a package, as AWS writes it."""
    return f"{STEM}model-package/{group.lower()}/{version}"


def group_arn(group: str) -> str:
    """The ARN of a group."""
    return f"{STEM}model-package-group/{group}"


def changes() -> list[Change]:
    """Return the changes in order."""
    first, second = package_arn(NEW_GROUP, 1), package_arn(NEW_GROUP, 2)
    return [
        Change(
            "new model package group",
            lambda sagemaker: sagemaker.create_model_package_group(
                ModelPackageGroupName=NEW_GROUP, ModelPackageGroupDescription="Keeps the lights off"
            ),
            lambda console: bool(_objects(console, "ModelGroup", group_arn(NEW_GROUP))),
        ),
        Change("new model package, version 1", _register, lambda console: bool(_objects(console, "Model", first))),
        Change("new model package, version 2", _register, lambda console: bool(_objects(console, "Model", second))),
        Change(
            "approval",
            lambda sagemaker: sagemaker.update_model_package(
                ModelPackageArn=first, ModelApprovalStatus="Approved", ApprovalDescription="reviewed by the board"
            ),
            lambda console: "reviewed by the board" in _details(console, first),
        ),
        Change(
            "life cycle: Development / InProgress",
            lambda sagemaker: sagemaker.update_model_package(
                ModelPackageArn=first, ModelLifeCycle={"Stage": "Development", "StageStatus": "InProgress"}
            ),
            lambda console: _value(console, first, STATUS) == "Under Development",
        ),
        Change(
            "model card",
            lambda sagemaker: sagemaker.update_model_package(
                ModelPackageArn=second, ModelCard=model_card("Gradient boosting")
            ),
            lambda console: _value(console, second, "MRG-AIFacts-Model:Algorithm") == "Gradient boosting",
        ),
        Change(
            "life cycle: Archived / Retired",
            lambda sagemaker: sagemaker.update_model_package(
                ModelPackageArn=package_arn("sentiment", 1),
                ModelLifeCycle={"Stage": "Archived", "StageStatus": "Retired"},
            ),
            lambda console: _value(console, package_arn("sentiment", 1), STATUS) == "Decommissioned",
        ),
        Change(
            "a delete that fails (the group is not empty)",
            _fail,
            None,
        ),
        Change(
            "deleted model package",
            lambda sagemaker: sagemaker.delete_model_package(ModelPackageName=second),
            lambda console: _value(console, second, STATUS) == "Decommissioned",
        ),
        Change(
            "deleted model package and its group",
            _delete_group,
            lambda console: (
                "No longer in Amazon" in str(console.get(_objects(console, "ModelGroup", group_arn(NEW_GROUP))[0]))
            ),
        ),
    ]


def decisions(entity: str) -> list[Decision]:
    """Return what governance people do, in order; `entity` is the business entity's id."""
    decided, first = package_arn("lead-scoring", 2), package_arn(slug(NEW_USE_CASE), 1)
    return [
        Decision(
            "model status: Development Complete",
            lambda console: _set(console, _objects(console, "Model", decided)[0], STATUS, "Development Complete"),
            lambda sagemaker, _console: _stage(sagemaker, decided) == ("Development", "Complete"),
        ),
        Decision(
            "a new use case, approved: group, package, model",
            lambda console: console.create("Register", NEW_USE_CASE, entity, **{USE_CASE_STATUS: {"name": APPROVED}}),
            lambda sagemaker, console: (
                _has_package(sagemaker, slug(NEW_USE_CASE)) and bool(_objects(console, "Model", first))
            ),
        ),
    ]


DELETED = (package_arn(NEW_GROUP, 1), package_arn(NEW_GROUP, 2), group_arn(NEW_GROUP))


def play(change: Change, sagemaker: Any, console: ConsoleSession) -> Arrival:
    """Make a change and wait for it. Raises SystemExit when it does not arrive in time."""
    change.make(sagemaker)
    called = time.monotonic()
    if change.arrived is None:
        return Arrival(change.title, None)
    while time.monotonic() - called < PATIENCE:
        if change.arrived(console):
            return Arrival(change.title, time.monotonic() - called)
        time.sleep(0.02)
    raise SystemExit(f"The console does not show this change after {PATIENCE:g} s: {change.title}.")


def decide(decision: Decision, sagemaker: Any, console: ConsoleSession) -> Arrival:
    """Make a change in the console and wait for it. Raises SystemExit when it does not arrive in time."""
    decision.make(console)
    made = time.monotonic()
    while time.monotonic() - made < PATIENCE:
        if decision.arrived(sagemaker, console):
            return Arrival(decision.title, time.monotonic() - made)
        time.sleep(0.02)
    raise SystemExit(f"This decision has not arrived after {PATIENCE:g} s: {decision.title}.")


def slug(name: str) -> str:
    """The name of the model package group of a use case."""
    return name.lower().replace(" ", "-")


def approve_once_more(sagemaker: Any) -> None:
    """Change one package."""
    sagemaker.update_model_package(
        ModelPackageArn=package_arn("lead-scoring", 1), ModelApprovalStatus="Approved", ApprovalDescription="once more"
    )


def _set(console: ConsoleSession, object_id: str, field: str, value: str) -> None:
    document = console.get(object_id)
    body = {key: document[key] for key in ("type_definition_id", "name", "title", "description")}
    console.update(object_id, {**body, "fields": [{"name": field, "value": {"name": value}}]})


def _stage(sagemaker: Any, arn: str) -> tuple[str | None, str | None]:
    cycle = sagemaker.describe_model_package(ModelPackageName=arn).get("ModelLifeCycle", {})
    return cycle.get("Stage"), cycle.get("StageStatus")


def _has_package(sagemaker: Any, group: str) -> bool:
    groups = sagemaker.list_model_package_groups(NameContains=group)["ModelPackageGroupSummaryList"]
    return bool(groups and sagemaker.list_model_packages(ModelPackageGroupName=group)["ModelPackageSummaryList"])


def _register(sagemaker: Any) -> None:
    sagemaker.create_model_package(ModelPackageGroupName=NEW_GROUP, ModelPackageDescription="switches things off")


def _fail(sagemaker: Any) -> None:
    try:
        sagemaker.delete_model_package_group(ModelPackageGroupName=NEW_GROUP)
    except ClientError:
        return
    raise SystemExit("The deletion of a group that is not empty should have failed.")


def _delete_group(sagemaker: Any) -> None:
    sagemaker.delete_model_package(ModelPackageName=package_arn(NEW_GROUP, 1))
    sagemaker.delete_model_package_group(ModelPackageGroupName=NEW_GROUP)


def _objects(console: ConsoleSession, type_name: str, arn: str) -> list[str]:
    rows = console.rows(f"SELECT [Resource ID] FROM [{type_name}] WHERE [{ARN_FIELD}] = '{arn}'")
    return [object_id for (object_id,) in rows]


def _value(console: ConsoleSession, arn: str, field: str) -> Any:
    rows = console.rows(f"SELECT [{field}] FROM [Model] WHERE [{ARN_FIELD}] = '{arn}'")
    return rows[0][0] if rows else None


def _details(console: ConsoleSession, arn: str) -> str:
    return _value(console, arn, "MRG-UserFact-Model:Additional Details") or ""
