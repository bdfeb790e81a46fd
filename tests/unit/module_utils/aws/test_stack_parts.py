# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans of alarms, of a key's policy and of a trail: carried out they leave nothing to do, and touch nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.wxgov.sagemaker.plugins.module_utils.aws.alarm_plan import (
    Alarm,
    AlarmsState,
    DesiredAlarms,
    plan_alarms,
    queue_alarm,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.aws.errors import InputError
from ansible_collections.wxgov.sagemaker.plugins.module_utils.aws.key_policy import (
    DesiredKeyStatement,
    KeyState,
    plan_key,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.aws.trail_plan import (
    BucketState,
    DesiredRecording,
    plan_recording,
    trail_bucket_policy,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.trail_coverage import Coverage, TrailState

REGION = "eu-west-1"
tags = st.dictionaries(st.sampled_from("abc"), st.sampled_from("12"), max_size=3)
actions = st.none() | st.lists(st.sampled_from(("arn:aws:sns:x:1:a", "arn:aws:sns:x:1:b")), unique=True)
settings = st.builds(queue_alarm, st.sampled_from(("q", "r")), st.just("Age"), st.integers(0, 3), st.just("d"), actions)
UNTOUCHED = {
    "actions": [],
    "ok_actions": ["arn:aws:sns:x:1:o"],
    "insufficient_data_actions": [],
    "actions_enabled": False,
}


def arn_of(name: str) -> str:
    return f"arn:aws:cloudwatch:{REGION}:111122223333:alarm:{name}"


alarms = st.dictionaries(
    st.sampled_from("xyz"), st.builds(lambda one, two: ({**UNTOUCHED, **one}, two), settings, tags), max_size=3
).map(
    lambda found: (
        AlarmsState({name: Alarm(name, arn_of(name), *rest) for name, rest in found.items()}) if found else None
    )
)
desired_alarms = st.builds(
    DesiredAlarms,
    st.dictionaries(st.sampled_from("xyz"), settings, min_size=1),
    st.booleans(),
    st.none() | tags,
)


@given(desired_alarms, alarms)
def test_a_plan_of_alarms_leaves_nothing_to_do(desired: DesiredAlarms, current: AlarmsState | None) -> None:
    plan = plan_alarms(desired, current, arn_of)
    assert plan_alarms(desired, plan.after, arn_of).operations == ()
    if desired.present:
        assert plan.after is not None
        for name, wanted in desired.alarms.items():
            found = plan.after.alarms[name]
            assert {key: found.settings[key] for key in wanted} == wanted
            assert dict(desired.tags or {}).items() <= found.tags.items()
    else:
        assert plan.after is None


@given(desired_alarms, alarms)
def test_what_others_set_on_an_alarm_stays(desired: DesiredAlarms, current: AlarmsState | None) -> None:
    after = plan_alarms(replace(desired, present=True), current, arn_of).after
    assert after is not None
    for name, before in (current.alarms if current else {}).items():
        found = after.alarms[name].settings
        assert found["ok_actions"] == ["arn:aws:sns:x:1:o"]
        assert found["actions_enabled"] is False
        if name not in desired.alarms or "actions" not in desired.alarms[name]:
            assert found["actions"] == before.settings["actions"]


FOREIGN = {"Sid": "root", "Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "kms:*", "Resource": "*"}
KEY = KeyState("k", "arn:aws:kms:eu-west-1:111122223333:key/k", {"Version": "2012-10-17", "Statement": [FOREIGN]})


def test_each_connection_has_a_statement_of_its_own_in_the_keys_policy() -> None:
    one, two = DesiredKeyStatement("k", "one"), DesiredKeyStatement("k", "two")
    both = plan_key(two, plan_key(one, KEY, "aws").after, "aws").after
    assert both is not None
    assert [statement["Sid"] for statement in both.policy["Statement"]] == ["root", "one", "two"]
    for desired in (one, two):
        assert plan_key(desired, both, "aws").operations == ()
    left = plan_key(replace(one, present=False), both, "aws").after
    assert left is not None
    assert [statement["Sid"] for statement in left.policy["Statement"]] == ["root", "two"]
    assert plan_key(replace(one, present=False), left, "aws").operations == ()
    assert plan_key(two, left, "aws").operations == ()


def test_a_statement_of_ours_that_somebody_changed_is_mended() -> None:
    desired = DesiredKeyStatement("k", "one")
    bent = {**desired.statement, "Action": "kms:Decrypt"}
    current = replace(KEY, policy={**KEY.policy, "Statement": [FOREIGN, bent]})
    after = plan_key(desired, current, "aws").after
    assert after is not None
    assert after.policy["Statement"] == [FOREIGN, desired.statement]


ARN = f"arn:aws:cloudtrail:{REGION}:111122223333:trail/ours"
OURS = DesiredRecording("ours", ARN, "bucket", trail_bucket_policy("bucket", ARN, "aws", "111122223333"), REGION)
COVERING = TrailState("theirs", f"{ARN}-not", REGION, True, False, True)


def recording(trails: tuple[TrailState, ...], bucket: BucketState | None, **options: Any) -> list[str]:
    """The operations, after a look that nothing is left to do once they are carried out."""
    desired = replace(OURS, **options)
    plan = plan_recording(desired, Coverage(REGION, trails), lambda: bucket, "aws")
    assert plan.after is not None
    if desired.create:
        assert plan.after.coverage.covering is not None
        again = plan_recording(desired, plan.after.coverage, lambda: pytest.fail("the bucket was read"), "aws")
        assert again.operations == ()
    return [operation.name for operation in plan.operations]


BUCKET = BucketState("bucket", OURS.bucket_policy, True)
OWN = TrailState("ours", ARN, REGION, True, False, True)
READ_ONLY = ({"ReadWriteType": "ReadOnly", "IncludeManagementEvents": True},)
MAKE_BUCKET = ["create_bucket", "put_public_access_block", "put_bucket_policy"]
MAKE_TRAIL = ["create_trail", "put_event_selectors", "start_logging"]


@pytest.mark.parametrize(
    ("trails", "bucket", "operations"),
    [
        ((COVERING,), None, []),
        ((), None, MAKE_BUCKET + MAKE_TRAIL),
        ((), BUCKET, MAKE_TRAIL),
        ((), replace(BUCKET, policy=None), ["put_bucket_policy", *MAKE_TRAIL]),
        ((), replace(BUCKET, public_access_blocked=False), ["put_public_access_block", *MAKE_TRAIL]),
        ((replace(COVERING, logging=False),), BUCKET, MAKE_TRAIL),
        # What an aborted run leaves, step by step.
        ((replace(OWN, logging=False),), BUCKET, ["start_logging"]),
        ((replace(OWN, logging=False, event_selectors=READ_ONLY),), BUCKET, ["put_event_selectors", "start_logging"]),
        # What somebody did to it by hand.
        ((replace(OWN, event_selectors=READ_ONLY),), BUCKET, ["put_event_selectors"]),
        (
            (replace(OWN, home_region=REGION, multi_region=False, logging=False),),
            BUCKET,
            ["update_trail", "start_logging"],
        ),
        ((replace(OWN, logging=False),), replace(BUCKET, policy=None), ["put_bucket_policy", "start_logging"]),
    ],
)
def test_a_trail_is_made_or_mended_only_where_none_records_events(
    trails: tuple[TrailState, ...], bucket: BucketState | None, operations: list[str]
) -> None:
    assert recording(trails, bucket, create=True) == operations


def test_an_organizations_trail_of_our_name_is_not_ours() -> None:
    organization = replace(OWN, organization=True, logging=False)
    assert recording((organization,), BUCKET, create=True) == MAKE_TRAIL


def test_foreign_statements_of_the_bucket_stay() -> None:
    foreign = {"Sid": "audit", "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"}
    bucket = replace(BUCKET, policy={"Version": "2012-10-17", "Statement": [foreign]})
    plan = plan_recording(replace(OURS, create=True), Coverage(REGION, ()), lambda: bucket, "aws")
    assert plan.after is not None
    assert plan.after.bucket is not None
    assert plan.after.bucket.policy is not None
    assert [one["Sid"] for one in plan.after.bucket.policy["Statement"]] == [
        "audit",
        "CloudTrailAclCheck",
        "CloudTrailWrite",
    ]


def test_without_a_trail_nothing_goes_on_unless_told_so() -> None:
    assert recording((), None, required=False) == []
    with pytest.raises(InputError, match=r"No CloudTrail trail covers eu-west-1.*set trail.create: true"):
        recording((), None)
