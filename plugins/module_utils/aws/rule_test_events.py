# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Events that a rule's pattern must take, or must leave, asked of EventBridge before the rule is touched.

What TestEventPattern wants of an event:
docs.aws.amazon.com/eventbridge/latest/APIReference/API_TestEventPattern.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .client import ServiceClient
from .documents import compact, parse_object
from .errors import InputError

MANDATORY = ("id", "account", "source", "time", "region", "resources", "detail-type")


@dataclass(frozen=True, slots=True)
class SampleEvent:
    """One event and whether the pattern is to match it."""

    event: Mapping[str, Any]
    matches: bool = True


def read_test_events(given: Sequence[Mapping[str, Any]] | None) -> tuple[SampleEvent, ...]:
    """The option `test_events`, checked: each event has what AWS wants of one. Raises InputError, asks nobody."""
    return tuple(_read(entry, number) for number, entry in enumerate(given or (), 1))


def _read(entry: Mapping[str, Any], number: int) -> SampleEvent:
    event = parse_object(entry["event"], f"test_events: event {number}")
    missing = [key for key in MANDATORY if key not in event]
    if missing:
        raise InputError(
            f"test_events: event {number} has no {' and no '.join(missing)}; EventBridge tests only whole events."
        )
    return SampleEvent(event, bool(entry["matches"]))


def check_test_events(
    events: ServiceClient, rule: str, pattern: Mapping[str, Any] | None, tested: Sequence[SampleEvent]
) -> None:
    """Ask TestEventPattern about each event (one call each).

    Raises InputError naming every event that is taken or left against what was said.
    """
    if not tested:
        return
    if not pattern:
        raise InputError(f"test_events needs an event_pattern to test, and the rule {rule!r} has none.")
    text = compact(pattern)
    wrong = []
    for number, entry in enumerate(tested, 1):
        answer = events.call("test_event_pattern", rule, EventPattern=text, Event=compact(entry.event))
        result = bool(events.required(answer, "Result", "test_event_pattern", rule))
        if result != entry.matches:
            wrong.append(f"event {number} ({_shown(entry.event)}) {'matches' if result else 'does not match'}")
    if wrong:
        raise InputError(
            f"test_events: {'; '.join(wrong)} the pattern of the rule {rule!r}, against what matches says; "
            "nothing was changed."
        )


def _shown(event: Mapping[str, Any]) -> str:
    """What tells events apart: source, type, and the API call or the service's own name of the event."""
    detail = event.get("detail")
    name = detail.get("eventName") if isinstance(detail, Mapping) else None
    return ", ".join(str(part) for part in (event["source"], event["detail-type"], name) if part)
