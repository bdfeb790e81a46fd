# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts the parts together for one connection: the existing-model sync for the module, the runtime for the agent."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..connection.aws_pace import PACES, AccountPaces
from ..connection.aws_session import client_for, session_for
from ..connection.model import Connection
from ..connection.traffic import AwsTraffic, Traffic
from ..console.client import ConsoleClient
from ..console.limiter import Limiter, LimiterState, Sign
from ..console_opening import open_console
from ..pacing.priority import Priority, calling_for
from ..registry.client import RegistryClient
from ..registry.writer import RegistryWriter
from .apply import Applier, GroupIds
from .comparison import Projector
from .comparison_phases import ComparisonPhases
from .console_changes import ChangeSource, change_sources
from .console_reader import ConsoleReader, open_reader
from .errors import SyncError
from .existing import ExistingModelSync, Meter, RunSettings
from .guard import GuardOptions
from .mapping_overrides import effective_table
from .owners import OwnerDirectory
from .phases import Phase
from .projection import Projection
from .reconciler import KeyReconciler
from .report import RunReport
from .selection import Selection
from .summaries import SummaryCache
from .sweep import Sweeper
from .use_case_work import (
    KeyDispatcher,
    UseCaseParts,
    UseCasePhase,
    UseCaseReconciler,
    UseCaseSweeper,
    open_use_cases,
)

MOST_WORKERS = 256
"""As many threads of an agent may call AWS at once; each then keeps its connection instead of opening one a call."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The two sides of a connection, open."""

    connection: Connection
    registry: RegistryClient
    writer: RegistryWriter
    console: ConsoleClient
    reader: ConsoleReader
    projector: Projector
    applier: Applier
    use_cases: UseCaseParts
    session: Any
    sagemaker: Any
    aws_traffic: AwsTraffic = field(default_factory=AwsTraffic)

    def close(self) -> None:
        """Close the connections to both sides."""
        self.sagemaker.close()
        self.console.close()


def open_connection(connection: Connection, concurrency: int = 10) -> Parts:
    """Log in on both sides and check the console's types and the business entity (6 requests to the console).

    Raises the errors of console, connection and registry, and SyncError for a business entity that is gone.
    """
    traffic = AwsTraffic()
    session = session_for(connection, max_pool_connections=max(10, concurrency), traffic=traffic)
    with ExitStack() as opened:
        console = opened.enter_context(closing(open_console(connection.console)))
        sagemaker = opened.enter_context(closing(client_for(session, "sagemaker")))
        parts = replace(assemble(connection, console, sagemaker, session), aws_traffic=traffic)
        opened.pop_all()  # they stay open, now that all is well
    return parts


def assemble(connection: Connection, console: ConsoleClient, sagemaker: Any, session: Any) -> Parts:
    """Put the parts of a connection together around its two clients (6 requests to the console).

    Raises the console's errors, and SyncError for a business entity that is gone.
    """
    table = effective_table(connection.sync.mapping, (connection.sync.arn_field, connection.sync.state_field))
    reader = open_reader(console, connection, table)
    if console.get_object(connection.business_entity_id) is None:
        raise SyncError(
            f"The business entity {connection.business_entity_name} (id {connection.business_entity_id}) of the "
            f"connection {connection.name} is no longer in the console. Create it and save the connection again."
        )
    registry, writer = RegistryClient(sagemaker), RegistryWriter(sagemaker)
    selection = Selection(connection.sync.filters, writer.tags)
    projector = Projector(reader, OwnerDirectory(console.find_user, connection.default_user), selection)

    def project_group(name: str) -> Projection | None:
        group = registry.describe_group(name)
        return None if group is None else projector.group(group)

    applier = Applier(console, reader, connection, GroupIds(), writer, project_group)
    use_cases = open_use_cases(registry, writer, console, reader, connection, table.life_cycle)
    return Parts(connection, registry, writer, console, reader, projector, applier, use_cases, session, sagemaker)


def sync_existing_models(
    connection: Connection, settings: RunSettings, on_progress: Callable[[RunReport], None]
) -> RunReport:
    """Run the existing-model sync of one connection and return its report; raises what open_connection raises."""
    parts = open_connection(connection, settings.concurrency)
    report = RunReport(connection.name, notes=unmapped_notes(parts.reader))
    with closing(parts), _summaries(parts, settings, report) as summaries:
        phases = run_phases(parts, settings, summaries)
        ExistingModelSync(phases, settings, meter_of(parts)).run(report, time.monotonic, on_progress)
    return report


def run_phases(parts: Parts, settings: RunSettings, summaries: SummaryCache | None = None) -> list[Phase[Any]]:
    """Return the phases of the existing-model sync in their order."""
    guard = settings.guard.over(parts.connection.sync)
    comparing = ComparisonPhases(parts.registry, parts.reader, parts.projector, parts.applier, guard, summaries)
    return [UseCasePhase(parts.use_cases), *comparing.phases()]


def meter_of(parts: Parts) -> Meter:
    """Return what a run's report reads off the two sides."""

    def throttling() -> dict[str, float | None]:
        pacer = parts.console.transport.pacer
        rate = pacer.state().rate if isinstance(pacer, Limiter) else None
        traffic = parts.aws_traffic.by_service().get("sagemaker", Traffic())
        return {"registry_throttled": traffic.throttled, "console_calls_per_second": rate}

    def calls() -> dict[str, Mapping[str, int]]:
        return {"registry": dict(parts.registry.calls + parts.writer.calls), "console": parts.console.calls}

    return Meter(calls, throttling)


def unmapped_notes(reader: ConsoleReader) -> list[str]:
    """Return a sentence for each type of this console that lacks fields of the mapping."""
    return [
        f"this console's {kind.value} type lacks {', '.join(target.unmapped)}: those values are not synchronised"
        for kind, target in reader.targets.items()
        if target.unmapped
    ]


def known_summaries(parts: Parts, state_dir: Path | None, *, read_only: bool = False) -> SummaryCache | None:
    """Return what runs and sweeps of a connection know of its packages' summaries; None where nothing can be kept."""
    if state_dir is None:
        return None
    meaning = f"{parts.reader.table.fingerprint} {parts.connection.sync.filters}"
    return SummaryCache(state_dir, parts.connection.name, meaning, read_only=read_only)


@contextmanager
def _summaries(parts: Parts, settings: RunSettings, report: RunReport) -> Iterator[SummaryCache | None]:
    """Open what is known of the packages' summaries, for a registry without Search."""
    summaries = None if settings.describe_all else known_summaries(parts, settings.state_dir, read_only=settings.check)
    if summaries is None:
        yield None
        return
    try:
        yield summaries
    finally:
        summaries.close()
        if summaries.problem:
            report.notes.append(summaries.problem)


@dataclass(frozen=True, slots=True)
class ConnectionRuntime:
    """What the agent needs of one connection."""

    reconciler: KeyDispatcher
    sweeper: UseCaseSweeper
    changes: tuple[ChangeSource, ...]
    sqs_client: Any
    sagemaker_client: Any
    console: ConsoleClient
    aws_traffic: AwsTraffic
    paces: AccountPaces
    region: str

    @property
    def traffic(self) -> Mapping[str, Traffic]:
        """The requests so far, by service."""
        signs = self.console.transport.signs
        console = Traffic(sum(signs.values()), signs.get(Sign.THROTTLED, 0), signs.get(Sign.SILENT, 0))
        return {"console": console, **self.aws_traffic.by_service()}

    @property
    def pace(self) -> LimiterState:
        """How the console is being called at the moment."""
        pacer = self.console.transport.pacer
        return pacer.state() if isinstance(pacer, Limiter) else LimiterState(None, "closed", 0)

    @property
    def registry_rates(self) -> Mapping[str, float]:
        """The calls a second that SageMaker's operations are held to at the moment; absent: not held."""
        return self.paces.rates(self.region)

    def background(self) -> AbstractContextManager[None]:
        """Make the calls of both sides within the block those of a sweep: events go first."""
        return calling_for(Priority.SWEEP)

    def close(self) -> None:
        """Close the connections to all services."""
        self.sqs_client.close()
        self.sagemaker_client.close()
        self.console.close()


def make_runtime(connection: Connection, state_dir: Path | None = None) -> ConnectionRuntime:
    """Return the live parts of a connection for the agent; raises what open_connection raises.

    `state_dir` is where sweeps keep the known summaries, for a registry without Search (None: nowhere).
    """
    parts = open_connection(connection, MOST_WORKERS)
    return ConnectionRuntime(
        reconciler=make_reconciler(parts),
        sweeper=make_sweeper(parts, known_summaries(parts, state_dir)),
        changes=change_sources(parts.console, parts.reader, connection),
        sqs_client=client_for(parts.session, "sqs"),
        sagemaker_client=parts.sagemaker,
        console=parts.console,
        aws_traffic=parts.aws_traffic,
        paces=PACES.of(connection.account_id),
        region=connection.region,
    )


def make_reconciler(parts: Parts) -> KeyDispatcher:
    """Return what settles one dirty key of a connection."""
    entities = KeyReconciler(parts.registry, parts.reader, parts.projector, parts.applier)
    return KeyDispatcher(entities, UseCaseReconciler(parts.use_cases))


def make_sweeper(parts: Parts, summaries: SummaryCache | None = None) -> UseCaseSweeper:
    """Return what finds the keys of a connection that no event told of."""
    guard = GuardOptions().over(parts.connection.sync)
    entities = Sweeper(parts.registry, parts.reader, parts.projector, parts.applier.groups, guard, summaries)
    return UseCaseSweeper(entities, parts.use_cases)
