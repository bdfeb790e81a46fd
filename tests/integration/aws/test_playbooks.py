# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules through ansible-playbook: their examples as they are printed, and one cycle over all options at once.

What each option does by itself is tested in this process (test_sqs_queue.py and its neighbours), which is ten times
faster; here the way through YAML, templating, AnsiballZ and module_defaults is.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml

from tests.harness.playbook import PlayResult
from tests.integration.aws.conftest import ACCOUNT, Account, differing

MODULES = ("sqs_queue", "eventbridge_rule", "iam_role", "cloudtrail_coverage_info")
SQS = f"arn:aws:sqs:us-east-1:{ACCOUNT}"
Run = Callable[..., PlayResult]


def module_file(name: str) -> Any:
    return importlib.import_module(f"ansible_collections.wxgov.sagemaker.plugins.modules.{name}")


def play(tasks: list[dict[str, Any]], **keywords: Any) -> list[dict[str, Any]]:
    return [{"hosts": "localhost", "gather_facts": False, "tasks": tasks, **keywords}]


def test_the_examples_run_as_printed_and_return_what_is_documented(run_playbook: Run, account: Account) -> None:
    tasks = [task for name in MODULES for task in yaml.safe_load(module_file(name).EXAMPLES)]
    result = run_playbook(play(tasks), env=account.environment).check()
    assert len(result.results) == len(tasks)
    for name in MODULES:
        documented = yaml.safe_load(module_file(name).RETURN)
        always = {key for key, value in documented.items() if value["returned"] == "success"}
        for task, entry in zip(tasks, result.results, strict=True):
            if f"wxgov.sagemaker.{name}" in task:
                assert always <= set(entry.result), f"{entry.task}: {always - set(entry.result)} missing"
                for key in always:
                    value = entry.result[key]
                    if isinstance(value, dict) and "contains" in documented[key]:
                        assert set(value) == set(documented[key]["contains"])
    assert account.client("sqs").list_queues()["QueueUrls"] == [
        f"{account.emulator.endpoint_url}/{ACCOUNT}/registry-events-dlq.fifo"
    ]
    assert [rule["Name"] for rule in account.client("events").list_rules()["Rules"]] == ["registry-approvals"]
    roles = [role["RoleName"] for role in account.client("iam").list_roles()["Roles"]]
    assert sorted(roles) == ["registry-execution", "registry-reader"]


# module → (its key in the result, the resource as it is at first, every other option that a change can set)
ALL_OPTIONS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "sqs_queue": (
        "queue",
        {"name": "all.fifo", "fifo_queue": True},
        {
            "visibility_timeout": 31,
            "message_retention_period": 1209600,
            "maximum_message_size": 262144,
            "delay_seconds": 1,
            "receive_message_wait_time_seconds": 2,
            "content_based_deduplication": True,
            "high_throughput_fifo": True,
            "policy": {
                "Version": "2012-10-17",
                "Statement": [
                    {"Sid": "A", "Effect": "Allow", "Principal": ACCOUNT, "Action": "sqs:*", "Resource": "*"}
                ],
            },
            "redrive_policy": {"dead_letter_target_arn": f"{SQS}:dead.fifo", "max_receive_count": 3},
            "redrive_allow_policy": {"redrive_permission": "denyAll"},
            "kms_master_key_id": "alias/aws/sqs",
            "kms_data_key_reuse_period_seconds": 600,
            "tags": {"team": "a"},
        },
    ),
    "eventbridge_rule": (
        "rule",
        {"name": "all", "event_pattern": {"source": ["aws.sagemaker"]}},
        {
            "description": "everything",
            "schedule_expression": "rate(1 hour)",
            "role_arn": f"arn:aws:iam::{ACCOUNT}:role/events",
            "state": "disabled",
            "targets": [
                {
                    "id": "queue",
                    "arn": f"{SQS}:dead.fifo",
                    "message_group_id": "registry",
                    "dead_letter_arn": f"{SQS}:dead",
                    "retry_policy": {"maximum_retry_attempts": 3, "maximum_event_age_in_seconds": 60},
                    "input_transformer": {"input_paths_map": {"n": "$.detail"}, "input_template": '{"n": "<n>"}'},
                    "role_arn": f"arn:aws:iam::{ACCOUNT}:role/events",
                }
            ],
            "tags": {"team": "a"},
        },
    ),
    "iam_role": (
        "role",
        {"name": "all", "trusted_services": ["sagemaker.amazonaws.com"]},
        {
            "description": "everything",
            "trusted_accounts": ["444455556666"],
            "external_id": "one-id",
            "max_session_duration": 7200,
            "managed_policies": ["AmazonSageMakerReadOnly"],
            "inline_policies": {
                "a": {
                    "Version": "2012-10-17",
                    "Statement": [{"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}],
                }
            },
            "permissions_boundary": "arn:aws:iam::aws:policy/AmazonSQSFullAccess",
            "tags": {"team": "a"},
        },
    ),
}


def cycle_tasks() -> Iterator[dict[str, Any]]:
    """Make, then check → change → check → no change, for every module with all its options."""
    for module, (_key, identity, change) in ALL_OPTIONS.items():
        steps = {"make": (identity, False), "check": (None, True), "change": (None, False)}
        steps |= {"check again": (None, True), "no change": (None, False)}
        for step, (options, check) in steps.items():
            yield {
                "name": f"{module}: {step}",
                f"wxgov.sagemaker.{module}": options or {**identity, **change},
                "check_mode": check,
            }


@pytest.fixture
def cycle(run_playbook: Run, account: Account) -> PlayResult:
    account.client("sqs").create_queue(QueueName="dead")
    account.client("sqs").create_queue(
        QueueName="dead.fifo", Attributes={"FifoQueue": "true", "ContentBasedDeduplication": "true"}
    )
    defaults = {
        "group/wxgov.sagemaker.aws": {
            "endpoint_url": account.emulator.endpoint_url,
            "access_key": account.account_id,
            "secret_key": account.environment["AWS_SECRET_ACCESS_KEY"],
            "region": account.region,
        }
    }
    # Ansible gives a callback the diff only from verbosity 3 on.
    return run_playbook(play(list(cycle_tasks()), module_defaults=defaults), diff=True, verbosity=3).check()


def test_all_options_at_once_are_checked_set_and_then_left_alone(cycle: PlayResult) -> None:
    for module, (key, _identity, change) in ALL_OPTIONS.items():
        made, checked, done, checked_again, nothing = (
            cycle.one(f"{module}: {step}") for step in ("make", "check", "change", "check again", "no change")
        )
        assert [entry["changed"] for entry in (made, checked, done, checked_again, nothing)] == [
            *(True, True, True, False, False)
        ]
        assert len({frozenset(entry) for entry in (made, checked, done, checked_again, nothing)}) == 1
        assert done["diff"] == checked["diff"]
        assert done[key] == checked[key] == nothing[key], differing(checked[key], done[key])
        assert done[key]["arn"] == made[key]["arn"]
        silent = {"high_throughput_fifo", "trusted_accounts", "external_id"}
        shown = {"disabled": "DISABLED"}
        for option, value in change.items():
            if option not in {*silent, "targets", "managed_policies", "tags"}:
                assert done[key][option] == shown.get(str(value), value), option
            if option not in silent:
                assert made[key][option] != done[key][option], f"{option} was not unset at first"
        assert done[key]["tags"] == {"team": "a"}
