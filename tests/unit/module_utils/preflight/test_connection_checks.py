# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""A connection's checks: one link broken at a time, and exactly that check fails; what hangs on it is skipped."""

from __future__ import annotations

import dataclasses

import pytest

from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.plan import merge
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.objects import NewObject
from ansible_collections.wxgov.sagemaker.plugins.module_utils.errors import WxgovError
from ansible_collections.wxgov.sagemaker.plugins.module_utils.preflight.checks import Check, failures, run_check
from ansible_collections.wxgov.sagemaker.plugins.module_utils.preflight.connection_checks import check_connection

NAMES = (
    "connection.values",
    "console.login",
    "console.business_entity",
    "console.permissions",
    "console.default_user",
    "console.fields",
    "aws.role_assumable",
    "aws.external_id_required",
    "aws.account",
)


@pytest.fixture
def connection(wanted, entity):
    return merge(None, wanted(business_entity=entity.id))


def not_ok(checks):
    assert tuple(check.name for check in checks) == NAMES
    assert "secret-" not in str(checks)
    assert "demo-api-key" not in str(checks)
    return {check.name: check.status for check in checks if check.status != "ok"}


def test_all_is_well(cloud, console, connection):
    console.clear_calls()
    assert not_ok(check_connection(connection)) == {}
    assert sum(console.calls().values()) == 8
    assert not_ok(check_connection(connection, entity="Credit Risk")) == {}


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("connection.values", {"queue_url": "https://sqs.eu-central-1.amazonaws.com/111122223333/events"}),
        ("console.default_user", {"default_user": "nobody"}),
    ],
)
def test_values_and_user(name, change, cloud, connection):
    assert not_ok(check_connection(dataclasses.replace(connection, **change))) == {name: "failed"}


def test_another_connection_with_this_entity(cloud, connection):
    other = dataclasses.replace(connection, name="other", account_id="222233334444")
    checks = check_connection(dataclasses.replace(connection, business_entity_id="?"), [other], entity="Credit Risk")
    assert not_ok(checks) == {"connection.values": "failed"}
    assert '"other"' in checks[0].evidence


def test_the_login(cloud, connection):
    wrong_key = {"auth_options": {**connection.console.auth_options, "api_key": "secret-wrong"}}
    for change in (wrong_key, {"auth_method": "basic"}, {"url": "http://elsewhere"}):
        broken = dataclasses.replace(connection, console=dataclasses.replace(connection.console, **change))
        assert not_ok(check_connection(broken)) == {
            "console.login": "failed",
            "console.business_entity": "skipped",
            "console.permissions": "skipped",
            "console.default_user": "skipped",
            "console.fields": "skipped",
        }


def test_the_entity(cloud, client, connection):
    below = client.create_object(NewObject("SOXBusEntity", "Below", primary_parent_id=connection.business_entity_id))
    broken = dataclasses.replace(connection, business_entity_id=below.id)
    assert not_ok(check_connection(broken)) == {
        "console.business_entity": "failed",
        "console.permissions": "skipped",
    }


def test_the_permissions(cloud, console, connection):
    console.switch(can_write=False)
    assert not_ok(check_connection(connection)) == {"console.permissions": "failed"}
    console.fault("status", "GET", "contents/permissions", status=404, times=1)
    assert not_ok(check_connection(connection)) == {"console.permissions": "warning"}


def test_the_fields(cloud, connection):
    broken = dataclasses.replace(connection, sync=dataclasses.replace(connection.sync, arn_field="ARN"))
    assert not_ok(check_connection(broken)) == {"console.fields": "failed"}


def test_the_external_id(cloud, connection):
    cloud.let(external_id=None)
    assert not_ok(check_connection(connection)) == {"aws.external_id_required": "failed"}


def test_a_check_keeps_the_error_as_evidence():
    def broken():
        raise WxgovError("It is broken.")

    assert run_check("x", lambda: "It works.", "Mend it.") == Check("x", "ok", "It works.")
    failed = run_check("x", broken, "Mend it.")
    assert failed.as_dict() == {"name": "x", "status": "failed", "evidence": "It is broken.", "mend": "Mend it."}
    assert failures([Check("y", "warning", "Look."), failed, Check("z", "skipped", "")]) == "x: It is broken."
