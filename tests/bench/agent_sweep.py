# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a full sweep costs the agent when both sides are large and in step, and what a naive pass over them costs.

    python -m tests.bench.agent_sweep [--packages N]

Both sides are the emulators, in processes of their own. The existing-model sync loads the console; then an agent
starts, whose first act is a full sweep that finds nothing. The naive pass describes each package, looks its object up
and writes it, one after the other; it is walked for a sample and counted for all.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import boto3

from tests.bench import agent_site, existing_sync
from tests.bench.agent_standins import ACCOUNT, REGION

SAMPLE = 300
QUEUE = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}


@dataclasses.dataclass(frozen=True, slots=True)
class Swept:
    """A full sweep: seconds, CPU seconds, peak memory, packages marked, calls of each side."""

    packages: int
    seconds: float
    cpu: float
    megabytes: float
    marked: int
    registry_calls: int
    console_calls: int


def sweep(where: existing_sync.Site, packages: int) -> Swept:
    """Start an agent on a connection that is in step, and watch its first sweep."""
    keys = {"aws_access_key_id": ACCOUNT, "aws_secret_access_key": "bench"}
    sqs = boto3.client("sqs", region_name=REGION, endpoint_url=where.aws.url, **keys)
    queue_url = sqs.create_queue(QueueName="bench.fifo", Attributes=QUEUE)["QueueUrl"]
    sqs.close()
    existing_sync.DirectoryStore(where.folder / "connections.d").save(
        dataclasses.replace(where.connection, queue_url=queue_url)
    )
    state_dir, config = where.folder / "agent-state", where.folder / "agent.json"
    places = {"state_dir": str(state_dir), "connections_dir": str(where.folder / "connections.d")}
    quiet = {name: agent_site.NEVER for name in ("incremental_sweep_seconds", "console_poll_seconds")}
    config.write_text(json.dumps({**places, **quiet, "status_seconds": 1, "listen": ""}))
    where.aws.control("DELETE", "calls")
    where.console.control("DELETE", "calls")
    command = [sys.executable, *agent_site.profiler(), "-m", agent_site.AGENT, "run", "--config", str(config)]
    agent = agent_site.Process(command, where.environment(), log=where.folder / "agent.log")
    started = time.monotonic()
    with agent_site.running(agent):
        agent_site.wait_for("the sweep was through", lambda: counts(state_dir).get("sweeps_full"), alive=agent)
        seconds, cpu, megabytes = time.monotonic() - started, agent.cpu(), agent.megabytes("VmHWM")
    calls = where.aws.calls()
    return Swept(
        packages,
        seconds,
        cpu,
        megabytes,
        counts(state_dir)["sweep_marked"],
        sum(count for name, count in calls.items() if name.startswith("sagemaker.")),
        sum(where.console.calls().values()),
    )


def counts(state_dir: Path) -> dict[str, Any]:
    """What the agent's status file counts for the connection; empty before there is one."""
    try:
        status = json.loads((state_dir / "status.json").read_text())
    except FileNotFoundError:
        return {}
    return dict(status["connections"].get("bench", {}).get("counts", {}))


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--packages", type=int, default=100_000)
    given = parser.parse_args(arguments)
    with existing_sync.site(given.packages) as where:
        load = existing_sync.measured(where, "first load", given.packages, 0.0, 16)
        print(f"loaded: {load.console_writes:,} writes in {load.seconds:.0f} s", flush=True)
        print(sweep(where, given.packages), flush=True)
    *_first, naive = existing_sync.naive(given.packages, 0.0, SAMPLE)
    print(f"naive, counted from {SAMPLE}: {naive.seconds:,.0f} s, {naive.cpu:,.0f} s of CPU, {naive.calls:,} calls")


if __name__ == "__main__":
    main(sys.argv[1:])
