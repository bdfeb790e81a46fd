# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects: their shape, and the oddities of creating and changing them."""

from __future__ import annotations

import threading
import urllib.parse

import pytest
import requests

from .conftest import field_of

ARN = "arn:aws:sagemaker:us-east-1:111122223333:model-package/churn/1"
FOLDER = "/_op_sox/Project/Default/ICDocumentation"


def put(api, object_id, **body):
    return api.call("PUT", f"contents/{object_id}", json=body)


def test_a_new_object_has_the_recorded_shape(api, tree):
    made = api.create("Model", "fraud-v1", tree["group"], description="About fraud", title="Fraud")
    assert made["id"].isdecimal()
    assert made["name"] == "fraud-v1"
    assert made["path"] == f"{FOLDER}/Models/SageMaker Prod/fraud-v1.txt"
    assert (made["description"], made["title"]) == ("About fraud", "Fraud")
    assert made["primary_parent_id"] == tree["group"]
    assert made["creator"] == made["last_modified_by"] == "svc"
    assert made["creation_date"] == made["modified_date"]
    assert made["creation_date"].endswith("Z")
    assert made["is_locked"] is False
    assert api.get(made["id"]) == made


def test_fields_without_a_value_are_listed_without_the_key(api, tree):
    model = api.get(tree["model"])
    arn = field_of(model, "Integration:External ID")
    assert set(arn) == {"id", "data_type", "name", "has_changed"}
    assert "description" not in model
    assert "title" not in model


def test_system_fields(api, tree):
    model = api.get(tree["model"])
    assert field_of(model, "Name")["value"] == "churn-v1.txt"
    assert field_of(model, "Location")["value"] == model["path"]
    assert field_of(model, "Resource ID")["value"] == tree["model"]
    assert isinstance(field_of(model, "Created By")["value"], int)


def test_the_server_sets_defaults_on_a_new_model(api, tree):
    model = api.get(tree["model"])
    values = {f["name"]: f["value"]["name"] for f in model["fields"] if isinstance(f.get("value"), dict)}
    assert values == {
        "MRG-Model:Status": "Proposed",
        "MRG-Model:Candidate Status": "Model Candidate",
        "MRG-Model:External Model": "No",
        "MRG-MTS-Shared:Status": "Draft",
        "MRG-MTS-Shared:OverrideTier": "No",
    }
    assert field_of(model, "MRG-Model:Version")["value"] == 1
    status = field_of(model, "MRG-Model:Status")["value"]
    assert set(status) == {"id", "name", "localized_label", "index", "hidden"}


def test_a_sent_value_wins_over_the_default(api, tree):
    made = api.create("Model", "x", tree["group"], fields={"MRG-Model:Status": {"name": "Decommissioned"}})
    assert field_of(made, "MRG-Model:Status")["value"]["name"] == "Decommissioned"


def test_the_type_may_be_given_by_number(api):
    number = api.call("GET", "types/SOXBusEntity").json()["id"]
    assert api.create(number, "E")["type_definition_id"] == number


def test_paths_follow_the_owning_entity(api, tree):
    sub = api.create("SOXBusEntity", "EU", tree["entity"])
    assert sub["path"] == f"{FOLDER}/BusinessEntities/SageMaker Prod/EU/EU.txt"
    use_case = api.create("Register", "Claims", sub["id"])
    assert use_case["path"] == f"{FOLDER}/Registers/SageMaker Prod/EU/Claims.txt"
    assert api.create("Model", "orphan")["path"] == f"{FOLDER}/Models/orphan.txt"


@pytest.mark.parametrize("ending", ["", ".txt"])
@pytest.mark.parametrize("prefix", ["Models", f"{FOLDER}/Models"])
def test_an_object_is_found_by_its_url_encoded_path(api, tree, prefix, ending):
    path = urllib.parse.quote(f"{prefix}/SageMaker Prod/churn-v1{ending}", safe="")
    assert api.get(path)["id"] == tree["model"]


@pytest.mark.parametrize("wanted", ["1", "0", "999999999999999999999999", "abc", "Models%2Fnothing"])
def test_unknown_objects_are_404(api, wanted):
    for method in ("GET", "PUT", "DELETE"):
        answer = api.call(method, f"contents/{wanted}", json={})
        assert answer.status_code == 404
        assert answer.json()["message"]


# ---- creation of what is there ---------------------------------------------------------------------------------------


def test_post_of_an_existing_name_answers_201_with_the_old_object(api, tree):
    first = api.create("Model", "m", tree["group"], fields={"MRG-Model:Model Owner": "jdoe"})
    api.emulator.clock.advance(60)
    again = api.create("Model", "m", tree["group"], fields={"MRG-Model:Model Owner": "other"})
    assert again["id"] == first["id"]
    assert again["creation_date"] == first["creation_date"]
    assert again["modified_date"] > first["modified_date"]
    assert field_of(again, "MRG-Model:Model Owner")["value"] == "jdoe"
    assert api.rows("SELECT COUNT(*) FROM [Model]") == [(2,)]


def test_post_of_an_existing_name_may_be_an_error(api, tree):
    api.emulator.switch(post_existing="error")
    answer = api.call(
        "POST", "contents", json={"type_definition_id": "Model", "name": "churn-v1", "primary_parent_id": tree["group"]}
    )
    assert answer.status_code == 400
    assert "already exists" in answer.json()["message"]


def test_the_same_name_under_another_parent_of_the_folder(api, tree):
    other = api.create("ModelGroup", "other", tree["use_case"])["id"]
    body = {"type_definition_id": "Model", "name": "churn-v1", "primary_parent_id": other}
    assert api.call("POST", "contents", json=body).status_code == 400
    api.emulator.switch(duplicate_names_in_folder="return_existing")
    assert api.call("POST", "contents", json=body).json()["id"] == tree["model"]
    api.emulator.switch(duplicate_names_in_folder="allow")
    made = api.call("POST", "contents", json=body).json()
    assert made["id"] != tree["model"]
    assert made["path"] == api.get(tree["model"])["path"]


def test_the_same_name_in_two_types_or_entities_is_no_clash(api, tree):
    assert api.create("Register", "churn-v1", tree["entity"])["id"] != tree["model"]
    entity = api.create("SOXBusEntity", "Other")["id"]
    assert api.create("Model", "churn-v1", entity)["id"] != tree["model"]


def test_posts_of_one_name_at_once_make_one_object(api, tree):
    headers = dict(api.session.headers)
    body = {"type_definition_id": "Model", "name": "race", "primary_parent_id": tree["group"]}
    barrier, ids = threading.Barrier(8), []

    def post():
        barrier.wait()
        ids.append(requests.post(f"{api.base}/contents", json=body, headers=headers, timeout=20).json()["id"])

    threads = [threading.Thread(target=post) for _unused in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 8
    assert len(set(ids)) == 1


def test_puts_of_different_fields_at_once_all_stay(api, tree):
    headers = dict(api.session.headers)
    fields = ["Developer", "Source", "License", "Publisher", "Task Type", "OtherProv", "Online", "Model Version"]

    def change(name):
        body = {"name": "churn-v1", "fields": [{"name": f"MRG-Model:{name}", "value": name}]}
        requests.put(f"{api.base}/contents/{tree['model']}", json=body, headers=headers, timeout=20)

    threads = [threading.Thread(target=change, args=(name,)) for name in fields]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    model = api.get(tree["model"])
    assert [field_of(model, f"MRG-Model:{name}").get("value") for name in fields] == fields


# ---- change ----------------------------------------------------------------------------------------------------------


def test_put_merges_fields(api, tree):
    put(api, tree["model"], fields=[{"name": "Integration:External ID", "value": ARN}])
    api.emulator.clock.advance(5)
    answer = put(
        api,
        tree["model"],
        name="churn-v1",
        fields=[{"name": "MRG-Model:Status", "value": {"name": "Data Acquisition"}}],
    )
    assert answer.status_code == 200
    model = answer.json()
    assert field_of(model, "Integration:External ID")["value"] == ARN
    assert field_of(model, "MRG-Model:Status")["value"]["name"] == "Data Acquisition"
    assert model["modified_date"] > model["creation_date"]
    assert api.get(tree["model"]) == model


@pytest.mark.parametrize("empty", [None, ""])
def test_put_empties_a_field(api, tree, empty):
    put(api, tree["model"], fields=[{"name": "Integration:External ID", "value": ARN}])
    model = put(api, tree["model"], fields=[{"name": "Integration:External ID", "value": empty}]).json()
    assert "value" not in field_of(model, "Integration:External ID")


def test_put_without_description_clears_it(api, tree):
    made = api.create("Model", "m", tree["group"], description="text", title="title")
    assert "description" not in put(api, made["id"], name="m", title="title").json()
    assert put(api, made["id"], name="m", description="text").json()["description"] == "text"
    assert "title" not in api.get(made["id"])


def test_put_without_description_may_keep_it(api, tree):
    api.emulator.switch(put_clears_description=False, put_clears_title=False)
    made = api.create("Model", "m", tree["group"], description="text", title="title")
    changed = put(api, made["id"], name="m").json()
    assert (changed["description"], changed["title"]) == ("text", "title")
    assert "description" not in put(api, made["id"], description="").json()


def test_put_can_rename(api, tree):
    renamed = put(api, tree["entity"], name="Prod").json()
    assert renamed["path"] == f"{FOLDER}/BusinessEntities/Prod/Prod.txt"
    assert api.get(tree["model"])["path"] == f"{FOLDER}/Models/Prod/churn-v1.txt"
    assert api.create("Model", "next", tree["group"])["path"] == f"{FOLDER}/Models/Prod/next.txt"
    api.create("Model", "taken", tree["group"])
    assert put(api, tree["model"], name="taken").status_code == 400
    assert api.get(tree["model"])["name"] == "churn-v1"


def test_put_can_move_below_another_parent(api, tree):
    other = api.create("SOXBusEntity", "Other")["id"]
    moved = put(api, tree["use_case"], name="Churn", primary_parent_id=other).json()
    assert (moved["primary_parent_id"], moved["path"]) == (other, f"{FOLDER}/Registers/Other/Churn.txt")
    assert api.get(tree["model"])["path"] == f"{FOLDER}/Models/Other/churn-v1.txt"
    parents = api.call("GET", f"contents/{tree['use_case']}/associations?association_type=parent").json()
    assert {item["id"] for item in parents["associations"]} == {other, tree["entity"]}


def test_put_of_another_type_is_refused(api, tree):
    assert put(api, tree["model"], type_definition_id="Register").status_code == 400
    assert put(api, tree["model"], type_definition_id="Model").status_code == 200


# ---- values ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("MRG-Model:Model Owner", "jdoe", "jdoe"),
        ("MRG-Model:Version", 7, 7),
        ("MRG-Model:Data Quality", 0.5, 0.5),
        ("MRG-Model:Data Quality", 1, 1.0),
        ("Integration:Last Update", "2026-02-03", "2026-02-03T00:00:00.000Z"),
        ("Integration:Last Update", "2026-02-03T04:05:06.007+02:00", "2026-02-03T02:05:06.007Z"),
        ("MRG-AIFacts-Model:TrainingData", "x" * 32_000, "x" * 32_000),
    ],
)
def test_values_come_back(api, tree, name, value, shown):
    made = api.create("Model", "m", tree["group"], fields={name: value})
    assert field_of(made, name)["value"] == shown


def test_several_values_come_back_in_the_order_of_the_enumeration(api, tree):
    name = "MRG-Model:Supported Tasks"
    made = api.create(
        "Model", "m", tree["group"], fields={name: [{"name": "Summarization"}, {"name": "Classification"}]}
    )
    assert [value["name"] for value in field_of(made, name)["value"]] == ["Classification", "Summarization"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MRG-Model:Status", {"name": "Nonsense"}),
        ("MRG-Model:Status", {"name": "proposed"}),
        ("MRG-Model:Status", "Proposed"),
        ("MRG-Model:Status", {"id": "1"}),
        ("MRG-Model:Supported Tasks", {"name": "Classification"}),
        ("MRG-Model:Supported Tasks", [{"name": "Nonsense"}]),
        ("MRG-Model:Model Owner", 5),
        ("MRG-Model:Model Owner", ["a"]),
        ("MRG-Model:Model Owner", "x" * 1025),
        ("MRG-Model:Model Owner", "nul \0"),
        ("MRG-Model:Model Owner", "half of a pair \ud83d"),
        ("MRG-Model:Version Comment", "x" * 4001),
        ("MRG-Model:Version", "7"),
        ("MRG-Model:Version", 1.5),
        ("MRG-Model:Version", True),
        ("MRG-Model:Version", 2**63),
        ("MRG-Model:Data Quality", "high"),
        ("Integration:Last Update", "yesterday"),
        ("Integration:Last Update", 5),
        ("Resource ID", "5"),
        ("Creation Date", "2026-01-01"),
        ("No such field", "x"),
        ("MRG-ModelUseCase:Owner", "a field of another type"),
        (None, "x"),
    ],
)
def test_values_that_do_not_fit_are_refused_and_change_nothing(api, tree, name, value):
    before = api.get(tree["model"])
    answer = put(
        api,
        tree["model"],
        fields=[{"name": "MRG-Model:Developer", "value": "kept out"}, {"name": name, "value": value}],
    )
    assert answer.status_code == 400, answer.text
    assert answer.json()["message"]
    assert api.get(tree["model"]) == before


def test_the_longest_values_are_switches(api, tree):
    api.emulator.switch(string_max=10)
    assert put(api, tree["model"], fields=[{"name": "MRG-Model:Source", "value": "x" * 10}]).status_code == 200
    assert put(api, tree["model"], fields=[{"name": "MRG-Model:Source", "value": "x" * 11}]).status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "x"},
        {"type_definition_id": "Model"},
        {"type_definition_id": "Model", "name": ""},
        {"type_definition_id": "Model", "name": "   "},
        {"type_definition_id": "Model", "name": " x"},
        {"type_definition_id": "Model", "name": "a/b"},
        {"type_definition_id": "Model", "name": "a:b"},
        {"type_definition_id": "Model", "name": "a\nb"},
        {"type_definition_id": "Model", "name": "x" * 256},
        {"type_definition_id": "Model", "name": 5},
        {"type_definition_id": "Nothing", "name": "x"},
        {"type_definition_id": {"a": 1}, "name": "x"},
        {"type_definition_id": "Model", "name": "x", "primary_parent_id": "1"},
        {"type_definition_id": "Model", "name": "x", "primary_parent_id": "²"},
        {"type_definition_id": "Model", "name": "x", "fields": {"MRG-Model:Status": "x"}},
        {"type_definition_id": "Model", "name": "x", "fields": ["x"]},
        {"type_definition_id": "Model", "name": "x", "description": 5},
        {"type_definition_id": "Model", "name": "x", "title": "x" * 1025},
    ],
)
def test_bodies_that_are_wrong_are_refused(api, body):
    answer = api.call("POST", "contents", json=body)
    assert answer.status_code == 400, answer.text
    assert api.emulator.objects() == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"5", b'{"name": NaN}', b"\xff", b"[" * 100_000])
def test_bodies_that_are_no_json_object_are_refused(api, body):
    assert api.call("POST", "contents", data=body).status_code == 400


def test_types_have_their_places(api, tree):
    for kind, parent in (("Model", "model"), ("Register", "use_case"), ("SOXBusEntity", "use_case")):
        body = {"type_definition_id": kind, "name": "x", "primary_parent_id": tree[parent]}
        assert api.call("POST", "contents", json=body).status_code == 400
    metric = api.create("Metric", "accuracy", tree["model"])["id"]
    assert api.create("MetricValue", "January", metric)["primary_parent_id"] == metric


# ---- deletion and rights ---------------------------------------------------------------------------------------------


def test_delete(api, tree):
    assert api.call("DELETE", f"contents/{tree['group']}").status_code == 400
    answer = api.call("DELETE", f"contents/{tree['model']}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert api.call("GET", f"contents/{tree['model']}").status_code == 404
    assert api.rows("SELECT [Name] FROM [Model]") == []
    assert api.create("Model", "churn-v1", tree["group"])["id"] != tree["model"]


def test_a_user_may_have_to_look_only(api, tree):
    shown = api.call("GET", f"contents/{tree['model']}/permissions/effective").json()
    assert (shown["can_read"], shown["can_write"], shown["security_principal"]) == (True, True, "svc")
    api.emulator.switch(can_write=False)
    assert api.call("GET", f"contents/{tree['model']}/permissions/effective").json()["can_write"] is False
    assert put(api, tree["model"], name="churn-v1").status_code == 403
    assert api.call("POST", "contents", json={"type_definition_id": "Model", "name": "x"}).status_code == 403
    assert api.call("DELETE", f"contents/{tree['model']}").status_code == 403
    assert api.get(tree["model"])["id"] == tree["model"]
