# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the agent's tests share: a queue in the emulator, events, and a small two-sided world to synchronise.

The world stands in for registry and console: two SQLite files, ``source`` (key → version) and ``target`` (one row an
object). Its reconciler compares and acts as the real one does, query before create included, and nothing in the files
keeps a careless agent from losing a change or making an object twice.
"""

from __future__ import annotations

import contextlib
import json
import pathlib
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import boto3
from botocore.config import Config

from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.model import (
    AccessKey,
    Connection,
    ConsoleEndpoint,
)

ACCOUNT, REGION = "111122223333", "us-east-1"
EVENTS = pathlib.Path(__file__).resolve().parents[2] / "fixtures" / "events"
ONCE = {"total_max_attempts": 1}
CLIENT_CONFIG = Config(connect_timeout=10, read_timeout=60, retries=ONCE)
"""For tests; the emulator may be slow on a loaded machine."""
AGENT_CONFIG = Config(connect_timeout=3, read_timeout=10, retries=ONCE)
"""For agents, some of which meet a network that swallows everything."""


def package_arn(group: str, version: int) -> str:
    return f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package/{group}/{version}"


def event_body(arn: str, name: str = "update_model_package", **changes: Any) -> str:
    """A sample event about this package; each has an eventID of its own."""
    event = json.loads((EVENTS / f"{name}.json").read_text())
    event["detail"]["eventID"] = str(uuid.uuid4())
    for part in ("requestParameters", "responseElements"):
        fields = event["detail"].get(part) or {}
        for member in ("modelPackageArn", "modelPackageName"):
            if member in fields:
                fields[member] = arn
    event["detail"].update(changes)
    return json.dumps(event)


@dataclass(frozen=True)
class Queue:
    """A queue as the role makes it: FIFO with content-based deduplication and a dead-letter queue."""

    client: Any
    url: str
    dead_letter_url: str

    def send(self, body: str, group: str = "wxgov") -> None:
        self.client.send_message(QueueUrl=self.url, MessageBody=body, MessageGroupId=group)

    def dead_letters(self) -> list[dict[str, Any]]:
        """Everything in the dead-letter queue; it is empty afterwards."""
        found: list[dict[str, Any]] = []
        while True:
            answer = self.client.receive_message(
                QueueUrl=self.dead_letter_url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
            )
            if not answer.get("Messages"):
                return found
            for message in answer["Messages"]:
                found.append(message)
                self.client.delete_message(QueueUrl=self.dead_letter_url, ReceiptHandle=message["ReceiptHandle"])

    def depth(self) -> int:
        """Messages in the queue, visible or not."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self.client.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)
        return sum(int(value) for value in answer["Attributes"].values())


def sqs_client(endpoint_url: str, session: Any = None, account: str = ACCOUNT, config: Config = CLIENT_CONFIG) -> Any:
    return (session or boto3.session.Session()).client(
        "sqs",
        endpoint_url=endpoint_url,
        region_name=REGION,
        aws_access_key_id=account,
        aws_secret_access_key="x",
        config=config,
    )


def create_queue(endpoint_url: str, name: str = "events", *, redrive: bool = True, account: str = ACCOUNT) -> Queue:
    client = sqs_client(endpoint_url, account=account)
    fifo = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
    dead_letter_url = client.create_queue(QueueName=f"{name}-dlq.fifo", Attributes=fifo)["QueueUrl"]
    attributes = client.get_queue_attributes(QueueUrl=dead_letter_url, AttributeNames=["QueueArn"])["Attributes"]
    policy = {"deadLetterTargetArn": attributes["QueueArn"], "maxReceiveCount": 1000}
    own = {**fifo, "VisibilityTimeout": "30"} | ({"RedrivePolicy": json.dumps(policy)} if redrive else {})
    url = client.create_queue(QueueName=f"{name}.fifo", Attributes=own)["QueueUrl"]
    return Queue(client, url, dead_letter_url)


def make_connection(queue_url: str, name: str = "prod", **changes: Any) -> Connection:
    values: dict[str, Any] = {
        "name": name,
        "business_entity_id": "1",
        "business_entity_name": "Bank",
        "default_user": "svc",
        "account_id": ACCOUNT,
        "region": REGION,
        "credentials": AccessKey(ACCOUNT, "not-so-secret-4711"),
        "queue_url": queue_url,
        "console": ConsoleEndpoint("https://console.example.com", "basic", {"password": "not-so-secret-4712"}),
    }
    return Connection(**{**values, **changes})


@dataclass(frozen=True)
class Result:
    status: str
    detail: str = ""
    recheck_after: float | None = None


@dataclass(frozen=True)
class Swept:
    listed: int
    marked: int
    held_back: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sent:
    sent: int = 0
    throttled: int = 0
    failed: int = 0


@dataclass(frozen=True)
class Unlimited:
    rate: float | None = None
    breaker: str = "closed"


class World:
    """Source and target of one connection, in one SQLite file that test and agent both open."""

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path
        with self._open() as database:
            database.execute("CREATE TABLE IF NOT EXISTS source (key TEXT PRIMARY KEY, version INTEGER)")
            database.execute("CREATE TABLE IF NOT EXISTS target (key TEXT, version INTEGER)")
            database.execute("CREATE TABLE IF NOT EXISTS writes (key TEXT)")
            database.execute("CREATE TABLE IF NOT EXISTS sweeps (kind TEXT)")

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        database = sqlite3.connect(self.path, timeout=20)
        try:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = OFF")
            with database:
                yield database
        finally:
            database.close()

    def change(self, key: str) -> None:
        """A new version of one entity in the source."""
        with self._open() as database:
            database.execute(
                "INSERT INTO source VALUES (?, 1) ON CONFLICT (key) DO UPDATE SET version = version + 1", (key,)
            )

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        with self._open() as database:
            return database.execute(statement, values).fetchall()

    def execute(self, statement: str, *values: object) -> None:
        with self._open() as database:
            database.execute(statement, values)

    def source(self) -> list[tuple[str, int]]:
        return self.rows("SELECT key, version FROM source ORDER BY key, version")

    def target(self) -> list[tuple[str, int]]:
        return self.rows("SELECT key, version FROM target ORDER BY key, version")


class WorldReconciler:
    """Compares and acts; each write is a transaction of its own, as a request to a console is."""

    def __init__(self, world: World, step: Callable[[str], None]) -> None:
        self._world = world
        self._step = step

    def reconcile(self, key: str) -> Result:
        wanted = self._world.rows("SELECT version FROM source WHERE key = ?", key)
        found = self._world.rows("SELECT version FROM target WHERE key = ?", key)
        self._step("compared")
        if not wanted:
            return Result("ignored")
        if found == wanted:
            return Result("unchanged")
        statement = "UPDATE target SET version = ? WHERE key = ?" if found else "INSERT INTO target VALUES (?2, ?1)"
        self._world.execute(statement, wanted[0][0], key)
        self._world.execute("INSERT INTO writes VALUES (?)", key)
        self._step("written")
        return Result("updated" if found else "created")


class WorldSweeper:
    """Finds every difference, or (``blind``) none: then only events keep the target in step."""

    def __init__(self, world: World, blind: bool) -> None:
        self._world = world
        self._blind = blind

    def full_sweep(self, mark_dirty: Callable[[Iterable[str]], None]) -> Swept:
        self._world.execute("INSERT INTO sweeps VALUES ('full')")
        return self._sweep(mark_dirty)

    def incremental_sweep(self, since: datetime, mark_dirty: Callable[[Iterable[str]], None]) -> Swept:
        self._world.execute("INSERT INTO sweeps VALUES ('incremental')")
        return self._sweep(mark_dirty)

    def _sweep(self, mark_dirty: Callable[[Iterable[str]], None]) -> Swept:
        if self._blind:
            return Swept(0, 0)
        target = self._world.target()
        stale = [row[0] for row in self._world.source() if row not in target]
        mark_dirty(stale)
        return Swept(len(target), len(stale))


@dataclass(frozen=True)
class WorldRuntime:
    reconciler: WorldReconciler
    sweeper: WorldSweeper
    sqs_client: Any
    traffic: Mapping[str, Sent] = field(default_factory=lambda: {"sqs": Sent(3, 2, 1)})
    pace: Unlimited = Unlimited()
    registry_rates: Mapping[str, float] = field(default_factory=lambda: {"DescribeModelPackage": 4.5})
    changes: tuple[()] = ()

    def background(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()

    def close(self) -> None:
        self.sqs_client.close()


def wait_until(condition: Callable[[], object], timeout: float = 120) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)
