# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Live changes: what people do in SageMaker while the agent runs, and what the console must show for each."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from tests.demo.expectation import ARN_FIELD, STATUS
from tests.demo.scenario import ACCOUNT, REGION, ConsoleSession, model_card

PATIENCE = 30.0
"""Seconds after which a change that the console does not show counts as lost."""

STEM = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:"
NEW_GROUP = "energy-saver"


@dataclass(frozen=True)
class Change:
    """One change: the calls, and a look at the console that says whether it has arrived (None: nothing to wait for)."""

    title: str
    make: Callable[[Any], object]
    arrived: Callable[[ConsoleSession], bool] | None


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


def approve_once_more(sagemaker: Any) -> None:
    """Change one package."""
    sagemaker.update_model_package(
        ModelPackageArn=package_arn("lead-scoring", 1), ModelApprovalStatus="Approved", ApprovalDescription="once more"
    )


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
