# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Access keys of IAM users: read them, make them what they should be, hand a new secret over.

`ensure_access_key` is what modules call; it needs clients and no Ansible module, so that one process can do many
accounts.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from .access_key_plan import (
    MADE_LATER,
    AccessKeyState,
    DesiredAccessKey,
    KeyState,
    SecretState,
    access_key_of,
    forgotten_keys,
    iso,
    key_in_use,
    plan_access_key,
    version_of,
)
from .client import ServiceClient
from .errors import AwsError
from .patience import Patience
from .plan import Operation, Outcome, Plan, converge

_ABSENT = ("NoSuchEntity", "NoSuchEntityException")
_NO_SECRET = ("ResourceNotFoundException",)
_NOT_YET = frozenset(("InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch"))
_MARKER = ("Marker", "Marker")


@dataclass(frozen=True, slots=True)
class NewAccessKey:
    """A key that was just made: the only moment its secret can be had."""

    access_key_id: str
    secret_access_key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class KeyServices:
    """What access keys need: IAM, Secrets Manager where a secret is named, and STS with the key that was made."""

    iam: ServiceClient
    secrets: ServiceClient | None
    sts_with: Callable[[NewAccessKey], ServiceClient]


def read_keys(iam: ServiceClient, user_name: str) -> tuple[KeyState, ...] | None:
    """The keys of a user, the oldest first; None where there is no such user. One call."""
    try:
        found = iam.pages("list_access_keys", user_name, "AccessKeyMetadata", _MARKER, UserName=user_name)
    except AwsError as error:
        if error.code in _ABSENT:
            return None
        raise
    keys = [KeyState(entry["AccessKeyId"], entry["Status"], iso(entry["CreateDate"])) for entry in found]
    return tuple(sorted(keys, key=lambda key: (key.created, key.access_key_id)))


def read_secret(secrets: ServiceClient, name: str) -> SecretState | None:
    """The secret of this name without its value; one call."""
    answer = secrets.find("describe_secret", name, _NO_SECRET, SecretId=name)
    if answer is None:
        return None
    return SecretState(
        name=secrets.required(answer, "Name", "describe_secret", name),
        arn=secrets.required(answer, "ARN", "describe_secret", name),
        access_key_id=access_key_of(answer.get("VersionIdsToStages") or {}),
        scheduled_for_deletion=answer.get("DeletedDate") is not None,
    )


def ensure_access_key(
    services: KeyServices,
    desired: DesiredAccessKey,
    *,
    check_mode: bool,
    patience: Patience,
    now: datetime,
    secret_kms_key_id: str | None = None,
    hand_over: Callable[[NewAccessKey], None],
) -> Outcome[AccessKeyState]:
    """Make the keys what they should be and read them back; in check mode only say what would be done.

    `hand_over` gets a new key whose secret is not stored in Secrets Manager. A new key whose secret could be neither
    stored nor handed over is deleted again, for nobody could ever use it.
    """
    writer = _Writer(services, desired, patience, now, secret_kms_key_id)
    keys = read_keys(services.iam, desired.user_name)
    plan = plan_access_key(desired, writer.state_of(keys or ()), now)
    missing = keys is None and desired.state != "absent"
    warnings: tuple[str, ...] = ()
    if missing:
        text = f"There is no IAM user {desired.user_name!r}"
        if not check_mode:
            raise AwsError(f"{text}; make the user first, for a key belongs to one.", code="NoSuchEntity")
        warnings = (f"{text} yet; its key is shown as if there were.",)
    for key in forgotten_keys(desired, plan):
        text = f"{desired.user_name} has the active access key {key} beside the new one"
        warnings = (*warnings, f"{text}; where nobody uses it, turn it off with other_keys: inactive.")
    try:
        outcome = converge(plan, check_mode=check_mode, apply=writer.apply, read_back=writer.read_back)
    except AwsError as error:
        raise writer.undone(error) from error
    if writer.new is not None and not writer.stored:
        hand_over(writer.new)
    return replace(outcome, warnings=(*warnings, *outcome.warnings))


@dataclass(slots=True)
class _Writer:
    """Carries out the operations on one user's keys; knows the key it made."""

    services: KeyServices
    desired: DesiredAccessKey
    patience: Patience
    now: datetime
    kms_key_id: str | None
    new: NewAccessKey | None = None
    stored: bool = False
    refused: str = ""

    def state_of(self, keys: tuple[KeyState, ...]) -> AccessKeyState | None:
        """These keys with the secret, if one is named."""
        name = self.desired.secret_name
        secret = read_secret(self.services.secrets, name) if name and self.services.secrets else None
        if self.desired.state == "absent" and secret and secret.scheduled_for_deletion:
            secret = None
        if not keys and secret is None:
            return None
        in_use = self.new.access_key_id if self.new else key_in_use(self.desired, keys, secret)
        return AccessKeyState(self.desired.user_name, keys, secret, in_use)

    def apply(self, operation: Operation) -> None:
        """One AWS call an operation; a new key is then tried until AWS accepts it."""
        iam, user = self.services.iam, self.desired.user_name
        if operation.name == "create_access_key":
            self._create()
        elif operation.name == "delete_access_key":
            self._delete(operation.before["access_key_id"])
        elif operation.name in ("activate_access_key", "deactivate_access_key"):
            key = operation.after["access_key_id"]
            iam.call(
                "update_access_key",
                f"{user}: {key}",
                UserName=user,
                AccessKeyId=key,
                Status=operation.after["status"],
            )
        else:
            self._write_secret(operation)

    def _create(self) -> None:
        iam, user = self.services.iam, self.desired.user_name
        answer = iam.call("create_access_key", user, UserName=user)
        key = iam.required(answer, "AccessKey", "create_access_key", user)
        self.new = NewAccessKey(key["AccessKeyId"], key["SecretAccessKey"])
        if self.patience.timeout:
            self._await(self.new)

    def _await(self, new: NewAccessKey) -> None:
        """IAM may need seconds until a new key works everywhere."""
        sts = self.services.sts_with(new)

        def ask() -> str:
            try:
                sts.call("get_caller_identity", new.access_key_id)
            except AwsError as error:
                if error.code not in _NOT_YET:
                    raise
                return str(error)
            return ""

        self.refused, _works = self.patience.until(ask, lambda problem: not problem)

    def _delete(self, access_key_id: str) -> None:
        user = self.desired.user_name
        resource = f"{user}: {access_key_id}"
        self.services.iam.find("delete_access_key", resource, _ABSENT, UserName=user, AccessKeyId=access_key_id)

    def _write_secret(self, operation: Operation) -> None:
        secrets, name = self.services.secrets, self.desired.secret_name
        if secrets is None or name is None:
            raise AwsError(f"There is no Secrets Manager client for {operation.name}.")
        if operation.name == "delete_secret":
            secrets.find("delete_secret", name, _NO_SECRET, SecretId=name)
        elif operation.name == "restore_secret":
            secrets.call("restore_secret", name, SecretId=name)
        elif self.new is not None:
            self._store(secrets, name, self.new, new_secret=operation.name == "create_secret")

    def _store(self, secrets: ServiceClient, name: str, new: NewAccessKey, *, new_secret: bool) -> None:
        value = {
            "user_name": self.desired.user_name,
            "access_key_id": new.access_key_id,
            "secret_access_key": new.secret_access_key,
        }
        content: dict[str, Any] = {
            "SecretString": json.dumps(value),
            "ClientRequestToken": version_of(new.access_key_id),
        }
        if new_secret:
            more = {"KmsKeyId": self.kms_key_id} if self.kms_key_id else {}
            secrets.call("create_secret", name, Name=name, **content, **more)
        else:
            secrets.call("put_secret_value", name, SecretId=name, **content)
        self.stored = True

    def undone(self, error: AwsError) -> AwsError:
        """What went wrong, after the key whose secret would be lost is deleted."""
        if self.new is None or self.stored:
            return error
        key = self.new.access_key_id
        try:
            self._delete(key)
        except AwsError as second:
            return AwsError(
                f"{error} The new access key {key} could not be deleted again, do so by hand: {second}",
                code=error.code,
                details=error.details,
            )
        return AwsError(f"{error} The new access key {key} was deleted again.", code=error.code, details=error.details)

    def read_back(self, plan: Plan[AccessKeyState]) -> tuple[AccessKeyState | None, tuple[str, ...]]:
        """Read until AWS shows the keys as they were left.

        A key that was neither there before nor is the new one was made by a call whose answer got lost and that was
        made again; it is named and not deleted, for another program may have made it.
        """
        before = {key.access_key_id for key in plan.before.keys} if plan.before else set()
        known = before | ({self.new.access_key_id} if self.new else set())
        wanted = _shape(plan.after, self.new)

        def read() -> AccessKeyState | None:
            return self.state_of(read_keys(self.services.iam, self.desired.user_name) or ())

        def good(state: AccessKeyState | None) -> bool:
            keys, held = _shape(state, None)
            return (frozenset(key for key in keys if key[0] in known), held) == wanted

        state, settled = self.patience.until(read, good)
        user = self.desired.user_name
        warnings = (f"AWS does not accept the new key yet: {self.refused}",) if self.refused else ()
        if not settled:
            warnings = (*warnings, f"AWS took the changes of {user}'s access keys but does not show them yet.")
        strays = sorted(key.access_key_id for key in state.keys if key.access_key_id not in known) if state else []
        if strays:
            listed = ", ".join(strays)
            text = f"{user} now also has the access key {listed}; unless another program made it, nobody has its secret"
            warnings = (*warnings, f"{text}, so delete it with state: absent.")
        return state, warnings


def _shape(state: AccessKeyState | None, new: NewAccessKey | None) -> tuple[frozenset[tuple[str, str]], str | None]:
    """What the state must show: keys with their status, and the key that the secret holds."""

    def real(access_key_id: str) -> str:
        return new.access_key_id if new and access_key_id == MADE_LATER else access_key_id

    if state is None:
        return frozenset(), None
    secret = state.secret if state.secret and not state.secret.scheduled_for_deletion else None
    held = secret.access_key_id if secret else None
    return frozenset((real(key.access_key_id), key.status) for key in state.keys), real(held) if held else None
