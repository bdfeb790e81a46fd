# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The packages of one group: what a use case's text goes down to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .client import PAGE_SIZE, RegistryClient
from .entities import ModelPackage
from .errors import DeniedError
from .records import read_package, require


def packages_of_group(registry: RegistryClient, group_name: str) -> Iterator[ModelPackage]:
    """Yield a group's packages, oldest first: one Search for every 100.

    Where Search is denied: one ListModelPackages for every 100 and a Describe for each. Search's index lags behind:
    describe what is to be changed. Raises RegistryCallError, UnreadableAnswerError.
    """
    try:
        yield from _search(registry, group_name)
    except DeniedError:
        yield from _listed(registry, group_name)


def _search(registry: RegistryClient, group_name: str) -> Iterator[ModelPackage]:
    request: dict[str, Any] = {
        "Resource": "ModelPackage",
        "MaxResults": PAGE_SIZE,
        "SortBy": "CreationTime",
        "SortOrder": "Ascending",
        "SearchExpression": {"Filters": [{"Name": "ModelPackageGroupName", "Operator": "Equals", "Value": group_name}]},
    }
    while True:
        answer = registry.call("Search", **request)
        for result in require(answer, "Results", "Search"):
            package = read_package(require(result, "ModelPackage", "Search"), "Search")
            if package is not None:
                yield package
        if not answer.get("NextToken"):
            return
        request["NextToken"] = answer["NextToken"]


def _listed(registry: RegistryClient, group_name: str) -> Iterator[ModelPackage]:
    request: dict[str, Any] = {"ModelPackageGroupName": group_name, "MaxResults": PAGE_SIZE, "SortBy": "CreationTime"}
    while True:
        answer = registry.call("ListModelPackages", **request)
        for summary in require(answer, "ModelPackageSummaryList", "ListModelPackages"):
            package = registry.describe_package(require(summary, "ModelPackageArn", "ListModelPackages"))
            if package is not None:
                yield package
        if not answer.get("NextToken"):
            return
        request["NextToken"] = answer["NextToken"]
