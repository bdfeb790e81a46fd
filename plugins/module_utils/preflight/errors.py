# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a check finds.

::

    PreflightError
    ├── BusinessEntityError   none, several, or not at the root
    ├── DefaultUserError      none, or not active
    ├── PermissionsError      the login may not do what the synchronisation does
    └── ConsoleSetupError     a type or field that the synchronisation cannot use
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
