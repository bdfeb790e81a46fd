# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""What systemd hears from the agent, over the socket that it names."""

from __future__ import annotations

import contextlib
import os
import socket

import pytest

from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.notify import ServiceManager


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@contextlib.contextmanager
def listening(address):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind("\0" + address[1:] if address.startswith("@") else address)
        listener.setblocking(False)

        def heard():
            found = []
            with contextlib.suppress(BlockingIOError):
                while True:
                    found.append(listener.recv(4096).decode().split("\n"))
            return found

        yield heard


@pytest.fixture(params=["file", "abstract"])
def address(request, tmp_path):
    return str(tmp_path / "notify") if request.param == "file" else f"@wxgov-test-{os.getpid()}"


def test_states_are_told_in_the_words_of_sd_notify(address):
    with listening(address) as heard:
        manager = ServiceManager({"NOTIFY_SOCKET": address}, Clock())
        manager.ready("2 connections at work")
        manager.reloading()
        manager.stopping()
        assert heard() == [
            ["READY=1", "STATUS=2 connections at work"],
            ["RELOADING=1", "MONOTONIC_USEC=100000000"],
            ["STOPPING=1"],
        ]


def test_a_status_is_told_when_it_changes(address):
    with listening(address) as heard:
        manager = ServiceManager({"NOTIFY_SOCKET": address}, Clock())
        manager.ready("1 connection at work")
        for number in (1, 2, 2, 1):
            manager.status(f"{number} connection{'s' * (number > 1)} at work")
        assert heard()[1:] == [["STATUS=2 connections at work"], ["STATUS=1 connection at work"]]


def test_the_watchdog_is_fed_three_times_in_its_time(address):
    clock = Clock()
    with listening(address) as heard:
        manager = ServiceManager({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "60000000"}, clock)
        for _second in range(60):
            manager.alive()
            clock.now += 1
        assert heard() == [["WATCHDOG=1"]] * 3


@pytest.mark.parametrize("more", [{}, {"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}, {"WATCHDOG_USEC": "x"}])
def test_a_watchdog_that_is_off_or_anothers_is_not_fed(address, more):
    with listening(address) as heard:
        ServiceManager({"NOTIFY_SOCKET": address, **more}, Clock()).alive()
        assert heard() == []


@pytest.mark.parametrize("environment", [{}, {"NOTIFY_SOCKET": "/nowhere/at/all"}])
def test_without_anybody_who_listens_nothing_happens(environment):
    manager = ServiceManager({**environment, "WATCHDOG_USEC": "1"}, Clock())
    manager.ready("")
    manager.alive()
    manager.stopping()


def test_a_listener_that_does_not_read_hangs_nobody(tmp_path):
    address = str(tmp_path / "notify")
    with listening(address) as heard:
        manager = ServiceManager({"NOTIFY_SOCKET": address}, Clock())
        for _time in range(5000):
            manager.stopping()
        assert 0 < len(heard()) < 5000
