# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which connections there are, read from their store so that neither a broken one nor a store out of reach does harm.

A thread of its own looks: Secrets Manager may take minutes not to answer. What it costs there: 1 ListSecrets a look,
and 1 GetSecretValue for each secret that has changed. The store stays open between looks, as a new AWS session and its
sockets cost more than the call; it is opened anew after any failure, by `Roster.refresh`, and for other credentials.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..connection.errors import BrokenConnectionError, NoSuchConnectionError
from ..connection.model import Connection
from ..connection.stores import ConnectionStore, StoreSettings, open_store
from .liveness import CALL_SECONDS, Beat, no_beat
from .log import fields, reason

log = logging.getLogger(__name__)

OpenStore = Callable[[StoreSettings], ConnectionStore]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the store says: ``enabled`` are the connections to work on, by name, and ``known`` the names of all.

    ``standby`` are the names that are another agent's share. ``aws_files`` changes when the AWS credentials that the
    process finds may be others: connections without an access key of their own have to begin anew then.
    """

    enabled: Mapping[str, Connection]
    known: frozenset[str]
    standby: tuple[str, ...] = ()
    aws_files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scope:
    """Where to look, for which names (None: all), and how often, in seconds."""

    store: StoreSettings
    share: tuple[str, ...] | None
    every: float


class Roster:
    """Looks at the store, in `run` or by `look`, and calls ``news`` with what it found whenever something is new.

    ``problems`` says, by name, what could not be used the last time; "" stands for the store as a whole.
    """

    def __init__(
        self,
        scope: Scope,
        news: Callable[[Wanted], None],
        *,
        open_store: OpenStore = open_store,
        beat: Beat = no_beat,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._scope = scope
        self._news = news
        self._open_store = open_store
        self._beat = beat
        self._environment = os.environ if environment is None else environment
        self._wake = threading.Event()
        self._stopping = False
        self._afresh = False
        self._told: Wanted | None = None
        self._kept: dict[str, Connection] = {}
        self._read: dict[str, str] = {}
        self._broken: dict[str, str] = {}
        self._store: ConnectionStore | None = None
        self._opened_for: tuple[str, ...] = ()
        self.looked = threading.Event()
        self.problems: Mapping[str, str] = {}

    def stop(self) -> None:
        """Let `run` return."""
        self._stopping = True
        self._wake.set()

    def refresh(self, scope: Scope) -> None:
        """Look as soon as possible, and read everything again."""
        self._scope = scope
        self._afresh = True
        self._wake.set()

    def run(self) -> None:
        """Look until `stop`."""
        while not self._stopping:
            self._beat(CALL_SECONDS)
            self.look()
            self.looked.set()
            self._beat(self._scope.every + CALL_SECONDS)
            self._wake.wait(self._scope.every)
            self._wake.clear()
        self._close_store()

    def look(self) -> None:
        """Look once. A connection that cannot be used counts as what it was the last time that it could."""
        scope, afresh, self._afresh = self._scope, self._afresh, False
        aws_files = _aws_files(self._environment)
        try:
            store = self._opened(scope.store, aws_files, anew=afresh)
            revisions = store.revisions()
        except Exception as error:  # whatever is wrong with the store, the agent goes on with what it knows
            problem = reason(error)
            self._close_store()
            if self.problems.get("") != problem:
                log.warning("the connections stay as they are: %s", problem)
            self.problems = {**self._broken, "": problem}
            self._afresh = self._afresh or afresh
            return
        for name in [name for name in self._kept if name not in revisions]:
            del self._kept[name]
        for name, revision in revisions.items():
            if afresh or self._read.get(name) != revision:
                self._load(store, name, revision)
        self._read = {name: revision for name, revision in self._read.items() if name in revisions}
        self._broken = {name: problem for name, problem in self._broken.items() if name in revisions}
        strangers = [] if scope.share is None else [name for name in scope.share if name not in revisions]
        missing = {name: f"There is no such connection in {store.place}." for name in strangers}
        self.problems = {**self._broken, **missing}
        self._tell(scope, frozenset(revisions), aws_files)

    def _opened(self, settings: StoreSettings, aws_files: tuple[str, ...], *, anew: bool) -> ConnectionStore:
        """The store that is open, or a new one where that would find other credentials."""
        if anew or self._opened_for != aws_files:
            self._close_store()
        if self._store is None:
            self._store, self._opened_for = self._open_store(settings), aws_files
        return self._store

    def _close_store(self) -> None:
        store, self._store = self._store, None
        if store is not None:
            store.close()

    def _load(self, store: ConnectionStore, name: str, revision: str) -> None:
        self._read.pop(name, None)  # what could not be read for another reason than its content is read again
        try:
            self._kept[name] = store.load(name)
        except NoSuchConnectionError:
            self._kept.pop(name, None)  # removed since it was listed
        except Exception as error:
            self._broken[name] = reason(error)
            kept = "the one in use is kept" if name in self._kept else "it is not started"
            log.warning("connection refused, %s: %s", kept, reason(error), extra=fields(connection=name))
            if isinstance(error, BrokenConnectionError):
                self._read[name] = revision
        else:
            self._broken.pop(name, None)
            self._read[name] = revision

    def _tell(self, scope: Scope, known: frozenset[str], aws_files: tuple[str, ...]) -> None:
        enabled = {name: connection for name, connection in sorted(self._kept.items()) if connection.enabled}
        share = known if scope.share is None else frozenset(scope.share)
        wanted = Wanted(
            enabled={name: connection for name, connection in enabled.items() if name in share},
            known=known,
            standby=tuple(name for name in enabled if name not in share),
            aws_files=aws_files,
        )
        if wanted != self._told:
            self._told = wanted
            self._news(wanted)


def _aws_files(environment: Mapping[str, str]) -> tuple[str, ...]:
    """What tells whether the files with the process's AWS credentials have changed (boto3 reads them once)."""
    home = Path(environment.get("HOME", "/"))
    places = (
        environment.get("AWS_SHARED_CREDENTIALS_FILE") or home / ".aws" / "credentials",
        environment.get("AWS_CONFIG_FILE") or home / ".aws" / "config",
    )
    return tuple(_signature(Path(place)) for place in places)


def _signature(path: Path) -> str:
    try:
        stat = path.expanduser().stat()
    except (OSError, RuntimeError):
        return ""
    return f"{stat.st_ino}-{stat.st_size}-{stat.st_mtime_ns}"
