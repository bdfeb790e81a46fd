# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers and times as a person reads them."""

from __future__ import annotations

from datetime import datetime, timezone


def counted(number: int, noun: str) -> str:
    """A number of things as the subject of a sentence: "1 key is", "2 keys are"."""
    return f"{number:,} {noun} is" if number == 1 else f"{number:,} {noun}s are"


def span(seconds: float) -> str:
    """A length of time in its largest unit: 250 ms, 45 s, 3 min, 2 h, 4 days."""
    if seconds < 1:
        return f"{max(0.0, seconds) * 1000:.0f} ms"
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    if seconds < 36 * 3600:
        return f"{seconds / 3600:.0f} h"
    return f"{seconds / 86_400:.0f} days"


def ago(moment: float | None, now: float) -> str:
    """How long ago something was; "never" for None."""
    if moment is None:
        return "never"
    return "just now" if now - moment < 2 else f"{span(now - moment)} ago"


def time_of_day(moment: float) -> str:
    """A wall-clock time in UTC, with the day."""
    return datetime.fromtimestamp(moment, timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")


def short_key(key: str) -> str:
    """The part of a journal key that a person calls it by: of an ARN, what follows the type of the resource."""
    if not key.startswith("arn:"):
        return key
    resource = key.split(":", 5)[5] if key.count(":") >= 5 else key
    return resource.partition("/")[2] or resource
