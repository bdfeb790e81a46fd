# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ten connections at once: nobody waits for anybody else."""

from __future__ import annotations

import threading

import pytest

from tests.integration.preflight.world import World, policy_file, standing

ACCOUNTS = {f"account-{number}": f"21000000000{number}" for number in range(10)}
PATIENCE = 60
"""Seconds for which an answer is held back at most; a run that is too slow for it fails, it does not hang."""


@pytest.fixture(scope="module")
def world(empty_world: World) -> World:
    empty_world.onboard(ACCOUNTS, {"look": policy_file("inspector")})
    return empty_world


def test_all_ten_are_looked_at_at_once_on_all_sides(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """No answer is given before all ten have asked: looked at one after the other, the first would wait in vain."""
    held = {name: threading.Barrier(len(ACCOUNTS)) for name in ("cloudtrail.DescribeTrails", "sagemaker.Search")}
    count = world.aws._traffic.count

    def hold(operation: str) -> None:
        count(operation)
        if operation in held:
            held[operation].wait(PATIENCE)

    monkeypatch.setattr(world.aws._traffic, "count", hold)
    logins = threading.Barrier(len(ACCOUNTS))
    monkeypatch.setattr(world.console.faults, "_sleep", lambda _seconds: logins.wait(PATIENCE))
    world.console.fault("latency", "POST", "token", times=len(ACCOUNTS))
    world.aws.clear_calls()
    world.console.clear_calls()
    result = world.run()
    assert [standing(result, number) for number in range(10)] == [{}] * 10
    assert result["msg"] == "All 10 connections are ok."
    assert {name: world.aws.calls()[name] for name in held} == dict.fromkeys(held, 10)
    assert world.console.calls()["POST token"] == 10
    assert not any(barrier.broken for barrier in (*held.values(), logins))


def test_one_broken_connection_of_ten_is_named_and_the_others_are_ok(world: World) -> None:
    events = world.root("events", ACCOUNTS["account-7"])
    events.disable_rule(Name="wxgov-sagemaker-account-7")
    result = world.run(connections=list(reversed(ACCOUNTS)))
    events.enable_rule(Name="wxgov-sagemaker-account-7")
    assert [report["connection"] for report in result["reports"]] == list(reversed(ACCOUNTS))
    assert [report["ok"] for report in result["reports"]] == [number != 2 for number in range(10)]
    assert result["msg"] == (
        "account-7: aws.rule failed: Disabled: wxgov-sagemaker-account-7. Enable it: aws events enable-rule --name "
        "wxgov-sagemaker-account-7. The other 9 connections are ok."
    )
