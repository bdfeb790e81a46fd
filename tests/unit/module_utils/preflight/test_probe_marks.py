# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Telling a probe's group from everybody else's: nothing that is not ours may ever be removed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.wxgov.sagemaker.plugins.module_utils.preflight.errors import ProbeError
from ansible_collections.wxgov.sagemaker.plugins.module_utils.preflight.probe_marks import Marks, group_in
from ansible_collections.wxgov.sagemaker.plugins.module_utils.registry.arn import parse_arn

prefixes = st.from_regex(r"[a-zA-Z0-9](?:-?[a-zA-Z0-9]){0,20}", fullmatch=True)
seconds = st.integers(0, 2**32 - 2)
tokens = st.integers(0, 2**32 - 1).map(lambda number: f"{number:08x}")
group_names = st.from_regex(r"[a-zA-Z0-9](?:-?[a-zA-Z0-9]){0,40}", fullmatch=True)


@given(prefixes, seconds, tokens)
def test_a_probe_is_a_leftover_once_its_time_is_over_and_not_before(prefix, expiry, token):
    marks = Marks(prefix)
    name = marks.name(expiry, token)
    assert not marks.is_leftover(name, expiry)
    assert marks.is_leftover(name, expiry + 1)
    assert marks.is_leftover(name.lower(), expiry + 1)
    assert marks.is_tagged(name, marks.tags(name))
    assert str(parse_arn(f"arn:aws:sagemaker:us-east-1:111122223333:model-package-group/{name}"))


@given(prefixes, group_names, st.integers(0, 2**40))
def test_no_other_group_is_a_leftover(prefix, name, now):
    if not any(len(part) == 8 for part in name.split("-")):
        assert not Marks(prefix).is_leftover(name, now)


@given(prefixes, group_names, seconds, tokens)
def test_what_only_begins_or_ends_like_a_probe_is_none(prefix, more, expiry, token):
    marks = Marks(prefix)
    name = marks.name(expiry, token)
    assert not marks.is_leftover(f"{name}{more}", 2**33)
    assert not marks.is_leftover(f"x{name}", 2**33)
    assert not marks.is_tagged(f"{name}{more}", marks.tags(name))


@pytest.mark.parametrize("prefix", ["", "-a", "a-", "a_b", "a b", "ü", "a" * 42])
def test_a_prefix_that_no_name_can_have_is_refused(prefix):
    with pytest.raises(ProbeError, match="probe_prefix"):
        Marks(prefix)


def test_the_longest_prefix_leaves_room_for_the_rest_of_the_name():
    assert len(Marks("a" * 41).name(2**32 - 1, "00000000")) <= 63


@pytest.mark.parametrize(
    ("arn", "name"),
    [
        ("arn:aws:sagemaker:us-east-1:111122223333:model-package-group/Fraud", "Fraud"),
        ("arn:aws:sagemaker:us-east-1:111122223333:model-package/fraud/3", "fraud"),
        ("arn:aws:sagemaker:us-east-1:111122223333:model/fraud", None),
        ("fraud", None),
    ],
)
def test_the_group_of_an_arn(arn, name):
    assert group_in(arn) == name
