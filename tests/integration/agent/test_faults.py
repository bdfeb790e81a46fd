# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults of the surroundings: network, sleep, several agents, other hosts, a large backlog."""

from __future__ import annotations

import os
import pathlib
import signal
import threading
import time

import pytest

from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.journal import Journal
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.settings import Settings
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.status import Counters
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.threads import Crew
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.unit import Surroundings, Unit
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.workers import WorkerPool
from tests.integration.agent.conftest import Home, end, resident_megabytes, settle
from tests.integration.agent.network import Network
from tests.integration.agent.support import (
    World,
    WorldReconciler,
    WorldRuntime,
    WorldSweeper,
    create_queue,
    event_body,
    make_connection,
    package_arn,
    sqs_client,
    wait_until,
)
from tests.integration.agent.two_sides import TwoSides

ARN = package_arn("credit-risk", 1)


def touch(queue, world, arn=ARN):
    world.change(arn)
    queue.send(event_body(arn))


@pytest.fixture
def neighbour(home, tmp_path):
    """Another host: a state directory of its own, the same connections, registry and console."""
    folder = tmp_path / "neighbour"
    folder.mkdir()
    made = Home(folder, home.emulator)
    made.store = home.store
    made.configure()
    yield made
    made.close()


def is_running(home, name="prod"):
    return home.connection(name).get("state") == "running"


def test_a_network_that_refuses_or_swallows_everything_is_survived_without_a_restart(home):
    """Row 8."""
    queue, world = home.connect()
    with Network("127.0.0.1", home.emulator.port) as network:
        agent = home.start(WXGOV_TEST_BLIND="1", AWS_ENDPOINT_URL=network.url)
        touch(queue, world)
        wait_until(lambda: world.target() == [(ARN, 1)])
        for number, fail in enumerate((network.refuse, network.silence), 1):
            errors = home.connection()["counts"]["queue_errors"]
            fail()
            touch(queue, world)
            wait_until(lambda known=errors: home.connection()["counts"]["queue_errors"] > known)
            assert world.target() == [(ARN, number)]
            network.heal()
            home.emulator.advance(31)
            wait_until(lambda known=number: world.target() == [(ARN, known + 1)])
        assert end(agent) == 0


def test_what_a_sleeping_agent_writes_when_it_wakes_up_does_not_stay(home, neighbour):
    """Row 21: it looked, slept, and writes what is old by now; another agent has written the new state meanwhile."""
    home.configure(doubt_seconds=1)
    queue, world = home.connect()
    sleeper = home.start(WXGOV_TEST_BLIND="1", WXGOV_TEST_STOP_AT="compared:2")
    touch(queue, world)
    wait_until(lambda: world.target() == [(ARN, 1)])
    wait_until(lambda: queue.depth() == 0)
    touch(queue, world)
    wait_until(lambda: process_state(sleeper.pid) == "T")
    home.emulator.advance(31)
    other = neighbour.start(WXGOV_TEST_BLIND="1", WXGOV_TEST_WORLD=str(home.folder))
    touch(queue, world)
    wait_until(lambda: world.target() == [(ARN, 3)])
    time.sleep(1.1)  # it sleeps for longer than it may without doubt
    os.kill(sleeper.pid, signal.SIGCONT)
    wait_until(lambda: len(world.rows("SELECT key FROM writes")) >= 4)  # the old state, and then the new one again
    wait_until(lambda: home.connection().get("dirty") == 0)
    assert world.target() == [(ARN, 3)]
    assert (end(sleeper), end(other)) == (0, 0)


def process_state(pid):
    """R, S, T (stopped) …, see proc(5)."""
    return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]


def test_two_agents_on_one_connection_by_mistake_do_no_harm(home, neighbour, console):
    """I3 and I4 with the real synchronisation: both sweep and both take events, of the same registry."""
    sides = TwoSides(home.emulator, console, seed=7)
    home.store.save(sides.connection())
    for _change in range(30):
        sides.change()
    for agent in (home, neighbour):
        agent.configure(incremental_sweep_seconds=1)
    agents = [one.start(module="real_agent", wait=False) for one in (home, neighbour)]
    wait_until(lambda: is_running(home) and is_running(neighbour))
    for _change in range(40):
        sides.change()
    for one in (home, neighbour):
        settle(one, sides.queue)
    wait_until(lambda: sides.differences() == [])
    outcomes = [one.connection()["outcomes"] for one in (home, neighbour)]
    assert all(sum(found.values()) for found in outcomes), "both have worked"
    assert [end(agent) for agent in agents] == [0, 0]
    assert sides.differences() == []
    sides.close()


def test_a_connection_that_moves_to_another_host_loses_nothing(home, neighbour):
    moving, moving_world = home.connect("moving")
    staying, staying_world = home.connect("staying")
    home.configure(connections=["moving"])
    neighbour.configure(connections=["staying"])
    agents = [home.start(), neighbour.start(WXGOV_TEST_WORLD=str(home.folder))]
    wait_until(lambda: is_running(home, "moving") and is_running(neighbour, "staying"))
    assert (home.status()["standby"], neighbour.status()["standby"]) == (["staying"], ["moving"])
    stop = threading.Event()

    def keep_changing():
        number = 0
        while not stop.wait(0.05):
            number += 1
            touch(moving, moving_world, package_arn("moving", number % 7 + 1))
            touch(staying, staying_world, package_arn("staying", number % 7 + 1))

    changer = threading.Thread(target=keep_changing)
    changer.start()
    try:
        wait_until(lambda: home.connection("moving")["counts"]["received"] > 10)
        home.configure(connections=[])
        agents[0].send_signal(signal.SIGHUP)
        wait_until(lambda: home.status()["connections"] == {})
        neighbour.configure(connections=["staying", "moving"])
        agents[1].send_signal(signal.SIGHUP)
        wait_until(lambda: is_running(neighbour, "moving"))
        known = neighbour.connection("moving")["counts"]["received"]
        wait_until(lambda: neighbour.connection("moving")["counts"]["received"] > known + 10)
    finally:
        stop.set()
        changer.join(60)
    settle(neighbour, moving, "moving")
    settle(neighbour, staying, "staying")
    assert moving_world.target() == moving_world.source()
    assert staying_world.target() == staying_world.source()
    assert home.status()["standby"] == ["moving", "staying"]
    assert [end(agent) for agent in agents] == [0, 0]


def test_a_backlog_of_a_hundred_thousand_keys_takes_little_memory(home):
    """Row 25."""
    home.connect()
    home.state.mkdir()
    journal = Journal(home.state / "state.db")
    for start in range(0, 100_000, 10_000):
        journal.mark_dirty("prod", [package_arn("credit-risk", start + number + 1) for number in range(10_000)])
    journal.close()
    agent = home.start(WXGOV_TEST_BLIND="1")
    wait_until(lambda: home.connection().get("dirty", 100_000) < 99_500)
    megabytes = resident_megabytes(agent.pid)
    print(f"resident: {megabytes:.0f} MB")
    assert megabytes < 150
    assert end(agent) == 0


@pytest.mark.parametrize(
    ("retention", "silence", "sweeps"), [(600, 299, 1), (600, 301, 2), (1_209_600, 301, 1), (None, 604_801, 2)]
)
def test_an_outage_longer_than_half_the_queues_retention_leads_to_a_full_sweep(home, retention, silence, sweeps):
    """Row 16: the queue itself says how long it keeps messages; one that does not say is taken to keep them 14 days."""
    queue = create_queue(home.emulator.endpoint_url)
    if retention:
        queue.client.set_queue_attributes(QueueUrl=queue.url, Attributes={"MessageRetentionPeriod": str(retention)})
    else:
        home.emulator.fault("sqs.GetQueueAttributes", "error", code="AccessDenied", status=403)
    home.state.mkdir()
    journal, world, now = Journal(home.state / "state.db"), World(home.folder / "prod.db"), [1_800_000_000.0]
    pool, crew, counters = WorkerPool(journal, 1, pytest.fail), Crew(lambda: None), Counters()
    client = sqs_client(home.emulator.endpoint_url)
    runtime = WorldRuntime(WorldReconciler(world, lambda name: None), WorldSweeper(world, blind=True), client)
    schedule = {"full_sweep_seconds": 31 * 86_400, "incremental_sweep_seconds": 86_400}
    settings = Settings(home.state, receive_wait_seconds=1, **schedule)
    around = Surroundings(settings, lambda connection: runtime, journal, pool, crew, clock=lambda: now[0])
    unit = Unit(make_connection(queue.url), counters, around)
    unit.start()
    wait_until(lambda: world.rows("SELECT kind FROM sweeps") == [("full",)])
    wait_until(lambda: "receive" in counters.snapshot().moments)
    now[0] += silence
    wait_until(lambda: counters.snapshot().moments["receive"] == now[0])
    known = home.emulator.calls()["sqs.ReceiveMessage"]
    wait_until(lambda: home.emulator.calls()["sqs.ReceiveMessage"] > known + 1)
    wait_until(lambda: len(world.rows("SELECT kind FROM sweeps WHERE kind = 'full'")) == sweeps)
    unit.stop()
    wait_until(lambda: unit.finished)
    assert world.rows("SELECT kind FROM sweeps WHERE kind = 'full'") == [("full",)] * sweeps
    unit.close()
    journal.close()
