# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build what Lambda runs, on the controller: ``build_zip.py SOURCE_ZIP REQUIREMENTS WHEELS RUNTIME ARCHITECTURE OUT``.

SOURCE_ZIP is what pack.py of the role sync_agent makes. Of each requirement, the wheel of the directory WHEELS whose
hash the requirements file has, and that fits RUNTIME (python3.13) and ARCHITECTURE (x86_64, arm64), is unpacked into
the archive OUT. The same input makes the same bytes, so that a function is only updated when it would be another one.
"""

from __future__ import annotations

import hashlib
import pathlib
import re
import sys
import zipfile

LARGEST = 50 * 1024 * 1024
"""Bytes that Lambda takes without a detour by S3 (docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html)."""
_REQUIREMENT = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def requirements(text: str) -> dict[str, set[str]]:
    """The allowed hashes by name and version, as in a requirements file. Raises SystemExit for one without hashes."""
    wanted: dict[str, set[str]] = {}
    for block in text.replace("\\\n", " ").splitlines():
        found = _REQUIREMENT.match(block)
        if found is None:
            continue
        hashes = set(_HASH.findall(block))
        if not hashes:
            raise SystemExit(f"The requirement {found[0]} has no hash.")
        wanted[f"{found[1]}=={found[2]}"] = hashes
    return wanted


def fits(wheel: str, runtime: str, architecture: str) -> bool:
    """Whether the tags in a wheel's name (PEP 427) are those of the function, which has glibc."""
    python, _abi, platforms = wheel.removesuffix(".whl").rsplit("-", 3)[1:]
    version = runtime.removeprefix("python").replace(".", "")
    processor = {"x86_64": "x86_64", "arm64": "aarch64"}[architecture]
    own_python = any(tag in ("py3", f"cp{version}") for tag in python.split("."))
    own_platform = any(
        tag == "any" or (tag.startswith("manylinux") and tag.endswith(processor)) for tag in platforms.split(".")
    )
    return own_python and own_platform


def choose(wanted: dict[str, set[str]], wheels: pathlib.Path, runtime: str, architecture: str) -> list[pathlib.Path]:
    """The wheel of each requirement. Raises SystemExit for one that has none."""
    by_hash = {
        hashlib.sha256(path.read_bytes()).hexdigest(): path
        for path in sorted(wheels.glob("*.whl"))
        if fits(path.name, runtime, architecture)
    }
    chosen = []
    for name, hashes in wanted.items():
        # A compiled wheel goes before a pure one of the same version.
        found = sorted((by_hash[one] for one in hashes & by_hash.keys()), key=lambda path: "-any." in path.name)
        if not found:
            raise SystemExit(
                f"{wheels} has no wheel of {name} for {runtime} on {architecture} with a hash that is known."
            )
        chosen.append(found[0])
    return chosen


def contents(archives: list[pathlib.Path]) -> dict[str, bytes]:
    """The files of all archives by name, but for what pip would put elsewhere (scripts) and signatures."""
    files: dict[str, bytes] = {}
    for path in archives:
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                skipped = name.endswith("/") or ".data/" in name or name.endswith(".dist-info/RECORD")
                if not skipped:
                    files[name] = archive.read(name)
    return files


def write(path: pathlib.Path, files: dict[str, bytes]) -> None:
    """The same bytes for the same files: sorted, without times, readable by everybody."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(name)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED)


def main(source: str, wanted: str, wheels: str, runtime: str, architecture: str, out: str) -> None:
    """See the top of the file."""
    needed = requirements(pathlib.Path(wanted).read_text(encoding="utf-8"))
    chosen = choose(needed, pathlib.Path(wheels), runtime, architecture)
    target = pathlib.Path(out)
    write(target, contents([*chosen, pathlib.Path(source)]))
    if target.stat().st_size > LARGEST:
        raise SystemExit(f"The function is {target.stat().st_size} bytes, and Lambda takes {LARGEST}.")


if __name__ == "__main__":
    main(*sys.argv[1:])
