# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random schedules of changes, late, doubled, swapped and lost events, kills, throttling and outages.

After each schedule one full sweep must do: then the console equals what the book says, nothing is there twice, nothing
foreign was touched, and another sweep writes nothing (I1, I4, I5 and I7 of the agent's invariants).

``TEST_SCHEDULES=20000`` runs more of them, ``TEST_SEED=…`` others. A failing one is printed as the steps
that lead to it; the same seed finds it again, and a seed that is given shrinks it as well.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import boto3
import pytest
from botocore.config import Config
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.model import (
    AmbientCredentials,
    Connection,
    ConsoleEndpoint,
)
from tests.emulators.aws.server import AwsEmulator
from tests.emulators.console.server import ConsoleEmulator
from tests.integration.schedules.book import ALGORITHM, DESCRIPTION, OWNER
from tests.integration.schedules.engine import Engine, KilledError
from tests.integration.schedules.sides import ACCOUNT, ANCHOR, ENTITY, REGION, Sides, event_of_answer

SCHEDULES = int(os.environ.get("TEST_SCHEDULES", "1000"))
SEED = int(os.environ.get("TEST_SEED", "20261122"))
BLOCKS = 8
STEPS = 12

groups = st.sampled_from(["churn", "Credit-Risk", "fraud"])
texts = st.sampled_from(["first text", "second text", "ein Text mit ü", "a 'quoted' text; -- and [more] %_"])
owners = st.sampled_from(["alice", "bob", "alice@example.com", "nobody", ""])
algorithms = st.sampled_from(["XGBoost", "Random forest"])
approvals = st.sampled_from(["Approved", "Rejected", "PendingManualApproval"])
cycles = st.sampled_from(
    [("Development", "InProgress"), ("Development", "Complete"), ("Archived", "Retired"), ("Production", "Live")]
)
statuses = st.sampled_from(["Under Development", "Development Complete", "Model Definition", "Decommissioned"])
picks = st.integers(0, 50)


@pytest.fixture(scope="module")
def sagemaker(aws_process: AwsEmulator) -> Iterator[Any]:
    """A client that repeats no call by itself: what fails is the product's to repeat, by the schedule's clock."""
    client = boto3.session.Session().client(
        "sagemaker",
        endpoint_url=aws_process.endpoint_url,
        region_name=REGION,
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key="emulated",
        config=Config(retries={"total_max_attempts": 1}),
    )
    yield client
    client.close()


@dataclass
class World:
    """What all schedules of a block share, and how many there were."""

    aws: AwsEmulator
    console: ConsoleEmulator
    sagemaker: Any
    ended: list[int] = field(default_factory=list)


class Schedule(RuleBasedStateMachine):
    """One schedule over the emulators of ``world``; its number of changes is added to ``world.ended``."""

    world: ClassVar[World]

    def __init__(self) -> None:
        super().__init__()
        self.home = Path(tempfile.mkdtemp(prefix="wxgov-schedule-"))
        self.sides = Sides(self.world.aws, self.world.console, self.world.sagemaker)
        self.book = self.sides.book
        self.events: list[str] = []
        login = {"api_key": "demo-api-key", "instance_id": "demo-instance", "token_url": self.world.console.url}
        connection = Connection(
            name="production",
            business_entity_id=self.sides.entity,
            business_entity_name=ENTITY,
            default_user="governance.team",
            account_id=ACCOUNT,
            region=REGION,
            credentials=AmbientCredentials(),
            queue_url="",
            console=ConsoleEndpoint(self.world.console.url, "mcsp", login),
        )
        self.engine = Engine(connection, self.world.sagemaker, self.home / "state.db", self._hear)

    def _hear(self, operation: str, answer: Any) -> None:
        body = event_of_answer(operation, answer)
        if body is not None:
            self.events.append(body)

    # ---- the registry changes ----------------------------------------------------------------------------------

    @rule(name=groups, text=texts)
    def create_group(self, name: str, text: str) -> None:
        known = self.book.groups.get(name)
        if known is None or not known.is_there:
            self.events.append(self.sides.create_group(name, text))

    @precondition(lambda self: self.book.living())
    @rule(pick=picks, text=texts, owner=owners, algorithm=algorithms | st.just(""), approval=approvals)
    def create_package(self, pick: int, text: str, owner: str, algorithm: str, approval: str) -> None:
        there = [group.name for group in self.book.groups.values() if group.is_there]
        self.events.append(self.sides.create_package(there[pick % len(there)], text, owner, algorithm, approval))

    @precondition(lambda self: self.book.living())
    @rule(pick=picks, approval=approvals)
    def approve(self, pick: int, approval: str) -> None:
        self.events.append(self.sides.approve(self._living(pick), approval))

    @precondition(lambda self: self.book.living())
    @rule(pick=picks, cycle=cycles)
    def move_on(self, pick: int, cycle: tuple[str, str]) -> None:
        self.events.append(self.sides.move_on(self._living(pick), *cycle))

    @precondition(lambda self: self.book.living())
    @rule(pick=picks, algorithm=algorithms, status=st.sampled_from(["Draft", "Approved", "Archived"]))
    def rewrite_card(self, pick: int, algorithm: str, status: str) -> None:
        self.events.append(self.sides.rewrite_card(self._living(pick), algorithm, status))

    @precondition(lambda self: self._deletable())
    @rule(pick=picks)
    def delete_package(self, pick: int) -> None:
        deletable = self._deletable()
        self.events.append(self.sides.delete_package(deletable[pick % len(deletable)]))

    @precondition(lambda self: any(g.is_there and not g.packages for g in self.book.groups.values()))
    @rule(pick=picks)
    def delete_group(self, pick: int) -> None:
        empty = [group for group in self.book.groups.values() if group.is_there and not group.packages]
        self.events.append(self.sides.delete_group(empty[pick % len(empty)]))

    def _deletable(self) -> list[Any]:
        return [package for package in self.book.living() if package.group != ANCHOR]

    def _living(self, pick: int) -> Any:
        living = self.book.living()
        return living[pick % len(living)]

    # ---- the console changes -----------------------------------------------------------------------------------

    @precondition(lambda self: self.book.living())
    @rule(
        pick=picks,
        edit=st.tuples(st.just(DESCRIPTION), texts)
        | st.tuples(st.just(OWNER), st.sampled_from(["alice", "bob"]))
        | st.tuples(st.just(ALGORITHM), st.just("Somebody's own words")),
    )
    def edit_in_the_console(self, pick: int, edit: tuple[str, str]) -> None:
        self.sides.edit(self._living(pick), *edit)

    @precondition(lambda self: self.book.living())
    @rule(pick=picks, status=statuses)
    def decide_in_the_console(self, pick: int, status: str) -> None:
        self.sides.set_status(self._living(pick), status)

    @rule(name=st.sampled_from(["Customer retention", "Early warning"]), misplaced=st.booleans())
    def propose_use_case(self, name: str, misplaced: bool) -> None:
        if name not in [case.name for case in self.sides.cases.values()]:
            self.sides.propose(name, misplaced=misplaced)

    @precondition(lambda self: any(not case.approved for case in self.sides.cases.values()))
    @rule(pick=picks)
    def approve_use_case(self, pick: int) -> None:
        waiting = [case for case in self.sides.cases.values() if not case.approved]
        self.sides.approve_case(waiting[pick % len(waiting)])

    # ---- events arrive, or not ---------------------------------------------------------------------------------

    @precondition(lambda self: self.events)
    @rule(pick=picks, stays=st.booleans())
    def deliver(self, pick: int, stays: bool) -> None:
        body = self.events[pick % len(self.events)]
        if not stays:
            self.events.remove(body)
        self.engine.deliver(body)

    @precondition(lambda self: self.events)
    @rule()
    def deliver_all(self) -> None:
        for body in self.events:
            self.engine.deliver(body)
        self.events.clear()

    @precondition(lambda self: self.events)
    @rule(pick=picks)
    def lose(self, pick: int) -> None:
        self.events.pop(pick % len(self.events))

    @rule(body=st.sampled_from(["", "{", "[]", '{"detail": 1}', '{"source": "aws.s3"}']))
    def deliver_poison(self, body: str) -> None:
        self.engine.deliver(body)

    # ---- the product works -------------------------------------------------------------------------------------

    @rule(keys=st.integers(1, 5))
    def work(self, keys: int) -> None:
        self._until_killed(lambda: self.engine.work(keys))

    @rule()
    def sweep(self) -> None:
        self._until_killed(self.engine.sweep)

    @rule()
    def poll(self) -> None:
        self._until_killed(self.engine.poll)

    @rule(seconds=st.sampled_from([1.0, 60.0, 4000.0]))
    def wait(self, seconds: float) -> None:
        self.engine.now += seconds

    def _until_killed(self, work: Any) -> None:
        try:
            work()
        except KilledError:
            self.engine.restart()

    # ---- things go wrong ---------------------------------------------------------------------------------------

    @rule(call=st.integers(1, 6), after=st.booleans())
    def kill(self, call: int, after: bool) -> None:
        self.engine.fate.kill_at(call, after=after)

    @rule(lose_journal=st.booleans())
    def restart(self, lose_journal: bool) -> None:
        self.engine.restart(lose_journal=lose_journal)

    @rule(
        kind=st.sampled_from(["status", "html", "redirect", "reset", "lost_response", "truncate"]),
        where=st.sampled_from([("POST", "contents"), ("PUT", "contents"), ("POST", "query"), (None, None)]),
        status=st.sampled_from([429, 500, 503]),
        times=st.integers(1, 3),
    )
    def break_the_console(self, kind: str, where: Any, status: int, times: int) -> None:
        self.world.console.fault(kind, *where, status=status, times=times)

    @rule(
        operation=st.sampled_from(["Search", "DescribeModelPackage", "DescribeModelPackageGroup"]),
        fault=st.sampled_from([("error", "ThrottlingException"), ("error", "AccessDeniedException")])
        | st.sampled_from([("http_html_200", ""), ("truncate", ""), ("reset", "")]),
    )
    def break_the_registry(self, operation: str, fault: tuple[str, str]) -> None:
        options = {"code": fault[1]} if fault[1] else {}
        self.world.aws.fault(f"sagemaker.{operation}", fault[0], times=1, **options)

    @rule(seconds=st.sampled_from([0, 3600]))
    def let_the_search_index_lag(self, seconds: int) -> None:
        self.world.aws.configure_registry(search_lag=seconds)

    # ---- and in the end ----------------------------------------------------------------------------------------

    def teardown(self) -> None:
        try:
            self._check()
        finally:
            self.engine.close()
            shutil.rmtree(self.home)

    def _check(self) -> None:
        self.world.console.faults.clear()
        self.world.aws.clear_faults()
        self.world.aws.configure_registry(search_lag=0)
        self.engine.fate.spare()
        self.engine.now += 100_000.0
        self.events.clear()
        assert self.engine.sweep(), "nothing is broken any more, and the sweep failed"
        self.engine.settle()
        while self.events:  # what the product itself wrote to the registry comes back as events
            self.engine.deliver(self.events.pop())
            self.engine.settle()
        assert list(self.sides.look_at_registry()) == []
        assert list(self.book.differences(self.sides.objects())) == []
        assert self.sides.touched_foreigners() == []
        self.world.console.clear_calls()
        assert self.engine.sweep()
        self.engine.settle()
        writes = {
            name: n for name, n in self.world.console.calls().items() if name in ("POST contents", "PUT contents")
        }
        assert writes == {}, "a sweep over what agrees writes"
        self.world.ended.append(self.book.turn)


@pytest.mark.parametrize("block", range(BLOCKS))
def test_one_sweep_after_any_schedule_brings_the_two_sides_together(
    block: int, aws: AwsEmulator, console: ConsoleEmulator, sagemaker: Any
) -> None:
    schedules = settings(
        max_examples=20,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        print_blob=True,
        report_multiple_bugs=False,
        phases=[Phase.generate, Phase.shrink] if "TEST_SEED" in os.environ else [Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    shared = World(aws, console, sagemaker)

    class Here(Schedule):
        """Schedules of this block."""

        world = shared

    # Hypothesis takes `max_examples` as a number of different ones and runs more; what counts here is what was run.
    while len(shared.ended) < SCHEDULES / BLOCKS:
        factory = seed(SEED + block + BLOCKS * len(shared.ended))(Here)
        run_state_machine_as_test(factory, settings=schedules)
