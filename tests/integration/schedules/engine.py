# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The product's own parts under a clock and a fate that a schedule decides.

Time does not pass by itself, so back-off and rate limits cost nothing. `kill_at` ends the product like SIGKILL in front
of or right after one of its calls; what is in memory is lost, what is on disk or on the two sides stays.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.journal import Journal
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.polling import Polls
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.status import Counters
from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.model import Connection
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.auth import authenticator
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.client import ConsoleClient
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.limiter import Limiter
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.transport import Transport
from ansible_collections.wxgov.sagemaker.plugins.module_utils.errors import WxgovError
from ansible_collections.wxgov.sagemaker.plugins.module_utils.registry.errors import UndecodableEventError
from ansible_collections.wxgov.sagemaker.plugins.module_utils.registry.events import Touched, parse
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.console_changes import change_sources
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.service import (
    assemble,
    make_reconciler,
    make_sweeper,
)

LONG = 24 * 3600.0


class KilledError(BaseException):
    """The product is dead; no `except Exception` of its own may notice."""


class Fate:
    """Counts the product's calls and kills it at one of them: before it is sent, or after it was answered."""

    def __init__(self) -> None:
        self._left: int | None = None
        self._after = False

    def kill_at(self, call: int, *, after: bool) -> None:
        """Kill at the `call`-th call from now on."""
        self._left, self._after = call, after

    def spare(self) -> None:
        """Kill no more."""
        self._left = None

    def around(self, work: Callable[[], Any]) -> Any:
        """Do a call of the product."""
        if self._left is None:
            return work()
        self._left -= 1
        if self._left > 0:
            return work()
        self._left = None
        if self._after:
            work()
        raise KilledError


class MortalTransport(Transport):
    """The product's transport, whose user may die of a request."""

    fate: Fate

    def request(self, *arguments: Any, **options: Any) -> object:
        """See Transport."""
        return self.fate.around(lambda: super(MortalTransport, self).request(*arguments, **options))


class MortalClient:
    """A boto3 client whose user may die of a call; ``on_answer(operation, answer)`` hears of those that were done."""

    def __init__(self, client: Any, fate: Fate, on_answer: Callable[[str, Any], None]) -> None:
        self._client = client
        self._fate = fate
        self._on_answer = on_answer

    def __getattr__(self, name: str) -> Any:
        operation = getattr(self._client, name)

        def call(**request: Any) -> Any:
            answer = operation(**request)
            self._on_answer(name, answer)
            return answer

        return lambda **request: self._fate.around(lambda: call(**request))


class Engine:
    """The agent's heart for one connection, without its threads."""

    def __init__(
        self, connection: Connection, sagemaker: Any, journal: Path, on_answer: Callable[[str, Any], None]
    ) -> None:
        self.connection = connection
        self.now = 1_800_000_000.0
        self.fate = Fate()
        self._sagemaker = MortalClient(sagemaker, self.fate, on_answer)
        self._path = journal
        self.journal = self._open_journal()
        self.parts: Any = None
        self.reconciler: Any = None
        self.sweeper: Any = None
        self.polls: Any = None

    def _sleep(self, seconds: float) -> None:
        self.now += seconds

    def _open_journal(self) -> Journal:
        return Journal(self._path, clock=lambda: self.now, jitter=lambda low, high: high)

    def restart(self, *, lose_journal: bool = False) -> None:
        """Begin with an empty memory, as after a kill."""
        self.close()
        if lose_journal:
            for path in self._path.parent.glob(f"{self._path.name}*"):
                path.unlink()
        self.journal = self._open_journal()

    def close(self) -> None:
        """Let go of everything."""
        self.journal.close()
        if self.parts is not None:
            self.parts.console.close()
        self.parts = None

    def deliver(self, body: str) -> None:
        """Take one message from the queue: parse it and mark its keys."""
        try:
            event = parse(body, account_id=self.connection.account_id, region=self.connection.region)
        except UndecodableEventError:
            return
        if isinstance(event, Touched):
            self.journal.mark_dirty(self.connection.name, event.arns)

    def work(self, keys: int) -> None:
        """Reconcile up to this many keys; what fails waits, as it does in the agent. May raise KilledError."""
        for _turn in range(keys):
            lease = self.journal.take(self.connection.name)
            if lease is None:
                return
            try:
                self._open()
                outcome = self.reconciler.reconcile(lease.key)
            except WxgovError as error:
                self.journal.failed(lease, str(error))
                continue
            if outcome.recheck_after is None:
                self.journal.done(lease)
            else:
                self.journal.recheck(lease, outcome.recheck_after)

    def sweep(self) -> bool:
        """Run a full sweep; whether it came to its end. May raise KilledError."""
        try:
            self._open()
            self.sweeper.full_sweep(lambda keys: self.journal.mark_dirty(self.connection.name, keys, 1))
        except WxgovError:
            return False
        return True

    def poll(self) -> None:
        """Ask the console once what people changed there. May raise KilledError."""
        try:
            self._open()
        except WxgovError:
            return
        self.polls.turn()

    def settle(self) -> None:
        """Work until nothing is left to do."""
        for _turn in range(200):
            if not self.journal.backlog(self.connection.name).dirty:
                return
            self.work(100)
            self.now += LONG
        raise AssertionError("the journal never becomes empty")

    def _open(self) -> None:
        if self.parts is not None:
            return
        endpoint = self.connection.console
        limiter = Limiter(endpoint.url, clock=lambda: self.now, sleep=self._sleep)
        transport = MortalTransport(
            endpoint.url,
            authenticator(endpoint.auth_method, **endpoint.auth_options),
            sleep=self._sleep,
            clock=lambda: self.now,
            pacer=limiter,
        )
        transport.fate = self.fate
        self.parts = parts = assemble(self.connection, ConsoleClient(transport), self._sagemaker, None)
        self.reconciler, self.sweeper = make_reconciler(parts), make_sweeper(parts)
        self.polls = Polls(
            self.connection.name,
            change_sources(parts.console, parts.reader, self.connection),
            self.journal,
            Counters(),
            60.0,
            now=lambda: self.now,
            clock=lambda: self.now,
        )
