# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Walks the graphs of many accounts at once, with the functions that the modules for single resources call.

One thread, the caller's, decides what is ready; a pool does it. A resource that fails stops what waits for it, and
nothing else: neither its neighbours nor other accounts.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

from ..errors import WxgovError
from .alarm import ensure_alarms
from .alarm_plan import DesiredAlarms
from .errors import InputError
from .key_policy import DesiredKeyStatement, ensure_key_statement
from .patience import Patience
from .plan import Outcome
from .queue import ensure_queue
from .queue_plan import DesiredQueue
from .role import ensure_role
from .rule import ensure_rule
from .rule_plan import DesiredRule
from .stack_documents import Place
from .stack_graph import Node, RoleAndTrust, build_graph
from .stack_session import Account, ClientFactory, Login
from .stack_settings import StackSettings
from .trail_creation import ensure_recording
from .trail_plan import DesiredRecording


@dataclass(frozen=True, slots=True)
class Job:
    """One account to be brought to the wanted state."""

    name: str
    login: Login
    settings: StackSettings


@dataclass(frozen=True, slots=True)
class Conditions:
    """How the work is done, the same for all accounts."""

    check_mode: bool
    patience: Patience
    new_external_id: Callable[[], str]
    concurrency: int = 16
    clock: Callable[[], float] = time.monotonic


@dataclass(frozen=True, slots=True)
class NodeResult:
    """What became of a resource: an outcome, an error, or neither where it waits in vain for `waited_for`."""

    outcome: Outcome[Any] | None = None
    error: WxgovError | None = None
    waited_for: tuple[str, ...] = ()
    seconds: float = 0.0


@dataclass(slots=True)
class AccountResult:
    """What became of an account; `nodes` are in the order of its graph. `error` is why it could not be entered."""

    job: Job
    place: Place | None = None
    graph: tuple[Node, ...] = ()
    nodes: dict[str, NodeResult] = field(default_factory=dict)
    error: WxgovError | None = None
    calls: int = 0
    seconds: float = 0.0

    @property
    def failed(self) -> bool:
        """Whether anything is not as it should be."""
        return self.error is not None or any(result.outcome is None for result in self.nodes.values())


def ensure_stacks(factory: ClientFactory, jobs: Iterable[Job], conditions: Conditions) -> list[AccountResult]:
    """Bring every account to its wanted state; gives the results in the order of the jobs and raises for none."""
    with ThreadPoolExecutor(conditions.concurrency, "stack") as pool:
        walk = _Walk(factory, conditions, pool)
        walks = [_Progress(AccountResult(job)) for job in jobs]
        walk.run(walks)
    return [progress.result for progress in walks]


@dataclass(slots=True)
class _Progress:
    """An account on its way. `left` are the nodes that are neither finished nor under way."""

    result: AccountResult
    account: Account | None = None
    started: float = 0.0
    left: dict[str, Node] = field(default_factory=dict)

    def ready(self) -> list[Node]:
        """Take out the nodes that can be begun; those whose predecessors failed are finished here and now."""
        done = self.result.nodes
        begun = []
        for node in list(self.left.values()):
            bad = tuple(name for name in node.after if name in done and done[name].outcome is None)
            if bad:
                done[node.name] = NodeResult(waited_for=bad)
                del self.left[node.name]
            elif all(name in done for name in node.after):
                begun.append(self.left.pop(node.name))
        return begun


_Entered = tuple[Account, Place, tuple[Node, ...]]


@dataclass(slots=True)
class _Walk:
    factory: ClientFactory
    conditions: Conditions
    pool: ThreadPoolExecutor
    pending: dict[Future[Any], tuple[_Progress, str]] = field(default_factory=dict)
    taken: dict[tuple[Place, str], str] = field(default_factory=dict)

    def run(self, accounts: Iterable[_Progress]) -> None:
        """Go on until nothing is under way any more."""
        for progress in accounts:
            progress.started = self.conditions.clock()
            self.pending[self.pool.submit(self._enter, progress.result.job)] = (progress, "")
        while self.pending:
            finished, _unfinished = wait(self.pending, return_when=FIRST_COMPLETED)
            for future in finished:
                progress, name = self.pending.pop(future)
                if name:
                    progress.result.nodes[name] = future.result()
                else:
                    self._entered(progress, future.result())
                self._go_on(progress)

    def _enter(self, job: Job) -> _Entered | WxgovError:
        try:
            account = self.factory.connect(job.login)
            place = account.place
            return account, place, build_graph(job.settings, place)
        except WxgovError as error:
            return error

    def _entered(self, progress: _Progress, answer: _Entered | WxgovError) -> None:
        if isinstance(answer, WxgovError):
            progress.result.error = answer
            return
        progress.account, place, graph = answer
        progress.result.place, progress.result.graph = place, graph
        job = progress.result.job
        other = self.taken.setdefault((place, job.settings.connection_name), job.name)
        if other != job.name:
            progress.result.error = InputError(
                f"accounts has {other!r} and {job.name!r}, which are the same connection "
                f"{job.settings.connection_name!r} in account {place.account}, {place.region}; leave one out."
            )
            return
        progress.left = {node.name: node for node in graph}

    def _go_on(self, progress: _Progress) -> None:
        """Begin what is ready; a node that cannot be begun may decide on others, so look until nothing changes."""
        before = -1
        while progress.account and len(progress.left) != before:
            before = len(progress.left)
            for node in progress.ready():
                future = self.pool.submit(_ensure_node, progress.account, node, self.conditions)
                self.pending[future] = (progress, node.name)
        progress.result.seconds = self.conditions.clock() - progress.started
        progress.result.calls = progress.account.calls.count if progress.account else 0
        order = [node.name for node in progress.result.graph]
        progress.result.nodes = {name: progress.result.nodes[name] for name in order if name in progress.result.nodes}


def _ensure_node(account: Account, node: Node, conditions: Conditions) -> NodeResult:
    started = conditions.clock()
    try:
        outcome = _ENSURE[type(node.desired)](account, node.desired, conditions)
    except WxgovError as error:
        return NodeResult(error=error, seconds=conditions.clock() - started)
    return NodeResult(outcome, seconds=conditions.clock() - started)


def _usual(ensure: Callable[..., Outcome[Any]], service: str) -> Callable[..., Outcome[Any]]:
    def do(account: Account, desired: Any, conditions: Conditions) -> Outcome[Any]:
        return ensure(
            account.client(service),
            desired,
            account=lambda: account.owner,
            check_mode=conditions.check_mode,
            patience=conditions.patience,
        )

    return do


def _recording(account: Account, desired: DesiredRecording, conditions: Conditions) -> Outcome[Any]:
    return ensure_recording(
        account.client("cloudtrail"),
        account.bucket_client,
        desired,
        client_of=lambda region: account.client("cloudtrail", region),
        check_mode=conditions.check_mode,
        patience=conditions.patience,
    )


def _role(account: Account, desired: RoleAndTrust, conditions: Conditions) -> Outcome[Any]:
    return ensure_role(
        account.client("iam"),
        desired.role,
        desired.trust,
        account=lambda: account.owner,
        check_mode=conditions.check_mode,
        patience=conditions.patience,
        new_external_id=conditions.new_external_id,
    )


_ENSURE: Mapping[type, Callable[..., Outcome[Any]]] = {
    DesiredRecording: _recording,
    DesiredKeyStatement: _usual(ensure_key_statement, "kms"),
    DesiredQueue: _usual(ensure_queue, "sqs"),
    DesiredRule: _usual(ensure_rule, "events"),
    DesiredAlarms: _usual(ensure_alarms, "cloudwatch"),
    RoleAndTrust: _role,
}


def warnings_of(results: Iterable[AccountResult]) -> Iterator[str]:
    """What AWS does not show yet, by account."""
    for result in results:
        for node in result.nodes.values():
            for warning in node.outcome.warnings if node.outcome else ():
                yield f"{result.job.name}: {warning}"
