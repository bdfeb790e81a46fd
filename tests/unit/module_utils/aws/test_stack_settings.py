# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shared options and those of an account: which counts, and what cannot be right."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.wxgov.sagemaker.plugins.module_utils.aws.errors import InputError
from ansible_collections.wxgov.sagemaker.plugins.module_utils.aws.stack_session import Login
from ansible_collections.wxgov.sagemaker.plugins.module_utils.aws.stack_settings import StackSettings, stack_settings


def settings(shared: dict[str, Any], own: dict[str, Any] | None = None, present: bool = True) -> StackSettings:
    return stack_settings(shared, {"name": "alpha", **(own or {})}, present)


def test_an_accounts_own_option_counts_before_the_shared_one_and_that_before_the_default() -> None:
    assert settings({}).max_receive_count == 5
    assert settings({"max_receive_count": 7}).max_receive_count == 7
    assert settings({"max_receive_count": 7}, {"max_receive_count": 9}).max_receive_count == 9
    assert settings({"max_receive_count": 7}, {"max_receive_count": None}).max_receive_count == 7
    assert settings({"native_events": True}, {"native_events": False}).native_events is False


def test_dictionaries_are_taken_member_by_member() -> None:
    shared = {
        "trail": {"create": True, "name": "shared"},
        "access": {"agent_account_id": "444455556666"},
        "alarms": {"actions": ["arn:aws:sns:us-east-1:111122223333:t"]},
        "retry_policy": {"maximum_retry_attempts": 3},
    }
    own = {
        "trail": {"name": "own", "create": None},
        "access": {"role_name": "reader"},
        "alarms": {"oldest_message_age": 60},
    }
    found = settings(shared, own)
    assert (found.trail.require, found.trail.create, found.trail.name) == (True, True, "own")
    assert found.access is not None
    assert (found.access.trusted_account, found.access.role_name) == ("444455556666", "reader")
    assert found.alarms is not None
    assert (found.alarms.oldest_message_age, found.alarms.actions) == (60, ("arn:aws:sns:us-east-1:111122223333:t",))
    assert found.retry_policy == {"maximum_retry_attempts": 3, "maximum_event_age_in_seconds": 86400}


def test_tags_come_together_and_the_connections_own_is_always_there() -> None:
    found = settings({"tags": {"team": "a", "unit": "b"}}, {"tags": {"team": "c", "on": True}})
    assert found.tags == {"wxgov-connection": "alpha", "team": "c", "unit": "b", "on": "true"}


def test_the_connections_name_is_its_own_or_the_accounts() -> None:
    assert settings({}).connection_name == "alpha"
    assert settings({"connection_name": "shared"}).connection_name == "shared"
    assert settings({}, {"connection_name": "own"}).connection_name == "own"


@pytest.mark.parametrize(("source", "account"), [("marketplace", "767397658217"), ("ibm", "384547875043")])
def test_the_vendors_accounts(source: str, account: str) -> None:
    access = settings({"access": {"install_source": source}}).access
    assert access is not None
    assert access.trusted_account == account


def test_what_is_not_asked_for_is_no_part_of_it() -> None:
    found = settings({})
    assert (found.access, found.alarms, found.kms_master_key_id) == (None, None, None)


def test_removal_needs_nobody_to_trust() -> None:
    access = settings({"access": {}}, present=False).access
    assert access is not None
    assert access.role_name == "Aws_Sagemaker_Sqs_Cross_Account_Role"


@pytest.mark.parametrize(
    ("shared", "sentence"),
    [
        ({"connection_name": "a b"}, "connection_name is 'a b'; it has 1 to 40 letters"),
        ({"connection_name": "a" * 41}, "it has 1 to 40 letters"),
        ({"connection_name": "a-native"}, "it must not end in -native, -dlq, -oldest-message"),
        ({"connection_name": "a-target-dlq"}, "it must not end in"),
        ({"access": {}}, "access.agent_account_id is '', but an account id has 12 digits"),
        ({"access": {"agent_account_id": "123"}}, "access.agent_account_id is '123'"),
        ({"alarms": {"oldest_message_age": 59}}, "alarms.oldest_message_age is 59; it must be at least 60 seconds"),
        ({"alarms": {"actions": ["topic"]}}, "alarms.actions is 'topic', which is not an ARN"),
        ({"alarms": {"actions": ["arn:aws:sns:us-east-1:111122223333:t"] * 6}}, "an alarm has at most 5"),
        ({"trail": {"name": "a"}}, "trail.name is 'a'; it has 3 to 128"),
        ({"trail": {"name": "a..b"}}, "trail.name is 'a..b'"),
        ({"trail": {"bucket": "Big"}}, "trail.bucket is 'Big'; it has 3 to 63 lower-case letters"),
        ({"trail": {"bucket": "a..b"}}, "trail.bucket is 'a..b'"),
    ],
)
def test_what_cannot_be_right_is_refused_in_a_sentence(shared: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence.replace(".", r"\.")):
        settings(shared)


@pytest.mark.parametrize("name", ["wxgov-sagemaker", "abc", "a.b-c_d", "A1" * 64])
def test_names_of_trails_that_aws_takes(name: str) -> None:
    assert settings({"trail": {"name": name}}).trail.name == name


BASE = Login(region="us-east-1", access_key="AKIABASE", secret_key="s", session_token="t")


@pytest.mark.parametrize(
    ("own", "merged"),
    [
        (Login(), BASE),
        (Login(region="eu-west-1"), Login("eu-west-1", None, "AKIABASE", "s", "t")),
        (Login(profile="p"), Login("us-east-1", "p")),
        (Login(access_key="AKIAOWN", secret_key="o"), Login("us-east-1", None, "AKIAOWN", "o", None)),
        (Login(assume_role={"role_arn": "r"}), Login("us-east-1", None, "AKIABASE", "s", "t", {"role_arn": "r"})),
    ],
)
def test_an_accounts_credentials_replace_the_modules_as_a_whole(own: Login, merged: Login) -> None:
    assert own.over(BASE) == merged


def test_secrets_are_in_no_repr() -> None:
    login = Login(access_key="AKIA", secret_key="hush", session_token="quiet", assume_role={"external_id": "still"})
    assert not [secret for secret in ("hush", "quiet", "still") if secret in repr(login)]
