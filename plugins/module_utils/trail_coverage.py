# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a CloudTrail trail logs the SageMaker calls that the rule waits for: pure functions.

EventBridge gets `AWS API Call via CloudTrail` events only while a trail with logging on records management write
events of the region: docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html
Selectors: docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_AdvancedFieldSelector.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

EVENT_SOURCE = "sagemaker.amazonaws.com"
EVENT_NAMES = (
    "CreateModelPackage",
    "CreateModelPackageGroup",
    "DeleteModelPackage",
    "DeleteModelPackageGroup",
    "UpdateModelPackage",
)
_OPERATORS: Mapping[str, Callable[[str, str], bool]] = {
    "Equals": str.__eq__,
    "StartsWith": str.startswith,
    "EndsWith": str.endswith,
}


@dataclass(frozen=True, slots=True)
class TrailState:
    """A trail as one region sees it; `logging` is None where that is not to be seen from here.

    `selectors_error` says why the selectors could not be read.
    """

    name: str
    arn: str
    home_region: str
    multi_region: bool
    organization: bool
    logging: bool | None
    event_selectors: Sequence[Mapping[str, Any]] = field(default_factory=tuple)
    advanced_event_selectors: Sequence[Mapping[str, Any]] = field(default_factory=tuple)
    selectors_error: str = ""

    def as_result(self, region: str) -> dict[str, Any]:
        """The trail as the module returns it, with the reasons why it does not cover the region."""
        reasons = reasons_against(self, region)
        return {
            "name": self.name,
            "arn": self.arn,
            "home_region": self.home_region,
            "multi_region": self.multi_region,
            "organization": self.organization,
            "logging": self.logging,
            "covers": not reasons,
            "reasons": reasons,
        }


def trail_state(
    listed: Mapping[str, Any], status: Mapping[str, Any], selectors: Mapping[str, Any], selectors_error: str = ""
) -> TrailState:
    """A trail from the answers of DescribeTrails (one of its list), GetTrailStatus and GetEventSelectors."""
    return TrailState(
        name=listed["Name"],
        arn=listed["TrailARN"],
        home_region=listed["HomeRegion"],
        multi_region=bool(listed.get("IsMultiRegionTrail")),
        organization=bool(listed.get("IsOrganizationTrail")),
        logging=bool(status.get("IsLogging")),
        event_selectors=tuple(selectors.get("EventSelectors") or ()),
        advanced_event_selectors=tuple(selectors.get("AdvancedEventSelectors") or ()),
        selectors_error=selectors_error,
    )


def trail_elsewhere(listed: Mapping[str, Any]) -> TrailState:
    """A trail of another region from the answer of ListTrails, which says no more of it."""
    return TrailState(
        name=listed["Name"],
        arn=listed["TrailARN"],
        home_region=listed["HomeRegion"],
        multi_region=False,
        organization=False,
        logging=None,
    )


def reasons_against(trail: TrailState, region: str) -> list[str]:
    """Why the trail does not log SageMaker's management write events of the region; empty when it does."""
    if not trail.multi_region and trail.home_region != region:
        return [f"it is a single-region trail of {trail.home_region}, not of {region}"]
    reasons = [] if trail.logging else ["it is not logging"]
    selector = trail.selectors_error or _selector_reason(trail)
    return [*reasons, selector] if selector else reasons


def _selector_reason(trail: TrailState) -> str:
    if trail.advanced_event_selectors:
        missing = [name for name in EVENT_NAMES if not _advanced_match(trail.advanced_event_selectors, name)]
        return f"its advanced event selectors leave out {', '.join(missing)}" if missing else ""
    reasons = [_basic_reason(selector) for selector in trail.event_selectors]
    # A trail for which nobody ever set a selector logs all management events.
    return "" if not reasons or "" in reasons else reasons[0]


def _basic_reason(selector: Mapping[str, Any]) -> str:
    # A selector that is silent means all management events: that is the service's default for both members.
    if not selector.get("IncludeManagementEvents", True):
        return "its event selectors leave out management events"
    if selector.get("ReadWriteType", "All") == "ReadOnly":
        return "its event selectors log read events only"
    if EVENT_SOURCE in selector.get("ExcludeManagementEventSources", ()):
        return f"its event selectors exclude {EVENT_SOURCE}"
    return ""


def _advanced_match(selectors: Sequence[Mapping[str, Any]], event_name: str) -> bool:
    event = {
        "eventCategory": "Management",
        "readOnly": "false",
        "eventSource": EVENT_SOURCE,
        "eventName": event_name,
        "eventType": "AwsApiCall",
    }
    return any(_selector_takes(selector, event) for selector in selectors)


def _selector_takes(selector: Mapping[str, Any], event: Mapping[str, str]) -> bool:
    """Whether each field selector takes the event; one on a field that hangs on the caller counts as not taking it."""
    fields = selector.get("FieldSelectors", ())
    return bool(fields) and all(
        entry["Field"] in event and _field_takes(entry, event[entry["Field"]]) for entry in fields
    )


def _field_takes(entry: Mapping[str, Any], value: str) -> bool:
    """Values of one operator are alternatives, of a Not operator each forbids; operators are joined by and."""
    for operator, match in _OPERATORS.items():
        wanted, forbidden = entry.get(operator), entry.get(f"Not{operator}")
        if wanted and not any(match(value, item) for item in wanted):
            return False
        if forbidden and any(match(value, item) for item in forbidden):
            return False
    return True


@dataclass(frozen=True, slots=True)
class Coverage:
    """All trails a region knows of, and the one that covers it."""

    region: str
    trails: Sequence[TrailState]

    @property
    def covering(self) -> TrailState | None:
        """The first trail that logs what the rule waits for."""
        return next((trail for trail in self.trails if not reasons_against(trail, self.region)), None)

    def as_result(self) -> dict[str, Any]:
        """The coverage as the module returns it."""
        covering = self.covering
        return {
            "covered": covering is not None,
            "region": self.region,
            "trail": covering and covering.as_result(self.region),
            "trails": [trail.as_result(self.region) for trail in self.trails],
            "mend": "" if covering else self.mend(),
        }

    def mend(self) -> str:
        """One sentence: what is missing and what to do."""
        if not self.trails:
            return (
                f"No CloudTrail trail covers {self.region}; create one that logs management write events, "
                "or no registry event ever reaches EventBridge."
            )
        each = "; ".join(f"{trail.name}: {', '.join(reasons_against(trail, self.region))}" for trail in self.trails)
        return (
            f"No CloudTrail trail logs SageMaker's management write events in {self.region} ({each}); mend one of them."
        )
