# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parents and children."""

from __future__ import annotations

import pytest


def linked(api, object_id, kind=None):
    """Return the (id, type) pairs of an object's associations."""
    arguments = {"association_type": kind} if kind else {}
    answer = api.call("GET", f"contents/{object_id}/associations", params=arguments)
    assert answer.status_code == 200
    return [(item["id"], item["type"]) for item in answer.json()["associations"]]


def associate(api, object_id, *pairs):
    entries = [{"id": other, "type": kind} for other, kind in pairs]
    return api.call("POST", f"contents/{object_id}/associations", json={"associations": entries})


@pytest.fixture
def other(api, tree):
    """A second use case."""
    return api.create("Register", "Fraud", tree["entity"])["id"]


def test_the_primary_parent_is_an_association(api, tree):
    assert linked(api, tree["group"]) == [(tree["use_case"], "parent"), (tree["model"], "child")]
    assert linked(api, tree["group"], "parent") == [(tree["use_case"], "parent")]
    assert linked(api, tree["entity"], "parent") == []
    entry = api.call("GET", f"contents/{tree['group']}/associations").json()["associations"][0]
    assert entry["type_definition_id"] == api.call("GET", "types/Register").json()["id"]
    assert entry["name"] == "Churn"


def test_further_parents_come_and_go(api, tree, other):
    answer = associate(api, tree["group"], (other, "parent"))
    assert (answer.status_code, answer.content) == (200, b"")
    assert linked(api, tree["group"], "parent") == [(tree["use_case"], "parent"), (other, "parent")]
    assert linked(api, other, "child") == [(tree["group"], "child")]
    assert associate(api, tree["group"], (other, "parent")).status_code == 200
    assert len(linked(api, tree["group"], "parent")) == 2
    assert api.call("DELETE", f"contents/{tree['group']}/associations?parents={other}").status_code == 200
    assert linked(api, tree["group"], "parent") == [(tree["use_case"], "parent")]


@pytest.mark.parametrize("status", [200, 202, 204])
def test_the_status_of_a_change_is_a_switch(api, tree, other, status):
    api.emulator.switch(association_status=status, delete_status=status)
    assert associate(api, tree["group"], (other, "parent")).status_code == status
    gone = api.call("DELETE", f"contents/{tree['group']}/associations?parents={other}")
    assert (gone.status_code, gone.content) == (status, b"")
    assert api.call("DELETE", f"contents/{tree['model']}").status_code == status


def test_several_at_once_from_the_other_side(api, tree, other):
    second = api.create("ModelGroup", "second", tree["use_case"])["id"]
    assert associate(api, other, (tree["group"], "child"), (second, "child")).status_code == 200
    assert linked(api, other, "child") == [(tree["group"], "child"), (second, "child")]
    gone = api.call("DELETE", f"contents/{other}/associations?children={tree['group']},{second}")
    assert gone.status_code == 200
    assert linked(api, other, "child") == []


def test_one_wrong_entry_and_nothing_is_linked(api, tree, other):
    before = linked(api, tree["group"])
    assert associate(api, tree["group"], (other, "parent"), ("1", "parent")).status_code == 400
    assert linked(api, tree["group"]) == before


def test_no_object_lies_below_itself(api, tree):
    top = api.create("SOXBusEntity", "Top")["id"]
    assert associate(api, tree["entity"], (top, "parent")).status_code == 200
    for parent, child in ((tree["entity"], top), (top, top)):
        answer = associate(api, parent, (child, "child") if parent == child else (top, "child"))
        assert answer.status_code == 400
        assert "below" in answer.json()["message"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"associations": []},
        {"associations": ["x"]},
        {"associations": [{"id": "1"}]},
        {"associations": [{"id": "1", "type": "sibling"}]},
        {"associations": [{"id": "1", "type": "parent"}]},
    ],
)
def test_bodies_that_are_wrong_are_refused(api, tree, body):
    assert api.call("POST", f"contents/{tree['group']}/associations", json=body).status_code == 400


def test_what_is_not_there_or_primary_cannot_be_removed(api, tree, other):
    for arguments in (f"parents={other}", f"parents={tree['use_case']}", "", "parents=abc"):
        assert api.call("DELETE", f"contents/{tree['group']}/associations?{arguments}").status_code == 400
    assert linked(api, tree["group"], "parent") == [(tree["use_case"], "parent")]


def test_an_unknown_direction_is_refused(api, tree):
    answer = api.call("GET", f"contents/{tree['group']}/associations?association_type=peer")
    assert answer.status_code == 400


def test_types_have_their_places(api, tree, other):
    answer = associate(api, tree["use_case"], (other, "parent"))
    assert answer.status_code == 400
    assert "Register" in answer.json()["message"]
