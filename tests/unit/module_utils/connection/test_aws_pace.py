# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""SageMaker's calls under the pace of their account, against the AWS emulator."""

from __future__ import annotations

import dataclasses
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import boto3
import botocore.config
import botocore.exceptions
import pytest

from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.aws_pace import PACES, AccountPaces
from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.aws_session import client_for, session_for
from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.errors import TooManyCallsError
from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.model import AccessKey
from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.traffic import AwsTraffic
from ansible_collections.wxgov.sagemaker.plugins.module_utils.pacing.priority import (
    Priority,
    calling_for,
    current_priority,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.registry.client import RegistryClient
from ansible_collections.wxgov.sagemaker.plugins.module_utils.registry.listing import RegistryListing

ACCOUNT, OTHER = "210987654321", "310987654321"
DESCRIBE = "sagemaker.DescribeModelPackageGroup"
REGION = "eu-central-1"


@pytest.fixture
def registry(aws, connection, monkeypatch):
    """A registry with one group, and a connection that has its account's key."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.endpoint_url)
    connection = dataclasses.replace(connection, account_id=ACCOUNT, credentials=AccessKey(ACCOUNT, "x"))
    client_for(session_for(connection), "sagemaker").create_model_package_group(ModelPackageGroupName="churn")
    aws.clear_calls()
    return connection


def until(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


class Time:
    """A clock that only sleeping moves."""

    def __init__(self):
        self.now = 0.0

    def sleep(self, seconds):
        self.now += seconds


class Client:
    """A client of an account whose paces have a clock of the test's."""

    def __init__(self, endpoint_url):
        self.time = Time()
        self.paces = AccountPaces(ACCOUNT, clock=lambda: self.time.now, sleep=self.time.sleep)
        session = boto3.Session(ACCOUNT, "x", region_name=REGION)
        self.paces.watch(session.events)
        config = botocore.config.Config(retries={"mode": "standard", "max_attempts": 10})
        self.sagemaker = session.client("sagemaker", endpoint_url=endpoint_url, config=config)

    def describe(self):
        return self.sagemaker.describe_model_package_group(ModelPackageGroupName="churn")


def test_a_throttled_registry_answers_every_call_of_many_threads(aws, registry):
    traffic = AwsTraffic()
    sagemaker = client_for(session_for(registry, max_pool_connections=16, traffic=traffic), "sagemaker")
    aws.throttle(DESCRIBE, rate=100, burst=2)
    with ThreadPoolExecutor(16) as pool:
        arns = list(
            pool.map(
                lambda _number: sagemaker.describe_model_package_group(ModelPackageGroupName="churn")[
                    "ModelPackageGroupArn"
                ],
                range(400),
            )
        )
    assert len(arns) == 400
    refused = aws.throttled_calls()[DESCRIBE]
    print(f"{refused} of {400 + refused} calls throttled")
    assert aws.calls()[DESCRIBE] == 400 + refused
    assert 0 < refused <= 80
    assert traffic.by_service()["sagemaker"].throttled == refused
    assert traffic.by_service()["sagemaker"].sent == 400 + refused


def test_a_call_is_repeated_long_after_botocores_quota_is_used_up(aws, registry):
    client = Client(aws.endpoint_url)
    aws.fault(DESCRIBE, "error", code="ThrottlingException", times=200)
    with calling_for(Priority.SWEEP):
        assert client.describe()["ModelPackageGroupName"] == "churn"
    assert aws.calls()[DESCRIBE] == 201
    assert 190 <= client.time.now <= 300


@pytest.mark.parametrize(("priority", "seconds"), [(Priority.EVENT, 60), (Priority.SWEEP, 300)])
def test_a_call_that_is_always_throttled_ends_when_its_patience_does(aws, registry, priority, seconds):
    client = Client(aws.endpoint_url)
    aws.fault(DESCRIBE, "error", code="ThrottlingException", times=1000)
    with calling_for(priority), pytest.raises((botocore.exceptions.ClientError, TooManyCallsError)) as error:
        client.describe()
    assert seconds - 2 <= client.time.now <= seconds + 1
    if isinstance(error.value, TooManyCallsError):
        assert f"1.0 calls a second of sagemaker:DescribeModelPackageGroup in account {ACCOUNT}" in str(error.value)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("ThrottlingException", 400),
        ("Throttling", 400),
        ("TooManyRequestsException", 429),
        ("RequestLimitExceeded", 503),
        ("Unheard", 429),
    ],
)
def test_whatever_way_too_many_is_said_the_rate_is_held(aws, registry, code, status):
    client = Client(aws.endpoint_url)
    aws.fault(DESCRIBE, "error", code=code, status=status, times=2)
    client.describe()
    assert client.paces.rates(REGION).keys() == {"DescribeModelPackageGroup"}
    assert client.time.now > 0


@pytest.mark.parametrize("fault", [{"kind": "reset"}, {"kind": "error", "code": "InternalFailure", "status": 500}])
def test_what_breaks_down_is_botocores_to_repeat_and_holds_nothing(aws, registry, fault):
    client = Client(aws.endpoint_url)
    aws.fault(DESCRIBE, times=3, **fault)
    client.describe()
    assert aws.calls()[DESCRIBE] == 4
    assert (client.paces.rates(REGION), client.time.now) == ({}, 0.0)


def test_what_is_refused_for_another_reason_is_not_repeated_and_holds_nothing(aws, registry):
    client = Client(aws.endpoint_url)
    with pytest.raises(botocore.exceptions.ClientError, match="ValidationException"):
        client.sagemaker.describe_model_package_group(ModelPackageGroupName="none")
    assert (aws.calls(), client.paces.rates(REGION)) == ({DESCRIBE: 1}, {})


def test_connections_of_one_account_share_its_pace_and_those_of_another_do_not(aws, registry):
    one = client_for(session_for(registry), "sagemaker")
    two = client_for(session_for(dataclasses.replace(registry, name="another")), "sagemaker")
    elsewhere = dataclasses.replace(registry, account_id=OTHER, credentials=AccessKey(OTHER, "x"))
    other = client_for(session_for(elsewhere), "sagemaker")
    other.create_model_package_group(ModelPackageGroupName="churn")
    aws.fault(DESCRIBE, "error", code="ThrottlingException", times=1)
    one.describe_model_package_group(ModelPackageGroupName="churn")
    assert PACES.of(ACCOUNT).rates(REGION).keys() == {"DescribeModelPackageGroup"}
    assert (PACES.of(ACCOUNT).rates("us-east-1"), PACES.of(OTHER).rates(REGION)) == ({}, {})

    gate = PACES.of(ACCOUNT)._gates[REGION, "DescribeModelPackageGroup"]
    aws.clear_calls()
    held = threading.Thread(target=two.describe_model_package_group, kwargs={"ModelPackageGroupName": "churn"})
    with gate._lines[Priority.EVENT]:  # the test is the first of the line
        gate._waiting[Priority.EVENT] += 1
        held.start()
        until(lambda: gate._waiting[Priority.EVENT] == 2)
        other.describe_model_package_group(ModelPackageGroupName="churn")
        two.list_model_package_groups()
        assert aws.calls() == {DESCRIBE: 1, "sagemaker.ListModelPackageGroups": 1}
        gate._waiting[Priority.EVENT] -= 1
    held.join(60)
    assert aws.calls()[DESCRIBE] == 2


def test_an_events_call_passes_those_of_a_sweep_that_wait(aws, registry):
    sagemaker = client_for(session_for(registry, max_pool_connections=20), "sagemaker")
    order, lock = [], threading.Lock()

    def note(event_name, **_event):
        with lock:
            order.append(threading.current_thread().name)

    sagemaker.meta.events.register("before-send.sagemaker.DescribeModelPackageGroup", note)

    def describe():
        sagemaker.describe_model_package_group(ModelPackageGroupName="churn")

    def sweep():
        with calling_for(Priority.SWEEP):
            describe()

    aws.fault(DESCRIBE, "error", code="ThrottlingException", times=1)
    describe()
    gate = PACES.of(ACCOUNT)._gates[REGION, "DescribeModelPackageGroup"]
    gate._pace.rate = 10.0
    order.clear()
    sweeps = [threading.Thread(target=sweep, name="sweep") for _sweep in range(12)]
    for thread in sweeps:
        thread.start()
    until(lambda: gate._waiting[Priority.SWEEP] >= 8 or not any(thread.is_alive() for thread in sweeps))
    before = len(order)
    event = threading.Thread(target=describe, name="event")
    event.start()
    for thread in (event, *sweeps):
        thread.join(120)
    print(order, before)
    assert len(order) == 13
    assert order.index("event") - before <= 3


def test_the_threads_of_a_sweeps_listing_call_for_the_sweep(aws, registry):
    sagemaker = client_for(session_for(registry), "sagemaker")
    sagemaker.create_model_package(ModelPackageGroupName="churn")
    seen = []
    sagemaker.meta.events.register(
        "before-send.sagemaker",
        lambda event_name, **_event: seen.append((event_name.rsplit(".", maxsplit=1)[1], current_priority())),
    )
    aws.fault("sagemaker.Search", "error", code="AccessDeniedException", times=10)
    with calling_for(Priority.SWEEP):
        listing = RegistryListing(RegistryClient(sagemaker))
        assert [len(list(listing.groups())), len(list(listing.packages()))] == [1, 1]
    assert set(seen) == {
        (operation, Priority.SWEEP)
        for operation in ("Search", "ListModelPackageGroups", "ListModelPackages", "DescribeModelPackage")
    }


def test_the_calls_that_assume_a_role_are_counted(aws, connection, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.endpoint_url)
    base = boto3.Session(ACCOUNT, "x", region_name=REGION)
    role = {"RoleName": "Sync", "AssumeRolePolicyDocument": TRUST}
    base.client("iam").create_role(**role)
    credentials = dataclasses.replace(connection.credentials, role_arn=f"arn:aws:iam::{ACCOUNT}:role/Sync")
    traffic = AwsTraffic()
    session = session_for(
        dataclasses.replace(connection, account_id=ACCOUNT, credentials=credentials), base, traffic=traffic
    )
    client_for(session, "sagemaker").list_model_package_groups()
    assert {service: count.sent for service, count in traffic.by_service().items()} == {"sts": 1, "sagemaker": 1}


TRUST = (
    '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::'
    + ACCOUNT
    + ':root"}, "Action": "sts:AssumeRole"}]}'
)
