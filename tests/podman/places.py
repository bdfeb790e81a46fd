# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where `python -m tests.podman` puts what its tests rest on."""

from __future__ import annotations

import pathlib

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
SYSTEM = CHECKOUT / ".ansible" / "debian13"
WHEELHOUSE = CHECKOUT / ".ansible" / "wheelhouse313"
"""For the Python of Debian 13."""
