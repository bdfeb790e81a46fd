# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that hold secrets: private from the moment they exist, and never half written."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

PRIVATE_FILE = 0o600
PRIVATE_DIRECTORY = 0o700


def write_private(path: Path, text: str) -> None:
    """Replace the file as a whole: a reader sees the old text or the new, also after a crash. Raises OSError.

    mkstemp makes files that only their owner can read. Written by root, the file belongs to the owner of the directory,
    so that a service's user can read it.
    """
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            _give_to_owner_of(path.parent, file.fileno())
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Make renames and removals in a directory survive a power cut. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_private_directory(path: Path) -> None:
    """Make the directory, readable by its owner only; one that exists is left as it is. Raises OSError."""
    path.mkdir(mode=PRIVATE_DIRECTORY, parents=True, exist_ok=True)


def is_private(path: Path) -> bool:
    """Return whether group and others have no access. Raises OSError."""
    return path.stat().st_mode & 0o077 == 0


def open_lock_file(path: Path) -> int:
    """Return a descriptor of the lock file, made where missing. Raises OSError."""
    existed = path.exists()
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, PRIVATE_FILE)
    if not existed:
        _give_to_owner_of(path.parent, descriptor)
    return descriptor


def _give_to_owner_of(directory: Path, descriptor: int) -> None:
    if os.geteuid() == 0:
        owner = directory.stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
