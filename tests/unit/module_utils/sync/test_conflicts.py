# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every row of docs/conflicts.md, carried out. `WRITE_DOCS=1` writes the page anew."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.plan import Change
from tests.harness.conflict_cases import CASES, Case, page

PAGE = Path(__file__).resolve().parents[4] / "docs" / "conflicts.md"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_a_row(case: Case):
    start = case.start()
    operation = start.plan()
    written = () if operation is None else ("console",)
    if isinstance(operation, Change) and operation.registry is not None:
        written = ("registry", "console")
    after = start.applied(operation)
    assert {name: after.console_value(name) for name in case.console} == case.console
    if case.life_cycle is not None:
        assert after.life_cycle == case.life_cycle
    assert {key: after.entity.metadata.get(key) for key in case.metadata} == case.metadata
    assert written == case.writes
    conflicts = () if operation is None else operation.conflicts
    assert [conflict.winner for conflict in conflicts] == ([case.conflict] if case.conflict else [])
    assert after.plan() is None


def test_every_row_is_another_one():
    assert len({case.title for case in CASES}) == len(CASES)


def test_the_page_is_made_of_these_rows():
    if os.environ.get("WRITE_DOCS"):
        PAGE.write_text(page())
    assert PAGE.read_text() == page(), "run this test once with WRITE_DOCS=1 and commit docs/conflicts.md"
