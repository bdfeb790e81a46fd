# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sync state in its text field."""

from __future__ import annotations

from datetime import timezone

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.state import (
    SyncState,
    digest,
    dump_state,
    load_state,
)

values = st.none() | st.text() | st.integers() | st.booleans() | st.tuples(st.text())
states = st.builds(
    SyncState,
    fields=st.dictionaries(st.text(), values.map(digest)),
    gone=st.booleans(),
    modified_at=st.none() | st.datetimes(timezones=st.just(timezone.utc)),
)


@given(states)
def test_a_state_comes_back_as_it_was_written(state):
    assert load_state(dump_state(state)) == state


@given(st.text() | st.integers() | st.none())
def test_whatever_somebody_typed_is_no_state_and_no_crash(text):
    assert load_state(text) is None


@given(states, st.data())
def test_a_damaged_state_is_no_state_or_another_state_but_no_crash(state, data):
    text = dump_state(state)
    cut = data.draw(st.integers(0, len(text) - 1))
    assert load_state(text[:cut]) is None


@given(values, values)
def test_digests_tell_values_apart_and_know_only_one_emptiness(first, second):
    empty = (None, "", ())
    same = first == second and type(first) is type(second)
    assert (digest(first) == digest(second)) == (same or (first in empty and second in empty))


def test_a_newer_format_is_not_misread():
    assert load_state('{"v":2,"at":null,"gone":false,"fields":{}}') is None
