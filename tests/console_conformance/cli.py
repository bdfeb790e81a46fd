# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare a console with what the client rests on.

    CONSOLE_API_KEY=… python -m tests.console_conformance --url https://HOST --instance-id ID --report report.json

Only reads, unless --write is given: then it makes business entities of its own and removes them at the end. Secrets
come from the environment (CONSOLE_API_KEY, CONSOLE_PASSWORD) and never from the command line. Exit status: 0 the
console is as expected, 1 something differs or was left behind, 2 it could not be asked.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import sys
from collections.abc import Mapping, Sequence

from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.model import SyncSettings
from ansible_collections.wxgov.sagemaker.plugins.module_utils.errors import WxgovError

from .report import Finding, Report, to_json, to_table
from .runner import Target, run

LOGIN = ("api_key", "instance_id", "token_url", "username", "password")
SECRET = ("api_key", "password")


def target_from(environment: Mapping[str, str]) -> Target:
    """Return the console that CONSOLE_URL, CONSOLE_AUTH_METHOD, CONSOLE_API_KEY, … name."""
    login = {name: environment.get(f"CONSOLE_{name.upper()}", "") for name in LOGIN}
    group_type = environment.get("CONSOLE_MODEL_GROUP_TYPE") or None
    return Target(
        url=environment["CONSOLE_URL"],
        auth_method=environment.get("CONSOLE_AUTH_METHOD") or "mcsp",
        auth_options={name: value for name, value in login.items() if value},
        ca_path=environment.get("CONSOLE_CA_PATH") or None,
        validate_certs=environment.get("CONSOLE_VALIDATE_CERTS", "true").lower() not in ("false", "no", "0"),
        user=environment.get("CONSOLE_USER", ""),
        settings=SyncSettings(model_group_type=group_type),
    )


def main(arguments: Sequence[str]) -> int:
    """Run, print the table, write the report; return the exit status."""
    options = _parser().parse_args(arguments)
    asked = {name: value for name, value in vars(options).items() if name.startswith("console_") and value}
    environment = {**os.environ, **{name.upper(): value for name, value in asked.items()}}
    if not environment.get("CONSOLE_URL"):
        print("Name the console: --url https://HOST, or CONSOLE_URL.", file=sys.stderr)
        return 2
    target = target_from(environment)
    try:
        report = run(target, write=options.write, on_finding=_show)
    except WxgovError as error:
        print(str(error), file=sys.stderr)
        return 2
    finish(report, target, options.report)
    if report.findings[0].outcome == "error":
        return 2
    return 0 if report.conforms else 1


def finish(report: Report, target: Target, path: pathlib.Path | None) -> None:
    """Print the table and write the JSON, neither of them with a secret."""
    print(to_table(report, target.secrets()), end="")
    if path is not None:
        path.write_text(to_json(report, target.secrets()), encoding="utf-8")


def _show(finding: Finding) -> None:
    if sys.stderr.isatty():
        print(f"{finding.outcome:<8} {finding.name}", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.console_conformance", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--url", dest="console_url", help="address of the console (CONSOLE_URL)")
    parser.add_argument("--auth-method", dest="console_auth_method", help="CONSOLE_AUTH_METHOD; mcsp if not set")
    for name in LOGIN:
        if name not in SECRET:
            flag = f"--{name.replace('_', '-')}"
            parser.add_argument(flag, dest=f"console_{name}", help=f"CONSOLE_{name.upper()}")
    parser.add_argument("--ca-path", dest="console_ca_path", help="CONSOLE_CA_PATH")
    parser.add_argument("--user", dest="console_user", help="user name of somebody to look up (CONSOLE_USER)")
    parser.add_argument(
        "--model-group-type", dest="console_model_group_type", help="its system name (CONSOLE_MODEL_GROUP_TYPE)"
    )
    parser.add_argument("--write", action="store_true", help="also try what writes, on an entity of its own")
    parser.add_argument("--report", type=pathlib.Path, help="file for the report as JSON")
    return parser
