# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The root of every error this collection raises on purpose.

::

    WxgovError
    ├── RegistryError         registry/errors.py
    ├── ConsoleError          console/errors.py
    ├── ConnectionStoreError  connection/errors.py
    ├── SyncError             sync/errors.py
    ├── PreflightError        preflight/errors.py
    ├── AwsError              aws/errors.py
    └── AgentError            agent/errors.py
"""

from __future__ import annotations


class WxgovError(Exception):
    """One sentence for the user: what is wrong, with which value, and what to do. Never holds a secret."""
