# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run reports, when that is a failure, and how it reads."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.mapping import Kind
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.phases import Outcome, Unplanned
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.report import (
    OUTCOME_LIMIT,
    FailurePolicy,
    RunReport,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.run_lines import duration, progress_line, table


def outcome(number: int, action: str = "create", error: str = "") -> Outcome:
    operation = Unplanned(Kind.MODEL, f"m{number}", f"arn-{number}", action, {}, {"Name": f"m{number}"})
    return Outcome(operation, None, error, number)


def test_failures_are_kept_however_many_objects_went_well_before_them() -> None:
    report = RunReport("production")
    for number in range(OUTCOME_LIMIT + 5):
        report.add(outcome(number))
    report.add(outcome(9999, error="refused"))
    assert (report.counts["create"], report.counts["failed"]) == (OUTCOME_LIMIT + 5, 1)
    assert len(report.outcomes) == OUTCOME_LIMIT + 1
    assert report.notes == [
        f"only the first {OUTCOME_LIMIT} changes, with before and after, are listed; the counts are of all"
    ]
    assert report.outcomes[-1].error == "refused"
    assert report.as_dict(outcomes=False)["outcomes"] == []
    assert report.as_dict()["counts"]["created"] == OUTCOME_LIMIT + 5


def test_outcomes_end_up_in_the_order_in_which_they_were_found() -> None:
    report = RunReport("production")
    for number in (3, 1, 2):
        report.add(outcome(number))
    report.put_in_order()
    assert [kept.number for kept in report.outcomes] == [1, 2, 3]


@pytest.mark.parametrize("action", ["create", "update", "decommission", "restore", "create_in_registry"])
def test_a_write_on_either_side_is_a_change_and_a_failure_is_none(action: str) -> None:
    report = RunReport("production")
    report.add(outcome(1, action, error="refused"))
    assert (report.changed, report.failed) == (False, True)
    report.add(outcome(2, action))
    assert report.changed


@pytest.mark.parametrize(
    ("policy", "failed", "exceeded"),
    [
        (FailurePolicy(), 0, False),
        (FailurePolicy(), 1, True),
        (FailurePolicy("never"), 100, False),
        (FailurePolicy("threshold", count=3), 3, False),
        (FailurePolicy("threshold", count=3), 4, True),
        (FailurePolicy("threshold", count=0), 1, True),
        (FailurePolicy("threshold", percent=5.0), 5, False),
        (FailurePolicy("threshold", percent=5.0), 6, True),
        (FailurePolicy("threshold", count=10, percent=5.0), 6, True),
    ],
)
def test_when_failed_objects_are_too_many_of_a_hundred(policy: FailurePolicy, failed: int, exceeded: bool) -> None:
    assert policy.is_exceeded(failed, 100) is exceeded


def running(**progress: Any) -> dict[str, Any]:
    shown = {"phase": "models", "phase_number": 2, "phases": 4, "phase_done": 1200, "phase_total": 10000}
    shown |= {"per_second": 82.1, "seconds": 15.0, "seconds_left": 107.2}
    throttling = {"registry_throttled": 0, "console_calls_per_second": None}
    report = {"counts": {"failed": 0}, "throttling": throttling}
    return {"connection": "production", "progress": {**shown, **progress}, "report": report}


def test_a_line_of_progress() -> None:
    assert progress_line(running()) == "production: models (2/4) 1200/10000, 82.1/s, 1m 47s left, 0 failed"
    unknown = running(phase_total=None, seconds_left=None)
    assert progress_line(unknown) == "production: models (2/4) 1200/?, 82.1/s, 15s so far, 0 failed"
    throttled = running()
    throttled["report"]["throttling"] = {"registry_throttled": 12, "console_calls_per_second": 8.53}
    assert progress_line(throttled).endswith("0 failed, SageMaker throttled 12 calls, console held to 8.5 calls/s")
    assert progress_line(running(phase="")) == "production: starting"


def test_a_line_of_a_run_that_has_no_report_yet() -> None:
    assert progress_line({"connection": "a", "progress": running(phase="")["progress"], "report": {}}) == "a: starting"


def test_the_table_at_the_end() -> None:
    good, stopped = RunReport("a"), RunReport("production", error="no login")
    good.counts["create"] = 1204
    good.listed["model"] = 1200
    good.add(outcome(1, error="refused"))
    lines = table([good.as_dict(), stopped.as_dict()])
    assert [line.split()[:2] for line in lines] == [
        ["connection", "result"],
        ["a", "failures"],
        ["production", "stopped"],
    ]
    assert len({line.rindex("failed") + 6 for line in lines[:1]} | {lines[1].rindex(" 1 ") + 2}) == 1
    assert table([]) == []


def test_durations() -> None:
    assert [duration(seconds) for seconds in (0.4, 48, 107, 7500)] == ["0s", "48s", "1m 47s", "2h 05m"]
