# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people change in the console is found by polling and reaches the registry."""

from __future__ import annotations

import datetime
import pathlib
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.journal import Journal
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.polling import OVERLAP, Polls
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.status import Counters
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.console_changes import moment_of
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.errors import UnreadableTimeError
from tests.demo.scenario import ConsoleSession
from tests.integration.sync.conftest import World
from tests.integration.sync.test_use_cases import APPROVED, STATUS, group_of, groups, package_of, registry_writes


class Poller:
    """The polling of the world's connection; time passes on both clocks when the test says so."""

    def __init__(self, world: World, folder: pathlib.Path) -> None:
        self._world = world
        self.runtime = world.runtime()
        self._journal = Journal(folder / "state.db")
        self._clock = 0.0
        self.counters = Counters()
        self._polls = Polls(
            "production", self.runtime.changes, self._journal, self.counters, 60, clock=lambda: self._clock
        )

    def turn(self, seconds: float = 60) -> set[str]:
        """Let time pass and poll; the keys that are dirty then, taken off the journal."""
        self._clock += seconds
        requests.post(f"{self._world.console.url}/_emulator/clock", json={"advance": seconds}, timeout=5)
        assert self._polls.turn(), self.counters.snapshot().last_error
        keys = set()
        while (lease := self._journal.take("production")) is not None:
            keys.add(lease.key)
            self._journal.done(lease)
        return keys

    def work(self) -> None:
        """A turn, and what it leads to."""
        for key in sorted(self.turn()):
            self.runtime.reconciler.reconcile(key)

    def settle(self) -> None:
        """Turns until nothing is marked: what was there when polling began is looked at for a while."""
        for _turn in range(6):
            self.work()
        assert self.turn() == set()

    def close(self) -> None:
        self.runtime.close()
        self._journal.close()


@pytest.fixture
def poller(world: World, tmp_path: pathlib.Path) -> Iterator[Poller]:
    made = Poller(world, tmp_path)
    yield made
    made.close()


def edit(world: World, object_id: str, **fields: Any) -> None:
    """Change fields of an object as a person does."""
    present = world.session.get(object_id)
    body = {"name": present["name"], "title": present["title"], "description": present.get("description", "")}
    body["fields"] = [{"name": name, "value": value} for name, value in fields.items()]
    url = f"{world.console.url}/opgrc/api/v2/contents/{object_id}"
    world.session._session.put(url, json=body, timeout=5).raise_for_status()


def test_a_status_set_in_the_console_reaches_the_registry_in_one_turn(world: World, poller: Poller) -> None:
    first, second = world.register("churn", versions=2)
    world.sync()
    poller.settle()
    edit(world, world.model(first)["id"], **{"MRG-Model:Status": {"name": "Model Definition"}})
    assert poller.turn() == {first}
    poller.runtime.reconciler.reconcile(first)
    life_cycle = world.sagemaker.describe_model_package(ModelPackageName=first)["ModelLifeCycle"]
    assert life_cycle == {"Stage": "Development", "StageStatus": "Review"}
    assert "ModelLifeCycle" not in world.sagemaker.describe_model_package(ModelPackageName=second)


def test_an_approval_makes_the_group_in_one_turn(world: World, poller: Poller) -> None:
    case = world.session.create("Register", "Claims triage", world.connection.business_entity_id)
    poller.settle()
    assert groups(world) == []
    edit(world, case, **{STATUS: APPROVED})
    poller.work()
    assert groups(world) == ["claims-triage"]
    poller.work()  # the group and what it holds now differ from what was agreed, which is nothing
    poller.runtime.reconciler.reconcile(package_of("claims-triage"))
    assert world.model(package_of("claims-triage"))["primary_parent_id"] == world.model(group_of("claims-triage"))["id"]


def test_our_own_writes_come_to_rest(world: World, poller: Poller) -> None:
    """A sync of everything is not looked at all over again because the console now says "modified"."""
    packages = world.register("churn", versions=30)
    poller.settle()
    world.sync()
    assert poller.turn() & set(packages) == set()
    poller.settle()
    world.aws.clear_calls()
    world.console.clear_calls()
    assert poller.turn() == set()
    assert world.console.calls() == {"POST query": 3}
    assert registry_writes(world) == {}


def test_a_turn_costs_a_query_a_type_however_many_objects_there_are(world: World, poller: Poller) -> None:
    world.register("churn", versions=20)
    world.sync()
    poller.settle()
    world.console.clear_calls()
    poller.turn()
    assert world.console.calls() == {"POST query": 3}


def test_a_burst_of_more_than_a_page_is_found_whole(world: World, poller: Poller) -> None:
    packages = world.register("churn", versions=12)
    world.sync()
    poller.settle()
    world.console.switch(max_limit=5)
    for arn in packages:
        edit(world, world.model(arn)["id"], **{"MRG-Model:Status": {"name": "Model Definition"}})
    assert poller.turn() == set(packages)


def test_the_question_leaves_a_day_for_the_consoles_time_zone(world: World, poller: Poller) -> None:
    """A DATE is a day of some zone, from 12 hours behind UTC to 14 ahead."""
    world.register("churn")
    world.sync()
    poller.settle()
    newest = max(row[0] for row in world.session.rows("SELECT [Last Modification Date] FROM [Model]"))
    poller.turn()
    (statement,) = [
        request["body"]["statement"]
        for request in world.console.requests()[-3:]
        if "FROM [Model]" in request["body"]["statement"]
    ]
    asked = datetime.date.fromisoformat(statement.split("DATE '")[1][:10])
    overlapping = datetime.datetime.fromisoformat(newest).astimezone(datetime.timezone.utc) - datetime.timedelta(
        seconds=OVERLAP
    )
    assert asked == overlapping.date() - datetime.timedelta(days=1)


@pytest.mark.parametrize("minutes", [-720, 0, 840])
def test_the_consoles_time_zone_does_not_matter(world: World, poller: Poller, minutes: int) -> None:
    world.console.switch(query_offset_minutes=minutes)
    (arn,) = world.register("churn")
    world.sync()
    poller.settle()
    edit(world, world.model(arn)["id"], **{"MRG-Model:Status": {"name": "Model Definition"}})
    assert poller.turn() == {arn}


def test_nor_does_a_clock_that_is_months_ahead_of_ours(world: World, poller: Poller) -> None:
    requests.post(f"{world.console.url}/_emulator/clock", json={"advance": 90 * 86400}, timeout=5)
    world.session = ConsoleSession(world.console.url)  # the token that the test itself had is too old now
    (arn,) = world.register("churn")
    world.sync()
    poller.settle()
    edit(world, world.model(arn)["id"], **{"MRG-Model:Status": {"name": "Model Definition"}})
    assert poller.turn() == {arn}


def test_objects_of_other_registries_are_none_of_ours(world: World, poller: Poller) -> None:
    other = "arn:aws:sagemaker:us-east-1:999988887777:model-package/churn/1"
    entity = world.session.create("SOXBusEntity", "Elsewhere")
    made = world.session.create("Model", "theirs", entity, **{"Integration:External ID": other})
    world.session.create("Model", "nobody's", entity)
    assert poller.turn() == set()
    edit(world, made, **{"MRG-Model:Status": {"name": "Model Definition"}})
    assert poller.turn() == set()


def test_a_model_whose_state_somebody_wiped_is_looked_at(world: World, poller: Poller) -> None:
    (arn,) = world.register("churn")
    world.sync()
    poller.settle()
    edit(world, world.model(arn)["id"], **{"Integration:Additional Information": "tidied up"})
    assert poller.turn() == {arn}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-07-20T17:29:20.000+02:00", 1784561360.0),
        ("2026-07-20T15:29:20.000Z", 1784561360.0),
        ("2026-07-20T15:29:20", 1784561360.0),
        ("2026-07-20", 1784505600.0),
    ],
)
def test_forms_of_a_time(text: str, seconds: float) -> None:
    assert moment_of({"Last Modification Date": text}) == seconds


@pytest.mark.parametrize("row", [{"Last Modification Date": "20/07/2026"}, {}])
def test_a_form_that_is_not_known_is_an_error_and_no_change(row: dict[str, str]) -> None:
    with pytest.raises(UnreadableTimeError, match="sweeps"):
        moment_of(row)
