# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys of a burst wait for its end, and not for ever."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.burst import HOLD_SECONDS, Burst

BATCHES = st.lists(st.tuples(st.floats(0, 2), st.lists(st.sampled_from("abcdef"), max_size=4)), max_size=20)


@given(BATCHES)
def test_every_key_is_due_by_its_time_or_by_the_end_of_the_burst(batches):
    """Against the plainest model: when each key was first held that is not due yet."""
    now = [0.0]
    burst = Burst(lambda: now[0])
    first: dict[str, float] = {}
    for passed, keys in batches:
        now[0] += passed
        assert burst.hold(keys) == HOLD_SECONDS
        first = {key: held for key, held in first.items() if held + HOLD_SECONDS > now[0]}
        for key in keys:
            first.setdefault(key, now[0])
        assert burst.lasts is bool(first)
    assert burst.end() == list(first)
    assert not burst.lasts
    assert burst.end() == []


def test_what_is_due_anyway_is_not_marked_again():
    clock = [0.0]
    burst = Burst(lambda: clock[0])
    burst.hold(["a"])
    clock[0] += HOLD_SECONDS
    assert burst.end() == []
