# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The existing-model sync over registries of 1,000 to 100,000 packages, and a naive walk over the same ones.

    python -m tests.bench.existing_sync [--sizes 1000 10000] [--latencies 0 0.15] [--concurrency 16] [--naive 300]

For each size and each latency of the console: a first load into an empty console, the same again with nothing to do,
and again after 0.1 % of the packages have changed. Each run is a process of its own, as a module run is, so its memory
and CPU are its own; the emulators are processes too, and their CPU during a run stands beside it. ``null`` is the
shortest run there is, over an empty registry: what a run costs before it does anything.

A first load of many packages with latency is hours of waiting: beyond --longest-load packages the console is loaded
without latency, and only the other two runs have it. The naive walk describes each package, looks its object up and
writes it, one after the other; it is done for the first --naive packages, and its time is given for all, in proportion.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import math
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import boto3
import requests

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(CHECKOUT / ".ansible" / "collections"))

from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.model import (
    AmbientCredentials,
    Connection,
    ConsoleEndpoint,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.store import DirectoryStore
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.client import ConsoleClient, connect
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.objects import NewObject, ObjectChange
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.query import Column, Compare, Query, columns
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.existing import RunSettings
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.runner import (
    RunnerOptions,
    run_connections,
    select_connections,
)

ACCOUNT = "111122223333"
REGION = "us-east-1"
ENTITY = "Benchmark"
VERSIONS = 50
"""Packages a group."""
LISTING_NOTHING = 4
"""Of the calls of a run over nothing, those that the formula counts too: a page of each listing and each inventory."""
OWNERS = 1
"""Calls that a run makes over anything and not over nothing: the default user is looked up."""
MOST_RATIO = 1.05
"""Goal of every run: its calls ÷ formula."""
LARGE = 100_000
"""Packages of the unchanged run that has goals of its own: MOST_CALLS a side, MOST_SECONDS and MOST_MEGABYTES."""
MOST_CALLS = 2_000
MOST_SECONDS = 60.0
MOST_MEGABYTES = 250.0
ARN_FIELD = "Integration:External ID"
READING_POSTS = frozenset({"POST query", "POST token"})
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


@dataclasses.dataclass(frozen=True)
class Measure:
    """One run: seconds, CPU seconds of the run and of each emulator, peak memory, calls of each side.

    ``bare`` is how many calls a second just then came back to as many threads that did nothing but call the console.
    """

    run: str
    packages: int
    latency: float
    seconds: float
    cpu: float
    megabytes: float
    registry_calls: int
    console_reads: int
    console_writes: int
    aws_cpu: float
    console_cpu: float
    failed: int
    formula: int | None = None
    bare: float = 0.0

    @property
    def calls(self) -> int:
        """All calls, of both sides."""
        return self.registry_calls + self.console_reads + self.console_writes


class Emulator:
    """An emulator in a process of its own."""

    def __init__(self, name: str) -> None:
        command = [sys.executable, "-m", f"tests.emulators.{name}", "--port", "0"]
        self.process = subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip().rsplit(" ", maxsplit=1)[-1]

    def control(self, verb: str, path: str, **body: Any) -> Any:
        answer = requests.request(verb, f"{self.url}/_emulator/{path}", json=body or None, timeout=600)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def calls(self) -> dict[str, int]:
        return dict(self.control("GET", "calls")["calls"])

    def cpu(self) -> float:
        """User and system CPU seconds so far."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", maxsplit=1)[1].split()
        return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS

    def stop(self) -> None:
        self.process.terminate()
        self.process.communicate()


@contextmanager
def emulator(name: str) -> Iterator[Emulator]:
    running = Emulator(name)
    try:
        yield running
    finally:
        running.stop()


@dataclasses.dataclass(frozen=True)
class Site:
    """The two sides and a connection between them, kept in a folder."""

    aws: Emulator
    console: Emulator
    folder: pathlib.Path
    connection: Connection

    def set_latency(self, seconds: float) -> None:
        """Let every call of the console's API take longer."""
        self.console.control("DELETE", "faults")
        if seconds:
            self.console.control("POST", "faults", kind="latency", seconds=seconds, times=None)

    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "WXGOV_"))}
        keys = {"AWS_ACCESS_KEY_ID": ACCOUNT, "AWS_SECRET_ACCESS_KEY": "bench", "AWS_ENDPOINT_URL": self.aws.url}
        path = os.pathsep.join(entry for entry in sys.path if entry)
        return {**kept, **keys, "PYTHONPATH": path}

    def sagemaker(self) -> Any:
        keys = {"aws_access_key_id": ACCOUNT, "aws_secret_access_key": "bench"}
        return boto3.client("sagemaker", region_name=REGION, endpoint_url=self.aws.url, **keys)


@contextmanager
def site(packages: int) -> Iterator[Site]:
    """A registry with so many packages, an empty console, a connection."""
    with ExitStack() as stack:
        aws, console = stack.enter_context(emulator("aws")), stack.enter_context(emulator("console"))
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="wxgov-bench-")))
        place = {"account": ACCOUNT, "region": REGION}
        if packages:
            size = {"groups": math.ceil(packages / VERSIONS), "packages_per_group": min(packages, VERSIONS)}
            aws.control("POST", "preload", **size, **place)
        entity = console.control("POST", "preload", business_entity=ENTITY, use_cases=0, model_groups=0)
        login = {"api_key": "demo-api-key", "instance_id": "demo-instance", "token_url": console.url}
        connection = Connection(
            name="bench",
            business_entity_id=str(entity["business_entity"]),
            business_entity_name=ENTITY,
            default_user="svc",
            account_id=ACCOUNT,
            region=REGION,
            credentials=AmbientCredentials(),
            queue_url="",
            console=ConsoleEndpoint(console.url, "mcsp", login),
        )
        DirectoryStore(folder / "connections.d").save(connection)
        yield Site(aws, console, folder, connection)


def bare_rate(where: Site, concurrency: int, calls: int = 30) -> float:
    """Calls a second that so many threads get out of the console: what latency, emulator and machine leave to all."""

    def call_often(_thread: int) -> None:
        with requests.Session() as session:
            session.trust_env = False
            for _call in range(calls):
                session.get(f"{where.console.url}/opgrc/api/v2/types", timeout=60, allow_redirects=False)

    started = time.monotonic()
    with ThreadPoolExecutor(concurrency) as pool:
        list(pool.map(call_often, range(concurrency)))
    return concurrency * calls / (time.monotonic() - started)


def child(folder: pathlib.Path, concurrency: int) -> dict[str, Any]:
    """What one run's process does: the runner as the module calls it, and a look at its own resources."""
    selection = select_connections(DirectoryStore(folder / "connections.d"), None)
    state_dir = folder / "state"
    settings = RunSettings(concurrency=concurrency, state_dir=state_dir)
    started = time.monotonic()
    (run,) = run_connections(selection, RunnerOptions(settings, state_dir))
    seconds = time.monotonic() - started
    used = resource.getrusage(resource.RUSAGE_SELF)
    report = run.report
    return {
        "seconds": seconds,
        "cpu": used.ru_utime + used.ru_stime,
        "megabytes": used.ru_maxrss / 1024,
        "failed": report.counts["failed"],
        "error": report.error,
        "changed": sum(report.counts[action] for action in ("create", "update", "decommission", "restore")),
        "unchanged": report.counts["unchanged"],
    }


def measured(
    where: Site, run: str, packages: int, latency: float, concurrency: int, expected: int | None = None
) -> Measure:
    """Run once in a process of its own. Raises AssertionError when the run did not do what it should have."""
    where.set_latency(latency)
    where.aws.control("DELETE", "calls")
    where.console.control("DELETE", "calls")
    before = (where.aws.cpu(), where.console.cpu())
    command = [sys.executable, "-m", "tests.bench.existing_sync", "--child", str(where.folder)]
    command += ["--concurrency", str(concurrency)]
    output = subprocess.run(
        command, cwd=CHECKOUT, env=where.environment(), stdout=subprocess.PIPE, text=True, check=True
    ).stdout
    found = json.loads(output)
    after = (where.aws.cpu(), where.console.cpu())
    assert not found["error"], found["error"]
    assert expected is None or found["changed"] == expected, f"{run}: {found} instead of {expected} changes"
    reads, writes = split(where.console.calls())
    registry = sum(where.aws.calls().values())
    bare = bare_rate(where, concurrency) if latency else 0.0
    where.set_latency(0)
    return Measure(
        run,
        packages,
        latency,
        found["seconds"],
        found["cpu"],
        found["megabytes"],
        registry,
        reads,
        writes,
        after[0] - before[0],
        after[1] - before[1],
        found["failed"],
        formula(packages, found["changed"], first=run == "first load") if packages else None,
        bare,
    )


def split(calls: dict[str, int]) -> tuple[int, int]:
    """Reads and writes of the console."""
    reads = sum(count for call, count in calls.items() if call.startswith("GET ") or call in READING_POSTS)
    return reads, sum(calls.values()) - reads


def formula(packages: int, changed: int, *, first: bool) -> int:
    """Calls of both sides by the architecture page, and a query for every 50 objects that differ: what do they hold?"""
    groups = math.ceil(packages / VERSIONS)
    registry = math.ceil(groups / 100) + math.ceil(packages / 100)
    inventory = 2 if first else math.ceil(groups / 500) + math.ceil(packages / 500) + math.ceil(changed / 50)
    return registry + inventory + changed


def change(where: Site, packages: int, turn: int) -> int:
    """Approve or reject 0.1 % of the packages, spread over all groups and otherwise each turn; return how many."""
    count = max(1, packages // 1000)
    groups = math.ceil(packages / VERSIONS)
    sagemaker = where.sagemaker()
    for number in range(count):
        group = f"group-{number * groups // count:05d}"
        arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package/{group}/1"
        status = "Approved" if (number + turn) % 2 else "Rejected"
        sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus=status)
    sagemaker.close()
    return count


def series(size: int, latencies: Sequence[float], concurrency: int, longest_load: int) -> Iterator[Measure]:
    """The three runs for each latency, each on a console of its own; a long load is done once, without latency."""
    objects = size + math.ceil(size / VERSIONS)
    if size > longest_load:
        with site(size) as where:
            yield measured(where, "first load", size, 0.0, concurrency, objects)
            for turn, latency in enumerate(latencies):
                yield from again(where, size, latency, concurrency, turn)
        return
    for latency in latencies:
        with site(size) as where:
            yield measured(where, "first load", size, latency, concurrency, objects)
            yield from again(where, size, latency, concurrency, 0)


def again(where: Site, size: int, latency: float, concurrency: int, turn: int) -> Iterator[Measure]:
    """The two runs over a console that is loaded."""
    yield measured(where, "unchanged", size, latency, concurrency, 0)
    changed = change(where, size, turn)
    yield measured(where, "0.1 % changed", size, latency, concurrency, changed)


def null(concurrency: int) -> Measure:
    """A run over nothing."""
    with site(0) as where:
        return measured(where, "null", 0, 0.0, concurrency, 0)


# ---- the naive walk


def naive(size: int, latency: float, sample: int) -> Iterator[Measure]:
    """Describe, look up and write, for each package in turn: a first load, and the same again."""
    with site(min(size, sample)) as where:
        where.set_latency(latency)
        for run in ("naive first load", "naive again"):
            yield naive_walk(where, run, size, latency)


def naive_walk(where: Site, run: str, size: int, latency: float) -> Measure:
    where.aws.control("DELETE", "calls")
    where.console.control("DELETE", "calls")
    endpoint = where.connection.console
    console = connect(endpoint.url, auth_method=endpoint.auth_method, auth_options=endpoint.auth_options)
    sagemaker = where.sagemaker()
    before = (where.aws.cpu(), where.console.cpu(), time.process_time())
    started = time.monotonic()
    walked = 0
    for group in pages(sagemaker.list_model_package_groups, "ModelPackageGroupSummaryList"):
        parent = naive_write(
            console,
            "ModelGroup",
            group["ModelPackageGroupName"],
            group["ModelPackageGroupArn"],
            where.connection.business_entity_id,
        )
        listing = {"ModelPackageGroupName": group["ModelPackageGroupName"]}
        for summary in pages(sagemaker.list_model_packages, "ModelPackageSummaryList", **listing):
            package = sagemaker.describe_model_package(ModelPackageName=summary["ModelPackageArn"])
            name = f"{package['ModelPackageGroupName']}-v{package['ModelPackageVersion']}"
            naive_write(console, "Model", name, package["ModelPackageArn"], parent)
            walked += 1
    scale = size / walked
    reads, writes = split(where.console.calls())
    measure = Measure(
        run,
        size,
        latency,
        (time.monotonic() - started) * scale,
        (time.process_time() - before[2]) * scale,
        0.0,
        round(sum(where.aws.calls().values()) * scale),
        round(reads * scale),
        round(writes * scale),
        (where.aws.cpu() - before[0]) * scale,
        (where.console.cpu() - before[1]) * scale,
        0,
    )
    sagemaker.close()
    console.close()
    return measure


def naive_write(console: ConsoleClient, type_name: str, name: str, arn: str, parent: str) -> str:
    """Look the object up by its ARN and write it, whatever it holds; return its id."""
    query = Query(columns("Resource ID"), type_name, where=Compare(Column(ARN_FIELD), "=", arn))
    row = next(iter(console.select(query)), None)
    values = {"type_name": type_name, "name": name, "title": name, "description": name, "fields": {ARN_FIELD: arn}}
    if row is None:
        return console.create_object(NewObject(primary_parent_id=parent, **values)).id
    return console.update_object(str(row["Resource ID"]), ObjectChange(**values)).id


def pages(operation: Any, key: str, **request: Any) -> Iterator[Any]:
    for _page in itertools.count():
        answer = operation(MaxResults=100, **request)
        yield from answer[key]
        if not answer.get("NextToken"):
            return
        request["NextToken"] = answer["NextToken"]


# ---- report

HEADER = (
    "run | packages | latency ms | seconds | CPU s | CPU µs a package | peak MB | registry calls | console reads | "
    "console writes | calls ÷ formula | CPU s of the emulators, AWS + console"
)


def ratio_to_formula(measure: Measure, over_nothing: Measure) -> float | None:
    """Calls ÷ formula, without those that every run makes before it lists anything. None: there is no formula."""
    if measure.formula is None:
        return None
    start = over_nothing.calls - LISTING_NOTHING + OWNERS
    return (measure.calls - start) / measure.formula


def line(measure: Measure, over_nothing: Measure) -> str:
    """A row of the table."""
    ratio = ratio_to_formula(measure, over_nothing)
    cells = [
        measure.run,
        f"{measure.packages:,}",
        f"{1000 * measure.latency:g}",
        f"{measure.seconds:,.1f}",
        f"{measure.cpu:,.1f}",
        f"{1e6 * measure.cpu / measure.packages:,.0f}" if measure.packages else "",
        f"{measure.megabytes:.0f}" if measure.megabytes else "",
        *(f"{count:,}" for count in (measure.registry_calls, measure.console_reads, measure.console_writes)),
        "" if ratio is None else f"{ratio:.3f}",
        f"{measure.aws_cpu:,.1f} + {measure.console_cpu:,.1f}",
    ]
    return f"| {' | '.join(cells)} |"


def goals(measures: Sequence[Measure], concurrency: int) -> Iterator[str]:
    """What the figures say of the goals. The first measure is that of a run over nothing."""
    for measure in measures:
        what = f"{measure.run}, {measure.packages:,} packages, {1000 * measure.latency:g} ms"
        if measure.failed:
            yield f"{what}: {measure.failed} FAILED"
        ratio = ratio_to_formula(measure, measures[0])
        if ratio is None:
            continue
        yield f"{what}: {judged('calls ÷ formula', ratio, MOST_RATIO, '.3f')}"
        if measure.run == "unchanged" and measure.packages == LARGE:
            yield from (f"{what}: {verdict}" for verdict in large_goals(measure))
        if measure.run == "first load" and measure.latency:
            writes = measure.console_writes / measure.seconds
            bound = concurrency / measure.latency
            yield (
                f"{what}: {writes:.1f} writes/s, {100 * writes / bound:.0f} % of concurrency ÷ latency, and "
                f"{100 * writes / measure.bare:.0f} % of what as many threads got that only call ({measure.bare:.1f}/s)"
            )


def large_goals(measure: Measure) -> Iterator[str]:
    """What the unchanged run over LARGE packages says of the goals that are its own."""
    yield judged("calls to SageMaker", measure.registry_calls, MOST_CALLS, ",d")
    yield judged("calls to the console", measure.console_reads + measure.console_writes, MOST_CALLS, ",d")
    yield judged("seconds", measure.seconds, MOST_SECONDS, ".1f")
    yield judged("peak MB", measure.megabytes, MOST_MEGABYTES, ".0f")


def judged(what: str, value: float, most: float, form: str) -> str:
    """A figure beside its goal, and whether it meets it."""
    return f"{what} {value:{form}}, goal ≤ {most:,g}: {'met' if value <= most else 'MISSED'}"


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000])
    parser.add_argument("--latencies", type=float, nargs="+", default=[0.0, 0.15], help="of the console, in seconds")
    parser.add_argument("--concurrency", type=int, default=16)
    parser.add_argument("--longest-load", type=int, default=10_000, help="packages of a measured load with latency")
    parser.add_argument("--naive", type=int, default=300, help="packages that the naive walk does; 0: no naive walk")
    parser.add_argument("--json", type=pathlib.Path, help="write the measures to this file too")
    parser.add_argument("--child", type=pathlib.Path, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.child:
        print(json.dumps(child(given.child, given.concurrency)))
        return
    measures: list[Measure] = []

    def show(measure: Measure) -> None:
        measures.append(measure)
        print(line(measure, measures[0]), flush=True)

    print(f"| {HEADER} |\n{'|---' * (HEADER.count('|') + 1)}|", flush=True)
    show(null(given.concurrency))
    for size in given.sizes:
        for measure in series(size, given.latencies, given.concurrency, given.longest_load):
            show(measure)
        for latency in given.latencies if given.naive else ():
            for measure in naive(size, latency, given.naive):
                show(measure)
    for sentence in goals(measures, given.concurrency):
        print(sentence)
    if given.json:
        given.json.write_text(json.dumps([dataclasses.asdict(measure) for measure in measures], indent=1))


if __name__ == "__main__":
    main(sys.argv[1:])
