# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent's commands: ``python -m wxgov_sagemaker.agent {run,check,start,stop,status} --config FILE``."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from ..connection.store import DirectoryStore
from ..errors import WxgovError
from .intake import Step, no_step
from .log import configure
from .process import Condition, look, start, stop
from .runtime import RuntimeFactory
from .service import Service
from .settings import load_settings


def main(
    arguments: Sequence[str] | None = None, *, runtime_factory: RuntimeFactory | None = None, step: Step = no_step
) -> int:
    """Run a command; the exit code. 0: done; 1: it failed; 2: wrong usage; 3 (status): no agent runs.

    ``runtime_factory`` None: connections synchronise as `sync.service` does it.
    """
    options = _parser().parse_args(arguments)
    commands: dict[str, Callable[[argparse.Namespace], int]] = {
        "run": lambda given: _run(given, runtime_factory, step),
        "check": _check,
        "start": _start,
        "stop": _stop,
        "status": _status,
    }
    try:
        return commands[options.command](options)
    except WxgovError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="wxgov-agent", description="Keeps a Governance console in step with SageMaker."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    for name, text in (
        ("run", "work until told to stop (SIGTERM; SIGHUP reads the connections again)"),
        ("check", "read settings and connections, and say what is wrong with them"),
        ("start", "run in the background, and wait until it works"),
        ("stop", "stop the agent that runs in the background"),
        ("status", "say whether the agent runs"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--config", type=Path, required=True, help="the settings file")
        if name in ("start", "stop"):
            command.add_argument("--timeout", type=float, default=60.0, help="seconds (default: %(default)s)")
        if name == "start":
            command.add_argument("--log-file", type=Path, required=True, help="where its log is appended to")
            command.add_argument("--environment-file", type=Path, help='NAME="value" lines added to its environment')
    return parser


def _run(options: argparse.Namespace, runtime_factory: RuntimeFactory | None, step: Step) -> int:
    settings = load_settings(options.config)
    configure(settings.log_format, settings.log_level)
    service = Service(
        settings, runtime_factory or _real_runtimes(), reread=lambda: load_settings(options.config), step=step
    )
    return service.run()


def _real_runtimes() -> RuntimeFactory:
    # Loads boto3 and requests, which takes the other commands' whole time many times over.
    from ..sync.service import make_runtime

    return make_runtime


def _check(options: argparse.Namespace) -> int:
    settings = load_settings(options.config)
    loaded = DirectoryStore(settings.connections_dir).load_all()
    for connection in loaded.connections:
        sys.stdout.write(f"{connection.name}: {'enabled' if connection.enabled else 'disabled'}\n")
    for name, problem in loaded.problems.items():
        sys.stderr.write(f"{name}: {problem}\n")
    return 1 if loaded.problems else 0


def _start(options: argparse.Namespace) -> int:
    _print(start(options.config, options.log_file, options.environment_file, options.timeout))
    return 0


def _stop(options: argparse.Namespace) -> int:
    _print(stop(load_settings(options.config).state_dir, options.timeout))
    return 0


def _status(options: argparse.Namespace) -> int:
    found = look(load_settings(options.config).state_dir)
    _print(found)
    return 0 if found.running else 3


def _print(result: Condition) -> None:
    sys.stdout.write(json.dumps(dataclasses.asdict(result)) + "\n")
