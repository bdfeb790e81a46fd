# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent's figures in Prometheus' text format. docs/metrics.md describes each metric.

Everything is made of a view at the moment of the scrape; there is no global registry and nothing to keep up to date.
Labels are few on purpose: ``connection`` (at most ten), ``service``, ``operation`` and ``outcome`` (a handful each).
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Iterator, Mapping

from ...errors import WxgovError
from ..runtime import OUTCOMES
from ..status import COUNTED, SECONDS_BOUNDS, Distribution
from ..sweeps import FULL, INCREMENTAL
from ..unit import RUNNING
from .view import AgentView, ConnectionView

try:
    from prometheus_client import CollectorRegistry, ProcessCollector
    from prometheus_client.core import (
        CounterMetricFamily,
        GaugeMetricFamily,
        HistogramMetricFamily,
        InfoMetricFamily,
        Metric,
    )
    from prometheus_client.exposition import choose_encoder
    from prometheus_client.registry import Collector
except ImportError:
    HAS_PROMETHEUS = False
else:
    HAS_PROMETHEUS = True

PREFIX = "wxgov_agent_"

COUNTERS: Mapping[str, tuple[str, str]] = {
    "received": ("messages_received", "Messages received from the queue, repeated ones included."),
    "deleted": ("messages_deleted", "Messages deleted from the queue."),
    "delete_failures": ("message_delete_failures", "Messages that could not be deleted and come again."),
    "touched": ("events", "Events that named entities of the registry."),
    "irrelevant": ("irrelevant_events", "Events that say nothing about this registry."),
    "undecodable": ("undecodable_messages", "Messages that could not be read."),
    "dead_lettered": ("messages_dead_lettered", "Unreadable messages copied to the dead-letter queue."),
    "discarded": ("messages_discarded", "Unreadable messages dropped, for want of a dead-letter queue."),
    "queue_errors": ("queue_errors", "Calls of the queue that failed."),
    "journal_errors": ("journal_errors", "Writes of the journal that failed; nothing is received until one succeeds."),
    "intake_pauses": ("intake_pauses", "How often receiving was paused because too many keys waited."),
    "reconcile_failures": ("reconcile_failures", "Attempts at a key that failed and are repeated."),
    "sweeps_full": ("full_sweeps", "Full sweeps that ended well."),
    "sweeps_incremental": ("incremental_sweeps", "Incremental sweeps that ended well."),
    "sweep_failures": ("sweep_failures", "Sweeps that failed and are repeated."),
    "sweep_marked": ("sweep_marked_keys", "Keys that sweeps have marked dirty."),
    "unannounced": ("unannounced_changes", "Changes that a sweep found, and that no event had told of."),
    "polls": ("polls", "Turns of polling the console in which every question was answered."),
    "poll_failures": ("poll_failures", "Questions to the console about what was changed there that failed."),
    "poll_marked": ("poll_marked_keys", "Keys that polling the console has marked dirty."),
    "start_failures": ("start_failures", "Failed attempts to log in on both sides."),
}
"""What each counter of `status.COUNTED` is called and means; one that is not here is exported under its own name."""

MOMENTS: Mapping[str, str] = {
    "success": "When a key was last worked on with success.",
    "receive": "When the queue last answered.",
    "poll": "When the console was last asked for what was changed there, and answered.",
    FULL: "When a full sweep last ended well.",
    INCREMENTAL: "When an incremental sweep last ended well.",
}


class MissingPrometheusError(WxgovError):
    """The Python package prometheus-client is not installed."""


def exposition(view: Callable[[], AgentView]) -> Callable[[str], tuple[str, bytes]]:
    """Return what answers a scrape: from the Accept header to content type and body.

    It raises MissingPrometheusError. Text, or OpenMetrics for those who accept it.
    """
    if not HAS_PROMETHEUS:
        return _refuse
    registry = CollectorRegistry(auto_describe=False)
    registry.register(AgentCollector(view))
    ProcessCollector(registry=registry)

    def answer(accept: str) -> tuple[str, bytes]:
        encode, content_type = choose_encoder(accept)
        return content_type, encode(registry)

    return answer


def _refuse(_accept: str) -> tuple[str, bytes]:
    raise MissingPrometheusError('The Python package "prometheus-client" is missing on this host: install it.')


if HAS_PROMETHEUS:

    class AgentCollector(Collector):
        """All metrics of one agent."""

        def __init__(self, view: Callable[[], AgentView]) -> None:
            self._view = view

        def describe(self) -> Iterable[Metric]:
            """Nothing: registering must not take a view."""
            return []

        def collect(self) -> Iterator[Metric]:
            """The metrics at this moment."""
            view = self._view()
            yield from _of_agent(view)
            yield from _counters(view.connections)
            yield from _work(view.connections)
            yield from _lags(view)
            yield from _sweeps(view.connections)
            yield from _moments(view.connections)
            yield from _services(view.connections)
            yield from _runs(view)


def _of_agent(view: AgentView) -> Iterator[Metric]:
    build = {"release": view.release, "deployment": view.deployment, "python": platform.python_version()}
    yield InfoMetricFamily(f"{PREFIX}build", "What runs.", value=build)
    yield _single("up", "Whether the agent runs (1) or starts or stops (0).", view.state == "running")
    yield _single("live", "Whether every loop of the agent keeps its promises.", not view.late and not view.crashed)
    yield _single("start_time_seconds", "When the process started.", view.started_at)
    yield _single("workers", "Threads that reconcile keys.", view.workers)
    yield _single("refused_connections", "Connections whose files cannot be used.", len(view.refused))
    rebuilds = CounterMetricFamily(f"{PREFIX}journal_rebuilds", "How often the journal was lost and begun anew.")
    rebuilds.add_metric([], view.journal_rebuilds)
    yield rebuilds


def _counters(connections: Iterable[ConnectionView]) -> Iterator[Metric]:
    for counted in COUNTED:
        name, text = COUNTERS.get(counted, (counted, f"Count of {counted.replace('_', ' ')}."))
        family = CounterMetricFamily(f"{PREFIX}{name}", text, labels=["connection"])
        for connection in connections:
            family.add_metric([connection.name], connection.seen.counts[counted])
        yield family


def _work(connections: Iterable[ConnectionView]) -> Iterator[Metric]:
    attempts = CounterMetricFamily(f"{PREFIX}reconcile_attempts", "Attempts at keys.", labels=["connection"])
    outcomes = CounterMetricFamily(
        f"{PREFIX}reconciles", "Keys worked on with success, by what it led to.", labels=["connection", "outcome"]
    )
    for connection in connections:
        counts = {**dict.fromkeys(OUTCOMES, 0), **connection.seen.outcomes}
        failures = connection.seen.counts["reconcile_failures"]
        attempts.add_metric([connection.name], sum(counts.values()) + failures)
        for outcome, count in sorted(counts.items()):
            outcomes.add_metric([connection.name, outcome], count)
    yield attempts
    yield outcomes
    gauge = _gauges(connections)
    yield gauge("connection_up", "Whether the connection is past its first login.", lambda it: it.state == RUNNING)
    yield gauge("intake_paused", "Whether nothing is received because too many keys wait.", lambda it: it.is_paused)
    yield gauge("busy_workers", "Workers that are at a key of the connection.", lambda it: it.busy)
    yield gauge("dirty_keys", "Keys that wait in the journal.", lambda it: it.backlog.dirty)
    yield gauge("failing_keys", "Waiting keys that have failed at least once.", lambda it: it.backlog.failing)
    yield gauge(
        "parked_keys", "Waiting keys that have failed so often that they are tried every 15 minutes only.", _parked
    )
    yield _histogram(connections, "reconcile_duration", "One attempt at a key.", lambda it: it.seen.work_seconds)


def _parked(connection: ConnectionView) -> float:
    return connection.backlog.parked


def _lags(view: AgentView) -> Iterator[Metric]:
    gauge = _gauges(view.connections)

    def waited(connection: ConnectionView) -> float:
        oldest = connection.backlog.oldest
        return 0.0 if oldest is None else max(0.0, view.taken_at - oldest)

    yield gauge("oldest_dirty_key_age_seconds", "How long the oldest waiting key has waited; 0 when none does.", waited)
    yield gauge(
        "oldest_message_age_seconds",
        "How long the oldest message of the last receive had been in the queue; 0 when there was none.",
        lambda it: it.seen.message_age,
    )
    yield gauge(
        "last_event_lag_seconds",
        "From the call of the registry to its event's arrival here, for the last event.",
        lambda it: it.seen.event_lag,
    )
    text = "From the call of the registry to its event's arrival here."
    yield _histogram(view.connections, "event_lag", text, lambda it: it.seen.event_lags)
    text = "From the first hint about a key to the end of the work on it."
    yield _histogram(view.connections, "key_wait", text, lambda it: it.seen.key_seconds)


def _sweeps(connections: Iterable[ConnectionView]) -> Iterator[Metric]:
    gauge = _gauges(connections)
    for kind in (FULL, INCREMENTAL):
        title = kind.replace("_", " ")
        yield gauge(f"{kind}_duration_seconds", f"How long the last {title} took.", _swept(kind, "seconds"))
        yield gauge(f"{kind}_listed", f"Entities that the last {title} looked at.", _swept(kind, "listed"))
        yield gauge(f"{kind}_marked", f"Keys that the last {title} marked dirty.", _swept(kind, "marked"))
    yield gauge(
        "unheard_sweeps",
        "Sweeps since the last event that had to write what no event had told of.",
        lambda it: it.seen.unheard_sweeps,
    )
    yield gauge(
        "guard_holds",
        "Decommissionings, in bulk, that the guard holds back since the last full sweep.",
        lambda it: sum(len(record.held_back) for record in it.seen.sweeps.values()),
    )


def _swept(kind: str, member: str) -> Callable[[ConnectionView], float | None]:
    """Read one figure of the last good sweep of a kind; None before the first."""

    def read(connection: ConnectionView) -> float | None:
        record = connection.seen.sweeps.get(kind)
        return None if record is None or record.ended_at is None else float(getattr(record, member))

    return read


def _moments(connections: Iterable[ConnectionView]) -> Iterator[Metric]:
    gauge = _gauges(connections)
    for name, text in MOMENTS.items():
        yield gauge(f"last_{name}_timestamp_seconds", text, _moment(name))


def _moment(name: str) -> Callable[[ConnectionView], float | None]:
    return lambda connection: connection.seen.moments.get(name)


def _services(connections: Iterable[ConnectionView]) -> Iterator[Metric]:
    for member, name, text in (
        ("sent", "api_requests", "Requests sent, repeated ones included."),
        ("throttled", "api_throttled_requests", 'Requests that were answered with "too many".'),
        ("failed", "api_failed_requests", "Requests without an answer, or to a service that is out of order."),
    ):
        family = CounterMetricFamily(f"{PREFIX}{name}", text, labels=["connection", "service"])
        for connection in connections:
            for service, requests in sorted(connection.requests.items()):
                family.add_metric([connection.name, service], getattr(requests, member))
        yield family
    gauge = _gauges(connections)
    yield gauge("breaker_open", "Whether calls of the console fail at once, because it does not answer.", _is_open)
    yield gauge("console_calls_per_second_limit", "What the console limits us to; absent: nothing.", lambda it: it.rate)
    limits = GaugeMetricFamily(
        f"{PREFIX}api_calls_per_second_limit",
        "What AWS limits us to, of an operation; absent: nothing.",
        labels=["connection", "service", "operation"],
    )
    for connection in connections:
        for operation, rate in sorted(connection.registry_rates.items()):
            limits.add_metric([connection.name, "sagemaker", operation], rate)
    yield limits


def _is_open(connection: ConnectionView) -> bool | None:
    return connection.breaker != "closed" if connection.breaker else None


def _runs(view: AgentView) -> Iterator[Metric]:
    running = GaugeMetricFamily(
        f"{PREFIX}existing_sync_running", "Whether an existing-model sync is under way.", labels=["connection"]
    )
    for connection in view.connections:
        mine = [run for run in view.runs if run.connection == connection.name]
        running.add_metric([connection.name], any(run.status == "running" for run in mine))
    yield running


def _single(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"{PREFIX}{name}", text, value=value)


def _gauges(
    connections: Iterable[ConnectionView],
) -> Callable[[str, str, Callable[[ConnectionView], float | None]], Metric]:
    """Return what makes a gauge with one value a connection; a connection without a value is left out."""

    def gauge(name: str, text: str, read: Callable[[ConnectionView], float | None]) -> Metric:
        family = GaugeMetricFamily(f"{PREFIX}{name}", text, labels=["connection"])
        for connection in connections:
            value = read(connection)
            if value is not None:
                family.add_metric([connection.name], value)
        return family

    return gauge


def _histogram(
    connections: Iterable[ConnectionView], name: str, text: str, read: Callable[[ConnectionView], Distribution]
) -> Metric:
    family = HistogramMetricFamily(f"{PREFIX}{name}_seconds", text, labels=["connection"])
    bounds = [*(f"{bound:g}" for bound in SECONDS_BOUNDS), "+Inf"]
    for connection in connections:
        distribution = read(connection)
        so_far, buckets = 0, []
        for bound, count in zip(bounds, distribution.counts, strict=True):
            so_far += count
            buckets.append((bound, so_far))
        family.add_metric([connection.name], buckets, sum_value=distribution.total)
    return family
