# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From where a console is, and what it is like, to a client of it: the one place that joins these two rooms."""

from __future__ import annotations

from .connection.model import ConsoleEndpoint, Dialect
from .connection.stores import read_secret
from .console.client import ClientSettings, ConsoleClient, connect


def open_console(console: ConsoleEndpoint) -> ConsoleClient:
    """Return a client for a console; no request is made yet. Raises BadOptionError, WrongAddressError."""
    return connect(
        console.url,
        auth_method=console.auth_method,
        auth_options=console.auth_options,
        validate_certs=console.validate_certs,
        ca_path=console.ca_path,
        allow_http=console.allow_http,
        settings=_settings(console.dialect),
        fetch_secret=read_secret,
    )


def _settings(dialect: Dialect) -> ClientSettings:
    return ClientSettings(
        page_limit=dialect.page_limit,
        max_rows=dialect.max_rows,
        in_operator=dialect.in_operator,
        in_list_size=dialect.in_list_size,
        empty_value="" if dialect.empty_value == "empty_text" else None,
    )
