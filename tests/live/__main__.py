# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make live`: the tests that need a machine with systemd, or a sentence that says why there can be none here.

    python -m tests.live [--if-possible] [arguments of pytest]

With ``--if-possible`` it is no failure if there can be none.
"""

from __future__ import annotations

import pathlib
import subprocess
import sys

from tests.live.machine import obstacle

WHERE_POSSIBLE = "--if-possible"


def main(arguments: list[str]) -> int:
    """Run the tests; the exit code."""
    if problem := obstacle():
        print(f"The agent was not tested under a live systemd. {problem}")
        return 0 if WHERE_POSSIBLE in arguments else 1
    given = [argument for argument in arguments if argument != WHERE_POSSIBLE]
    command = [sys.executable, "-m", "pytest", "-n0", str(pathlib.Path(__file__).parent), *given]
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
