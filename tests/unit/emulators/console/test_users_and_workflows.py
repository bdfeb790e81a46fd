# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""SCIM users, and workflows."""

from __future__ import annotations

import pytest

from .conftest import field_of


@pytest.fixture
def people(api):
    """Two users beside the default one."""
    api.emulator.add_user("JDoe", "Jane.Doe@example.com")
    api.emulator.add_user("gone", "gone@example.com", active=False)
    return api


def found(api, text):
    """Return the names of the users that fit a filter."""
    answer = api.call("GET", "scim/Users", params={"filter": text})
    assert answer.status_code == 200, answer.text
    return [user["userName"] for user in answer.json()["Resources"]]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('userName eq "jdoe"', ["JDoe"]),
        ('emails eq "jane.doe@EXAMPLE.com"', ["JDoe"]),
        ('emails.value eq "jane.doe@example.com"', ["JDoe"]),
        ('emails eq "nobody@example.com"', []),
        ('userName sw "j" and active eq true', ["JDoe"]),
        ('userName eq "jdoe" or userName eq "gone"', ["JDoe", "gone"]),
        ('active eq false or userName eq "jdoe" and active eq false', ["gone"]),
        ('userName co "o" and active eq "false"', ["gone"]),
        ('userName ne "svc" and userName ne "OpenPagesAdministrator" and emails pr', ["JDoe", "gone"]),
        ('USERNAME EQ "svc"', ["svc"]),
        ('emails eq "with \\" quote"', []),
        ("", ["OpenPagesAdministrator", "svc", "JDoe", "gone"]),
    ],
)
def test_filters(people, text, names):
    assert found(people, text) == names


@pytest.mark.parametrize(
    "text",
    [
        "userName",
        "userName eq",
        "userName eq svc",
        'userName is "x"',
        'shoeSize eq "x"',
        'userName eq "x" xor active eq true',
    ]
    + ['userName eq "x" and', '(userName eq "x")', 'userName eq "open', "'", 'userName eq "x" "y"'],
)
def test_filters_outside_the_language_are_refused(people, text):
    answer = people.call("GET", "scim/Users", params={"filter": text})
    assert answer.status_code == 400, answer.text


def test_a_user_has_the_recorded_shape(people):
    answer = people.call("GET", "scim/Users", params={"filter": 'userName eq "JDoe"'}).json()
    assert (answer["totalResults"], len(answer["Resources"])) == (1, 1)
    user = answer["Resources"][0]
    assert user["id"].isdecimal()
    assert user["active"] is True
    assert user["emails"][0]["value"] == "Jane.Doe@example.com"
    assert people.call("GET", f"scim/Users/{user['id']}").json() == user
    assert people.call("GET", "scim/Users/1").status_code == 404


def test_users_come_in_pages(people):
    page = people.call("GET", "scim/Users", params={"startIndex": 2, "count": 2}).json()
    assert (page["totalResults"], page["itemsPerPage"], page["startIndex"]) == (4, 2, 2)
    assert [user["userName"] for user in page["Resources"]] == ["svc", "JDoe"]
    assert people.call("GET", "scim/Users", params={"count": "all"}).status_code == 400


def test_users_are_added_over_the_control_surface(api):
    made = api.control("POST", "users", {"userName": "new", "email": "new@example.com", "active": False})
    assert made.status_code == 201
    assert found(api, 'emails eq "new@example.com" and active eq false') == ["new"]
    api.control("POST", "users", {"userName": "new", "email": "new@example.com"})
    assert found(api, 'userName eq "new" and active eq true') == ["new"]
    assert api.control("POST", "users", {"email": "x"}).status_code == 400


# ---- workflows -------------------------------------------------------------------------------------------------------


def instances(api, **arguments):
    answer = api.call("GET", "workflows/instances/search", params=arguments)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_new_object_starts_the_workflow_of_its_type(api, tree):
    page = instances(api, type_definition="Model")
    assert page["paging"] == {"total_count": 1, "offset": 1, "limit": 50}
    item = page["activity_instances"][0]
    assert item["grc_object"]["id"] == tree["model"]
    assert item["grc_object"]["type_definition"]["label"] == "Model"
    assert item["workflow"]["activity"]["name"] == item["status"] == "Propose Candidate"
    assert item["assignees"] == ["svc"]
    assert instances(api, type_definition=api.call("GET", "types/Model").json()["id"]) == page
    assert instances(api)["paging"]["total_count"] == 2


def test_an_existing_name_starts_nothing(api, tree):
    api.create("Model", "churn-v1", tree["group"])
    assert instances(api, type_definition="Model")["paging"]["total_count"] == 1


def test_workflows_can_be_off(api, tree):
    api.emulator.switch(workflows=False)
    api.create("Model", "quiet", tree["group"])
    assert instances(api, type_definition="Model")["paging"]["total_count"] == 1


def test_searching_and_paging_from_one(api, tree):
    for number in range(4):
        api.create("Register", f"Use case {number}", tree["entity"])
    every = instances(api, type_definition="Register")
    pages = [instances(api, type_definition="Register", limit=2, offset=offset) for offset in (1, 3, 5)]
    assert [item for page in pages for item in page["activity_instances"]] == every["activity_instances"]
    workflow = every["activity_instances"][0]["workflow"]["id"]
    assert instances(api, workflow=workflow)["paging"]["total_count"] == 5
    assert instances(api, user_role="assignee", user="svc")["paging"]["total_count"] == 6
    assert instances(api, user_role="assignee", user="other")["paging"]["total_count"] == 0


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ({"offset": 0}, 400),
        ({"limit": "x"}, 400),
        ({"type_definition": "Nothing"}, 400),
        ({"user": "svc", "user_role": "owner"}, 400),
        ({"workflow": "1"}, 404),
    ],
)
def test_wrong_searches_are_refused(api, arguments, status):
    assert api.call("GET", "workflows/instances/search", params=arguments).status_code == status


def test_definitions(api):
    listed = api.call("GET", "workflows/definitions", params={"object_type": "Register"}).json()["definitions"]
    assert [item["name"] for item in listed] == ["Use Case Request"]
    one = api.call("GET", f"workflows/definitions/{listed[0]['id']}").json()
    assert one == listed[0]
    assert "Approved" in {activity["name"] for activity in one["activities"]}
    assert api.call("GET", "workflows/definitions/1").status_code == 404


def test_approving_a_use_case_sets_its_status(api, tree):
    number = instances(api, type_definition="Register")["activity_instances"][0]["id"]

    def take(name):
        return api.call("POST", f"workflows/instances/{number}/transition/{name}")

    assert take("Approve use case").status_code == 400
    for name in ("Submit for initial approval", "Submit for stakeholder review", "Approve use case"):
        assert take(name).status_code == 200
    status = field_of(api.get(tree["use_case"]), "MRG-AIFacts-ModelUseCase:Status")["value"]
    assert status["name"] == "Approved for Development"
    assert take("Reject use case").status_code == 400
    assert api.call("POST", "workflows/instances/999/transition/x").status_code == 404
