# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""API records of SageMaker into entities.

The shapes are those of DescribeModelPackageGroup, DescribeModelPackage and the ``ModelPackageGroup`` and
``ModelPackage``
records of Search (botocore's service model, sagemaker 2017-07-24). A record without its modelled required keys is an
UnreadableAnswerError, never a default.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from .entities import Creator, LifeCycle, ModelCard, ModelPackage, ModelPackageGroup
from .errors import UnreadableAnswerError


def require(answer: Mapping[str, Any], key: str, operation: str) -> Any:
    """Return ``answer[key]``. Raises UnreadableAnswerError when the answer does not have it."""
    try:
        return answer[key]
    except KeyError:
        raise UnreadableAnswerError(
            f"SageMaker's answer to {operation} has no {key}: something between here and AWS (a proxy?) changed it."
        ) from None


def read_group(record: Mapping[str, Any], operation: str) -> ModelPackageGroup:
    """Return the group of a record. Raises UnreadableAnswerError."""
    return ModelPackageGroup(
        arn=require(record, "ModelPackageGroupArn", operation),
        name=require(record, "ModelPackageGroupName", operation),
        created_at=_time(record, "CreationTime", operation),
        description=record.get("ModelPackageGroupDescription") or "",
        creator=_creator(record.get("CreatedBy") or {}),
        tags=_tags(record.get("Tags")),
    )


def read_package(record: Mapping[str, Any], operation: str) -> ModelPackage | None:
    """Return the package of a record, or None for one without a group: such a package is no version of anything.

    A package that was never changed has no LastModifiedTime; its CreationTime stands for it. Raises
    UnreadableAnswerError.
    """
    if not record.get("ModelPackageGroupName") or record.get("ModelPackageVersion") is None:
        require(record, "ModelPackageArn", operation)
        return None
    created_at = _time(record, "CreationTime", operation)
    return ModelPackage(
        arn=require(record, "ModelPackageArn", operation),
        group_name=record["ModelPackageGroupName"],
        version=record["ModelPackageVersion"],
        created_at=created_at,
        last_modified_at=record.get("LastModifiedTime") or created_at,
        description=record.get("ModelPackageDescription") or "",
        status=record.get("ModelPackageStatus") or "",
        approval_status=record.get("ModelApprovalStatus") or "",
        approval_description=record.get("ApprovalDescription") or "",
        life_cycle=_life_cycle(record.get("ModelLifeCycle")),
        card=_card(record.get("ModelCard")),
        creator=_creator(record.get("CreatedBy") or {}),
        metadata=dict(record.get("CustomerMetadataProperties") or {}),
    )


def _time(record: Mapping[str, Any], key: str, operation: str) -> datetime:
    value = require(record, key, operation)
    if not isinstance(value, datetime):
        raise UnreadableAnswerError(f"SageMaker's answer to {operation} has {key} {value!r}, which is not a time.")
    return value


def _tags(value: list[Mapping[str, str]] | None) -> Mapping[str, str] | None:
    return None if value is None else {tag["Key"]: tag.get("Value", "") for tag in value}


def _life_cycle(value: Mapping[str, Any] | None) -> LifeCycle | None:
    if not value or not value.get("Stage"):
        return None
    return LifeCycle(value["Stage"], value.get("StageStatus") or "", value.get("StageDescription") or "")


def _card(value: Mapping[str, Any] | None) -> ModelCard | None:
    if value is None:
        return None
    status, text = value.get("ModelCardStatus") or "", value.get("ModelCardContent")
    try:
        content = None if text is None else json.loads(text or "{}")
    except ValueError:  # withheld ("HIDDEN…") or cut off: the rest of the package is still good
        content = None
    return ModelCard(status, content) if isinstance(content, dict) else ModelCard(status, readable=False)


def _creator(value: Mapping[str, Any]) -> Creator:
    identity = value.get("IamIdentity") or {}
    return Creator(
        user_profile_name=value.get("UserProfileName") or "",
        iam_arn=identity.get("Arn") or "",
        source_identity=identity.get("SourceIdentity") or "",
    )
