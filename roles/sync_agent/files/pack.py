# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packs the agent's source, on the controller: ``pack.py SOURCE REQUIREMENTS BASE [ARCHIVE]``.

SOURCE is the collection's plugins/module_utils. Everything in it but ``aws`` (which needs Ansible) becomes the package
wxgov_sagemaker. BASE names what the dependencies are installed into: a Python, or the image of a container.

Prints, as JSON, two names that say what they stand for, so that the same content has the same name everywhere and a
changed one never the same. ``environment``: a hash of requirements and BASE. ``release``: the collection's version and
a hash of the source and the environment. Writes ARCHIVE (a zip) when it is given.
"""

from __future__ import annotations

import hashlib
import json
import pathlib
import re
import sys
import zipfile

PACKAGE = "wxgov_sagemaker"
LEFT_OUT = ("aws", "__pycache__")


def source_files(source: pathlib.Path) -> list[tuple[str, bytes]]:
    """The files of the package by name, sorted."""
    found = ((path.relative_to(source), path) for path in source.rglob("*.py"))
    kept = ((name, path) for name, path in found if not set(LEFT_OUT) & set(name.parts[:-1]))
    return sorted((f"{PACKAGE}/{name.as_posix()}", path.read_bytes()) for name, path in kept)


def collection_version(collection: pathlib.Path) -> str:
    """From MANIFEST.json of an installed collection, or galaxy.yml of a checkout."""
    manifest = collection / "MANIFEST.json"
    if manifest.exists():
        return str(json.loads(manifest.read_text(encoding="utf-8"))["collection_info"]["version"])
    found = re.search(r"^version:\s*(\S+)", (collection / "galaxy.yml").read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        raise SystemExit(f"{collection}/galaxy.yml names no version.")
    return found[1]


def digest(parts: list[tuple[str, bytes]]) -> str:
    """Twelve hexadecimal digits that stand for named contents."""
    whole = hashlib.sha256()
    for name, content in parts:
        whole.update(f"{len(name)} {name} {len(content)} ".encode())
        whole.update(content)
    return whole.hexdigest()[:12]


def write_archive(path: pathlib.Path, files: list[tuple[str, bytes]]) -> None:
    """The same bytes for the same files."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)


def main(source: str, requirements: str, base: str, archive: str = "") -> None:
    """See the top of the file."""
    root = pathlib.Path(source).resolve()
    files = source_files(root)
    if archive:
        write_archive(pathlib.Path(archive), files)
    environment = digest([("requirements", pathlib.Path(requirements).read_bytes()), ("base", base.encode())])
    own = digest([*files, ("environment", environment.encode())])
    names = {"release": f"{collection_version(root.parents[1])}-{own}", "environment": environment}
    sys.stdout.write(json.dumps(names))


if __name__ == "__main__":
    main(*sys.argv[1:])
