# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent as AWS Lambda functions: ``wxgov_sagemaker.agent.lambda_handler.handle``.

The same handler serves two functions. One is invoked with batches of the connection's queue, the other by two
schedules. Neither keeps anything: what is to be done is in the queue until it is done.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ..connection.aws_session import own_client
from ..connection.model import Connection
from ..connection.secrets_store import SecretsStore
from ..sync.service import make_runtime
from .errors import AgentError
from .lambda_batch import check_queue, reconcile_all, records_of, sort_out
from .lambda_settings import LambdaSettings, settings_from
from .lambda_sweep import is_schedule, order_of, sender, sweep
from .log import configure, fields
from .queue import EventQueue
from .runtime import ConnectionRuntime, RuntimeFactory

log = logging.getLogger(__name__)

RESERVE_SECONDS = 5.0
"""No further key is begun when less than this is left of an invocation."""
KEPT_SECONDS = 300.0
"""How long an open connection is used by later invocations before its secret is read anew."""


class Context(Protocol):
    """What Lambda tells of an invocation."""

    def get_remaining_time_in_millis(self) -> int:
        """How long it may still take."""


def handle(event: Mapping[str, object], context: Context) -> dict[str, object]:
    """What Lambda calls."""
    return _function().handle(event, context)


@functools.cache
def _function() -> Function:
    """One a process: Lambda keeps a process for later invocations."""
    settings = settings_from(os.environ)
    configure("json", settings.log_level)
    return Function(settings, _load)


def _load(settings: LambdaSettings) -> Connection:
    return SecretsStore(own_client("secretsmanager"), settings.secrets_prefix).load(settings.connection)


@dataclass(frozen=True, slots=True)
class Opened:
    """What an invocation leaves for the next. ``since`` is the clock's time; ``sqs`` has the function's own rights."""

    since: float
    connection: Connection
    runtime: ConnectionRuntime
    sqs: Any


class Function:
    """A function between its invocations. ``load`` reads the connection; ``clock`` is monotonic."""

    def __init__(
        self,
        settings: LambdaSettings,
        load: Callable[[LambdaSettings], Connection],
        make: RuntimeFactory = make_runtime,
        sqs_client: Callable[[str, str], Any] = own_client,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._load = load
        self._make = make
        self._sqs_client = sqs_client
        self._clock = clock
        self._lock = threading.Lock()
        self._open: Opened | None = None

    def handle(self, event: Mapping[str, object], context: Context) -> dict[str, object]:
        """Serve an invocation. Whatever is raised lets Lambda repeat it as a whole."""

        def in_time() -> bool:
            return context.get_remaining_time_in_millis() > RESERVE_SECONDS * 1000

        with self._opened() as opened:
            if is_schedule(event):
                return self._sweep(event, opened, in_time)
            return self._batch(event, opened, in_time)

    def _batch(self, event: Mapping[str, object], opened: Opened, in_time: Callable[[], bool]) -> dict[str, object]:
        records, connection = records_of(event), opened.connection
        check_queue(records, connection)
        work = sort_out(records, connection, EventQueue(opened.sqs, connection.queue_url).put_aside)
        again = reconcile_all(
            work, opened.runtime.reconciler, connection.name, workers=self._settings.workers, in_time=in_time
        )
        return {"batchItemFailures": [{"itemIdentifier": identity} for identity in again]}

    def _sweep(self, event: Mapping[str, object], opened: Opened, in_time: Callable[[], bool]) -> dict[str, object]:
        order = order_of(event)
        send = sender(opened.sqs, opened.connection.queue_url, self._settings.message_group, order.id)
        result = sweep(opened.runtime, order, send, look_back=self._settings.look_back_seconds, in_time=in_time)
        about = fields(connection=opened.connection.name)
        log.info("%s: %d looked at, %d marked", order.kind.replace("_", " "), result.listed, result.marked, extra=about)
        return {"sweep": order.kind, "listed": result.listed, "marked": result.marked}

    @contextlib.contextmanager
    def _opened(self) -> Iterator[Opened]:
        """The open connection; one that was open for long, or in which something failed, is opened anew."""
        with self._lock:
            if self._open is not None and self._clock() - self._open.since > KEPT_SECONDS:
                self._shut()
            if self._open is None:
                connection = self._load(self._settings)
                if not connection.enabled:
                    raise AgentError(
                        f"The connection {connection.name} is disabled, and the function is not: "
                        "apply the role sync_agent_lambda with sync_agent_lambda_enabled=false."
                    )
                sqs = self._sqs_client("sqs", connection.region)
                self._open = Opened(self._clock(), connection, self._make(connection), sqs)
            try:
                yield self._open
            except BaseException:
                self._shut()
                raise

    def _shut(self) -> None:
        opened, self._open = self._open, None
        if opened is not None:
            opened.runtime.close()
