# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From options to a connection, and from two connections to what has to be done. Pure.

An option that is None leaves what is there alone; an empty text clears what can be empty.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from .errors import InvalidConnectionError
from .model import (
    AccessKey,
    AmbientCredentials,
    AssumeRole,
    Connection,
    ConsoleEndpoint,
    Credentials,
    Dialect,
    EmptyValue,
    Filters,
    SyncSettings,
)
from .serialization import to_document

_T = TypeVar("_T")

HIDDEN = "********"
HIDDEN_CHANGED = "******** (changed)"
_SECRETS_OF_LOGIN = ("api_key", "password")
_SOURCES = ("file", "env", "secret")
"""Where a login's secret can be kept instead; the options are named api_key_file and so on, as in console.secret."""
_SOURCE_OPTIONS = frozenset(f"{secret}_{source}" for secret in _SECRETS_OF_LOGIN for source in _SOURCES)
_SHOWN_AUTH_OPTIONS = frozenset({"instance_id", "token_url", "username"}) | _SOURCE_OPTIONS
_SECRET_CREDENTIALS = frozenset({"external_id", "secret_access_key"})


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a user asks a connection to be; the names are those of the module's options.

    ``for_new`` has values by the same names that a new connection gets; one that is there keeps its own.
    """

    name: str
    description: str | None = None
    business_entity: str | None = None
    default_user: str | None = None
    account_id: str | None = None
    region: str | None = None
    default_profile_arn: str | None = None
    role_arn: str | None = None
    external_id: str | None = field(default=None, repr=False)
    access_key_id: str | None = None
    secret_access_key: str | None = field(default=None, repr=False)
    ambient: bool | None = None
    queue_url: str | None = None
    enabled: bool | None = None
    console_url: str | None = None
    console_auth_method: str | None = None
    console_api_key: str | None = field(default=None, repr=False)
    console_instance_id: str | None = None
    console_token_url: str | None = None
    console_username: str | None = None
    console_password: str | None = field(default=None, repr=False)
    console_api_key_file: str | None = None
    console_api_key_env: str | None = None
    console_api_key_secret: str | None = None
    console_password_file: str | None = None
    console_password_env: str | None = None
    console_password_secret: str | None = None
    validate_certs: bool | None = None
    ca_path: str | None = None
    console_allow_http: bool | None = None
    console_page_limit: int | None = None
    console_max_rows: int | None = None
    console_in_operator: bool | None = None
    console_in_list_size: int | None = None
    console_empty_value: EmptyValue | None = None
    sync_arn_field: str | None = None
    sync_state_field: str | None = None
    sync_model_group_type: str | None = None
    sync_model_type: str | None = None
    sync_use_case_type: str | None = None
    sync_business_entity_type: str | None = None
    sync_push_use_cases: bool | None = None
    sync_push_text: bool | None = None
    sync_mapping: Mapping[str, object] | None = None
    sync_filters: Mapping[str, Sequence[str] | None] | None = None
    sync_poll_seconds: int | None = None
    sync_max_decommission_percent: float | None = None
    sync_max_decommission_count: int | None = None
    for_new: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing to do: create, update, protect (the file's mode) or remove; secrets are hidden in before and after."""

    name: str
    before: Mapping[str, object]
    after: Mapping[str, object]


def merge(existing: Connection | None, wanted: Wanted, *, update_secrets: bool = True) -> Connection:
    """Return the connection that is asked for.

    The business entity is not looked up here: where it is asked for, its text stands as both id and name.
    Without ``update_secrets`` a secret that is there already stays. Raises InvalidConnectionError for what is missing.
    """
    if existing is None:
        wanted = replace(wanted, **dict(wanted.for_new))
        _require_for_creation(wanted)
    return Connection(
        name=wanted.name,
        business_entity_id=_entity(wanted.business_entity, existing.business_entity_id if existing else None),
        business_entity_name=_entity(wanted.business_entity, existing.business_entity_name if existing else None),
        default_user=_chosen(wanted.default_user, existing.default_user if existing else ""),
        account_id=_chosen(wanted.account_id, existing.account_id if existing else ""),
        region=_chosen(wanted.region, existing.region if existing else ""),
        credentials=_credentials(existing.credentials if existing else None, wanted, update_secrets),
        queue_url=_chosen(wanted.queue_url, existing.queue_url if existing else ""),
        console=_console(existing.console if existing else None, wanted, update_secrets),
        description=_chosen(wanted.description, existing.description if existing else ""),
        default_profile_arn=_chosen(wanted.default_profile_arn, existing.default_profile_arn if existing else None)
        or None,
        enabled=_chosen(wanted.enabled, existing.enabled if existing else True),
        sync=_sync(existing.sync if existing else SyncSettings(), wanted),
    )


def plan(existing: Connection | None, target: Connection | None, *, is_private: bool = True) -> tuple[Operation, ...]:
    """Return what has to be done so that there is ``target``, or no connection; at most one operation."""
    if existing is None and target is None:
        return ()
    if target is None:
        return (Operation("remove", shown(existing), {}),)
    if existing is None:
        return (Operation("create", {}, shown(target)),)
    if existing != target:
        return (Operation("update", shown(existing), shown(target, compared_with=existing)),)
    if not is_private:
        return (Operation("protect", {"readable_by_others": True}, {"readable_by_others": False}),)
    return ()


def shown(connection: Connection | None, compared_with: Connection | None = None) -> dict[str, object]:
    """Return a connection's document with its secrets hidden; those that differ from the other's are marked."""
    if connection is None:
        return {}
    document = to_document(connection)
    other = to_document(compared_with) if compared_with else document
    document["credentials"] = _hidden(document["credentials"], other["credentials"], _is_secret_credential)
    console = dict(_mapping(document["console"]))
    other_options = _mapping(_mapping(other["console"])["auth_options"])
    console["auth_options"] = _hidden(console["auth_options"], other_options, _is_secret_option)
    document["console"] = console
    del document["schema_version"]
    return document


def _is_secret_credential(name: str) -> bool:
    return name in _SECRET_CREDENTIALS


def _is_secret_option(name: str) -> bool:
    return name not in _SHOWN_AUTH_OPTIONS


def _hidden(values: object, others: object, is_secret: Callable[[str], bool]) -> dict[str, object]:
    other = _mapping(others)
    return {
        name: _marker(value, other.get(name)) if is_secret(name) else value for name, value in _mapping(values).items()
    }


def _marker(secret: object, other: object) -> str | None:
    if secret is None:
        return None
    return HIDDEN if secret == other else HIDDEN_CHANGED


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


_NEEDED = ("business_entity", "default_user", "account_id", "region", "queue_url", "console_url", "console_auth_method")


def _require_for_creation(wanted: Wanted) -> None:
    missing = [name for name in _NEEDED if not getattr(wanted, name)]
    if not (wanted.role_arn or wanted.access_key_id or wanted.ambient):
        missing.append("one of role_arn, access_key_id and ambient")
    if missing:
        raise InvalidConnectionError(f'The new connection "{wanted.name}" needs {", ".join(missing)}.')


def _entity(wanted: str | None, existing: str | None) -> str:
    return wanted if wanted is not None else existing or ""


def _chosen(wanted: _T | None, existing: _T) -> _T:
    return existing if wanted is None else wanted


def _credentials(existing: Credentials | None, wanted: Wanted, update_secrets: bool) -> Credentials:
    ways = {"role_arn": wanted.role_arn, "access_key_id": wanted.access_key_id, "ambient": wanted.ambient}
    asked = [name for name, value in ways.items() if value]
    if len(asked) > 1:
        raise InvalidConnectionError(f"{' and '.join(asked)} exclude each other: there is one way into an account.")
    if wanted.ambient:
        return AmbientCredentials()
    if wanted.access_key_id or (isinstance(existing, AccessKey) and not wanted.role_arn):
        return _access_key(existing if isinstance(existing, AccessKey) else None, wanted, update_secrets)
    if wanted.role_arn or isinstance(existing, AssumeRole):
        return _role(existing if isinstance(existing, AssumeRole) else None, wanted, update_secrets)
    if wanted.ambient is False:
        raise InvalidConnectionError("Without ambient credentials the connection needs role_arn or access_key_id.")
    return AmbientCredentials()


def _access_key(existing: AccessKey | None, wanted: Wanted, update_secrets: bool) -> AccessKey:
    """A secret belongs to its key id: a new id without its secret would only fail later."""
    key_id = _chosen(wanted.access_key_id, existing.access_key_id if existing else "")
    kept = existing.secret_access_key if existing and existing.access_key_id == key_id else None
    secret = _secret(kept, wanted.secret_access_key, update_secrets)
    if not secret:
        raise InvalidConnectionError(f"The access key {key_id} needs its secret_access_key.")
    return AccessKey(key_id, secret)


def _role(existing: AssumeRole | None, wanted: Wanted, update_secrets: bool) -> AssumeRole:
    return AssumeRole(
        role_arn=_chosen(wanted.role_arn, existing.role_arn if existing else ""),
        external_id=_secret(existing.external_id if existing else None, wanted.external_id, update_secrets) or None,
    )


def _secret(existing: str | None, wanted: str | None, update_secrets: bool) -> str | None:
    return existing if wanted is None or (existing and not update_secrets) else wanted


def _console(existing: ConsoleEndpoint | None, wanted: Wanted, update_secrets: bool) -> ConsoleEndpoint:
    method = _chosen(wanted.console_auth_method, existing.auth_method if existing else "")
    kept = existing.auth_options if existing and existing.auth_method == method else {}
    return ConsoleEndpoint(
        url=_chosen(wanted.console_url, existing.url if existing else ""),
        auth_method=method,
        auth_options=_auth_options(kept, wanted, update_secrets),
        validate_certs=_chosen(wanted.validate_certs, existing.validate_certs if existing else True),
        ca_path=_chosen(wanted.ca_path, existing.ca_path if existing else None) or None,
        allow_http=_chosen(wanted.console_allow_http, existing.allow_http if existing else False),
        dialect=_dialect(existing.dialect if existing else Dialect(), wanted),
    )


def _dialect(existing: Dialect, wanted: Wanted) -> Dialect:
    return Dialect(
        page_limit=_chosen(wanted.console_page_limit, existing.page_limit),
        max_rows=_chosen(wanted.console_max_rows, existing.max_rows),
        in_operator=_chosen(wanted.console_in_operator, existing.in_operator),
        in_list_size=_chosen(wanted.console_in_list_size, existing.in_list_size),
        empty_value=_chosen(wanted.console_empty_value, existing.empty_value),
    )


def _auth_options(existing: Mapping[str, str], wanted: Wanted, update_secrets: bool) -> dict[str, str]:
    """Options of another login method are not carried over; an empty one is left out."""
    asked = {
        "instance_id": wanted.console_instance_id,
        "token_url": wanted.console_token_url,
        "username": wanted.console_username,
    }
    merged = {name: _chosen(value, existing.get(name, "")) for name, value in asked.items()}
    for secret in _SECRETS_OF_LOGIN:
        merged |= _login_secret(secret, existing, wanted, update_secrets)
    return {name: value for name, value in merged.items() if value}


def _login_secret(secret: str, existing: Mapping[str, str], wanted: Wanted, update_secrets: bool) -> Mapping[str, str]:
    """Return the one option that gives a secret: a new place replaces the old one, and a secret that is no longer kept
    here is not left behind. Raises InvalidConnectionError for two places at once.
    """
    names = (secret, *(f"{secret}_{source}" for source in _SOURCES))
    kept = {name: existing[name] for name in names if existing.get(name)}
    asked: dict[str, str | None] = {name: getattr(wanted, f"console_{name}") for name in names}
    given = [name for name in names if asked[name]]
    if len(given) > 1:
        named = " and ".join(f"console_{name}" for name in given)
        raise InvalidConnectionError(f"{named} exclude each other: a secret is kept in one place.")
    if given == [secret] and kept and not update_secrets:
        return kept
    if given:
        return {given[0]: asked[given[0]] or ""}
    cleared = {name for name in names if asked[name] == "" and (name != secret or update_secrets)}
    return {name: value for name, value in kept.items() if name not in cleared}


def _sync(existing: SyncSettings, wanted: Wanted) -> SyncSettings:
    return replace(
        existing,
        arn_field=_chosen(wanted.sync_arn_field, existing.arn_field),
        state_field=_chosen(wanted.sync_state_field, existing.state_field),
        model_group_type=_chosen(wanted.sync_model_group_type, existing.model_group_type) or None,
        model_type=_chosen(wanted.sync_model_type, existing.model_type),
        use_case_type=_chosen(wanted.sync_use_case_type, existing.use_case_type),
        business_entity_type=_chosen(wanted.sync_business_entity_type, existing.business_entity_type),
        push_use_cases=_chosen(wanted.sync_push_use_cases, existing.push_use_cases),
        push_text=_chosen(wanted.sync_push_text, existing.push_text),
        mapping=_chosen(wanted.sync_mapping, existing.mapping),
        filters=existing.filters if wanted.sync_filters is None else _filters(wanted.sync_filters),
        poll_seconds=_chosen(wanted.sync_poll_seconds, existing.poll_seconds),
        max_decommission_percent=_chosen(wanted.sync_max_decommission_percent, existing.max_decommission_percent),
        max_decommission_count=_chosen(wanted.sync_max_decommission_count, existing.max_decommission_count),
    )


def _filters(wanted: Mapping[str, Sequence[str] | None]) -> Filters:
    """Filters are given as a whole: a list that is not among them is empty."""
    return Filters(**{name: tuple(values or ()) for name, values in wanted.items()})
