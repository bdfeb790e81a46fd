# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the agent's commands do, but for `run`.

They work on the same files as the agent: its settings, its connections, its journal. What another process writes to the
journal the agent finds within a second (`Journal.absorb`), so a mark or an order needs no socket to listen on, is as
safe as a key, and also reaches an agent that starts later.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import Any

from ..connection.model import Connection
from ..connection.stores import open_store
from ..registry.arn import parse_arn
from ..registry.errors import RegistryError
from .errors import AgentError
from .fleet import FULL_SWEEP_WANTED
from .journal import DirtyKey, Journal
from .log import reason
from .process import Condition, look, start, status_of, stop
from .redrive import Redriven, dead_letter_queues, redrive
from .settings import Settings, load_settings
from .state_directory import JOURNAL_FILE
from .tables import columns, duration

NOBODY = 3
"""The exit code that says that no agent runs."""
OLD_STATUS_SECONDS = 30.0
"""A status that is older, and three times as old as it should be, is told to be."""


def nothing(_options: argparse.Namespace) -> int:
    """Stand for a command that is done elsewhere."""
    return 0


def check_config(options: argparse.Namespace) -> int:
    """Say what is wrong with settings and connections; 1 when anything is."""
    settings = load_settings(options.config)
    store = open_store(settings.store)
    loaded = store.load_all()
    for connection in loaded.connections:
        sys.stdout.write(f"{connection.name}: {_part(settings, connection)}\n")
    problems = dict(loaded.problems)
    for name in settings.connections or ():
        if name not in problems and name not in {connection.name for connection in loaded.connections}:
            problems[name] = f"There is no such connection in {store.place}."
    for name, problem in sorted(problems.items()):
        sys.stderr.write(f"{name}: {problem}\n")
    return 1 if problems else 0


def start_agent(options: argparse.Namespace) -> int:
    """Start an agent in the background."""
    _print_json(dataclasses.asdict(start(options.config, options.log_file, options.environment_file, options.timeout)))
    return 0


def stop_agent(options: argparse.Namespace) -> int:
    """Stop the agent."""
    _print_json(dataclasses.asdict(stop(load_settings(options.config).state_dir, options.timeout)))
    return 0


def status(options: argparse.Namespace) -> int:
    """Say how the agent is: a table for people, JSON for others."""
    settings = load_settings(options.config)
    found = look(settings.state_dir)
    written = status_of(settings.state_dir, found.pid)
    if _wants_json(options):
        _print_json({**dataclasses.asdict(found), "status": written})
    else:
        sys.stdout.write(_told(found, written, _age(written, time.time()), 3 * settings.status_seconds) + "\n")
    return 0 if found.running else NOBODY


def dirty(options: argparse.Namespace) -> int:
    """List the keys that wait, or mark some."""
    settings = load_settings(options.config)
    with _journal(settings) as journal:
        if options.mark:
            return _mark(journal, _chosen(settings, options.connection), options.mark)
        names = _listed(settings, journal, options.connection)
        found = {name: journal.keys(name, options.limit) for name in names}
        if _wants_json(options):
            _print_json({name: [_plain(key) for key in keys] for name, keys in found.items()})
        else:
            sys.stdout.write(_keys_told(found, journal.now()) + "\n")
    return 0


def sweep(options: argparse.Namespace) -> int:
    """Order a full sweep from the running agent."""
    settings = load_settings(options.config)
    connections = _chosen(settings, options.connection)
    if not look(settings.state_dir).running:
        sys.stderr.write("No agent runs; when one starts, it begins with a full sweep of each connection.\n")
        return NOBODY
    with _journal(settings) as journal:
        for connection in connections:
            journal.set_note(connection.name, FULL_SWEEP_WANTED, "yes")
            sys.stdout.write(f"{connection.name}: a full sweep is asked for\n")
    return 0


def redrive_letters(options: argparse.Namespace) -> int:
    """Empty the dead-letter queues into the journal; 1 when something could not be read, deleted or reached."""
    settings = load_settings(options.config)
    results: dict[str, list[Redriven]] = {}
    problems: dict[str, str] = {}
    with _journal(settings) as journal:
        for connection in _chosen(settings, options.connection):
            results[connection.name] = done = []
            try:
                client = _sqs_client(connection, options.own_credentials)
                for url in dead_letter_queues(client, connection, options.queue):

                    def mark(keys: Any, name: str = connection.name) -> None:
                        journal.mark_dirty(name, keys)

                    done.append(redrive(client, connection, url, mark, discard=options.discard))
            except Exception as error:  # botocore's errors, of many kinds; the other connections go on
                problems[connection.name] = _with_hint(reason(error))
    _print_redriven(options, results, problems)
    all_done = all(_is_done(result) for done in results.values() for result in done)
    return 0 if all_done and not problems else 1


def _is_done(result: Redriven) -> bool:
    """Whether nothing of what was in a queue is left there."""
    return not result.undeleted and (result.discarded or not result.undecodable)


def _with_hint(problem: str) -> str:
    if "AccessDenied" not in problem:
        return problem
    return (
        "These credentials may not read dead letters (those of the agent need not): sqs:ReceiveMessage, "
        "sqs:DeleteMessage, sqs:SendMessage and sqs:GetQueueUrl on the dead-letter queues and sqs:GetQueueAttributes "
        f"on the queue are needed; --own-credentials takes those of whoever runs the command. {problem}"
    )


def _sqs_client(connection: Connection, own: bool) -> Any:
    # Here and not above: boto3 takes longer to load than all that the other commands do.
    from ..connection.aws_session import client_for, own_client, session_for

    if own:
        return own_client("sqs", connection.region)
    return client_for(session_for(connection), "sqs")


def _print_redriven(
    options: argparse.Namespace, results: Mapping[str, Sequence[Redriven]], problems: Mapping[str, str]
) -> None:
    if _wants_json(options):
        plain = {name: [dataclasses.asdict(result) for result in done] for name, done in results.items()}
        _print_json({"connections": plain, "problems": dict(problems)})
        return
    for name, done in results.items():
        for result in done:
            sys.stdout.write(f"{name}: {_redriven_told(result)}\n")
        if not done and name not in problems:
            sys.stdout.write(f"{name}: it has no dead-letter queue\n")
    for name, problem in problems.items():
        sys.stderr.write(f"{name}: {problem}\n")


def _redriven_told(result: Redriven) -> str:
    text = f"{result.queue}: {result.read} read, {result.keys} entities are looked at again"
    if result.irrelevant:
        text += f", {result.irrelevant} said nothing about this registry"
    if result.undeleted:
        text += f", {result.undeleted} could not be deleted and are still there (redrive again, it does no harm)"
    if not result.undecodable:
        return text
    fate = "deleted unread" if result.discarded else "cannot be read and stay (--discard deletes them)"
    letters = "".join(f"\n  {letter.id}: {letter.reason}" for letter in result.undecodable)
    return f"{text}, {len(result.undecodable)} {fate}:{letters}"


def _mark(journal: Journal, connections: Sequence[Connection], arns: Sequence[str]) -> int:
    """Mark ARNs dirty for the connection whose registry they are in."""
    places = {(connection.account_id, connection.region): connection.name for connection in connections}
    marks: dict[str, list[str]] = {}
    for arn in arns:
        try:
            parsed = parse_arn(arn)
        except RegistryError as error:
            raise AgentError(str(error)) from None
        name = places.get((parsed.account_id, parsed.region))
        if name is None:
            raise AgentError(f"No connection that this agent works on has the registry of {arn}.")
        marks.setdefault(name, []).append(str(parsed))
    for name, keys in marks.items():
        journal.mark_dirty(name, keys)
        sys.stdout.write(f"{name}: {len(keys)} marked\n")
    return 0


def _chosen(settings: Settings, names: Sequence[str]) -> list[Connection]:
    """The enabled connections that this agent works on, or those of them that were named. Raises AgentError."""
    loaded = open_store(settings.store).load_all()
    own = {connection.name: connection for connection in loaded.connections if _part(settings, connection) == "enabled"}
    strangers = [name for name in names if name not in own]
    if strangers:
        parts = {connection.name: _part(settings, connection) for connection in loaded.connections}
        states = [f"{name} ({loaded.problems.get(name) or parts.get(name, 'there is none')})" for name in strangers]
        raise AgentError(f"This agent does not work on {', '.join(states)}. It works on: {', '.join(own) or 'none'}.")
    return [own[name] for name in (names or own)]


def _listed(settings: Settings, journal: Journal, names: Sequence[str]) -> Sequence[str]:
    """The connections whose keys are to be listed: those with any, or those that were named. Raises AgentError.

    Keys may wait for a connection that is disabled, or another agent's by now; a name that nobody knows is a slip.
    """
    waiting = journal.connections()
    strangers = [name for name in names if name not in waiting]
    if strangers:
        loaded = open_store(settings.store).load_all()
        known = sorted({*(connection.name for connection in loaded.connections), *loaded.problems, *waiting})
        unknown = [name for name in strangers if name not in known]
        if unknown:
            raise AgentError(f"There is no connection {', '.join(unknown)}. There are: {', '.join(known) or 'none'}.")
    return names or waiting


def _part(settings: Settings, connection: Connection) -> str:
    if not connection.enabled:
        return "disabled"
    mine = settings.connections is None or connection.name in settings.connections
    return "enabled" if mine else "enabled, another agent's share"


@contextmanager
def _journal(settings: Settings) -> Iterator[Journal]:
    path = settings.state_dir / JOURNAL_FILE
    if not path.exists():
        raise AgentError(f"There is no journal {path} yet: has an agent run with these settings?")
    journal = Journal(path)
    try:
        yield journal
    finally:
        journal.close()


def _plain(key: DirtyKey) -> dict[str, Any]:
    moments = {"dirty_since": _isoformat(key.dirty_since), "next_try": _isoformat(key.not_before)}
    return {"key": key.key, "attempts": key.attempts, "parked": key.parked, "error": key.error, **moments}


def _isoformat(moment: float) -> str:
    return datetime.fromtimestamp(moment, timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z")


def _keys_told(found: Mapping[str, Sequence[DirtyKey]], now: float) -> str:
    rows = [
        (
            name,
            key.key,
            duration(now - key.dirty_since),
            str(key.attempts),
            "parked" if key.parked else duration(key.not_before - now) if key.not_before > now else "now",
            key.error,
        )
        for name, keys in found.items()
        for key in keys
    ]
    return (
        columns(("CONNECTION", "KEY", "WAITS", "FAILED", "NEXT TRY", "LAST ERROR"), rows) if rows else "Nothing waits."
    )


def _age(written: Mapping[str, Any], now: float) -> float:
    """How many seconds ago a status was written; 0 where it does not say."""
    try:
        moment = datetime.fromisoformat(str(written.get("written_at")).replace("Z", "+00:00"))
    except ValueError:
        return 0.0
    return max(0.0, now - moment.timestamp())


def _told(found: Condition, written: Mapping[str, Any], age: float, old: float) -> str:
    if not found.running:
        return "No agent runs."
    lines = [f"The agent runs with pid {found.pid}: {found.state or 'it has not said anything yet'}."]
    if age > max(OLD_STATUS_SECONDS, old):
        why = "its status file cannot be written (is the disk full?), or it hangs (its log says at what after SIGUSR1)"
        lines.append(f"What follows is {duration(age)} old: {why}.")
    connections: Mapping[str, Mapping[str, Any]] = written.get("connections") or {}
    rows = [
        (
            name,
            str(state.get("state", "")),
            str(state.get("dirty", "?")),
            str(state.get("failing", "?")),
            str(state.get("parked", "?")),
            duration(float(state.get("lag_seconds") or 0)),
            str(state.get("last_success_at") or "never"),
            str(state.get("last_error") or ""),
        )
        for name, state in sorted(connections.items())
    ]
    if rows:
        head = ("CONNECTION", "STATE", "DIRTY", "FAILING", "PARKED", "LAG", "LAST SUCCESS", "LAST ERROR")
        lines += [columns(head, rows)]
    if written.get("standby"):
        lines.append(f"Stands by for: {', '.join(written['standby'])}.")
    lines += [f"{name or 'connections'}: {problem}" for name, problem in (written.get("problems") or {}).items()]
    return "\n".join(lines)


def _wants_json(options: argparse.Namespace) -> bool:
    return bool(options.json) or not sys.stdout.isatty()


def _print_json(content: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(content) + "\n")
