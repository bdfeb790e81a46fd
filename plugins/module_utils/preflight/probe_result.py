# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What became of a probe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .checks import Check, Status

PROBE = "probe"


@dataclass(frozen=True, slots=True)
class Hop:
    """One step of the probe's way and how many seconds it took."""

    name: str
    seconds: float


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """The way that a probe went, hop by hop; ``stuck_at`` is the hop that did not end.

    ``left_behind`` are ARNs and console ids that could not be removed, ``kept`` those that were not to be;
    ``removed_leftovers`` are what earlier probes had left.
    """

    status: Status
    evidence: str
    mend: str = ""
    group_arn: str = ""
    package_arn: str = ""
    hops: tuple[Hop, ...] = ()
    stuck_at: str = ""
    left_behind: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    removed_leftovers: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether anything is other than before."""
        return bool(self.left_behind or self.kept or self.removed_leftovers)

    @property
    def check(self) -> Check:
        """The probe as one more check of the report."""
        return Check(PROBE, self.status, self.evidence, self.mend)

    def as_dict(self) -> dict[str, Any]:
        """Return the result as data."""
        return {
            "status": self.status,
            "group_arn": self.group_arn,
            "package_arn": self.package_arn,
            "hops": [{"name": hop.name, "seconds": round(hop.seconds, 3)} for hop in self.hops],
            "stuck_at": self.stuck_at,
            "left_behind": list(self.left_behind),
            "kept": list(self.kept),
            "removed_leftovers": list(self.removed_leftovers),
        }
