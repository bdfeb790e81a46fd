# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients of many accounts in one process: one data loader for all, one client a service and account, made once.

botocore reads a service's description from disk for each session it has; with the loader shared, the second account's
client costs 3 ms instead of 10 to 60.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

try:
    import botocore.config
    import botocore.exceptions
    import botocore.loaders
    import botocore.session
except ImportError:
    botocore = None  # AnsibleAWSModule says so before anything here runs

from .arn import parse_arn, parse_role_arn
from .client import Retries, ServiceClient, check_region
from .errors import AwsError
from .stack_documents import Place
from .trail_creation import BucketClient


@dataclass(frozen=True, slots=True)
class Login:
    """As whom to call an account: a profile, a key, or what the environment has; then perhaps a role to take on.

    `assume_role` has role_arn, external_id and session_name.
    """

    region: str | None = None
    profile: str | None = None
    access_key: str | None = None
    secret_key: str | None = field(default=None, repr=False)
    session_token: str | None = field(default=None, repr=False)
    assume_role: Mapping[str, str] | None = field(default=None, repr=False)

    def over(self, base: Login) -> Login:
        """This login with what it does not say taken from `base`; a profile or a key replaces the other."""
        own = self.profile or self.access_key
        source = self if own else base
        return Login(
            region=self.region or base.region,
            profile=source.profile,
            access_key=source.access_key,
            secret_key=source.secret_key,
            session_token=source.session_token,
            assume_role=self.assume_role,
        )


@dataclass(slots=True)
class ClientFactory:
    """What all clients share: endpoint, TLS, configuration, retries, and botocore's descriptions of the services."""

    endpoint_url: str | None = None
    verify: bool | str | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    retries: Retries = Retries()
    known_regions: Callable[[], frozenset[str]] = frozenset
    _loader: Any = None
    # Making clients is no matter for several threads: each would read the same description from disk.
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def session(self, profile: str | None) -> Any:
        """A botocore session that shares the loader. Call it with the lock held."""
        if self._loader is None:
            self._loader = botocore.loaders.create_loader(botocore.session.Session().get_config_variable("data_path"))
        session = botocore.session.Session(profile=profile)
        session.register_component("data_loader", self._loader)
        return session

    def connect(self, login: Login) -> Account:
        """The account that a login leads to; one AWS call. Raises AwsError, InputError for an unknown region."""
        try:
            return self._connect(login)
        except botocore.exceptions.BotoCoreError as error:
            raise AwsError(f"The credentials cannot be used: {error}") from error

    def _connect(self, login: Login) -> Account:
        with self._lock:
            session = self.session(login.profile)
        region = check_region(login.region or session.get_config_variable("region"), self.known_regions)
        keys = {
            "aws_access_key_id": login.access_key,
            "aws_secret_access_key": login.secret_key,
            "aws_session_token": login.session_token,
        }
        account = Account(self, session, region, {} if login.profile else keys)
        if login.assume_role:
            return self._assume(account, login.assume_role)
        answer = account.client("sts").call("get_caller_identity", "the credentials in use")
        arn = account.client("sts").required(answer, "Arn", "get_caller_identity", "the credentials in use")
        account.owner = parse_arn(arn, "the caller's ARN").account
        return account

    def _assume(self, account: Account, role: Mapping[str, str]) -> Account:
        arn = role["role_arn"]
        owner = parse_role_arn(arn, "assume_role.role_arn").account
        external = {"ExternalId": role["external_id"]} if role.get("external_id") else {}
        sts = account.client("sts")
        name = role.get("session_name") or "wxgov-sagemaker"
        answer = sts.call("assume_role", arn, RoleArn=arn, RoleSessionName=name, **external)
        taken = sts.required(answer, "Credentials", "assume_role", arn)
        keys = {
            "aws_access_key_id": taken["AccessKeyId"],
            "aws_secret_access_key": taken["SecretAccessKey"],
            "aws_session_token": taken["SessionToken"],
        }
        return Account(self, account.session, account.region, keys, owner, calls=account.calls)

    def client(self, account: Account, service: str, region: str) -> Any:
        """A botocore client; only one is made at a time. Raises AwsError where botocore cannot make one."""
        options = {"user_agent_extra": "wxgov.sagemaker", **self.config}
        with self._lock:
            try:
                return account.session.create_client(
                    service,
                    region_name=region,
                    endpoint_url=self.endpoint_url,
                    verify=self.verify,
                    config=botocore.config.Config(**options),
                    **account.keys,
                )
            except botocore.exceptions.BotoCoreError as error:
                raise AwsError(f"There is no client for {service} in {region}: {error}") from error


@dataclass(slots=True)
class CallCount:
    """AWS calls, repeated ones counted again; safe for threads."""

    count: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, **_event: Any) -> None:
        """One more; botocore calls it before each request."""
        with self._lock:
            self.count += 1


@dataclass(slots=True)
class Account:
    """An account that is logged in to, with its clients. `keys` are the credentials where the session has none."""

    factory: ClientFactory
    session: Any
    region: str
    keys: Mapping[str, str | None] = field(repr=False)
    owner: str = ""
    calls: CallCount = field(default_factory=CallCount)
    _clients: dict[tuple[str, str], ServiceClient] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def place(self) -> Place:
        """Where resources of this account and region are."""
        return Place(self.client("sts").partition, self.region, self.owner)

    def client(self, service: str, region: str = "") -> ServiceClient:
        """The client of a service, made when it is first asked for."""
        key = (service, region or self.region)
        with self._lock:
            if key not in self._clients:
                client = self.factory.client(self, *key)
                client.meta.events.register("before-send", self.calls.add)
                kind = BucketClient if service == "s3" else ServiceClient
                self._clients[key] = kind(service, client, self.factory.retries)
            return self._clients[key]

    def bucket_client(self) -> BucketClient:
        """The client of S3."""
        client = self.client("s3")
        if not isinstance(client, BucketClient):
            raise TypeError("The client of S3 is not a BucketClient.")
        return client
