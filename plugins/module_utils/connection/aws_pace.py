# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast SageMaker may be called: one pace for each account, region and operation of a process.

AWS limits calls for each account, region and operation, and publishes no figures for SageMaker. All clients of an
account, whatever connection and thread they are for, pass the same gates; so does a call that is repeated. A call that
was answered with "too many" is repeated here, under the pace and for as long as its priority is worth, and not by
botocore, whose quota of retries ends after a hundred or so; botocore repeats the calls that had no answer or a 5xx.

It hangs on two of botocore's events: ``request-created`` comes before each attempt is signed and sent, and what a
handler of ``needs-retry`` returns is the number of seconds after which botocore makes the next attempt
(botocore/endpoint.py). docs/decisions/0017-one-pace-for-sagemaker.md says why.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Mapping
from typing import Any

from ..pacing.gate import Gate
from ..pacing.pace import Pace, PaceSettings
from ..pacing.priority import Priority, current_priority
from .errors import TooManyCallsError
from .traffic import judge

PACED = "sagemaker"
"""The service, as botocore names its events."""
SETTINGS = PaceSettings(increase=0.05, eagerness=0.5, decrease=0.8, deepest=0.3, floor=1.0, patience=0.5, is_even=True)
"""Chosen by simulation; tests/unit/module_utils/pacing/test_pace.py holds them to what they are good for."""
PATIENCE: Mapping[Priority, float] = {Priority.EVENT: 60.0, Priority.SWEEP: 300.0}
"""Seconds from a call's beginning in which it is made or repeated; afterwards it is an error, and its key backs off."""
_DEADLINE = "wxgov_deadline"


class AccountPaces:
    """The gates of one account. May be used by several threads."""

    def __init__(
        self,
        account_id: str,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self.account_id = account_id
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._gates: dict[tuple[str, str], Gate] = {}

    def watch(self, events: Any) -> None:
        """Pace the SageMaker clients that are made with, or have, this emitter of botocore's events."""
        events.register_first(f"request-created.{PACED}", self._before)
        events.register_first(f"needs-retry.{PACED}", self._after)

    def rates(self, region: str) -> Mapping[str, float]:
        """Return the calls a second that operations are held to; those that are not held are absent."""
        with self._lock:
            gates = [(operation, gate) for (place, operation), gate in self._gates.items() if place == region]
        rates = {operation: gate.rate for operation, gate in sorted(gates, key=lambda entry: entry[0])}
        return {operation: rate for operation, rate in rates.items() if rate is not None}

    def _before(self, request: Any, operation_name: str, **_event: object) -> None:
        """Wait for the turn of an attempt. Raises TooManyCallsError."""
        context = request.context
        if _DEADLINE not in context:
            context[_DEADLINE] = self._clock() + PATIENCE[current_priority()]
        gate = self._gate(context["client_region"], operation_name)
        if not gate.enter(context[_DEADLINE]):
            raise TooManyCallsError(
                f"AWS takes {gate.rate or 0.0:.1f} calls a second of sagemaker:{operation_name} in account "
                f"{self.account_id} at the moment, and too many wait for their turn: try again later, with fewer at a "
                "time."
            )

    def _after(
        self,
        response: tuple[Any, Mapping[str, Any]] | None,
        operation: Any,
        request_dict: Mapping[str, Any],
        **_event: object,
    ) -> float | None:
        """Return 0 to have a throttled call made again, which then waits for its turn; None to say nothing."""
        if response is None:
            return None
        context = request_dict["context"]
        gate = self._gate(context["client_region"], operation.name)
        is_throttled, _is_failed = judge(response[1])
        if not is_throttled:
            gate.answered()
            return None
        gate.throttled()
        return 0.0 if self._clock() < context.get(_DEADLINE, 0.0) else None

    def _gate(self, region: str, operation: str) -> Gate:
        gate = self._gates.get((region, operation))
        if gate is None:
            with self._lock:
                new = Gate(Pace(SETTINGS), clock=self._clock, sleep=self._sleep)
                gate = self._gates.setdefault((region, operation), new)
        return gate


class Paces:
    """The paces of each account, as long as some session has them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._accounts: weakref.WeakValueDictionary[str, AccountPaces] = weakref.WeakValueDictionary()

    def of(self, account_id: str) -> AccountPaces:
        """Return the paces of an account."""
        with self._lock:
            paces = self._accounts.get(account_id)
            if paces is None:
                paces = self._accounts[account_id] = AccountPaces(account_id)
            return paces


PACES = Paces()
"""The process's own. Empty at import."""
