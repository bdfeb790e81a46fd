# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Planning model package groups: any desired state is reached, foreign statements survive, in every partition."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ansible_collections.wxgov.sagemaker.plugins.module_utils.aws.errors import InputError
from ansible_collections.wxgov.sagemaker.plugins.module_utils.aws.model_package_group_plan import (
    READERS,
    REGISTRARS,
    DesiredGroup,
    GroupState,
    accounts_of,
    plan_group,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.aws.policy import statements

PARTITIONS = ("aws", "aws-us-gov", "aws-cn")
ACCOUNTS = ["444455556666", "777788889999", "000011112222"]


def arn(partition: str) -> str:
    return f"arn:{partition}:sagemaker:some-region-1:111122223333:model-package-group/Fraud"


def statement(sid: str, account: str, action: str) -> dict[str, Any]:
    wanted = {"Sid": sid, "Effect": "Allow", "Principal": {"AWS": account}, "Action": action, "Resource": "*"}
    return {key: value for key, value in wanted.items() if value}


accounts = st.lists(st.sampled_from(ACCOUNTS), unique=True)
tags = st.dictionaries(st.sampled_from("xyz"), st.sampled_from("12"))
foreign = st.lists(
    st.builds(
        statement,
        st.sampled_from(["", "A", "B", READERS]),
        st.sampled_from(ACCOUNTS),
        st.sampled_from(["sagemaker:ListModelPackages", "sagemaker:DescribeModelPackage"]),
    ),
    unique_by=lambda entry: entry.get("Sid") or str(entry),
)
policies = foreign.map(lambda found: {"Version": "2012-10-17", "Statement": found} if found else None)
states = st.none() | st.builds(
    GroupState,
    name=st.just("Fraud"),
    arn=st.sampled_from(PARTITIONS).map(arn),
    description=st.just("d"),
    policy=policies,
    tags=tags,
)
typed = st.fixed_dictionaries({}, optional={"readers": accounts, "registrars": accounts})
raw = st.fixed_dictionaries({"policy": policies.map(lambda found: found or {}), "purge_policy": st.booleans()})
desires = st.builds(
    lambda access, **rest: DesiredGroup(name="Fraud", **access, **rest),
    typed | raw,
    present=st.booleans(),
    force=st.booleans(),
    description=st.sampled_from([None, "d"]),
    tags=st.none() | tags,
    purge_tags=st.booleans(),
)


@given(desires, states, st.sampled_from(PARTITIONS), st.integers(0, 2))
def test_one_plan_is_enough(desired: DesiredGroup, current: GroupState | None, partition: str, held: int) -> None:
    assume(desired.present or desired.force or not held)
    packages = [f"{arn(partition)}/{number}" for number in range(held)]
    plan = plan_group(desired, current, lambda: arn(partition), lambda: packages)
    assert plan_group(desired, plan.after, lambda: arn(partition), list).operations == ()
    assert (plan.after is not None) == desired.present
    assert plan.changed == (plan.before != plan.after)


@given(desires.filter(lambda desired: desired.policy is None), states)
def test_foreign_statements_survive_and_ours_say_who(desired: DesiredGroup, current: GroupState | None) -> None:
    assume(desired.present)
    after = plan_group(desired, current, lambda: arn("aws"), list).after
    assert after is not None
    ours = {READERS, REGISTRARS}
    kept = [entry for entry in statements(current.policy if current else None) if entry.get("Sid") not in ours]
    assert [entry for entry in statements(after.policy) if entry.get("Sid") not in ours] == kept
    for sid, wanted in ((READERS, desired.readers), (REGISTRARS, desired.registrars)):
        if wanted is not None:
            assert accounts_of(after.policy, sid) == sorted(wanted)


@pytest.mark.parametrize("partition", PARTITIONS)
def test_principals_and_resources_are_of_the_groups_partition(partition: str) -> None:
    plan = plan_group(DesiredGroup("Fraud", readers=[ACCOUNTS[0]]), None, lambda: arn(partition), list)
    assert plan.after is not None
    (one,) = statements(plan.after.policy)
    assert one["Principal"] == {"AWS": [f"arn:{partition}:iam::{ACCOUNTS[0]}:root"]}
    assert all(resource.startswith(f"arn:{partition}:sagemaker:some-region-1:") for resource in one["Resource"])
    assert [resource.rsplit(":", 1)[-1] for resource in one["Resource"]] == [
        "model-package-group/Fraud",
        "model-package/Fraud/*",
        "model-package/fraud/*",
    ]


@given(st.integers(1, 5))
def test_a_group_that_holds_something_is_not_deleted_unasked(held: int) -> None:
    current = GroupState("Fraud", arn("aws"))
    packages = [f"package-{number}" for number in range(held)]
    desired = DesiredGroup("Fraud", present=False)
    with pytest.raises(InputError, match=f"holds {held} model packages") as caught:
        plan_group(desired, current, str, lambda: packages)
    assert ("…" in str(caught.value)) == (held > 3)
