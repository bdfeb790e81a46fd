# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an event of the queue says about the registry: which entities may have changed, and nothing else.

An event is a hint. Its payload is never used as data: CloudTrail drops fields over 100 KB (`omitted`), hides model
card content, records failed calls, and delivers late, twice or not at all. `parse` finds the ARNs to look at again.

Two kinds of event are understood:

* ``AWS API Call via CloudTrail``, the five calls of `EVENT_NAMES`. CloudTrail lowers the first letter of the API's
  field names; both spellings are accepted, since no sample of these calls is published.
* ``SageMaker Model Package State Change``, which also reports what no API call does: a package completes, or fails.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone

from .arn import RegistryArn, group_arn, parse_arn
from .errors import InvalidArnError, UndecodableEventError

CLOUDTRAIL = "AWS API Call via CloudTrail"
STATE_CHANGE = "SageMaker Model Package State Change"
_CREATE_PACKAGE = "CreateModelPackage"
_PACKAGE_CALLS = (_CREATE_PACKAGE, "UpdateModelPackage", "DeleteModelPackage")
_GROUP_CALLS = ("CreateModelPackageGroup", "DeleteModelPackageGroup")
EVENT_NAMES = _PACKAGE_CALLS + _GROUP_CALLS
# The API's `EntityName`: 1 to 63 letters, digits and inner hyphens.
_NAME = re.compile(r"[a-zA-Z0-9](?:-*[a-zA-Z0-9]){0,62}")

_Json = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Touched:
    """Entities that may have changed. ``arns`` is never empty; ``event_time`` is aware, or None when not readable."""

    arns: tuple[str, ...]
    event_id: str
    event_name: str
    event_time: datetime | None


@dataclass(frozen=True, slots=True)
class Irrelevant:
    """A well-formed event that touches nothing of this registry."""

    reason: str


_UNVERSIONED = Irrelevant("a model package without version, which belongs to no group")


def parse(body: str, *, account_id: str, region: str) -> Touched | Irrelevant:
    """Read the body of one queue message; ``account_id`` and ``region`` are the registry's.

    Raises `UndecodableEventError` and nothing else, whatever ``body`` is.
    """
    event = _decode(body)
    kind = event.get("detail-type")
    if not isinstance(kind, str):
        raise UndecodableEventError("it is not an EventBridge event: it has no detail-type")
    read = _READERS.get(kind)
    if read is None:
        return Irrelevant("a detail-type that is not synchronised")
    if event.get("source") != "aws.sagemaker":
        return Irrelevant("an event of another source than aws.sagemaker")
    detail = event.get("detail")
    if not isinstance(detail, Mapping):
        raise UndecodableEventError("its detail is not an object")
    return read(event, detail, account_id, region)


def _decode(body: str) -> _Json:
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        raise UndecodableEventError("it is not JSON") from None
    if not isinstance(event, dict):
        raise UndecodableEventError("it is not a JSON object")
    return event


def _read_call(event: _Json, detail: _Json, account_id: str, region: str) -> Touched | Irrelevant:
    name = _get(detail, "eventName")
    if _get(detail, "eventSource") != "sagemaker.amazonaws.com" or name not in EVENT_NAMES:
        return Irrelevant("a call that is not synchronised")
    version = _get(detail, "eventVersion")
    if isinstance(version, str) and version.split(".")[0] != "1":
        raise UndecodableEventError("its CloudTrail record version is newer than 1.x")
    if _get(detail, "errorCode") is not None:
        return Irrelevant("a call that failed")
    request = _object(detail, "requestParameters")
    response = _object(detail, "responseElements")
    owner = _owner(event, detail)
    find = _group if name in _GROUP_CALLS else _package
    arn = find(str(name), request, response, owner)
    return _touched(arn, account_id, region, _get(detail, "eventID"), str(name), _get(detail, "eventTime"))


def _read_state_change(event: _Json, detail: _Json, account_id: str, region: str) -> Touched | Irrelevant:
    arn = _arn(_get(detail, "ModelPackageArn"))
    if arn is None or arn.is_group:
        raise UndecodableEventError("its ModelPackageArn is missing or not the ARN of a model package")
    return _touched(_canonical(arn), account_id, region, event.get("id"), STATE_CHANGE, event.get("time"))


_READERS: Mapping[str, Callable[[_Json, _Json, str, str], Touched | Irrelevant]] = {
    CLOUDTRAIL: _read_call,
    STATE_CHANGE: _read_state_change,
}


def _touched(
    arn: RegistryArn | Irrelevant, account_id: str, region: str, event_id: object, name: str, time: object
) -> Touched | Irrelevant:
    if isinstance(arn, Irrelevant):
        return arn
    if not arn.is_group and arn.version is None:
        return _UNVERSIONED
    if arn.account_id != account_id:
        return Irrelevant("an entity of another account")
    if arn.region != region:
        return Irrelevant("an entity of another region")
    return Touched((str(arn),), _identifier(event_id), name, _time(time))


def _package(name: str, request: _Json, response: _Json, owner: tuple[str, str]) -> RegistryArn | Irrelevant:
    """The package's ARN, or its group's for a creation whose answer is missing."""
    given = _get(request, "modelPackageName")
    for text in (_get(response, "modelPackageArn"), _get(request, "modelPackageArn"), given):
        arn = _arn(text)
        if arn is not None and not arn.is_group:
            return _canonical(arn)
    if name == _CREATE_PACKAGE and _get(request, "modelPackageGroupName") is not None:
        # Only the answer has the new version's number, and CloudTrail omits it when too large: look at the group.
        return _group(name, request, {}, owner)
    if _is_name(given):
        return _UNVERSIONED
    if _get(request, "omitted") is True:
        return Irrelevant("a record without its request, which was too large: the sweeps find the change")
    raise UndecodableEventError(f"its {name} call names no model package")


def _group(name: str, request: _Json, response: _Json, owner: tuple[str, str]) -> RegistryArn:
    """The group's ARN: as answered, as asked for, or built from its name in the owner's account and region."""
    given = _get(request, "modelPackageGroupName")
    for text in (_get(response, "modelPackageGroupArn"), given):
        arn = _arn(text)
        if arn is not None and arn.is_group:
            return arn
    account_id, region = owner
    built = _arn(str(group_arn(region, account_id, str(given)))) if _is_name(given) else None
    if built is None:
        raise UndecodableEventError(
            f"its {name} call names no model package group, or no account and region to look in"
        )
    return built


def _arn(text: object) -> RegistryArn | None:
    """The entity that ``text`` names; None when it is something else (the API's own limit is 176 characters)."""
    if not isinstance(text, str) or len(text) > 256:
        return None
    try:
        return parse_arn(text)
    except InvalidArnError:
        return None


def _canonical(package: RegistryArn) -> RegistryArn:
    """One key for one package: a caller may write capitals where the service's own ARN has none."""
    return replace(package, name=package.name.lower())


def _is_name(text: object) -> bool:
    return isinstance(text, str) and _NAME.fullmatch(text) is not None


def _owner(event: _Json, detail: _Json) -> tuple[str, str]:
    """Account and region that the record was delivered to; `userIdentity` is only the caller, who may be elsewhere."""
    account = _get(detail, "recipientAccountId") or event.get("account")
    region = _get(detail, "awsRegion") or event.get("region")
    return str(account), str(region)


def _get(fields: _Json, name: str) -> object:
    """A field in either spelling of its first letter."""
    for spelling in (name, name[0].swapcase() + name[1:]):
        if spelling in fields:
            return fields[spelling]
    return None


def _object(fields: _Json, name: str) -> _Json:
    value = _get(fields, name)
    return value if isinstance(value, Mapping) else {}


def _identifier(value: object) -> str:
    """An event id fit for a log line."""
    return value if isinstance(value, str) and value.isascii() and value.isprintable() and len(value) <= 128 else ""


def _time(value: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        # Python 3.10 does not read the Z that CloudTrail writes.
        moment = datetime.fromisoformat(f"{value[:-1]}+00:00" if value.endswith("Z") else value)
        return moment.astimezone(timezone.utc) if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    except (ValueError, OverflowError):
        return None
