# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a running agent serves: health, metrics, its status as JSON, and who may ask."""

from __future__ import annotations

import json
import pathlib
import re
import signal
import socket
import time

import pytest
import requests
import yaml
from prometheus_client.parser import text_string_to_metric_families

from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.queue import EventQueue
from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.lock import exclusive
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.runs import RunStore
from tests.integration.agent.conftest import end
from tests.integration.agent.support import create_queue, event_body, package_arn, wait_until

ARN = package_arn("credit-risk", 1)
CHECKOUT = pathlib.Path(__file__).parents[3]
TOKEN = "a-token-of-some-length"


def eventually(condition):
    wait_until(condition, timeout=60)


@pytest.fixture
def http():
    with requests.Session() as session:
        session.trust_env = False
        yield session


def address(home):
    eventually(lambda: bool(home.status().get("listening")))
    return home.status()["listening"]


def serve(home, **changes):
    """An agent that listens on a free port; the process and its address."""
    home.configure(listen="127.0.0.1:0", **changes)
    agent = home.start()
    return agent, address(home)


def samples(text):
    """The samples of an exposition, by name and labels."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def of(found, name, **labels):
    return found.get((f"wxgov_agent_{name}", tuple(sorted(labels.items()))))


def test_metrics_and_status_follow_what_the_agent_does(home, http):
    queue, world = home.connect()
    agent, url = serve(home)

    def scrape():
        answer = http.get(f"{url}/metrics", timeout=30)
        assert answer.headers["content-type"].startswith("text/plain")
        return samples(answer.text)

    eventually(lambda: of(scrape(), "connection_up", connection="prod") == 1)
    world.change(ARN)
    queue.send(event_body(ARN))
    queue.send("poison")
    queue.send(event_body(package_arn("fail", 1)))
    eventually(lambda: of(scrape(), "reconciles_total", connection="prod", outcome="created") == 1)
    eventually(lambda: (of(scrape(), "reconcile_failures_total", connection="prod") or 0) >= 1)
    eventually(lambda: of(scrape(), "messages_deleted_total", connection="prod") == 3)
    eventually(lambda: of(scrape(), "full_sweeps_total", connection="prod") == 1)
    scrapes = []

    def all_attempts_have_ended():
        scrapes.append(scrape())
        counts = [
            of(scrapes[-1], f"reconcile_{what}", connection="prod")
            for what in ("attempts_total", "duration_seconds_count")
        ]
        return counts[0] == counts[1]

    eventually(all_attempts_have_ended)  # the key that fails is tried again now and then
    found = scrapes[-1]
    assert of(found, "up") == of(found, "live") == 1
    assert of(found, "messages_dead_lettered_total", connection="prod") == 1
    assert of(found, "events_total", connection="prod") == 2
    assert of(found, "dirty_keys", connection="prod") == of(found, "failing_keys", connection="prod") == 1
    assert of(found, "oldest_dirty_key_age_seconds", connection="prod") > 0
    attempts = of(found, "reconcile_attempts_total", connection="prod")
    assert attempts == 1 + of(found, "reconcile_failures_total", connection="prod")
    assert of(found, "event_lag_seconds_count", connection="prod") == 2
    assert of(found, "oldest_message_age_seconds", connection="prod") is not None
    assert of(found, "api_throttled_requests_total", connection="prod", service="sqs") == 2
    assert of(found, "breaker_open", connection="prod") == 0
    limited = {"connection": "prod", "service": "sagemaker", "operation": "DescribeModelPackage"}
    assert of(found, "api_calls_per_second_limit", **limited) == 4.5
    assert found[("process_resident_memory_bytes", ())] > 1e7
    status = http.get(f"{url}/api/status", timeout=30).json()
    (connection,) = status["connections"]
    assert (connection["name"], connection["state"], connection["backlog"]["dirty"]) == ("prod", "running", 1)
    (waiting,) = connection["waiting"]
    assert (waiting["key"], waiting["error"]) == (package_arn("fail", 1), "OSError: the console does not answer")
    assert [change["key"] for change in connection["seen"]["changes"]] == [ARN]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", connection["seen"]["changes"][0]["at"])
    assert "not-so-secret" not in json.dumps(status)
    assert end(agent) == 0


def test_looking_waits_for_no_worker_and_shows_a_sync_that_goes_on(home, http):
    home.connect()
    agent, url = serve(home, workers=1)
    store = RunStore(home.state)
    run_id = store.start("prod")
    progress = {"phase": "models", "phase_number": 2, "phases": 3, "done": 25, "total": 100, "phase_seconds": 5.0}
    store.update(run_id, {"counts": {"created": 25}, "progress": progress})

    def run():
        return http.get(f"{url}/api/status", timeout=30).json()["runs"][0]

    with exclusive(home.state, "prod", timeout=10):
        eventually(lambda: run()["status"] == "running")
        assert (run()["done"], run()["total"], run()["per_second"], run()["left_seconds"]) == (25, 100, 5.0, 15.0)
    eventually(lambda: run()["status"] == "cut_off")
    assert end(agent) == 0


def check_examples(text):
    """The example rules, the example dashboard and the documentation name what a running agent serves."""
    served = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
    parts = {f"{name}_{part}" for name in served for part in ("bucket", "sum", "count")}
    for name in ("prometheus-alerts.yml", "grafana-dashboard.json"):
        content = yaml.safe_load((CHECKOUT / "extensions" / "monitoring" / name).read_text())
        named = set(re.findall(r"\b(?:wxgov_agent|process)_[a-z_]+\b", json.dumps(content)))
        assert len(named) > 5
        assert named - served - parts == set(), name
    documented = set(re.findall(r"`((?:wxgov_agent|process)_[a-z_]+)`", (CHECKOUT / "docs" / "metrics.md").read_text()))
    assert documented == served


def test_ready_once_every_connection_is_past_its_first_login(home, http):
    home.connect()
    agent, url = serve(home)
    eventually(lambda: http.get(f"{url}/readyz", timeout=30).status_code == 200)
    check_examples(http.get(f"{url}/metrics", timeout=30).text)
    home.connect("second", description="cannot start")
    agent.send_signal(signal.SIGHUP)
    eventually(lambda: http.get(f"{url}/readyz", timeout=30).json()["not_ready"] == {"second": "failing"})
    assert http.get(f"{url}/readyz", timeout=30).status_code == 503
    healthy = http.get(f"{url}/healthz", timeout=30)
    assert (healthy.status_code, healthy.json()["status"]) == (200, "ok"), "a console that is down is no dead agent"
    assert end(agent) == 0


def test_a_loop_that_hangs_is_told_apart_from_one_that_is_idle(home, http):
    queue, _world = home.connect()
    home.configure(listen="127.0.0.1:0", grace_seconds=0)
    agent = home.start(WXGOV_TEST_HURRY="1")
    url = address(home)
    assert http.get(f"{url}/healthz", timeout=30).json() == {"status": "ok", "crashed": [], "late_seconds": {}}
    queue.send(event_body(package_arn("hang", 1)))
    eventually(lambda: http.get(f"{url}/healthz", timeout=30).status_code == 503)
    details = http.get(f"{url}/healthz", timeout=30).json()
    (late,) = details["late_seconds"]
    assert late.startswith("worker:")
    assert (details["status"], details["crashed"]) == ("failed", [])
    found = samples(http.get(f"{url}/metrics", timeout=30).text)
    assert (of(found, "live"), of(found, "up"), of(found, "busy_workers", connection="prod")) == (0, 1, 1)
    assert f"The thread {late} should have shown up" in http.get(f"{url}/", timeout=30).text
    assert end(agent) == 0


def test_nothing_listens_when_it_is_turned_off_and_nothing_is_left_at_the_end(home, http):
    home.connect()
    agent, url = serve(home)
    http.get(f"{url}/healthz", timeout=30)
    assert end(agent) == 0
    with pytest.raises(requests.ConnectionError):
        http.get(f"{url}/healthz", timeout=30)
    home.configure(listen="")
    agent = home.start()
    assert home.status()["listening"] is None
    assert listening_sockets(agent.pid) == []
    assert end(agent) == 0


def listening_sockets(pid):
    """Inodes of the TCP sockets that a process listens on."""
    inodes = set()
    for descriptor in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        target = str(descriptor.readlink()) if descriptor.is_symlink() else ""
        inodes |= set(re.findall(r"socket:\[(\d+)\]", target))
    tables = (pathlib.Path(f"/proc/{pid}/net/{name}").read_text().splitlines()[1:] for name in ("tcp", "tcp6"))
    listening = {line.split()[9] for table in tables for line in table if line.split()[3] == "0A"}
    return sorted(inodes & listening)


def test_an_address_in_use_is_one_clear_error_before_anything_starts(home):
    queue, _world = home.connect()
    queue.send(event_body(ARN))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        home.configure(listen=f"127.0.0.1:{port}")
        agent = home.start(wait=False)
        assert agent.wait(60) == 1
    (line,) = [line for line in home.log.read_text().splitlines() if "cannot listen" in line]
    assert f"127.0.0.1:{port}: Address already in use" in line
    assert home.emulator.calls().get("sqs.ReceiveMessage", 0) == 0


def test_beyond_the_loopback_interface_a_token_is_needed_and_may_be_replaced(home, http):
    home.connect()
    home.configure(listen="0.0.0.0:0")
    assert home.start(wait=False).wait(60) == 1
    assert "name a listen_token_file" in home.log.read_text()

    file = home.folder / "token"
    file.write_text(TOKEN)
    file.chmod(0o644)
    home.configure(listen="0.0.0.0:0", listen_token_file=str(file))
    assert home.start(wait=False).wait(60) == 1
    assert f"{file} may be read by other users" in home.log.read_text()

    file.chmod(0o600)
    agent = home.start()
    url = address(home).replace("0.0.0.0", "127.0.0.1")
    for path in ("/", "/metrics", "/healthz", "/api/status", "/nothing"):
        refused = http.get(f"{url}{path}", timeout=30)
        assert refused.status_code == 401
        assert "Basic" in refused.headers["www-authenticate"]
        assert http.get(f"{url}{path}", headers={"Authorization": "Bearer wrong"}, timeout=30).status_code == 401
    bearer = {"Authorization": f"Bearer {TOKEN}", "Host": "gov-agent-1.example.com"}
    assert http.get(f"{url}/healthz", headers=bearer, timeout=30).status_code == 200
    assert http.get(f"{url}/", auth=("anyone", TOKEN), timeout=30).status_code == 200
    file.write_text("another-token-of-some-length")
    assert http.get(f"{url}/healthz", headers=bearer, timeout=30).status_code == 401
    file.unlink()
    assert http.get(f"{url}/healthz", headers=bearer, timeout=30).status_code == 503
    assert end(agent) == 0
    assert TOKEN not in home.log.read_text()


def test_a_unix_socket_is_for_its_owner_and_outlives_no_agent(home):
    home.connect()
    path = home.folder / "status.sock"
    home.configure(listen=f"unix:{path}")
    for number in (signal.SIGKILL, signal.SIGTERM):
        agent = home.start()
        assert path.stat().st_mode & 0o777 == 0o600
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
            client.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
            assert b"200" in client.makefile("rb").readline()
        end(agent, number)
    assert not path.exists()


def test_messages_say_when_they_were_sent(aws):
    queue = create_queue(aws.endpoint_url)
    before = time.time()
    queue.send("anything")
    (message,) = EventQueue(queue.client, queue.url, wait_seconds=1).receive()
    assert message.sent_at is not None
    assert before - 60 < message.sent_at < time.time() + 60
    queue.client.close()
