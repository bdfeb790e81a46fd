# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is there before the demo starts: a registry that has grown for a while, and a console with people in it.

Everything goes through the public APIs, as any data scientist's notebook would do it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import requests

ACCOUNT = "111122223333"
AGENT_ACCOUNT = "444455556666"
REGION = "us-east-1"
ENTITY = "SageMaker production"
USE_CASE = "Customer retention"
USE_CASE_STATUS = "MRG-AIFacts-ModelUseCase:Status"
APPROVED = "Approved for Development"
INSPECTOR_ROLE = "wxgov-inspector"
DEFAULT_USER = "governance.team"
PEOPLE = {"alice": "alice@example.com", "bob": "bob@example.com", DEFAULT_USER: "governance@example.com"}

GROUPS = (
    "churn-prediction",
    "Credit-Risk",
    "fraud-detection",
    "demand-forecast",
    "price-elasticity",
    "document-classifier",
    "next-best-action",
    "claims-triage",
    "sentiment",
    "anomaly-sensors",
    "lead-scoring",
    "image-quality",
)
VERSIONS_PER_GROUP = 5
_OWNERS = ("alice", "bob@example.com", "somebody.who.left", "")
_APPROVALS = ("Approved", "PendingManualApproval", "Rejected")
_LIFE_CYCLES = (
    None,
    {"Stage": "Development", "StageStatus": "InProgress", "StageDescription": "training"},
    {"Stage": "Development", "StageStatus": "Complete"},
    {"Stage": "Archived", "StageStatus": "Retired"},
)
_ALGORITHMS = ("XGBoost", "Random forest", "Transformer")


@dataclass(frozen=True)
class Sides:
    """Plain clients for the two sides, as an outsider has them."""

    sagemaker: Any
    console: ConsoleSession


class ConsoleSession:
    """The console's REST API through plain requests, written for the demo alone."""

    def __init__(self, url: str) -> None:
        self._base = f"{url}/opgrc/api/v2"
        self._session = requests.Session()
        self._session.trust_env = False  # the console is on this machine
        token = self._session.post(
            f"{url}/api/2.0/services/demo-instance/apikeys/token", json={"apikey": "demo-api-key"}, timeout=10
        )
        self._session.headers["Authorization"] = f"Bearer {token.json()['token']}"

    def create(self, type_name: str, name: str, parent: str | None = None, **fields: Any) -> str:
        """Create an object and return its id."""
        document = {
            "type_definition_id": type_name,
            "name": name,
            "title": name,
            "description": name,
            "fields": [{"name": key, "value": value} for key, value in fields.items()],
        }
        if parent:
            document["primary_parent_id"] = parent
        answer = self._session.post(f"{self._base}/contents", json=document, timeout=10)
        answer.raise_for_status()
        return answer.json()["id"]

    def get(self, object_id: str) -> dict[str, Any]:
        """Return an object with its fields as a plain dictionary; an enumeration is the name of its value."""
        answer = self._session.get(f"{self._base}/contents/{object_id}", timeout=10)
        answer.raise_for_status()
        document = answer.json()
        fields = {field["name"]: _plain(field["value"]) for field in document["fields"] if "value" in field}
        return {**document, "fields": fields}

    def update(self, object_id: str, document: dict[str, Any]) -> None:
        """Change an object; `document` is the request's body."""
        self._session.put(f"{self._base}/contents/{object_id}", json=document, timeout=10).raise_for_status()

    def rows(self, statement: str) -> list[list[Any]]:
        """Return all rows of a query as lists of values (None where there is none)."""
        rows: list[list[Any]] = []
        while True:
            document = {"statement": statement, "offset": len(rows), "limit": 100, "max_rows": 0}
            answer = self._session.post(f"{self._base}/query", json=document, timeout=10)
            answer.raise_for_status()
            page = answer.json()
            rows += [[_plain(field.get("value")) for field in row["fields"]] for row in page["rows"]]
            if "next" not in page:
                return rows


def _plain(value: Any) -> Any:
    return value["name"] if isinstance(value, dict) else value


def sagemaker_client(endpoint: str, account: str = ACCOUNT) -> Any:
    """A plain SageMaker client of an account: the emulator takes the account's number as access key."""
    return boto3.client(
        "sagemaker",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=account,
        aws_secret_access_key="emulated",
    )


def fill_registry(sagemaker: Any) -> None:
    """Register 12 groups with 5 versions each: approved or not, with and without card, owner and life cycle."""
    number = 0
    for group in GROUPS:
        described = {} if number % 2 else {"ModelPackageGroupDescription": f"Everything we know about {group}"}
        sagemaker.create_model_package_group(ModelPackageGroupName=group, **described)
        for version in range(1, VERSIONS_PER_GROUP + 1):
            sagemaker.create_model_package(**package_request(group, version, number))
            number += 1


def package_request(group: str, version: int, number: int) -> dict[str, Any]:
    """Return the CreateModelPackage request of the `number`-th package."""
    request: dict[str, Any] = {
        "ModelPackageGroupName": group,
        "ModelPackageDescription": f"{group}, training run {number}",
        "ModelApprovalStatus": _APPROVALS[number % len(_APPROVALS)],
    }
    life_cycle = _LIFE_CYCLES[number % len(_LIFE_CYCLES)]
    if life_cycle:
        request["ModelLifeCycle"] = life_cycle
    owner = _OWNERS[number % len(_OWNERS)]
    if owner:
        request["CustomerMetadataProperties"] = {"Owner": owner, "training-run": str(number)}
    if number % 3:
        request["ModelCard"] = model_card(_ALGORITHMS[version % len(_ALGORITHMS)])
    return request


def model_card(algorithm: str, status: str = "Draft") -> dict[str, str]:
    """Return a small model card."""
    content = {
        "model_overview": {"algorithm_type": algorithm, "problem_type": "Binary classification"},
        "training_details": {"training_observations": f"{algorithm} on the nightly extract"},
    }
    return {"ModelCardContent": json.dumps(content), "ModelCardStatus": status}


def fill_console(console: ConsoleSession) -> str:
    """Create the root business entity and an approved use case under it; return the entity's id.

    The use case has no models yet: the synchronisation gives it a model package group with a first package.
    """
    entity = console.create("SOXBusEntity", ENTITY)
    console.create("Register", USE_CASE, entity, **{USE_CASE_STATUS: {"name": APPROVED}})
    return entity


def create_inspector(endpoint: str, policies: Path, account: str = ACCOUNT) -> None:
    """Create the role with which the preflight looks and probes, with the two policies that the playbook ships."""
    iam = boto3.client(
        "iam",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=account,
        aws_secret_access_key="emulated",
    )
    agent = {"AWS": f"arn:aws:iam::{AGENT_ACCOUNT}:root"}
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": agent, "Action": "sts:AssumeRole"}],
    }
    iam.create_role(RoleName=INSPECTOR_ROLE, AssumeRolePolicyDocument=json.dumps(trust))
    for name in ("inspector-policy", "probe-policy"):
        document = (policies / f"{name}.json").read_text()
        iam.put_role_policy(RoleName=INSPECTOR_ROLE, PolicyName=name, PolicyDocument=document)
