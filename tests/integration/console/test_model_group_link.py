# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""model_group_link: link, relink, unlink, by name, id or ARN; and what it says about where the group was."""

from __future__ import annotations

import pytest

from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.objects import ConsoleObject

from .conftest import ARN, GROUP_ARN, Bench

MODULE = "model_group_link"


@pytest.fixture
def churn(bench: Bench, bank: ConsoleObject) -> ConsoleObject:
    return bench.put("Register", "Churn", bank)


@pytest.fixture
def fraud(bench: Bench, bank: ConsoleObject) -> ConsoleObject:
    return bench.put("Register", "Fraud", bank)


@pytest.fixture
def group(bench: Bench, bank: ConsoleObject) -> ConsoleObject:
    """A group as the synchronisation makes it: under the entity itself."""
    return bench.put("ModelGroup", "churn", bank, arn=f"{GROUP_ARN}churn")


def parents(bench: Bench, group: ConsoleObject) -> set[str | None]:
    return {parent.name for parent in bench.client.parents(group.id)}


def ask(**options: str) -> dict[str, str]:
    return {"model_group": "churn", "business_entity": "Bank", **options}


def test_link_relink_unlink(bench: Bench, churn: ConsoleObject, fraud: ConsoleObject, group: ConsoleObject) -> None:
    linked = bench.cycle(MODULE, **ask(use_case="Churn"))
    assert linked["operations"] == [{"action": "link", "id": churn.id, "name": "Churn"}]
    assert (linked["use_cases"], linked["previous_use_cases"]) == ([{"id": churn.id, "name": "Churn"}], [])
    assert linked["model_group"]["arn"] == f"{GROUP_ARN}churn"
    assert parents(bench, group) == {"Bank", "Churn"}

    moved = bench.cycle(MODULE, **ask(use_case="Fraud"))
    assert [step["action"] for step in moved["operations"]] == ["link", "unlink"]
    assert moved["previous_use_cases"] == [{"id": churn.id, "name": "Churn"}]
    assert (moved["diff"]["before"]["use_cases"], moved["diff"]["after"]["use_cases"]) == (["Churn"], ["Fraud"])
    assert parents(bench, group) == {"Bank", "Fraud"}

    assert not bench.ok(MODULE, **ask(use_case="Churn", state="absent"))["changed"]
    gone = bench.cycle(MODULE, **ask(use_case="Fraud", state="absent"))
    assert (gone["use_cases"], gone["previous_use_cases"]) == ([], [{"id": fraud.id, "name": "Fraud"}])
    assert parents(bench, group) == {"Bank"}
    stored = bench.client.get_object(group.id)
    assert stored is not None
    assert (stored.description, stored.title, stored.fields[ARN]) == ("About churn", "churn", f"{GROUP_ARN}churn")


def test_a_group_made_under_a_use_case_moves_with_its_primary_parent(
    bench: Bench, bank: ConsoleObject, churn: ConsoleObject, fraud: ConsoleObject
) -> None:
    group = bench.put("ModelGroup", "churn", churn, arn=f"{GROUP_ARN}churn")
    moved = bench.cycle(MODULE, **ask(use_case="Fraud"))
    assert [step["action"] for step in moved["operations"]] == ["link", "make_primary", "unlink"]
    assert parents(bench, group) == {"Fraud"}
    stored = bench.client.get_object(group.id)
    assert stored is not None
    assert (stored.primary_parent_id, stored.description, stored.fields[ARN]) == (
        fraud.id,
        "About churn",
        f"{GROUP_ARN}churn",
    )
    gone = bench.cycle(MODULE, **ask(state="absent"))
    assert [step["action"] for step in gone["operations"]] == ["make_primary", "unlink"]
    assert parents(bench, group) == {"Bank"}


@pytest.mark.parametrize("by", ["name", "id", "arn"])
def test_a_group_is_found(by: str, bench: Bench, churn: ConsoleObject, group: ConsoleObject) -> None:
    named = {"name": "churn", "id": group.id, "arn": f"{GROUP_ARN}churn"}[by]
    linked = bench.ok(MODULE, **ask(model_group=named, use_case=churn.id))
    assert linked["model_group"]["id"] == group.id
    assert parents(bench, group) == {"Bank", "Churn"}


def test_several_links_made_elsewhere_become_one(
    bench: Bench, churn: ConsoleObject, fraud: ConsoleObject, group: ConsoleObject
) -> None:
    bench.client.associate(group.id, parents=[churn.id, fraud.id])
    done = bench.cycle(MODULE, **ask(use_case="Churn"))
    assert done["operations"] == [{"action": "unlink", "id": fraud.id, "name": "Fraud"}]


def test_a_use_case_under_a_child_of_the_entity_is_refused_by_name(
    bench: Bench, bank: ConsoleObject, group: ConsoleObject
) -> None:
    retail = bench.put("SOXBusEntity", "Retail", bank)
    lost = bench.put("Register", "Lost", retail)
    told = bench.refuse(MODULE, **ask(use_case="Lost"))
    assert '"Retail"' in told
    assert 'not directly under the business entity "Bank"' in told
    bench.client.associate(lost.id, parents=[bank.id])
    assert bench.ok(MODULE, **ask(use_case="Lost"))["changed"]


def test_of_two_use_cases_of_one_name_the_one_under_the_entity_is_meant(
    bench: Bench, churn: ConsoleObject, group: ConsoleObject
) -> None:
    other = bench.put("SOXBusEntity", "Other")
    bench.put("Register", "Churn", other)
    assert bench.ok(MODULE, **ask(use_case="Churn"))["use_cases"] == [{"id": churn.id, "name": "Churn"}]


def test_bad_input_is_one_clear_sentence(bench: Bench, churn: ConsoleObject, group: ConsoleObject) -> None:
    other = bench.put("SOXBusEntity", "Other")
    twin = bench.put("ModelGroup", "churn", other)
    cases = {
        f"{twin.id} (": ask(use_case="Churn"),
        'no model group "nothing"': ask(model_group="nothing", use_case="Churn"),
        "synchronise the registry first": ask(model_group=f"{GROUP_ARN}fraud", use_case="Churn"),
        "not a group": ask(model_group=f"{GROUP_ARN.replace('-group/', '/')}churn/1", use_case="Churn"),
        "is not the ARN": ask(model_group="arn:aws:s3:::bucket", use_case="Churn"),
        'no use case "Nothing"': ask(model_group=group.id, use_case="Nothing"),
        "use_case": ask(model_group=group.id),
        "create it first": ask(model_group=group.id, use_case="Churn", business_entity="Nobody"),
    }
    for words, options in cases.items():
        assert words in bench.refuse(MODULE, **options)


def test_a_run_that_was_cut_off_is_finished_by_the_next(
    bench: Bench, bank: ConsoleObject, churn: ConsoleObject, fraud: ConsoleObject
) -> None:
    group = bench.put("ModelGroup", "churn", churn)
    for faults in (("PUT", "contents"), ("DELETE", "contents")):
        bench.console.fault("status", *faults, status=400, times=1)
        assert bench.run(MODULE, **ask(use_case="Fraud"))["failed"]
    assert bench.ok(MODULE, **ask(use_case="Fraud"))["changed"]
    assert parents(bench, group) == {"Fraud"}


def test_the_requests_it_makes(bench: Bench, churn: ConsoleObject, group: ConsoleObject) -> None:
    bench.client.associate(group.id, parents=[churn.id])
    bench.console.clear_calls()
    assert not bench.ok(MODULE, **ask(use_case="Churn"))["changed"]
    assert bench.console.calls() == {
        "POST token": 1,
        "GET types": 1,
        "POST query": 5,
        "GET contents/associations": 3,
        "GET contents": 1,
    }
