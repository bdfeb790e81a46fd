# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the agent asks of the synchronisation, as protocols: the agent itself knows nothing of consoles and models.

Every attribute is a read-only property, so frozen dataclasses of another room satisfy them without importing this one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Protocol

from ..connection.model import Connection

OUTCOMES = ("unchanged", "created", "updated", "decommissioned", "ignored", "held")
"""What can become of a key. ``held``: something has to be decided by a person; it is logged and counted."""

WRITTEN = frozenset({"created", "updated", "decommissioned"})
"""Those of them that have written something."""


class Outcome(Protocol):
    """What one reconciliation did."""

    @property
    def status(self) -> str:
        """One of `OUTCOMES`."""

    @property
    def detail(self) -> str:
        """One sentence for the log; empty when there is nothing to say."""

    @property
    def recheck_after(self) -> float | None:
        """Seconds after which the key is to be looked at again, as for a package that is still being made; or None."""


class Reconciler(Protocol):
    """Brings the console in line with one registry entity."""

    def reconcile(self, key: str) -> Outcome:
        """Compare and act for the ARN ``key``. Called by several threads at once, never twice at once for one key.

        Any exception means "try again later": the key stays in the journal and backs off.
        """


class SweepResult(Protocol):
    """What one sweep found."""

    @property
    def listed(self) -> int:
        """How many registry entities were looked at."""

    @property
    def marked(self) -> int:
        """How many of them were marked dirty."""

    @property
    def held_back(self) -> Sequence[str]:
        """What the guard kept from being decommissioned, a sentence each."""


Background = Callable[[], AbstractContextManager[None]]
"""Makes a block within which calls are made for a sweep: whatever limits their rate lets events go first."""

MarkDirty = Callable[[Iterable[str]], None]
"""Writes keys to the journal. When it returns they are on disk; it raises `JournalUnavailableError`."""


class Sweeper(Protocol):
    """Finds what no event has told of. It only reads and marks keys dirty: workers are the one path that writes."""

    def full_sweep(self, mark_dirty: MarkDirty) -> SweepResult:
        """Compare everything. An exception means the sweep did not finish and is repeated later."""

    def incremental_sweep(self, since: datetime, mark_dirty: MarkDirty) -> SweepResult:
        """Look at what the registry says was modified after ``since`` (aware UTC)."""


class Change(Protocol):
    """Something that was modified in the console."""

    @property
    def object_id(self) -> str:
        """The console's id of the object."""

    @property
    def modified_at(self) -> float:
        """When, in POSIX seconds by the console's clock."""

    @property
    def key(self) -> str | None:
        """The key to mark dirty, or None where nothing is to be done."""


class ChangeSource(Protocol):
    """What was modified, of one type."""

    @property
    def name(self) -> str:
        """Names the watermark."""

    def newest(self) -> float | None:
        """The moment of the latest modification; None when there is no object."""

    def changed_since(self, moment: float) -> Iterable[Change]:
        """What was modified at that moment or later."""


class Traffic(Protocol):
    """How many requests went to one service; ``throttled`` and ``failed`` ones are among ``sent``."""

    @property
    def sent(self) -> int:
        """Requests sent, repeated ones included."""

    @property
    def throttled(self) -> int:
        """Those that the service answered with "too many"."""

    @property
    def failed(self) -> int:
        """Those without an answer, or with one that says that the service is out of order."""


class Pace(Protocol):
    """The console's rate limiter and breaker."""

    @property
    def rate(self) -> float | None:
        """Calls a second that are allowed; None: not limited."""

    @property
    def breaker(self) -> str:
        """closed (calls go through), open (none does) or half_open (one is trying)."""


class ConnectionRuntime(Protocol):
    """The live parts of one connection."""

    @property
    def reconciler(self) -> Reconciler:
        """See `Reconciler`."""

    @property
    def sweeper(self) -> Sweeper:
        """See `Sweeper`."""

    @property
    def changes(self) -> Sequence[ChangeSource]:
        """Where changes in the console come from; empty: it is not polled."""

    @property
    def sqs_client(self) -> Any:
        """A boto3 SQS client in the connection's region; its read timeout exceeds the long poll."""

    def background(self) -> AbstractContextManager[None]:
        """See `Background`."""

    @property
    def traffic(self) -> Mapping[str, Traffic]:
        """The requests of this connection so far, by service: console, sagemaker, sqs, sts."""

    @property
    def pace(self) -> Pace:
        """How the console is being called at the moment."""

    @property
    def registry_rates(self) -> Mapping[str, float]:
        """The calls a second that SageMaker's operations are held to at the moment; absent: not held."""

    def close(self) -> None:
        """Give back sessions and sockets; called once, when no thread uses the runtime any more."""


RuntimeFactory = Callable[[Connection], ConnectionRuntime]
"""Makes the runtime of a connection. It may call AWS and the console; an exception is logged and tried again later."""
