# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the agent looks like at one moment: plain data that metrics, health and the status page are made of.

Times (names that end in ``_at``) are wall-clock seconds, None: never yet.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..journal import Backlog, DirtyKey
from ..status import Snapshot, isoformat


@dataclass(frozen=True, slots=True)
class Requests:
    """Requests to one service since the connection's start; ``throttled`` and ``failed`` are among ``sent``."""

    sent: int = 0
    throttled: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class ConnectionView:
    """One connection that the agent works on.

    ``state`` is one of unit.py's; ``breaker`` closed, open or half_open, "" before the first login; ``rate`` the calls
    a second that the console is limited to, None where it is not; ``registry_rates`` the same for each operation of
    SageMaker that is limited; ``waiting`` the keys that have failed, worst first.
    """

    name: str
    description: str
    account_id: str
    region: str
    console_url: str
    state: str
    started_at: float
    busy: int
    seen: Snapshot
    backlog: Backlog
    waiting: tuple[DirtyKey, ...] = ()
    breaker: str = ""
    rate: float | None = None
    registry_rates: Mapping[str, float] = field(default_factory=dict)
    requests: Mapping[str, Requests] = field(default_factory=dict)

    @property
    def is_paused(self) -> bool:
        """Whether nothing is received because too many keys wait."""
        return self.seen.moments.get("pause", 0.0) > self.seen.moments.get("receive", 0.0)


@dataclass(frozen=True, slots=True)
class RunView:
    """One run of the existing-model sync.

    ``status``: running, succeeded, failed or cut_off. ``done`` of ``total`` entities (None: not known) of the phase;
    ``left_seconds`` until the end of the phase (None: not known).
    """

    id: str
    connection: str
    status: str
    started_at: float | None
    updated_at: float | None
    seconds: float
    phase: str
    phase_number: int
    phases: int
    done: int
    total: int | None
    per_second: float
    left_seconds: float | None
    counts: Mapping[str, int]
    error: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AgentView:
    """The whole agent. ``late`` says by how many seconds a thread has broken its promise to show up again.

    ``standby``: connections that other agents work on, and this one would. ``refused``: connections whose files cannot
    be used, and why. ``unreadable``: what of the state directory could not be read for this view, in sentences.
    ``blocked``: why the agent cannot begin, "" where it has begun.
    """

    taken_at: float
    state: str
    host: str
    pid: int
    release: str
    deployment: str
    started_at: float
    workers: int
    journal_rebuilds: int
    connections: tuple[ConnectionView, ...]
    runs: tuple[RunView, ...] = ()
    standby: tuple[str, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)
    crashed: tuple[str, ...] = ()
    late: Mapping[str, float] = field(default_factory=dict)
    unreadable: tuple[str, ...] = ()
    blocked: str = ""


def as_json(value: Any) -> Any:
    """A view as data for JSON: dataclasses become objects, and times ISO 8601 texts in UTC."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [member.name for member in dataclasses.fields(value)]
        return {name: _member(name, getattr(value, name)) for name in names}
    if isinstance(value, Mapping):
        return {str(name): _member(str(name), member) for name, member in value.items()}
    if isinstance(value, tuple | list):
        return [as_json(member) for member in value]
    return value


_TIMES = ("at", "oldest", "dirty_since", "not_before")


def _member(name: str, value: Any) -> Any:
    is_time = name in _TIMES or name.endswith("_at")
    return isoformat(value) if is_time and isinstance(value, float | int) else as_json(value)
