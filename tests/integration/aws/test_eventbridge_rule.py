# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""eventbridge_rule against the emulator: every option through check → change → check → no change."""

from __future__ import annotations

import contextlib
import http.server
import json
import pathlib
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.integration.aws.conftest import ACCOUNT, Account, differing, walk_cycle

SQS = f"arn:aws:sqs:us-east-1:{ACCOUNT}"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/events"
PATTERN = {"source": ["aws.sagemaker"], "detail": {"eventName": ["CreateModelPackage", "UpdateModelPackage"]}}
OTHER_PATTERN = {"source": ["aws.sagemaker"]}
NOTHING = {
    "message_group_id": None,
    "dead_letter_arn": None,
    "retry_policy": None,
    "input": None,
    "input_path": None,
    "input_transformer": None,
    "role_arn": None,
}
FIFO = {"id": "queue", "arn": f"{SQS}:line.fifo", "message_group_id": "registry"}
PLAIN = {"id": "plain", "arn": f"{SQS}:plain"}


def shown(*targets: dict[str, Any]) -> list[dict[str, Any]]:
    """Targets as the module returns them."""
    return [{**NOTHING, **target} for target in targets]


def one_option(option: str, value: Any, target: dict[str, Any] | None = None) -> tuple[Any, ...]:
    """A cycle that sets one option of a target."""
    target = target or PLAIN
    change = {"targets": [{**target, option: value}]}
    return ({"targets": [target]}, change, {"targets": (shown(target), shown({**target, option: value}))})


CYCLES: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, tuple[Any, Any]]]] = {
    "description": ({}, {"description": "x y"}, {"description": (None, "x y")}),
    "description cleared": ({"description": "x y"}, {"description": ""}, {"description": ("x y", None)}),
    "event_pattern": (
        {},
        {"event_pattern": OTHER_PATTERN},
        {"event_pattern": (PATTERN, OTHER_PATTERN)},
    ),
    "schedule_expression": (
        {},
        {"schedule_expression": "rate(1 hour)"},
        {"schedule_expression": (None, "rate(1 hour)")},
    ),
    "event_pattern cleared": (
        {"schedule_expression": "rate(1 hour)"},
        {"event_pattern": {}},
        {"event_pattern": (PATTERN, None)},
    ),
    "role_arn": ({}, {"role_arn": ROLE}, {"role_arn": (None, ROLE)}),
    "state disabled": ({}, {"state": "disabled"}, {"state": ("ENABLED", "DISABLED")}),
    "state enabled": ({"state": "disabled"}, {"state": "enabled"}, {"state": ("DISABLED", "ENABLED")}),
    "targets unset to set": ({}, {"targets": [FIFO]}, {"targets": ([], shown(FIFO))}),
    "targets replaced": ({"targets": [PLAIN]}, {"targets": [FIFO]}, {"targets": (shown(PLAIN), shown(FIFO))}),
    "purge_targets off": (
        {"targets": [PLAIN]},
        {"targets": [FIFO], "purge_targets": False},
        {"targets": (shown(PLAIN), shown(PLAIN, FIFO))},
    ),
    "targets emptied": ({"targets": [PLAIN, FIFO]}, {"targets": []}, {"targets": (shown(PLAIN, FIFO), [])}),
    "message_group_id": (
        {"targets": [FIFO]},
        {"targets": [{**FIFO, "message_group_id": "other"}]},
        {"targets": (shown(FIFO), shown({**FIFO, "message_group_id": "other"}))},
    ),
    "dead_letter_arn": one_option("dead_letter_arn", f"{SQS}:dead"),
    "retry_policy": one_option(
        "retry_policy", {"maximum_retry_attempts": 3, "maximum_event_age_in_seconds": 60}, target=FIFO
    ),
    "input": one_option("input", {"a": [1, True]}),
    "input_path": one_option("input_path", "$.detail"),
    "input_transformer": one_option(
        "input_transformer", {"input_paths_map": {"n": "$.detail.n"}, "input_template": '{"n": "<n>"}'}
    ),
    "role_arn of a target": one_option("role_arn", ROLE),
    "an option of a target that is not set stays": (
        {"targets": [{**PLAIN, "dead_letter_arn": f"{SQS}:dead"}]},
        {"targets": [{**PLAIN, "input_path": "$.detail"}]},
        {
            "targets": (
                shown({**PLAIN, "dead_letter_arn": f"{SQS}:dead"}),
                shown({**PLAIN, "dead_letter_arn": f"{SQS}:dead", "input_path": "$.detail"}),
            )
        },
    ),
    "an option of a target that is empty is cleared": (
        {"targets": [{**PLAIN, "dead_letter_arn": f"{SQS}:dead"}]},
        {"targets": [{**PLAIN, "dead_letter_arn": ""}]},
        {"targets": (shown({**PLAIN, "dead_letter_arn": f"{SQS}:dead"}), shown(PLAIN))},
    ),
    "tags unset to set": ({}, {"tags": {"team": "a"}}, {"tags": ({}, {"team": "a"})}),
    "tags replaced": (
        {"tags": {"team": "a", "old": "1"}},
        {"tags": {"team": "b"}},
        {"tags": ({"team": "a", "old": "1"}, {"team": "b"})},
    ),
    "purge_tags off": (
        {"tags": {"team": "a", "old": "1"}},
        {"tags": {"team": "b"}, "purge_tags": False},
        {"tags": ({"team": "a", "old": "1"}, {"team": "b", "old": "1"})},
    ),
}


def real(account: Account, name: str = "registry") -> dict[str, Any]:
    """The rule as boto3 sees it."""
    events = account.client("events")
    rule = events.describe_rule(Name=name)
    rule.pop("ResponseMetadata")
    targets = events.list_targets_by_rule(Rule=name)["Targets"]
    tags = events.list_tags_for_resource(ResourceARN=rule["Arn"])["Tags"]
    return {
        **rule,
        "targets": sorted(targets, key=lambda target: str(target["Id"])),
        "tags": sorted(tags, key=lambda tag: str(tag["Key"])),
    }


@pytest.fixture(autouse=True)
def queues(account: Account) -> None:
    """The queues that targets name."""
    sqs = account.client("sqs")
    for name in ("plain", "dead"):
        sqs.create_queue(QueueName=name)
    sqs.create_queue(QueueName="line.fifo", Attributes={"FifoQueue": "true", "ContentBasedDeduplication": "true"})


class RefusingProxy(http.server.BaseHTTPRequestHandler):
    """Passes calls on to the emulator, but answers one action as EventBridge does that refuses a target: with a 200."""

    upstream = ""
    action = ""

    def do_POST(self) -> None:  # the name http.server wants
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("X-Amz-Target") == f"AWSEvents.{self.action}":
            entry = {"TargetId": "queue", "ErrorCode": "ConcurrentModificationException", "ErrorMessage": "busy"}
            self.answer(200, json.dumps({"FailedEntryCount": 1, "FailedEntries": [entry]}).encode())
        else:
            passed = requests.post(self.upstream, data=body, headers=dict(self.headers), timeout=10)
            self.answer(passed.status_code, passed.content)

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: Any) -> None:
        """Say nothing."""


@contextlib.contextmanager
def refusing(account: Account, action: str) -> Iterator[str]:
    """The URL of a proxy that refuses a target of `action`."""
    handler = type("Handler", (RefusingProxy,), {"upstream": account.emulator.endpoint_url, "action": action})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(("action", "targets"), [("PutTargets", [PLAIN]), ("RemoveTargets", [])])
def test_a_target_that_is_refused_in_a_good_answer_fails_the_task(
    account: Account, action: str, targets: list[dict[str, Any]]
) -> None:
    account.succeed("eventbridge_rule", name="registry", event_pattern=PATTERN, targets=[FIFO])
    with refusing(account, action) as url:
        result = account.run("eventbridge_rule", name="registry", targets=targets, endpoint_url=url)
    assert result["failed"] is True
    assert f"events:{action} on registry failed for 1 of 1 targets" in result["msg"]
    assert "queue: ConcurrentModificationException: busy" in result["msg"]
    assert result["failed_entries"] == [{"id": "queue", "code": "ConcurrentModificationException", "message": "busy"}]


@pytest.mark.parametrize("cycle", CYCLES.values(), ids=CYCLES)
def test_each_option_is_checked_set_and_then_left_alone(account: Account, cycle: Any) -> None:
    given, change, expected = cycle
    account.succeed("eventbridge_rule", name="registry", **{"event_pattern": PATTERN, **given})
    walk_cycle(account, "eventbridge_rule", "rule", {"name": "registry"}, change, lambda: real(account), expected)


NEW: dict[str, Any] = {
    "name": "registry",
    "description": "x",
    "event_pattern": PATTERN,
    "targets": [
        {
            **FIFO,
            "dead_letter_arn": f"{SQS}:dead",
            "retry_policy": {"maximum_retry_attempts": 185, "maximum_event_age_in_seconds": 86400},
        }
    ],
    "tags": {"team": "a"},
}


def test_a_new_rule_is_shown_the_same_in_check_mode(account: Account) -> None:
    checked = account.succeed("eventbridge_rule", check=True, **NEW)
    assert checked["changed"] is True
    assert account.client("events").list_rules()["Rules"] == []
    account.emulator.clear_calls()
    made = account.succeed("eventbridge_rule", **NEW)
    assert made["rule"] == checked["rule"], differing(checked["rule"], made["rule"])
    assert made["diff"] == checked["diff"]
    assert account.emulator.calls() == {
        "events.DescribeRule": 2,
        "sts.GetCallerIdentity": 1,
        "events.PutRule": 1,
        "events.PutTargets": 1,
        "events.ListTargetsByRule": 1,
        "events.ListTagsForResource": 1,
    }
    seen = real(account)
    assert json.loads(seen["EventPattern"]) == PATTERN
    assert seen["State"] == "ENABLED"
    assert seen["tags"] == [{"Key": "team", "Value": "a"}]
    assert seen["targets"] == [
        {
            "Id": "queue",
            "Arn": f"{SQS}:line.fifo",
            "SqsParameters": {"MessageGroupId": "registry"},
            "DeadLetterConfig": {"Arn": f"{SQS}:dead"},
            "RetryPolicy": {"MaximumRetryAttempts": 185, "MaximumEventAgeInSeconds": 86400},
        }
    ]
    account.emulator.clear_calls()
    assert account.succeed("eventbridge_rule", **NEW)["changed"] is False
    assert account.emulator.calls() == {
        "events.DescribeRule": 1,
        "events.ListTargetsByRule": 1,
        "events.ListTagsForResource": 1,
    }


def test_the_pattern_is_compared_as_json(account: Account) -> None:
    account.succeed("eventbridge_rule", name="registry", event_pattern=PATTERN)
    text = '{ "detail": {"eventName": ["UpdateModelPackage",\n "CreateModelPackage"]}, "source": ["aws.sagemaker"] }'
    assert account.succeed("eventbridge_rule", name="registry", event_pattern=text)["changed"] is False


def test_a_change_of_the_rule_keeps_what_it_does_not_name(account: Account) -> None:
    account.succeed("eventbridge_rule", **NEW)
    account.succeed("eventbridge_rule", name="registry", state="disabled")
    seen = real(account)
    assert (seen["State"], seen["Description"], json.loads(seen["EventPattern"])) == ("DISABLED", "x", PATTERN)
    assert [target["Id"] for target in seen["targets"]] == ["queue"]


def test_parts_of_a_target_without_an_option_are_kept(account: Account) -> None:
    account.succeed("eventbridge_rule", name="registry", event_pattern=PATTERN)
    foreign = {"Id": "f", "Arn": f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/s"}
    kinesis = {"KinesisParameters": {"PartitionKeyPath": "$.id"}}
    account.client("events").put_targets(Rule="registry", Targets=[{**foreign, **kinesis}])
    target = {"id": "f", "arn": foreign["Arn"], "input_path": "$.detail"}
    account.succeed("eventbridge_rule", name="registry", targets=[target])
    assert real(account)["targets"] == [{**foreign, **kinesis, "InputPath": "$.detail"}]


def test_targets_give_way_before_new_ones_come_only_at_the_limit(account: Account) -> None:
    def targets(letters: str) -> list[dict[str, Any]]:
        return [{"id": letter, "arn": f"{SQS}:plain"} for letter in letters]

    account.succeed("eventbridge_rule", name="registry", event_pattern=PATTERN, targets=targets("ab"))
    moved = account.succeed("eventbridge_rule", name="registry", targets=targets("cd"))
    assert moved["operations"] == ["put_targets", "remove_targets"]
    account.succeed("eventbridge_rule", name="registry", targets=targets("abcde"))
    moved = account.succeed("eventbridge_rule", name="registry", targets=targets("fghij"))
    assert moved["operations"] == ["remove_targets", "put_targets"]
    assert [target["Id"] for target in real(account)["targets"]] == list("fghij")
    message = account.refuse("eventbridge_rule", name="registry", targets=targets("k"), purge_targets=False)
    assert "would have 6 targets and may have 5" in message


def test_deletion_takes_the_targets_along(account: Account) -> None:
    made = account.succeed("eventbridge_rule", **NEW)["rule"]
    checked = account.succeed("eventbridge_rule", name="registry", state="absent", check=True)
    assert checked["diff"] == {"before": made, "after": {}}
    assert real(account)["Arn"] == made["arn"]
    assert account.succeed("eventbridge_rule", name="registry", state="absent") == checked
    assert account.client("events").list_rules()["Rules"] == []
    for check in (True, False):
        again = account.succeed("eventbridge_rule", name="registry", state="absent", check=check)
        assert (again["changed"], again["rule"]) == (False, None)


def test_a_rule_lives_on_its_own_bus(account: Account) -> None:
    account.client("events").create_event_bus(Name="models")
    options = {"name": "registry", "event_bus_name": "models", "event_pattern": PATTERN}
    checked = account.succeed("eventbridge_rule", check=True, **options)
    made = account.succeed("eventbridge_rule", **options)
    assert made["rule"] == checked["rule"]
    assert made["rule"]["arn"].endswith("rule/models/registry")
    assert account.client("events").list_rules()["Rules"] == []


def test_a_bus_that_is_not_there_is_named(account: Account) -> None:
    message = account.refuse("eventbridge_rule", name="registry", event_bus_name="nowhere", event_pattern=PATTERN)
    assert "'nowhere'" in message


def test_an_event_reaches_the_queue_through_the_rule(account: Account) -> None:
    """The whole chain with our modules alone: trail, rule, pattern, policy, queue."""
    account.client("s3").create_bucket(Bucket="trail")
    trails = account.client("cloudtrail")
    trails.create_trail(Name="writes", S3BucketName="trail")
    trails.start_logging(Name="writes")
    rule = account.succeed("eventbridge_rule", name="registry", event_pattern=OTHER_PATTERN, targets=[FIFO])["rule"]
    allow = {
        "Sid": "EventBridge",
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": FIFO["arn"],
        "Condition": {"ArnEquals": {"aws:SourceArn": rule["arn"]}},
    }
    deny = {
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sqs:*",
        "Resource": FIFO["arn"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    queue = account.succeed(
        "sqs_queue", name="line.fifo", policy={"Version": "2012-10-17", "Statement": [allow, deny]}
    )["queue"]
    account.client("sagemaker").create_model_package_group(ModelPackageGroupName="fraud")
    received = account.client("sqs").receive_message(QueueUrl=queue["url"], WaitTimeSeconds=5)
    (message,) = received["Messages"]
    assert json.loads(message["Body"])["detail"]["eventName"] == "CreateModelPackageGroup"


EVENTS = pathlib.Path(__file__).parents[2] / "fixtures" / "events"
CREATION = json.loads((EVENTS / "create_model_package.json").read_text())
FAILED = json.loads((EVENTS / "failed_call.json").read_text())
UPDATES = {"source": ["aws.sagemaker"], "detail": {"eventName": ["UpdateModelPackage"]}}


def test_a_pattern_is_tried_on_events_before_the_rule_is_touched(account: Account) -> None:
    """In check mode and for real, for a new rule and for one that is there: nothing is changed when one goes wrong."""
    tested = [
        {"event": CREATION},
        {"event": json.dumps(CREATION), "matches": False},
        {"event": FAILED, "matches": True},
    ]
    calls: list[dict[str, int]] = []

    def refused(check: bool) -> None:
        account.emulator.clear_calls()
        message = account.refuse(
            "eventbridge_rule", check=check, name="registry", event_pattern=UPDATES, test_events=tested
        )
        assert message == (
            "test_events: event 1 (aws.sagemaker, AWS API Call via CloudTrail, CreateModelPackage) does not match; "
            f"event 3 (aws.sagemaker, AWS API Call via CloudTrail, {FAILED['detail']['eventName']}) does not match "
            "the pattern of the rule 'registry', against what matches says; nothing was changed."
        )
        calls.append(account.emulator.calls())

    refused(check=True)
    refused(check=False)
    assert account.client("events").list_rules()["Rules"] == []
    account.succeed("eventbridge_rule", name="registry", event_pattern=PATTERN)
    refused(check=True)
    refused(check=False)
    assert json.loads(real(account)["EventPattern"]) == PATTERN
    assert all(found["events.TestEventPattern"] == 3 and "events.PutRule" not in found for found in calls)


def test_what_must_not_match_is_tried_too(account: Account) -> None:
    every = {"source": ["aws.sagemaker"]}
    ours = {**every, "detail": {"errorCode": [{"exists": False}]}}
    tested = [{"event": CREATION}, {"event": FAILED, "matches": False}]
    message = account.refuse("eventbridge_rule", name="registry", event_pattern=every, test_events=tested)
    assert "event 2 (aws.sagemaker, AWS API Call via CloudTrail, " in message
    assert message.count(" matches the pattern") == 1
    assert (
        account.succeed("eventbridge_rule", name="registry", event_pattern=ours, test_events=tested)["changed"] is True
    )
    # Without a pattern in the task it is the rule's own that is tried.
    assert account.succeed("eventbridge_rule", name="registry", test_events=tested)["changed"] is False
    turned = [{"event": CREATION, "matches": False}]
    assert "event 1" in account.refuse("eventbridge_rule", name="registry", test_events=turned)
    gone = account.succeed("eventbridge_rule", name="registry", state="absent", test_events=turned)
    assert gone["changed"] is True


def test_events_are_tried_only_when_they_can_be(account: Account) -> None:
    account.emulator.clear_calls()
    half = {key: value for key, value in CREATION.items() if key not in ("id", "resources")}
    message = account.refuse(
        "eventbridge_rule", name="registry", event_pattern=PATTERN, test_events=[{"event": CREATION}, {"event": half}]
    )
    assert message == ("test_events: event 2 has no id and no resources; EventBridge tests only whole events.")
    assert account.emulator.calls() == {}
    message = account.refuse(
        "eventbridge_rule", name="registry", schedule_expression="rate(1 hour)", test_events=[{"event": CREATION}]
    )
    assert message == "test_events needs an event_pattern to test, and the rule 'registry' has none."
    assert account.client("events").list_rules()["Rules"] == []
