# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which groups and packages the filters leave out, and what it costs to tell."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.model import Filters
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.selection import Selection
from tests.harness.conflict_cases import GROUP, PACKAGE
from tests.harness.registry_strategies import groups, packages


class Registry:
    """Says the tags of groups and counts how often it is asked."""

    def __init__(self, **tags):
        self.tags = tags
        self.asked = []

    def read(self, arn):
        self.asked.append(arn)
        return self.tags


def judged(filters, *, tags=None, **package):
    """Whether a package of the group ``churn`` is in."""
    selection = Selection(filters, Registry(**(tags or {})).read)
    return not selection.why_package_is_out(dataclasses.replace(PACKAGE, **package))


@given(groups(), packages())
def test_without_filters_all_are_in_and_nobody_is_asked(group, package):
    registry = Registry()
    selection = Selection(Filters(), registry.read)
    assert selection.why_group_is_out(group) == ""
    assert selection.why_package_is_out(package) == ""
    assert selection.why_name_is_out(group.name) == ""
    assert registry.asked == []


@pytest.mark.parametrize(
    ("filters", "is_in"),
    [
        (Filters(include_groups=("churn",)), True),
        (Filters(include_groups=("CH*",)), True),
        (Filters(include_groups=("fraud", "c?urn")), True),
        (Filters(include_groups=("fraud",)), False),
        (Filters(exclude_groups=("fraud",)), True),
        (Filters(exclude_groups=("ch*",)), False),
        (Filters(include_groups=("c*",), exclude_groups=("*n",)), False),
    ],
)
def test_names(filters, is_in):
    assert judged(filters) is is_in
    assert judged(filters, group_name="CHURN") is is_in
    selection = Selection(filters, Registry().read)
    assert (not selection.why_group_is_out(GROUP)) is is_in
    assert (not selection.why_name_is_out("Churn")) is is_in


@pytest.mark.parametrize(
    ("filters", "is_in"),
    [
        (Filters(include_tags=("governed",)), True),
        (Filters(include_tags=("governed=yes",)), True),
        (Filters(include_tags=("governed=no",)), False),
        (Filters(include_tags=("other", "governed=yes")), True),
        (Filters(exclude_tags=("governed",)), False),
        (Filters(exclude_tags=("other=yes",)), True),
        (Filters(include_tags=("governed",), exclude_tags=("stage=test",)), False),
    ],
)
def test_tags_are_those_of_the_group(filters, is_in):
    tags = {"governed": "yes", "stage": "test"}
    assert judged(filters, tags=tags) is is_in
    selection = Selection(filters, Registry().read)
    assert (not selection.why_group_is_out(dataclasses.replace(GROUP, tags=tags))) is is_in


@pytest.mark.parametrize(("status", "is_in"), [("Approved", True), ("Rejected", False), ("", False)])
def test_approval_statuses(status, is_in):
    assert judged(Filters(approval_statuses=("Approved",)), approval_status=status) is is_in


def test_tags_are_asked_for_only_where_they_decide():
    registry = Registry(governed="yes")
    selection = Selection(Filters(include_tags=("governed",), exclude_groups=("fraud",)), registry.read)
    assert "exclude_groups" in selection.why_package_is_out(dataclasses.replace(PACKAGE, group_name="fraud"))
    assert registry.asked == []
    assert selection.why_package_is_out(PACKAGE) == ""
    assert registry.asked == [GROUP.arn]
    assert selection.why_group_is_out(dataclasses.replace(GROUP, tags={})) == "its group has none of include_tags"
    assert registry.asked == [GROUP.arn]


def test_one_pass_asks_for_each_group_once_and_not_at_all_for_listed_ones():
    registry = Registry(governed="yes")
    selection = Selection(Filters(include_tags=("governed",)), registry.read)
    memory = selection.begin()
    for version in range(5):
        selection.why_package_is_out(dataclasses.replace(PACKAGE, version=version), memory)
    assert registry.asked == [GROUP.arn]
    memory = selection.begin()
    selection.why_group_is_out(dataclasses.replace(GROUP, tags={"governed": "no"}), memory)
    assert selection.why_package_is_out(PACKAGE, memory) == ""
    assert registry.asked == [GROUP.arn]


@given(packages(), st.builds(
    Filters,
    include_groups=st.lists(st.sampled_from(["a*", "*b", "?"]), max_size=2).map(tuple),
    approval_statuses=st.lists(st.sampled_from(["Approved", "Rejected"]), max_size=2).map(tuple),
))  # fmt: skip
def test_more_filters_never_let_more_in(package, filters):
    wider = Selection(dataclasses.replace(filters, approval_statuses=()), Registry().read)
    if wider.why_package_is_out(package):
        assert Selection(filters, Registry().read).why_package_is_out(package)
