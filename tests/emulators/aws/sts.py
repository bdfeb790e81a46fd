# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""STS on moto: AssumeRole obeys the role's trust policy, ExternalId included, in every account."""

from __future__ import annotations

import re
from typing import Any

from moto.core.exceptions import AccessDeniedError
from moto.core.responses import ActionResult
from moto.iam.models import iam_backends
from moto.sts import responses, urls
from moto.sts.exceptions import STSValidationError

from tests.emulators.aws.caller import Caller, caller_of
from tests.emulators.aws.policy import AccessRequest, evaluate

_SESSION_NAME = re.compile(r"[\w+=,.@-]{2,64}")
DEFAULT_MAX_SESSION_SECONDS = 3600


def _role(arn: str) -> Any | None:
    """moto's Role of this ARN, or None when the ARN is no role's."""
    match = re.fullmatch(r"arn:(aws[\w-]*):iam::(\d{12}):role/.+", arn)
    if match is None:
        return None
    backend = iam_backends[match.group(2)][match.group(1)]
    return next((role for role in backend.get_roles() if role.arn == arn), None)


def _trusted(role: Any, caller: Caller, external_id: str | None) -> bool:
    context = {"aws:PrincipalArn": caller.role_arn or caller.arn, "aws:PrincipalAccount": caller.account}
    if external_id is not None:
        context["sts:ExternalId"] = external_id
    request = AccessRequest("sts:AssumeRole", role.arn, account=caller.account, arns=caller.arns, context=context)
    return evaluate(role.assume_role_policy_document, request) == "allow"


class FaithfulTokenResponse(responses.TokenResponse):
    """Denies AssumeRole of a role that is not there or does not trust the caller."""

    def assume_role(self) -> ActionResult:
        arn = self._get_param("RoleArn")
        caller = caller_of(self.headers)
        role = _role(arn)
        if role is None or not _trusted(role, caller, self._get_param("ExternalId")):
            raise AccessDeniedError(user_arn=caller.arn, action=f"sts:AssumeRole on resource: {arn}")
        self._check_session(role)
        return super().assume_role()

    def _check_session(self, role: Any) -> None:
        name = self._get_param("RoleSessionName") or ""
        if not _SESSION_NAME.fullmatch(name):
            raise STSValidationError(
                f"1 validation error detected: Value '{name}' at 'roleSessionName' failed to satisfy constraint: "
                r"Member must satisfy regular expression pattern: [\w+=,.@-]*"
            )
        longest = int(role.max_session_duration or DEFAULT_MAX_SESSION_SECONDS)
        wanted = self._get_int_param("DurationSeconds", DEFAULT_MAX_SESSION_SECONDS)
        if wanted > longest:
            raise STSValidationError("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")

    def get_caller_identity(self) -> ActionResult:
        caller = caller_of(self.headers)
        return ActionResult({"UserId": caller.principal_id, "Account": caller.account, "Arn": caller.arn})


def install() -> None:
    for path in urls.url_paths:
        urls.url_paths[path] = FaithfulTokenResponse.dispatch
