# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all integration tests have: playbooks, and AWS's data files in memory once."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.loaders import JSONFileLoader

from tests.harness.playbook import PlayResult
from tests.harness.playbook import run_playbook as run


@pytest.fixture
def run_playbook() -> Callable[..., PlayResult]:
    """`tests.harness.playbook.run_playbook`."""
    return run


@pytest.fixture(scope="session", autouse=True)
def _models_read_once() -> Iterator[None]:
    """Read each of botocore's data files once a test process, not once a boto3 session.

    Sessions live on until the garbage collector finds them, each with some 10 MB of OrderedDicts for it to walk.
    """
    read = JSONFileLoader.load_file

    @functools.cache
    def load(path: str) -> Any:
        return read(JSONFileLoader(), path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JSONFileLoader, "load_file", lambda _loader, path: load(path))
        yield
