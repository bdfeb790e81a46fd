# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks after the releases on a host: ``releases.py list PREFIX`` and ``releases.py prune [--dry-run] PREFIX KEEP``.

PREFIX/releases/NAME is one release. It is complete when ``.complete`` is there, and the time of that file is when it
was installed. ``replaced``, written when the release was put in the place of another one, names that one. ``venv``
links to its environment, which releases with the same requirements share: PREFIX/environments/NAME. PREFIX/current
links to the release in use.

``list`` prints {"current": name or "", "complete": [names, newest first], "replaced": {name: name}}.
``prune`` removes all but the KEEP newest complete releases, the one in use, the one that it replaced, and the
environments of these; it prints {"removed": [paths]}. Both print what is so, also where there is nothing yet.
"""

from __future__ import annotations

import json
import pathlib
import shutil
import sys


def entries(folder: pathlib.Path) -> list[pathlib.Path]:
    """What is in a folder; nothing where there is none."""
    return sorted(folder.iterdir()) if folder.is_dir() else []


def complete(prefix: pathlib.Path) -> list[str]:
    """The complete releases, newest first."""
    found = [path for path in entries(prefix / "releases") if (path / ".complete").exists()]
    return [path.name for path in sorted(found, key=installed_at, reverse=True)]


def installed_at(release: pathlib.Path) -> float:
    """When a release was completed."""
    return (release / ".complete").stat().st_mtime


def current(prefix: pathlib.Path) -> str:
    """The release in use; "" where there is none."""
    link = prefix / "current"
    return pathlib.Path(link.readlink()).name if link.is_symlink() else ""


def replaced(prefix: pathlib.Path, name: str) -> str:
    """The release that this one took the place of; "" where there was none."""
    note = prefix / "releases" / name / "replaced"
    return note.read_text(encoding="utf-8").strip() if name and note.exists() else ""


def survey(prefix: pathlib.Path) -> dict[str, object]:
    """What ``list`` prints."""
    names = complete(prefix)
    return {
        "current": current(prefix),
        "complete": names,
        "replaced": {name: replaced(prefix, name) for name in names if replaced(prefix, name)},
    }


def superfluous(prefix: pathlib.Path, keep: int) -> list[pathlib.Path]:
    """What ``prune`` removes, releases first."""
    used = current(prefix)
    kept = {*complete(prefix)[:keep], used, replaced(prefix, used)}
    releases = [path for path in entries(prefix / "releases") if path.name not in kept]
    needed = {path.resolve().name for name in kept if name and (path := prefix / "releases" / name / "venv").exists()}
    return releases + [path for path in entries(prefix / "environments") if path.name not in needed]


def main(arguments: list[str]) -> None:
    """See the top of the file."""
    command, *rest = arguments
    dry_run = "--dry-run" in rest
    prefix, *numbers = [argument for argument in rest if argument != "--dry-run"]
    if command == "list":
        sys.stdout.write(json.dumps(survey(pathlib.Path(prefix))))
        return
    paths = superfluous(pathlib.Path(prefix), int(numbers[0]))
    for path in [] if dry_run else paths:
        shutil.rmtree(path)
    sys.stdout.write(json.dumps({"removed": [str(path) for path in paths]}))


if __name__ == "__main__":
    main(sys.argv[1:])
