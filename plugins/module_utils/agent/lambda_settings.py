# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Lambda function of the agent is told by its environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..connection.model import NAME_FORM
from ..connection.secrets_store import DEFAULT_PREFIX
from .errors import SettingsError
from .settings import LOG_LEVELS

PREFIX = "WXGOV_"
LONGEST_LOOK_BACK = 31 * 86_400


@dataclass(frozen=True, slots=True)
class LambdaSettings:
    """One function serves one connection, which is a secret named ``secrets_prefix`` + ``connection``.

    ``message_group`` is the group that the events of the queue have: what a sweep sends joins it, so that Lambda works
    on one batch at a time. An incremental sweep asks for changes of the last ``look_back_seconds``.
    """

    connection: str
    secrets_prefix: str = DEFAULT_PREFIX
    message_group: str = "model-registry"
    look_back_seconds: int = 3600
    workers: int = 8
    log_level: str = "info"


_LIMITS = {"look_back_seconds": (60, LONGEST_LOOK_BACK), "workers": (1, 64)}


def settings_from(environment: Mapping[str, str]) -> LambdaSettings:
    """Read ``WXGOV_CONNECTION``, ``WXGOV_SECRETS_PREFIX`` and so on. Raises SettingsError naming what is wrong."""
    connection = environment.get(f"{PREFIX}CONNECTION", "")
    if not NAME_FORM.fullmatch(connection):
        raise SettingsError(f"{PREFIX}CONNECTION is {connection!r} and must be the name of a connection.")
    log_level = environment.get(f"{PREFIX}LOG_LEVEL", "info")
    if log_level not in LOG_LEVELS:
        raise SettingsError(f"{PREFIX}LOG_LEVEL is {log_level!r} and must be one of {', '.join(LOG_LEVELS)}.")
    return LambdaSettings(
        connection=connection,
        secrets_prefix=environment.get(f"{PREFIX}SECRETS_PREFIX", DEFAULT_PREFIX),
        message_group=environment.get(f"{PREFIX}MESSAGE_GROUP", "model-registry"),
        look_back_seconds=_number(environment, "look_back_seconds", 3600),
        workers=_number(environment, "workers", 8),
        log_level=log_level,
    )


def _number(environment: Mapping[str, str], name: str, default: int) -> int:
    variable = f"{PREFIX}{name.upper()}"
    text = environment.get(variable, str(default))
    least, most = _LIMITS[name]
    if not text.isdecimal() or not least <= int(text) <= most:
        raise SettingsError(f"{variable} is {text!r} and must be a whole number from {least} to {most}.")
    return int(text)
