# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Apply every mend to moto, once a process. They touch private names, so the version of moto is checked first."""

from __future__ import annotations

import functools

import moto
import moto.backends
from moto.core import responses as core_responses
from moto.core.utils import method_names_from_class

from tests.emulators.aws import (
    access,
    clock,
    cloudtrail,
    events,
    iam,
    ram,
    resource_groups,
    sagemaker,
    secrets_manager,
    sqs,
    sts,
)

MOTO_VERSION = "5.2.5"


@functools.cache
def apply() -> None:
    """Mend moto for this process. Raises RuntimeError under another version of moto."""
    if moto.__version__ != MOTO_VERSION:
        raise RuntimeError(
            f"The AWS emulator mends moto {MOTO_VERSION}, but moto {moto.__version__} is installed. "
            f"Install moto=={MOTO_VERSION}, or check each mend against the new version and change MOTO_VERSION."
        )
    for service in (access, clock, sqs, events, iam, sts, ram, cloudtrail, sagemaker, resource_groups, secrets_manager):
        service.install()
    _speed_up()


def _speed_up() -> None:
    """Two caches: moto inspects the handler class and lists its own directory at each request."""
    core_responses.method_names_from_class = functools.cache(method_names_from_class)
    modules = tuple(moto.backends.list_of_moto_modules())
    moto.backends.list_of_moto_modules = lambda: modules
