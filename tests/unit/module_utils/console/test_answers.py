# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers of any shape: read as they are meant, or an error of ours; never a crash, never "nothing there"."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.auth import authenticator
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.client import ConsoleClient
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.errors import (
    BadAnswerError,
    ConsoleError,
    UnknownTypeError,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.objects import (
    NewObject,
    ObjectChange,
    associations_from_answer,
    object_from_answer,
    permissions_from_answer,
    read_value,
    users_from_answer,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.query import Query, columns
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.schema import (
    ConsoleSchema,
    TypeSummary,
    schema_from_answer,
    type_from_answer,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.sender import Answer
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.transport import Transport

SCHEMA = ConsoleSchema({name: TypeSummary(str(i), name, name) for i, name in enumerate(("Model", "Register"))})
OBJECT = {
    "name": "churn-v1",
    "id": "4710",
    "path": "/_op_sox/Project/Default/ICDocumentation/Models/Prod/churn-v1.txt",
    "modified_date": "2025-02-20T15:12:51.000Z",
    "fields": [
        {"id": "28", "data_type": "ID_TYPE", "name": "Resource ID", "has_changed": False, "value": "4710"},
        {"id": "65", "data_type": "STRING_TYPE", "name": "Comment", "has_changed": False},
        {"id": "57", "data_type": "STRING_TYPE", "name": "Name", "value": "churn-v1.txt"},
        {
            "id": "1270",
            "data_type": "ENUM_TYPE",
            "name": "MRG-Model:Status",
            "value": {"id": "3698", "name": "Proposed", "localized_label": "Vorgeschlagen", "index": 1},
        },
        {"id": "62", "data_type": "INTEGER_TYPE", "name": "Created By", "value": 1002},
        {"name": "Many", "data_type": "MULTI_VALUE_ENUM", "value": [{"name": "A"}, "B"]},
        {"name": "None", "data_type": "MULTI_VALUE_ENUM", "value": []},
    ],
    "type_definition_id": "0",
    "primary_parent_id": None,
}


def test_an_object_as_recorded():
    made = object_from_answer(OBJECT, SCHEMA)
    assert made.type_name == "Model"
    assert made.fields == {
        "Resource ID": "4710",
        "Name": "churn-v1",
        "MRG-Model:Status": "Proposed",
        "Created By": 1002,
        "Many": ("A", "B"),
    }
    assert made.location.endswith("/churn-v1")
    assert (made.title, made.description, made.primary_parent_id) == ("", "", None)


def test_ids_may_be_numbers_and_types_names():
    made = object_from_answer(OBJECT | {"id": 4710, "type_definition_id": "Register", "primary_parent_id": 12}, SCHEMA)
    assert (made.id, made.type_name, made.primary_parent_id) == ("4710", "Register", "12")


@pytest.mark.parametrize("key", ["id", "name", "type_definition_id", "fields"])
@pytest.mark.parametrize("broken", [None, "", [{}], {}, True])
def test_an_object_without_a_key_is_an_error(key, broken):
    without = {name: value for name, value in OBJECT.items() if name != key}
    for answer in (without, OBJECT | {key: broken}):
        with pytest.raises(BadAnswerError):
            object_from_answer(answer, SCHEMA)


@pytest.mark.parametrize("raw", [{"label": "x"}, {"name": 5}, [5], [{"id": "1"}], [[]]])
def test_a_value_of_unknown_shape_is_an_error(raw):
    with pytest.raises(BadAnswerError, match="Risk Level"):
        read_value(raw, "Risk Level")


@pytest.mark.parametrize("raw", [None, "", []])
def test_no_value(raw):
    assert read_value(raw, "x") is None


@pytest.mark.parametrize("raw", [0, 0.0, False, "0", " "])
def test_small_values_are_values(raw):
    assert read_value(raw, "x") == raw


@pytest.mark.parametrize(
    ("read", "answer"),
    [
        (schema_from_answer, {"message": "ok"}),
        (schema_from_answer, {"types": [{"id": "1"}]}),
        (type_from_answer, {"id": "1", "name": "x"}),
        (type_from_answer, {"id": "1", "name": "x", "field_definitions": [{"id": "2", "name": "y"}]}),
        (users_from_answer, {}),
        (users_from_answer, {"totalResults": 2}),
        (users_from_answer, {"Resources": [{"id": "1"}]}),
        (permissions_from_answer, {"can_read": True, "can_write": True, "can_delete": True}),
        (permissions_from_answer, dict.fromkeys(("can_read", "can_write", "can_delete", "can_associate"), 1)),
        (lambda data: associations_from_answer(data, SCHEMA, "parent"), {}),
        (lambda data: associations_from_answer(data, SCHEMA, "parent"), {"associations": [{"id": "1"}]}),
    ],
)
def test_lists_that_are_missing_or_broken_are_not_empty(read, answer):
    for body in (answer, None, [1], "text"):
        with pytest.raises(BadAnswerError):
            read(body)


def test_the_model_group_type_is_not_guessed_between_two():
    group = TypeSummary("7", "ModelGroup", "Something else")
    labelled = [TypeSummary(str(i), f"Grp{i}", "Model Group") for i in (1, 2)]
    assert ConsoleSchema({group.name: group}).model_group() == group
    assert ConsoleSchema({group.name: group, "Grp1": labelled[0]}).model_group() == labelled[0]
    with pytest.raises(UnknownTypeError, match="Grp1, Grp2"):
        ConsoleSchema({one.name: one for one in labelled}).model_group()


def test_lists_that_are_empty_are():
    assert users_from_answer({"totalResults": 0}) == ()
    assert users_from_answer({"Resources": []}) == ()
    assert associations_from_answer({"associations": []}, SCHEMA, "parent") == ()
    assert associations_from_answer([], SCHEMA, "parent") == ()


def test_associations_of_the_other_kind_are_left_out():
    entries = [{"id": "1", "type_definition_id": "0", "type": "child"}, {"id": "2", "type_definition_id": "1"}]
    assert [one.id for one in associations_from_answer({"associations": entries}, SCHEMA, "parent")] == ["2"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(
    ["id", "name", "fields", "value", "rows", "next", "limit", "type_definition_id", "types", "enum_values", "emails"]
    + [
        "can_read",
        "can_write",
        "can_delete",
        "can_associate",
        "associations",
        "Resources",
        "field_definitions",
        "data_type",
        "userName",
        "token",
        "message",
        "errors",
        "type",
    ]
)
LIKELY = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 600) | st.sampled_from(["0", "1", "Model", ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=15,
)
BODIES = st.binary(max_size=60) | st.builds(lambda data: json.dumps(data).encode(), JSON | LIKELY)
STATUSES = st.sampled_from([200, 201, 202, 204, 301, 302, 400, 401, 403, 404, 409, 418, 429, 500, 502, 503])


class ScriptedSender:
    """Answers each request with the next of a list of answers, over and over."""

    def __init__(self, answers):
        self.answers = answers
        self.sent = 0
        self.offsets = []

    def send(self, request):
        self.sent += 1
        if isinstance(request.json, dict) and "offset" in request.json:
            self.offsets.append(request.json["offset"])
        if self.sent > 60:
            raise AssertionError("the client does not stop asking")
        return self.answers[(self.sent - 1) % len(self.answers)]

    def forget_cookies(self):
        pass


def answer(status, body):
    from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.sender import _answer

    return _answer(status, {}, body)


CALLS = [
    lambda client: client.types(),
    lambda client: client.type_definition("Model"),
    lambda client: list(client.select(Query(columns("Name", "Location"), "Model"))),
    lambda client: client.get_object("1"),
    lambda client: client.create_object(NewObject("Model", "x", fields={"Name": "y"})),
    lambda client: client.update_object("1", ObjectChange("Model", "x", "", "")),
    lambda client: client.parents("1"),
    lambda client: client.associate("1", parents=["2"]),
    lambda client: client.dissociate("1", children=["2"]),
    lambda client: client.find_user("a@b.c"),
    lambda client: client.permissions("1"),
    lambda client: client.delete_object("1"),
    lambda client: client.children("1"),
]


@given(st.lists(st.builds(answer, STATUSES, BODIES), min_size=1, max_size=3), st.sampled_from(["basic", "mcsp"]))
@settings(max_examples=250, deadline=None)
def test_any_answers_end_in_a_result_or_one_of_our_errors(answers, method):
    login = (
        authenticator("basic", username="u", password="p")
        if method == "basic"
        else authenticator("mcsp", api_key="k", instance_id="i")
    )
    for call in CALLS:
        transport = Transport("https://host", login, random=lambda: 0.0)
        transport._sender = ScriptedSender(answers)
        message = message_of(call, ConsoleClient(transport))
        assert message
        assert "\n" not in message


def message_of(call, client):
    try:
        call(client)
    except ConsoleError as error:
        return str(error)
    return "a result"


def is_missing(one):
    return one.status == 404 and isinstance(one.data, dict)


def lists(key):
    """Return the test of a success that holds the list under a key, or says that it would have no entry."""

    def holds(one):
        data = one.data if isinstance(one.data, dict) else {key: one.data}
        return one.is_success and (isinstance(data.get(key), list) or data.get("totalResults") == 0)

    return holds


LOOKS = [
    (lambda client: client.get_object("1"), None, is_missing),
    (lambda client: client.delete_object("1"), False, is_missing),
    (lambda client: client.types().types, {}, lists("types")),
    (lambda client: list(client.select(Query(columns("Name", "Location"), "Model"))), [], lists("rows")),
    (lambda client: client.parents("1"), (), lists("associations")),
    (lambda client: client.children("1"), (), lists("associations")),
    (lambda client: client.find_user("a@b.c"), None, lists("Resources")),
]


@given(st.lists(st.builds(answer, STATUSES, BODIES), min_size=1, max_size=3))
@settings(max_examples=250, deadline=None)
def test_nothing_is_there_only_where_a_whole_answer_says_so(answers):
    for look, nothing, tells in LOOKS:
        with contextlib.suppress(ConsoleError):
            assert look(scripted(answers)) != nothing or any(tells(one) for one in answers)


@pytest.mark.parametrize(
    "body", [b"", b" ", b"no such route", b'{"message": "Object not fo', b"null", b"[]", b'"gone"']
)
def test_a_404_that_may_not_be_the_consoles_is_no_missing_object(body):
    for look in (LOOKS[0][0], LOOKS[1][0], lambda client: client.type_definition("Model")):
        with pytest.raises(BadAnswerError, match="404 .* not known whether"):
            look(scripted([answer(404, body)]))


def test_a_404_with_a_json_object_of_any_shape_is_one():
    for body in (b"{}", b'{"message": "Object not found"}', b'{"errors": [{"code": "x"}]}'):
        assert scripted([answer(404, body)]).get_object("1") is None
        assert scripted([answer(404, body)]).delete_object("1") is False


def scripted(answers):
    transport = Transport("https://host", authenticator("basic", username="u", password="p"), random=lambda: 0.0)
    transport._sender = ScriptedSender(answers)
    return ConsoleClient(transport)


@pytest.mark.parametrize("link", [{"next": {"href": "?offset=1"}}, {}])
def test_a_console_that_sends_one_page_over_and_over_is_not_asked_for_ever(link):
    page = {"rows": [{"fields": [{"name": "Resource ID", "value": "1"}]}], "limit": 1} | link
    with pytest.raises(BadAnswerError, match="nothing new"):
        list(scripted([answer(200, json.dumps(page).encode())]).select(Query(columns("Resource ID"), "Model")))


def test_a_console_that_answers_with_more_rows_than_asked_for_is_asked_for_what_follows_them():
    rows = [{"fields": [{"value": str(number)}]} for number in range(7)]
    answers = [answer(200, json.dumps({"rows": some, "limit": 5}).encode()) for some in (rows, [])]
    client = scripted(answers)
    assert len(list(client.select(Query(columns("Resource ID"), "Model")))) == 7
    assert client.transport._sender.offsets == [0, 7]


@pytest.mark.parametrize("asked", ["jdoe", "j.doe@example.com"])
def test_a_console_that_ignores_the_filter_does_not_give_us_somebody_else(asked):
    users = [{"id": "1", "userName": "admin", "emails": [{"value": "admin@example.com"}]}]
    users.append({"id": "2", "userName": "JDoe", "emails": [{"value": "J.Doe@example.com"}]})
    transport = Transport("https://host", authenticator("basic", username="u", password="p"), random=lambda: 0.0)
    transport._sender = ScriptedSender([answer(200, json.dumps({"Resources": users}).encode())])
    assert ConsoleClient(transport).find_user(asked).user_name == "JDoe"
    assert ConsoleClient(transport).find_user("nobody") is None
    assert ConsoleClient(transport).find_user("nobody@example.com") is None


@pytest.mark.parametrize("fields", [[], [{"name": "a"}, {"name": "b"}], None, [None]])
def test_a_row_that_does_not_fit_the_columns_is_an_error(fields):
    transport = Transport("https://host", authenticator("basic", username="u", password="p"), random=lambda: 0.0)
    transport._sender = ScriptedSender([answer(200, json.dumps({"rows": [{"fields": fields}]}).encode())])
    with pytest.raises(BadAnswerError):
        list(ConsoleClient(transport).select(Query(columns("Name"), "Model")))


@given(st.binary(max_size=200), STATUSES)
def test_any_bytes_are_an_answer(body, status):
    read = answer(status, body)
    assert isinstance(read, Answer)
    assert not (read.is_json and read.is_html)
