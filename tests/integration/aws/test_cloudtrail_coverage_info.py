# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""cloudtrail_coverage_info against trails of the emulator, in this region and in others."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.aws.conftest import ACCOUNT, Account

WRITES = [{"ReadWriteType": "WriteOnly", "IncludeManagementEvents": True}]
READS = [{"ReadWriteType": "ReadOnly", "IncludeManagementEvents": True}]
DATA_ONLY = [{"ReadWriteType": "All", "IncludeManagementEvents": False}]


def make_trail(account: Account, name: str, region: str = "us-east-1", logging: bool = True, **options: Any) -> Any:
    """A trail with its bucket, logging; gives the client of its region."""
    account.client("s3").create_bucket(Bucket=f"bucket-{name}")
    trails = account.client("cloudtrail", region)
    trails.create_trail(Name=name, S3BucketName=f"bucket-{name}", **options)
    if logging:
        trails.start_logging(Name=name)
    return trails


def test_without_a_trail_it_says_what_to_do(account: Account) -> None:
    result = account.succeed("cloudtrail_coverage_info")
    assert (result["covered"], result["trail"], result["trails"]) == (False, None, [])
    assert result["mend"].startswith("No CloudTrail trail covers us-east-1; create one")
    assert result["changed"] is False


@pytest.mark.parametrize("selectors", [None, WRITES], ids=["default selectors", "write events only"])
def test_a_logging_trail_of_the_region_covers_it(account: Account, selectors: Any) -> None:
    trails = make_trail(account, "events")
    if selectors:
        trails.put_event_selectors(TrailName="events", EventSelectors=selectors)
    for check in (True, False):
        result = account.succeed("cloudtrail_coverage_info", check=check)
        assert result["covered"] is True
        assert result["mend"] == ""
        assert result["trail"]["arn"] == f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/events"


def test_a_shadow_trail_of_another_region_covers_this_one(account: Account) -> None:
    make_trail(account, "everywhere", "eu-west-1", IsMultiRegionTrail=True)
    result = account.succeed("cloudtrail_coverage_info")
    assert result["covered"] is True
    assert (result["trail"]["name"], result["trail"]["home_region"]) == ("everywhere", "eu-west-1")


@pytest.mark.parametrize(
    ("selectors", "reason"),
    [
        ({"EventSelectors": READS}, "its event selectors log read events only"),
        ({"EventSelectors": DATA_ONLY}, "its event selectors leave out management events"),
        (
            {
                "AdvancedEventSelectors": [
                    {
                        "FieldSelectors": [
                            {"Field": "eventCategory", "Equals": ["Management"]},
                            {"Field": "eventSource", "NotEquals": ["sagemaker.amazonaws.com"]},
                        ]
                    }
                ]
            },
            "its advanced event selectors leave out CreateModelPackage, CreateModelPackageGroup, "
            "DeleteModelPackage, DeleteModelPackageGroup, UpdateModelPackage",
        ),
    ],
    ids=["read-only", "data events only", "source excluded"],
)
def test_a_trail_that_leaves_the_calls_out_says_so(account: Account, selectors: Any, reason: str) -> None:
    trails = make_trail(account, "events")
    trails.put_event_selectors(TrailName="events", **selectors)
    result = account.succeed("cloudtrail_coverage_info")
    assert result["covered"] is False
    assert result["trails"][0]["reasons"] == [reason]
    assert reason in result["mend"]


def test_every_trail_gives_its_own_reasons(account: Account) -> None:
    make_trail(account, "stopped", logging=False)
    abroad = make_trail(account, "abroad", "eu-west-1", logging=False, IsMultiRegionTrail=True)
    abroad.put_event_selectors(TrailName="abroad", EventSelectors=READS)
    result = account.succeed("cloudtrail_coverage_info")
    assert result["covered"] is False
    reasons = {trail["name"]: trail["reasons"] for trail in result["trails"]}
    assert reasons == {
        "stopped": ["it is not logging"],
        "abroad": ["it is not logging", "its event selectors log read events only"],
    }


def test_one_good_trail_among_bad_ones_is_enough(account: Account) -> None:
    make_trail(account, "stopped", logging=False)
    make_trail(account, "working")
    account.emulator.clear_calls()
    result = account.succeed("cloudtrail_coverage_info")
    assert (result["covered"], result["trail"]["name"]) == (True, "working")
    assert "cloudtrail.ListTrails" not in account.emulator.calls()
