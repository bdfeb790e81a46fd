# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What modules that work on kept connections have in common: the options of the fragment connections."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .connection.secrets_store import DEFAULT_PREFIX
from .connection.store import DEFAULT_DIRECTORY
from .connection.stores import ConnectionStore, StoreSettings, open_store

STORE_OPTIONS: dict[str, dict[str, Any]] = {
    "connections_store": {"type": "str", "choices": ["directory", "secretsmanager"], "default": "directory"},
    "connections_dir": {"type": "path", "default": DEFAULT_DIRECTORY},
    "secrets_prefix": {"type": "str", "default": DEFAULT_PREFIX, "no_log": False},
    "secrets_region": {"type": "str", "no_log": False},
}


def store_of(params: Mapping[str, Any], kms_key_id: str | None = None) -> ConnectionStore:
    """Return the store that a module's options name. Raises ConnectionStoreError."""
    settings = StoreSettings(
        kind=params["connections_store"],
        directory=params["connections_dir"],
        prefix=params["secrets_prefix"],
        region=params["secrets_region"] or None,
        kms_key_id=kms_key_id,
    )
    return open_store(settings)
