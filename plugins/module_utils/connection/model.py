# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a connection is: one registry account tied to one root business entity of a Governance console."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

NAME_FORM = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")

EmptyValue: TypeAlias = Literal["json_null", "empty_text"]
EMPTY_VALUES: tuple[EmptyValue, ...] = ("json_null", "empty_text")

MAX_DECOMMISSION_PERCENT, MAX_DECOMMISSION_COUNT = 10.0, 10
"""The limits of the guard where nobody has set others."""

BOUNDS: Mapping[str, tuple[float, float]] = {
    "page_limit": (1, 10_000),
    "max_rows": (0, 100_000_000),
    "in_list_size": (1, 1000),
    "poll_seconds": (0, 86_400),
    "max_decommission_percent": (0, 100),
    "max_decommission_count": (0, 1_000_000),
}
"""Least and greatest value of each number of a connection, by the name of its attribute."""


@dataclass(frozen=True, slots=True)
class AssumeRole:
    """Cross-account access: the role of the registry account, and the external id its trust policy asks for."""

    role_arn: str
    external_id: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class AccessKey:
    """A long-lived access key of an IAM user of the registry account."""

    access_key_id: str
    secret_access_key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class AmbientCredentials:
    """Whatever credentials the process finds: instance profile, container role, environment, profile."""


Credentials: TypeAlias = AssumeRole | AccessKey | AmbientCredentials


@dataclass(frozen=True, slots=True)
class Dialect:
    """What consoles may differ in, with what our client takes for granted; see console.client.ClientSettings.

    ``empty_value`` names what clears a field: json_null (null) or empty_text ("").
    """

    page_limit: int = 500
    max_rows: int = 0
    in_operator: bool = True
    in_list_size: int = 50
    empty_value: EmptyValue = "json_null"


@dataclass(frozen=True, slots=True)
class ConsoleEndpoint:
    """Where the console is and how to log in; ``auth_options`` holds secrets and is never shown.

    ``auth_method`` and ``auth_options`` are those of console.auth.authenticator. ``ca_path`` is a CA bundle;
    ``allow_http`` allows plain http to another machine. ``dialect`` is how it wants to be spoken to.
    """

    url: str
    auth_method: str
    auth_options: Mapping[str, str] = field(repr=False)
    validate_certs: bool = True
    ca_path: str | None = None
    allow_http: bool = False
    dialect: Dialect = field(default_factory=Dialect)


@dataclass(frozen=True, slots=True)
class Filters:
    """Which of the registry's entities the connection takes care of; with nothing set, all.

    Groups are judged by name (patterns with ``*``, ``?``, ``[…]``, whatever the case) and by tag (``key`` or
    ``key=value``; one match is enough), packages by their group and by approval status.
    """

    include_groups: tuple[str, ...] = ()
    exclude_groups: tuple[str, ...] = ()
    include_tags: tuple[str, ...] = ()
    exclude_tags: tuple[str, ...] = ()
    approval_statuses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SyncSettings:
    """Names of the console's types and fields that the synchronisation uses, and what it may write where, how often.

    ``model_group_type`` None means: the type labelled "Model Group". With ``push_use_cases`` an approved use case gets
    a model package group; with ``push_text`` a use case's text goes to the model cards of its packages. ``mapping`` is
    what the connection changes in the mapping of fields and statuses, as sync.mapping_overrides reads it.
    ``poll_seconds``: how often the agent asks the console what was changed there; 0: as the agent's settings say.
    ``max_decommission_…`` are the limits of the guard (sync.guard.GuardSettings).
    """

    arn_field: str = "Integration:External ID"
    state_field: str = "Integration:Additional Information"
    model_group_type: str | None = None
    model_type: str = "Model"
    use_case_type: str = "Register"
    business_entity_type: str = "SOXBusEntity"
    push_use_cases: bool = True
    push_text: bool = True
    mapping: Mapping[str, object] = field(default_factory=dict)
    filters: Filters = field(default_factory=Filters)
    poll_seconds: int = 0
    max_decommission_percent: float = MAX_DECOMMISSION_PERCENT
    max_decommission_count: int = MAX_DECOMMISSION_COUNT


@dataclass(frozen=True, slots=True)
class Connection:
    """One connection. ``account_id`` is the account that owns the registry; ``business_entity_id`` the console's id."""

    name: str
    business_entity_id: str
    business_entity_name: str
    default_user: str
    account_id: str
    region: str
    credentials: Credentials
    queue_url: str
    console: ConsoleEndpoint
    description: str = ""
    default_profile_arn: str | None = None
    enabled: bool = True
    sync: SyncSettings = field(default_factory=SyncSettings)
