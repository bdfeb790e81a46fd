# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The existing-model sync of a registry whose role may not Search, and Search in windows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.model import Filters, SyncSettings
from ansible_collections.wxgov.sagemaker.plugins.module_utils.registry.client import GROUP, PACKAGE, RegistryClient
from ansible_collections.wxgov.sagemaker.plugins.module_utils.registry.errors import DeniedError
from ansible_collections.wxgov.sagemaker.plugins.module_utils.registry.listing import RegistryListing
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.report import RunReport
from tests.demo.expectation import compare
from tests.demo.scenario import PEOPLE, fill_registry
from tests.integration.sync.conftest import ACCOUNT, World

DESCRIBE = "sagemaker.DescribeModelPackage"
EVER = 10**6


@pytest.fixture
def denied(world: World) -> World:
    """Both sides, with Search denied."""
    world.aws.fault("sagemaker.Search", "error", code="AccessDeniedException", status=400, times=EVER)
    return world


def run(world: World, tmp_path: Path, **settings: Any) -> tuple[RunReport, dict[str, int]]:
    """A run that remembers summaries, and its calls to AWS."""
    report = world.sync(state_dir=tmp_path, **settings)
    return report, world.aws.calls()


def test_it_ends_where_search_would_have_and_describes_each_package_once(denied: World, tmp_path: Path) -> None:
    for user, email in PEOPLE.items():
        denied.console.add_user(user, email)
    fill_registry(denied.sagemaker)
    report, calls = run(denied, tmp_path)
    assert (report.error, report.counts["create"], report.counts["failed"]) == ("", 72, 0)
    assert calls == {
        "sagemaker.Search": 1,
        "sagemaker.ListModelPackageGroups": 1,
        "sagemaker.ListModelPackages": 1,
        DESCRIBE: 60,
    }
    assert any("Search is denied" in note and "60 of them described" in note for note in report.notes)
    rows = compare(denied.sagemaker, denied.session, (), "governance.team", {})
    assert [row for row in rows if row.differences] == []

    again, calls = run(denied, tmp_path)
    assert (again.changed, again.counts["unchanged"]) == (False, 72)
    assert DESCRIBE not in calls
    assert run(denied, tmp_path, describe_all=True)[1][DESCRIBE] == 60


def test_what_a_summary_shows_is_described_and_the_rest_only_when_asked_for(denied: World, tmp_path: Path) -> None:
    first, second, third = denied.register("churn", versions=3)
    run(denied, tmp_path)
    denied.sagemaker.update_model_package(ModelPackageArn=first, ModelApprovalStatus="Approved")
    denied.sagemaker.delete_model_package(ModelPackageName=second)
    denied.sagemaker.update_model_package(ModelPackageArn=third, CustomerMetadataProperties={"Owner": "alice"})
    report, calls = run(denied, tmp_path)
    assert (report.counts["update"], report.counts["decommission"]) == (1, 1)
    assert calls[DESCRIBE] == 2  # the approved one, and the deleted one to be sure that it is gone
    assert not run(denied, tmp_path)[0].changed
    thorough, calls = run(denied, tmp_path, describe_all=True)
    assert calls[DESCRIBE] == 2
    assert thorough.error == ""


def test_a_package_that_could_not_be_written_is_described_again(denied: World, tmp_path: Path) -> None:
    packages = denied.register("churn", versions=3)
    denied.console.fault("status", "POST", "contents", status=400, skip=2, times=1)
    report, _calls = run(denied, tmp_path, concurrency=1)
    (failed,) = [outcome for outcome in report.outcomes if outcome.error]
    assert failed.operation.arn in packages
    mended, calls = run(denied, tmp_path)
    assert (mended.counts["create"], calls[DESCRIBE]) == (1, 1)


def test_a_lost_file_of_summaries_costs_each_package_one_describe_once(denied: World, tmp_path: Path) -> None:
    denied.register("churn", versions=3)
    run(denied, tmp_path / "first")
    describes = [run(denied, tmp_path / "second")[1].get(DESCRIBE, 0) for _unused in range(3)]
    assert describes == [3, 0, 0]


def test_what_filters_leave_out_by_name_is_not_described(denied: World, tmp_path: Path) -> None:
    (kept,) = denied.register("churn")
    (aside,) = denied.register("experiment-1")
    run(denied, tmp_path)
    filters = Filters(exclude_groups=("experiment-*",))
    denied.connection = replace(denied.connection, sync=SyncSettings(filters=filters))
    denied.sagemaker.update_model_package(ModelPackageArn=aside, ModelApprovalStatus="Approved")
    report, calls = run(denied, tmp_path)
    assert calls[DESCRIBE] == 1, kept  # under other filters nothing is known, and the other package is not looked at
    assert any("leave out 1 models" in note for note in report.notes)
    assert any("experiment-1-v1" in note and "no longer kept up" in note for note in report.notes)


def test_an_object_that_was_deleted_by_hand_is_made_again(denied: World, tmp_path: Path) -> None:
    (arn,) = denied.register("churn")
    run(denied, tmp_path)
    object_id = denied.model(arn)["id"]
    url = f"{denied.console.url}/opgrc/api/v2/contents/{object_id}"
    denied.session._session.delete(url, timeout=5).raise_for_status()
    report, calls = run(denied, tmp_path)
    assert (report.counts["create"], calls[DESCRIBE]) == (1, 1)


def test_a_describe_that_fails_is_that_packages_trouble_and_no_sign_that_it_is_gone(
    denied: World, tmp_path: Path
) -> None:
    denied.register("churn", versions=3)
    denied.sync(describe_all=True)
    denied.aws.fault(DESCRIBE, "error", code="ValidationException", status=400)
    report, _calls = run(denied, tmp_path)
    assert (report.counts["failed"], report.counts["unchanged"]) == (1, 3)
    (failed,) = report.outcomes
    assert (failed.operation.action, failed.operation.name.startswith("churn-v")) == ("compare", True)
    assert "sagemaker:DescribeModelPackage failed" in failed.error
    assert denied.writes() == 0


def test_a_dry_run_describes_and_remembers_nothing(denied: World, tmp_path: Path) -> None:
    denied.register("churn", versions=2)
    state = tmp_path / "state"
    report, _calls = run(denied, state, check=True)
    assert report.counts["create"] == 3
    assert not state.exists()
    run(denied, state)
    before = sorted((path, path.stat().st_size) for path in state.rglob("*"))
    assert not run(denied, state, check=True)[0].changed
    assert DESCRIBE not in denied.aws.calls()
    assert sorted((path, path.stat().st_size) for path in state.rglob("*")) == before


def test_a_state_directory_that_cannot_be_used_costs_describes_and_is_said(denied: World, tmp_path: Path) -> None:
    denied.register("churn", versions=2)
    blocked = tmp_path / "file"
    blocked.write_text("")
    report, calls = run(denied, blocked)
    assert (report.error, report.counts["create"], calls[DESCRIBE]) == ("", 3, 2)
    assert any("could not be kept" in note for note in report.notes)


def test_search_that_is_denied_in_mid_walk_stops_the_run(world: World, tmp_path: Path) -> None:
    world.aws.preload_registry(1, 150, account=ACCOUNT, region="us-east-1")
    world.aws.fault("sagemaker.Search", "latency", times=2, seconds=0.0)
    world.aws.fault("sagemaker.Search", "error", code="AccessDeniedException", status=400, times=EVER)
    report, calls = run(world, tmp_path)
    assert "AWS denied sagemaker:Search" in report.error
    assert "sagemaker.ListModelPackages" not in calls
    assert report.counts["decommission"] == 0


class ForgetfulSageMaker:
    """The client of the emulator; of every third token it is found that it has expired."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.tokens = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)

    def search(self, **request: Any) -> Any:
        if "NextToken" in request:
            self.tokens += 1
            if self.tokens % 3 == 0:
                request["NextToken"] = "expired"
        return self.client.search(**request)


@pytest.mark.parametrize("forgetful", [False, True])
def test_windows_of_search_find_each_entity_once(world: World, forgetful: bool) -> None:
    for number in range(5):
        world.aws.preload_registry(30, 4, account=ACCOUNT, region="us-east-1", prefix=f"part{number}")
        world.aws.advance(60)
    sagemaker = ForgetfulSageMaker(world.sagemaker) if forgetful else world.sagemaker
    client = RegistryClient(sagemaker, window=150)
    listing = RegistryListing(client)
    groups = [group.arn for group in listing.groups()]
    packages = [package.arn for package in listing.packages()]
    assert (len(groups), len(set(groups))) == (150, 150)
    assert (len(packages), len(set(packages))) == (600, 600)
    assert (listing.total(GROUP), listing.total(PACKAGE)) == (150, 600)
    # Two pages of groups and six of packages, and what the windows read again.
    assert client.calls["Search"] <= (14 if forgetful else 2 + 6 + 3)
    assert not listing.is_search_denied


@pytest.mark.parametrize("call", ["ListModelPackageGroups", "ListModelPackages"])
def test_a_listing_that_is_denied_as_well_says_both(denied: World, call: str) -> None:
    denied.register("churn")
    denied.aws.fault(f"sagemaker.{call}", "error", code="AccessDeniedException", status=400, times=EVER)
    listing = RegistryListing(RegistryClient(denied.sagemaker))
    with pytest.raises(DeniedError, match=f"denied sagemaker:Search.* denied too: AWS denied sagemaker:{call}"):
        list(listing.groups() if call.endswith("Groups") else listing.packages())
