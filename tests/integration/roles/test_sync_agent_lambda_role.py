# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role sync_agent_lambda through ansible-playbook: a fresh account, twice, another package, gone again."""

from __future__ import annotations

import hashlib
import json
import pathlib
import shutil

import boto3
import pytest

from tests.integration.least_privilege.grants import agent_policies

ACCOUNT, REGION = "111122223333", "us-east-1"
CHECKOUT = pathlib.Path(__file__).resolve().parents[3]
WHEELHOUSE = CHECKOUT / ".ansible" / "wheelhouse"
QUEUE_ARN = f"arn:aws:sqs:{REGION}:{ACCOUNT}:wxgov-sagemaker-prod.fifo"
DEAD_LETTERS_ARN = f"arn:aws:sqs:{REGION}:{ACCOUNT}:wxgov-sagemaker-prod-dlq.fifo"
NAME = "wxgov-sync-agent-prod"
ROLE = "wxgov.sagemaker.sync_agent_lambda : "


@pytest.fixture
def client(aws):
    def make(service):
        return boto3.client(
            service,
            endpoint_url=aws.endpoint_url,
            region_name=REGION,
            aws_access_key_id=ACCOUNT,
            aws_secret_access_key="x",
        )

    return make


@pytest.fixture
def collections(tmp_path):
    """What of the collection the role needs, and what that needs: nothing else may be."""
    root = tmp_path / "collections" / "ansible_collections"
    copy = root / "wxgov" / "sagemaker"
    for part in ("meta", "plugins", "roles/aws_access", "roles/sync_agent", "roles/sync_agent_lambda"):
        shutil.copytree(CHECKOUT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(CHECKOUT / "galaxy.yml", copy)
    (root / "amazon").symlink_to(CHECKOUT / ".ansible" / "collections" / "ansible_collections" / "amazon")
    return root.parent


@pytest.fixture
def deploy(aws, run_playbook, tmp_path, collections):
    """Apply the role once for each step (variables; `check`), in one play each; the tasks that changed something."""
    (wheel,) = WHEELHOUSE.glob("six-*.whl")
    requirements = tmp_path / "requirements.txt"
    requirements.write_text(f"six==1.17.0 --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n")
    variables = {
        "sync_agent_lambda_connection": "prod",
        "sync_agent_lambda_queue_arn": QUEUE_ARN,
        "sync_agent_lambda_dead_letter_queue_arn": DEAD_LETTERS_ARN,
        "sync_agent_lambda_requirements": str(requirements),
        "sync_agent_lambda_wheelhouse": str(WHEELHOUSE),
        "sync_agent_lambda_runtime": "python3.12",
    }
    environment = {
        "ANSIBLE_COLLECTIONS_PATH": str(collections),
        "AWS_ENDPOINT_URL": aws.endpoint_url,
        "AWS_ACCESS_KEY_ID": ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_REGION": REGION,
    }

    def run(*steps):
        plays = [
            {
                "hosts": "all",
                "gather_facts": False,
                "check_mode": bool(step.get("check")),
                "roles": ["wxgov.sagemaker.sync_agent_lambda"],
                "vars": {**variables, **{name: value for name, value in step.items() if name != "check"}},
            }
            for step in steps
        ]
        changed = []
        for entry in run_playbook(plays, env=environment).check().results:
            if "Validating arguments" in entry.task:
                changed.append(set())
            if entry.kind == "ok" and entry.result.get("changed"):
                changed[-1].add(entry.task.removeprefix(ROLE))
        return changed

    return run


def test_the_life_of_the_functions(client, deploy):
    client("sqs").create_queue(QueueName=QUEUE_ARN.rsplit(":", 1)[-1], Attributes={"FifoQueue": "true"})
    everything = {
        "Let the functions do what they have to",
        "Make the functions",
        "Hand the queue's messages to the function",
        "Let the schedules invoke the function",
        "Schedule the sweeps",
    }
    checked, first, again = deploy({"check": True}, {}, {})
    assert checked == {"Let the functions do what they have to", "Make the functions"}
    assert first == everything
    assert again == set()
    check_functions(client)
    check_policies(client)

    # Larger and paused, and then gone.
    paused = {"sync_agent_lambda_memory_size": 1024, "sync_agent_lambda_enabled": False}
    (changed,) = deploy(paused)
    assert changed == {"Make the functions", "Hand the queue's messages to the function", "Schedule the sweeps"}
    assert {rule["State"] for rule in client("events").list_rules()["Rules"]} == {"DISABLED"}
    (mapping,) = client("lambda").list_event_source_mappings()["EventSourceMappings"]
    assert mapping["State"] == "Disabled"
    (removed,) = deploy({"sync_agent_lambda_state": "absent"})
    assert len(removed) == 4
    assert client("lambda").list_functions()["Functions"] == []
    assert client("lambda").list_event_source_mappings()["EventSourceMappings"] == []
    assert client("events").list_rules()["Rules"] == []
    assert client("iam").list_roles()["Roles"] == []


def check_functions(client):
    """Two functions of one package under one role; each is invoked by what it is for, and by nothing else."""
    functions = {function["FunctionName"]: function for function in client("lambda").list_functions()["Functions"]}
    assert sorted(functions) == [NAME, f"{NAME}-sweep"]
    assert len({function["CodeSha256"] for function in functions.values()}) == 1
    assert {name: function["Timeout"] for name, function in functions.items()} == {NAME: 30, f"{NAME}-sweep": 900}
    assert {function["Handler"] for function in functions.values()} == {"wxgov_sagemaker.agent.lambda_handler.handle"}
    assert functions[NAME]["Environment"]["Variables"] == {
        "WXGOV_CONNECTION": "prod",
        "WXGOV_SECRETS_PREFIX": "wxgov-sagemaker/connections/",
        "WXGOV_MESSAGE_GROUP": "model-registry",
        "WXGOV_LOOK_BACK_SECONDS": "3600",
    }
    (mapping,) = client("lambda").list_event_source_mappings()["EventSourceMappings"]
    assert (mapping["EventSourceArn"], mapping["BatchSize"]) == (QUEUE_ARN, 10)
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["FunctionArn"].split(":function:")[1].split(":")[0] == NAME
    rules = {rule["Name"]: rule for rule in client("events").list_rules()["Rules"]}
    assert {name: rule["ScheduleExpression"] for name, rule in rules.items()} == {
        f"{NAME}-full-sweep": "rate(1 day)",
        f"{NAME}-incremental-sweep": "rate(15 minutes)",
    }
    sweep_arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{NAME}-sweep"
    for name in rules:
        assert [target["Arn"] for target in client("events").list_targets_by_rule(Rule=name)["Targets"]] == [sweep_arn]
    policy = json.loads(client("lambda").get_policy(FunctionName=f"{NAME}-sweep")["Policy"])
    allowed = {statement["Condition"]["ArnLike"]["AWS:SourceArn"] for statement in policy["Statement"]}
    assert allowed == {rule["Arn"] for rule in rules.values()}
    assert {statement["Principal"]["Service"] for statement in policy["Statement"]} == {"events.amazonaws.com"}
    trust = client("iam").get_role(RoleName=NAME)["Role"]["AssumeRolePolicyDocument"]
    assert [statement["Principal"] for statement in trust["Statement"]] == [{"Service": ["lambda.amazonaws.com"]}]


def check_policies(client):
    """As any agent, and what a function needs beside; the test of the handler under these policies is another one."""
    iam = client("iam")
    names = iam.list_role_policies(RoleName=NAME)["PolicyNames"]
    assert sorted(names) == ["wxgov-function", "wxgov-queue", "wxgov-registry"]
    documents = {name: iam.get_role_policy(RoleName=NAME, PolicyName=name)["PolicyDocument"] for name in names}
    assert {name: documents[name] for name in ("wxgov-queue", "wxgov-registry")} == agent_policies(
        QUEUE_ARN, DEAD_LETTERS_ARN
    )
    granted = {action for grant in documents["wxgov-function"]["Statement"] for action in grant["Action"]}
    assert {action for action in granted if not action.startswith("logs:")} == {
        "sqs:SendMessage",
        "secretsmanager:GetSecretValue",
    }
    secret = next(grant for grant in documents["wxgov-function"]["Statement"] if grant["Sid"] == "ReadConnection")
    prefix = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:wxgov-sagemaker/connections/"
    assert secret["Resource"] == [f"{prefix}prod-??????"]


def test_what_cannot_work_is_refused(aws, run_playbook):
    play = {
        "hosts": "all",
        "gather_facts": False,
        "roles": ["wxgov.sagemaker.sync_agent_lambda"],
        "vars": {"sync_agent_lambda_connection": "prod", "sync_agent_lambda_queue_arn": "prod.fifo"},
    }
    result = run_playbook([play], env={"AWS_ENDPOINT_URL": aws.endpoint_url})
    assert result.rc
    assert "sync_agent_lambda_queue_arn (prod.fifo) must be the ARN" in result.stdout.replace("\n", " ")
