# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""As whom a preflight looks at what the agent's own credentials may not see: trails, rules, other queues, profiles.

The agent has least privilege, and so cannot read CloudTrail or EventBridge. Somebody else has to look: the inspector.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ..connection.arns import parse_role_arn
from ..connection.aws_session import session_for
from ..connection.errors import InvalidConnectionError
from ..connection.model import AmbientCredentials, AssumeRole, Connection
from ..errors import WxgovError
from .aws_reader import AwsReader
from .checks import Check
from .errors import AwsDeniedError, NobodyLooksError, PreflightError

POLICY_FILE = "playbooks/files/inspector-policy.json"


@dataclass(frozen=True, slots=True)
class InspectorSettings:
    """The role that inspects, if there is one; {account_id}, {region} and {connection} stand for a connection's."""

    role_arn: str | None = None
    external_id: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Raise PreflightError for what cannot be the ARN of a role, whatever the connection."""
        self.role_for("000000000000", "us-east-1", "any")

    def role_for(self, account_id: str, region: str, connection: str) -> str | None:
        """Return the ARN of the role in an account. Raises PreflightError."""
        if not self.role_arn:
            return None
        arn = self.role_arn
        for name, value in (("account_id", account_id), ("region", region), ("connection", connection)):
            arn = arn.replace(f"{{{name}}}", value)
        try:
            parse_role_arn(arn)
        except InvalidConnectionError as error:
            raise PreflightError(f"inspector_role_arn: {error}") from None
        return arn


@dataclass(frozen=True, slots=True)
class Inspector:
    """Credentials to look with. ``kind`` is whose they are: a role's, the process's, or the connection's own."""

    kind: Literal["role", "process", "connection"]
    login: Connection
    base_session: Any = None

    def reader(self) -> AwsReader:
        """Return a reader with these credentials; no request is made yet. Raises AwsSessionError."""
        return AwsReader(session_for(self.login, self.base_session))

    def enter(self) -> AwsReader:
        """Return a reader that is known to be of the connection's account (1 or 2 calls of STS).

        Raises AwsSessionError, AwsReadError, and NobodyLooksError for another account.
        """
        reader = self.reader()
        account = str(reader.read("sts", "get_caller_identity", "Account"))
        if account != self.login.account_id:
            raise NobodyLooksError(
                f"The credentials to look with are of the account {account}, not {self.login.account_id}."
            )
        return reader

    def denied(self, name: str, denial: AwsDeniedError) -> Check:
        """Return the check that could not be made because AWS denied an action.

        Where a role was given to look with, it is a warning: somebody wanted to know.
        """
        if self.kind == "role" and isinstance(self.login.credentials, AssumeRole):
            role = self.login.credentials.role_arn
            mend = f"Allow {denial.action} to the inspector's role {role}; {POLICY_FILE} has all it needs."
            return Check(name, "warning", f"It cannot be told: {denial}", mend)
        mend = (
            f"Set inspector_role_arn to a role of the account that may {denial.action}; {POLICY_FILE} has all it needs."
        )
        whose = "the process's AWS credentials" if self.kind == "process" else "the connection's own credentials"
        return Check(name, "skipped", f"AWS denies {denial.action} to {whose}.", mend)


def choose_inspector(
    connection: Connection, settings: InspectorSettings, process_account: Callable[[str], str | None], base_session: Any
) -> Inspector:
    """Return whose credentials to look with: the role that is set, else the process's in its own account.

    Else the connection's own, which serve where somebody has given them more than the agent needs.
    ``process_account`` says of a region whose account the process's credentials are of (None: of none), and is asked
    only where no role is set.
    Raises PreflightError for a role that is not an ARN.
    """
    role_arn = settings.role_for(connection.account_id, connection.region, connection.name)
    if role_arn:
        role = AssumeRole(role_arn, settings.external_id)
        return Inspector("role", replace(connection, credentials=role), base_session)
    if process_account(connection.region) == connection.account_id:
        return Inspector("process", replace(connection, credentials=AmbientCredentials()), base_session)
    return Inspector("connection", connection, base_session)


def look(name: str, inspector: Inspector, see: Callable[[], Check], mend: str) -> Check:
    """Return what ``see`` returns, or a check that says why nothing could be seen."""
    try:
        return see()
    except AwsDeniedError as denial:
        return inspector.denied(name, denial)
    except WxgovError as error:
        return Check(name, "failed", str(error), mend)
