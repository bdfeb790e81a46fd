# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible-rulebook with the event source of amazon.aws, in a place of its own: what there was before for events.

It is fetched into `.ansible/bench` when it is first wanted, since nothing else here needs it.
"""

from __future__ import annotations

import pathlib
import shutil
import subprocess
import sys
import venv

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
PLACE = CHECKOUT / ".ansible" / "bench" / "eda"
COLLECTIONS = PLACE / "collections"
REQUIREMENTS = ("ansible-rulebook==1.3.2", "aiobotocore==3.10.0", "ansible-core")
BUNDLE = "ansible==14.5.0"
"""The first series with an amazon.aws that has the event source (11)."""


def fetch() -> pathlib.Path:
    """Return the program ansible-rulebook, fetched if need be. Raises SystemExit without Java."""
    if shutil.which("java") is None:
        raise SystemExit("ansible-rulebook needs Java 17 on the PATH: install it, or leave --rulebook out.")
    program = PLACE / "venv" / "bin" / "ansible-rulebook"
    if not program.exists():
        venv.create(PLACE / "venv", with_pip=True)
        pip = [str(program.with_name("python")), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *REQUIREMENTS], check=True)
    fetcher = CHECKOUT / "dev" / "fetch_collections.py"
    subprocess.run([sys.executable, fetcher, "--package", BUNDLE, COLLECTIONS, "amazon.aws"], check=True)
    return program
