# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeping one token for all threads, and fetching the next before it expires."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from .errors import RefusedError, UnreachableError

MARGIN_SECONDS = 60.0
MARGIN_SHARE = 0.1
RETRY_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Token:
    """A token and how many seconds it lives from the moment it was asked for; None where the answer does not say."""

    value: str = field(repr=False)
    lifetime: float | None = None


class TokenKeeper:
    """Hands out the current token, fetching one when there is none or it is about to expire.

    Where the early fetch fails for want of a good answer, the token there is serves to its end, and the fetch is tried
    again every RETRY_SECONDS. What says something of the secret (LoginRefusedError, SecretUnreadableError) is raised.
    """

    def __init__(self, fetch: Callable[[], Token], clock: Callable[[], float]) -> None:
        self._fetch = fetch
        self._clock = clock
        self._lock = threading.Lock()
        self._token: Token | None = None
        self._refresh_at: float | None = None
        self._expires_at: float | None = None

    def current(self) -> str:
        """Return a token; threads that ask while one is being fetched wait for it. Raises what fetch raises."""
        with self._lock:
            token = self._token
            if token is None:
                return self._renew().value
            if self._refresh_at is None or self._clock() < self._refresh_at:
                return token.value
            try:
                return self._renew().value
            except (UnreachableError, RefusedError):
                now = self._clock()  # the attempts took their time
                if self._expires_at is None or now >= self._expires_at:
                    raise
                self._refresh_at = min(now + RETRY_SECONDS, self._expires_at)
                return token.value

    def _renew(self) -> Token:
        now = self._clock()
        token = self._fetch()
        self._token = token
        self._refresh_at = refresh_time(now, token.lifetime)
        self._expires_at = None if token.lifetime is None else now + token.lifetime
        return token

    def drop(self, value: str) -> None:
        """Forget the token if it is still this one: another thread may have fetched the next already."""
        with self._lock:
            if self._token is not None and self._token.value == value:
                self._token = None

    def known(self) -> str | None:
        """Return the token held now, without fetching one."""
        token = self._token
        return token.value if token else None


def refresh_time(asked_at: float, lifetime: float | None) -> float | None:
    """Return when to fetch the next token: a minute, or a tenth of a short life, before the end; None if unknown."""
    if lifetime is None or lifetime <= 0:
        return None
    return asked_at + lifetime - min(MARGIN_SECONDS, lifetime * MARGIN_SHARE)


def lifetime_of(answer: Mapping[str, object], token: str, now: float) -> float | None:
    """Return a token's life in seconds: ``expires_in`` of the answer, else what its JWT claims say.

    ``exp`` minus ``iat`` is preferred to ``exp`` minus our own clock, which may be wrong. ``now`` is Unix time.
    """
    stated = _number(answer.get("expires_in"))
    if stated is not None:
        return stated
    claims = jwt_claims(token)
    expires = _number(claims.get("exp"))
    if expires is None:
        return None
    issued = _number(claims.get("iat"))
    return expires - (now if issued is None else issued)


def jwt_claims(token: str) -> Mapping[str, object]:
    """Return the claims of a JWT without checking its signature, or {} where the token is none."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}


def _number(value: object) -> float | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return float(value)
    return None
