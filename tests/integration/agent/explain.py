# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a failed test of an agent shows besides its assertion: status, log, calls, and what each thread was at."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import signal
import time
from collections.abc import Iterator, Mapping
from typing import Any

LOG_LINES = 150
STACK_SECONDS = 10.0


def sections(fixtures: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Titles and texts for a report, of each agent's home and each emulator among a test's fixtures."""
    emulators = {id(value): name for name, value in fixtures.items() if callable(getattr(value, "calls", None))}
    for name in emulators.values():
        yield f"calls of {name}", json.dumps(fixtures[name].calls(), indent=1)
    for name, value in fixtures.items():
        if hasattr(value, "processes"):
            yield from _of_home(name, value)


def _of_home(name: str, home: Any) -> Iterator[tuple[str, str]]:
    codes = {process.pid: process.poll() for process in home.processes}
    yield f"agents of {name}", f"exit codes (null: it lives): {json.dumps(codes)}"
    yield f"status of {name}", json.dumps(home.status(), indent=1)
    yield f"log of {name}, the last {LOG_LINES} lines", "\n".join(_lines(home.log)[-LOG_LINES:])
    stacks = [f"pid {process.pid}\n{_stacks(home.log, process.pid)}" for process in home.processes if _listens(process)]
    yield f"stacks of {name}", "\n".join(stacks)


def _lines(log: pathlib.Path) -> list[str]:
    return log.read_text(errors="replace").splitlines() if log.exists() else []


def _listens(process: Any) -> bool:
    """Whether a process lives and does not die of the signal; one that just starts would."""
    if process.poll() is not None:
        return False
    for line in pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("SigCgt:"):
            return bool(int(line.split()[1], 16) >> (signal.SIGUSR1 - 1) & 1)
    return False


def _stacks(log: pathlib.Path, pid: int) -> str:
    """Ask the agent what its threads are at. It answers in its log: the stack of its main thread comes last."""
    known = len(_lines(log))
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGUSR1)
    deadline = time.monotonic() + STACK_SECONDS
    while time.monotonic() < deadline and not any(line.startswith("Current thread") for line in _lines(log)[known:]):
        time.sleep(0.1)
    time.sleep(0.2)  # the frames below that line
    return "\n".join(line for line in _lines(log)[known:] if not line.startswith("{"))
