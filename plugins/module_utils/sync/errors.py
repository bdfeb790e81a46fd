# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong while synchronising."""

from __future__ import annotations

from ..errors import WxgovError


class SyncError(WxgovError):
    """Root of this room's errors."""


class SchemaMismatchError(SyncError):
    """The console lacks a type or field that the synchronisation cannot do without."""


class ParentMissingError(SyncError):
    """A model's group is not in the console and could not be made."""


class LinkError(SyncError):
    """A model group and a use case that cannot be linked as asked."""


class UseCaseError(SyncError):
    """What a use case is to get in the registry cannot be made as planned."""


class MappingError(SyncError):
    """A connection's own mapping that cannot be used."""


class UnreadableTimeError(SyncError):
    """The console gives the time of a modification in a form that is not known."""
