# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the secret of a login comes from: the options themselves, a file, the environment, or a store of secrets.

A source is read anew before each login, so a secret that was rotated is picked up without a restart. A secret that goes
with each request instead is read anew when its source shows a change, and after the console refused it.
"""

from __future__ import annotations

import json
import os
import stat
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeAlias

from ..errors import WxgovError
from .errors import BadOptionError, SecretUnreadableError

MAX_BYTES = 65_536
"""The size that Secrets Manager allows a secret; a file that is larger is none."""
CREDENTIALS_DIRECTORY = "CREDENTIALS_DIRECTORY"
"""What systemd calls the directory of what LoadCredential= loads (systemd.exec(5))."""
READERS_OF_OTHERS = stat.S_IRWXG | stat.S_IRWXO

FetchSecret: TypeAlias = Callable[[str], str]
"""Returns the text of a secret of a store by its id; may raise WxgovError."""


class SecretSource(Protocol):
    """Where a secret is."""

    @property
    def place(self) -> str:
        """Where that is, for messages."""

    def read(self) -> str:
        """Return the secret as it is there now. Raises SecretUnreadableError."""

    def stamp(self) -> object:
        """Return, cheaply, what differs once the source has changed. Never raises."""


@dataclass(frozen=True, slots=True)
class GivenSecret:
    """A secret that was given as it is: it never changes."""

    value: str = field(repr=False)
    place: str = "the options"

    def read(self) -> str:
        return self.value

    def stamp(self) -> object:
        return None


@dataclass(frozen=True, slots=True)
class FileSecret:
    """A file with nothing but the secret; white space around it does not count.

    A relative path is one in the directory that systemd's LoadCredential= fills: what may read there is systemd's to
    say. Any other file must be readable by its owner only.
    """

    path: str
    option: str

    @property
    def place(self) -> str:
        return f"the file {self.path}"

    def read(self) -> str:
        try:
            descriptor = os.open(self._located(), os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            with os.fdopen(descriptor, "rb") as file:
                self._check(os.fstat(file.fileno()))
                content = file.read(MAX_BYTES + 1)
        except OSError as error:
            raise self._unreadable(f"cannot be read: {error.strerror}") from None
        except ValueError:  # a path with a NUL character
            raise self._unreadable("has a name that no file can have") from None
        if len(content) > MAX_BYTES:
            raise self._unreadable(f"is larger than {MAX_BYTES} bytes: it should hold the secret and nothing else")
        try:
            secret = content.decode("utf-8").strip()
        except UnicodeDecodeError:
            raise self._unreadable("is not text in UTF-8") from None
        if not secret:
            raise self._unreadable("is empty")
        return secret

    def stamp(self) -> object:
        try:
            status = self._located().stat()
        except (OSError, ValueError, SecretUnreadableError):
            return None
        return (status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size)

    def _located(self) -> Path:
        if os.path.isabs(self.path):
            return Path(self.path)
        directory = os.environ.get(CREDENTIALS_DIRECTORY)
        if not directory:
            raise self._unreadable(
                f"is looked for in ${CREDENTIALS_DIRECTORY}, which is not set: load it with systemd's LoadCredential=, "
                "or give a path that starts with /"
            )
        return Path(directory, self.path)

    def _check(self, status: os.stat_result) -> None:
        if not stat.S_ISREG(status.st_mode):
            raise self._unreadable("is not a regular file")
        if status.st_mode & READERS_OF_OTHERS and not self._is_credential():
            mode = stat.S_IMODE(status.st_mode)
            raise self._unreadable(
                f"is open to others than its owner (mode {mode:04o}): make it readable by its owner only "
                f"(chmod 0600 {self.path})"
            )

    def _is_credential(self) -> bool:
        directory = os.environ.get(CREDENTIALS_DIRECTORY)
        return bool(directory) and self._located().parent == Path(str(directory))

    def _unreadable(self, reason: str) -> SecretUnreadableError:
        return SecretUnreadableError(f"The file {self.path} ({self.option}) {reason}.")


@dataclass(frozen=True, slots=True)
class EnvironmentSecret:
    """A variable of the process's environment."""

    variable: str
    option: str

    @property
    def place(self) -> str:
        return f"the environment variable {self.variable}"

    def read(self) -> str:
        secret = os.environ.get(self.variable, "").strip()
        if not secret:
            raise SecretUnreadableError(f"The environment variable {self.variable} ({self.option}) is not set.")
        return secret

    def stamp(self) -> object:
        return os.environ.get(self.variable)


@dataclass(frozen=True, slots=True)
class StoredSecret:
    """A secret of a store, such as AWS Secrets Manager, whose text is the secret, or a JSON object with it.

    ``member`` is its key in such an object. That it has changed only shows when it is read.
    """

    secret_id: str
    member: str
    option: str
    fetch: FetchSecret = field(repr=False)

    @property
    def place(self) -> str:
        return f"the secret {self.secret_id}"

    def read(self) -> str:
        try:
            text = self.fetch(self.secret_id)
        except WxgovError as error:
            raise SecretUnreadableError(f"The secret {self.secret_id} ({self.option}) is not known: {error}") from None
        secret = self._member_of(text).strip()
        if not secret:
            raise SecretUnreadableError(f"The secret {self.secret_id} ({self.option}) is empty.")
        return secret

    def stamp(self) -> object:
        return None

    def _member_of(self, text: str) -> str:
        try:
            document = json.loads(text)
        except (ValueError, RecursionError):
            return text
        if not isinstance(document, dict):
            return text
        value = document.get(self.member)
        if isinstance(value, str):
            return value
        raise SecretUnreadableError(
            f'The secret {self.secret_id} ({self.option}) is a JSON object without a text under "{self.member}".'
        )


class Secret:
    """The secret of a source, kept while it is good. May be used by several threads."""

    def __init__(self, source: SecretSource) -> None:
        self._source = source
        self._lock = threading.Lock()
        self._text: str | None = None
        self._stamp: object = None

    @property
    def place(self) -> str:
        """Where the secret comes from, for messages."""
        return self._source.place

    def current(self) -> str:
        """Return the secret, read anew only where its source shows a change. Raises SecretUnreadableError."""
        with self._lock:
            if self._text is None or self._source.stamp() != self._stamp:
                self._read()
            return self._text or ""

    def fresh(self) -> str:
        """Return the secret, read anew. Raises SecretUnreadableError."""
        with self._lock:
            self._read()
            return self._text or ""

    def known(self) -> str:
        """Return the secret as it was last read, an empty text where it was not."""
        return self._text or ""

    def _read(self) -> None:
        """The stamp is taken first, so that a change while reading shows the next time."""
        stamp = self._source.stamp()
        self._text = self._source.read()
        self._stamp = stamp


SOURCES = ("file", "env", "secret")
"""What the names of options end in that say where a secret is, as in api_key_file."""


def option_names(secret: str) -> tuple[str, ...]:
    """Return the options that can give a secret: api_key, api_key_file, api_key_env, api_key_secret."""
    return (secret, *(f"{secret}_{source}" for source in SOURCES))


def source_of(secret: str, options: Mapping[str, str], fetch: FetchSecret | None) -> SecretSource | None:
    """Return the source that the options name, or None where they name none; empty ones count as not given.

    Raises BadOptionError for two sources, and for a secret of a store where no store is at hand.
    """
    named = [name for name in option_names(secret) if options.get(name)]
    if len(named) > 1:
        raise BadOptionError(f"{' and '.join(named)} exclude each other: a secret comes from one place.")
    given, in_file, in_environment, in_store = (options.get(name) for name in option_names(secret))
    if given:
        return GivenSecret(given)
    if in_file:
        return FileSecret(in_file, f"{secret}_file")
    if in_environment:
        return EnvironmentSecret(in_environment, f"{secret}_env")
    if in_store:
        if fetch is None:
            raise BadOptionError(f"{secret}_secret cannot be used here: no store of secrets is at hand.")
        return StoredSecret(in_store, secret, f"{secret}_secret", fetch)
    return None
