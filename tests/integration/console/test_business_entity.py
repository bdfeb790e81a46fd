# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""business_entity: made, described, removed while empty, and nothing else."""

from __future__ import annotations

import pytest

from .conftest import Bench

MODULE = "business_entity"


def test_an_entity_is_made_described_and_removed(bench: Bench) -> None:
    made = bench.cycle(MODULE, name="Credit Risk", description="Loans")
    assert made["operations"] == ["create"]
    (stored,) = bench.console.objects("SOXBusEntity")
    assert (stored["name"], stored["title"], stored["description"]) == ("Credit Risk", "Credit Risk", "Loans")
    assert "primary_parent_id" not in stored
    assert made["business_entity"]["id"] == stored["id"]
    assert made["business_entity"]["url"].endswith(f"/task-view/{stored['id']}")
    assert bench.ok(MODULE, name="Credit Risk")["changed"] is False

    changed = bench.cycle(MODULE, name="Credit Risk", description="Loans and cards")
    assert changed["operations"] == ["update"]
    assert (changed["diff"]["before"]["description"], changed["diff"]["after"]["description"]) == (
        "Loans",
        "Loans and cards",
    )
    cleared = bench.cycle(MODULE, name="Credit Risk", description="")
    assert cleared["business_entity"]["description"] == ""
    (stored,) = bench.console.objects("SOXBusEntity")
    assert "description" not in stored
    assert stored["title"] == "Credit Risk"

    gone = bench.cycle(MODULE, name="Credit Risk", state="absent")
    assert (gone["operations"], gone["business_entity"]) == (["delete"], {})
    assert bench.console.objects("SOXBusEntity") == []


def test_check_mode_shows_the_entity_that_would_be(bench: Bench) -> None:
    checked = bench.ok(MODULE, check=True, name="Bank", description="All of it")
    assert checked["business_entity"] == {"id": "", "name": "Bank", "description": "All of it", "url": ""}
    bench.put("SOXBusEntity", "Bank")
    changed = bench.ok(MODULE, check=True, name="Bank", description="New")["business_entity"]
    assert changed["description"] == "New"
    assert changed["id"]


def test_what_is_not_empty_is_not_removed_and_named(bench: Bench, bank: object) -> None:
    (stored,) = bench.console.objects("SOXBusEntity")
    parent = bench.client.get_object(stored["id"])
    assert parent is not None
    names = [bench.put("Register", f"use case {number:02}", parent).name for number in range(12)]
    told = bench.refuse(MODULE, name="Bank", state="absent")
    assert all(f'Register "{name}"' in told for name in names[:10])
    assert "and 2 more" in told
    assert bench.run(MODULE, check=True, name="Bank", state="absent")["failed"]


def test_a_child_that_is_only_associated_counts_too(bench: Bench, bank: object) -> None:
    other = bench.put("SOXBusEntity", "Other")
    use_case = bench.put("Register", "Churn", other)
    (bank_id,) = [found["id"] for found in bench.console.objects("SOXBusEntity") if found["name"] == "Bank"]
    bench.client.associate(use_case.id, parents=[bank_id])
    assert 'Register "Churn"' in bench.refuse(MODULE, name="Bank", state="absent")


@pytest.mark.parametrize("state", ["present", "absent"])
def test_an_entity_under_another_is_an_error(state: str, bench: Bench) -> None:
    upper = bench.put("SOXBusEntity", "Upper")
    bench.put("SOXBusEntity", "Retail", upper)
    assert 'hangs under "Upper"' in bench.refuse(MODULE, name="Retail", state=state)


def test_of_two_of_one_name_the_one_at_the_root_is_meant(bench: Bench) -> None:
    upper = bench.put("SOXBusEntity", "Upper")
    bench.put("SOXBusEntity", "Retail", upper)
    root = bench.put("SOXBusEntity", "Retail")
    assert bench.ok(MODULE, name="Retail")["business_entity"]["id"] == root.id


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"name": ""}, "cannot be the name"),
        ({"name": " Bank"}, "cannot be the name"),
        ({"name": "a/b"}, "cannot be the name"),
        ({"name": "x" * 256}, "at most 255"),
        ({"console_url": ""}, "console_url is not set"),
        ({"console_auth_method": None}, "WXGOV_CONSOLE_AUTH_METHOD"),
        ({"console_api_key": "secret-wrong"}, "does not accept the credentials"),
        ({"console_instance_id": None}, "needs instance_id"),
        ({"sync_business_entity_type": "Entity"}, 'no type "Entity"'),
        ({"ca_path": "/no/such.pem"}, "/no/such.pem"),
    ],
)
def test_bad_input_is_one_clear_sentence(options: dict[str, str], words: str, bench: Bench) -> None:
    assert words in bench.refuse(MODULE, **{"name": "Bank", **options})


def test_a_login_that_may_not_write_is_told_so_and_check_mode_works(bench: Bench) -> None:
    bench.console.switch(can_write=False)
    assert bench.ok(MODULE, check=True, name="Bank")["changed"]
    result = bench.run(MODULE, name="Bank")
    assert result["failed"]
    assert "403" in result["msg"]


@pytest.mark.parametrize("post_existing", ["return_existing", "error"])
def test_a_creation_whose_answer_is_lost_makes_one_entity(post_existing: str, bench: Bench) -> None:
    bench.console.switch(post_existing=post_existing)
    bench.console.fault("lost_response", "POST", "contents", times=1)
    made = bench.ok(MODULE, name="Bank")
    (stored,) = bench.console.objects("SOXBusEntity")
    assert made["business_entity"]["id"] == stored["id"]


def test_a_run_that_changes_nothing_makes_five_requests(bench: Bench, bank: object) -> None:
    bench.console.clear_calls()
    bench.ok(MODULE, name="Bank")
    assert bench.console.calls() == {
        "POST token": 1,
        "GET types": 1,
        "POST query": 1,
        "GET contents/associations": 1,
        "GET contents": 1,
    }
