# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checked reading of JSON answers: a missing or misshapen key is an error, never "nothing there"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .errors import BadAnswerError


def expect_mapping(value: object, what: str) -> Mapping[str, object]:
    """Return value if it is a JSON object. ``what`` names the answer in the error."""
    if isinstance(value, dict):
        return value
    raise BadAnswerError(f"{what} is {_kind(value)}, not a JSON object: it was cut off or is not from this API.")


def expect_list(holder: Mapping[str, object], key: str, what: str) -> Sequence[object]:
    """Return the list under key. Raises BadAnswerError if there is none."""
    value = holder.get(key)
    if isinstance(value, list):
        return value
    raise BadAnswerError(f'{what} has no list "{key}": it was cut off or is not from this API.')


def expect_text(holder: Mapping[str, object], key: str, what: str) -> str:
    """Return the non-empty text under key; whole numbers count, since ids may come as either."""
    text = optional_text(holder, key)
    if text:
        return text
    raise BadAnswerError(f'{what} has no "{key}": it was cut off or is not from this API.')


def expect_boolean(holder: Mapping[str, object], key: str, what: str) -> bool:
    """Return the true or false under key. Raises BadAnswerError if there is none."""
    value = holder.get(key)
    if isinstance(value, bool):
        return value
    raise BadAnswerError(f'{what} has no true or false under "{key}": it was cut off or is not from this API.')


def optional_text(holder: Mapping[str, object], key: str) -> str | None:
    """Return the text under key, or None where it is missing, null or neither text nor a whole number."""
    value = holder.get(key)
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return None


def _kind(value: object) -> str:
    if value is None:
        return "empty"
    return {"list": "a list", "str": "a text"}.get(type(value).__name__, "a bare value")
