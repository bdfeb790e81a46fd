# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Field values: from a request's JSON into the store, and from the store into answers."""

from __future__ import annotations

from typing import Any

from . import catalogue, clock
from .errors import bad_request
from .instance import Field
from .store import Value
from .switches import Switches

_MAX_INTEGER = 2**63 - 1


def from_json(field: Field, value: Any, switches: Switches) -> Value:
    """Return what the store keeps for a value of a request; None clears the field. Raises ApiError (400)."""
    if value is None or value in ("", []):
        if field.spec.required:
            raise bad_request(f"Field {field.name} is required")
        return None
    data_type = field.data_type
    if data_type in catalogue.TEXTS:
        return _text(field, value, switches)
    if data_type == catalogue.ENUM:
        return _enum(field, value)
    if data_type == catalogue.MULTI:
        if not isinstance(value, list):
            raise bad_request(f"Field {field.name} takes a list of values")
        chosen = {_enum(field, item) for item in value}
        return tuple(name for name in field.enum if name in chosen)
    return _date(field, value) if data_type == catalogue.DATE else _number(field, value)


def _text(field: Field, value: Any, switches: Switches) -> str:
    if not isinstance(value, str):
        raise bad_request(f"Field {field.name} takes a string, not {type(value).__name__}")
    longest = {
        catalogue.STRING: switches.string_max,
        catalogue.MEDIUM: switches.medium_string_max,
        catalogue.LARGE: switches.large_string_max,
    }[field.data_type]
    return storable(value, field.name, longest)


def storable(text: str, name: str, longest: int) -> str:
    """Return a text that the database can hold. Raises ApiError (400) if it is too long or not Unicode text."""
    if len(text) > longest:
        raise bad_request(f"{name} has {len(text)} characters, at most {longest} are allowed")
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise bad_request(f"{name} holds characters that are not allowed")
    return text


def _enum(field: Field, value: Any) -> str:
    name = value.get("name") if isinstance(value, dict) else None
    if not isinstance(name, str):
        raise bad_request(f'Field {field.name} takes {{"name": "…"}}')
    if name not in field.enum:
        raise bad_request(f"Invalid enum value {name[:100]!r} for field {field.name}")
    return name


def _date(field: Field, value: Any) -> str:
    try:
        return clock.normalise(value)
    except (AttributeError, TypeError, ValueError, OverflowError):
        raise bad_request(f"Field {field.name} takes an ISO date, not {str(value)[:100]!r}") from None


def _number(field: Field, value: Any) -> int | float:
    whole = field.data_type == catalogue.INTEGER
    if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)) or abs(value) > _MAX_INTEGER:
        raise bad_request(f"Field {field.name} takes {'an integer' if whole else 'a number'}, not {str(value)[:100]!r}")
    return int(value) if whole else float(value)


def to_json(field: Field, value: Value) -> Any:
    """Return a stored value as answers show it."""
    if field.data_type == catalogue.ENUM:
        return field.enum[str(value)].as_json()
    if field.data_type == catalogue.MULTI and isinstance(value, tuple):
        return [field.enum[name].as_json() for name in value]
    return str(value) if field.data_type == catalogue.ID else value
