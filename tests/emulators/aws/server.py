# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The AWS emulator as an object: start, stop, reset, and what tests may turn."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import datetime
from types import TracebackType
from typing import Any

from moto.events.models import events_backends
from moto.moto_api._internal.models import moto_api_backend
from moto.sagemaker.models import sagemaker_backends
from waitress.channel import HTTPChannel
from waitress.server import create_server
from waitress.task import WSGITask

from tests.emulators.aws import mends
from tests.emulators.aws.access import SETTINGS as ACCESS
from tests.emulators.aws.access import Judgement
from tests.emulators.aws.caller import identify, root_of
from tests.emulators.aws.clock import CLOCK, EmulatorClock
from tests.emulators.aws.cloudtrail import HOP, DeliveryHop
from tests.emulators.aws.control import ControlApplication
from tests.emulators.aws.front import Front
from tests.emulators.aws.registry import SETTINGS, RegistrySettings
from tests.emulators.aws.sagemaker import USER_PROFILES, user_context
from tests.emulators.aws.sqs import POLLS
from tests.emulators.aws.traffic import Fault, FaultKind, Traffic

THREADS = 40
DEFAULT_ACCOUNT = "123456789012"
DEFAULT_REGION = "us-east-1"
_PUMP_SECONDS = 0.02


class _Task(WSGITask):
    """Shows the application the client's socket, so that a fault can cut it, and the path before it was unquoted.

    moto routes REST services by RAW_URI, which waitress calls REQUEST_URI: an ARN in a path has slashes of its own.
    """

    def get_environment(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environment()
        environ["emulator.socket"] = self.channel.socket
        environ["RAW_URI"] = environ["REQUEST_URI"]
        return environ


class _Channel(HTTPChannel):
    task_class = _Task


class AwsEmulator:
    """moto, mended, over HTTP on 127.0.0.1. One state a process: two emulators in one process share it.

    A context manager; ``port=0`` takes a free port. ``clock`` and ``delivery`` may be used directly.
    """

    def __init__(self, port: int = 0, host: str = "127.0.0.1") -> None:
        mends.apply()
        self.clock: EmulatorClock = CLOCK
        self.delivery: DeliveryHop = HOP
        self._traffic = Traffic()
        self._address = (host, port)
        self._server: Any = None
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    # ---- life

    def start(self) -> AwsEmulator:
        host, port = self._address
        self._server = create_server(
            Front(self._traffic, ControlApplication(self)),
            host=host,
            port=port,
            threads=THREADS,
            clear_untrusted_proxy_headers=False,
            channel_timeout=600,
            connection_limit=1000,
            asyncore_loop_timeout=0.05,
        )
        self._server.channel_class = _Channel
        self._stopping.clear()
        self._threads = [
            threading.Thread(target=self._serve, name="aws-emulator", daemon=True),
            threading.Thread(target=self._pump, name="aws-emulator-delivery", daemon=True),
        ]
        for thread in self._threads:
            thread.start()
        return self

    def _serve(self) -> None:
        server = self._server
        while not self._stopping.is_set():
            server.asyncore.loop(timeout=0.05, map=server._map, use_poll=True, count=1)

    def _pump(self) -> None:
        while not self._stopping.wait(_PUMP_SECONDS):
            self.delivery.deliver_due()

    def stop(self) -> None:
        """End long polls, stop serving, close every connection."""
        if self._server is None:
            return
        POLLS.end_polls()
        self._stopping.set()
        for thread in self._threads:
            thread.join(timeout=5)
        self._server.task_dispatcher.shutdown(timeout=2)
        self._server.asyncore.close_all(map=self._server._map, ignore_all=True)
        self._server = None

    def __enter__(self) -> AwsEmulator:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def port(self) -> int:
        return int(self._server.effective_port)

    @property
    def endpoint_url(self) -> str:
        """For boto3's ``endpoint_url`` or AWS_ENDPOINT_URL."""
        return f"http://{self._address[0]}:{self.port}"

    def reset(self) -> None:
        """Forget every resource, counter, fault, throttle, delivery setting and clock advance."""
        POLLS.end_polls()
        self.delivery.reset()
        moto_api_backend.reset()
        self._traffic.reset()
        self.clock.reset()
        USER_PROFILES.clear()
        self.configure_registry()
        self.enforce_iam(False)

    # ---- time

    def advance(self, seconds: float) -> datetime:
        """Move the clock and deliver what has become due; the new now."""
        now = self.clock.advance(seconds)
        self.delivery.deliver_due()
        return now

    # ---- permissions

    def enforce_iam(self, enforce: bool = True) -> None:
        """Whether users and roles need identity policies for what they do; see ``access``."""
        ACCESS.enforce = bool(enforce)
        ACCESS.judgements.clear()

    def judgements(self) -> list[Judgement]:
        """What users and roles asked for since permissions are enforced, allowed or not; of root nothing is told."""
        return list(ACCESS.judgements)

    # ---- traffic

    def calls(self) -> dict[str, int]:
        """Calls by "service.Operation" since reset or clear_calls."""
        return self._traffic.calls()

    def throttled_calls(self) -> dict[str, int]:
        return self._traffic.throttled()

    def clear_calls(self) -> None:
        self._traffic.clear_calls()

    def throttle(self, operation: str, rate: float | None, burst: float = 1) -> None:
        """A token bucket for one operation, in real seconds; ``rate=None`` removes it."""
        self._traffic.throttle(operation, rate, burst)

    def fault(
        self,
        operation: str,
        kind: FaultKind,
        times: int = 1,
        code: str = "ThrottlingException",
        status: int = 400,
        seconds: float = 0.0,
    ) -> None:
        """Spoil the next ``times`` calls of one operation; see ``traffic.Fault``."""
        self._traffic.add_fault(Fault(operation, kind, times, code, status, seconds))

    @property
    def pending_faults(self) -> int:
        """How many faults no call has met yet."""
        return self._traffic.pending_faults

    def clear_faults(self) -> None:
        self._traffic.clear_faults()

    # ---- registry

    def preload_registry(
        self,
        groups: int,
        packages_per_group: int,
        account: str = DEFAULT_ACCOUNT,
        region: str = DEFAULT_REGION,
        prefix: str = "group",
    ) -> list[str]:
        """Put groups and packages straight into the registry, past API, counters and CloudTrail; the group names."""
        registry = sagemaker_backends[account][region].registry
        names: list[str] = registry.preload(groups, packages_per_group, prefix, user_context(root_of(account, account)))
        return names

    def configure_registry(
        self, search_lag: float = 0.0, empty_pages: int = 0, last_modified_at_creation: bool = True
    ) -> None:
        """Seconds Search lags behind, empty pages before each page, whether a new package has LastModifiedTime."""
        wanted = RegistrySettings(float(search_lag), int(empty_pages), bool(last_modified_at_creation))
        for name in RegistrySettings.__slots__:
            setattr(SETTINGS, name, getattr(wanted, name))

    def set_user_profile(self, access_key: str, user_profile_name: str, domain_id: str) -> None:
        """Calls with this access key id come from a Studio user profile (CreatedBy, LastModifiedBy)."""
        owner = f"{DEFAULT_REGION}:{identify(access_key).account}"
        USER_PROFILES[access_key] = {
            "UserProfileName": user_profile_name,
            "DomainId": domain_id,
            "UserProfileArn": f"arn:aws:sagemaker:{owner}:user-profile/{domain_id}/{user_profile_name.lower()}",
        }

    # ---- events

    def inject_event(self, account: str, region: str, event: Mapping[str, Any]) -> None:
        """Publish a hand-made service event on the account's default bus, past CloudTrail and the delivery hop."""
        events_backends[account][region].publish({key: event[key] for key in event if key not in ("account", "region")})
