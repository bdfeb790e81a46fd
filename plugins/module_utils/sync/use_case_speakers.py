# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which use case has a say in the model cards of a group."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping

from ..registry.arn import group_key
from .use_cases import GroupRef

KEPT_SECONDS = 600.0


class Speakers:
    """Which use case speaks for a group, by the group's name: of several the one that was made first.

    Read anew when it is older than `KEPT_SECONDS`: whoever links a group in the console need not leave a trace that
    polling would find. Safe for several threads.
    """

    def __init__(self, read: Callable[[], Mapping[str, Collection[GroupRef]]], clock: Callable[[], float]) -> None:
        self._read = read
        self._clock = clock
        self._lock = threading.Lock()
        self._learned_at: float | None = None
        self._cases: dict[str, str] = {}

    def of(self, group_name: str) -> str | None:
        """Return the id of the group's use case (1 query for every 500 groups, where what is known is too old)."""
        with self._lock:
            if self._learned_at is None or self._clock() - self._learned_at > KEPT_SECONDS:
                self._learn(self._read())
            return self._cases.get(group_key(group_name))

    def learn(self, groups: Mapping[str, Collection[GroupRef]]) -> None:
        """Take over what was just read: model groups by the id of their use case."""
        with self._lock:
            self._learn(groups)

    def forget(self) -> None:
        """Read anew when next asked."""
        with self._lock:
            self._learned_at = None

    def _learn(self, groups: Mapping[str, Collection[GroupRef]]) -> None:
        names = (
            (group_key(group.arn.rsplit("/", 1)[-1]), case_id)
            for case_id in sorted(groups, key=int, reverse=True)
            for group in groups[case_id]
            if group.arn is not None
        )
        self._cases, self._learned_at = dict(names), self._clock()
