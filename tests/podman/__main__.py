# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make live-podman`: the agent's container under the podman and the systemd of Debian 13.

    python -m tests.podman [arguments of pytest]

Makes a Debian 13 below the checkout first, once: some 200 MB of packages. That is why `make test` leaves it out.
"""

from __future__ import annotations

import shutil
import subprocess
import sys

from dev.install_system_packages import install, run
from tests.live.machine import obstacle
from tests.podman.places import CHECKOUT, SYSTEM, WHEELHOUSE

PACKAGES = ("systemd", "podman", "crun", "dbus", "python3", "python3-venv", "util-linux", "passwd", "procps")
REQUIREMENTS = CHECKOUT / "roles" / "sync_agent" / "files" / "requirements.txt"
WHEELS_FOR = ("--python-version=3.13", "--implementation=cp", "--abi=cp313", "--abi=abi3", "--abi=none")


def main(arguments: list[str]) -> int:
    """Make what is missing and run the tests; the exit code."""
    if problem := obstacle():
        print(f"The agent's container was not tested. {problem}")
        return 1
    if not SYSTEM.exists():
        make_system()
    if not WHEELHOUSE.exists():
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary=:all:", *WHEELS_FOR]
        run([*pip, f"--dest={WHEELHOUSE}", f"--requirement={REQUIREMENTS}"])
    command = [sys.executable, "-m", "pytest", "-n0", str(CHECKOUT / "tests" / "podman"), *arguments]
    return subprocess.run(command, check=False).returncode


def make_system() -> None:
    """A Debian 13 with what a host of containers has."""
    if shutil.which("debootstrap") is None:
        install(["debootstrap"])
    asked = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Label: Debian"]
    archive = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split()[0]
    partial = SYSTEM.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    run(["debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", "trixie", str(partial), archive])
    partial.rename(SYSTEM)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
