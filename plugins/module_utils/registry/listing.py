# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists everything in one registry: by Search, or, where that is denied, by the List calls and Describe.

Search gives whole records, 100 a call. A summary of ListModelPackages lacks LastModifiedTime, the model card, the
approval description, who made the package and its own metadata. So without Search a package is described, one call
each, unless the caller says that its summary is one he has settled before; what only those fields tell is not noticed
then. A group's summary has all that is synchronised of a group.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import blake2b
from itertools import chain, islice
from typing import Any, TypeAlias

from ..pacing.priority import current_priority, take_priority
from .client import BEGINNING, GROUP, PACKAGE, PAGE_SIZE, RegistryClient
from .entities import ModelPackage, ModelPackageGroup
from .errors import DeniedError, RegistryError
from .records import read_group, read_package, require
from .walk import Walk

DIGEST_BYTES = 8
DESCRIBERS = 4
"""Describe calls at a time; the account's pace slows them down where SageMaker wants that."""


@dataclass(frozen=True, slots=True)
class PackageSummary:
    """A package of which only the summary was read; ``digest`` changes with anything in it."""

    arn: str
    group_name: str
    version: int
    digest: str


@dataclass(frozen=True, slots=True)
class UnreadPackage:
    """A package that is in the registry and could not be described."""

    arn: str
    group_name: str
    version: int
    error: str


ListedPackage: TypeAlias = ModelPackage | PackageSummary | UnreadPackage


class RegistryListing:
    """One listing of a registry.

    `is_settled` is asked for each package where Search is denied: whether its summary is known and needs no Describe.
    """

    def __init__(self, client: RegistryClient, is_settled: Callable[[PackageSummary], bool] | None = None) -> None:
        self._client = client
        self._is_settled = is_settled or (lambda _summary: False)
        self._walks: dict[str, Walk] = {}
        self._denial = ""

    @property
    def is_search_denied(self) -> bool:
        """Whether Search is denied; known once something has been listed."""
        return bool(self._denial)

    def total(self, resource: str) -> int | None:
        """Return how many records of GROUP or PACKAGE there are; None while, or where, that is not known."""
        walk = self._walks.get(resource)
        return None if walk is None else walk.total

    def groups(self) -> Iterator[ModelPackageGroup]:
        """Yield all groups, oldest first: one call for every 100. Raises the room's errors."""
        for record in self._records(GROUP):
            yield read_group(record, "a listing of groups")

    def packages(self) -> Iterator[ListedPackage]:
        """Yield all versioned packages: one call for every 100, and one a package that has to be described."""
        records = self._records(PACKAGE)
        first = list(islice(records, 1))  # with it, it is known whether these are records of Search or summaries
        if self.is_search_denied:
            yield from self._described(chain(first, records))
            return
        for record in chain(first, records):
            package = read_package(record, "Search")
            if package is not None:
                yield package

    def _records(self, resource: str) -> Iterator[Mapping[str, Any]]:
        """Yield records of Search, or summaries where it is denied: that is known by the very first call."""
        if not self._denial:
            walk = self._walks[resource] = self._client.search_walk(resource, "CreationTime", BEGINNING)
            try:
                yield from walk
                return
            except DeniedError as error:
                if walk.pages:
                    raise
                self._denial = str(error)
        walk = self._walks[resource] = self._client.list_walk(resource)
        try:
            yield from walk
        except DeniedError as error:
            raise DeniedError(f"{self._denial} What would do in its place is denied too: {error}") from None

    def _described(self, summaries: Iterator[Mapping[str, Any]]) -> Iterator[ListedPackage]:
        with ThreadPoolExecutor(DESCRIBERS, "registry-describe", take_priority, (current_priority(),)) as pool:
            while page := list(islice(summaries, PAGE_SIZE)):
                yield from (found for found in pool.map(self._look_at, page) if found is not None)

    def _look_at(self, record: Mapping[str, Any]) -> ListedPackage | None:
        """Return a package as far as it has to be read; None where it was deleted after it was listed."""
        summary = read_summary(record)
        if summary is None or self._is_settled(summary):
            return summary
        try:
            return self._client.describe_package(summary.arn)
        except RegistryError as error:
            return UnreadPackage(summary.arn, summary.group_name, summary.version, str(error))


def read_summary(record: Mapping[str, Any]) -> PackageSummary | None:
    """Return the summary in a record of ListModelPackages, None for a package without version."""
    if not record.get("ModelPackageGroupName") or record.get("ModelPackageVersion") is None:
        return None
    text = repr(sorted((name, _sorted(value)) for name, value in record.items()))
    return PackageSummary(
        arn=str(require(record, "ModelPackageArn", "ListModelPackages")),
        group_name=record["ModelPackageGroupName"],
        version=record["ModelPackageVersion"],
        digest=blake2b(text.encode(), digest_size=DIGEST_BYTES).hexdigest(),
    )


def _sorted(value: Any) -> Any:
    return sorted(value.items()) if isinstance(value, Mapping) else value
