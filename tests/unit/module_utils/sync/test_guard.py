# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The mass-decommission guard."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.guard import GuardSettings, reason_to_hold


@pytest.mark.parametrize(
    ("managed", "vanished", "listed", "held"),
    [
        (1000, 0, 1000, False),
        (20, 10, 10, False),  # half of them, but no more than ten
        (110, 11, 99, False),  # eleven, but just ten percent
        (100, 11, 89, True),
        (1, 1, 0, True),  # nothing is listed at all
        (0, 0, 0, False),
    ],
)
def test_limits(managed, vanished, listed, held):
    assert (reason_to_hold(GuardSettings(), managed=managed, vanished=vanished, listed=listed) is not None) == held


@given(st.integers(1, 500), st.data())
def test_more_never_passes_where_fewer_are_held(managed, data):
    fewer = data.draw(st.integers(1, managed))
    more = data.draw(st.integers(fewer, managed))
    settings = GuardSettings(max_percent=data.draw(st.floats(0, 100)), max_count=data.draw(st.integers(0, 50)))
    if reason_to_hold(settings, managed=managed, vanished=fewer, listed=1):
        assert reason_to_hold(settings, managed=managed, vanished=more, listed=1)


def test_who_says_so_may():
    assert reason_to_hold(GuardSettings(allow=True), managed=100, vanished=100, listed=0) is None


def test_the_reason_gives_the_numbers():
    reason = reason_to_hold(GuardSettings(), managed=100, vanished=40, listed=60)
    assert reason is not None
    assert "40 of 100 objects (40 %)" in reason
    assert "10 % and 10 objects" in reason
