# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes one registry through a boto3 SageMaker client: the only place that does.

The client is made by the caller (connection.aws_session) and repeats what was throttled, broke down or lost its
answer. So every method here can be carried out twice: an update says the whole value, a package has a client token, and
a group whose creation was repeated is a NameTakenError, upon which the caller looks whose group that is.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Mapping
from typing import Any

from .entities import LifeCycle, ModelCard
from .failures import call_failed
from .records import require

_METHODS = {
    "UpdateModelPackage": "update_model_package",
    "CreateModelPackage": "create_model_package",
    "CreateModelPackageGroup": "create_model_package_group",
    "ListTags": "list_tags",
}


class RegistryWriter:
    """One registry; may be used by several threads (boto3 clients may)."""

    def __init__(self, sagemaker: Any) -> None:
        self._sagemaker = sagemaker
        self._lock = threading.Lock()
        self._calls: Counter[str] = Counter()

    @property
    def calls(self) -> Counter[str]:
        """Requests so far by operation."""
        with self._lock:
            return self._calls.copy()

    def update_package(
        self,
        arn: str,
        *,
        life_cycle: LifeCycle | None = None,
        card: ModelCard | None = None,
        metadata: Mapping[str, str] | None = None,
        client_token: str | None = None,
    ) -> None:
        """Change what is given of a package and leave the rest alone (1 call); with nothing given, do nothing.

        `card` replaces the whole content. `metadata` is added to what the package has. Raises RegistryCallError.
        """
        given = _package_fields(life_cycle, card, metadata)
        if given:
            self._call("UpdateModelPackage", ModelPackageArn=arn, **given, **_token(client_token))

    def create_group(self, name: str, *, description: str, tags: Mapping[str, str]) -> str:
        """Create a model package group and return its ARN (1 call). Raises NameTakenError, RegistryCallError."""
        request: dict[str, Any] = {"ModelPackageGroupName": name, "Tags": _tag_list(tags)}
        if description:
            request["ModelPackageGroupDescription"] = description
        return str(self._call("CreateModelPackageGroup", "ModelPackageGroupArn", **request))

    def create_package(
        self,
        group_name: str,
        *,
        description: str,
        life_cycle: LifeCycle | None,
        card: ModelCard | None,
        metadata: Mapping[str, str] | None,
        client_token: str | None,
    ) -> str:
        """Create a group's next package, which holds no model yet, and return its ARN (1 call).

        A second call with the same `client_token` (1 to 36 letters, digits, hyphens) creates nothing and returns the
        same ARN. Raises RegistryCallError.
        """
        request = {
            "ModelPackageGroupName": group_name,
            "SkipModelValidation": "All",  # there is no model to validate
            **_package_fields(life_cycle, card, metadata),
            **_token(client_token),
        }
        if description:
            request["ModelPackageDescription"] = description
        return str(self._call("CreateModelPackage", "ModelPackageArn", **request))

    def tags(self, arn: str) -> Mapping[str, str]:
        """Return the tags of a group or package (1 call for every page). Raises RegistryCallError."""
        request: dict[str, str] = {"ResourceArn": arn}
        found: dict[str, str] = {}
        while True:
            answer = self._call("ListTags", **request)
            found |= {tag["Key"]: tag["Value"] for tag in require(answer, "Tags", "ListTags")}
            if not answer.get("NextToken"):
                return found
            request["NextToken"] = answer["NextToken"]

    def _call(self, operation: str, key: str | None = None, **request: Any) -> Any:
        """Return the answer, or its `key`, which must be there."""
        with self._lock:
            self._calls[operation] += 1
        try:
            answer: Mapping[str, Any] = getattr(self._sagemaker, _METHODS[operation])(**request)
        except Exception as error:  # botocore is imported by the caller only; its errors have no other common root
            raise call_failed(operation, error) from error
        return answer if key is None else require(answer, key, operation)


def _package_fields(
    life_cycle: LifeCycle | None, card: ModelCard | None, metadata: Mapping[str, str] | None
) -> dict[str, Any]:
    """Return the request fields of what is given."""
    fields: dict[str, Any] = {}
    if life_cycle is not None:
        fields["ModelLifeCycle"] = {"Stage": life_cycle.stage, "StageStatus": life_cycle.stage_status}
        if life_cycle.stage_description:
            fields["ModelLifeCycle"]["StageDescription"] = life_cycle.stage_description
    if card is not None:
        fields["ModelCard"] = {"ModelCardContent": json.dumps(dict(card.content), ensure_ascii=False)}
        if card.status:
            fields["ModelCard"]["ModelCardStatus"] = card.status
    if metadata:
        fields["CustomerMetadataProperties"] = dict(metadata)
    return fields


def _token(client_token: str | None) -> dict[str, str]:
    return {} if client_token is None else {"ClientToken": client_token}


def _tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
