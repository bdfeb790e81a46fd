# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Install what tests need beyond Python: Debian packages, and tools that are only taken out of theirs.

    python dev/install_system_packages.py TOOLS

What is there already is left alone. A package is installed with apt-get, which needs root; a tool is extracted from its
package into the folder TOOLS, which does not (installing Prometheus would start a server).
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile


@dataclasses.dataclass(frozen=True, slots=True)
class Tool:
    """A program in a package: of this system's release of Debian, or of a ``suite`` that has what this one lacks."""

    package: str
    path: str
    suite: str | None = None


PACKAGES = {
    "chromium": "chromium",  # the status page is tested in a real browser
    "chromedriver": "chromium-driver",
    "systemd-analyze": "systemd",  # checks the agent's unit and how well it is shut in
}
"""Programs that must be on the PATH, and the package that brings each."""

TOOLS = {
    "promtool": Tool("prometheus", "usr/bin/promtool"),  # checks alert rules and the text of /metrics
    "quadlet": Tool("podman", "usr/libexec/podman/quadlet", suite="trixie"),  # makes the unit of the agent's container
}
"""Programs that are extracted."""


def main(arguments: list[str]) -> None:
    """Install what is missing. Raises SystemExit with a sentence where that is not possible."""
    folder = pathlib.Path(arguments[0])
    packages = [package for program, package in PACKAGES.items() if shutil.which(program) is None]
    tools = {program: tool for program, tool in TOOLS.items() if not (folder / program).exists()}
    if not packages and not tools:
        return
    names = ", ".join([*packages, *(tool.package for tool in tools.values())])
    if shutil.which("apt-get") is None:
        raise SystemExit(f"The tests need {names}, and this system has no apt-get: install them, or run on Debian.")
    if os.geteuid() == 0:
        run(["apt-get", "update", "-qq"])
    if packages:
        install(packages)
    for program, tool in tools.items():
        extract(program, tool, folder)


def install(packages: list[str]) -> None:
    """Install packages. Raises SystemExit for a user who must not."""
    command = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *packages]
    if os.geteuid() != 0:
        raise SystemExit(f"The tests need {', '.join(packages)}. Install them once: sudo {' '.join(command)}")
    run(command)


def extract(program: str, tool: Tool, folder: pathlib.Path) -> None:
    """Take one program out of its package."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        options = options_for(tool.suite, pathlib.Path(temporary, "apt")) if tool.suite else []
        run(["apt-get", *options, "download", "-q", tool.package], cwd=temporary)
        (archive,) = pathlib.Path(temporary).glob("*.deb")
        run(["dpkg-deb", "-x", str(archive), f"{temporary}/content"])
        shutil.move(f"{temporary}/content/{tool.path}", folder / program)


def options_for(suite: str, folder: pathlib.Path) -> list[str]:
    """Options with which apt-get knows another release of Debian, and this system's lists stay as they are."""
    asked = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Label: Debian"]
    known = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.split()
    if not known:
        raise SystemExit(f"The tests need a package of Debian {suite}, and apt-get has no archive of Debian's here.")
    for needed in ("lists/partial", "cache/archives/partial"):
        folder.joinpath(needed).mkdir(parents=True)
    sources = folder / "debian.sources"
    keys = "/usr/share/keyrings/debian-archive-keyring.gpg"
    sources.write_text(f"Types: deb\nURIs: {known[0]}\nSuites: {suite}\nComponents: main\nSigned-By: {keys}\n")
    places = {"etc::sourcelist": sources, "etc::sourceparts": "-", "state::lists": folder / "lists"}
    options = [f"-oDir::{name}={place}" for name, place in {**places, "cache": folder / "cache"}.items()]
    run(["apt-get", *options, "update", "-qq"])
    return options


def run(command: list[str], cwd: str | None = None) -> None:
    """Run a command quietly; its output is shown when it fails, which raises SystemExit."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    result = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    if result.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{result.stdout}{result.stderr}")


if __name__ == "__main__":
    main(sys.argv[1:])
