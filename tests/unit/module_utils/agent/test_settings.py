# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings file is accepted as a whole or refused with every reason."""

from __future__ import annotations

import dataclasses
import json
import pathlib

import pytest

from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.errors import SettingsError
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.settings import (
    BOUNDS,
    Settings,
    load_settings,
    read_settings,
    take_over,
)

NEEDED = {"connections_dir": "/etc/c", "state_dir": "/var/s"}


def test_directories_are_enough():
    settings = read_settings(NEEDED)
    assert (settings.workers, settings.receive_wait_seconds) == (32, 20)
    assert (settings.full_sweep_seconds, settings.incremental_sweep_seconds) == (86_400, 600)
    assert settings.queue_retention_seconds == 14 * 86_400
    assert str(settings.state_dir) == "/var/s"


@pytest.mark.parametrize("name", sorted(BOUNDS))
def test_each_number_has_a_least_and_a_greatest_value(name):
    least, most = BOUNDS[name]
    for value in (least, most):
        assert getattr(read_settings({**NEEDED, name: value}), name) == value
    for value in (least - 1, most + 1, float("nan"), True, "3", None):
        with pytest.raises(SettingsError, match=f"{name} is .* must be"):
            read_settings({**NEEDED, name: value})


def test_a_number_of_threads_is_whole():
    with pytest.raises(SettingsError, match="whole number"):
        read_settings({**NEEDED, "workers": 2.5})


@pytest.mark.parametrize("value", ["relative/path", 7, None])
def test_directories_are_absolute(value):
    with pytest.raises(SettingsError, match="state_dir is .* absolute"):
        read_settings({**NEEDED, "state_dir": value})


def test_all_problems_are_named_at_once():
    with pytest.raises(SettingsError) as caught:
        read_settings({"wrokers": 3, "log_format": "xml", "connections_dir": "/c"})
    for part in ("wrokers is not a setting", "state_dir is missing", "log_format is 'xml'"):
        assert part in str(caught.value)


def test_all_connections_of_the_directory_are_worked_on_unless_names_are_given():
    for given in ({}, {"connections": "all"}):
        assert read_settings({**NEEDED, **given}).connections is None
    assert read_settings({**NEEDED, "connections": ["b", "a", "b"]}).connections == ("b", "a")
    assert read_settings({**NEEDED, "connections": []}).connections == ()


@pytest.mark.parametrize("value", ["prod", None, 7, {"prod": True}])
def test_the_names_of_connections_are_a_list_or_all(value):
    with pytest.raises(SettingsError, match='must be "all" or a list'):
        read_settings({**NEEDED, "connections": value})


@pytest.mark.parametrize("name", ["../etc/passwd", "", "Prod", 3, None, ["a"]])
def test_what_cannot_be_a_connections_name_is_named(name):
    with pytest.raises(SettingsError, match="connections holds"):
        read_settings({**NEEDED, "connections": ["prod", name]})


def test_connections_may_be_in_secrets_manager():
    given = {"connections_store": "secretsmanager", "secrets_prefix": "gov/", "secrets_region": "eu-west-1"}
    store = read_settings({"state_dir": "/var/s", **given}).store
    assert (store.kind, store.prefix, store.region) == ("secretsmanager", "gov/", "eu-west-1")
    for name, value in (("connections_store", "vault"), ("secrets_prefix", ""), ("secrets_region", 7)):
        with pytest.raises(SettingsError, match=f"{name} is "):
            read_settings({**NEEDED, name: value})


@pytest.mark.parametrize(("text", "message"), [("{", "not JSON"), ("[]", "one JSON object"), ("{}", "is missing")])
def test_a_bad_file_is_named(tmp_path, text, message):
    path = tmp_path / "agent.json"
    path.write_text(text)
    with pytest.raises(SettingsError, match=message) as caught:
        load_settings(path)
    assert str(path) in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(SettingsError, match="No such file"):
        load_settings(tmp_path / "agent.json")


def test_a_file_is_read(tmp_path):
    path = tmp_path / "agent.json"
    path.write_text(json.dumps({**NEEDED, "workers": 3}))
    assert load_settings(path).workers == 3


OTHERS = {
    "state_dir": pathlib.Path("/other"),
    "connections_store": "secretsmanager",
    "connections_dir": pathlib.Path("/other"),
    "connections": ("other",),
    "log_format": "json",
    "log_level": "debug",
    "listen": "127.0.0.1:1",
    "listen_token_file": pathlib.Path("/other"),
    "secrets_prefix": "other/",
    "secrets_region": "eu-west-1",
}
AT_START = {"state_dir", "listen", "listen_token_file"}
WITH_THE_CONNECTIONS = {
    "dirty_limit",
    "full_sweep_seconds",
    "incremental_sweep_seconds",
    "sweep_overlap_seconds",
    "console_poll_seconds",
    "queue_retention_seconds",
    "receive_wait_seconds",
}


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Settings)])
def test_each_setting_is_taken_over_or_named(name):
    """A new setting has to be put where it belongs, here and there."""
    old = read_settings(NEEDED)
    value = OTHERS[name] if name in OTHERS else BOUNDS[name][0]
    new = dataclasses.replace(old, **{name: value})
    taken = take_over(old, new)
    if name in AT_START:
        assert (taken.settings, taken.left, taken.begin_anew) == (old, (name,), False)
    else:
        assert (taken.settings, taken.left) == (new, ())
        assert taken.begin_anew == (name in WITH_THE_CONNECTIONS)
