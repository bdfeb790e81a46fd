# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""ARNs and queue addresses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.arns import (
    QueueUrl,
    RoleArn,
    UserProfileArn,
    parse_queue_url,
    parse_role_arn,
    parse_user_profile_arn,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.errors import InvalidConnectionError

ACCOUNT = "111122223333"


@pytest.mark.parametrize(
    ("arn", "role"),
    [
        (f"arn:aws:iam::{ACCOUNT}:role/Sync", RoleArn("aws", ACCOUNT, "", "Sync")),
        (f"arn:aws-us-gov:iam::{ACCOUNT}:role/a/b/Sync_1@x", RoleArn("aws-us-gov", ACCOUNT, "a/b/", "Sync_1@x")),
        (f"arn:aws-cn:iam::{ACCOUNT}:role/service-role/S", RoleArn("aws-cn", ACCOUNT, "service-role/", "S")),
    ],
)
def test_roles(arn, role):
    assert parse_role_arn(arn) == role


@pytest.mark.parametrize(
    "arn",
    [
        "",
        "Sync",
        f"arn:aws:iam::{ACCOUNT}:user/Sync",
        f"arn:aws:iam::{ACCOUNT}:role/",
        "arn:aws:iam::1111:role/Sync",
        f"arn:aws:iam:eu-central-1:{ACCOUNT}:role/Sync",
        f"arn:aws:iam::{ACCOUNT}:role/Sync\n",
        f"arn:aws:sts::{ACCOUNT}:assumed-role/Sync/x",
        f"arn:gcp:iam::{ACCOUNT}:role/Sync",
        f"arn:aws:iam::{ACCOUNT}:role/Sy nc",
    ],
)
def test_what_is_no_role(arn):
    with pytest.raises(InvalidConnectionError, match="arn:aws:iam::ACCOUNT:role/NAME"):
        parse_role_arn(arn)


def test_profiles():
    arn = f"arn:aws:sagemaker:eu-central-1:{ACCOUNT}:user-profile/d-abc123/Links-1"
    assert parse_user_profile_arn(arn) == UserProfileArn("aws", "eu-central-1", ACCOUNT, "d-abc123", "Links-1")


@pytest.mark.parametrize(
    "resource", ["user-profile/d-abc", "user-profile/d-abc/", "domain/d-abc", "user-profile/d-abc/a/b", "x"]
)
def test_what_is_no_profile(resource):
    with pytest.raises(InvalidConnectionError, match="user-profile/DOMAIN/NAME"):
        parse_user_profile_arn(f"arn:aws:sagemaker:eu-central-1:{ACCOUNT}:{resource}")


@pytest.mark.parametrize(
    ("url", "region"),
    [
        ("https://sqs.eu-central-1.amazonaws.com", "eu-central-1"),
        ("https://sqs.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ("https://eu-central-1.queue.amazonaws.com", "eu-central-1"),
        ("https://vpce-01ab-xyz.sqs.us-east-1.vpce.amazonaws.com", "us-east-1"),
        ("https://sqs-fips.us-east-1.amazonaws.com", "us-east-1"),
        ("https://sqs.us-east-1.api.aws", "us-east-1"),
        ("http://127.0.0.1:5000", None),
        ("https://sqs.example.com", None),
    ],
)
def test_queues(url, region):
    assert parse_queue_url(f"{url}/{ACCOUNT}/events.fifo") == QueueUrl(ACCOUNT, "events.fifo", region)


def test_only_the_suffix_makes_a_fifo_queue():
    assert parse_queue_url(f"https://h/{ACCOUNT}/events.fifo").is_fifo
    assert not parse_queue_url(f"https://h/{ACCOUNT}/fifo").is_fifo


@pytest.mark.parametrize(
    "url",
    [
        "",
        "events.fifo",
        f"arn:aws:sqs:eu-central-1:{ACCOUNT}:events.fifo",
        f"ftp://h/{ACCOUNT}/events.fifo",
        "https://h/events.fifo",
        f"https://h/{ACCOUNT}/events.fifo/x",
        f"https://h/{ACCOUNT}/events.fifo?x=1",
        f"https://me:pw@h/{ACCOUNT}/events.fifo",
        f"https:///{ACCOUNT}/events.fifo",
        "https://[bad/1",
    ],
)
def test_what_is_no_queue(url):
    with pytest.raises(InvalidConnectionError, match=r"https://sqs\.REGION"):
        parse_queue_url(url)


@given(st.text() | st.text().map(f"arn:aws:iam::{ACCOUNT}:role/".__add__) | st.text().map("https://h/".__add__))
def test_any_text_is_parsed_or_refused(text):
    for parse in (parse_role_arn, parse_user_profile_arn, parse_queue_url):
        try:
            parse(text)
        except InvalidConnectionError as error:
            shown = str(error)
        else:
            shown = "parsed"
        assert shown
