# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""From options to a connection and its one operation."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.errors import InvalidConnectionError
from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.model import (
    AccessKey,
    AmbientCredentials,
    AssumeRole,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.plan import (
    HIDDEN,
    HIDDEN_CHANGED,
    Wanted,
    merge,
    plan,
    shown,
)

NEW = Wanted(
    name="credit-risk",
    business_entity="4577",
    default_user="svc",
    account_id="111122223333",
    region="eu-central-1",
    ambient=True,
    queue_url="https://sqs.eu-central-1.amazonaws.com/111122223333/events.fifo",
    console_url="https://host",
    console_auth_method="mcsp",
)


def wanted(**options):
    return Wanted(name="credit-risk", **options)


def test_a_new_connection_has_the_defaults():
    made = merge(None, NEW)
    assert made.enabled
    assert made.console.validate_certs
    assert not made.console.allow_http
    assert made.sync.arn_field == "Integration:External ID"
    assert (made.business_entity_id, made.credentials) == ("4577", AmbientCredentials())


@pytest.mark.parametrize(
    "option",
    [
        "business_entity",
        "default_user",
        "account_id",
        "region",
        "queue_url",
        "console_url",
        "console_auth_method",
        "ambient",
    ],
)
def test_a_new_connection_needs(option):
    for missing in (None, False if option == "ambient" else ""):
        with pytest.raises(InvalidConnectionError, match=option):
            merge(None, dataclasses.replace(NEW, **{option: missing}))


def test_options_that_are_not_set_leave_everything_alone(connection):
    assert merge(connection, wanted()) == connection
    assert plan(connection, merge(connection, wanted())) == ()


SIMPLE = {
    "description": ("description", "New"),
    "default_user": ("default_user", "jdoe"),
    "account_id": ("account_id", "999999999999"),
    "region": ("region", "us-east-1"),
    "default_profile_arn": ("default_profile_arn", "arn:x"),
    "queue_url": ("queue_url", "https://q"),
    "enabled": ("enabled", False),
}


@pytest.mark.parametrize("option", SIMPLE)
def test_each_option_changes_its_own_value_alone(option, connection):
    field, value = SIMPLE[option]
    assert merge(connection, wanted(**{option: value})) == dataclasses.replace(connection, **{field: value})


@pytest.mark.parametrize(
    ("option", "field", "value"),
    [
        ("console_url", "url", "https://other"),
        ("validate_certs", "validate_certs", False),
        ("ca_path", "ca_path", "/ca.pem"),
        ("console_allow_http", "allow_http", True),
    ],
)
def test_each_console_option_changes_its_own_value_alone(option, field, value, connection):
    expected = dataclasses.replace(connection, console=dataclasses.replace(connection.console, **{field: value}))
    assert merge(connection, wanted(**{option: value})) == expected


@pytest.mark.parametrize(
    "field",
    ["arn_field", "state_field", "model_group_type", "model_type", "use_case_type", "business_entity_type"],
)
def test_each_sync_option_changes_its_own_value_alone(field, connection):
    expected = dataclasses.replace(connection, sync=dataclasses.replace(connection.sync, **{field: "New"}))
    assert merge(connection, wanted(**{f"sync_{field}": "New"})) == expected


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("page_limit", 100),
        ("max_rows", 7000),
        ("in_operator", False),
        ("in_list_size", 10),
        ("empty_value", "empty_text"),
    ],
)
def test_each_option_of_the_dialect_changes_its_own_value_alone(field, value, connection):
    dialect = dataclasses.replace(connection.console.dialect, **{field: value})
    expected = dataclasses.replace(connection, console=dataclasses.replace(connection.console, dialect=dialect))
    assert merge(connection, wanted(**{f"console_{field}": value})) == expected
    assert merge(expected, wanted(console_auth_method="basic")).console.dialect == dialect


@pytest.mark.parametrize("field", ["poll_seconds", "max_decommission_percent", "max_decommission_count"])
def test_each_number_changes_its_own_value_alone_and_may_be_none_at_all(field, connection):
    for value in (7, 0):
        expected = dataclasses.replace(connection, sync=dataclasses.replace(connection.sync, **{field: value}))
        assert merge(connection, wanted(**{f"sync_{field}": value})) == expected
        assert merge(expected, wanted()) == expected


@pytest.mark.parametrize("field", ["push_use_cases", "push_text"])
def test_each_switch_changes_its_own_value_alone(field, connection):
    off = dataclasses.replace(connection, sync=dataclasses.replace(connection.sync, **{field: False}))
    assert merge(connection, wanted(**{f"sync_{field}": False})) == off
    assert merge(off, wanted()) == off


def test_empty_texts_clear(connection):
    full = dataclasses.replace(
        connection,
        description="x",
        default_profile_arn="arn:x",
        console=dataclasses.replace(connection.console, ca_path="/ca.pem"),
        sync=dataclasses.replace(connection.sync, model_group_type="Group"),
    )
    cleared = merge(
        full,
        wanted(
            description="",
            default_profile_arn="",
            ca_path="",
            sync_model_group_type="",
            external_id="",
            console_instance_id="",
        ),
    )
    assert cleared.description == ""
    assert cleared.default_profile_arn is None
    assert cleared.console.ca_path is None
    assert cleared.sync.model_group_type is None
    assert cleared.credentials.external_id is None
    assert "instance_id" not in cleared.console.auth_options


def test_an_external_id_outlives_a_change_of_the_role(connection):
    made = merge(connection, wanted(role_arn="arn:other"))
    assert made.credentials == AssumeRole("arn:other", "secret-external-id")


def test_one_way_in_takes_the_place_of_another(connection):
    keyed = merge(connection, wanted(access_key_id="AKIA1", secret_access_key="s"))
    assert keyed.credentials == AccessKey("AKIA1", "s")
    assert merge(keyed, wanted()).credentials == keyed.credentials
    assert merge(keyed, wanted(secret_access_key="t")).credentials == AccessKey("AKIA1", "t")
    assert merge(keyed, wanted(access_key_id="AKIA1")).credentials == keyed.credentials
    with pytest.raises(InvalidConnectionError, match="AKIA2"):
        merge(keyed, wanted(access_key_id="AKIA2"))
    assert merge(keyed, wanted(role_arn="arn:r")).credentials == AssumeRole("arn:r", None)
    ambient = merge(keyed, wanted(ambient=True))
    assert ambient.credentials == AmbientCredentials()
    assert merge(ambient, wanted()).credentials == AmbientCredentials()


@pytest.mark.parametrize(
    "options",
    [
        {"role_arn": "arn:r", "ambient": True},
        {"role_arn": "arn:r", "access_key_id": "AKIA1", "secret_access_key": "s"},
        {"access_key_id": "AKIA1", "secret_access_key": "s", "ambient": True},
    ],
)
def test_two_ways_in_at_once_are_refused(options, connection):
    with pytest.raises(InvalidConnectionError, match="exclude each other"):
        merge(connection, wanted(**options))


def test_saying_no_to_ambient_credentials_needs_another_way(connection):
    assert merge(connection, wanted(ambient=False)) == connection
    assert merge(connection, wanted(ambient=False, role_arn="arn:r")).credentials.role_arn == "arn:r"
    with pytest.raises(InvalidConnectionError, match="role_arn or access_key_id"):
        merge(merge(connection, wanted(ambient=True)), wanted(ambient=False))


def test_another_login_method_starts_with_nothing(connection):
    made = merge(connection, wanted(console_auth_method="basic", console_username="me", console_password="p"))
    assert made.console.auth_options == {"username": "me", "password": "p"}
    assert merge(connection, wanted(console_auth_method="mcsp")) == connection


def test_secrets_that_are_there_stay_if_asked_to(connection):
    options = {"external_id": "other-external-id", "console_api_key": "other-key", "console_instance_id": "instance-2"}
    kept = merge(connection, wanted(**options), update_secrets=False)
    assert kept.credentials == connection.credentials
    assert kept.console.auth_options == {"api_key": "secret-api-key", "instance_id": "instance-2"}
    replaced = merge(connection, wanted(**options))
    assert replaced.credentials.external_id == "other-external-id"
    assert replaced.console.auth_options["api_key"] == "other-key"
    first = merge(None, dataclasses.replace(NEW, console_api_key="first"), update_secrets=False)
    assert first.console.auth_options["api_key"] == "first"


KEY, FILE, STORE = ({"api_key": "secret-api-key"}, {"api_key_file": "/run/key"}, {"api_key_secret": "team/key"})


@pytest.mark.parametrize(
    ("kept", "asked", "update_secrets", "expected"),
    [
        (KEY, FILE, True, FILE),
        (KEY, FILE, False, FILE),
        (FILE, KEY, True, KEY),
        (FILE, KEY, False, FILE),
        (FILE, STORE, True, STORE),
        (FILE, {}, True, FILE),
        (FILE, {"api_key_file": ""}, True, {}),
        (FILE, {"api_key": ""}, True, FILE),
        (FILE, {"api_key_file": "", "api_key": "k"}, True, {"api_key": "k"}),
        (KEY, {"api_key": ""}, True, {}),
        (KEY, {"api_key": ""}, False, KEY),
        (KEY, {"password_env": "MY_PASSWORD"}, True, {**KEY, "password_env": "MY_PASSWORD"}),
    ],
)
def test_a_secret_is_kept_in_one_place(kept, asked, update_secrets, expected, connection):
    console = dataclasses.replace(connection.console, auth_options={"instance_id": "instance-1", **kept})
    existing = dataclasses.replace(connection, console=console)
    options = {f"console_{name}": value for name, value in asked.items()}
    made = merge(existing, wanted(**options), update_secrets=update_secrets)
    assert made.console.auth_options == {"instance_id": "instance-1", **expected}


def test_two_places_at_once_are_refused_and_places_are_shown(connection):
    with pytest.raises(InvalidConnectionError, match="console_api_key_file and console_api_key_env exclude each other"):
        merge(connection, wanted(console_api_key_file="/run/key", console_api_key_env="MY_KEY"))
    moved = merge(connection, wanted(console_api_key_file="/run/key"))
    assert shown(moved, compared_with=connection)["console"]["auth_options"]["api_key_file"] == "/run/key"


OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "console_api_key_file": st.sampled_from(["", "/run/key"]),
        "console_api_key": st.sampled_from(["", "k1"]),
        "description": st.sampled_from(["", "a"]),
        "enabled": st.booleans(),
        "external_id": st.sampled_from(["", "ext-1"]),
        "role_arn": st.just("arn:r"),
        "console_auth_method": st.sampled_from(["mcsp", "basic"]),
        "ca_path": st.sampled_from(["", "/ca"]),
        "sync_model_group_type": st.sampled_from(["", "G"]),
    },
).filter(lambda options: not (options.get("console_api_key") and options.get("console_api_key_file")))


@given(OPTIONS, st.booleans())
def test_asking_twice_changes_nothing_more(options, update_secrets):
    first = merge(merge(None, NEW), wanted(**options), update_secrets=update_secrets)
    assert merge(first, wanted(**options), update_secrets=update_secrets) == first
    assert plan(first, first) == ()


def test_plans(connection, another):
    assert plan(None, None) == ()
    assert [operation.name for operation in plan(None, connection)] == ["create"]
    assert [operation.name for operation in plan(connection, None)] == ["remove"]
    (update,) = plan(connection, dataclasses.replace(connection, enabled=False))
    assert (update.name, update.before["enabled"], update.after["enabled"]) == ("update", True, False)
    assert [operation.name for operation in plan(connection, connection, is_private=False)] == ["protect"]


def test_what_is_shown_hides_secrets_and_marks_those_that_change(connection):
    changed = merge(connection, wanted(console_api_key="secret-new-key"))
    (update,) = plan(connection, changed)
    assert "secret-" not in str(update)
    assert update.before["console"]["auth_options"] == {"api_key": HIDDEN, "instance_id": "instance-1"}
    assert update.after["console"]["auth_options"] == {"api_key": HIDDEN_CHANGED, "instance_id": "instance-1"}
    assert update.after["credentials"]["external_id"] == HIDDEN
    assert update.before != update.after
    assert shown(None) == {}
    assert shown(dataclasses.replace(connection, credentials=AssumeRole("a")))["credentials"]["external_id"] is None


def test_an_option_nobody_thought_of_is_hidden(connection):
    odd = dataclasses.replace(
        connection, console=dataclasses.replace(connection.console, auth_options={"passphrase": "secret-x"})
    )
    assert "secret-" not in str(shown(odd))
