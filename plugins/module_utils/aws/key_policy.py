# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The statement in a KMS key's policy that lets EventBridge send to queues encrypted with it.

Without it every event goes to the target's dead-letter queue, or is lost where that has the same key:
docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .arn import parse_arn
from .client import ServiceClient
from .documents import compact, parse_object
from .errors import AwsError, InputError
from .identity import AccountId
from .patience import Patience
from .plan import Operation, Outcome, Plan, converge, make_plan
from .policy import Document, merge_by_sid, same_policy, statements

ACTIONS = ("kms:Decrypt", "kms:GenerateDataKey")
_ABSENT = ("NotFoundException",)


@dataclass(frozen=True, slots=True)
class KeyState:
    """A KMS key and its policy."""

    key_id: str
    arn: str
    policy: Document

    def as_result(self) -> dict[str, Any]:
        """The key as the module returns it."""
        return {"key_id": self.key_id, "arn": self.arn, "policy": dict(self.policy)}


@dataclass(frozen=True, slots=True)
class DesiredKeyStatement:
    """The statement with the Sid `sid` that the policy of the key `key_id` (id, ARN or alias) shall have, or not."""

    key_id: str
    sid: str
    present: bool = True

    @property
    def statement(self) -> dict[str, Any]:
        """What EventBridge needs to send to an encrypted queue."""
        return {
            "Sid": self.sid,
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": list(ACTIONS),
            "Resource": "*",
        }


def plan_key(desired: DesiredKeyStatement, current: KeyState | None, partition: str) -> Plan[KeyState]:
    """The operations from `current` to `desired`; the key itself is neither made nor deleted."""
    if current is None:
        return Plan(None, None, ())
    if desired.present:
        wanted = merge_by_sid(current.policy, {"Statement": [desired.statement]}, partition)
    else:
        left = [statement for statement in statements(current.policy) if statement.get("Sid") != desired.sid]
        wanted = {**current.policy, "Statement": left}
    if same_policy(wanted, current.policy, partition):
        return make_plan(current, (), simulate_key)
    change = Operation("put_key_policy", {"policy": current.policy}, {"policy": wanted})
    return make_plan(current, (change,), simulate_key)


def simulate_key(state: KeyState | None, operation: Operation) -> KeyState | None:
    """The key after an operation."""
    return state and KeyState(state.key_id, state.arn, operation.after["policy"])


def read_key(kms: ServiceClient, key_id: str) -> tuple[KeyState | None, Mapping[str, Any]]:
    """The key with its policy, and what AWS says of it; two calls, one where there is none.

    The policy of a key of AWS's own is not read, for nobody can change it.
    """
    answer = kms.find("describe_key", key_id, _ABSENT, KeyId=key_id)
    if answer is None:
        return None, {}
    metadata: Mapping[str, Any] = kms.required(answer, "KeyMetadata", "describe_key", key_id)
    arn = metadata["Arn"]
    if metadata.get("KeyManager") == "AWS":
        return KeyState(metadata["KeyId"], arn, {}), metadata
    answer = kms.call("get_key_policy", arn, KeyId=arn, PolicyName="default")
    policy = parse_object(kms.required(answer, "Policy", "get_key_policy", arn), "the key's policy")
    return KeyState(metadata["KeyId"], arn, policy), metadata


def ensure_key_statement(
    kms: ServiceClient, desired: DesiredKeyStatement, *, account: AccountId, check_mode: bool, patience: Patience
) -> Outcome[KeyState]:
    """Let EventBridge use the key, or no longer; in check mode only say what would be done.

    Raises InputError for a key that does not exist, or whose policy nobody here can change.
    """
    current, metadata = read_key(kms, desired.key_id)
    if desired.present:
        _check_key(desired.key_id, current, metadata, account)
    elif metadata.get("KeyManager") == "AWS":
        return Outcome(Plan(current, current, ()), current)
    plan = plan_key(desired, current, kms.partition)

    def left(state: KeyState | None) -> bool:
        return plan_key(desired, state, kms.partition).changed

    def apply(operation: Operation) -> None:
        arn = plan.before.arn if plan.before else desired.key_id
        policy = compact(operation.after["policy"])
        kms.call("put_key_policy", arn, KeyId=arn, PolicyName="default", Policy=policy)

    def read_back(_plan: Plan[KeyState]) -> tuple[KeyState | None, tuple[str, ...]]:
        state, settled = patience.until(lambda: read_key(kms, desired.key_id)[0], lambda answer: not left(answer))
        return state, () if settled else (f"KMS accepted the policy of {desired.key_id} but does not show it yet.",)

    return converge(plan, check_mode=check_mode, apply=apply, read_back=read_back)


def _check_key(key_id: str, current: KeyState | None, metadata: Mapping[str, Any], account: AccountId) -> None:
    if current is None:
        raise InputError(f"kms_master_key_id is {key_id!r}, but there is no such key in this account and region.")
    if metadata.get("KeyManager") == "AWS":
        raise InputError(
            f"kms_master_key_id is {key_id!r}, a key of AWS's own, whose policy cannot be changed, so EventBridge "
            "could never send to the queue; give a key of the account, or leave it out: SQS then encrypts with its own."
        )
    owner = parse_arn(current.arn, "the key's ARN", "kms").account
    if owner != account():
        raise InputError(
            f"kms_master_key_id is {key_id!r}, a key of account {owner}, whose policy only that account can change; "
            "let EventBridge use it there and set manage_key_policy: false."
        )
    if metadata.get("KeyState") not in (None, "Enabled"):
        raise AwsError(f"The key {key_id!r} is {metadata['KeyState']}; enable it first, or give another one.")
