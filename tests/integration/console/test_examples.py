# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules' examples, run as they stand by one ansible-playbook; only the console's address and login are ours."""

from __future__ import annotations

import importlib
import pathlib
from collections.abc import Callable
from typing import Any

import yaml

from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.runs import RunStore

from .conftest import GROUP_ARN, Bench

MODULES = ("business_entity", "use_case_info", "model_group_link", "sync_run_info")
INSTANCE_OF_THE_EXAMPLES = "4f1e6c52-0d55-4a0c-9d7b-5f2f3d9ad3a1"


def examples(module: str, url: str) -> list[dict[str, Any]]:
    text = importlib.import_module(f"ansible_collections.wxgov.sagemaker.plugins.modules.{module}").EXAMPLES
    text = text.replace("https://console.example.com", url).replace(INSTANCE_OF_THE_EXAMPLES, "demo-instance")
    return [{**task, "ignore_errors": True} for task in yaml.safe_load(text)]


def test_the_examples_run(bench: Bench, tmp_path: pathlib.Path, run_playbook: Callable[..., Any]) -> None:
    entity = bench.put("SOXBusEntity", "Credit Risk")
    retail = bench.put("SOXBusEntity", "Retail", entity)
    churn = bench.put("Register", "Churn", entity, status="Approved for Development")
    bench.put("Register", "Lost", retail, status="Approved for Development")
    bench.put("Register", "Retention", entity)
    bench.put("ModelGroup", "churn", churn, arn=f"{GROUP_ARN}churn")
    retention = next(found for found in bench.console.objects("Register") if found["name"] == "Retention")
    bench.ok("model_group_link", model_group="churn", use_case=retention["id"], business_entity="Credit Risk")
    RunStore(tmp_path).start("credit-risk")
    tasks = [task for module in MODULES for task in examples(module, bench.console.url)]
    token = {"console_token_url": bench.console.url}
    play = {
        "hosts": "localhost",
        "gather_facts": False,
        "vars": {"console_api_key": "demo-api-key"},
        "module_defaults": {
            **{f"wxgov.sagemaker.{module}": token for module in MODULES[:3]},
            "wxgov.sagemaker.sync_run_info": {"state_dir": str(tmp_path)},
        },
        "tasks": tasks,
    }
    result = run_playbook([play], verbosity=3)
    (made, kept), (found, _named), (linked, _said, taken), (_runs, _waited, stopped) = (
        [result.named(task["name"])[-1] for task in examples(module, "")] for module in MODULES
    )
    assert made["operations"] == ["update"]
    assert "is not empty" in kept["msg"]
    assert [case["name"] for case in found["use_cases"]] == ["Churn"]
    assert [case["name"] for case in found["not_synchronized"]] == ["Lost"]
    assert "Lost hangs under Retail" in result.stdout
    assert [case["name"] for case in linked["previous_use_cases"]] == ["Retention"]
    assert "It was linked to Retention" in result.stdout
    assert [case["name"] for case in taken["previous_use_cases"]] == ["Churn"]
    assert stopped["failed"], "the run was cut off"
    assert "demo-api-key" not in result.stdout
