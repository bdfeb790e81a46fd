# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signatures of users and roles, and, when a test asks for them, identity policies with conditions and boundaries.

Signatures are always checked for keys that IAM or STS made. Policies are off by default. Root may do everything, as on
AWS; GetCallerIdentity needs no permission. Sessions are not narrowed by session policies. Rules:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlparse

from moto.core.authorization import ActionAuthenticatorMixin
from moto.core.exceptions import (
    AccessDeniedError,
    InvalidClientTokenIdError,
    JsonRESTError,
    SignatureDoesNotMatchError,
)
from moto.iam.access_control import IAMRequest
from moto.iam.models import iam_backends
from moto.s3.exceptions import S3AccessDeniedError

from tests.emulators.aws.caller import Caller, caller_of, credential_scope
from tests.emulators.aws.policy import AccessRequest, evaluate
from tests.emulators.aws.resources import PREFIXES, actions_of, request_context, resources_of, s3_action

QUERY_SERVICES = frozenset({"sts", "iam"})
BATCH_ACTIONS = frozenset({"SendMessageBatch", "DeleteMessageBatch", "ChangeMessageVisibilityBatch"})
FREE_ACTIONS = frozenset({"sts:GetCallerIdentity"})


MOST_JUDGEMENTS = 10_000


@dataclass(frozen=True, slots=True)
class Judgement:
    """One decision about a user or role: ``principal`` is the ARN of the user, or of the role behind a session."""

    principal: str
    action: str
    resource: str
    allowed: bool


@dataclass(slots=True)
class AccessSettings:
    """``judgements`` are those since permissions were enforced, the newest last."""

    enforce: bool = False
    judgements: deque[Judgement] = field(default_factory=lambda: deque(maxlen=MOST_JUDGEMENTS))


SETTINGS = AccessSettings()


def action_name(service: str, operation: str) -> str:
    """The IAM action of an operation: SQS batches need the single message's permission."""
    prefix = PREFIXES.get(service, service)
    return f"{prefix}:{operation.removesuffix('Batch') if operation in BATCH_ACTIONS else operation}"


def _default_document(policy: Any) -> str:
    document: str = next(version.document for version in policy.versions if version.is_default)
    return document


def _documents(holder: Any) -> list[str]:
    """Inline and attached policy documents of a user, group or role."""
    attached = [_default_document(policy) for policy in holder.managed_policies.values()]
    return [*holder.policies.values(), *attached]


def _role_of(caller: Caller) -> Any | None:
    return next((role for role in iam_backends[caller.account]["aws"].get_roles() if role.arn == caller.role_arn), None)


def identity_documents(caller: Caller) -> list[str]:
    """Every policy that speaks for the caller; none for a role deleted meanwhile."""
    backend = iam_backends[caller.account]["aws"]
    if caller.kind == "IAMUser":
        holders = [backend.get_user(caller.name), *backend.get_groups_for_user(caller.name)]
    else:
        role = _role_of(caller)
        holders = [role] if role is not None else []
    return [document for holder in holders for document in _documents(holder)]


def boundary_document(caller: Caller) -> str | None:
    """The permissions boundary of the caller's role or user; one that names no policy allows nothing."""
    if caller.kind == "AssumedRole":
        holder = _role_of(caller)
    else:
        holder = iam_backends[caller.account]["aws"].users.get(caller.name)
    arn = getattr(holder, "permissions_boundary_arn", None)
    if not arn:
        return None
    policy = iam_backends[caller.account]["aws"].managed_policies.get(arn)
    return _default_document(policy) if policy is not None else json.dumps({"Statement": []})


def is_allowed(caller: Caller, action: str, resource: str, context: Mapping[str, str]) -> bool:
    """No deny, at least one allow, and an allow of the boundary where there is one."""
    if caller.kind == "Root" or action in FREE_ACTIONS:
        return True
    request = AccessRequest(action, resource, account=caller.account, arns=caller.arns, context=context)
    decisions = {evaluate(document, request) for document in identity_documents(caller)}
    boundary = boundary_document(caller)
    within = boundary is None or evaluate(boundary, request) == "allow"
    return within and "allow" in decisions and "deny" not in decisions


def _judge(caller: Caller, action: str, resource: str, context: Mapping[str, str]) -> bool:
    """``is_allowed``, remembered unless it is about root or an action that needs no permission."""
    allowed = is_allowed(caller, action, resource, context)
    if caller.kind != "Root" and action not in FREE_ACTIONS:
        SETTINGS.judgements.append(Judgement(caller.role_arn or caller.arn, action, resource, allowed))
    return allowed


def _check(handler: Any, resource: str = "*") -> None:
    """Stands in for moto's own check, which knows neither conditions nor boundaries nor most resources."""
    scope = credential_scope(handler.headers.get("Authorization", ""))
    if scope is None:
        return
    caller = caller_of(handler.headers)
    if caller.kind != "Root":
        _check_signature(handler, scope[2])
    if not SETTINGS.enforce:
        return
    action = action_name(scope[2], handler._get_action())
    context = {
        "aws:PrincipalArn": caller.role_arn or caller.arn,
        "aws:PrincipalAccount": caller.account,
        "aws:RequestedRegion": handler.region,
        "aws:SecureTransport": "false",
        **request_context(scope[2], handler),
    }
    for each in resources_of(scope[2], handler, resource):
        for needed in actions_of(action, handler):
            if not _judge(caller, needed, each, context):
                raise _denied(scope[2], caller, needed, each)


def _check_s3(handler: Any, bucket_name: str | None = None, key_name: str | None = None) -> None:
    """The same for S3, whose handlers come here by a way of their own. Bucket policies are moto's."""
    scope = credential_scope(handler.headers.get("Authorization", ""))
    caller = caller_of(handler.headers)
    if scope is None or not SETTINGS.enforce:
        return
    action = action_name("s3", s3_action(handler))
    resource = "/".join(part for part in (bucket_name or "*", key_name) if part)
    if not _judge(caller, action, f"arn:aws:s3:::{resource}", {"aws:PrincipalAccount": caller.account}):
        raise S3AccessDeniedError()


def _check_signature(handler: Any, service: str) -> None:
    """A key that IAM or STS made comes with its own secret and token; the keys of root have none to compare with."""
    # The address comes with its query decoded, and the signature is over the encoded one.
    query = urlencode(parse_qsl(urlparse(handler.uri).query, keep_blank_values=True), quote_via=quote, safe="-_.~")
    try:
        IAMRequest(
            account_id=handler.current_account,
            method=handler.method,
            path=handler.raw_path + (f"?{query}" if query else ""),
            data=handler.data if handler.method == "POST" else {},  # else these are parameters of the address
            body=handler.raw_body,
            headers=handler.headers,
            action=handler._get_action(),
        ).check_signature()
    except (InvalidClientTokenIdError, SignatureDoesNotMatchError) as error:
        if service in QUERY_SERVICES:
            raise
        code = "InvalidSignatureException" if isinstance(error, SignatureDoesNotMatchError) else error.error_type
        raise JsonRESTError(code, error.message) from None


def _denied(service: str, caller: Caller, action: str, resource: str) -> Exception:
    detail = f"{action} on resource: {resource}"
    if service in QUERY_SERVICES:
        return AccessDeniedError(user_arn=caller.arn, action=detail)
    code = "AccessDenied" if service == "sqs" else "AccessDeniedException"
    error = JsonRESTError(code, f"User: {caller.arn} is not authorized to perform: {detail}")
    error.code = 403 if service == "sqs" else 400
    return error


def install() -> None:
    ActionAuthenticatorMixin._authenticate_and_authorize_normal_action = _check
    ActionAuthenticatorMixin._authenticate_and_authorize_s3_action = _check_s3
