# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Delays double up to a bound, are never zero, and begin anew after a success."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.backoff import Backoff


def test_delays_double_up_to_the_longest_and_begin_anew():
    backoff = Backoff(first=1, longest=60, jitter=lambda low, high: high)
    assert [backoff.next() for _time in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]
    backoff.reset()
    assert backoff.next() == 1


@given(st.integers(0, 2**32), st.integers(1, 2000))
def test_delays_stay_within_bounds_however_long_it_goes_on(seed, failures):
    backoff = Backoff(first=1, longest=60, jitter=random.Random(seed).uniform)
    delays = [backoff.next() for _time in range(failures)]
    assert all(0.1 <= delay <= 60 for delay in delays)
    assert all(delay >= 6 for delay in delays[6:])
