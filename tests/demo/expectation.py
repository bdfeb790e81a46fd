# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the console must hold for what the registry holds: written from the requirements, sharing nothing with `sync/`.

It reads the registry by listing and describing (never by Search) and the console by its REST API, and compares field by
field.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.demo.scenario import ENTITY, PEOPLE, ConsoleSession

ARN_FIELD = "Integration:External ID"
STATUS = "MRG-Model:Status"
OWNER = "MRG-Model:Model Owner"
UNCHECKED = object()
"""A value that the requirement leaves to the console."""


@dataclass(frozen=True)
class Row:
    """One line of the table: an entity, where it stands, and how the two sides differ."""

    arn: str
    in_registry: bool
    console_name: str
    console_status: str
    owner: str
    differences: tuple[str, ...]


def compare(
    sagemaker: Any, console: ConsoleSession, deleted: Iterable[str], default_user: str, use_cases: Mapping[str, str]
) -> list[Row]:
    """Return a row for every group and package there is or was (`deleted` names those that are no more).

    `use_cases` has, by model package group, the use case that it was made for: it hangs under that one.
    """
    objects = _console_objects(console)
    expected = {**_expected_groups(sagemaker, use_cases), **_expected_packages(sagemaker, default_user)}
    gone = {arn: _expected_gone(arn) for arn in deleted if arn not in expected}
    rows = [
        _row(arn, arn in expected, values, objects.pop(arn, []), console)
        for arn, values in sorted({**expected, **gone}.items())
    ]
    strangers = [_row(arn, False, {}, found, console, extra=True) for arn, found in sorted(objects.items())]
    return rows + strangers


def _console_objects(console: ConsoleSession) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for type_name in ("ModelGroup", "Model"):
        for object_id, arn in console.rows(f"SELECT [Resource ID], [{ARN_FIELD}] FROM [{type_name}]"):
            if arn:
                found.setdefault(arn, []).append(console.get(object_id))
    return found


def _expected_groups(sagemaker: Any, use_cases: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    expected = {}
    for summary in _pages(sagemaker, "list_model_package_groups", "ModelPackageGroupSummaryList"):
        name = summary["ModelPackageGroupName"]
        text = summary.get("ModelPackageGroupDescription") or f"Amazon SageMaker model package group {name}."
        parent = use_cases.get(name, ENTITY)
        expected[summary["ModelPackageGroupArn"]] = {"name": name, "description": text, "parent": parent}
    return expected


def _expected_packages(sagemaker: Any, default_user: str) -> dict[str, dict[str, Any]]:
    expected = {}
    for group in _pages(sagemaker, "list_model_package_groups", "ModelPackageGroupSummaryList"):
        name = group["ModelPackageGroupName"]
        listed = _pages(sagemaker, "list_model_packages", "ModelPackageSummaryList", ModelPackageGroupName=name)
        for summary in listed:
            package = sagemaker.describe_model_package(ModelPackageName=summary["ModelPackageArn"])
            expected[package["ModelPackageArn"]] = _expected_package(package, default_user)
    return expected


def _expected_package(package: Mapping[str, Any], default_user: str) -> dict[str, Any]:
    group, version = package["ModelPackageGroupName"], package["ModelPackageVersion"]
    card = json.loads(package.get("ModelCard", {}).get("ModelCardContent", "{}"))
    cycle = package.get("ModelLifeCycle", {})
    archived = cycle.get("Stage") == "Archived" or package.get("ModelCard", {}).get("ModelCardStatus") == "Archived"
    developing = (cycle.get("Stage"), cycle.get("StageStatus")) == ("Development", "InProgress")
    overview = card.get("model_overview", {})
    training = card.get("training_details")
    wanted = package.get("CustomerMetadataProperties", {}).get("Owner", "")
    known = {user: user for user in PEOPLE} | {email: user for user, email in PEOPLE.items()}
    return {
        "name": f"{group}-v{version}",
        "description": package["ModelPackageDescription"],
        "parent": group,
        STATUS: "Decommissioned" if archived else "Under Development" if developing else UNCHECKED,
        OWNER: known.get(wanted, default_user),
        "MRG-Model:Model Version": str(version),
        "MRG-AIFacts-Model:External Provider": "Amazon SageMaker",
        "MRG-AIFacts-Model:External Model Name": group,
        "MRG-AIFacts-Model:Algorithm": overview.get("algorithm_type"),
        "MRG-AIFacts-Model:Prediction Type": overview.get("problem_type"),
        "MRG-AIFacts-Model:TrainingParameters": json.dumps(training, sort_keys=True) if training else None,
        "approval": package["ModelApprovalStatus"],
        "approval note": package.get("ApprovalDescription", ""),
    }


def _expected_gone(arn: str) -> dict[str, Any]:
    return {} if ":model-package-group/" in arn else {STATUS: "Decommissioned"}


def _row(
    arn: str,
    in_registry: bool,
    expected: Mapping[str, Any],
    found: list[dict[str, Any]],
    console: ConsoleSession,
    extra: bool = False,
) -> Row:
    if len(found) != 1 or extra:
        reason = "the registry never had it" if extra else f"{len(found)} objects carry its ARN"
        return Row(arn, in_registry, "", "", "", (reason,))
    document = found[0]
    fields = document["fields"]
    differences = [text for key, value in expected.items() if (text := _difference(key, value, document, console))]
    if not in_registry and ":model-package-group/" in arn and "No longer in Amazon" not in document["description"]:
        differences.append("the description does not say that the group is gone")
    status = fields.get(STATUS, "") or ("gone" if not in_registry else "")
    return Row(arn, in_registry, document["name"], status, fields.get(OWNER, ""), tuple(differences))


def _difference(key: str, wanted: Any, document: Mapping[str, Any], console: ConsoleSession) -> str:
    """Return what is wrong with one value, or an empty text."""
    fields = document["fields"]
    if wanted is UNCHECKED:
        return ""
    if key in ("approval", "approval note"):
        details = fields.get("MRG-UserFact-Model:Additional Details", "")
        return "" if wanted in details else f"{key}: {wanted!r} is not in {details!r}"
    if key == "parent":
        present = console.get(document["primary_parent_id"])["name"]
    else:
        present = document.get(key) if key in ("name", "description") else fields.get(key)
    return "" if present == wanted else f"{key}: the console has {present!r}, the registry says {wanted!r}"


def _pages(sagemaker: Any, operation: str, key: str, **request: Any) -> list[dict[str, Any]]:
    return [item for page in sagemaker.get_paginator(operation).paginate(**request) for item in page[key]]
