# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads CloudTrail trails: every one that a region knows of, shadow and organization trails included."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..trail_coverage import Coverage, TrailState, trail_elsewhere, trail_state
from .client import ServiceClient
from .errors import AwsError

_ABSENT = ("TrailNotFoundException",)


ClientOf = Callable[[str], ServiceClient]
"""Makes a CloudTrail client for a region."""


def read_coverage(cloudtrail: ServiceClient, client_of: ClientOf) -> Coverage:
    """The coverage of the client's region; `client_of` is asked for the home regions of shadow trails.

    One call for the list and two for each trail. When none covers the region, one more lists trails that live only in
    other regions, so that the answer can say why they do not count.
    """
    answer = cloudtrail.call("describe_trails", "all trails", includeShadowTrails=True)
    listed = cloudtrail.required(answer, "trailList", "describe_trails", "all trails")
    coverage = Coverage(cloudtrail.region, tuple(_read_trail(cloudtrail, client_of, trail) for trail in listed))
    if coverage.covering:
        return coverage
    known = {trail.arn for trail in coverage.trails}
    elsewhere = cloudtrail.pages("list_trails", "all trails", "Trails")
    others = tuple(trail_elsewhere(trail) for trail in elsewhere if trail["TrailARN"] not in known)
    return Coverage(cloudtrail.region, (*coverage.trails, *others))


def _read_trail(cloudtrail: ServiceClient, client_of: ClientOf, trail: Mapping[str, Any]) -> TrailState:
    arn = trail["TrailARN"]
    # Asked by ARN, for a shadow trail is not found by its name outside its home region.
    status = cloudtrail.find("get_trail_status", arn, _ABSENT, Name=arn)
    problem, selectors = "", {}
    at_home = cloudtrail if trail["HomeRegion"] == cloudtrail.region else client_of(trail["HomeRegion"])
    try:
        selectors = at_home.call("get_event_selectors", arn, TrailName=arn)
    except AwsError as error:  # a member account may see an organization's trail and yet not read its selectors
        problem = f"its event selectors cannot be read: {error}"
    return trail_state(trail, status or {}, selectors, problem)
