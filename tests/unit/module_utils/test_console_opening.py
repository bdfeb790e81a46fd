# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""A connection's console is spoken to as the connection says."""

from __future__ import annotations

import dataclasses

import pytest

from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.model import ConsoleEndpoint, Dialect
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.client import ClientSettings
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.errors import BadOptionError
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.objects import NewObject
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.query import Column, In, Query, columns
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console_opening import open_console
from tests.emulators.console.server import ConsoleEmulator


def endpoint(url: str, **dialect: object) -> ConsoleEndpoint:
    login = {"api_key": "demo-api-key", "instance_id": "demo-instance", "token_url": url}
    return ConsoleEndpoint(url, "mcsp", login, dialect=dataclasses.replace(Dialect(), **dialect))


def test_what_a_connection_takes_for_granted_is_what_the_client_does() -> None:
    assert open_console(endpoint("http://127.0.0.1:1")).settings == ClientSettings()


@pytest.mark.parametrize(
    ("option", "value", "setting"),
    [
        ("page_limit", 7, 7),
        ("max_rows", 7, 7),
        ("in_operator", False, False),
        ("in_list_size", 7, 7),
        ("empty_value", "empty_text", ""),
    ],
)
def test_each_option_reaches_its_setting_alone(option: str, value: object, setting: object) -> None:
    opened = open_console(endpoint("http://127.0.0.1:1", **{option: value}))
    assert opened.settings == dataclasses.replace(ClientSettings(), **{option: setting})


def test_the_console_is_asked_in_that_dialect(console: ConsoleEmulator) -> None:
    """Without IN from the start, two values a query, one row a page: 2 queries of 2 rows, each with a page of none."""
    console.switch(in_operator=False)
    client = open_console(endpoint(console.url, in_operator=False, in_list_size=2, page_limit=1))
    names = ("a", "b", "c", "d")
    for name in names:
        client.create_object(NewObject("SOXBusEntity", name))
    console.clear_calls()
    query = Query(columns("Name"), "SOXBusEntity", where=In(Column("Name"), names))
    assert sorted(str(row["Name"]) for row in client.select(query)) == sorted(names)
    assert console.calls() == {"POST query": 6}
    client.close()


def test_a_way_in_that_there_is_not_is_told() -> None:
    with pytest.raises(BadOptionError):
        open_console(ConsoleEndpoint("http://127.0.0.1:1", "saml", {}))
