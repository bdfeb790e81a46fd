# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Log lines for a journal (one JSON object a line) or a person (text), with the same fields.

A line about a key carries ``connection`` and ``key``, one about an event ``event_id``, one of a sweep its ``run_id``:
given as ``extra=fields(...)``, or for all lines of a block, those of the other rooms included, by `about`.

Message bodies, credentials and console answers are never logged. Should the text of a library hold a credential all the
same, `scrub` takes it out.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timezone
from types import MappingProxyType
from typing import TextIO

from ..errors import WxgovError

FIELDS = ("connection", "key", "event_id", "run_id")
ROOT = __name__.rsplit(".", 2)[0]
"""The logger that those of all our rooms are children of, however the package is called here."""


HIDDEN = "********"
_SECRETS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"(?P<before>\b(?:bearer|basic|apikey|zenapikey)\s+)[\w.~+/=-]{8,}",
        # Not the names of actions of Secrets Manager, which say what permission is missing.
        r"(?<![\w-])(?!secretsmanager:)(?P<before>[\w-]*(?:secret|passw(?:or)?d|token|api_?-?key|signature|credential)[\w-]*[\"']?\s*[=:]\s*[\"']?)"
        r"[^\s\"'&,;)}\]]{8,}",
        r"(?P<before>://[^\s/:@]*:)[^\s/@]+(?=@)",
        r"(?P<before>\b(?:AKIA|ASIA))[A-Z0-9]{16}\b",
    )
)
"""What credentials look like in other people's texts: headers, NAME=VALUE, addresses with a password, AWS key ids."""

_context: ContextVar[Mapping[str, str]] = ContextVar("wxgov_log_context", default=MappingProxyType({}))


def fields(
    connection: str | None = None, key: str | None = None, event_id: str | None = None, run_id: str | None = None
) -> Mapping[str, str]:
    """The ``extra`` of a log call; what is None or empty is left out."""
    values = {"connection": connection, "key": key, "event_id": event_id, "run_id": run_id}
    return {name: value for name, value in values.items() if value}


@contextmanager
def about(
    connection: str | None = None, key: str | None = None, event_id: str | None = None, run_id: str | None = None
) -> Iterator[None]:
    """Let every line that this thread writes within the block carry these fields."""
    token = _context.set({**_context.get(), **fields(connection, key, event_id, run_id)})
    try:
        yield
    finally:
        _context.reset(token)


def scrub(text: str) -> str:
    """The text without what looks like a credential."""
    for pattern in _SECRETS:
        text = pattern.sub(rf"\g<before>{HIDDEN}", text)
    return text


# How AWS services say that a signature is more than five minutes away from their time (SigV4 troubleshooting page).
_SKEWED = ("RequestTimeTooSkewed", "RequestExpired", "Signature expired", "Signature not yet current")


def reason(error: BaseException) -> str:
    """One line, at most 500 letters, no credentials: our own errors are sentences, others get their type in front."""
    text = scrub(" ".join(str(error).split()))
    if any(sign in text for sign in _SKEWED):
        text = f"AWS does not accept the time of this host's clock, is it right? {text}"
    own = isinstance(error, WxgovError)
    return (text if own and text else f"{type(error).__name__}: {text}" if text else type(error).__name__)[:500]


class JsonLines(logging.Formatter):
    """One JSON object a line: time (UTC), level, message, the fields, and error for an exception."""

    def format(self, record: logging.LogRecord) -> str:
        """Render one record."""
        line: dict[str, str] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "message": scrub(record.getMessage()),
            **_fields_of(record),
        }
        if record.exc_info:
            line["error"] = scrub(self.formatException(record.exc_info))
        return json.dumps(line)


class PlainLines(logging.Formatter):
    """``time level message [connection=… key=…]``."""

    def format(self, record: logging.LogRecord) -> str:
        """Render one record."""
        named = " ".join(f"{name}={value}" for name, value in _fields_of(record).items())
        line = f"{_time(record)} {record.levelname:<7} {scrub(record.getMessage())}{f' [{named}]' if named else ''}"
        return f"{line}\n{scrub(self.formatException(record.exc_info))}" if record.exc_info else line


def configure(log_format: str, level: str, stream: TextIO | None = None) -> None:
    """Send the agent's log to ``stream`` (stderr): JSON lines, or text where "auto" finds a terminal."""
    target = stream or sys.stderr
    handler = logging.StreamHandler(target)
    text = log_format == "text" or (log_format == "auto" and target.isatty())
    handler.setFormatter(PlainLines() if text else JsonLines())
    logger = logging.getLogger(ROOT)
    logger.handlers[:] = [handler]
    logger.propagate = False
    logger.setLevel(level.upper())


def _fields_of(record: logging.LogRecord) -> dict[str, str]:
    """What the call said, and for the rest what the block says that it is made in."""
    around = _context.get()
    given = ((name, getattr(record, name, None) or around.get(name)) for name in FIELDS)
    return {name: str(value) for name, value in given if value}


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
