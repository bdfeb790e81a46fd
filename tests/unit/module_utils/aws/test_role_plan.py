# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of a role, and who may be trusted how."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ansible_collections.wxgov.sagemaker.plugins.module_utils.aws.errors import InputError
from ansible_collections.wxgov.sagemaker.plugins.module_utils.aws.plan import Plan
from ansible_collections.wxgov.sagemaker.plugins.module_utils.aws.policy import external_id_of, trust_policy
from ansible_collections.wxgov.sagemaker.plugins.module_utils.aws.role_plan import (
    DesiredRole,
    RoleState,
    Trust,
    check_confused_deputy,
    check_role,
    plan_role,
    simulate_role,
)

OWN = "111122223333"
POLICIES = tuple(f"arn:aws:iam::aws:policy/{name}" for name in "ABC")
tags = st.dictionaries(st.sampled_from(("a", "b", "c")), st.sampled_from(("1", "2")), max_size=3)


def inline(action: str) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]}


trusts = st.sampled_from([trust_policy(["444455556666"], [], id, "aws") for id in ("one", "two")])
PARTS: dict[str, st.SearchStrategy[Any]] = dict(
    name=st.just("r"),
    description=st.sampled_from((None, "", "x")),
    trust=trusts,
    max_session_duration=st.sampled_from((None, 3600, 7200)),
    permissions_boundary=st.sampled_from((None, "", POLICIES[0])),
    managed_policies=st.one_of(st.none(), st.lists(st.sampled_from(POLICIES), unique=True)),
    purge_managed_policies=st.booleans(),
    inline_policies=st.one_of(
        st.none(),
        st.dictionaries(st.sampled_from("pq"), st.sampled_from([inline("a:*"), inline("b:*")])),
    ),
    purge_inline_policies=st.booleans(),
    tags=st.one_of(st.none(), tags),
    purge_tags=st.booleans(),
)
new_roles = st.builds(DesiredRole, **PARTS)
desired_roles = st.builds(DesiredRole, present=st.sampled_from((True, True, True, False)), **PARTS)


def plan(desired: DesiredRole, current: RoleState | None) -> Plan[RoleState]:
    check_role(desired)
    return plan_role(desired, current, "aws", lambda path: f"arn:aws:iam::{OWN}:role{path}r")


@given(new_roles, desired_roles)
def test_after_the_plan_nothing_is_left_to_do(first: DesiredRole, second: DesiredRole) -> None:
    made = plan(first, None)
    changed = plan(second, made.after)
    assert plan(first, made.after).operations == ()
    assert plan(second, changed.after).operations == ()


@given(new_roles, new_roles)
def test_policies_go_only_when_purging_was_asked_for(first: DesiredRole, second: DesiredRole) -> None:
    before = plan(first, None).after
    after = plan(second, before).after
    assume(before is not None and after is not None)
    if not second.purge_managed_policies or second.managed_policies is None:
        assert before.managed_policies <= after.managed_policies
    else:
        assert after.managed_policies == set(second.managed_policies)
    if not second.purge_inline_policies or second.inline_policies is None:
        assert set(before.inline_policies) <= set(after.inline_policies)
    else:
        assert after.inline_policies == second.inline_policies


@given(new_roles, new_roles)
def test_new_policies_come_before_old_ones_go(first: DesiredRole, second: DesiredRole) -> None:
    names = [operation.name for operation in plan(second, plan(first, None).after).operations]
    for come, go in (("attach_policy", "detach_policy"), ("put_inline_policy", "delete_inline_policy")):
        if come in names and go in names:
            assert max(i for i, name in enumerate(names) if name == come) < names.index(go)


@given(new_roles)
def test_a_role_is_deleted_only_when_nothing_hangs_on_it(desired: DesiredRole) -> None:
    state = plan(desired, None).after
    assume(state is not None)
    for operation in plan(DesiredRole("r", present=False), state).operations:
        if operation.name == "delete_role":
            assert (state.managed_policies, state.inline_policies) == (frozenset(), {})
        state = simulate_role(state, operation)
    assert state is None


def test_a_generated_external_id_is_the_one_that_is_there() -> None:
    trust = Trust(accounts=["444455556666"], generate_external_id=True)
    new = trust.effective(None, "aws", lambda: "fresh")
    assert external_id_of(new) == "fresh"
    kept = Trust(accounts=["777788889999"], generate_external_id=True).effective(new, "aws", lambda: "never")
    assert external_id_of(kept) == "fresh"
    given_one = Trust(accounts=["444455556666"], external_id="mine", generate_external_id=True)
    assert external_id_of(given_one.effective(new, "aws", lambda: "never")) == "mine"


def test_the_own_account_is_asked_for_only_when_somebody_is_let_in_freely() -> None:
    asked: list[str] = []

    def own() -> str:
        asked.append("asked")
        return OWN

    check_confused_deputy(trust_policy(["444455556666"], [], "id", "aws"), True, own)
    check_confused_deputy(trust_policy([], ["sagemaker.amazonaws.com"], None, "aws"), True, own)
    check_confused_deputy(trust_policy(["444455556666"], [], None, "aws"), False, own)
    assert asked == []
    check_confused_deputy(trust_policy([OWN], [], None, "aws"), True, own)
    assert asked == ["asked"]
    for principal in ("444455556666", "arn:aws:iam::444455556666:role/x"):
        with pytest.raises(InputError, match="444455556666.* without an external id"):
            check_confused_deputy(trust_policy([OWN, principal], [], None, "aws"), True, own)


@pytest.mark.parametrize("path", ["/", "/a/", "/a/b/"])
def test_a_path_may_be_left_out_or_repeated_but_not_changed(path: str) -> None:
    trust = trust_policy(["444455556666"], [], "id", "aws")
    made = plan(DesiredRole("r", path=path, trust=trust), None).after
    assert plan(DesiredRole("r"), made).operations == ()
    assert plan(DesiredRole("r", path=path), made).operations == ()
    with pytest.raises(InputError, match="cannot change"):
        plan(DesiredRole("r", path="/other/"), made)
