# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong inside the agent itself."""

from __future__ import annotations

from ..errors import WxgovError


class AgentError(WxgovError):
    """Root of this room's errors."""


class SettingsError(AgentError):
    """The agent's settings file is missing, not JSON, or holds a value that cannot be used."""


class AlreadyRunningError(AgentError):
    """Another agent holds this state directory; two would work the same keys at once."""


class StateUnavailableError(AgentError):
    """The state directory cannot be written now, but may be later: disk full, read-only."""


class JournalUnavailableError(AgentError):
    """The journal cannot be read or written now: disk full, read-only, locked for too long."""


class UnreadableQueueAnswerError(AgentError):
    """SQS, or something that answers in its place, gave a successful answer that is not one of SQS."""
