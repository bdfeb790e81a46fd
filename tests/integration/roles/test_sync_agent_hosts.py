# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two hosts share connections out, and one takes over from the other while events come in: two real agents."""

from __future__ import annotations

import json
import os
import pathlib
import signal
import subprocess
import sys
import threading

import boto3
import pytest

from ansible_collections.wxgov.sagemaker.plugins.filter.share_out import share_out
from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.model import ConsoleEndpoint
from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.store import DirectoryStore
from tests.demo.scenario import ConsoleSession
from tests.harness.playbook import run_playbook
from tests.integration.agent.support import ACCOUNT, REGION, create_queue, event_body, make_connection, wait_until

CHECKOUT = pathlib.Path(__file__).resolve().parents[3]
FILES = CHECKOUT / "roles" / "sync_agent" / "files"
HOSTS = ("agent-a", "agent-b")
CONNECTIONS = ("churn", "credit")
AGENT = "ansible_collections.wxgov.sagemaker.plugins.module_utils.agent"
SETTINGS = {"receive_wait_seconds": 1, "status_seconds": 0.2, "listen": ""}
SHARES = share_out(CONNECTIONS, HOSTS)


class Cluster:
    """Two hosts that are this one, each with folders of its own."""

    def __init__(self, folder, emulator, console):
        self.folder, self.emulator = folder, emulator
        console.add_user("svc-owner", "owner@example.com")
        self.session = ConsoleSession(console.url)
        login = {"api_key": "demo-api-key", "instance_id": "demo-instance", "token_url": console.url}
        self.queues = {}
        for name in CONNECTIONS:
            self.queues[name] = create_queue(emulator.endpoint_url, name)
            connection = make_connection(
                self.queues[name].url,
                name,
                business_entity_id=self.session.create("SOXBusEntity", name),
                default_user="svc-owner",
                console=ConsoleEndpoint(console.url, "mcsp", login),
            )
            for host in HOSTS:
                DirectoryStore(folder / host / "etc" / "connections.d").save(connection)
        for host in HOSTS:
            self.old_release_on(host)
            self.environment_of(host)
        self.sagemaker = boto3.client(
            "sagemaker",
            endpoint_url=emulator.endpoint_url,
            region_name=REGION,
            aws_access_key_id=ACCOUNT,
            aws_secret_access_key="x",
        )
        self.sagemaker.create_model_package_group(ModelPackageGroupName="credit-risk")

    def old_release_on(self, host):
        """An older release with its agent, which works on what is this host's share."""
        root = self.folder / host
        release = root / "opt" / "releases" / "0.0.9-old"
        (release / "bin").mkdir(parents=True)
        (release / ".complete").touch()
        (root / "opt" / "current").symlink_to("releases/0.0.9-old")
        launcher = release / "bin" / "wxgov-agent"
        launcher.write_text(
            f'#!/bin/sh\nPYTHONPATH={os.pathsep.join(sys.path)} exec {sys.executable} -m {AGENT} "$@"\n'
        )
        launcher.chmod(0o755)
        mine = [name for name, share in SHARES.items() if share["active"] == host]
        folders = {"connections_dir": f"{root}/etc/connections.d", "state_dir": f"{root}/state", "connections": mine}
        config = root / "etc" / "agent.json"
        config.write_text(json.dumps({**folders, **SETTINGS}))
        command = [launcher, "start", "--config", config, "--log-file", root / "state" / "agent.log"]
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
            "AWS_ENDPOINT_URL": self.emulator.endpoint_url,
        }
        subprocess.run(command, env=environment, check=True, capture_output=True, timeout=120)

    def environment_of(self, host):
        """An environment that is there already: what the role would install, taken from where the tests run."""
        command = [sys.executable, FILES / "pack.py", CHECKOUT / "plugins" / "module_utils", FILES / "requirements.txt"]
        names = subprocess.run([*command, sys.executable], capture_output=True, text=True, check=True, timeout=120)
        path = self.folder / host / "opt" / "environments" / json.loads(names.stdout)["environment"]
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", path], check=True, timeout=120)
        (packages,) = path.glob("lib/python*/site-packages")
        (packages / "tests.pth").write_text("\n".join(entry for entry in sys.path if "site-packages" in entry))
        (path / ".complete").touch()

    def deploy(self, **variables):
        """Apply the playbook to both hosts."""
        folders = {
            "sync_agent_prefix": f"{self.folder}/{{{{ inventory_hostname }}}}/opt",
            "sync_agent_config_dir": f"{self.folder}/{{{{ inventory_hostname }}}}/etc",
            "sync_agent_state_dir": f"{self.folder}/{{{{ inventory_hostname }}}}/state",
        }
        given = {
            "ansible_connection": "local",
            "sync_agent_service_manager": "process",
            "sync_agent_python": sys.executable,
            "sync_agent_connections": list(CONNECTIONS),
            "sync_agent_settings": SETTINGS,
            "sync_agent_environment": {"AWS_ENDPOINT_URL": self.emulator.endpoint_url},
        }
        inventory = {"all": {"children": {"sync_agents": {"hosts": dict.fromkeys(HOSTS, {}), "vars": given | folders}}}}
        return run_playbook(
            CHECKOUT / "playbooks" / "deploy_agent.yml", inventory=inventory, extra_vars=variables
        ).check()

    def serves(self, host):
        """The connections that the agent of a host works on."""
        return set(json.loads((self.folder / host / "state" / "status.json").read_text())["connections"])

    def log(self, host):
        lines = (self.folder / host / "state" / "agent.log").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def register(self, told):
        """A new model package, and the event of it in the queue of every connection of ``told``."""
        arn = self.sagemaker.create_model_package(ModelPackageGroupName="credit-risk")["ModelPackageArn"]
        for name in told:
            self.queues[name].send(event_body(arn, "create_model_package"))
        return arn

    def models(self):
        """The ARNs in the console, one for each model."""
        return sorted(arn for (arn,) in self.session.rows("SELECT [Integration:External ID] FROM [Model]"))

    def close(self):
        for host in HOSTS:
            lock = self.folder / host / "state" / "agent.lock"
            command = pathlib.Path("/proc") / (lock.read_text().strip() if lock.exists() else "none") / "cmdline"
            if command.exists() and b"wxgov_sagemaker.agent" in command.read_bytes():
                os.kill(int(lock.read_text()), signal.SIGKILL)


@pytest.fixture
def cluster(tmp_path, aws, console):
    made = Cluster(tmp_path, aws, console)
    yield made
    made.close()


def test_a_connection_moves_while_events_come_in(cluster):
    for host in HOSTS:
        mine = {name for name, share in SHARES.items() if share["active"] == host}
        assert len(mine) == 1
        wait_until(lambda host=host, mine=mine: cluster.serves(host) == mine, timeout=60)
    moving, leaver = CONNECTIONS[0], SHARES[CONNECTIONS[0]]["active"]
    taker = SHARES[moving]["stand_by"]
    assert taker not in (None, leaver)
    made, over = [], threading.Event()

    def work():
        while not over.wait(0.3):
            made.append(cluster.register([moving]))

    worker = threading.Thread(target=work)
    worker.start()
    try:
        result = cluster.deploy(sync_agent_hosts_out=[leaver])
    finally:
        over.set()
        worker.join()
    assert result.stats[leaver]["failures"] == result.stats[taker]["failures"] == 0
    wait_until(lambda: cluster.serves(leaver) == set(), timeout=60)
    wait_until(lambda: cluster.serves(taker) == set(CONNECTIONS), timeout=60)
    assert len(made) > 3
    wait_until(lambda: set(made) <= set(cluster.models()), timeout=60)
    assert cluster.models() == sorted(made), "each of them once"

    # The one who leaves has let go before the other one begins.
    gone = [line["time"] for line in cluster.log(leaver) if line["message"] == "the agent has stopped"]
    begun = [line["time"] for line in cluster.log(taker) if line["message"].startswith("the agent runs with pid")]
    assert len(gone) == 1
    assert len(begun) == 2
    assert gone[0] <= begun[1]
