# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.emulators.aws.server import AwsEmulator
from tests.unit.emulators.aws.clouds import EmulatedCloud, StockCloud


@pytest.fixture
def cloud(aws: AwsEmulator) -> EmulatedCloud:
    return EmulatedCloud(aws)


@pytest.fixture(scope="session")
def stock_process() -> Iterator[StockCloud]:
    stock = StockCloud()
    yield stock
    stock.close()


@pytest.fixture
def stock(stock_process: StockCloud) -> StockCloud:
    stock_process.reset()
    return stock_process
