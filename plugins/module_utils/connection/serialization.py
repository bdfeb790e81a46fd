# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A connection as a JSON document, schema version 3.

A document of an older version is brought up to date while it is read (MIGRATIONS), and written in the present version
when it is next saved; one of a newer version is refused.

::

    {"schema_version": 3, "name": …, "description": …, "enabled": true,
     "business_entity": {"id": …, "name": …}, "default_user": …,
     "account_id": …, "region": …, "default_profile_arn": null, "queue_url": …,
     "credentials": {"type": "assume_role", "role_arn": …, "external_id": null}
                  | {"type": "access_key", "access_key_id": …, "secret_access_key": …}
                  | {"type": "ambient"},
     "console": {"url": …, "auth_method": …, "auth_options": {…}, "validate_certs": true, "ca_path": null,
                 "allow_http": false,
                 "dialect": {"page_limit": 500, "max_rows": 0, "in_operator": true, "in_list_size": 50,
                             "empty_value": "json_null" | "empty_text"}},
     "sync": {"arn_field": …, "state_field": …, "model_group_type": null, "model_type": …, "use_case_type": …,
              "business_entity_type": …, "push_use_cases": true, "push_text": true, "mapping": {},
              "filters": {"include_groups": [], "exclude_groups": [], "include_tags": [], "exclude_tags": [],
                          "approval_statuses": []},
              "poll_seconds": 0, "max_decommission_percent": 10.0, "max_decommission_count": 10}}
"""

from __future__ import annotations

import copy
import dataclasses
import json
from collections.abc import Callable, Mapping
from typing import TypeAlias

from .errors import BrokenConnectionError
from .model import (
    BOUNDS,
    EMPTY_VALUES,
    NAME_FORM,
    AccessKey,
    AmbientCredentials,
    AssumeRole,
    Connection,
    ConsoleEndpoint,
    Credentials,
    Dialect,
    Filters,
    SyncSettings,
)

SCHEMA_VERSION = 3

Migration: TypeAlias = Callable[[dict[str, object]], dict[str, object]]


def _from_version_1(document: dict[str, object]) -> dict[str, object]:
    """Version 1 knew one direction, one mapping and no filters; the settings that came since have defaults."""
    sync = _Section("sync", document["sync"]).copy()
    later = {"push_use_cases": True, "push_text": True, "mapping": {}, "filters": _filters_document(Filters())}
    return {**document, "sync": {**later, **sync}}


def _from_version_2(document: dict[str, object]) -> dict[str, object]:
    """Version 2 took every console for alike, and had the agent's interval and the guard's limits for all."""
    console, sync = (_Section(key, document[key]).copy() for key in ("console", "sync"))
    later = {"poll_seconds": 0, "max_decommission_percent": 10.0, "max_decommission_count": 10}
    usual = {"page_limit": 500, "max_rows": 0, "in_operator": True, "in_list_size": 50, "empty_value": "json_null"}
    return {**document, "console": {"dialect": usual, **console}, "sync": {**later, **sync}}


MIGRATIONS: Mapping[int, Migration] = {1: _from_version_1, 2: _from_version_2}
"""What turns a document of a version into one of the next; version 1 is the first there ever was."""

_CREDENTIALS: Mapping[str, type[AssumeRole | AccessKey | AmbientCredentials]] = {
    "assume_role": AssumeRole,
    "access_key": AccessKey,
    "ambient": AmbientCredentials,
}


def to_document(connection: Connection) -> dict[str, object]:
    """Return the document of a connection, secrets included."""
    return {
        "schema_version": SCHEMA_VERSION,
        "name": connection.name,
        "description": connection.description,
        "enabled": connection.enabled,
        "business_entity": {"id": connection.business_entity_id, "name": connection.business_entity_name},
        "default_user": connection.default_user,
        "account_id": connection.account_id,
        "region": connection.region,
        "default_profile_arn": connection.default_profile_arn,
        "queue_url": connection.queue_url,
        "credentials": {"type": credentials_type(connection.credentials)} | dataclasses.asdict(connection.credentials),
        "console": _console_document(connection.console),
        "sync": {**dataclasses.asdict(connection.sync), "filters": _filters_document(connection.sync.filters)},
    }


def credentials_type(credentials: Credentials) -> str:
    """Return assume_role, access_key or ambient."""
    return next(name for name, kind in _CREDENTIALS.items() if isinstance(credentials, kind))


def dumps(connection: Connection) -> str:
    """Return the text of a connection's file."""
    return json.dumps(to_document(connection), indent=2, sort_keys=False) + "\n"


def loads(text: str) -> Connection:
    """Return the connection of a file's text.

    Raises BrokenConnectionError, naming the key that is missing, unknown or of another kind, or the newer version.
    No value is quoted: any of them may be a secret.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise BrokenConnectionError("it is not valid JSON") from None
    return from_document(_Section("", migrate(document, MIGRATIONS, SCHEMA_VERSION)))


def migrate(document: object, migrations: Mapping[int, Migration], newest: int) -> dict[str, object]:
    """Return a document of the version `newest`. Raises BrokenConnectionError, also where no migration leads there."""
    section = _Section("", document)
    version = section.integer("schema_version")
    if version > newest:
        raise BrokenConnectionError(
            f"it has schema version {version}, written by a newer release than this one, which knows up to "
            f"{newest}: upgrade here"
        )
    migrated = section.copy()
    for step in range(version, newest):
        if step not in migrations:
            raise BrokenConnectionError(f"schema version {step} never existed")
        try:
            migrated = {**migrations[step](migrated), "schema_version": step + 1}
        except (KeyError, TypeError, AttributeError, ValueError):
            raise BrokenConnectionError(f"it is not a document of schema version {step}, as it says") from None
    return migrated


def from_document(section: _Section) -> Connection:
    """Return the connection of a document of the present version. Raises BrokenConnectionError."""
    section.integer("schema_version")
    entity = section.section("business_entity")
    connection = Connection(
        name=section.text("name"),
        description=section.text("description"),
        enabled=section.boolean("enabled"),
        business_entity_id=entity.text("id"),
        business_entity_name=entity.text("name"),
        default_user=section.text("default_user"),
        account_id=section.text("account_id"),
        region=section.text("region"),
        default_profile_arn=section.optional_text("default_profile_arn"),
        queue_url=section.text("queue_url"),
        credentials=_credentials(section.section("credentials")),
        console=_console(section.section("console")),
        sync=_sync(section.section("sync")),
    )
    entity.finish()
    section.finish()
    if not NAME_FORM.fullmatch(connection.name):
        raise BrokenConnectionError('its "name" is not a name of a connection')
    return connection


class _Section:
    """One JSON object of the document, read key by key with checks, and with none left over."""

    def __init__(self, path: str, value: object) -> None:
        if not isinstance(value, dict):
            raise BrokenConnectionError(f'"{path}" is not an object' if path else "it is not a JSON object")
        self._path = path
        self._value: Mapping[str, object] = value
        self._read: set[str] = set()

    def copy(self) -> dict[str, object]:
        return copy.deepcopy(dict(self._value))

    def text(self, key: str) -> str:
        value = self._get(key)
        if isinstance(value, str):
            return value
        raise self._wrong(key, "a text")

    def optional_text(self, key: str) -> str | None:
        return None if self._get(key) is None else self.text(key)

    def boolean(self, key: str) -> bool:
        value = self._get(key)
        if isinstance(value, bool):
            return value
        raise self._wrong(key, "true or false")

    def integer(self, key: str) -> int:
        value = self._get(key)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        raise self._wrong(key, "a whole number")

    def number(self, key: str) -> float:
        """Return a number within its bounds (model.BOUNDS)."""
        value, (least, most) = self._get(key), BOUNDS[key]
        if isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most:
            return float(value)
        raise self._wrong(key, f"a number from {least} to {most}")

    def count(self, key: str) -> int:
        """Return a whole number within its bounds."""
        self.integer(key)
        return int(self.number(key))

    def texts(self, key: str) -> dict[str, str]:
        value = self._get(key)
        if isinstance(value, dict) and all(isinstance(item, str) for item in value.values()):
            return dict(value)
        raise self._wrong(key, "an object of texts")

    def list_of_texts(self, key: str) -> tuple[str, ...]:
        value = self._get(key)
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return tuple(value)
        raise self._wrong(key, "a list of texts")

    def section(self, key: str) -> _Section:
        return _Section(self._full(key), self._get(key))

    def finish(self) -> None:
        unknown = sorted(set(self._value) - self._read)
        if unknown:
            raise BrokenConnectionError(f'it has the unknown key "{self._full(unknown[0])}"')

    def _get(self, key: str) -> object:
        self._read.add(key)
        if key not in self._value:
            raise BrokenConnectionError(f'it has no "{self._full(key)}"')
        return self._value[key]

    def _full(self, key: str) -> str:
        return f"{self._path}.{key}" if self._path else key

    def _wrong(self, key: str, kind: str) -> BrokenConnectionError:
        return BrokenConnectionError(f'its "{self._full(key)}" is not {kind}')


def _credentials(section: _Section) -> Credentials:
    kind = section.text("type")
    credentials: Credentials
    if kind == "assume_role":
        credentials = AssumeRole(section.text("role_arn"), section.optional_text("external_id"))
    elif kind == "access_key":
        credentials = AccessKey(section.text("access_key_id"), section.text("secret_access_key"))
    elif kind == "ambient":
        credentials = AmbientCredentials()
    else:
        raise BrokenConnectionError(f'its "credentials.type" is none of {", ".join(_CREDENTIALS)}')
    section.finish()
    return credentials


def _console_document(console: ConsoleEndpoint) -> dict[str, object]:
    return {
        "url": console.url,
        "auth_method": console.auth_method,
        "auth_options": dict(console.auth_options),
        "validate_certs": console.validate_certs,
        "ca_path": console.ca_path,
        "allow_http": console.allow_http,
        "dialect": dataclasses.asdict(console.dialect),
    }


def _console(section: _Section) -> ConsoleEndpoint:
    console = ConsoleEndpoint(
        url=section.text("url"),
        auth_method=section.text("auth_method"),
        auth_options=section.texts("auth_options"),
        validate_certs=section.boolean("validate_certs"),
        ca_path=section.optional_text("ca_path"),
        allow_http=section.boolean("allow_http"),
        dialect=_dialect(section.section("dialect")),
    )
    section.finish()
    return console


def _dialect(section: _Section) -> Dialect:
    written = section.text("empty_value")
    empty_value = next((value for value in EMPTY_VALUES if value == written), None)
    if empty_value is None:
        raise BrokenConnectionError(f'its "console.dialect.empty_value" is none of {", ".join(EMPTY_VALUES)}')
    dialect = Dialect(
        page_limit=section.count("page_limit"),
        max_rows=section.count("max_rows"),
        in_operator=section.boolean("in_operator"),
        in_list_size=section.count("in_list_size"),
        empty_value=empty_value,
    )
    section.finish()
    return dialect


def _sync(section: _Section) -> SyncSettings:
    sync = SyncSettings(
        arn_field=section.text("arn_field"),
        state_field=section.text("state_field"),
        model_group_type=section.optional_text("model_group_type"),
        model_type=section.text("model_type"),
        use_case_type=section.text("use_case_type"),
        business_entity_type=section.text("business_entity_type"),
        push_use_cases=section.boolean("push_use_cases"),
        push_text=section.boolean("push_text"),
        mapping=section.section("mapping").copy(),
        filters=_filters(section.section("filters")),
        poll_seconds=section.count("poll_seconds"),
        max_decommission_percent=section.number("max_decommission_percent"),
        max_decommission_count=section.count("max_decommission_count"),
    )
    section.finish()
    return sync


def _filters(section: _Section) -> Filters:
    filters = Filters(**{member.name: section.list_of_texts(member.name) for member in dataclasses.fields(Filters)})
    section.finish()
    return filters


def _filters_document(filters: Filters) -> dict[str, object]:
    return {name: list(values) for name, values in dataclasses.asdict(filters).items()}
