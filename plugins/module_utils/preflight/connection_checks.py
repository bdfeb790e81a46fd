# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A connection as a list of checks (R11): its values, the console's end, the way in at AWS. Nothing is written."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from ..connection.aws_session import known_regions
from ..connection.errors import InvalidConnectionError
from ..connection.model import Connection
from ..connection.validation import MAX_CONNECTIONS, company_problems, value_problems
from ..console.client import ConsoleClient
from ..console_opening import open_console
from ..errors import WxgovError
from .aws_checks import check_credentials
from .checks import Check, run_check
from .console_checks import (
    BusinessEntity,
    check_default_user,
    check_login,
    check_permissions,
    check_sync_settings,
    resolve_business_entity,
)

VALUES = "connection.values"
LOGIN = "console.login"
ENTITY = "console.business_entity"
PERMISSIONS = "console.permissions"
USER = "console.default_user"
FIELDS = "console.fields"


def check_connection(
    connection: Connection,
    others: Iterable[Connection] = (),
    *,
    entity: str | None = None,
    max_connections: int = MAX_CONNECTIONS,
    base_session: Any = None,
) -> tuple[Check, ...]:
    """Return all checks of a connection, at most 10 requests to the console and 5 calls of STS. Never raises.

    ``entity`` is the name or id of the business entity asked for; None means the one that the connection has.
    """
    console_end, found = check_console_end(connection, entity or connection.business_entity_id)
    if found is not None:
        connection = replace(connection, business_entity_id=found.id, business_entity_name=found.name)
    values = check_values(connection, others, max_connections)
    return (values, *console_end, *check_credentials(connection, base_session))


def check_values(connection: Connection, others: Iterable[Connection], max_connections: int) -> Check:
    """Check the connection's own values, and it among the others. Pure."""

    def look() -> str:
        problems = (
            *value_problems(connection, known_regions()),
            *company_problems(connection, others, max_connections),
        )
        if problems:
            raise InvalidConnectionError(" ".join(problems))
        return "The values fit together, and no other connection has this business entity or account."

    return run_check(VALUES, look, "Change the values.")


def check_console_end(connection: Connection, entity: str) -> tuple[tuple[Check, ...], BusinessEntity | None]:
    """Return the checks of the console's end, where what needs a broken link is skipped, and the business entity."""
    try:
        client = open_console(connection.console)
    except WxgovError as error:
        login = Check(LOGIN, "failed", str(error), "Mend the address or the login of the console.")
        return (login, *_skipped("The console cannot be opened.", ENTITY, PERMISSIONS, USER, FIELDS)), None
    try:
        return _console_end(client, connection, entity)
    finally:
        client.close()


def _console_end(
    client: ConsoleClient, connection: Connection, asked: str
) -> tuple[tuple[Check, ...], BusinessEntity | None]:
    sync = connection.sync

    def log_in() -> str:
        check_login(client, sync.business_entity_type)
        return f"{connection.console.url} accepts the login by {connection.console.auth_method}."

    def look_at_user() -> str:
        return f'The default user "{check_default_user(client, connection.default_user).user_name}" is active.'

    def look_at_fields() -> str:
        check_sync_settings(client, sync)
        return f'Models and model groups have "{sync.arn_field}" and "{sync.state_field}" for text.'

    login = run_check(LOGIN, log_in, "Mend the address, the credentials, or what stands between.")
    if login.status == "failed":
        return (login, *_skipped("The login failed.", ENTITY, PERMISSIONS, USER, FIELDS)), None
    found, entity = _find_entity(client, asked, sync.business_entity_type)
    permissions = _look_at_permissions(client, entity)
    user = run_check(USER, look_at_user, "Name an active user of the console.")
    fields = run_check(FIELDS, look_at_fields, "Name types and fields that the console has, with the sync_ options.")
    return (login, found, permissions, user, fields), entity


def _find_entity(client: ConsoleClient, asked: str, type_name: str) -> tuple[Check, BusinessEntity | None]:
    try:
        entity = resolve_business_entity(client, asked, type_name)
    except WxgovError as error:
        mend = "Name a root business entity, or make one with the module business_entity."
        return Check(ENTITY, "failed", str(error), mend), None
    return Check(ENTITY, "ok", f'The business entity "{entity.name}" (id {entity.id}) is at the root.'), entity


def _look_at_permissions(client: ConsoleClient, entity: BusinessEntity | None) -> Check:
    if entity is None:
        return Check(PERMISSIONS, "skipped", "There is no business entity to look at.")
    try:
        is_told = check_permissions(client, entity)
    except WxgovError as error:
        return Check(PERMISSIONS, "failed", str(error), "Give the login a role in the entity's security domain.")
    if is_told:
        return Check(PERMISSIONS, "ok", f'The login may read, write and associate in "{entity.name}".')
    evidence = f'The console does not tell what the login may do in "{entity.name}".'
    return Check(PERMISSIONS, "warning", evidence, "Look at the role of the login in the console.")


def _skipped(reason: str, *names: str) -> tuple[Check, ...]:
    return tuple(Check(name, "skipped", reason) for name in names)
