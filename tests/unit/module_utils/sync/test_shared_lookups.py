# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lookups at the same time share a call, and a failure that is one key's stays with that key."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.shared_lookups import SharedLookups

DEADLINE = 60


class Down(Exception):
    """The other side is down."""


class Directory:
    """What is looked up in: it answers when the test lets it, and notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.begun = threading.Semaphore(0)
        self.answers = threading.Semaphore(0)
        self.is_down = False

    def call(self, keys: Sequence[str]) -> dict[str, str]:
        self.asked.append(list(keys))
        self.begun.release()
        assert self.answers.acquire(timeout=DEADLINE)
        if self.is_down:
            raise Down
        if "poison" in keys:
            raise ValueError("poison")
        return {key: key.upper() for key in keys}


@pytest.fixture
def directory():
    return Directory()


@pytest.fixture
def pool():
    with ThreadPoolExecutor(32) as made:
        yield made


def lookups(directory: Directory, *, most: int = 50, interval: float = DEADLINE) -> SharedLookups[str, dict[str, str]]:
    return SharedLookups(directory.call, most=most, interval=interval, everyones=(Down,))


def wait_for_keys(shared, number):
    """Until so many keys wait in the open round."""
    deadline = threading.Event()
    for _look in range(DEADLINE * 100):
        if shared._open is not None and len(shared._open.keys) == number:
            return
        deadline.wait(0.01)
    raise AssertionError("they do not wait")


def test_a_lone_key_has_a_call_to_itself_at_once(directory):
    directory.answers.release(2)
    shared = lookups(directory)
    assert shared.look_up("a") == {"a": "A"}
    assert shared.look_up("b") == {"b": "B"}
    assert directory.asked == [["a"], ["b"]]


def test_keys_that_come_during_a_call_share_the_next_one(directory, pool):
    shared = lookups(directory)
    first = pool.submit(shared.look_up, "first")
    assert directory.begun.acquire(timeout=DEADLINE)
    others = [pool.submit(shared.look_up, key) for key in "abcdef"]
    wait_for_keys(shared, 6)
    assert directory.asked == [["first"]]
    directory.answers.release(2)
    assert first.result(DEADLINE) == {"first": "FIRST"}
    assert [other.result(DEADLINE)[key] for key, other in zip("abcdef", others, strict=True)] == list("ABCDEF")
    assert [sorted(keys) for keys in directory.asked] == [["first"], list("abcdef")]


def test_a_call_never_finds_what_was_so_before_a_key_was_asked_for(directory, pool):
    """A key that comes while its own lookup is under way must not be given that one's answer."""
    shared = lookups(directory)
    first = pool.submit(shared.look_up, "a")
    assert directory.begun.acquire(timeout=DEADLINE)
    again = pool.submit(shared.look_up, "a")
    wait_for_keys(shared, 1)
    directory.answers.release(2)
    assert first.result(DEADLINE) == again.result(DEADLINE)
    assert directory.asked == [["a"], ["a"]]


def test_a_call_that_takes_long_holds_the_next_one_back_for_a_while_only(directory, pool):
    shared = lookups(directory, interval=0.01)
    stuck = pool.submit(shared.look_up, "stuck")
    assert directory.begun.acquire(timeout=DEADLINE)
    other = pool.submit(shared.look_up, "other")
    assert directory.begun.acquire(timeout=DEADLINE)  # the first has not returned
    assert directory.asked == [["stuck"], ["other"]]
    directory.answers.release(2)
    assert (stuck.result(DEADLINE), other.result(DEADLINE)) == ({"stuck": "STUCK"}, {"other": "OTHER"})


def test_no_call_is_larger_than_it_may_be_and_a_full_one_does_not_wait(directory, pool):
    shared = lookups(directory, most=4)
    stuck = pool.submit(shared.look_up, "stuck")
    assert directory.begun.acquire(timeout=DEADLINE)
    others = [pool.submit(shared.look_up, str(number)) for number in range(8)]
    for _full in range(2):
        assert directory.begun.acquire(timeout=DEADLINE)
    assert [len(keys) for keys in directory.asked] == [1, 4, 4]
    directory.answers.release(3)
    assert stuck.result(DEADLINE) == {"stuck": "STUCK"}
    assert [other.result(DEADLINE)[str(number)] for number, other in enumerate(others)] == [str(n) for n in range(8)]


def test_one_keys_failure_is_not_the_others(directory, pool):
    shared = lookups(directory)
    first = pool.submit(shared.look_up, "first")
    assert directory.begun.acquire(timeout=DEADLINE)
    spoilt = pool.submit(shared.look_up, "poison")
    others = [pool.submit(shared.look_up, key) for key in "ab"]
    wait_for_keys(shared, 3)
    directory.answers.release(10)
    assert first.result(DEADLINE)
    assert [other.result(DEADLINE) for other in others] == [{"a": "A"}, {"b": "B"}]
    with pytest.raises(ValueError, match="poison"):
        spoilt.result(DEADLINE)
    assert len(directory.asked) == 2 + 3  # each had a call to itself


def test_when_the_other_side_is_down_nobody_asks_again(directory, pool):
    shared = lookups(directory)
    first = pool.submit(shared.look_up, "first")
    assert directory.begun.acquire(timeout=DEADLINE)
    others = [pool.submit(shared.look_up, key) for key in "abc"]
    wait_for_keys(shared, 3)
    directory.is_down = True
    directory.answers.release(2)
    for lookup in (first, *others):
        with pytest.raises(Down):
            lookup.result(DEADLINE)
    assert len(directory.asked) == 2


def test_many_threads_each_get_their_own_and_share_most_calls(pool):
    calls = []

    def call(keys: Sequence[int]) -> dict[int, int]:
        calls.append(len(keys))
        time.sleep(0.001)
        return {key: key * key for key in keys}

    shared = SharedLookups(call, most=7, interval=0.01)
    found = list(pool.map(lambda key: shared.look_up(key % 50)[key % 50], range(3_000)))
    assert found == [(key % 50) ** 2 for key in range(3_000)]
    assert sum(calls) == 3_000
    assert len(calls) < 1_500
    assert max(calls) <= 7


class ThreadEnd(BaseException):
    """Stands for a bug that ends a thread."""


def test_a_thread_that_dies_at_its_call_leaves_the_others_a_call_of_their_own(pool):
    """Else they would wait for ever."""
    first, both = threading.Event(), threading.Barrier(2)

    def call(keys: Sequence[str]) -> dict[str, str]:
        if keys == ["first"]:
            first.set()
            both.wait(DEADLINE)
        elif len(keys) > 1:
            raise ThreadEnd
        return {key: key.upper() for key in keys}

    shared = SharedLookups(call, most=50, interval=DEADLINE)
    opener = pool.submit(shared.look_up, "first")
    assert first.wait(DEADLINE)
    pair = [pool.submit(shared.look_up, key) for key in "ab"]
    wait_for_keys(shared, 2)
    both.wait(DEADLINE)
    assert opener.result(DEADLINE) == {"first": "FIRST"}
    ends = [lookup.exception(DEADLINE) for lookup in pair]
    assert sum(isinstance(end, ThreadEnd) for end in ends) == 1
    assert [lookup.result(DEADLINE) for lookup, end in zip(pair, ends, strict=True) if end is None] in (
        [{"a": "A"}],
        [{"b": "B"}],
    )
