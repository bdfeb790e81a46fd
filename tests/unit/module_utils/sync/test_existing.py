# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's promise that nothing which was done goes unreported."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.existing import (
    ExistingModelSync,
    Meter,
    RunSettings,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.mapping import Kind
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.phases import Outcome, Tally, Unplanned
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.report import RunReport


class BreakingPhase:
    """Finds one thing to do, and then a bug."""

    name = "models"

    def operations(self, tally: Tally) -> Iterator[Unplanned | Outcome]:
        yield Unplanned(Kind.MODEL, "churn-v1", "arn:1", "create")
        raise RuntimeError("nobody foresaw this")

    def apply(self, operation: Unplanned) -> str:
        return "4711"


def test_a_bug_in_planning_does_not_take_the_report_of_what_was_written_with_it():
    report, shown = RunReport("production"), []
    meter = Meter(calls=dict, throttling=dict)
    ExistingModelSync([BreakingPhase()], RunSettings(), meter).run(report, lambda: 0.0, lambda r: shown.append(r.error))
    assert (report.counts["create"], report.changed, report.failed) == (1, True, True)
    assert report.error == shown[-1] == "Unexpected RuntimeError: nobody foresaw this"
