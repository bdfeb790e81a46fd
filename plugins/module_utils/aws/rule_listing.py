# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many EventBridge rules at once: those of a name or of a prefix."""

from __future__ import annotations

from typing import Any

from .client import ServiceClient
from .errors import AwsError
from .rule import read_rule
from .rule_plan import RuleState


def list_rules(
    events: ServiceClient, *, name: str | None = None, prefix: str = "", bus: str = "default"
) -> list[RuleState]:
    """The rule of this name on a bus, or all whose names begin with `prefix`: one call for 100, three more for each.

    Raises AwsError where there is no such bus.
    """
    names = [name] if name is not None else _names(events, prefix, bus)
    found = (read_rule(events, each, bus) for each in names)
    return [rule for rule in found if rule is not None]


def _names(events: ServiceClient, prefix: str, bus: str) -> list[str]:
    wanted: dict[str, Any] = {"EventBusName": bus, "Limit": 100, **({"NamePrefix": prefix} if prefix else {})}
    try:
        return sorted(rule["Name"] for rule in events.pages("list_rules", f"{prefix}*", "Rules", **wanted))
    except AwsError as error:
        if error.code == "ResourceNotFoundException":
            raise AwsError(f"There is no event bus {bus!r} in {events.region}.") from error
        raise
