# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""SageMaker on moto: the Model Registry operations, Search, user profiles and presigned URLs, tags on packages.

moto's own registry records lack fields and lose them on update, so these operations run on ``registry.Registry``; the
rest of SageMaker is moto's. A finished call is handed to CloudTrail.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import Any
from urllib.parse import quote

from moto.core.exceptions import JsonRESTError
from moto.core.responses import ActionResult, EmptyResult
from moto.core.utils import get_service_model
from moto.sagemaker import models, responses, urls
from moto.sagemaker.exceptions import ResourceNotFound, ValidationError

from tests.emulators.aws import cloudtrail, ram_state, search
from tests.emulators.aws.caller import Caller, caller_of
from tests.emulators.aws.clock import CLOCK
from tests.emulators.aws.policy import AccessRequest, evaluate
from tests.emulators.aws.registry import SETTINGS, Entry, Registry

BATCH_LIMIT = 100
PRESIGNED_SECONDS = 300
_ARN = re.compile(r"arn:[^:]+:sagemaker:([^:]+):(\d{12}):")
_NOT_COPIED = frozenset({"Tags", "ClientToken", "ModelPackageName", "ModelPackageGroupName", "ModelPackageArn"})

USER_PROFILES: dict[str, dict[str, str]] = {}
"""Studio user profile by access key id: calls with that key carry it in CreatedBy and LastModifiedBy."""


def user_context(caller: Caller) -> dict[str, Any]:
    """The UserContext SageMaker keeps of a caller: the IAM identity, and the Studio profile where there is one."""
    return {
        **USER_PROFILES.get(caller.access_key, {}),
        "IamIdentity": {"Arn": caller.arn, "PrincipalId": caller.principal_id},
    }


def _naive(moment: datetime | None) -> datetime | None:
    return moment.astimezone(timezone.utc).replace(tzinfo=None) if moment and moment.tzinfo else moment


Answer = tuple[str, dict[str, str]]
"""(body, headers), which moto sends as they are."""


def _answer(result: Mapping[str, Any]) -> Answer:
    """Registry records are in the API's shape already; moto's serializer would take 1.5 ms for each."""
    present = {name: value for name, value in result.items() if value is not None}
    return json.dumps(present, default=_epoch), {"Content-Type": "application/x-amz-json-1.1"}


def _epoch(moment: datetime) -> float:
    """Seconds with milliseconds, as the JSON protocol writes a timestamp."""
    return round(moment.replace(tzinfo=timezone.utc).timestamp(), 3)


def _shaped(shape: str, entries: Iterable[Entry]) -> list[dict[str, Any]]:
    """The members that a summary shape has."""
    known = _known_properties(shape)
    return [{name: value for name, value in entry.fields.items() if name in known} for entry in entries]


@contextmanager
def _refusing() -> Iterator[None]:
    """What the pure part of Search cannot make sense of is a ValidationException."""
    try:
        yield
    except search.SearchError as error:
        raise ValidationError(str(error)) from None


@functools.cache
def _known_properties(shape: str) -> frozenset[str]:
    return frozenset(get_service_model("sagemaker").shape_for(shape).members)


class FaithfulSageMakerBackend(models.SageMakerModelBackend):
    """One account and region of SageMaker, with the registry beside moto's own resources."""

    _url_module = urls

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.registry = Registry(account_id, region_name)
        self.model_package_groups = self.registry.groups
        self.model_packages = self.registry.packages

    def add_tags(self, arn: str, tags: list[dict[str, str]]) -> list[dict[str, str]]:
        entry = self.registry.tagged(arn)
        if entry is None:
            return super().add_tags(arn, tags)
        merged = {tag["Key"]: tag for tag in [*entry.tags, *tags]}
        self.registry.set_tags(entry, list(merged.values()))
        return entry.tags

    def delete_tags(self, arn: str, tag_keys: list[str]) -> None:
        entry = self.registry.tagged(arn)
        if entry is None:
            super().delete_tags(arn, tag_keys)
        else:
            self.registry.set_tags(entry, [tag for tag in entry.tags if tag["Key"] not in tag_keys])

    def _get_resource_from_arn(self, arn: str) -> Any:
        return self.registry.tagged(arn) or super()._get_resource_from_arn(arn)


class FaithfulSageMakerResponse(responses.SageMakerResponse):
    """Handlers of the registry operations."""

    # ---- who, where

    def call_action(self) -> Any:
        result = super().call_action()
        operation = self._get_action()
        if not cloudtrail.is_read_only(operation):
            status, _unused, body = result
            cloudtrail.record_call(
                cloudtrail.Call(
                    operation=operation,
                    caller=caller_of(self.headers),
                    region=self.region,
                    parameters=self.params,
                    status=int(status),
                    answer=json.loads(body) if body else {},
                    user_agent=self.headers.get("User-Agent", ""),
                )
            )
        return result

    def _determine_resource(self) -> str:
        prefix = f"arn:aws:sagemaker:{self.region}:{self.current_account}"
        for name, kind in (
            ("ModelPackageGroupName", "model-package-group"),
            ("ModelPackageName", "model-package"),
            ("ModelPackageArn", "model-package"),
            ("ResourceArn", ""),
        ):
            value = self.params.get(name)
            if value:
                return value if value.startswith("arn:") else f"{prefix}:{kind}/{value}"
        profile = self.params.get("UserProfileName")
        return f"{prefix}:user-profile/{self.params.get('DomainId')}/{profile}" if profile else "*"

    def _user(self) -> dict[str, Any]:
        return user_context(caller_of(self.headers))

    def _registry(self, name_or_arn: str | None = None) -> Registry:
        """The registry that holds the named resource; another account's only where it shares the group."""
        match = _ARN.match(name_or_arn or "")
        if match is None:
            return self.sagemaker_backend.registry
        region, account = match.groups()
        if region != self.region:
            raise ValidationError(f"{name_or_arn} is not in the region {self.region}.")
        registry = models.sagemaker_backends[account][region].registry
        if account != self.current_account:
            self._authorize(registry, str(name_or_arn))
        return registry

    def _authorize(self, registry: Registry, arn: str) -> None:
        """Another account needs the group's resource policy or a RAM share."""
        caller = caller_of(self.headers)
        action = f"sagemaker:{self._get_action()}"
        kind, name = arn.split(":")[-1].split("/")[:2]
        group = next((entry for entry in registry.groups.values() if entry.name.lower() == name.lower()), None)
        if group is not None and kind in ("model-package", "model-package-group"):
            request = AccessRequest(action, arn, account=caller.account, arns=caller.arns)
            if evaluate(group.policy, request) == "allow" or ram_state.opens(group.arn, caller.account, self.region):
                return
        raise JsonRESTError(
            "AccessDeniedException",
            f"User: {caller.arn} is not authorized to perform: {action} on resource: {arn} because no resource-based "
            f"policy allows the {action} action",
        )

    # ---- groups

    def create_model_package_group(self) -> ActionResult:
        group = self._registry().create_group(
            self._get_param("ModelPackageGroupName"),
            self._get_param("ModelPackageGroupDescription"),
            self._get_param("Tags") or [],
            self._user(),
        )
        return ActionResult({"ModelPackageGroupArn": group.arn})

    def describe_model_package_group(self) -> Answer:
        name = self._get_param("ModelPackageGroupName")
        return _answer(self._registry(name).group(name).fields)

    def delete_model_package_group(self) -> ActionResult:
        name = self._get_param("ModelPackageGroupName")
        self._registry(name).delete_group(name)
        return EmptyResult()

    def list_model_package_groups(self) -> Answer:
        if self._get_param("CrossAccountFilterOption") == "CrossAccount":
            groups = _shared_with(self.current_account, self.region)
        else:
            groups = list(self._registry().groups.values())
        chosen, token = self._page([group for group in groups if self._listed(group)], "ModelPackageGroupName")
        return _answer(
            {"ModelPackageGroupSummaryList": _shaped("ModelPackageGroupSummary", chosen), "NextToken": token}
        )

    def put_model_package_group_policy(self) -> ActionResult:
        name = self._get_param("ModelPackageGroupName")
        group = self._registry(name).put_policy(name, self._get_param("ResourcePolicy"))
        return ActionResult({"ModelPackageGroupArn": group.arn})

    def get_model_package_group_policy(self) -> ActionResult:
        return ActionResult({"ResourcePolicy": self._group_with_policy().policy})

    def delete_model_package_group_policy(self) -> ActionResult:
        self._group_with_policy().policy = None
        return EmptyResult()

    def _group_with_policy(self) -> Entry:
        name = self._get_param("ModelPackageGroupName")
        group = self._registry(name).group(name)
        if group.policy is None:
            raise ValidationError(f"Cannot find resource policy for: {group.arn}")
        return group

    # ---- packages

    def _given(self, *also_left_out: str) -> dict[str, Any]:
        return {
            name: value for name, value in self.params.items() if name not in _NOT_COPIED and name not in also_left_out
        }

    def create_model_package(self) -> ActionResult:
        group = self._get_param("ModelPackageGroupName")
        tags = self._get_param("Tags") or []
        entry = self._registry(group).create_package(
            group,
            self._get_param("ModelPackageName"),
            self._given(),
            tags,
            self._user(),
            client_token=self._get_param("ClientToken"),
        )
        return ActionResult({"ModelPackageArn": entry.arn})

    def describe_model_package(self) -> Answer:
        name = self._get_param("ModelPackageName")
        fields = self._registry(name).package(name).fields
        if self._get_param("IncludedData") == "MetadataOnly" and "ModelCard" in fields:
            card = {key: value for key, value in fields["ModelCard"].items() if key != "ModelCardContent"}
            fields = {**fields, "ModelCard": card}
        return _answer(fields)

    def update_model_package(self) -> ActionResult:
        arn = self._get_param("ModelPackageArn")
        entry = self._registry(arn).update_package(arn, self._given(), self._user())
        return ActionResult({"ModelPackageArn": entry.arn})

    def delete_model_package(self) -> ActionResult:
        name = self._get_param("ModelPackageName")
        self._registry(name).delete_package(name)
        return EmptyResult()

    def list_model_packages(self) -> Answer:
        group_name = self._get_param("ModelPackageGroupName")
        registry = self._registry(group_name)
        kind = self._get_param("ModelPackageType") or ("Versioned" if group_name else "Unversioned")
        candidates = registry.group(group_name).members if group_name else registry.packages
        status = self._get_param("ModelApprovalStatus")
        entries = [
            entry
            for entry in list(candidates.values())
            if (kind == "Both" or ("ModelPackageVersion" in entry.fields) == (kind == "Versioned"))
            and (status is None or entry.fields.get("ModelApprovalStatus") == status)
            and self._listed(entry)
        ]
        chosen, token = self._page(entries, "ModelPackageArn")
        return _answer({"ModelPackageSummaryList": _shaped("ModelPackageSummary", chosen), "NextToken": token})

    def batch_describe_model_package(self) -> Answer:
        arns = self._get_param("ModelPackageArnList") or []
        if not 1 <= len(arns) <= BATCH_LIMIT:
            raise ValidationError(f"ModelPackageArnList takes 1 to {BATCH_LIMIT} ARNs; got {len(arns)}.")
        summaries: dict[str, Any] = {}
        errors: dict[str, Any] = {}
        for arn in arns:
            try:
                (described,) = _shaped("BatchDescribeModelPackageSummary", [self._registry(arn).package(arn)])
                summaries[arn] = {"InferenceSpecification": {"Containers": []}, **described}
            except JsonRESTError as error:
                errors[arn] = {"ErrorCode": error.error_type, "ErrorResponse": error.message}
            except ValidationError as error:
                errors[arn] = {"ErrorCode": error.code, "ErrorResponse": error.message}
        return _answer({"ModelPackageSummaries": summaries, "BatchDescribeModelPackageErrorMap": errors})

    def _listed(self, entry: Entry) -> bool:
        after, before = _naive(self._get_param("CreationTimeAfter")), _naive(self._get_param("CreationTimeBefore"))
        created = entry.fields["CreationTime"]
        return (
            (self._get_param("NameContains") or "") in entry.name
            and (after is None or created > after)
            and (before is None or created < before)
        )

    def _page(self, entries: list[Entry], name_field: str) -> tuple[list[Entry], str | None]:
        by_name = self._get_param("SortBy") == "Name"

        def key(entry: Entry) -> tuple[str, str]:
            first = entry.fields[name_field] if by_name else search.sort_text(entry.fields["CreationTime"])
            return first, entry.arn

        return self._turn(search.in_order(entries, key), descending=self._get_param("SortOrder") == "Descending")

    def _turn(self, ordered: search.Ordered, *, descending: bool) -> tuple[list[Any], str | None]:
        """The page the request asks for."""
        size = self._get_param("MaxResults") or search.MAXIMUM_PAGE
        if not 1 <= size <= search.MAXIMUM_PAGE:
            raise ValidationError(
                f"1 validation error detected: Value '{size}' at 'maxResults' failed to satisfy constraint: Member "
                "must have value less than or equal to 100"
            )
        with _refusing():
            return search.page(
                ordered,
                token=self._get_param("NextToken"),
                size=size,
                descending=descending,
                fingerprint=self._fingerprint(),
                empty_pages=SETTINGS.empty_pages,
            )

    def _fingerprint(self) -> str:
        request = {name: value for name, value in self.params.items() if name not in ("NextToken", "MaxResults")}
        return search.digest({**request, "operation": self._get_action()})

    # ---- Search

    def search(self) -> ActionResult | Answer:
        resource = self._get_param("Resource")
        if resource not in ("ModelPackage", "ModelPackageGroup"):
            return super().search()
        with _refusing():
            found = self._registry().search(resource, self._fingerprint(), self._finder(resource))
        chosen, token = self._turn(found, descending=self._get_param("SortOrder") != "Ascending")
        return _answer(
            {
                "Results": [{resource: record} for record in chosen],
                "NextToken": token,
                "TotalHits": {"Value": len(found.items), "Relation": "EqualTo"},
            }
        )

    def _finder(self, resource: str) -> Callable[[Iterable[dict[str, Any]]], search.Ordered]:
        """The request's expression and order, as a function of the records."""
        expression = self._get_param("SearchExpression")
        sort_by = self._get_param("SortBy") or "LastModifiedTime"
        known = _known_properties(resource) | {"LastModifiedTime"}
        search.check_expression(expression, known)
        search.check_property(sort_by, known)

        def key(record: Mapping[str, Any]) -> tuple[str, str]:
            value = search.property_value(record, sort_by)
            if sort_by == "LastModifiedTime" and not isinstance(value, datetime):
                value = record["CreationTime"]
            return search.sort_text(value), record[f"{resource}Arn"]

        return lambda records: search.in_order(
            (record for record in records if search.matches(record, expression)), key
        )

    # ---- Studio user profiles

    def create_user_profile(self) -> ActionResult:
        domain, name = self._get_param("DomainId"), self._get_param("UserProfileName")
        self.sagemaker_backend.describe_domain(domain)
        arn = f"arn:aws:sagemaker:{self.region}:{self.current_account}:user-profile/{domain}/{name.lower()}"
        now = CLOCK.naive_now()
        self._registry().profiles[(domain, name)] = {
            "DomainId": domain,
            "UserProfileName": name,
            "UserProfileArn": arn,
            "Status": "InService",
            "CreationTime": now,
            "LastModifiedTime": now,
            "UserSettings": self._get_param("UserSettings") or {},
        }
        return ActionResult({"UserProfileArn": arn})

    def _profile(self) -> dict[str, Any]:
        domain, name = self._get_param("DomainId"), self._get_param("UserProfileName")
        profile = self._registry().profiles.get((domain, name))
        if profile is None:
            raise ResourceNotFound(message=f"User profile {name} not found in domain {domain}")
        return profile

    def describe_user_profile(self) -> ActionResult:
        return ActionResult(self._profile())

    def list_user_profiles(self) -> ActionResult:
        domain = self._get_param("DomainIdEquals")
        contains = self._get_param("UserProfileNameContains") or ""
        chosen = [
            profile
            for (owner, name), profile in self._registry().profiles.items()
            if domain in (None, owner) and contains in name
        ]
        return ActionResult({"UserProfiles": chosen})

    def delete_user_profile(self) -> ActionResult:
        profile = self._profile()
        del self._registry().profiles[(profile["DomainId"], profile["UserProfileName"])]
        return EmptyResult()

    def create_presigned_domain_url(self) -> ActionResult:
        domain = self.sagemaker_backend.describe_domain(self._get_param("DomainId"))
        if domain["AuthMode"] == "SSO":
            raise ValidationError("CreatePresignedDomainUrl can only be called for a Domain whose AuthMode is IAM.")
        profile = self._profile()
        seconds = self._get_param("ExpiresInSeconds") or PRESIGNED_SECONDS
        landing = f"&landing={quote(self._get_param('LandingUri') or '')}"
        token = hashlib.sha256(secrets.token_bytes(32)).hexdigest()
        host = f"{profile['DomainId']}.studio.{self.region}.sagemaker.aws"
        expires = int(CLOCK.timestamp()) + seconds
        return ActionResult({"AuthorizedUrl": f"https://{host}/auth?token={token}&X-Expires={expires}{landing}"})


def _shared_with(account: str, region: str) -> list[Entry]:
    return [
        group
        for owner, backends in list(models.sagemaker_backends.items())
        if owner != account and region in list(backends.keys())
        for group in backends[region].registry.groups.values()
        if ram_state.opens(group.arn, account, region)
    ]


def install() -> None:
    models.sagemaker_backends.backend = FaithfulSageMakerBackend
    for path in urls.url_paths:
        urls.url_paths[path] = FaithfulSageMakerResponse.dispatch
