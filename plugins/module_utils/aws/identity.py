# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who calls: the account that a resource will belong to before AWS has told its ARN."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .client import ServiceClient

AccountId = Callable[[], str]
"""Gives the caller's account id; asks AWS at most once, and only when somebody needs it."""


@dataclass(slots=True)
class _CallerAccount:
    sts: Callable[[], ServiceClient]
    known: str = ""

    def __call__(self) -> str:
        if not self.known:
            client = self.sts()
            answer = client.call("get_caller_identity", "the credentials in use")
            self.known = str(client.required(answer, "Account", "get_caller_identity", "the credentials in use"))
        return self.known


def caller_account(sts: Callable[[], ServiceClient]) -> AccountId:
    """The account id of the credentials behind the client that `sts` makes."""
    return _CallerAccount(sts)
