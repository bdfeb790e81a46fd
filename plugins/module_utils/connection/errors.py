# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong with a connection.

::

    ConnectionStoreError
    ├── NoSuchConnectionError   no connection of that name is kept
    ├── BrokenConnectionError   a kept connection cannot be read
    ├── InvalidConnectionError  values that cannot be a connection's
    ├── LockTimeoutError        somebody else holds a lock for longer than we wait
    ├── EditConflictError       somebody else has changed a connection since it was read
    ├── AwsSessionError         no AWS session can be made
    └── TooManyCallsError       AWS takes fewer calls than there are
"""

from __future__ import annotations

from ..errors import WxgovError


class ConnectionStoreError(WxgovError):
    """Root of the connection room's errors."""


class NoSuchConnectionError(ConnectionStoreError):
    """No connection of that name is kept."""


class BrokenConnectionError(ConnectionStoreError):
    """A kept connection cannot be read."""


class InvalidConnectionError(ConnectionStoreError):
    """Values that cannot be a connection's."""


class LockTimeoutError(ConnectionStoreError):
    """Somebody else holds a lock for longer than we wait."""


class EditConflictError(ConnectionStoreError):
    """Somebody else has changed a connection since it was read: read and decide anew."""


class AwsSessionError(ConnectionStoreError):
    """No AWS session can be made."""


class TooManyCallsError(ConnectionStoreError):
    """AWS takes fewer calls than there are, and this one's turn does not come soon enough."""
