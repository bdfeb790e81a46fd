# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults on demand: what goes wrong with which requests, and how often."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from .errors import bad_request
from .web import Answer, html_answer, json_answer

LOGIN_PAGE = "<!DOCTYPE html><html><head><title>Log in</title></head><body><form>OpenPages</form></body></html>"
LOGIN_PATH = "/openpages/logon.jsp"

# Of these the console has done what the request asked; of the others it has not.
APPLIED = ("latency", "lost_response", "truncate")
KINDS = (*APPLIED, "status", "html", "redirect", "reset")


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong.

    kind           latency        answered after ``seconds``
                   status         ``status``, with Retry-After if ``retry_after`` is set; nothing done
                   html           a web page with status 200; nothing done
                   redirect       302 to the login page; nothing done
                   reset          the connection is reset; nothing done
                   lost_response  done, then the connection closes without an answer
                   truncate       done, then half of the answer's body arrives
    method, path   which requests: None is any; ``path`` is the begin of a counter's name ("contents") or of a request's
                   path below /v2 ("contents/4710")
    times          how many requests, None for all to come; ``skip`` lets as many through before
    """

    kind: str
    method: str | None = None
    path: str | None = None
    status: int = 503
    retry_after: float | None = None
    seconds: float = 0.0
    times: int | None = 1
    skip: int = 0

    def hits(self, method: str, name: str, path: str) -> bool:
        """Tell whether the fault is about a request. ``name`` is its counter's name without the method."""
        if self.method not in (None, method):
            return False
        return self.path is None or name.startswith(self.path) or path.startswith(self.path)


class Faults:
    """The faults that are due. Thread-safe."""

    def __init__(self, sleep: Callable[[float], None] = time.sleep) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._sleep = sleep

    def add(self, fault: Fault) -> None:
        """Let a fault happen from now on."""
        if fault.kind not in KINDS:
            raise bad_request(f"There is no fault {fault.kind!r}; there are {', '.join(KINDS)}")
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        """Forget all faults."""
        with self._lock:
            self._faults.clear()

    @property
    def pending(self) -> int:
        """How many faults no request has met yet."""
        with self._lock:
            return len(self._faults)

    def due(self, method: str, name: str, path: str) -> list[Fault]:
        """Return the faults that hit a request, and count them down: every latency, and the first of another kind."""
        due: list[Fault] = []
        with self._lock:
            left: list[Fault] = []
            for fault in self._faults:
                blocked = fault.kind != "latency" and any(other.kind != "latency" for other in due)
                if blocked or not fault.hits(method, name, path):
                    left.append(fault)
                elif fault.skip > 0:
                    left.append(replace(fault, skip=fault.skip - 1))
                else:
                    due.append(fault)
                    left += _counted_down(fault)
            self._faults = left
        return due

    def around(self, due: list[Fault], answer: Callable[[], Answer]) -> Answer:
        """Return what becomes of an answer. ``answer`` does the request's work; it is called if the fault lets it."""
        broken = None
        for fault in due:
            if fault.kind == "latency":
                self._sleep(fault.seconds)
            else:
                broken = fault
        if broken is None:
            return answer()
        if broken.kind in APPLIED:
            return replace(answer(), cut="lost" if broken.kind == "lost_response" else "half")
        return _instead(broken)


def _counted_down(fault: Fault) -> list[Fault]:
    if fault.times is None:
        return [fault]
    return [replace(fault, times=fault.times - 1)] if fault.times > 1 else []


def _instead(fault: Fault) -> Answer:
    if fault.kind == "html":
        return html_answer(LOGIN_PAGE)
    if fault.kind == "redirect":
        return login_redirect()
    if fault.kind == "reset":
        return Answer(500, cut="reset")
    answer = json_answer({"message": f"Injected fault: status {fault.status}"}, fault.status)
    if fault.retry_after is None:
        return answer
    return replace(answer, headers={"Retry-After": f"{fault.retry_after:g}"})


def login_redirect() -> Answer:
    """Return the answer to a request without session or outside the API's context path."""
    return Answer(302, LOGIN_PAGE.encode(), "text/html; charset=utf-8", {"Location": LOGIN_PATH})


def from_json(body: Mapping[str, Any]) -> Fault:
    """Return the fault that a request of the control surface describes. Raises ApiError (400)."""
    match = body.get("match") or {}
    values = {key: body[key] for key in ("kind", "status", "retry_after", "seconds", "times", "skip") if key in body}
    if not isinstance(match, dict) or "kind" not in values or set(body) - {*values, "match"}:
        raise bad_request("A fault has kind and may have match, status, retry_after, seconds, times and skip")
    numbers = (int, float, type(None))
    if not all(isinstance(value, numbers) for key, value in values.items() if key != "kind"):
        raise bad_request("status, retry_after, seconds, times and skip of a fault are numbers")
    return Fault(method=match.get("method"), path=match.get("path"), **values)
