# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run: every fact in turn, and whatever was made is removed again, also after Ctrl-C."""

from __future__ import annotations

import datetime
import pathlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import yaml

from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.model import SyncSettings
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.client import ConsoleClient, connect
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.errors import ConsoleError
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.query import Column, Like, Query, columns

from .facts import ID, NAME, Fact, Surroundings, look_at
from .reading import READING
from .report import Finding, Report
from .writing import WRITING

GALAXY = pathlib.Path(__file__).resolve().parents[2] / "galaxy.yml"
FACTS = (*READING, *WRITING)
SECRET_OPTIONS = ("api_key", "password", "username", "instance_id")


@dataclass(frozen=True, slots=True)
class Target:
    """A console and how to log in to it; ``user`` is the name of some user to look up."""

    url: str
    auth_method: str = "mcsp"
    auth_options: Mapping[str, str] = field(default_factory=dict, repr=False)
    ca_path: str | None = None
    validate_certs: bool = True
    user: str = ""
    settings: SyncSettings = field(default_factory=SyncSettings)

    def secrets(self) -> tuple[str, ...]:
        """Return what must not be in a report."""
        return tuple(value for name, value in self.auth_options.items() if name in SECRET_OPTIONS and len(value) > 2)


def run(target: Target, *, write: bool, on_finding: Callable[[Finding], object] = lambda _finding: None) -> Report:
    """Try every fact and return the report. Raises ConsoleError only for options that cannot work at all."""
    started = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    client = connect(
        target.url,
        auth_method=target.auth_method,
        auth_options=target.auth_options,
        validate_certs=target.validate_certs,
        ca_path=target.ca_path,
    )
    # Names of a run are its own, so that two runs, or the rests of one, are never taken for one another's.
    at = Surroundings(client, target.settings, target.user, f"wxgov-conformance-{secrets.token_hex(4)}")
    findings: list[Finding] = []
    try:
        for one in FACTS:
            findings.append(_finding(one, at, write, findings))
            on_finding(findings[-1])
    finally:
        left = clean_up(client, at)
        client.close()
    version = str(yaml.safe_load(GALAXY.read_text(encoding="utf-8"))["version"])
    return Report(started, version, write, dict(client.calls), left, tuple(findings))


def clean_up(client: ConsoleClient, at: Surroundings) -> tuple[str, ...]:
    """Remove what the run made, last first; return what could not be removed."""
    doomed = [(made.type_name, made.id) for made in reversed(at.made)]
    left = []
    for type_name in dict.fromkeys(at.unsure):
        try:
            doomed += [(type_name, object_id) for object_id in _marked(client, at, type_name)]
        except ConsoleError as error:
            left.append(f"perhaps a {type_name} named {at.mark} …: {error}")
    for type_name, object_id in dict.fromkeys(doomed):
        try:
            client.delete_object(object_id)
        except ConsoleError as error:
            left.append(f"{type_name} {object_id} ({at.mark}): {error}")
    return tuple(left)


def _marked(client: ConsoleClient, at: Surroundings, type_name: str) -> list[str]:
    """Return the ids of the objects that bear the run's mark: a creation whose answer was lost is found by its name."""
    query = Query(columns(ID), type_name, where=Like(Column(NAME), f"{at.mark}%"))
    return [str(row[ID]) for row in client.select(query)]


def _finding(one: Fact, at: Surroundings, write: bool, before: list[Finding]) -> Finding:
    if one.writes and not write:
        return one.finding("skipped", "It writes: run with --write.")
    if before and before[0].outcome == "error":
        return one.finding("skipped", "The console cannot be read at all.")
    return look_at(one, at)
