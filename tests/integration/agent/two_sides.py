# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""A registry and a console, both emulated, a queue between them, and somebody who changes the registry all the time.

What the agent's own world (see `support.World`) cannot show: that the real synchronisation neither loses nor doubles
anything, whatever happens to agent, network and services. Every change is told to the queue once, as CloudTrail and
EventBridge would; what the console must hold is read off the registry, in the plainest way.
"""

from __future__ import annotations

import json
import random
from typing import Any

import boto3

from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.model import (
    AccessKey,
    Connection,
    ConsoleEndpoint,
)
from tests.demo.scenario import ConsoleSession
from tests.emulators.aws.server import AwsEmulator
from tests.emulators.console.server import ConsoleEmulator
from tests.integration.agent.support import ACCOUNT, REGION, create_queue, event_body, make_connection

GROUPS, ENTITY = 3, "Bank"


class TwoSides:
    """Changes of the registry, and what is to be seen of them in the console. Everything random comes from ``seed``.

    ``account`` is the registry's, ``name`` that of the connection.
    """

    def __init__(
        self, aws: AwsEmulator, console: ConsoleEmulator, seed: int, account: str = ACCOUNT, name: str = "prod"
    ) -> None:
        self.aws, self.console = aws, console
        self.account, self.name = account, name
        self.chance = random.Random(seed)
        self.session = ConsoleSession(console.url)
        console.add_user("svc-owner", "owner@example.com")
        self.entity = self.session.create("SOXBusEntity", f"{ENTITY} {name}")
        self.queue = create_queue(aws.endpoint_url, name, account=account)
        self.sagemaker = boto3.client(
            "sagemaker",
            endpoint_url=aws.endpoint_url,
            region_name=REGION,
            aws_access_key_id=account,
            aws_secret_access_key="x",
        )
        self.packages: list[str] = []
        self.deleted: list[str] = []
        self.changes = 0
        for number in range(GROUPS):
            self.sagemaker.create_model_package_group(ModelPackageGroupName=f"group-{number}")

    def connection(self, **changes: Any) -> Connection:
        login = {"api_key": "demo-api-key", "instance_id": "demo-instance", "token_url": self.console.url}
        values: dict[str, Any] = {
            "business_entity_id": self.entity,
            "name": self.name,
            "account_id": self.account,
            "credentials": AccessKey(self.account, "not-so-secret-4711"),
            "business_entity_name": f"{ENTITY} {self.name}",
            "default_user": "svc-owner",
            "console": ConsoleEndpoint(self.console.url, "mcsp", login),
        }
        return make_connection(self.queue.url, **{**values, **changes})

    def change(self) -> None:
        """One change of the registry and its event: mostly an approval, now and then a new or a deleted package."""
        kind = self.chance.random()
        if len(self.packages) < 6 or kind < 0.2:
            self.register()
        elif kind < 0.25:
            self.changes += 1
            arn = self.packages.pop(self.chance.randrange(len(self.packages)))
            self.sagemaker.delete_model_package(ModelPackageName=arn)
            self.deleted.append(arn)
            self._tell(arn, "delete_model_package")
        else:
            self.decide(self.chance.choice(self.packages))

    def register(self, tell: bool = True) -> str:
        """A new package, with its event or (``tell``) without; its ARN."""
        self.changes += 1
        group = f"group-{self.chance.randrange(GROUPS)}"
        arn: str = self.sagemaker.create_model_package(
            ModelPackageGroupName=group, ModelPackageDescription=f"change {self.changes}"
        )["ModelPackageArn"]
        self.packages.append(arn)
        if tell:
            self._tell(arn, "create_model_package")
        return arn

    def decide(self, arn: str, tell: bool = True) -> None:
        """An approval or a rejection, with its event or (``tell``) without."""
        self.changes += 1
        self.sagemaker.update_model_package(
            ModelPackageArn=arn,
            ModelApprovalStatus=self.chance.choice(("Approved", "Rejected")),
            ApprovalDescription=f"note {self.changes}.",
        )
        if tell:
            self._tell(arn, "update_model_package")

    def _tell(self, arn: str, event: str) -> None:
        self.queue.send(event_body(arn, event).replace(ACCOUNT, self.account))

    def hidden(self) -> int:
        """Messages in flight."""
        names = ["ApproximateNumberOfMessagesNotVisible"]
        answer = self.queue.client.get_queue_attributes(QueueUrl=self.queue.url, AttributeNames=names)
        return int(answer["Attributes"][names[0]])

    def differences(self) -> list[str]:
        """What is lost, doubled or old in the console."""
        found: dict[str, list[str]] = {}
        for object_id, arn in self.session.rows("SELECT [Resource ID], [Integration:External ID] FROM [Model]"):
            if f":{self.account}:" in arn:
                found.setdefault(arn, []).append(object_id)
        wrong = [f"{arn} is there {len(ids)} times" for arn, ids in found.items() if len(ids) != 1]
        wrong += [f"{arn} is of no package" for arn in found if arn not in {*self.packages, *self.deleted}]
        for arn in self.packages:
            package = self.sagemaker.describe_model_package(ModelPackageName=arn)
            note = package.get("ApprovalDescription") or package["ModelPackageDescription"]
            text = self._text(found.get(arn, []))
            if note not in text:
                wrong.append(f"{arn} lacks {note!r}: {text[:200]}")
        # One that was made and deleted before anybody looked was never there, and need not be.
        wrong += [f"{arn} is not decommissioned" for arn in self.deleted if arn in found and not self._gone(found[arn])]
        groups = [arn for (arn,) in self.session.rows("SELECT [Integration:External ID] FROM [ModelGroup]")]
        return wrong + [f"{arn} is there more than once" for arn in set(groups) if groups.count(arn) > 1]

    def _gone(self, object_ids: list[str]) -> bool:
        return "Decommissioned" in self._text(object_ids)

    def _text(self, object_ids: list[str]) -> str:
        return json.dumps([self.session.get(object_id) for object_id in object_ids])

    def close(self) -> None:
        self.sagemaker.close()
