# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""sqs_queue_info and eventbridge_rule_info: what the modules returned, by name, by prefix, over pages."""

from __future__ import annotations

import pytest

from tests.integration.aws.conftest import ACCOUNT, Account

QUEUE = f"arn:aws:sqs:us-east-1:{ACCOUNT}:events-b"


@pytest.fixture
def made(account: Account) -> dict[str, list[dict[str, object]]]:
    """Two queues and two rules whose names begin alike, and one of each that does not."""
    queues = [
        account.succeed("sqs_queue", name="events-a.fifo", high_throughput_fifo=True)["queue"],
        account.succeed("sqs_queue", name="events-b", tags={"team": "a"}, redrive_allow_policy={})["queue"],
    ]
    target = {"id": "queue", "arn": QUEUE}
    rules = [
        account.succeed("eventbridge_rule", name=f"events-{letter}", event_pattern={"source": ["x"]}, **options)["rule"]
        for letter, options in (("a", {"targets": [target]}), ("b", {"tags": {"team": "a"}, "state": "disabled"}))
    ]
    account.succeed("sqs_queue", name="other")
    account.succeed("eventbridge_rule", name="other", event_pattern={"source": ["x"]})
    return {"queues": queues, "rules": rules}


@pytest.mark.parametrize(("module", "key"), [("sqs_queue_info", "queues"), ("eventbridge_rule_info", "rules")])
def test_what_was_made_is_listed(
    account: Account, made: dict[str, list[dict[str, object]]], module: str, key: str
) -> None:
    found = account.succeed(module, name_prefix="events-")
    assert (found[key], found["changed"]) == (made[key], False)
    assert account.succeed(module, name=made[key][1]["name"], check=True)[key] == made[key][1:]
    assert [entry["name"] for entry in account.succeed(module)[key]] == [
        *(entry["name"] for entry in made[key]),
        "other",
    ]
    assert account.succeed(module, name="events-")[key] == []
    assert account.succeed(module, name_prefix="none-")[key] == []
    assert "mutually exclusive" in account.refuse(module, name="a", name_prefix="a")


def test_an_account_without_queues_has_an_empty_list_and_a_proxy_has_none(account: Account) -> None:
    assert account.succeed("sqs_queue_info")["queues"] == []
    account.emulator.fault("sqs.ListQueues", "http_html_200")
    assert "something that is not SQS's" in account.refuse("sqs_queue_info")


def test_more_rules_than_a_page_holds(account: Account) -> None:
    events = account.client("events")
    for number in range(101):
        events.put_rule(Name=f"many-{number:03}", ScheduleExpression="rate(1 hour)")
    assert len(account.succeed("eventbridge_rule_info", name_prefix="many-")["rules"]) == 101


def test_a_bus_that_is_not_there_is_named(account: Account) -> None:
    message = account.refuse("eventbridge_rule_info", event_bus_name="nowhere")
    assert message == "There is no event bus 'nowhere' in us-east-1."


@pytest.mark.parametrize(
    ("operation", "module", "action"),
    [
        ("sqs.ListQueues", "sqs_queue_info", "sqs:ListQueues"),
        ("events.ListRules", "eventbridge_rule_info", "events:ListRules"),
        ("ram.getresourceshares", "ram_resource_share_info", "ram:GetResourceShares"),
        ("sagemaker.ListModelPackageGroups", "model_package_group_info", "sagemaker:ListModelPackageGroups"),
    ],
)
def test_a_refusal_names_the_action(account: Account, operation: str, module: str, action: str) -> None:
    account.emulator.fault(operation, "error", code="AccessDeniedException", status=403)
    assert f"The credentials may not do {action} on " in account.refuse(module)
