# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""A client of the emulated console whose waiting is recorded instead of done."""

from __future__ import annotations

import pytest

from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.auth import authenticator
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.client import ConsoleClient
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.objects import NewObject
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.sender import RetryPolicy
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.transport import Transport

FAST = RetryPolicy(connect_timeout=1.0, read_timeout=1.0)


class Maker:
    """Makes clients, keeps what they slept, and closes them."""

    def __init__(self, url):
        self.url = url
        self.slept = []
        self.made = []

    def __call__(self, *, url=None, settings=None, policy=FAST, method="mcsp", clock=lambda: 0.0, **options):
        if method == "mcsp":
            key = {} if any(name.startswith("api_key_") for name in options) else {"api_key": "demo-api-key"}
            options = key | {"instance_id": "demo-instance", "token_url": self.url} | options
        transport = Transport(
            url or self.url,
            authenticator(method, **options),
            policy=policy,
            sleep=self.slept.append,
            clock=clock,
            random=lambda: 0.5,
        )
        client = ConsoleClient(transport, settings)
        self.made.append(client)
        return client


@pytest.fixture
def make_client(console):
    maker = Maker(console.url)
    yield maker
    for client in maker.made:
        client.close()


@pytest.fixture
def client(make_client):
    return make_client()


@pytest.fixture
def entity(client):
    """A business entity at the root; no login, type or definition request is left to be made for it."""
    return client.create_object(NewObject("SOXBusEntity", "Credit Risk", "Credit Risk", "Loans"))
