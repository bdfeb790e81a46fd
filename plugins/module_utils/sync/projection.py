# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pure functions from a registry entity to what its console object should hold."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..console.objects import Scalar
from ..console.schema import FieldDefinition
from ..registry.entities import ModelPackage, ModelPackageGroup
from . import mapping
from .mapping import DECOMMISSIONED, FieldRule, Kind

PROVIDER = "Amazon SageMaker"


@dataclass(frozen=True, slots=True)
class Projection:
    """What the console object of one registry entity should hold.

    ``fields`` (with the description under mapping.DESCRIPTION) are compared and kept up; None clears a field, an absent
    one is left alone. ``initial_fields`` are given at creation only. ``group_name`` is a model's group, else None.
    """

    kind: Kind
    arn: str
    name: str
    fields: Mapping[str, Scalar | None]
    initial_fields: Mapping[str, Scalar]
    group_name: str | None
    modified_at: datetime | None


@dataclass(frozen=True, slots=True)
class TargetFields:
    """The fields of one console type that the mapping may use: definitions by name, of this very console."""

    definitions: Mapping[str, FieldDefinition]

    def accepts(self, rule: FieldRule, value: Scalar | None) -> bool:
        """Whether this console has the rule's field, lets it be written, and knows the value if it is an enumeration's.

        What is not accepted is left alone: a value that a release of the console does not know must not clear a field.
        """
        if rule.field == mapping.DESCRIPTION:
            return True
        definition = self.definitions.get(rule.field)
        if definition is None or definition.read_only:
            return False
        return not value or not definition.enum_values or value in definition.enum_values

    def fit(self, name: str, value: Scalar | None) -> Scalar | None:
        """Return the value as the field can hold it: no value as None, a long text cut."""
        definition = self.definitions.get(name)
        if definition is None or not isinstance(value, str):
            return value or None
        return cut(value, mapping.MAX_LENGTH.get(definition.data_type)) or None


def project_group(group: ModelPackageGroup, target: TargetFields) -> Projection:
    """Return what the model group of a model package group should hold."""
    return _project(Kind.GROUP, group.arn, group.name, group_values(group), target, None, None)


def project_package(package: ModelPackage, target: TargetFields, owner: str) -> Projection:
    """Return what the model of a model package should hold; `owner` is a console user name (owners.py decides it)."""
    name = cut(f"{package.group_name}-v{package.version}", mapping.MAX_NAME_LENGTH)
    values = {**package_values(package), "owner": owner}
    return _project(Kind.MODEL, package.arn, name, values, target, package.group_name, package.last_modified_at)


def group_values(group: ModelPackageGroup) -> dict[str, Scalar | None]:
    """Return the values that rules for model groups may name."""
    return {"description": group.description or f"Amazon SageMaker model package group {group.name}."}


def package_values(package: ModelPackage) -> dict[str, Scalar | None]:
    """Return the values that rules for models may name. None is "no value"; an absent key leaves the field alone."""
    values: dict[str, Scalar | None] = {
        "description": package.description
        or f"Amazon SageMaker model package {package.group_name}, version {package.version}.",
        "version": str(package.version),
        "provider": PROVIDER,
        "group_name": package.group_name,
        "details": "\n".join(_details(package)),
        "is_model": "Model",
        "is_machine_learning": "Yes",
        **_card_values(package),
    }
    status = console_status(package)
    if status is not None:
        values["console_status"] = status
    return values


def console_status(package: ModelPackage) -> str | None:
    """Return the console's model status for a package; None where the status table leaves the console to say it."""
    if is_archived(package):
        return DECOMMISSIONED
    if package.life_cycle is None:
        return None
    wanted = (package.life_cycle.stage, package.life_cycle.stage_status)
    rows = (row for row in mapping.STATUS_TABLE if row.to_console and (row.stage, row.stage_status) == wanted)
    return next((row.console_status for row in rows), None)


def is_archived(package: ModelPackage) -> bool:
    """Whether the registry says that the model is out of use: by its life cycle or by its model card (R19)."""
    by_stage = package.life_cycle is not None and package.life_cycle.stage == mapping.ARCHIVED_STAGE
    return by_stage or (package.card is not None and package.card.status == mapping.ARCHIVED_CARD)


def cut(text: str, limit: int | None) -> str:
    """Return the text, cut to `limit` characters and marked as cut where it is longer."""
    if limit is None or len(text) <= limit:
        return text
    return text[: limit - len(mapping.CUT_MARKER)] + mapping.CUT_MARKER


def _project(
    kind: Kind,
    arn: str,
    name: str,
    values: Mapping[str, Scalar | None],
    target: TargetFields,
    group_name: str | None,
    modified_at: datetime | None,
) -> Projection:
    rules = [rule for rule in mapping.RULES[kind] if rule.value in values and target.accepts(rule, values[rule.value])]
    fitted = {rule.field: target.fit(rule.field, values[rule.value]) for rule in rules}
    initial = {rule.field for rule in rules if rule.at_creation}
    return Projection(
        kind=kind,
        arn=arn,
        name=name,
        fields={field: value for field, value in fitted.items() if field not in initial},
        initial_fields={field: value for field, value in fitted.items() if field in initial and value is not None},
        group_name=group_name,
        modified_at=modified_at,
    )


def _details(package: ModelPackage) -> list[str]:
    lines = [f"Approval status: {package.approval_status or 'none'}"]
    if package.approval_description:
        lines.append(f"Approval note: {package.approval_description}")
    if package.life_cycle is not None:
        lines.append(f"Life cycle: {package.life_cycle.stage} / {package.life_cycle.stage_status or 'none'}")
    if package.status:
        lines.append(f"Model package status: {package.status}")
    if package.card is not None and package.card.status:
        lines.append(f"Model card status: {package.card.status}")
    return lines


def _card_values(package: ModelPackage) -> dict[str, Scalar | None]:
    """Values of the model card's content (SageMaker's model card JSON schema: model_overview, training_details)."""
    content: Mapping[str, Any] = {} if package.card is None else package.card.content
    overview = content.get("model_overview")
    overview = overview if isinstance(overview, Mapping) else {}
    training = content.get("training_details")
    return {
        "card_algorithm": _text(overview.get("algorithm_type")),
        "card_problem_type": _text(overview.get("problem_type")),
        "card_training": json.dumps(training, sort_keys=True, ensure_ascii=False) if training else None,
    }


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
