# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody reads at three in the morning."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.wxgov.sagemaker.plugins.module_utils.preflight.checks import Check
from ansible_collections.wxgov.sagemaker.plugins.module_utils.preflight.report import Report, message

OK = Check("aws.trail", "ok", "It logs.")
BROKEN = Check("aws.rule", "failed", "Disabled: registry.", "Enable it.")
ALSO_BROKEN = Check("aws.queue", "failed", "There is no queue.", "Make one.")
WARNED = Check("aws.dead_letters", "warning", "2 messages.", "Look at them.")
BEHIND = Check("aws.pattern", "skipped", "There is no rule to look at.")
UNSEEN = Check("aws.target", "skipped", "AWS denies it.", "Set inspector_role_arn.")


def report(name, *checks):
    return Report(name, checks)


def test_the_first_broken_link_is_named_with_its_mend():
    found = report("credit", OK, BROKEN, BEHIND, ALSO_BROKEN, WARNED)
    assert found.summary == "credit: aws.rule failed (1 more): Disabled: registry. Enable it."
    assert not found.ok


def test_a_warning_is_named_where_nothing_is_broken():
    assert report("credit", OK, WARNED).summary == "credit: aws.dead_letters warning: 2 messages. Look at them."
    assert report("credit", OK, WARNED).ok


def test_what_nobody_could_look_at_is_said_with_what_would_help():
    assert report("credit", OK, UNSEEN, BEHIND).summary == "credit: ok (1 checks, 2 skipped; Set inspector_role_arn)."


def test_the_message_has_broken_connections_first_and_counts_the_others():
    reports = [report("a", OK), report("b", WARNED), report("c", BROKEN), report("d", OK)]
    assert message(reports) == (
        "c: aws.rule failed: Disabled: registry. Enable it. b: aws.dead_letters warning: 2 messages. Look at them. "
        "The other 2 connections are ok."
    )
    assert message([report("a", OK), report("d", OK)]) == "All 2 connections are ok."
    assert message([report("a", OK)]) == "a: ok (1 checks)."


def test_gaps_are_not_hidden_behind_a_count():
    assert "Set inspector_role_arn" in message([report("a", OK), report("b", OK, UNSEEN)])


@pytest.mark.parametrize(("fail_on", "bad"), [("failed", [BROKEN]), ("warning", [BROKEN, WARNED]), ("never", [])])
def test_what_fails_the_module(fail_on, bad):
    for check in (OK, BROKEN, WARNED, BEHIND):
        assert report("credit", check).is_bad(fail_on) == (check in bad)


@given(st.lists(st.sampled_from([OK, BROKEN, WARNED, BEHIND, UNSEEN]), min_size=1))
def test_every_check_has_a_line_and_every_mend_too(checks):
    lines = report("credit", *checks).lines
    assert len(lines) == 1 + len(checks) + sum(bool(check.mend) for check in checks)
    assert sum(line.startswith("  x failed") for line in lines) == sum(check.status == "failed" for check in checks)
    assert lines[0].startswith("credit: BROKEN") == any(check.status == "failed" for check in checks)
