# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Locks between processes and threads: many share, or one has it alone.

The existing-model sync takes a connection's lock alone, the agent's workers share it. Two lock files make sure that
one who wants it alone gets it however busy the sharers are: he first takes the *turnstile*, which each sharer passes
on his way in, and then only waits for those who are inside already. Sharers hold the turnstile for microseconds.
The operating system frees a lock when its holder dies.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from .errors import ConnectionStoreError, LockTimeoutError
from .files import make_private_directory, open_lock_file
from .model import NAME_FORM

POLL_SECONDS = 0.02
YIELD_SECONDS = 0.05
"""How long threads may go on to join their process's share before they look whether somebody wants the lock alone."""
LOCKS_DIRECTORY = "locks"


@contextmanager
def exclusive(
    state_dir: str | os.PathLike[str],
    name: str,
    timeout: float | None = None,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], object] = time.sleep,
) -> Iterator[None]:
    """Hold the lock of a connection alone.

    ``timeout`` is in seconds, None waits for ever, 0 tries once. Raises LockTimeoutError, ConnectionStoreError.
    """
    deadline = None if timeout is None else clock() + timeout
    with ExitStack() as stack:
        turnstile = stack.enter_context(_opened(state_dir, name, "turnstile"))
        main = stack.enter_context(_opened(state_dir, name, "lock"))
        for descriptor in (turnstile, main):
            while not _try(descriptor, fcntl.LOCK_EX):
                _wait(name, deadline, clock, sleep)
        yield


@contextmanager
def shared(
    state_dir: str | os.PathLike[str],
    name: str,
    timeout: float | None = None,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], object] = time.sleep,
) -> Iterator[None]:
    """Hold the lock of a connection together with other sharers; arguments and errors as with exclusive."""
    deadline = None if timeout is None else clock() + timeout
    with ExitStack() as stack:
        turnstile = stack.enter_context(_opened(state_dir, name, "turnstile"))
        main = stack.enter_context(_opened(state_dir, name, "lock"))
        while not _try_to_enter(turnstile, main):
            _wait(name, deadline, clock, sleep)
        yield


class Shares:
    """One process's shares of the connections' locks, for all of its threads.

    A share is taken by the first thread and given back by the last. While it is held, a thread that joins looks only
    now and then whether somebody waits to have the lock alone, and then is not let in: so he gets it however busy the
    threads are. Opening and locking two files for each thread anew would be seven system calls more.
    """

    def __init__(self, state_dir: str | os.PathLike[str], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._state_dir = state_dir
        self._clock = clock
        self._lock = threading.Lock()
        self._shares: dict[str, _Share] = {}

    @contextmanager
    def joined(self, name: str) -> Iterator[bool]:
        """Hold the process's share of a connection's lock, if it is to be had without waiting; whether it was.

        Raises ConnectionStoreError.
        """
        is_in = self._join(name)
        try:
            yield is_in
        finally:
            if is_in:
                self._leave(name)

    def _join(self, name: str) -> bool:
        with self._lock:
            share = self._shares.get(name)
            if share is None:
                share = self._take(name)
                if share is None:
                    return False
                self._shares[name] = share
            elif not share.may_grow(self._clock()):
                return False
            share.threads += 1
            return True

    def _take(self, name: str) -> _Share | None:
        with ExitStack() as stack:
            turnstile = stack.enter_context(_opened(self._state_dir, name, "turnstile"))
            main = stack.enter_context(_opened(self._state_dir, name, "lock"))
            if not _try_to_enter(turnstile, main):
                return None
            return _Share(turnstile, self._clock(), stack.pop_all())

    def _leave(self, name: str) -> None:
        with self._lock:
            share = self._shares[name]
            share.threads -= 1
            if not share.threads:
                del self._shares[name]
                share.files.close()


@dataclass(eq=False, slots=True)
class _Share:
    """What is open while a share is held, how many threads hold it, and when somebody last looked at the turnstile."""

    turnstile: int
    looked_at: float
    files: ExitStack
    threads: int = 0

    def may_grow(self, now: float) -> bool:
        if now - self.looked_at < YIELD_SECONDS:
            return True
        if not _try(self.turnstile, fcntl.LOCK_SH):
            return False
        fcntl.flock(self.turnstile, fcntl.LOCK_UN)
        self.looked_at = now
        return True


def is_held_alone(state_dir: str | os.PathLike[str], name: str) -> bool:
    """Return whether somebody holds the lock of a connection alone, without waiting and without making any file.

    Raises ConnectionStoreError where that cannot be told.
    """
    _check_name(name)
    path = _lock_path(state_dir, name, "lock")
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise ConnectionStoreError(f"The lock file {path} cannot be opened: {error.strerror}.") from None
    try:
        return not _try(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


@contextmanager
def file_lock(
    path: Path,
    timeout: float | None = None,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], object] = time.sleep,
) -> Iterator[None]:
    """Hold one lock file alone. Raises LockTimeoutError, ConnectionStoreError."""
    deadline = None if timeout is None else clock() + timeout
    with _opened_path(path) as descriptor:
        while not _try(descriptor, fcntl.LOCK_EX):
            _wait(path.name, deadline, clock, sleep)
        yield


def _try_to_enter(turnstile: int, main: int) -> bool:
    if not _try(turnstile, fcntl.LOCK_SH):
        return False
    try:
        return _try(main, fcntl.LOCK_SH)
    finally:
        fcntl.flock(turnstile, fcntl.LOCK_UN)


def _try(descriptor: int, operation: int) -> bool:
    try:
        fcntl.flock(descriptor, operation | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _wait(name: str, deadline: float | None, clock: Callable[[], float], sleep: Callable[[float], object]) -> None:
    left = POLL_SECONDS if deadline is None else deadline - clock()
    if left <= 0:
        raise LockTimeoutError(f'The lock "{name}" is still held by another process: try again when that has finished.')
    sleep(min(POLL_SECONDS, left))


@contextmanager
def _opened(state_dir: str | os.PathLike[str], name: str, suffix: str) -> Iterator[int]:
    _check_name(name)
    with _opened_path(_lock_path(state_dir, name, suffix)) as descriptor:
        yield descriptor


def _check_name(name: str) -> None:
    if not NAME_FORM.fullmatch(name):
        raise ConnectionStoreError(f"{name!r} is not the name of a connection.")


def _lock_path(state_dir: str | os.PathLike[str], name: str, suffix: str) -> Path:
    return Path(state_dir) / LOCKS_DIRECTORY / f"{name}.{suffix}"


@contextmanager
def _opened_path(path: Path) -> Iterator[int]:
    """Open a lock file. It is never removed: another process may have it open, and would hold a lock on nothing."""
    try:
        make_private_directory(path.parent)
        descriptor = open_lock_file(path)
    except OSError as error:
        raise ConnectionStoreError(f"The lock file {path} cannot be opened: {error.strerror}.") from None
    try:
        yield descriptor
    finally:
        os.close(descriptor)
