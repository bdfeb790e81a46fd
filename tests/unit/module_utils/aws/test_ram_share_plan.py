# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Planning resource shares: any desired state is reached, and nobody is let in to what is on its way out."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.wxgov.sagemaker.plugins.module_utils.aws.arn import Arn
from ansible_collections.wxgov.sagemaker.plugins.module_utils.aws.errors import InputError
from ansible_collections.wxgov.sagemaker.plugins.module_utils.aws.ram_invitation import (
    DesiredInvitation,
    InvitationState,
    plan_invitation,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.aws.ram_share import with_associations
from ansible_collections.wxgov.sagemaker.plugins.module_utils.aws.ram_share_plan import (
    DesiredShare,
    ShareState,
    check_principal,
    check_share,
    plan_share,
)

OWNER = "111122223333"
SHARE = f"arn:aws:ram:us-east-1:{OWNER}:resource-share/known"
RESOURCES = [f"arn:aws:sagemaker:us-east-1:{OWNER}:model-package-group/{name}" for name in "abcd"]
PRINCIPALS = ["444455556666", "777788889999", f"arn:aws:organizations::{OWNER}:organization/o-abcdefghij"]
PERMISSIONS = ["arn:aws:ram::aws:permission/one", "arn:aws:ram::aws:permission/two"]
TYPES = ["sagemaker:modelpackagegroup", "ec2:subnet"]

resources = st.lists(st.sampled_from(RESOURCES), unique=True)
principals = st.lists(st.sampled_from(PRINCIPALS), unique=True)
permissions = st.dictionaries(st.sampled_from(TYPES), st.sampled_from(PERMISSIONS))
tags = st.dictionaries(st.sampled_from("xyz"), st.sampled_from("12"))
states = st.none() | st.builds(
    ShareState,
    name=st.just("s"),
    arn=st.just(SHARE),
    account_id=st.just(OWNER),
    allow_external_principals=st.booleans(),
    resource_arns=resources.map(frozenset),
    principals=principals.map(frozenset),
    permissions=permissions,
    tags=tags,
)
desires = st.builds(
    DesiredShare,
    name=st.sampled_from(["s", "t"]),
    present=st.booleans(),
    allow_external_principals=st.none() | st.booleans(),
    resource_arns=st.none() | resources,
    purge_resources=st.booleans(),
    principals=st.none() | principals,
    purge_principals=st.booleans(),
    permissions=st.none() | permissions,
    tags=st.none() | tags,
    purge_tags=st.booleans(),
)


def identity() -> Arn:
    return Arn("aws", "ram", "us-east-1", OWNER, "resource-share/new")


@given(desires, states)
def test_one_plan_is_enough(desired: DesiredShare, current: ShareState | None) -> None:
    plan = plan_share(desired, current, identity)
    assert plan.changed == (plan.before != plan.after)
    assert plan_share(desired, plan.after, identity).operations == ()
    assert (plan.after is not None) == desired.present


@given(desires, states)
def test_what_is_not_asked_for_stays(desired: DesiredShare, current: ShareState | None) -> None:
    after = plan_share(desired, current, identity).after
    if after is None or current is None:
        return
    if desired.resource_arns is None:
        assert after.resource_arns == current.resource_arns
    elif not desired.purge_resources:
        assert after.resource_arns == current.resource_arns | set(desired.resource_arns)
    if desired.principals is None:
        assert after.principals == current.principals
    elif not desired.purge_principals:
        assert after.principals == current.principals | set(desired.principals)
    if desired.tags is None:
        assert after.tags == current.tags
    assert set(current.permissions) <= set(after.permissions)


@given(desires, states)
def test_access_is_taken_before_any_is_given(desired: DesiredShare, current: ShareState | None) -> None:
    order = [operation.name for operation in plan_share(desired, current, identity).operations]
    given_at = order.index("associate_resource_share") if "associate_resource_share" in order else len(order)
    for earlier in (
        "disassociate_resource_share",
        "update_resource_share",
        "associate_resource_share_permission",
    ):
        assert all(place < given_at for place, name in enumerate(order) if name == earlier)


def refusal(principal: str, partition: str) -> str:
    """Why a principal is refused; empty when it is taken."""
    try:
        check_principal(principal, partition)
    except InputError as error:
        return str(error)
    return ""


def is_taken(text: str) -> bool:
    return refusal(text, "aws") == "" and (text.endswith((".com", ".cn")) or text.startswith("arn:") or len(text) == 12)


@given(st.text(max_size=40) | st.text("0123456789", max_size=13) | st.text("arn:wsim/0", max_size=30))
def test_any_text_is_a_principal_or_one_sentence(text: str) -> None:
    assert refusal(text, "aws").startswith(("principals has ", "principals is ")) or is_taken(text)


def test_each_partition_takes_its_own_organizations_only() -> None:
    for partition in ("aws", "aws-us-gov", "aws-cn"):
        unit = f"arn:{partition}:organizations::{OWNER}:ou/o-abcdefghij/ou-ab12-abcdefgh"
        check_share(DesiredShare(name="s", principals=[unit]), partition, "any-region-1")
        for other in {"aws", "aws-us-gov", "aws-cn"} - {partition}:
            assert f"of the partition {partition}, but this is {other}" in refusal(unit, other)


def association(entity: str, kind: str, status: str) -> dict[str, str]:
    return {"associatedEntity": entity, "associationType": kind, "status": status, "statusMessage": "quota"}


def test_associations_are_sorted_by_who_can_be_waited_for() -> None:
    account, _other, organization = PRINCIPALS
    state = with_associations(
        ShareState("s", SHARE, OWNER),
        [
            association(RESOURCES[0], "RESOURCE", "ASSOCIATED"),
            association(RESOURCES[1], "RESOURCE", "ASSOCIATING"),
            association(RESOURCES[2], "RESOURCE", "FAILED"),
            association(RESOURCES[3], "RESOURCE", "DISASSOCIATED"),
            association(account, "PRINCIPAL", "ASSOCIATING"),
            association(organization, "PRINCIPAL", "ASSOCIATING"),
            association("sagemaker.amazonaws.com", "PRINCIPAL", "DISASSOCIATING"),
        ],
    )
    assert state.resource_arns == {RESOURCES[0], RESOURCES[1]}
    assert state.principals == {account, organization}
    assert state.pending == {account}
    assert state.unsettled == {RESOURCES[1], organization, "sagemaker.amazonaws.com"}
    assert state.failed == {RESOURCES[2]: "quota"}


@given(
    st.sampled_from(["ACCEPTED", "REJECTED"]),
    st.sampled_from(["PENDING", "ACCEPTED", "REJECTED", "EXPIRED", "FAILED"]),
)
def test_an_invitation_is_answered_once_or_not_at_all(answer: str, status: str) -> None:
    desired = DesiredInvitation(answer, share_arn=SHARE)
    current = InvitationState(SHARE, "s", OWNER, "444455556666", status, arn="arn")
    try:
        plan = plan_invitation(desired, current)
    except InputError:
        assert status not in (answer, "PENDING")
        return
    assert plan.after is not None
    assert plan.after.status == answer
    assert plan_invitation(desired, plan.after).operations == ()
    assert len(plan.operations) == (status == "PENDING")
