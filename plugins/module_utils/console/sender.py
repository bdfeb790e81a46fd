# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sending HTTP requests and repeating those that may be repeated. Knows nothing of the console's API."""

from __future__ import annotations

import email.utils
import json
import os
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit

from .errors import ConsoleError, UnknownOutcomeError, UnreachableError, WrongAddressError
from .limiter import Sign

try:
    import requests
    import urllib3
except ImportError:
    HAS_REQUESTS = False
else:
    HAS_REQUESTS = True

USER_AGENT = "wxgov.sagemaker"
_HEADERS = {"Accept": "application/json", "Accept-Encoding": "gzip, deflate", "User-Agent": USER_AGENT}
_CERTIFICATE_PROBLEMS = {
    9: "that is not valid yet (look at the clocks)",
    10: "that has expired (renew it there)",
    62: "for another host (use the name that it is for)",
    64: "for another address (use the name that it is for)",
}
"""OpenSSL's codes (X509_V_ERR_CERT_NOT_YET_VALID, …_HAS_EXPIRED, …_HOSTNAME_MISMATCH, …_IP_ADDRESS_MISMATCH)."""
RETRIED_STATUSES = frozenset({502, 503, 504})


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how long to wait, in seconds. The wait before attempt n is anything up to base * 2**n, capped."""

    attempts: int = 5
    base: float = 0.5
    cap: float = 20.0
    retry_after_min: float = 1.0
    retry_after_max: float = 60.0
    connect_timeout: float = 3.0
    read_timeout: float = 30.0


@dataclass(frozen=True, slots=True)
class Request:
    """A request. ``label`` counts it ("GET types"); ``repeatable`` says that doing it twice is as doing it once.

    ``pacer`` is that of a request to another server than the one whose pacer the sender has.
    """

    verb: str
    url: str
    label: str
    params: Mapping[str, str] = field(default_factory=dict)
    json: object = field(default=None, repr=False)
    form: Mapping[str, str] | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    repeatable: bool = True
    pacer: Pacer | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer: its JSON where the body is JSON (``is_json``), and the text where it is not."""

    status: int
    headers: Mapping[str, str]
    text: str = field(repr=False)
    data: object = field(default=None, repr=False)
    is_json: bool = False

    @property
    def is_html(self) -> bool:
        """Whether the body is a web page, whatever the status and the declared type."""
        return not self.is_json and self.text.lstrip().startswith("<")

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300

    @property
    def is_unreadable(self) -> bool:
        """Whether this is a success whose body should be JSON and is cut off or garbled."""
        return self.is_success and not self.is_json and bool(self.text.strip())


@dataclass(frozen=True, slots=True)
class Failure:
    """No answer. ``sent``: the request may have reached the server; ``final``: trying again is useless."""

    reason: str
    sent: bool
    final: bool = False


class Pacer(Protocol):
    """A rate limiter shared by whoever calls one console."""

    def before(self) -> None:
        """Wait until a request may be sent. May raise UnreachableError where it is not worth sending."""

    def after(self, sign: Sign) -> None:
        """Learn how the request ended."""


class Sender:
    """Sends requests over kept connections; may be used by several threads, each request has a line to itself."""

    def __init__(
        self,
        *,
        verify: bool | str = True,
        policy: RetryPolicy | None = None,
        sleep: Callable[[float], object] = time.sleep,
        wall_clock: Callable[[], float] = time.time,
        random: Callable[[], float],
        pacer: Pacer | None = None,
    ) -> None:
        if not HAS_REQUESTS:
            raise ConsoleError('The Python package "requests" is missing on this host: install it.')
        self._verify = _authorities_of_the_environment() if verify is True else verify
        self.policy = policy or RetryPolicy()
        self._sleep = sleep
        self._wall_clock = wall_clock
        self._random = random
        self._pacer = pacer
        self._proxies: dict[str, dict[str, str]] = {}
        self._lines: list[_Line] = []
        self._lock = threading.Lock()
        self._calls: Counter[str] = Counter()
        self._signs: Counter[Sign] = Counter()

    @property
    def calls(self) -> Mapping[str, int]:
        """Requests sent so far, repeated ones included, by label."""
        with self._lock:
            return dict(self._calls)

    @property
    def signs(self) -> Mapping[Sign, int]:
        """How the requests sent so far ended."""
        with self._lock:
            return dict(self._signs)

    def send(self, request: Request) -> Answer:
        """Return the answer of the last attempt, whatever its status.

        Raises UnreachableError or WrongAddressError if there is none, and UnknownOutcomeError if a request that must
        not be repeated may have reached the server.
        """
        attempt = 0
        while True:
            outcome = self._attempt(request)
            wait = None
            if attempt + 1 < self.policy.attempts:
                wait = wait_before_repeat(request, outcome, attempt, self.policy, self._random, self._wall_clock)
            if wait is None:
                return _answer_or_raise(request, outcome, attempt + 1)
            self._sleep(wait)
            attempt += 1

    def forget_cookies(self) -> None:
        """Drop the lines' cookies: a login has ended on the server."""
        with self._lock:
            for line in self._lines:
                line.cookies.clear()

    def close(self) -> None:
        """Close the connections that are not in use."""
        with self._lock:
            lines, self._lines = self._lines, []
        for line in lines:
            line.close()

    def _attempt(self, request: Request) -> Answer | Failure:
        pacer = request.pacer or self._pacer
        if pacer:
            pacer.before()
        with self._lock:
            self._calls[request.label] += 1
        outcome = self._exchange(request)
        sign = sign_of(outcome)
        with self._lock:
            self._signs[sign] += 1
        if pacer:
            pacer.after(sign)
        return outcome

    def _exchange(self, request: Request) -> Answer | Failure:
        timeout = (self.policy.connect_timeout, self.policy.read_timeout)
        try:
            with self._line() as line:
                return line.exchange(request, timeout, self._verify, self._proxies_for(request.url))
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            return _failure(error, self.policy)

    def _proxies_for(self, url: str) -> dict[str, str]:
        """Return the environment's proxies for a URL's server.

        They are looked up once for each server: requests itself searches the environment, no_proxy and .netrc again
        for every request, which takes a quarter of its time.
        """
        server = urlsplit(url).netloc
        if server not in self._proxies:
            self._proxies[server] = requests.utils.get_environ_proxies(url)
        return self._proxies[server]

    @contextmanager
    def _line(self) -> Iterator[_Line]:
        with self._lock:
            line = self._lines.pop() if self._lines else None
        line = line or _Line()
        try:
            yield line
        except BaseException:
            line.close()
            raise
        with self._lock:
            self._lines.append(line)


class _Line:
    """A kept connection and the cookies that came over it; for one request at a time.

    It is what a requests.Session is without redirects, hooks and settings of its own to merge into each request, which
    cost as much CPU as all the rest.
    """

    def __init__(self) -> None:
        self._adapter = requests.adapters.HTTPAdapter()
        self.cookies = requests.cookies.RequestsCookieJar()

    def exchange(
        self, request: Request, timeout: tuple[float, float], verify: bool | str, proxies: dict[str, str]
    ) -> Answer:
        """Send a request, and return the whole answer. Raises the errors of requests and urllib3."""
        prepared = self._prepare(request)
        response = self._adapter.send(prepared, timeout=timeout, verify=verify, proxies=proxies)
        self.cookies.update(response.cookies)
        return _answer(response.status_code, dict(response.headers), response.content)

    def close(self) -> None:
        """Close the connection."""
        self._adapter.close()

    def _prepare(self, request: Request) -> requests.PreparedRequest:
        prepared = requests.PreparedRequest()
        prepared.prepare_method(request.verb)
        prepared.prepare_url(request.url, dict(request.params))
        prepared.prepare_headers(_HEADERS)
        prepared.prepare_cookies(self.cookies)
        prepared.prepare_body(dict(request.form) if request.form is not None else None, None, request.json)
        prepared.headers.update(request.headers)  # last, so that nothing replaces the Authorization among them
        return prepared


def _authorities_of_the_environment() -> bool | str:
    """Return the CA bundle that the environment names for requests, or True for the usual one."""
    return os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True


def _answer(status: int, headers: dict[str, str], body: bytes) -> Answer:
    text = body.decode("utf-8", "replace")
    lowered = {name.lower(): value for name, value in headers.items()}
    try:
        return Answer(status, lowered, text, json.loads(text), is_json=True)
    except (ValueError, RecursionError):
        return Answer(status, lowered, text)


def _failure(error: Exception, policy: RetryPolicy) -> Failure:
    """Say in plain words why there is no answer; library texts may hold proxy passwords and are not passed on."""
    kinds = requests.exceptions
    if isinstance(error, ValueError):  # what requests raises for addresses, proxies and headers that cannot be
        return Failure("is not an address that can be called", sent=False, final=True)
    distrust = next((cause for cause in _causes(error) if isinstance(cause, ssl.SSLCertVerificationError)), None)
    if distrust:
        reason = _CERTIFICATE_PROBLEMS.get(distrust.verify_code, "that is not trusted here (set ca_path)")
        return Failure(f"has a certificate {reason}", sent=False, final=True)
    if isinstance(error, kinds.SSLError):
        return Failure("does not speak TLS, or broke off doing so", sent=True)
    if isinstance(error, kinds.ProxyError):
        return Failure("cannot be reached through the proxy", sent=not _never_connected(error))
    if isinstance(error, kinds.ConnectTimeout):
        return Failure(f"did not accept a connection within {policy.connect_timeout:g} s", sent=False)
    if isinstance(error, kinds.ReadTimeout) or _is_read_timeout(error):
        return Failure(f"did not answer within {policy.read_timeout:g} s", sent=True)
    if _never_connected(error):
        return Failure("cannot be reached (name not known or connection refused)", sent=False)
    return Failure("closed the connection before its answer was complete", sent=True)


def _never_connected(error: BaseException) -> bool:
    return any(isinstance(cause, urllib3.exceptions.NewConnectionError) for cause in _causes(error))


def _is_read_timeout(error: BaseException) -> bool:
    return any(isinstance(cause, urllib3.exceptions.ReadTimeoutError) for cause in _causes(error))


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what it wraps: requests and urllib3 keep the cause in args, reason or __context__."""
    seen: set[int] = set()
    pending: list[object] = [error]
    while pending:
        cause = pending.pop()
        if isinstance(cause, BaseException) and id(cause) not in seen:
            seen.add(id(cause))
            yield cause
            pending += [*cause.args, getattr(cause, "reason", None), cause.__context__]


def sign_of(outcome: Answer | Failure) -> Sign:
    """Return what an outcome says of the server: 502, 503 and 504 come from what stands before one that is down."""
    if isinstance(outcome, Failure):
        return Sign.UNKNOWN if outcome.final else Sign.SILENT
    if outcome.status == 429:
        return Sign.THROTTLED
    return Sign.SILENT if outcome.status in RETRIED_STATUSES else Sign.ANSWERED


def wait_before_repeat(
    request: Request,
    outcome: Answer | Failure,
    attempt: int,
    policy: RetryPolicy,
    random: Callable[[], float],
    wall_clock: Callable[[], float],
) -> float | None:
    """Return how many seconds to wait before sending the request again, or None if it is not to be sent again.

    A request that never left, or that was refused as one too many (429), may always be repeated; after any other
    failure only one that is repeatable.
    """
    jittered = random() * min(policy.cap, policy.base * 2.0**attempt)
    if isinstance(outcome, Failure):
        may_repeat = not outcome.final and (request.repeatable or not outcome.sent)
        return jittered if may_repeat else None
    if outcome.status == 429 or (outcome.status in RETRIED_STATUSES and request.repeatable):
        stated = retry_after(outcome.headers.get("retry-after", ""), policy, wall_clock)
        return jittered if stated is None else stated
    if outcome.is_unreadable and not outcome.is_html and request.repeatable:
        return jittered
    return None


def retry_after(header: str, policy: RetryPolicy, wall_clock: Callable[[], float]) -> float | None:
    """Return the seconds that a Retry-After header (a number or a date) asks for, within the policy's bounds."""
    text = header.strip()
    try:
        seconds = float(text) if text.isascii() and text.isdigit() else _until(text, wall_clock)
    except (ValueError, OverflowError):
        return None
    return min(policy.retry_after_max, max(policy.retry_after_min, seconds))


def _until(date: str, wall_clock: Callable[[], float]) -> float:
    at: float = email.utils.parsedate_to_datetime(date).timestamp()
    return at - wall_clock()


def _answer_or_raise(request: Request, outcome: Answer | Failure, attempts: int) -> Answer:
    if isinstance(outcome, Answer):
        return outcome
    if outcome.sent and not request.repeatable:
        raise UnknownOutcomeError(
            f"{request.url} {outcome.reason}, so it is not known whether {request.label} was done: look before "
            "repeating it."
        )
    if outcome.final:
        raise WrongAddressError(f"{request.url} {outcome.reason}.")
    tries = "1 attempt" if attempts == 1 else f"{attempts} attempts"
    raise UnreachableError(f"{request.url} {outcome.reason} ({tries}).")
