# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a CloudTrail trail and its bucket where nothing records what the rule waits for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .client import ServiceClient
from .documents import compact, parse_object
from .errors import AwsError
from .patience import Patience
from .plan import Operation, Outcome, Plan, converge
from .trail import ClientOf, read_coverage
from .trail_plan import SELECTORS, BucketState, DesiredRecording, RecordingState, plan_recording

_NO_BUCKET = ("NoSuchBucket",)
_BLOCK = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
_OWN = "BucketAlreadyOwnedByYou"


class BucketClient(ServiceClient):
    """A client of S3, whose operations and IAM actions have different names."""

    __slots__ = ()
    _ACTIONS: Mapping[str, str] = {
        "get_public_access_block": "s3:GetBucketPublicAccessBlock",
        "put_public_access_block": "s3:PutBucketPublicAccessBlock",
    }

    def _action(self, method: str) -> str:
        return self._ACTIONS.get(method) or ServiceClient._action(self, method)


def read_bucket(s3: BucketClient, name: str) -> BucketState | None:
    """The bucket's policy and its block of public access; three calls, one where there is no bucket."""
    if s3.find("get_bucket_location", name, _NO_BUCKET, Bucket=name) is None:
        return None
    block = s3.find("get_public_access_block", name, ("NoSuchPublicAccessBlockConfiguration",), Bucket=name) or {}
    answer = s3.find("get_bucket_policy", name, ("NoSuchBucketPolicy",), Bucket=name)
    policy = parse_object(s3.required(answer, "Policy", "get_bucket_policy", name), "the policy") if answer else None
    found = block.get("PublicAccessBlockConfiguration", {})
    return BucketState(name, policy, all(found.get(key) for key in _BLOCK))


def ensure_recording(
    cloudtrail: ServiceClient,
    s3: Callable[[], BucketClient],
    desired: DesiredRecording,
    *,
    client_of: ClientOf,
    check_mode: bool,
    patience: Patience,
) -> Outcome[RecordingState]:
    """See to it that registry events are recorded; in check mode only say what would be done.

    `s3` is asked for its client only where a bucket is wanted.
    """
    coverage = read_coverage(cloudtrail, client_of)
    plan = plan_recording(desired, coverage, lambda: read_bucket(s3(), desired.bucket), cloudtrail.partition)
    writer = _Writer(cloudtrail, s3, desired)

    def read_back(plan: Plan[RecordingState]) -> tuple[RecordingState | None, tuple[str, ...]]:
        found, covered = patience.until(
            lambda: read_coverage(cloudtrail, client_of), lambda answer: answer.covering is not None
        )
        if not covered:
            raise AwsError(found.mend())
        # The bucket's state is what was written: both calls replace all that they set.
        return RecordingState(found, plan.after.bucket if plan.after else None), ()

    return converge(plan, check_mode=check_mode, apply=writer.apply, read_back=read_back)


@dataclass(frozen=True, slots=True)
class _Writer:
    cloudtrail: ServiceClient
    s3: Callable[[], BucketClient]
    desired: DesiredRecording

    def apply(self, operation: Operation) -> None:
        """One AWS call an operation; a bucket's tags are a second one."""
        trail, bucket, calls = self.desired.name, self.desired.bucket, self.cloudtrail
        if operation.name == "create_bucket":
            self._create_bucket(operation.after["tags"])
        elif operation.name == "put_public_access_block":
            self.s3().call(
                "put_public_access_block",
                bucket,
                Bucket=bucket,
                PublicAccessBlockConfiguration=dict.fromkeys(_BLOCK, True),
            )
        elif operation.name == "put_bucket_policy":
            self.s3().call("put_bucket_policy", bucket, Bucket=bucket, Policy=compact(operation.after["policy"]))
        elif operation.name == "create_trail":
            self._create_trail(operation.after["tags"])
        elif operation.name == "update_trail":
            calls.call("update_trail", trail, Name=trail, IsMultiRegionTrail=True)
        elif operation.name == "put_event_selectors":
            calls.call("put_event_selectors", trail, TrailName=trail, EventSelectors=[dict(one) for one in SELECTORS])
        else:
            calls.call("start_logging", trail, Name=trail)

    def _create_bucket(self, tags: Mapping[str, str]) -> None:
        name, region = self.desired.bucket, self.desired.region
        # S3 refuses the name of its first region as a location, and needs that of every other.
        place: dict[str, Any] = (
            {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        )
        self.s3().find("create_bucket", name, (_OWN,), Bucket=name, **place)
        if tags:
            self.s3().call("put_bucket_tagging", name, Bucket=name, Tagging={"TagSet": _tag_list(tags)})

    def _create_trail(self, tags: Mapping[str, str]) -> None:
        self.cloudtrail.call(
            "create_trail",
            self.desired.name,
            Name=self.desired.name,
            S3BucketName=self.desired.bucket,
            IsMultiRegionTrail=True,
            IncludeGlobalServiceEvents=True,
            EnableLogFileValidation=True,
            **({"TagsList": _tag_list(tags)} if tags else {}),
        )


def _tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
