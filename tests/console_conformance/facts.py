# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The facts about a console that our client rests on, each with a try of it. A source is one of

recorded     responses of a live console that somebody published
vendor       IBM's documentation or published client code
third party  other people's published code that runs against a live console
chosen       nothing public settles it
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.model import SyncSettings
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.client import ConsoleClient
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.errors import ConsoleError, UnknownOutcomeError
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.objects import (
    ConsoleObject,
    NewObject,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.query import (
    Query,
    Row,
    columns,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.sync_needs import STATUS_FIELD
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.mapping import OWNER_FIELD

from .report import Finding, Outcome, scrub

ID, NAME = "Resource ID", "Name"
STATUS, OWNER = STATUS_FIELD, OWNER_FIELD


class Differs(Exception):
    """The console is not as the fact says; the text says how it is."""


class NothingToTry(Exception):
    """The console has nothing that the check could be tried on."""


@dataclass
class Surroundings:
    """What the checks share: the client, the names in use, and, for checks that write, an entity to throw away.

    ``made`` holds what was created, in that order; it is removed backwards at the end, and so is what bears the mark
    among the types in ``unsure``: the answer to a creation was lost.
    """

    client: ConsoleClient
    settings: SyncSettings
    user: str
    mark: str
    clock: Callable[[], float] = time.monotonic
    entity: ConsoleObject | None = None
    made: list[ConsoleObject] = field(default_factory=list)
    unsure: list[str] = field(default_factory=list)

    def some(self, type_name: str, *names: str, limit: int = 3) -> list[Row]:
        """Return the first rows of a type."""
        rows = []
        for row in self.client.select(Query(columns(ID, NAME, *names), type_name)):
            rows.append(row)
            if len(rows) == limit:
                break
        if not rows:
            raise NothingToTry(f"The login sees no object of the type {type_name}.")
        return rows

    def raw(self, statement: str, limit: int = 5, **more: Any) -> Mapping[str, Any]:
        """Return the answer to a statement as the console gives it."""
        body = {"statement": statement, "offset": 0, "limit": limit, "max_rows": 0, "case_insensitive": False}
        answer = self.client.transport.request(
            "POST", "query", "POST query", body={**body, "honor_primary": False, **more}
        )
        require(isinstance(answer, dict), "the answer is not a JSON object")
        return answer if isinstance(answer, dict) else {}

    def make(self, type_name: str, name: str, parent: ConsoleObject | None, **fields: Any) -> ConsoleObject:
        """Create an object that is removed at the end; its name carries the mark of the run."""
        marked = f"{self.mark} {name}"
        new = NewObject(type_name, marked, marked, "conformance", parent.id if parent else None, fields)
        try:
            created = self.client.create_object(new)
        except UnknownOutcomeError:
            self.unsure.append(type_name)
            raise
        self.made.append(created)
        return created

    def root(self) -> ConsoleObject:
        """Return the entity to throw away."""
        if self.entity is None:
            self.entity = self.make(self.settings.business_entity_type, "entity", None)
        return self.entity

    def group_type(self) -> str:
        """Return the system name of the model group type."""
        return self.client.types().model_group(self.settings.model_group_type).name


Try = Callable[[Surroundings], str]


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact, what of the client rests on it, and the try of it, which returns what was seen."""

    name: str
    text: str
    source: str
    needed_for: str
    attempt: Try
    writes: bool = False

    def finding(self, outcome: Outcome, seen: str, seconds: float = 0.0) -> Finding:
        """Return what came of the try."""
        return Finding(self.name, self.text, self.source, self.needed_for, self.writes, outcome, seen, seconds)


def fact(text: str, source: str, needed_for: str, *, writes: bool = False) -> Callable[[Try], Fact]:
    """Make a fact of the function that tries it; the function's name is the fact's."""

    def make(attempt: Try) -> Fact:
        return Fact(attempt.__name__, text, source, needed_for, attempt, writes)

    return make


def facts_in(namespace: Mapping[str, object]) -> tuple[Fact, ...]:
    """Return the facts of a module, in the order in which they stand there."""
    return tuple(value for value in namespace.values() if isinstance(value, Fact))


def look_at(one: Fact, surroundings: Surroundings) -> Finding:
    """Try a fact and say what came of it. Never raises for what a console may do."""
    started = surroundings.clock()
    outcome: Outcome = "agrees"
    try:
        seen = one.attempt(surroundings)
    except Differs as difference:
        outcome, seen = "differs", str(difference)
    except NothingToTry as lack:
        outcome, seen = "skipped", str(lack)
    except ConsoleError as error:
        outcome, seen = "error", f"{type(error).__name__}: {error}"
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        outcome, seen = "differs", f"the answer has another shape ({type(error).__name__}: {error})"
    seconds = round(surroundings.clock() - started, 3)
    return one.finding(outcome, scrub(seen, ()), seconds)


def require(condition: bool, otherwise: str) -> None:
    """Raise Differs unless the condition holds."""
    if not condition:
        raise Differs(otherwise)
