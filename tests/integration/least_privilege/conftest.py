# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""An agent that has only what the role aws_access grants, between the two emulators, permissions enforced."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest

from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.intake import Intake
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.journal import Journal
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.queue import EventQueue
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.status import Counters
from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.model import (
    AssumeRole,
    Connection,
    ConsoleEndpoint,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.service import make_runtime
from tests.demo.scenario import ConsoleSession
from tests.emulators.aws.access import Judgement
from tests.emulators.aws.server import AwsEmulator
from tests.emulators.console.server import ConsoleEmulator
from tests.integration.agent.support import event_body
from tests.integration.least_privilege.grants import Policies

ACCOUNT, AGENT_ACCOUNT, STRANGER = "111122223333", "444455556666", "777788889999"
REGION = "us-east-1"
ROLE, EXTERNAL_ID = "Aws_Sagemaker_Sqs_Cross_Account_Role", "one-external-id"
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/{ROLE}"
QUEUE, DEAD_LETTERS = "wxgov-sagemaker-alpha.fifo", "wxgov-sagemaker-alpha-dlq.fifo"
QUEUE_ARN, DEAD_LETTERS_ARN = (f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}" for name in (QUEUE, DEAD_LETTERS))
POISON = "no event at all"


@dataclass
class Agent:
    """The agent's parts in this process, and both sides of its connection as their owners see them."""

    emulator: AwsEmulator
    console_url: str
    console: ConsoleSession
    entity: str
    folder: pathlib.Path
    queue_url: str = ""
    problems: list[str] = field(default_factory=list)

    def root(self, service: str, account: str = ACCOUNT) -> Any:
        """A client as the root of an account, for whom no permission is asked."""
        return boto3.client(
            service,
            endpoint_url=self.emulator.endpoint_url,
            region_name=REGION,
            aws_access_key_id=account,
            aws_secret_access_key="x",
        )

    def assume(self, **external_id: str) -> Any:
        """A session of the role, taken on by the agent's user with this ExternalId or none."""
        sts = boto3.session.Session().client("sts")
        given = sts.assume_role(RoleArn=ROLE_ARN, RoleSessionName="agent", **external_id)["Credentials"]
        return boto3.session.Session(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], REGION)

    @property
    def connection(self) -> Connection:
        login = {"api_key": "demo-api-key", "instance_id": "demo-instance", "token_url": self.console_url}
        return Connection(
            name="alpha",
            business_entity_id=self.entity,
            business_entity_name="Bank",
            default_user="svc",
            account_id=ACCOUNT,
            region=REGION,
            credentials=AssumeRole(ROLE_ARN, EXTERNAL_ID),
            queue_url=self.queue_url,
            console=ConsoleEndpoint(self.console_url, "mcsp", login),
        )

    def work(self) -> None:
        """Everything the agent ever does with AWS. A step that fails is noted, and the next one is begun."""
        runtime = make_runtime(self.connection)
        journal = Journal(self.folder / "journal.db")
        queue = EventQueue(runtime.sqs_client, self.queue_url, wait_seconds=0)
        intake = Intake(self.connection, queue, journal, Counters(), on_outage=lambda _seconds: None)

        def mark(keys: Any) -> None:
            journal.mark_dirty("alpha", keys)

        def reconcile_all() -> None:
            while (lease := journal.take("alpha")) is not None:
                journal.done(lease)
                self.attempt(lambda key=lease.key: runtime.reconciler.reconcile(key))

        try:
            self.attempt(lambda: runtime.sweeper.full_sweep(mark))
            reconcile_all()
            self.attempt(intake.turn)
            reconcile_all()
            case = self.decide()
            self.attempt(lambda: runtime.reconciler.reconcile(f"use-case:{case}"))
            self.attempt(lambda: runtime.sweeper.full_sweep(mark))
            reconcile_all()
        finally:
            runtime.close()
            journal.close()

    def decide(self) -> str:
        """What people do next: each model in the console gets another status, and a use case is approved there.

        Somebody has just made a model package group of the use case's name, so it has to get another. Returns its id.
        """
        self.root("sagemaker").create_model_package_group(ModelPackageGroupName="pricing")
        status = {"MRG-AIFacts-ModelUseCase:Status": {"name": "Approved for Development"}}
        for (object_id,) in self.console.rows("SELECT [Resource ID] FROM [Model]"):
            name = self.console.get(object_id)["name"]
            fields = [{"name": "MRG-Model:Status", "value": {"name": "Model Definition"}}]
            body = {"name": name, "title": name, "description": name, "fields": fields}
            url = f"{self.console_url}/opgrc/api/v2/contents/{object_id}"
            self.console._session.put(url, json=body, timeout=10).raise_for_status()
        return self.console.create("Register", "Pricing", self.entity, **status)

    def attempt(self, step: Callable[[], object]) -> None:
        try:
            step()
        except Exception as error:  # whatever the agent's own loops would log and try again
            self.problems.append(str(error))

    def judged(self) -> list[Judgement]:
        """What was decided about the agent's role."""
        return [one for one in self.emulator.judgements() if one.principal == ROLE_ARN]

    def registered(self) -> list[str]:
        """The ARNs in the registry, groups first."""
        sagemaker = self.root("sagemaker")
        groups = sagemaker.list_model_package_groups()["ModelPackageGroupSummaryList"]
        packages = sagemaker.list_model_packages(ModelPackageType="Versioned")["ModelPackageSummaryList"]
        return [
            *sorted(group["ModelPackageGroupArn"] for group in groups),
            *sorted(package["ModelPackageArn"] for package in packages),
        ]

    def models(self) -> list[str]:
        """The ARNs in the console, groups first."""
        return [
            arn
            for kind in ("ModelGroup", "Model")
            for (arn,) in sorted(self.console.rows(f"SELECT [Integration:External ID] FROM [{kind}]"))
        ]


def let_in(agent: Agent, policies: Policies) -> None:
    """Make the role as the role aws_access makes it, with these policies."""
    iam = agent.root("iam")
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": [f"arn:aws:iam::{AGENT_ACCOUNT}:root"]},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"sts:ExternalId": EXTERNAL_ID}},
    }
    trust = {"Version": "2012-10-17", "Statement": [statement]}
    iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(trust))
    for name, policy in policies.items():
        if policy["Statement"]:
            iam.put_role_policy(RoleName=ROLE, PolicyName=name, PolicyDocument=json.dumps(policy))


def make_queues(agent: Agent) -> None:
    """The connection's queue and the one behind it."""
    sqs = agent.root("sqs")
    fifo = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
    sqs.create_queue(QueueName=DEAD_LETTERS, Attributes=fifo)
    redrive = json.dumps({"deadLetterTargetArn": DEAD_LETTERS_ARN, "maxReceiveCount": 5})
    agent.queue_url = sqs.create_queue(QueueName=QUEUE, Attributes={**fifo, "RedrivePolicy": redrive})["QueueUrl"]


def fill(agent: Agent) -> list[str]:
    """A group with two versions, an event about each of them, and a message that is none; all ARNs, groups first."""
    sagemaker, sqs = agent.root("sagemaker"), agent.root("sqs")
    group = sagemaker.create_model_package_group(ModelPackageGroupName="fraud")["ModelPackageGroupArn"]
    packages = [sagemaker.create_model_package(ModelPackageGroupName="fraud")["ModelPackageArn"] for _unused in "12"]
    for body in (*(event_body(arn) for arn in packages), POISON):
        sqs.send_message(QueueUrl=agent.queue_url, MessageBody=body, MessageGroupId="registry")
    return [group, *packages]


@pytest.fixture
def agent(aws: AwsEmulator, console: ConsoleEmulator, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Agent:
    """An agent of another account, whose user may do one thing: take the role on. Permissions are enforced."""
    session = ConsoleSession(console.url)
    made = Agent(aws, console.url, session, session.create("SOXBusEntity", "Bank"), tmp_path)
    iam = made.root("iam", AGENT_ACCOUNT)
    iam.create_user(UserName="agent")
    allowed = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": ROLE_ARN}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_user_policy(UserName="agent", PolicyName="agent", PolicyDocument=document)
    key = iam.create_access_key(UserName="agent")["AccessKey"]
    for name, value in {
        "AWS_ENDPOINT_URL": aws.endpoint_url,
        "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
        "AWS_DEFAULT_REGION": REGION,
    }.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_CA_BUNDLE", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    aws.enforce_iam()
    return made
