# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The probe: one marked model package group down the whole chain, registry → agent → console, and away again.

Whatever happens on the way, what the probe has made is removed at the end: in the registry always, in the console
unless told otherwise. The rule that nothing is deleted in the console is about what people rely on; these objects stand
for nothing, and each is looked at again before it goes.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

from ..connection.arns import parse_queue_url
from ..connection.aws_session import client_for, session_for
from ..connection.model import Connection
from ..console_opening import open_console
from ..errors import WxgovError
from ..registry.arn import PACKAGE, group_arn
from .aws_reader import AwsReader
from .checks import Check, Status
from .errors import AwsDeniedError, ProbeError, ProbeStoppedError, ProbeStuckError
from .event_chain import read_queue
from .inspector import Inspector
from .probe_console import ProbeConsole, Shown
from .probe_marks import Marks, group_in
from .probe_registry import POLICY_FILE, ProbeRegistry
from .probe_result import Hop, ProbeResult
from .registry_checks import NOTHING

LEFTOVERS = "leftovers of earlier probes removed"
CREATE_GROUP = "registry: group created"
SHOW_GROUP = "console: model group shown"
CREATE_PACKAGE = "registry: package created"
SHOW_MODEL = "console: model shown"
DELETE_PACKAGE = "registry: package deleted"
RETIRE_MODEL = "console: model decommissioned"
DELETE_GROUP = "registry: group deleted"
RETIRE_GROUP = "console: model group marked as gone"
CLEAN_UP = "cleaned up"

T = TypeVar("T")
WAITING_HOPS = 4
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 10.0


@dataclass(frozen=True, slots=True)
class ProbeSettings:
    """``timeout`` is the most seconds that a hop may take; ``stop`` ends the probe early, with everything removed."""

    marks: Marks = field(default_factory=Marks)
    timeout: float = 600.0
    keep_objects: bool = False
    stop: threading.Event = field(default_factory=threading.Event)
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], float] = time.time
    new_token: Callable[[], str] = lambda: secrets.token_hex(4)

    def __post_init__(self) -> None:
        """Raise ProbeError for a time-out that no hop could keep."""
        if self.timeout < 1:
            raise ProbeError(f"probe_timeout is {self.timeout:g}; it must be at least 1 second.")

    def new_name(self) -> str:
        """Return a name for a group that expires when this probe must be over, the removal and slow clocks included."""
        return self.marks.name(self.now() + WAITING_HOPS * self.timeout + 600, self.new_token())


def skipped_probe(checks: Sequence[Check]) -> ProbeResult | None:
    """Return why a probe makes no sense after these checks; None where it does. Pure."""
    broken = [check.name for check in checks if check.status == "failed"]
    if broken:
        return ProbeResult("skipped", f"Not sent, for {broken[0]} failed.")
    if any(check.name == "connection.enabled" and check.status != "ok" for check in checks):
        return ProbeResult("skipped", "Not sent, for no agent serves the connection while it is disabled.")
    return None


def planned_probe(settings: ProbeSettings) -> ProbeResult:
    """Return what check mode says. Pure but for the name."""
    kept = "stay there" if settings.keep_objects else "are removed"
    evidence = (
        f"Check mode: a model package group {settings.new_name()} with one model package would be created in the "
        f"registry, awaited in the console, and deleted; what the console then shows of it would {kept}."
    )
    return ProbeResult("skipped", evidence)


def send_probe(connection: Connection, inspector: Inspector, settings: ProbeSettings) -> ProbeResult:
    """Send a probe and wait for it, hop by hop. Never raises: what goes wrong is in the result.

    Credentials to write with are the inspector's or else the connection's own; without any that may do all a probe
    does, nothing is created.
    """
    client = None
    try:
        registry = _open_registry(connection, inspector, settings)
        client = open_console(connection.console)
        return _Probe(connection, inspector, settings, registry, ProbeConsole(client, connection)).run()
    except WxgovError as error:
        mend = f"Attach {POLICY_FILE} to the inspector's role or to the connection's own."
        return ProbeResult("failed", f"The probe was not sent: {error}", mend)
    finally:
        if client is not None:
            client.close()


def _open_registry(connection: Connection, inspector: Inspector, settings: ProbeSettings) -> ProbeRegistry:
    """Return the registry with the first credentials that may do what a probe does. Raises ProbeError."""
    logins = (connection,) if inspector.kind == "connection" else (inspector.login, connection)
    denials: list[str] = []
    for login in logins:
        session = session_for(login, inspector.base_session)
        registry = ProbeRegistry(AwsReader(session), client_for(session, "sagemaker"), connection, settings.marks)
        try:
            registry.rehearse()
        except AwsDeniedError as denial:
            denials.append(denial.action)
        else:
            return registry
    raise ProbeError(f"AWS denies {' and '.join(dict.fromkeys(denials))} to the credentials there are.")


@dataclass(slots=True)
class _Probe:
    """One probe under way."""

    connection: Connection
    inspector: Inspector
    settings: ProbeSettings
    registry: ProbeRegistry
    console: ProbeConsole
    hops: list[Hop] = field(default_factory=list)
    name: str = ""
    group_arn: str = ""
    package_arn: str = ""
    at: str = LEFTOVERS

    def run(self) -> ProbeResult:
        """Go down the chain, and remove everything whatever happens."""
        leftovers: tuple[str, ...] = ()
        try:
            leftovers = self._remove_leftovers()
            self._travel()
            result = self._result("ok", self._story())
        except ProbeStoppedError as stopped:
            result = self._result("failed", str(stopped), "Run it again.", self.at)
        except ProbeStuckError as stuck:
            result = self._result("failed", str(stuck), self._where_to_look(), self.at)
        except WxgovError as error:
            mend = "See to what it says, and run the probe again."
            result = self._result("failed", f'The probe broke off at "{self.at}": {error}', mend, self.at)
        finally:
            began = self.settings.clock()
            left, kept = self._clean_up()
        if result.status == "ok":
            self._passed(CLEAN_UP, began)
        result = replace(result, hops=tuple(self.hops), left_behind=left, kept=kept, removed_leftovers=leftovers)
        if left:
            mend = f"{result.mend} A later probe removes what is left: {', '.join(left)}.".strip()
            return replace(result, status="failed" if result.status == "failed" else "warning", mend=mend)
        return result

    def _result(self, status: Status, evidence: str, mend: str = "", stuck_at: str = "") -> ProbeResult:
        return ProbeResult(status, evidence, mend, self.group_arn, self.package_arn, stuck_at=stuck_at)

    def _story(self) -> str:
        told = ", ".join(f"{hop.name} after {hop.seconds:.1f} s" for hop in self.hops)
        return f"The probe {self.name} went all the way: {told}."

    def _travel(self) -> None:
        self.name = self.settings.new_name()
        self.group_arn = self._do(CREATE_GROUP, lambda: self.registry.create_group(self.name))
        group = self._await(SHOW_GROUP, lambda: self.console.group(self.group_arn))
        self.package_arn = self._do(CREATE_PACKAGE, lambda: self.registry.create_package(self.name))
        model = self._await(SHOW_MODEL, lambda: self.console.model(self.package_arn))
        self._do(DELETE_PACKAGE, lambda: self.registry.delete_packages(self.name))
        self._await(RETIRE_MODEL, lambda: self._other(self.console.model(self.package_arn), model))
        self._do(DELETE_GROUP, lambda: self.registry.delete_group(self.name))
        self._await(RETIRE_GROUP, lambda: self._other(self.console.group(self.group_arn), group))

    def _do(self, hop: str, step: Callable[[], T]) -> T:
        self.at = hop
        began = self.settings.clock()
        done = step()
        self._passed(hop, began)
        return done

    @staticmethod
    def _other(now: Shown | None, before: Shown) -> Shown | None:
        return now if now is not None and now.standing != before.standing else None

    def _await(self, hop: str, look: Callable[[], Shown | None]) -> Shown:
        """Look until there is something; the pauses grow. Raises ProbeStuckError, ProbeStoppedError."""
        self.at = hop
        began, pause = self.settings.clock(), FIRST_PAUSE
        while True:
            if self.settings.stop.is_set():
                raise ProbeStoppedError(f'The probe was stopped while it waited for "{hop}".')
            shown = look()
            waited = self.settings.clock() - began
            if shown is not None:
                self._passed(hop, began)
                return shown
            if waited >= self.settings.timeout:
                raise ProbeStuckError(f'The probe got stuck: "{hop}" did not happen within {waited:.0f} s.')
            self.settings.stop.wait(min(pause, self.settings.timeout - waited))
            pause = min(pause * 1.5, LONGEST_PAUSE)

    def _passed(self, hop: str, began: float) -> None:
        self.hops.append(Hop(hop, self.settings.clock() - began))

    def _where_to_look(self) -> str:
        """Say where the event is, as far as the queue tells."""
        try:
            url = self.connection.queue_url
            waiting = read_queue(self.inspector.reader(), parse_queue_url(url).name, url).waiting
        except WxgovError as error:
            return f"Look whether the agent runs, and what it logs; the queue could not be looked at: {error}"
        if waiting:
            return (
                f"About {waiting} messages wait in the queue: no agent takes them. See that wxgov-sync-agent runs on a "
                "host that has this connection, and what it logs."
            )
        return (
            "The queue is empty: CloudTrail has not delivered the event yet (give it a longer probe_timeout), the "
            "target's dead-letter queue has it, or the agent took it and cannot show it: see what it logs, and whether "
            f"the connection's filters leave {self.name} out."
        )

    def _clean_up(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Remove what the probe made; the ARNs and ids of what stayed against our will, and of what was to stay."""
        left: list[str] = []
        kept: list[str] = []
        if not self.name:
            return (), ()
        # Not the ARNs that were answered: an answer may have been lost, and the thing be there.
        group = group_arn(self.connection.region, self.connection.account_id, self.name)
        package = replace(group, kind=PACKAGE, name=self.name.lower(), version=1)
        _try(partial(self.registry.delete_packages, self.name), str(package), left)
        _try(partial(self.registry.delete_group, self.name), str(group), left)
        for arn, look in ((str(package), self.console.model), (str(group), self.console.group)):
            shown = _try(partial(look, arn), f"the console's object of {arn}", left)
            if shown is not None and self.settings.keep_objects:
                kept.append(shown.id)
            elif shown is not None:
                _try(partial(self.console.remove, shown), f"the console's object {shown.id}", left)
        return tuple(left), tuple(kept)

    def _remove_leftovers(self) -> tuple[str, ...]:
        """Remove what earlier probes have left that were cut off, and return the names of their groups."""
        now = self.settings.now()
        removed = self.registry.leftovers(now)
        for name in removed:
            self.registry.delete_packages(name)
            self.registry.delete_group(name)
        standing: dict[str, bool] = {}
        for _kind, shown in list(self.console.probes(self.settings.marks)):
            name = group_in(shown.arn) or NOTHING
            if not self.settings.marks.is_leftover(name, now):
                continue
            if name.lower() not in standing:
                standing[name.lower()] = self.registry.has_group(name)
            # A group of such a name that is there and has not our tag is somebody's own.
            if not standing[name.lower()]:
                self.console.remove(shown)
                removed.append(name)
        return tuple(dict.fromkeys(removed))


def _try(step: Callable[[], T], what: str, left: list[str]) -> T | None:
    """Do a step of the removal; where it fails, note what is left and go on with the next."""
    try:
        return step()
    except WxgovError as error:
        left.append(f"{what} ({error})")
        return None
