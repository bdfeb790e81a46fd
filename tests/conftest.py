# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The two emulators as fixtures: started once a test run, empty at the start of each test.

They are imported where they are first used: moto alone takes a second, and the pure tests need neither.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.emulators.aws.server import AwsEmulator
    from tests.emulators.console.server import ConsoleEmulator


@pytest.fixture(scope="session", autouse=True)
def _shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One folder for the plays of all workers; see `tests.harness.playbook.sharing`."""
    of_this_process = tmp_path_factory.getbasetemp()
    of_the_run = of_this_process.parent if "PYTEST_XDIST_WORKER" in os.environ else of_this_process
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TEST_SHARED_FOLDER", str(of_the_run / "shared"))
        yield


@pytest.fixture(scope="module", autouse=True)
def _frozen_heap() -> None:
    """Have the garbage collector look at nothing that a file of tests found: it stays until the run ends anyway.

    Full collections over what moto and botocore load were a quarter of a worker's time.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def aws_process() -> Iterator[AwsEmulator]:
    """The AWS emulator of this test process."""
    from tests.emulators.aws.server import AwsEmulator

    with AwsEmulator(port=0) as emulator:
        yield emulator


@pytest.fixture
def aws(aws_process: AwsEmulator) -> AwsEmulator:
    """The AWS emulator, empty; and nothing that an earlier test has learned of how often it may be called."""
    from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.aws_pace import PACES

    aws_process.reset()
    PACES._accounts.clear()
    return aws_process


@pytest.fixture(scope="session")
def console_process() -> Iterator[ConsoleEmulator]:
    """The console emulator of this test process."""
    from tests.emulators.console.server import ConsoleEmulator

    with ConsoleEmulator(port=0) as emulator:
        yield emulator


@pytest.fixture
def console(console_process: ConsoleEmulator) -> ConsoleEmulator:
    """The console emulator with nothing but its default user."""
    console_process.reset()
    return console_process
