# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent as a process: its life, its signals, its connections, what it costs when idle."""

from __future__ import annotations

import contextlib
import json
import resource
import signal
import socket
import sqlite3
import time

import pytest

from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.lock import exclusive
from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.model import AmbientCredentials
from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.stores import StoreSettings, open_store
from tests.integration.agent import explain
from tests.integration.agent.conftest import end, resident_megabytes, settle
from tests.integration.agent.support import (
    REGION,
    create_queue,
    event_body,
    make_connection,
    package_arn,
    wait_until,
)

ARN = package_arn("credit-risk", 1)


def touch(queue, world, arn=ARN):
    world.change(arn)
    queue.send(event_body(arn))


def is_running(home, name="prod"):
    return home.connection(name).get("state") == "running"


def test_an_event_becomes_a_change_and_the_idle_agent_costs_little(home):
    home.configure(receive_wait_seconds=5)
    queue, world = home.connect()
    agent = home.start()
    wait_until(lambda: home.emulator.calls().get("sqs.ReceiveMessage", 0) >= 1)
    home.emulator.clear_calls()
    touch(queue, world)
    wait_until(lambda: world.target() == [(ARN, 1)])
    wait_until(lambda: home.emulator.calls().get("sqs.DeleteMessageBatch") == 1)
    calls = home.emulator.calls()
    # The receive that brought the event was under way; the one counted here is the next long poll.
    assert calls.get("sqs.ReceiveMessage", 0) <= 1
    assert set(calls) <= {"sqs.SendMessage", "sqs.ReceiveMessage", "sqs.DeleteMessageBatch"}
    assert resident_megabytes(agent.pid) < 120
    wait_until(lambda: home.connection().get("outcomes") == {"created": 1})
    status = home.connection()
    assert (status["counts"]["received"], status["counts"]["deleted"], status["dirty"]) == (1, 1, 0)
    assert status["last_success_at"]
    assert end(agent) == 0


def test_sigterm_ends_the_agent_with_0_and_leaves_no_message_invisible(home):
    queue, world = home.connect()
    agent = home.start()
    wait_until(lambda: is_running(home))
    for number in range(30):
        touch(queue, world, package_arn("credit-risk", number + 1))
    assert end(agent) == 0
    assert home.status()["state"] == "stopped"
    assert hidden(queue) == 0
    again = home.start(WXGOV_TEST_BLIND="1")
    settle(home, queue)
    assert world.target() == world.source()
    assert end(again) == 0


def hidden(queue):
    """Messages in flight."""
    names = ["ApproximateNumberOfMessagesNotVisible"]
    return int(queue.client.get_queue_attributes(QueueUrl=queue.url, AttributeNames=names)["Attributes"][names[0]])


def test_an_idle_agent_ends_at_once_and_what_its_receive_is_given_afterwards_is_not_lost_sight_of(home):
    """Row 23: the long poll takes 20 s, the end does not; what SQS hands out to nobody the next agent asks for."""
    home.configure(receive_wait_seconds=20)
    queue, world = home.connect()
    agent = home.start(WXGOV_TEST_BLIND="1")
    wait_until(lambda: home.emulator.calls().get("sqs.ReceiveMessage") == 1)
    assert end(agent) == 0
    assert not any("still at work" in line["message"] for line in home.log_lines())
    touch(queue, world)
    wait_until(lambda: hidden(queue) == 1)  # SQS has not noticed that nobody waits for the answer
    again = home.start(WXGOV_TEST_BLIND="1")
    wait_until(lambda: world.target() == [(ARN, 1)])
    assert hidden(queue) == 0
    assert end(again) == 0


def test_work_under_way_is_finished_within_the_grace_time_and_a_longer_one_is_left(home):
    home.configure(grace_seconds=1)
    queue, world = home.connect()
    agent = home.start()
    touch(queue, world, package_arn("hang", 1))
    wait_until(lambda: home.connection().get("counts", {}).get("deleted") == 1)
    began = time.monotonic()
    assert end(agent) == 0, "it waited for work that takes ten minutes"
    assert time.monotonic() - began > 0.9
    assert any("still at work" in line["message"] for line in home.log_lines())


def test_a_second_signal_exits_at_once(home):
    home.configure(grace_seconds=600)
    queue, world = home.connect()
    agent = home.start()
    touch(queue, world, package_arn("hang", 1))
    wait_until(lambda: home.connection().get("counts", {}).get("deleted") == 1)
    agent.send_signal(signal.SIGTERM)
    wait_until(lambda: home.status()["state"] == "stopping")
    assert end(agent) == 128 + signal.SIGTERM


def test_a_thread_that_dies_ends_the_process_with_1(home):
    queue, world = home.connect()
    agent = home.start()
    touch(queue, world, package_arn("crash", 1))
    assert agent.wait(60) == 1
    assert home.status()["state"] == "failed"
    (line,) = [line for line in home.log_lines() if line["level"] == "critical"]
    assert "died" in line["message"]


def test_what_every_thread_is_at_is_told_on_request_and_the_work_goes_on(home):
    """Also with a thread that hangs; this is what a test of an agent shows when it fails."""
    queue, world = home.connect()
    agent = home.start()
    touch(queue, world, package_arn("hang", 1))
    wait_until(lambda: home.connection().get("counts", {}).get("deleted") == 1)
    found = dict(explain.sections({"home": home, "aws": home.emulator}))
    assert all(place in found["stacks of home"] for place in ("intake.py", "sweeps.py", "roster.py", "in reconcile"))
    assert "not-so-secret" not in found["stacks of home"]
    assert json.loads(found["status of home"])["pid"] == agent.pid
    assert "sqs.ReceiveMessage" in found["calls of aws"]
    assert "connection started" in found["log of home, the last 150 lines"]
    touch(queue, world)
    wait_until(lambda: world.target() == [(ARN, 1)])
    agent.kill()


def test_connections_come_and_go_with_sighup(home):
    first, first_world = home.connect("first")
    agent = home.start()
    second, second_world = home.connect("second")
    agent.send_signal(signal.SIGHUP)
    wait_until(lambda: is_running(home, "second"))
    touch(second, second_world)
    wait_until(lambda: second_world.target() == [(ARN, 1)])
    home.store.save(make_connection(second.url, "second", enabled=False))
    agent.send_signal(signal.SIGHUP)
    wait_until(lambda: "second" not in home.status()["connections"])
    time.sleep(1.1)  # the receive that was under way
    touch(second, second_world)
    touch(first, first_world)
    wait_until(lambda: first_world.target() == [(ARN, 1)])
    assert second.depth() == 1, "a disabled connection receives nothing"
    home.store.remove("first")
    home.store.save(make_connection(second.url, "second"))
    agent.send_signal(signal.SIGHUP)
    wait_until(lambda: set(home.status()["connections"]) == {"second"})
    wait_until(lambda: second_world.target() == [(ARN, 2)])
    assert end(agent) == 0


def test_settings_are_read_again_and_what_cannot_be_used_changes_nothing(home):
    home.configure(workers=1)
    queue, world = home.connect()
    home.connect("second")
    agent = home.start()
    wait_until(lambda: is_running(home) and is_running(home, "second"))
    home.configure(workers=3, log_level="debug", incremental_sweep_seconds=500, state_dir="/elsewhere")
    agent.send_signal(signal.SIGHUP)
    wait_until(lambda: home.status()["workers"] == 3)
    assert home.status()["problems"] == {"settings file": "A new start is needed for state_dir."}
    queue.send(event_body(ARN, errorCode="ConflictException"))
    wait_until(lambda: any(line["level"] == "debug" for line in home.log_lines()))
    touch(queue, world, package_arn("hang", 1))  # keeps one worker busy; another is left to the other connection
    touch(queue, world)
    wait_until(lambda: (ARN, 1) in world.target())
    home.configure(workers=0)
    agent.send_signal(signal.SIGHUP)
    wait_until(lambda: "workers is 0" in home.status()["problems"].get("settings file", ""))
    assert home.status()["workers"] == 3
    home.configure(workers=3, connections=["second", "third"])
    agent.send_signal(signal.SIGHUP)
    wait_until(lambda: list(home.status()["connections"]) == ["second"])
    assert home.status()["standby"] == ["prod"]
    assert list(home.status()["problems"]) == ["third"]
    agent.kill()


class Manager:
    """What systemd would be, as far as an agent tells it something."""

    def __init__(self, folder):
        self.path = folder / "notify"
        self.heard = []
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._listener.bind(str(self.path))
        self._listener.setblocking(False)

    def has(self, part):
        """Whether a line that holds this was heard."""
        with contextlib.suppress(BlockingIOError):
            while True:
                self.heard += self._listener.recv(4096).decode().split("\n")
        return any(part in line for line in self.heard)

    def close(self):
        self._listener.close()


@pytest.fixture
def manager(tmp_path):
    made = Manager(tmp_path)
    yield made
    made.close()


def test_the_service_manager_is_told(home, manager):
    home.connect()
    agent = home.start(NOTIFY_SOCKET=str(manager.path), WATCHDOG_USEC="300000")
    wait_until(lambda: manager.has("READY=1") and manager.has("STATUS=1 connection at work"))
    wait_until(lambda: manager.has("WATCHDOG=1"))
    agent.send_signal(signal.SIGHUP)
    wait_until(lambda: manager.has("RELOADING=1"))
    wait_until(lambda: manager.has("READY=1") and manager.heard.count("READY=1") == 2)
    assert end(agent) == 0
    assert manager.has("STOPPING=1")


def test_connections_may_be_in_secrets_manager(home, monkeypatch):
    credentials = {"AWS_ACCESS_KEY_ID": "444455556666", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": REGION}
    for name, value in {**credentials, "AWS_ENDPOINT_URL": home.emulator.endpoint_url}.items():
        monkeypatch.setenv(name, value)
    home.configure(connections_store="secretsmanager", reload_seconds=0.2)
    queue = create_queue(home.emulator.endpoint_url)
    store = open_store(StoreSettings(kind="secretsmanager", region=REGION))
    world = home.world()
    store.save(make_connection(queue.url))
    # Blind: a late sweep of the first connection would bring the second change, before the second connection is seen.
    agent = home.start(WXGOV_TEST_BLIND="1", **credentials)
    touch(queue, world)
    wait_until(lambda: world.target() == [(ARN, 1)])
    other = create_queue(home.emulator.endpoint_url, "other")
    store.save(make_connection(other.url))
    touch(other, world)
    wait_until(lambda: world.target() == [(ARN, 2)])
    home.emulator.fault("secretsmanager.ListSecrets", "error", times=1000, code="AccessDeniedException", status=400)
    wait_until(lambda: "secretsmanager:ListSecrets is needed" in home.status()["problems"].get("", ""))
    touch(other, world)
    wait_until(lambda: world.target() == [(ARN, 3)])
    assert end(agent) == 0


def test_a_full_disk_stops_the_receiving_and_the_agent_recovers_by_itself(home):
    """Row 22: no file of the agent's can grow for a while, which is what a full disk is to it."""
    queue, world = home.connect()
    agent = home.start(WXGOV_TEST_BLIND="1")
    wait_until(lambda: is_running(home))
    _soft, hard = resource.prlimit(agent.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(agent.pid, resource.RLIMIT_FSIZE, (0, hard))
    touch(queue, world)
    wait_until(lambda: hidden(queue) == 1)
    home.emulator.clear_calls()
    time.sleep(1.5)  # what it would do wrong, it would do now
    assert (home.emulator.calls(), queue.depth(), world.target()) == ({}, 1, [])
    resource.prlimit(agent.pid, resource.RLIMIT_FSIZE, (hard, hard))
    wait_until(lambda: home.connection().get("counts", {}).get("journal_errors", 0) >= 1, 60)
    settle(home, queue, timeout=60)
    assert world.target() == [(ARN, 1)]
    assert end(agent) == 0


def answer(path, url):
    """Status and body of a request to a Unix socket."""
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        client.sendall(f"GET {url} HTTP/1.0\r\n\r\n".encode())
        head, _empty, body = client.makefile("rb").read().partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


@pytest.mark.parametrize("has_run_before", [False, True])
def test_a_disk_that_is_full_at_the_start_is_waited_for(home, manager, has_run_before):
    """Row 22: without a lock file, and with one, the journal being what cannot be opened then."""
    path = home.folder / "status.sock"
    home.configure(listen=f"unix:{path}")
    queue, world = home.connect()
    if has_run_before:
        home.state.mkdir()
        (home.state / "agent.lock").write_text("1".ljust(20))
    # An agent may overwrite 20 letters and write no more, or nothing at all.
    agent = home.start(
        False,
        file_size=20 if has_run_before else 0,
        WXGOV_TEST_BLIND="1",
        NOTIFY_SOCKET=str(manager.path),
        WATCHDOG_USEC="300000",
    )
    what = "The journal" if has_run_before else "The state directory"
    wait_until(lambda: manager.has(f"STATUS=waiting: {what}"))
    wait_until(lambda: manager.has("WATCHDOG=1"))
    assert "READY=1" in manager.heard, "its start would be timed out otherwise"
    assert answer(path, "/healthz")[0] == 200
    code, body = answer(path, "/readyz")
    assert (code, body["agent"]) == (503, "starting")
    assert body["blocked"].startswith(what)
    (trouble,) = answer(path, "/api/status")[1]["troubles"]
    assert (trouble["severity"], trouble["what"]) == ("critical", body["blocked"])
    touch(queue, world)
    assert "sqs.ReceiveMessage" not in home.emulator.calls()
    resource.prlimit(agent.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    agent.send_signal(signal.SIGHUP)  # it would look by itself within 15 s
    wait_until(lambda: world.target() == [(ARN, 1)])
    wait_until(lambda: manager.has("STATUS=1 connection at work"))
    wait_until(lambda: home.status().get("problems") == {})
    assert answer(path, "/readyz")[0] == 200
    assert end(agent) == 0


def test_an_agent_that_waits_for_room_ends_at_once_when_told_to(home, manager):
    agent = home.start(False, file_size=0, NOTIFY_SOCKET=str(manager.path))
    wait_until(lambda: manager.has("STATUS=waiting"))
    assert end(agent) == 0
    assert manager.has("STOPPING=1")


@pytest.mark.parametrize("what", ["directory", "lock", "journal"])
def test_a_state_directory_that_can_never_be_used_is_named_at_the_start(home, what):
    state = home.folder / "new"
    if what == "directory":
        (home.folder / "new").write_text("a file")
        state = state / "state"
    else:
        (state / {"lock": "agent.lock", "journal": "state.db"}[what]).mkdir(parents=True)
    home.configure(state_dir=str(state))
    agent = home.start(wait=False)
    assert agent.wait(60) == 1
    (line,) = [line for line in home.log.read_text().splitlines() if line.startswith("error: ")]
    assert str(state) in line


def test_sweeps_go_on_while_the_queue_is_gone(home):
    """Row 17: without its queue a connection is behind, not blind."""
    home.configure(incremental_sweep_seconds=1)
    queue, world = home.connect()
    agent = home.start()
    wait_until(lambda: is_running(home))
    queue.client.delete_queue(QueueUrl=queue.url)
    wait_until(lambda: home.connection()["counts"]["queue_errors"] >= 1)
    world.change(ARN)
    wait_until(lambda: world.target() == [(ARN, 1)])
    home.emulator.advance(61)
    again = create_queue(home.emulator.endpoint_url, "prod")
    again.send(event_body(ARN))
    wait_until(lambda: again.depth() == 0)
    assert end(agent) == 0


def test_a_connection_with_the_processs_credentials_begins_anew_when_they_change(home):
    home.configure(reload_seconds=0.2)
    home.connect("own")
    home.connect("theirs", credentials=AmbientCredentials())
    agent = home.start(HOME=str(home.folder))
    wait_until(lambda: is_running(home, "own") and is_running(home, "theirs"))
    (home.folder / ".aws").mkdir()
    (home.folder / ".aws" / "credentials").write_text("[default]\naws_access_key_id = other\n")
    wait_until(lambda: [line for line in home.log_lines() if line["message"] == "connection stopped"])
    stopped = [line["connection"] for line in home.log_lines() if line["message"] == "connection stopped"]
    assert stopped == ["theirs"]
    wait_until(lambda: is_running(home, "theirs"))
    assert end(agent) == 0


def test_changed_files_are_noticed_without_a_signal(home):
    home.configure(reload_seconds=0.2)
    agent = home.start()
    assert home.status()["connections"] == {}
    queue, world = home.connect()
    touch(queue, world)
    wait_until(lambda: world.target() == [(ARN, 1)])
    other = home.connect("other")[0]
    home.store.save(make_connection(other.url, "prod"))
    wait_until(lambda: any(line["message"] == "connection stopped" for line in home.log_lines()))
    world.change(ARN)
    other.send(event_body(ARN))
    wait_until(lambda: world.target() == [(ARN, 2)])
    assert end(agent) == 0


@pytest.mark.parametrize("content", ["{", '{"name": "prod"}', ""])
def test_a_broken_file_is_refused_and_the_connection_in_use_is_kept(home, content):
    queue, world = home.connect()
    agent = home.start()
    wait_until(lambda: is_running(home))
    (home.store.path / "prod.json").write_text(content)
    agent.send_signal(signal.SIGHUP)
    wait_until(lambda: "prod" in home.status()["problems"])
    touch(queue, world)
    wait_until(lambda: world.target() == [(ARN, 1)])
    assert end(agent) == 0


def test_a_directory_that_vanishes_stops_nothing(home):
    queue, world = home.connect()
    agent = home.start()
    wait_until(lambda: is_running(home))
    home.store.path.rename(home.folder / "elsewhere")
    agent.send_signal(signal.SIGHUP)
    wait_until(lambda: bool(home.status()["problems"]))
    touch(queue, world)
    wait_until(lambda: world.target() == [(ARN, 1)])
    assert end(agent) == 0


def test_a_connection_that_cannot_start_or_fails_does_not_touch_the_others(home):
    home.connect("cannot", description="cannot start")
    failing, failing_world = home.connect("failing")
    queue, world = home.connect("good")
    agent = home.start()
    touch(failing, failing_world, package_arn("fail", 1))
    failing.client.send_message(QueueUrl=failing.url, MessageBody="poison", MessageGroupId="wxgov")
    touch(queue, world)
    wait_until(lambda: world.target() == [(ARN, 1)])
    wait_until(lambda: home.connection("cannot").get("state") == "failing")
    wait_until(lambda: home.connection("failing").get("failing") == 1)
    assert "the console does not answer" in home.connection("failing")["last_error"]
    assert home.connection("good")["last_error"] is None
    home.store.remove("cannot")
    agent.send_signal(signal.SIGHUP)
    wait_until(lambda: "cannot" not in home.status()["connections"])
    assert end(agent) == 0


def test_the_existing_model_sync_keeps_the_workers_of_its_connection_out(home):
    queue, world = home.connect()
    agent = home.start()
    wait_until(lambda: is_running(home))
    with exclusive(home.state, "prod", timeout=5):
        touch(queue, world)
        wait_until(lambda: home.connection()["counts"]["deleted"] == 1)
        time.sleep(0.3)
        assert world.target() == []
        assert home.connection()["dirty"] == 1
    wait_until(lambda: world.target() == [(ARN, 1)])
    assert home.connection()["counts"]["reconcile_failures"] == 0
    assert end(agent) == 0


def test_the_sweep_at_the_start_finds_what_no_event_told_of(home):
    _queue, world = home.connect()
    world.change(ARN)
    agent = home.start()
    wait_until(lambda: world.target() == [(ARN, 1)])
    wait_until(lambda: home.connection()["last_full_sweep_at"] is not None)
    assert end(agent) == 0


def test_incremental_sweeps_follow(home):
    home.configure(incremental_sweep_seconds=1)
    _queue, world = home.connect()
    agent = home.start()
    wait_until(lambda: ("incremental",) in world.rows("SELECT kind FROM sweeps"))
    world.change(ARN)  # after the only full sweep has ended
    wait_until(lambda: world.target() == [(ARN, 1)])
    assert world.rows("SELECT kind FROM sweeps").count(("full",)) == 1
    assert end(agent) == 0


def test_a_journal_that_breaks_while_in_use_leads_to_a_full_sweep(home):
    _queue, world = home.connect()
    agent = home.start()
    wait_until(lambda: world.rows("SELECT kind FROM sweeps") == [("full",)])
    path = home.state / "state.db"
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    other.execute("BEGIN IMMEDIATE")
    other.execute("CREATE TABLE other (id TEXT)")
    with path.open("r+b") as file:  # all but the first page, behind SQLite's back
        file.seek(4096)
        file.write(b"x" * (path.stat().st_size - 4096))
    other.execute("COMMIT")  # makes the agent read the file anew
    other.close()
    wait_until(lambda: home.status()["journal_rebuilt"] == 1)
    wait_until(lambda: world.rows("SELECT kind FROM sweeps") == [("full",)] * 2)
    assert end(agent) == 0


def test_only_one_agent_uses_a_state_directory(home):
    agent = home.start()
    second = home.start(wait=False)
    assert second.wait(60) == 1
    assert f"pid {agent.pid}" in home.log.read_text()
    assert home.status()["pid"] == agent.pid
    assert end(agent) == 0


def test_settings_that_cannot_be_used_are_named(home):
    home.configure(workers=0)
    agent = home.start(wait=False)
    assert agent.wait(60) == 1
    assert "workers is 0 and must be a whole number from 1 to 256" in home.log.read_text()


def test_no_secret_reaches_log_or_status(home):
    queue, world = home.connect()
    home.connect("cannot", description="cannot start")
    home.configure(log_level="debug")
    agent = home.start()
    touch(queue, world)
    queue.send("poison")
    wait_until(lambda: home.connection()["counts"]["dead_lettered"] == 1)
    wait_until(lambda: world.target() == [(ARN, 1)])
    assert end(agent) == 0
    for text in (home.log.read_text(), (home.state / "status.json").read_text()):
        assert "not-so-secret" not in text
        assert '"poison"' not in text
    assert any(line.get("key") == ARN and line.get("event_id") for line in home.log_lines())


def test_stop_kills_what_does_not_end_and_nothing_is_lost(home):
    home.configure(grace_seconds=600)
    queue, world = home.connect()
    agent = home.start()
    touch(queue, world, package_arn("hang", 1))
    wait_until(lambda: home.connection().get("counts", {}).get("deleted") == 1)
    code, out, _error = home.cli("stop", "--timeout", "1")
    assert (code, json.loads(out)["running"]) == (0, False)
    assert agent.wait(60) == -signal.SIGKILL
    assert home.cli("status")[0] == 3
