# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The arrows between rooms, read off the imports."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import yaml

CHECKOUT = Path(__file__).resolve().parents[2]
UTILS = CHECKOUT / "plugins" / "module_utils"
MAY_IMPORT = {
    "pacing": set(),
    "aws": set(),
    "registry": {"pacing"},
    "console": {"pacing"},
    "connection": {"pacing"},
    "sync": {"registry", "console", "connection", "pacing"},
    "preflight": {"registry", "console", "connection"},
    "agent": {"registry", "connection", "sync", "preflight"},
}


def imports(path: Path) -> list[ast.Import | ast.ImportFrom]:
    tree = ast.parse(path.read_text())
    return [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]


def absolute_names(path: Path) -> set[str]:
    names: set[str] = set()
    for node in imports(path):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif node.level == 0:
            names.add(node.module or "")
    return names


def rooms_imported(path: Path) -> set[str]:
    """The other rooms that a file of a room imports relatively (`..room.module`)."""
    return {
        (node.module or "").split(".")[0]
        for node in imports(path)
        if isinstance(node, ast.ImportFrom) and node.level == 2 and node.module
    } & set(MAY_IMPORT)


def files(room: str) -> list[Path]:
    found = sorted((UTILS / room).rglob("*.py"))
    assert found, f"the room {room} is empty"
    return found


@pytest.mark.parametrize("room", sorted(MAY_IMPORT))
def test_rooms_import_only_where_the_arrows_point(room):
    offences = {path.name: bad for path in files(room) if (bad := rooms_imported(path) - MAY_IMPORT[room])}
    assert offences == {}


@pytest.mark.parametrize("room", sorted(set(MAY_IMPORT) - {"aws"}))
def test_rooms_that_go_to_the_agents_host_know_nothing_of_ansible(room):
    offences = {
        path.name: bad
        for path in files(room)
        if (bad := {name for name in absolute_names(path) if name.split(".")[0] in ("ansible", "ansible_collections")})
    }
    assert offences == {}


def test_every_module_is_in_the_action_group_all():
    groups = yaml.safe_load((CHECKOUT / "meta" / "runtime.yml").read_text())["action_groups"]
    modules = {path.stem for path in (CHECKOUT / "plugins" / "modules").glob("*.py")} - {"__init__"}
    assert set(groups["all"]) == modules
    assert set(groups["aws"]) | set(groups["console"]) <= modules


def test_neither_side_of_an_emulator_imports_the_other():
    plugins = {path: absolute_names(path) for path in (CHECKOUT / "plugins").rglob("*.py")}
    emulators = {path: absolute_names(path) for path in (CHECKOUT / "tests" / "emulators").rglob("*.py")}
    assert emulators
    assert [path for path, names in plugins.items() if any(name.startswith("tests") for name in names)] == []
    foreign = ("plugins", "ansible_collections", "wxgov_sagemaker")
    assert [path for path, names in emulators.items() if any(name.split(".")[0] in foreign for name in names)] == []


def test_the_comparer_of_the_demo_shares_nothing_with_the_product():
    names = {name for path in (CHECKOUT / "tests" / "demo").rglob("*.py") for name in absolute_names(path)}
    assert not any(name.startswith(("ansible_collections", "plugins")) for name in names)
