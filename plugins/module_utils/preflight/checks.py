# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a named check of one link of the chain comes to: how it stands, what was seen, and what mends it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ..errors import WxgovError

Status: TypeAlias = Literal["ok", "warning", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class Check:
    """``name`` is stable and made for machines; ``evidence`` says what was seen, ``mend`` what to do. No secrets.

    skipped: there was nothing to check, or an earlier link is broken. warning: it works, or could not be told, and
    somebody should look.
    """

    name: str
    status: Status
    evidence: str
    mend: str = ""

    def as_dict(self) -> dict[str, str]:
        """Return the check as data for a result."""
        return {"name": self.name, "status": self.status, "evidence": self.evidence, "mend": self.mend}


def run_check(name: str, look: Callable[[], str], mend: str) -> Check:
    """Return ok with the evidence that ``look`` returns, or failed with the error it raises as evidence."""
    try:
        return Check(name, "ok", look())
    except WxgovError as error:
        return Check(name, "failed", str(error), mend)


def failures(checks: Sequence[Check]) -> str:
    """Return one sentence for each failed check, or an empty text."""
    return " ".join(f"{check.name}: {check.evidence}" for check in checks if check.status == "failed")
