# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""ram_invitation against the emulator: accept, reject, wait, repeat, and what comes too late."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.aws.conftest import ACCOUNT, Account, differing

ROOM = "ansible_collections.wxgov.sagemaker.plugins.module_utils.aws"
OTHER = "444455556666"
WEEK = 8 * 86400


@pytest.fixture
def other(account: Account) -> Account:
    """The account that is invited."""
    return Account(account.emulator, OTHER)


def share(account: Account, *principals: str, name: str = "s") -> str:
    made = account.client("ram").create_resource_share(name=name, principals=list(principals) or [OTHER])
    arn: str = made["resourceShare"]["resourceShareArn"]
    return arn


def statuses(other: Account) -> list[str]:
    found = other.client("ram").get_resource_share_invitations()["resourceShareInvitations"]
    return [invitation["status"] for invitation in found]


def sees(other: Account) -> int:
    return len(other.client("ram").get_resource_shares(resourceOwner="OTHER-ACCOUNTS")["resourceShares"])


@pytest.fixture
def sleeping(account: Account, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], list[float]]:
    """Instead of sleeping, do something; gives the seconds that would have been slept."""

    def instead(act: Callable[[], object]) -> list[float]:
        from ansible_collections.wxgov.sagemaker.plugins.module_utils.aws.patience import Patience

        waited: list[float] = []

        def sleep(seconds: float) -> None:
            waited.append(seconds)
            act()

        def clock() -> float:
            return sum(waited)

        monkeypatch.setattr(f"{ROOM}.module.Patience", lambda timeout: Patience(timeout, sleep=sleep, clock=clock))
        return waited

    return instead


@pytest.mark.parametrize(("state", "status", "seen"), [("accepted", "ACCEPTED", 1), ("rejected", "REJECTED", 0)])
@pytest.mark.parametrize("by", ["arn", "name", "name and account"])
def test_an_answer_is_foreseen_given_and_not_repeated(
    account: Account, other: Account, state: str, status: str, seen: int, by: str
) -> None:
    arn = share(account)
    options: dict[str, Any] = {"share_arn": arn} if by == "arn" else {"share_name": "s"}
    if by == "name and account":
        options["sender_account_id"] = ACCOUNT
    options["state"] = state
    checked = other.succeed("ram_invitation", check=True, **options)
    assert (checked["changed"], statuses(other)) == (True, ["PENDING"])
    assert differing(**checked["diff"]) == {"status": ("PENDING", status)}

    done = other.succeed("ram_invitation", **options)
    assert done == checked
    assert done["operations"] == [f"{state.removesuffix('ed')}_resource_share_invitation"]
    assert done["invitation"]["share_arn"] == arn
    assert done["invitation"]["sender_account_id"] == ACCOUNT
    assert done["invitation"]["receiver_account_id"] == OTHER
    assert (statuses(other), sees(other)) == ([status], seen)

    for check in (True, False):
        again = other.succeed("ram_invitation", check=check, **options)
        assert (again["changed"], again["operations"], again["invitation"]) == (False, [], done["invitation"])
        assert set(again) == set(done)


def test_an_invitation_on_its_way_is_waited_for(
    account: Account, other: Account, sleeping: Callable[[Callable[[], object]], list[float]]
) -> None:
    waited = sleeping(lambda: len(waited) == 2 and share(account))
    assert other.succeed("ram_invitation", share_name="s", sender_account_id=ACCOUNT)["changed"] is True
    assert len(waited) == 2
    assert sees(other) == 1


def test_one_that_never_comes_is_an_error_for_who_wants_it(
    account: Account, other: Account, sleeping: Callable[[Callable[[], object]], list[float]]
) -> None:
    waited = sleeping(lambda: None)
    arn = share(account, "777788889999")
    message = other.refuse("ram_invitation", share_arn=arn, wait_timeout=30)
    assert message == (
        f"There is no invitation to the share {arn} in the account {OTHER}, and the account does not see the share; "
        "its owner has to share it with this account, its organization or its organizational unit."
    )
    assert sum(waited) == 30
    assert "There is no invitation to the share s of" in other.refuse(
        "ram_invitation", share_name="s", sender_account_id=ACCOUNT, wait=False
    )
    assert sum(waited) == 30, "wait: false waited"
    rejected = other.succeed("ram_invitation", share_arn=arn, state="rejected", wait_timeout=30)
    assert (rejected["changed"], rejected["invitation"]) == (False, None)


def test_check_mode_takes_it_that_an_invitation_comes(
    other: Account, sleeping: Callable[[Callable[[], object]], list[float]]
) -> None:
    waited = sleeping(lambda: None)
    foreseen = other.succeed("ram_invitation", share_name="s", sender_account_id=ACCOUNT, check=True)
    assert (foreseen["changed"], foreseen["invitation"]["status"]) == (True, "ACCEPTED")
    assert waited == []


def test_an_acceptance_long_ago_is_still_known(account: Account, other: Account) -> None:
    arn = share(account)
    other.succeed("ram_invitation", share_arn=arn)
    account.emulator.advance(WEEK)
    assert statuses(other) == []
    for options in ({"share_arn": arn}, {"share_name": "s"}):
        again = other.succeed("ram_invitation", **options)
        assert (again["changed"], again["invitation"]["status"], again["invitation"]["arn"]) == (
            False,
            "ACCEPTED",
            None,
        )


def test_within_an_organization_nothing_is_to_be_done(account: Account) -> None:
    organizations = account.client("organizations")
    organization = organizations.create_organization(FeatureSet="ALL")["Organization"]["Arn"]
    created = organizations.create_account(AccountName="member", Email="member@example.com")
    account.client("ram").enable_sharing_with_aws_organization()
    arn = share(account, organization)
    member = Account(account.emulator, created["CreateAccountStatus"]["AccountId"])
    seen = member.succeed("ram_invitation", share_arn=arn)
    assert (seen["changed"], seen["invitation"]["status"]) == (False, "ACCEPTED")


def test_an_accepted_share_that_was_taken_away_is_not_taken_for_accepted(account: Account, other: Account) -> None:
    arn = share(account)
    other.succeed("ram_invitation", share_arn=arn)
    ram = account.client("ram")
    ram.disassociate_resource_share(resourceShareArn=arn, principals=[OTHER])
    assert statuses(other) == ["ACCEPTED"]
    assert "There is no invitation" in other.refuse("ram_invitation", share_arn=arn, wait=False)
    ram.associate_resource_share(resourceShareArn=arn, principals=[OTHER])
    assert other.succeed("ram_invitation", share_arn=arn)["changed"] is True
    assert sees(other) == 1


def test_what_comes_too_late_says_so(account: Account, other: Account) -> None:
    rejected = share(account, name="rejected")
    other.succeed("ram_invitation", share_arn=rejected, state="rejected")
    message = other.refuse("ram_invitation", share_arn=rejected)
    assert f"The invitation to the share {rejected} is REJECTED and cannot be answered; its owner has to" in message
    accepted = share(account, name="accepted")
    other.succeed("ram_invitation", share_arn=accepted)
    message = other.refuse("ram_invitation", share_arn=accepted, state="rejected")
    assert message == f"The share {accepted} has been accepted and cannot be rejected any more; its owner can end it."
    expired = share(account, name="expired")
    account.emulator.advance(WEEK)
    assert f"the share {expired} is EXPIRED" in other.refuse("ram_invitation", share_arn=expired)


def test_a_second_invitation_is_preferred_to_a_rejected_one(account: Account, other: Account) -> None:
    arn = share(account)
    other.succeed("ram_invitation", share_arn=arn, state="rejected")
    account.client("ram").associate_resource_share(resourceShareArn=arn, principals=[OTHER])
    assert sorted(statuses(other)) == ["PENDING", "REJECTED"]
    assert other.succeed("ram_invitation", share_arn=arn)["changed"] is True
    assert sees(other) == 1


def test_shares_of_one_name_are_told_apart(account: Account, other: Account) -> None:
    third = Account(account.emulator, "999988887777")
    first, second = share(account), share(third)
    message = other.refuse("ram_invitation", share_name="s")
    assert message.startswith("There are 2 resource shares named 's' from other accounts; give share_arn, one of arn:")
    done = other.succeed("ram_invitation", share_name="s", sender_account_id="999988887777")
    assert done["invitation"]["share_arn"] == second
    assert other.succeed("ram_invitation", share_arn=first)["changed"] is True


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "nothing": ({}, "one of the following is required: share_arn, share_name"),
    "both": ({"share_arn": "a", "share_name": "b"}, "mutually exclusive: share_arn|share_name"),
    "account without name": (
        {"share_arn": "a", "sender_account_id": ACCOUNT},
        "missing parameter(s) required by 'sender_account_id': share_name",
    ),
    "no ARN": ({"share_arn": "s"}, "share_arn is 's', which is not an ARN"),
    "ARN of another region": (
        {"share_arn": f"arn:aws:ram:eu-west-1:{ACCOUNT}:resource-share/x"},
        "set region: eu-west-1.",
    ),
    "account": (
        {"share_name": "s", "sender_account_id": "1234"},
        "sender_account_id is '1234', but an account id has 12 digits",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_sentence_before_any_call(account: Account, case: str) -> None:
    options, sentence = BAD[case]
    assert sentence in account.refuse("ram_invitation", **options)
    assert account.emulator.calls() == {}


def test_a_refusal_names_action_and_resource(account: Account, other: Account) -> None:
    arn = share(account)
    account.emulator.fault("ram.acceptresourceshareinvitation", "error", code="AccessDeniedException", status=403)
    result = other.run("ram_invitation", share_arn=arn)
    assert f"may not do ram:AcceptResourceShareInvitation on {arn}; allow" in result["msg"]
    assert result["missing_permission"]["action"] == "ram:AcceptResourceShareInvitation"


def test_an_answer_that_is_lost_is_found_given(account: Account, other: Account) -> None:
    arn = share(account)
    account.emulator.fault("ram.acceptresourceshareinvitation", "lost_response")
    assert other.succeed("ram_invitation", share_arn=arn)["invitation"]["status"] == "ACCEPTED"
    assert account.emulator.calls()["ram.acceptresourceshareinvitation"] == 2
