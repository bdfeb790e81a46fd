# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The programs of the sync_agent role that name, list and remove releases, and its pinned requirements."""

from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess
import sys
import zipfile

import pytest

FILES = pathlib.Path(__file__).resolve().parents[3] / "roles" / "sync_agent" / "files"


def run(*arguments):
    result = subprocess.run(
        [sys.executable, *map(str, arguments)], capture_output=True, text=True, check=True, timeout=60
    )
    return json.loads(result.stdout)


@pytest.fixture
def prefix(tmp_path):
    """Four releases, the third of which is in use and replaced the first; one was never finished."""
    for age, (name, environment) in enumerate([("one", "a"), ("two", "b"), ("three", "c"), ("four", "c")]):
        release = tmp_path / "releases" / name
        release.mkdir(parents=True)
        (tmp_path / "environments" / environment).mkdir(parents=True, exist_ok=True)
        (release / "venv").symlink_to(f"../../environments/{environment}")
        (release / ".complete").touch()
        os.utime(release / ".complete", (age, age))
    (tmp_path / "releases" / "broken").mkdir()
    (tmp_path / "releases" / "three" / "replaced").write_text("one\n")
    (tmp_path / "current").symlink_to("releases/three")
    return tmp_path


def left(prefix):
    return [sorted(path.name for path in (prefix / folder).iterdir()) for folder in ("releases", "environments")]


def test_releases_are_listed_newest_first(prefix):
    assert run(FILES / "releases.py", "list", prefix) == {
        "current": "three",
        "complete": ["four", "three", "two", "one"],
        "replaced": {"three": "one"},
    }


def test_a_host_without_releases_has_none(tmp_path):
    assert run(FILES / "releases.py", "list", tmp_path / "none") == {"current": "", "complete": [], "replaced": {}}
    assert run(FILES / "releases.py", "prune", tmp_path / "none", "1") == {"removed": []}


def test_what_is_in_use_and_what_it_replaced_stay_whatever_their_age(prefix):
    told = run(FILES / "releases.py", "prune", "--dry-run", prefix, "1")
    assert left(prefix)[0] == ["broken", "four", "one", "three", "two"]
    assert run(FILES / "releases.py", "prune", prefix, "1") == told
    assert [pathlib.Path(path).name for path in told["removed"]] == ["broken", "two", "b"]
    assert left(prefix) == [["four", "one", "three"], ["a", "c"]]
    assert run(FILES / "releases.py", "prune", prefix, "1") == {"removed": []}


def test_as_many_as_are_to_be_kept_stay(prefix):
    run(FILES / "releases.py", "prune", prefix, "3")
    assert left(prefix) == [["four", "one", "three", "two"], ["a", "b", "c"]]


def test_the_release_is_named_after_source_requirements_and_base(tmp_path):
    source = tmp_path / "collection" / "plugins" / "module_utils"
    (source / "agent").mkdir(parents=True)
    (source / "aws").mkdir()
    (tmp_path / "collection" / "galaxy.yml").write_text("---\nname: x\nversion: 1.2.3\n")
    (source / "agent" / "part.py").write_text("A = 1\n")
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("boto3\n")

    def names(base="python3", archive=None):
        return run(FILES / "pack.py", source, requirements, base, *([archive] if archive else []))

    first = names()
    assert first["release"].startswith("1.2.3-")
    (source / "aws" / "queue.py").write_text("left out\n")
    (source / "agent" / "notes.txt").write_text("left out\n")
    assert names() == first
    (source / "agent" / "part.py").write_text("A = 2\n")
    changed = names()
    assert changed["release"] != first["release"]
    assert changed["environment"] == first["environment"], "releases with the same requirements share it"
    other = names(base="python3.12")
    assert other["environment"] != changed["environment"]
    assert other["release"] != changed["release"]
    requirements.write_text("boto3==1\n")
    assert names()["environment"] not in (changed["environment"], other["environment"])
    for archive in ("a.zip", "b.zip"):
        names(archive=tmp_path / archive)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    assert zipfile.ZipFile(tmp_path / "a.zip").namelist() == ["wxgov_sagemaker/agent/part.py"]


def test_every_requirement_is_pinned_with_hashes():
    """requirements.txt is made of requirements.in; one edited by hand, or forgotten, is found here."""
    wanted = [line for line in (FILES / "requirements.in").read_text().splitlines() if not line.startswith("#")]
    blocks = (FILES / "requirements.txt").read_text().replace("\\\n", " ").splitlines()
    pinned = {block.split()[0]: block for block in blocks if not block.startswith("#")}
    assert set(wanted) <= set(pinned)
    assert all(re.fullmatch(r"[a-z0-9-]+==[\w.]+", name) for name in pinned)
    assert all("--hash=sha256:" in block for block in pinned.values())
