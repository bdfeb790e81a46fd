# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent's policies: with all of them everything works, without any one grant one call fails, and that is all."""

from __future__ import annotations

import botocore.exceptions
import pytest

from ansible_collections.wxgov.sagemaker.plugins.module_utils.aws.stack_documents import (
    Names,
    Place,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.aws.stack_documents import (
    agent_policies as stack_policies,
)
from tests.integration.least_privilege.conftest import (
    ACCOUNT,
    DEAD_LETTERS_ARN,
    EXTERNAL_ID,
    POISON,
    QUEUE_ARN,
    REGION,
    ROLE,
    ROLE_ARN,
    STRANGER,
    Agent,
    fill,
    let_in,
    make_queues,
)
from tests.integration.least_privilege.grants import LISTING, Grant, Policies, agent_policies, grants, unused, without

POLICIES = agent_policies(QUEUE_ARN, DEAD_LETTERS_ARN)
WITHOUT_SEARCH = agent_policies(QUEUE_ARN, DEAD_LETTERS_ARN, without_search=True)
INSTEAD = {"sagemaker:Search": tuple(LISTING)}
"""What is tried where the key is denied; these policies have no use for it."""


def test_the_role_and_the_stack_grant_the_same() -> None:
    place, key = Place("aws", REGION, ACCOUNT), f"arn:aws:kms:{REGION}:{ACCOUNT}:key/k"
    assert stack_policies(place, Names("alpha"), None) == POLICIES
    assert stack_policies(place, Names("alpha"), key) == agent_policies(QUEUE_ARN, DEAD_LETTERS_ARN, key)
    assert stack_policies(place, Names("alpha"), None, without_search=True) == WITHOUT_SEARCH


@pytest.mark.parametrize("policies", [POLICIES, WITHOUT_SEARCH], ids=["search", "lists"])
def test_with_its_policies_the_agent_does_everything_and_needs_each_grant(agent: Agent, policies: Policies) -> None:
    make_queues(agent)
    let_in(agent, policies)
    fill(agent)
    agent.work()
    assert agent.problems == []
    assert agent.models() == agent.registered()
    assert len(agent.registered()) == 6  # two groups and two packages that others made, and those of the use case
    tried_first = {"sagemaker:Search"} if policies is WITHOUT_SEARCH else set()
    assert {one.action for one in agent.judged() if not one.allowed} == tried_first
    assert unused(policies, agent.judged()) == []
    assert depth(agent, agent.queue_url) == 0
    dead_letters = agent.root("sqs").get_queue_url(QueueName=DEAD_LETTERS_ARN.rsplit(":", 1)[-1])["QueueUrl"]
    (letter,) = agent.root("sqs").receive_message(QueueUrl=dead_letters)["Messages"]
    assert letter["Body"] == POISON


def depth(agent: Agent, url: str) -> int:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = agent.root("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(value) for value in found.values())


@pytest.mark.parametrize("action", LISTING)
def test_without_search_each_list_is_needed(agent: Agent, action: str) -> None:
    (grant,) = [one for one in grants(WITHOUT_SEARCH) if one.action == action]
    make_queues(agent)
    let_in(agent, without(WITHOUT_SEARCH, grant))
    fill(agent)
    agent.work()
    assert {one.action for one in agent.judged() if not one.allowed} == {action, "sagemaker:Search"}
    assert any(action in problem for problem in agent.problems)


@pytest.mark.parametrize("grant", grants(POLICIES), ids=str)
def test_without_a_grant_its_call_is_denied(agent: Agent, grant: Grant) -> None:
    """What is denied is exactly what was taken away, and something that should have happened has not."""
    make_queues(agent)
    let_in(agent, without(POLICIES, grant))
    fill(agent)
    agent.work()
    denied = [one for one in agent.judged() if not one.allowed and one.action not in INSTEAD.get(grant.action, ())]
    assert {one.action for one in denied} == {grant.action}
    assert all(grant.covers(one) for one in denied)
    assert agent.models() != agent.registered() or depth(agent, agent.queue_url) > 0 or agent.problems


SAGEMAKER = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}"
FORBIDDEN: list[tuple[str, str, dict[str, object]]] = [
    # The own queue: its messages, and nothing about the queue itself.
    ("sqs", "delete_queue", {"QueueUrl": "{queue}"}),
    ("sqs", "purge_queue", {"QueueUrl": "{queue}"}),
    ("sqs", "set_queue_attributes", {"QueueUrl": "{queue}", "Attributes": {"VisibilityTimeout": "0"}}),
    ("sqs", "add_permission", {"QueueUrl": "{queue}", "Label": "x", "AWSAccountIds": [STRANGER], "Actions": ["*"]}),
    ("sqs", "tag_queue", {"QueueUrl": "{queue}", "Tags": {"a": "b"}}),
    ("sqs", "send_message", {"QueueUrl": "{queue}", "MessageBody": "x", "MessageGroupId": "g"}),
    ("sqs", "send_message_batch", {"QueueUrl": "{queue}", "Entries": [{"Id": "1", "MessageBody": "x"}]}),
    ("sqs", "change_message_visibility", {"QueueUrl": "{queue}", "ReceiptHandle": "h", "VisibilityTimeout": 0}),
    # The queue behind it: letters go in, and do not come out.
    ("sqs", "receive_message", {"QueueUrl": "{dead_letters}"}),
    ("sqs", "delete_message", {"QueueUrl": "{dead_letters}", "ReceiptHandle": "h"}),
    ("sqs", "purge_queue", {"QueueUrl": "{dead_letters}"}),
    # Other queues, here and in other accounts.
    ("sqs", "receive_message", {"QueueUrl": "{other}"}),
    ("sqs", "send_message", {"QueueUrl": "{other}", "MessageBody": "x"}),
    ("sqs", "get_queue_url", {"QueueName": "payments"}),
    ("sqs", "get_queue_attributes", {"QueueUrl": "{other}"}),
    ("sqs", "receive_message", {"QueueUrl": "{foreign}"}),
    ("sqs", "create_queue", {"QueueName": "mine"}),
    ("sqs", "list_queues", {}),
    # Of the registry nothing is deleted, approved or rejected, and no group is made or tagged but for a use case; what
    # else SageMaker has is not even read.
    ("sagemaker", "delete_model_package", {"ModelPackageName": f"{SAGEMAKER}:model-package/fraud/1"}),
    ("sagemaker", "delete_model_package_group", {"ModelPackageGroupName": "fraud"}),
    (
        "sagemaker",
        "update_model_package",
        {"ModelPackageArn": f"{SAGEMAKER}:model-package/fraud/1", "ModelApprovalStatus": "Approved"},
    ),
    (
        "sagemaker",
        "update_model_package",
        {"ModelPackageArn": f"{SAGEMAKER}:model-package/fraud/1", "ModelApprovalStatus": "Rejected"},
    ),
    ("sagemaker", "create_model_package", {"ModelPackageGroupName": "fraud", "ModelApprovalStatus": "Approved"}),
    ("sagemaker", "create_model_package_group", {"ModelPackageGroupName": "mine"}),
    (
        "sagemaker",
        "create_model_package_group",
        {"ModelPackageGroupName": "mine", "Tags": [{"Key": "team", "Value": "risk"}]},
    ),
    ("sagemaker", "put_model_package_group_policy", {"ModelPackageGroupName": "fraud", "ResourcePolicy": "{}"}),
    ("sagemaker", "add_tags", {"ResourceArn": f"{SAGEMAKER}:model-package-group/fraud", "Tags": []}),
    (
        "sagemaker",
        "add_tags",
        {"ResourceArn": f"{SAGEMAKER}:model-package-group/fraud", "Tags": [{"Key": "team", "Value": "risk"}]},
    ),
    ("sagemaker", "delete_tags", {"ResourceArn": f"{SAGEMAKER}:model-package-group/fraud", "TagKeys": ["team"]}),
    ("sagemaker", "list_model_packages", {}),
    ("sagemaker", "list_models", {}),
    ("sagemaker", "describe_model", {"ModelName": "m"}),
    ("sagemaker", "describe_training_job", {"TrainingJobName": "t"}),
    ("sagemaker", "delete_endpoint", {"EndpointName": "e"}),
    # Registries of other accounts and regions.
    (
        "sagemaker",
        "describe_model_package",
        {"ModelPackageName": f"arn:aws:sagemaker:{REGION}:{STRANGER}:model-package/fraud/1"},
    ),
    (
        "sagemaker",
        "describe_model_package_group",
        {"ModelPackageGroupName": f"arn:aws:sagemaker:eu-west-1:{ACCOUNT}:model-package-group/fraud"},
    ),
    (
        "sagemaker",
        "update_model_package",
        {"ModelPackageArn": f"arn:aws:sagemaker:{REGION}:{STRANGER}:model-package/fraud/1"},
    ),
    # The rest of the account.
    ("iam", "get_role", {"RoleName": ROLE}),
    ("iam", "put_role_policy", {"RoleName": ROLE, "PolicyName": "p", "PolicyDocument": "{}"}),
    ("iam", "attach_role_policy", {"RoleName": ROLE, "PolicyArn": "arn:aws:iam::aws:policy/AmazonSQSFullAccess"}),
    ("iam", "update_assume_role_policy", {"RoleName": ROLE, "PolicyDocument": "{}"}),
    ("iam", "create_user", {"UserName": "mine"}),
    ("iam", "create_access_key", {"UserName": "mine"}),
    ("iam", "list_roles", {}),
    ("sts", "assume_role", {"RoleArn": ROLE_ARN, "RoleSessionName": "again"}),
    ("events", "disable_rule", {"Name": "wxgov-sagemaker-alpha"}),
    ("events", "put_targets", {"Rule": "wxgov-sagemaker-alpha", "Targets": [{"Id": "x", "Arn": QUEUE_ARN}]}),
    ("events", "list_rules", {}),
    ("cloudtrail", "stop_logging", {"Name": "wxgov-sagemaker"}),
    ("cloudtrail", "describe_trails", {}),
    ("cloudwatch", "delete_alarms", {"AlarmNames": ["wxgov-sagemaker-alpha-dlq"]}),
    ("kms", "list_keys", {}),
    ("secretsmanager", "get_secret_value", {"SecretId": "wxgov-sagemaker/alpha"}),
    ("ram", "get_resource_shares", {"resourceOwner": "SELF"}),
    ("s3", "list_buckets", {}),
    ("s3", "get_object", {"Bucket": "models", "Key": "model.tar.gz"}),
    ("s3", "put_object", {"Bucket": "models", "Key": "model.tar.gz"}),
]


def test_nothing_else_is_allowed(agent: Agent) -> None:
    """All at once, as each call takes a millisecond and the way to the role a second."""
    make_queues(agent)
    let_in(agent, POLICIES)
    fill(agent)
    sqs = agent.root("sqs")
    urls = {
        "queue": agent.queue_url,
        "dead_letters": sqs.get_queue_url(QueueName=DEAD_LETTERS_ARN.rsplit(":", 1)[-1])["QueueUrl"],
        "other": sqs.create_queue(QueueName="payments")["QueueUrl"],
        "foreign": agent.root("sqs", STRANGER).create_queue(QueueName="theirs")["QueueUrl"],
    }
    agent.root("s3").create_bucket(Bucket="models")
    session = agent.assume(ExternalId=EXTERNAL_ID)
    clients = {service: session.client(service) for service in {service for service, *_call in FORBIDDEN}}
    let_through = []
    for service, method, parameters in FORBIDDEN:
        given = {key: value.format(**urls) if key == "QueueUrl" else value for key, value in parameters.items()}
        before = len(agent.judged())
        with pytest.raises(botocore.exceptions.ClientError):
            getattr(clients[service], method)(**given)
        (judgement,) = agent.judged()[before:]
        if judgement.allowed:
            let_through.append((service, method, parameters))
    assert let_through == []


@pytest.mark.parametrize("external_id", [{}, {"ExternalId": "guessed"}], ids=["none", "wrong"])
def test_without_the_external_id_nobody_gets_in(agent: Agent, external_id: dict[str, str]) -> None:
    let_in(agent, POLICIES)
    with pytest.raises(botocore.exceptions.ClientError, match="AccessDenied"):
        agent.assume(**external_id)
    agent.assume(ExternalId=EXTERNAL_ID)
