# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""A world a test file: what a test breaks, it mends."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.emulators.aws.server import AwsEmulator
from tests.emulators.console.server import ConsoleEmulator
from tests.integration.preflight.world import World


@pytest.fixture(scope="module")
def empty_world(
    aws_process: AwsEmulator, console_process: ConsoleEmulator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """Nothing but an agent's user, whose credentials this process has; permissions are enforced."""
    aws_process.reset()
    console_process.reset()
    world = World(aws_process, console_process, tmp_path_factory.mktemp("preflight"))
    aws_process.enforce_iam()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in world.environment.items():
            patch.setenv(name, value)
        yield world
    aws_process.reset()
