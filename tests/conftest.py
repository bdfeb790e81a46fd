# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The two emulators as fixtures: started once a test run, empty at the start of each test.

They are imported where they are first used: moto alone takes a second, and the pure tests need neither.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.emulators.aws.server import AwsEmulator
    from tests.emulators.console.server import ConsoleEmulator


@pytest.fixture(scope="session")
def aws_process() -> Iterator[AwsEmulator]:
    """The AWS emulator of this test process."""
    from tests.emulators.aws.server import AwsEmulator

    with AwsEmulator(port=0) as emulator:
        yield emulator


@pytest.fixture
def aws(aws_process: AwsEmulator) -> AwsEmulator:
    """The AWS emulator, empty."""
    aws_process.reset()
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
