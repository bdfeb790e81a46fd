# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The access key of aws_access, and playbooks/rotate_credentials.yml for both ways into an account."""

from __future__ import annotations

import json
import pathlib
import sys
from collections.abc import Callable
from typing import Any

import boto3
import botocore.exceptions
import pytest

from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.model import (
    AccessKey,
    AssumeRole,
    Connection,
    ConsoleEndpoint,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.store import DirectoryStore
from tests.harness.playbook import CHECKOUT, PlayResult
from tests.integration.aws.conftest import ACCOUNT, Account

AGENT = "999988887777"
USER = "wxgov-sagemaker"
ROLE = "Aws_Sagemaker_Sqs_Cross_Account_Role"
QUEUE = "wxgov-sagemaker-alpha.fifo"
QUEUE_ARN = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{QUEUE}"
LOCAL = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
Run = Callable[..., PlayResult]


@pytest.fixture
def apply_role(run_playbook: Run, account: Account) -> Run:
    """The role aws_access with the method access_key, run by a user who has the runner's policy and nothing else."""
    iam = account.client("iam")
    iam.create_user(UserName="runner")
    policy = (CHECKOUT / "roles" / "aws_access" / "files" / "runner-policy-access-key.json").read_text()
    iam.put_user_policy(UserName="runner", PolicyName="runner", PolicyDocument=policy)
    key = iam.create_access_key(UserName="runner")["AccessKey"]
    runner = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
    account.emulator.enforce_iam()

    def run(check: bool = False, **variables: Any) -> PlayResult:
        facts = {"name": "facts", "ansible.builtin.debug": {"msg": "{{ aws_access_result | default({}) }}"}}
        role = {"role": "wxgov.sagemaker.aws_access"}
        play = {"hosts": "localhost", "gather_facts": False, "roles": [role], "tasks": [facts]}
        given = {"aws_access_method": "access_key", "aws_access_queue_arn": QUEUE_ARN, **variables}
        return run_playbook([play], env={**account.environment, **runner}, extra_vars=given, check=check)

    return run


def users(account: Account) -> list[str]:
    """The users besides the runner."""
    names = [user["UserName"] for user in account.client("iam").list_users()["Users"]]
    return [name for name in names if name != "runner"]


def client(account: Account, service: str, key: str, secret: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=account.emulator.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id=key,
        aws_secret_access_key=secret,
    )


def accepted(account: Account, key: str, secret: str) -> bool:
    """Whether AWS accepts a key."""
    try:
        client(account, "sts", key, secret).get_caller_identity()
    except botocore.exceptions.ClientError:
        return False
    return True


def keys(account: Account) -> dict[str, str]:
    found = account.client("iam").list_access_keys(UserName=USER)["AccessKeyMetadata"]
    return {key["AccessKeyId"]: key["Status"] for key in found}


def test_the_access_key_from_check_mode_to_nothing_left(apply_role: Run, account: Account) -> None:
    checked = apply_role(check=True).check()
    assert checked.changed == 2
    assert users(account) == []

    url = account.client("sqs").create_queue(QueueName=QUEUE, Attributes={"FifoQueue": "true"})["QueueUrl"]
    made = apply_role().check()
    assert made.changed == 2
    given = made.one("facts")["msg"]
    assert (given["method"], given["user_name"], given["secret"]) == ("access_key", USER, None)
    assert accepted(account, given["access_key_id"], given["secret_access_key"])

    sqs = client(account, "sqs", given["access_key_id"], given["secret_access_key"])
    sqs.receive_message(QueueUrl=url)
    with pytest.raises(botocore.exceptions.ClientError, match="AccessDenied"):
        sqs.delete_queue(QueueUrl=url)
    sagemaker = client(account, "sagemaker", given["access_key_id"], given["secret_access_key"])
    assert sagemaker.search(Resource="ModelPackageGroup")["Results"] == []
    with pytest.raises(botocore.exceptions.ClientError, match="AccessDenied"):
        sagemaker.delete_model_package_group(ModelPackageGroupName="Fraud")

    again = apply_role(aws_access_full_access=True).check()
    assert again.one("facts")["msg"] == {**given, "secret_access_key": None}
    assert again.changed == 1
    attached = account.client("iam").list_attached_user_policies(UserName=USER)["AttachedPolicies"]
    assert sorted(policy["PolicyName"] for policy in attached) == ["AmazonSQSFullAccess", "AmazonSageMakerFullAccess"]
    assert account.client("iam").list_user_policies(UserName=USER)["PolicyNames"] == []

    assert apply_role(check=True, aws_access_state="absent").check().changed == 2
    assert len(keys(account)) == 1
    assert apply_role(aws_access_state="absent").check().changed == 2
    assert users(account) == []
    assert apply_role(aws_access_state="absent").check().changed == 0


def test_the_access_key_in_secrets_manager(apply_role: Run, account: Account) -> None:
    made = apply_role(aws_access_store_in_secret="wxgov-sagemaker/alpha").check()
    given = made.one("facts")["msg"]
    assert given["secret_access_key"] is None
    secrets = account.client("secretsmanager")
    value = json.loads(secrets.get_secret_value(SecretId=given["secret"]["arn"])["SecretString"])
    assert value["access_key_id"] == given["access_key_id"]
    assert accepted(account, value["access_key_id"], value["secret_access_key"])
    assert value["secret_access_key"] not in made.stdout


# --- rotation -------------------------------------------------------------------------------------------------------


@pytest.fixture
def connections(tmp_path: pathlib.Path) -> pathlib.Path:
    folder = tmp_path / "connections.d"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def rotate(run_playbook: Run, account: Account, connections: pathlib.Path) -> Run:
    """rotate_credentials.yml over one account; keywords are variables. A second agent's host has no connection yet."""
    agent = Account(account.emulator, AGENT).environment

    def inventory(agents: int) -> dict[str, Any]:
        return {
            "all": {
                "children": {
                    "registry_accounts": {
                        "hosts": {
                            "alpha": {
                                **LOCAL,
                                "wxgov_aws_environment": account.environment,
                                "aws_access_agent_account_id": AGENT,
                            }
                        }
                    },
                    "sync_agents": {
                        "hosts": {
                            f"agent{number or ''}": {
                                **LOCAL,
                                "wxgov_agent_environment": agent,
                                "governance_connection_connections_dir": f"{connections}{number or ''}",
                            }
                            for number in range(agents)
                        }
                    },
                }
            }
        }

    def run(
        check: bool = False,
        diff: bool = False,
        agents: int = 1,
        playbook: str = "rotate_credentials.yml",
        **variables: Any,
    ) -> PlayResult:
        hosts = inventory(agents)
        path = CHECKOUT / "playbooks" / playbook
        return run_playbook(path, inventory=hosts, extra_vars=variables, check=check, diff=diff, verbosity=2)

    return run


def save_connection(folder: pathlib.Path, credentials: AccessKey | AssumeRole) -> None:
    """A connection as onboard_account leaves it."""
    options = {"api_key": "demo-api-key", "instance_id": "demo-instance"}
    connection = Connection(
        name="alpha",
        business_entity_id="12",
        business_entity_name="Alpha",
        default_user="svc",
        account_id=ACCOUNT,
        region="us-east-1",
        credentials=credentials,
        queue_url=f"https://sqs.us-east-1.amazonaws.com/{ACCOUNT}/{QUEUE}",
        console=ConsoleEndpoint("https://console.example.com", "mcsp", options),
    )
    DirectoryStore(str(folder)).save(connection)


def saved(connections: pathlib.Path) -> dict[str, Any]:
    """The credentials that the connection has."""
    found: dict[str, Any] = json.loads((connections / "alpha.json").read_text())["credentials"]
    return found


ONBOARDING: dict[str, Any] = {
    "playbook": "onboard_account.yml",
    "aws_access_method": "access_key",
    "aws_events_create_trail": True,
    "wxgov_business_entity": "12",
    "wxgov_default_user": "svc",
    "governance_connection_console_url": "https://console.example.com",
    "governance_connection_console_auth_method": "mcsp",
    "governance_connection_console_api_key": "demo-api-key",
    "governance_connection_console_instance_id": "demo-instance",
    "governance_connection_validate": False,
}


def test_a_key_goes_from_onboarding_into_the_connection(
    rotate: Run, account: Account, connections: pathlib.Path
) -> None:
    made = rotate(**ONBOARDING).check()
    first = saved(connections)
    assert accepted(account, first["access_key_id"], first["secret_access_key"])
    assert first["secret_access_key"] not in made.stdout
    assert rotate(**ONBOARDING).check().changed == 0
    assert saved(connections) == first


def test_an_access_key_is_rotated_with_an_overlap(rotate: Run, account: Account, connections: pathlib.Path) -> None:
    account.succeed("iam_user", name=USER)
    made = account.succeed("iam_access_key", user_name=USER)
    old, secret = made["access_key"]["access_key_id"], made["secret_access_key"]
    save_connection(connections, AccessKey(old, secret))

    checked = rotate(check=True).check()
    assert keys(account) == {old: "Active"}
    assert saved(connections)["access_key_id"] == old
    assert checked.changed == 1

    # A key that an earlier, cut off run left behind is in nobody's hands and makes room.
    account.client("iam").create_access_key(UserName=USER)
    done = rotate().check()
    new = saved(connections)
    assert keys(account) == {new["access_key_id"]: "Active"}
    assert new["access_key_id"] != old
    assert accepted(account, new["access_key_id"], new["secret_access_key"])
    assert not accepted(account, old, secret)
    assert new["secret_access_key"] not in done.stdout
    assert secret not in done.stdout

    # An agent that cannot have the new key keeps the old one alive; the next run finishes.
    broken = rotate(agents=2)
    assert broken.rc != 0
    assert "Not every host of sync_agents could save and try the new credentials of alpha" in broken.stdout
    assert keys(account)[new["access_key_id"]] == "Active"
    assert list(keys(account).values()) == ["Active", "Active"]
    rotate(aws_access_delete_old_key=False).check()
    last = saved(connections)
    assert sorted(keys(account).values()) == ["Active", "Inactive"]
    assert keys(account)[last["access_key_id"]] == "Active"
    assert accepted(account, last["access_key_id"], last["secret_access_key"])


def assumes(account: Account, external_id: str) -> bool:
    """Whether the agent's account may take the role on with this external id."""
    sts = Account(account.emulator, AGENT).client("sts")
    try:
        sts.assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/{ROLE}", RoleSessionName="test", ExternalId=external_id)
    except botocore.exceptions.ClientError:
        return False
    return True


def test_an_external_id_is_rotated_with_an_overlap(rotate: Run, account: Account, connections: pathlib.Path) -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/{ROLE}"
    account.succeed("iam_role", name=ROLE, trusted_accounts=[AGENT], external_id="first-id")
    save_connection(connections, AssumeRole(role, "first-id"))

    checked = rotate(check=True, diff=True).check()
    assert assumes(account, "first-id")
    assert saved(connections)["external_id"] == "first-id"
    assert checked.changed >= 2

    # While the new one is tried, both are taken: the run is stopped there.
    account.emulator.fault("sts.AssumeRole", "error", times=99, code="AccessDenied", status=403)
    broken = rotate(aws_access_verify_retries=0)
    account.emulator.clear_faults()
    assert broken.rc != 0
    second = saved(connections)["external_id"]
    assert second != "first-id"
    assert assumes(account, "first-id")
    assert assumes(account, second)

    rotate().check()
    third = saved(connections)["external_id"]
    assert len({"first-id", second, third}) == 3
    assert len(third) == 32
    assert [assumes(account, external_id) for external_id in ("first-id", second, third)] == [False, False, True]
    trust = account.client("iam").get_role(RoleName=ROLE)["Role"]["AssumeRolePolicyDocument"]
    assert trust["Statement"][0]["Condition"] == {"StringEquals": {"sts:ExternalId": third}}


def test_connections_in_secrets_manager_are_rotated_too(
    rotate: Run, account: Account, connections: pathlib.Path
) -> None:
    """The files' directory stays empty: the agent's account has the connection, and gets the new external id."""
    account.succeed("iam_role", name=ROLE, trusted_accounts=[AGENT], external_id="first-id")
    save_connection(connections, AssumeRole(f"arn:aws:iam::{ACCOUNT}:role/{ROLE}", "first-id"))
    document = (connections / "alpha.json").read_text()
    (connections / "alpha.json").unlink()
    secrets = Account(account.emulator, AGENT).client("secretsmanager")
    secrets.create_secret(Name="team/alpha", SecretString=document)
    rotate(
        governance_connection_connections_store="secretsmanager",
        governance_connection_secrets_prefix="team/",
        governance_connection_secrets_region=secrets.meta.region_name,
    ).check()
    current = secrets.get_secret_value(SecretId="team/alpha", VersionStage="AWSCURRENT")["SecretString"]
    kept = json.loads(current)["credentials"]["external_id"]
    assert kept != "first-id"
    assert [assumes(account, external_id) for external_id in ("first-id", kept)] == [False, True]
    assert not list(connections.iterdir())


def test_an_account_without_a_connection_is_named(rotate: Run) -> None:
    refused = rotate()
    assert refused.rc != 0
    assert "agent has no connection alpha with a role or an access key; run onboard_account first." in refused.stdout
