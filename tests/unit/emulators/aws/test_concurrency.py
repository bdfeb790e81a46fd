# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many threads at once: nothing lost, nothing delivered twice, every group in order; and no cost of depth."""

from __future__ import annotations

import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from moto.sqs.models import sqs_backends

from tests.emulators.aws.server import AwsEmulator
from tests.unit.emulators.aws.clouds import ACCOUNT, REGION, EmulatedCloud
from tests.unit.emulators.aws.probes_sqs import queue, send

PRODUCERS = CONSUMERS = 6
EACH = 40


@pytest.fixture
def eager_switching() -> Iterator[None]:
    """Let Python switch threads as often as it can, so that races show."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def consume(backend: object, taken: list[tuple[str, int]], lock: threading.Lock, done: threading.Event) -> None:
    while True:
        messages = backend.receive_message("probe.fifo", 10, 0, 30)
        with lock:
            taken.extend((message.group_id, int(message.body)) for message in messages)
        for message in messages:
            backend.delete_message("probe.fifo", message.receipt_handle)
        if not messages and done.is_set():
            return


@pytest.mark.usefixtures("eager_switching")
def test_six_producers_and_six_consumers_in_one_process(aws: AwsEmulator) -> None:
    backend = sqs_backends[ACCOUNT][REGION]
    backend.create_queue("probe.fifo", FifoQueue="true", VisibilityTimeout="30")
    taken: list[tuple[str, int]] = []
    lock, done = threading.Lock(), threading.Event()

    def produce(group: int) -> None:
        for number in range(EACH):
            backend.send_message("probe.fifo", str(number), group_id=f"g{group}", deduplication_id=f"{group}-{number}")

    with ThreadPoolExecutor(PRODUCERS + CONSUMERS) as pool:
        consumers = [pool.submit(consume, backend, taken, lock, done) for _unused in range(CONSUMERS)]
        for producer in [pool.submit(produce, group) for group in range(PRODUCERS)]:
            producer.result()
        done.set()
        for consumer in consumers:
            consumer.result()
    by_group = defaultdict(list)
    for group, number in taken:
        by_group[group].append(number)
    assert dict(by_group) == {f"g{group}": list(range(EACH)) for group in range(PRODUCERS)}


def test_six_producers_and_six_consumers_over_http(cloud: EmulatedCloud) -> None:
    sqs, url = queue(cloud)
    taken: dict[str, list[int]] = defaultdict(list)
    done = threading.Event()

    def produce(group: int) -> None:
        for number in range(EACH):
            send(sqs, url, str(number), group=f"g{group}")

    def take() -> None:
        while True:
            answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["MessageGroupId"])
            for message in answer.get("Messages", []):
                taken[message["Attributes"]["MessageGroupId"]].append(int(message["Body"]))
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            if "Messages" not in answer and done.is_set():
                return

    with ThreadPoolExecutor(PRODUCERS + CONSUMERS) as pool:
        consumers = [pool.submit(take) for _unused in range(CONSUMERS)]
        for producer in [pool.submit(produce, group) for group in range(PRODUCERS)]:
            producer.result()
        done.set()
        for consumer in consumers:
            consumer.result()
    # A group is handed on only when what was taken before is deleted, so each group arrives in order.
    assert dict(taken) == {f"g{group}": list(range(EACH)) for group in range(PRODUCERS)}


def test_registry_takes_parallel_creates(cloud: EmulatedCloud) -> None:
    sagemaker = cloud.client("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName="Probe")
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: sagemaker.create_model_package(ModelPackageGroupName="Probe"), range(60)))
    versions = sorted(int(answer["ModelPackageArn"].rsplit("/", 1)[-1]) for answer in answers)
    assert versions == list(range(1, 61))


def test_depth_costs_nothing(aws: AwsEmulator) -> None:
    """Stock moto needs 450 ms a send at depth 4,000; here 200 more sends are as quick as the first 200."""
    backend = sqs_backends[ACCOUNT][REGION]
    backend.create_queue("probe.fifo", FifoQueue="true")

    def fill(start: int, count: int) -> float:
        before = time.process_time()
        for number in range(start, start + count):
            backend.send_message("probe.fifo", "x", group_id=f"g{number % 50}", deduplication_id=str(number))
        return time.process_time() - before

    shallow = fill(0, 500)
    fill(500, 4000)
    deep = fill(4500, 500)
    assert deep < 5 * shallow + 0.05
