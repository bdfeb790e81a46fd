# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a check finds.

::

    PreflightError
    ├── BusinessEntityError   none, several, or not at the root
    ├── DefaultUserError      none, or not active
    ├── PermissionsError      the login may not do what the synchronisation does
    ├── ConsoleSetupError     a type or field that the synchronisation cannot use
    ├── NobodyLooksError      no credentials lead into the account that is to be looked at
    ├── AwsReadError          AWS did not tell
    │   ├── AwsDeniedError    it denies the action to these credentials
    │   └── AwsAbsentError    it says that there is no such thing
    └── ProbeError            the probe cannot begin, or cannot go on
        ├── ProbeStuckError   a hop took longer than it may
        └── ProbeStoppedError somebody has stopped the run
"""

from __future__ import annotations

from ..errors import WxgovError


class PreflightError(WxgovError):
    """Root of what checks find."""


class BusinessEntityError(PreflightError):
    """The business entity cannot be a connection's."""


class DefaultUserError(PreflightError):
    """The default user cannot own models."""


class PermissionsError(PreflightError):
    """The login may not do in the business entity what the synchronisation does."""


class ConsoleSetupError(PreflightError):
    """The console lacks what the synchronisation needs."""


class NobodyLooksError(PreflightError):
    """No credentials lead into the account that is to be looked at."""


class AwsReadError(PreflightError):
    """AWS did not tell: no answer, another error, or an answer that cannot be trusted.

    ``code`` is AWS's error code without its service prefix; empty where there was none.
    """

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class AwsDeniedError(AwsReadError):
    """AWS denies an action to the credentials in use; ``action`` is its name in policies."""

    def __init__(self, message: str, code: str, action: str) -> None:
        super().__init__(message, code)
        self.action = action


class AwsAbsentError(AwsReadError):
    """AWS says that there is no such thing."""


class ProbeError(PreflightError):
    """The probe cannot begin, or cannot go on."""


class ProbeStuckError(ProbeError):
    """What a hop waits for did not come in time."""


class ProbeStoppedError(ProbeError):
    """Somebody has stopped the run."""
