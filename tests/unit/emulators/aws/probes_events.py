# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""What EventBridge does and stock moto does not: one probe a mend."""

from __future__ import annotations

import json
from typing import Any

from tests.unit.emulators.aws.clouds import ACCOUNT, OTHER, Cloud, error_code
from tests.unit.emulators.aws.probes_sqs import attributes_of, bodies, queue, receive

PATTERN = json.dumps({"source": ["probe"]})
DETAIL = {"eventName": "CreateModelPackage", "count": 3, "flag": True}
TEMPLATE_LIKE = {"note": "<id> and <source>"}


def rule(cloud: Cloud, **options: Any) -> tuple[Any, str]:
    """(client, RuleArn) of a new rule on the default bus."""
    events = cloud.client("events")
    return events, events.put_rule(Name="probe", EventPattern=PATTERN, **options)["RuleArn"]


def open_queue(cloud: Cloud, rule_arn: str, name: str = "probe", **options: str) -> tuple[Any, str, str]:
    """(client, QueueUrl, QueueArn) of a queue that lets the rule send."""
    sqs, url = queue(cloud, name, **options)
    arn = attributes_of(sqs, url)["QueueArn"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": rule_arn}},
    }
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps({"Statement": [statement]})})
    return sqs, url, arn


def fire(events: Any, source: str = "probe", detail: dict[str, Any] | None = None) -> dict[str, Any]:
    entry = {"Source": source, "DetailType": "Probe", "Detail": json.dumps(detail or DETAIL)}
    answer: dict[str, Any] = events.put_events(Entries=[entry])
    return answer


def delivered(cloud: Cloud, detail: dict[str, Any] | None = None, **target: Any) -> str:
    """The body a target gets for one event."""
    events, rule_arn = rule(cloud)
    sqs, url, arn = open_queue(cloud, rule_arn)
    events.put_targets(Rule="probe", Targets=[{"Id": "1", "Arn": arn, **target}])
    fire(events, detail=detail)
    return bodies(receive(sqs, url))[0]


def dead_letter(cloud: Cloud, target: dict[str, Any], rule_arn: str, events: Any) -> dict[str, Any]:
    """What arrives in a target's dead-letter queue after one event."""
    sqs, url, arn = open_queue(cloud, rule_arn, "dead-letters")
    events.put_targets(Rule="probe", Targets=[{**target, "Id": "1", "DeadLetterConfig": {"Arn": arn}}])
    assert fire(events)["FailedEntryCount"] == 0
    message = receive(sqs, url, MessageAttributeNames=["All"])[0]
    assert json.loads(message["Body"])["source"] == "probe"
    return message


def mend_disabled_rule_delivers_nothing(cloud: Cloud) -> None:
    events, rule_arn = rule(cloud, State="DISABLED")
    sqs, url, arn = open_queue(cloud, rule_arn)
    events.put_targets(Rule="probe", Targets=[{"Id": "1", "Arn": arn}])
    fire(events)
    assert receive(sqs, url) == []
    events.enable_rule(Name="probe")
    fire(events)
    assert len(receive(sqs, url)) == 1


def mend_event_has_the_account(cloud: Cloud) -> None:
    assert json.loads(delivered(cloud))["account"] == ACCOUNT


def mend_detail_is_left_as_it_is(cloud: Cloud) -> None:
    assert json.loads(delivered(cloud, TEMPLATE_LIKE))["detail"] == TEMPLATE_LIKE


def mend_constant_input(cloud: Cloud) -> None:
    assert delivered(cloud, Input='{"a": 1}') == '{"a": 1}'


def mend_input_path(cloud: Cloud) -> None:
    assert json.loads(delivered(cloud, InputPath="$.detail.eventName")) == "CreateModelPackage"


def mend_input_transformer_takes_unquoted_values(cloud: Cloud) -> None:
    transformer = {
        "InputPathsMap": {"n": "$.detail.count", "f": "$.detail.flag", "e": "$.detail.eventName"},
        "InputTemplate": '{"n": <n>, "f": <f>, "e": "<e>"}',
    }
    body = json.loads(delivered(cloud, InputTransformer=transformer))
    assert body == {"n": 3, "f": True, "e": "CreateModelPackage"}


def mend_pattern_can_be_tested(cloud: Cloud) -> None:
    events = cloud.client("events")
    event = {"source": "probe", "id": "1", "account": "1", "time": "t", "region": "r", "resources": [], "detail": {}}
    event["detail-type"] = "Probe"
    assert events.test_event_pattern(EventPattern=PATTERN, Event=json.dumps(event))["Result"] is True
    other = json.dumps({"source": ["another"]})
    assert events.test_event_pattern(EventPattern=other, Event=json.dumps(event))["Result"] is False


def mend_unknown_match_type_is_refused(cloud: Cloud) -> None:
    pattern = json.dumps({"source": [{"bogus": "x"}]})
    code = error_code(cloud.client("events").put_rule, Name="probe", EventPattern=pattern)
    assert code == "InvalidEventPatternException"


def mend_tags_are_taken_for_a_new_rule_only(cloud: Cloud) -> None:
    events, rule_arn = rule(cloud, Tags=[{"Key": "team", "Value": "risk"}])
    rule(cloud, Tags=[{"Key": "team", "Value": "other"}])
    assert events.list_tags_for_resource(ResourceARN=rule_arn)["Tags"] == [{"Key": "team", "Value": "risk"}]


def mend_five_targets_a_rule(cloud: Cloud) -> None:
    events, _unused = rule(cloud)
    targets = [{"Id": str(number), "Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:q{number}"} for number in range(6)]
    events.put_targets(Rule="probe", Targets=targets[:5])
    assert error_code(events.put_targets, Rule="probe", Targets=targets[5:]) == "LimitExceededException"


def mend_missing_queue_goes_to_the_dead_letter_queue(cloud: Cloud) -> None:
    events, rule_arn = rule(cloud)
    message = dead_letter(cloud, {"Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:missing"}, rule_arn, events)
    assert message["MessageAttributes"]["RULE_ARN"]["StringValue"] == rule_arn


def mend_queue_without_policy_gets_nothing(cloud: Cloud) -> None:
    events, _unused = rule(cloud)
    sqs, url = queue(cloud, "probe")
    arn = attributes_of(sqs, url)["QueueArn"]
    events.put_targets(Rule="probe", Targets=[{"Id": "1", "Arn": arn}])
    fire(events)
    assert receive(sqs, url) == []


def mend_queue_policy_for_another_rule_goes_to_the_dead_letter_queue(cloud: Cloud) -> None:
    events, rule_arn = rule(cloud)
    _unused, _unused, arn = open_queue(cloud, rule_arn + "-of-another")
    message = dead_letter(cloud, {"Arn": arn}, rule_arn, events)
    assert message["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "NO_PERMISSIONS"


def mend_fifo_target_needs_content_deduplication(cloud: Cloud) -> None:
    events, rule_arn = rule(cloud)
    _unused, _unused, arn = open_queue(cloud, rule_arn, "probe.fifo")
    dead_letter(cloud, {"Arn": arn, "SqsParameters": {"MessageGroupId": "g"}}, rule_arn, events)


def mend_dead_letter_queue_of_a_target_is_standard(cloud: Cloud) -> None:
    events, rule_arn = rule(cloud)
    _unused, _unused, arn = open_queue(cloud, rule_arn)
    _unused, _unused, fifo = open_queue(cloud, rule_arn, "dead.fifo")
    target = {"Id": "1", "Arn": arn, "DeadLetterConfig": {"Arn": fifo}}
    assert error_code(events.put_targets, Rule="probe", Targets=[target]) == "ValidationException"


def mend_target_may_be_in_another_account(cloud: Cloud) -> None:
    events, rule_arn = rule(cloud)
    theirs = cloud.client("sqs", OTHER)
    url = theirs.create_queue(QueueName="probe")["QueueUrl"]
    arn = attributes_of(theirs, url)["QueueArn"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": rule_arn}, "StringEquals": {"aws:SourceAccount": ACCOUNT}},
    }
    theirs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps({"Statement": [statement]})})
    events.put_targets(Rule="probe", Targets=[{"Id": "1", "Arn": arn}])
    fire(events)
    assert len(receive(theirs, url)) == 1


def mend_aws_sources_are_reserved(cloud: Cloud) -> None:
    events, _unused = rule(cloud)
    assert fire(events, source="aws.sagemaker")["Entries"][0]["ErrorCode"] == "NotAuthorizedForSource"
