# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Types, fields, and the numeric ids that differ from console to console."""

from __future__ import annotations

from typing import Any

import pytest

from tests.emulators.console.catalogue import IDS_SEEN_IN_PUBLIC, MODEL_STATUSES


def numbers(api) -> dict[str, str]:
    """Return every numeric id of the console by a name for it."""
    found = {}
    for kind in api.call("GET", "types?include_field_definitions=true").json()["types"]:
        found[kind["name"]] = kind["id"]
        for field in kind["field_definitions"]:
            found[f"{kind['name']}/{field['name']}"] = field["id"]
            for value in field.get("enum_values", ()):
                found[f"{kind['name']}/{field['name']}/{value['name']}"] = value["id"]
    return found


def definition(api, type_name: str, field: str) -> dict[str, Any]:
    fields = api.call("GET", f"types/{type_name}").json()["field_definitions"]
    return next(item for item in fields if item["name"] == field)


def test_types_have_ids_names_and_labels(api):
    types = {kind["name"]: kind for kind in api.call("GET", "types").json()["types"]}
    assert types["Register"]["localized_label"] == "Use Case"
    assert types["SOXBusEntity"]["localized_label"] == "Business Entity"
    assert types["ModelGroup"]["localized_label"] == "Model Group"
    assert all(isinstance(kind["id"], str) and kind["id"].isdecimal() for kind in types.values())
    assert "field_definitions" not in types["Model"]
    assert len(types) >= 20


def test_a_type_is_found_by_number_and_by_name(api):
    by_name = api.call("GET", "types/Model").json()
    assert api.call("GET", f"types/{by_name['id']}").json() == by_name
    assert api.call("GET", "types/Nothing").status_code == 404


def test_the_status_of_a_model_has_the_known_values(api):
    status = definition(api, "Model", "MRG-Model:Status")
    assert status["data_type"] == "ENUM_TYPE"
    assert tuple(value["name"] for value in status["enum_values"]) == MODEL_STATUSES
    assert [value["index"] for value in status["enum_values"]] == list(range(1, 10))
    assert set(status["enum_values"][0]) == {"id", "name", "localized_label", "index", "hidden"}


def test_an_enumeration_value_may_have_another_label_than_name(api):
    values = definition(api, "Model", "MRG-Model:External Model")["enum_values"]
    assert {value["name"]: value["localized_label"] for value in values} == {"Yes": "External", "No": "Internal"}


def test_field_groups_are_shared_between_types(api):
    name = "Integration:External ID"
    shared = {definition(api, kind, name)["id"] for kind in ("Register", "ModelGroup", "Model")}
    assert len(shared) == 1


def test_types_say_what_may_hang_where(api):
    related = api.call("GET", "types/ModelGroup/associations").json()["associations"]
    assert {(item["relationship"], item["name"]) for item in related} >= {
        ("Parent", "Register"),
        ("Parent", "SOXBusEntity"),
        ("Child", "Model"),
    }
    listed = api.call("GET", "types?include_association=true").json()["types"]
    assert next(kind for kind in listed if kind["name"] == "ModelGroup")["associations"] == related


@pytest.mark.parametrize("seed", range(1, 6))
def test_no_console_has_an_id_of_the_public_record(api, seed):
    api.emulator.reset(seed=seed)
    api.log_in()
    ids = {int(number) for number in numbers(api).values()}
    assert not ids & IDS_SEEN_IN_PUBLIC


def test_another_seed_is_another_console(api):
    first, first_order = numbers(api), [f["name"] for f in api.create("Model", "m")["fields"]]
    first_id = api.create("Model", "n")["id"]
    assert api.control("POST", "reset", {"seed": 2}).status_code == 204
    api.log_in()
    second, second_order = numbers(api), [f["name"] for f in api.create("Model", "m")["fields"]]
    assert first.keys() == second.keys()
    assert sum(first[name] == second[name] for name in first) < len(first) * 0.02
    assert sorted(first_order) == sorted(second_order)
    assert first_order != second_order
    assert first_id != api.create("Model", "n")["id"]
    api.emulator.reset(seed=1)
    api.log_in()
    assert numbers(api) == first


def test_fields_of_a_group_stay_together_in_alphabetical_order(api):
    names = [field["name"] for field in api.create("Model", "m")["fields"]][10:]
    groups = [name.partition(":")[0] for name in names]
    seen = list(dict.fromkeys(groups))
    assert groups == sorted(groups, key=seen.index)
    for group in seen:
        members = [name for name in names if name.startswith(f"{group}:")]
        assert members == sorted(members)


def test_the_name_of_the_model_group_type_can_change(api):
    api.emulator.switch(model_group_type="MRG-Group")
    labels = {kind["localized_label"]: kind["name"] for kind in api.call("GET", "types").json()["types"]}
    assert labels["Model Group"] == "MRG-Group"
    entity = api.create("SOXBusEntity", "E")["id"]
    group = api.create("MRG-Group", "g", entity)["id"]
    assert api.rows("SELECT [Resource ID] FROM [MRG-Group]") == [(group,)]
    assert "ModelGroup" in api.refused("SELECT [Name] FROM [ModelGroup]")
    assert api.control("POST", "switches", {"model_group_type": "Other"}).status_code == 400


def test_a_console_may_have_no_model_groups(api):
    api.emulator.switch(model_group_type=None)
    assert "Model Group" not in {kind["localized_label"] for kind in api.call("GET", "types").json()["types"]}
    answer = api.call("POST", "contents", json={"type_definition_id": "ModelGroup", "name": "g"})
    assert answer.status_code == 400
