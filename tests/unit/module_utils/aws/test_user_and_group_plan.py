# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans of IAM users and of resource groups: after each, nothing is left to do."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.wxgov.sagemaker.plugins.module_utils.aws.errors import InputError
from ansible_collections.wxgov.sagemaker.plugins.module_utils.aws.resource_group_plan import (
    DesiredGroup,
    GroupState,
    plan_group,
    tag_query,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.aws.user_plan import DesiredUser, UserState, plan_user

tags = st.dictionaries(st.sampled_from("abc"), st.sampled_from("xy"))
arns = st.sampled_from(("arn:aws:iam::aws:policy/A", "arn:aws:iam::aws:policy/B"))


def document(action: str) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]}


inline = st.dictionaries(st.sampled_from(("p", "q")), st.sampled_from(("s3:*", "sqs:*")).map(document))
boundaries = st.sampled_from(("arn:aws:iam::aws:policy/Edge", "arn:aws:iam::aws:policy/Other"))
users = st.none() | st.builds(
    UserState,
    name=st.just("u"),
    arn=st.just("arn:aws:iam::111122223333:user/u"),
    permissions_boundary=st.none() | boundaries,
    managed_policies=st.frozensets(arns),
    inline_policies=inline,
    tags=tags,
)
wanted_users = st.builds(
    DesiredUser,
    name=st.just("u"),
    present=st.booleans(),
    path=st.none() | st.just("/"),
    permissions_boundary=st.none() | st.just("") | boundaries,
    managed_policies=st.none() | st.lists(arns),
    purge_managed_policies=st.booleans(),
    inline_policies=st.none() | inline,
    purge_inline_policies=st.booleans(),
    tags=st.none() | tags,
    purge_tags=st.booleans(),
)


@given(wanted_users, users)
def test_after_the_plan_of_a_user_nothing_is_left(desired: DesiredUser, current: UserState | None) -> None:
    plan = plan_user(desired, current, "aws", lambda path: f"arn:user{path}u")
    assert not plan_user(desired, plan.after, "aws", lambda path: "").changed
    assert (plan.after is not None) == desired.present
    if plan.after is None:
        assert [operation.name for operation in plan.operations][-1:] == (["delete_user"] if current else [])
        return
    assert set(desired.managed_policies or ()) <= plan.after.managed_policies
    if desired.inline_policies is not None and desired.purge_inline_policies:
        assert plan.after.inline_policies == desired.inline_policies
    if desired.inline_policies is None and current:
        assert plan.after.inline_policies == current.inline_policies
    # A permission that is there before and after is there all along: grants come before losses.
    names = [operation.name for operation in plan.operations]
    gains = [place for place, name in enumerate(names) if name in ("attach_policy", "put_inline_policy")]
    losses = [place for place, name in enumerate(names) if name in ("detach_policy", "delete_inline_policy")]
    assert not gains or not losses or max(gains) < min(losses)


filters = st.dictionaries(st.sampled_from(("team", "stage")), st.lists(st.sampled_from("ab"), unique=True), min_size=1)
types = st.lists(st.sampled_from(("AWS::SQS::Queue", "AWS::SNS::Topic")), min_size=1, unique=True)
configurations = st.lists(
    st.fixed_dictionaries({"type": st.just("AWS::ResourceGroups::Generic"), "parameters": st.just([])}), max_size=1
)
queried = st.builds(
    GroupState,
    name=st.just("g"),
    arn=st.just("arn:g"),
    description=st.sampled_from(("", "d")),
    query=st.builds(tag_query, filters, types),
    tags=tags,
)
configured = st.builds(GroupState, name=st.just("g"), arn=st.just("arn:g"), configuration=configurations, tags=tags)
wanted_groups = st.builds(
    DesiredGroup,
    name=st.just("g"),
    present=st.booleans(),
    description=st.none() | st.sampled_from(("", "d", "e")),
    tag_filters=st.none() | filters,
    resource_types=st.none() | types,
    tags=st.none() | tags,
    purge_tags=st.booleans(),
) | st.builds(DesiredGroup, name=st.just("g"), configuration=configurations, tags=st.none() | tags)


@given(wanted_groups, st.none() | queried | configured)
def test_after_the_plan_of_a_group_nothing_is_left(desired: DesiredGroup, current: GroupState | None) -> None:
    try:
        plan = plan_group(desired, current, lambda: "arn:g")
    except InputError:
        # Only what AWS cannot do is refused: a group of nothing, and one kind made the other.
        asks_query = desired.tag_filters is not None or desired.resource_types is not None
        assert desired.present
        if current is None:
            assert desired.tag_filters is None
            assert desired.configuration is None
        else:
            assert (current.query is None and asks_query) or (
                current.configuration is None and desired.configuration is not None
            )
        return
    assert not plan_group(desired, plan.after, lambda: "").changed
    assert (plan.after is not None) == desired.present
    if plan.after and current:
        assert (plan.after.query is None) == (current.query is None)
        if desired.resource_types is None and desired.tag_filters is not None and current.query:
            assert plan.after.query
            assert sorted(plan.after.query["query"]["ResourceTypeFilters"]) == sorted(
                current.query["query"]["ResourceTypeFilters"]
            )


def test_a_group_by_stack_gets_no_types_alone() -> None:
    query = {"type": "CLOUDFORMATION_STACK_1_0", "query": {"ResourceTypeFilters": ["x"], "StackIdentifier": "arn:s"}}
    stack = GroupState("g", "arn:g", query=query)
    with pytest.raises(InputError, match="has no tag query yet; give tag_filters too"):
        plan_group(DesiredGroup("g", resource_types=["AWS::SQS::Queue"]), stack, lambda: "")
    plan = plan_group(DesiredGroup("g", tag_filters={"team": ["a"]}), stack, lambda: "")
    assert [operation.name for operation in plan.operations] == ["update_group_query"]
