# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections in AWS Secrets Manager: one secret each, its text the very document that a directory's file has.

Nothing there can be locked, so every write is a compare-and-swap: the new version is put under a staging label of ours,
and AWSCURRENT is moved to it *from the version that was read*. The service refuses that when somebody else has moved it
meanwhile (API reference of UpdateSecretVersionStage, RemoveFromVersionId), and the writer reads and decides anew.

That keeps apart the writers of one connection. Writers of two that are to have one business entity or account are told
apart by the secret of claims (claims.py), swapped in the same way: a connection is written first and claimed then, and
a claim counts for as long as its holder's connection says the same. Whoever finds a claim that counts takes back what
he wrote. Of two, the one who claims second finds the other's claim, and what it rests on was written before it.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from . import claims
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
CLAIMS_NAME = ".claims"
"""The name of the secret of claims after the prefix; no connection can be called so."""


class SecretsStore:
    """Connections as secrets named prefix + name. One instance is for one thread; the client may be shared.

    Calls: names and revisions 1 for every 100 secrets, load 1, load_all names + 1 each, save 2 (a new one 1) and 3 more
    where business entity or account are new to the connection, remove 2.
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
        self._kept: dict[str, frozenset[str]] = {}  # what the versions above claim

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
        self._kept[name] = claims.keys_of(connection)
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

        Raises EditConflictError where somebody else was faster, InvalidConnectionError where another connection was
        given the same business entity or account meanwhile, else ConnectionStoreError. What was there before is there
        again then.
        """
        name, claimed = connection.name, claims.keys_of(connection)
        before = self._versions.get(name)
        self._versions[name] = self._written(self._secret_id(name), before, dumps(connection))
        if before is None or claimed != self._kept.get(name):
            try:
                self._claim(connection)
            except ConnectionStoreError as reason:
                self._take_back(name, before, reason)
                raise
        self._kept[name] = claimed

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

    def _written(self, secret_id: str, read: str | None, text: str) -> str:
        """Write a secret over the version that was read (None: there was none) and return the id of the new version."""
        if read is None:
            made = self._create(secret_id, text)
            if made is not None:
                return made
            read = self._restored(secret_id)
        return self._swap(secret_id, read, text)

    def _take_back(self, name: str, before: str | None, reason: ConnectionStoreError) -> None:
        """Make the version that was read the current one again; remove what was not there before."""
        secret_id, written = self._secret_id(name), self._versions.pop(name)
        try:
            if before is None:
                self.remove(name)
            else:
                self._move(secret_id, written, before)
        except ConnectionStoreError as failure:
            raise ConnectionStoreError(f"{reason} It stands in {secret_id} all the same: {failure}") from None

    def _claim(self, connection: Connection) -> None:
        """Enter what is to be this connection's alone. Raises InvalidConnectionError where another has it.

        The document is swapped also where it says so already, from an earlier life of the connection: somebody else may
        have seen that as no longer true just before the connection was written.
        """
        secret_id = f"{self.prefix}{CLAIMS_NAME}"
        for _attempt in range(EDIT_ATTEMPTS):
            read, holders = self._claims(secret_id)
            for claim in claims.claims_of(connection):
                holder = holders.get(claim.key, connection.name)
                if holder != connection.name and self._has(holder, claim):
                    raise InvalidConnectionError(
                        f'{claim.what} belongs to the connection "{holder}" already: each connection needs one of '
                        "its own."
                    )
            if self._entered(secret_id, read, claims.dumps(claims.entered(holders, connection))):
                return
        raise EditConflictError(f"{secret_id} is changed by others all the time: try again later.")

    def _entered(self, secret_id: str, read: str | None, text: str) -> bool:
        """Write the secret of claims over the version that was read; return False where it has to be read anew."""
        try:
            if read is not None:
                self._swap(secret_id, read, text)
                return True
            if self._create(secret_id, text) is not None:
                return True
            self._restored(secret_id)  # somebody removed it; what it holds may still count
        except EditConflictError:
            pass
        return False

    def _claims(self, secret_id: str) -> tuple[str | None, dict[str, str]]:
        """Return version and holders of the secret of claims; None and no holders where there is none yet."""
        try:
            answer = self._read(CLAIMS_NAME, secret_id)
        except NoSuchConnectionError:
            return None, {}
        try:
            holders = claims.loads(str(answer.get("SecretString") or ""))
        except BrokenConnectionError as error:
            raise BrokenConnectionError(f"The secret {secret_id} cannot be used: {error}.") from None
        return str(_expect(answer, "VersionId", "GetSecretValue")), holders

    def _has(self, holder: str, claim: claims.Claim) -> bool:
        """Whether a holder's connection is there and has what was claimed; one that cannot be read may have it."""
        try:
            answer = self._read(holder, self._secret_id(holder))
            return claim.key in claims.keys_of(loads(str(answer.get("SecretString") or "")))
        except (NoSuchConnectionError, InvalidConnectionError):
            return False
        except BrokenConnectionError:
            return True

    def _create(self, secret_id: str, text: str) -> str | None:
        """Make the secret and return its version; None where there is one of that name, be it one being deleted."""
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
                return None
            raise
        return str(_expect(answer, "VersionId", "CreateSecret"))

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
        self._move(secret_id, read, version)
        return version

    def _move(self, secret_id: str, read: str, version: str) -> None:
        """Make a version the current one in place of the one that was read. Raises EditConflictError."""
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
