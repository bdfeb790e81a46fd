# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What modules that log in to a console have in common: the options of the fragment wxgov.sagemaker.console.

Like every file beside the room aws this goes to the agent's host too, so Ansible's own parts are handed in.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from .connection.model import ConsoleEndpoint, SyncSettings
from .console.errors import BadOptionError
from .console.secret import option_names

SECRET_PLACES = tuple(name for secret in ("api_key", "password") for name in option_names(secret)[1:])
"""The options that say where a login's secret is kept: api_key_file, …, password_secret."""
SECRETS = {name: tuple(f"console_{option}" for option in option_names(name)) for name in ("api_key", "password")}
"""For each secret of a login, the options that can give it: the secret itself, and the places where it is kept."""
SECRET_OPTIONS = frozenset(options[0] for options in SECRETS.values())
"""The options that hold a secret itself."""
LOGIN_OPTIONS = (
    "console_url",
    "console_auth_method",
    "console_instance_id",
    "console_token_url",
    "console_username",
    *(option for options in SECRETS.values() for option in options),
)
"""The options that an environment variable WXGOV_… can stand for."""
METHODS = ("mcsp", "mcsp_account", "ibm_cloud", "cp4d", "zen_api_key", "basic")


def console_options(env_fallback: Callable[..., Any] | None = None) -> dict[str, dict[str, Any]]:
    """Return the specification of the options.

    With ``env_fallback``, the function of that name of Ansible's basic module, an environment variable
    WXGOV_CONSOLE_… stands for each of LOGIN_OPTIONS. A module that has to tell what the task gave leaves it out, and
    asks ``environment_values``.
    """

    def option(name: str, **more: Any) -> dict[str, Any]:
        fallback = {"fallback": (env_fallback, [_variable(name)])} if env_fallback else {}
        return {"type": "str", **fallback, **more}

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


def environment_values(given: Mapping[str, Any], environ: Mapping[str, str]) -> dict[str, str]:
    """Return what the environment has for those of LOGIN_OPTIONS that are not given (None).

    Nothing is returned for a secret that is given in another place: it is kept in one. An empty variable is none.
    Raises BadOptionError for a login method that there is not.
    """
    taken = [name for options in SECRETS.values() if any(given.get(option) for option in options) for name in options]
    unset = [name for name in LOGIN_OPTIONS if given.get(name) is None and name not in taken]
    found = {name: environ[_variable(name)] for name in unset if environ.get(_variable(name))}
    method = found.get("console_auth_method", METHODS[0])
    if method not in METHODS:
        raise BadOptionError(f"WXGOV_CONSOLE_AUTH_METHOD is {method!r}: it has to be one of {', '.join(METHODS)}.")
    return found


def _variable(name: str) -> str:
    return f"WXGOV_{name.upper()}"


def _told_apart(params: Mapping[str, Any], environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the options with a secret's place in the environment left out where the task gave another place.

    Ansible does not tell a fallback from what the task gave: one that has the variable's value is taken for a fallback.
    """
    given = {name: None if params[name] == environ.get(_variable(name)) else params[name] for name in LOGIN_OPTIONS}
    return {**params, **given, **environment_values(given, environ)}


def endpoint_of(params: Mapping[str, Any]) -> ConsoleEndpoint:
    """Return the console that a module's options name. Raises BadOptionError."""
    params = _told_apart(params, os.environ)
    for name in ("console_url", "console_auth_method"):
        if not params[name]:
            raise BadOptionError(f"{name} is not set: give it here, in module_defaults, or as WXGOV_{name.upper()}.")
    login = ("api_key", "instance_id", "token_url", "username", "password", *SECRET_PLACES)
    return ConsoleEndpoint(
        url=params["console_url"],
        auth_method=params["console_auth_method"],
        auth_options={name: params[f"console_{name}"] or "" for name in login},
        validate_certs=params["validate_certs"] is not False,
        ca_path=params["ca_path"] or None,
        allow_http=params["console_allow_http"] is True,
    )


def sync_settings(params: Mapping[str, Any]) -> SyncSettings:
    """Return the names that a module was told, with the defaults of a connection for the others."""
    given = {name.removeprefix("sync_"): params[name] for name in SYNC_OPTIONS if params.get(name)}
    return SyncSettings(**given)
