# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The registry's values that rows of the mapping may name.

Beside the fixed names there are ``card:PATH`` (what is at a dotted path of the model card's content, for example
``card:intended_uses.risk_rating``) and ``metadata:KEY`` (one of the package's customer metadata properties).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from ..registry.entities import ModelPackage, ModelPackageGroup
from . import model_card
from .mapping import Kind

CARD = "card:"
METADATA = "metadata:"
STATUS = "console_status"
OWNER = "owner"

PROVIDER = "Amazon SageMaker"

# SageMaker's model of CustomerMetadataProperties: its form, and how long key and value may be.
MAX_METADATA_KEY = 128
MAX_METADATA_VALUE = 256
_METADATA_FORM = re.compile(r"(?:[^\W_]|[ _.:/=+\-@])+")


def _details(package: ModelPackage) -> str:
    lines = [f"Approval status: {package.approval_status or 'none'}"]
    if package.approval_description:
        lines.append(f"Approval note: {package.approval_description}")
    if package.life_cycle is not None:
        lines.append(f"Life cycle: {package.life_cycle.stage} / {package.life_cycle.stage_status or 'none'}")
    if package.status:
        lines.append(f"Model package status: {package.status}")
    if package.card is not None:
        content = package.card.content
        if package.card.status:
            lines.append(f"Model card status: {package.card.status}")
        lines += model_card.said_about_use(content)
        lines += model_card.said_about_training(content)
        lines += model_card.said_about_evaluation(content)
    return "\n".join(lines)


def _content(package: ModelPackage) -> Mapping[str, Any]:
    return {} if package.card is None else package.card.content


GROUP_VALUES: Mapping[str, Callable[[ModelPackageGroup], Any]] = {
    "description": lambda group: group.description or f"Amazon SageMaker model package group {group.name}.",
    "name": lambda group: group.name,
    "arn": lambda group: group.arn,
    "provider": lambda group: PROVIDER,
    "created_at": lambda group: group.created_at,
}

PACKAGE_VALUES: Mapping[str, Callable[[ModelPackage], Any]] = {
    "description": lambda package: (
        package.description or f"Amazon SageMaker model package {package.group_name}, version {package.version}."
    ),
    "arn": lambda package: package.arn,
    "version": lambda package: str(package.version),
    "provider": lambda package: PROVIDER,
    "group_name": lambda package: package.group_name,
    "created_at": lambda package: package.created_at,
    "package_status": lambda package: package.status,
    "approval_status": lambda package: package.approval_status,
    "approval_description": lambda package: package.approval_description,
    "life_cycle_stage": lambda package: None if package.life_cycle is None else package.life_cycle.stage,
    "life_cycle_status": lambda package: None if package.life_cycle is None else package.life_cycle.stage_status,
    "card_status": lambda package: None if package.card is None else package.card.status,
    "details": _details,
    "training_datasets": lambda package: model_card.at(
        _content(package), "training_details.training_job_details.training_datasets"
    ),
    "hyper_parameters": lambda package: model_card.hyper_parameters(_content(package)),
    "limitations": lambda package: model_card.limitations(_content(package)),
    "is_model": lambda package: "Model",
    "is_machine_learning": lambda package: "Yes",
}

NAMES: Mapping[Kind, tuple[str, ...]] = {
    Kind.GROUP: tuple(GROUP_VALUES),
    Kind.MODEL: (*PACKAGE_VALUES, STATUS, OWNER),
}
"""The fixed names, by kind. The status and the owner take more than the package to tell (projection.py)."""


def package_value(package: ModelPackage, name: str) -> Any:
    """Return a package's value by name, unconverted. Raises KeyError."""
    if name.startswith(CARD):
        return model_card.at(_content(package), name.removeprefix(CARD))
    if name.startswith(METADATA):
        return package.metadata.get(name.removeprefix(METADATA))
    return PACKAGE_VALUES[name](package)


def is_known(kind: Kind, name: str) -> bool:
    """Whether rows of this kind may name the value."""
    if kind is Kind.MODEL and name.startswith(CARD):
        return all(name.removeprefix(CARD).split("."))
    if kind is Kind.MODEL and name.startswith(METADATA):
        return is_metadata(name.removeprefix(METADATA), MAX_METADATA_KEY)
    return name in NAMES[kind]


def is_writable(kind: Kind, name: str) -> bool:
    """Whether a value can be written to the registry: a package's life cycle and its customer metadata can."""
    return kind is Kind.MODEL and (name == STATUS or name.startswith(METADATA))


def is_metadata(text: str, longest: int = MAX_METADATA_VALUE) -> bool:
    """Whether SageMaker takes the text as a metadata key or value: letters, digits, spaces and ``_.:/=+-@``."""
    return 0 < len(text) <= longest and _METADATA_FORM.fullmatch(text) is not None
