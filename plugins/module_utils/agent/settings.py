# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent's settings: one JSON file, validated as a whole before anything starts."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..connection.model import NAME_FORM
from ..connection.secrets_store import DEFAULT_PREFIX
from ..connection.store import DEFAULT_DIRECTORY
from ..connection.stores import StoreKind, StoreSettings
from .errors import SettingsError
from .serving.address import DEFAULT_LISTEN, Address, parse_listen

SETTINGS_FILE = "settings file"
"""Where the settings file is among what could not be used."""
STORES = ("directory", "secretsmanager")
ALL_CONNECTIONS = "all"
LOG_FORMATS = ("auto", "json", "text")
LOG_LEVELS = ("debug", "info", "warning", "error")


@dataclass(frozen=True, slots=True)
class Settings:
    """Times are seconds. The defaults are those of the architecture; `BOUNDS` says what is allowed.

    ``connections`` are the names of those that this agent works on; None (in the file: "all", or nothing said): all
    that are in the store. Of several agents, each gets its share of the names, and the others stand by.
    ``dirty_limit`` keys of a connection in the journal, and no more is received for it until there are fewer.
    What was written after more than ``doubt_seconds`` is looked at again: another agent may have acted in between.
    ``listen`` is where the status page, metrics and health are served: IP:PORT, [IPv6]:PORT, unix:/PATH, or "" for
    nowhere; beyond the loopback interface a ``listen_token_file`` is needed.
    ``queue_retention_seconds`` is what a queue is taken to keep messages for when it does not tell.
    """

    state_dir: Path
    connections_store: StoreKind = "directory"
    connections_dir: Path = Path(DEFAULT_DIRECTORY)
    secrets_prefix: str = DEFAULT_PREFIX
    secrets_region: str | None = None
    connections: tuple[str, ...] | None = None
    workers: int = 32
    dirty_limit: int = 100_000
    doubt_seconds: float = 30
    full_sweep_seconds: float = 86_400
    incremental_sweep_seconds: float = 600
    sweep_overlap_seconds: float = 900
    console_poll_seconds: float = 60
    queue_retention_seconds: float = 1_209_600
    receive_wait_seconds: int = 20
    grace_seconds: float = 30
    status_seconds: float = 5
    reload_seconds: float = 30
    log_format: str = "auto"
    log_level: str = "info"
    listen: str = DEFAULT_LISTEN
    listen_token_file: Path | None = None

    @property
    def address(self) -> Address | None:
        """Where to listen; None: nowhere."""
        return parse_listen(self.listen)

    @property
    def store(self) -> StoreSettings:
        """Where the connections are kept."""
        return StoreSettings(
            kind=self.connections_store,
            directory=str(self.connections_dir),
            prefix=self.secrets_prefix,
            region=self.secrets_region,
        )


# Least and greatest value of each number; SQS itself limits the long poll (20 s) and the retention (60 s to 14 days).
BOUNDS: Mapping[str, tuple[float, float]] = {
    "workers": (1, 256),
    "dirty_limit": (10, 10_000_000),
    "doubt_seconds": (1, 3600),
    "full_sweep_seconds": (1, 31 * 86_400),
    "incremental_sweep_seconds": (1, 86_400),
    "sweep_overlap_seconds": (0, 86_400),
    "console_poll_seconds": (1, 86_400),
    "queue_retention_seconds": (60, 1_209_600),
    "receive_wait_seconds": (1, 20),
    "grace_seconds": (0, 600),
    "status_seconds": (0.1, 300),
    "reload_seconds": (0.1, 3600),
}
_INTEGERS = frozenset({"workers", "dirty_limit", "receive_wait_seconds"})
_PATHS = frozenset({"connections_dir", "state_dir", "listen_token_file"})
_TEXTS = frozenset({"secrets_prefix", "secrets_region"})
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "connections_store": STORES,
    "log_format": LOG_FORMATS,
    "log_level": LOG_LEVELS,
}
_NEEDED = ("state_dir",)
_LIVE = frozenset(
    {
        "connections_store",
        "connections_dir",
        "secrets_prefix",
        "secrets_region",
        "connections",
        "workers",
        "doubt_seconds",
        "grace_seconds",
        "status_seconds",
        "reload_seconds",
        "log_format",
        "log_level",
    }
)
"""What a running agent takes over as it is."""

_BEGIN_ANEW = frozenset(
    {
        "dirty_limit",
        "full_sweep_seconds",
        "incremental_sweep_seconds",
        "sweep_overlap_seconds",
        "console_poll_seconds",
        "queue_retention_seconds",
        "receive_wait_seconds",
    }
)
"""What a running agent takes over by letting every connection begin anew."""


def load_settings(path: str | os.PathLike[str]) -> Settings:
    """Read the settings file. Raises SettingsError naming the file and every value that is wrong."""
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"The settings file {path} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"The settings file {path} is not JSON: {error}.") from error
    try:
        return read_settings(content)
    except SettingsError as error:
        raise SettingsError(f"The settings file {path} cannot be used: {error}") from error


def read_settings(content: object) -> Settings:
    """Make settings of a JSON object. Raises SettingsError naming every value that is wrong."""
    if not isinstance(content, dict):
        raise SettingsError("it must hold one JSON object.")
    names = [field.name for field in dataclasses.fields(Settings)]
    problems = [f"{name} is not a setting (there are {', '.join(names)})" for name in content if name not in names]
    problems += [f"{name} is missing" for name in _NEEDED if name not in content]
    problems += [problem for name in names if name in content and (problem := _problem(name, content[name]))]
    problems += [] if problems else _problem_of_listening(content)
    if problems:
        raise SettingsError("; ".join(problems) + ".")
    values: dict[str, Any] = {name: _converted(name, value) for name, value in content.items()}
    return Settings(**values)


@dataclass(frozen=True, slots=True)
class Takeover:
    """What becomes of new settings in a running agent: those that hold now, and the names of those that cannot yet."""

    settings: Settings
    begin_anew: bool
    left: tuple[str, ...]


def take_over(old: Settings, new: Settings) -> Takeover:
    """Say which of the new settings a running agent can have: all but those that only its start can change."""
    changed = {
        field.name for field in dataclasses.fields(Settings) if getattr(old, field.name) != getattr(new, field.name)
    }
    can = changed & (_LIVE | _BEGIN_ANEW)
    settings = dataclasses.replace(old, **{name: getattr(new, name) for name in can})
    return Takeover(settings, bool(changed & _BEGIN_ANEW), tuple(sorted(changed - can)))


def _converted(name: str, value: Any) -> Any:
    if name in _PATHS:
        return Path(value)
    if name == "connections":
        return None if value == ALL_CONNECTIONS else tuple(dict.fromkeys(value))
    return value


def _problem(name: str, value: object) -> str | None:
    if name == "connections":
        return _problem_of_names(value)
    if name == "listen":
        return _problem_of_address(value)
    if name in _PATHS:
        good = isinstance(value, str) and os.path.isabs(value)
        return None if good else f"{name} is {value!r} and must be an absolute path"
    if name in _TEXTS:
        return None if isinstance(value, str) and value else f"{name} is {value!r} and must be text"
    if name in _CHOICES:
        choices = ", ".join(_CHOICES[name])
        return None if value in _CHOICES[name] else f"{name} is {value!r} and must be one of {choices}"
    return _problem_of_number(name, value)


def _problem_of_number(name: str, value: object) -> str | None:
    least, most = BOUNDS[name]
    kinds = (int,) if name in _INTEGERS else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or not least <= value <= most:
        kind = "a whole number" if name in _INTEGERS else "a number"
        return f"{name} is {value!r} and must be {kind} from {least:g} to {most:g}"
    return None


def _problem_of_address(value: object) -> str | None:
    try:
        parse_listen(value)
    except ValueError as error:
        return f"listen is {value!r} and {error}"
    return None


def _problem_of_listening(content: Mapping[str, Any]) -> list[str]:
    """Whoever can reach the server beyond this machine must be made to show a token."""
    address = parse_listen(content.get("listen", DEFAULT_LISTEN))
    if address is None or address.is_loopback or "listen_token_file" in content:
        return []
    return [f"listen is {address.url}, which others can reach: name a listen_token_file"]


def _problem_of_names(value: object) -> str | None:
    if value == ALL_CONNECTIONS:
        return None
    if not isinstance(value, list):
        return f'connections is {value!r} and must be "{ALL_CONNECTIONS}" or a list of names'
    wrong = [name for name in value if not (isinstance(name, str) and NAME_FORM.fullmatch(name))]
    return f"connections holds {wrong[0]!r}, which cannot be a connection's name" if wrong else None
