# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""moto as it comes, in a process of its own, for comparison: only its clock can be pushed forward.

Prints its port, then takes lines from standard input: ``advance SECONDS`` or ``reset``, each answered by ``done``.
"""

from __future__ import annotations

import importlib.util
import logging
import sys
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from moto.moto_api._internal.models import moto_api_backend
from moto.server import ThreadedMotoServer

from tests.emulators.aws import clock


@dataclass(frozen=True, slots=True)
class _Match:
    value: Any


@dataclass(frozen=True, slots=True)
class _DottedPath:
    path: str

    def find(self, document: Any) -> list[_Match]:
        for step in self.path.removeprefix("$.").split("."):
            if not isinstance(document, dict) or step not in document:
                return []
            document = document[step]
        return [_Match(document)]


def supply_jsonpath() -> None:
    """moto's EventBridge imports jsonpath-ng, which comes only with an extra; the probes use dotted paths alone."""
    if importlib.util.find_spec("jsonpath_ng") is None:
        stand_in = ModuleType("jsonpath_ng.ext")
        stand_in.parse = _DottedPath
        sys.modules["jsonpath_ng"] = ModuleType("jsonpath_ng")
        sys.modules["jsonpath_ng.ext"] = stand_in


def main() -> None:
    logging.disable(logging.CRITICAL)
    supply_jsonpath()
    clock.install()
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    print(server.get_host_and_port()[1], flush=True)
    for line in sys.stdin:
        command, *arguments = line.split()
        if command == "advance":
            clock.CLOCK.advance(float(arguments[0]))
        else:
            moto_api_backend.reset()
            clock.CLOCK.reset()
        print("done", flush=True)


if __name__ == "__main__":
    main()
