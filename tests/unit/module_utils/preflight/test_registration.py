# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Registering a connection: nothing is written unless everything is right, and then exactly what was decided."""

from __future__ import annotations

import dataclasses

import pytest

from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.errors import (
    BrokenConnectionError,
    EditConflictError,
    InvalidConnectionError,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.errors import (
    BadOptionError,
    LoginRefusedError,
    UnreachableError,
    WrongAddressError,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.objects import NewObject
from ansible_collections.wxgov.sagemaker.plugins.module_utils.preflight.errors import (
    BusinessEntityError,
    DefaultUserError,
    PermissionsError,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.preflight.registration import (
    Rules,
    carry_out,
    decide_absence,
    decide_presence,
)


def present(store, wanted, rules=None, check_mode=False):
    return carry_out(store, lambda: decide_presence(store, wanted, rules or Rules()), check_mode=check_mode)


def absent(store, name, check_mode=False):
    return carry_out(store, lambda: decide_absence(store, name), check_mode=check_mode)


def test_the_whole_life_of_a_connection(store, wanted, entity, console):
    console.clear_calls()
    predicted = present(store, wanted(), check_mode=True)
    assert not store.path.exists()
    made = present(store, wanted())
    assert made.result() == predicted.result()
    assert (made.changed, [operation.name for operation in made.operations]) == (True, ["create"])
    assert store.load("credit-risk") == made.target
    assert made.target.business_entity_id == entity.id
    assert not present(store, wanted()).changed
    paused = present(store, dataclasses.replace(wanted(), enabled=False))
    assert [operation.name for operation in paused.operations] == ["update"]
    assert absent(store, "credit-risk", check_mode=True).changed
    assert absent(store, "credit-risk").changed
    assert not absent(store, "credit-risk").changed
    assert store.names() == ()


def test_a_registration_takes_eight_requests(store, wanted, entity, console):
    console.clear_calls()
    present(store, wanted())
    assert console.calls() == {
        "POST token": 1,
        "GET types": 3,
        "POST query": 1,
        "GET contents/associations": 1,
        "GET contents/permissions/effective": 1,
        "GET scim/Users": 1,
    }


def test_a_login_that_may_not_write_in_the_entity_is_refused_unless_the_console_does_not_tell(
    store, wanted, entity, console
):
    console.switch(can_write=False)
    with pytest.raises(PermissionsError, match="may not write or associate"):
        present(store, wanted())
    assert not store.path.exists()
    console.fault("status", "GET", "contents/permissions", status=404, times=1)
    assert present(store, wanted()).changed


def test_the_entity_and_user_are_kept_as_the_console_names_them(store, wanted, entity, console):
    console.add_user("jdoe", "j.doe@example.com")
    asked = wanted(business_entity=entity.id, default_user="j.doe@example.com")
    made = present(store, asked).target
    assert (made.business_entity_name, made.default_user) == ("Credit Risk", "jdoe")
    assert not present(store, asked).changed


BAD = {
    "an unknown business entity": ({"business_entity": "Nobody"}, BusinessEntityError, "create it first"),
    "an entity below another": ({"business_entity": "Retail"}, BusinessEntityError, "not at the root"),
    "an unknown default user": ({"default_user": "nobody"}, DefaultUserError, "nobody"),
    "a default user who is gone": ({"default_user": "gone"}, DefaultUserError, "not active"),
    "another web server": ({"console_url": "http://127.0.0.1:9"}, UnreachableError, "http://127.0.0.1:9"),
    "an address that is none": ({"console_url": "console"}, WrongAddressError, "https://HOST"),
    "http to another machine": ({"console_url": "http://console"}, WrongAddressError, "unencrypted"),
    "wrong credentials": ({"console_api_key": "secret-wrong"}, LoginRefusedError, "mcsp"),
    "a missing credential": ({"console_api_key": None}, BadOptionError, "api_key"),
    "a region that does not exist": ({"region": "eu-central-9"}, InvalidConnectionError, "eu-central-9"),
    "a role that is none": ({"role_arn": "Sync"}, InvalidConnectionError, "arn:aws:iam"),
    "another account's role": (
        {"role_arn": "arn:aws:iam::999999999999:role/Sync"},
        InvalidConnectionError,
        "999999999999",
    ),
    "a profile that is none": ({"default_profile_arn": "links"}, InvalidConnectionError, "user-profile"),
    "a standard queue": (
        {"queue_url": "https://sqs.eu-central-1.amazonaws.com/111122223333/events"},
        InvalidConnectionError,
        "FIFO",
    ),
    "a queue elsewhere": (
        {"queue_url": "https://sqs.us-east-1.amazonaws.com/111122223333/e.fifo"},
        InvalidConnectionError,
        "us-east-1",
    ),
    "a name that cannot be": ({"name": "Credit Risk"}, InvalidConnectionError, "Credit Risk"),
    "nothing to log in with": ({"console_auth_method": None}, InvalidConnectionError, "console_auth_method"),
}


@pytest.fixture
def console_with_traps(client, entity, console):
    bank = client.create_object(NewObject("SOXBusEntity", "Bank"))
    client.create_object(NewObject("SOXBusEntity", "Retail", primary_parent_id=bank.id))
    console.add_user("gone", "gone@example.com", active=False)


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_clear_error_and_nothing_is_written(case, store, wanted, console_with_traps):
    changes, error, words = BAD[case]
    with pytest.raises(error, match=words) as raised:
        present(store, wanted(**changes))
    assert "secret-" not in str(raised.value)
    assert "\n" not in str(raised.value)
    assert not store.path.exists()


@pytest.mark.parametrize("kind", ["html", "redirect"])
def test_an_address_that_is_not_the_api(kind, store, wanted, entity, console):
    console.fault(kind, "GET", "types", times=None)
    with pytest.raises(WrongAddressError, match=console.url):
        present(store, wanted())
    assert not store.path.exists()


def test_all_bad_values_are_told_at_once(store, wanted):
    with pytest.raises(InvalidConnectionError, match=r"12 digits.*FIFO"):
        present(store, wanted(account_id="1", role_arn=None, ambient=True, queue_url="https://h/111122223333/e"))


def test_connections_side_by_side(store, wanted, client, entity):
    present(store, wanted())
    client.create_object(NewObject("SOXBusEntity", "Retail"))
    other = {
        "name": "retail",
        "account_id": "222233334444",
        "role_arn": "arn:aws:iam::222233334444:role/Sync",
        "queue_url": "https://sqs.eu-central-1.amazonaws.com/222233334444/events.fifo",
    }
    with pytest.raises(InvalidConnectionError, match="belongs to the connection"):
        present(store, wanted(**other))
    with pytest.raises(InvalidConnectionError, match="111122223333"):
        present(store, wanted(name="retail", business_entity="Retail"))
    with pytest.raises(InvalidConnectionError, match="1 at most"):
        present(store, wanted(**other, business_entity="Retail"), Rules(max_connections=1))
    assert present(store, wanted(**other, business_entity="Retail")).changed
    assert store.names() == ("credit-risk", "retail")


def test_without_validation_an_id_will_do_and_nothing_is_asked(store, wanted, console):
    blind = Rules(validate=False)
    with pytest.raises(InvalidConnectionError, match="validate=true"):
        present(store, wanted(), blind)
    made = present(store, wanted(business_entity="4577"), blind)
    assert (made.target.business_entity_id, made.target.business_entity_name) == ("4577", "4577")
    assert not present(store, wanted(business_entity="4577"), blind).changed
    assert not present(store, dataclasses.replace(wanted(), business_entity=None), blind).changed
    assert console.calls() == {}


def test_a_name_learnt_earlier_is_kept_without_validation(store, wanted, entity):
    present(store, wanted())
    again = present(store, wanted(business_entity=entity.id), Rules(validate=False))
    assert not again.changed
    assert again.target.business_entity_name == "Credit Risk"


def test_a_broken_file_is_not_overwritten_but_can_be_removed(store, wanted, entity):
    store.path.mkdir()
    (store.path / "credit-risk.json").write_text("{")
    with pytest.raises(BrokenConnectionError, match="credit-risk.json"):
        present(store, wanted())
    removed = absent(store, "credit-risk")
    assert [operation.name for operation in removed.operations] == ["remove"]
    assert store.names() == ()


def test_a_file_that_others_can_read_is_a_change_of_its_own(store, wanted, entity):
    present(store, wanted())
    (store.path / "credit-risk.json").chmod(0o644)
    assert [operation.name for operation in present(store, wanted(), check_mode=True).operations] == ["protect"]
    assert present(store, wanted()).changed
    assert not present(store, wanted()).changed


def test_a_change_made_meanwhile_is_not_lost(store, wanted, entity):
    """Between deciding and writing somebody else saves: the decision is made anew on what is there then."""
    present(store, wanted())
    asked = dataclasses.replace(wanted(), enabled=False)
    decisions = []

    def decide():
        decided = decide_presence(store, asked, Rules(validate=False) if decisions else Rules())
        if not decisions:
            store.save(dataclasses.replace(store.load("credit-risk"), description="meanwhile"))
        decisions.append(decided)
        return decided

    asked = dataclasses.replace(asked, business_entity=None)
    carry_out(store, decide, check_mode=False)
    kept = store.load("credit-risk")
    assert (kept.enabled, kept.description, len(decisions)) == (False, "meanwhile", 2)


def test_a_store_that_refuses_because_others_were_faster_is_asked_again(store, wanted, entity):
    """As Secrets Manager does, which has no lock: the decision is made anew on what is there then."""
    present(store, wanted())

    class Contested(type(store)):
        conflicts = 2

        def save(self, connection):
            if self.conflicts:
                self.conflicts -= 1
                super().save(dataclasses.replace(self.load("credit-risk"), description=f"other {self.conflicts}"))
                raise EditConflictError("somebody else was faster")
            super().save(connection)

    contested = Contested(store.path)
    asked = dataclasses.replace(wanted(), enabled=False)
    blind = dataclasses.replace(asked, business_entity=None)
    assert present(contested, blind, Rules(validate=False)).changed
    kept = store.load("credit-risk")
    assert (kept.enabled, kept.description) == (False, "other 0")
    contested.conflicts = 100
    with pytest.raises(EditConflictError):
        present(contested, dataclasses.replace(blind, enabled=True), Rules(validate=False))
