# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""An AWS account of the emulator: boto3 clients, a way to run modules in this process, and the environment of plays."""

from __future__ import annotations

import contextlib
import functools
import importlib
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import boto3
import boto3.session
import pytest
import requests
from ansible.module_utils.testing import patch_module_args

from ansible_collections.wxgov.sagemaker.plugins.module_utils.aws import module as module_room
from ansible_collections.wxgov.sagemaker.plugins.module_utils.aws.patience import Patience
from tests.emulators.aws.server import AwsEmulator

ACCOUNT = "111122223333"
REGION = "us-east-1"
SECRET = "test-secret-0000"


@dataclass(frozen=True)
class Account:
    """One account of the emulator, seen by boto3 and by modules."""

    emulator: AwsEmulator
    account_id: str = ACCOUNT
    region: str = REGION

    def client(self, service: str, region: str | None = None) -> Any:
        """A boto3 client as the account's root."""
        return boto3.client(
            service,
            endpoint_url=self.emulator.endpoint_url,
            region_name=region or self.region,
            aws_access_key_id=self.account_id,
            aws_secret_access_key=SECRET,
        )

    @property
    def environment(self) -> dict[str, str]:
        """What a play needs to reach the account."""
        return {
            "AWS_ENDPOINT_URL": self.emulator.endpoint_url,
            "AWS_ACCESS_KEY_ID": self.account_id,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": self.region,
        }

    def run(self, module: str, *, check: bool = False, diff: bool = True, **options: Any) -> dict[str, Any]:
        """The result of a module run in this process: its own argument parsing, plan, calls and exit, no AnsiballZ."""
        connection = {
            "endpoint_url": self.emulator.endpoint_url,
            "access_key": self.account_id,
            "secret_key": SECRET,
            "region": self.region,
        }
        arguments = {**connection, **options, "_ansible_check_mode": check, "_ansible_diff": diff}
        main = importlib.import_module(f"ansible_collections.wxgov.sagemaker.plugins.modules.{module}").main
        output = io.StringIO()
        with patch_module_args(arguments), contextlib.redirect_stdout(output), contextlib.suppress(SystemExit):
            main()
        result: dict[str, Any] = json.loads(output.getvalue())
        result.pop("invocation", None)
        return result

    def fault(self, operation: str, **fault: Any) -> None:
        """Have the emulator fail the next calls of an operation."""
        body = {"operation": operation, **fault}
        requests.post(f"{self.emulator.endpoint_url}/_emulator/faults", json=body, timeout=10).raise_for_status()

    def succeed(self, module: str, **arguments: Any) -> dict[str, Any]:
        """`run` that raises with the module's message when it fails."""
        result = self.run(module, **arguments)
        if result.get("failed"):
            raise AssertionError(f"{module} failed: {result['msg']}\n{result.get('exception', '')}")
        return result

    def refuse(self, module: str, **arguments: Any) -> str:
        """The message of a module that must fail, without a traceback."""
        result = self.run(module, **arguments)
        assert result.get("failed"), f"{module} did not fail: {result}"
        assert "Traceback" not in str(result.get("exception", "")), result["exception"]
        return str(result["msg"])


@pytest.fixture(autouse=True, scope="module")
def one_boto3_session() -> Iterator[None]:
    """The modules of one test file share a boto3 session, which costs 0.1 s to make; credentials are the client's.

    No longer than that: a session keeps the environment's credentials that it was first asked for.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(boto3.session, "Session", functools.lru_cache(boto3.session.Session))
        yield


@pytest.fixture
def account(aws: AwsEmulator) -> Account:
    """The account 111122223333 of an empty emulator."""
    return Account(aws)


@pytest.fixture
def hurry(monkeypatch: pytest.MonkeyPatch, account: Account) -> list[float]:
    """Modules wait on the emulator's clock instead of their own; gives the pauses they made, in seconds."""
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        account.emulator.clock.advance(seconds)

    monkeypatch.setattr(
        module_room, "Patience", lambda timeout: Patience(timeout, sleep=sleep, clock=lambda: sum(pauses))
    )
    return pauses


def differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """The keys whose values differ, with both values."""
    return {
        key: (before.get(key), after.get(key)) for key in sorted({*before, *after}) if before.get(key) != after.get(key)
    }


def walk_cycle(
    account: Account,
    module: str,
    key: str,
    identity: Mapping[str, Any],
    change: Mapping[str, Any],
    read: Any,
    expected: Mapping[str, tuple[Any, Any]],
) -> None:
    """check → change → check → no change, for one change of a resource that exists.

    `expected` are the keys of the diff that must differ, with before and after; `read` gives the real state by boto3.
    """
    before = read()
    checked = account.succeed(module, check=True, **identity, **change)
    assert checked["changed"] is True
    assert differing(**checked["diff"]) == expected
    assert read() == before, "check mode changed something"

    done = account.succeed(module, **identity, **change)
    assert done["changed"] is True
    assert done["diff"] == checked["diff"], "check mode and the real run differ"
    assert done["operations"] == checked["operations"]
    assert set(done) == set(checked), "check mode and the real run have other keys"
    assert done[key] == done["diff"]["after"], "what AWS shows is not what was planned"
    assert done[key]["arn"] == checked["diff"]["before"]["arn"]
    after = read()
    assert after != before

    for check in (True, False):
        again = account.succeed(module, check=check, **identity, **change)
        assert again["changed"] is False, again["operations"]
        assert again["operations"] == []
        assert differing(**again["diff"]) == {}
        assert set(again) == set(done)
    assert read() == after
