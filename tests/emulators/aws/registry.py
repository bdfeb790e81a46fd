# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Model Registry of one account and region: groups, packages, their index, and the rules of changing them.

Records are kept in the shape of the API. A change replaces the record's dict, so an index entry taken before stays.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from moto.sagemaker.exceptions import ConflictException, ValidationError

from tests.emulators.aws.clock import CLOCK
from tests.emulators.aws.policy import resource_policy_error
from tests.emulators.aws.search import Ordered

REMEMBERED_SEARCHES = 8
APPROVAL_STATES = ("Approved", "Rejected", "PendingManualApproval")


@dataclass(slots=True)
class RegistrySettings:
    """What tests may turn: how far Search lags behind, how many empty pages precede each page."""

    search_lag: float = 0.0
    empty_pages: int = 0
    last_modified_at_creation: bool = True


SETTINGS = RegistrySettings()


@dataclass(slots=True)
class Entry:
    """A group or a package. ``arn`` and ``tags`` are what moto's tagging API reads."""

    arn: str
    name: str
    fields: dict[str, Any]
    tags: list[dict[str, str]] = field(default_factory=list)
    policy: str | None = None
    next_version: int = 1
    members: dict[str, Entry] = field(default_factory=dict)

    def record(self) -> dict[str, Any]:
        """As Search shows it."""
        return {**self.fields, "Tags": list(self.tags)}


@dataclass(slots=True)
class _Index:
    """What Search sees: records by ARN, behind the truth by the settings' lag."""

    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    changes: deque[tuple[float, str, dict[str, Any] | None]] = field(default_factory=deque)
    revision: int = 0

    def note(self, arn: str, record: dict[str, Any] | None) -> None:
        self.changes.append((CLOCK.timestamp(), arn, record))

    def visible(self) -> dict[str, dict[str, Any]]:
        horizon = CLOCK.timestamp() - SETTINGS.search_lag
        while self.changes and self.changes[0][0] <= horizon:
            _unused, arn, record = self.changes.popleft()
            self.revision += 1
            if record is None:
                self.records.pop(arn, None)
            else:
                self.records[arn] = record
        return self.records


class Registry:
    """Groups by name and packages by ARN; every method locks."""

    def __init__(self, account: str, region: str) -> None:
        self.account = account
        self.region = region
        self.groups: dict[str, Entry] = {}
        self.packages: dict[str, Entry] = {}
        self.profiles: dict[tuple[str, str], dict[str, Any]] = {}
        self.lock = threading.RLock()
        self._group_index = _Index()
        self._package_index = _Index()
        self._tokens: dict[str, str] = {}
        self._found: dict[str, tuple[int, Ordered]] = {}

    def _arn(self, kind: str, name: str) -> str:
        return f"arn:aws:sagemaker:{self.region}:{self.account}:{kind}/{name}"

    def search(self, resource: str, fingerprint: str, find: Callable[[Iterable[dict[str, Any]]], Ordered]) -> Ordered:
        """What ``find`` makes of the indexed records; a walk's next page finds it made already."""
        with self.lock:
            index = self._package_index if resource == "ModelPackage" else self._group_index
            records = index.visible()
            made = self._found.get(fingerprint)
            if made is None or made[0] != index.revision:
                made = (index.revision, find(records.values()))
                self._found[fingerprint] = made
                while len(self._found) > REMEMBERED_SEARCHES:
                    del self._found[next(iter(self._found))]
            return made[1]

    # ---- groups

    def create_group(self, name: str, description: str | None, tags: list[dict[str, str]], user: Any) -> Entry:
        with self.lock:
            if name in self.groups:
                raise ValidationError(f"Model Package Group already exists: {self._arn('model-package-group', name)}")
            fields = {
                "ModelPackageGroupName": name,
                "ModelPackageGroupArn": self._arn("model-package-group", name),
                "ModelPackageGroupDescription": description,
                "CreationTime": CLOCK.naive_now(),
                "CreatedBy": user,
                "ModelPackageGroupStatus": "Completed",
            }
            group = Entry(fields["ModelPackageGroupArn"], name, _without_none(fields), list(tags))
            self.groups[name] = group
            self._group_index.note(group.arn, group.record())
            return group

    def group(self, name_or_arn: str) -> Entry:
        name = name_or_arn.rsplit("/", 1)[-1]
        group = self.groups.get(name)
        if group is None:
            raise ValidationError(f"ModelPackageGroup {self._arn('model-package-group', name)} does not exist.")
        return group

    def delete_group(self, name_or_arn: str) -> None:
        with self.lock:
            group = self.group(name_or_arn)
            if group.members:
                raise ConflictException(
                    f"Model Package Group {group.arn} cannot be deleted: it still contains model packages."
                )
            del self.groups[group.name]
            self._group_index.note(group.arn, None)

    def put_policy(self, name: str, text: str) -> Entry:
        group = self.group(name)
        problem = resource_policy_error(text)
        if problem:
            raise ValidationError(f"Invalid resource policy: {problem}.")
        group.policy = text
        return group

    # ---- packages

    def create_package(
        self,
        group_name: str | None,
        name: str | None,
        given: Mapping[str, Any],
        tags: list[dict[str, str]],
        user: Any,
        client_token: str | None = None,
    ) -> Entry:
        with self.lock:
            earlier = self.packages.get(self._tokens.get(client_token or "", ""))
            if earlier is not None:
                return earlier
            check_approval(given.get("ModelApprovalStatus"))
            entry = self._new_package(group_name, name, given, tags, user)
            if entry.arn in self.packages:
                raise ValidationError(f"Model Package already exists: {entry.arn}")
            self.packages[entry.arn] = entry
            if group_name:
                self.group(group_name).members[entry.arn] = entry
            if client_token:
                self._tokens[client_token] = entry.arn
            self._package_index.note(entry.arn, entry.record())
            return entry

    def _new_package(
        self,
        group_name: str | None,
        name: str | None,
        given: Mapping[str, Any],
        tags: list[dict[str, str]],
        user: Any,
    ) -> Entry:
        if bool(group_name) == bool(name):
            raise ValidationError("Exactly one of ModelPackageName and ModelPackageGroupName must be given.")
        now = CLOCK.naive_now()
        identity: dict[str, Any]
        if group_name:
            group = self.group(group_name)
            arn = self._arn("model-package", f"{group.name.lower()}/{group.next_version}")
            identity = {"ModelPackageGroupName": group.name, "ModelPackageVersion": group.next_version}
            identity["ModelApprovalStatus"] = "PendingManualApproval"
            name = group.name
            group.next_version += 1
        else:
            arn = self._arn("model-package", str(name).lower())
            identity = {"ModelPackageName": name}
        fields = {
            **identity,
            "ModelPackageArn": arn,
            "CreationTime": now,
            "LastModifiedTime": now if SETTINGS.last_modified_at_creation else None,
            "CreatedBy": user,
            "LastModifiedBy": user if SETTINGS.last_modified_at_creation else None,
            "ModelPackageStatus": "Completed",
            "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
            "CertifyForMarketplace": False,
            **_without_none(given),
        }
        return Entry(arn, str(name), _without_none(fields), list(tags))

    def package(self, name_or_arn: str) -> Entry:
        arn = name_or_arn if name_or_arn.startswith("arn:") else self._arn("model-package", name_or_arn.lower())
        entry = self.packages.get(arn)
        if entry is None:
            raise ValidationError(f"ModelPackage {arn} does not exist.")
        return entry

    def update_package(self, arn: str, given: Mapping[str, Any], user: Any) -> Entry:
        """Change what ``given`` names and leave the rest alone."""
        with self.lock:
            entry = self.package(arn)
            check_approval(given.get("ModelApprovalStatus"))
            fields = merged_package(entry.fields, given)
            entry.fields = {**fields, "LastModifiedTime": CLOCK.naive_now(), "LastModifiedBy": user}
            self._package_index.note(entry.arn, entry.record())
            return entry

    def delete_package(self, name_or_arn: str) -> None:
        with self.lock:
            entry = self.package(name_or_arn)
            del self.packages[entry.arn]
            group = self.groups.get(entry.fields.get("ModelPackageGroupName", ""))
            if group is not None:
                del group.members[entry.arn]
            self._package_index.note(entry.arn, None)

    # ---- tags

    def tagged(self, arn: str) -> Entry | None:
        """The group or package with this ARN; None when the ARN is of another kind of resource."""
        kind = arn.split(":")[-1].split("/")[0]
        if kind == "model-package":
            return self.package(arn)
        return self.group(arn) if kind == "model-package-group" else None

    def set_tags(self, entry: Entry, tags: list[dict[str, str]]) -> None:
        with self.lock:
            entry.tags = tags
            index = self._package_index if entry.arn in self.packages else self._group_index
            index.note(entry.arn, entry.record())

    # ---- bulk

    def preload(self, groups: int, packages_per_group: int, prefix: str, user: Any) -> list[str]:
        """Load ``groups`` × ``packages_per_group`` without the API; the group names made."""
        with self.lock:
            names = [f"{prefix}-{number:05d}" for number in range(groups)]
            for name in names:
                self.create_group(name, f"Preloaded group {name}", [], user)
                for version in range(packages_per_group):
                    self.create_package(name, None, _preloaded(name, version + 1), [], user)
            return names


def _preloaded(group: str, version: int) -> dict[str, Any]:
    container = {
        "Image": "111122223333.dkr.ecr.us-east-1.amazonaws.com/xgb:1.7",
        "ModelDataUrl": f"s3://models/{group}",
    }
    return {
        "ModelPackageDescription": f"{group} version {version}",
        "InferenceSpecification": {"Containers": [container]},
        "CustomerMetadataProperties": {"Owner": "preload"},
    }


def _without_none(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def check_approval(status: str | None) -> None:
    if status is not None and status not in APPROVAL_STATES:
        raise ValidationError(
            f"1 validation error detected: Value '{status}' at 'modelApprovalStatus' failed to satisfy constraint: "
            "Member must satisfy enum value set: [Approved, Rejected, PendingManualApproval]"
        )


def merged_package(fields: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The record after UpdateModelPackage: maps and the card are merged, lists are added to, the rest is replaced."""
    result = dict(fields)
    for name, value in given.items():
        if value is None:
            continue
        if name == "CustomerMetadataPropertiesToRemove":
            properties = result.get("CustomerMetadataProperties", {})
            result["CustomerMetadataProperties"] = {key: properties[key] for key in properties if key not in value}
        elif name == "AdditionalInferenceSpecificationsToAdd":
            result["AdditionalInferenceSpecifications"] = [*result.get("AdditionalInferenceSpecifications", []), *value]
        elif name in ("CustomerMetadataProperties", "ModelCard", "ModelLifeCycle"):
            result[name] = {**result.get(name, {}), **value}
        else:
            result[name] = value
    if not result.get("CustomerMetadataProperties"):
        result.pop("CustomerMetadataProperties", None)
    return result
