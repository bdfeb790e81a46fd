# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The unit and the quadlet of the sync_agent role, judged by systemd's own tools and by podman's generator."""

from __future__ import annotations

import os
import pathlib
import re
import shlex
import subprocess

import jinja2
import pytest
import yaml

CHECKOUT = pathlib.Path(__file__).resolve().parents[3]
ROLE = CHECKOUT / "roles" / "sync_agent"
QUADLET = CHECKOUT / ".ansible" / "tools" / "quadlet"
CREDENTIALS = [
    {"name": "aws", "path": "/etc/wxgov-sagemaker/aws", "variable": "AWS_SHARED_CREDENTIALS_FILE"},
    {"name": "token", "path": "/etc/wxgov-sagemaker/token"},
]
# Of what [Container] may have since podman has quadlets, by supportedContainerKeys in pkg/systemd/quadlet/quadlet.go:
# the generator that the tests run is a newer one.
PODMAN_KEYS = {
    *("ContainerName", "Environment", "EnvironmentFile", "Exec", "Image", "Network", "Notify", "PodmanArgs"),
    *("DropCapability", "NoNewPrivileges", "ReadOnly", "User", "VolatileTmp", "Volume"),
}


def render(template, **variables):
    """A template with the role's defaults, as it comes out of Ansible."""
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, trim_blocks=True, autoescape=False)
    environment.filters["combine"] = lambda one, other: {**one, **other}
    environment.filters["regex_replace"] = lambda text, pattern, new: re.sub(pattern, new, text)
    given = {
        **yaml.safe_load((ROLE / "defaults" / "main.yml").read_text()),
        "ansible_managed": "Ansible managed",
        "sync_agent_user": "wxgov-sagemaker",
        "__sync_agent_launcher": "/bin/true",
        "__sync_agent_config_file": "/etc/wxgov-sagemaker/agent.json",
        "__sync_agent_environment_file": "/etc/wxgov-sagemaker/agent.env",
        "__sync_agent_image": "localhost/wxgov-sync-agent:0.1.0-abc",
        "__sync_agent_user_made": {"uid": 998},
        "sync_agent_credentials": CREDENTIALS,
        **variables,
    }
    return environment.from_string((ROLE / "templates" / template).read_text()).render(given)


def sections(text):
    """The entries of a unit file: a list of (key, value) by section."""
    found, current = {}, None
    for line in text.splitlines():
        if line.startswith("["):
            current = found.setdefault(line.strip("[]"), [])
        elif line and not line.startswith("#"):
            current.append(tuple(line.split("=", 1)))
    return found


@pytest.fixture
def unit(tmp_path):
    path = tmp_path / "wxgov-sync-agent.service"
    path.write_text(render("wxgov-sync-agent.service.j2"))
    return path


def analyze(*arguments):
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, check=False, timeout=120)


def test_systemd_finds_nothing_to_say_about_the_unit(unit):
    verdict = analyze("verify", unit)
    assert (verdict.returncode, verdict.stdout + verdict.stderr) == (0, "")


def test_the_unit_is_shut_in_well(unit):
    """An exposure of at most 2.0 of 10; what remains is the network, which is the agent's work, and a user by name."""
    verdict = analyze("security", "--offline=true", "--threshold=20", "--no-pager", unit)
    assert verdict.returncode == 0, verdict.stdout + verdict.stderr
    level = float(re.search(r"Overall exposure level for \S+: ([\d.]+)", verdict.stdout)[1])
    print(f"exposure: {level}")
    assert level <= 2.0


def test_the_unit_is_supervised_and_bounded(unit):
    entries = sections(unit.read_text())
    service = dict(entries["Service"])
    assert (service["Type"], service["NotifyAccess"], service["WatchdogSec"]) == ("notify", "main", "60")
    assert (service["Restart"], dict(entries["Unit"])["StartLimitBurst"]) == ("always", "20")
    assert {"MemoryMax", "TasksMax", "LimitNOFILE", "TimeoutStopSec"} <= service.keys()
    assert service["StateDirectory"] == "wxgov-sagemaker"
    assert "ReadWritePaths" not in service
    loaded = [value for key, value in entries["Service"] if key == "LoadCredential"]
    assert loaded == ["aws:/etc/wxgov-sagemaker/aws", "token:/etc/wxgov-sagemaker/token"]
    assert service["Environment"] == "AWS_SHARED_CREDENTIALS_FILE=%d/aws"


def test_state_elsewhere_is_all_that_the_unit_may_write(tmp_path):
    entries = dict(sections(render("wxgov-sync-agent.service.j2", sync_agent_state_dir="/srv/wxgov"))["Service"])
    assert entries["ReadWritePaths"] == "/srv/wxgov"
    assert "StateDirectory" not in entries


def generate(folder, text):
    """What podman's generator makes of a quadlet, as it would at each start of systemd."""
    path = folder / "wxgov-sync-agent.container"
    path.write_text(text)
    environment = {**os.environ, "QUADLET_UNIT_DIRS": str(folder)}
    return subprocess.run(
        [QUADLET, "-dryrun"], capture_output=True, text=True, check=False, timeout=60, env=environment
    )


def test_podman_makes_the_unit_that_is_wanted_of_the_quadlet(tmp_path):
    text = render("wxgov-sync-agent.container.j2", sync_agent_watchdog_seconds=45, sync_agent_timeout=70)
    assert {key for key, _value in sections(text)["Container"]} <= PODMAN_KEYS
    made = generate(tmp_path, text)
    assert made.returncode == 0, made.stderr
    title, unit = made.stdout.split("\n", 1)
    assert title == "---wxgov-sync-agent.service---"
    service = sections(unit)["Service"]
    # systemd's copies would be root's, and the container is not root: the role refuses them.
    assert "LoadCredential" not in dict(service)
    assert {("Type", "notify"), ("NotifyAccess", "all"), ("WatchdogSec", "45"), ("TimeoutStopSec", "70")} <= {*service}
    command = shlex.split(dict(service)["ExecStart"])
    options, image, arguments = command[:-4], command[-4], command[-3:]
    assert image == "localhost/wxgov-sync-agent:0.1.0-abc"
    assert arguments == ["run", "--config", "/etc/wxgov-sagemaker/agent.json"]
    pairs = {*zip(options, options[1:], strict=False)}
    assert pairs >= {
        ("--network", "host"),
        ("--user", "998"),
        ("--cap-drop", "all"),
        ("--security-opt", "label=disable"),
        ("--env-file", "/etc/wxgov-sagemaker/agent.env"),
        ("--env", "WATCHDOG_USEC=45000000"),
        ("-v", "/etc/wxgov-sagemaker:/etc/wxgov-sagemaker:ro"),
        ("-v", "/var/lib/wxgov-sagemaker:/var/lib/wxgov-sagemaker"),
    }
    wanted = {"--sdnotify=container", "--read-only", "--security-opt=no-new-privileges", "--stop-timeout=70"}
    assert {*options} >= wanted | {"--memory=512M", "--pids-limit=256"}
    path = tmp_path / "wxgov-sync-agent.service"
    path.write_text(unit)
    verdict = analyze("verify", path)
    said = [line for line in verdict.stderr.splitlines() if "/usr/bin/podman is not executable" not in line]
    assert said == []


def test_podman_refuses_a_key_that_it_does_not_know(tmp_path):
    """So that the test above could fail."""
    made = generate(tmp_path, render("wxgov-sync-agent.container.j2").replace("ReadOnly=", "ReadsOnly="))
    assert made.returncode != 0
    assert "unsupported key 'ReadsOnly'" in made.stderr


def test_the_image_installs_only_what_has_a_known_hash():
    online, offline = (
        render("Containerfile.j2", sync_agent_base_image="example/python@sha256:1", sync_agent_wheelhouse=wheels)
        for wheels in ("", "/srv/wheels")
    )
    for recipe in (online, offline):
        assert recipe.splitlines()[1] == "FROM example/python@sha256:1"
        assert "--require-hashes" in recipe
        assert "--only-binary=:all:" in recipe
    assert "--no-index --find-links /build" in offline
    assert "--no-index" not in online


def test_the_environment_is_quoted_for_systemd_and_not_for_podman():
    given = {"sync_agent_environment": {"TOKEN": 'a "b" \\'}, "__sync_agent_deployment": "abc"}
    systemd, podman = (
        render("agent.env.j2", __sync_agent_in_container=container, **given) for container in (False, True)
    )
    assert systemd.splitlines() == ['TOKEN="a \\"b\\" \\\\"', 'WXGOV_AGENT_DEPLOYMENT="abc"']
    assert podman.splitlines() == ['TOKEN=a "b" \\', "WXGOV_AGENT_DEPLOYMENT=abc"]
