# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Log lines for a journal (one JSON object a line) or a person (text), with the same fields.

A line about a key carries ``connection`` and ``key``, one about an event ``event_id``: given as ``extra=fields(...)``.
Message bodies, credentials and console answers are never logged.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import TextIO

from ..errors import WxgovError

FIELDS = ("connection", "key", "event_id")
ROOT = __name__.rsplit(".", 2)[0]
"""The logger that those of all our rooms are children of, however the package is called here."""


def fields(connection: str | None = None, key: str | None = None, event_id: str | None = None) -> Mapping[str, str]:
    """The ``extra`` of a log call; what is None or empty is left out."""
    values = {"connection": connection, "key": key, "event_id": event_id}
    return {name: value for name, value in values.items() if value}


def reason(error: BaseException) -> str:
    """One line, at most 500 letters: our own errors are sentences, others get their type in front."""
    text = " ".join(str(error).split())
    own = isinstance(error, WxgovError)
    return (text if own and text else f"{type(error).__name__}: {text}" if text else type(error).__name__)[:500]


class JsonLines(logging.Formatter):
    """One JSON object a line: time (UTC), level, message, the fields, and error for an exception."""

    def format(self, record: logging.LogRecord) -> str:
        """Render one record."""
        line: dict[str, str] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
        }
        line |= {name: str(getattr(record, name)) for name in FIELDS if getattr(record, name, None)}
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line)


class PlainLines(logging.Formatter):
    """``time level message [connection=… key=…]``."""

    def format(self, record: logging.LogRecord) -> str:
        """Render one record."""
        named = " ".join(f"{name}={getattr(record, name)}" for name in FIELDS if getattr(record, name, None))
        line = f"{_time(record)} {record.levelname:<7} {record.getMessage()}{f' [{named}]' if named else ''}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


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


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
