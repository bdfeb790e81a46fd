# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""On whose behalf a thread calls: one mark for the calls of the console and for those of AWS."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from enum import Enum


class Priority(Enum):
    """On whose behalf a call is made."""

    EVENT = "event"
    SWEEP = "sweep"


_priority: ContextVar[Priority] = ContextVar("wxgov_priority", default=Priority.EVENT)


@contextmanager
def calling_for(priority: Priority) -> Iterator[None]:
    """Make the calls of this thread (or task) within the block with a priority; without it they are an event's."""
    token = _priority.set(priority)
    try:
        yield
    finally:
        _priority.reset(token)


def current_priority() -> Priority:
    """Return the priority of calls that this thread (or task) makes now."""
    return _priority.get()


def take_priority(priority: Priority) -> None:
    """Give this thread a priority for good: a pool's threads do not take over that of whoever made them."""
    _priority.set(priority)
