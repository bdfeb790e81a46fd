# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/mapping.md shows the tables as they are, and names what there is. `WRITE_DOCS=1` writes the tables anew."""

from __future__ import annotations

import os
import re
from pathlib import Path

import yaml

from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.conversions import CONVERSIONS
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.mapping import DEFAULT, FieldRule, Kind
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.mapping_overrides import effective_table
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.registry_values import NAMES

PAGE = Path(__file__).resolve().parents[4] / "docs" / "mapping.md"
MARKED = re.compile(r"(?<=test_mapping_page.py -->\n).*(?=<!-- /tables -->)", re.DOTALL)
WAYS = {"to_console": "SageMaker → console", "to_registry": "console → SageMaker", "both": "both"}
SIDES = {"registry": "SageMaker", "console": "console"}


def tables() -> str:
    lines = []
    for kind in (Kind.MODEL, Kind.GROUP):
        lines += ["", f"Fields of a {kind.value}:", "", "| console field | value | direction | winner | conversion |"]
        lines += ["|---|---|---|---|---|", *(row(rule) for rule in DEFAULT.rules[kind])]
    lines += [
        "",
        "Statuses of a model:",
        "",
        "| console status | Stage | StageStatus | direction |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {row.console_status} | {row.stage} | {row.stage_status} | {WAYS[row.direction]} |"
        for row in DEFAULT.statuses
    ]
    return "\n".join([*lines, "", ""])


def row(rule: FieldRule) -> str:
    direction = "at creation" if rule.at_creation else WAYS[rule.direction]
    winner = "" if rule.at_creation else SIDES[rule.winner]
    return f"| {rule.field} | `{rule.value}` | {direction} | {winner} | {rule.conversion} |"


def test_the_tables_are_those_of_the_product():
    text = PAGE.read_text()
    if os.environ.get("WRITE_DOCS"):
        text = MARKED.sub(lambda _match: tables(), text)
        PAGE.write_text(text)
    assert MARKED.findall(text) == [tables()], "run this test once with WRITE_DOCS=1 and commit docs/mapping.md"


def test_the_page_names_every_value_and_every_conversion():
    text = PAGE.read_text().split("## Change it")[1]
    for name in {*NAMES[Kind.MODEL], *NAMES[Kind.GROUP], *CONVERSIONS} - {
        "is_model",
        "is_machine_learning",
        "console_status",
    }:
        assert f"`{name}`" in text


def test_the_example_is_a_mapping():
    (example,) = (
        block for block in re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL) if "mapping" in block
    )
    ((options,),) = [task.values() for task in yaml.safe_load(example)]
    table = effective_table(options["sync_mapping"])
    assert table.metrics is not None
    assert table.rule(Kind.MODEL, "MRG-Model:Developer").winner == "console"
