# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent's benchmark, small: that it still runs, that the contenders do the work, and whatever is no speed.

Memory at full size is for the benchmark itself to show; here it must keep to the same bounds.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.bench.agent import NEAR, Contest, Load, Measure, idle, line, report, stop_under_load, sweep
from tests.bench.agent_site import Site, site

IDLE_MEGABYTES, SWEEP_MEGABYTES = 120, 250
"""The most that an agent may take, of resident memory."""


@pytest.fixture(scope="module")
def where() -> Iterator[Site]:
    with site() as made:
        Contest(made, {}).prepare(10)
        yield made


def test_the_contenders_write_each_package_and_are_compared(where: Site) -> None:
    contest = Contest(where, {})
    null: Measure = contest.null(20)
    naive, ours = contest.naive(Load(10, 1, NEAR)), contest.ours(Load(10, 3, NEAR))
    assert ours.writes <= ours.events
    assert (null.writes, naive.writes, ours.writes) == (0, 10, 10), "what is written once is not written again"
    assert all(line(measure).startswith(f"| {measure.who} | {measure.events} |") for measure in (null, naive, ours))
    assert len(list(report([null, naive, ours]))) == 1


def test_an_idle_agent_writes_what_an_event_tells_of(where: Site) -> None:
    seen = idle(where, {}, 2)
    assert NEAR <= seen.median <= seen.longest
    assert 10 < seen.megabytes < IDLE_MEGABYTES


def test_an_agent_that_is_stopped_amid_its_work_loses_nothing(where: Site) -> None:
    stopped = stop_under_load(where, {}, 10)
    assert (stopped.code, stopped.lost) == (0, 0)
    assert 0 <= stopped.undone < 10


def test_a_sweep_takes_little_memory(where: Site) -> None:
    swept = sweep(where, {}, 3_000)
    assert swept.marked >= 3_000, "packages, and their groups"
    assert 10 < swept.megabytes < SWEEP_MEGABYTES
