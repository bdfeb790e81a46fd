# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a connection to a client of its console."""

from __future__ import annotations

from ..connection.model import Connection
from ..connection.stores import read_secret
from ..console.client import ConsoleClient, connect


def open_console(connection: Connection) -> ConsoleClient:
    """Return a client for a connection's console; no request is made yet. Raises BadOptionError, WrongAddressError."""
    return connect(
        connection.console.url,
        auth_method=connection.console.auth_method,
        auth_options=connection.console.auth_options,
        validate_certs=connection.console.validate_certs,
        ca_path=connection.console.ca_path,
        allow_http=connection.console.allow_http,
        fetch_secret=read_secret,
    )
