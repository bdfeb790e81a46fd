# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each check of the console's end says what is wrong and what to do."""

from __future__ import annotations

import dataclasses

import pytest

from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.model import SyncSettings
from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.plan import merge
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console import sync_needs
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.errors import UnknownTypeError
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.objects import NewObject
from ansible_collections.wxgov.sagemaker.plugins.module_utils.preflight.console_checks import (
    check_default_user,
    check_login,
    check_sync_settings,
    resolve_business_entity,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.preflight.errors import (
    BusinessEntityError,
    ConsoleSetupError,
    DefaultUserError,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.console_reader import open_reader
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.errors import SchemaMismatchError
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.mapping_overrides import effective_table


def test_a_root_entity_is_found_by_name_and_by_id(client, entity, console):
    console.clear_calls()
    for asked in ("Credit Risk", entity.id):
        found = resolve_business_entity(client, asked)
        assert (found.id, found.name) == (entity.id, "Credit Risk")
    assert console.calls() == {"POST query": 2, "GET contents/associations": 2}


@pytest.mark.parametrize("name", ["Nobody", "credit risk", "Credit", "999999", "' OR [Name] <> '", "%"])
def test_an_entity_that_is_not_there_is_to_be_created(name, client, entity):
    with pytest.raises(BusinessEntityError, match="create it first"):
        resolve_business_entity(client, name)


def test_of_entities_of_one_name_the_one_at_the_root_is_meant(client, entity):
    upper = client.create_object(NewObject("SOXBusEntity", "Bank"))
    client.create_object(NewObject("SOXBusEntity", "Credit Risk", primary_parent_id=upper.id))
    assert resolve_business_entity(client, "Credit Risk").id == entity.id


def test_a_name_that_is_only_below_others_is_not_at_the_root(client, entity):
    upper = client.create_object(NewObject("SOXBusEntity", "Bank"))
    for above in (upper, entity):
        client.create_object(NewObject("SOXBusEntity", "Retail", primary_parent_id=above.id))
    with pytest.raises(BusinessEntityError, match="is not at the root: it hangs under"):
        resolve_business_entity(client, "Retail")


def test_an_entity_below_another_is_not_at_the_root(client):
    upper = client.create_object(NewObject("SOXBusEntity", "Bank"))
    client.create_object(NewObject("SOXBusEntity", "Retail", primary_parent_id=upper.id))
    with pytest.raises(BusinessEntityError, match='hangs under "Bank"'):
        resolve_business_entity(client, "Retail")


def test_a_parent_that_is_not_the_primary_one_counts_too(client, entity):
    upper = client.create_object(NewObject("SOXBusEntity", "Bank"))
    client.associate(entity.id, parents=[upper.id])
    with pytest.raises(BusinessEntityError, match='hangs under "Bank"'):
        resolve_business_entity(client, "Credit Risk")


def test_a_number_that_is_a_name_and_an_id_is_not_guessed(client, entity):
    client.create_object(NewObject("SOXBusEntity", entity.id))
    with pytest.raises(BusinessEntityError, match="give the id"):
        resolve_business_entity(client, entity.id)


def test_the_default_user(client, console):
    console.add_user("jdoe", "j.doe@example.com")
    console.add_user("gone", "gone@example.com", active=False)
    assert check_default_user(client, "jdoe").user_name == "jdoe"
    assert check_default_user(client, "j.doe@example.com").user_name == "jdoe"
    with pytest.raises(DefaultUserError, match='no user "nobody"'):
        check_default_user(client, "nobody")
    with pytest.raises(DefaultUserError, match='"gone" is not active'):
        check_default_user(client, "gone")


def test_the_login_check_needs_business_entities(client, console):
    check_login(client)
    assert console.calls() == {"POST token": 1, "GET types": 1}
    with pytest.raises(UnknownTypeError, match="Entities"):
        check_login(client, "Entities")


def test_settings_that_the_console_bears_out(client, console):
    check_sync_settings(client, SyncSettings())
    assert console.calls() == {"POST token": 1, "GET types": 3}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (SyncSettings(arn_field="Integration:External Id"), r"Similar: Integration:External ID.* \(sync_arn_field\)"),
        (SyncSettings(state_field="MRG-Model:Model Owner"), r"type ModelGroup has no field .* \(sync_state_field\)"),
        (SyncSettings(arn_field="Integration:Application"), "of the data type ENUM_TYPE: it has to be a writable"),
        (SyncSettings(arn_field="Integration:Last Update"), "of the data type DATE_TYPE: it has to be a writable"),
        (SyncSettings(arn_field="Location"), "is read-only: it has to be"),
        (SyncSettings(model_type="Modell"), r'no type "Modell".* \(sync_model_type\)'),
        (SyncSettings(use_case_type="UseCase"), r'no type "UseCase".* \(sync_use_case_type\)'),
        (SyncSettings(model_group_type="Grp"), r'no type "Grp".* \(sync_model_group_type\)'),
    ],
)
def test_settings_that_it_does_not(settings, words, client):
    with pytest.raises(ConsoleSetupError, match=words):
        check_sync_settings(client, settings)


def test_all_that_a_console_lacks_is_told_at_once(client):
    wrong = SyncSettings("No:Arn", "No:State", model_group_type="Grp", model_type="Model", use_case_type="Case")
    with pytest.raises(ConsoleSetupError) as error:
        check_sync_settings(client, wrong)
    settings = ("use_case_type", "arn_field", "state_field", "model_group_type")
    assert [str(error.value).count(f"(sync_{setting})") for setting in settings] == [1, 1, 1, 1]


def without_the_last_status(console, monkeypatch):
    (status,) = [
        field
        for field in console.console.instance.resolve("Model").fields.values()
        if field.name == sync_needs.STATUS_FIELD
    ]
    monkeypatch.delitem(status.enum, sync_needs.DECOMMISSIONED)


def as_it_is(console, monkeypatch):
    pass


def metrics(**section):
    return SyncSettings(mapping={"metrics": section})


@pytest.mark.parametrize(
    ("settings", "spoil", "words"),
    [
        (SyncSettings(), without_the_last_status, "has no value Decommissioned"),
        (metrics(value_field="MRG-Metric:Owner"), as_it_is, r"MRG-Metric:Owner.* \(metrics in sync_mapping\)"),
        (metrics(type="Metrik"), as_it_is, r'no type "Metrik".* \(metrics in sync_mapping\)'),
        (SyncSettings(arn_field="Location"), as_it_is, "is read-only: it has to be"),
        (SyncSettings(state_field="Integration:Application"), as_it_is, "of the data type ENUM_TYPE"),
        (SyncSettings(model_type="Modell"), as_it_is, 'no type "Modell"'),
        (SyncSettings(model_group_type="Grp"), as_it_is, 'no type "Grp"'),
    ],
)
def test_what_keeps_the_synchronisation_from_starting_is_seen(
    settings, spoil, words, client, console, wanted, monkeypatch
):
    spoil(console, monkeypatch)
    connection = dataclasses.replace(merge(None, wanted()), sync=settings)
    with pytest.raises(SchemaMismatchError, match=words) as refused:
        open_reader(client, connection, effective_table(settings.mapping))
    with pytest.raises(ConsoleSetupError, match=words) as seen:
        check_sync_settings(client, settings)
    assert str(refused.value) in str(seen.value)


@pytest.mark.parametrize("settings", [SyncSettings(), metrics(), metrics(enabled=False, type="Metrik")])
def test_what_is_fine_for_one_is_fine_for_both(settings, client, wanted):
    connection = dataclasses.replace(merge(None, wanted()), sync=settings)
    open_reader(client, connection, effective_table(settings.mapping))
    check_sync_settings(client, settings)
