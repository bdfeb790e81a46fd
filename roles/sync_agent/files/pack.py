# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packs the agent's source, on the controller: ``pack.py SOURCE REQUIREMENTS PYTHON [ARCHIVE]``.

SOURCE is the collection's plugins/module_utils. Everything in it but ``aws`` (which needs Ansible) becomes the package
wxgov_sagemaker. Prints the release's name: the collection's version and a hash of source, requirements and Python, so
the same content has the same name everywhere and a changed one never the same. Writes ARCHIVE (a zip) when it is given.
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


def release_name(version: str, files: list[tuple[str, bytes]], requirements: bytes, python: str) -> str:
    """VERSION-HASH."""
    digest = hashlib.sha256()
    for name, content in (*files, ("requirements", requirements), ("python", python.encode())):
        digest.update(f"{len(name)} {name} {len(content)} ".encode())
        digest.update(content)
    return f"{version}-{digest.hexdigest()[:12]}"


def write_archive(path: pathlib.Path, files: list[tuple[str, bytes]]) -> None:
    """The same bytes for the same files."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)


def main(source: str, requirements: str, python: str, archive: str = "") -> None:
    """See the top of the file."""
    root = pathlib.Path(source).resolve()
    files = source_files(root)
    if archive:
        write_archive(pathlib.Path(archive), files)
    version = collection_version(root.parents[1])
    sys.stdout.write(release_name(version, files, pathlib.Path(requirements).read_bytes(), python))


if __name__ == "__main__":
    main(*sys.argv[1:])
