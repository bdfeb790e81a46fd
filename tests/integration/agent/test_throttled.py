# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Row 4 of the fault matrix on the agent's side: a registry that takes far fewer calls than the agent has workers."""

from __future__ import annotations

import requests
from prometheus_client.parser import text_string_to_metric_families

from tests.integration.agent.conftest import end
from tests.integration.agent.support import wait_until
from tests.integration.agent.two_sides import TwoSides

SEED, PACKAGES, WORKERS = 4, 50, 16
DESCRIBE = "sagemaker.DescribeModelPackage"


def samples(url):
    """What the agent serves, by name and by the labels besides the connection."""
    with requests.Session() as http:
        http.trust_env = False
        text = http.get(f"{url}/metrics", timeout=30).text
    return {
        (sample.name.removeprefix("wxgov_agent_"), *(sample.labels[name] for name in sorted(sample.labels)[1:])): (
            sample.value
        )
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_a_throttled_registry_costs_time_and_no_key(home, console):
    sides = TwoSides(home.emulator, console, SEED)
    home.store.save(sides.connection())
    home.configure(workers=WORKERS, listen="127.0.0.1:0")
    home.emulator.throttle(DESCRIBE, rate=15, burst=2)
    for _package in range(PACKAGES):
        sides.register()
    agent = home.start(module="real_agent", WXGOV_TEST_BLIND="1")
    url = home.status()["listening"]
    wait_until(lambda: ("api_calls_per_second_limit", "DescribeModelPackage", "sagemaker") in samples(url))
    wait_until(lambda: samples(url)["reconciles_total", "created"] >= PACKAGES)
    wait_until(lambda: home.connection().get("dirty") == 0)
    refused = home.emulator.throttled_calls()[DESCRIBE]
    described = home.emulator.calls()[DESCRIBE]
    print(f"{refused} of {described} calls throttled")
    found = samples(url)
    assert found["reconcile_failures_total",] == found["failing_keys",] == 0
    assert found["api_throttled_requests_total", "sagemaker"] == refused > 0
    assert described - refused <= 2 * PACKAGES
    home.emulator.throttle(DESCRIBE, rate=None)
    assert sides.differences() == []
    assert end(agent) == 0
    sides.close()
