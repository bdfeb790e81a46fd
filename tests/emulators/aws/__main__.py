# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Serve the emulator: ``python -m tests.emulators.aws --port 5580``. Prints its address; SIGINT or SIGTERM ends it."""

from __future__ import annotations

import argparse
import signal
import threading

from tests.emulators.aws.server import AwsEmulator


def main() -> None:
    parser = argparse.ArgumentParser("python -m tests.emulators.aws", description="AWS emulator of wxgov.sagemaker")
    parser.add_argument("--port", type=int, default=0, help="TCP port; 0 takes a free one (default)")
    parser.add_argument("--host", default="127.0.0.1", help="address to bind (default 127.0.0.1)")
    options = parser.parse_args()
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    with AwsEmulator(port=options.port, host=options.host) as emulator:
        print(emulator.endpoint_url, flush=True)
        ended.wait()


if __name__ == "__main__":
    main()
