# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who has which business entity and which account, for a store that cannot be locked. Pure.

Of two connections that are made at the same time under different names, neither sees the other beforehand. So each
enters what is to be its alone into one common document after it was written; who comes second finds it taken.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from .errors import BrokenConnectionError
from .model import Connection
from .validation import console_key

VERSION = 1


@dataclass(frozen=True, slots=True)
class Claim:
    """Something that one connection alone may have: its ``key`` in the document, and what it is, for messages."""

    key: str
    what: str


def claims_of(connection: Connection) -> tuple[Claim, ...]:
    """Return what a connection claims: its business entity in its console, and its account."""
    host, port, context = console_key(connection.console.url)
    entity = connection.business_entity_id
    return (
        Claim(
            f"entity {entity} of {host}:{port}{context}",
            f'The business entity "{connection.business_entity_name}" (id {entity})',
        ),
        Claim(f"account {connection.account_id}", f"The account {connection.account_id}"),
    )


def keys_of(connection: Connection) -> frozenset[str]:
    """Return the keys of a connection's claims."""
    return frozenset(claim.key for claim in claims_of(connection))


def entered(holders: Mapping[str, str], connection: Connection) -> dict[str, str]:
    """Return the document's holders with a connection's claims, and without those that it had before."""
    others = {key: holder for key, holder in holders.items() if holder != connection.name}
    return {**others, **{claim.key: connection.name for claim in claims_of(connection)}}


def dumps(holders: Mapping[str, str]) -> str:
    """Return the text of the document: {"claims_version": 1, "holders": {key: name of a connection}}."""
    return json.dumps({"claims_version": VERSION, "holders": dict(holders)}, indent=2, sort_keys=True) + "\n"


def loads(text: str) -> dict[str, str]:
    """Return the holders of a document. Raises BrokenConnectionError for what is none, or one of a newer release."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise BrokenConnectionError("it is not valid JSON") from None
    holders = document.get("holders") if isinstance(document, dict) else None
    if not isinstance(holders, dict) or not all(isinstance(holder, str) for holder in holders.values()):
        raise BrokenConnectionError("it does not say who has which business entity and account")
    if document.get("claims_version") != VERSION:
        raise BrokenConnectionError("it was written by another release than this one")
    return holders
