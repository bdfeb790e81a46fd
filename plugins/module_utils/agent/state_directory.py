# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The directory that one agent has for itself while it lives."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from .errors import AgentError, AlreadyRunningError, StateUnavailableError
from .log import reason

JOURNAL_FILE = "state.db"
LOCK_FILE = "agent.lock"

_PASSING = frozenset(
    {
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EFBIG,
        errno.EROFS,
        errno.EIO,
        errno.ESTALE,
        errno.ENOMEM,
        errno.EMFILE,
        errno.ENFILE,
    }
)
_PID_LETTERS = 20


def may_pass(error: OSError) -> bool:
    """Whether what a file system refuses now it may grant later, without anybody changing the agent's settings."""
    return error.errno in _PASSING


@contextlib.contextmanager
def only_agent(state_dir: Path) -> Iterator[None]:
    """Hold the state directory; the lock file holds our pid while we live.

    Raises AlreadyRunningError, StateUnavailableError for what may pass, and AgentError for what will not.
    """
    path = state_dir / LOCK_FILE
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _unusable(state_dir, error) from error
    try:
        if not _lock_alone(descriptor):
            pid = running_pid(state_dir)
            raise AlreadyRunningError(f"An agent (pid {pid}) already uses {state_dir}: stop it first.")
        _note_pid(descriptor, state_dir)
        yield
    finally:
        os.close(descriptor)


def _note_pid(descriptor: int, state_dir: Path) -> None:
    """Always as many letters, over what is there: the file of an agent before this one needs no more room by that."""
    try:
        os.pwrite(descriptor, str(os.getpid()).ljust(_PID_LETTERS).encode(), 0)
    except OSError as error:
        raise _unusable(state_dir, error) from error


def _unusable(state_dir: Path, error: OSError) -> AgentError:
    kind = StateUnavailableError if may_pass(error) else AgentError
    return kind(f"The state directory {state_dir} cannot be used: {reason(error)}.")


def _lock_alone(descriptor: int) -> bool:
    """Take the lock; a second is granted to those who only look whether it is held (see `running_pid`)."""
    for _attempt in range(20):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.05)
        else:
            return True
    return False


def running_pid(state_dir: Path) -> int | None:
    """The process id of the agent that holds this state directory, or None. The lock says so, not the mere file."""
    try:
        descriptor = os.open(state_dir / LOCK_FILE, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
        return int(text) if text.isdecimal() else None
    else:
        return None
    finally:
        os.close(descriptor)
