# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the checks of many connections at once: the time of the slowest, not the sum."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from ..connection.aws_session import caller_account, process_session
from ..connection.errors import NoSuchConnectionError
from ..connection.model import Connection
from ..connection.store import Loaded
from ..connection.validation import MAX_CONNECTIONS, partition_of
from ..errors import WxgovError
from .chain_checks import check_chain, skipped_chain
from .checks import Check
from .connection_checks import VALUES, check_console_end, check_values
from .inspector import Inspector, InspectorSettings, choose_inspector
from .registry_checks import check_own_credentials
from .report import Report

ENABLED = "connection.enabled"
ORDER = (
    VALUES,
    ENABLED,
    "aws.trail",
    "aws.rule",
    "aws.pattern",
    "aws.target",
    "aws.target_dead_letters",
    "aws.queue_policy",
    "aws.queue",
    "aws.dead_letters",
    "aws.role_assumable",
    "aws.external_id_required",
    "aws.account",
    "aws.queue_access",
    "registry.read",
    "console.login",
    "console.business_entity",
    "console.permissions",
    "console.fields",
    "console.default_user",
    "aws.default_profile",
)
"""All checks in the order in which an event, and what comes of it, meets the links."""

Strand = Callable[[Connection, Callable[[], Inspector]], Sequence[Check]]
"""Looks at one side of a connection; the inspector is made where it is needed. Never raises."""


@dataclass(frozen=True, slots=True)
class InspectionSettings:
    """How to look: as whom, and how many connections there may be."""

    inspector: InspectorSettings = field(default_factory=InspectorSettings)
    max_connections: int = MAX_CONNECTIONS


def chosen_names(loaded: Loaded, names: Sequence[str] | None) -> tuple[str, ...]:
    """Return the connections asked for, all where None. Raises NoSuchConnectionError, naming all that are not there."""
    there = sorted({*(connection.name for connection in loaded.connections), *loaded.problems})
    if names is None:
        return tuple(there)
    missing = [name for name in names if name not in there]
    if missing:
        known = ", ".join(there) or "none"
        raise NoSuchConnectionError(f"There is no connection {', '.join(missing)}; there are: {known}.")
    return tuple(dict.fromkeys(names))


def inspect_connections(
    loaded: Loaded,
    names: Sequence[str],
    settings: InspectionSettings,
    *,
    strands: Sequence[Strand] | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> tuple[Report, ...]:
    """Return a report for each name, in order; never raises for what is wrong with a connection.

    The strands of all connections run at once, each in a thread of its own.
    """
    by_name = {connection.name: connection for connection in loaded.connections}
    chosen = [by_name[name] for name in names if name in by_name]
    account = _ProcessAccount()
    looks = STRANDS if strands is None else strands
    with ThreadPoolExecutor(max(1, len(chosen) * len(looks)), "preflight") as pool:
        started = clock()
        running = {
            connection.name: [pool.submit(_timed, look, connection, settings, account, clock) for look in looks]
            for connection in chosen
        }
        return tuple(
            _report(by_name[name], loaded, settings, running[name], started)
            if name in by_name
            else Report(name, (_unreadable(loaded.problems, name),))
            for name in names
        )


def inspector_of(connection: Connection, settings: InspectionSettings) -> Inspector:
    """Return as whom the connection's account is looked at. Raises PreflightError, AwsSessionError."""
    return choose_inspector(connection, settings.inspector, _ProcessAccount(), process_session(connection.region))


def _timed(
    look: Strand,
    connection: Connection,
    settings: InspectionSettings,
    account: _ProcessAccount,
    clock: Callable[[], float],
) -> tuple[Sequence[Check], float]:
    """What a strand saw, and when it was through."""

    def inspector() -> Inspector:
        return choose_inspector(connection, settings.inspector, account, process_session(connection.region))

    return look(connection, inspector), clock()


def _report(
    connection: Connection,
    loaded: Loaded,
    settings: InspectionSettings,
    running: Sequence[Future[tuple[Sequence[Check], float]]],
    started: float,
) -> Report:
    # The profile has a check of its own.
    values = check_values(replace(connection, default_profile_arn=None), loaded.connections, settings.max_connections)
    checks = [values, check_enabled(connection)]
    ended = started
    for future in running:
        seen, moment = future.result()
        checks += seen
        ended = max(ended, moment)
    return Report(connection.name, tuple(sorted(checks, key=lambda check: ORDER.index(check.name))), ended - started)


def check_enabled(connection: Connection) -> Check:
    """Check that the agent serves the connection. Pure."""
    if connection.enabled:
        return Check(ENABLED, "ok", "The connection is enabled.")
    mend = f"Enable it: governance_connection with name {connection.name} and enabled true."
    return Check(ENABLED, "warning", "The connection is disabled: no agent serves it.", mend)


def _unreadable(problems: Mapping[str, str], name: str) -> Check:
    mend = "Mend or remove the connection's file, and save the connection again with governance_connection."
    return Check(VALUES, "failed", problems[name], mend)


def look_at_chain(connection: Connection, inspector: Callable[[], Inspector]) -> Sequence[Check]:
    """The way of an event to the queue, and the default profile: what only an inspector sees."""
    try:
        return check_chain(connection, inspector())
    except WxgovError as error:
        return skipped_chain(str(error))


def look_at_own_credentials(connection: Connection, _inspector: Callable[[], Inspector]) -> Sequence[Check]:
    """The way into the account, and what lies behind it."""
    try:
        base = process_session(connection.region)
    except WxgovError:
        base = None  # the first check says what is wrong with it
    return check_own_credentials(connection, base)


def look_at_console(connection: Connection, _inspector: Callable[[], Inspector]) -> Sequence[Check]:
    """The console's end."""
    checks, _entity = check_console_end(connection, connection.business_entity_id)
    return checks


STRANDS: tuple[Strand, ...] = (look_at_chain, look_at_own_credentials, look_at_console)


class _ProcessAccount:
    """The account of the process's own credentials, asked for once a partition; None where they are useless."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: dict[str, str | None] = {}

    def __call__(self, region: str) -> str | None:
        with self._lock:
            partition = partition_of(region)
            if partition not in self._answers:
                self._answers[partition] = _own_account(region)
            return self._answers[partition]


def _own_account(region: str) -> str | None:
    try:
        return caller_account(process_session(region))
    except WxgovError:
        return None
