# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run `ansible-test sanity` over a copy of the checkout, without the network beyond the package index.

    python dev/sanity.py [ansible-test sanity options]

Three things stand between a plain checkout and ansible-test:

* it must lie in `.../ansible_collections/wxgov/sagemaker` for real (a link is resolved), and outside any git work tree
  that ignores it, or it reports "All targets skipped" with exit status 0. So: a copy in a temporary folder.
* it bootstraps its virtual environments with a get-pip.py that it downloads; a file in its cache takes the place of
  the download. Its HOME is a folder inside `.ansible/`, so that nobody's home is touched.
* amazon.aws must lie beside the collection.

The number of tests that really ran is checked, because a run that skips all of them succeeds too.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

CHECKOUT = pathlib.Path(__file__).resolve().parent.parent
COLLECTIONS = CHECKOUT / ".ansible" / "collections" / "ansible_collections"
HOME = CHECKOUT / ".ansible" / "ansible-test-home"
EXPECTED_TESTS = 24
GET_PIP = """\
import subprocess, sys
wanted = [argument for argument in sys.argv[1:] if argument not in ("--no-setuptools", "--no-wheel")]
subprocess.check_call([sys.executable, "-m", "ensurepip"], stdout=subprocess.DEVNULL)
sys.exit(subprocess.call([sys.executable, "-m", "pip", "install", "-q", *wanted]))
"""


def seed_get_pip() -> None:
    """Put the stand-in where ansible-test looks before it downloads (names of ansible-core 2.19 and 2.21)."""
    cache = HOME / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    for name in ("get_pip_24_2.py", "get_pip_25_2.py"):
        (cache / name).write_text(GET_PIP)


def copy_checkout(root: pathlib.Path) -> pathlib.Path:
    """Copy what git tracks or would track into a collection tree below `root`, and link amazon.aws beside it."""
    target = root / "ansible_collections" / "wxgov" / "sagemaker"
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, cwd=CHECKOUT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, listing.split("\0")):
        source = CHECKOUT / name
        if source.is_file():  # git still lists a file that was deleted but not committed
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target / name)
    (root / "ansible_collections" / "amazon").symlink_to(COLLECTIONS / "amazon")
    return target


def main(arguments: list[str]) -> int:
    """Run the sanity tests and return the exit status."""
    seed_get_pip()
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    binaries = pathlib.Path(sys.executable).parent
    environment = {**os.environ, "HOME": str(HOME), "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}"}
    with tempfile.TemporaryDirectory() as folder:
        target = copy_checkout(pathlib.Path(folder).resolve())
        command = [str(binaries / "ansible-test"), "sanity", "--python", python, "--color", "no", *arguments]
        run = subprocess.run(
            command,
            cwd=target,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    print(run.stdout)
    if run.returncode:
        return run.returncode
    ran = run.stdout.count("Running sanity test")
    if not arguments and ran != EXPECTED_TESTS:
        print(f"ansible-test ran {ran} sanity tests where {EXPECTED_TESTS} were expected.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
