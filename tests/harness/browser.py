# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""A headless Chromium, driven over ChromeDriver's own protocol (W3C WebDriver, JSON over HTTP).

Both programs come from Debian (dev/install_system_packages.py). Everything stays on this machine: the flags keep
Chromium from looking for updates, and it has an empty profile of its own.
"""

from __future__ import annotations

import base64
import contextlib
import pathlib
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any

import requests

FLAGS = (
    "--headless=new",
    "--no-sandbox",  # tests run as root in containers; the page under test is our own
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
    "--force-device-scale-factor=1",
)
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
"""The name that the protocol gives to a reference to an element."""


class Browser:
    """One window. A method that fails raises AssertionError with what the driver says."""

    def __init__(self, driver_url: str, session: str) -> None:
        self._http = requests.Session()
        self._http.trust_env = False
        self._url = f"{driver_url}/session/{session}"

    def open(self, url: str) -> None:
        """Go to a page and wait until it is loaded."""
        self._ask("POST", "url", url=url)

    def run(self, script: str, *arguments: object) -> Any:
        """Run the body of a function in the page and return what it returns."""
        return self._ask("POST", "execute/sync", script=script, args=list(arguments))

    def wait(self, script: str, *arguments: object, timeout: float = 60) -> Any:
        """Run a script again and again until it returns something true."""
        deadline = time.monotonic() + timeout
        while not (found := self.run(script, *arguments)):
            assert time.monotonic() < deadline, f"it did not happen: {script}"
            time.sleep(0.05)
        return found

    def press(self, key: str) -> None:
        """Press and release one key, such as "\\ue004" (tab) or "\\ue007" (enter)."""
        keys = [{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]
        self._ask("POST", "actions", actions=[{"type": "key", "id": "keyboard", "actions": keys}])

    def command(self, name: str, **parameters: object) -> Any:
        """Send a command of Chromium's own protocol (DevTools)."""
        return self._ask("POST", "goog/cdp/execute", cmd=name, params=parameters)

    def size(self, width: int, height: int, *, phone: bool = False) -> None:
        """Make the page so many CSS pixels large."""
        self.command(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone
        )

    def prefer(self, **features: str) -> None:
        """Set media features, such as prefers_color_scheme="dark"."""
        named = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
        self.command("Emulation.setEmulatedMedia", features=named)

    def scripts(self, enabled: bool) -> None:
        """Allow or forbid the pages' scripts; holds from the next page on."""
        self.command("Emulation.setScriptExecutionDisabled", value=not enabled)

    def picture(self, path: pathlib.Path) -> None:
        """Write what is to be seen as PNG."""
        found = self.command("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(found["data"]))

    def log(self) -> list[str]:
        """What the browser complained about since the last call, such as violated policies."""
        return [str(entry["message"]) for entry in self._ask("POST", "se/log", type="browser")]

    def close(self) -> None:
        """Close the window and end Chromium."""
        self._ask("DELETE", "")
        self._http.close()

    def _ask(self, method: str, path: str, **body: object) -> Any:
        url = f"{self._url}/{path}" if path else self._url
        answer = self._http.request(method, url, json=body if method == "POST" else None, timeout=120)
        value = answer.json()["value"]
        assert answer.ok, value
        return value


@contextlib.contextmanager
def browser() -> Iterator[Browser]:
    """A browser until the end of the block."""
    with _driver() as driver_url, tempfile.TemporaryDirectory() as profile:
        options = {
            "binary": _program("chromium"),
            "args": [*FLAGS, f"--user-data-dir={profile}"],
        }
        wanted = {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        http = requests.Session()
        http.trust_env = False
        with http:
            answer = http.post(f"{driver_url}/session", json={"capabilities": {"alwaysMatch": wanted}}, timeout=120)
        value = answer.json()["value"]
        assert answer.ok, value
        opened = Browser(driver_url, value["sessionId"])
        try:
            yield opened
        finally:
            opened.close()


@contextlib.contextmanager
def _driver() -> Iterator[str]:
    command = [_program("chromedriver"), "--port=0", "--log-level=SEVERE"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{_port(process.stdout.readline)}"
    finally:
        process.terminate()
        process.wait(30)
        assert process.stdout is not None
        process.stdout.close()


def _port(read_line: Callable[[], str]) -> int:
    while line := read_line():
        found = re.search(r"started successfully on port (\d+)", line)
        if found:
            return int(found[1])
    raise AssertionError("ChromeDriver ended before it began")


def _program(name: str) -> str:
    path = shutil.which(name)
    assert path is not None, f"{name} is missing: run make setup, which installs it"
    return path
