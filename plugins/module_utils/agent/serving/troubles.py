# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong, worst first, and what to do about it: the first thing that the status page shows. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..settings import SETTINGS_FILE
from ..status import Snapshot
from ..unit import FAILING, RUNNING
from .view import AgentView, ConnectionView, RunView
from .words import counted, span

CRITICAL, WARNING = "critical", "warning"
"""Critical: changes do not get through. Warning: something waits for a person, or soon will."""

OLD_KEY_SECONDS = 900.0
"""A key that has waited for longer than this without having failed means that the workers do not keep up."""
SILENT_SECONDS = 180.0
"""The long poll answers at least every 20 s, so a queue that has not answered for so long is out of reach."""
UNHEARD_SWEEPS = 2
"""A sweep may be ahead of an event; when a second one finds changes, and none has come yet, events get lost."""
RECENT_SECONDS = 900.0
"""A failure that is older, with nothing newer of its kind, is past."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is wrong: where (a connection's name, or "" for the agent), what, and what to do."""

    severity: str
    where: str
    what: str
    todo: str


def find_troubles(view: AgentView) -> list[Trouble]:
    """Everything that is wrong, critical things first."""
    found = [*_of_agent(view)]
    for connection in view.connections:
        found += _of_connection(connection, view.taken_at)
    newest: dict[str, RunView] = {}
    for run in view.runs:
        newest.setdefault(run.connection, run)
    found += [trouble for run in newest.values() for trouble in _of_run(run)]
    return sorted(found, key=lambda trouble: trouble.severity != CRITICAL)


def _of_agent(view: AgentView) -> Iterator[Trouble]:
    for name in view.crashed:
        yield Trouble(CRITICAL, "", f"The thread {name} died.", "The agent stops and is started anew: read its log.")
    for name, seconds in view.late.items():
        todo = "It hangs, most likely in a call that never returns. Restart the agent; nothing is lost by it."
        yield Trouble(CRITICAL, "", f"The thread {name} should have shown up {span(seconds)} ago.", todo)
    if view.blocked:
        todo = "Nothing is received until it can be written. Make room on its disk: the agent then begins by itself."
        yield Trouble(CRITICAL, "", view.blocked, todo)
    for sentence in () if view.blocked else view.unreadable:
        yield Trouble(CRITICAL, "", sentence, "Look at the disk of the state directory.")
    for name, problem in view.refused.items():
        todo = "Mend it and reload the agent." if name == SETTINGS_FILE else "Save the connection again."
        yield Trouble(WARNING, name, problem, f"The agent goes on with what it has. {todo}")


def _of_connection(connection: ConnectionView, now: float) -> Iterator[Trouble]:
    yield from _of_sides(connection, now)
    yield from _of_backlog(connection, now)
    yield from _of_sweeps(connection, now)
    if _is_current(connection.seen.failures.get("poll_failures"), connection.seen.moments.get("poll"), now):
        todo = "It is tried again by itself; changes made in the console wait until then."
        yield Trouble(WARNING, connection.name, "The console could not be asked what was changed there.", todo)


def _of_sides(connection: ConnectionView, now: float) -> Iterator[Trouble]:
    name, seen = connection.name, connection.seen
    if connection.state == FAILING:
        todo = "The agent tries again by itself. Run the preflight on this connection to see which link is broken."
        yield Trouble(CRITICAL, name, f"It cannot start: {seen.last_error}", todo)
        return
    if connection.breaker in ("open", "half_open"):
        todo = "Events go on being written to the journal, and what waits is caught up with when it is back."
        yield Trouble(CRITICAL, name, f"The console {connection.console_url} does not answer.", todo)
    if _is_current(seen.failures.get("journal_errors"), seen.moments.get("success"), now):
        todo = "Nothing is received until it can be written again. Look at the disk of the state directory."
        yield Trouble(CRITICAL, name, f"The journal cannot be written.{_why(seen, 'journal_errors')}", todo)
    if connection.is_paused:
        todo = "It goes on by itself once there are fewer; look at what keeps the keys below from being worked on."
        yield Trouble(CRITICAL, name, "So many keys wait that nothing more is received.", todo)
        return
    silent = now - max(seen.moments.get("receive", 0.0), connection.started_at)
    if connection.state == RUNNING and silent > SILENT_SECONDS:
        todo = "See whether the queue exists and the credentials are valid: run the preflight on this connection."
        why = _why(seen, "queue_errors")
        yield Trouble(CRITICAL, name, f"The queue has not answered for {span(silent)}.{why}", todo)
    if connection.rate is not None:
        todo = "Nothing to do unless it lasts: the agent has slowed down by itself."
        yield Trouble(WARNING, name, f"The console limits us to {connection.rate:.1f} calls a second.", todo)


def _of_backlog(connection: ConnectionView, now: float) -> Iterator[Trouble]:
    backlog = connection.backlog
    if backlog.parked:
        todo = "The reasons are below, under Waiting keys. Each is tried again every 15 minutes."
        yield Trouble(WARNING, connection.name, f"{counted(backlog.parked, 'key')} parked.", todo)
    waited = now - backlog.oldest if backlog.oldest is not None else 0.0
    if waited > OLD_KEY_SECONDS and not backlog.failing:
        todo = "The workers do not keep up, or the existing-model sync holds the connection."
        yield Trouble(WARNING, connection.name, f"The oldest key has waited for {span(waited)}.", todo)


def _of_sweeps(connection: ConnectionView, now: float) -> Iterator[Trouble]:
    seen = connection.seen
    swept = max((record.ended_at or 0.0 for record in seen.sweeps.values()), default=0.0)
    if _is_current(seen.failures.get("sweep_failures"), swept, now):
        todo = "It is tried again by itself; until then only events are acted on."
        yield Trouble(WARNING, connection.name, f"The last sweep failed.{_why(seen, 'sweep_failures')}", todo)
    if seen.unheard_sweeps >= UNHEARD_SWEEPS:
        what = f"{seen.unheard_sweeps} sweeps found changes that no event told of, and no event has come since."
        todo = "Run the preflight on this connection: is the trail on, the rule enabled, the queue the right one?"
        yield Trouble(WARNING, connection.name, what, f"{todo} Until then changes arrive with the next sweep.")
    for record in seen.sweeps.values():
        for sentence in record.held_back:
            todo = "If it is right, run the existing-model sync with the guard lifted."
            yield Trouble(WARNING, connection.name, f"{sentence[:1].upper()}{sentence[1:]}.", todo)


def _of_run(run: RunView) -> Iterator[Trouble]:
    if run.status == "failed":
        todo = "See SageMaker sync below, and the output of the playbook."
        yield Trouble(WARNING, run.connection, f"The last existing-model sync failed. {run.error}".strip(), todo)
    elif run.status == "cut_off":
        todo = "Run it again: it goes on where it stopped."
        yield Trouble(WARNING, run.connection, "The last existing-model sync was cut off.", todo)


def _why(seen: Snapshot, failure: str) -> str:
    """What the last error said, if it was one of these failures; only the last one is remembered."""
    is_last = seen.last_error and seen.failures.get(failure) == seen.last_error_at
    return f" {seen.last_error}" if is_last else ""


def _is_current(failed_at: float | None, went_well_at: float | None, now: float) -> bool:
    """Whether a failure is the last word."""
    return failed_at is not None and failed_at > (went_well_at or 0.0) and now - failed_at < RECENT_SECONDS
