# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The decision on one field, in all combinations of a few values."""

from __future__ import annotations

import dataclasses
from itertools import product

import pytest

from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.mapping import FieldRule
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.merge import FieldView, Verdict, merge
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.state import digest

VALUES = (None, "a", "b")
VIEWS = [
    FieldView(agreed, registry, console, silent, pushable)
    for agreed, registry, console, silent, pushable in product(
        (None, *map(digest, VALUES)), VALUES, VALUES, (False, True), (False, True)
    )
]
RULES = [
    FieldRule("F", "v", direction=direction, winner=winner)
    for direction, winner in product(("to_console", "to_registry", "both"), ("registry", "console"))
]


def after(view: FieldView, verdict: Verdict) -> FieldView:
    """The field once the verdict has been carried out; a silent registry that was written stays silent."""
    return dataclasses.replace(
        view,
        agreed=verdict.agreed,
        console=view.registry if verdict.to_console else view.console,
        registry=view.console if verdict.to_registry else view.registry,
    )


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.direction}-{rule.winner}")
def test_laws(rule):
    for view in VIEWS:
        verdict = merge(view, rule, rule.winner)
        again = merge(after(view, verdict), rule, rule.winner)
        assert not (verdict.to_console and verdict.to_registry), view
        assert not verdict.to_console or (rule.to_console and not view.silent), view
        assert not verdict.to_registry or (rule.to_registry and view.pushable), view
        assert (again.to_console, again.to_registry, again.conflict) == (False, False, False), view
        assert again.agreed == verdict.agreed, view


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.direction}-{rule.winner}")
def test_a_conflict_is_where_both_changed_to_different_values_and_nowhere_else(rule):
    for view in VIEWS:
        registry, console = digest(view.registry), digest(view.console)
        both = not view.silent and view.agreed is not None and len({view.agreed, registry, console}) == 3
        assert merge(view, rule, rule.winner).conflict is both, view


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.direction}-{rule.winner}")
def test_the_winner_of_a_conflict_is_the_one_stated_where_it_may_write(rule):
    for view in VIEWS:
        verdict = merge(view, rule, rule.winner)
        if verdict.conflict:
            assert verdict.to_console is (rule.winner == "registry" and rule.to_console), view
            assert verdict.to_registry is (rule.winner == "console" and rule.to_registry and view.pushable), view


def test_nothing_is_pushed_over_a_value_that_was_never_agreed_on():
    for view, rule in product(VIEWS, RULES):
        if view.agreed is None and merge(view, rule, rule.winner).to_registry:
            assert view.registry is None
            assert not view.silent


def test_a_value_that_only_one_side_has_arrives_at_the_other_when_they_meet():
    up, down = FieldView(None, "a", None), FieldView(None, None, "a", pushable=True)
    for rule in RULES:
        assert merge(up, rule, rule.winner).to_console is rule.to_console
        assert merge(down, rule, rule.winner).to_registry is rule.to_registry
