# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Statements stay quick however many objects there are: what they look for is looked up, not searched for.

Ranges (`<`, `>`) are not here: SQLite may rather read a table in the order of its pages.
"""

from __future__ import annotations

import pytest

from tests.emulators.console.query_language import parse
from tests.emulators.console.query_sql import Options, compile_statement

ARN = "[Integration:External ID]"


@pytest.mark.parametrize(
    ("statement", "options"),
    [
        (f"SELECT [Name] FROM [Model] WHERE {ARN} = 'x'", Options()),
        (f"SELECT [Name] FROM [Model] WHERE {ARN} IN ('x', 'y')", Options()),
        (f"SELECT [Name] FROM [Model] WHERE {ARN} = 'x' OR {ARN} = 'y' OR [Name] = 'z'", Options()),
        (f"SELECT [Name] FROM [Model] WHERE {ARN} LIKE 'arn:aws:%'", Options()),
        (f"SELECT [Name] FROM [Model] WHERE {ARN} = 'x'", Options(ignore_case=True)),
        (f"SELECT [Name] FROM [Model] WHERE {ARN} LIKE 'arn:aws:%'", Options(ignore_case=True)),
        ("SELECT [Name] FROM [Model] WHERE [Resource ID] = '5'", Options()),
        ("SELECT [Name] FROM [Model] WHERE [MRG-Model:Status] = 'Proposed'", Options()),
        (
            "SELECT [Model].[Name] FROM [Model] JOIN [ModelGroup] ON CHILD([Model]) JOIN [Register] ON"
            " CHILD([ModelGroup]) WHERE [Register].[Resource ID] = '5'",
            Options(),
        ),
        (
            f"SELECT [Model].[Name] FROM [ModelGroup] JOIN [Model] ON PARENT([ModelGroup]) WHERE [Model].{ARN} = 'x'",
            Options(),
        ),
    ],
)
def test_no_table_is_read_from_end_to_end(api, statement, options):
    console = api.emulator.console
    compiled = compile_statement(parse(statement), console.instance, options)
    with console.store.transaction():
        for index in compiled.indexes:
            console.store.ensure_index(*index)
        plan = [str(row[3]) for row in console.store.rows(f"EXPLAIN QUERY PLAN {compiled.sql}", compiled.parameters)]
    assert plan
    assert not [step for step in plan if step.startswith("SCAN")], plan


def test_a_page_in_order_needs_no_sorting(api):
    console = api.emulator.console
    for order in ("", " ORDER BY [Name]", " ORDER BY [Name] DESC"):
        compiled = compile_statement(parse(f"SELECT [Name] FROM [Model]{order}"), console.instance, Options())
        with console.store.transaction():
            for index in compiled.indexes:
                console.store.ensure_index(*index)
            plan = [
                str(row[3]) for row in console.store.rows(f"EXPLAIN QUERY PLAN {compiled.sql}", compiled.parameters)
            ]
        assert not [step for step in plan if "TEMP B-TREE" in step], plan
