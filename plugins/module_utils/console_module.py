# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What modules that log in to a console have in common: the options of the fragment wxgov.sagemaker.console.

Like every file beside the room aws this goes to the agent's host too, so Ansible's own parts are handed in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .connection.model import SyncSettings
from .connection.stores import read_secret
from .console.client import ConsoleClient, connect
from .console.errors import BadOptionError
from .console.secret import option_names

SECRET_PLACES = tuple(name for secret in ("api_key", "password") for name in option_names(secret)[1:])
"""The options that say where a login's secret is kept: api_key_file, …, password_secret."""
METHODS = ("mcsp", "mcsp_account", "ibm_cloud", "cp4d", "zen_api_key", "basic")


def console_options(env_fallback: Callable[..., Any]) -> dict[str, dict[str, Any]]:
    """Return the specification of the options; an environment variable WXGOV_CONSOLE_… can stand for the login's.

    ``env_fallback`` is the function of that name of Ansible's basic module.
    """

    def option(name: str, **more: Any) -> dict[str, Any]:
        return {"type": "str", "fallback": (env_fallback, [f"WXGOV_{name.upper()}"]), **more}

    return {
        "console_url": option("console_url"),
        "console_auth_method": option("console_auth_method", choices=list(METHODS)),
        "console_api_key": option("console_api_key", no_log=True),
        "console_instance_id": option("console_instance_id"),
        "console_token_url": option("console_token_url", no_log=False),
        "console_username": option("console_username"),
        "console_password": option("console_password", no_log=True),
        **{f"console_{name}": option(f"console_{name}", no_log=False) for name in SECRET_PLACES},
        "console_allow_http": {"type": "bool"},
        "validate_certs": {"type": "bool"},
        "ca_path": {"type": "str"},
    }


SYNC_OPTIONS: dict[str, dict[str, Any]] = {
    "sync_arn_field": {"type": "str"},
    "sync_model_group_type": {"type": "str"},
    "sync_use_case_type": {"type": "str"},
    "sync_business_entity_type": {"type": "str"},
}
"""Names in the console that a module may be told; those of a connection, without what only the synchronisation uses."""


def open_console(params: Mapping[str, Any]) -> ConsoleClient:
    """Return a client for a module's options; no request is made yet. Raises BadOptionError, WrongAddressError."""
    for name in ("console_url", "console_auth_method"):
        if not params[name]:
            raise BadOptionError(f"{name} is not set: give it here, in module_defaults, or as WXGOV_{name.upper()}.")
    login = ("api_key", "instance_id", "token_url", "username", "password", *SECRET_PLACES)
    return connect(
        params["console_url"],
        auth_method=params["console_auth_method"],
        auth_options={name: params[f"console_{name}"] or "" for name in login},
        validate_certs=params["validate_certs"] is not False,
        ca_path=params["ca_path"] or None,
        allow_http=params["console_allow_http"] is True,
        fetch_secret=read_secret,
    )


def sync_settings(params: Mapping[str, Any]) -> SyncSettings:
    """Return the names that a module was told, with the defaults of a connection for the others."""
    given = {name.removeprefix("sync_"): params[name] for name in SYNC_OPTIONS if params.get(name)}
    return SyncSettings(**given)
