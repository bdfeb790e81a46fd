# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the agent lets the web server see of itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..unit import Unit


@dataclass(frozen=True, slots=True)
class Inside:
    """The live parts of an agent at one moment, as `Service` hands them out; see `AgentView`."""

    state: str
    pid: int
    deployment: str
    started_at: float
    workers: int
    journal_rebuilds: int
    units: tuple[Unit, ...] = ()
    standby: tuple[str, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)
    crashed: tuple[str, ...] = ()
    late: Mapping[str, float] = field(default_factory=dict)
    blocked: str = ""
