# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""What plays keep of compiled zips is the code of the zip at hand, and never that of another one."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile

import pytest

from tests.harness.playbook import environment

PROGRAM = "import sys; sys.path.insert(0, sys.argv[1]); import part; print(part.VALUE, part.where.__code__.co_filename)"


@pytest.fixture
def run(tmp_path):
    kept = tmp_path / "kept"
    kept.mkdir()

    def run(name, source):
        archive = tmp_path / name
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("part.py", source)
        command = [sys.executable, "-c", PROGRAM, archive]
        given = {**environment(), "WXGOV_TEST_BYTECODE": str(kept)}
        told = subprocess.run(command, env=given, check=True, capture_output=True, text=True, timeout=60)
        assert told.stderr == ""
        return told.stdout.split(), {path.name: path.stat().st_mtime_ns for path in kept.iterdir()}

    return run


def test_the_same_source_is_compiled_once_and_named_after_its_own_zip(run, tmp_path):
    source = "VALUE = 1\ndef where(): return 1\n"
    told, kept = run("a.zip", source)
    assert told == ["1", os.path.join(tmp_path, "a.zip", "part.py")]
    assert len(kept) == 1
    assert run("b.zip", source) == (["1", os.path.join(tmp_path, "b.zip", "part.py")], kept)


def test_a_changed_source_in_the_same_place_is_compiled_anew(run):
    (_told, first) = run("a.zip", "VALUE = 1\ndef where(): return 1\n")
    (told, second) = run("a.zip", "VALUE = 2\ndef where(): return 1\n")
    assert told[0] == "2"
    assert second.keys() > first.keys()
