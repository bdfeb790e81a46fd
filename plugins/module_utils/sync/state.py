# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sync state: what registry and console last agreed on, kept in a text field of the console object itself.

With it the planner tells who changed a field since then. It is compact JSON::

    {"v":1,"at":"2026-11-22T09:10:12.345678+00:00","gone":false,"map":"9c1d22ab","fields":{"Description":"1f0c…", …}}

``at`` is the LastModifiedTime of the registry record that was written, ``gone`` whether that entity no longer exists,
``fields`` a digest of the value last agreed, by console field name. ``map`` is the fingerprint of the mapping that the
values came through, and ``archived`` (only where it is true) says that the registry had archived the model. A state
that cannot be read (somebody edited it) is no state: the object is compared field by field and gets a new one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from ..console.objects import Scalar

FORMAT = 1
DIGEST_BYTES = 5
_NOT_GONE = '"gone":false'


@dataclass(frozen=True, slots=True)
class SyncState:
    """What was last agreed on for one console object."""

    fields: Mapping[str, str] = field(default_factory=dict)
    gone: bool = False
    modified_at: datetime | None = None
    archived: bool = False
    mapping: str = ""

    @property
    def is_announced(self) -> bool:
        """Whether the object has its ARN before the registry has the entity: gone, and never agreed on."""
        return self.gone and not self.fields

    def agrees(self, name: str, value: Scalar | None) -> bool:
        """Whether `value` is what the two sides last agreed on for the field `name`."""
        return self.fields.get(name) == digest(value)


@lru_cache(maxsize=4096, typed=True)  # most values of a model are those of thousands of others
def digest(value: Scalar | None) -> str:
    """Return a short digest of a field's value; None and the empty text are one and the same: no value."""
    text = json.dumps(None if value in ("", ()) else value, sort_keys=True)
    return blake2b(text.encode(), digest_size=DIGEST_BYTES).hexdigest()


def dump_state(state: SyncState) -> str:
    """Return the text for the console's field."""
    document = {
        "v": FORMAT,
        "at": None if state.modified_at is None else state.modified_at.isoformat(),
        "gone": state.gone,
        **({"archived": True} if state.archived else {}),
        **({"map": state.mapping} if state.mapping else {}),
        "fields": dict(sorted(state.fields.items())),
    }
    return json.dumps(document, separators=(",", ":"))


def load_state(text: Scalar | None) -> SyncState | None:
    """Return the state of a field's text, or None when there is none or it is not one of ours."""
    if not isinstance(text, str) or not text.startswith("{"):
        return None
    try:
        return _read(json.loads(text))
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def says_gone(text: Scalar | None) -> bool:
    """Whether a field's text says that the entity no longer exists, as load_state would find; mostly unparsed."""
    if isinstance(text, str) and _NOT_GONE in text:
        return False
    state = load_state(text)
    return state is not None and state.gone


def _read(document: Any) -> SyncState | None:
    if document["v"] != FORMAT:
        return None
    at = document["at"]
    fields = {str(name): str(value) for name, value in document["fields"].items()}
    return SyncState(
        fields=fields,
        gone=bool(document["gone"]),
        modified_at=None if at is None else datetime.fromisoformat(at),
        archived=bool(document.get("archived")),
        mapping=str(document.get("map", "")),
    )
