# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a probe's model package group is told from all others: by its name's form, and by a tag with that name. Pure.

The name is PREFIX-EXPIRY-RANDOM, the last two in hexadecimal. EXPIRY is the second (Unix time) from which on the probe
cannot be running any more, so that whatever still has such a name then is a leftover of one that was cut off.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ..registry.arn import GROUP, PACKAGE, parse_arn
from ..registry.errors import InvalidArnError
from .errors import ProbeError

TAG = "wxgov-probe"
DEFAULT_PREFIX = "wxgov-probe"
DESCRIPTION = "Made by the preflight probe of wxgov.sagemaker, which removes it again."
_PREFIX = re.compile(r"[a-zA-Z0-9](?:-*[a-zA-Z0-9]){0,40}")


@dataclass(frozen=True, slots=True)
class Marks:
    """The marks of all probes with one prefix."""

    prefix: str = DEFAULT_PREFIX

    def __post_init__(self) -> None:
        """Raise ProbeError for a prefix that no group's name can begin with."""
        if not _PREFIX.fullmatch(self.prefix):
            raise ProbeError(
                f"probe_prefix is {self.prefix!r}: it has up to 41 letters, digits and single hyphens between them."
            )

    def name(self, expiry: float, token: str) -> str:
        """Return the name of a new probe's group; ``token`` is 8 random hexadecimal digits."""
        return f"{self.prefix}-{int(expiry):08x}-{token}"

    def tags(self, name: str) -> dict[str, str]:
        """Return the tags of a probe's group."""
        return {TAG: name}

    def is_leftover(self, name: str, now: float) -> bool:
        """Whether a group's name (in any case: packages' ARNs have it in lower case) is of a probe that is over."""
        found = re.fullmatch(rf"{re.escape(self.prefix)}-([0-9a-f]{{8}})-[0-9a-f]{{8}}", name, re.IGNORECASE)
        return found is not None and int(found[1], 16) < now

    def is_tagged(self, name: str, tags: Mapping[str, str]) -> bool:
        """Whether a group's tags say that it is a probe's; a tag copied from another group has another name."""
        return tags.get(TAG) == name


def group_in(arn: str) -> str | None:
    """Return the name of the group that an ARN is of, or in the case of a package in; None for another text."""
    try:
        parsed = parse_arn(arn)
    except InvalidArnError:
        return None
    return parsed.name if parsed.kind in (GROUP, PACKAGE) else None
