# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The owner rule (R15)."""

from __future__ import annotations

from datetime import datetime, timezone

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.objects import ConsoleUser
from ansible_collections.wxgov.sagemaker.plugins.module_utils.registry.entities import Creator, ModelCard, ModelPackage
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.owners import (
    OwnerDirectory,
    choose_owner,
    owner_candidates,
)

NOON = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)
ACCOUNTS = {
    "alice@example.com": ConsoleUser("1", "alice", True),
    "bob": ConsoleUser("2", "bob", True),
    "left": ConsoleUser("3", "left", False),
}


def package(**attributes: object) -> ModelPackage:
    return ModelPackage("arn:x", "churn", 1, NOON, NOON, **attributes)


def directory(lookups: list[str]) -> OwnerDirectory:
    def find(name: str) -> ConsoleUser | None:
        lookups.append(name)
        return ACCOUNTS.get(name)

    return OwnerDirectory(find, "default")


def test_the_surest_source_comes_first():
    everything = package(
        card=ModelCard("", {"model_overview": {"model_owner": " carol "}}),
        metadata={"Owner": "bob", "owner": "bob"},
        creator=Creator("profile", "arn:aws:sts::111122223333:assumed-role/DataScientist/alice@example.com", "source"),
    )
    assert owner_candidates(everything) == ("carol", "bob", "profile", "source", "alice@example.com")


def test_a_role_itself_is_nobody():
    assert owner_candidates(package(creator=Creator(iam_arn="arn:aws:iam::111122223333:role/DataScientist"))) == ()


def test_the_first_candidate_with_an_active_account_owns_the_model():
    lookups: list[str] = []
    owners = directory(lookups)
    chain = package(metadata={"Owner": "left", "owner": "nobody"}, creator=Creator("alice@example.com", "", "bob"))
    assert owners.owner_of(chain) == "alice"
    assert lookups == ["left", "nobody", "alice@example.com"]


def test_nobody_known_gives_the_default_user():
    assert directory([]).owner_of(package(metadata={"Owner": "left"})) == "default"
    assert directory([]).owner_of(package()) == "default"


def test_each_name_is_looked_up_once_until_told_to_forget():
    lookups: list[str] = []
    owners = directory(lookups)
    for _attempt in range(3):
        owners.owner_of(package(metadata={"Owner": "nobody"}))
    assert lookups == ["nobody"]
    owners.forget()
    owners.owner_of(package(metadata={"Owner": "nobody"}))
    assert lookups == ["nobody", "nobody"]


@given(st.lists(st.sampled_from("abcd")), st.dictionaries(st.sampled_from("abcd"), st.sampled_from(["x", "y", None])))
def test_the_choice_is_a_known_account_or_the_default(candidates, accounts):
    chosen = choose_owner(tuple(candidates), accounts, "default")
    known = [accounts[candidate] for candidate in candidates if accounts.get(candidate)]
    assert chosen == (known[0] if known else "default")


def test_a_sweep_that_forgets_in_between_changes_no_owner():
    class Forgetful(OwnerDirectory):
        """Another thread's `forget` right after each look-up."""

        def _account(self, candidate: str) -> str | None:
            found = super()._account(candidate)
            self.forget()
            return found

    owners = Forgetful(ACCOUNTS.get, "default")
    assert owners.owner_of(package(metadata={"Owner": "nobody", "owner": "bob"})) == "bob"
