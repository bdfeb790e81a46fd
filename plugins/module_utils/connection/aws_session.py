# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AWS sessions and clients with a connection's credentials."""

from __future__ import annotations

import functools
import platform
import threading
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from .aws_pace import PACES
from .errors import AwsSessionError
from .model import AccessKey, AmbientCredentials, AssumeRole, Connection
from .traffic import AwsTraffic

try:
    import boto3
    import botocore.config
    import botocore.credentials
    import botocore.exceptions
    import botocore.loaders
    import botocore.parsers
    import botocore.session
    import botocore.utils
except ImportError:
    HAS_BOTO3 = False
else:
    HAS_BOTO3 = True

CONNECT_TIMEOUT = 3
READ_TIMEOUT = 30
"""Seconds; above the 20 s of an SQS long poll."""
MAX_ATTEMPTS = 10
ROLE_SECONDS = 3600
"""One hour is what a role grants unless it was told otherwise, and the most for a role assumed by a role."""
CHECK_SECONDS = 900
"""The shortest session there is, for roles that are assumed only to see whether they can be."""
_NOT_STS = "What answers in place of STS is not STS: look at the proxy and the endpoint of the AWS settings."
EVERYWHERE = "sqs"
"""A service that every region has."""
_MAKING = threading.Lock()
"""Clients are made one at a time: several threads would each read the same description of a service from disk."""


def session_for(
    connection: Connection,
    base_session: Any = None,
    max_pool_connections: int = 10,
    traffic: AwsTraffic | None = None,
) -> Any:
    """Return a boto3.Session with the connection's region and credentials; no request is made yet.

    An assumed role is assumed at the first call and again before it expires, with the credentials of
    ``base_session`` (a boto3.Session; default: those of the process). Clients of the session get time-outs, ten
    repetitions of what failed in passing, and ``max_pool_connections``; those of SageMaker the pace of the account
    (aws_pace). ``traffic`` counts their requests and those that assume the role.
    Raises AwsSessionError without boto3, for an unknown region, or for a broken AWS configuration of the process.
    """
    _require_boto3()
    check_region(connection.region)
    try:
        base = base_session or process_session(connection.region)
        session = _session(connection, base, client_config(max_pool_connections), traffic)
    except botocore.exceptions.BotoCoreError as error:
        raise AwsSessionError(f"The AWS settings of this process cannot be used: {error}") from None
    PACES.of(connection.account_id).watch(session.events)
    if traffic is not None:
        traffic.watch(session.events)
    return session


def client_for(session: Any, service: str, region: str | None = None) -> Any:
    """Return a client of a session made by session_for, for its own or another region. Raises AwsSessionError."""
    try:
        with _MAKING:
            return session.client(service, region_name=region)
    except botocore.exceptions.BotoCoreError as error:
        raise AwsSessionError(f"No client for {service} can be made: {error}") from None


def process_session(region: str | None = None) -> Any:
    """Return a boto3.Session with the credentials that the process finds by itself; no request is made yet.

    Raises AwsSessionError without boto3 or for a broken AWS configuration.
    """
    _require_boto3()
    try:
        core = _core()
        core.get_scoped_config()  # a profile that does not exist shows here, and not at the first call
        return boto3.Session(botocore_session=core, region_name=region)
    except botocore.exceptions.BotoCoreError as error:
        raise AwsSessionError(f"The AWS settings of this process cannot be used: {error}") from None


def is_assumable(connection: Connection, role_arn: str, external_id: str | None, base_session: Any = None) -> bool:
    """Return whether STS lets ``base_session`` (default: the process) assume a role (1 call); False where it denies.

    Raises AwsSessionError where that cannot be told: no credentials, no answer, another error.
    """
    _require_boto3()
    check_region(connection.region)
    try:
        base = base_session or process_session(connection.region)
        request = _assume_request(role_arn, external_id, connection.name, CHECK_SECONDS)
        _sts(base, connection.region, client_config()).assume_role(**request)
    except botocore.exceptions.ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code in ("AccessDenied", "AccessDeniedException"):
            return False
        raise AwsSessionError(f"STS answered the request for the role {role_arn} with {code}.") from None
    except (botocore.parsers.ResponseParserError, KeyError):  # the latter for XML of another kind, such as a web page
        raise AwsSessionError(_NOT_STS) from None
    except botocore.exceptions.BotoCoreError as error:
        raise AwsSessionError(f"STS cannot be asked for the role {role_arn}: {error}") from None
    return True


def caller_account(session: Any) -> str:
    """Return the account of a session's credentials (1 call). Raises AwsSessionError."""
    try:
        answer = client_for(session, "sts").get_caller_identity()
    except botocore.exceptions.ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        raise AwsSessionError(f"AWS does not accept the credentials ({code}).") from None
    except (botocore.parsers.ResponseParserError, KeyError):  # the latter for XML of another kind, such as a web page
        raise AwsSessionError(_NOT_STS) from None
    except botocore.exceptions.BotoCoreError as error:
        raise AwsSessionError(f"STS cannot be asked whose the credentials are: {error}") from None
    if not answer.get("Account"):
        raise AwsSessionError("The answer of STS names no account: it was cut off.")
    return str(answer["Account"])


def own_client(service: str, region: str | None = None) -> Any:
    """Return a client with the credentials of the process itself. Raises AwsSessionError, also without a region."""
    _require_boto3()
    try:
        session = process_session(region)
        if not session.region_name:
            raise AwsSessionError("The AWS region is not set: name one.")
        check_region(session.region_name)
        return session.client(service, config=client_config())
    except botocore.exceptions.BotoCoreError as error:
        raise AwsSessionError(f"The AWS settings of this process cannot be used: {error}") from None


def client_config(max_pool_connections: int = 10) -> Any:
    """Return the botocore Config of our clients."""
    return botocore.config.Config(
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=READ_TIMEOUT,
        retries={"mode": "standard", "max_attempts": MAX_ATTEMPTS},
        max_pool_connections=max_pool_connections,
        # Given whole: botocore would put its own together anew, out of twenty parts, for every call.
        user_agent=f"Boto3/{boto3.__version__} Python/{platform.python_version()}",
        user_agent_extra="wxgov.sagemaker",
    )


def known_regions() -> frozenset[str] | None:
    """Return all regions of all partitions that the installed botocore knows.

    None where that cannot be told: without botocore, or with AWS settings of the process that it cannot use.
    """
    if not HAS_BOTO3:
        return None
    try:
        return _botocore_regions()
    except botocore.exceptions.BotoCoreError:
        return None


@functools.cache
def _botocore_regions() -> frozenset[str]:
    """Kept, because botocore reads two megabytes of JSON for them each time, and they only change with botocore."""
    session = botocore.session.Session()
    partitions = session.get_available_partitions()
    found = [session.get_available_regions(EVERYWHERE, partition_name=name) for name in partitions]
    return frozenset(region for regions in found for region in regions)


def _require_boto3() -> None:
    if not HAS_BOTO3:
        raise AwsSessionError('The Python package "boto3" is missing on this host: install it to reach AWS.')


def check_region(region: str) -> None:
    """Raise AwsSessionError if botocore knows no such region."""
    known = known_regions()
    if known is not None and region not in known:
        raise AwsSessionError(
            f'There is no AWS region "{region}" (as far as the installed botocore knows; a region newer than it needs '
            "a newer botocore)."
        )


@functools.cache
def _loader() -> Any:
    """botocore's descriptions of services and regions, read once for all connections: each costs up to 0.1 s of CPU."""
    return botocore.loaders.create_loader(botocore.session.Session().get_config_variable("data_path"))


def _core() -> Any:
    core = botocore.session.Session()
    core.register_component("data_loader", _loader())
    return core


def _sts(base: Any, region: str, config: Any, traffic: AwsTraffic | None = None) -> Any:
    with _MAKING:
        client = base.client("sts", region_name=region, config=config)
    if traffic is not None:
        traffic.watch(client.meta.events)
    return client


def _session(connection: Connection, base: Any, config: Any, traffic: AwsTraffic | None) -> Any:
    credentials = connection.credentials
    core = _core()
    core.set_default_client_config(config)
    core.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_read_time)
    if isinstance(credentials, AssumeRole):
        load = _role_loader(credentials, connection, lambda: _sts(base, connection.region, config, traffic))
        core.register_component("credential_provider", botocore.credentials.CredentialResolver([_Provider(load)]))
    elif isinstance(credentials, AmbientCredentials):
        core.register_component(
            "credential_provider", botocore.credentials.CredentialResolver([_Provider(base.get_credentials)])
        )
    keys = _keys(credentials) if isinstance(credentials, AccessKey) else {}
    return boto3.Session(botocore_session=core, region_name=connection.region, **keys)


def _read_time(value: Any) -> datetime:
    """Return the time of an answer, in UTC. botocore's own way, by dateutil's local zone, is most of a page's cost."""
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, timezone.utc)
    read: datetime = botocore.utils.parse_timestamp(value)
    return read


def _keys(credentials: AccessKey) -> dict[str, str]:
    return {
        "aws_access_key_id": credentials.access_key_id,
        "aws_secret_access_key": credentials.secret_access_key,
    }


class _Provider:
    """The one source of credentials of a session, as botocore's resolver wants it."""

    METHOD = "wxgov-connection"
    CANONICAL_NAME = None

    def __init__(self, load: Callable[[], Any]) -> None:
        self.load = load


def _role_loader(role: AssumeRole, connection: Connection, sts: Callable[[], Any]) -> Callable[[], Any]:
    """Return a loader of credentials that assume the role when they are first needed and before they expire."""

    def assume() -> dict[str, str]:
        return _assume(role, connection, sts)

    def load() -> Any:
        return botocore.credentials.DeferredRefreshableCredentials(refresh_using=assume, method=_Provider.METHOD)

    return load


def _assume_request(role_arn: str, external_id: str | None, name: str, seconds: int) -> dict[str, Any]:
    request = {"RoleArn": role_arn, "RoleSessionName": f"wxgov-{name}"[:64], "DurationSeconds": seconds}
    return {**request, "ExternalId": external_id} if external_id else request


def _assume(role: AssumeRole, connection: Connection, sts: Callable[[], Any]) -> dict[str, str]:
    """Assume the role; the result is in the form that botocore's refreshable credentials take."""
    request = _assume_request(role.role_arn, role.external_id, connection.name, ROLE_SECONDS)
    try:
        granted = sts().assume_role(**request).get("Credentials") or {}
    except botocore.exceptions.ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        raise AwsSessionError(
            f"The role {role.role_arn} of the connection {connection.name} cannot be assumed ({code}): check its trust "
            "policy, the external id, and that this process may call sts:AssumeRole."
        ) from None
    except (botocore.parsers.ResponseParserError, KeyError):  # the latter for XML of another kind, such as a web page
        raise AwsSessionError(_NOT_STS) from None
    except botocore.exceptions.BotoCoreError as error:
        raise AwsSessionError(f"The role {role.role_arn} cannot be assumed: {error}") from None
    if not all(granted.get(key) for key in ("AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration")):
        raise AwsSessionError(f"Assuming the role {role.role_arn} gave an answer without credentials.")
    return {
        "access_key": granted["AccessKeyId"],
        "secret_key": granted["SecretAccessKey"],
        "token": granted["SessionToken"],
        "expiry_time": granted["Expiration"].isoformat(),
    }
