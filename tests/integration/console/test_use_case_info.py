# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""use_case_info: what is under the entity, and by name what is only under a child of it."""

from __future__ import annotations

from typing import Any

from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.objects import ConsoleObject

from .conftest import GROUP_ARN, Bench

MODULE = "use_case_info"
APPROVED = "Approved for Development"


def names(cases: list[dict[str, Any]]) -> list[str]:
    return sorted(case["name"] for case in cases)


def test_use_cases_with_all_that_belongs_to_them(bench: Bench, bank: ConsoleObject) -> None:
    churn = bench.put("Register", "Churn", bank, status=APPROVED, owner="jdoe")
    bench.put("Register", "Fraud", bank)
    group = bench.put("ModelGroup", "churn", churn, arn=f"{GROUP_ARN}churn")
    plain = bench.put("ModelGroup", "by hand", churn)
    bench.put("ModelGroup", "orphan", bank)
    found = bench.ok(MODULE, business_entity="Bank")
    assert found["business_entity"] == {"id": bank.id, "name": "Bank"}
    assert names(found["use_cases"]) == ["Churn", "Fraud"]
    first = next(case for case in found["use_cases"] if case["name"] == "Churn")
    assert (first["id"], first["status"], first["owner"], first["description"]) == (
        churn.id,
        APPROVED,
        "jdoe",
        "About Churn",
    )
    assert first["url"].endswith(churn.id)
    assert first["location"].endswith("/Bank/Churn")
    assert sorted(first["model_groups"], key=lambda ref: str(ref["name"])) == [
        {"id": plain.id, "name": "by hand", "arn": None},
        {"id": group.id, "name": "churn", "arn": f"{GROUP_ARN}churn"},
    ]
    second = next(case for case in found["use_cases"] if case["name"] == "Fraud")
    assert (second["owner"], second["model_groups"]) == (None, [])
    assert found["not_synchronized"] == []
    assert bench.ok(MODULE, check=True, business_entity=bank.id) == found


def test_any_parent_counts_and_what_is_only_under_a_child_is_named(bench: Bench, bank: ConsoleObject) -> None:
    retail = bench.put("SOXBusEntity", "Retail", bank)
    deep = bench.put("SOXBusEntity", "Cards", retail)
    elsewhere = bench.put("SOXBusEntity", "Elsewhere")
    bench.put("Register", "Foreign", elsewhere)
    shared = bench.put("Register", "Shared", elsewhere)
    bench.client.associate(shared.id, parents=[bank.id])
    both = bench.put("Register", "Both", retail)
    bench.client.associate(both.id, parents=[bank.id])
    lost = bench.put("Register", "Lost", deep, status=APPROVED)
    bench.client.associate(lost.id, parents=[retail.id])
    found = bench.ok(MODULE, business_entity="Bank")
    assert names(found["use_cases"]) == ["Both", "Shared"]
    (misplaced,) = found["not_synchronized"]
    assert (misplaced["name"], misplaced["status"]) == ("Lost", APPROVED)
    assert sorted(ref["name"] for ref in misplaced["entities"]) == ["Cards", "Retail"]


def test_only_those_asked_for(bench: Bench, bank: ConsoleObject) -> None:
    retail = bench.put("SOXBusEntity", "Retail", bank)
    churn = bench.put("Register", "Churn", bank, status=APPROVED)
    bench.put("Register", "Fraud", bank, status="Rejected")
    bench.put("Register", "Lost", retail, status="Rejected")
    assert names(bench.ok(MODULE, business_entity="Bank", statuses=[APPROVED])["use_cases"]) == ["Churn"]
    rejected = bench.ok(MODULE, business_entity="Bank", statuses=["Rejected", "Proposed"])
    assert (names(rejected["use_cases"]), names(rejected["not_synchronized"])) == (["Fraud"], ["Lost"])
    for asked in ("Churn", churn.id):
        assert names(bench.ok(MODULE, business_entity="Bank", use_case=asked)["use_cases"]) == ["Churn"]
    nothing = bench.ok(MODULE, business_entity="Bank", use_case="' OR [Name] <> '")
    assert (nothing["use_cases"], nothing["not_synchronized"]) == ([], [])


def test_more_than_a_page(bench: Bench, bank: ConsoleObject) -> None:
    bench.console.switch(max_limit=7)
    for number in range(20):
        case = bench.put("Register", f"case {number:02}", bank)
        bench.put("ModelGroup", f"group {number:02}", case)
    found = bench.ok(MODULE, business_entity="Bank")["use_cases"]
    assert len(found) == 20
    assert all(
        [ref["name"] for ref in case["model_groups"]] == [case["name"].replace("case", "group")] for case in found
    )


def test_the_requests_it_makes(bench: Bench, bank: ConsoleObject) -> None:
    bench.put("Register", "Churn", bank)
    bench.console.clear_calls()
    bench.ok(MODULE, business_entity="Bank")
    assert bench.console.calls() == {
        "POST token": 1,
        "GET types": 3,
        "POST query": 3,
        "GET contents/associations": 2,
    }


def test_bad_input_is_one_clear_sentence(bench: Bench, bank: ConsoleObject) -> None:
    bench.put("SOXBusEntity", "Retail", bank)
    cases = {
        "create it first": {"business_entity": "Nobody"},
        'hangs under "Bank"': {"business_entity": "Retail"},
        "knows no status Aproved": {"business_entity": "Bank", "statuses": ["Aproved"]},
        'no type "UseCase"': {"business_entity": "Bank", "sync_use_case_type": "UseCase"},
        'no field "ARN"': {"business_entity": "Bank", "sync_arn_field": "ARN"},
        'no type "Entity"': {"business_entity": "Bank", "sync_business_entity_type": "Entity"},
        'no type "Grp"': {"business_entity": "Bank", "sync_model_group_type": "Grp"},
    }
    for words, options in cases.items():
        assert words in bench.refuse(MODULE, **options)
