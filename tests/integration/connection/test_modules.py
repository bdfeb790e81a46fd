# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""governance_connection and its info module: every option through check → change → check → no change."""

from __future__ import annotations

import pathlib
from collections.abc import Callable
from typing import Any

import boto3
import certifi
import pytest

from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.objects import NewObject
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console_module import LOGIN_OPTIONS
from ansible_collections.wxgov.sagemaker.plugins.modules.governance_connection import CONNECTION_OPTIONS
from tests.harness.module import run_module

from .conftest import ACCOUNT, Host

AUTHORITIES = certifi.where()
PROFILE = f"arn:aws:sagemaker:eu-central-1:{ACCOUNT}:user-profile/d-abc/links"
QUEUE = f"https://sqs.eu-central-1.amazonaws.com/{ACCOUNT}/other.fifo"
AMBIENT = {"role_arn": None, "external_id": None, "ambient": True}
BY_PASSWORD = {
    "validate": False,
    "business_entity": "4577",
    "console_auth_method": "basic",
    "console_api_key": None,
    "console_instance_id": None,
    "console_token_url": None,
    "console_username": "svc",
    "console_password": "secret-password",
}

# What is asked; where the diff must show it, and with which values. "before" are options that the connection is made
# with beyond the usual ones.
CYCLES: dict[str, dict[str, Any]] = {
    "description": {"ask": {"description": "New"}, "shows": {"description": ("", "New")}},
    "description cleared": {
        "before": {"description": "Old"},
        "ask": {"description": ""},
        "shows": {"description": ("Old", "")},
    },
    "business_entity": {
        "ask": {"business_entity": "Retail"},
        "shows": {"business_entity.name": ("Credit Risk", "Retail")},
    },
    "default_user": {"ask": {"default_user": "j.doe@example.com"}, "shows": {"default_user": ("svc", "jdoe")}},
    "account_id": {
        "before": AMBIENT,
        "ask": {"account_id": "222233334444", "cross_account_queue": True},
        "shows": {"account_id": (ACCOUNT, "222233334444")},
    },
    "region": {
        "before": {"queue_url": f"http://127.0.0.1:5000/{ACCOUNT}/events.fifo"},
        "ask": {"region": "us-east-1"},
        "shows": {"region": ("eu-central-1", "us-east-1")},
    },
    "default_profile_arn": {"ask": {"default_profile_arn": PROFILE}, "shows": {"default_profile_arn": (None, PROFILE)}},
    "default_profile_arn cleared": {
        "before": {"default_profile_arn": PROFILE},
        "ask": {"default_profile_arn": ""},
        "shows": {"default_profile_arn": (PROFILE, None)},
    },
    "role_arn": {
        "ask": {"role_arn": f"arn:aws:iam::{ACCOUNT}:role/Other"},
        "shows": {"credentials.role_arn": (f"arn:aws:iam::{ACCOUNT}:role/Sync", f"arn:aws:iam::{ACCOUNT}:role/Other")},
    },
    "external_id set": {
        "before": {"external_id": None},
        "ask": {"external_id": "secret-new"},
        "shows": {"credentials.external_id": (None, "******** (changed)")},
    },
    "external_id changed": {
        "ask": {"external_id": "secret-new"},
        "shows": {"credentials.external_id": ("********", "******** (changed)")},
    },
    "external_id cleared": {"ask": {"external_id": ""}, "shows": {"credentials.external_id": ("********", None)}},
    "access_key_id": {
        "ask": {"access_key_id": "AKIAIOSFODNN7EXAMPLE", "secret_access_key": "secret-access-key"},
        "shows": {"credentials.type": ("assume_role", "access_key")},
    },
    "secret_access_key": {
        "before": {
            "role_arn": None,
            "external_id": None,
            "access_key_id": "AKIAIOSFODNN7EXAMPLE",
            "secret_access_key": "secret-access-key",
        },
        "ask": {"secret_access_key": "secret-other-key"},
        "shows": {"credentials.secret_access_key": ("********", "******** (changed)")},
    },
    "ambient": {"ask": {"ambient": True}, "shows": {"credentials.type": ("assume_role", "ambient")}},
    "queue_url": {
        "ask": {"queue_url": QUEUE},
        "shows": {"queue_url": (f"https://sqs.eu-central-1.amazonaws.com/{ACCOUNT}/events.fifo", QUEUE)},
    },
    "enabled": {"ask": {"enabled": False}, "shows": {"enabled": (True, False)}},
    "console_url": {
        "ask": {"console_url": "{console}/opgrc/api"},
        "shows": {"console.url": ("{console}", "{console}/opgrc/api")},
    },
    "console_auth_method, _username and _password": {
        "ask": {"console_auth_method": "basic", "console_username": "svc", "console_password": "demo-password"},
        "shows": {
            "console.auth_method": ("mcsp", "basic"),
            "console.auth_options.username": (None, "svc"),
            "console.auth_options.password": (None, "******** (changed)"),
            "console.auth_options.api_key": ("********", None),
        },
    },
    "console_api_key": {
        "before": {"validate": False, "business_entity": "4577", "console_api_key": "secret-old-key"},
        "ask": {"console_api_key": "secret-new-key", "validate": False},
        "shows": {"console.auth_options.api_key": ("********", "******** (changed)")},
    },
    "console_instance_id": {
        "before": {"validate": False, "business_entity": "4577"},
        "ask": {"console_instance_id": "other", "validate": False},
        "shows": {"console.auth_options.instance_id": ("demo-instance", "other")},
    },
    "console_token_url": {
        "before": {"validate": False, "business_entity": "4577"},
        "ask": {"console_token_url": "", "validate": False},
        "shows": {"console.auth_options.token_url": ("{console}", None)},
    },
    **{
        f"console_api_key_{place}": {
            "before": {"validate": False, "business_entity": "4577"},
            "ask": {f"console_api_key_{place}": "elsewhere", "validate": False},
            "shows": {
                "console.auth_options.api_key": ("********", None),
                f"console.auth_options.api_key_{place}": (None, "elsewhere"),
            },
        }
        for place in ("file", "env", "secret")
    },
    **{
        f"console_password_{place}": {
            "before": BY_PASSWORD,
            "ask": {f"console_password_{place}": "elsewhere", "validate": False},
            "shows": {
                "console.auth_options.password": ("********", None),
                f"console.auth_options.password_{place}": (None, "elsewhere"),
            },
        }
        for place in ("file", "env", "secret")
    },
    "console_api_key back in the connection": {
        "before": {
            "validate": False,
            "business_entity": "4577",
            "console_api_key": None,
            "console_api_key_file": "/run/key",
        },
        "ask": {"console_api_key": "secret-new-key", "validate": False},
        "shows": {
            "console.auth_options.api_key": (None, "******** (changed)"),
            "console.auth_options.api_key_file": ("/run/key", None),
        },
    },
    "console_allow_http": {"ask": {"console_allow_http": True}, "shows": {"console.allow_http": (False, True)}},
    "validate_certs": {"ask": {"validate_certs": False}, "shows": {"console.validate_certs": (True, False)}},
    "ca_path": {"ask": {"ca_path": AUTHORITIES}, "shows": {"console.ca_path": (None, AUTHORITIES)}},
    "ca_path cleared": {
        "before": {"ca_path": AUTHORITIES},
        "ask": {"ca_path": ""},
        "shows": {"console.ca_path": (AUTHORITIES, None)},
    },
    "sync_arn_field": {
        "ask": {"sync_arn_field": "Integration:Third Party Link"},
        "shows": {"sync.arn_field": ("Integration:External ID", "Integration:Third Party Link")},
    },
    "sync_state_field": {
        "ask": {"sync_state_field": "Integration:Third Party Link"},
        "shows": {"sync.state_field": ("Integration:Additional Information", "Integration:Third Party Link")},
    },
    "sync_model_group_type": {
        "ask": {"sync_model_group_type": "ModelGroup"},
        "shows": {"sync.model_group_type": (None, "ModelGroup")},
    },
    "sync_model_type": {
        "ask": {"sync_model_type": "ModelGroup", "validate": False},  # a type without the status Decommissioned
        "shows": {"sync.model_type": ("Model", "ModelGroup")},
    },
    "sync_use_case_type": {
        "ask": {"sync_use_case_type": "Usage"},
        "shows": {"sync.use_case_type": ("Register", "Usage")},
    },
    "sync_push_use_cases": {
        "ask": {"sync_push_use_cases": False},
        "shows": {"sync.push_use_cases": (True, False)},
    },
    "sync_push_text": {
        "ask": {"sync_push_text": False},
        "shows": {"sync.push_text": (True, False)},
    },
    "sync_mapping": {
        "ask": {"sync_mapping": {"statuses": [{"status": "Proposed", "drop": True}]}},
        "shows": {"sync.mapping.statuses": (None, [{"status": "Proposed", "drop": True}])},
    },
    "sync_mapping cleared": {
        "before": {"sync_mapping": {"metrics": {"enabled": True}}},
        "ask": {"sync_mapping": {}},
        "shows": {"sync.mapping.metrics.enabled": (True, None)},
    },
    "sync_filters": {
        "ask": {"sync_filters": {"exclude_groups": ["experiment-*"], "approval_statuses": ["Approved"]}},
        "shows": {
            "sync.filters.exclude_groups": ([], ["experiment-*"]),
            "sync.filters.approval_statuses": ([], ["Approved"]),
        },
    },
    "sync_filters cleared": {
        "before": {"sync_filters": {"include_tags": ["governed=yes"]}},
        "ask": {"sync_filters": {}},
        "shows": {"sync.filters.include_tags": (["governed=yes"], [])},
    },
    "console_page_limit": {
        "ask": {"console_page_limit": 100},
        "shows": {"console.dialect.page_limit": (500, 100)},
    },
    "console_max_rows": {
        "ask": {"console_max_rows": 100000},
        "shows": {"console.dialect.max_rows": (0, 100000)},
    },
    "console_max_rows back to none": {
        "before": {"console_max_rows": 100000},
        "ask": {"console_max_rows": 0},
        "shows": {"console.dialect.max_rows": (100000, 0)},
    },
    "console_in_operator and _in_list_size": {
        "ask": {"console_in_operator": False, "console_in_list_size": 10},
        "shows": {"console.dialect.in_operator": (True, False), "console.dialect.in_list_size": (50, 10)},
    },
    "console_empty_value": {
        "ask": {"console_empty_value": "empty_text"},
        "shows": {"console.dialect.empty_value": ("json_null", "empty_text")},
    },
    "sync_poll_seconds": {
        "ask": {"sync_poll_seconds": 300},
        "shows": {"sync.poll_seconds": (0, 300)},
    },
    "sync_max_decommission_percent and _count": {
        "ask": {"sync_max_decommission_percent": 0, "sync_max_decommission_count": 3},
        "shows": {"sync.max_decommission_percent": (10.0, 0.0), "sync.max_decommission_count": (10, 3)},
    },
    "sync_business_entity_type": {
        "before": {"validate": False, "business_entity": "4577"},
        "ask": {"sync_business_entity_type": "Vendor", "validate": False},
        "shows": {"sync.business_entity_type": ("SOXBusEntity", "Vendor")},
    },
}


def test_every_option_has_a_cycle() -> None:
    asked = {option for cycle in CYCLES.values() for option in cycle["ask"]}
    assert set(CONNECTION_OPTIONS) - asked == {"name"}
    assert asked - set(CONNECTION_OPTIONS) == {"validate", "cross_account_queue"}


def at(document: Any, path: str) -> Any:
    for key in path.split("."):
        document = document.get(key) if isinstance(document, dict) else None
    return document


def leaves(document: dict[str, Any], path: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in document.items():
        found |= leaves(value, f"{path}{key}.") if isinstance(value, dict) else {f"{path}{key}": value}
    return found


@pytest.mark.parametrize("case", CYCLES)
def test_cycle(case: str, host: Host, client: Any) -> None:
    client.create_object(NewObject("SOXBusEntity", "Retail"))
    host.console.add_user("jdoe", "j.doe@example.com")
    cycle = CYCLES[case]

    def real(value: Any) -> Any:
        return value.replace("{console}", host.console.url) if isinstance(value, str) else value

    ask = {name: real(value) for name, value in cycle["ask"].items()}
    host.connection(**{**host.options, **cycle.get("before", {})})
    files = host.files()

    checked = host.connection(check=True, name="credit-risk", **ask)
    assert (checked["changed"], checked["operations"]) == (True, ["update"])
    for path, (before, after) in cycle["shows"].items():
        assert (at(checked["diff"]["before"], path), at(checked["diff"]["after"], path)) == (real(before), real(after))
    assert host.files() == files, "check mode wrote"

    done = host.connection(name="credit-risk", **ask)
    assert done == checked, "check mode and the real run differ"
    assert host.files() != files
    files = host.files()

    for check in (True, False):
        again = host.connection(check=check, name="credit-risk", **ask)
        assert (again["changed"], again["operations"]) == (False, [])
        assert again["diff"]["before"] == again["diff"]["after"]
        assert set(again) == set(done)
    assert host.files() == files, "a run without a change wrote"
    assert "secret-" not in str([checked, done, again])


def test_only_what_is_asked_for_changes(host: Host) -> None:
    made = host.connection(**host.options)["connection"]
    changed = host.connection(name="credit-risk", description="New")["connection"]
    before, after = leaves(made), leaves(changed)
    assert {path for path in {*before, *after} if before.get(path) != after.get(path)} == {"description"}


def test_create_and_remove(host: Host) -> None:
    checked = host.connection(check=True, **host.options)
    assert (checked["changed"], checked["operations"], checked["diff"]["before"]) == (True, ["create"], {})
    assert not host.directory.exists()
    assert host.connection(**host.options) == checked
    assert host.directory.stat().st_mode & 0o777 == 0o700
    assert (host.directory / "credit-risk.json").stat().st_mode & 0o777 == 0o600
    assert host.connection(**host.options)["changed"] is False
    for check, changed in ((True, True), (False, True), (True, False), (False, False)):
        result = host.connection(check=check, name="credit-risk", state="absent")
        assert (result["changed"], result["connection"]) == (changed, {})
        assert result["operations"] == (["remove"] if changed else [])
    assert host.files() == {}


def test_a_diff_is_only_given_where_it_is_asked_for(host: Host) -> None:
    assert "diff" not in host.run("governance_connection", diff=False, **host.options)


def test_secrets_are_left_alone_on_request(host: Host) -> None:
    host.connection(**host.options)
    files = host.files()
    kept = {**host.options, "external_id": "secret-new", "console_api_key": "secret-new", "update_secret": "on_create"}
    assert host.connection(**kept)["changed"] is False
    assert host.files() == files


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"business_entity": "Nobody"}, 'no business entity "Nobody"'),
        ({"business_entity": "Below"}, 'hangs under "Credit Risk"'),
        ({"default_user": "nobody"}, 'no user "nobody"'),
        ({"console_url": "{console}/elsewhere/opgrc"}, "redirects to /openpages/logon.jsp"),
        ({"console_api_key": "secret-wrong"}, "does not accept the credentials"),
        ({"console_auth_method": "basic"}, "needs username and password"),
        ({"region": "eu-central-9"}, 'no AWS region "eu-central-9"'),
        ({"role_arn": "Sync"}, "not the ARN of a role"),
        ({"role_arn": "arn:aws:iam::999999999999:role/Sync"}, "999999999999"),
        ({"default_profile_arn": "links"}, "not the ARN of a SageMaker user profile"),
        ({"default_profile_arn": PROFILE.replace(ACCOUNT, "999999999999")}, "999999999999"),
        ({"queue_url": QUEUE.removesuffix(".fifo")}, "not a FIFO queue"),
        ({"queue_url": QUEUE.replace("eu-central-1", "us-east-1")}, "region us-east-1"),
        ({"queue_url": QUEUE.replace(ACCOUNT, "999999999999")}, "cross_account_queue=true"),
        ({"account_id": "111"}, "12 digits"),
        ({"console_page_limit": 0}, "console_page_limit is 0: it has to be from 1 to 10000"),
        ({"sync_max_decommission_percent": 101}, "sync_max_decommission_percent is 101"),
        ({"ambient": True}, "exclude each other"),
        ({"name": "../evil"}, "cannot be a connection's name"),
        ({"sync_arn_field": "Integration:Externl ID"}, "Integration:External ID"),
        ({"ca_path": "/no/such/file.pem"}, "/no/such/file.pem"),
        ({"queue_url": None}, "needs queue_url"),
        (
            {"sync_mapping": {"rows": [{"field": "MRG-Model:Source", "value": "nonsense"}]}},
            "rows[1] (MRG-Model:Source) has the value 'nonsense'",
        ),
        ({"sync_filters": {"approval_statuses": ["Aproved"]}}, "must be one or more of: Approved"),
    ],
)
def test_bad_input_is_one_clear_sentence_and_nothing_is_written(
    changes: dict[str, Any], words: str, host: Host, client: Any
) -> None:
    (credit_risk,) = host.console.objects("SOXBusEntity")
    client.create_object(NewObject("SOXBusEntity", "Below", primary_parent_id=credit_risk["id"]))
    told = host.refuse(
        **{
            name: value.replace("{console}", host.console.url) if isinstance(value, str) else value
            for name, value in changes.items()
        }
    )
    assert words in told
    assert "secret-" not in told
    assert not host.directory.exists()


@pytest.mark.parametrize(("kind", "words"), [("html", "answers with a web page"), ("redirect", "redirects to")])
def test_an_address_that_is_not_the_api_is_said_so(kind: str, words: str, host: Host) -> None:
    host.console.fault(kind, "GET", "types", times=None)
    assert words in host.refuse()
    assert not host.directory.exists()


def test_the_environment_can_stand_for_the_consoles_options(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in host.options if name.startswith("console_")]:
        monkeypatch.setenv(f"WXGOV_{name.upper()}", host.options.pop(name))
    made = host.connection(**host.options)
    assert made["connection"]["console"]["url"] == host.console.url
    assert "demo-api-key" in host.files()["credit-risk.json"]


def test_the_environment_leaves_a_connection_that_is_there_alone(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.connection(**host.options)
    for name in LOGIN_OPTIONS:
        monkeypatch.setenv(f"WXGOV_{name.upper()}", "basic" if name == "console_auth_method" else "elsewhere")
    paused = host.connection(name="credit-risk", enabled=False, validate=False)
    assert paused["diff"]["after"] == {**paused["diff"]["before"], "enabled": False}
    assert "elsewhere" not in host.files()["credit-risk.json"]
    told = host.connection(name="credit-risk", console_url=f"{host.console.url}/opgrc/api")
    assert told["diff"]["after"]["console"] == {
        **told["diff"]["before"]["console"],
        "url": f"{host.console.url}/opgrc/api",
    }


def test_a_login_method_of_the_environment_is_one_that_there_is(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WXGOV_CONSOLE_AUTH_METHOD", "magic")
    told = host.refuse(console_auth_method=None, validate=False, business_entity="4577")
    assert "WXGOV_CONSOLE_AUTH_METHOD" in told
    assert "mcsp" in told


def test_a_place_that_is_given_wins_over_another_in_the_environment(
    host: Host, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = tmp_path / "key"
    key.write_text("demo-api-key\n")
    key.chmod(0o600)
    monkeypatch.setenv("WXGOV_CONSOLE_API_KEY", "secret-of-the-environment")
    del host.options["console_api_key"]
    made = host.connection(**host.options, console_api_key_file=str(key))
    assert made["connection"]["console"]["auth_options"]["api_key_file"] == str(key)
    assert "secret-of-the-environment" not in host.files()["credit-risk.json"]

    login = {name: value for name, value in host.options.items() if name.startswith("console_")}
    found = run_module("business_entity", {"name": "Credit Risk", **login, "console_api_key_file": str(key)})
    assert not found.get("failed"), found["msg"]


def test_a_secret_kept_elsewhere_is_read_there_and_not_copied(
    host: Host, tmp_path: pathlib.Path, world_of_aws: Callable[..., None]
) -> None:
    world_of_aws(trusting=True)
    del host.options["console_api_key"]
    secrets = boto3.Session().client("secretsmanager", region_name="eu-central-1")
    arn = secrets.create_secret(Name="team/console", SecretString='{"api_key": "demo-api-key"}')["ARN"]
    key = tmp_path / "key"
    key.write_text("demo-api-key\n")
    key.chmod(0o600)
    for place, value in (("file", str(key)), ("secret", arn)):
        made = host.connection(**host.options, **{f"console_api_key_{place}": value})
        assert made["connection"]["console"]["auth_options"][f"api_key_{place}"] == value
        assert "demo-api-key" not in host.files()["credit-risk.json"] + str(made)
        tried = host.run("governance_connection", name="credit-risk", test=True)
        assert not tried.get("failed"), tried["msg"]

    key.chmod(0o644)
    assert f"chmod 0600 {key}" in host.refuse(console_api_key_file=str(key))
    assert "secretsmanager" in host.refuse(console_api_key_secret=arn.replace("team", "other")).lower()
    assert "exclude each other" in host.refuse(console_api_key_file=str(key), console_api_key="secret-x")


def test_a_place_is_no_secret_to_be_left_alone(host: Host) -> None:
    """update_secret=on_create keeps the value that is there; where it is kept can still be changed."""
    host.connection(**host.options)
    moved = {"name": "credit-risk", "console_api_key_file": "/run/key", "validate": False, "update_secret": "on_create"}
    assert host.connection(**moved)["operations"] == ["update"]
    kept = {"name": "credit-risk", "console_api_key": "secret-x", "validate": False, "update_secret": "on_create"}
    assert host.connection(**kept)["changed"] is False
    assert "/run/key" in host.files()["credit-risk.json"]


def test_a_queue_of_another_account_is_taken_for_a_mistake_until_it_is_said_to_be_meant(host: Host) -> None:
    foreign = {**host.options, "queue_url": QUEUE.replace(ACCOUNT, "999999999999")}
    assert host.connection(**foreign, cross_account_queue=True)["operations"] == ["create"]
    assert host.connection(name="credit-risk", enabled=False)["operations"] == ["update"]
    assert "999999999999" in host.refuse(**foreign)


def test_info(host: Host, client: Any) -> None:
    assert host.run("governance_connection_info") == {"changed": False, "connections": [], "problems": []}
    made = host.connection(**host.options)["connection"]
    client.create_object(NewObject("SOXBusEntity", "Retail"))
    retail = {"name": "retail", "business_entity": "Retail", "account_id": "222233334444"}
    host.connection(**host.options | AMBIENT | retail | {"queue_url": QUEUE.replace(ACCOUNT, "222233334444")})
    (host.directory / "broken.json").write_text('{"schema_version": 1000}')
    every = host.run("governance_connection_info")
    assert [connection["name"] for connection in every["connections"]] == ["credit-risk", "retail"]
    assert every["connections"][0] == made
    (problem,) = every["problems"]
    assert problem["name"] == "broken"
    assert "upgrade" in problem["message"]
    one = host.run("governance_connection_info", check=True, name="retail")
    assert ([connection["name"] for connection in one["connections"]], one["problems"]) == (["retail"], [])
    none = host.run("governance_connection_info", name="nothing")
    assert (none["connections"], none["problems"]) == ([], [])
    assert "secret-" not in str([every, one])
    assert "demo-api-key" not in str([every, one])


def test_a_test_says_what_is_wrong_and_saves_nothing(host: Host, world_of_aws: Callable[..., None]) -> None:
    world_of_aws(trusting=True)
    tried = host.run("governance_connection", **host.options, test=True)
    assert not tried.get("failed"), tried["msg"]
    assert {check["status"] for check in tried["checks"]} == {"ok"}
    assert (tried["changed"], tried["operations"]) == (False, [])
    assert tried["diff"]["before"] == tried["diff"]["after"]
    assert not host.directory.exists()

    host.console.add_user("owner", "owner@example.com")
    made = host.connection(**host.options | {"default_user": "owner"})
    assert (set(made), made["checks"]) == (set(tried), [])
    files = host.files()
    host.console.add_user("owner", "owner@example.com", active=False)
    broken = host.run("governance_connection", name="credit-risk", test=True, check=True)
    assert broken["failed"]
    assert broken["msg"].startswith("The connection does not work. console.default_user: ")
    assert [check["name"] for check in broken["checks"] if check["status"] == "failed"] == ["console.default_user"]
    assert host.files() == files
    assert "secret-" not in str([tried, broken])
    assert "demo-api-key" not in str([tried, broken])


def test_a_test_of_nothing_and_of_what_goes_is_refused(host: Host) -> None:
    assert "needs business_entity" in host.run("governance_connection", name="new", test=True)["msg"]
    told = host.run("governance_connection", name="new", test=True, state="absent")["msg"]
    assert "test=true needs state=present" in told


def test_aws_is_validated_before_anything_is_written(host: Host, world_of_aws: Callable[..., None]) -> None:
    world_of_aws(trusting=False)
    assert "aws.role_assumable: STS denies" in host.refuse(validate_aws=True)
    assert not host.directory.exists()
    world_of_aws(trusting=True, external_id=None)
    assert "aws.external_id_required: The role" in host.refuse(validate_aws=True)
    world_of_aws(trusting=True)
    assert host.connection(**host.options, validate_aws=True)["operations"] == ["create"]


def test_connections_in_secrets_manager(host: Host, world_of_aws: Callable[..., None]) -> None:
    world_of_aws(trusting=True)
    place = {"connections_store": "secretsmanager", "secrets_region": "eu-central-1", "secrets_prefix": "team/"}
    secrets = boto3.Session().client("secretsmanager", region_name="eu-central-1")
    checked = host.connection(check=True, **host.options, **place)
    assert secrets.list_secrets()["SecretList"] == []
    assert host.connection(**host.options, **place) == checked
    assert host.connection(**host.options, **place)["operations"] == []
    paused = host.connection(name="credit-risk", enabled=False, **place)
    assert paused["operations"] == ["update"]
    assert {kept["Name"] for kept in secrets.list_secrets()["SecretList"]} == {"team/credit-risk", "team/.claims"}
    found = host.run("governance_connection_info", **place)
    assert found["connections"] == [paused["connection"]]
    assert not host.directory.exists()
    assert host.connection(name="credit-risk", state="absent", **place)["operations"] == ["remove"]
    assert host.run("governance_connection_info", **place)["connections"] == []
    assert "secret-" not in str([checked, paused, found])
    without_region = {"connections_store": "secretsmanager"}
    assert "region is not set" in host.run("governance_connection_info", **without_region)["msg"]
