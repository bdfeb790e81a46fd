# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent's benchmark, at a size that only shows that it still runs and that the contenders do the work."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.bench.agent import NEAR, Contest, Load, Measure, idle, line, report
from tests.bench.agent_site import Site, site


@pytest.fixture(scope="module")
def where() -> Iterator[Site]:
    with site() as made:
        Contest(made, {}).prepare(10)
        yield made


def test_the_contenders_write_each_package_and_are_compared(where: Site) -> None:
    contest = Contest(where, {})
    null: Measure = contest.null(20)
    naive, ours = contest.naive(Load(10, 1, NEAR)), contest.ours(Load(10, 3, NEAR))
    assert (null.writes, naive.writes, ours.writes) == (0, 10, 10), "what is written once is not written again"
    assert all(line(measure).startswith(f"| {measure.who} | {measure.events} |") for measure in (null, naive, ours))
    assert len(list(report([null, naive, ours]))) == 1


def test_an_idle_agent_writes_what_an_event_tells_of(where: Site) -> None:
    seen = idle(where, {}, 2)
    assert NEAR <= seen.median <= seen.longest
    assert seen.megabytes > 10
