# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Governance console on this machine: the REST API V2, its login, a control surface and a page to look at."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping
from typing import Any

from . import clock as clock_text
from . import faults as fault_kinds
from . import page
from .clock import Clock
from .console import Console
from .errors import ApiError, bad_request
from .faults import LOGIN_PAGE, LOGIN_PATH, Fault, Faults
from .logins import Account
from .preload import preload
from .switches import Switches
from .users import User
from .web import Answer, Request, Routes, Server, html_answer, json_answer

_REMEMBERED_REQUESTS = 2_000


class ConsoleEmulator:
    """The console as a context manager: ``with ConsoleEmulator() as console: console.url``.

    ``seed`` decides all numeric ids and the order of fields. ``switches`` are what every reset goes back to.
    All methods may be called from any thread.
    """

    def __init__(
        self,
        port: int = 0,
        host: str = "127.0.0.1",
        seed: int = 1,
        account: Account | None = None,
        switches: Switches | None = None,
    ) -> None:
        self.host = host
        self.port = port
        self.seed = self._first_seed = seed
        self.account = account or Account()
        self.clock = Clock()
        self.faults = Faults()
        self._first_switches = switches or Switches()
        self._server: Server | None = None
        self._lock = threading.Lock()
        self._calls: Counter[str] = Counter()
        self._requests: deque[dict[str, Any]] = deque(maxlen=_REMEMBERED_REQUESTS)
        self.console = self._new_console()
        self._api = _api_routes(self)
        self._plain = _plain_routes(self)

    def _new_console(self) -> Console:
        return Console(self.seed, self.account, self.clock, self._first_switches)

    # ---- life ------------------------------------------------------------------------------------------------------

    def start(self) -> ConsoleEmulator:
        """Answer requests; ``url`` is known from now on. A stopped emulator starts again on the same port."""
        self._server = Server(self.host, self.port, self._respond)
        self.port = self._server.port
        self._server.start()
        return self

    def stop(self) -> None:
        """Answer no more. The objects stay."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    def __enter__(self) -> ConsoleEmulator:
        return self.start()

    def __exit__(self, *exception: object) -> None:
        self.stop()
        self.console.store.close()

    @property
    def url(self) -> str:
        """The console's address, without the API's context path."""
        return f"http://{self.host}:{self.port}"

    def reset(self, seed: int | None = None) -> None:
        """Go back to the beginning: no objects, tokens, faults or counters, real time, first switches and seed.

        ``seed`` makes it another console until the next reset.
        """
        self.seed = self._first_seed if seed is None else seed
        self.clock.reset()
        self.faults.clear()
        self.clear_calls()
        old, self.console = self.console, self._new_console()
        old.store.close()

    # ---- control ---------------------------------------------------------------------------------------------------

    def calls(self) -> dict[str, int]:
        """Return how often each API call was made: {"POST query": 3, "GET contents/associations": 1, …}."""
        with self._lock:
            return dict(self._calls)

    def clear_calls(self) -> None:
        """Set the counters to zero and forget the requests."""
        with self._lock:
            self._calls.clear()
            self._requests.clear()

    def requests(self) -> list[dict[str, Any]]:
        """Return the latest API requests: {"call", "path", "body" (parsed, or None), "status"}. No secrets are kept."""
        with self._lock:
            return list(self._requests)

    def fault(
        self,
        kind: str,
        method: str | None = None,
        path: str | None = None,
        *,
        status: int = 503,
        retry_after: float | None = None,
        seconds: float = 0.0,
        times: int | None = 1,
        skip: int = 0,
    ) -> None:
        """Let something go wrong; ``faults.Fault`` says what there is."""
        self.faults.add(Fault(kind, method, path, status, retry_after, seconds, times, skip))

    def add_user(self, user_name: str, email: str, active: bool = True) -> User:
        """Add a user, or change the one of that name."""
        return self.console.users.add(user_name, email, active)

    @property
    def switches(self) -> Switches:
        """The switches in force; change them with ``switch``."""
        return self.console.switches

    def switch(self, **values: Any) -> None:
        """Change switches. Raises ApiError for an unknown one."""
        self.console.switch(values)

    def revoke_tokens(self) -> None:
        """End every session."""
        self.console.logins.revoke()

    def rotate_secrets(self, api_key: str | None = None, password: str | None = None) -> None:
        """Replace the API key or the password until the next reset; every session ends."""
        self.console.logins.rotate(api_key, password)

    def objects(self, type_name: str | None = None) -> list[dict[str, Any]]:
        """Return the objects, oldest first, as the API's full objects; of one type, or all."""
        console = self.console
        wanted = [console.instance.resolve(type_name)] if type_name else list(console.instance)
        with console.store.transaction():
            found = [stored for kind in wanted for stored in console.store.load_where(kind.key, "1")]
            return [console.contents.as_json(stored, console.instance) for stored in sorted(found, key=lambda s: s.id)]

    def preload(self, **plan: Any) -> dict[str, Any]:
        """Create many objects at once; see ``preload.preload``."""
        return preload(self.console, plan)

    # ---- requests --------------------------------------------------------------------------------------------------

    def _respond(self, request: Request) -> Answer:
        try:
            return self._routed(request)
        except ApiError as error:
            return _error(error, self.switches.error_shape)
        except Exception as error:  # an error of the emulator must not look like a fault on purpose
            return json_answer({"message": f"{type(error).__name__}: {error}"}, 500)

    def _routed(self, request: Request) -> Answer:
        context = _context(request.segments)
        if context is None:
            try:
                _unused, handler = self._plain.find(request.method, request.segments)
            except ApiError as error:
                if request.segments[0] == "_emulator":
                    raise
                # This is what a console does with an address outside its context paths.
                return fault_kinds.login_redirect() if error.status == 404 else _error(error)
            return handler(request)
        segments = request.segments[context:]
        name, handler = self._api.find(request.method, segments)
        return self._observed(name, "/".join(segments), request, lambda: self._authorised(request, handler))

    def _authorised(self, request: Request, handler: Callable[[Request], Answer]) -> Answer:
        if "authorization" not in request.headers:
            return fault_kinds.login_redirect()
        self.console.logins.user_of(request)
        return handler(request)

    def _observed(self, name: str, path: str, request: Request, work: Callable[[], Answer]) -> Answer:
        """Count a request, remember it, and let the faults that are due happen to it."""
        with self._lock:
            self._calls[name] += 1
            seen = {"call": name, "path": path, "body": _body(name, request), "status": None}
            self._requests.append(seen)

        def guarded() -> Answer:
            try:
                return work()
            except ApiError as error:
                return _error(error, self.switches.error_shape)

        answer = self.faults.around(self.faults.due(request.method, name.partition(" ")[2], path), guarded)
        seen["status"] = answer.status
        return answer

    def token(self, request: Request, work: Callable[[], Answer]) -> Answer:
        """Answer a request of a token endpoint: counted as "POST token"."""
        return self._observed("POST token", "token", request, work)


def _error(error: ApiError, shape: str = "message") -> Answer:
    if shape == "text":
        return Answer(error.status, error.message.encode(), "text/plain; charset=utf-8")
    if shape == "empty":
        return Answer(error.status)
    plain = {"message": error.message}
    return json_answer({"error": {"error": plain}, "errors": {"errors": [plain]}}.get(shape, plain), error.status)


def _body(name: str, request: Request) -> Any:
    if name == "POST token" or not request.body:
        return None
    try:
        return request.json()
    except ApiError:
        return None


def _context(segments: tuple[str, ...]) -> int | None:
    """Return how many segments the API's context path has, None if a path is not the API's."""
    if segments[:3] == ("opgrc", "api", "v2"):
        return 3
    first = segments[0]
    data_platform = first.startswith("openpages-") and first.endswith("-opgrc")
    return 3 if data_platform and segments[1:3] == ("api", "v2") else None


def _api_routes(emulator: ConsoleEmulator) -> Routes:
    routes = Routes()
    for method, pattern, name in (
        ("GET", "types", "types"),
        ("GET", "types/{type}", "type"),
        ("GET", "types/{type}/associations", "type_associations"),
        ("POST", "contents", "create"),
        ("GET", "contents/{id}", "get"),
        ("PUT", "contents/{id}", "update"),
        ("DELETE", "contents/{id}", "delete"),
        ("GET", "contents/{id}/permissions/effective", "permissions"),
        ("GET", "contents/{id}/associations", "associated"),
        ("POST", "contents/{id}/associations", "associate"),
        ("DELETE", "contents/{id}/associations", "dissociate"),
        ("POST", "query", "query_post"),
        ("GET", "query", "query_get"),
        ("GET", "scim/Users", "scim_users"),
        ("GET", "scim/Users/{id}", "scim_user"),
        ("GET", "workflows/definitions", "workflow_definitions"),
        ("GET", "workflows/definitions/{id}", "workflow_definition"),
        ("GET", "workflows/instances/search", "workflow_search"),
        ("POST", "workflows/instances/{id}/transition/{name}", "workflow_transition"),
    ):
        routes.add(method, pattern, _late(emulator, name))
    return routes


def _late(emulator: ConsoleEmulator, name: str) -> Callable[..., Answer]:
    """Return a handler of whichever console the emulator has by then: a reset makes a new one."""

    def handler(request: Request, *values: str) -> Answer:
        answer: Answer = getattr(emulator.console, name)(request, *values)
        return answer

    return handler


def _plain_routes(emulator: ConsoleEmulator) -> Routes:
    routes = Routes()
    for scope in ("services", "accounts", "subscriptions"):
        routes.add("POST", f"api/2.0/{scope}/{{id}}/apikeys/token", _mcsp(emulator, scope))
    routes.add(
        "POST",
        "identity/token",
        lambda request: emulator.token(
            request, lambda: emulator.console.logins.cloud_token(request, emulator.switches)
        ),
    )
    routes.add(
        "POST",
        "icp4d-api/v1/authorize",
        lambda request: emulator.token(
            request, lambda: emulator.console.logins.data_platform_token(request, emulator.switches)
        ),
    )
    routes.add("GET", "", lambda request: page.tree(emulator.console, request))
    routes.add("GET", "object/{id}", lambda request, number: page.one(emulator.console, request, number))
    routes.add("GET", LOGIN_PATH.strip("/"), lambda request: html_answer(LOGIN_PAGE))
    for (method, pattern), handler in _control(emulator).items():
        routes.add(method, f"_emulator/{pattern}", handler)
    return routes


def _mcsp(emulator: ConsoleEmulator, scope: str) -> Callable[..., Answer]:
    return lambda request, scope_id: emulator.token(
        request, lambda: emulator.console.logins.mcsp_token(request, emulator.switches, scope, scope_id)
    )


def _control(emulator: ConsoleEmulator) -> Mapping[tuple[str, str], Callable[[Request], Answer]]:
    """Return the control surface: what a test in another process can do."""

    def done(work: Callable[[Request], object]) -> Callable[[Request], Answer]:
        def handler(request: Request) -> Answer:
            work(request)
            return Answer(204)

        return handler

    def reset(request: Request) -> None:
        seed = request.json().get("seed")
        if seed is not None and not isinstance(seed, int):
            raise bad_request("seed takes a number")
        emulator.reset(seed)

    def advance(request: Request) -> Answer:
        seconds = request.json().get("advance")
        if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or abs(seconds) > 10**9:
            raise bad_request("advance takes a number of seconds")
        return json_answer({"now": clock_text.to_text(emulator.clock.advance(seconds))})

    def add_user(request: Request) -> Answer:
        body = request.json()
        name, email, active = body.get("userName"), body.get("email", ""), body.get("active", True)
        if not isinstance(name, str) or not name or not isinstance(email, str) or not isinstance(active, bool):
            raise bad_request("A user has userName and may have email and active")
        return json_answer(emulator.add_user(name, email, active).as_json(), 201)

    def switch(request: Request) -> Answer:
        emulator.console.switch(request.json())
        return json_answer(emulator.switches.as_json())

    return {
        ("GET", "health"): lambda request: json_answer({"status": "ok"}),
        ("POST", "reset"): done(reset),
        ("GET", "calls"): lambda request: json_answer({"calls": emulator.calls()}),
        ("DELETE", "calls"): done(lambda request: emulator.clear_calls()),
        ("GET", "requests"): lambda request: json_answer({"requests": emulator.requests()}),
        ("POST", "clock"): advance,
        ("POST", "users"): add_user,
        ("POST", "faults"): done(lambda request: emulator.faults.add(fault_kinds.from_json(request.json()))),
        ("DELETE", "faults"): done(lambda request: emulator.faults.clear()),
        ("GET", "switches"): lambda request: json_answer(emulator.switches.as_json()),
        ("POST", "switches"): switch,
        ("DELETE", "tokens"): done(lambda request: emulator.revoke_tokens()),
        ("POST", "secrets"): done(lambda request: _rotate(emulator, request)),
        ("GET", "objects"): lambda request: json_answer({"objects": emulator.objects(request.arguments.get("type"))}),
        ("POST", "preload"): lambda request: json_answer(preload(emulator.console, request.json()), 201),
    }


def _rotate(emulator: ConsoleEmulator, request: Request) -> None:
    secrets = request.json()
    is_text = all(isinstance(secret, str) and secret for secret in secrets.values())
    if not secrets or set(secrets) - {"api_key", "password"} or not is_text:
        raise bad_request("What can be rotated is api_key and password")
    emulator.rotate_secrets(**secrets)
