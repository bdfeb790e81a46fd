# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON documents that users hand in: policies and event patterns."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .errors import InputError

_NEIGHBOURHOOD = 40


def parse_json(text: str, option: str) -> Any:
    """The JSON value in `text`; the error names the option, the line and column, and the text around the fault."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        near = " ".join(text[max(0, error.pos - _NEIGHBOURHOOD) : error.pos + _NEIGHBOURHOOD].split())
        raise InputError(
            f"{option} is not valid JSON: {error.msg} at line {error.lineno}, column {error.colno}, near: {near}"
        ) from error


def parse_object(text: str | Mapping[str, Any], option: str) -> dict[str, Any]:
    """The JSON object in `text`; an empty text counts as the empty object."""
    if isinstance(text, Mapping):
        return dict(text)
    document = parse_json(text, option) if text.strip() else {}
    if not isinstance(document, dict):
        raise InputError(f"{option} must be a JSON object, not a {type(document).__name__}.")
    return document


def compact(document: Any) -> str:
    """The shortest JSON text of a document, with sorted keys: what is sent to AWS."""
    return json.dumps(document, separators=(",", ":"), sort_keys=True)


def canonical(document: Any) -> Any:
    """A value that is equal for two documents that differ only in the order of keys and of list members."""
    if isinstance(document, Mapping):
        return {key: canonical(value) for key, value in document.items()}
    if isinstance(document, (list, tuple)):
        members = {compact(canonical(member)) for member in document}
        return sorted(members)
    return document


def same(one: Any, other: Any) -> bool:
    """Whether two documents say the same, lists taken as sets."""
    return bool(canonical(one) == canonical(other))
