# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of the way into the registry's account: the role lets us in with the external id, and nobody in without it.

Why the second matters: a role that trusts our account without asking for an external id lets anybody in who can make
us use that role's ARN (the "confused deputy" of the IAM user guide).
"""

from __future__ import annotations

from typing import Any

from ..connection.aws_session import caller_account, is_assumable, session_for
from ..connection.model import AssumeRole, Connection
from ..errors import WxgovError
from .checks import Check

ROLE = "aws.role_assumable"
EXTERNAL_ID = "aws.external_id_required"
ACCOUNT = "aws.account"


def check_credentials(connection: Connection, base_session: Any = None) -> tuple[Check, ...]:
    """Return the checks aws.role_assumable, aws.external_id_required and aws.account (at most 3 calls of STS).

    ``base_session`` is the boto3.Session whose credentials assume the role; default: those of the process. Never
    raises: what cannot be told is a check that says so.
    """
    assumable = check_role_assumable(connection, base_session)
    if assumable.status == "failed":
        return (
            assumable,
            Check(EXTERNAL_ID, "skipped", "The role cannot be assumed at all."),
            Check(ACCOUNT, "skipped", "The role cannot be assumed."),
        )
    return assumable, check_external_id_required(connection, base_session), check_account(connection, base_session)


def check_role_assumable(connection: Connection, base_session: Any = None) -> Check:
    """Check that the role can be assumed as the agent will assume it (1 call)."""
    role = connection.credentials
    if not isinstance(role, AssumeRole):
        return Check(ROLE, "skipped", "The connection assumes no role.")
    mend = (
        "Let the role's trust policy name this process's principal or account with this external id, and allow that "
        "principal sts:AssumeRole on the role."
    )
    try:
        if is_assumable(connection, role.role_arn, role.external_id, base_session):
            return Check(ROLE, "ok", f"The role {role.role_arn} was assumed.")
    except WxgovError as error:
        return Check(ROLE, "failed", str(error), "Give this process AWS credentials, and let it reach STS.")
    return Check(ROLE, "failed", f"STS denies assuming the role {role.role_arn} with the connection's values.", mend)


def check_external_id_required(connection: Connection, base_session: Any = None) -> Check:
    """Check that the role cannot be assumed without an external id (1 call)."""
    role = connection.credentials
    if not isinstance(role, AssumeRole):
        return Check(EXTERNAL_ID, "skipped", "The connection assumes no role.")
    mend = 'Add {"StringEquals": {"sts:ExternalId": ...}} to the Condition of the role\'s trust policy.'
    if role.external_id is None:
        evidence = f"The connection has no external id: the role {role.role_arn} is assumed without one."
        return Check(EXTERNAL_ID, "warning", evidence, f"{mend} Then give the connection that external_id.")
    try:
        open_to_all = is_assumable(connection, role.role_arn, None, base_session)
    except WxgovError as error:
        return Check(EXTERNAL_ID, "warning", f"It cannot be told: {error}", "Check again.")
    if open_to_all:
        return Check(EXTERNAL_ID, "failed", f"The role {role.role_arn} can be assumed without the external id.", mend)
    return Check(EXTERNAL_ID, "ok", f"Without the external id STS denies the role {role.role_arn}.")


def check_account(connection: Connection, base_session: Any = None) -> Check:
    """Check that the connection's credentials are of the account that owns the registry (1 call, or 2 with a role)."""
    try:
        account = caller_account(session_for(connection, base_session))
    except WxgovError as error:
        return Check(ACCOUNT, "failed", str(error), "Mend the connection's AWS credentials.")
    if account == connection.account_id:
        return Check(ACCOUNT, "ok", f"The credentials are of the account {account}.")
    evidence = f"The credentials are of the account {account}, and the connection is to {connection.account_id}."
    if isinstance(connection.credentials, AssumeRole):
        return Check(ACCOUNT, "failed", evidence, "Give the role of the registry's own account.")
    mend = "Use credentials of the registry's account, or make sure that its resources are shared with this one."
    return Check(ACCOUNT, "failed", evidence, mend)
