# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two clouds behind one small interface: our emulator, and moto as it comes. A probe runs against either."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.emulators.aws.server import AwsEmulator

ACCOUNT = "123456789012"
OTHER = "444455556666"
REGION = "us-east-1"
CHECKOUT = Path(__file__).resolve().parents[4]
_CONFIG = Config(retries={"total_max_attempts": 1}, read_timeout=30, connect_timeout=5, max_pool_connections=20)


@dataclass(frozen=True, slots=True)
class Keys:
    """What signs a call."""

    access_key: str
    secret: str = "emulator"
    token: str | None = None


def connect(url: str, service: str, keys: Keys, region: str = REGION) -> Any:
    return boto3.client(
        service,
        region_name=region,
        endpoint_url=url,
        aws_access_key_id=keys.access_key,
        aws_secret_access_key=keys.secret,
        aws_session_token=keys.token,
        config=_CONFIG,
    )


class Cloud(Protocol):
    """What a probe may use."""

    def client(self, service: str, account: str = ACCOUNT, region: str = REGION) -> Any: ...

    def client_with(self, service: str, keys: Keys) -> Any: ...

    def wait(self, seconds: float) -> None: ...


Probe = Callable[[Cloud], None]
"""Passes on a cloud that behaves as AWS does; raises (AssertionError or an API error) on one that does not."""


class EmulatedCloud:
    def __init__(self, emulator: AwsEmulator) -> None:
        self.emulator = emulator

    def client(self, service: str, account: str = ACCOUNT, region: str = REGION) -> Any:
        return connect(self.emulator.endpoint_url, service, Keys(account), region)

    def client_with(self, service: str, keys: Keys) -> Any:
        return connect(self.emulator.endpoint_url, service, keys)

    def wait(self, seconds: float) -> None:
        self.emulator.advance(seconds)


class StockCloud:
    """Speaks to stock_moto.py. moto takes the account from a header, so each client sends it."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.unit.emulators.aws.stock_moto"],
            cwd=CHECKOUT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._url = f"http://127.0.0.1:{self._line()}"

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        if not line:
            raise RuntimeError("The stock moto process ended before it answered.")
        return line

    def _tell(self, command: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{command}\n")
        self._process.stdin.flush()
        assert self._line() == "done"

    def client(self, service: str, account: str = ACCOUNT, region: str = REGION) -> Any:
        client = connect(self._url, service, Keys("testing"), region)
        client.meta.events.register(
            "before-sign.*.*", lambda request, **_: request.headers.add_header("x-moto-account-id", account)
        )
        return client

    def client_with(self, service: str, keys: Keys) -> Any:
        return connect(self._url, service, keys)

    def wait(self, seconds: float) -> None:
        self._tell(f"advance {seconds}")

    def reset(self) -> None:
        self._tell("reset")

    def close(self) -> None:
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        self._process.wait(timeout=10)


def error_code(call: Callable[..., Any], **arguments: Any) -> str:
    """The code of the ClientError a call raises; fails when it succeeds or the server broke."""
    try:
        call(**arguments)
    except ClientError as error:
        code: str = error.response["Error"]["Code"]
        assert code != "500", "the server broke instead of answering"
        return code
    raise AssertionError(f"{call.__name__} was accepted: {arguments}")
