# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each mend twice: our emulator behaves as AWS does, and moto as it comes does not.

When the second test of a mend fails, moto has learnt it: take the mend out.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from tests.unit.emulators.aws import (
    probes_cloudtrail,
    probes_events,
    probes_groups,
    probes_identity,
    probes_ram,
    probes_sagemaker,
    probes_sqs,
)
from tests.unit.emulators.aws.clouds import EmulatedCloud, Probe, StockCloud

PROBE_FILES = (
    probes_sqs,
    probes_events,
    probes_identity,
    probes_ram,
    probes_sagemaker,
    probes_cloudtrail,
    probes_groups,
)


def probes(modules: tuple[ModuleType, ...]) -> Iterator[Probe]:
    for module in modules:
        for name in vars(module):
            if name.startswith("mend_"):
                yield getattr(module, name)


ALL_PROBES = list(probes(PROBE_FILES))
every_probe = pytest.mark.parametrize("probe", ALL_PROBES, ids=lambda probe: probe.__name__.removeprefix("mend_"))


@every_probe
def test_emulator_behaves_as_aws(probe: Probe, cloud: EmulatedCloud) -> None:
    probe(cloud)


@every_probe
def test_stock_moto_does_not(probe: Probe, stock: StockCloud) -> None:
    with pytest.raises((AssertionError, ClientError, BotoCoreError, KeyError, IndexError)):
        probe(stock)
