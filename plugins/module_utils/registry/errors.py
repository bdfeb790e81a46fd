# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong while reading and writing SageMaker Model Registry."""

from __future__ import annotations

from ..errors import WxgovError


class RegistryError(WxgovError):
    """Root of this room's errors."""


class InvalidArnError(RegistryError):
    """A text that should be the ARN of a model package group or model package is not one."""


class UndecodableEventError(RegistryError):
    """A message from the queue that no rule can read; it belongs into the dead-letter queue."""


class UnreadableAnswerError(RegistryError):
    """An answer of the service lacks what its model promises.

    botocore turns a body it cannot parse into an empty answer without an error, so that a proxy's HTML page
    looks like an empty registry. That must never pass for "nothing there".
    """


class RegistryCallError(RegistryError):
    """A call to the service failed after its retries."""


class DeniedError(RegistryCallError):
    """AWS does not allow the call to the connection's role or user."""


class NameTakenError(RegistryCallError):
    """A group of that name is there already: another one, or ours, where the answer to its creation was lost."""
