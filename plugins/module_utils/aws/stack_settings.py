# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a connection's AWS side shall be, as a user says it: shared options, and what an account overrides."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .alarm_plan import check_actions
from .arn import check_account_id
from .errors import InputError
from .tags import text_tags
from .trail_plan import check_recording

_CONNECTION = re.compile(r"[A-Za-z0-9_-]{1,40}")
# A connection called a-native would have the name of a's second rule, and a would delete it.
_TAKEN_ENDS = ("-native", "-dlq", "-oldest-message")
GOVERNANCE_ACCOUNTS: Mapping[str, str] = {"marketplace": "767397658217", "ibm": "384547875043"}
"""The governance production account, by where watsonx.governance was installed from; the vendor's page names both."""

DEFAULTS: Mapping[str, Any] = {
    "vendor_defaults": False,
    "max_receive_count": 5,
    "message_group_id": "model-registry",
    "retry_policy": {"maximum_retry_attempts": 185, "maximum_event_age_in_seconds": 86400},
    "native_events": False,
    "manage_key_policy": True,
    "trail": {"require": True, "create": False, "name": "wxgov-sagemaker", "bucket": ""},
    "tags": {},
}
# Defaults of what is done only when it is asked for.
PART_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "access": {
        "install_source": "agent",
        "agent_account_id": "",
        "role_name": "Aws_Sagemaker_Sqs_Cross_Account_Role",
        "role_path": "/",
        "external_id": "",
        "full_access": False,
        "without_search": False,
        "purge_policies": True,
    },
    "alarms": {"enabled": True, "oldest_message_age": 3600, "actions": None},
}
OUR_RETENTION, VENDOR_RETENTION = 1209600, 345600  # seconds: 14 days, 4 days


@dataclass(frozen=True, slots=True)
class TrailSettings:
    """`require` a trail that records registry events; `create` one where there is none."""

    require: bool
    create: bool
    name: str
    bucket: str


@dataclass(frozen=True, slots=True)
class AccessSettings:
    """The role that `trusted_account` takes on; an empty external id means one is made and kept.

    `without_search` grants lists of summaries in the place of Search. `tags` are the role's own, for accounts with
    several connections share one unless told otherwise.
    """

    trusted_account: str
    role_name: str
    role_path: str
    external_id: str
    full_access: bool
    without_search: bool
    purge_policies: bool
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class AlarmSettings:
    """Alarms on the three queues, or none; `actions` None leaves theirs alone."""

    enabled: bool
    oldest_message_age: int
    actions: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class StackSettings:
    """Everything a user says of one connection in one account, checked."""

    connection_name: str
    present: bool
    failed_calls: bool
    message_retention_period: int
    max_receive_count: int
    message_group_id: str
    retry_policy: Mapping[str, int]
    native_events: bool
    kms_master_key_id: str | None
    manage_key_policy: bool
    trail: TrailSettings
    access: AccessSettings | None
    alarms: AlarmSettings | None
    tags: Mapping[str, str] = field(default_factory=dict)


def merged_options(shared: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Defaults, laid over by what all accounts share, laid over by an account's own; dictionaries member by member.

    None counts as not given. Tags of the account come on top of the shared ones.
    """
    merged: dict[str, Any] = {}
    for name in (*DEFAULTS, *PART_DEFAULTS, "connection_name", "message_retention_period", "kms_master_key_id"):
        layers = [layer[name] for layer in (DEFAULTS, shared, own) if layer.get(name) is not None]
        if layers and name in PART_DEFAULTS:
            layers = [PART_DEFAULTS[name], *layers]
        if layers and isinstance(layers[-1], Mapping):
            merged[name] = {key: value for layer in layers for key, value in layer.items() if value is not None}
        else:
            merged[name] = layers[-1] if layers else None
    return merged


def stack_settings(shared: Mapping[str, Any], own: Mapping[str, Any], present: bool) -> StackSettings:
    """The settings of one account; raises InputError for what cannot be right."""
    options = merged_options(shared, own)
    name = options["connection_name"] or own.get("name") or ""
    if not _CONNECTION.fullmatch(name):
        raise InputError(
            f"connection_name is {name!r}; it has 1 to 40 letters, digits, hyphens and underscores. Without it, an "
            "account's name is taken."
        )
    if name.endswith(_TAKEN_ENDS):
        raise InputError(
            f"connection_name is {name!r}; it must not end in {', '.join(_TAKEN_ENDS)}, for so end the names of what "
            "another connection has."
        )
    vendor = options["vendor_defaults"]
    return StackSettings(
        connection_name=name,
        present=present,
        failed_calls=vendor,
        message_retention_period=options["message_retention_period"] or (VENDOR_RETENTION if vendor else OUR_RETENTION),
        max_receive_count=options["max_receive_count"],
        message_group_id=options["message_group_id"],
        retry_policy=options["retry_policy"],
        native_events=options["native_events"],
        kms_master_key_id=options["kms_master_key_id"],
        manage_key_policy=options["manage_key_policy"],
        trail=_trail(options["trail"]),
        access=_access(options["access"], options["tags"], present),
        alarms=_alarms(options["alarms"]),
        tags={"wxgov-connection": name, **(text_tags(options["tags"]) or {})},
    )


def _trail(given: Mapping[str, Any]) -> TrailSettings:
    check_recording(given["name"], given["bucket"])
    return TrailSettings(**{key: given[key] for key in TrailSettings.__slots__})


def _access(given: Mapping[str, Any] | None, tags: Mapping[str, Any], present: bool) -> AccessSettings | None:
    if given is None:
        return None
    source = given["install_source"]
    account = GOVERNANCE_ACCOUNTS.get(source) or given["agent_account_id"]
    if present:
        check_account_id(account, "access.agent_account_id")
    same = ("role_name", "role_path", "external_id", "full_access", "without_search", "purge_policies")
    own = given.get("tags")
    return AccessSettings(
        account, **{key: given[key] for key in same}, tags=text_tags(tags if own is None else own) or {}
    )


def _alarms(given: Mapping[str, Any] | None) -> AlarmSettings | None:
    if given is None:
        return None
    actions = given.get("actions")
    check_actions(actions or ())
    age = given["oldest_message_age"]
    if age < 60:
        raise InputError(f"alarms.oldest_message_age is {age}; it must be at least 60 seconds.")
    return AlarmSettings(given["enabled"], age, None if actions is None else tuple(actions))
