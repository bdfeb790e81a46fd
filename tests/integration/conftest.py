# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the tests that go through ansible-playbook."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.harness.playbook import PlayResult
from tests.harness.playbook import run_playbook as run


@pytest.fixture
def run_playbook() -> Callable[..., PlayResult]:
    """`tests.harness.playbook.run_playbook`."""
    return run
