# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""A connection's file: what is written is what is read, and what cannot be read is named without its values."""

from __future__ import annotations

import copy
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.errors import BrokenConnectionError
from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.model import (
    BOUNDS,
    EMPTY_VALUES,
    AccessKey,
    AmbientCredentials,
    AssumeRole,
    Connection,
    ConsoleEndpoint,
    Dialect,
    Filters,
    SyncSettings,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.serialization import (
    MIGRATIONS,
    SCHEMA_VERSION,
    dumps,
    loads,
    migrate,
    to_document,
)

TEXT = st.text(max_size=12)
OPTIONAL = st.none() | TEXT


def within(name):
    """The whole numbers that a member of a connection can be."""
    return st.integers(*BOUNDS[name])


CREDENTIALS = st.one_of(
    st.builds(AssumeRole, TEXT, OPTIONAL), st.builds(AccessKey, TEXT, TEXT), st.just(AmbientCredentials())
)
CONNECTIONS = st.builds(
    Connection,
    name=st.from_regex(r"[a-z0-9][a-z0-9-]{0,62}", fullmatch=True),
    business_entity_id=TEXT,
    business_entity_name=TEXT,
    default_user=TEXT,
    account_id=TEXT,
    region=TEXT,
    credentials=CREDENTIALS,
    queue_url=TEXT,
    console=st.builds(
        ConsoleEndpoint,
        *(TEXT, TEXT, st.dictionaries(TEXT, TEXT, max_size=3), st.booleans(), OPTIONAL, st.booleans()),
        dialect=st.builds(
            Dialect,
            *(within("page_limit"), within("max_rows"), st.booleans(), within("in_list_size")),
            empty_value=st.sampled_from(EMPTY_VALUES),
        ),
    ),
    description=TEXT,
    default_profile_arn=OPTIONAL,
    enabled=st.booleans(),
    sync=st.builds(
        SyncSettings,
        *(TEXT, TEXT, OPTIONAL, TEXT, TEXT, TEXT, st.booleans(), st.booleans()),
        mapping=st.dictionaries(TEXT, st.lists(st.dictionaries(TEXT, TEXT | st.booleans(), max_size=2), max_size=2)),
        filters=st.builds(Filters, *[st.lists(TEXT, max_size=2).map(tuple)] * 5),
        poll_seconds=within("poll_seconds"),
        max_decommission_percent=st.floats(*BOUNDS["max_decommission_percent"]),
        max_decommission_count=within("max_decommission_count"),
    ),
)


@given(CONNECTIONS)
def test_what_is_written_is_read(connection):
    assert loads(dumps(connection)) == connection


def keys(document, path=()):
    for key, value in document.items():
        yield (*path, key)
        if isinstance(value, dict) and key != "auth_options":
            yield from keys(value, (*path, key))


def holder(document, path):
    for key in path[:-1]:
        document = document[key]
    return document


def test_each_key_is_needed_and_has_its_kind(connection):
    document = to_document(connection)
    for path in keys(document):
        without, other = copy.deepcopy(document), copy.deepcopy(document)
        del holder(without, path)[path[-1]]
        holder(other, path)[path[-1]] = [1]
        for broken in (without, other):
            with pytest.raises(BrokenConnectionError, match=path[-1]) as error:
                loads(json.dumps(broken))
            assert "secret-" not in str(error.value)


def test_a_key_that_is_not_known_is_named(connection):
    document = to_document(connection)
    for path in ([], ["console"], ["sync"], ["credentials"], ["business_entity"]):
        broken = copy.deepcopy(document)
        holder(broken, [*path, ""])["surprise"] = "secret-value"
        with pytest.raises(BrokenConnectionError, match="surprise") as error:
            loads(json.dumps(broken))
        assert "secret-" not in str(error.value)


def test_a_name_and_a_kind_of_credentials_that_cannot_be(connection):
    document = to_document(connection)
    with pytest.raises(BrokenConnectionError, match="name"):
        loads(json.dumps(document | {"name": "../x"}))
    with pytest.raises(BrokenConnectionError, match="assume_role, access_key, ambient"):
        loads(json.dumps(document | {"credentials": {"type": "magic"}}))


def test_a_newer_version_is_refused_with_what_to_do(connection):
    with pytest.raises(BrokenConnectionError, match=rf"schema version {SCHEMA_VERSION + 1}.*upgrade"):
        loads(json.dumps(to_document(connection) | {"schema_version": SCHEMA_VERSION + 1}))
    with pytest.raises(BrokenConnectionError, match="never existed"):
        loads(json.dumps(to_document(connection) | {"schema_version": 0}))


@given(st.text())
def test_any_text_is_a_connection_or_refused(text):
    with pytest.raises(BrokenConnectionError):
        loads(text)


@given(st.recursive(st.none() | st.booleans() | st.integers() | TEXT, lambda x: st.lists(x) | st.dictionaries(TEXT, x)))
def test_any_json_is_refused(value):
    with pytest.raises(BrokenConnectionError):
        loads(json.dumps(value))


def test_no_secret_is_in_a_representation(connection):
    assert "secret-" not in repr(connection)
    assert "secret-key" not in repr(AccessKey("AKIA", "secret-key"))


def test_documents_of_older_versions_are_brought_up_to_date_step_by_step():
    steps = {
        1: lambda document: {**document, "queue": {"url": document["queue_url"]}},
        2: lambda document: {key: value for key, value in document.items() if key != "queue_url"},
    }
    old = {"schema_version": 1, "queue_url": "https://q"}
    assert migrate(old, steps, 3) == {"schema_version": 3, "queue": {"url": "https://q"}}
    assert old == {"schema_version": 1, "queue_url": "https://q"}
    assert migrate({"schema_version": 3, "queue": {}}, steps, 3) == {"schema_version": 3, "queue": {}}


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"schema_version": 4}, "written by a newer release than this one, which knows up to 3: upgrade"),
        ({"schema_version": 1}, "not a document of schema version 1"),
        ({"schema_version": 0}, "version 0 never existed"),
        ({"schema_version": "1"}, "not a whole number"),
        ({}, "schema_version"),
        ([], "not a JSON object"),
    ],
)
def test_documents_that_cannot_be_brought_up_to_date(document, words):
    steps = {1: lambda document: {"queue": document["queue_url"]}, 2: lambda document: document}
    with pytest.raises(BrokenConnectionError, match=words):
        migrate(document, steps, 3)


CAME_WITH = {
    2: {"sync": ("push_use_cases", "push_text", "mapping", "filters")},
    3: {
        "console": ("dialect",),
        "sync": ("poll_seconds", "max_decommission_percent", "max_decommission_count"),
    },
}


@pytest.mark.parametrize("version", range(1, SCHEMA_VERSION))
def test_a_document_of_an_older_version_gets_the_defaults_of_what_it_did_not_know(version, connection):
    document = to_document(connection) | {"schema_version": version}
    for later in range(version + 1, SCHEMA_VERSION + 1):
        for section, names in CAME_WITH[later].items():
            for name in names:
                del document[section][name]
    assert loads(json.dumps(document)) == connection


@pytest.mark.parametrize("name", BOUNDS)
@pytest.mark.parametrize("value", [-1, 10**9, math.nan, math.inf])
def test_a_number_out_of_bounds_is_refused(name, value, connection):
    document = to_document(connection)
    (holder,) = [part for part in (document["console"]["dialect"], document["sync"]) if name in part]
    holder[name] = value
    with pytest.raises(BrokenConnectionError, match=name):
        loads(json.dumps(document))


def test_a_way_to_clear_fields_that_there_is_not_is_refused(connection):
    document = to_document(connection)
    document["console"]["dialect"]["empty_value"] = "null"
    with pytest.raises(BrokenConnectionError, match="empty_value.*json_null, empty_text"):
        loads(json.dumps(document))


def test_every_older_version_leads_to_the_present_one():
    assert sorted(MIGRATIONS) == list(range(1, SCHEMA_VERSION))
