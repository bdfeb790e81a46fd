# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong with the console.

::

    ConsoleError
    ├── UnreachableError      no answer after all attempts (name, connection, TLS, timeout)
    │   └── CircuitOpenError  not even asked, because it did not answer several times in a row
    ├── WrongAddressError     what answers is not the API (redirect, HTML), or an address that is not allowed
    ├── LoginRefusedError     the credentials are not accepted
    ├── SecretUnreadableError the secret of the login cannot be read where it is kept
    ├── RefusedError          the API answered with an error status (``status``)
    │   └── NotFoundError     404, in JSON
    ├── BadAnswerError        an answer that is not JSON or lacks a key it must have, a 404 among them
    ├── UnknownOutcomeError   a creation whose answer was lost: it may or may not have happened
    ├── UnknownTypeError      the console has no such type
    ├── UnknownFieldError     the type has no such field
    ├── InvalidValueError     a value that a field or a search does not take
    ├── QueryError            a query that cannot be written
    └── BadOptionError        a login method or option that does not exist, is missing or does not fit
"""

from __future__ import annotations

from ..errors import WxgovError


class ConsoleError(WxgovError):
    """Root of the console's errors."""


class UnreachableError(ConsoleError):
    """No answer after all attempts."""


class CircuitOpenError(UnreachableError):
    """The console did not answer several times in a row and is left alone for a while."""


class WrongAddressError(ConsoleError):
    """What answers is not the console's API, or the address is not one to send credentials to."""


class LoginRefusedError(ConsoleError):
    """The credentials are not accepted."""


class SecretUnreadableError(ConsoleError):
    """The secret of the login cannot be read where it is kept."""


class RefusedError(ConsoleError):
    """The API answered with an error status."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class NotFoundError(RefusedError):
    """The API answered 404, with a JSON object: any other 404 may be that of something before it."""


class BadAnswerError(ConsoleError):
    """An answer that is not JSON or lacks a key it must have."""


class UnknownOutcomeError(ConsoleError):
    """A creation whose answer was lost; look for the object before creating it again."""


class UnknownTypeError(ConsoleError):
    """The console has no such type."""


class UnknownFieldError(ConsoleError):
    """The type has no such field."""


class InvalidValueError(ConsoleError):
    """A value that a field or a search does not take."""


class QueryError(ConsoleError):
    """A query that cannot be written."""


class BadOptionError(ConsoleError):
    """A login method or option that does not exist, is missing or does not fit."""
