# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control surface, the preload, the pages for people, and the command line."""

from __future__ import annotations

import ast
import pathlib
import re
import signal
import subprocess
import sys
import time

import pytest
import requests

from tests.emulators.console import server
from tests.emulators.console.server import ConsoleEmulator

ROOM = pathlib.Path(server.__file__).parent
CHECKOUT = ROOM.parents[2]


def test_health(api):
    assert api.control("GET", "health").json() == {"status": "ok"}


def test_reset_forgets_everything(api, tree):
    api.control("POST", "switches", {"max_limit": 7})
    api.control("POST", "users", {"userName": "x"})
    api.control("POST", "faults", {"kind": "html", "times": None})
    api.control("POST", "clock", {"advance": 10_000})
    assert api.control("POST", "reset").status_code == 204
    assert api.call("GET", "types").status_code == 401
    api.log_in()
    assert api.control("GET", "calls").json() == {"calls": {"GET types": 1, "POST token": 1}}
    assert api.rows("SELECT [Name] FROM [SOXBusEntity]") == []
    assert api.query("SELECT [Name] FROM [Model]", limit=500)["limit"] == 500
    assert api.call("GET", "scim/Users").json()["totalResults"] == 2
    created = api.create("SOXBusEntity", "E")["creation_date"]
    assert created[:10] == time.strftime("%Y-%m-%d", time.gmtime())


def test_calls_are_counted_by_verb_and_resource(api, tree):
    api.emulator.clear_calls()
    api.get(tree["model"])
    api.call("GET", f"contents/{tree['model']}/associations")
    api.call("PUT", f"contents/{tree['model']}", json={"name": "churn-v1"})
    api.call("DELETE", "contents/1")
    api.call("GET", "types/Model")
    api.call("GET", "types")
    api.rows("SELECT [Name] FROM [Model]")
    api.call("GET", "scim/Users")
    assert api.control("GET", "calls").json()["calls"] == {
        "GET contents": 1,
        "GET contents/associations": 1,
        "PUT contents": 1,
        "DELETE contents": 1,
        "GET types": 2,
        "POST query": 1,
        "GET scim/Users": 1,
    }
    assert api.control("DELETE", "calls").status_code == 204
    assert api.control("GET", "calls").json() == {"calls": {}}


def test_requests_are_remembered_without_secrets(api):
    api.log_in()
    api.create("SOXBusEntity", "E")
    remembered = api.control("GET", "requests").json()["requests"]
    assert [(item["call"], item["status"]) for item in remembered] == [("POST token", 200), ("POST contents", 201)]
    assert remembered[1]["body"]["name"] == "E"
    assert "demo-api-key" not in str(remembered)


def test_the_clock_goes_forward_only_when_told(api):
    first = api.create("SOXBusEntity", "A")["creation_date"]
    now = api.control("POST", "clock", {"advance": 86_400}).json()["now"]
    api.log_in()
    second = api.create("SOXBusEntity", "B")["creation_date"]
    assert first[:10] < second[:10] == now[:10]
    for wrong in ({}, {"advance": "x"}, {"advance": True}):
        assert api.control("POST", "clock", wrong).status_code == 400


def test_objects_are_the_objects_of_the_api(api, tree):
    every = api.control("GET", "objects").json()["objects"]
    assert every == [api.get(tree[level]) for level in ("entity", "use_case", "group", "model")]
    assert api.control("GET", "objects?type=Model").json()["objects"] == every[3:]
    assert api.control("GET", "objects?type=Nothing").status_code == 400


@pytest.mark.parametrize(
    "values",
    [{"nothing": 1}, {"post_existing": "maybe"}, {"max_limit": "5"}, {"max_limit": True}, {"in_operator": 1}],
)
def test_switches_that_do_not_exist_are_refused(api, values):
    assert api.control("POST", "switches", values).status_code == 400


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ("message", '{"message":"Object not found"}'),
        ("error", '{"error":{"message":"Object not found"}}'),
        ("errors", '{"errors":[{"message":"Object not found"}]}'),
        ("text", "Object not found"),
        ("empty", ""),
    ],
)
def test_errors_have_one_of_several_shapes(api, shape, expected):
    api.emulator.switch(error_shape=shape)
    answer = api.call("GET", "contents/1")
    assert (answer.status_code, answer.text) == (404, expected)


def test_unknown_resources(api):
    assert api.control("GET", "nothing").status_code == 404
    assert api.control("PUT", "reset").status_code == 405
    assert api.call("GET", "nothing").status_code == 404
    assert api.call("PATCH", "contents/1").status_code == 405


def test_preload(api):
    arn = "arn:aws:sagemaker:us-east-1:111122223333:model-package/g{group}/{version}"
    answer = api.control(
        "POST",
        "preload",
        {
            "business_entity": "Prod",
            "use_cases": 2,
            "model_groups": 3,
            "models_per_group": 4,
            "group_name": "g{group}",
            "model_name": "g{group}-v{version}",
            "group_fields": {"Integration:External ID": "group/{group}"},
            "description": "Version {version} of {group}",
            "fields": {
                "Integration:External ID": arn,
                "MRG-Model:Status": "Data Acquisition",
                "MRG-Model:Version": "{version}",
            },
        },
    )
    assert answer.status_code == 201
    made = answer.json()
    assert (made["models"], len(made["model_groups"]), len(made["use_cases"])) == (12, 3, 2)
    rows = api.rows(
        "SELECT [Model].[Name], [ModelGroup].[Integration:External ID], [Register].[Resource ID] FROM [Model]"
        " JOIN [ModelGroup] ON CHILD([Model]) JOIN [Register] ON CHILD([ModelGroup])"
        f" WHERE [Model].[Integration:External ID] = '{arn.format(group=3, version=4)}'"
    )
    assert rows == [("g3-v4", "group/3", made["use_cases"][0])]
    # A preloaded object is like one that the API made, and meets it.
    loaded = api.get(made["model_groups"][1])
    again = api.create("ModelGroup", "g2", made["use_cases"][1])
    assert again["id"] == loaded["id"]
    assert api.create("Model", "g2-v9", loaded["id"])["path"].endswith("/Models/Prod/g2-v9.txt")
    model = api.emulator.objects("Model")[5]
    values = {f["name"]: f["value"] for f in model["fields"] if "value" in f}
    assert (model["name"], model["description"], values["MRG-Model:Version"]) == ("g2-v2", "Version 2 of 2", 2)
    assert values["MRG-Model:Status"]["name"] == "Data Acquisition"
    assert values["MRG-Model:External Model"]["name"] == "No"


def test_a_preload_leaves_alone_what_is_there(api):
    entity = api.create("SOXBusEntity", "Prod")["id"]
    use_case = api.create("Register", "Churn", entity)["id"]
    plan = {"business_entity": "Prod", "use_case_name": "Churn", "model_groups": 2}
    first = api.control("POST", "preload", plan).json()
    assert (first["business_entity"], first["use_cases"]) == (entity, [use_case])
    before = api.emulator.objects()
    second = api.control("POST", "preload", {**plan, "model_groups": 3}).json()
    assert second["model_groups"][:2] == first["model_groups"]
    assert api.emulator.objects("SOXBusEntity") + api.emulator.objects("Register") == before[:2]
    assert len(api.emulator.objects()) == len(before) + 2


@pytest.mark.parametrize(
    "body",
    [
        {"model_groups": "x"},
        {"nothing": 1},
        {"fields": {"Nothing": "x"}},
        {"fields": {"MRG-Model:Status": "Nothing"}},
        {"model_name": "{nothing}"},
        {"fields": 5},
    ],
)
def test_preloads_that_cannot_be_leave_nothing(api, body):
    assert api.control("POST", "preload", body).status_code == 400
    assert api.emulator.objects() == []


# ---- pages -----------------------------------------------------------------------------------------------------------


def page(api, path=""):
    answer = requests.get(f"{api.emulator.url}/{path}", timeout=10)
    assert answer.headers["Content-Type"].startswith("text/html")
    return answer.text


def test_the_tree_shows_objects_below_their_parents(api, tree):
    owner = {"name": "MRG-Model:Model Owner", "value": "jdoe"}
    arn = {"name": "Integration:External ID", "value": "arn:x"}
    api.call("PUT", f"contents/{tree['model']}", json={"fields": [owner, arn]})
    text = page(api)
    places = [text.index(word) for word in ("SageMaker Prod</a>", "Churn</a>", "churn</a>", "churn-v1</a>")]
    assert places == sorted(places)
    assert text.count("<ul>") == 4
    for shown in ("Proposed", "jdoe", "arn:x", f"/object/{tree['model']}"):
        assert shown in text[places[-1] - 200 :]


def test_what_users_write_is_escaped(api):
    made = api.create("SOXBusEntity", "<b>&'", title="<script>alert(1)</script>")
    for path in ("", f"object/{made['id']}"):
        text = page(api, path)
        assert "<b>" not in text
        assert "<script" not in text
        assert "&lt;b&gt;&amp;" in text


def test_an_object_has_a_page(api, tree):
    text = page(api, f"object/{tree['model']}")
    assert "MRG-Model:Candidate Status" in text
    assert "Model Candidate" in text
    assert "MRG-Model:License" not in text
    assert requests.get(f"{api.emulator.url}/object/1", timeout=5).status_code == 404


def test_pages_load_nothing_from_elsewhere(api, tree):
    assert not re.search(
        r"(?:src|href)=[\"']?(?:https?:)?//|@import|url\(", page(api) + page(api, f"object/{tree['model']}")
    )


def test_a_large_console_has_a_small_page(api):
    api.control("POST", "preload", {"model_groups": 50, "models_per_group": 100, "use_cases": 1})
    text = page(api)
    assert text.count("<li>") < 2_500
    assert "more</small>" in text


# ---- the emulator as a process ---------------------------------------------------------------------------------------


def test_the_command_line_serves_until_it_is_told_to_stop():
    command = [sys.executable, "-m", "tests.emulators.console", "--seed", "3"]
    with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().split()[-1]
            assert requests.get(f"{url}/_emulator/health", timeout=5).json() == {"status": "ok"}
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0


def test_two_emulators_do_not_share_anything(api, tree):
    with ConsoleEmulator(seed=2) as other:
        assert other.port != api.emulator.port
        assert other.objects() == []
        answer = requests.get(f"{other.url}/opgrc/api/v2/types", headers=dict(api.session.headers), timeout=5)
        assert answer.status_code == 401


def test_the_emulator_knows_nothing_of_the_product():
    for path in ROOM.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) and node.level == 0 else []
            allowed = {*sys.stdlib_module_names, "lark"}
            assert all(name.partition(".")[0] in allowed for name in names), f"{path.name} imports {names}"
