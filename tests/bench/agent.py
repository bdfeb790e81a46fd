# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent against a naive loop and against the event source that there was before, over the same queue.

    python -m tests.bench.agent [--rulebook] [--workers N]

The queue is that of the AWS emulator, in a process of its own: it keeps SQS's rules for FIFO queues, and ``null`` (take
ten, delete ten, do nothing) shows how quick it is, so it is not what is measured. Registry and console are stand-ins
(see `agent_standins`) for the same reason: moto needs 4 ms of CPU to describe a package. All events are in one message
group, as a classic EventBridge rule has it.

A run: the queue is filled while nobody listens, the contender is started, and time and its CPU count from its first
receive until the console holds every package as the registry has it and the queue is empty. What does no work
(``null``, rulebook) ends with the queue. An event is a hint: where several are about one package, one write is enough,
so events and writes are counted apart.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import pathlib
import signal
import statistics
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.bench import rulebook
from tests.bench.agent_site import CLOCK_TICKS, Process, Site, running, site, wait_for
from tests.bench.agent_standins import REGION

NEAR, FAR = 0.005, 0.15
"""Seconds that a console holds each answer back."""


@dataclasses.dataclass(frozen=True, slots=True)
class Measure:
    """One run. ``cpu`` are the contender's CPU seconds, ``queue_cpu`` those of the queue's process."""

    who: str
    events: int
    packages: int
    latency: float
    seconds: float
    cpu: float
    queue_cpu: float
    writes: int

    @property
    def rate(self) -> float:
        """Events a second."""
        return self.events / self.seconds

    @property
    def rate_a_core(self) -> float:
        """Events a second of the contender's CPU."""
        return self.events / self.cpu

    @property
    def milliseconds(self) -> float:
        """The contender's CPU an event."""
        return 1000 * self.cpu / self.events


@dataclasses.dataclass(frozen=True, slots=True)
class Load:
    """``each`` events about each of ``packages`` packages, with a console that holds its answers back."""

    packages: int
    each: int
    latency: float

    @property
    def events(self) -> int:
        """All of them."""
        return self.packages * self.each


class Contest:
    """Runs contenders over one site."""

    def __init__(self, where: Site, settings: Mapping[str, Any]) -> None:
        self._site = where
        self._settings = settings
        self._written = 0

    def prepare(self, packages: int) -> None:
        """Let the console have an object for each package."""
        self.ours(Load(packages, 1, 0.0))

    def ours(self, load: Load) -> Measure:
        """The agent, started anew."""
        self._queue_up(load)
        with running(self._site.start_agent(self._settings)) as agent:
            return self._watch("ours", agent, load, works=True)

    def naive(self, load: Load) -> Measure:
        """The naive loop."""
        self._queue_up(load)
        with running(self._contender("naive", self._site.queue_url, self._site.console.url)) as loop:
            return self._watch("naive", loop, load, works=True)

    def null(self, events: int) -> Measure:
        """Nothing but receive and delete."""
        load = Load(events, 1, 0.0)
        self._queue_up(load)
        with running(self._contender("null", self._site.queue_url)) as loop:
            return self._watch("null", loop, load, works=False)

    def rulebook(self, events: int) -> Measure:
        """ansible-rulebook with amazon.aws.aws_sqs_queue and the action "none"."""
        program = rulebook.fetch()
        load = Load(events, 1, 0.0)
        self._queue_up(load)
        rules = self._site.folder / "rulebook.yml"
        rules.write_text(json.dumps([self._ruleset()]))
        inventory = self._site.folder / "inventory.yml"
        inventory.write_text(json.dumps({"all": {"hosts": {"localhost": {"ansible_connection": "local"}}}}))
        command = [str(program), "--rulebook", str(rules), "-i", str(inventory)]
        environment = self._site.environment()
        del environment["PYTHONPATH"]
        environment["ANSIBLE_COLLECTIONS_PATH"] = str(rulebook.COLLECTIONS)
        environment["PATH"] = f"{program.parent}{os.pathsep}{environment['PATH']}"  # it calls ansible-galaxy
        engine = Process(command, environment, log=self._site.folder / "rulebook.log")
        with running(engine):
            return self._watch("aws_sqs_queue, action none", engine, load, works=False)

    def _ruleset(self) -> dict[str, Any]:
        source = {
            "name": self._site.queue_url.rpartition("/")[2],
            "region": REGION,
            "endpoint_url": self._site.queues.url,
            "max_number_of_messages": 10,
        }
        return {
            "name": "Nothing",
            "hosts": "all",
            "sources": [{"amazon.aws.aws_sqs_queue": source}],
            "rules": [{"name": "Every event", "condition": "event.body is defined", "action": {"none": {}}}],
        }

    def _contender(self, *arguments: str) -> Process:
        command = [sys.executable, "-m", "tests.bench.agent_contenders", *arguments]
        return Process(command, self._site.environment(), log=self._site.folder / "contender.log")

    def _queue_up(self, load: Load) -> None:
        self._site.new_queue()
        self._site.change_all()
        self._site.tell(self._site.console, latency=load.latency)
        self._site.fill(load.packages, load.each)
        self._site.forget_calls()
        self._written = self._site.seen()["writes"]

    def _watch(self, who: str, contender: Process, load: Load, *, works: bool) -> Measure:
        wait_for("it received", lambda: self._site.received() > 0, alive=contender)
        started = time.monotonic()
        cpu, queue_cpu = contender.cpu(), self._site.queues.cpu()
        try:
            if works:
                wait_for("it was done", lambda: self._site.seen()["current"] >= load.packages, alive=contender)
            wait_for("the queue was empty", lambda: self._site.depth() == 0, alive=contender)
        except RuntimeError as error:
            state = f"{self._site.seen()}, {self._site.depth()} in the queue, {self._site.status()}"
            raise RuntimeError(f"{who}, {load}: {error}: {state}") from error
        return Measure(
            who=who,
            events=load.events,
            packages=load.packages,
            latency=load.latency,
            seconds=time.monotonic() - started,
            cpu=max(1 / CLOCK_TICKS, contender.cpu() - cpu),  # the kernel counts in ticks
            queue_cpu=self._site.queues.cpu() - queue_cpu,
            writes=self._site.seen()["writes"] - self._written,
        )


# ---- what is not a race


@dataclasses.dataclass(frozen=True, slots=True)
class Idle:
    """Seconds from the sending of an event to the arrival of the console's write, and memory, of an idle agent."""

    latency: float
    median: float
    longest: float
    megabytes: float


def idle(where: Site, settings: Mapping[str, Any], turns: int) -> Idle:
    """One event at a time, to an agent that has nothing else to do."""
    where.new_queue()
    where.tell(where.console, latency=NEAR)
    with running(where.start_agent(settings)) as agent:
        wait_for("the agent swept", where.has_swept, alive=agent)
        megabytes = agent.megabytes()
        delays = [_delay(where, turn, agent) for turn in range(turns)]
    return Idle(NEAR, statistics.median(delays), max(delays), megabytes)


def _delay(where: Site, turn: int, agent: Process) -> float:
    """Send an event about a package that has changed and wait until it is written."""
    where.change_all()
    time.sleep(0.1)  # so that the agent is back in its receive, as an idle one is
    started = time.monotonic()
    where.fill(1, 1, first=turn)
    wait_for("the write arrived", lambda: where.seen()["current"] > 0, pause=0.005, alive=agent)
    return float(where.seen()["last"]) - started


@dataclasses.dataclass(frozen=True, slots=True)
class Stopped:
    """An agent that was told to stop amid its work: how long it took, and what the next one found undone."""

    seconds: float
    code: int | None
    undone: int
    lost: int


def stop_under_load(where: Site, settings: Mapping[str, Any], packages: int) -> Stopped:
    """SIGTERM once a fifth is written, then another agent to the end. ``lost`` are packages that stay as they were."""
    load = Load(packages, 1, FAR)
    contest = Contest(where, settings)
    contest.prepare(packages)
    where.new_queue()
    where.change_all()
    where.tell(where.console, latency=load.latency)
    where.fill(load.packages, load.each)
    agent = where.start_agent(settings)
    with running(agent):
        wait_for("a fifth was done", lambda: where.seen()["current"] >= packages // 5, alive=agent)
        seconds = agent.stop()
    undone = packages - where.seen()["current"]
    with running(where.start_agent(settings)) as successor:
        wait_for("the queue was empty", lambda: where.depth() == 0, alive=successor)
        wait_for("nothing was dirty", lambda: where.status().get("dirty") == 0, alive=successor)
    return Stopped(seconds, agent.code, undone, packages - where.seen()["current"])


@dataclasses.dataclass(frozen=True, slots=True)
class Swept:
    """A full sweep over a registry that the console knows nothing of: seconds, CPU, memory."""

    marked: int
    seconds: float
    cpu: float
    megabytes: float


def sweep(where: Site, settings: Mapping[str, Any], packages: int) -> Swept:
    """Start an agent over so many packages, all of which it has to mark, while workers write what they can."""
    where.tell(where.registry, packages=packages)
    where.tell(where.console, latency=FAR)
    started = time.monotonic()
    with running(where.start_agent(settings)) as agent:
        wait_for("the sweep was through", where.has_swept, alive=agent)
        seconds, cpu, megabytes = time.monotonic() - started, agent.cpu(), agent.megabytes("VmHWM")
        marked = where.status()["counts"]["sweep_marked"]
    where.tell(where.registry, packages=0)
    return Swept(marked, seconds, cpu, megabytes)


# ---- report

HEADER = (
    "contender | events | packages | console ms | seconds | events/s | writes | CPU ms an event | events/s a core | "
    "queue's CPU ms an event"
)


def line(measure: Measure) -> str:
    """A row of the table."""
    cells = [
        measure.who,
        f"{measure.events:,}",
        f"{measure.packages:,}",
        f"2 × {1000 * measure.latency:g}" if measure.latency else "0",
        f"{measure.seconds:.1f}",
        f"{measure.rate:,.1f}" if measure.rate < 100 else f"{measure.rate:,.0f}",
        f"{measure.writes:,}",
        f"{measure.milliseconds:.2f}",
        f"{measure.rate_a_core:,.0f}",
        f"{1000 * measure.queue_cpu / measure.events:.2f}",
    ]
    return f"| {' | '.join(cells)} |"


def races(given: argparse.Namespace, settings: Mapping[str, Any]) -> Iterator[Measure]:
    """All runs, in the order of the table."""
    size = given.size
    with site() as where:
        contest = Contest(where, settings)
        contest.prepare(size)
        yield contest.null(size)
        if given.rulebook:
            yield contest.rulebook(size)
        for latency, sample in ((NEAR, given.naive), (FAR, max(1, given.naive // 5))):
            yield contest.naive(Load(min(size, sample), 1, latency))
            yield contest.ours(Load(size, 1, latency))
            yield contest.ours(Load(max(1, size // 10), 10, latency))


def report(measures: Sequence[Measure]) -> Iterator[str]:
    """Ratios between ours and the others."""
    for latency in sorted({measure.latency for measure in measures if measure.who == "ours"}):
        (naive,) = (one for one in measures if one.who == "naive" and one.latency == latency)
        for measure in measures:
            if measure.who == "ours" and measure.latency == latency:
                faster, cheaper = measure.rate / naive.rate, naive.milliseconds / measure.milliseconds
                yield (
                    f"2 × {1000 * latency:g} ms, {measure.events // measure.packages} events a package: "
                    f"{faster:.0f} times as fast as the naive loop, with {cheaper:.1f} times less CPU an event"
                )


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--size", type=int, default=2_000, help="events of a run, and packages")
    parser.add_argument("--naive", type=int, default=300, help="events of the naive loop; a fifth at 150 ms")
    parser.add_argument("--idle", type=int, default=30, help="events sent to an idle agent, one at a time")
    parser.add_argument("--sweep", type=int, default=100_000, help="packages of the sweep; 0: none")
    parser.add_argument("--workers", type=int, help="the agent's threads (default: the agent's own)")
    parser.add_argument("--rulebook", action="store_true", help="race ansible-rulebook too (fetched; needs Java 17)")
    parser.add_argument("--json", type=pathlib.Path, help="write the measures to this file too")
    given = parser.parse_args(arguments)
    settings = {"workers": given.workers} if given.workers else {}
    measures: list[Measure] = []
    print(f"| {HEADER} |\n{'|---' * (HEADER.count('|') + 1)}|", flush=True)
    for measure in races(given, settings):
        measures.append(measure)
        print(line(measure), flush=True)
    for sentence in report(measures):
        print(sentence, flush=True)
    found: list[Any] = list(measures)
    with site() as where:
        Contest(where, settings).prepare(given.idle)
        found.append(idle(where, settings, given.idle))
        print(found[-1], flush=True)
        found.append(stop_under_load(where, settings, max(10, given.size // 10)))
        print(found[-1], flush=True)
    if given.sweep:
        with site() as where:
            found.append(sweep(where, settings, given.sweep))
            print(found[-1], flush=True)
    if given.json:
        given.json.write_text(json.dumps([dataclasses.asdict(one) for one in found], indent=1))


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_arguments: sys.exit(1))  # so that no process is left over
    main(sys.argv[1:])
