# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The emulator's control surface: JSON over HTTP under /_emulator/, on the port of the emulator itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.emulators.aws.server import AwsEmulator


class ControlError(ValueError):
    """A control request that cannot be served; answered with 400 and the message."""


Handler = Callable[["AwsEmulator", dict[str, Any]], dict[str, Any] | None]


def _advance(emulator: AwsEmulator, given: dict[str, Any]) -> dict[str, Any]:
    return {"now": emulator.advance(float(given["advance"])).isoformat()}


def _throttle(emulator: AwsEmulator, given: dict[str, Any]) -> None:
    emulator.throttle(given["operation"], rate=given.get("rate"), burst=given.get("burst", 1))


def _delivery(emulator: AwsEmulator, given: dict[str, Any]) -> dict[str, Any]:
    if given.get("hold") is True:
        emulator.delivery.hold()
    elif given.get("hold") is False:
        return {"delivered": emulator.delivery.release(reverse=bool(given.get("reverse")))}
    else:
        emulator.delivery.configure(**given)
    return {"waiting": emulator.delivery.waiting}


def _faults(emulator: AwsEmulator, given: dict[str, Any]) -> None:
    emulator.fault(**given)


def _preload(emulator: AwsEmulator, given: dict[str, Any]) -> dict[str, Any]:
    return {"groups": emulator.preload_registry(**given)}


def _user_profile(emulator: AwsEmulator, given: dict[str, Any]) -> None:
    emulator.set_user_profile(given["access_key"], given["user_profile_name"], given["domain_id"])


def _registry(emulator: AwsEmulator, given: dict[str, Any]) -> None:
    emulator.configure_registry(**given)


def _inject(emulator: AwsEmulator, given: dict[str, Any]) -> None:
    emulator.inject_event(given["account"], given["region"], given["event"])


def _authorization(emulator: AwsEmulator, given: dict[str, Any]) -> None:
    emulator.enforce_iam(bool(given["enforce"]))


def _reset(emulator: AwsEmulator, given: dict[str, Any]) -> None:
    emulator.reset()


def _clear_calls(emulator: AwsEmulator, given: dict[str, Any]) -> None:
    emulator.clear_calls()


ROUTES: dict[tuple[str, str], Handler] = {
    ("GET", "health"): lambda emulator, given: {"status": "ok"},
    ("POST", "reset"): _reset,
    ("GET", "calls"): lambda emulator, given: {"calls": emulator.calls(), "throttled": emulator.throttled_calls()},
    ("DELETE", "calls"): _clear_calls,
    ("POST", "clock"): _advance,
    ("POST", "throttle"): _throttle,
    ("POST", "delivery"): _delivery,
    ("POST", "faults"): _faults,
    ("POST", "preload"): _preload,
    ("POST", "user-profile"): _user_profile,
    ("POST", "registry"): _registry,
    ("POST", "events"): _inject,
    ("POST", "authorization"): _authorization,
}


@dataclass(frozen=True, slots=True)
class ControlApplication:
    """WSGI application of the routes above."""

    emulator: AwsEmulator

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        route = (environ["REQUEST_METHOD"], environ["PATH_INFO"].removeprefix("/_emulator/"))
        status, answer = self._answer(route, environ)
        body = b"" if answer is None else json.dumps(answer).encode()
        start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body] if body else []

    def _answer(self, route: tuple[str, str], environ: dict[str, Any]) -> tuple[str, dict[str, Any] | None]:
        handler = ROUTES.get(route)
        if handler is None:
            return "404 Not Found", {"error": f"No control route {route[0]} /_emulator/{route[1]}."}
        try:
            answer = handler(self.emulator, _json_body(environ))
        except KeyError as error:
            return "400 Bad Request", {"error": f"The key {error} is missing."}
        except (TypeError, ValueError) as error:
            return "400 Bad Request", {"error": str(error)}
        return ("204 No Content", None) if answer is None else ("200 OK", answer)


def _json_body(environ: dict[str, Any]) -> dict[str, Any]:
    text = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    given = json.loads(text) if text else {}
    if not isinstance(given, dict):
        raise ControlError("The body must be a JSON object.")
    return given
