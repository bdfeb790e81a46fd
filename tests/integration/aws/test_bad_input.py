# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad input ends in one clear sentence before anything is asked of AWS; so do refusals of AWS."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.aws.conftest import ACCOUNT, Account

QUEUE = f"arn:aws:sqs:us-east-1:{ACCOUNT}:plain"
LINE = f"arn:aws:sqs:us-east-1:{ACCOUNT}:line.fifo"

# The pattern as the vendor's page has it: there is no comma after the second event name.
VENDOR_PATTERN = """{
  "source": ["aws.sagemaker"],
  "detail-type": ["AWS API Call via CloudTrail"],
  "detail": {
    "eventSource": ["sagemaker.amazonaws.com"],
    "eventName": [
      "CreateModelPackage",
      "CreateModelPackageGroup"
      "DeleteModelPackage",
      "DeleteModelPackageGroup",
      "UpdateModelPackage"
    ]
  }
}"""


def queue(**options: Any) -> tuple[str, dict[str, Any]]:
    return "sqs_queue", {"name": "plain", **options}


def rule(**options: Any) -> tuple[str, dict[str, Any]]:
    return "eventbridge_rule", {"name": "r", "event_pattern": {"source": ["x"]}, **options}


def target(**options: Any) -> tuple[str, dict[str, Any]]:
    return rule(targets=[{"id": "q", "arn": QUEUE, **options}])


def role(**options: Any) -> tuple[str, dict[str, Any]]:
    return "iam_role", {"name": "r", **options}


def statement(**parts: Any) -> dict[str, Any]:
    whole = {"Effect": "Allow", "Principal": "*", "Action": "sqs:*", "Resource": "*", **parts}
    return {"Statement": [{key: value for key, value in whole.items() if value is not None}]}


BAD: dict[str, tuple[tuple[str, dict[str, Any]], str]] = {
    "policy is no JSON": (
        queue(policy='{"Statement": [}'),
        'policy is not valid JSON: Expecting value at line 1, column 16, near: {"Statement": [}',
    ),
    "policy is a list": (queue(policy="[]"), "policy must be a JSON object, not a list."),
    "policy without statement": (queue(policy={"Version": "2012-10-17"}), "policy has no Statement"),
    "policy with a wrong effect": (
        queue(policy=statement(Effect="Nope")),
        "policy: statement 1 has Effect 'Nope'; it must be Allow or Deny.",
    ),
    "policy without principal": (
        queue(policy=statement(Principal=None, Sid="S")),
        "policy: statement 1 (S) has neither Principal nor NotPrincipal.",
    ),
    "policy with one Sid twice": (
        queue(policy={"Statement": [statement(Sid="S")["Statement"][0]] * 2}),
        "policy has two statements with the Sid 'S'",
    ),
    "FIFO queue without .fifo": (queue(fifo_queue=True), "the name is 'plain'; name it 'plain.fifo'."),
    "standard queue with .fifo": (
        ("sqs_queue", {"name": "line.fifo", "fifo_queue": False}),
        "fifo_queue is false, but the name is 'line.fifo'",
    ),
    "queue name": (("sqs_queue", {"name": "a b"}), "name is 'a b'; a queue's name has 1 to 80 letters"),
    "visibility_timeout": (queue(visibility_timeout=43201), "visibility_timeout is 43201; it must be from 0 to 43200"),
    "retention": (queue(message_retention_period=59), "message_retention_period is 59; it must be from 60 to 1209600"),
    "size": (queue(maximum_message_size=1048577), "it must be from 1024 to 1048576 bytes."),
    "delay": (queue(delay_seconds=-1), "delay_seconds is -1; it must be from 0 to 900 seconds."),
    "wait": (queue(receive_message_wait_time_seconds=21), "it must be from 0 to 20 seconds."),
    "FIFO option on a standard queue": (
        queue(content_based_deduplication=True),
        "content_based_deduplication is for FIFO queues, and 'plain' is a standard queue.",
    ),
    "limit without scope": (
        (
            "sqs_queue",
            {
                "name": "l.fifo",
                "fifo_throughput_limit": "perMessageGroupId",
                "deduplication_scope": "queue",
            },
        ),
        "fifo_throughput_limit: perMessageGroupId needs deduplication_scope: messageGroup",
    ),
    "high throughput against its pair": (
        ("sqs_queue", {"name": "l.fifo", "high_throughput_fifo": True, "deduplication_scope": "queue"}),
        "high_throughput_fifo: true means deduplication_scope: messageGroup, but deduplication_scope is 'queue'.",
    ),
    "two encryptions": (
        queue(kms_master_key_id="k", sqs_managed_sse_enabled=True),
        "kms_master_key_id and sqs_managed_sse_enabled: true exclude each other",
    ),
    "half a redrive policy": (queue(redrive_policy={"max_receive_count": 3}), "lacks dead_letter_target_arn"),
    "receive count": (
        queue(redrive_policy={"dead_letter_target_arn": QUEUE, "max_receive_count": 0}),
        "redrive_policy.max_receive_count is 0; it must be from 1 to 1000.",
    ),
    "dead-letter queue of the wrong kind": (
        queue(redrive_policy={"dead_letter_target_arn": LINE, "max_receive_count": 3}),
        "the dead-letter queue of a standard queue must be a standard queue.",
    ),
    "dead-letter queue is no ARN": (
        queue(redrive_policy={"dead_letter_target_arn": "plain", "max_receive_count": 3}),
        "redrive_policy.dead_letter_target_arn is 'plain', which is not an ARN",
    ),
    "byQueue without queues": (
        queue(redrive_allow_policy={"redrive_permission": "byQueue"}),
        "redrive_allow_policy has 0 source_queue_arns with redrive_permission 'byQueue'",
    ),
    "the vendor's pattern": (
        rule(event_pattern=VENDOR_PATTERN),
        "event_pattern is not valid JSON: Expecting ',' delimiter at line 9, column 7, near: "
        ', "CreateModelPackageGroup" "DeleteModelPackage", "DeleteModel',
    ),
    "pattern without lists": (
        rule(event_pattern={"detail": {"eventName": "X"}}),
        "event_pattern: detail.eventName is 'X'; a pattern holds lists of values, so write [\"X\"].",
    ),
    "pattern that is empty inside": (rule(event_pattern={"source": []}), "event_pattern: source is empty"),
    "pattern with an unknown matcher": (
        rule(event_pattern={"source": [{"bogus": "x"}]}),
        "event_pattern: source has a matcher with bogus; give exactly one of anything-but, cidr,",
    ),
    "rule without pattern and schedule": (
        ("eventbridge_rule", {"name": "r", "description": "d"}),
        "The rule 'r' needs an event_pattern or a schedule_expression; it has neither.",
    ),
    "rule name": (("eventbridge_rule", {"name": "r r", "event_pattern": {"a": [1]}}), "name is 'r r'; a rule's name"),
    "rule role": (rule(role_arn="admin"), "role_arn is 'admin', which is not an ARN"),
    "rule role of another kind": (
        rule(role_arn=f"arn:aws:iam::{ACCOUNT}:user/u"),
        "which is not the ARN of a role; give one of the form arn:aws:iam::123456789012:role/NAME.",
    ),
    "FIFO target without group": (
        target(arn=LINE),
        f"targets: q: {LINE} is a FIFO queue, so the target needs message_group_id; without it no event ever arrives.",
    ),
    "six targets": (
        rule(targets=[{"id": f"t{index}", "arn": QUEUE} for index in range(6)]),
        "targets has 6 members; a rule has at most 5.",
    ),
    "one id twice": (rule(targets=[{"id": "q", "arn": QUEUE}] * 2), "targets has the id 'q' twice"),
    "dead letters to a FIFO queue": (target(dead_letter_arn=LINE), "delivers dead letters to standard queues only."),
    "attempts": (
        target(retry_policy={"maximum_retry_attempts": 186}),
        "maximum_retry_attempts is 186; it must be from 0 to 185 attempts.",
    ),
    "age": (
        target(retry_policy={"maximum_event_age_in_seconds": 59}),
        "maximum_event_age_in_seconds is 59; it must be from 60 to 86400 seconds.",
    ),
    "two inputs": (target(input='{"a": 1}', input_path="$.a"), "targets: q: input and input_path exclude each other"),
    "input is no JSON": (target(input="{a"), "targets: q: input is not valid JSON"),
    "trust is no JSON": (role(assume_role_policy_document="{nope"), "assume_role_policy_document is not valid JSON"),
    "trust with a resource": (
        role(assume_role_policy_document=statement(Action="sts:AssumeRole")),
        "assume_role_policy_document: statement 1 has Resource, which a policy of this kind must not have.",
    ),
    "account of 11 digits": (
        role(trusted_accounts=["12345678901"], external_id="ab"),
        "trusted_accounts is '12345678901', but an account id has 12 digits; quote it",
    ),
    "external id with a space": (
        role(trusted_accounts=["444455556666"], external_id="a b"),
        "external_id must have 2 to 1224 letters",
    ),
    "service": (role(trusted_services=["sagemaker"]), "give a service's name as in 'sagemaker.amazonaws.com'."),
    "session": (role(max_session_duration=60), "max_session_duration is 60; it must be from 3600 to 43200 seconds."),
    "path": (role(path="wxgov"), "path is 'wxgov'; it must begin and end with a slash"),
    "boundary": (role(permissions_boundary="mine"), "permissions_boundary is 'mine', which is not an ARN"),
    "inline policy with a principal": (
        role(inline_policies={"p": statement()}),
        "inline_policies: p: statement 1 has Principal, which a policy of this kind must not have.",
    ),
    "inline policies too long": (
        role(
            inline_policies={
                f"p{index}": {"Statement": {"Effect": "Allow", "Action": "sqs:*", "Resource": [QUEUE + "x" * 60] * 50}}
                for index in range(3)
            }
        ),
        "characters together, and a role's have at most 10240; name fewer",
    ),
    "dead-letter queue in another partition": (
        queue(
            redrive_policy={"dead_letter_target_arn": f"arn:aws-cn:sqs:cn-north-1:{ACCOUNT}:d", "max_receive_count": 3}
        ),
        f"redrive_policy.dead_letter_target_arn is 'arn:aws-cn:sqs:cn-north-1:{ACCOUNT}:d', an ARN of the partition "
        "'aws-cn', but the region in use is in 'aws', and nothing reaches from one partition into another",
    ),
    "source queue in another partition": (
        queue(
            redrive_allow_policy={
                "redrive_permission": "byQueue",
                "source_queue_arns": [QUEUE, QUEUE.replace("arn:aws:", "arn:aws-us-gov:")],
            }
        ),
        "an ARN of the partition 'aws-us-gov'",
    ),
    "key in another partition": (
        queue(kms_master_key_id=f"arn:aws-cn:kms:cn-north-1:{ACCOUNT}:key/k"),
        "kms_master_key_id is 'arn:aws-cn:kms",
    ),
    "target in another partition": (
        target(arn=QUEUE.replace("arn:aws:", "arn:aws-cn:")),
        "targets: q: arn is 'arn:aws-cn:sqs",
    ),
    "dead letters to another partition": (
        target(dead_letter_arn=QUEUE.replace("arn:aws:", "arn:aws-cn:")),
        "targets: q: dead_letter_arn is 'arn:aws-cn:sqs",
    ),
    "bus in another partition": (
        rule(event_bus_name=f"arn:aws-cn:events:cn-north-1:{ACCOUNT}:event-bus/b"),
        "event_bus_name is 'arn:aws-cn:events",
    ),
    "managed policy of another partition": (
        role(trusted_services=["sagemaker.amazonaws.com"], managed_policies=["arn:aws-cn:iam::aws:policy/ReadOnly"]),
        "managed_policies is 'arn:aws-cn:iam::aws:policy/ReadOnly', an ARN of the partition 'aws-cn'",
    ),
    "principal of another partition": (
        role(trusted_accounts=["arn:aws-us-gov:iam::444455556666:root"], external_id="ab"),
        "trusted_accounts is 'arn:aws-us-gov:iam",
    ),
    "region": (
        ("sqs_queue", {"name": "plain", "region": "us-east-9"}),
        "The region 'us-east-9' does not exist, as far as botocore",
    ),
    "region without Resource Explorer": (
        ("resource_explorer_index", {"region": "eusc-de-east-1"}),
        "The region 'eusc-de-east-1' has no service 'resource-explorer-2', as far as the installed botocore knows;",
    ),
    "region without SageMaker": (
        ("model_package_group", {"name": "fraud", "region": "us-iso-west-1"}),
        "The region 'us-iso-west-1' has no service 'sagemaker'",
    ),
    "region of a global service": (role(region="moon-1"), "The region 'moon-1' does not exist"),
    "no region": (("sqs_queue", {"name": "plain", "region": None}), "No region is set; give the option region"),
}
READS = {"sqs.GetQueueUrl", "events.DescribeRule", "iam.GetRole"}
NEEDS_A_READ = ("rule without pattern and schedule",)


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused_before_any_call(account: Account, name: str) -> None:
    (module, options), sentence = BAD[name]
    message = account.refuse(module, **options)
    assert sentence in message
    assert "\n" not in message
    calls = set(account.emulator.calls())
    assert calls <= READS if name in NEEDS_A_READ else calls == set()


def test_a_trust_open_to_another_account_is_refused(account: Account) -> None:
    for options in (
        {"trusted_accounts": ["444455556666"]},
        {
            "assume_role_policy_document": {
                "Statement": {"Effect": "Allow", "Principal": {"AWS": "444455556666"}, "Action": "sts:AssumeRole"}
            }
        },
        {
            "assume_role_policy_document": {
                "Statement": {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}
            }
        },
    ):
        message = account.refuse("iam_role", name="r", **options)
        assert "without an external id" in message
        assert "require_external_id: false" in message
    assert account.client("iam").list_roles()["Roles"] == []


def test_a_role_cannot_be_made_without_trust(account: Account) -> None:
    assert "give trusted_accounts, trusted_services or" in account.refuse("iam_role", name="r", description="d")


def test_a_path_cannot_be_changed(account: Account) -> None:
    account.succeed("iam_role", name="r", trusted_services=["sagemaker.amazonaws.com"])
    assert "AWS cannot change that to '/a/'" in account.refuse("iam_role", name="r", path="/a/")


def test_a_reuse_period_needs_a_key(account: Account) -> None:
    account.succeed("sqs_queue", name="plain")
    message = account.refuse("sqs_queue", name="plain", kms_data_key_reuse_period_seconds=60)
    assert message == "kms_data_key_reuse_period_seconds needs kms_master_key_id; the queue has none."


def test_a_limit_is_checked_against_the_scope_the_queue_has(account: Account) -> None:
    account.succeed("sqs_queue", name="l.fifo")
    message = account.refuse("sqs_queue", name="l.fifo", fifo_throughput_limit="perMessageGroupId")
    assert "needs deduplication_scope: messageGroup" in message


@pytest.mark.parametrize(
    ("operation", "module", "options", "action", "resource"),
    [
        ("sqs.CreateQueue", "sqs_queue", {"name": "plain"}, "sqs:CreateQueue", "plain"),
        ("events.PutRule", "eventbridge_rule", {"name": "r", "event_pattern": {"a": [1]}}, "events:PutRule", "r"),
        ("iam.CreateRole", "iam_role", {"name": "r", "trusted_services": ["x.amazonaws.com"]}, "iam:CreateRole", "r"),
        ("cloudtrail.DescribeTrails", "cloudtrail_coverage_info", {}, "cloudtrail:DescribeTrails", "all trails"),
    ],
)
def test_a_refusal_names_action_and_resource(
    account: Account, operation: str, module: str, options: dict[str, Any], action: str, resource: str
) -> None:
    account.fault(operation, kind="error", times=1, code="AccessDeniedException", status=403)
    result = account.run(module, **options)
    assert result["failed"] is True
    assert f"The credentials may not do {action} on {resource}; allow that action there." in result["msg"]
    assert result["missing_permission"] == {"action": action, "resource": resource}


def test_what_was_done_before_a_failure_is_told(account: Account) -> None:
    account.fault("events.PutTargets", kind="error", times=1, code="AccessDeniedException", status=403)
    options: dict[str, Any] = {"name": "r", "event_pattern": {"a": [1]}, "targets": [{"id": "q", "arn": QUEUE}]}
    result = account.run("eventbridge_rule", **options)
    assert result["operations_done"] == ["create_rule"]
    assert account.client("events").list_targets_by_rule(Rule="r")["Targets"] == []
    mended = account.succeed("eventbridge_rule", **options)
    assert mended["operations"] == ["put_targets"]


@pytest.mark.parametrize("code", ["ThrottlingException", "RequestThrottled"])
def test_throttling_is_waited_out(account: Account, code: str) -> None:
    account.fault("sqs.CreateQueue", kind="error", times=3, code=code, status=400)
    assert account.succeed("sqs_queue", name="plain", aws_config={"retries": {"max_attempts": 1}})["changed"] is True
    assert account.emulator.calls()["sqs.CreateQueue"] == 4


def test_an_answer_without_its_body_is_not_taken_for_nothing(account: Account) -> None:
    account.succeed("sqs_queue", name="plain")
    account.fault("sqs.GetQueueUrl", kind="http_html_200", times=1)
    message = account.refuse("sqs_queue", name="plain")
    assert "sqs:GetQueueUrl on plain" in message
