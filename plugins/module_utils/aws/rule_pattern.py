# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Event patterns: checked before they are sent.

Grammar: docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .errors import InputError

MATCHERS = frozenset(
    ("prefix", "suffix", "anything-but", "numeric", "exists", "cidr", "wildcard", "equals-ignore-case")
)


def check_pattern(pattern: Mapping[str, Any], option: str = "event_pattern") -> None:
    """Raise InputError for a pattern that EventBridge would refuse; names the place of the fault."""
    _check_level(pattern, option, "")


def _check_level(level: Mapping[str, Any], option: str, path: str) -> None:
    for key, value in level.items():
        here = f"{path}.{key}" if path else str(key)
        if isinstance(value, Mapping):
            _check_not_empty(value, option, here)
            _check_level(value, option, here)
        elif not isinstance(value, list):
            raise InputError(
                f"{option}: {here} is {value!r}; a pattern holds lists of values, so write [{_shown(value)}]."
            )
        else:
            _check_not_empty(value, option, here)
            _check_members(value, option, here, key == "$or")


def _check_not_empty(value: Any, option: str, here: str) -> None:
    if not value:
        raise InputError(f"{option}: {here} is empty; it would match nothing.")


def _check_members(members: list[Any], option: str, here: str, alternatives: bool) -> None:
    for member in members:
        if alternatives and isinstance(member, Mapping):
            _check_level(member, option, here)
        elif isinstance(member, Mapping):
            _check_matcher(member, option, here)
        elif isinstance(member, list):
            raise InputError(f"{option}: {here} holds a list in a list; EventBridge has no such pattern.")


def _check_matcher(member: Mapping[str, Any], option: str, here: str) -> None:
    unknown = sorted(set(member) - MATCHERS)
    if unknown or len(member) != 1:
        shown = ", ".join(sorted(map(str, member))) or "nothing"
        raise InputError(
            f"{option}: {here} has a matcher with {shown}; give exactly one of {', '.join(sorted(MATCHERS))}."
        )


def _shown(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value).lower()
