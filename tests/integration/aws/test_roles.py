# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The roles aws_events and aws_access: fresh account, twice, other inputs, gone again; an event through the chain."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import boto3
import botocore.exceptions
import pytest

from tests.harness.playbook import CHECKOUT, PlayResult
from tests.integration.aws.conftest import ACCOUNT, Account

AGENT = "999988887777"
ROLE = "Aws_Sagemaker_Sqs_Cross_Account_Role"
QUEUE = "wxgov-sagemaker-alpha.fifo"
REGISTRY_CALLS = [
    "CreateModelPackage",
    "CreateModelPackageGroup",
    "DeleteModelPackage",
    "DeleteModelPackageGroup",
    "UpdateModelPackage",
]
Play = Callable[..., PlayResult]


def granted_actions() -> set[str]:
    """What the roles' runner policies grant, and the one action that nobody needs to grant."""
    granted = {"sts:GetCallerIdentity"}
    for role in ("aws_events", "aws_access"):
        policy = json.loads((CHECKOUT / "roles" / role / "files" / "runner-policy.json").read_text())
        for statement in policy["Statement"]:
            granted |= {statement["Action"]} if isinstance(statement["Action"], str) else set(statement["Action"])
    return granted


def called_actions(account: Account) -> set[str]:
    """What was called since the counters were cleared; of S3 the emulator tells only the verbs.

    Calls are counted by the name that is signed, which for CloudWatch is another than in policies.
    """
    names = {name.replace(".", ":").replace("monitoring:", "cloudwatch:") for name in account.emulator.calls()}
    return {name for name in names if not name.startswith("s3:")}


@pytest.fixture
def onboard(run_playbook: Callable[..., PlayResult], account: Account) -> Play:
    """Both roles, then a task that shows their facts; keywords are variables, `check` is check mode."""

    def run(check: bool = False, roles: tuple[str, ...] = ("aws_events", "aws_access"), **variables: Any) -> PlayResult:
        facts = {"events": "{{ aws_events_result | default({}) }}", "access": "{{ aws_access_result | default({}) }}"}
        play = {
            "hosts": "localhost",
            "gather_facts": False,
            "roles": [f"wxgov.sagemaker.{role}" for role in roles],
            "tasks": [{"name": "facts", "ansible.builtin.debug": {"msg": facts}}],
        }
        given = {"aws_events_connection_name": "alpha", "aws_access_agent_account_id": AGENT, **variables}
        account.emulator.clear_calls()
        result = run_playbook([play], env=account.environment, extra_vars=given, check=check)
        assert called_actions(account) <= granted_actions()
        return result

    return run


@pytest.fixture
def trail(account: Account) -> None:
    """A trail that logs management events."""
    account.client("s3").create_bucket(Bucket="trail")
    trails = account.client("cloudtrail")
    trails.create_trail(Name="events", S3BucketName="trail")
    trails.start_logging(Name="events")


def attributes(account: Account, name: str) -> dict[str, str]:
    sqs = account.client("sqs")
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    found: dict[str, str] = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return found


def test_a_fresh_account_from_check_mode_to_nothing_left(onboard: Play, account: Account) -> None:
    """One walk, as each run costs seconds: refused, check, run, again, an event, an assumed role, remove, again."""
    refused = onboard()
    assert refused.rc != 0
    assert "No CloudTrail trail covers us-east-1" in refused.stdout
    assert "set aws_events_create_trail: true" in refused.stdout
    assert account.client("sqs").list_queues().get("QueueUrls", []) == []

    checked = onboard(check=True, aws_events_create_trail=True).check()
    assert account.client("sqs").list_queues().get("QueueUrls", []) == []
    assert account.client("iam").list_roles()["Roles"] == []
    promised = checked.one("facts")["msg"]

    made = onboard(aws_events_create_trail=True).check()
    facts = made.one("facts")["msg"]
    assert facts["events"] == promised["events"]
    external_id = facts["access"].pop("external_id")
    assert promised["access"].pop("external_id") == "generated-when-the-role-is-made"
    assert facts["access"] == promised["access"]
    assert facts["events"]["queue_arn"] == f"arn:aws:sqs:us-east-1:{ACCOUNT}:{QUEUE}"
    assert made.changed == 2
    (trail,) = account.client("cloudtrail").describe_trails()["trailList"]
    assert (trail["TrailARN"], trail["IsMultiRegionTrail"]) == (facts["events"]["trail_arn"], True)

    again = onboard().check()
    assert again.changed == 0
    assert again.one("facts")["msg"]["access"]["external_id"] == external_id

    rule_is_ours(account, "errorCode")
    assert attributes(account, QUEUE)["MessageRetentionPeriod"] == "1209600"
    event_arrives_for_the_agent(account, facts["events"]["queue_url"], facts["access"]["role_arn"], external_id)

    gone = {"aws_events_state": "absent", "aws_access_state": "absent"}
    assert onboard(**gone).check().changed == 2
    assert account.client("sqs").list_queues().get("QueueUrls", []) == []
    assert account.client("events").list_rules()["Rules"] == []
    assert account.client("iam").list_roles()["Roles"] == []
    assert onboard(**gone).check().changed == 0


def rule_is_ours(account: Account, *more: str) -> None:
    """The rule takes the five calls and, with `more`, asks something of further members of the detail."""
    pattern = json.loads(account.client("events").describe_rule(Name="wxgov-sagemaker-alpha")["EventPattern"])
    detail = pattern.pop("detail")
    assert pattern == {"source": ["aws.sagemaker"], "detail-type": ["AWS API Call via CloudTrail"]}
    assert detail.pop("eventSource") == ["sagemaker.amazonaws.com"]
    assert sorted(detail.pop("eventName")) == REGISTRY_CALLS
    assert sorted(detail) == sorted(more)


def event_arrives_for_the_agent(account: Account, queue_url: str, role_arn: str, external_id: str) -> None:
    """A registry call of the account reaches the queue, and the agent's account may read it with the external id."""
    account.client("sagemaker").create_model_package_group(ModelPackageGroupName="fraud")
    sts = Account(account.emulator, AGENT).client("sts")
    with pytest.raises(botocore.exceptions.ClientError, match="AccessDenied"):
        sts.assume_role(RoleArn=role_arn, RoleSessionName="agent")
    taken = sts.assume_role(RoleArn=role_arn, RoleSessionName="agent", ExternalId=external_id)["Credentials"]
    sqs = boto3.client(
        "sqs",
        endpoint_url=account.emulator.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id=taken["AccessKeyId"],
        aws_secret_access_key=taken["SecretAccessKey"],
        aws_session_token=taken["SessionToken"],
    )
    (message,) = sqs.receive_message(QueueUrl=queue_url, WaitTimeSeconds=5, AttributeNames=["MessageGroupId"])[
        "Messages"
    ]
    assert json.loads(message["Body"])["detail"]["eventName"] == "CreateModelPackageGroup"
    assert message["Attributes"]["MessageGroupId"] == "model-registry"


@pytest.mark.usefixtures("trail")
def test_the_vendors_defaults_are_exact(onboard: Play, account: Account) -> None:
    onboard(roles=("aws_events",), aws_events_vendor_defaults=True).check()
    queue = attributes(account, QUEUE)
    vendor = {
        "VisibilityTimeout": "30",
        "MessageRetentionPeriod": "345600",
        "MaximumMessageSize": "262144",
        "DelaySeconds": "0",
        "ReceiveMessageWaitTimeSeconds": "0",
        "FifoQueue": "true",
        "ContentBasedDeduplication": "true",
        "DeduplicationScope": "messageGroup",
        "FifoThroughputLimit": "perMessageGroupId",
    }
    assert {key: queue.get(key) for key in vendor} == vendor
    rule_is_ours(account)
    rule = account.client("events").describe_rule(Name="wxgov-sagemaker-alpha")
    assert rule["State"] == "ENABLED"

    # What the vendor's page leaves out is there all the same.
    assert json.loads(queue["RedrivePolicy"]) == {
        "deadLetterTargetArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:wxgov-sagemaker-alpha-dlq.fifo",
        "maxReceiveCount": 5,
    }
    for name in (QUEUE, "wxgov-sagemaker-alpha-target-dlq"):
        allow, deny = json.loads(attributes(account, name)["Policy"])["Statement"]
        assert allow["Principal"] == {"Service": "events.amazonaws.com"}
        assert allow["Condition"] == {"ArnEquals": {"aws:SourceArn": rule["Arn"]}}
        assert (deny["Effect"], deny["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    (target,) = account.client("events").list_targets_by_rule(Rule="wxgov-sagemaker-alpha")["Targets"]
    assert target["SqsParameters"] == {"MessageGroupId": "model-registry"}
    assert target["DeadLetterConfig"]["Arn"].endswith(":wxgov-sagemaker-alpha-target-dlq")
    assert target["RetryPolicy"] == {"MaximumRetryAttempts": 185, "MaximumEventAgeInSeconds": 86400}


def test_access_is_scoped_full_and_scoped_again(onboard: Play, account: Account) -> None:
    variables = {
        "aws_access_install_source": "marketplace",
        "aws_access_queue_arn": f"arn:aws:sqs:eu-west-1:{ACCOUNT}:{QUEUE}",
        "aws_access_dead_letter_queue_arn": f"arn:aws:sqs:eu-west-1:{ACCOUNT}:dead.fifo",
    }
    iam = account.client("iam")

    def policies() -> tuple[list[str], list[str]]:
        attached = iam.list_attached_role_policies(RoleName=ROLE)["AttachedPolicies"]
        return sorted(policy["PolicyName"] for policy in attached), iam.list_role_policies(RoleName=ROLE)["PolicyNames"]

    first = onboard(roles=("aws_access",), **variables).check().one("facts")["msg"]["access"]
    assert first["trusted_account_id"] == "767397658217"
    assert policies() == ([], ["wxgov-queue", "wxgov-registry"])
    queue = iam.get_role_policy(RoleName=ROLE, PolicyName="wxgov-queue")["PolicyDocument"]
    assert [statement["Resource"] for statement in queue["Statement"]] == [
        variables["aws_access_queue_arn"],
        variables["aws_access_dead_letter_queue_arn"],
    ]
    registry = iam.get_role_policy(RoleName=ROLE, PolicyName="wxgov-registry")["PolicyDocument"]
    assert registry["Statement"][1]["Resource"] == [
        f"arn:aws:sagemaker:eu-west-1:{ACCOUNT}:model-package-group/*",
        f"arn:aws:sagemaker:eu-west-1:{ACCOUNT}:model-package/*",
    ]

    onboard(roles=("aws_access",), aws_access_full_access=True, **{**variables, "aws_access_install_source": "ibm"})
    assert policies() == (["AmazonSQSFullAccess", "AmazonSageMakerFullAccess"], [])
    (statement,) = iam.get_role(RoleName=ROLE)["Role"]["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"AWS": ["arn:aws:iam::384547875043:root"]}
    assert statement["Condition"] == {"StringEquals": {"sts:ExternalId": first["external_id"]}}

    onboard(roles=("aws_access",), aws_access_without_search=True, **variables).check()
    assert policies() == ([], ["wxgov-queue", "wxgov-registry"])
    registry = iam.get_role_policy(RoleName=ROLE, PolicyName="wxgov-registry")["PolicyDocument"]
    find = registry["Statement"][0]["Action"]
    assert find == ["sagemaker:ListModelPackageGroups", "sagemaker:ListModelPackages"]


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"aws_access_agent_account_id": "123"}, "aws_access_agent_account_id must be the 12 digits"),
        ({}, "aws_access_queue_arn must be the ARN of the connection's queue"),
    ],
)
def test_access_without_what_it_needs_is_refused(onboard: Play, variables: dict[str, Any], sentence: str) -> None:
    refused = onboard(roles=("aws_access",), **variables)
    assert refused.rc != 0
    assert sentence in refused.stdout
