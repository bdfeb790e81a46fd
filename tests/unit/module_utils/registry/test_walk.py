# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Walks over a listing that lives here: pages, ties, windows, tokens that expire."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.wxgov.sagemaker.plugins.module_utils.registry.errors import RegistryCallError
from ansible_collections.wxgov.sagemaker.plugins.module_utils.registry.walk import EDGE, Page, Walk

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
PAGE = 5


class InvalidError(Exception):
    """What botocore raises for a ValidationException."""

    response: Mapping[str, Any] = {"Error": {"Code": "ValidationException", "Message": "the token has expired"}}


def shown(second: float, digits: int) -> datetime:
    return START + timedelta(seconds=round(second, digits))


class Listing:
    """A service with records in ascending order of time; `forgets` says which calls find their token expired."""

    def __init__(
        self, seconds: Sequence[float], forgets: Callable[[int], bool] = lambda _call: False, digits: int = 6
    ) -> None:
        """Times are shown rounded to so many digits; order and filter go by the exact ones."""
        self.records = [
            {"arn": f"arn-{place}", "exact": START + timedelta(seconds=second), "at": shown(second, digits)}
            for place, second in enumerate(sorted(seconds))
        ]
        self.forgets = forgets
        self.calls = 0
        self.deepest = 0

    def read(self, since: datetime, token: str | None) -> Page:
        assert since.microsecond == 0, "the filter takes whole seconds"
        self.calls += 1
        if token is not None and self.forgets(self.calls):
            raise RegistryCallError("expired") from InvalidError()
        found = [record for record in self.records if record["exact"] >= since]
        place = int(token or 0)
        self.deepest = max(self.deepest, place)
        following = place + PAGE
        return Page(found[place:following], str(following) if following < len(found) else None, len(found))

    def walk(self, window: int = 10**9) -> Walk:
        return Walk(
            self.read,
            START,
            moment_of=lambda record: record["at"],
            arn_of=lambda record: record["arn"],
            window=window,
        )


grains = st.sampled_from([0.0, 0.0002, 0.25, 0.4, 0.4995, 0.6, 0.9989, 0.9994, 0.9996, 0.9999])
seconds = st.lists(st.builds(lambda whole, grain: whole + grain, st.integers(0, 12), grains), max_size=80)
precisions = st.sampled_from([0, 3, 6])


@given(seconds, st.integers(1, 30), precisions)
def test_every_record_comes_once_and_in_order_whatever_the_windows(
    times: list[float], window: int, digits: int
) -> None:
    listing = Listing(times, digits=digits)
    assert list(listing.walk(window)) == listing.records


@given(seconds, st.integers(1, 30), st.sets(st.integers(2, 40)), precisions)
def test_a_token_that_expires_loses_and_doubles_nothing(
    times: list[float], window: int, forgotten: set[int], digits: int
) -> None:
    listing = Listing(times, lambda call: call in forgotten, digits)
    walk = listing.walk(window)
    try:
        assert list(walk) == listing.records
    except RegistryCallError:  # a second with more than a page, and the tokens of its pages refused again and again
        assert len(forgotten) > 1


def test_records_whose_time_is_shown_in_the_next_second_are_not_lost_where_a_window_ends() -> None:
    early = [0.5] * 20 + [0.9996] * 20
    listing = Listing([*early, *(1.0 + number / 100 for number in range(40))], digits=3)
    for window in range(1, 60):
        assert list(listing.walk(window)) == listing.records


def test_one_window_reads_each_page_once() -> None:
    listing = Listing([float(number) for number in range(23)])
    walk = listing.walk()
    assert list(walk) == listing.records
    assert (listing.calls, walk.pages, walk.total) == (5, 5, 23)


def test_windows_keep_paging_shallow_for_a_page_or_so_each() -> None:
    listing = Listing([float(number) for number in range(200)])
    assert list(listing.walk(window=40)) == listing.records
    assert listing.deepest <= 45
    assert listing.calls <= 40 + 5


def test_crowded_seconds_are_not_read_twice() -> None:
    listing = Listing([float(second) for second in range(8) for _record in range(1000 if second % 2 else 400)])
    assert list(listing.walk(window=500)) == listing.records
    windows = 5
    assert listing.calls <= len(listing.records) / PAGE + windows * EDGE / PAGE


def test_a_second_with_more_records_than_a_window_is_read_in_one() -> None:
    listing = Listing([0.0] * 3 + [1.0] * (EDGE + 60) + [2.0] * 3)
    assert list(listing.walk(window=10)) == listing.records
    assert listing.calls <= len(listing.records) / PAGE + 3


def test_a_listing_whose_every_token_is_refused_is_an_error_and_no_endless_walk() -> None:
    listing = Listing([0.0] * 20, lambda _call: True)
    with pytest.raises(RegistryCallError, match="expired"):
        list(listing.walk())


def test_an_error_on_the_first_page_and_another_kind_of_error_end_the_walk() -> None:
    def broken(_since: datetime, _token: str | None) -> Page:
        raise RegistryCallError("no") from InvalidError()

    walk = Walk(broken, START, moment_of=lambda _record: START, arn_of=lambda _record: "")
    with pytest.raises(RegistryCallError, match="no"):
        list(walk)
    assert walk.pages == 0


def test_pages_may_be_empty_before_the_end() -> None:
    pages = [
        Page([], "1"),
        Page([{"arn": "a", "at": START}], "2"),
        Page([], "3"),
        Page([{"arn": "b", "at": START}], None),
    ]
    walk = Walk(
        lambda _since, token: pages[int(token or 0)],
        START,
        moment_of=lambda record: record["at"],
        arn_of=lambda record: record["arn"],
    )
    assert [record["arn"] for record in walk] == ["a", "b"]


def test_a_walk_that_is_left_early_reads_one_page_ahead_and_no_more() -> None:
    listing = Listing([float(number) for number in range(100)])
    records = listing.walk().__iter__()
    next(records)
    del records
    assert listing.calls <= 2
