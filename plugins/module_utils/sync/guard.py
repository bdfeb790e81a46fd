# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The mass-decommission guard: a registry that seems empty is more often a lost permission than a clean-up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from ..connection.model import MAX_DECOMMISSION_COUNT, MAX_DECOMMISSION_PERCENT, SyncSettings


@dataclass(frozen=True, slots=True)
class GuardSettings:
    """How many objects one comparison may decommission because the registry no longer lists them.

    More than `max_percent` of the connection's objects *and* more than `max_count` is too many. ``allow`` lets any
    number through.
    """

    max_percent: float = MAX_DECOMMISSION_PERCENT
    max_count: int = MAX_DECOMMISSION_COUNT
    allow: bool = False


@dataclass(frozen=True, slots=True)
class GuardOptions:
    """What a run is told about the guard; None: as the connection has it."""

    max_percent: float | None = None
    max_count: int | None = None
    allow: bool = False

    def over(self, sync: SyncSettings) -> GuardSettings:
        """Return the guard of a run over a connection."""
        return GuardSettings(
            sync.max_decommission_percent if self.max_percent is None else self.max_percent,
            sync.max_decommission_count if self.max_count is None else self.max_count,
            self.allow,
        )


def reason_to_hold(settings: GuardSettings, *, managed: int, vanished: int, listed: int) -> str | None:
    """Return why `vanished` of `managed` objects must not be decommissioned now, or None when they may.

    `listed` is how many entities the registry's complete listing had.
    """
    if settings.allow or not vanished:
        return None
    if not listed:
        return f"the registry's listing came back empty while the console has {managed} of its objects"
    share = 100 * vanished / managed
    if vanished > settings.max_count and share > settings.max_percent:
        return (
            f"{vanished} of {managed} objects ({share:.0f} %) are no longer in the registry; the limit is "
            f"{settings.max_percent:g} % and {settings.max_count} objects"
        )
    return None


def held_back(kind: str, names: Iterable[str], count: int, reason: str) -> str:
    """Return what everybody who holds back says: how much, which, why, and what lets it through."""
    return (
        f"held back the decommissioning of {count} {kind}s ({named(names)}): {reason}. If that is right, run "
        "sync_existing_models for this connection with allow_mass_decommission=true."
    )


def named(names: Iterable[str], limit: int = 5) -> str:
    """Return the first names of many, for a sentence."""
    first = list(islice(names, limit + 1))
    return ", ".join(first[:limit]) + (", …" if len(first) > limit else "")
