# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two accounts of one emulator: in one the modules there were before do the work, in the other one ours do."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args

from tests.emulators.aws.server import AwsEmulator
from tests.integration.aws.conftest import REGION, SECRET, Account

THEIRS, OURS = "111122223333", "444455556666"


@dataclass(frozen=True)
class Side:
    """One account, and the module that works in it."""

    account: Account
    module: str

    def run(self, *, check: bool = False, **options: Any) -> dict[str, Any]:
        """The result of a run in this process; ${account} in the options is the account's number."""
        text = json.dumps(options).replace("${account}", self.account.account_id)
        connection = {
            "endpoint_url": self.account.emulator.endpoint_url,
            "access_key": self.account.account_id,
            "secret_key": SECRET,
            "region": REGION,
        }
        arguments = {**connection, **json.loads(text), "_ansible_check_mode": check, "_ansible_diff": True}
        namespace, collection, name = self.module.split(".")
        main = importlib.import_module(f"ansible_collections.{namespace}.{collection}.plugins.modules.{name}").main
        output = io.StringIO()
        with patch_module_args(arguments), contextlib.redirect_stdout(output), contextlib.suppress(SystemExit):
            main()
        result: dict[str, Any] = json.loads(output.getvalue())
        return result

    def do(self, **options: Any) -> dict[str, Any]:
        """`run` that raises with the module's message when it fails."""
        result = self.run(**options)
        assert not result.get("failed"), f"{self.module}: {result.get('msg')}\n{result.get('exception', '')}"
        return result

    def client(self, service: str) -> Any:
        return self.account.client(service)


@dataclass(frozen=True)
class Pair:
    """The two sides for one job."""

    theirs: Side
    ours: Side

    def same(self, read: Callable[[Side], Any]) -> Any:
        """What both accounts have, as `read` gives it; fails when they differ in more than their numbers."""
        theirs, ours = (plain(side, read(side)) for side in (self.theirs, self.ours))
        assert theirs == ours
        return ours


def plain(side: Side, state: Any) -> Any:
    """A state without the account's number, and policies as documents instead of texts."""
    if isinstance(state, Mapping):
        return {key: plain(side, value) for key, value in state.items()}
    if isinstance(state, list | tuple):
        return [plain(side, value) for value in state]
    if isinstance(state, str):
        text = state.replace(side.account.account_id, "ACCOUNT")
        return json.loads(text) if text.startswith("{") else text
    return state


@pytest.fixture
def pair(aws: AwsEmulator) -> Callable[[str, str], Pair]:
    """The sides for two modules: theirs, with its collection, and ours."""

    def make(theirs: str, ours: str) -> Pair:
        return Pair(Side(Account(aws, THEIRS), theirs), Side(Account(aws, OURS), f"wxgov.sagemaker.{ours}"))

    return make
