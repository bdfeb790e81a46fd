# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""moto as it comes, in a process of its own, for comparison: only its clock can be pushed forward.

Prints its port, then takes lines from standard input: ``advance SECONDS`` or ``reset``, each answered by ``done``.
"""

from __future__ import annotations

import logging
import sys

from moto.moto_api._internal.models import moto_api_backend
from moto.server import ThreadedMotoServer

from tests.emulators.aws import clock


def main() -> None:
    logging.disable(logging.CRITICAL)
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
