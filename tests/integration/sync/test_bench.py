# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The benchmark of the existing-model sync, at a size that only shows that it runs, counts rightly and judges."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from tests.bench.existing_sync import LARGE, VERSIONS, Measure, goals, line, null, ratio_to_formula, series

SIZE = 2 * VERSIONS
NOTHING = Measure("null", 0, 0.0, 1.0, 1.0, 75.0, 2, 10, 0, 0.1, 0.1, 0)
GOOD = Measure("unchanged", LARGE, 0.0, 60.0, 21.0, 250.0, 1_022, 213, 0, 5.6, 10.9, 0, formula=1_226)


def test_three_runs_fail_nowhere_and_call_as_often_as_the_formula_says() -> None:
    over_nothing = null(2)
    runs = list(series(SIZE, [0.01], 2, SIZE))
    assert [measure.run for measure in runs] == ["first load", "unchanged", "0.1 % changed"]
    assert [measure.failed for measure in (over_nothing, *runs)] == [0, 0, 0, 0]
    assert [measure.console_writes for measure in runs] == [SIZE + 2, 0, 1]
    assert [ratio_to_formula(measure, over_nothing) for measure in runs] == [1.0, 1.0, 1.0]
    assert all(line(measure, over_nothing).startswith(f"| {measure.run} | {SIZE} | 10 |") for measure in runs)
    load, *judged = sorted(goals([over_nothing, *runs], 2), key=lambda sentence: "writes/s" not in sentence)
    assert "of concurrency ÷ latency" in load
    assert len(judged) == 3
    assert all(sentence.endswith(": met") for sentence in judged)


def test_figures_at_the_goals_meet_them() -> None:
    sentences = list(goals([NOTHING, dataclasses.replace(GOOD, registry_calls=1_009)], 16))
    assert len(sentences) == 5
    assert all(sentence.endswith(": met") for sentence in sentences)


@pytest.mark.parametrize(
    ("worse", "missed"),
    [
        ({"formula": 1_100}, "calls ÷ formula"),
        ({"registry_calls": 2_001, "formula": 2_205}, "calls to SageMaker"),
        ({"console_reads": 1_950, "console_writes": 51, "formula": 3_014}, "calls to the console"),
        ({"seconds": 60.1}, "seconds"),
        ({"megabytes": 250.6}, "peak MB"),
    ],
)
def test_a_figure_beyond_its_goal_is_said_to_miss_it(worse: dict[str, Any], missed: str) -> None:
    found = [sentence for sentence in goals([NOTHING, dataclasses.replace(GOOD, **worse)], 16) if "MISSED" in sentence]
    assert len(found) == 1
    assert f" ms: {missed} " in found[0]


def test_failures_are_told_of_and_small_runs_have_no_goals_of_large_ones() -> None:
    bad = dataclasses.replace(GOOD, packages=1_000, seconds=600.0, failed=3)
    assert list(goals([NOTHING, bad], 16)) == [
        "unchanged, 1,000 packages, 0 ms: 3 FAILED",
        "unchanged, 1,000 packages, 0 ms: calls ÷ formula 1.000, goal ≤ 1.05: met",
    ]
