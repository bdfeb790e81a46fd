# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads one registry through a boto3 SageMaker client.

The client is made by the caller (connection.aws_session) with the retries that survive throttling. Nothing here writes.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from typing import Any

from .entities import ModelPackage, ModelPackageGroup
from .errors import RegistryCallError, UnreadableAnswerError
from .failures import call_failed, says_missing
from .records import read_group, read_package, require
from .walk import WINDOW, Page, Walk

PAGE_SIZE = 100  # the most that Search and the List calls give
BEGINNING = datetime(2017, 1, 1, tzinfo=timezone.utc)  # SageMaker was launched in November 2017
GROUP = "ModelPackageGroup"
PACKAGE = "ModelPackage"

_METHODS = {
    "Search": "search",
    "DescribeModelPackage": "describe_model_package",
    "DescribeModelPackageGroup": "describe_model_package_group",
    "ListModelPackages": "list_model_packages",
    "ListModelPackageGroups": "list_model_package_groups",
}


class RegistryClient:
    """One registry; may be used by several threads (boto3 clients may).

    A call that botocore repeats is counted once. `window` is how many records a walk reads
    before it begins a new window (registry.walk).
    """

    def __init__(self, sagemaker: Any, window: int = WINDOW) -> None:
        self._sagemaker = sagemaker
        self._window = window
        self._lock = threading.Lock()
        self._calls: Counter[str] = Counter()

    @property
    def calls(self) -> Counter[str]:
        """Calls so far by operation."""
        with self._lock:
            return self._calls.copy()

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
        return self._groups(self.search_walk(GROUP, "CreationTime", BEGINNING))

    def search_packages_modified_since(self, moment: datetime) -> Iterator[ModelPackage]:
        """Yield the versioned packages whose LastModifiedTime is not earlier: one call for every 100."""
        return self._packages(self.search_walk(PACKAGE, "LastModifiedTime", moment))

    def search_groups_created_since(self, moment: datetime) -> Iterator[ModelPackageGroup]:
        """Yield the groups not made earlier (a group's record has no modification time): one call for every 100."""
        return self._groups(self.search_walk(GROUP, "CreationTime", moment))

    def search_walk(self, resource: str, time_field: str, since: datetime) -> Walk:
        """Return the walk over Search's records of a resource (GROUP or PACKAGE), ascending in `time_field`."""

        def read(moment: datetime, token: str | None) -> Page:
            value = moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
            request: dict[str, Any] = {
                "Resource": resource,
                "MaxResults": PAGE_SIZE,
                "SortBy": time_field,
                "SortOrder": "Ascending",
                "SearchExpression": {
                    "Filters": [{"Name": time_field, "Operator": "GreaterThanOrEqualTo", "Value": value}]
                },
            }
            answer = self.call("Search", **request, **_token(token))
            records = [require(result, resource, "Search") for result in require(answer, "Results", "Search")]
            return Page(records, answer.get("NextToken"), (answer.get("TotalHits") or {}).get("Value"))

        return self._walk(read, since, resource, time_field)

    def list_walk(self, resource: str, since: datetime = BEGINNING) -> Walk:
        """Return the walk over the summaries of groups or versioned packages, ascending in CreationTime.

        Without a type ListModelPackages lists unversioned packages only.
        """
        operation, key = f"List{resource}s", f"{resource}SummaryList"
        kind = {"ModelPackageType": "Versioned"} if resource == PACKAGE else {}

        def read(moment: datetime, token: str | None) -> Page:
            # "After" leaves out the second itself, which the walk wants.
            after = datetime.fromtimestamp(moment.timestamp() - 1, timezone.utc)
            request = {"MaxResults": PAGE_SIZE, "SortBy": "CreationTime", "SortOrder": "Ascending", **kind}
            answer = self.call(operation, **request, CreationTimeAfter=after, **_token(token))
            return Page(require(answer, key, operation), answer.get("NextToken"))

        return self._walk(read, since, resource, "CreationTime")

    def call(self, operation: str, **request: Any) -> Mapping[str, Any]:
        """Make one call and return its answer. Raises RegistryCallError; DeniedError where AWS denies it."""
        with self._lock:
            self._calls[operation] += 1
        try:
            answer: Mapping[str, Any] = getattr(self._sagemaker, _METHODS[operation])(**request)
        except Exception as error:  # botocore is imported by the caller only; its errors have no other common root
            raise call_failed(operation, error) from error
        return answer

    def _walk(self, read: Any, since: datetime, resource: str, time_field: str) -> Walk:
        def moment_of(record: Mapping[str, Any]) -> datetime:
            moment = record.get(time_field) or require(record, "CreationTime", f"a listing of {resource}s")
            if not isinstance(moment, datetime):
                raise UnreadableAnswerError(f"SageMaker's listing of {resource}s has the time {moment!r}.")
            return moment

        def arn_of(record: Mapping[str, Any]) -> str:
            return str(require(record, f"{resource}Arn", f"a listing of {resource}s"))

        return Walk(read, since, moment_of=moment_of, arn_of=arn_of, window=self._window)

    def _groups(self, walk: Walk) -> Iterator[ModelPackageGroup]:
        return (read_group(record, "Search") for record in walk)

    def _packages(self, walk: Walk) -> Iterator[ModelPackage]:
        packages = (read_package(record, "Search") for record in walk)
        return (package for package in packages if package is not None)

    def _describe(self, operation: str, **request: Any) -> Mapping[str, Any] | None:
        try:
            return self.call(operation, **request)
        except RegistryCallError as error:
            if says_missing(error.__cause__):
                return None
            raise


def _token(token: str | None) -> dict[str, str]:
    return {} if token is None else {"NextToken": token}
