# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where connections are kept: a directory with one JSON file each."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .errors import BrokenConnectionError, ConnectionStoreError, InvalidConnectionError, NoSuchConnectionError
from .files import is_private, make_private_directory, sync_directory, write_private
from .lock import file_lock
from .model import NAME_FORM, Connection
from .serialization import dumps, loads

DEFAULT_DIRECTORY = "/etc/wxgov-sagemaker/connections.d"
SUFFIX = ".json"
LOCK_NAME = ".lock"


@dataclass(frozen=True, slots=True)
class Loaded:
    """All connections that could be read, by name, and what is wrong with the files of the others, by name."""

    connections: tuple[Connection, ...]
    problems: Mapping[str, str]


class DirectoryStore:
    """Connections in a directory: mode 0700, files 0600, each replaced as a whole."""

    def __init__(self, path: str | os.PathLike[str] = DEFAULT_DIRECTORY) -> None:
        self.path = Path(path)

    @property
    def place(self) -> str:
        """Where the connections are, for messages."""
        return str(self.path)

    def names(self) -> tuple[str, ...]:
        """Return the names of the connections, sorted; of none where there is no directory.

        Raises ConnectionStoreError where the directory cannot be read.
        """
        try:
            entries = sorted(entry.name for entry in self.path.iterdir())
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise ConnectionStoreError(f"The directory {self.path} cannot be read: {error.strerror}.") from None
        names = (name.removesuffix(SUFFIX) for name in entries if name.endswith(SUFFIX))
        return tuple(name for name in names if NAME_FORM.fullmatch(name))

    def revisions(self) -> Mapping[str, str]:
        """Return, for each name, what tells that its file was replaced, written, or given other permissions.

        Raises ConnectionStoreError where the directory cannot be read, also where there is none.
        """
        if not self.path.is_dir():
            raise ConnectionStoreError(f"The directory {self.path} is not there.")
        found: dict[str, str] = {}
        for name in self.names():
            try:
                stat = self._file(name).stat()
            except OSError:
                continue  # removed since it was listed
            found[name] = f"{stat.st_ino}-{stat.st_size}-{stat.st_mtime_ns}-{stat.st_ctime_ns}"
        return found

    def load(self, name: str) -> Connection:
        """Return a connection. Raises NoSuchConnectionError, BrokenConnectionError, InvalidConnectionError (name)."""
        path = self._file(name)
        try:
            connection = loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise NoSuchConnectionError(f'There is no connection "{name}" in {self.path}.') from None
        except OSError as error:
            raise BrokenConnectionError(f"{path} cannot be read: {error.strerror}.") from None
        except UnicodeDecodeError:
            raise BrokenConnectionError(f"{path} cannot be used: it is not text in UTF-8.") from None
        except BrokenConnectionError as error:
            raise BrokenConnectionError(f"{path} cannot be used: {error}.") from None
        if connection.name != name:
            raise BrokenConnectionError(f"{path} cannot be used: it holds a connection of another name.")
        return connection

    def find(self, name: str) -> Connection | None:
        """Return a connection, or None if there is none; raises the other errors of load."""
        try:
            return self.load(name)
        except NoSuchConnectionError:
            return None

    def load_all(self) -> Loaded:
        """Return all connections; a file that cannot be used does not hide the others."""
        connections: list[Connection] = []
        problems: dict[str, str] = {}
        for name in self.names():
            try:
                connections.append(self.load(name))
            except NoSuchConnectionError:
                continue
            except ConnectionStoreError as error:
                problems[name] = str(error)
        return Loaded(tuple(connections), problems)

    def save(self, connection: Connection) -> None:
        """Write a connection, replacing one of that name. Raises ConnectionStoreError.

        Whoever derives the connection from the one that is there does so inside edited().
        """
        path = self._file(connection.name)
        try:
            make_private_directory(self.path)
            write_private(path, dumps(connection))
        except OSError as error:
            raise ConnectionStoreError(f"{path} cannot be written: {error.strerror}.") from None

    def update(self, name: str, change: Callable[[Connection], Connection]) -> Connection:
        """Change a connection with no other change lost. Raises what load, save and edited raise."""
        with self.edited():
            changed = change(self.load(name))
            self.save(changed)
        return changed

    def remove(self, name: str) -> bool:
        """Remove a connection; return whether there was one. Raises ConnectionStoreError."""
        path = self._file(name)
        try:
            path.unlink()
            sync_directory(self.path)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise ConnectionStoreError(f"{path} cannot be removed: {error.strerror}.") from None
        return True

    def is_private(self, name: str) -> bool:
        """Return whether only its owner can read the connection's file; True where there is none."""
        try:
            return is_private(self._file(name))
        except OSError:
            return True

    @contextmanager
    def edited(self, timeout: float | None = 60.0) -> Iterator[None]:
        """Keep other editors out while reading, deciding and writing, so that no change is lost.

        Raises LockTimeoutError after ``timeout`` seconds, ConnectionStoreError where the directory cannot be written.
        """
        with file_lock(self.path / LOCK_NAME, timeout):
            yield

    def close(self) -> None:
        """Do nothing: files are open only while they are read or written."""

    def _file(self, name: str) -> Path:
        if not NAME_FORM.fullmatch(name):
            raise InvalidConnectionError(
                f"{name!r} cannot be a connection's name: use up to 63 of a-z, 0-9 and -, not starting with -."
            )
        return self.path / f"{name}{SUFFIX}"
