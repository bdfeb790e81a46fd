# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The metrics of a view, as a scraper reads them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.serving import metrics
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.serving.metrics import (
    COUNTERS,
    MissingPrometheusError,
    exposition,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.status import COUNTED, SECONDS_BOUNDS, Distribution
from tests.harness.agent_views import NOW, agent, connection, snapshot, troubled_agent

TOOLS = Path(__file__).resolve().parents[5] / ".ansible" / "tools"


def scrape(view, accept=""):
    content_type, body = exposition(lambda: view)(accept)
    return content_type, body.decode()


def samples(view):
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in read_text(scrape(view)[1])
        for sample in family.samples
    }


def test_every_counter_has_a_name_and_a_text_of_its_own():
    assert set(COUNTERS) == set(COUNTED)
    assert len({name for name, _text in COUNTERS.values()}) == len(COUNTERS)


def test_both_formats():
    view = troubled_agent()
    content_type, text = scrape(view)
    assert content_type.startswith("text/plain; version=")
    content_type, opened = scrape(view, "application/openmetrics-text; version=1.0.0")
    assert content_type.startswith("application/openmetrics-text")
    plain = {sample.name for family in read_text(text) for sample in family.samples}
    assert {sample.name for family in read_openmetrics(opened) for sample in family.samples} == plain


def test_labels_are_few():
    labels = {
        name for family in read_text(scrape(troubled_agent())[1]) for sample in family.samples for name in sample.labels
    }
    assert labels == {"connection", "service", "outcome", "le", "release", "deployment", "python"}


def test_promtool_finds_nothing_to_mend():
    text = scrape(troubled_agent())[1]
    command = [TOOLS / "promtool", "check", "metrics"]
    checked = subprocess.run(command, input=text, capture_output=True, text=True, timeout=120, check=False)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_what_is_not_known_yet_is_left_out_and_what_is_zero_is_not():
    silent = snapshot(moments={}, event_lag=None, message_age=None, sweeps={}, outcomes={})
    found = samples(agent(connections=(connection("new", seen=silent, breaker="", requests={}),)))
    names = {name for name, *_labels in found}
    assert not names & {
        "wxgov_agent_last_success_timestamp_seconds",
        "wxgov_agent_last_event_lag_seconds",
        "wxgov_agent_full_sweep_duration_seconds",
        "wxgov_agent_breaker_open",
    }
    assert found["wxgov_agent_reconciles_total", ("connection", "new"), ("outcome", "created")] == 0
    assert found["wxgov_agent_parked_keys", ("connection", "new")] == 0


def test_figures_of_a_troubled_agent():
    found = samples(troubled_agent())
    lending = ("connection", "lending-prod")
    assert found["wxgov_agent_breaker_open", lending] == 1
    assert found["wxgov_agent_parked_keys", lending] == 1
    assert found["wxgov_agent_oldest_dirty_key_age_seconds", lending] == 9200
    assert found["wxgov_agent_guard_holds", ("connection", "claims-prod")] == 1
    assert found["wxgov_agent_console_calls_per_second_limit", ("connection", "claims-prod")] == 4.5
    assert found["wxgov_agent_existing_sync_running", ("connection", "payments-prod")] == 1
    assert found["wxgov_agent_existing_sync_running", lending] == 0
    assert found["wxgov_agent_api_throttled_requests_total", lending, ("service", "sagemaker")] == 14
    assert found["wxgov_agent_start_time_seconds",] == NOW - 93_000


@given(st.lists(st.floats(0, 1e5), max_size=50))
def test_a_histogram_counts_each_value_once_in_the_classes_above_it(values):
    distribution = Distribution()
    for value in values:
        distribution = distribution.with_value(value)
    found = samples(agent(connections=(connection(seen=snapshot(event_lags=distribution)),)))
    name = ("connection", "payments-prod")
    for bound in SECONDS_BOUNDS:
        at_most = sum(value <= bound for value in values)
        assert found["wxgov_agent_event_lag_seconds_bucket", name, ("le", f"{bound:g}")] == at_most
    assert found["wxgov_agent_event_lag_seconds_bucket", name, ("le", "+Inf")] == len(values)
    assert found["wxgov_agent_event_lag_seconds_count", name] == len(values)
    assert found["wxgov_agent_event_lag_seconds_sum", name] == pytest.approx(sum(values))


def test_without_the_library_the_answer_says_what_is_missing(monkeypatch):
    monkeypatch.setattr(metrics, "HAS_PROMETHEUS", False)
    with pytest.raises(MissingPrometheusError, match='"prometheus-client" is missing on this host'):
        exposition(troubled_agent)("")
