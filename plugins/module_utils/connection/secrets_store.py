# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections in AWS Secrets Manager: one secret each, its text the very document that a directory's file has.

Nothing there can be locked, so every write is a compare-and-swap: the new version is put under a staging label of ours,
and AWSCURRENT is moved to it *from the version that was read*. The service refuses that when somebody else has moved it
meanwhile (API reference of UpdateSecretVersionStage, RemoveFromVersionId), and the writer reads and decides anew.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from .errors import (
    BrokenConnectionError,
    ConnectionStoreError,
    EditConflictError,
    InvalidConnectionError,
    NoSuchConnectionError,
)
from .model import NAME_FORM, Connection
from .serialization import dumps, loads
from .store import Loaded

try:
    import botocore.exceptions
    import botocore.parsers
except ImportError:
    HAS_BOTOCORE = False
else:
    HAS_BOTOCORE = True

DEFAULT_PREFIX = "wxgov-sagemaker/connections/"
CURRENT, NEXT = "AWSCURRENT", "WXGOVNEXT"
RECOVERY_DAYS = 7
"""The shortest time that Secrets Manager keeps a removed secret for; 0 removes it at once."""
EDIT_ATTEMPTS = 10


class SecretsStore:
    """Connections as secrets named prefix + name. One instance is for one thread; the client may be shared.

    Calls: names and revisions 1 for every 100 secrets, load 1, load_all names + 1 each, save 2 (a new one 1), remove 2.
    """

    def __init__(
        self,
        client: Any,
        prefix: str = DEFAULT_PREFIX,
        *,
        kms_key_id: str | None = None,
        recovery_days: int = RECOVERY_DAYS,
    ) -> None:
        if not HAS_BOTOCORE:
            raise ConnectionStoreError('The Python package "boto3" is missing on this host: install it to reach AWS.')
        self._client = client
        self.prefix = prefix
        self._kms_key_id = kms_key_id
        self._recovery_days = recovery_days
        self._versions: dict[str, str] = {}

    @property
    def place(self) -> str:
        """Where the connections are, for messages."""
        return f"Secrets Manager ({self.prefix}*)"

    def names(self) -> tuple[str, ...]:
        """Return the names of the connections, sorted. Raises ConnectionStoreError."""
        return tuple(sorted(self.revisions()))

    def revisions(self) -> Mapping[str, str]:
        """Return, for each name, the id of its current version. Raises ConnectionStoreError."""
        filters = [{"Key": "name", "Values": [self.prefix]}] if self.prefix else []
        found: dict[str, str] = {}
        with _told("list the secrets", "ListSecrets", self.place):
            for page in self._client.get_paginator("list_secrets").paginate(Filters=filters):
                for secret in _expect(page, "SecretList", "ListSecrets"):
                    name = str(secret["Name"])
                    if name.startswith(self.prefix) and NAME_FORM.fullmatch(name.removeprefix(self.prefix)):
                        stages = secret.get("SecretVersionsToStages") or {}
                        current = sorted(version for version, labels in stages.items() if CURRENT in labels)
                        found[name.removeprefix(self.prefix)] = " ".join(current)
        return found

    def load(self, name: str) -> Connection:
        """Return a connection. Raises NoSuchConnectionError, BrokenConnectionError, InvalidConnectionError (name)."""
        secret_id = self._secret_id(name)
        self._versions.pop(name, None)
        answer = self._read(name, secret_id)
        self._versions[name] = str(_expect(answer, "VersionId", "GetSecretValue"))
        try:
            connection = loads(str(answer.get("SecretString") or ""))
        except BrokenConnectionError as error:
            raise BrokenConnectionError(f"The secret {secret_id} cannot be used: {error}.") from None
        if connection.name != name:
            raise BrokenConnectionError(
                f"The secret {secret_id} cannot be used: it holds a connection of another name."
            )
        return connection

    def find(self, name: str) -> Connection | None:
        """Return a connection, or None if there is none; raises the other errors of load."""
        try:
            return self.load(name)
        except NoSuchConnectionError:
            return None

    def load_all(self) -> Loaded:
        """Return all connections; a secret that cannot be used, or not be read with our rights, hides no other.

        Raises ConnectionStoreError where Secrets Manager cannot be asked, or its answer was cut off.
        """
        connections: list[Connection] = []
        problems: dict[str, str] = {}
        for name in self.names():
            try:
                connections.append(self.load(name))
            except NoSuchConnectionError:
                continue
            except BrokenConnectionError as error:
                problems[name] = str(error)
            except _RefusedError as refusal:
                if not refusal.is_of_one_secret:
                    raise
                problems[name] = str(refusal)
        return Loaded(tuple(connections), problems)

    def save(self, connection: Connection) -> None:
        """Write a connection over the version that this store last read; one that it never read is made.

        Raises EditConflictError where somebody else was faster, else ConnectionStoreError.
        """
        name = connection.name
        secret_id = self._secret_id(name)
        read = self._versions.get(name)
        if read is None and not self._create(name, secret_id, dumps(connection)):
            read = self._restored(secret_id)
        if read is not None:
            self._versions[name] = self._swap(secret_id, read, dumps(connection))

    def update(self, name: str, change: Callable[[Connection], Connection]) -> Connection:
        """Change a connection with no other change lost; ``change`` may be called several times.

        Raises what load and save raise.
        """
        for _attempt in range(EDIT_ATTEMPTS):
            changed = change(self.load(name))
            try:
                self.save(changed)
            except EditConflictError:
                continue
            return changed
        raise EditConflictError(f"{self._secret_id(name)} is changed by others all the time: try again later.")

    def remove(self, name: str) -> bool:
        """Remove a connection; return whether there was one. Raises ConnectionStoreError."""
        secret_id = self._secret_id(name)
        self._versions.pop(name, None)
        days = self._recovery_days
        window: dict[str, Any] = {"RecoveryWindowInDays": days} if days else {"ForceDeleteWithoutRecovery": True}
        try:
            if self._describe(secret_id).get("DeletedDate"):
                return False
            with _told("remove", "DeleteSecret", secret_id):
                self._client.delete_secret(SecretId=secret_id, **window)
        except NoSuchConnectionError:
            return False
        return True

    def is_private(self, name: str) -> bool:
        """Return True: who may read a secret is for IAM to say."""
        self._secret_id(name)
        return True

    @contextmanager
    def edited(self, timeout: float | None = None) -> Iterator[None]:
        """Stand for the directory's lock: here it is save that notices other editors."""
        yield

    def close(self) -> None:
        """Close the client's sockets; the store is not used afterwards."""
        self._client.close()

    def _read(self, name: str, secret_id: str) -> dict[str, Any]:
        try:
            with _told("read", "GetSecretValue", secret_id):
                answer: dict[str, Any] = self._client.get_secret_value(SecretId=secret_id, VersionStage=CURRENT)
        except _RefusedError as refusal:
            # The second code is what a secret that is being deleted answers with.
            if refusal.code in ("ResourceNotFoundException", "InvalidRequestException"):
                raise NoSuchConnectionError(f'There is no connection "{name}" in {self.place}.') from None
            raise
        return answer

    def _create(self, name: str, secret_id: str, text: str) -> bool:
        """Make the secret; return False where there is one of that name, be it one that is being deleted."""
        more = {"KmsKeyId": self._kms_key_id} if self._kms_key_id else {}
        try:
            with _told("make", "CreateSecret", secret_id):
                answer = self._client.create_secret(
                    Name=secret_id,
                    Description="A connection of wxgov.sagemaker",
                    SecretString=text,
                    ClientRequestToken=str(uuid.uuid4()),
                    **more,
                )
        except _RefusedError as refusal:
            if refusal.code in ("ResourceExistsException", "InvalidRequestException"):
                return False
            raise
        self._versions[name] = str(_expect(answer, "VersionId", "CreateSecret"))
        return True

    def _restored(self, secret_id: str) -> str:
        """Take a secret back that is being deleted; return its version. Raises EditConflictError for any other."""
        found = self._describe(secret_id)
        version = self._current(found)
        if not found.get("DeletedDate") or version is None:
            raise EditConflictError(f"{secret_id} was made by somebody else just now.")
        with _told("take back", "RestoreSecret", secret_id):
            self._client.restore_secret(SecretId=secret_id)
        return version

    def _swap(self, secret_id: str, read: str, text: str) -> str:
        """Put a new version and make it the current one in place of the one that was read; return its id."""
        with _told("write", "PutSecretValue", secret_id):
            token = str(uuid.uuid4())
            answer = self._client.put_secret_value(
                SecretId=secret_id, SecretString=text, ClientRequestToken=token, VersionStages=[NEXT]
            )
        version = str(_expect(answer, "VersionId", "PutSecretValue"))
        try:
            with _told("write", "UpdateSecretVersionStage", secret_id):
                self._client.update_secret_version_stage(
                    SecretId=secret_id, VersionStage=CURRENT, RemoveFromVersionId=read, MoveToVersionId=version
                )
        except _RefusedError:
            # Also what a repeated call gets whose first answer was lost: then the version is ours already.
            current = self._current(self._describe(secret_id))
            if current == read:
                raise
            if current != version:
                raise EditConflictError(f"{secret_id} was changed by somebody else meanwhile.") from None
        return version

    def _describe(self, secret_id: str) -> dict[str, Any]:
        try:
            with _told("describe", "DescribeSecret", secret_id):
                found: dict[str, Any] = self._client.describe_secret(SecretId=secret_id)
        except _RefusedError as refusal:
            if refusal.code == "ResourceNotFoundException":
                raise NoSuchConnectionError(f"There is no secret {secret_id}.") from None
            raise
        return found

    @staticmethod
    def _current(described: dict[str, Any]) -> str | None:
        stages: dict[str, list[str]] = described.get("VersionIdsToStages") or {}
        return next((version for version, labels in stages.items() if CURRENT in labels), None)

    def _secret_id(self, name: str) -> str:
        if not NAME_FORM.fullmatch(name):
            raise InvalidConnectionError(
                f"{name!r} cannot be a connection's name: use up to 63 of a-z, 0-9 and -, not starting with -."
            )
        return f"{self.prefix}{name}"


def secret_text(client: Any, secret_id: str) -> str:
    """Return the text of any secret, by name or ARN (1 call). Raises ConnectionStoreError."""
    with _told("read", "GetSecretValue", secret_id):
        answer: dict[str, Any] = client.get_secret_value(SecretId=secret_id, VersionStage=CURRENT)
    _expect(answer, "VersionId", "GetSecretValue")
    text = answer.get("SecretString")
    if not isinstance(text, str):
        raise ConnectionStoreError(f"The secret {secret_id} holds bytes and no text: store it as text.")
    return text


class _RefusedError(ConnectionStoreError):
    """A call that the service refused, with its error code."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code

    @property
    def is_of_one_secret(self) -> bool:
        """Whether others may be readable all the same: policies and KMS keys are the single secret's.

        Source: API reference of GetSecretValue (DecryptionFailure) and its common errors (AccessDeniedException).
        """
        return self.code.startswith("AccessDenied") or self.code == "DecryptionFailure"


@contextmanager
def _told(verb: str, action: str, what: str) -> Iterator[None]:
    """Say in one sentence what could not be done, and with which right it could."""
    try:
        yield
    except botocore.exceptions.ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        needed = f": secretsmanager:{action} is needed" if code.startswith("AccessDenied") else ""
        raise _RefusedError(f"Secrets Manager refused to {verb} {what} ({code}){needed}.", code) from None
    except botocore.parsers.ResponseParserError:
        raise ConnectionStoreError(
            f"Secrets Manager gave no readable answer to the request to {verb} {what}."
        ) from None
    except botocore.exceptions.BotoCoreError as error:
        raise ConnectionStoreError(f"Secrets Manager cannot be asked to {verb} {what}: {error}") from None


def _expect(answer: dict[str, Any], key: str, operation: str) -> Any:
    """A 200 whose body was cut off becomes an empty answer in botocore: that is an error, never "nothing there"."""
    if key not in answer:
        raise ConnectionStoreError(f"The answer of Secrets Manager to {operation} has no {key}: it was cut off.")
    return answer[key]
