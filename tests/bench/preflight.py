# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a preflight of one and of ten connections takes when every answer is late.

`python -m tests.bench.preflight`. Both emulators hold each answer back for --latency seconds. One after the other, ten
connections would wait ten times as long as one.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import sys
import tempfile
import time

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(CHECKOUT / ".ansible" / "collections"))

from tests.emulators.aws.server import AwsEmulator
from tests.emulators.console.server import ConsoleEmulator
from tests.integration.preflight.world import World, policy_file, standing

ACCOUNTS = {f"account-{number}": f"21000000000{number}" for number in range(10)}


def main() -> None:
    """Print a line for each number of connections."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latency", type=float, default=0.2, help="seconds that each answer is held back")
    latency = parser.parse_args().latency
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    with tempfile.TemporaryDirectory() as folder, AwsEmulator() as aws, ConsoleEmulator() as console:
        world = World(aws, console, pathlib.Path(folder))
        os.environ.update(world.environment)
        world.onboard(ACCOUNTS, {"look": policy_file("inspector")})
        aws.enforce_iam()
        aws.clear_calls()
        world.run()
        for operation in aws.calls():
            aws.fault(operation, "latency", times=10**6, seconds=latency)
        console.fault("latency", seconds=latency, times=None)
        print(f"{latency} s an answer")
        for number in (1, 10):
            measure(world, list(ACCOUNTS)[:number])


def measure(world: World, names: list[str]) -> None:
    """One preflight: calls, and the seconds by the wall clock and of the CPU (both emulators' share included)."""
    world.aws.clear_calls()
    world.console.clear_calls()
    wall, cpu = time.monotonic(), time.process_time()
    result = world.run(connections=names)
    wall, cpu = time.monotonic() - wall, time.process_time() - cpu
    assert [standing(result, number) for number in range(len(names))] == [{}] * len(names), result["msg"]
    calls = sum(world.aws.calls().values()), sum(world.console.calls().values())
    told = f"{calls[0]} AWS calls, {calls[1]} console requests, {wall:.1f} s, CPU {cpu:.1f} s"
    print(f"{len(names):3} connections: {told}")


if __name__ == "__main__":
    main()
