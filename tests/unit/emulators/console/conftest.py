# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plain HTTP client of the emulated console, logged in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.emulators.console.server import ConsoleEmulator


class Api:
    """The API as a test speaks to it. Shapes are those of the answers; nothing of the product is used."""

    def __init__(self, emulator: ConsoleEmulator, session: requests.Session) -> None:
        self.emulator = emulator
        self.session = session
        self.base = f"{emulator.url}/opgrc/api/v2"

    def log_in(self) -> None:
        """Get a token, and use it from now on."""
        answer = self.session.post(
            f"{self.emulator.url}/api/2.0/services/demo-instance/apikeys/token", json={"apikey": "demo-api-key"}
        )
        self.session.headers["Authorization"] = f"Bearer {answer.json()['token']}"

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        """Send one request to a path below /v2."""
        return self.session.request(method, f"{self.base}/{path}", allow_redirects=False, timeout=10, **options)

    def control(self, method: str, path: str, body: Any = None) -> requests.Response:
        """Use the control surface."""
        return self.session.request(method, f"{self.emulator.url}/_emulator/{path}", json=body, timeout=30)

    def create(self, type_name: str, name: str, parent: str | None = None, **values: Any) -> dict[str, Any]:
        """Create an object and return it. ``fields`` is a mapping here."""
        fields = [{"name": key, "value": value} for key, value in values.pop("fields", {}).items()]
        body = {"type_definition_id": type_name, "name": name, "primary_parent_id": parent, "fields": fields, **values}
        answer = self.call("POST", "contents", json=body)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def get(self, object_id: str) -> dict[str, Any]:
        """Return an object."""
        answer = self.call("GET", f"contents/{object_id}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def query(self, statement: str, **options: Any) -> dict[str, Any]:
        """Return one page of a statement's answer."""
        answer = self.call("POST", "query", json={"statement": statement, **options})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def rows(self, statement: str, **options: Any) -> list[tuple[Any, ...]]:
        """Return the values of one page's rows; None where a cell has no value."""
        return [
            tuple(cell.get("value") for cell in row["fields"])
            for row in self.query(statement, limit=500, **options)["rows"]
        ]

    def refused(self, statement: str, **options: Any) -> str:
        """Return the message with which a statement is refused."""
        answer = self.call("POST", "query", json={"statement": statement, **options})
        assert answer.status_code == 400, answer.text
        return str(answer.json()["message"])


@pytest.fixture
def api(console: ConsoleEmulator) -> Iterator[Api]:
    """A client that is logged in to an empty console, with its counters at zero."""
    with requests.Session() as session:
        session.trust_env = False
        client = Api(console, session)
        client.log_in()
        console.clear_calls()
        yield client


@pytest.fixture
def tree(api: Api) -> dict[str, str]:
    """One object of each level; ids by level."""
    entity = api.create("SOXBusEntity", "SageMaker Prod")["id"]
    use_case = api.create("Register", "Churn", entity)["id"]
    group = api.create("ModelGroup", "churn", use_case)["id"]
    model = api.create("Model", "churn-v1", group)["id"]
    return {"entity": entity, "use_case": use_case, "group": group, "model": model}


def field_of(item: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a field of an object's list."""
    return next(field for field in item["fields"] if field["name"] == name)
