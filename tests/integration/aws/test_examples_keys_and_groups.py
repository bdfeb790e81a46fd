# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples of iam_access_key, resource_group and resource_group_info, as they are printed, in one play."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from typing import Any

import yaml

from tests.harness.playbook import PlayResult
from tests.integration.aws.conftest import Account


def documentation(module: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The examples and the documented results of a module."""
    found = importlib.import_module(f"ansible_collections.wxgov.sagemaker.plugins.modules.{module}")
    return yaml.safe_load(found.EXAMPLES), yaml.safe_load(found.RETURN)


def test_the_examples_run_as_printed_and_return_what_is_documented(
    account: Account, run_playbook: Callable[..., PlayResult]
) -> None:
    iam = account.client("iam")
    for user in ("registry-governance", "registry-reader"):
        iam.create_user(UserName=user)
    keys, key_results = documentation("iam_access_key")
    groups, group_results = documentation("resource_group")
    infos, info_results = documentation("resource_group_info")
    tasks = [*keys, *groups[:-1], *infos, groups[-1]]
    play = {"hosts": "localhost", "gather_facts": False, "tasks": tasks}
    done = run_playbook([play], env=account.environment, diff=True, verbosity=2).check()

    results = {entry.task: entry.result for entry in done.results}
    assert len(results) == len(tasks)
    hidden = [task["name"] for task in tasks if task.get("no_log")]
    assert len(hidden) == 2
    for task in tasks:
        if task["name"] in hidden:
            assert "secret_access_key" not in results[task["name"]]
            continue
        documented = {
            "wxgov.sagemaker.iam_access_key": key_results,
            "wxgov.sagemaker.resource_group": group_results,
            "wxgov.sagemaker.resource_group_info": info_results,
        }[next(key for key in task if "." in key)]
        result = results[task["name"]]
        assert set(documented) <= set(result)
        for key, described in documented.items():
            values = result[key] if isinstance(result[key], list) else [result[key]]
            for value in values:
                if isinstance(value, dict):
                    assert set(value) | {"members"} == set(described["contains"]) | {"members"}

    changed = [name for name, result in results.items() if result.get("changed")]
    assert changed == [
        "Have a key made, whose secret never passes through the play",
        "Make a key whose secret is given back, this once",
        "Make its successor",
        "Delete all keys of the user",
        "Group what belongs to the central model registry",
        "Take queues in too",
        "Delete the group, not its members",
    ]
    assert iam.list_access_keys(UserName="registry-reader")["AccessKeyMetadata"] == []
    value = account.client("secretsmanager").get_secret_value(SecretId="governance/registry-key")["SecretString"]
    (key,) = iam.list_access_keys(UserName="registry-governance")["AccessKeyMetadata"]
    assert json.loads(value)["access_key_id"] == key["AccessKeyId"]
    assert json.loads(value)["secret_access_key"] not in done.stdout
