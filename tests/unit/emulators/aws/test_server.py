# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The emulator as a process: start-up, the command line, its version check."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import moto
import pytest

from tests.emulators.aws import mends
from tests.emulators.aws.server import AwsEmulator
from tests.unit.emulators.aws.clouds import ACCOUNT, CHECKOUT, Keys, connect


def test_command_line_serves_and_ends_on_sigterm() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.emulators.aws", "--port", "0"],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        text=True,
        env={name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
    )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:")
        sts = connect(url, "sts", Keys(ACCOUNT))
        assert sts.get_caller_identity()["Account"] == ACCOUNT
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def test_emulator_starts_and_stops_again(aws: AwsEmulator) -> None:
    started = time.monotonic()
    with AwsEmulator() as second:
        assert connect(second.endpoint_url, "sqs", Keys(ACCOUNT)).list_queues()["ResponseMetadata"]
        assert second.endpoint_url != aws.endpoint_url
    assert time.monotonic() - started < 5
    assert connect(aws.endpoint_url, "sqs", Keys(ACCOUNT)).list_queues()["ResponseMetadata"]


def test_another_moto_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moto, "__version__", "9.9.9")
    with pytest.raises(RuntimeError, match=r"mends moto 5\.2\.5, but moto 9\.9\.9 is installed"):
        mends.apply.__wrapped__()
