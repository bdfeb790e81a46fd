# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Onboarding ten accounts with this collection, and the same resources with the modules there were before.

    python -m tests.bench.onboarding [--rounds 3] [--accounts 10] [--only NAME ...] [--settings] [--interpreter PATH]

Every variant makes, in each account, three queues, one rule with a target, a role with two inline policies and three
alarms, then runs a second time with nothing to change. The accounts live in the AWS emulator, in a process of its own,
so its CPU is not counted; AWS would add its latency to each call, which only this collection makes in parallel. The
variants take turns, so that a busy machine is unfair to all of them alike. What is printed is the median of the rounds.

What the other modules cannot do is left out for them: the rule's target is the standard queue, for cloudwatchevent_rule
has no message group; no dead-letter queue and no retry policy at the target; no look whether a trail records events,
which this collection takes in each run.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import boto3
import yaml

from tests.harness.playbook import CHECKOUT, environment

PEERS = CHECKOUT / ".ansible" / "bench"
SECRET = "bench-secret"
OF = ("wall", "cpu")
REGION = "us-east-1"
AGENT = "999988887777"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{AGENT}:root"},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"sts:ExternalId": "bench-external-id"}},
        }
    ],
}
NAME = "wxgov-sagemaker-{{ inventory_hostname }}"
ACCOUNT = "{{ account_id }}"
SQS = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{NAME}"


@dataclasses.dataclass(frozen=True)
class Variant:
    """A way to do the work: its plays, with how many forks, and what of Ansible's settings differs from ansible.cfg."""

    name: str
    plays: Callable[[Sequence[str]], list[dict[str, Any]]]
    forks: int = 5
    settings: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Timing:
    """One run of ansible-playbook, in seconds; `changed` counts changed tasks."""

    wall: float
    cpu: float
    changed: int


def account_ids(count: int) -> list[str]:
    return [f"{300000000000 + number}" for number in range(count)]


def hosts_play(tasks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One host an account."""
    aws = {"AWS_ACCESS_KEY_ID": ACCOUNT, "AWS_SECRET_ACCESS_KEY": SECRET}
    return [{"hosts": "registry_accounts", "gather_facts": False, "environment": aws, "tasks": tasks}]


def statement(queue: str) -> dict[str, Any]:
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "WxgovEventBridge",
                "Effect": "Allow",
                "Principal": {"Service": "events.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": queue,
                "Condition": {"ArnEquals": {"aws:SourceArn": f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{NAME}"}},
            }
        ],
    }


def peer_tasks() -> Iterator[dict[str, Any]]:
    """The same resources, one task each, as the documentation of these modules shows it."""
    fifo = {"queue_type": "fifo", "content_based_deduplication": True}
    fifo |= {"deduplication_scope": "messageGroup", "fifo_throughput_limit": "perMessageGroupId"}
    tags = {"tags": {"wxgov-connection": "{{ inventory_hostname }}"}}
    queue = "community.aws.sqs_queue"
    yield {queue: {"name": f"{NAME}-dlq.fifo", **fifo, "message_retention_period": 1209600, **tags}}
    target = {"name": f"{NAME}-target-dlq", "message_retention_period": 1209600}
    yield {queue: {**target, "policy": statement(f"{SQS}-target-dlq"), **tags}}
    redrive = {"deadLetterTargetArn": f"{SQS}-dlq.fifo", "maxReceiveCount": 5}
    settings = {"visibility_timeout": 30, "message_retention_period": 1209600, "maximum_message_size": 262144}
    policies = {"redrive_policy": redrive, "policy": statement(f"{SQS}.fifo")}
    yield {queue: {"name": f"{NAME}.fifo", **fifo, **settings, **policies, **tags}}
    pattern = {
        "source": ["aws.sagemaker"],
        "detail-type": ["AWS API Call via CloudTrail"],
        "detail": {"eventSource": ["sagemaker.amazonaws.com"], "errorCode": [{"exists": False}]},
    }
    rule = {
        "name": NAME,
        "event_pattern": json.dumps(pattern),
        "targets": [{"id": "queue", "arn": f"{SQS}-target-dlq"}],
    }
    yield {"amazon.aws.cloudwatchevent_rule": rule}
    role = {"name": "agent", "assume_role_policy_document": json.dumps(TRUST), "create_instance_profile": False}
    yield {"amazon.aws.iam_role": role}
    for policy, action in (("wxgov-queue", "sqs:ReceiveMessage"), ("wxgov-registry", "sagemaker:Search")):
        allowed = [{"Effect": "Allow", "Action": action, "Resource": "*"}]
        document = json.dumps({"Version": "2012-10-17", "Statement": allowed})
        inline = {"iam_type": "role", "iam_name": "agent", "policy_name": policy, "policy_json": document}
        yield {"amazon.aws.iam_policy": {**inline, "state": "present"}}
    for end, metric, bound in (
        (".fifo", "ApproximateAgeOfOldestMessage", 3600),
        ("-dlq.fifo", "ApproximateNumberOfMessagesVisible", 0),
        ("-target-dlq", "ApproximateNumberOfMessagesVisible", 0),
    ):
        alarm = {"name": f"{NAME}{end}", "namespace": "AWS/SQS", "metric_name": metric, "statistic": "Maximum"}
        alarm |= {"dimensions": {"QueueName": f"{NAME}{end}"}, "comparison": "GreaterThanThreshold", "threshold": bound}
        alarm |= {"period": 300, "evaluation_periods": 1, "treat_missing_data": "notBreaching", "state": "present"}
        yield {"amazon.aws.cloudwatch_metric_alarm": alarm}


def peers(accounts: Sequence[str]) -> list[dict[str, Any]]:
    return hosts_play(list(peer_tasks()))


STACK: dict[str, Any] = {"access": {"agent_account_id": AGENT}, "alarms": {}}


def one_host_an_account(accounts: Sequence[str]) -> list[dict[str, Any]]:
    return hosts_play([{"wxgov.sagemaker.connection_stack": {"connection_name": "{{ inventory_hostname }}", **STACK}}])


def one_task_for_all(accounts: Sequence[str]) -> list[dict[str, Any]]:
    entries = [
        {"name": f"account{index}", "access_key": account, "secret_key": SECRET}
        for index, account in enumerate(accounts)
    ]
    task = {"wxgov.sagemaker.connection_stack": {**STACK, "accounts": entries}}
    return [{"hosts": "localhost", "gather_facts": False, "tasks": [task]}]


def playbook(accounts: Sequence[str]) -> list[dict[str, Any]]:
    """The first play of playbooks/onboard_account.yml, roles and all."""
    plays = yaml.safe_load((CHECKOUT / "playbooks" / "onboard_account.yml").read_text())
    aws = {"AWS_ACCESS_KEY_ID": ACCOUNT, "AWS_SECRET_ACCESS_KEY": SECRET}
    access = {"aws_access_agent_account_id": AGENT}
    return [{**plays[0], "vars": {**plays[0].get("vars", {}), "wxgov_aws_environment": aws, **access}}]


VARIANTS = (
    Variant("peers-one-by-one", peers, 1),
    Variant("peers", peers),
    Variant("playbook", playbook),
    Variant("one-host-an-account", one_host_an_account),
    Variant("one-task-for-all", one_task_for_all),
)
# What a user can set, by its effect on one host an account.
SETTINGS = (
    Variant("forks-5", one_host_an_account),
    Variant("forks-1", one_host_an_account, 1),
    Variant("forks-2", one_host_an_account, 2),
    Variant("forks-10", one_host_an_account, 10),
    Variant("no-pipelining", one_host_an_account, 5, {"ANSIBLE_PIPELINING": "0"}),
)


@contextmanager
def emulator() -> Iterator[str]:
    """The URL of an AWS emulator in a process of its own."""
    command = [sys.executable, "-m", "tests.emulators.aws", "--port", "0"]
    with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process.stdout.readline().strip() if process.stdout else ""
        finally:
            process.terminate()


def client(url: str, account: str, service: str) -> Any:
    keys = {"aws_access_key_id": account, "aws_secret_access_key": SECRET}
    return boto3.client(service, endpoint_url=url, region_name=REGION, **keys)


def prepare(url: str, accounts: Sequence[str]) -> None:
    """A trail in each account, so that no variant has to make one."""
    for account in accounts:
        client(url, account, "s3").create_bucket(Bucket=f"trail-{account}")
        trails = client(url, account, "cloudtrail")
        trails.create_trail(Name="events", S3BucketName=f"trail-{account}", IsMultiRegionTrail=True)
        trails.start_logging(Name="events")


def check(url: str, accounts: Sequence[str]) -> None:
    """Every account must have what the variants are compared by; raises AssertionError when one has not."""
    for account in accounts:
        found = {
            "queues": len(client(url, account, "sqs").list_queues().get("QueueUrls", [])),
            "rules": len(client(url, account, "events").list_rules()["Rules"]),
            "roles": len(client(url, account, "iam").list_roles()["Roles"]),
            "alarms": len(client(url, account, "cloudwatch").describe_alarms()["MetricAlarms"]),
        }
        assert found == {"queues": 3, "rules": 1, "roles": 1, "alarms": 3}, f"account {account}: {found}"


def run(variant: Variant, url: str, accounts: Sequence[str], folder: pathlib.Path, interpreter: str) -> Timing:
    """One run of ansible-playbook, as a user has it: no callbacks of ours, the checkout's ansible.cfg."""
    inventory = {
        "all": {"hosts": {"localhost": {"ansible_connection": "local"}}},
        "registry_accounts": {
            "hosts": {f"account{index}": {"account_id": account} for index, account in enumerate(accounts)},
            "vars": {"ansible_connection": "local", "ansible_python_interpreter": interpreter},
        },
    }
    (folder / "inventory.yml").write_text(yaml.safe_dump(inventory))
    (folder / "play.yml").write_text(yaml.safe_dump(variant.plays(accounts), sort_keys=False))
    extra = {
        "AWS_ENDPOINT_URL": url,
        "AWS_REGION": REGION,
        "ANSIBLE_PYTHON_INTERPRETER": interpreter,
        "ANSIBLE_FORKS": str(variant.forks),
        "ANSIBLE_COLLECTIONS_PATH": f"{CHECKOUT / '.ansible' / 'collections'}{os.pathsep}{PEERS}",
        "ANSIBLE_DEPRECATION_WARNINGS": "0",
        **variant.settings,
    }
    env = {name: value for name, value in environment(extra).items() if "CALLBACK" not in name}
    del env["PYTHONDONTWRITEBYTECODE"]
    command = [sys.executable, "-m", "ansible", "playbook", "-i", "inventory.yml", "play.yml"]
    started = time.monotonic()
    with (folder / "output").open("w+") as output:
        process = subprocess.Popen(command, cwd=folder, env=env, stdout=output, stderr=subprocess.STDOUT)
        _pid, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.monotonic() - started
        output.seek(0)
        text = output.read()
    assert process.returncode == 0, f"{variant.name} failed:\n{text}"
    changed = sum(int(count) for count in re.findall(r"changed=(\d+)", text))
    return Timing(wall, usage.ru_utime + usage.ru_stime, changed)


def measure(
    variants: Sequence[Variant], rounds: int, count: int, interpreter: str
) -> dict[str, dict[str, list[Timing]]]:
    """Timings of first and second runs by variant; the variants take turns."""
    found: dict[str, dict[str, list[Timing]]] = {one.name: {"first": [], "again": []} for one in variants}
    accounts = account_ids(count)
    for _round in range(rounds):
        for variant in variants:
            with emulator() as url, tempfile.TemporaryDirectory() as folder:
                prepare(url, accounts)
                for which in ("first", "again"):
                    timing = run(variant, url, accounts, pathlib.Path(folder), interpreter)
                    check(url, accounts)
                    found[variant.name][which].append(timing)
                    shown = f"{timing.wall:6.1f} s wall {timing.cpu:6.1f} s CPU  {timing.changed} changed"
                    print(f"{variant.name:20} {which:6} {shown}", flush=True)
    return found


def median(timings: Sequence[Timing], of: str) -> float:
    return statistics.median(getattr(timing, of) for timing in timings)


def report(found: Mapping[str, Mapping[str, Sequence[Timing]]]) -> Iterator[str]:
    """The table, with the ratio to what the others are compared with."""
    bases = [name for name in ("peers-one-by-one", "peers", "forks-5") if name in found]
    header = [
        "variant",
        "first, wall / CPU s",
        "again, wall / CPU s",
        *(f"{name} / it, {of}" for name in bases for of in OF),
    ]
    yield f"| {' | '.join(header)} |"
    yield "|---" * len(header) + "|"
    for name, runs in found.items():
        cells = [
            f"{median(runs[which], 'wall'):.1f} / {median(runs[which], 'cpu'):.1f}" for which in ("first", "again")
        ]
        for base in bases:
            for of in OF:
                both = [median(found[base][which], of) / median(runs[which], of) for which in ("first", "again")]
                cells.append(f"{both[0]:.1f}, {both[1]:.1f}")
        yield f"| {name} | {' | '.join(cells)} |"


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--accounts", type=int, default=10)
    parser.add_argument("--settings", action="store_true", help="compare Ansible's settings instead of modules")
    parser.add_argument("--interpreter", default=sys.executable, help="the Python that runs modules; it needs boto3")
    parser.add_argument("--only", nargs="+", choices=[variant.name for variant in (*VARIANTS, *SETTINGS)])
    given = parser.parse_args(arguments)
    offered = SETTINGS if given.settings else VARIANTS
    chosen = [variant for variant in offered if given.only is None or variant.name in given.only]
    fetch = [sys.executable, str(CHECKOUT / "dev" / "fetch_collections.py"), str(PEERS), "community.aws"]
    subprocess.run(fetch, check=True)
    for line in report(measure(chosen, given.rounds, given.accounts, given.interpreter)):
        print(line)


if __name__ == "__main__":
    main(sys.argv[1:])
