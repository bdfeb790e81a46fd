# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resource Groups on moto: a group by name or ARN in ``Group``, groups of one kind only, members of a tag query.

Members are looked for among SQS queues and model package groups, the two that this project tags and groups.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from moto.resourcegroups import responses, urls
from moto.resourcegroups.exceptions import BadRequestException, NotFoundException
from moto.sagemaker.models import sagemaker_backends
from moto.sqs.models import sqs_backends

PAGE = 50
EVERYTHING = "AWS::AllSupported"
PATHS = ("list-group-resources",)


def has_tags(tags: Mapping[str, str], filters: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a resource passes every filter; a filter without values takes any value."""
    return all(
        wanted["Key"] in tags and (not wanted["Values"] or tags[wanted["Key"]] in wanted["Values"])
        for wanted in filters
    )


class FaithfulResourceGroupsResponse(responses.ResourceGroupsResponse):
    """Handlers that take ``Group``, and GroupName where the API still does."""

    def _group(self) -> Any:
        name = self._get_param("Group") or self._get_param("GroupName")
        if not name:
            raise BadRequestException("Either Group or GroupName must be given.")
        try:
            return self.resourcegroups_backend.groups[name.split(":group/")[-1]]
        except KeyError:
            raise NotFoundException from None

    def _tagged(self) -> Any:
        arn = unquote(self._get_param("Arn"))
        try:
            return self.resourcegroups_backend.groups.by_arn[arn]
        except KeyError:
            raise NotFoundException from None

    def _described(self, group: Any) -> str:
        described = {"GroupArn": group.arn, "Name": group.name, "Description": group.description}
        return json.dumps({"Group": described})

    def create_group(self) -> str:
        if self._get_param("ResourceQuery") and self._get_param("Configuration"):
            raise BadRequestException("A group has a resource query or a configuration, not both.")
        return super().create_group()

    def get_group(self) -> str:
        return self._described(self._group())

    def delete_group(self) -> str:
        group = self._group()
        self.resourcegroups_backend.groups.delete(group.name)
        return self._described(group)

    def update_group(self) -> str:
        group = self._group()
        if self._get_param("Description") is not None:
            group.description = self._get_param("Description")
        return self._described(group)

    def _queried(self) -> Any:
        group = self._group()
        if not group.resource_query:
            raise BadRequestException("The group has no resource query.")
        return group

    def _answer_query(self, group: Any) -> str:
        return json.dumps({"GroupQuery": {"GroupName": group.name, "ResourceQuery": group.resource_query}})

    def get_group_query(self) -> str:
        return self._answer_query(self._queried())

    def update_group_query(self) -> str:
        group, query = self._queried(), self._get_param("ResourceQuery")
        self.resourcegroups_backend.update_group_query(group.name, query)
        return self._answer_query(group)

    def _configured(self) -> Any:
        group = self._group()
        if group.configuration is None:
            raise BadRequestException("The group has no configuration.")
        return group

    def get_group_configuration(self) -> str:
        configuration = {"Configuration": self._configured().configuration, "Status": "UPDATE_COMPLETE"}
        return json.dumps({"GroupConfiguration": configuration})

    def put_group_configuration(self) -> str:
        self._configured().configuration = self._get_param("Configuration") or []
        return json.dumps({})

    def get_tags(self) -> str:
        group = self._tagged()
        return json.dumps({"Arn": group.arn, "Tags": group.tags})

    def tag(self) -> str:
        self._tagged()
        return super().tag()

    def untag(self) -> str:
        group, keys = self._tagged(), self._get_param("Keys")
        group.tags = {key: value for key, value in group.tags.items() if key not in keys}
        return json.dumps({"Arn": group.arn, "Keys": keys})

    def list_group_resources(self) -> str:
        group = self._queried()
        query = json.loads(group.resource_query["Query"])
        found = [
            {"ResourceArn": arn, "ResourceType": kind}
            for kind, arn, tags in self._resources()
            if {kind, EVERYTHING} & set(query["ResourceTypeFilters"]) and has_tags(tags, query.get("TagFilters", []))
        ]
        found.sort(key=lambda identifier: identifier["ResourceArn"])
        start = int(self._get_param("NextToken") or 0)
        end = start + min(int(self._get_param("MaxResults") or PAGE), PAGE)
        answer: dict[str, Any] = {
            "Resources": [{"Identifier": identifier} for identifier in found[start:end]],
            "ResourceIdentifiers": found[start:end],
            "QueryErrors": [],
        }
        return json.dumps({**answer, **({"NextToken": str(end)} if end < len(found) else {})})

    def _resources(self) -> Iterator[tuple[str, str, Mapping[str, str]]]:
        """(type, ARN, tags) of what can be a member."""
        for queue in sqs_backends[self.current_account][self.region].queues.values():
            yield "AWS::SQS::Queue", queue.queue_arn, queue.tags
        for entry in sagemaker_backends[self.current_account][self.region].registry.groups.values():
            tags = {tag["Key"]: tag["Value"] for tag in entry.tags}
            yield "AWS::SageMaker::ModelPackageGroup", entry.arn, tags


def install() -> None:
    for path in PATHS:
        urls.url_paths[f"{{0}}/{path}$"] = FaithfulResourceGroupsResponse.dispatch
    for path in urls.url_paths:
        urls.url_paths[path] = FaithfulResourceGroupsResponse.dispatch
