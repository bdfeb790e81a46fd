# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the options of `connection_stack` to its jobs. Like module.py, this file knows an Ansible module."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.botocore import get_aws_connection_info

from .errors import InputError
from .module import known_regions
from .patience import Patience
from .role_plan import GENERATED_LATER
from .stack import Conditions, Job
from .stack_session import ClientFactory, Login
from .stack_settings import stack_settings

_CONCURRENCY = (1, 64)


def client_factory(module: Any) -> ClientFactory:
    """The factory that the module's own connection options describe."""
    _region, endpoint_url, given = get_aws_connection_info(module)
    return ClientFactory(
        endpoint_url=endpoint_url,
        verify=given.get("verify"),
        config=module.params.get("aws_config") or {},
        known_regions=lambda: known_regions("sqs"),
    )


def jobs(module: Any) -> list[Job]:
    """One job an account, all options checked; raises InputError before the first call."""
    options = module.params
    base = Login(
        region=options["region"],
        profile=options["profile"],
        access_key=options["access_key"],
        secret_key=options["secret_key"],
        session_token=options["session_token"],
    )
    accounts = options["accounts"]
    if accounts is None:
        return [_job({"name": options["connection_name"]}, options, base)]
    names = [account["name"] for account in accounts]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"accounts has the name {twice[0]!r} twice; a name must be unique.")
    return [_job(account, options, base) for account in accounts]


def _job(account: Mapping[str, Any], options: Mapping[str, Any], base: Login) -> Job:
    names = ("region", "profile", "access_key", "secret_key", "session_token", "assume_role")
    login = Login(**{name: account.get(name) for name in names}).over(base)
    try:
        settings = stack_settings(options, account, options["state"] == "present")
    except InputError as error:
        raise InputError(f"{account['name']}: {error}" if options["accounts"] else str(error)) from error
    return Job(account["name"] or settings.connection_name, login, settings)


def conditions(module: Any) -> Conditions:
    """How the module's options want the work done."""
    options = module.params
    lowest, highest = _CONCURRENCY
    if not lowest <= options["concurrency"] <= highest:
        raise InputError(f"concurrency is {options['concurrency']}; it must be from {lowest} to {highest}.")
    check_mode = bool(module.check_mode)
    return Conditions(
        check_mode=check_mode,
        patience=Patience(options["wait_timeout"] if options["wait"] else 0),
        new_external_id=lambda: GENERATED_LATER if check_mode else secrets.token_urlsafe(24),
        concurrency=options["concurrency"],
    )
