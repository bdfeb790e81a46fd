# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether registry events are recorded in a region, and the trail that is made when they are not: pure functions.

The bucket's policy: docs.aws.amazon.com/awscloudtrail/latest/userguide/create-s3-bucket-policy-for-cloudtrail.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..trail_coverage import Coverage, TrailState
from .errors import InputError
from .plan import Operation, Plan, make_plan
from .policy import Document, merge_by_sid, same_policy

_NAME = re.compile(r"[A-Za-z0-9](?:[._-]?[A-Za-z0-9])+[._-]?|[A-Za-z0-9][._-][A-Za-z0-9]")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
SELECTORS = ({"ReadWriteType": "WriteOnly", "IncludeManagementEvents": True, "DataResources": []},)


@dataclass(frozen=True, slots=True)
class BucketState:
    """The bucket that a trail of ours writes to."""

    name: str
    policy: Document | None
    public_access_blocked: bool

    def as_result(self) -> dict[str, Any]:
        """The bucket as the module returns it."""
        return {"name": self.name, "policy": self.policy, "public_access_blocked": self.public_access_blocked}


@dataclass(frozen=True, slots=True)
class RecordingState:
    """The trails of a region, and our bucket where a trail of ours is wanted."""

    coverage: Coverage
    bucket: BucketState | None = None

    def as_result(self) -> dict[str, Any]:
        """Whether events are recorded, the trail that does it, and the bucket."""
        covering = self.coverage.covering
        return {
            "covered": covering is not None,
            "trail": covering and covering.as_result(self.coverage.region),
            "bucket": self.bucket and self.bucket.as_result(),
        }


@dataclass(frozen=True, slots=True)
class DesiredRecording:
    """Registry events shall be recorded; `create` makes a trail called `name` where no other does it."""

    name: str
    arn: str
    bucket: str
    bucket_policy: Document
    region: str
    required: bool = True
    create: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)


def trail_bucket_policy(bucket: str, trail_arn: str, partition: str, account: str) -> dict[str, Any]:
    """What CloudTrail asks of the bucket, for this one trail."""
    bucket_arn = f"arn:{partition}:s3:::{bucket}"
    common = {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}}
    source = {"aws:SourceArn": trail_arn}
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                **common,
                "Sid": "CloudTrailAclCheck",
                "Action": "s3:GetBucketAcl",
                "Resource": bucket_arn,
                "Condition": {"StringEquals": source},
            },
            {
                **common,
                "Sid": "CloudTrailWrite",
                "Action": "s3:PutObject",
                "Resource": f"{bucket_arn}/AWSLogs/{account}/*",
                "Condition": {"StringEquals": {**source, "s3:x-amz-acl": "bucket-owner-full-control"}},
            },
        ],
    }


def check_recording(name: str, bucket: str) -> None:
    """Raise InputError for a trail or a bucket that AWS would refuse by its name."""
    if not (3 <= len(name) <= 128 and _NAME.fullmatch(name)):
        raise InputError(
            f"trail.name is {name!r}; it has 3 to 128 letters, digits, dots, hyphens and underscores, begins with a "
            "letter or a digit, and has no two of the others side by side."
        )
    if bucket and (not _BUCKET.fullmatch(bucket) or ".." in bucket):
        raise InputError(
            f"trail.bucket is {bucket!r}; it has 3 to 63 lower-case letters, digits, dots and hyphens, and begins and "
            "ends with a letter or a digit."
        )


def plan_recording(
    desired: DesiredRecording, coverage: Coverage, bucket: Callable[[], BucketState | None], partition: str
) -> Plan[RecordingState]:
    """The operations that have events recorded; `bucket` reads our bucket and is asked only when a trail is wanted.

    Raises InputError where nothing records them, a trail is required, and none is to be made.
    """
    before = RecordingState(coverage)
    if coverage.covering is not None or not (desired.create or desired.required):
        return Plan(before, before, ())
    if not desired.create:
        raise InputError(
            f"{coverage.mend()} To have one made, set trail.create: true (in the role aws_events, set "
            "aws_events_create_trail: true); to go on without, set trail.require: false (there "
            "aws_events_require_trail: false)."
        )
    before = RecordingState(coverage, bucket())
    operations = (*_bucket_operations(desired, before.bucket, partition), *_trail_operations(desired, coverage))
    return make_plan(before, operations, simulate_recording)


def _bucket_operations(desired: DesiredRecording, current: BucketState | None, partition: str) -> list[Operation]:
    operations = []
    if current is None:
        operations.append(Operation("create_bucket", {}, {"name": desired.bucket, "tags": dict(desired.tags)}))
    if current is None or not current.public_access_blocked:
        operations.append(
            Operation("put_public_access_block", {"public_access_blocked": False}, {"public_access_blocked": True})
        )
    policy = current.policy if current else None
    wanted = merge_by_sid(policy, desired.bucket_policy, partition)
    if not same_policy(wanted, policy, partition):
        operations.append(Operation("put_bucket_policy", {"policy": policy}, {"policy": wanted}))
    return operations


def _trail_operations(desired: DesiredRecording, coverage: Coverage) -> list[Operation]:
    """From a trail of ours, whatever is left of it, to one that covers the region."""
    trail = _own(desired.name, coverage)
    operations = []
    if trail is None:
        made = TrailState(desired.name, desired.arn, desired.region, True, False, False, SELECTORS)
        after = {"trail": replace(made, event_selectors=())}
        # Until the selectors are set the trail logs nothing, for it is not started yet.
        operations = [Operation("create_trail", {}, {**after, "tags": dict(desired.tags)})]
        operations.append(Operation("put_event_selectors", {}, {"trail": made}))
        trail = made
    else:
        if not trail.multi_region:
            trail = replace(trail, multi_region=True)
            operations.append(Operation("update_trail", {"multi_region": False}, {"trail": trail}))
        wanted = replace(trail, event_selectors=SELECTORS, advanced_event_selectors=(), selectors_error="")
        if _lacks_selectors(trail, coverage.region):
            trail = wanted
            operations.append(Operation("put_event_selectors", {}, {"trail": wanted}))
    if not trail.logging:
        operations.append(Operation("start_logging", {"logging": False}, {"trail": replace(trail, logging=True)}))
    return operations


def _own(name: str, coverage: Coverage) -> TrailState | None:
    return next((trail for trail in coverage.trails if trail.name == name and not trail.organization), None)


def _lacks_selectors(trail: TrailState, region: str) -> bool:
    logging = Coverage(region, (replace(trail, logging=True),))
    return logging.covering is None


def simulate_recording(state: RecordingState | None, operation: Operation) -> RecordingState | None:
    """The trails and the bucket after an operation."""
    if state is None:
        return None
    if operation.name == "create_bucket":
        return replace(state, bucket=BucketState(operation.after["name"], None, False))
    if "trail" in operation.after:
        trail = operation.after["trail"]
        others = tuple(one for one in state.coverage.trails if one.name != trail.name)
        return replace(state, coverage=Coverage(state.coverage.region, (*others, trail)))
    return replace(state, bucket=state.bucket and replace(state.bucket, **operation.after))
