# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a failed call to SageMaker means: botocore's errors into this room's.

botocore is imported by the caller only, so an error is read by its ``response`` attribute and not by its class.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .errors import DeniedError, NameTakenError, RegistryCallError

DENIED = frozenset({"AccessDenied", "AccessDeniedException", "403"})


def call_failed(operation: str, error: Exception) -> RegistryCallError:
    """Return the error to raise for a failed call; raise it ``from error``."""
    code, message = _details(error)
    if code in DENIED:
        return DeniedError(
            f"AWS denied sagemaker:{operation}: {error}. Allow it in the policy of the connection's role or user."
        )
    if code == "ValidationException" and "already exists" in message:
        return NameTakenError(f"sagemaker:{operation} failed, the name is taken: {error}")
    return RegistryCallError(f"sagemaker:{operation} failed: {error}")


def says_missing(error: BaseException | None) -> bool:
    """Whether the service said that the entity is not there: it models no error for it, only a ValidationException."""
    code, message = _details(error)
    if code == "ResourceNotFound":
        return True
    return code == "ValidationException" and ("does not exist" in message or "could not find" in message)


def says_invalid(error: BaseException | None) -> bool:
    """Whether the service took the request itself for wrong, such as one with a NextToken that has expired."""
    return _details(error)[0] == "ValidationException"


def _details(error: BaseException | None) -> tuple[str, str]:
    """Return the service's error code and its message in lower case; empty where the service said nothing."""
    response: Mapping[str, Any] = getattr(error, "response", None) or {}
    details = response.get("Error") or {}
    return str(details.get("Code", "")), str(details.get("Message", "")).lower()
