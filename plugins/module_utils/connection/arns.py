# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the ARNs and queue addresses that a connection holds."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from .errors import InvalidConnectionError

ACCOUNT_ID = re.compile(r"[0-9]{12}")
REGION_FORM = re.compile(r"[a-z]{2,}(?:-[a-z]+)+-[0-9]+")
_ROLE = re.compile(r"arn:(aws[a-z-]*):iam::([0-9]{12}):role/((?:[!-~]+/)?)([\w+=,.@-]{1,64})", re.ASCII)
_PROFILE = re.compile(
    r"arn:(aws[a-z-]*):sagemaker:([a-z0-9-]+):([0-9]{12}):user-profile/([a-z0-9](?:-*[a-z0-9]){0,62})/"
    r"([a-zA-Z0-9](?:-*[a-zA-Z0-9]){0,62})"
)
_QUEUE_PATH = re.compile(r"/(?:queue/)?([0-9]{12})/([A-Za-z0-9_-]{1,80}(?:\.fifo)?)")
_QUEUE_HOSTS = (
    re.compile(r"(?:vpce-[^.]+\.)?sqs(?:-fips)?\.([a-z0-9-]+)\.(?:vpce\.)?(?:amazonaws\.com(?:\.cn)?|api\.aws)"),
    re.compile(r"([a-z0-9-]+)\.queue\.amazonaws\.com(?:\.cn)?"),
)


@dataclass(frozen=True, slots=True)
class RoleArn:
    """An IAM role; ``path`` is without the leading slash, and with the trailing one where it is not empty."""

    partition: str
    account_id: str
    path: str
    name: str


@dataclass(frozen=True, slots=True)
class UserProfileArn:
    """A SageMaker user profile."""

    partition: str
    region: str
    account_id: str
    domain_id: str
    name: str


@dataclass(frozen=True, slots=True)
class QueueUrl:
    """An SQS queue; the region is None where the host does not tell (an endpoint of one's own)."""

    account_id: str
    name: str
    region: str | None

    @property
    def is_fifo(self) -> bool:
        """Whether the name says that this is a FIFO queue; SQS enforces the suffix."""
        return self.name.endswith(".fifo")


def parse_role_arn(arn: str) -> RoleArn:
    """Return a role ARN's parts. Raises InvalidConnectionError."""
    match = _ROLE.fullmatch(arn)
    if not match:
        raise InvalidConnectionError(f'"{arn}" is not the ARN of a role: it reads arn:aws:iam::ACCOUNT:role/NAME.')
    return RoleArn(*match.groups())


def parse_user_profile_arn(arn: str) -> UserProfileArn:
    """Return a user profile ARN's parts. Raises InvalidConnectionError."""
    match = _PROFILE.fullmatch(arn)
    if not match:
        raise InvalidConnectionError(
            f'"{arn}" is not the ARN of a SageMaker user profile: it reads '
            "arn:aws:sagemaker:REGION:ACCOUNT:user-profile/DOMAIN/NAME."
        )
    return UserProfileArn(*match.groups())


def parse_queue_url(url: str) -> QueueUrl:
    """Return a queue URL's parts. Raises InvalidConnectionError."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        parts, host = urlsplit(""), ""
    path = _QUEUE_PATH.fullmatch(parts.path)
    if parts.scheme not in ("http", "https") or not host or not path or parts.query or parts.username is not None:
        raise InvalidConnectionError(
            f'"{url}" is not the URL of a queue: it reads https://sqs.REGION.amazonaws.com/ACCOUNT/NAME.fifo.'
        )
    matches = (pattern.fullmatch(host) for pattern in _QUEUE_HOSTS)
    return QueueUrl(path[1], path[2], next((match[1] for match in matches if match), None))
