# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The runner policies of the roles: with them alone the roles do all they can do, and each grant is needed for it.

Permissions are enforced, so a call that needs a grant which is not in the policy would be denied; and a grant that no
allowed call needed would be found by `unused`. One run of ansible-playbook does it all: the account `fresh` has
nothing, in `bucket` a run broke off after its first step, in `halfway` later, and people have changed things since.
central_registry has a test of its own.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.emulators.aws.server import AwsEmulator
from tests.harness.playbook import PlayResult, run_playbook
from tests.integration.aws.conftest import REGION, Account
from tests.integration.least_privilege.conftest import AGENT_ACCOUNT, ROLE
from tests.integration.least_privilege.grants import Policies, runner_policy, unused

HOSTS = {"fresh": "111122223333", "bucket": "222233334444", "halfway": "777788889999"}
POLICIES = {
    "events": runner_policy("aws_events"),
    "access": runner_policy("aws_access"),
    "keys": runner_policy("aws_access", "runner-policy-access-key"),
}
QUEUE = "wxgov-sagemaker-alpha.fifo"
USER = "wxgov-sagemaker"
SECRET = "wxgov-sagemaker/alpha"
OWN_KEY = "{{ own_key }}"
FOREIGN = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}


def make_runner(account: Account, name: str, policies: Policies) -> dict[str, str]:
    """The keys of a user who has these policies and nothing else."""
    iam = account.client("iam")
    iam.create_user(UserName=name)
    for policy, document in policies.items():
        iam.put_user_policy(UserName=name, PolicyName=policy, PolicyDocument=json.dumps(document))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {"access_key": key["AccessKeyId"], "secret_key": key["SecretAccessKey"]}


def go_halfway(account: Account) -> None:
    """What an aborted run, older settings and other people left behind."""
    account.client("s3").create_bucket(Bucket="theirs")
    trails = account.client("cloudtrail")
    trails.create_trail(Name="wxgov-sagemaker", S3BucketName="theirs")
    selector = {"ReadWriteType": "ReadOnly", "IncludeManagementEvents": True}
    trails.put_event_selectors(TrailName="wxgov-sagemaker", EventSelectors=[selector])
    account.client("sqs").create_queue(QueueName="wxgov-sagemaker-alpha-target-dlq")
    pattern = json.dumps({"source": ["somebody.else"]})
    account.client("events").put_rule(Name="wxgov-sagemaker-alpha", EventPattern=pattern)
    iam = account.client("iam")
    trust = {"Effect": "Allow", "Principal": {"AWS": AGENT_ACCOUNT}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    iam.create_role(RoleName=ROLE, Description="old", AssumeRolePolicyDocument=document)
    iam.put_role_policy(RoleName=ROLE, PolicyName="foreign", PolicyDocument=json.dumps(FOREIGN))
    iam.attach_role_policy(RoleName=ROLE, PolicyArn="arn:aws:iam::aws:policy/AmazonSageMakerReadOnly")
    iam.create_user(UserName=USER)
    iam.put_user_policy(UserName=USER, PolicyName="foreign", PolicyDocument=json.dumps(FOREIGN))
    iam.attach_user_policy(UserName=USER, PolicyArn="arn:aws:iam::aws:policy/AmazonSageMakerReadOnly")
    secrets = account.client("secretsmanager")
    secrets.create_secret(Name=SECRET, SecretString="{}")
    secrets.delete_secret(SecretId=SECRET)


def role(name: str, tasks_from: str = "main", **variables: Any) -> dict[str, Any]:
    return {
        "name": f"{name} {tasks_from} {variables}",
        "ansible.builtin.include_role": {"name": f"wxgov.sagemaker.{name}", "tasks_from": tasks_from},
        "vars": variables,
    }


EVENTS = [
    {"aws_events_create_trail": True, "aws_events_tags": {"team": "a"}},
    {
        "aws_events_native_events": True,
        "aws_events_kms_master_key_id": OWN_KEY,
        "aws_events_tags": {"team": "b"},
    },
    {"aws_events_alarms": False, "aws_events_kms_master_key_id": OWN_KEY},
    {"aws_events_state": "absent", "aws_events_kms_master_key_id": OWN_KEY},
]
ACCESS = [
    {"aws_access_tags": {"team": "a"}},
    {"aws_access_full_access": True, "aws_access_tags": {"team": "b"}},
]
ROTATION = ("rotate_begin", "rotate_retire", "rotate_delete")
"""What the runner does of it; the new credentials are tried where the agent runs, with the agent's own."""


def play(runner: str, hosts: str, *tasks: dict[str, Any]) -> dict[str, Any]:
    """A play with the keys of one runner and no others."""
    return {
        "hosts": hosts,
        "gather_facts": False,
        "environment": {
            "AWS_ENDPOINT_URL": "{{ endpoint }}",
            "AWS_ACCESS_KEY_ID": f"{{{{ {runner}.access_key }}}}",
            "AWS_SECRET_ACCESS_KEY": f"{{{{ {runner}.secret_key }}}}",
            "AWS_REGION": REGION,
        },
        "vars": {
            "aws_events_connection_name": "alpha",
            "aws_access_agent_account_id": AGENT_ACCOUNT,
            "aws_access_queue_arn": f"arn:aws:sqs:{REGION}:{{{{ account_id }}}}:{QUEUE}",
        },
        "tasks": tasks,
    }


def access_tasks(method: dict[str, Any], anew: dict[str, Any]) -> list[dict[str, Any]]:
    """Mended, fully open, rotated, gone; then made anew, gone again."""
    return [
        *(role("aws_access", **method, **options) for options in ACCESS),
        *(role("aws_access", step, **method) for step in ROTATION),
        role("aws_access", **method, aws_access_state="absent"),
        role("aws_access", **anew, **ACCESS[0]),
        role("aws_access", **anew, aws_access_state="absent"),
    ]


def plays() -> list[dict[str, Any]]:
    stored, elsewhere = (
        {"aws_access_method": "access_key", "aws_access_store_in_secret": name} for name in (SECRET, f"{SECRET}-anew")
    )
    first, *others = (role("aws_events", **options) for options in EVENTS)
    return [
        play("events", "all", first),
        play("events", "halfway", *others),
        play("access", "halfway", *access_tasks({}, {})),
        play("keys", "halfway", *access_tasks(stored, elsewhere)),
    ]


@pytest.fixture(scope="module")
def done(aws_process: AwsEmulator) -> tuple[PlayResult, AwsEmulator]:
    """All accounts through all plays."""
    aws_process.reset()
    inventory: dict[str, Any] = {}
    for host, number in HOSTS.items():
        account = Account(aws_process, number)
        runners = {name: make_runner(account, f"runner-{name}", policies) for name, policies in POLICIES.items()}
        key = account.client("kms").create_key()["KeyMetadata"]["KeyId"]
        endpoint = {"endpoint": aws_process.endpoint_url, "ansible_connection": "local"}
        inventory[host] = {**endpoint, "account_id": number, "own_key": key, **runners}
    bucket = f"wxgov-sagemaker-trail-{HOSTS['bucket']}-{REGION}"
    Account(aws_process, HOSTS["bucket"]).client("s3").create_bucket(Bucket=bucket)
    go_halfway(Account(aws_process, HOSTS["halfway"]))
    aws_process.enforce_iam()
    return run_playbook(plays(), inventory={"all": {"hosts": inventory}}), aws_process


@pytest.mark.parametrize("runner", POLICIES)
def test_the_runners_policy_is_enough_and_no_more(done: tuple[PlayResult, AwsEmulator], runner: str) -> None:
    result, emulator = done
    result.check()
    judged = [one for one in emulator.judgements() if one.principal.endswith(f":user/runner-{runner}")]
    assert [one for one in judged if not one.allowed] == []
    assert unused(POLICIES[runner], judged) == []


def test_what_the_runners_made_is_there_or_gone_again(done: tuple[PlayResult, AwsEmulator]) -> None:
    _result, emulator = done
    for host, number in HOSTS.items():
        account = Account(emulator, number)
        left = 0 if host == "halfway" else 1
        assert len(account.client("events").list_rules()["Rules"]) == left
        assert len(account.client("sqs").list_queues().get("QueueUrls", [])) == 3 * left
        assert account.client("iam").list_roles()["Roles"] == []
        (trail,) = account.client("cloudtrail").describe_trails()["trailList"]
        assert trail["IsMultiRegionTrail"] is True
        assert account.client("cloudtrail").get_trail_status(Name=trail["Name"])["IsLogging"] is True
