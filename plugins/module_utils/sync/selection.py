# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of a registry's entities a connection takes care of: its filters.

Filters judge groups by name and tags, and packages by their group and their approval status. SageMaker gives a package
the tags of its group, so the group's tags are the ones that count. What is left out is left alone in the console,
whatever is there already.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from fnmatch import fnmatchcase

from ..connection.model import Filters
from ..registry.arn import group_arn, group_key, parse_arn
from ..registry.entities import ModelPackage, ModelPackageGroup

Tags = Mapping[str, str]


class Selection:
    """The filters of one connection, and where the tags that they judge by come from. Safe for several threads.

    `read_tags` asks the registry for the tags of a group's ARN. It is asked for what a listing does not tell, and only
    where a filter looks at tags.
    """

    def __init__(self, filters: Filters, read_tags: Callable[[str], Tags]) -> None:
        self._filters = filters
        self._read_tags = read_tags
        self._by_tags = bool(filters.include_tags or filters.exclude_tags)

    def begin(self) -> TagMemory:
        """Return a memory of tags for one pass over everything."""
        return TagMemory(self._read_tags)

    def why_group_is_out(self, group: ModelPackageGroup, memory: TagMemory | None = None) -> str:
        """Return why a group is left out, or an empty text (1 call where tags count and are not known)."""
        return reason_by_name(self._filters, group.name) or self._reason_by_tags(group.arn, group.tags, memory)

    def why_package_is_out(self, package: ModelPackage, memory: TagMemory | None = None) -> str:
        """Return why a package is left out, or an empty text (1 call where its group's tags count, unless known)."""
        reason = reason_by_name(self._filters, package.group_name)
        reason = reason or reason_by_approval(self._filters, package.approval_status)
        if reason or not self._by_tags:
            return reason
        parsed = parse_arn(package.arn)
        return self._reason_by_tags(str(group_arn(parsed.region, parsed.account_id, package.group_name)), None, memory)

    def why_name_is_out(self, group_name: str) -> str:
        """Return why whatever belongs to a group of this name is left out, as far as the name tells."""
        return reason_by_name(self._filters, group_name)

    def _reason_by_tags(self, arn: str, tags: Tags | None, memory: TagMemory | None) -> str:
        if not self._by_tags:
            return ""
        if memory is not None:
            tags = memory.tags(arn, tags)
        return reason_by_tags(self._filters, self._read_tags(arn) if tags is None else tags)


class TagMemory:
    """Tags of the groups that a pass has met, so that each is asked for once at most. Safe for several threads."""

    def __init__(self, read_tags: Callable[[str], Tags]) -> None:
        self._read_tags = read_tags
        self._known: dict[str, Tags] = {}
        self._lock = threading.Lock()

    def tags(self, arn: str, given: Tags | None) -> Tags:
        """Return a group's tags: those given, those known, or else those that the registry says."""
        with self._lock:
            known = self._known.get(group_key(arn)) if given is None else given
            if known is None:
                known = self._read_tags(arn)
            self._known[group_key(arn)] = known
            return known


def reason_by_name(filters: Filters, group_name: str) -> str:
    """Return why a group of this name is left out, or an empty text. Case does not count, as in ARNs of packages."""
    if filters.include_groups and not _matches(filters.include_groups, group_name):
        return "its group's name matches none of include_groups"
    if _matches(filters.exclude_groups, group_name):
        return "its group's name matches one of exclude_groups"
    return ""


def reason_by_approval(filters: Filters, approval_status: str) -> str:
    """Return why a package of this approval status is left out, or an empty text."""
    if filters.approval_statuses and approval_status not in filters.approval_statuses:
        return f"its approval status {approval_status or 'none'} is not among approval_statuses"
    return ""


def reason_by_tags(filters: Filters, tags: Tags) -> str:
    """Return why a group with these tags is left out, or an empty text."""
    if filters.include_tags and not _has_one(filters.include_tags, tags):
        return "its group has none of include_tags"
    if _has_one(filters.exclude_tags, tags):
        return "its group has one of exclude_tags"
    return ""


def _matches(patterns: Collection[str], name: str) -> bool:
    return any(fnmatchcase(group_key(name), group_key(pattern)) for pattern in patterns)


def _has_one(wanted: Collection[str], tags: Tags) -> bool:
    """Whether there is a tag of one of the forms ``key`` (any value) and ``key=value``."""
    return any(form in tags or form in {f"{key}={value}" for key, value in tags.items()} for form in wanted)
