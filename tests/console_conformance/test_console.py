# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""`CONSOLE_URL=… pytest tests/console_conformance`: a test for each fact, against any console.

Without CONSOLE_URL it is the emulator's turn, with --write. Else CONSOLE_WRITE=1 does that, and CONSOLE_REPORT names a
file for the report; the other variables are those of cli.
"""

from __future__ import annotations

import os
import pathlib
from collections.abc import Iterator

import pytest

from .cli import finish, target_from
from .emulated import emulated_target
from .report import Finding, Report
from .runner import FACTS, run


@pytest.fixture(scope="module")
def report() -> Iterator[Report]:
    """One run for all tests."""
    if os.environ.get("CONSOLE_URL"):
        target = target_from(os.environ)
        made = run(target, write=os.environ.get("CONSOLE_WRITE") == "1")
        path = os.environ.get("CONSOLE_REPORT")
        finish(made, target, pathlib.Path(path) if path else None)
        yield made
    else:
        with emulated_target() as target:
            yield run(target, write=True)


@pytest.mark.parametrize("name", [one.name for one in FACTS])
def test_the_console_is_as_the_client_expects(name: str, report: Report) -> None:
    finding: Finding = next(found for found in report.findings if found.name == name)
    assert finding.outcome in ("agrees", "skipped"), f"{finding.fact}: {finding.seen}"


def test_nothing_is_left_behind(report: Report) -> None:
    assert report.left_behind == ()
