# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""A console with a bank in it, and the modules that work on it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.client import ConsoleClient, connect
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.objects import ConsoleObject, NewObject
from tests.emulators.console.server import ConsoleEmulator
from tests.harness.module import run_module

ARN = "Integration:External ID"
STATUS = "MRG-AIFacts-ModelUseCase:Status"
OWNER = "MRG-ModelUseCase:Owner"
GROUP_ARN = "arn:aws:sagemaker:eu-central-1:111122223333:model-package-group/"


class Bench:
    """The modules with the login of the emulated console, and short ways to put objects into it."""

    def __init__(self, console: ConsoleEmulator, client: ConsoleClient) -> None:
        self.console = console
        self.client = client
        self.login = {
            "console_url": console.url,
            "console_auth_method": "mcsp",
            "console_api_key": "demo-api-key",
            "console_instance_id": "demo-instance",
            "console_token_url": console.url,
        }

    def run(self, module: str, *, check: bool = False, diff: bool = True, **options: Any) -> dict[str, Any]:
        """The module's result, failed or not."""
        return run_module(module, {**self.login, **options}, check=check, diff=diff)

    def ok(self, module: str, *, check: bool = False, **options: Any) -> dict[str, Any]:
        """The result of a module that must succeed."""
        result = self.run(module, check=check, **options)
        assert not result.get("failed"), result["msg"]
        return result

    def refuse(self, module: str, **options: Any) -> str:
        """The message of a module that must fail in one sentence, with nothing written and no secret told."""
        before = self.writes()
        result = self.run(module, **options)
        assert result.get("failed"), result
        assert "exception" not in result, result["exception"]
        assert self.writes() == before
        assert "\n" not in result["msg"]
        assert "secret" not in result["msg"]
        return str(result["msg"])

    def cycle(self, module: str, **options: Any) -> dict[str, Any]:
        """check → change → check → no change; return the result of the change."""
        before = self.writes()
        checked = self.ok(module, check=True, **options)
        assert checked["changed"]
        assert self.writes() == before, "check mode wrote"
        done = self.ok(module, **options)
        assert done["changed"]
        assert (done["operations"], done["diff"]) == (checked["operations"], checked["diff"])
        before = self.writes()
        for check in (True, False):
            again = self.ok(module, check=check, **options)
            assert (again["changed"], again["operations"]) == (False, [])
            assert again["diff"]["before"] == again["diff"]["after"]
            assert again.keys() == checked.keys() == done.keys()
        assert self.writes() == before, "a run without a change wrote"
        return done

    def writes(self) -> int:
        """How many requests have written to the console."""
        verbs = ("POST contents", "PUT contents", "DELETE contents")
        return sum(count for name, count in self.console.calls().items() if name.startswith(verbs))

    def put(self, type_name: str, name: str, parent: ConsoleObject | None = None, **fields: str) -> ConsoleObject:
        """Create an object; a field is named by its key in FIELDS."""
        named = {FIELDS[key]: value for key, value in fields.items()}
        new = NewObject(type_name, name, name, f"About {name}", parent.id if parent else None, named)
        return self.client.create_object(new)


FIELDS = {"arn": ARN, "status": STATUS, "owner": OWNER}


@pytest.fixture
def client(console: ConsoleEmulator) -> Iterator[ConsoleClient]:
    options = {"api_key": "demo-api-key", "instance_id": "demo-instance", "token_url": console.url}
    client = connect(console.url, auth_method="mcsp", auth_options=options)
    yield client
    client.close()


@pytest.fixture
def bench(console: ConsoleEmulator, client: ConsoleClient) -> Bench:
    return Bench(console, client)


@pytest.fixture
def bank(bench: Bench) -> ConsoleObject:
    """A root entity."""
    return bench.put("SOXBusEntity", "Bank")
