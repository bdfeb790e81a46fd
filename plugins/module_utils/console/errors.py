# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong with the console.

ConsoleError
├── Unreachable          no answer after all attempts (DNS, refused, TLS, timeout)
├── WrongAddress         what answers is not the API (redirect, HTML, plain http refused)
├── LoginRefused         the credentials are not accepted
├── Refused              the API answered with an error status (``status``)
│   └── NotFound         404
├── BadAnswer            an answer without the keys it must have, or not JSON
├── UnknownOutcome       a creation whose answer was lost: it may or may not have happened
├── UnknownType          the console has no such type
├── UnknownField         the type has no such field
├── InvalidValue         a value the field does not take
├── QueryError           a query that cannot be written
└── BadOption            a login method or option that does not exist or is missing
"""

from __future__ import annotations

from ..errors import WxgovError


class ConsoleError(WxgovError):
    """Root of the console's errors."""


class Unreachable(ConsoleError):
    """No answer after all attempts."""


class WrongAddress(ConsoleError):
    """What answers is not the console's API."""


class LoginRefused(ConsoleError):
    """The credentials are not accepted."""


class Refused(ConsoleError):
    """The API answered with an error status."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class NotFound(Refused):
    """The API answered 404."""


class BadAnswer(ConsoleError):
    """An answer that is not JSON or lacks a key it must have."""


class UnknownOutcome(ConsoleError):
    """A creation whose answer was lost; look for the object before creating it again."""


class UnknownType(ConsoleError):
    """The console has no such type."""


class UnknownField(ConsoleError):
    """The type has no such field."""


class InvalidValue(ConsoleError):
    """A value that the field does not take."""


class QueryError(ConsoleError):
    """A query that cannot be written."""


class BadOption(ConsoleError):
    """A login method or option that does not exist, is missing or does not fit."""
