# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a call acts on, as IAM names it, for the services whose handlers in moto do not say it themselves.

Actions and the resources they can be confined to:
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.kms.models import kms_backends

PREFIXES = {"monitoring": "cloudwatch"}
"""The prefix of a service in policies, where it is not the name that is signed."""


def s3_action(handler: Any) -> str:
    """The action of an S3 call; moto takes one about public access for one about the bucket's objects."""
    if "publicAccessBlock" in handler.querystring:
        return "GetBucketPublicAccessBlock" if handler.method == "GET" else "PutBucketPublicAccessBlock"
    return str(handler.data["Action"])


TAGS_AT_CREATION = {
    "cloudtrail:CreateTrail": ("TagsList", "cloudtrail:AddTags"),
    "cloudwatch:PutMetricAlarm": ("Tags", "cloudwatch:TagResource"),
    "events:PutRule": ("Tags", "events:TagResource"),
    "iam:CreateRole": ("Tags", "iam:TagRole"),
    "iam:CreateUser": ("Tags", "iam:TagUser"),
    "sagemaker:CreateModelPackageGroup": ("Tags", "sagemaker:AddTags"),
    "secretsmanager:CreateSecret": ("Tags", "secretsmanager:TagResource"),
    "sqs:CreateQueue": ("tags", "sqs:TagQueue"),
}
"""Who gives tags to what he makes needs a second action for it (each service's API reference, at the creating call)."""


def actions_of(action: str, handler: Any) -> list[str]:
    """Everything the caller must be allowed to do for one call."""
    parameter, tagging = TAGS_AT_CREATION.get(action, ("", ""))
    return [action, tagging] if parameter and handler._get_param(parameter) else [action]


def request_context(service: str, handler: Any) -> dict[str, str]:
    """The condition keys that SageMaker has from the request: the tags in it, and a package's approval status."""
    if service != "sagemaker":
        return {}
    tags = {f"aws:RequestTag/{tag['Key']}": tag["Value"] for tag in handler._get_param("Tags") or []}
    status = handler._get_param("ModelApprovalStatus")
    return {**tags, "sagemaker:ModelApprovalStatus": status} if status else tags


def _stem(handler: Any, service: str) -> str:
    return f"arn:aws:{service}:{handler.region}:{handler.current_account}"


def _alarms(handler: Any) -> list[str]:
    arn = handler._get_param("ResourceARN")
    names = [*(handler._get_param("AlarmNames") or []), handler._get_param("AlarmName")]
    return [arn] if arn else [f"{_stem(handler, 'cloudwatch')}:alarm:{name}" for name in names if name]


def _trail(handler: Any) -> list[str]:
    names = [handler._get_param(parameter) for parameter in ("Name", "TrailName", "ResourceId")]
    trail = _stem(handler, "cloudtrail")
    return [name if name.startswith("arn:") else f"{trail}:trail/{name}" for name in names if name]


def _key(handler: Any) -> list[str]:
    """An alias stands for its key: policies speak of the key alone."""
    given = handler._get_param("KeyId")
    if not given:
        return []
    name = kms_backends[handler.current_account][handler.region].any_id_to_key_id(given)
    return [f"{_stem(handler, 'kms')}:key/{name}"]


_FINDERS: dict[str, Callable[[Any], list[str]]] = {"monitoring": _alarms, "cloudtrail": _trail, "kms": _key}


def resources_of(service: str, handler: Any, told: str) -> list[str]:
    """Everything the caller must be allowed to act on; ``told`` is what moto's handler says, ``*`` for all."""
    finder = _FINDERS.get(service)
    found = finder(handler) if finder and told == "*" else []
    return found or [told]
