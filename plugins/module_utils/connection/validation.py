# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with a connection's own values, and with it among the others. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator

from .arns import ACCOUNT_ID, REGION_FORM, parse_queue_url, parse_role_arn, parse_user_profile_arn
from .errors import InvalidConnectionError
from .model import NAME_FORM, AccessKey, AssumeRole, Connection

MAX_CONNECTIONS = 10
"""The most connections that the vendor's console takes."""

_EXTERNAL_ID = re.compile(r"[\w+=,.@:/-]{2,1224}", re.ASCII)
_ACCESS_KEY_ID = re.compile(r"\w{12,128}", re.ASCII)


def value_problems(connection: Connection, regions: Collection[str] | None) -> tuple[str, ...]:
    """Return one sentence for each value that cannot be right.

    ``regions`` are all there are; None where that is not known, then only the form is checked.
    """
    checks: tuple[Callable[[Connection], Iterator[str]], ...] = (
        _identity,
        _credentials,
        _profile,
        _queue,
        _sync_settings,
    )
    found = [problem for check in checks for problem in check(connection)]
    return (*_region(connection.region, regions), *found)


def company_problems(
    connection: Connection, others: Iterable[Connection], max_connections: int = MAX_CONNECTIONS
) -> tuple[str, ...]:
    """Return what is wrong with a connection among the others: each has its own entity and account, and there are few.

    Business entities are told apart within one console: two consoles may use one number.
    """
    rest = [other for other in others if other.name != connection.name]
    problems = []
    for other in rest:
        if _same_entity(connection, other):
            problems.append(
                f'The business entity "{connection.business_entity_name}" (id {connection.business_entity_id}) belongs '
                f'to the connection "{other.name}" already: each connection needs one of its own.'
            )
        if other.account_id == connection.account_id:
            problems.append(
                f'The account {connection.account_id} belongs to the connection "{other.name}" already: each '
                "connection is to a different account."
            )
    if len(rest) + 1 > max_connections:
        problems.append(f"There are {len(rest)} other connections already, and {max_connections} at most are allowed.")
    return tuple(problems)


def _same_entity(one: Connection, other: Connection) -> bool:
    consoles = (one.console.url.rstrip("/").lower(), other.console.url.rstrip("/").lower())
    return one.business_entity_id == other.business_entity_id and consoles[0] == consoles[1]


def _identity(connection: Connection) -> Iterator[str]:
    if not NAME_FORM.fullmatch(connection.name):
        yield f"{connection.name!r} cannot be a connection's name: use up to 63 of a-z, 0-9 and -, not starting with -."
    if not ACCOUNT_ID.fullmatch(connection.account_id):
        yield f'"{connection.account_id}" is not an AWS account id: it has 12 digits.'
    if not connection.default_user.strip():
        yield "The default user is empty: name a console user."
    if not connection.business_entity_id.strip():
        yield "The business entity is empty: give its name or id."


def _region(region: str, regions: Collection[str] | None) -> Iterator[str]:
    if not REGION_FORM.fullmatch(region) or (regions is not None and region not in regions):
        yield (
            f'There is no AWS region "{region}" (as far as the installed botocore knows; a newer region needs a newer '
            "botocore)."
        )


def _credentials(connection: Connection) -> Iterator[str]:
    credentials = connection.credentials
    if isinstance(credentials, AccessKey):
        if not _ACCESS_KEY_ID.fullmatch(credentials.access_key_id):
            yield "The access key id has a form that AWS never gives: 12 to 128 letters, digits and underscores."
        if not credentials.secret_access_key.strip():
            yield "The secret access key is empty."
    if isinstance(credentials, AssumeRole):
        yield from _role(connection, credentials)


def _role(connection: Connection, credentials: AssumeRole) -> Iterator[str]:
    if credentials.external_id is not None and not _EXTERNAL_ID.fullmatch(credentials.external_id):
        yield "The external id has characters or a length (2 to 1224) that AWS does not take."
    try:
        role = parse_role_arn(credentials.role_arn)
    except InvalidConnectionError as error:
        yield str(error)
        return
    yield from _same_account("role", credentials.role_arn, role.account_id, connection)
    yield from _same_partition("role", credentials.role_arn, role.partition, connection)


def _profile(connection: Connection) -> Iterator[str]:
    arn = connection.default_profile_arn
    if arn is None:
        return
    try:
        profile = parse_user_profile_arn(arn)
    except InvalidConnectionError as error:
        yield str(error)
        return
    yield from _same_account("profile", arn, profile.account_id, connection)
    yield from _same_partition("profile", arn, profile.partition, connection)
    if profile.region != connection.region:
        yield f"The profile {arn} is in the region {profile.region}, the connection in {connection.region}."


def _queue(connection: Connection) -> Iterator[str]:
    try:
        queue = parse_queue_url(connection.queue_url)
    except InvalidConnectionError as error:
        yield str(error)
        return
    if not queue.is_fifo:
        yield f"The queue {connection.queue_url} is not a FIFO queue: its name has to end in .fifo."
    if queue.region is not None and queue.region != connection.region:
        yield (
            f"The queue {connection.queue_url} is in the region {queue.region}, the connection in {connection.region}: "
            "the registry's events arrive in a queue of its own region."
        )


def _sync_settings(connection: Connection) -> Iterator[str]:
    sync = connection.sync
    named = {
        "sync_arn_field": sync.arn_field,
        "sync_state_field": sync.state_field,
        "sync_model_type": sync.model_type,
        "sync_use_case_type": sync.use_case_type,
        "sync_business_entity_type": sync.business_entity_type,
    }
    for option, value in named.items():
        if not value.strip():
            yield f"{option} is empty: name a field or type of the console."
    if sync.arn_field == sync.state_field:
        yield f'sync_arn_field and sync_state_field are both "{sync.arn_field}": they need a field each.'


def _same_account(what: str, arn: str, account_id: str, connection: Connection) -> Iterator[str]:
    if account_id != connection.account_id:
        yield f"The {what} {arn} is of the account {account_id}, the connection of {connection.account_id}."


def _same_partition(what: str, arn: str, partition: str, connection: Connection) -> Iterator[str]:
    expected = partition_of(connection.region)
    if partition != expected:
        yield f"The {what} {arn} is in the partition {partition}, the region {connection.region} in {expected}."


def partition_of(region: str) -> str:
    """Return the partition of a region, from its prefix."""
    prefixes = {
        "cn-": "aws-cn",
        "us-gov-": "aws-us-gov",
        "us-isob-": "aws-iso-b",
        "us-isof-": "aws-iso-f",
        "us-iso-": "aws-iso",
        "eu-isoe-": "aws-iso-e",
        "eusc-": "aws-eusc",
    }
    return next((partition for prefix, partition in prefixes.items() if region.startswith(prefix)), "aws")
