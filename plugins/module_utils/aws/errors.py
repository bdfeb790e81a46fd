# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes wrong on the AWS side, as one sentence each.

::

    WxgovError
    └── AwsError            AWS answered with an error, or could not be asked
        ├── AccessDenied    the credentials may not do it: names the action and the resource
        └── InputError      an option cannot be right; raised before anything is changed
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import WxgovError


class AwsError(WxgovError):
    """An AWS call failed; `code` is AWS's error code without its service prefix, `details` goes into the result."""

    def __init__(self, message: str, *, code: str = "", details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.details: dict[str, Any] = dict(details or {})


class AccessDenied(AwsError):
    """The credentials in use lack one permission; `details` holds `missing_permission`."""


class InputError(AwsError):
    """The value of an option cannot be right."""
