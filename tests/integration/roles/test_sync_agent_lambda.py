# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent as Lambda functions, with events as Lambda hands them over, between the two emulators; and their role."""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
import subprocess
import sys
import uuid
from dataclasses import replace
from datetime import datetime, timezone

import boto3
import botocore.exceptions
import jinja2
import pytest

from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent import lambda_handler
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.errors import AgentError
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.lambda_handler import KEPT_SECONDS, Function
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.lambda_settings import LambdaSettings
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.lambda_sweep import SweepUnfinishedError
from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.model import (
    AmbientCredentials,
    ConsoleEndpoint,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.secrets_store import SecretsStore
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.service import make_runtime
from tests.demo.scenario import ConsoleSession
from tests.integration.agent.support import ACCOUNT, REGION, create_queue, event_body, make_connection
from tests.integration.least_privilege.grants import agent_policies

CHECKOUT = pathlib.Path(__file__).resolve().parents[3]
WHEELHOUSE = CHECKOUT / ".ansible" / "wheelhouse"
FILES = CHECKOUT / "roles" / "sync_agent" / "files"
BUILD = CHECKOUT / "roles" / "sync_agent_lambda" / "files" / "build_zip.py"
RUNTIME = f"python{sys.version_info.major}.{sys.version_info.minor}"
QUEUE_ARN = f"arn:aws:sqs:{REGION}:{ACCOUNT}:events.fifo"


class Context:
    """The remaining time of an invocation, in seconds; each look at it costs ``step``."""

    def __init__(self, seconds=30.0, step=0.0):
        self.seconds = seconds
        self.step = step

    def get_remaining_time_in_millis(self):
        self.seconds -= self.step
        return int(self.seconds * 1000)


def sqs_event(messages):
    """What Lambda hands over (its documentation, "Using Lambda with Amazon SQS"), of messages that were received."""
    return {
        "Records": [
            {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": {
                    "ApproximateReceiveCount": "1",
                    "SentTimestamp": "1763820000000",
                    "SequenceNumber": "18850496460449776640",
                    "MessageGroupId": "model-registry",
                    "SenderId": "AIDAIO23YVJENQZJOL4VO",
                    "MessageDeduplicationId": "1",
                    "ApproximateFirstReceiveTimestamp": "1763820000001",
                },
                "messageAttributes": {},
                "md5OfBody": hashlib.md5(message["Body"].encode()).hexdigest(),
                "eventSource": "aws:sqs",
                "eventSourceARN": QUEUE_ARN,
                "awsRegion": REGION,
            }
            for message in messages
        ]
    }


def scheduled_event(kind, time="2026-11-22T12:00:00Z"):
    """What a schedule of EventBridge sends."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT,
        "time": time,
        "region": REGION,
        "resources": [f"arn:aws:events:{REGION}:{ACCOUNT}:rule/wxgov-sync-agent-prod-{kind}-sweep"],
        "detail": {},
    }


class Chain:
    """Registry, queue and console of one connection, a function, and Lambda's part between queue and function."""

    def __init__(self, aws, console):
        self.aws, self.console = aws, console
        console.add_user("svc-owner", "owner@example.com")
        self.session = ConsoleSession(console.url)
        entity = self.session.create("SOXBusEntity", "Bank")
        self.queue = create_queue(aws.endpoint_url)
        login = {"api_key": "demo-api-key", "instance_id": "demo-instance", "token_url": console.url}
        endpoint = ConsoleEndpoint(console.url, "mcsp", login)
        self.connection = make_connection(
            self.queue.url, business_entity_id=entity, default_user="svc-owner", console=endpoint
        )
        self.sagemaker = self.client("sagemaker")
        self.sagemaker.create_model_package_group(ModelPackageGroupName="credit-risk")
        self.now = 0.0
        self.loads = 0
        self.function = Function(
            LambdaSettings("prod"),
            self.load,
            sqs_client=lambda service, _region: self.client(service),
            clock=lambda: self.now,
        )

    def client(self, service):
        return boto3.client(
            service,
            endpoint_url=self.aws.endpoint_url,
            region_name=REGION,
            aws_access_key_id=ACCOUNT,
            aws_secret_access_key="x",
        )

    def load(self, _settings):
        self.loads += 1
        return self.connection

    def package(self, group="credit-risk"):
        return self.sagemaker.create_model_package(ModelPackageGroupName=group)["ModelPackageArn"]

    def receive(self):
        return self.queue.client.receive_message(QueueUrl=self.queue.url, MaxNumberOfMessages=10).get("Messages", [])

    def poll(self, handle=None, context=None):
        """What Lambda's poller does: receive, invoke, delete all but the failures; these, and what was received."""
        messages = self.receive()
        answer = (handle or self.function.handle)(sqs_event(messages), context or Context())
        failed = {entry["itemIdentifier"] for entry in answer["batchItemFailures"]}
        for message in messages:
            if message["MessageId"] not in failed:
                self.queue.client.delete_message(QueueUrl=self.queue.url, ReceiptHandle=message["ReceiptHandle"])
        return failed, messages

    def models(self):
        """The ARNs of the console's models, one for each model."""
        rows = self.session.rows("SELECT [Integration:External ID] FROM [Model]")
        return sorted(value for (value,) in rows)


@pytest.fixture
def chain(aws, console, monkeypatch):
    for name in [name for name in os.environ if name.startswith(("AWS_", "WXGOV_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.endpoint_url)
    made = Chain(aws, console)
    yield made
    made.function._shut()


def test_a_batch_is_worked_through_and_the_connection_is_kept(chain):
    arns = [chain.package() for _number in range(3)]
    for arn in arns:
        chain.queue.send(event_body(arn, "create_model_package"))
        chain.queue.send(event_body(arn, "update_model_package"))
    failed, messages = chain.poll()
    assert (failed, len(messages)) == (set(), 6)
    assert chain.models() == sorted(arns)
    assert chain.queue.depth() == 0
    # One look at each key, however many messages name it; and nothing is written again.
    chain.queue.send(event_body(arns[0]))
    chain.queue.send(event_body(arns[0]))
    chain.aws.clear_calls()
    chain.console.clear_calls()
    assert chain.poll()[0] == set()
    assert chain.aws.calls()["sagemaker.DescribeModelPackage"] == 1
    assert chain.console.calls() == {"POST query": 1}
    assert chain.loads == 1
    chain.now += KEPT_SECONDS + 1
    chain.queue.send(event_body(arns[0]))
    chain.poll()
    assert chain.loads == 2


class Refusing:
    """A reconciler for which the console refuses some keys."""

    def __init__(self, reconciler, refused):
        self.reconciler, self.refused = reconciler, refused

    def reconcile(self, key):
        if key in self.refused:
            raise AgentError("the console refuses this one")
        return self.reconciler.reconcile(key)


def test_what_fails_comes_again_and_holds_nothing_else_up(chain):
    good, bad, last = chain.package(), chain.package(), chain.package()
    refused = {bad}

    def make(connection):
        runtime = make_runtime(connection)
        return replace(runtime, reconciler=Refusing(runtime.reconciler, refused))

    chain.function = Function(
        LambdaSettings("prod"), chain.load, make, sqs_client=lambda service, _region: chain.client(service)
    )
    for arn in (good, bad, last, bad):
        chain.queue.send(event_body(arn, "create_model_package"))
    failed, messages = chain.poll()
    assert failed == {messages[1]["MessageId"], messages[3]["MessageId"]}, "both that name it, and no other"
    assert chain.models() == sorted([good, last])
    refused.clear()
    chain.aws.advance(31)
    assert chain.poll()[0] == set()
    assert chain.models() == sorted([good, bad, last])
    assert chain.queue.depth() == 0


def test_what_cannot_be_read_is_put_aside_and_what_is_of_no_interest_is_dropped(chain):
    chain.queue.send("{no json")
    chain.queue.send(json.dumps({"source": "wxgov.sagemaker", "detail-type": "Keys To Look At", "detail": {}}))
    chain.queue.send((CHECKOUT / "tests" / "fixtures" / "events" / "failed_call.json").read_text())
    assert chain.poll()[0] == set()
    assert chain.queue.depth() == 0
    letters = {
        letter["Body"]: letter["MessageAttributes"]["Reason"]["StringValue"] for letter in chain.queue.dead_letters()
    }
    assert sorted(letters.values()) == ["a message of a sweep without keys", "it is not JSON"]
    assert letters["{no json"] == "it is not JSON"


def test_a_message_that_can_be_neither_read_nor_put_aside_comes_again(chain):
    chain.queue.send("{no json")
    chain.queue.client.delete_queue(QueueUrl=chain.queue.dead_letter_url)
    failed, messages = chain.poll()
    assert failed == {messages[0]["MessageId"]}


def test_keys_without_time_come_again(chain):
    arns = [chain.package() for _number in range(2)]
    for arn in arns:
        chain.queue.send(event_body(arn, "create_model_package"))
    failed, messages = chain.poll(context=Context(seconds=4.9))
    assert failed == {message["MessageId"] for message in messages}
    assert chain.models() == []


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ({"detail": {}}, "has no Records"),
        ({"Records": [{"messageId": "1"}]}, "lacks one of messageId"),
        (sqs_event([{"MessageId": "1", "ReceiptHandle": "h", "Body": "{}"}]), "correct the event source mapping"),
        ({**scheduled_event("full"), "resources": ["arn:aws:events:us-east-1:1:rule/nightly"]}, "none of the agent's"),
        ({**scheduled_event("full"), "time": "noon"}, "no time that can be read"),
    ],
)
def test_foreign_invocations_are_refused(chain, event, message):
    """Refused means raised: Lambda then keeps the messages."""
    if "Records" in event and "body" in event["Records"][0]:
        event = json.loads(json.dumps(event).replace("events.fifo", "other.fifo"))
    with pytest.raises(AgentError, match=message):
        chain.function.handle(event, Context())


def test_a_disabled_connection_is_left_alone(chain):
    chain.connection = replace(chain.connection, enabled=False)
    chain.queue.send(event_body(chain.package()))
    with pytest.raises(AgentError, match="sync_agent_lambda_enabled=false"):
        chain.poll()
    assert chain.models() == []


def test_sweeps_find_what_no_event_told_of_and_send_it_through_the_queue(chain):
    arns = [chain.package() for _number in range(12)]
    result = chain.function.handle(scheduled_event("full"), Context(900))
    assert result == {"sweep": "full_sweep", "listed": 13, "marked": 13}
    assert chain.models() == [], "a sweep only marks"
    while chain.queue.depth():
        messages = chain.receive()
        answer = chain.function.handle(sqs_event(messages), Context())
        assert answer == {"batchItemFailures": []}
        for message in messages:
            chain.queue.client.delete_message(QueueUrl=chain.queue.url, ReceiptHandle=message["ReceiptHandle"])
    assert chain.models() == sorted(arns)
    assert chain.function.handle(scheduled_event("full"), Context(900))["marked"] == 0

    # An incremental one asks for the last hour by the time of the schedule, not by the function's clock.
    past = chain.function.handle(scheduled_event("incremental", "2099-01-01T00:00:00Z"), Context(900))
    assert (past["sweep"], past["marked"]) == ("incremental_sweep", 0)
    recent = chain.function.handle(scheduled_event("incremental", "2000-01-01T00:00:00Z"), Context(900))
    assert recent["marked"] == 13


def test_incremental_sweeps_ask_the_console_for_what_people_changed(chain):
    status = {"MRG-AIFacts-ModelUseCase:Status": {"name": "Approved for Development"}}
    case = chain.session.create("Register", "Pricing", chain.connection.business_entity_id, **status)
    now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    chain.function.handle(scheduled_event("incremental", now), Context(900))
    failed, messages = chain.poll()
    assert failed == set()
    assert f"use-case:{case}" in {key for message in messages for key in json.loads(message["Body"])["detail"]["keys"]}
    groups = chain.sagemaker.list_model_package_groups()["ModelPackageGroupSummaryList"]
    assert len(groups) == 2, "an approved use case has a group in the registry"


def test_a_repeated_sweep_sends_nothing_twice(chain):
    chain.package()
    event = scheduled_event("full")
    for _attempt in range(2):
        chain.function.handle(event, Context(900))
    assert chain.queue.depth() == 2, "the group and its package"


def test_a_sweep_that_runs_out_of_time_fails_and_keeps_what_it_found(chain):
    chain.package()
    with pytest.raises(SweepUnfinishedError, match="What it found is in the queue"):
        chain.function.handle(scheduled_event("full"), Context(seconds=5.5, step=1))
    assert chain.queue.depth() == 2


def function_policies(queue_arn, dead_letters_arn):
    """The policies of the role, rendered as the role does it, for a connection with the function's own rights."""
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)
    environment.filters["to_json"] = json.dumps
    text = environment.from_string((BUILD.parents[1] / "templates" / "policies.json.j2").read_text()).render(
        sync_agent_lambda_queue_arn=queue_arn,
        sync_agent_lambda_login_secret_arns=[],
        sync_agent_lambda_assumed_role_arn="",
        sync_agent_lambda_name="wxgov-sync-agent-prod",
        __sync_agent_lambda_partition="aws",
        __sync_agent_lambda_place=f"{REGION}:{ACCOUNT}",
        __sync_agent_lambda_secret_arn=(
            f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:wxgov-sagemaker/connections/prod-??????"
        ),
    )
    return agent_policies(queue_arn, dead_letters_arn) | json.loads(text)


def test_with_its_policies_the_function_does_everything_and_without_one_it_fails(chain, monkeypatch):
    dead_letters_arn = QUEUE_ARN.replace("events.fifo", chain.queue.dead_letter_url.rsplit("/", 1)[1])
    policies = function_policies(QUEUE_ARN, dead_letters_arn)
    iam, role_arn = chain.client("iam"), f"arn:aws:iam::{ACCOUNT}:role/function"
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}
    document = {"Version": "2012-10-17", "Statement": [trust]}
    iam.create_role(RoleName="function", AssumeRolePolicyDocument=json.dumps(document))
    for name, policy in policies.items():
        iam.put_role_policy(RoleName="function", PolicyName=name, PolicyDocument=json.dumps(policy))
    SecretsStore(chain.client("secretsmanager")).save(replace(chain.connection, credentials=AmbientCredentials()))
    given = chain.client("sts").assume_role(RoleArn=role_arn, RoleSessionName="function")["Credentials"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", given["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", given["SecretAccessKey"])
    monkeypatch.setenv("AWS_SESSION_TOKEN", given["SessionToken"])
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    arn = chain.package()
    chain.queue.send("{no json")
    chain.aws.enforce_iam()
    chain.function = Function(LambdaSettings("prod"), lambda_handler._load)
    chain.function.handle(scheduled_event("full"), Context(900))
    assert chain.poll()[0] == set()
    assert chain.models() == [arn]
    assert len(chain.queue.dead_letters()) == 1
    judged = [one for one in chain.aws.judgements() if one.principal == role_arn]
    assert [one for one in judged if not one.allowed] == []
    assert {("sqs:SendMessage", QUEUE_ARN), ("sqs:SendMessage", dead_letters_arn)} <= {
        (one.action, one.resource) for one in judged
    }
    assert "secretsmanager:GetSecretValue" in {one.action for one in judged}

    iam.delete_role_policy(RoleName="function", PolicyName="wxgov-function")
    chain.package()
    with pytest.raises(botocore.exceptions.ClientError, match="AccessDenied"):
        chain.function.handle(scheduled_event("full"), Context(900))


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """The zip as the role builds it, with everything that the agent needs."""
    folder = tmp_path_factory.mktemp("zip")
    pack(folder / "source.zip")
    build(folder / "source.zip", FILES / "requirements.txt", folder / "function.zip")
    return folder / "function.zip"


def pack(target):
    source = CHECKOUT / "plugins" / "module_utils"
    command = [sys.executable, FILES / "pack.py", source, FILES / "requirements.txt", RUNTIME, target]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=120)


def build(source, requirements, target, runtime=RUNTIME):
    command = [sys.executable, BUILD, source, requirements, WHEELHOUSE, runtime, "x86_64", target]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_the_archive_is_all_that_the_function_needs(chain, archive, tmp_path):
    """In a Python that knows of nothing else, with its connection in Secrets Manager."""
    SecretsStore(chain.client("secretsmanager")).save(chain.connection)
    arn = chain.package()
    chain.queue.send(event_body(arn, "create_model_package"))
    environment = {
        "AWS_ENDPOINT_URL": chain.aws.endpoint_url,
        "AWS_ACCESS_KEY_ID": ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_DEFAULT_REGION": REGION,
        "WXGOV_CONNECTION": "prod",
    }
    subprocess.run([sys.executable, "-m", "zipfile", "-e", archive, tmp_path / "task"], check=True, timeout=120)
    program = (
        "import json, sys; sys.path.insert(0, sys.argv[1])\n"
        "from wxgov_sagemaker.agent.lambda_handler import handle\n"
        "class Context:\n"
        "    def get_remaining_time_in_millis(self): return 30000\n"
        "json.dump(handle(json.load(sys.stdin), Context()), sys.stdout)\n"
    )

    def handle(event, _context):
        command = [sys.executable, "-S", "-E", "-c", program, str(tmp_path / "task")]
        result = subprocess.run(
            command, input=json.dumps(event), capture_output=True, text=True, env=environment, check=False, timeout=120
        )
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)

    assert chain.poll(handle)[0] == set()
    assert chain.models() == [arn]


def test_the_same_input_makes_the_same_archive_and_an_unknown_wheel_makes_none(tmp_path):
    pack(tmp_path / "source.zip")
    (wheel,) = WHEELHOUSE.glob("six-*.whl")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    good, bad = tmp_path / "good.txt", tmp_path / "bad.txt"
    good.write_text(f"six==1.17.0 \\\n    --hash=sha256:{digest}\n")
    bad.write_text(f"six==1.17.0 \\\n    --hash=sha256:{'0' * 64}\n")
    for name in ("a.zip", "b.zip"):
        assert build(tmp_path / "source.zip", good, tmp_path / name).returncode == 0
        os.utime(wheel)  # times are no part of it
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    refused = build(tmp_path / "source.zip", bad, tmp_path / "c.zip")
    assert "has no wheel of six==1.17.0" in refused.stderr
    other = build(tmp_path / "source.zip", FILES / "requirements.txt", tmp_path / "d.zip", runtime="python3.99")
    assert "has no wheel of charset-normalizer" in other.stderr
