# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The two kinds of store behind one door, and single secrets of Secrets Manager."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from .aws_session import own_client
from .errors import ConnectionStoreError
from .model import Connection
from .secrets_store import DEFAULT_PREFIX, SecretsStore, secret_text
from .store import DEFAULT_DIRECTORY, DirectoryStore, Loaded

StoreKind: TypeAlias = Literal["directory", "secretsmanager"]


class ConnectionStore(Protocol):
    """What both stores do; see DirectoryStore for what each method means."""

    @property
    def place(self) -> str:
        """Where the connections are, for messages."""

    def names(self) -> tuple[str, ...]:
        """Return the names of the connections, sorted."""

    def revisions(self) -> Mapping[str, str]:
        """Return, for each name, something that is another one whenever the connection has been written."""

    def load(self, name: str) -> Connection:
        """Return a connection."""

    def find(self, name: str) -> Connection | None:
        """Return a connection, or None if there is none."""

    def load_all(self) -> Loaded:
        """Return all connections, and what is wrong with those that cannot be used."""

    def save(self, connection: Connection) -> None:
        """Write a connection. May raise EditConflictError where somebody else has changed it since it was read."""

    def update(self, name: str, change: Callable[[Connection], Connection]) -> Connection:
        """Change a connection with no other change lost."""

    def remove(self, name: str) -> bool:
        """Remove a connection; return whether there was one."""

    def is_private(self, name: str) -> bool:
        """Return whether only its owner can read a connection."""

    def edited(self, timeout: float | None = 60.0) -> AbstractContextManager[None]:
        """Keep other editors out, where the store can."""

    def close(self) -> None:
        """Give back sockets, where it has any; it is not used afterwards."""


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """Which store, and where. ``region`` None is that of the process; ``kms_key_id`` encrypts new secrets."""

    kind: StoreKind = "directory"
    directory: str = DEFAULT_DIRECTORY
    prefix: str = DEFAULT_PREFIX
    region: str | None = None
    kms_key_id: str | None = None


def open_store(settings: StoreSettings) -> ConnectionStore:
    """Return the store; Secrets Manager is reached with the AWS credentials of the process.

    Raises ConnectionStoreError for a kind that does not exist, AwsSessionError without boto3 or region.
    """
    if settings.kind == "directory":
        return DirectoryStore(settings.directory)
    if settings.kind == "secretsmanager":
        client = own_client("secretsmanager", settings.region)
        return SecretsStore(client, settings.prefix, kms_key_id=settings.kms_key_id)
    raise ConnectionStoreError(f'There is no store "{settings.kind}": there are directory and secretsmanager.')


def read_secret(secret_id: str) -> str:
    """Return the text of a secret in AWS Secrets Manager, with the AWS credentials of the process (1 call).

    An ARN is read in the region that it names, a name in that of the process. Raises ConnectionStoreError and
    AwsSessionError.
    """
    parts = secret_id.split(":")
    region = parts[3] if secret_id.startswith("arn:") and len(parts) > 3 else None
    return secret_text(own_client("secretsmanager", region or None), secret_id)
