# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""SageMaker Search over plain records: filters, nested filters, sub-expressions, sorting, pages. Pure.

Operators and value formats: botocore's SageMaker model, shapes Filter, NestedFilters, SearchExpression and Operator.
"""

from __future__ import annotations

import base64
import hashlib
import json
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

MAXIMUM_PAGE = 100
_MISSING = object()


class SearchError(ValueError):
    """What SageMaker answers as ValidationException."""


# ---- values


def _as_time(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise SearchError(f"Value {text} is not a timestamp: the format is YYYY-mm-dd'T'HH:MM:SS.") from None
    return moment.astimezone(timezone.utc).replace(tzinfo=None) if moment.tzinfo else moment


def _as_number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise SearchError(f"Value {text} is not a number.") from None


def _comparable(actual: Any, text: str) -> tuple[Any, Any]:
    """Both sides of a comparison in the type of the property."""
    if isinstance(actual, datetime):
        return actual, _as_time(text)
    if isinstance(actual, bool):
        return str(actual).lower(), text.lower()
    if isinstance(actual, (int, float)):
        return float(actual), _as_number(text)
    return str(actual), text


def property_value(record: Mapping[str, Any], name: str) -> Any:
    """The value of a dotted property name, or a private marker when the record has none."""
    if name.startswith("Tags."):
        tags = {tag["Key"]: tag["Value"] for tag in record.get("Tags") or []}
        return tags.get(name.removeprefix("Tags."), _MISSING)
    head, _unused, rest = name.partition(".")
    value = record.get(head, _MISSING)
    if value is None:
        return _MISSING
    if not rest or value is _MISSING:
        return value
    if isinstance(value, Mapping):
        return value[rest] if rest in value else property_value(value, rest)
    return _MISSING


def check_property(name: str, known: frozenset[str]) -> None:
    if name.partition(".")[0] not in known:
        raise SearchError(f"Unknown property name: {name}")


# ---- filters


def _equals(actual: Any, text: str) -> bool:
    left, right = _comparable(actual, text)
    return bool(left == right)


def _ordered(test: Callable[[Any, Any], bool]) -> Callable[[Any, str], bool]:
    return lambda actual, text: test(*_comparable(actual, text))


_OPERATORS: dict[str, Callable[[Any, str], bool]] = {
    "Equals": _equals,
    "GreaterThan": _ordered(lambda left, right: left > right),
    "GreaterThanOrEqualTo": _ordered(lambda left, right: left >= right),
    "LessThan": _ordered(lambda left, right: left < right),
    "LessThanOrEqualTo": _ordered(lambda left, right: left <= right),
    "Contains": lambda actual, text: text in str(actual),
    "In": lambda actual, text: any(_equals(actual, part.strip()) for part in text.split(",")),
}


def filter_matches(record: Mapping[str, Any], condition: Mapping[str, Any]) -> bool:
    """One Filter. A record without the property matches NotExists and NotEquals only."""
    operator = condition.get("Operator") or "Equals"
    actual = property_value(record, condition["Name"])
    if operator in ("Exists", "NotExists"):
        if condition.get("Value") is not None:
            raise SearchError(f"Value must not be given with the operator {operator}.")
        return (actual is not _MISSING) == (operator == "Exists")
    if condition.get("Value") is None:
        raise SearchError(f"The filter on {condition['Name']} has no Value.")
    if operator == "NotEquals":
        return actual is _MISSING or not _equals(actual, condition["Value"])
    if operator not in _OPERATORS:
        raise SearchError(f"Unknown operator {operator}.")
    return actual is not _MISSING and _OPERATORS[operator](actual, condition["Value"])


def _elements(record: Mapping[str, Any], path: str) -> list[Mapping[str, Any]]:
    value: Any = record
    for step in path.split("."):
        value = value.get(step) if isinstance(value, Mapping) else None
    return [entry for entry in value if isinstance(entry, Mapping)] if isinstance(value, list) else []


def _nested_matches(record: Mapping[str, Any], nested: Mapping[str, Any]) -> bool:
    """One element of the nested list fulfils all filters."""
    prefix = f"{nested['NestedPropertyName']}."
    filters = [{**entry, "Name": entry["Name"].removeprefix(prefix)} for entry in nested["Filters"]]
    return any(
        all(filter_matches(element, entry) for entry in filters)
        for element in _elements(record, nested["NestedPropertyName"])
    )


def matches(record: Mapping[str, Any], expression: Mapping[str, Any] | None) -> bool:
    """A whole SearchExpression; its Operator joins filters, nested filters and sub-expressions (And unless Or)."""
    if not expression:
        return True
    results = [filter_matches(record, entry) for entry in expression.get("Filters") or []]
    results += [_nested_matches(record, entry) for entry in expression.get("NestedFilters") or []]
    results += [matches(record, entry) for entry in expression.get("SubExpressions") or []]
    if not results:
        return True
    return any(results) if expression.get("Operator") == "Or" else all(results)


def check_expression(expression: Mapping[str, Any] | None, known: frozenset[str]) -> None:
    """Refuse property names the resource does not have, before any record is looked at."""
    for entry in (expression or {}).get("Filters") or []:
        check_property(entry["Name"], known)
    for entry in (expression or {}).get("NestedFilters") or []:
        check_property(entry["NestedPropertyName"], known)
    for entry in (expression or {}).get("SubExpressions") or []:
        check_expression(entry, known)


# ---- pages


def digest(request: Mapping[str, Any]) -> str:
    """A short fingerprint of a request without its token, so that a token serves only the request it came from."""
    return hashlib.sha256(json.dumps(request, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _encode(state: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(state).encode()).decode()


def _decode(token: str, fingerprint: str) -> dict[str, Any]:
    try:
        state = json.loads(base64.urlsafe_b64decode(token.encode()))
    except ValueError:
        state = None
    if not isinstance(state, dict) or state.get("request") != fingerprint:
        raise SearchError("The NextToken is invalid for this request.")
    return state


@dataclass(frozen=True, slots=True)
class Ordered:
    """Items in ascending order of their keys, ready to be paged from either end."""

    keys: list[tuple[str, str]]
    items: list[Any]


def in_order(items: Iterable[Any], key: Callable[[Any], tuple[str, str]]) -> Ordered:
    pairs = sorted(((key(item), item) for item in items), key=lambda pair: pair[0])
    return Ordered([pair[0] for pair in pairs], [pair[1] for pair in pairs])


def page(
    ordered: Ordered,
    *,
    token: str | None,
    size: int,
    descending: bool,
    fingerprint: str,
    empty_pages: int = 0,
) -> tuple[list[Any], str | None]:
    """One page, and the token of the next.

    The token names the last item returned, so items that are deleted meanwhile do not break a walk. With
    ``empty_pages`` that many empty pages with a token come before each page, as when SageMaker filters after paging.
    """
    state = _decode(token, fingerprint) if token else {"after": None, "empty": 0}
    after = tuple(state["after"]) if state["after"] else None
    low, high = _left(ordered.keys, after, descending)
    if low < high and state["empty"] < empty_pages:
        return [], _encode({"request": fingerprint, "after": after, "empty": state["empty"] + 1})
    if high - low <= size:
        chosen, last = ordered.items[low:high], None
    elif descending:
        chosen, last = ordered.items[high - size : high], ordered.keys[high - size]
    else:
        chosen, last = ordered.items[low : low + size], ordered.keys[low + size - 1]
    following = _encode({"request": fingerprint, "after": last, "empty": 0}) if last else None
    return (chosen[::-1] if descending else chosen), following


def _left(keys: list[tuple[str, str]], after: Any, descending: bool) -> tuple[int, int]:
    """The part of the keys a walk has not returned yet, as (start, end)."""
    if after is None:
        return 0, len(keys)
    return (0, bisect_left(keys, after)) if descending else (bisect_right(keys, after), len(keys))


def sort_text(value: Any) -> str:
    """A text that sorts as the value does."""
    if value is _MISSING or value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds")
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return f"{value:030.6f}"
    return str(value)
