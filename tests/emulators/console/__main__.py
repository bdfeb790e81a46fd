# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""python -m tests.emulators.console --port 8002: run the console until Ctrl-C or SIGTERM."""

from __future__ import annotations

import argparse
import signal
import threading

from .server import ConsoleEmulator


def main() -> None:
    """Run the emulator in the foreground."""
    parser = argparse.ArgumentParser(prog="python -m tests.emulators.console", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="port to listen on (default: a free one)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="decides all numeric ids (default: %(default)s)")
    options = parser.parse_args()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with ConsoleEmulator(options.port, options.host, options.seed) as emulator:
        account = emulator.account
        print(f"Governance console: {emulator.url}", flush=True)
        print(f"API key {account.api_key}, instance {account.instance}, user {account.user_name}", flush=True)
        stop.wait()


if __name__ == "__main__":
    main()
