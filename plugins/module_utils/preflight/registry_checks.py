# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of what the connection's own credentials may do: the way in, the queue, the registry."""

from __future__ import annotations

from typing import Any

from ..connection.aws_session import client_for, session_for
from ..connection.model import Connection
from ..errors import WxgovError
from ..registry.arn import PACKAGE, RegistryArn, group_arn
from ..registry.client import PACKAGE as PACKAGES
from ..registry.client import RegistryClient
from ..registry.listing import RegistryListing
from .aws_checks import check_credentials
from .aws_reader import AwsReader
from .checks import Check
from .errors import AwsAbsentError
from .event_chain import queue_of

QUEUE_ACCESS = "aws.queue_access"
REGISTRY = "registry.read"

NOTHING = "wxgov-preflight"
"""A model package group that nobody has: looking for it shows whether looking is allowed, and reads nothing."""

_POLICY = "Run onboard_account (or the role aws_access) for the account again: it grants what the agent needs."


def check_own_credentials(connection: Connection, base_session: Any = None) -> tuple[Check, ...]:
    """Return the checks of the way in (aws_checks), and of queue and registry behind it; 9 calls. Never raises."""
    checks = check_credentials(connection, base_session)
    if any(check.status == "failed" and check.name != "aws.external_id_required" for check in checks):
        reason = "The connection's credentials do not lead into the account."
        return (*checks, Check(QUEUE_ACCESS, "skipped", reason), Check(REGISTRY, "skipped", reason))
    try:
        session = session_for(connection, base_session)
    except WxgovError as error:
        return (*checks, Check(QUEUE_ACCESS, "failed", str(error)), Check(REGISTRY, "failed", str(error)))
    return (*checks, check_queue_access(connection, AwsReader(session)), check_registry(connection, session))


def check_queue_access(connection: Connection, reader: AwsReader) -> Check:
    """Check that the connection's credentials reach the queue (1 call); no message is received for it."""
    try:
        queue_of(connection)
    except WxgovError as error:
        return Check(QUEUE_ACCESS, "skipped", str(error))
    try:
        reader.read(
            "sqs", "get_queue_attributes", "Attributes", QueueUrl=connection.queue_url, AttributeNames=["QueueArn"]
        )
    except AwsAbsentError:
        return Check(QUEUE_ACCESS, "skipped", f"There is no queue {connection.queue_url}.")
    except WxgovError as error:
        return Check(QUEUE_ACCESS, "failed", str(error), _POLICY)
    return Check(QUEUE_ACCESS, "ok", "The connection's credentials reach the queue.")


def check_registry(connection: Connection, session: Any) -> Check:
    """Check that the connection's credentials may find and describe what is in the registry (3 calls; 4 or 5 where
    Search is denied and lists have to do in its place).
    """
    group = group_arn(connection.region, connection.account_id, NOTHING)
    package = RegistryArn(group.partition, group.region, group.account_id, PACKAGE, NOTHING, 1)
    try:
        registry = RegistryClient(client_for(session, "sagemaker"))
        listing = RegistryListing(registry)
        next(listing.groups(), None)
        if listing.is_search_denied:
            next(iter(registry.list_walk(PACKAGES)), None)
        registry.describe_group(str(group))
        registry.describe_package(str(package))
    except WxgovError as error:
        return Check(REGISTRY, "failed", str(error), _POLICY)
    if listing.is_search_denied:
        evidence = "The connection's credentials may list the registry and describe what is in it; Search is denied."
        return Check(REGISTRY, "ok", evidence)
    return Check(REGISTRY, "ok", "The connection's credentials may search the registry and describe what is in it.")
