# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a resource group should be, what it is, and the way between: pure functions.

A group has a resource query or a configuration, for good: AWS has no call that turns one kind into the other.
Limits: docs.aws.amazon.com/ARG/latest/APIReference/API_CreateGroup.html and API_ResourceQuery.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .documents import compact, same
from .errors import InputError
from .plan import Operation, Plan, make_plan
from .tags import plan_tags, simulate_tags

_NAME = re.compile(r"(?!aws)[\w.-]{1,300}", re.ASCII | re.IGNORECASE)
_DESCRIPTION = re.compile(r"[\s\w.-]{0,1024}", re.ASCII)
_TYPE = re.compile(r"AWS::\w+(::\w+)?", re.ASCII)
_LONGEST_QUERY = 4096
_MOST_FILTERS = 50
_MOST_VALUES = 20

TAG_QUERY = "TAG_FILTERS_1_0"
EVERY_TYPE = "AWS::AllSupported"

Query = Mapping[str, Any]
"""`type`, and `query` as an object in the API's own words."""
Configuration = Sequence[Mapping[str, Any]]
"""Items with `type` and `parameters`, each with `name` and `values`."""


@dataclass(frozen=True, slots=True)
class GroupState:
    """A group that exists, with either a query or a configuration."""

    name: str
    arn: str
    description: str = ""
    query: Query | None = None
    configuration: Configuration | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    def as_result(self) -> dict[str, Any]:
        """The group as the modules return it."""
        return {
            "name": self.name,
            "arn": self.arn,
            "description": self.description,
            "resource_query": None if self.query is None else dict(self.query),
            "configuration": None if self.configuration is None else [dict(item) for item in self.configuration],
            "tags": dict(self.tags),
        }


@dataclass(frozen=True, slots=True)
class DesiredGroup:
    """What a user asks for; None is for what was not given. `tag_filters` has a tag's values by its key."""

    name: str
    present: bool = True
    description: str | None = None
    tag_filters: Mapping[str, Sequence[str]] | None = None
    resource_types: Sequence[str] | None = None
    configuration: Configuration | None = None
    tags: Mapping[str, str] | None = None
    purge_tags: bool = True


def tag_query(tag_filters: Mapping[str, Sequence[str]], resource_types: Sequence[str]) -> dict[str, Any]:
    """The query for resources of these types that carry all these tags."""
    filters = [{"Key": key, "Values": list(values)} for key, values in tag_filters.items()]
    return {"type": TAG_QUERY, "query": {"ResourceTypeFilters": list(resource_types), "TagFilters": filters}}


def check_group(desired: DesiredGroup) -> None:
    """Raise InputError for what cannot be right whatever the group is now."""
    if not _NAME.fullmatch(desired.name):
        raise InputError(
            f"name is {desired.name!r}; a group's name has 1 to 300 letters, digits and _.- characters, "
            "and does not begin with aws."
        )
    if desired.description is not None and not _DESCRIPTION.fullmatch(desired.description):
        raise InputError("description must have at most 1024 letters, digits, spaces and _.- characters.")
    if desired.configuration is not None and (desired.tag_filters is not None or desired.resource_types is not None):
        raise InputError("configuration excludes tag_filters and resource_types: a group is of one kind.")
    for kind in desired.resource_types or ():
        if not _TYPE.fullmatch(kind):
            raise InputError(f"resource_types has {kind!r}; give a type's name as AWS::SageMaker::ModelPackageGroup.")
    if desired.resource_types is not None and not desired.resource_types:
        raise InputError(f"resource_types is empty; leave it out for every type ({EVERY_TYPE}).")
    _check_filters(desired)
    _check_configuration(desired.configuration or ())


def _check_filters(desired: DesiredGroup) -> None:
    filters = desired.tag_filters
    if filters is None:
        return
    if not 1 <= len(filters) <= _MOST_FILTERS:
        raise InputError(f"tag_filters has {len(filters)} keys; a query has 1 to {_MOST_FILTERS}.")
    for key, values in filters.items():
        if len(values) > _MOST_VALUES:
            raise InputError(f"tag_filters: {key} has {len(values)} values; a key has at most {_MOST_VALUES}.")
    size = len(compact(tag_query(filters, desired.resource_types or [EVERY_TYPE])["query"]))
    if size > _LONGEST_QUERY:
        raise InputError(f"tag_filters make a query of {size} characters; AWS takes at most {_LONGEST_QUERY}.")


def _check_configuration(configuration: Configuration) -> None:
    for item in configuration:
        if not _TYPE.fullmatch(item["type"]):
            raise InputError(f"configuration has the type {item['type']!r}; give one as AWS::ResourceGroups::Generic.")


def plan_group(desired: DesiredGroup, current: GroupState | None, identity: Callable[[], str]) -> Plan[GroupState]:
    """The operations from `current` to `desired`; `identity` gives the ARN of a group that is yet to be made."""
    operations: list[Operation | None] = []
    if not desired.present:
        operations = [Operation("delete_group", current.as_result())] if current else []
    elif current is None:
        operations = [_creation(desired, identity)]
    else:
        operations = [_describe(desired, current), _query(desired, current), _configure(desired, current)]
        operations += plan_tags(current.tags, desired.tags, desired.purge_tags)
    return make_plan(current, tuple(operation for operation in operations if operation), simulate_group)


def _creation(desired: DesiredGroup, identity: Callable[[], str]) -> Operation:
    if desired.tag_filters is None and desired.configuration is None:
        raise InputError(
            f"There is no resource group {desired.name!r} yet; to make it, give tag_filters or configuration."
        )
    filters = desired.tag_filters
    query = None if filters is None else tag_query(filters, desired.resource_types or [EVERY_TYPE])
    after = {
        "name": desired.name,
        "arn": identity(),
        "description": desired.description or "",
        "query": query,
        "configuration": desired.configuration,
        "tags": dict(desired.tags or {}),
    }
    return Operation("create_group", {}, after)


def _describe(desired: DesiredGroup, current: GroupState) -> Operation | None:
    if desired.description in (None, current.description):
        return None
    return Operation("update_group", {"description": current.description}, {"description": desired.description})


def _query(desired: DesiredGroup, current: GroupState) -> Operation | None:
    if desired.tag_filters is None and desired.resource_types is None:
        return None
    if current.query is None:
        raise _other_kind(desired.name, "a configuration", "tag_filters")
    wanted = _laid_over(desired, current)
    if same(wanted, current.query):
        return None
    return Operation("update_group_query", {"query": current.query}, {"query": wanted})


def _laid_over(desired: DesiredGroup, current: GroupState) -> Query:
    """What was given, and of what was not given that which the group has."""
    old = (current.query or {})["query"]
    filters = desired.tag_filters
    if filters is None:
        if "TagFilters" not in old:
            raise InputError(f"The resource group {desired.name!r} has no tag query yet; give tag_filters too.")
        filters = {wanted["Key"]: wanted["Values"] for wanted in old["TagFilters"]}
    return tag_query(filters, desired.resource_types or old.get("ResourceTypeFilters") or [EVERY_TYPE])


def _configure(desired: DesiredGroup, current: GroupState) -> Operation | None:
    wanted = desired.configuration
    if wanted is None:
        return None
    if current.configuration is None:
        raise _other_kind(desired.name, "a resource query", "configuration")
    if same(wanted, current.configuration):
        return None
    return Operation("put_group_configuration", {"configuration": current.configuration}, {"configuration": wanted})


def _other_kind(name: str, has: str, option: str) -> InputError:
    return InputError(
        f"The resource group {name!r} has {has} and AWS cannot change that; delete the group first, "
        f"or leave {option} out."
    )


def simulate_group(state: GroupState | None, operation: Operation) -> GroupState | None:
    """The group after an operation, as AWS would have it."""
    if operation.name == "create_group":
        return GroupState(**operation.after)
    if operation.name == "delete_group" or state is None:
        return None
    if operation.name in ("tag", "untag"):
        return replace(state, tags=simulate_tags(state.tags, operation))
    return replace(state, **operation.after)
