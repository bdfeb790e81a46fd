# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting, stopping and looking at an agent where no service manager does it.

Whether an agent runs is told by the lock on its state directory, never by a pid in a file alone: that may be anybody's.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import AgentError
from .settings import load_settings
from .state_directory import running_pid
from .status import read_status

_POLL = 0.1


@dataclass(frozen=True, slots=True)
class Condition:
    """Whether an agent runs. ``state`` and ``deployment`` are what its own status file says, "" when there is none."""

    running: bool
    pid: int | None
    state: str
    deployment: str


def look(state_dir: Path) -> Condition:
    """Tell whether an agent runs on this state directory."""
    pid = running_pid(state_dir)
    status = status_of(state_dir, pid)
    return Condition(pid is not None, pid, str(status.get("state", "")), str(status.get("deployment", "")))


def start(config: Path, log_file: Path, environment_file: Path | None, timeout: float) -> Condition:
    """Start an agent in a session of its own and wait until it runs. Does nothing where one runs already.

    Raises AgentError, with the end of the log, when it ends or does not run within ``timeout`` seconds.
    """
    settings = load_settings(config)
    found = look(settings.state_dir)
    if found.running:
        return found
    environment = {**os.environ, **(read_environment(environment_file) if environment_file else {})}
    log_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", str(__package__), "run", "--config", str(config)],
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            env=environment,
            cwd="/",
            start_new_session=True,
        )
    finally:
        os.close(descriptor)
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        found = look(settings.state_dir)
        if found.pid == process.pid and found.state == "running":
            return found
        if process.poll() is not None:
            raise AgentError(f"The agent ended at once with code {process.returncode}. {_last_lines(log_file)}")
        time.sleep(_POLL)
    raise AgentError(f"The agent (pid {process.pid}) does not run after {timeout:g} s. {_last_lines(log_file)}")


def stop(state_dir: Path, timeout: float) -> Condition:
    """Stop the agent with SIGTERM, and with SIGKILL after ``timeout`` seconds; its keys are safe in both cases.

    Does nothing where none runs. Raises AgentError when the process cannot be stopped.
    """
    pid = running_pid(state_dir)
    if pid is None:
        return look(state_dir)
    for number, patience in ((signal.SIGTERM, timeout), (signal.SIGKILL, 10.0)):
        _send(pid, number)
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if running_pid(state_dir) != pid:
                return look(state_dir)
            time.sleep(_POLL)
    raise AgentError(f"The agent (pid {pid}) cannot be stopped.")


def read_environment(path: Path) -> Mapping[str, str]:
    """Read ``NAME="value"`` lines, as systemd's EnvironmentFile has them. Raises AgentError without quoting a value."""
    environment: dict[str, str] = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise AgentError(f"The environment file {path} cannot be read: {error.strerror}.") from error
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith(("#", ";")):
            continue
        try:
            (assignment,) = shlex.split(line)
            name, value = assignment.split("=", 1)
        except ValueError:
            raise AgentError(f'Line {number} of {path} is not of the form NAME="value".') from None
        environment[name] = value
    return environment


def status_of(state_dir: Path, pid: int | None) -> Mapping[str, Any]:
    """The status that the process with this pid wrote; of a stopped agent, the last one."""
    try:
        status = read_status(state_dir) or {}
    except (OSError, ValueError):
        return {}
    return status if pid is None or status.get("pid") == pid else {}


def _send(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
    except PermissionError:
        raise AgentError(f"The agent (pid {pid}) belongs to another user: become that user to stop it.") from None


def _last_lines(log_file: Path) -> str:
    try:
        lines = log_file.read_text(encoding="utf-8", errors="replace").splitlines()[-5:]
    except OSError:
        lines = []
    return f"The end of {log_file}: " + " | ".join(lines) if lines else f"{log_file} is empty."
