# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Identity policies, enforced on demand."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.emulators.aws.clouds import ACCOUNT, REGION, EmulatedCloud, Keys, error_code
from tests.unit.emulators.aws.probes_identity import role
from tests.unit.emulators.aws.probes_sagemaker import GROUP_ARN, group
from tests.unit.emulators.aws.probes_sqs import queue

QUEUE_ARN = f"arn:aws:sqs:{REGION}:{ACCOUNT}:probe"


def policy(action: Any, resource: Any = "*", effect: str = "Allow", **more: Any) -> str:
    statement = {"Effect": effect, "Action": action, "Resource": resource, **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def role_client(cloud: EmulatedCloud, service: str, *documents: str) -> Any:
    """A client that acts as a role with these inline policies, permissions enforced."""
    arn = role(cloud, principal=f"arn:aws:iam::{ACCOUNT}:root", external_id=None)
    for number, document in enumerate(documents):
        cloud.client("iam").put_role_policy(RoleName="probe", PolicyName=f"p{number}", PolicyDocument=document)
    given = cloud.client("sts").assume_role(RoleArn=arn, RoleSessionName="probe")["Credentials"]
    cloud.emulator.enforce_iam()
    return cloud.client_with(service, Keys(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"]))


def test_off_unless_asked_for(cloud: EmulatedCloud) -> None:
    sqs = role_client(cloud, "sqs")
    assert error_code(sqs.list_queues) == "AccessDenied"
    cloud.emulator.enforce_iam(False)
    sqs.list_queues()


@pytest.mark.parametrize(
    ("documents", "allowed"),
    [
        ([policy("sqs:SendMessage", QUEUE_ARN)], True),
        ([policy("sqs:Send*", f"arn:aws:sqs:*:{ACCOUNT}:pro?e")], True),
        ([policy("sqs:ReceiveMessage", QUEUE_ARN)], False),
        ([policy("sqs:SendMessage", QUEUE_ARN + "-other")], False),
        ([policy("sqs:*"), policy("sqs:SendMessage", effect="Deny")], False),
        ([policy("sqs:*", Condition={"StringEquals": {"aws:RequestedRegion": REGION}})], True),
        ([policy("sqs:*", Condition={"StringEquals": {"aws:RequestedRegion": "eu-west-1"}})], False),
    ],
)
def test_sqs_actions_on_a_queue(cloud: EmulatedCloud, documents: list[str], allowed: bool) -> None:
    _unused, url = queue(cloud, "probe")
    sqs = role_client(cloud, "sqs", *documents)
    entries = [{"Id": "1", "MessageBody": "x"}]
    if allowed:
        sqs.send_message(QueueUrl=url, MessageBody="x")
        sqs.send_message_batch(QueueUrl=url, Entries=entries)
    else:
        assert error_code(sqs.send_message, QueueUrl=url, MessageBody="x") == "AccessDenied"
        assert error_code(sqs.send_message_batch, QueueUrl=url, Entries=entries) == "AccessDenied"


def test_sagemaker_statement_with_an_arn(cloud: EmulatedCloud) -> None:
    group(cloud)
    group(cloud, "Other")
    sagemaker = role_client(cloud, "sagemaker", policy("sagemaker:DescribeModelPackageGroup", GROUP_ARN))
    assert sagemaker.describe_model_package_group(ModelPackageGroupName="Probe")["ModelPackageGroupArn"] == GROUP_ARN
    code = error_code(sagemaker.describe_model_package_group, ModelPackageGroupName="Other")
    assert code == "AccessDeniedException"
    assert error_code(sagemaker.search, Resource="ModelPackage") == "AccessDeniedException"


def test_events_statement_with_an_arn(cloud: EmulatedCloud) -> None:
    allowed = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/mine"
    events = role_client(cloud, "events", policy("events:PutRule", allowed))
    pattern = json.dumps({"source": ["x"]})
    events.put_rule(Name="mine", EventPattern=pattern)
    assert error_code(events.put_rule, Name="theirs", EventPattern=pattern) == "AccessDeniedException"


def test_iam_statements_with_an_arn(cloud: EmulatedCloud) -> None:
    mine = [f"arn:aws:iam::{ACCOUNT}:user/wxgov/mine", f"arn:aws:iam::{ACCOUNT}:role/mine"]
    iam = role_client(cloud, "iam", policy("iam:*", mine))
    iam.create_user(UserName="mine", Path="/wxgov/")
    iam.create_access_key(UserName="mine")
    assert error_code(iam.create_user, UserName="mine-too", Path="/wxgov/") == "AccessDenied"
    assert error_code(iam.list_users) == "AccessDenied"
    trust = policy("sts:AssumeRole").replace('"Resource": "*"', '"Principal": {"AWS": "*"}')
    iam.create_role(RoleName="mine", AssumeRolePolicyDocument=trust)
    iam.get_role(RoleName="mine")
    assert error_code(iam.get_role, RoleName="probe") == "AccessDenied"


def test_secrets_statement_with_an_arn(cloud: EmulatedCloud) -> None:
    mine = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:mine/*"
    secrets = role_client(cloud, "secretsmanager", policy("secretsmanager:*", mine))
    arn = secrets.create_secret(Name="mine/key", SecretString="x")["ARN"]
    secrets.describe_secret(SecretId=arn)
    secrets.get_secret_value(SecretId="mine/key")
    assert error_code(secrets.create_secret, Name="theirs/key", SecretString="x") == "AccessDeniedException"


def test_managed_policy_grants(cloud: EmulatedCloud) -> None:
    sqs = role_client(cloud, "sqs")
    arn = "arn:aws:iam::aws:policy/AmazonSQSFullAccess"
    cloud.client("iam").attach_role_policy(RoleName="probe", PolicyArn=arn)
    sqs.list_queues()


def test_boundary_limits(cloud: EmulatedCloud) -> None:
    sqs = role_client(cloud, "sqs", policy("sqs:*"))
    iam = cloud.client("iam")
    boundary = iam.create_policy(PolicyName="edge", PolicyDocument=policy("sqs:ListQueues"))["Policy"]["Arn"]
    iam.put_role_permissions_boundary(RoleName="probe", PermissionsBoundary=boundary)
    sqs.list_queues()
    assert error_code(sqs.create_queue, QueueName="probe") == "AccessDenied"


def test_boundary_limits_a_user(cloud: EmulatedCloud) -> None:
    iam = cloud.client("iam")
    boundary = iam.create_policy(PolicyName="edge", PolicyDocument=policy("sqs:ListQueues"))["Policy"]["Arn"]
    iam.create_user(UserName="alice", PermissionsBoundary=boundary)
    iam.put_user_policy(UserName="alice", PolicyName="all", PolicyDocument=policy("sqs:*"))
    key = iam.create_access_key(UserName="alice")["AccessKey"]
    cloud.emulator.enforce_iam()
    sqs = cloud.client_with("sqs", Keys(key["AccessKeyId"], key["SecretAccessKey"]))
    sqs.list_queues()
    assert error_code(sqs.create_queue, QueueName="probe") == "AccessDenied"


def test_user_has_the_policies_of_its_groups(cloud: EmulatedCloud) -> None:
    iam = cloud.client("iam")
    iam.create_user(UserName="alice")
    iam.create_group(GroupName="readers")
    iam.put_group_policy(GroupName="readers", PolicyName="read", PolicyDocument=policy("sqs:ListQueues"))
    key = iam.create_access_key(UserName="alice")["AccessKey"]
    cloud.emulator.enforce_iam()
    sqs = cloud.client_with("sqs", Keys(key["AccessKeyId"], key["SecretAccessKey"]))
    assert error_code(sqs.list_queues) == "AccessDenied"
    iam.add_user_to_group(GroupName="readers", UserName="alice")
    sqs.list_queues()


def test_identity_is_free_and_assume_role_is_not(cloud: EmulatedCloud) -> None:
    sts = role_client(cloud, "sts")
    assert sts.get_caller_identity()["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/probe/probe"
    code = error_code(sts.assume_role, RoleArn=f"arn:aws:iam::{ACCOUNT}:role/probe", RoleSessionName="again")
    assert code == "AccessDenied"


def test_root_may_do_everything(cloud: EmulatedCloud) -> None:
    cloud.emulator.enforce_iam()
    queue(cloud, "probe")
    group(cloud)


def test_services_whose_resources_moto_does_not_tell(cloud: EmulatedCloud) -> None:
    """Alarms, trails, keys, buckets, tags of rules and queues by name: each confined to one, the next one denied."""
    region = f"{REGION}:{ACCOUNT}"
    key_id = cloud.client("kms").create_key()["KeyMetadata"]["KeyId"]
    other_key = cloud.client("kms").create_key()["KeyMetadata"]["KeyId"]
    cloud.client("kms").create_alias(AliasName="alias/mine", TargetKeyId=key_id)
    for name in ("mine", "theirs"):
        cloud.client("events").put_rule(Name=name, EventPattern=json.dumps({"source": ["x"]}))
    mine = [
        f"arn:aws:cloudwatch:{region}:alarm:mine",
        f"arn:aws:cloudtrail:{region}:trail/mine",
        f"arn:aws:kms:{region}:key/{key_id}",
        f"arn:aws:events:{region}:rule/mine",
        f"arn:aws:sqs:{region}:mine",
        "arn:aws:s3:::mine",
    ]
    bound = policy(["cloudwatch:*", "cloudtrail:*", "kms:*", "events:*", "sqs:*", "s3:*"], mine)
    clients = {name: role_client(cloud, name, bound) for name in ("kms",)}
    given = clients["kms"]._request_signer._credentials
    keys = Keys(given.access_key, given.secret_key, given.token)
    for name in ("cloudwatch", "cloudtrail", "events", "sqs", "s3"):
        clients[name] = cloud.client_with(name, keys)
    block = {"BlockPublicAcls": True}
    asked: list[tuple[Any, dict[str, Any], dict[str, Any]]] = [
        (clients["cloudwatch"].delete_alarms, {"AlarmNames": ["mine"]}, {"AlarmNames": ["mine", "theirs"]}),
        (clients["sqs"].create_queue, {"QueueName": "mine"}, {"QueueName": "theirs"}),
        (clients["sqs"].get_queue_url, {"QueueName": "mine"}, {"QueueName": "theirs"}),
        (clients["s3"].create_bucket, {"Bucket": "mine"}, {"Bucket": "theirs"}),
        (clients["s3"].get_bucket_location, {"Bucket": "mine"}, {"Bucket": "theirs"}),
        (
            clients["s3"].put_public_access_block,
            {"Bucket": "mine", "PublicAccessBlockConfiguration": block},
            {"Bucket": "theirs", "PublicAccessBlockConfiguration": block},
        ),
        (
            clients["cloudtrail"].create_trail,
            {"Name": "mine", "S3BucketName": "mine"},
            {"Name": "theirs", "S3BucketName": "mine"},
        ),
        (clients["cloudtrail"].start_logging, {"Name": "mine"}, {"Name": "theirs"}),
        (clients["kms"].describe_key, {"KeyId": "alias/mine"}, {"KeyId": other_key}),
        (
            clients["events"].list_tags_for_resource,
            {"ResourceARN": mine[3]},
            {"ResourceARN": mine[3].replace("mine", "theirs")},
        ),
    ]
    for call, allowed, denied in asked:
        call(**allowed)
        assert error_code(call, **denied) in ("AccessDenied", "AccessDeniedException"), call.__name__
    assert error_code(clients["s3"].list_buckets) == "AccessDenied"


def test_s3_actions_have_names_of_their_own(cloud: EmulatedCloud) -> None:
    s3 = role_client(cloud, "s3", policy(["s3:CreateBucket", "s3:PutBucketPublicAccessBlock"]))
    s3.create_bucket(Bucket="mine")
    s3.put_public_access_block(Bucket="mine", PublicAccessBlockConfiguration={"BlockPublicAcls": True})
    assert error_code(s3.get_public_access_block, Bucket="mine") == "AccessDenied"


def test_tags_at_creation_need_a_permission_of_their_own(cloud: EmulatedCloud) -> None:
    """Each creation passes without tags, and with them is denied for want of the action that tags."""
    tags = [{"Key": "team", "Value": "a"}]
    cloud.client("s3").create_bucket(Bucket="mine")
    alarm = {"MetricName": "x", "Namespace": "AWS/SQS", "Period": 60, "Statistic": "Maximum", "Threshold": 1.0}
    alarm |= {"ComparisonOperator": "GreaterThanThreshold", "EvaluationPeriods": 1}
    trust = json.dumps({"Statement": [{"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}]})
    rule = {"EventPattern": json.dumps({"source": ["x"]})}
    asked: list[tuple[str, str, str, dict[str, Any], dict[str, Any]]] = [
        ("cloudtrail", "create_trail", "Name", {"S3BucketName": "mine"}, {"TagsList": tags}),
        ("cloudwatch", "put_metric_alarm", "AlarmName", alarm, {"Tags": tags}),
        ("events", "put_rule", "Name", rule, {"Tags": tags}),
        ("iam", "create_role", "RoleName", {"AssumeRolePolicyDocument": trust}, {"Tags": tags}),
        ("iam", "create_user", "UserName", {}, {"Tags": tags}),
        ("sagemaker", "create_model_package_group", "ModelPackageGroupName", {}, {"Tags": tags}),
        ("secretsmanager", "create_secret", "Name", {"SecretString": "x"}, {"Tags": tags}),
        ("sqs", "create_queue", "QueueName", {}, {"tags": {"team": "a"}}),
    ]
    creating = ["CreateTrail", "PutMetricAlarm", "PutRule", "CreateRole", "CreateUser", "CreateModelPackageGroup"]
    creating += ["CreateSecret", "CreateQueue"]
    first = role_client(cloud, "sqs", policy([f"*:{action}" for action in creating]))
    given = first._request_signer._credentials
    keys = Keys(given.access_key, given.secret_key, given.token)
    for service, method, name, parameters, with_tags in asked:
        call = getattr(cloud.client_with(service, keys), method)
        call(**{name: "plain"}, **parameters)
        code = error_code(call, **{name: "tagged"}, **parameters, **with_tags)
        assert code in ("AccessDenied", "AccessDeniedException"), method
