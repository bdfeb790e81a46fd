# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of access keys, over every state a user's keys can be in."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.wxgov.sagemaker.plugins.module_utils.aws.access_key_plan import (
    ACTIVE,
    INACTIVE,
    MADE_LATER,
    AccessKeyState,
    DesiredAccessKey,
    KeyState,
    SecretState,
    access_key_of,
    iso,
    key_in_use,
    plan_access_key,
    version_of,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.aws.errors import InputError

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=timezone.utc)
IDS = ("AKIA000000000000AAAA", "AKIA000000000000BBBB")

ages = st.integers(0, 400).map(lambda days: iso(NOW - timedelta(days=days)))
statuses = st.sampled_from((ACTIVE, INACTIVE))
key_sets = st.lists(st.sampled_from(IDS), unique=True, max_size=2).flatmap(
    lambda ids: st.tuples(*(st.builds(KeyState, st.just(key), statuses, ages) for key in ids))
)
secrets = st.none() | st.builds(
    SecretState,
    name=st.just("store"),
    arn=st.just("arn:store"),
    access_key_id=st.sampled_from((None, *IDS, "AKIA000000000000GONE")),
    scheduled_for_deletion=st.booleans(),
)
wishes = st.one_of(
    st.builds(DesiredAccessKey, st.just("u")),
    st.builds(DesiredAccessKey, st.just("u"), secret_name=st.just("store")),
    st.builds(
        DesiredAccessKey,
        st.just("u"),
        access_key_id=st.sampled_from(IDS),
        others=st.sampled_from(("keep", "inactive", "absent")),
    ),
    st.builds(
        DesiredAccessKey,
        st.just("u"),
        secret_name=st.just("store"),
        others=st.sampled_from(("keep", "inactive", "absent")),
    ),
    st.builds(
        DesiredAccessKey,
        st.just("u"),
        st.just("rotated"),
        access_key_id=st.none() | st.sampled_from(IDS),
        max_age_days=st.integers(1, 300),
        secret_name=st.none() | st.just("store"),
    ),
    st.builds(DesiredAccessKey, st.just("u"), st.just("absent"), access_key_id=st.none() | st.sampled_from(IDS)),
    st.builds(DesiredAccessKey, st.just("u"), st.just("absent"), secret_name=st.just("store")),
)


def state_of(
    desired: DesiredAccessKey, keys: tuple[KeyState, ...], secret: SecretState | None
) -> AccessKeyState | None:
    """What the reader would make of it."""
    secret = secret if desired.secret_name else None
    if desired.state == "absent" and secret and secret.scheduled_for_deletion:
        secret = None
    if not keys and secret is None:
        return None
    return AccessKeyState("u", keys, secret, key_in_use(desired, keys, secret))


@given(wishes, key_sets, secrets)
def test_after_the_plan_nothing_is_left_and_nobody_lost_a_working_key(
    desired: DesiredAccessKey, keys: tuple[KeyState, ...], secret: SecretState | None
) -> None:
    current = state_of(desired, keys, secret)
    try:
        plan = plan_access_key(desired, current, NOW)
    except InputError:
        return
    names = [operation.name for operation in plan.operations]
    assert plan_access_key(desired, plan.after, NOW).operations == ()
    assert len(plan.after.keys if plan.after else ()) <= 2
    if desired.state == "absent":
        return
    assert plan.after is not None
    in_use = plan.after.key(plan.after.access_key_id)
    assert in_use is not None
    assert in_use.active
    if desired.secret_name:
        assert plan.after.secret is not None
        assert plan.after.secret.access_key_id == plan.after.access_key_id
    # A key that works now goes on working, unless it was asked to be turned off.
    deleted = {operation.before["access_key_id"] for operation in plan.operations if "delete" in operation.name}
    assert not {key.access_key_id for key in keys if key.active} & deleted
    if desired.others != "inactive":
        assert "deactivate_access_key" not in names
    # While it runs the user never has more keys than AWS allows, and never a secret without its key.
    count = len(keys)
    for name in names:
        count += {"create_access_key": 1, "delete_access_key": -1}.get(name, 0)
        assert count <= 2
    if "create_secret" in names or "put_secret_value" in names:
        at = names.index("create_access_key")
        assert names[at + 1] in ("create_secret", "put_secret_value")


@given(key_sets, st.sampled_from(IDS))
def test_a_rotation_ends_with_a_key_that_is_no_older(keys: tuple[KeyState, ...], old: str) -> None:
    desired = DesiredAccessKey("u", "rotated", access_key_id=old)
    try:
        plan = plan_access_key(desired, state_of(desired, keys, None), NOW)
    except InputError:
        assert len(keys) == 2
        return
    assert plan.after is not None
    in_use = plan.after.key(plan.after.access_key_id)
    replaced = next((key for key in keys if key.access_key_id == old), None)
    assert in_use is not None
    assert in_use.access_key_id != old
    if replaced and in_use.access_key_id != MADE_LATER:
        assert in_use.created >= replaced.created


@pytest.mark.parametrize(("days", "rotates"), [(89, False), (90, True)])
def test_a_key_is_too_old_on_the_day(days: int, rotates: bool) -> None:
    desired = DesiredAccessKey("u", "rotated", max_age_days=90)
    keys = (KeyState(IDS[0], ACTIVE, iso(NOW - timedelta(days=days))),)
    assert plan_access_key(desired, state_of(desired, keys, None), NOW).changed is rotates


@given(st.from_regex(r"(AKIA|ASIA)[A-Z0-9]{16}", fullmatch=True))
def test_a_secrets_version_tells_its_key(key: str) -> None:
    version = version_of(key)
    assert 32 <= len(version) <= 64
    assert access_key_of({"other": ["AWSPREVIOUS"], version: ["AWSCURRENT"]}) == key
    assert access_key_of({version: ["AWSPREVIOUS"]}) is None
    assert access_key_of({"1b4e28ba-2fa1-11d2-883f-0016d3cca427": ["AWSCURRENT"]}) is None


def test_no_state_shows_a_secret() -> None:
    state = AccessKeyState("u", (KeyState(IDS[0]),), SecretState("store", "arn:store", IDS[0], True), IDS[0])
    assert state.as_result()["secret"] is None
