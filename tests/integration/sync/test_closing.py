# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a connection has open it closes: an agent begins its connections anew for months."""

from __future__ import annotations

import dataclasses
import gc
import os
import pathlib
import time
from collections.abc import Iterator

import pytest

from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.errors import SyncError
from tests.integration.sync.conftest import World


def sockets() -> int:
    """Open sockets of this process, which are the emulators' ends as well."""
    found = 0
    for entry in pathlib.Path("/proc/self/fd").iterdir():
        try:
            found += os.readlink(entry).startswith("socket:")
        except FileNotFoundError:
            continue
    return found


def settles_at(number: int) -> bool:
    """Whether no more sockets are left once the emulators have seen the ends of the connections."""
    deadline = time.monotonic() + 60
    while sockets() > number and time.monotonic() < deadline:
        time.sleep(0.05)
    return sockets() <= number


@pytest.fixture
def _no_collector() -> Iterator[None]:
    """What only the garbage collector closes is not closed."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("_no_collector")
def test_a_runtime_that_is_closed_has_nothing_open(world: World) -> None:
    (arn,) = world.register("churn")
    before = sockets()
    for _turn in range(3):
        runtime = world.runtime()
        runtime.reconciler.reconcile(arn)
        runtime.sqs_client.list_queues()
        assert sockets() > before
        runtime.close()
    assert settles_at(before)


@pytest.mark.usefixtures("_no_collector")
def test_a_run_of_the_existing_model_sync_leaves_nothing_open(world: World) -> None:
    world.register("churn", 3)
    before = sockets()
    world.sync()
    assert world.writes() == 4
    assert settles_at(before)


@pytest.mark.usefixtures("_no_collector")
def test_a_connection_that_cannot_be_opened_leaves_nothing_open(world: World) -> None:
    world.connection = dataclasses.replace(world.connection, business_entity_id="999999")
    before = sockets()
    with pytest.raises(SyncError, match="no longer in the console"):
        world.runtime()
    assert settles_at(before)
