# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lock of a connection: many share it, one has it alone, and he who wants it alone does not starve."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest

from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.errors import (
    ConnectionStoreError,
    LockTimeoutError,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.lock import (
    YIELD_SECONDS,
    Shares,
    exclusive,
    shared,
)

HOLDER = """
import sys, time
from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection import lock
with getattr(lock, sys.argv[1])(sys.argv[2], "credit-risk"):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def hold(tmp_path):
    """Hold the lock in another process; returns the process."""
    processes = []

    def start(kind):
        process = subprocess.Popen(
            [sys.executable, "-c", f"import sys; sys.path[:0] = {sys.path!r}\n{HOLDER}", kind, str(tmp_path)],
            stdout=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield start
    for process in processes:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.parametrize(
    ("held", "wanted", "possible"),
    [(shared, shared, True), (shared, exclusive, False), (exclusive, shared, False), (exclusive, exclusive, False)],
)
def test_who_gets_in_beside_whom(held, wanted, possible, tmp_path):
    with held(tmp_path, "credit-risk"):
        if possible:
            with wanted(tmp_path, "credit-risk", timeout=0):
                pass
        else:
            with pytest.raises(LockTimeoutError, match="credit-risk"), wanted(tmp_path, "credit-risk", timeout=0.05):
                raise AssertionError("got in")
    with wanted(tmp_path, "credit-risk", timeout=0):
        pass


def test_connections_have_locks_of_their_own(tmp_path):
    with exclusive(tmp_path, "one"), exclusive(tmp_path, "two", timeout=0):
        pass


@pytest.mark.parametrize("kind", ["shared", "exclusive"])
def test_a_lock_of_another_process_holds_until_it_dies(kind, hold, tmp_path):
    process = hold(kind)
    with pytest.raises(LockTimeoutError), exclusive(tmp_path, "credit-risk", timeout=0.05):
        raise AssertionError("got in")
    process.kill()
    process.wait()
    with exclusive(tmp_path, "credit-risk", timeout=5):
        pass


def test_busy_sharers_do_not_keep_one_out(tmp_path):
    """Eight threads share the lock without a pause between them all; one who wants it alone still gets it."""
    stop = threading.Event()
    rounds = []

    def share():
        while not stop.is_set():
            with shared(tmp_path, "credit-risk"):
                time.sleep(0.01)
                rounds.append(1)

    sharers = [threading.Thread(target=share) for _unused in range(8)]
    for sharer in sharers:
        sharer.start()
    try:
        for _unused in range(3):
            with exclusive(tmp_path, "credit-risk", timeout=5):
                inside = len(rounds)
                time.sleep(0.05)
                assert len(rounds) == inside
    finally:
        stop.set()
        for sharer in sharers:
            sharer.join()
    assert len(rounds) > 8


def test_a_processs_busy_threads_do_not_keep_one_out(tmp_path):
    """As above; the threads are one process's and overlap, so that its share is never given back by itself."""
    stop = threading.Event()
    shares = Shares(tmp_path)
    rounds = []

    def share():
        while not stop.is_set():
            with shares.joined("credit-risk") as is_in:
                time.sleep(0.01)
                rounds.append(is_in)

    sharers = [threading.Thread(target=share) for _unused in range(8)]
    for sharer in sharers:
        sharer.start()
    try:
        for _unused in range(3):
            with exclusive(tmp_path, "credit-risk", timeout=60):
                time.sleep(0.02)  # whoever was on his way out is gone
                inside = rounds.count(True)
                time.sleep(0.05)
                assert rounds.count(True) == inside
    finally:
        stop.set()
        for sharer in sharers:
            sharer.join()
    assert rounds.count(True) > 8


def test_a_share_is_taken_by_the_first_thread_and_given_back_by_the_last(tmp_path):
    now = [0.0]
    shares = Shares(tmp_path, clock=lambda: now[0])
    with shares.joined("credit-risk") as first, shares.joined("credit-risk") as second:
        assert (first, second) == (True, True)
        with pytest.raises(LockTimeoutError), exclusive(tmp_path, "credit-risk", timeout=0):
            raise AssertionError("got in")
        with exclusive(tmp_path, "other", timeout=0):
            pass
    with exclusive(tmp_path, "credit-risk", timeout=0), shares.joined("credit-risk") as third:
        assert third is False
    with shares.joined("credit-risk") as fourth:
        assert fourth is True


def test_a_thread_joins_no_share_that_somebody_waits_to_see_given_back(tmp_path):
    now = [0.0]
    shares = Shares(tmp_path, clock=lambda: now[0])
    waiting = threading.Thread(target=lambda: exclusive(tmp_path, "credit-risk", timeout=60).__enter__())
    with shares.joined("credit-risk"):
        waiting.start()
        deadline = time.monotonic() + 60
        joined = True
        while joined and time.monotonic() < deadline:  # until he has the turnstile
            now[0] += YIELD_SECONDS
            with shares.joined("credit-risk") as joined:
                time.sleep(0.01)
        assert not joined
    waiting.join(60)
    assert not waiting.is_alive()


def test_an_error_of_one_thread_gives_back_its_part_of_the_share_only(tmp_path):
    shares = Shares(tmp_path)
    with shares.joined("credit-risk"):
        with pytest.raises(RuntimeError), shares.joined("credit-risk"):
            raise RuntimeError
        with pytest.raises(LockTimeoutError), exclusive(tmp_path, "credit-risk", timeout=0):
            raise AssertionError("got in")
    with exclusive(tmp_path, "credit-risk", timeout=0):
        pass


def test_one_who_gave_up_leaves_the_way_free(tmp_path):
    with shared(tmp_path, "credit-risk"):
        with pytest.raises(LockTimeoutError), exclusive(tmp_path, "credit-risk", timeout=0.05):
            raise AssertionError("got in")
        with shared(tmp_path, "credit-risk", timeout=0):
            pass


def test_an_error_inside_frees_the_lock(tmp_path):
    with pytest.raises(RuntimeError), exclusive(tmp_path, "credit-risk"):
        raise RuntimeError
    with exclusive(tmp_path, "credit-risk", timeout=0):
        pass


def test_the_wait_follows_the_clock_it_is_given(tmp_path):
    now = [0.0]
    slept = []

    def sleep(seconds):
        slept.append(seconds)
        now[0] += seconds

    impatient = shared(tmp_path, "credit-risk", timeout=1.0, clock=lambda: now[0], sleep=sleep)
    with exclusive(tmp_path, "credit-risk"), pytest.raises(LockTimeoutError), impatient:
        raise AssertionError("got in")
    assert sum(slept) == pytest.approx(1.0)


def test_a_place_that_cannot_be_written_and_a_bad_name(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConnectionStoreError, match="cannot be opened"), exclusive(tmp_path / "file", "a"):
        raise AssertionError("got in")
    with pytest.raises(ConnectionStoreError, match="not the name"), exclusive(tmp_path, "../a"):
        raise AssertionError("got in")
