# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The conformance run itself: the emulator passes it, other consoles do not, and it leaves nothing behind or told."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
from collections.abc import Callable
from typing import Any, cast

import pytest

from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.client import connect
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.transport import Transport
from tests.console_conformance.cli import main
from tests.console_conformance.emulated import furnish, target_at
from tests.console_conformance.facts import Surroundings, look_at
from tests.console_conformance.report import Report, by_outcome, scrub, to_json, to_table
from tests.console_conformance.runner import FACTS, run
from tests.emulators.console.server import ConsoleEmulator

CHECKOUT = pathlib.Path(__file__).resolve().parents[3]


@pytest.fixture
def furnished(console: ConsoleEmulator) -> ConsoleEmulator:
    furnish(console.url)
    console.clear_calls()
    return console


def objects(console: ConsoleEmulator) -> list[tuple[str, str]]:
    return sorted((found["id"], found["modified_date"]) for found in console.objects())


def written(console: ConsoleEmulator) -> dict[str, int]:
    verbs = ("POST contents", "PUT contents", "DELETE contents")
    return {name: count for name, count in console.calls().items() if name.startswith(verbs)}


def test_the_emulator_is_as_the_client_expects_and_keeps_what_it_had(furnished: ConsoleEmulator) -> None:
    before = objects(furnished)
    report = run(target_at(furnished.url), write=True)
    assert [(found.name, found.seen) for found in report.findings if found.outcome != "agrees"] == []
    assert report.conforms
    assert objects(furnished) == before
    assert {*report.calls} >= {"POST query", "POST contents", "PUT contents", "DELETE contents", "GET scim/Users"}


def test_without_write_nothing_is_written(furnished: ConsoleEmulator) -> None:
    report = run(target_at(furnished.url), write=False)
    assert written(furnished) == {}
    assert report.conforms
    assert by_outcome(report.findings, "skipped") == [one.name for one in FACTS if one.writes]


def test_an_empty_console_has_nothing_to_try_on_but_conforms(console: ConsoleEmulator) -> None:
    report = run(target_at(console.url), write=False)
    assert report.conforms
    assert "join_orientation" in by_outcome(report.findings, "skipped")


@pytest.mark.parametrize(
    ("switches", "differing", "failing"),
    [
        ({"in_operator": False}, ["in_operator"], []),
        ({"put_clears_description": False}, ["description_left_out"], []),
        ({"max_limit": 100}, ["page_of_500"], []),
        ({"post_existing": "error"}, [], []),
        ({"query_enum_shape": "string", "association_status": 202}, [], []),
        # A 404 that says nothing in JSON may be anybody's: it is never taken for "there is no such object".
        ({"error_shape": "text"}, [], ["unknown_type", "unknown_object"]),
        ({"model_group_type": "AwsGroup"}, [], []),
        ({"model_group_type": None}, [], ["model_group_type", "sync_fields", "associations", "moving"]),
    ],
)
def test_a_console_that_is_otherwise_is_found_out(
    switches: dict[str, Any], differing: list[str], failing: list[str], console: ConsoleEmulator
) -> None:
    console.switch(**switches)
    furnish(console.url)
    report = run(target_at(console.url), write=True)
    assert (by_outcome(report.findings, "differs"), by_outcome(report.findings, "error")) == (differing, failing)
    assert report.conforms is not bool(differing or failing)
    assert report.left_behind == ()


def test_what_cannot_be_removed_is_named(furnished: ConsoleEmulator) -> None:
    furnished.fault("status", "DELETE", "contents", status=500, times=None)
    report = run(target_at(furnished.url), write=True)
    assert not report.conforms
    assert any(text.startswith("Model ") and "(wxgov-conformance-" in text for text in report.left_behind)
    assert "remove it by hand" in to_table(report, ())


def test_what_was_made_without_an_answer_is_removed_too(furnished: ConsoleEmulator) -> None:
    before = objects(furnished)
    furnished.fault("lost_response", "POST", "contents", times=1)
    report = run(target_at(furnished.url), write=True)
    assert by_outcome(report.findings, "error") == ["create"]
    assert report.left_behind == ()
    assert objects(furnished) == before


def test_the_command_writes_a_report_without_secrets(furnished: ConsoleEmulator, tmp_path: pathlib.Path) -> None:
    report = tmp_path / "report.json"
    command = [sys.executable, "-m", "tests.console_conformance", "--url", furnished.url, "--instance-id"]
    command += ["demo-instance", "--token-url", furnished.url, "--user", "svc", "--write", "--report", str(report)]
    done = subprocess.run(
        command,
        cwd=CHECKOUT,
        env={**os.environ, "CONSOLE_API_KEY": "demo-api-key"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    document = json.loads(report.read_text())
    assert document["conforms"] is True
    assert document["counts"] == {"agrees": len(FACTS), "differs": 0, "error": 0, "skipped": 0}
    assert all(found["fact"] and found["source"] and found["needed_for"] for found in document["findings"])
    for text in (report.read_text(), done.stdout, done.stderr):
        for private in ("demo-api-key", "demo-instance", furnished.url, "@example.com"):
            assert private not in text.replace("user@example.com", "")


def test_exit_statuses(furnished: ConsoleEmulator, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    for name, value in target_at(furnished.url).auth_options.items():
        monkeypatch.setenv(f"CONSOLE_{name.upper()}", value)
    report = tmp_path / "report.json"
    assert main(["--report", str(report)]) == 2
    assert main(["--url", furnished.url, "--auth-method", "saml"]) == 2
    assert main(["--url", furnished.url, "--report", str(report)]) == 0
    furnished.switch(max_limit=100)
    assert main(["--url", furnished.url, "--report", str(report)]) == 1
    monkeypatch.setenv("CONSOLE_API_KEY", "secret-wrong")
    assert main(["--url", furnished.url, "--report", str(report)]) == 2
    assert "secret-wrong" not in report.read_text()


def test_an_answer_of_another_shape_is_a_difference_and_no_crash(furnished: ConsoleEmulator) -> None:
    furnished.fault("html", "POST", "query", times=None)
    report = run(target_at(furnished.url), write=True)
    assert "query" in by_outcome(report.findings, "error")
    assert report.left_behind == ()
    assert to_json(report, ())


class Altered:
    """A transport whose answers are altered on their way back."""

    def __init__(self, transport: Any, alter: Callable[[str, str, Any], Any]) -> None:
        self._transport = transport
        self._alter = alter

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def request(self, method: str, path: str, call: str, **more: Any) -> Any:
        statement = (more.get("body") or {}).get("statement", path)
        return self._alter(call, statement, self._transport.request(method, path, call, **more))


def cells_altered(
    change: Callable[[dict[str, Any]], object], beginning: str = "SELECT"
) -> Callable[[str, str, Any], Any]:
    """Change each row of the queries that begin so."""

    def alter(call: str, statement: str, answer: Any) -> Any:
        if call == "POST query" and statement.startswith(beginning):
            for row in answer["rows"]:
                change(row)
        return answer

    return alter


STATUSES = "SELECT [MRG-Model:Status]"


def set_cell(place: int, value: object) -> Callable[[dict[str, Any]], object]:
    return lambda row: row["fields"][place].update(value=value)


def without_parents(call: str, _statement: str, answer: Any) -> Any:
    if call == "GET contents/associations":
        return {"associations": [entry for entry in answer["associations"] if entry["type"] == "child"]}
    return answer


def always_in_one_order(_call: str, statement: str, answer: Any) -> Any:
    if statement.startswith("SELECT [Name], [Resource ID] FROM"):
        for row in answer["rows"]:
            row["fields"].reverse()
    return answer


@pytest.mark.parametrize(
    ("name", "alter", "words"),
    [
        ("query", always_in_one_order, "not in the order of the columns"),
        ("query", cells_altered(lambda row: row["fields"].pop()), "more or fewer cells"),
        ("cells", cells_altered(set_cell(0, {"id": 7}), STATUSES), "is object with id"),
        ("cells", cells_altered(set_cell(1, 5), STATUSES), "MRG-Model:Model Owner is int"),
        ("cells", cells_altered(set_cell(2, "02/03/2026"), STATUSES), "which is not an ISO 8601 time"),
        ("extensions", cells_altered(set_cell(1, "Bank.txt")), "in the row 'Bank.txt'"),
        ("children", without_parents, "has another parent"),
        ("location", cells_altered(set_cell(2, "/_op_sox/Elsewhere/Churn.txt")), "is not found by the last folder"),
    ],
)
def test_what_is_only_rarely_otherwise_is_found_out_too(
    name: str, alter: Callable[[str, str, Any], Any], words: str, furnished: ConsoleEmulator
) -> None:
    target = target_at(furnished.url)
    client = connect(target.url, auth_method=target.auth_method, auth_options=target.auth_options)
    client.types()
    client.transport = cast(Transport, Altered(client.transport, alter))
    (one,) = [fact for fact in FACTS if fact.name == name]
    found = look_at(one, Surroundings(client, target.settings, target.user, "mark"))
    assert (found.outcome, found.needed_for) == ("differs", one.needed_for)
    assert words in found.seen
    report = Report("now", "0.1.0", False, {}, (), (found,))
    assert f"needed for: {one.needed_for}" in to_table(report, ())
    client.close()


def test_what_is_private_does_not_leave_the_house() -> None:
    text = 'key s"ecret at https://console.bank.example:8443/opgrc, j.doe@bank.example, eyJhbGciOi.eyJzdWIi.c2ln'
    cleaned = scrub(text, ['s"ecret'])
    assert cleaned == "key ******** at https://CONSOLE/opgrc, user@example.com, ********"
    assert 's\\"ecret' not in scrub(json.dumps(text), ['s"ecret'])
