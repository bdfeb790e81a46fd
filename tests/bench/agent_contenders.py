# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom the agent is measured against: `python -m tests.bench.agent_contenders naive QUEUE CONSOLE`.

``naive`` is what one writes in an afternoon: receive one message, describe its package, look the object up, write it,
delete the message. ``null`` receives ten and deletes ten and does nothing else: the queue at its quickest. Both run
until they are ended.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import boto3
import requests

API = "opgrc/api/v2"


def null(queue_url: str) -> None:
    """Only take the messages away."""
    sqs = boto3.client("sqs")
    while True:
        answer = sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=20)
        entries = [
            {"Id": str(place), "ReceiptHandle": message["ReceiptHandle"]}
            for place, message in enumerate(answer.get("Messages", []))
        ]
        if entries:
            sqs.delete_message_batch(QueueUrl=queue_url, Entries=entries)


def naive(queue_url: str, console_url: str) -> None:
    """One message after the other."""
    sqs, sagemaker, session = boto3.client("sqs"), boto3.client("sagemaker"), requests.Session()
    login = f"{console_url}/api/2.0/services/demo-instance/apikeys/token"
    token = session.post(login, json={"apikey": "demo-api-key"}, timeout=30).json()["token"]
    session.headers["Authorization"] = f"Bearer {token}"
    types = session.get(f"{console_url}/{API}/types", timeout=30).json()["types"]
    type_id = next(kind["id"] for kind in types if kind["name"] == "Model")
    while True:
        answer = sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=1, WaitTimeSeconds=20)
        for message in answer.get("Messages", []):
            arn = json.loads(message["Body"])["detail"]["requestParameters"]["modelPackageArn"]
            package = sagemaker.describe_model_package(ModelPackageName=arn)
            write(session, f"{console_url}/{API}", type_id, package)
            sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])


def write(session: requests.Session, api: str, type_id: str, package: dict[str, Any]) -> None:
    """Look the object of a package up and write it."""
    arn = package["ModelPackageArn"]
    where = f"[Integration:External ID] = '{arn}'"
    query = {"statement": f"SELECT [Resource ID], [Name], [Title] FROM [Model] WHERE {where}", "limit": 500}
    found = session.post(f"{api}/query", json=query, timeout=30)
    found.raise_for_status()
    number, name, title = (cell["value"] for cell in found.json()["rows"][0]["fields"])
    body = {"type_definition_id": type_id, "name": name, "title": title, "fields": []}
    body["description"] = f"{package['ModelPackageDescription']} {package['ApprovalDescription']}"
    session.put(f"{api}/contents/{number}", json=body, timeout=30).raise_for_status()


if __name__ == "__main__":
    {"naive": naive, "null": null}[sys.argv[1]](*sys.argv[2:])
