# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rooms that are copied to the agent's host: importable there under another name, without Ansible."""

from __future__ import annotations

import pathlib
import shutil
import subprocess
import sys

import pytest

import ansible_collections.wxgov.sagemaker.plugins.module_utils.errors as root

SOURCE = pathlib.Path(root.__file__).resolve().parent
ROOMS = ("pacing", "registry", "console", "connection", "preflight")
BLOCKED = "import sys\nfor name in {names!r}: sys.modules[name] = None\nsys.path.insert(0, {path!r})\n"


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    folder = tmp_path_factory.mktemp("host")
    target = folder / "wxgov_sagemaker"
    target.mkdir()
    for path in SOURCE.glob("*.py"):
        shutil.copy(path, target)
    for room in ROOMS:
        shutil.copytree(SOURCE / room, target / room, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def run(package, code, *names):
    start = BLOCKED.format(names=("ansible", "ansible_collections", *names), path=str(package))
    return subprocess.run([sys.executable, "-c", start + code], capture_output=True, text=True, check=False)


def test_every_file_is_importable_without_ansible_and_without_the_libraries(package):
    modules = [
        ".".join(path.relative_to(package).with_suffix("").parts)
        for path in sorted(package.rglob("*.py"))
        if path.name != "__init__.py"
    ]
    assert len(modules) > 20
    code = f"import importlib\nfor name in {modules!r}: importlib.import_module(name)\nprint('imported')"
    done = run(package, code, "requests", "urllib3", "boto3", "botocore")
    assert done.stdout == "imported\n", done.stderr


CONNECT = """
from wxgov_sagemaker.console.client import connect
from wxgov_sagemaker.errors import WxgovError
try:
    connect("https://host", auth_method="basic", auth_options={"username": "a", "password": "b"})
except WxgovError as error:
    print(error)
"""
SESSION = """
from wxgov_sagemaker.connection.aws_session import known_regions, session_for
from wxgov_sagemaker.errors import WxgovError
assert known_regions() is None
try:
    session_for(None)
except WxgovError as error:
    print(error)
"""


@pytest.mark.parametrize(("library", "code"), [("requests", CONNECT), ("boto3", SESSION)])
def test_a_library_that_is_missing_is_named(library, code, package):
    done = run(package, code, library)
    assert f'"{library}" is missing on this host' in done.stdout, done.stderr
