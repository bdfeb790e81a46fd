# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pin what the agent needs: every version and the hash of every wheel, for all Pythons and platforms it runs on.

    python dev/pin_agent_requirements.py [IN [OUT]]

pip resolves IN once for each Python and platform, with the machine's own index settings, and reports what it would
install; the union of that goes to OUT. Only wheels are taken: an sdist runs code while it is installed. Run it after a
change of IN, or to take up newer releases of what the direct requirements need themselves.
"""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys
import tempfile
from collections import defaultdict

CHECKOUT = pathlib.Path(__file__).resolve().parent.parent
FILES = CHECKOUT / "roles" / "sync_agent" / "files"
PYTHONS = ("3.10", "3.11", "3.12", "3.13")
PLATFORMS = ("manylinux2014_x86_64", "manylinux2014_aarch64", "any")
"""glibc on the two usual processors; "any" finds the pure Python wheels, for every other one."""

HEADER = """\
# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
# Written by dev/pin_agent_requirements.py from requirements.in. pip installs nothing whose hash is not here.
"""

# version -> hashes, and the Pythons that it was chosen for
Pins = dict[str, dict[str, tuple[set[str], set[str]]]]


def resolve(wanted: pathlib.Path, python: str, platform: str) -> list[tuple[str, str, str]]:
    """Name, version and SHA-256 of each wheel that pip would install; nothing is downloaded but metadata."""
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder) / "report.json"
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--dry-run"]
        command += ["--ignore-installed", "--only-binary=:all:", "--python-version", python, "--platform", platform]
        command += ["--target", folder, "--report", str(report), "--requirement", str(wanted)]
        subprocess.run(command, check=True)
        entries = json.loads(report.read_text(encoding="utf-8"))["install"]
    return [
        (
            entry["metadata"]["name"].lower().replace("_", "-"),
            entry["metadata"]["version"],
            entry["download_info"]["archive_info"]["hashes"]["sha256"],
        )
        for entry in entries
    ]


def collect(wanted: pathlib.Path) -> Pins:
    """What pip chooses, by name and version."""
    pins: Pins = defaultdict(lambda: defaultdict(lambda: (set(), set())))
    for python in PYTHONS:
        for platform in PLATFORMS:
            for name, version, digest in resolve(wanted, python, platform):
                hashes, pythons = pins[name][version]
                hashes.add(digest)
                pythons.add(python)
    return pins


def render(pins: Pins) -> str:
    """The text of the requirements file; a version that is not for all Pythons gets a marker."""
    lines = []
    for name, versions in sorted(pins.items()):
        for version, (hashes, pythons) in sorted(versions.items()):
            marker = "" if pythons == set(PYTHONS) else f'; python_version in "{" ".join(sorted(pythons))}"'
            lines.append(
                " \\\n    ".join([f"{name}=={version}{marker}", *(f"--hash=sha256:{one}" for one in sorted(hashes))])
            )
    return HEADER + "\n".join(lines) + "\n"


def main(arguments: list[str]) -> None:
    """See the top of the file."""
    wanted = pathlib.Path(arguments[0]) if arguments else FILES / "requirements.in"
    target = pathlib.Path(arguments[1]) if arguments[1:] else FILES / "requirements.txt"
    target.write_text(render(collect(wanted)), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
