# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Invitations to RAM resource shares, on the receiving side: what they are, and what answers them.

A share of another account is known by its ARN, or by its name and the account that owns it. Within an organization that
shares by itself there is no invitation, and one that was answered long ago is not listed any more; so what counts is
first of all whether the account sees the share. See github.com/hashicorp/terraform-provider-aws/issues/10064
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from .arn import check_account_id
from .client import ServiceClient
from .errors import AwsError, InputError
from .identity import AccountId
from .patience import Patience
from .plan import Operation, Outcome, Plan, converge, make_plan
from .ram_share import ABSENT, TOKEN, list_received_shares
from .ram_share_plan import ShareState, check_share_arn, is_foreseen

ACCEPTED, REJECTED, PENDING = "ACCEPTED", "REJECTED", "PENDING"
_ANSWERED = ("ResourceShareInvitationAlreadyAcceptedException", "ResourceShareInvitationAlreadyRejectedException")
_LIST = "get_resource_share_invitations"
_OPERATIONS = {
    "accept_resource_share_invitation": ACCEPTED,
    "reject_resource_share_invitation": REJECTED,
}


@dataclass(frozen=True, slots=True)
class InvitationState:
    """What the account has of a share; `arn` is None where no invitation is listed, for none is needed (any more)."""

    share_arn: str | None
    share_name: str | None
    sender_account_id: str | None
    receiver_account_id: str | None
    status: str
    arn: str | None = None
    sent_at: float = 0.0  # seconds since the epoch
    seen: bool = False  # whether the account sees the share

    def as_result(self) -> dict[str, Any]:
        """The invitation as the module returns it."""
        return {
            "arn": self.arn,
            "share_arn": self.share_arn,
            "share_name": self.share_name,
            "sender_account_id": self.sender_account_id,
            "receiver_account_id": self.receiver_account_id,
            "status": self.status,
        }


@dataclass(frozen=True, slots=True)
class DesiredInvitation:
    """What shall become of the invitation to a share: `answer` is ACCEPTED or REJECTED."""

    answer: str
    share_arn: str | None = None
    share_name: str | None = None
    sender_account_id: str | None = None

    @property
    def label(self) -> str:
        """What messages call the share."""
        owner = f" of {self.sender_account_id}" if self.sender_account_id else ""
        return self.share_arn or f"{self.share_name}{owner}"

    def names(self, state: InvitationState) -> bool:
        """Whether this is about the share of the state."""
        if self.share_arn:
            return state.share_arn == self.share_arn
        return state.share_name == self.share_name and self.sender_account_id in (None, state.sender_account_id)


def check_invitation(desired: DesiredInvitation, partition: str, region: str) -> None:
    """Raise InputError for what cannot be right whatever was shared."""
    if desired.share_arn:
        check_share_arn(desired.share_arn, "share_arn", partition, region)
    if desired.sender_account_id:
        check_account_id(desired.sender_account_id, "sender_account_id")


def read_invitation(ram: ServiceClient, desired: DesiredInvitation) -> InvitationState | None:
    """What the account has of the share: two calls (three where it sees the share), None where nothing is there.

    An invitation that was accepted to a share that is not seen counts for nothing: its owner has ended it since.
    Raises InputError when several accounts share something by that name.
    """
    if is_foreseen(desired.share_arn):
        return None
    invitations = [state for state in list_invitations(ram, desired.share_arn) if desired.names(state)]
    received = list_received_shares(ram, name=desired.share_name, arn=desired.share_arn)
    states = [state for state in invitations if state.status != ACCEPTED]
    states += [_seen(share, invitations) for share in received]
    states = [state for state in states if desired.names(state)]
    shares = sorted({str(state.share_arn) for state in states})
    if len(shares) > 1:
        raise InputError(
            f"There are {len(shares)} resource shares named {desired.share_name!r} from other accounts; "
            f"give share_arn, one of {', '.join(shares)}."
        )
    return max(states, key=lambda state: (state.seen, state.status == PENDING, state.sent_at), default=None)


def _seen(share: ShareState, invitations: list[InvitationState]) -> InvitationState:
    """A share that the account sees, with the accepted invitation that led to it where that is listed still."""
    status = ACCEPTED if share.status == "ACTIVE" else share.status
    accepted = (state for state in invitations if state.share_arn == share.arn and state.status == ACCEPTED)
    state = next(accepted, InvitationState(share.arn, share.name, share.account_id, None, status))
    return replace(state, status=status, seen=True)


def list_invitations(ram: ServiceClient, share_arn: str | None = None) -> list[InvitationState]:
    """The invitations that the account has received, answered ones included for as long as RAM lists them."""
    wanted: dict[str, Any] = {"resourceShareArns": [share_arn]} if share_arn else {}
    try:
        found = ram.pages(_LIST, share_arn or "all invitations", "resourceShareInvitations", TOKEN, **wanted)
    except AwsError as error:
        if error.code in ABSENT:
            return []
        raise
    return [_state(invitation) for invitation in found]


def _state(invitation: Mapping[str, Any]) -> InvitationState:
    sent = invitation.get("invitationTimestamp")
    return InvitationState(
        share_arn=invitation["resourceShareArn"],
        share_name=invitation["resourceShareName"],
        sender_account_id=invitation["senderAccountId"],
        receiver_account_id=invitation["receiverAccountId"],
        status=invitation["status"],
        arn=invitation["resourceShareInvitationArn"],
        sent_at=sent.timestamp() if sent else 0.0,
    )


def plan_invitation(desired: DesiredInvitation, current: InvitationState | None) -> Plan[InvitationState]:
    """The one operation, or none; InputError for an answer that was given otherwise already or comes too late."""
    if current is None or current.status == desired.answer:
        return make_plan(current, (), simulate_invitation)
    if current.status != PENDING:
        raise InputError(_too_late(desired, current))
    name = next(name for name, answer in _OPERATIONS.items() if answer == desired.answer)
    operation = Operation(name, {"status": current.status}, {"status": desired.answer})
    return make_plan(current, (operation,), simulate_invitation)


def _too_late(desired: DesiredInvitation, current: InvitationState) -> str:
    again = "its owner has to take this account out of the share and put it in again"
    if current.status == ACCEPTED:
        return f"The share {desired.label} has been accepted and cannot be rejected any more; its owner can end it."
    if current.status in (REJECTED, "EXPIRED"):
        return f"The invitation to the share {desired.label} is {current.status} and cannot be answered; {again}."
    return f"The share {desired.label} is {current.status}; {again}."


def simulate_invitation(state: InvitationState | None, operation: Operation) -> InvitationState | None:
    """The invitation once it is answered."""
    return replace(state, status=_OPERATIONS[operation.name]) if state else None


def ensure_invitation(
    ram: ServiceClient, desired: DesiredInvitation, *, account: AccountId, check_mode: bool, patience: Patience
) -> Outcome[InvitationState]:
    """Answer the invitation, waiting for it first; in check mode only say what would be done, and do not wait.

    Where nothing is there to accept, check mode takes it that the invitation comes; otherwise that is an AwsError.
    """
    ask_once = replace(patience, timeout=0) if check_mode else patience
    current, found = ask_once.until(lambda: read_invitation(ram, desired), lambda state: state is not None)
    if not found and desired.answer == ACCEPTED:
        current = _expected(desired, account, check_mode)
    plan = plan_invitation(desired, current)

    def apply(operation: Operation) -> None:
        arn = current.arn if current else None
        ram.find(operation.name, desired.label, _ANSWERED, resourceShareInvitationArn=arn)

    def read_back(planned: Plan[InvitationState]) -> tuple[InvitationState | None, tuple[str, ...]]:
        state, settled = patience.until(
            lambda: read_invitation(ram, desired),
            lambda state: state is not None and state.status == desired.answer,
        )
        late = () if settled else (f"RAM took the answer but does not show it yet: {desired.label}.",)
        return state or planned.after, late

    return converge(plan, check_mode=check_mode, apply=apply, read_back=read_back)


def _expected(desired: DesiredInvitation, account: AccountId, check_mode: bool) -> InvitationState:
    if not check_mode:
        raise AwsError(
            f"There is no invitation to the share {desired.label} in the account {account()}, and the account does not "
            "see the share; its owner has to share it with this account, its organization or its organizational unit."
        )
    return InvitationState(desired.share_arn, desired.share_name, desired.sender_account_id, account(), PENDING)
