# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which connections there are, read from their directory so that a broken file does no harm."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..connection.errors import ConnectionStoreError, NoSuchConnectionError
from ..connection.model import Connection
from ..connection.store import DirectoryStore
from .log import fields

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Wanted:
    """The enabled connections by name, and the names of all that exist."""

    enabled: Mapping[str, Connection]
    known: frozenset[str]


class Roster:
    """Reads the store. ``problems`` says, by name, which files could not be used the last time."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._store = DirectoryStore(directory)
        self._seen: object = None
        self.problems: dict[str, str] = {}

    def changed(self) -> bool:
        """Whether a file came, went or was replaced since `read`."""
        return self._signature() != self._seen

    def read(self, current: Mapping[str, Connection]) -> Wanted | None:
        """Read all files; one that cannot be used counts as what ``current`` has. None: the directory is unreadable."""
        signature = self._signature()
        problems: dict[str, str] = {}
        try:
            if not self._directory.is_dir() and current:
                raise ConnectionStoreError(f"The directory {self._directory} is gone.")
            names = self._store.names()
        except (ConnectionStoreError, OSError) as error:
            self.problems = {"": str(error)}
            log.warning("the connections stay as they are: %s", error)
            return None
        connections: dict[str, Connection] = {}
        for name in names:
            try:
                connections[name] = self._store.load(name)
            except NoSuchConnectionError:
                continue  # removed since it was listed
            except ConnectionStoreError as error:
                problems[name] = str(error)
                kept = "the one in use is kept" if name in current else "it is not started"
                log.warning("connection refused, %s: %s", kept, error, extra=fields(connection=name))
                if name in current:
                    connections[name] = current[name]
        self._seen, self.problems = signature, problems
        enabled = {name: connection for name, connection in connections.items() if connection.enabled}
        return Wanted(enabled, frozenset(names))

    def _signature(self) -> object:
        """What tells a changed directory: name, inode, size and time of each file; None when it cannot be read."""
        try:
            stats = [(path.name, path.stat()) for path in sorted(self._directory.glob("*.json"))]
        except OSError:
            return None
        return [(name, stat.st_ino, stat.st_size, stat.st_mtime_ns) for name, stat in stats]
