# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each call against the emulated console: what it does, in how many requests, with which oddities."""

from __future__ import annotations

import threading

import pytest

from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.client import ClientSettings, connect
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.errors import (
    BadAnswerError,
    InvalidValueError,
    NotFoundError,
    RefusedError,
    UnknownFieldError,
    UnknownTypeError,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.objects import NewObject, ObjectChange
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.query import (
    Column,
    Compare,
    In,
    Like,
    Order,
    Query,
    columns,
)

ARN = "Integration:External ID"
STATUS = "MRG-Model:Status"


def models(client, count, parent, **fields):
    return [
        client.create_object(NewObject("Model", f"m{i:03}", f"m{i:03}", "", parent.id, fields)) for i in range(count)
    ]


@pytest.mark.parametrize("seed", [1, 2])
def test_types_and_fields_are_found_by_name_whatever_their_ids(seed, console, make_client):
    console.reset(seed)
    client = make_client()
    assert client.types().by_name("Register").label == "Use Case"
    model = client.type_definition("Model")
    assert model.field(STATUS).data_type == "ENUM_TYPE"
    assert "Proposed" in model.field(STATUS).enum_values
    assert client.types().by_id(model.id).name == "Model"
    client.type_definition("Model")
    assert console.calls() == {"POST token": 1, "GET types": 2}


def test_the_model_group_type_is_found_by_its_label(console, make_client):
    console.switch(model_group_type="MRGModelGroup")
    assert make_client().types().model_group().name == "MRGModelGroup"
    assert make_client().types().model_group("Model").name == "Model"


def test_a_console_without_model_groups_is_said_so(console, make_client):
    console.switch(model_group_type=None)
    with pytest.raises(UnknownTypeError, match="Model Group"):
        make_client().types().model_group()


def test_unknown_names_come_with_similar_ones(client):
    with pytest.raises(UnknownTypeError, match="Register"):
        client.types().by_name("Registers")
    with pytest.raises(UnknownTypeError, match="NoType"):
        client.type_definition("NoType")
    with pytest.raises(UnknownFieldError, match=STATUS):
        client.type_definition("Model").field("MRG-Model:Statu")


def test_a_created_object_is_as_it_was_asked_for(client, entity, console):
    console.clear_calls()
    fields = {
        ARN: "arn:aws:x",
        STATUS: "Under Development",
        "MRG-Model:Version": 3,
        "Integration:Third Party Link": None,
    }
    made = client.create_object(NewObject("Model", "churn-v1", "Churn 1", "First", entity.id, fields))
    assert (made.type_name, made.name, made.title, made.description) == ("Model", "churn-v1", "Churn 1", "First")
    assert made.primary_parent_id == entity.id
    assert made.location.endswith("/churn-v1")
    assert made.modified_at
    assert {name: made.fields.get(name) for name in fields} == fields
    assert made.fields["Name"] == "churn-v1"
    assert made.fields["Location"] == made.location
    assert console.calls() == {"GET types": 1, "POST contents": 1}
    assert client.get_object(made.id) == made


def test_the_console_adds_defaults_of_its_own(client, entity):
    made = client.create_object(NewObject("Model", "churn-v1", primary_parent_id=entity.id))
    assert made.fields[STATUS] == "Proposed"
    assert made.description == ""
    assert ARN not in made.fields


def test_a_change_keeps_what_is_not_named_and_clears_what_is_none(client, entity):
    made = client.create_object(
        NewObject("Model", "churn-v1", "T", "D", entity.id, {ARN: "arn:1", "MRG-Model:Model Owner": "svc"})
    )
    changed = client.update_object(
        made.id, ObjectChange("Model", "churn-v1", "T", "D", {STATUS: "Development Complete", ARN: None})
    )
    assert changed.description == "D"
    assert changed.fields[STATUS] == "Development Complete"
    assert changed.fields["MRG-Model:Model Owner"] == "svc"
    assert ARN not in changed.fields
    assert client.get_object(made.id) == changed


def test_empty_text_can_clear_too(make_client, client, entity):
    made = client.create_object(NewObject("Model", "m", primary_parent_id=entity.id, fields={ARN: "a"}))
    other = make_client(settings=ClientSettings(empty_value=""))
    assert ARN not in other.update_object(made.id, ObjectChange("Model", "m", "", "", {ARN: None})).fields


def test_several_values_of_an_enumeration(client, entity):
    definition = client.type_definition("Register").field("watsonx-UseCase-Shared:Stakeholder Departments")
    chosen = definition.enum_values[:2]
    made = client.create_object(
        NewObject("Register", "Churn", primary_parent_id=entity.id, fields={definition.name: chosen})
    )
    assert sorted(made.fields[definition.name]) == sorted(chosen)


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({STATUS: "Almost Done"}, InvalidValueError),
        ({STATUS: 3}, InvalidValueError),
        ({"MRG-Model:Version": "3"}, InvalidValueError),
        ({"MRG-Model:Version": True}, InvalidValueError),
        ({ARN: 5}, InvalidValueError),
        ({"MRG-Model:Data Quality": float("nan")}, InvalidValueError),
        ({"MRG-Model:Data Quality": "0.5"}, InvalidValueError),
        ({"Resource ID": "5"}, InvalidValueError),
        ({"No:Such Field": "x"}, UnknownFieldError),
        ({"No:Such Field": None}, UnknownFieldError),
    ],
)
def test_values_that_a_field_does_not_take_are_not_sent(fields, error, client, entity, console):
    client.type_definition("Model")
    console.clear_calls()
    with pytest.raises(error):
        client.update_object(entity.id, ObjectChange("Model", "m", "", "", fields))
    assert console.calls() == {}


def test_an_object_that_is_not_there(client, entity):
    assert client.get_object("999999999") is None
    assert client.get_object("a/b?c#d") is None
    with pytest.raises(NotFoundError):
        client.parents("999999999")
    for unusable in ("", ".", ".."):
        with pytest.raises(InvalidValueError):
            client.get_object(unusable)


def test_all_pages_are_read_in_a_fixed_order(make_client, client, entity, console):
    models(client, 25, entity)
    console.clear_calls()
    paging = make_client(settings=ClientSettings(page_limit=10))
    rows = list(paging.select(Query(columns("Resource ID", "Name"), "Model")))
    assert sorted(row["Name"] for row in rows) == [f"m{i:03}" for i in range(25)]
    assert console.calls()["POST query"] == 3
    bodies = [entry["body"] for entry in console.requests() if entry["call"] == "POST query"]
    assert [body["offset"] for body in bodies] == [0, 10, 20]
    assert all("ORDER BY [Resource ID] ASC" in body["statement"] for body in bodies)


def test_a_console_with_smaller_pages_loses_no_row(client, entity, console):
    models(client, 25, entity)
    console.switch(max_limit=10)
    rows = list(client.select(Query(columns("Name"), "Model", order_by=(Order(Column("Name"), descending=True),))))
    assert [row["Name"] for row in rows] == [f"m{i:03}" for i in reversed(range(25))]


@pytest.mark.parametrize(("rows", "queries"), [(9, 1), (10, 2), (25, 3), (30, 4)])
@pytest.mark.parametrize("linked", [True, False])
def test_a_full_page_is_the_last_only_if_the_next_is_empty(linked, rows, queries, make_client, client, entity, console):
    models(client, rows, entity)
    console.switch(query_next=linked)
    console.clear_calls()
    paging = make_client(settings=ClientSettings(page_limit=10))
    found = [row["Name"] for row in paging.select(Query(columns("Resource ID", "Name"), "Model"))]
    assert sorted(found) == [f"m{i:03}" for i in range(rows)]
    assert console.calls()["POST query"] == queries


def test_smaller_pages_without_a_link_lose_no_row_either(client, entity, console):
    models(client, 25, entity)
    console.switch(max_limit=10, query_next=False)
    assert len(list(client.select(Query(columns("Resource ID"), "Model")))) == 25


def test_more_rows_than_a_page_are_not_capped(client, entity, console):
    console.preload(business_entity="Big", model_groups=1, models_per_group=1200)
    console.clear_calls()
    assert len(list(client.select(Query(columns("Resource ID"), "Model")))) == 1200
    assert console.calls() == {"POST query": 3}


@pytest.mark.parametrize("max_rows", [4, 5, 6])
def test_a_result_that_reaches_its_cap_may_be_cut_off_and_is_an_error(max_rows, make_client, client, entity):
    """Five models in pages of two: with room for one more nothing can have been left out."""
    for number in range(5):
        client.create_object(NewObject("Model", f"m{number}", primary_parent_id=entity.id))
    capped = make_client(settings=ClientSettings(page_limit=2, max_rows=max_rows))
    query = Query(columns("Name"), "Model")
    if max_rows > 5:
        assert len(list(capped.select(query))) == 5
    else:
        with pytest.raises(BadAnswerError, match=f"max_rows is {max_rows}.*console_max_rows"):
            list(capped.select(query))


def test_many_arns_are_looked_up_fifty_at_a_time(client, entity, console):
    for number in range(3):
        client.create_object(
            NewObject("Model", f"m{number}", primary_parent_id=entity.id, fields={ARN: f"arn:{number * 60}"})
        )
    console.clear_calls()
    query = Query(columns("Name", ARN), "Model", where=In(Column(ARN), tuple(f"arn:{i}" for i in range(121))))
    assert sorted(row[ARN] for row in client.select(query)) == ["arn:0", "arn:120", "arn:60"]
    assert console.calls() == {"POST query": 3}
    assert list(client.select(Query(columns("Name"), "Model", where=In(Column(ARN), ())))) == []
    assert console.calls() == {"POST query": 3}


@pytest.mark.parametrize("shape", ["object", "string"])
def test_rows_have_names_of_enumeration_values_and_leave_out_what_has_none(shape, client, entity, console):
    models(client, 1, entity)
    console.switch(query_enum_shape=shape)
    (row,) = client.select(Query(columns("Name", STATUS, ARN, "Location", "Last Modification Date"), "Model"))
    assert row["Name"] == "m000"
    assert row[STATUS] == "Proposed"
    assert ARN not in row
    assert str(row["Location"]).endswith("/m000")
    assert str(row["Last Modification Date"]).endswith("+02:00")


def test_like_and_comparison(client, entity):
    models(client, 12, entity)
    found = client.select(Query(columns("Name"), "Model", where=Like(Column("Name"), "m01%")))
    assert sorted(row["Name"] for row in found) == ["m010", "m011"]
    found = client.select(Query(columns("Name"), "Model", where=Compare(Column("MRG-Model:Version"), ">=", 2)))
    assert list(found) == []


def test_parents_and_children(client, entity, console):
    case = client.create_object(NewObject("Register", "Churn", primary_parent_id=entity.id))
    other = client.create_object(NewObject("SOXBusEntity", "Other"))
    group = client.create_object(NewObject("ModelGroup", "churn", primary_parent_id=entity.id))
    console.clear_calls()
    client.associate(case.id, parents=[other.id], children=[group.id])
    assert console.calls() == {"POST contents/associations": 1}
    parents = client.parents(case.id)
    assert {(one.id, one.type_name, one.name) for one in parents} == {
        (entity.id, "SOXBusEntity", "Credit Risk"),
        (other.id, "SOXBusEntity", "Other"),
    }
    assert [child.id for child in client.children(case.id)] == [group.id]
    assert {parent.id for parent in client.parents(group.id)} == {entity.id, case.id}
    client.dissociate(case.id, parents=[other.id], children=[group.id])
    assert [parent.id for parent in client.parents(case.id)] == [entity.id]
    assert client.children(case.id) == ()


def test_linking_nothing_asks_nothing(client, entity, console):
    console.clear_calls()
    client.associate(entity.id)
    client.dissociate(entity.id, parents=[])
    assert console.calls() == {}


def test_a_link_that_cannot_be_is_an_error(client, entity):
    model = client.create_object(NewObject("Model", "m", primary_parent_id=entity.id))
    with pytest.raises(RefusedError):
        client.associate(entity.id, parents=[model.id])
    with pytest.raises(RefusedError):
        client.associate(entity.id, parents=["999999999"])


def test_users_are_found_by_name_and_by_address(client, console):
    console.add_user("jdoe", "j.doe@example.com")
    console.add_user("gone", "gone@example.com", active=False)
    console.add_user("me@example.com", "other@example.com")
    client.types()
    console.clear_calls()
    assert client.find_user("jdoe").user_name == "jdoe"
    assert console.calls() == {"GET scim/Users": 1}
    assert client.find_user("J.Doe@Example.com").user_name == "jdoe"
    assert client.find_user("me@example.com").user_name == "me@example.com"
    assert client.find_user("gone").active is False
    assert client.find_user("nobody") is None
    assert client.find_user("nobody@example.com") is None
    assert client.find_user('x" or userName sw "') is None
    assert client.find_user("back\\slash") is None


def test_a_console_that_cannot_search_by_user_name_still_finds_addresses(client, console):
    console.add_user("jdoe", "j.doe@example.com")
    client.types()
    console.fault("status", "GET", "scim/Users", status=400, times=1, skip=2)
    assert client.find_user("j.doe@example.com").user_name == "jdoe"
    assert client.find_user("nobody@example.com") is None
    console.fault("status", "GET", "scim/Users", status=500, times=1, skip=1)
    with pytest.raises(RefusedError):
        client.find_user("nobody@example.com")
    console.fault("status", "GET", "scim/Users", status=400, times=1)
    with pytest.raises(RefusedError):
        client.find_user("jdoe")


def test_two_users_of_one_address_are_not_guessed_between(client, console):
    console.add_user("one", "team@example.com")
    console.add_user("two", "team@example.com")
    with pytest.raises(InvalidValueError, match=r"one, two|two, one"):
        client.find_user("team@example.com")


def test_threads_may_share_a_client(client, entity, console):
    errors = []

    def work(number):
        try:
            made = client.create_object(NewObject("Model", f"t{number}", primary_parent_id=entity.id))
            assert client.get_object(made.id) == made
            assert [parent.id for parent in client.parents(made.id)] == [entity.id]
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(console.objects("Model")) == 12
    assert console.calls()["POST token"] == 1


def test_connect_makes_no_request(console):
    options = {"api_key": "demo-api-key", "instance_id": "demo-instance", "token_url": console.url}
    client = connect(console.url, auth_method="mcsp", auth_options=options)
    assert console.calls() == {}
    assert client.task_view_url("4577") == f"{console.url}/opgrc/app/jspview/react/grc/task-view/4577"
    assert client.types().by_name("Model").label == "Model"
    client.close()


def test_an_object_is_deleted_once_and_only_when_nothing_hangs_under_it(client, entity, console):
    child = client.create_object(NewObject("Register", "Churn", primary_parent_id=entity.id))
    with pytest.raises(RefusedError, match="primary parent"):
        client.delete_object(entity.id)
    assert client.delete_object(child.id)
    assert not client.delete_object(child.id)
    assert client.delete_object(entity.id)
    assert client.get_object(entity.id) is None


def test_what_the_login_may_do(client, entity, console):
    console.clear_calls()
    assert client.permissions(entity.id).lacking("read", "write", "delete", "associate") == ()
    console.switch(can_write=False)
    assert client.permissions(entity.id).lacking("read", "write", "associate") == ("write", "associate")
    assert console.calls() == {"GET contents/permissions/effective": 2}
    with pytest.raises(NotFoundError):
        client.permissions("1")


def test_a_change_can_give_another_primary_parent(client, entity):
    use_case = client.create_object(NewObject("Register", "Churn", primary_parent_id=entity.id))
    group = client.create_object(NewObject("ModelGroup", "churn", "T", "D", entity.id, {ARN: "arn:x"}))
    moved = client.update_object(group.id, ObjectChange("ModelGroup", "churn", "T", "D", {}, use_case.id))
    assert (moved.primary_parent_id, moved.title, moved.fields[ARN]) == (use_case.id, "T", "arn:x")
    assert {parent.id for parent in client.parents(group.id)} == {entity.id, use_case.id}
