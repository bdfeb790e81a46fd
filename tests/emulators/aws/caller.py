# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who calls: the principal behind an access key id.

A key id of exactly 12 digits is the root of that account, whatever the secret. Keys made by IAM or STS belong to their
user or assumed role. Any other key acts as root of moto's default account.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from moto.core import DEFAULT_ACCOUNT_ID
from moto.iam.models import iam_backends
from moto.sts.models import sts_backends

Kind = Literal["Root", "IAMUser", "AssumedRole"]


@dataclass(frozen=True, slots=True)
class Caller:
    """One principal. ``arns`` lists every ARN a policy may name it by."""

    kind: Kind
    account: str
    arn: str
    principal_id: str
    access_key: str
    name: str = ""
    role_arn: str | None = None
    session_started: Any = None

    @property
    def arns(self) -> tuple[str, ...]:
        return (self.arn, self.role_arn) if self.role_arn else (self.arn,)


def is_account_id(text: str) -> bool:
    return re.fullmatch(r"\d{12}", text) is not None


def root_of(account: str, access_key: str) -> Caller:
    return Caller("Root", account, f"arn:aws:iam::{account}:root", account, access_key)


def credential_scope(authorization: str) -> tuple[str, str, str] | None:
    """(access key id, region, service) out of a SigV4 Authorization header; None when there is none."""
    _unused, _unused, rest = authorization.partition("Credential=")
    parts = rest.split(",")[0].split("/")
    return (parts[0], parts[-3], parts[-2]) if len(parts) >= 5 else None


def caller_of(headers: Mapping[str, str]) -> Caller:
    """The principal who signed a request. moto itself only recognises key ids of 20 characters."""
    scope = credential_scope(headers.get("Authorization", ""))
    return identify(scope[0] if scope else "")


def identify(access_key: str) -> Caller:
    """The principal of an access key id."""
    if is_account_id(access_key):
        return root_of(access_key, access_key)
    for account, partitions in list(iam_backends.items()):
        backend = partitions["aws"]
        key = backend.access_keys.get(access_key)
        if key is None:
            continue
        if key.role_arn:
            return _assumed_role(account, access_key)
        user = backend.users.get(key.user_name)
        if user is not None:
            return Caller("IAMUser", account, user.arn, user.id, access_key, name=user.name)
    return root_of(DEFAULT_ACCOUNT_ID, access_key)


def assumed_session(access_key: str) -> Any | None:
    """moto's AssumedRole of a temporary key id, or None."""
    for partitions in list(sts_backends.values()):
        session = partitions["aws"].get_assumed_role_from_access_key(access_key)
        if session is not None:
            return session
    return None


def is_revoked(access_key: str) -> bool:
    """Whether a key id looks as IAM and STS make them, but belongs to nobody or was made inactive."""
    if not re.fullmatch(r"(AKIA|ASIA|LSIA)[A-Z0-9]{16}", access_key):
        return False
    for partitions in list(iam_backends.values()):
        key = partitions["aws"].access_keys.get(access_key)
        if key is not None:
            return bool(key.status == "Inactive")
    return True


def _assumed_role(account: str, access_key: str) -> Caller:
    session = assumed_session(access_key)
    if session is None:
        return root_of(account, access_key)
    return Caller(
        "AssumedRole",
        account,
        session.arn,
        session.user_id,
        access_key,
        name=session.session_name,
        role_arn=session.role_arn,
        session_started=session.access_key.create_date,
    )
