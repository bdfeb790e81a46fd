# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Liveness and readiness, for whoever supervises the agent. Pure.

Alive: every loop keeps its promises. Only a new process helps an agent that is not. Ready: each connection is past its
first login; one that is not may well be by itself in a while, when its console is back. Degraded, and still ready: a
connection whose events do not come, so that changes arrive with the next sweep only.
"""

from __future__ import annotations

from typing import Any

from ..unit import RUNNING
from .inside import Inside
from .troubles import UNHEARD_SWEEPS


def liveness(inside: Inside) -> tuple[bool, dict[str, Any]]:
    """Whether all loops are alive, and the details as data."""
    alive = not inside.crashed and not inside.late
    late = {name: round(seconds, 1) for name, seconds in inside.late.items()}
    return alive, {"status": "ok" if alive else "failed", "crashed": list(inside.crashed), "late_seconds": late}


def readiness(inside: Inside) -> tuple[bool, dict[str, Any]]:
    """Whether the agent runs and every connection does, and the state of each as data."""
    states = {unit.connection.name: unit.state for unit in inside.units}
    ready = inside.state == "running" and all(state == RUNNING for state in states.values())
    waiting = {name: state for name, state in states.items() if state != RUNNING}
    degraded = [unit.connection.name for unit in inside.units if unit.counters.unheard_sweeps >= UNHEARD_SWEEPS]
    status = "not ready" if not ready else "degraded" if degraded else "ok"
    more = {"blocked": inside.blocked} if inside.blocked else {}
    return ready, {"status": status, "agent": inside.state, **more, "not_ready": waiting, "no_events": degraded}
