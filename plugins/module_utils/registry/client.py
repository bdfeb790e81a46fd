# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads one registry through a boto3 SageMaker client.

The client is made by the caller (connection.aws_session) with the retries that survive throttling. Nothing here writes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from typing import Any

from .entities import ModelPackage, ModelPackageGroup
from .errors import RegistryCallError
from .records import read_group, read_package, require

PAGE_SIZE = 100  # the most that Search gives
BEGINNING = datetime(2017, 1, 1, tzinfo=timezone.utc)  # SageMaker was launched in November 2017
DENIED = frozenset({"AccessDenied", "AccessDeniedException", "403"})


class RegistryClient:
    """One registry; may be used by several threads (boto3 clients may). ``calls`` counts requests by operation."""

    def __init__(self, sagemaker: Any) -> None:
        self._sagemaker = sagemaker
        self.calls: Counter[str] = Counter()

    def describe_group(self, name_or_arn: str) -> ModelPackageGroup | None:
        """Return the group, or None when the service says that it does not exist (1 call)."""
        answer = self._describe("DescribeModelPackageGroup", ModelPackageGroupName=name_or_arn)
        return None if answer is None else read_group(answer, "DescribeModelPackageGroup")

    def describe_package(self, arn: str) -> ModelPackage | None:
        """Return the package, or None when the service says that it does not exist (1 call)."""
        answer = self._describe("DescribeModelPackage", ModelPackageName=arn)
        return None if answer is None else read_package(answer, "DescribeModelPackage")

    def search_groups(self) -> Iterator[ModelPackageGroup]:
        """Yield all groups, oldest first: one call for every 100."""
        for record in self._search("ModelPackageGroup", "CreationTime", BEGINNING):
            yield read_group(record, "Search")

    def search_packages(self) -> Iterator[ModelPackage]:
        """Yield all versioned packages, oldest first: one call for every 100."""
        yield from self._packages("CreationTime", BEGINNING)

    def search_packages_modified_since(self, moment: datetime) -> Iterator[ModelPackage]:
        """Yield the versioned packages whose LastModifiedTime is later: one call for every 100."""
        yield from self._packages("LastModifiedTime", moment)

    def search_groups_created_since(self, moment: datetime) -> Iterator[ModelPackageGroup]:
        """Yield the groups made later (a group's record has no modification time): one call for every 100."""
        for record in self._search("ModelPackageGroup", "CreationTime", moment):
            yield read_group(record, "Search")

    def _packages(self, time_field: str, moment: datetime) -> Iterator[ModelPackage]:
        for record in self._search("ModelPackage", time_field, moment):
            package = read_package(record, "Search")
            if package is not None:
                yield package

    def _search(self, resource: str, time_field: str, since: datetime) -> Iterator[Mapping[str, Any]]:
        """Walk Search, ascending in `time_field`.

        A page may be empty while NextToken is set (filters are applied after paging), so
        only its absence ends the walk.
        """
        moment = since.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        request: dict[str, Any] = {
            "Resource": resource,
            "MaxResults": PAGE_SIZE,
            "SortBy": time_field,
            "SortOrder": "Ascending",
            "SearchExpression": {"Filters": [{"Name": time_field, "Operator": "GreaterThan", "Value": moment}]},
        }
        while True:
            answer = self._call("Search", **request)
            for result in require(answer, "Results", "Search"):
                yield require(result, resource, "Search")
            if not answer.get("NextToken"):
                return
            request["NextToken"] = answer["NextToken"]

    def _describe(self, operation: str, **request: Any) -> Mapping[str, Any] | None:
        try:
            return self._call(operation, **request)
        except RegistryCallError as error:
            if _says_missing(error.__cause__):
                return None
            raise

    def _call(self, operation: str, **request: Any) -> Mapping[str, Any]:
        self.calls[operation] += 1
        method = {
            "Search": "search",
            "DescribeModelPackage": "describe_model_package",
            "DescribeModelPackageGroup": "describe_model_package_group",
        }[operation]
        try:
            answer: Mapping[str, Any] = getattr(self._sagemaker, method)(**request)
        except Exception as error:  # botocore is imported by the caller only; its errors have no other common root
            raise _failed(operation, error) from error
        return answer


def _failed(operation: str, error: Exception) -> RegistryCallError:
    response: Mapping[str, Any] = getattr(error, "response", None) or {}
    code = (response.get("Error") or {}).get("Code", "")
    if code in DENIED:
        return RegistryCallError(
            f"AWS denied sagemaker:{operation}: {error}. Allow it in the policy of the connection's role or user."
        )
    return RegistryCallError(f"sagemaker:{operation} failed: {error}")


def _says_missing(error: BaseException | None) -> bool:
    """Whether the service said that the entity is not there: it models no error for it, only a ValidationException."""
    response: Mapping[str, Any] = getattr(error, "response", None) or {}
    details = response.get("Error") or {}
    if details.get("Code") == "ResourceNotFound":
        return True
    message = str(details.get("Message", "")).lower()
    return details.get("Code") == "ValidationException" and ("does not exist" in message or "could not find" in message)
