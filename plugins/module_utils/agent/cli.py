# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent's commands: ``python -m wxgov_sagemaker.agent <command> --config FILE``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from ..errors import WxgovError
from . import commands
from .intake import Step, no_step
from .log import configure
from .process import read_environment
from .runtime import RuntimeFactory
from .service import Service
from .settings import Settings, load_settings

Command = Callable[[argparse.Namespace], int]


def main(
    arguments: Sequence[str] | None = None, *, runtime_factory: RuntimeFactory | None = None, step: Step = no_step
) -> int:
    """Run a command; the exit code. 0: done; 1: it failed; 2: wrong usage; 3: no agent runs.

    ``runtime_factory`` None: connections synchronise as `sync.service` does it.
    """
    options = _parser().parse_args(arguments)
    try:
        if options.environment_file is not None:
            os.environ.update(read_environment(options.environment_file))
        if options.command == "run":
            return _run(options, runtime_factory, step)
        act: Command = options.act
        return act(options)
    except WxgovError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="wxgov-agent", description="Keeps a Governance console in step with SageMaker."
    )
    added = parser.add_subparsers(dest="command", required=True, metavar="command")

    def command(
        name: str, act: Command, text: str, *, json: bool = False, aliases: Sequence[str] = ()
    ) -> argparse.ArgumentParser:
        made = added.add_parser(name, aliases=aliases, help=text, description=f"{text[0].upper()}{text[1:]}.")
        made.set_defaults(act=act)
        made.add_argument("--config", type=Path, required=True, help="the settings file")
        made.add_argument("--environment-file", type=Path, help='NAME="value" lines added to the environment')
        if json:
            made.add_argument("--json", action="store_true", help="JSON, also on a terminal")
        return made

    command("run", commands.nothing, "work until told to stop (SIGTERM); SIGHUP reads settings and connections again")
    problems = "read settings and connections, and say what is wrong with them"
    command("check-config", commands.check_config, problems, aliases=["check"])
    started = command("start", commands.start_agent, "run in the background, and wait until it works")
    started.add_argument("--log-file", type=Path, required=True, help="where its log is appended to")
    stopped = command("stop", commands.stop_agent, "stop the agent that runs in the background")
    for waiting in (started, stopped):
        waiting.add_argument("--timeout", type=float, default=60.0, help="seconds (default: %(default)s)")
    command("status", commands.status, "say whether the agent runs, and how its connections are", json=True)
    dirty = command("dirty", commands.dirty, "list the keys that wait for work, or add some", json=True)
    dirty.add_argument("--limit", type=int, default=100, help="keys of each connection (default: %(default)s)")
    dirty.add_argument("--mark", action="append", default=[], metavar="ARN", help="have this entity looked at soon")
    sweeping = command("sweep", commands.sweep, "have the running agent compare everything soon")
    again = command(
        "redrive", commands.redrive_letters, "give what is in the dead-letter queues another chance", json=True
    )
    again.add_argument("--queue", action="append", default=[], metavar="NAME", help="one more queue to empty")
    again.add_argument("--discard", action="store_true", help="delete what cannot be read, too")
    again.add_argument(
        "--own-credentials",
        action="store_true",
        help="reach the queues with the AWS credentials of this command and not with the connection's",
    )
    for chosen in (dirty, sweeping, again):
        chosen.add_argument("--connection", action="append", default=[], metavar="NAME", help="only this one")
    return parser


def _run(options: argparse.Namespace, runtime_factory: RuntimeFactory | None, step: Step) -> int:
    settings = load_settings(options.config)
    configure(settings.log_format, settings.log_level)
    service = Service(
        settings, runtime_factory or _real_runtimes(settings), reread=lambda: load_settings(options.config), step=step
    )
    return service.run()


def _real_runtimes(settings: Settings) -> RuntimeFactory:
    # Loads boto3 and requests, which takes the other commands' whole time many times over.
    from ..sync.service import make_runtime

    return partial(make_runtime, state_dir=settings.state_dir)
