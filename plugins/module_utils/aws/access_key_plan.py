# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the access keys of an IAM user should be, what they are, and the way between: pure functions.

A rotation is four runs, each idempotent, so that it may be cut off anywhere: `rotated` makes the new key beside the old
one; `present` with the new key and the others inactive, once the new one is known to work; later `present` with the
others absent. A key that is active is never deleted because another is there: it must be inactive first, which can be
taken back.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import Any

from .errors import InputError
from .plan import Operation, Plan, make_plan

ACTIVE = "Active"
INACTIVE = "Inactive"
MOST_KEYS = 2
"""IAM's quota of access keys a user; it cannot be raised."""
MADE_LATER = "made-by-this-run"
"""Stands for the id of a key that is yet to be made."""

_USER = re.compile(r"[\w+=,.@-]{1,64}", re.ASCII)
_KEY_ID = re.compile(r"\w{16,128}", re.ASCII)
_SECRET_NAME = re.compile(r"[\w/+=.@-]{1,512}|arn:[^:]+:secretsmanager:[^:]+:\d{12}:secret:[\w/+=.@-]+", re.ASCII)
_VERSION = re.compile(r"(\w{16,40})-of-iam-access-key", re.ASCII)


@dataclass(frozen=True, slots=True)
class KeyState:
    """One access key. `created` is ISO 8601 in UTC, so that it sorts by time."""

    access_key_id: str
    status: str = ACTIVE
    created: str = ""

    @property
    def active(self) -> bool:
        """Whether AWS accepts the key."""
        return self.status == ACTIVE

    def as_result(self) -> dict[str, str]:
        """The key as the module returns it."""
        return {"access_key_id": self.access_key_id, "status": self.status, "created": self.created}


@dataclass(frozen=True, slots=True)
class SecretState:
    """A secret of Secrets Manager that is there; `access_key_id` is None where this module did not write it."""

    name: str
    arn: str
    access_key_id: str | None = None
    scheduled_for_deletion: bool = False


@dataclass(frozen=True, slots=True)
class AccessKeyState:
    """The keys of a user, and the secret that holds one of them; `access_key_id` is the key in use."""

    user_name: str
    keys: tuple[KeyState, ...] = ()
    secret: SecretState | None = None
    access_key_id: str | None = None

    def key(self, access_key_id: str | None) -> KeyState | None:
        """The key of this id."""
        return next((key for key in self.keys if key.access_key_id == access_key_id), None)

    def as_result(self) -> dict[str, Any]:
        """The keys as the module returns them, the oldest first; never a secret."""
        key = self.key(self.access_key_id)
        secret = self.secret if self.secret and not self.secret.scheduled_for_deletion else None
        return {
            "user_name": self.user_name,
            "access_key_id": self.access_key_id,
            "status": key.status if key else None,
            "created": key.created if key else None,
            "keys": [known.as_result() for known in self.keys],
            "secret": {"name": secret.name, "arn": secret.arn} if secret else None,
        }


@dataclass(frozen=True, slots=True)
class DesiredAccessKey:
    """What a user asks for; `state` is present, rotated or absent, `others` is keep, inactive or absent."""

    user_name: str
    state: str = "present"
    access_key_id: str | None = None
    others: str = "keep"
    max_age_days: int | None = None
    secret_name: str | None = None


def check_access_key(desired: DesiredAccessKey) -> None:
    """Raise InputError for what cannot be right whatever the keys are now."""
    if not _USER.fullmatch(desired.user_name):
        raise InputError(f"user_name is {desired.user_name!r}; a user's name has 1 to 64 letters, digits and +=,.@_-")
    if desired.access_key_id is not None and not _KEY_ID.fullmatch(desired.access_key_id):
        raise InputError(f"access_key_id is {desired.access_key_id!r}; give the id of a key, as AKIAIOSFODNN7EXAMPLE.")
    if desired.secret_name is not None and not _SECRET_NAME.fullmatch(desired.secret_name):
        raise InputError(
            f"store_in_secret is {desired.secret_name!r}; give the name of a secret, of letters, digits and /_+=.@-"
        )
    if desired.max_age_days is not None and desired.max_age_days < 1:
        raise InputError(f"max_age_days is {desired.max_age_days}; it must be 1 or more.")
    _check_together(desired)


def _check_together(desired: DesiredAccessKey) -> None:
    rotated = desired.state == "rotated"
    if rotated and not desired.access_key_id and desired.max_age_days is None:
        raise InputError(
            "state: rotated needs access_key_id, the key to be replaced, or max_age_days; without them each run "
            "would make a new key."
        )
    if desired.max_age_days is not None and not rotated:
        raise InputError(f"max_age_days is for state: rotated, and state is {desired.state}.")
    if desired.access_key_id and desired.secret_name and not rotated:
        raise InputError(
            f"access_key_id and store_in_secret exclude each other with state: {desired.state}; "
            "the secret knows which key it holds."
        )
    if desired.others != "keep":
        if desired.state != "present":
            raise InputError(f"other_keys: {desired.others} is for state: present, and state is {desired.state}.")
        if not (desired.access_key_id or desired.secret_name):
            raise InputError(
                f"other_keys: {desired.others} needs access_key_id or store_in_secret, which say what key is in use."
            )


def key_in_use(desired: DesiredAccessKey, keys: tuple[KeyState, ...], secret: SecretState | None) -> str | None:
    """The id of the key in use: the secret's, or the one that was named, or the newest active one.

    For `rotated` the named key is the one to be replaced, so it is the newest active one that is no older.
    """
    ids = {key.access_key_id for key in keys}
    if desired.secret_name:
        held = secret.access_key_id if secret else None
        return held if held in ids else None
    named = desired.access_key_id
    if named and desired.state == "present":
        return named
    active = [key for key in keys if key.active]
    replaced = next((key for key in keys if key.access_key_id == named), None)
    if desired.state == "rotated" and replaced is not None:
        newer = [key for key in active if key is not replaced and key.created >= replaced.created]
        active = newer or [key for key in active if key is replaced]
    return max(active, key=lambda key: key.created).access_key_id if active else None


def plan_access_key(desired: DesiredAccessKey, current: AccessKeyState | None, now: datetime) -> Plan[AccessKeyState]:
    """The operations from `current` to `desired`; None is a user without keys and without the secret."""
    if desired.state == "absent":
        return make_plan(current, _removal(desired, current), simulate_access_key)
    state = current or AccessKeyState(desired.user_name)
    operations: list[Operation] = []
    secret = state.secret
    if desired.secret_name and secret and secret.scheduled_for_deletion:
        operations.append(Operation("restore_secret", {"secret": secret.name}, {"secret": secret.name}))
    in_use = _usable(desired, state, now)
    if in_use is None:
        others = _others(desired, state, None)
        removal = [operation for operation in others if operation.name == "delete_access_key"]
        _check_room(desired, state, len(removal))
        rest = [operation for operation in others if operation not in removal]
        operations += [*removal, *_creation(desired, state), *rest]
    else:
        if not in_use.active:
            operations.append(_set_status("activate_access_key", in_use, ACTIVE))
        operations += _others(desired, state, in_use.access_key_id)
    return make_plan(current, tuple(operations), simulate_access_key)


def _usable(desired: DesiredAccessKey, state: AccessKeyState, now: datetime) -> KeyState | None:
    """The key that stays in use; None where a new one is needed."""
    key = state.key(state.access_key_id)
    if desired.state == "present":
        if key is None and desired.access_key_id:
            raise InputError(
                f"The user {desired.user_name!r} has no access key {desired.access_key_id}; leave access_key_id out "
                "to have one made, or give the id of one it has."
            )
        return key
    if key is None or key.access_key_id == desired.access_key_id or _too_old(key, desired.max_age_days, now):
        return None
    return key


def _too_old(key: KeyState, days: int | None, now: datetime) -> bool:
    if days is None or not key.created:
        return False
    made = datetime.fromisoformat(key.created.replace("Z", "+00:00"))
    return now - made >= timedelta(days=days)


def _check_room(desired: DesiredAccessKey, state: AccessKeyState, leaving: int) -> None:
    if len(state.keys) - leaving < MOST_KEYS:
        return
    listed = " and ".join(f"{key.access_key_id} ({key.status.lower()})" for key in state.keys)
    raise InputError(
        f"The user {desired.user_name!r} has the access keys {listed}, and AWS allows {MOST_KEYS}; delete one that "
        "nobody uses with state: absent and its access_key_id before a new one is made."
    )


def _creation(desired: DesiredAccessKey, state: AccessKeyState) -> list[Operation]:
    operations = [Operation("create_access_key", {}, {"user_name": desired.user_name, "key": KeyState(MADE_LATER)})]
    if desired.secret_name:
        held = {"access_key_id": state.secret.access_key_id} if state.secret else {}
        name = "put_secret_value" if state.secret else "create_secret"
        after = {"access_key_id": MADE_LATER, "secret": desired.secret_name}
        operations.append(Operation(name, held, after))
    return operations


def _others(desired: DesiredAccessKey, state: AccessKeyState, in_use: str | None) -> list[Operation]:
    if desired.others == "keep":
        return []
    others = [key for key in state.keys if key.access_key_id != in_use]
    active = [key for key in others if key.active]
    if desired.others == "inactive":
        return [_set_status("deactivate_access_key", key, INACTIVE) for key in active]
    if active:
        raise InputError(
            f"The access key {active[0].access_key_id} of {desired.user_name!r} is active, and an active key is not "
            "deleted; run with other_keys: inactive first, and see that nobody misses it."
        )
    return [_deletion(key) for key in others]


def forgotten_keys(desired: DesiredAccessKey, plan: Plan[AccessKeyState]) -> tuple[str, ...]:
    """The active keys beside one that is made because the secret held none; a run that was cut off leaves such."""
    made = any(operation.name == "create_access_key" for operation in plan.operations)
    if desired.state != "present" or desired.others != "keep" or not made or plan.before is None:
        return ()
    return tuple(key.access_key_id for key in plan.before.keys if key.active)


def _set_status(name: str, key: KeyState, status: str) -> Operation:
    return Operation(
        name,
        {"access_key_id": key.access_key_id, "status": key.status},
        {"access_key_id": key.access_key_id, "status": status},
    )


def _deletion(key: KeyState) -> Operation:
    return Operation("delete_access_key", {"access_key_id": key.access_key_id, "status": key.status})


def _removal(desired: DesiredAccessKey, current: AccessKeyState | None) -> tuple[Operation, ...]:
    if current is None:
        return ()
    named = desired.access_key_id
    operations = [_deletion(key) for key in current.keys if named in (None, key.access_key_id)]
    secret = current.secret
    if secret and not secret.scheduled_for_deletion:
        operations.append(Operation("delete_secret", {"secret": secret.name}))
    return tuple(operations)


def simulate_access_key(state: AccessKeyState | None, operation: Operation) -> AccessKeyState | None:
    """The keys after an operation, as AWS would have them."""
    after = operation.after
    if operation.name == "create_access_key":
        before = state or AccessKeyState(after["user_name"])
        return replace(before, keys=(*before.keys, after["key"]), access_key_id=MADE_LATER)
    if state is None:
        return None
    if operation.name in ("create_secret", "put_secret_value"):
        held = state.secret or SecretState(after["secret"], "")
        return replace(state, secret=replace(held, access_key_id=after["access_key_id"]))
    if operation.name == "restore_secret" and state.secret:
        return replace(state, secret=replace(state.secret, scheduled_for_deletion=False))
    if operation.name == "delete_secret":
        return _or_none(replace(state, secret=None))
    if operation.name == "delete_access_key":
        return _without(state, operation.before["access_key_id"])
    keys = tuple(
        replace(key, status=after["status"]) if key.access_key_id == after["access_key_id"] else key
        for key in state.keys
    )
    return replace(state, keys=keys)


def _without(state: AccessKeyState, access_key_id: str) -> AccessKeyState | None:
    keys = tuple(key for key in state.keys if key.access_key_id != access_key_id)
    in_use = None if state.access_key_id == access_key_id else state.access_key_id
    return _or_none(replace(state, keys=keys, access_key_id=in_use))


def _or_none(state: AccessKeyState) -> AccessKeyState | None:
    return state if state.keys or state.secret else None


def version_of(access_key_id: str) -> str:
    """The id of a secret's version that holds this key (32 to 64 characters).

    So DescribeSecret tells which key a secret holds, and the right to read the secret is not needed.
    """
    return f"{access_key_id}-of-iam-access-key"


def access_key_of(versions: Mapping[str, Any]) -> str | None:
    """The key that the current version of a secret holds, by VersionIdsToStages; None for a foreign version."""
    for version, stages in versions.items():
        match = _VERSION.fullmatch(version) if "AWSCURRENT" in stages else None
        if match:
            return match.group(1)
    return None


def iso(moment: datetime) -> str:
    """A moment of AWS as the results have it: UTC, whole seconds."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
