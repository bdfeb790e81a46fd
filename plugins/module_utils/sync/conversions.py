# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The named conversions of the mapping: pure functions from a registry value to what a console field can hold.

"No value" (None, and an empty text, list or object) is no value to every conversion and never reaches it. One that
cannot convert a value raises ValueError.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from ..console.objects import Scalar


def convert(conversion: str, value: Any) -> Scalar | None:
    """Return the value after the named conversion; None is no value. Raises ValueError, KeyError for the name."""
    if value is None or value in ("", (), [], {}):
        return None
    try:
        return CONVERSIONS[conversion](value)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def text(value: Any) -> Scalar | None:
    """A text as it is, a number or truth value as JSON writes it; nothing else is a text."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    raise ValueError(f"a {type(value).__name__} is no text")


def as_json(value: Any) -> Scalar | None:
    """Anything, as JSON with sorted keys."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def outline(value: Any) -> Scalar | None:
    """Anything, as lines for people: ``key: value``, nested keys joined with dots, items of a list on their own."""
    return "\n".join(_lines("", value)) or None


def number(value: Any) -> Scalar | None:
    """A number, or a text that is one."""
    try:
        converted = None if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        converted = None
    if converted is None or not math.isfinite(converted):
        raise ValueError(f"{value!r} is no number")
    return converted


def integer(value: Any) -> Scalar | None:
    """A whole number, or a text that is one."""
    try:
        converted = int(value) if isinstance(value, str | int) and not isinstance(value, bool) else None
    except ValueError:
        converted = None
    if converted is None:
        raise ValueError(f"{value!r} is no whole number")
    return converted


def yes_no(value: Any) -> Scalar | None:
    """A truth value as Yes or No, as the console's enumerations have it."""
    known = {True: "Yes", False: "No", "true": "Yes", "false": "No", "yes": "Yes", "no": "No"}
    answer = known.get(value.lower() if isinstance(value, str) else value) if isinstance(value, str | bool) else None
    if answer is None:
        raise ValueError(f"{value!r} is neither true nor false")
    return answer


def date(value: Any) -> Scalar | None:
    """A time, as its date: 2026-11-22."""
    if not isinstance(value, datetime):
        raise ValueError(f"{value!r} is no time")
    return value.date().isoformat()


CONVERSIONS: Mapping[str, Callable[[Any], Scalar | None]] = {
    "text": text,
    "json": as_json,
    "outline": outline,
    "number": number,
    "integer": integer,
    "yes_no": yes_no,
    "date": date,
}


def _lines(path: str, value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key in sorted(value, key=str):
            yield from _lines(f"{path}.{key}" if path else str(key), value[key])
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _lines(path, item)
    elif value not in (None, ""):
        shown = value if isinstance(value, str) else json.dumps(value, default=str)
        yield f"{path}: {shown}" if path else shown
