# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with a connection's own values, and with it among the others. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, fields
from urllib.parse import urlsplit

from .arns import ACCOUNT_ID, REGION_FORM, parse_queue_url, parse_role_arn, parse_user_profile_arn
from .errors import InvalidConnectionError
from .model import BOUNDS, NAME_FORM, AccessKey, AssumeRole, Connection

MAX_CONNECTIONS = 10
"""The most connections that the vendor's console takes."""

_EXTERNAL_ID = re.compile(r"[\w+=,.@:/-]{2,1224}", re.ASCII)
_CONTEXT = re.compile(r"(?:/[^/]+)*?/(?:[^/]*-)?opgrc(?=/|$)")
_DEFAULT_PORTS = {"https": 443, "http": 80}
_ACCESS_KEY_ID = re.compile(r"\w{12,128}", re.ASCII)


def value_problems(connection: Connection, regions: Collection[str] | None) -> tuple[str, ...]:
    """Return one sentence for each value that cannot be right.

    ``regions`` are all there are; None where that is not known, then only the form is checked.
    """
    checks: list[Callable[[Connection], Iterator[str]]] = [
        _identity,
        _credentials,
        _profile,
        _queue,
        _sync_settings,
        _numbers,
    ]
    found = list(_region(connection.region, regions))
    if not found:
        checks.append(_places)
    if ACCOUNT_ID.fullmatch(connection.account_id):
        checks.append(_accounts)
    return (*found, *(problem for check in checks for problem in check(connection)))


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
    same_console = console_key(one.console.url) == console_key(other.console.url)
    return one.business_entity_id == other.business_entity_id and same_console


def console_key(url: str) -> tuple[str, int | None, str]:
    """Return what tells consoles apart: host, port and context path, however the address is written.

    https://HOST, https://host:443/ and https://host/opgrc/api/v2 are one console. What is no address is its own text.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return (url, None, "")
    context = _CONTEXT.match(parts.path.rstrip("/"))
    host = (parts.hostname or "").rstrip(".")
    return (host, port or _DEFAULT_PORTS.get(parts.scheme), context[0] if context else "/opgrc")


def queue_account_problems(connection: Connection) -> tuple[str, ...]:
    """Return what is wrong with a queue of another account than the registry's, which events reach only by design."""
    with suppress(InvalidConnectionError):
        owner = parse_queue_url(connection.queue_url).account_id
        if owner != connection.account_id:
            return (
                f"The queue {connection.queue_url} is of the account {owner}, the registry of {connection.account_id}: "
                "give the queue of the registry's account, or say cross_account_queue=true if that is meant.",
            )
    return ()


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
        yield from _role(credentials)


def _role(credentials: AssumeRole) -> Iterator[str]:
    if credentials.external_id is not None and not _EXTERNAL_ID.fullmatch(credentials.external_id):
        yield "The external id has characters or a length (2 to 1224) that AWS does not take."
    try:
        parse_role_arn(credentials.role_arn)
    except InvalidConnectionError as error:
        yield str(error)


def _profile(connection: Connection) -> Iterator[str]:
    try:
        if connection.default_profile_arn is not None:
            parse_user_profile_arn(connection.default_profile_arn)
    except InvalidConnectionError as error:
        yield str(error)


def _queue(connection: Connection) -> Iterator[str]:
    try:
        queue = parse_queue_url(connection.queue_url)
    except InvalidConnectionError as error:
        yield str(error)
        return
    if not queue.is_fifo:
        yield f"The queue {connection.queue_url} is not a FIFO queue: its name has to end in .fifo."


@dataclass(frozen=True, slots=True)
class _Named:
    """An ARN or URL of a connection and where it says it is; None where it does not say."""

    what: str
    text: str
    account_id: str | None = None
    region: str | None = None
    partition: str | None = None


def _named(connection: Connection) -> Iterator[_Named]:
    """Yield what can be read; what cannot is somebody else's finding."""
    credentials, profile_arn = connection.credentials, connection.default_profile_arn
    with suppress(InvalidConnectionError):
        if isinstance(credentials, AssumeRole):
            role = parse_role_arn(credentials.role_arn)
            yield _Named("role", credentials.role_arn, role.account_id, partition=role.partition)
    with suppress(InvalidConnectionError):
        if profile_arn is not None:
            profile = parse_user_profile_arn(profile_arn)
            yield _Named("profile", profile_arn, profile.account_id, profile.region, profile.partition)
    with suppress(InvalidConnectionError):
        yield _Named("queue", connection.queue_url, region=parse_queue_url(connection.queue_url).region)


def _accounts(connection: Connection) -> Iterator[str]:
    for named in _named(connection):
        if named.account_id not in (None, connection.account_id):
            yield (
                f"The {named.what} {named.text} is of the account {named.account_id}, the connection of "
                f"{connection.account_id}."
            )


def _places(connection: Connection) -> Iterator[str]:
    """The registry's events arrive in a queue of the registry's own region."""
    partition = partition_of(connection.region)
    for named in _named(connection):
        if named.region not in (None, connection.region):
            yield (
                f"The {named.what} {named.text} is in the region {named.region}, the connection in {connection.region}."
            )
        elif named.partition not in (None, partition):
            yield (
                f"The {named.what} {named.text} is in the partition {named.partition}, the region "
                f"{connection.region} in {partition}."
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


def _numbers(connection: Connection) -> Iterator[str]:
    for prefix, holder in (("console", connection.console.dialect), ("sync", connection.sync)):
        for name in (member.name for member in fields(holder) if member.name in BOUNDS):
            value, (least, most) = getattr(holder, name), BOUNDS[name]
            if not least <= value <= most:
                yield f"{prefix}_{name} is {value}: it has to be from {least} to {most}."


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
