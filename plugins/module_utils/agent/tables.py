# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the commands print for people: columns, and times as "3 min"."""

from __future__ import annotations

from collections.abc import Sequence

_UNITS = ((86_400.0, "d"), (3600.0, "h"), (60.0, "min"))


def columns(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lines of columns that are as wide as they have to be, two spaces apart."""
    lines = [head, *rows]
    widths = [max(len(line[place]) for line in lines) for place in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def duration(seconds: float) -> str:
    """A time span in its largest unit, from seconds to days."""
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"
