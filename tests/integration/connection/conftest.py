# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The two modules as Ansible runs them, but in this process; and a console with what a connection needs."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import pathlib
from collections.abc import Iterator
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.client import ConsoleClient, connect
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.objects import NewObject
from tests.emulators.console.server import ConsoleEmulator

ACCOUNT = "111122223333"


class Host:
    """A host with a directory of connections, and the options of one."""

    def __init__(self, console: ConsoleEmulator, directory: pathlib.Path) -> None:
        self.console = console
        self.directory = directory
        self.options: dict[str, Any] = {
            "name": "credit-risk",
            "business_entity": "Credit Risk",
            "default_user": "svc",
            "account_id": ACCOUNT,
            "region": "eu-central-1",
            "role_arn": f"arn:aws:iam::{ACCOUNT}:role/Sync",
            "external_id": "secret-external-id",
            "queue_url": f"https://sqs.eu-central-1.amazonaws.com/{ACCOUNT}/events.fifo",
            "console_url": console.url,
            "console_auth_method": "mcsp",
            "console_api_key": "demo-api-key",
            "console_instance_id": "demo-instance",
            "console_token_url": console.url,
        }

    def run(self, module: str, *, check: bool = False, diff: bool = True, **options: Any) -> dict[str, Any]:
        """The module's result, failed or not."""
        given = {name: value for name, value in options.items() if value is not None}
        arguments = {**given, "connections_dir": str(self.directory)}
        arguments |= {"_ansible_check_mode": check, "_ansible_diff": diff}
        main = importlib.import_module(f"ansible_collections.wxgov.sagemaker.plugins.modules.{module}").main
        output = io.StringIO()
        with patch_module_args(arguments), contextlib.redirect_stdout(output), contextlib.suppress(SystemExit):
            main()
        result: dict[str, Any] = json.loads(output.getvalue())
        result.pop("invocation", None)
        return result

    def connection(self, *, check: bool = False, **options: Any) -> dict[str, Any]:
        """The result of governance_connection, which must succeed."""
        result = self.run("governance_connection", check=check, **options)
        assert not result.get("failed"), result["msg"]
        return result

    def refuse(self, **changes: Any) -> str:
        """The message of governance_connection with changed options, which must fail without a traceback."""
        result = self.run("governance_connection", **{**self.options, **changes})
        assert result.get("failed"), result
        assert "exception" not in result, result["exception"]
        return str(result["msg"])

    def files(self) -> dict[str, str]:
        """The directory's connections by file name, as text."""
        return {path.name: path.read_text() for path in sorted(self.directory.glob("*.json"))}


@pytest.fixture
def client(console: ConsoleEmulator) -> Iterator[ConsoleClient]:
    options = {"api_key": "demo-api-key", "instance_id": "demo-instance", "token_url": console.url}
    client = connect(console.url, auth_method="mcsp", auth_options=options)
    yield client
    client.close()


@pytest.fixture
def host(console: ConsoleEmulator, client: ConsoleClient, tmp_path: pathlib.Path) -> Host:
    client.create_object(NewObject("SOXBusEntity", "Credit Risk"))
    return Host(console, tmp_path / "connections.d")
