# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sharing, groups and the info modules through ansible-playbook: examples as printed, and all options at once."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import yaml

from tests.harness.playbook import PlayResult
from tests.integration.aws.conftest import ACCOUNT, SECRET, Account, differing

OTHER = "444455556666"
EXAMPLES = {  # module → the account that its examples are for
    "model_package_group": ACCOUNT,
    "ram_resource_share": ACCOUNT,
    "ram_resource_share_info": ACCOUNT,
    "model_package_group_info": ACCOUNT,
    "sqs_queue_info": ACCOUNT,
    "eventbridge_rule_info": ACCOUNT,
    "ram_invitation": OTHER,
}
Run = Callable[..., PlayResult]


def module_file(name: str) -> Any:
    return importlib.import_module(f"ansible_collections.wxgov.sagemaker.plugins.modules.{name}")


def check_documented(value: Any, documented: dict[str, Any]) -> None:
    """Each dictionary has just the members that are documented."""
    if isinstance(value, list):
        for member in value:
            check_documented(member, documented)
    elif isinstance(value, dict) and "contains" in documented:
        assert set(value) == set(documented["contains"])


def test_the_examples_run_as_printed_and_return_what_is_documented(run_playbook: Run, account: Account) -> None:
    partner = Account(account.emulator, "555566667777")
    partner.client("ram").create_resource_share(name="surprise", principals=[OTHER])
    account.client("ram").create_resource_share(name="central-registry", principals=[OTHER])
    account.client("sqs").create_queue(QueueName="registry-events.fifo", Attributes={"FifoQueue": "true"})
    account.client("events").put_rule(Name="registry-events", ScheduleExpression="rate(1 hour)")
    tasks = {name: yaml.safe_load(module_file(name).EXAMPLES) for name in EXAMPLES}
    order = sorted(EXAMPLES, key=lambda name: name == "ram_resource_share")  # its last example ends the share
    plays = [
        {
            "hosts": "localhost",
            "gather_facts": False,
            "environment": {**account.environment, "AWS_ACCESS_KEY_ID": EXAMPLES[name]},
            "tasks": tasks[name],
        }
        for name in order
    ]
    result = run_playbook(plays).check()
    run = [(name, task) for name in order for task in tasks[name]]
    assert len(result.results) == len(run)
    for (name, task), entry in zip(run, result.results, strict=True):
        if f"wxgov.sagemaker.{name}" in task:
            documented = yaml.safe_load(module_file(name).RETURN)
            for key, value in documented.items():
                assert key in entry.result, f"{entry.task}: {key} is missing"
                check_documented(entry.result[key], value)
    listed = account.client("ram").get_resource_shares(resourceOwner="SELF", resourceShareStatus="ACTIVE")
    assert listed["resourceShares"] == []
    invitations = Account(account.emulator, OTHER).client("ram").get_resource_share_invitations()
    answers = {entry["resourceShareName"]: entry["status"] for entry in invitations["resourceShareInvitations"]}
    assert answers == {"surprise": "REJECTED", "central-registry": "ACCEPTED"}


A = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:model-package-group/a"

# module → (its key in the result, the resource as it is at first, every other option that a change can set)
ALL_OPTIONS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "model_package_group": (
        "group",
        {"name": "all"},
        {"readers": [OTHER], "registrars": ["777788889999"], "tags": {"team": "a"}},
    ),
    "ram_resource_share": (
        "share",
        {"name": "all"},
        {
            "resource_arns": [A],
            "principals": [OTHER, "sagemaker.amazonaws.com"],
            "permissions": [
                "arn:aws:ram::aws:permission/AWSRAMPermissionSageMakerModelPackageGroupAllowRegister",
            ],
            "tags": {"team": "a"},
        },
    ),
}


def test_all_options_at_once_are_checked_set_and_then_left_alone(run_playbook: Run, account: Account) -> None:
    account.client("sagemaker").create_model_package_group(ModelPackageGroupName="a")
    steps = ("make", "check", "change", "check again", "no change")
    tasks = [
        {
            "name": f"{module}: {step}",
            f"wxgov.sagemaker.{module}": {
                "endpoint_url": account.emulator.endpoint_url,
                "access_key": ACCOUNT,
                "secret_key": SECRET,
                "region": account.region,
                **identity,
                **({} if step == "make" else change),
            },
            "check_mode": step.startswith("check"),
        }
        for module, (_key, identity, change) in ALL_OPTIONS.items()
        for step in steps
    ]
    # Ansible gives a callback the diff only from verbosity 3 on.
    play = {"hosts": "localhost", "gather_facts": False, "tasks": tasks}
    cycle = run_playbook([play], diff=True, verbosity=3).check()
    for module, (key, _identity, change) in ALL_OPTIONS.items():
        entries = [cycle.one(f"{module}: {step}") for step in steps]
        made, checked, done, _checked_again, nothing = entries
        assert [entry["changed"] for entry in entries] == [True, True, True, False, False]
        assert len({frozenset(entry) for entry in entries}) == 1
        assert done["diff"] == checked["diff"]
        assert done[key] == checked[key] == nothing[key], differing(checked[key], done[key])
        assert done[key]["arn"] == made[key]["arn"]
        for option, value in change.items():
            assert done[key][option] == value, option
            assert made[key][option] != value, f"{option} was set at first"
