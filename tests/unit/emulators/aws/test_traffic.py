# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counters, throttling, faults, the clock and the control surface."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from botocore.exceptions import ClientError, HTTPClientError
from hypothesis import given
from hypothesis import strategies as st

from tests.emulators.aws.server import AwsEmulator
from tests.emulators.aws.traffic import Traffic
from tests.unit.emulators.aws.clouds import OTHER, EmulatedCloud, error_code
from tests.unit.emulators.aws.probes_sagemaker import describe, group, package
from tests.unit.emulators.aws.probes_sqs import bodies, queue, receive


def control(emulator: AwsEmulator, method: str, route: str, given: Any = None) -> Any:
    """(status, body) of one control request."""
    data = None if given is None else json.dumps(given).encode()
    request = Request(f"{emulator.endpoint_url}/_emulator/{route}", data=data, method=method)
    try:
        with urlopen(request, timeout=10) as answer:
            text = answer.read()
            return answer.status, json.loads(text) if text else None
    except HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


# ---- counters


def test_calls_are_counted_by_operation(cloud: EmulatedCloud) -> None:
    sqs, url = queue(cloud, "probe")
    receive(sqs, url)
    receive(sqs, url)
    cloud.client("sts").get_caller_identity()
    assert cloud.emulator.calls() == {"sqs.CreateQueue": 1, "sqs.ReceiveMessage": 2, "sts.GetCallerIdentity": 1}
    cloud.emulator.clear_calls()
    assert cloud.emulator.calls() == {}
    receive(sqs, url)
    assert cloud.emulator.calls() == {"sqs.ReceiveMessage": 1}


# ---- throttling


def test_throttled_operation_answers_rate_exceeded(cloud: EmulatedCloud) -> None:
    sagemaker = cloud.client("sagemaker")
    cloud.emulator.throttle("sagemaker.Search", rate=0.001, burst=2)
    sagemaker.search(Resource="ModelPackage")
    sagemaker.search(Resource="ModelPackage")
    assert error_code(sagemaker.search, Resource="ModelPackage") == "ThrottlingException"
    sagemaker.list_model_package_groups()
    assert cloud.emulator.throttled_calls() == {"sagemaker.Search": 1}
    cloud.emulator.throttle("sagemaker.Search", rate=None)
    sagemaker.search(Resource="ModelPackage")


@given(rate=st.floats(0.1, 100), burst=st.integers(1, 20), pauses=st.lists(st.floats(0, 2), min_size=1, max_size=60))
def test_bucket_never_lets_more_through_than_its_rate(rate: float, burst: int, pauses: list[float]) -> None:
    now = 0.0
    traffic = Traffic(clock=lambda: now)
    traffic.throttle("a", rate, burst)
    passed = 0
    for pause in pauses:
        now += pause
        passed += not traffic.is_throttled("a")
    assert 1 <= passed <= burst + rate * now + 1e-6


# ---- faults


def test_error_fault(cloud: EmulatedCloud) -> None:
    sqs = cloud.client("sqs")
    cloud.emulator.fault("sqs.ListQueues", "error", times=2, code="ServiceUnavailable", status=503)
    for _unused in range(2):
        with pytest.raises(ClientError) as caught:
            sqs.list_queues()
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
        assert caught.value.response["Error"]["Code"] == "ServiceUnavailable"
    sqs.list_queues()


def test_error_fault_of_a_query_service(cloud: EmulatedCloud) -> None:
    cloud.emulator.fault("iam.ListRoles", "error", code="Throttling")
    assert error_code(cloud.client("iam").list_roles) == "Throttling"


def test_proxy_page_looks_empty_and_applies_nothing(cloud: EmulatedCloud) -> None:
    sqs, url = queue(cloud, "probe")
    cloud.emulator.fault("sqs.SendMessage", "http_html_200")
    assert "MessageId" not in sqs.send_message(QueueUrl=url, MessageBody="x")
    assert receive(sqs, url) == []


def test_truncated_answer_applies(cloud: EmulatedCloud) -> None:
    sqs, url = queue(cloud, "probe", VisibilityTimeout="30")
    sqs.send_message(QueueUrl=url, MessageBody="x")
    cloud.emulator.fault("sqs.ReceiveMessage", "truncate")
    assert receive(sqs, url) == []
    assert receive(sqs, url) == []
    cloud.wait(31)
    assert bodies(receive(sqs, url)) == ["x"]


def test_reset_applies_nothing(cloud: EmulatedCloud) -> None:
    sqs, url = queue(cloud, "probe")
    cloud.emulator.fault("sqs.SendMessage", "reset")
    with pytest.raises(HTTPClientError):
        sqs.send_message(QueueUrl=url, MessageBody="x")
    assert receive(sqs, url) == []


def test_lost_response_applies(cloud: EmulatedCloud) -> None:
    sqs, url = queue(cloud, "probe")
    cloud.emulator.fault("sqs.SendMessage", "lost_response")
    with pytest.raises(HTTPClientError):
        sqs.send_message(QueueUrl=url, MessageBody="x")
    assert bodies(receive(sqs, url)) == ["x"]


def test_latency(cloud: EmulatedCloud) -> None:
    sqs = cloud.client("sqs")
    sqs.list_queues()
    cloud.emulator.fault("sqs.ListQueues", "latency", seconds=0.3)
    started = time.monotonic()
    sqs.list_queues()
    assert time.monotonic() - started >= 0.3


def test_unknown_fault_is_refused() -> None:
    with pytest.raises(ValueError, match="Unknown fault kind explode"):
        AwsEmulator().fault("sqs.ListQueues", "explode")


# ---- the clock


def test_advance_moves_the_cloud_and_not_the_client(cloud: EmulatedCloud) -> None:
    sagemaker = group(cloud)
    real = time.time()
    before = describe(sagemaker, package(sagemaker))["CreationTime"]
    cloud.wait(86_400)
    after = describe(sagemaker, package(sagemaker))["CreationTime"]
    assert 86_400 <= (after - before).total_seconds() < 86_460
    assert time.time() - real < 60


def test_times_are_finer_than_a_second(cloud: EmulatedCloud) -> None:
    sagemaker = group(cloud)
    times = [describe(sagemaker, package(sagemaker))["LastModifiedTime"] for _unused in range(5)]
    assert any(moment.microsecond for moment in times)


def test_clock_does_not_go_back(cloud: EmulatedCloud) -> None:
    with pytest.raises(ValueError, match="only moves forward"):
        cloud.emulator.advance(-1)


def test_long_poll_ends_when_the_clock_makes_a_message_visible(cloud: EmulatedCloud) -> None:
    sqs, url = queue(cloud, "probe", VisibilityTimeout="600")
    sqs.send_message(QueueUrl=url, MessageBody="x")
    receive(sqs, url)
    cloud.wait(599.5)
    started = time.monotonic()
    assert bodies(receive(sqs, url, WaitTimeSeconds=10)) == ["x"]
    assert time.monotonic() - started < 5


# ---- reset and control surface


def test_reset_forgets_everything(cloud: EmulatedCloud) -> None:
    emulator = cloud.emulator
    queue(cloud, "probe")
    emulator.throttle("sqs.ListQueues", rate=0.001, burst=1)
    emulator.fault("sqs.GetQueueUrl", "error")
    emulator.delivery.hold()
    emulator.advance(5000)
    emulator.configure_registry(search_lag=60)
    emulator.reset()
    assert emulator.calls() == {}
    sqs, url = queue(cloud, "probe")
    assert sqs.list_queues()["QueueUrls"] == sqs.list_queues()["QueueUrls"] == [url]
    sqs.get_queue_url(QueueName="probe")
    assert abs(emulator.clock.timestamp() - time.time()) < 5
    package(group(cloud))
    assert cloud.client("sagemaker").search(Resource="ModelPackage")["TotalHits"]["Value"] == 1


def test_reset_sends_long_polls_home(cloud: EmulatedCloud) -> None:
    sqs, url = queue(cloud, "probe")
    started = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(receive, sqs, url, WaitTimeSeconds=20)
        while "sqs.ReceiveMessage" not in cloud.emulator.calls():
            time.sleep(0.01)
        time.sleep(0.1)
        cloud.emulator.reset()
        assert waiting.result(timeout=5) == []
    assert time.monotonic() - started < 5


def test_control_surface(cloud: EmulatedCloud) -> None:
    emulator = cloud.emulator
    assert control(emulator, "GET", "health") == (200, {"status": "ok"})
    sqs, url = queue(cloud, "probe", VisibilityTimeout="30")
    status, answer = control(emulator, "GET", "calls")
    assert (status, answer["calls"]) == (200, {"sqs.CreateQueue": 1})
    assert control(emulator, "DELETE", "calls") == (204, None)
    status, answer = control(emulator, "POST", "clock", {"advance": 100})
    assert status == 200
    assert answer["now"].startswith(emulator.clock.isoformat()[:16])
    assert control(emulator, "POST", "throttle", {"operation": "sqs.ListQueues", "rate": 0.001, "burst": 1})[0] == 204
    sqs.list_queues()
    assert error_code(sqs.list_queues) == "ThrottlingException"
    assert control(emulator, "POST", "throttle", {"operation": "sqs.ListQueues", "rate": None})[0] == 204
    sqs.list_queues()
    given = {"operation": "sqs.ListQueues", "kind": "error", "times": 1, "code": "InternalError", "status": 500}
    assert control(emulator, "POST", "faults", given)[0] == 204
    with pytest.raises(ClientError, match="InternalError"):
        sqs.list_queues()
    given = {"account": OTHER, "region": "eu-west-1", "groups": 2, "packages_per_group": 3}
    assert control(emulator, "POST", "preload", given) == (200, {"groups": ["group-00000", "group-00001"]})
    assert control(emulator, "POST", "delivery", {"mode": "delay", "seconds": 5}) == (200, {"waiting": 0})
    assert control(emulator, "POST", "reset") == (204, None)
    assert "QueueUrls" not in sqs.list_queues()


@pytest.mark.parametrize(
    ("method", "route", "given", "status", "message"),
    [
        ("GET", "nothing", None, 404, "No control route"),
        ("POST", "clock", {}, 400, "'advance' is missing"),
        ("POST", "delivery", {"mode": "shuffle"}, 400, "Unknown delivery mode"),
        ("POST", "faults", {"operation": "x", "kind": "error", "colour": 1}, 400, "colour"),
        ("POST", "clock", [1], 400, "must be a JSON object"),
    ],
)
def test_control_errors_say_what_is_wrong(
    cloud: EmulatedCloud, method: str, route: str, given: Any, status: int, message: str
) -> None:
    code, answer = control(cloud.emulator, method, route, given)
    assert code == status
    assert message in answer["error"]
