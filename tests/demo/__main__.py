# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make demo`: the main job from an empty AWS account to a console in step, against emulators on this machine.

    python -m tests.demo [--keep]

Exits non-zero when a step fails, when a second run changes anything, or when the console differs from the registry in
one field.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from pathlib import Path
from typing import Any

from tests.demo import live
from tests.demo.emulators import CHECKOUT, Emulator, start
from tests.demo.expectation import Row, compare
from tests.demo.inventory import agent_settings, inventory
from tests.demo.scenario import (
    DEFAULT_USER,
    PEOPLE,
    USE_CASE,
    ConsoleSession,
    create_inspector,
    fill_console,
    fill_registry,
    sagemaker_client,
)
from tests.harness.playbook import PlayResult, environment, run_playbook

FOLDER = CHECKOUT / ".demo"
PLAYBOOKS = CHECKOUT / "playbooks"
# 72 objects for what is in SageMaker, and for the approved use case a model group, its ARN's way back, and a model.
CONSOLE_WRITES = 75
REGISTRY_WRITES = {"sagemaker.CreateModelPackageGroup": 1, "sagemaker.CreateModelPackage": 1}
# One page a type, and the use cases with their groups and the packages of these.
CONSOLE_QUERIES_AT_MOST = 6
REGISTRY_READS_AT_MOST = 4
IDLE_MEGABYTES_AT_MOST = 120
IDLE_SECONDS = 1.0
# The receive that returned the event was under way before; the one counted is the next long poll.
ONE_EVENT_AWS = {"sqs.ReceiveMessage": 1, "sqs.DeleteMessageBatch": 1, "sagemaker.DescribeModelPackage": 1}
ONE_EVENT_CONSOLE = {"POST query": 1, "PUT contents": 1}


class Demo:
    """The steps, in order."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.aws: Emulator | None = None
        self.console: Emulator | None = None
        self.inventory: dict[str, Any] = {}
        self.agent_runs = False
        self.started = time.monotonic()

    def say(self, text: str) -> None:
        """Print a headline with the time since the start."""
        print(f"\n=== {time.monotonic() - self.started:5.1f} s  {text}", flush=True)

    def run(self) -> None:
        """Run all steps. Raises SystemExit with a sentence when one goes wrong."""
        self.say("Start the emulators and fill both sides")
        self.aws = start("aws", self.folder / "aws-emulator.log", environment())
        self.console = start("console", self.folder / "console-emulator.log", environment())
        for user, email in PEOPLE.items():
            self.console.control("users", {"userName": user, "email": email})
        sagemaker = sagemaker_client(self.aws.url)
        fill_registry(sagemaker)
        session = ConsoleSession(self.console.url)
        entity = fill_console(session)
        create_inspector(self.aws.url, PLAYBOOKS / "files")
        self.inventory = inventory(self.folder, self.aws.url, self.console.url)
        print(f"AWS {self.aws.url}  console {self.console.url}  registry: 12 groups, 60 packages")

        self.play("onboard_account.yml", "Onboard the account")
        self.require_unchanged(self.play("onboard_account.yml", "Onboard it again: nothing to do"))
        self.sync()
        self.play("deploy_agent.yml", "Deploy the agent")
        self.agent_runs = True
        self.play("preflight.yml", "Check every link, and send a probe down the chain", wxgov_probe=True)
        self.live(sagemaker, session, entity)
        self.compare(sagemaker, session)

    def play(self, name: str, headline: str, **extra_vars: Any) -> PlayResult:
        """Run one of the playbooks and show what it prints."""
        options = "".join(f" -e {name}={value}" for name, value in extra_vars.items())
        self.say(f"{headline}  (ansible-playbook playbooks/{name}{options})")
        result = run_playbook(
            PLAYBOOKS / name,
            inventory=self.inventory,
            extra_vars=extra_vars,
            on_line=lambda line: print(f"  {line}", end="", flush=True),
        )
        if result.rc:
            raise SystemExit(f"playbooks/{name} failed.")
        return result

    def require_unchanged(self, result: PlayResult) -> None:
        """Exit when a second run changed something."""
        if result.changed:
            raise SystemExit(f"The second run should report changed=0 and reports {result.changed}.")

    def sync(self) -> None:
        """Run the existing-model sync twice and count the calls."""
        assert self.aws
        assert self.console
        rounds = (
            ("Synchronise the existing models", CONSOLE_WRITES, REGISTRY_WRITES),
            ("Synchronise again: nothing to write", 0, {}),
        )
        for headline, writes, made in rounds:
            self.aws.clear_calls()
            self.console.clear_calls()
            result = self.play("sync_existing.yml", headline)
            aws, console = self.aws.calls(), self.console.calls()
            sagemaker = {name: count for name, count in aws.items() if name.startswith("sagemaker.")}
            created = {name: count for name, count in sagemaker.items() if name.startswith("sagemaker.Create")}
            reads = sum(sagemaker.values()) - sum(created.values())
            written = sum(count for name, count in console.items() if name in ("POST contents", "PUT contents"))
            print(f"  registry calls {aws}\n  console calls  {console}")
            print(f"  registry reads {reads}, console queries {console.get('POST query', 0)}, console writes {written}")
            if written != writes:
                raise SystemExit(f"{writes} console writes were expected, {written} were made.")
            if created != made:
                raise SystemExit(f"In SageMaker {made} was expected, {created} was made.")
            if reads > REGISTRY_READS_AT_MOST or console["POST query"] > CONSOLE_QUERIES_AT_MOST:
                raise SystemExit("More reads were made than a registry of this size needs.")
            if not writes:
                self.require_unchanged(result)

    def live(self, sagemaker: Any, session: ConsoleSession, entity: str) -> None:
        """Make live changes and show how long each took to reach the console."""
        self.say("Change things in SageMaker through plain boto3 and watch the console")
        for change in live.changes():
            arrival = live.play(change, sagemaker, session)
            waited = "nothing to wait for" if arrival.seconds is None else f"{1000 * arrival.seconds:6.0f} ms"
            print(f"  {change.title:45} {waited}", flush=True)
        self.cost_of_one_event(sagemaker)
        faster = agent_settings(console_poll_seconds=1)
        self.play("deploy_agent.yml", "Let the agent look for decisions every second", sync_agent_settings=faster)
        self.say("Decide things in the console and watch SageMaker")
        for decision in live.decisions(entity):
            arrival = live.decide(decision, sagemaker, session)
            print(f"  {arrival.title:45} {1000 * (arrival.seconds or 0):6.0f} ms", flush=True)

    def cost_of_one_event(self, sagemaker: Any) -> None:
        """Let the agent fall idle, change one package, and count every call that follows."""
        assert self.aws
        assert self.console
        time.sleep(IDLE_SECONDS)
        self.aws.clear_calls()
        self.console.clear_calls()
        live.approve_once_more(sagemaker)
        deadline = time.monotonic() + live.PATIENCE
        while not self.console.calls().get("PUT contents") and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(IDLE_SECONDS)
        aws = {name: count for name, count in self.aws.calls().items() if name != "sagemaker.UpdateModelPackage"}
        console = self.console.calls()
        print(f"  one event on the idle agent: AWS {aws}, console {console}")
        if aws != ONE_EVENT_AWS or console != ONE_EVENT_CONSOLE:
            raise SystemExit(f"One event should cost AWS {ONE_EVENT_AWS} and console {ONE_EVENT_CONSOLE}.")
        memory = resident_megabytes(self.folder)
        print(f"  resident memory of the agent: {memory:.0f} MB")
        if memory > IDLE_MEGABYTES_AT_MOST:
            raise SystemExit(f"The agent should need no more than {IDLE_MEGABYTES_AT_MOST} MB when idle.")

    def compare(self, sagemaker: Any, session: ConsoleSession) -> None:
        """Compare both sides field by field, print the table, and exit when they differ."""
        self.say("Compare what the console holds with what the registry holds")
        use_cases = {live.slug(name): name for name in (USE_CASE, live.NEW_USE_CASE)}
        rows = compare(sagemaker, session, live.DELETED, DEFAULT_USER, use_cases)
        print(f"  {'registry':9} {'console':26} {'status':18} {'owner':16} differences")
        for row in rows:
            print(f"  {line(row)}")
        different = [row for row in rows if row.differences]
        print(f"\n  {len(rows)} entities compared, {len(different)} differ")
        if different:
            raise SystemExit("The console differs from the registry.")

    def tear_down(self) -> None:
        """Stop the agent through its role, then the emulators."""
        if self.agent_runs:
            self.say("Take the agent away again")
            run_playbook(
                PLAYBOOKS / "deploy_agent.yml", inventory=self.inventory, extra_vars={"sync_agent_state": "absent"}
            ).check()
        for emulator in (self.aws, self.console):
            if emulator:
                emulator.stop()

    def leave_running(self) -> None:
        """Print where everything is."""
        assert self.aws
        assert self.console
        self.say("Everything is left running")
        print(f"  console, as a tree   {self.console.url}/")
        print(f"  AWS endpoint         {self.aws.url}  (access key 111122223333, any secret, us-east-1)")
        print(f"  agent's state        {self.folder / 'state'}")
        pids = f"{self.aws.process.pid} {self.console.process.pid}"
        print(f"  to end it            kill {agent_pid(self.folder)} {pids}")


def line(row: Row) -> str:
    """One line of the table."""
    there = "yes" if row.in_registry else "deleted"
    differences = "; ".join(row.differences) or "-"
    return f"{there:9} {row.console_name:26} {row.console_status:18} {row.owner:16} {differences}"


def agent_pid(folder: Path) -> int:
    """The agent's process id, from its status file."""
    return int(json.loads((folder / "state" / "status.json").read_text())["pid"])


def resident_megabytes(folder: Path) -> float:
    """The agent's resident memory."""
    status = Path(f"/proc/{agent_pid(folder)}/status").read_text()
    (kilobytes,) = [text.split()[1] for text in status.splitlines() if text.startswith("VmRSS:")]
    return int(kilobytes) / 1024


def main() -> None:
    """Parse the arguments and run."""
    parser = argparse.ArgumentParser(prog="python -m tests.demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave emulators and agent running at the end")
    options = parser.parse_args()
    if FOLDER.exists():
        shutil.rmtree(FOLDER)
    FOLDER.mkdir()
    demo = Demo(FOLDER)
    try:
        demo.run()
    except BaseException:
        demo.tear_down()
        raise
    if options.keep:
        demo.leave_running()
    else:
        demo.tear_down()
    demo.say("Done: registry and console agree")


if __name__ == "__main__":
    sys.exit(main())
