# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""IAM on moto: the managed policies this project names, boundaries of users, and what IAM refuses."""

from __future__ import annotations

import functools
import json
import re
from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.iam import models, responses, urls
from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.iam.exceptions import DeleteConflictException, MalformedPolicyDocument

from tests.emulators.aws.policy import as_list

MANAGED_POLICIES = ("AmazonSageMakerFullAccess", "AmazonSageMakerReadOnly", "AmazonSQSFullAccess")


@functools.cache
def _managed_policy_data() -> dict[str, Any]:
    """The three policies out of moto's own table of 1,582, parsed once."""
    everything = json.loads(aws_managed_policies_data)
    return {name: everything[name] for name in MANAGED_POLICIES}


def trust_policy_error(text: str) -> str | None:
    """Why IAM refuses ``text`` as a trust policy, or None."""
    try:
        document = json.loads(text)
    except ValueError:
        return "This policy contains invalid Json"
    statements = as_list(document.get("Statement")) if isinstance(document, dict) else []
    if not statements or not all(isinstance(statement, dict) for statement in statements):
        return "Syntax errors in policy."
    for statement in statements:
        problem = _statement_error(statement)
        if problem:
            return problem
    return None


def _statement_error(statement: dict[str, Any]) -> str | None:
    if statement.get("Effect") not in ("Allow", "Deny"):
        return "Syntax errors in policy."
    if "Resource" in statement or "NotResource" in statement:
        return "Has prohibited field Resource"
    if "Principal" not in statement and "NotPrincipal" not in statement:
        return "Missing required field Principal"
    actions = as_list(statement.get("Action"))
    if not actions or not all(str(action).lower().startswith("sts:") for action in actions):
        return "AssumeRole policy may only specify STS AssumeRole actions."
    principal = statement.get("Principal")
    accounts = as_list(principal.get("AWS")) if isinstance(principal, dict) else []
    for entry in accounts:
        if not re.fullmatch(r"\*|\d{12}|arn:[^:]+:(iam|sts)::\d{12}:.+", entry):
            return f'Invalid principal in policy: "AWS":"{entry}"'
    return None


class FaithfulIamBackend(models.IAMBackend):
    """One account of IAM."""

    _url_module = urls

    def _init_aws_policies(self) -> list[models.ManagedPolicy]:
        return [
            models.AWSManagedPolicy.from_data(name, self.account_id, self.region_name, data)
            for name, data in _managed_policy_data().items()
        ]

    def create_role(self, role_name: str, assume_role_policy_document: str, *arguments: Any, **options: Any) -> Any:
        _refuse_malformed(assume_role_policy_document)
        return super().create_role(role_name, assume_role_policy_document, *arguments, **options)

    def update_assume_role_policy(self, role_name: str, policy_document: str) -> None:
        self.get_role(role_name)
        _refuse_malformed(policy_document)
        super().update_assume_role_policy(role_name, policy_document)

    def delete_user(self, user_name: str) -> None:
        if self.list_access_keys(user_name):
            raise DeleteConflictException("Cannot delete entity, must delete access keys first.")
        super().delete_user(user_name)


class FaithfulIamResponse(responses.IamResponse):
    """Handlers of a user's permissions boundary, which moto drops; the ARN that a call is judged by."""

    def _determine_resource(self) -> str:
        """The user or role that a call is about, also one that is yet to be made, or else the policy it reads."""
        holders = {"user": self.backend.users.values(), "role": self.backend.get_roles()}
        for kind, parameter in (("user", "UserName"), ("role", "RoleName")):
            name = self._get_param(parameter)
            if name:
                new = f"arn:aws:iam::{self.current_account}:{kind}{self._get_param('Path') or '/'}{name}"
                return next((str(holder.arn) for holder in holders[kind] if holder.name == name), new)
        return self._get_param("PolicyArn") or "*"

    def _bound(self, arn: str | None) -> None:
        user = self.backend.get_user(self._get_param("UserName"))
        user.permissions_boundary_arn = arn
        boundary = {"PermissionsBoundaryType": "PermissionsBoundaryPolicy", "PermissionsBoundaryArn": arn}
        user.permissions_boundary = boundary if arn else None

    def create_user(self) -> ActionResult:
        result = super().create_user()
        self._bound(self._get_param("PermissionsBoundary"))
        return result

    def put_user_permissions_boundary(self) -> ActionResult:
        self._bound(self._get_param("PermissionsBoundary"))
        return EmptyResult()

    def delete_user_permissions_boundary(self) -> ActionResult:
        self._bound(None)
        return EmptyResult()


def _refuse_malformed(document: str) -> None:
    problem = trust_policy_error(document)
    if problem:
        raise MalformedPolicyDocument(problem)


def install() -> None:
    models.iam_backends.backend = FaithfulIamBackend
    for path in urls.url_paths:
        urls.url_paths[path] = FaithfulIamResponse.dispatch
