# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The console's API as a transport: log in, send, and turn whatever comes back into JSON or one clear error."""

from __future__ import annotations

import random as randomness
import re
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from .address import check_scheme, origin_of, parse_address
from .answers import expect_mapping, expect_text
from .auth import Authenticator, TokenRequest
from .errors import (
    BadAnswerError,
    BadOptionError,
    ConsoleError,
    LoginRefusedError,
    NotFoundError,
    RefusedError,
    UnknownOutcomeError,
    WrongAddressError,
)
from .limiter import LIMITERS, Sign
from .refusals import Refusals
from .sender import Answer, Pacer, Request, RetryPolicy, Sender
from .tokens import Token, TokenKeeper, lifetime_of

ERROR_TEXT_LENGTH = 300
HIDDEN = "********"


class Transport:
    """Authenticated requests to one console. May be used by several threads.

    ``url`` is any address of the console; plain http is refused except to this machine, unless ``allow_http``.
    Raises WrongAddressError for an address that cannot be one, BadOptionError for a CA file that is of no use.
    Clocks, sleep and randomness can be replaced. ``pacer`` is the console's; with one, logins at another server are
    paced by that server's own, so that one of the two that is down does not pass for both.
    """

    def __init__(
        self,
        url: str,
        authenticator: Authenticator,
        *,
        validate_certs: bool = True,
        ca_path: str | None = None,
        allow_http: bool = False,
        policy: RetryPolicy | None = None,
        sleep: Callable[[float], object] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        random: Callable[[], float] = randomness.random,
        pacer: Pacer | None = None,
    ) -> None:
        self.address = parse_address(url, allow_http=allow_http)
        self.pacer = pacer
        _check_authorities(ca_path)
        self._authenticator = authenticator
        self._wall_clock = wall_clock
        self._token_url = authenticator.token_url(self.address.origin)
        if self._token_url:
            check_scheme(self._token_url, allow_http=allow_http)
        self._login_pacer = self._pacer_elsewhere(self._token_url) if pacer and self._token_url else None
        self._keeper = TokenKeeper(self._fetch_token, clock)
        self._refusals = Refusals(clock)
        self._sender = Sender(
            verify=(ca_path or True) if validate_certs else False,
            policy=policy,
            sleep=sleep,
            wall_clock=wall_clock,
            random=random,
            pacer=pacer,
        )

    @property
    def calls(self) -> Mapping[str, int]:
        """Requests sent so far by label, such as {"POST token": 1, "GET types": 1}."""
        return self._sender.calls

    @property
    def signs(self) -> Mapping[Sign, int]:
        """How the requests sent so far ended."""
        return self._sender.signs

    def close(self) -> None:
        """Close the connections."""
        self._sender.close()

    def request(
        self,
        verb: str,
        path: str,
        label: str,
        *,
        params: Mapping[str, str] | None = None,
        body: object = None,
        repeatable: bool = True,
    ) -> object:
        """Return the JSON of a successful answer, None where it has no body.

        ``path`` is relative to …/api/v2/ and already quoted. Raises the errors of console.errors; UnknownOutcomeError
        only where the request is not ``repeatable``.
        """
        request = Request(
            verb, f"{self.address.api}/{path}", label, params=params or {}, json=body, repeatable=repeatable
        )
        answer = self._send_authorized(request)
        problem = self._problem(request, answer)
        if problem:
            raise problem
        return answer.data

    def _send_authorized(self, request: Request) -> Answer:
        """Send, and once more with a new token or secret if the one there was is refused: a 401 means nothing was done.

        Raises LoginRefusedError without sending anything where the secret was refused just before.
        """
        return self._send_with_token(request) if self._token_url else self._send_with_secret(request)

    def _send_with_token(self, request: Request) -> Answer:
        token = self._keeper.current()
        answer = self._send_with(request, token)
        if answer.status == 401:
            self._keeper.drop(token)
            self._sender.forget_cookies()
            answer = self._send_with(request, self._keeper.current())
        return self._judged(request, answer, self._authenticator.secret.known())

    def _send_with_secret(self, request: Request) -> Answer:
        secret = self._authenticator.secret.current()
        self._refusals.check(secret, self._authenticator.secret.place)
        answer = self._send_with(request, secret)
        if answer.status == 401:
            refused, secret = secret, self._authenticator.secret.fresh()
            if secret != refused:
                self._sender.forget_cookies()
                answer = self._send_with(request, secret)
        return self._judged(request, answer, secret)

    def _send_with(self, request: Request, credential: str) -> Answer:
        return self._sender.send(replace(request, headers=self._authenticator.method.headers(credential)))

    def _judged(self, request: Request, answer: Answer, secret: str) -> Answer:
        """Remember what the answer says of the secret, if anything."""
        if answer.status == 401:
            self._refusals.refused(secret, str(self._refusal(request, answer)), at_login=False)
        elif answer.is_success:
            self._refusals.accepted(secret)
        return answer

    def _pacer_elsewhere(self, url: str) -> Pacer | None:
        """Return the pacer of another server than the console's, None where it is the console's own."""
        origin = origin_of(url)
        return None if origin == self.address.origin else LIMITERS.of(origin)

    def _fetch_token(self) -> Token:
        """Log in with the secret as it is now where it is kept."""
        secret = self._authenticator.secret.fresh()
        self._refusals.check(secret, self._authenticator.secret.place)
        login = self._authenticator.method.token_request(self.address.origin, secret)
        if login is None:
            raise ConsoleError(f"The login method {self._authenticator.name} fetches no token.")
        request = Request("POST", login.url, "POST token", json=login.json, form=login.form, pacer=self._login_pacer)
        answer = self._sender.send(request)
        if answer.status in (400, 401, 403, 404) and not answer.is_html:
            message = (
                f"{login.url} does not accept the credentials for the login method {self._authenticator.name} "
                f"({answer.status}{self._detail(answer)})."
            )
            self._refusals.refused(secret, message, at_login=True)
            raise LoginRefusedError(message)
        problem = self._problem(request, answer)
        if problem:
            raise problem
        return self._token_from(login, answer)

    def _token_from(self, login: TokenRequest, answer: Answer) -> Token:
        what = f"The login answer of {login.url}"
        data = expect_mapping(answer.data, what)
        value = expect_text(data, login.token_key, what)
        if not (value.isascii() and value.isprintable()):
            raise BadAnswerError(f"{what} holds a token with characters that cannot be sent.")
        return Token(value, lifetime_of(data, value, self._wall_clock()))

    def _problem(self, request: Request, answer: Answer) -> ConsoleError | None:
        """Return what is wrong with an answer, or None."""
        if 300 <= answer.status < 400:
            return WrongAddressError(
                f"{request.url} redirects to {_where(answer.headers.get('location', ''))}: this is not the API's "
                "address, or the session is gone."
            )
        if not request.repeatable and (answer.status >= 500 or answer.is_unreadable):
            return UnknownOutcomeError(
                f"{request.url} answered {answer.status}{self._detail(answer)}, so it is not known whether "
                f"{request.label} was done: look before repeating it."
            )
        if answer.is_html and (answer.is_success or answer.status == 404):
            return WrongAddressError(
                f"{request.url} answers with a web page: this is not the API's address, or the session is gone."
            )
        if answer.is_unreadable:
            return BadAnswerError(f"{request.url} answered {answer.status} with a body that is not complete JSON.")
        # A 404 without a JSON object is as likely a gateway's that has no route; some send no body at all. If it is
        # the console's own, an error costs a look; if it is not, "nothing there" would cost an object made twice.
        if answer.status == 404 and not isinstance(answer.data, dict):
            return BadAnswerError(
                f"{request.url} answered 404 to {request.label} without the JSON object of an API's error"
                f"{self._detail(answer)}, so it is not known whether that is missing: check the console's address and "
                "what stands before it."
            )
        return None if answer.is_success else self._refusal(request, answer)

    def _refusal(self, request: Request, answer: Answer) -> ConsoleError:
        detail = self._detail(answer)
        if answer.status == 401:
            return LoginRefusedError(
                f"{request.url} does not accept the login by {self._authenticator.name} (401{detail}): check the "
                "credentials, and that they are for this console."
            )
        message = f"{request.url} answered {answer.status} to {request.label}{detail}."
        if answer.status == 404:
            return NotFoundError(message, 404)
        return RefusedError(message, answer.status)

    def _detail(self, answer: Answer) -> str:
        text = self._scrub(error_text(answer))
        return f": {text[:ERROR_TEXT_LENGTH]}" if text else ""

    def _scrub(self, text: str) -> str:
        for secret in (*self._authenticator.secrets(), self._keeper.known() or ""):
            if secret:
                text = text.replace(secret, HIDDEN)
        return text


def _check_authorities(ca_path: str | None) -> None:
    """Raise BadOptionError for a CA file that is not there or holds no certificate; a directory is taken as it is."""
    if not ca_path or Path(ca_path).is_dir():
        return
    try:
        ssl.create_default_context(cafile=ca_path)
    except OSError:
        raise BadOptionError(
            f"The file {ca_path} (ca_path) does not exist on this host or holds no certificate."
        ) from None


def error_text(answer: Answer) -> str:
    """Return what an error answer says, on one line; the shape of the console's errors is not documented."""
    if answer.is_html:
        return "a web page"
    found = _messages(answer.data) if answer.is_json else [answer.text]
    return re.sub(r"\s+", " ", "; ".join(dict.fromkeys(found))).strip().rstrip(".")


def _messages(data: object) -> list[str]:
    if isinstance(data, str):
        return [data]
    if isinstance(data, list):
        return [message for item in data for message in _messages(item)]
    if not isinstance(data, dict):
        return []
    keys = ("message", "errorMessage", "error_description", "error", "errors", "detail", "description", "code")
    found = [message for key in keys[:-1] for message in _messages(data.get(key))]
    return found or _messages(data.get("code"))


def _where(location: str) -> str:
    """Return a redirect's target without its query, which may hold session ids."""
    try:
        parts = urlsplit(location)
    except ValueError:
        return "another address"
    host = f"{parts.scheme}://{parts.hostname}" if parts.hostname else ""
    return f"{host}{parts.path}" or "another address"
