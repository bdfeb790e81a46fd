# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who owns a model in the console (R15).

The registry may name an owner in the model card, in the package's metadata, or by who created the package; the
first of these who has an active console account becomes the owner, else the connection's default user.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from ..console.objects import ConsoleUser
from ..registry.entities import ModelPackage

OWNER_METADATA_KEYS = ("Owner", "owner")


def owner_candidates(package: ModelPackage) -> tuple[str, ...]:
    """Return the names or e-mail addresses that the registry gives for a package's owner, surest first."""
    candidates = [
        _card_owner(package),
        *(package.metadata.get(key, "") for key in OWNER_METADATA_KEYS),
        package.creator.user_profile_name,
        package.creator.source_identity,
        _session_name(package.creator.iam_arn),
    ]
    return tuple(dict.fromkeys(candidate.strip() for candidate in candidates if candidate.strip()))


def choose_owner(candidates: tuple[str, ...], accounts: Mapping[str, str | None], default_user: str) -> str:
    """Return the console user name: of the first candidate in `accounts` (name → user name or None), or the default."""
    found = (accounts.get(candidate) for candidate in candidates)
    return next((user for user in found if user), default_user)


class OwnerDirectory:
    """Console accounts by name, each looked up once in this object's life. Safe for several threads."""

    def __init__(self, find_user: Callable[[str], ConsoleUser | None], default_user: str) -> None:
        self._find_user = find_user
        self._default_user = default_user
        self._accounts: dict[str, str | None] = {}
        self._lock = threading.Lock()

    def owner_of(self, package: ModelPackage) -> str:
        """Return the console user name for a package's owner (one look-up for every name not seen before)."""
        accounts: dict[str, str | None] = {}  # of its own: `forget` may be called while this goes on
        candidates = owner_candidates(package)
        for candidate in candidates:
            accounts[candidate] = self._account(candidate)
            if accounts[candidate] is not None:
                break
        return choose_owner(candidates, accounts, self._default_user)

    def forget(self) -> None:
        """Look every name up again from now on (accounts come and go)."""
        with self._lock:
            self._accounts.clear()

    def _account(self, candidate: str) -> str | None:
        with self._lock:
            if candidate not in self._accounts:
                user = self._find_user(candidate)
                self._accounts[candidate] = user.user_name if user is not None and user.active else None
            return self._accounts[candidate]


def _card_owner(package: ModelPackage) -> str:
    overview: Any = {} if package.card is None else package.card.content.get("model_overview")
    owner = overview.get("model_owner") if isinstance(overview, Mapping) else None
    return owner if isinstance(owner, str) else ""


def _session_name(iam_arn: str) -> str:
    """Return who a principal is: the session of an assumed role, or the user's name."""
    return iam_arn.rsplit("/", 1)[-1] if ":assumed-role/" in iam_arn or ":user/" in iam_arn else ""
