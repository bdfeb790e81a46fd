# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans of links as properties: they end where they should, in an order that a console can follow, and then in none."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.links import Place, after, plan_link, plan_unlink
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.use_cases import Ref

ENTITY = Ref("1", "Bank")
CASES = [Ref(str(number), f"case {number}") for number in range(2, 7)]


@st.composite
def places(draw):
    linked = draw(st.lists(st.sampled_from(CASES), unique=True))
    primary = draw(st.sampled_from([ENTITY, *linked]))
    return Place(primary.id, tuple(linked))


def follow(place, operations):
    """Do the steps one by one as a console would, which refuses some; return where that ends."""
    for step in operations:
        linked = {other.id for other in place.use_cases}
        if step.action == "unlink":
            assert step.target.id in linked, "unlinked from where it was not linked"
            assert step.target.id != place.primary_parent_id, "a primary parent cannot be unlinked"
        if step.action == "make_primary":
            assert step.target.id in {*linked, ENTITY.id}, "would hang under something that it is not linked to"
        place = after(place, [step])
    return place


@given(places(), st.sampled_from(CASES))
def test_a_link_ends_in_exactly_that_use_case(place, use_case):
    operations = plan_link(place, use_case)
    end = follow(place, operations)
    assert end.use_cases == (use_case,)
    assert end.primary_parent_id in (ENTITY.id, use_case.id)
    assert plan_link(end, use_case) == ()
    assert (operations == ()) == (place.use_cases == (use_case,))


@given(places(), st.sampled_from([None, *CASES]))
def test_an_unlink_takes_away_what_was_asked_and_nothing_else(place, use_case):
    asked = use_case.id if use_case else None
    operations = plan_unlink(place, asked, ENTITY)
    end = follow(place, operations)
    left = tuple(other for other in place.use_cases if use_case is not None and other != use_case)
    assert end.use_cases == left
    assert end.primary_parent_id in {ENTITY.id, *(other.id for other in left)}
    assert plan_unlink(end, asked, ENTITY) == ()
    assert (operations == ()) == (left == place.use_cases)


def test_a_primary_parent_that_stays_stays():
    place = Place(CASES[0].id, (CASES[0], CASES[1]))
    assert [step.action for step in plan_link(place, CASES[0])] == ["unlink"]
    assert [step.action for step in plan_unlink(place, CASES[1].id, ENTITY)] == ["unlink"]
