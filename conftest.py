# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a bare `pytest` work in a checkout: the collection is importable under its real name."""

from __future__ import annotations

import os
import pathlib
import sys

import hypothesis

CHECKOUT = pathlib.Path(__file__).resolve().parent
COLLECTIONS = CHECKOUT / ".ansible" / "collections"

for path in (CHECKOUT, COLLECTIONS):
    sys.path.insert(0, str(path))
os.environ["ANSIBLE_COLLECTIONS_PATH"] = str(COLLECTIONS)
os.environ["ANSIBLE_CONFIG"] = str(CHECKOUT / "ansible.cfg")
# A developer's own AWS settings must neither reach the emulators nor be reached by a test.
for name in [name for name in os.environ if name.startswith(("AWS_", "WXGOV_"))]:
    del os.environ[name]

# A shared machine is slow at times, and slow is not wrong; what was found is printed with how to replay it. The same
# sources are tested with the same examples, so that red means that this change did it; `make explore` looks further.
hypothesis.settings.register_profile("checkout", deadline=None, print_blob=True, derandomize=True)
hypothesis.settings.register_profile("explore", deadline=None, print_blob=True, max_examples=500)
hypothesis.settings.load_profile("checkout")
