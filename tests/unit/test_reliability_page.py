# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/reliability.md names a test for each fault, and each test that it names is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
PAGE = (CHECKOUT / "docs" / "reliability.md").read_text(encoding="utf-8")
FOLDERS = {
    "unit/": "tests/unit/module_utils/",
    "console/": "tests/unit/module_utils/console/",
    "connection/": "tests/unit/module_utils/connection/",
    "sync/": "tests/integration/sync/",
    "agent/": "tests/integration/agent/",
    "schedules/": "tests/integration/schedules/",
}
_NAMED = re.compile(r"`([\w/]+\.py|…)(?:::(\w+))?`")


def named_tests() -> list[tuple[str, str]]:
    """(file, test) of each test that the page names; "…" is the file named before; "" is a whole file."""
    found: list[tuple[str, str]] = []
    last = ""
    for match in _NAMED.finditer(PAGE):
        last = last if match[1] == "…" else match[1]
        if "/" in last:
            found.append((last, match[2] or ""))
    return found


def rows(heading: str) -> list[str]:
    """The rows of the table under a heading."""
    part = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return [line for line in part.splitlines() if re.match(r"\| \d", line)]


@pytest.mark.parametrize(("file", "test"), sorted(set(named_tests())))
def test_a_test_that_is_named_is_there(file, test):
    prefix = next((prefix for prefix in FOLDERS if file.startswith(prefix)), "")
    path = CHECKOUT / (FOLDERS[prefix] + file.removeprefix(prefix) if prefix else file)
    assert path.is_file(), file
    assert not test or re.search(rf"^def {test}\(", path.read_text(encoding="utf-8"), re.MULTILINE), test


def test_each_fault_of_the_matrix_has_a_test():
    numbers = set()
    for row in rows("Agent"):
        _begin, which, _fault, _result, tests, _end = row.split("|")
        assert "::test_" in tests, row
        numbers |= {int(number) for number in which.split(",")}
    assert numbers == set(range(1, 26))
    assert len(named_tests()) > 60, "the page was read"
