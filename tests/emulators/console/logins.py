# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may use the API: token endpoints and Authorization headers."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
import threading
import urllib.parse
from dataclasses import dataclass, replace
from typing import Any

from .clock import Clock
from .errors import ApiError
from .switches import Switches
from .users import User, Users
from .web import Answer, Request, json_answer


@dataclass(frozen=True, slots=True)
class Account:
    """The one account that knows its way in. All ways of logging in lead to it."""

    user_name: str = "svc"
    password: str = "demo-password"
    api_key: str = "demo-api-key"
    instance: str = "demo-instance"
    account_id: str = "demo-account"
    subscription_id: str = "demo-subscription"


def _coded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Logins:
    """Gives out tokens and checks them. Tokens end with their time, with ``revoke``, ``rotate`` and a reset."""

    def __init__(self, account: Account, users: Users, clock: Clock) -> None:
        self._account = account
        self._users = users
        self._clock = clock
        self._lock = threading.Lock()
        self._key = secrets.token_bytes(32)

    def revoke(self) -> None:
        """Make every token invalid that was given out so far."""
        with self._lock:
            self._key = secrets.token_bytes(32)

    def rotate(self, api_key: str | None = None, password: str | None = None) -> None:
        """Replace the secrets that are given: the old ones, and every token that they brought, are good no more."""
        with self._lock:
            kept = self._account
            self._account = replace(kept, api_key=api_key or kept.api_key, password=password or kept.password)
        self.revoke()

    def issue(self, seconds: int) -> str:
        """Return a new token: a JSON web token in shape, with iat and exp of the emulator's clock."""
        now = int(self._clock.now())
        claims = {"sub": self._account.user_name, "iat": now, "exp": now + seconds, "jti": secrets.token_hex(8)}
        head = _coded(json.dumps({"alg": "HS256", "typ": "JWT"}).encode())
        payload = f"{head}.{_coded(json.dumps(claims).encode())}"
        return f"{payload}.{self._signature(payload)}"

    def _signature(self, payload: str) -> str:
        with self._lock:
            return _coded(hmac.new(self._key, payload.encode(), hashlib.sha256).digest())

    # ---- token endpoints -------------------------------------------------------------------------------------------

    def mcsp_token(self, request: Request, switches: Switches, scope: str, scope_id: str) -> Answer:
        """POST /api/2.0/{services|accounts|subscriptions}/{id}/apikeys/token."""
        known = {
            "services": self._account.instance,
            "accounts": self._account.account_id,
            "subscriptions": self._account.subscription_id,
        }
        if known.get(scope) != scope_id:
            raise ApiError(404, f"There is no {scope.removesuffix('s')} {scope_id[:100]!r}")
        if request.json().get("apikey") != self._account.api_key:
            raise ApiError(401, "The API key is not known")
        answer: dict[str, Any] = {"token": self.issue(switches.token_seconds)}
        if not switches.token_minimal:
            answer |= {"token_type": "Bearer", "expires_in": switches.token_seconds}
        return json_answer(answer)

    def cloud_token(self, request: Request, switches: Switches) -> Answer:
        """POST /identity/token: the form grant of IBM Cloud."""
        form = dict(urllib.parse.parse_qsl(request.body.decode("utf-8", "replace")))
        if form.get("grant_type") != "urn:ibm:params:oauth:grant-type:apikey":
            raise ApiError(400, "grant_type is missing or not supported")
        if form.get("apikey") != self._account.api_key:
            raise ApiError(400, "The API key is not known")
        token, seconds = self.issue(switches.token_seconds), switches.token_seconds
        expiration = int(self._clock.now()) + seconds
        return json_answer(
            {"access_token": token, "token_type": "Bearer", "expires_in": seconds, "expiration": expiration}
        )

    def data_platform_token(self, request: Request, switches: Switches) -> Answer:
        """POST /icp4d-api/v1/authorize of Cloud Pak for Data: user name with password or API key."""
        body = request.json()
        secret = body.get("password", body.get("api_key"))
        if body.get("username") != self._account.user_name or secret not in self._secrets():
            raise ApiError(401, "The user name or the password is wrong")
        return json_answer({"token": self.issue(switches.token_seconds), "message": "success"})

    def _secrets(self) -> tuple[str, str]:
        return (self._account.password, self._account.api_key)

    # ---- requests --------------------------------------------------------------------------------------------------

    def user_of(self, request: Request) -> User:
        """Return the user of a request with an Authorization header. Raises ApiError (401)."""
        scheme, _unused, credentials = request.headers.get("authorization", "").partition(" ")
        if not self._accepts(scheme.lower(), credentials.strip()):
            raise ApiError(401, "The session is not valid")
        user = self._users.get(self._account.user_name)
        if user is None or not user.active:
            raise ApiError(401, "The user is not active")
        return user

    def _accepts(self, scheme: str, credentials: str) -> bool:
        if scheme == "bearer":
            return self._bearer(credentials)
        secret = {"basic": self._account.password, "zenapikey": self._account.api_key}.get(scheme)
        return secret is not None and self._pair(credentials, secret)

    def _bearer(self, token: str) -> bool:
        payload, _unused, signature = token.rpartition(".")
        if not token.isascii() or not hmac.compare_digest(signature, self._signature(payload)):
            return False
        part = payload.partition(".")[2]
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        return bool(claims["exp"] > self._clock.now())

    def _pair(self, text: str, secret: str) -> bool:
        try:
            user_name, _unused, given = base64.b64decode(text, validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            return False
        return user_name == self._account.user_name and given == secret
