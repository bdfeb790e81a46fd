# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent's commands over the same files as the agent, which runs or not."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import shutil
import signal
import sys
import threading
import time

import pytest
import yaml

from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.cli import main
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.journal import Journal
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.tables import columns, duration
from tests.harness.playbook import run_playbook
from tests.integration.agent.conftest import end
from tests.integration.agent.support import ACCOUNT, REGION, event_body, package_arn, sqs_client, wait_until

CHECKOUT = pathlib.Path(__file__).resolve().parents[3]
ARN, OTHER = package_arn("credit-risk", 1), package_arn("credit-risk", 2)


@pytest.fixture
def run(home, capsys, monkeypatch):
    """A command in this process, which costs no start of Python; its exit code, output and errors."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", home.emulator.endpoint_url)

    def command(*arguments):
        code = main([*arguments, "--config", str(home.config)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return command


@pytest.fixture
def journal(home):
    """The journal of an agent that is not running."""
    home.state.mkdir()
    opened = Journal(home.state / "state.db")
    yield opened
    opened.close()


def person(monkeypatch):
    """Let the next command think that a person reads its output."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)


def test_check_config_names_the_connections_and_what_is_wrong_with_them(home, run):
    home.connect("first")
    home.connect("second", enabled=False)
    home.connect("third")
    home.configure(connections=["first", "second", "fourth"])
    code, out, error = run("check-config")
    assert (code, out) == (1, "first: enabled\nsecond: disabled\nthird: enabled, another agent's share\n")
    assert error.startswith("fourth: There is no such connection in ")
    home.configure()
    assert run("check-config")[0] == 0
    (home.store.path / "second.json").write_text("{")
    code, out, error = run("check-config")
    assert (code, out) == (1, "first: enabled\nthird: enabled\n")
    assert "second.json cannot be used" in error


def test_status_and_stop_tell_when_no_agent_runs(home, run):
    code, out, _error = run("status")
    assert (code, json.loads(out)["running"]) == (3, False)
    assert run("stop")[0] == 0


def test_status_is_a_table_for_people_and_json_for_others(home, run, monkeypatch):
    home.connect()
    home.connect("cannot", description="cannot start")
    home.connect("theirs")
    home.configure(connections=["prod", "cannot"])
    agent = home.start()
    wait_until(lambda: home.connection().get("state") == "running")
    wait_until(lambda: home.connection("cannot").get("state") == "failing")
    code, out, _error = run("status")
    found = json.loads(out)
    assert (code, found["running"], found["pid"], found["state"]) == (0, True, agent.pid, "running")
    assert found["status"]["connections"]["prod"]["dirty"] == 0
    person(monkeypatch)
    _code, out, _error = run("status")
    lines = out.splitlines()
    assert lines[0] == f"The agent runs with pid {agent.pid}: running."
    assert lines[1].split() == ["CONNECTION", "STATE", "DIRTY", "FAILING", "PARKED", "LAG", "LAST", "SUCCESS"] + [
        "LAST",
        "ERROR",
    ]
    assert "no route to the console" in lines[2]
    assert lines[3].split() == ["prod", "running", "0", "0", "0", "0", "s", "never"]
    assert lines[4] == "Stands by for: theirs."
    assert end(agent) == 0


def test_dirty_lists_what_waits_and_why(home, run, journal, monkeypatch):
    journal.mark_dirty("prod", [ARN, OTHER])
    failing = journal.take("prod")
    journal.failed(failing, "the console does not answer")
    found = json.loads(run("dirty")[1])["prod"]
    assert [(key["key"], key["attempts"], key["error"], key["parked"]) for key in found] == [
        (failing.key, 1, "the console does not answer", False),
        (OTHER if failing.key == ARN else ARN, 0, "", False),
    ]
    assert len(json.loads(run("dirty", "--limit", "1")[1])["prod"]) == 1
    home.connect("other", enabled=False)
    assert json.loads(run("dirty", "--connection", "other")[1]) == {"other": []}
    person(monkeypatch)
    head, *rows = run("dirty")[1].splitlines()
    assert head.split()[:2] == ["CONNECTION", "KEY"]
    assert len(rows) == 2
    assert rows[0].endswith("the console does not answer")


def test_a_mark_by_hand_reaches_the_running_agent_at_once(home, run):
    _queue, world = home.connect()
    agent = home.start(WXGOV_TEST_BLIND="1")
    wait_until(lambda: home.connection().get("state") == "running")
    world.change(ARN)
    assert run("dirty", "--mark", ARN)[:2] == (0, "prod: 1 marked\n")
    wait_until(lambda: world.target() == [(ARN, 1)])
    assert end(agent) == 0


def test_a_mark_waits_for_an_agent_that_starts_later(home, run, journal):
    _queue, world = home.connect()
    world.change(ARN)
    assert run("dirty", "--mark", ARN)[0] == 0
    agent = home.start(WXGOV_TEST_BLIND="1")
    wait_until(lambda: world.target() == [(ARN, 1)])
    assert end(agent) == 0


@pytest.mark.parametrize(
    ("arn", "text"),
    [
        ("credit-risk", "not the ARN of a model package"),
        (ARN.replace(ACCOUNT, "999999999999"), "No connection that this agent works on has the registry"),
        (ARN.replace(REGION, "eu-west-1"), "No connection that this agent works on has the registry"),
    ],
)
def test_only_entities_of_a_connection_can_be_marked(home, run, journal, arn, text):
    home.connect()
    code, _out, error = run("dirty", "--mark", arn)
    assert code == 1
    assert text in error
    assert journal.connections() == []


def test_a_sweep_is_made_by_the_running_agent(home, run):
    _queue, world = home.connect()
    home.connect("other")
    agent = home.start()
    wait_until(lambda: world.rows("SELECT kind FROM sweeps") == [("full",)])
    wait_until(lambda: home.world("other").rows("SELECT kind FROM sweeps") == [("full",)])
    assert run("sweep", "--connection", "prod")[:2] == (0, "prod: a full sweep is asked for\n")
    wait_until(lambda: world.rows("SELECT kind FROM sweeps") == [("full",)] * 2)
    assert home.world("other").rows("SELECT kind FROM sweeps") == [("full",)]
    assert end(agent) == 0
    assert run("sweep")[0] == 3


def test_commands_name_connections_that_they_cannot_work_on(home, run, journal):
    home.connect("mine")
    home.connect("off", enabled=False)
    home.connect("theirs")
    home.configure(connections=["mine", "off"])
    code, _out, error = run("redrive", "--connection", "off", "--connection", "theirs", "--connection", "gone")
    assert code == 1
    for part in ("off (disabled)", "theirs (enabled, another agent's share)", "gone (there is none)", "works on: mine"):
        assert part in error


@pytest.mark.parametrize("command", [["dirty"], ["dirty", "--mark", ARN], ["sweep"], ["redrive"]])
def test_a_slip_in_a_name_is_refused_and_the_names_that_there_are_are_told(home, run, journal, command):
    home.connect("prod")
    code, out, error = run(*command, "--connection", "prdo")
    assert (code, out) == (1, "")
    assert len(error.splitlines()) == 1
    assert "prdo" in error
    assert error.endswith(": prod.\n")
    assert journal.connections() == []


def test_keys_of_a_connection_that_is_no_more_can_be_listed(home, run, journal):
    journal.mark_dirty("gone", [ARN])
    assert [key["key"] for key in json.loads(run("dirty", "--connection", "gone")[1])["gone"]] == [ARN]
    assert "There are: gone." in run("dirty", "--connection", "goen")[2]


def test_a_status_that_is_old_is_told_to_be(home, run, monkeypatch):
    """A disk that is full keeps the last status that could be written."""
    home.connect()
    agent = home.start()
    person(monkeypatch)
    assert "old" not in run("status")[1]
    home.configure(status_seconds=300)
    agent.send_signal(signal.SIGHUP)
    wait_until(lambda: any("reading settings" in line["message"] for line in home.log_lines()))
    status = home.status()
    later = time.time() + 600
    monkeypatch.setattr(time, "time", lambda: later)
    first, second, *_table = run("status")[1].splitlines()
    assert (first, status["state"]) == (f"The agent runs with pid {agent.pid}: running.", "running")
    assert "What follows is" not in second, "so seldom was it asked to be written"
    home.configure(status_seconds=5)
    assert run("status")[1].splitlines()[1].startswith("What follows is 10 min old: its status file cannot be written")
    agent.kill()


def test_without_a_journal_the_commands_say_so(home, run):
    assert "There is no journal" in run("dirty")[2]


def dead_letter(queue, body, group="wxgov", **attributes):
    queue.client.send_message(
        QueueUrl=queue.dead_letter_url,
        MessageBody=body,
        MessageGroupId=group,
        MessageAttributes={name: {"DataType": "String", "StringValue": text} for name, text in attributes.items()},
    )


def test_dead_letters_are_looked_at_again_and_what_cannot_be_read_stays(home, run, journal):
    queue, _world = home.connect()
    for number in range(12):
        dead_letter(queue, f"poison {number}")  # more than one receive takes, in front of all else in their group
    dead_letter(queue, event_body(ARN))
    dead_letter(queue, event_body(OTHER, errorCode="ConflictException"))
    dead_letter(queue, event_body(OTHER))
    code, out, _error = run("redrive")
    (result,) = json.loads(out)["connections"]["prod"]
    assert code == 1
    assert (result["queue"], result["read"], result["keys"], result["irrelevant"]) == ("prod-dlq.fifo", 15, 2, 1)
    assert [letter["reason"] for letter in result["undecodable"]] == ["it is not JSON"] * 12
    assert (result["deleted"], result["undeleted"]) == (3, 0), "what is only copied within the queue has not left it"
    assert sorted(key.key for key in journal.keys("prod", 10)) == [ARN, OTHER]
    home.emulator.advance(121)
    letters = queue.dead_letters()
    assert sorted(letter["Body"] for letter in letters) == sorted(f"poison {number}" for number in range(12))
    assert all(letter["MessageAttributes"]["Reason"]["StringValue"] == "it is not JSON" for letter in letters)


def test_a_second_redrive_changes_nothing_and_discard_empties_the_queue(home, run, journal):
    queue, _world = home.connect()
    dead_letter(queue, "poison")
    first = json.loads(run("redrive")[1])["connections"]["prod"]
    home.emulator.advance(400)
    assert json.loads(run("redrive")[1])["connections"]["prod"] == first
    home.emulator.advance(400)
    code, out, _error = run("redrive", "--discard")
    (result,) = json.loads(out)["connections"]["prod"]
    assert (code, result["discarded"], len(result["undecodable"]), result["deleted"]) == (0, True, 1, 1)
    assert queue.dead_letters() == []


def test_a_letter_whose_deletion_fails_is_only_looked_at_again(home, run, journal):
    queue, _world = home.connect()
    dead_letter(queue, event_body(ARN))
    home.emulator.fault("sqs.DeleteMessageBatch", "error", code="AccessDenied", status=403)
    code, out, _error = run("redrive")
    assert code == 1
    problem = json.loads(out)["problems"]["prod"]
    assert "AccessDenied" in problem
    assert "--own-credentials" in problem
    assert [key.key for key in journal.keys("prod", 10)] == [ARN]
    home.emulator.advance(121)
    assert run("redrive")[0] == 0
    assert queue.dead_letters() == []


@contextlib.contextmanager
def handles_expire_during_the_deletion(home):
    home.emulator.fault("sqs.DeleteMessageBatch", "latency", seconds=1)

    def expire():
        wait_until(lambda: home.emulator.calls().get("sqs.DeleteMessageBatch") == 1)
        home.emulator.advance(121)

    clock = threading.Thread(target=expire)
    clock.start()
    yield
    clock.join()


@pytest.mark.parametrize("poison", [False, True])
def test_letters_that_were_not_deleted_are_counted(home, run, journal, poison):
    queue, _world = home.connect()
    dead_letter(queue, "poison" if poison else event_body(ARN))
    discard = ["--discard"] if poison else []
    with handles_expire_during_the_deletion(home):
        code, out, _error = run("redrive", *discard)
    (result,) = json.loads(out)["connections"]["prod"]
    assert (code, result["deleted"], result["undeleted"]) == (1, 0, 1)
    home.emulator.advance(121)
    code, out, _error = run("redrive", *discard)
    (result,) = json.loads(out)["connections"]["prod"]
    assert (code, result["deleted"], result["undeleted"]) == (0, 1, 0)
    assert queue.dead_letters() == []


def test_a_letter_that_was_copied_and_is_still_there_is_counted(home, run, journal):
    """One that cannot be read gets a copy in a group of its own; where it stays itself, there are two of it."""
    queue, _world = home.connect()
    dead_letter(queue, "poison")
    with handles_expire_during_the_deletion(home):
        code, out, _error = run("redrive")
    (result,) = json.loads(out)["connections"]["prod"]
    assert (code, result["deleted"], result["undeleted"]) == (1, 0, 1)
    home.emulator.advance(400)
    assert [letter["Body"] for letter in queue.dead_letters()] == ["poison", "poison"]


def test_people_are_told_what_was_not_deleted(home, run, journal, monkeypatch):
    queue, _world = home.connect()
    dead_letter(queue, event_body(ARN))
    person(monkeypatch)
    with handles_expire_during_the_deletion(home):
        out = run("redrive")[1]
    assert "1 read, 1 entities are looked at again, 1 could not be deleted and are still there" in out


def test_letters_behind_the_rules_targets_and_in_queues_that_are_named_are_found(home, run, journal):
    queue, _world = home.connect()
    client = sqs_client(home.emulator.endpoint_url)
    for name, arn in (("prod-target-dlq", ARN), ("spare", OTHER)):
        url = client.create_queue(QueueName=name)["QueueUrl"]
        client.send_message(QueueUrl=url, MessageBody=event_body(arn))
    code, out, _error = run("redrive", "--queue", "spare")
    assert code == 0
    assert [result["queue"] for result in json.loads(out)["connections"]["prod"]] == [
        "prod-dlq.fifo",
        "prod-target-dlq",
        "spare",
    ]
    assert sorted(key.key for key in journal.keys("prod", 10)) == [ARN, OTHER]
    assert "There is no queue nowhere" in json.loads(run("redrive", "--queue", "nowhere")[1])["problems"]["prod"]
    assert queue.dead_letters() == []


def test_people_are_told_in_sentences(home, run, journal, monkeypatch):
    queue, _world = home.connect()
    dead_letter(queue, event_body(ARN))
    dead_letter(queue, "poison")
    person(monkeypatch)
    out = run("redrive")[1]
    assert out.startswith("prod: prod-dlq.fifo: 2 read, 1 entities are looked at again, 1 cannot be read and stay")
    assert out.rstrip().endswith(": it is not JSON")


def test_one_connections_trouble_is_not_the_others(home, run, journal):
    broken, _world = home.connect("broken")
    queue, _world = home.connect("good")
    broken.client.delete_queue(QueueUrl=broken.url)
    dead_letter(queue, event_body(ARN))
    code, out, _error = run("redrive")
    answer = json.loads(out)
    assert code == 1
    assert list(answer["problems"]) == ["broken"]
    assert answer["connections"]["good"][0]["keys"] == 1


def test_an_environment_file_is_obeyed(home, run, journal, monkeypatch, tmp_path):
    queue, _world = home.connect()
    dead_letter(queue, event_body(ARN))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    path = tmp_path / "agent.env"
    path.write_text(f'AWS_ENDPOINT_URL="{home.emulator.endpoint_url}"\n')
    assert run("redrive", "--environment-file", str(path))[0] == 0


def test_own_credentials_take_the_place_of_the_connections(home, run, journal, monkeypatch):
    queue, _world = home.connect()
    dead_letter(queue, event_body(ARN))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "444455556666")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    code, out, _error = run("redrive", "--own-credentials")
    assert code == 1, "the queue belongs to another account"
    assert json.loads(out)["problems"]["prod"]
    assert run("redrive")[0] == 0


def test_a_command_line_works_as_a_process(home):
    home.connect()
    agent = home.start()
    code, out, _error = home.cli("status", "--json")
    assert (code, json.loads(out)["pid"]) == (0, agent.pid)
    assert end(agent, signal.SIGINT) == 0


def test_columns_are_as_wide_as_needed_and_durations_short():
    assert columns(("A", "B"), [("long", "x"), ("", "y")]) == "A     B\nlong  x\n      y"
    assert [duration(value) for value in (-1, 0.4, 59, 60, 3599, 3600, 86_400 * 3)] == [
        "0 s",
        "0 s",
        "59 s",
        "1 min",
        "60 min",
        "1 h",
        "3 d",
    ]


def test_the_playbook_redrives_on_each_host(home, journal, tmp_path):
    queue, _world = home.connect()
    dead_letter(queue, event_body(ARN))
    dead_letter(queue, "poison")
    launcher = tmp_path / "opt" / "current" / "bin" / "wxgov-agent"
    launcher.parent.mkdir(parents=True)
    launcher.write_text(f'#!/bin/sh\nexec {sys.executable} -m tests.integration.agent.agent_process "$@"\n')
    launcher.chmod(0o755)
    (tmp_path / "etc").mkdir()
    shutil.copy(home.config, tmp_path / "etc" / "agent.json")
    (tmp_path / "etc" / "agent.env").write_text(f'AWS_ENDPOINT_URL="{home.emulator.endpoint_url}"\n')
    (play,) = yaml.safe_load((CHECKOUT / "playbooks" / "redrive.yml").read_text())
    play["hosts"] = "all"
    places = {"sync_agent_prefix": str(tmp_path / "opt"), "sync_agent_config_dir": str(tmp_path / "etc")}

    def redriven(*arguments, times):
        values = {**play["vars"], **places, "redrive_arguments": ["--connection", "prod", *arguments]}
        run = run_playbook([{**play, "vars": values}] * times, env={"PYTHONPATH": os.pathsep.join(sys.path)}).check()
        found = [entry.result for entry in run.results if entry.task.startswith("Mark")]
        return [(entry["changed"], json.loads(entry["stdout"])["connections"]["prod"][0]) for entry in found]

    (changed, first), (changed_again, _second) = redriven(times=2)
    assert (changed, first["keys"], len(first["undecodable"])) == (True, 1, 1)
    assert changed_again is False
    assert [key.key for key in journal.keys("prod", 10)] == [ARN]
    home.emulator.advance(121)
    dead_letter(queue, event_body(OTHER, errorCode="ConflictException"), group="another")
    ((changed, last),) = redriven("--discard", times=1)
    assert (changed, last["keys"], last["irrelevant"], last["deleted"]) == (True, 0, 1, 2), "the queue has two less"
