# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Registering a connection: from options over the checks to the plan, and the plan's one write."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from ..connection.aws_session import known_regions
from ..connection.errors import BrokenConnectionError, EditConflictError, InvalidConnectionError
from ..connection.model import Connection
from ..connection.plan import Operation, Wanted, merge, plan, shown
from ..connection.store import Loaded
from ..connection.stores import ConnectionStore
from ..connection.validation import MAX_CONNECTIONS, company_problems, queue_account_problems, value_problems
from ..console.client import ConsoleClient
from ..console_opening import open_console
from .aws_checks import check_credentials
from .checks import Check, failures
from .connection_checks import check_connection
from .console_checks import (
    check_default_user,
    check_login,
    check_permissions,
    check_sync_settings,
    resolve_business_entity,
)

WRITE_ATTEMPTS = 5
"""How often a decision is made anew because others changed a connection between reading and writing."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How a connection is registered.

    ``validate``: look at the console; ``validate_aws``: assume the role, with and without the external id;
    ``update_secrets``: replace secrets that are there already; ``cross_account_queue``: the queue may be another
    account's.
    """

    validate: bool = True
    validate_aws: bool = False
    update_secrets: bool = True
    max_connections: int = MAX_CONNECTIONS
    cross_account_queue: bool = False


@dataclass(frozen=True, slots=True)
class Registration:
    """The outcome of deciding: what to do, the connection as it will be (None: absent), and what it was decided on."""

    name: str
    operations: tuple[Operation, ...]
    target: Connection | None
    seen: Loaded
    checks: tuple[Check, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.operations)

    def result(self) -> dict[str, object]:
        """Return the keys of the module's result, the same in check mode; secrets are hidden."""
        return {
            "changed": self.changed,
            "connection": shown(self.target),
            "operations": [operation.name for operation in self.operations],
            "checks": [check.as_dict() for check in self.checks],
            "diff": {
                "before": dict(self.operations[0].before) if self.operations else shown(self.target),
                "after": dict(self.operations[0].after) if self.operations else shown(self.target),
            },
        }


def decide_presence(store: ConnectionStore, wanted: Wanted, rules: Rules) -> Registration:
    """Read, check and plan a connection that shall be there; nothing is written.

    Raises the errors of the connection, console and preflight rooms: one for each bad input.
    """
    seen = store.load_all()
    existing = store.find(wanted.name)
    target = merge(existing, wanted, update_secrets=rules.update_secrets)
    _raise_for((*value_problems(target, known_regions()), *_queue_problems(target, wanted, rules)))
    target = _with_entity(existing, target, wanted, rules)
    _raise_for(company_problems(target, seen.connections, rules.max_connections))
    if rules.validate_aws:
        _raise_for(filter(None, [failures(check_credentials(target))]))
    operations = plan(existing, target, is_private=store.is_private(wanted.name))
    return Registration(wanted.name, operations, target, seen)


def decide_trial(store: ConnectionStore, wanted: Wanted, rules: Rules) -> Registration:
    """Check the connection as it would be, with everything there is to check, and plan nothing.

    Raises InvalidConnectionError only for options that do not make a connection at all.
    """
    seen = store.load_all()
    target = merge(store.find(wanted.name), wanted, update_secrets=rules.update_secrets)
    others = [other for other in seen.connections if other.name != wanted.name]
    checks = check_connection(target, others, entity=wanted.business_entity, max_connections=rules.max_connections)
    return Registration(wanted.name, (), target, seen, checks)


def decide_absence(store: ConnectionStore, name: str) -> Registration:
    """Plan the removal of a connection, also of one whose file cannot be used; nothing is written."""
    seen = store.load_all()
    try:
        return Registration(name, plan(store.find(name), None), None, seen)
    except BrokenConnectionError as error:
        return Registration(name, (Operation("remove", {"name": name, "problem": str(error)}, {}),), None, seen)


def carry_out(store: ConnectionStore, decide: Callable[[], Registration], *, check_mode: bool) -> Registration:
    """Decide, and do it unless in check mode; decided anew if somebody else has changed a connection meanwhile.

    Nothing at all is written where there is nothing to do or something is wrong. Raises what ``decide`` raises, and
    ConnectionStoreError.
    """
    decided = decide()
    if check_mode or not decided.changed:
        return decided
    for attempt in range(1, WRITE_ATTEMPTS + 1):
        with store.edited():
            if store.load_all() != decided.seen:
                decided = decide()
            try:
                apply(store, decided)
                return decided
            except EditConflictError:
                if attempt == WRITE_ATTEMPTS:
                    raise
        decided = decide()
    return decided


def apply(store: ConnectionStore, registration: Registration) -> None:
    """Do what was decided. Raises ConnectionStoreError."""
    if not registration.changed:
        return
    if registration.target is None:
        store.remove(registration.name)
    else:
        store.save(registration.target)


def _with_entity(existing: Connection | None, target: Connection, wanted: Wanted, rules: Rules) -> Connection:
    if rules.validate:
        client = open_console(target.console)
        try:
            return check_console(client, target, wanted.business_entity)
        finally:
            client.close()
    asked = wanted.business_entity
    if asked is None:
        return target
    if not (asked.isascii() and asked.isdigit()):
        raise InvalidConnectionError(
            f'The business entity "{asked}" can only be looked up by name with validate=true: give its id instead.'
        )
    same = existing is not None and existing.business_entity_id == asked
    return replace(target, business_entity_name=existing.business_entity_name if existing and same else asked)


def check_console(client: ConsoleClient, target: Connection, entity: str | None = None) -> Connection:
    """Check the console's end (8 requests with login) and return the connection with its entity and user as found.

    ``entity`` is the name or id asked for; None means the one that the connection has.
    """
    sync = target.sync
    check_login(client, sync.business_entity_type)
    found = resolve_business_entity(client, entity or target.business_entity_id, sync.business_entity_type)
    check_permissions(client, found)
    user = check_default_user(client, target.default_user)
    check_sync_settings(client, sync)
    return replace(target, business_entity_id=found.id, business_entity_name=found.name, default_user=user.user_name)


def _queue_problems(target: Connection, wanted: Wanted, rules: Rules) -> tuple[str, ...]:
    """Look at the queue's account where queue or account are given: that a kept one is meant was said when it was."""
    if rules.cross_account_queue or (wanted.queue_url is None and wanted.account_id is None):
        return ()
    return queue_account_problems(target)


def _raise_for(problems: Iterable[str]) -> None:
    """All of them in one message: whoever mends one wants to know of the next."""
    listed = list(problems)
    if listed:
        raise InvalidConnectionError(" ".join(listed))
