# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plays share zips where they would make the same ones, and only there."""

from __future__ import annotations

import os

import pytest

from tests.harness.playbook import SITE, environment, run_playbook

MODULE = "from ansible.module_utils.basic import AnsibleModule\nAnsibleModule({}).exit_json(told='%s')\n"


@pytest.fixture
def collection(tmp_path):
    folder = tmp_path / "collections" / "ansible_collections" / "wxgov" / "sagemaker" / "plugins" / "modules"
    folder.mkdir(parents=True)
    return folder


def test_a_module_that_changed_between_two_plays_is_packed_anew(collection, tmp_path):
    paths = {"ANSIBLE_COLLECTIONS_PATH": str(tmp_path / "collections")}
    task = {"name": "told", "wxgov.sagemaker.one": {}}
    play = [{"hosts": "localhost", "gather_facts": False, "tasks": [task]}]
    told, folders = [], []
    for text in ("first", "second", "second"):
        if not told or told[-1] != text:
            (collection / "one.py").write_text(MODULE % text)
        told.append(run_playbook(play, env=paths).check().one("told")["told"])
        folders.append(environment(paths)["WXGOV_TEST_ZIPS"])
    assert told == ["first", "second", "second"]
    assert folders[0] != folders[1] == folders[2]
    for folder in folders:
        assert [name for name in os.listdir(folder) if "sagemaker.plugins.modules.one" in name]


def test_another_place_is_another_collection(tmp_path):
    one, other = (environment({"ANSIBLE_COLLECTIONS_PATH": str(tmp_path / name)}) for name in "ab")
    assert one["WXGOV_TEST_ZIPS"] != other["WXGOV_TEST_ZIPS"]


def test_a_python_path_of_the_plays_own_is_kept():
    assert environment({"PYTHONPATH": "/a:/b"})["PYTHONPATH"] == f"{SITE}:/a:/b"


def test_nothing_is_shared_where_no_folder_is_named(monkeypatch):
    monkeypatch.delenv("TEST_SHARED_FOLDER")
    alone = environment()
    assert "WXGOV_TEST_ZIPS" not in alone
    assert alone["ANSIBLE_CALLBACKS_ENABLED"] == "recorder"
