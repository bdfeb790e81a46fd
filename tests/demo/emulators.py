# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts and stops the two emulators as processes of their own, on free ports of 127.0.0.1."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

CHECKOUT = Path(__file__).resolve().parents[2]
_URL = re.compile(r"http://127\.0\.0\.1:\d+")
PATIENCE = 30
"""Seconds that a process may take to start or stop."""


@dataclass(frozen=True)
class Emulator:
    """A running emulator."""

    name: str
    url: str
    process: subprocess.Popen[str]

    def calls(self) -> dict[str, int]:
        """Its counters: requests by operation since they were last cleared."""
        return requests.get(f"{self.url}/_emulator/calls", timeout=PATIENCE).json()["calls"]

    def clear_calls(self) -> None:
        """Zero the counters."""
        requests.delete(f"{self.url}/_emulator/calls", timeout=PATIENCE).raise_for_status()

    def control(self, path: str, document: Mapping[str, Any]) -> None:
        """Post a document to its control surface."""
        requests.post(f"{self.url}/_emulator/{path}", json=document, timeout=PATIENCE).raise_for_status()

    def stop(self) -> None:
        """End the process."""
        self.process.terminate()
        self.process.wait(PATIENCE)


def start(module: str, log: Path, environment: Mapping[str, str]) -> Emulator:
    """Start `python -m tests.emulators.MODULE --port 0` and wait for the address that it prints first.

    The process gets a session of its own, so that `KEEP=1` can leave it running when the terminal goes.
    """
    with log.open("w") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", f"tests.emulators.{module}", "--port", "0"],
            cwd=CHECKOUT,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stream,
            text=True,
            start_new_session=True,
        )
    first = process.stdout.readline() if process.stdout else ""
    match = _URL.search(first)
    if match is None:
        process.terminate()
        raise SystemExit(f"The {module} emulator did not start; see {log}.")
    return Emulator(module, match.group(), process)
