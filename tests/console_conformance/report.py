# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run says: for each check the fact, where the fact is from, and how this console stands to it."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

Outcome: TypeAlias = Literal["agrees", "differs", "error", "skipped"]
FORMAT = 2
HIDDEN = "********"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check. ``fact`` is what our client rests on, ``source`` the kind of evidence that we have for it, and
    ``needed_for`` what of the client does not work, or works otherwise, where it is not so.

    agrees: this console is so. differs: it is not, and ``seen`` says how it is. error: the check itself could not be
    done. skipped: there was nothing to try it on, or it writes.
    """

    name: str
    fact: str
    source: str
    needed_for: str
    writes: bool
    outcome: Outcome
    seen: str
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Report:
    """A whole run."""

    started_at: str
    collection: str
    with_writes: bool
    calls: Mapping[str, int]
    left_behind: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def conforms(self) -> bool:
        """Whether nothing differs or failed, and nothing was left behind."""
        return not self.left_behind and all(found.outcome in ("agrees", "skipped") for found in self.findings)

    def as_dict(self) -> dict[str, Any]:
        """Return the report as data."""
        counts = {name: sum(found.outcome == name for found in self.findings) for name in OUTCOMES}
        return {"format": FORMAT, "conforms": self.conforms, "counts": counts, **asdict(self)}


OUTCOMES: tuple[Outcome, ...] = ("agrees", "differs", "error", "skipped")


def to_json(report: Report, secrets: Collection[str]) -> str:
    """Return the report's text with everything taken out that must not leave the house.

    That is every secret, and what only this console has: host names, e-mail addresses, tokens.
    """
    return scrub(json.dumps(report.as_dict(), indent=2, ensure_ascii=False), secrets) + "\n"


def to_table(report: Report, secrets: Collection[str]) -> str:
    """Return a table for people: one line a check, and where it is not as expected what rests on it."""
    width = max(len(found.name) for found in report.findings)
    lines = []
    for found in report.findings:
        lines.append(f"{found.name:<{width}}  {found.outcome:<8}  {found.seen}")
        if found.outcome in ("differs", "error"):
            lines.append(f"{'':<{width}}  needed for: {found.needed_for}")
    counts = report.as_dict()["counts"]
    summary = ", ".join(f"{count} {name}" for name, count in counts.items())
    left = [f"left behind, remove it by hand: {text}" for text in report.left_behind]
    return scrub("\n".join([*lines, *left, summary]), secrets) + "\n"


def scrub(text: str, secrets: Collection[str]) -> str:
    """Return a text without the secrets, tokens, e-mail addresses and host names in it."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, HIDDEN).replace(json.dumps(secret)[1:-1], HIDDEN)
    text = re.sub(r"eyJ[\w-]+\.[\w-]+\.[\w-]*", HIDDEN, text)
    text = re.sub(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", "user@example.com", text)
    return re.sub(r"(https?://)[^/\s\"'\\,;]+", r"\1CONSOLE", text)


def by_outcome(findings: Sequence[Finding], outcome: Outcome) -> list[str]:
    """Return the names of the checks with an outcome."""
    return [found.name for found in findings if found.outcome == outcome]
