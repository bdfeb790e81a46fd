# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values that cannot be right, and connections that cannot be side by side."""

from __future__ import annotations

import dataclasses

import pytest

from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.model import (
    AccessKey,
    AmbientCredentials,
    AssumeRole,
    ConsoleEndpoint,
    Dialect,
    SyncSettings,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.validation import (
    company_problems,
    partition_of,
    queue_account_problems,
    value_problems,
)

REGIONS = frozenset({"eu-central-1", "us-east-1", "cn-north-1"})
PROFILE = "arn:aws:sagemaker:eu-central-1:111122223333:user-profile/d-abc/links"


def problems(connection, **changes):
    return value_problems(dataclasses.replace(connection, **changes), REGIONS)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"credentials": AmbientCredentials()},
        {"credentials": AccessKey("AKIAIOSFODNN7EXAMPLE", "s" * 40)},
        {"credentials": AccessKey("111122223333", "s")},
        {"default_profile_arn": PROFILE},
        {"queue_url": "http://127.0.0.1:5000/111122223333/events.fifo"},
        {"description": "", "enabled": False},
    ],
)
def test_good_values(connection, changes):
    assert problems(connection, **changes) == ()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "Credit Risk"}, "name"),
        ({"name": "a" * 64}, "name"),
        ({"account_id": "1111"}, "12 digits"),
        ({"region": "eu-central-9"}, "no AWS region"),
        ({"region": "Frankfurt"}, "no AWS region"),
        ({"sync": SyncSettings(poll_seconds=-1)}, "sync_poll_seconds is -1: it has to be from 0 to 86400"),
        ({"sync": SyncSettings(max_decommission_percent=101)}, "sync_max_decommission_percent is 101"),
        ({"sync": SyncSettings(max_decommission_count=-1)}, "sync_max_decommission_count is -1"),
        ({"console": ConsoleEndpoint("", "", {}, dialect=Dialect(page_limit=0))}, "console_page_limit is 0"),
        ({"console": ConsoleEndpoint("", "", {}, dialect=Dialect(max_rows=-1))}, "console_max_rows is -1"),
        ({"console": ConsoleEndpoint("", "", {}, dialect=Dialect(in_list_size=0))}, "console_in_list_size is 0"),
        ({"default_user": " "}, "default user"),
        ({"business_entity_id": ""}, "business entity"),
        ({"credentials": AssumeRole("Sync")}, "not the ARN of a role"),
        ({"credentials": AssumeRole("arn:aws:iam::999999999999:role/Sync")}, "999999999999"),
        ({"credentials": AssumeRole("arn:aws-cn:iam::111122223333:role/Sync")}, "partition aws-cn"),
        ({"credentials": AssumeRole("arn:aws:iam::111122223333:role/Sync", "x")}, "external id"),
        ({"credentials": AssumeRole("arn:aws:iam::111122223333:role/Sync", "white space")}, "external id"),
        ({"credentials": AccessKey("short", "s")}, "access key id"),
        ({"credentials": AccessKey("AKIAIOSFODNN7EXAMPLE", " ")}, "secret access key"),
        ({"default_profile_arn": "links"}, "user profile"),
        ({"default_profile_arn": PROFILE.replace("111122223333", "999999999999")}, "999999999999"),
        ({"default_profile_arn": PROFILE.replace("eu-central-1", "us-east-1")}, "region us-east-1"),
        ({"queue_url": "events.fifo"}, "URL of a queue"),
        ({"queue_url": "https://sqs.eu-central-1.amazonaws.com/111122223333/events"}, "FIFO"),
        ({"queue_url": "https://sqs.us-east-1.amazonaws.com/111122223333/events.fifo"}, "region us-east-1"),
        ({"sync": SyncSettings(arn_field="A", state_field="A")}, "a field each"),
        ({"sync": SyncSettings(model_type="")}, "sync_model_type"),
    ],
)
def test_each_bad_value_is_named_in_one_sentence(connection, changes, words):
    found = problems(connection, **changes)
    assert len(found) == 1
    assert words in found[0]
    assert "secret-" not in found[0]


def test_a_region_is_only_checked_for_its_form_where_regions_are_not_known(connection):
    china = dataclasses.replace(
        connection,
        region="eu-central-9",
        queue_url="https://sqs.eu-central-9.amazonaws.com/111122223333/e.fifo",
    )
    assert value_problems(china, None) == ()
    assert (
        len(value_problems(dataclasses.replace(connection, region="x", queue_url="http://h/111122223333/e.fifo"), None))
        == 1
    )


@pytest.mark.parametrize(
    ("region", "partition"),
    [
        ("eu-central-1", "aws"),
        ("cn-north-1", "aws-cn"),
        ("us-gov-west-1", "aws-us-gov"),
        ("us-iso-east-1", "aws-iso"),
        ("us-isob-east-1", "aws-iso-b"),
        ("eu-isoe-west-1", "aws-iso-e"),
    ],
)
def test_partitions(region, partition):
    assert partition_of(region) == partition


def test_connections_that_go_together(connection, another):
    assert company_problems(connection, [connection, another]) == ()


def test_one_entity_has_one_connection(connection, another):
    shared = dataclasses.replace(another, business_entity_id=connection.business_entity_id)
    (problem,) = company_problems(connection, [shared])
    assert "Credit Risk" in problem
    assert "churn" in problem


def test_two_consoles_may_use_one_number(connection, another):
    elsewhere = dataclasses.replace(
        another,
        business_entity_id=connection.business_entity_id,
        console=dataclasses.replace(another.console, url="https://other"),
    )
    assert company_problems(connection, [elsewhere]) == ()


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://host", "https://HOST", True),
        ("https://host", "https://host./", True),
        ("https://host", "https://host:443/", True),
        ("https://host", "https://host/opgrc/api/v2", True),
        ("https://host/openpages-a-opgrc", "https://host/openpages-a-opgrc/api", True),
        ("http://host", "http://host:80", True),
        ("https://host", "https://host:8443", False),
        ("https://host", "https://host.example.com", False),
        ("https://host/openpages-a-opgrc", "https://host/openpages-b-opgrc", False),
        ("https://[::1]", "https://[::1]:443", True),
        ("https://[", "https://[", True),
        ("https://host:port", "https://host", False),
    ],
)
def test_one_console_is_one_however_its_address_is_written(one, other, same, connection, another):
    at_one = dataclasses.replace(connection, console=dataclasses.replace(connection.console, url=one))
    at_other = dataclasses.replace(
        another,
        business_entity_id=connection.business_entity_id,
        console=dataclasses.replace(another.console, url=other),
    )
    found = company_problems(at_one, [at_other])
    assert [("business entity" in problem) for problem in found] == ([True] if same else [])


def test_a_queue_of_another_account(connection):
    assert queue_account_problems(connection) == ()
    foreign = dataclasses.replace(connection, account_id="222233334444")
    (problem,) = queue_account_problems(foreign)
    assert "account 111122223333" in problem
    assert "of 222233334444" in problem
    assert queue_account_problems(dataclasses.replace(connection, queue_url="no url")) == ()


def test_one_account_has_one_connection(connection, another):
    (problem,) = company_problems(connection, [dataclasses.replace(another, account_id=connection.account_id)])
    assert "111122223333" in problem
    assert "churn" in problem


def test_there_are_at_most_ten(connection):
    others = [
        dataclasses.replace(connection, name=f"c{i}", business_entity_id=str(i), account_id=f"{i:012}")
        for i in range(10)
    ]
    assert company_problems(connection, others[:9]) == ()
    assert "10 other" in company_problems(connection, others)[0]
    assert company_problems(others[0], others) == ()
    assert company_problems(connection, others, max_connections=11) == ()
