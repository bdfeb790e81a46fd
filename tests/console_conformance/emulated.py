# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The emulator as a console to try the facts on, with something in it to look at."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.client import connect
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.objects import NewObject
from tests.emulators.console.server import ConsoleEmulator

from .runner import Target


def target_at(url: str) -> Target:
    """Return the emulator's address with its login."""
    login = {"api_key": "demo-api-key", "instance_id": "demo-instance", "token_url": url}
    return Target(url, "mcsp", login, user="svc")


def furnish(url: str) -> None:
    """Put three entities, one below another, a use case and a model into an emulator."""
    target = target_at(url)
    client = connect(url, auth_method=target.auth_method, auth_options=target.auth_options)
    bank = client.create_object(NewObject("SOXBusEntity", "Bank"))
    client.create_object(NewObject("SOXBusEntity", "Retail", primary_parent_id=bank.id))
    client.create_object(NewObject("SOXBusEntity", "Insurance"))
    case = client.create_object(NewObject("Register", "Churn", primary_parent_id=bank.id))
    client.create_object(NewObject("Model", "churn-v1", primary_parent_id=case.id))
    client.close()


@contextmanager
def emulated_target() -> Iterator[Target]:
    """Run an emulator of one's own."""
    with ConsoleEmulator(port=0) as emulator:
        furnish(emulator.url)
        yield target_at(emulator.url)
