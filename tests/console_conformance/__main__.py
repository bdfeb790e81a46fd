# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes `python -m tests.console_conformance` work in a checkout; see cli."""

from __future__ import annotations

import pathlib
import sys

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(CHECKOUT / ".ansible" / "collections"))

from tests.console_conformance.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
