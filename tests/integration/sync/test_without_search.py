# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""A registry whose role may not Search: the existing-model sync, the agent's sweeps; and Search in windows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.model import Filters, SyncSettings
from ansible_collections.wxgov.sagemaker.plugins.module_utils.registry.client import GROUP, PACKAGE, RegistryClient
from ansible_collections.wxgov.sagemaker.plugins.module_utils.registry.errors import DeniedError
from ansible_collections.wxgov.sagemaker.plugins.module_utils.registry.listing import RegistryListing
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.guard import GuardSettings
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.report import RunReport
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.service import (
    known_summaries,
    make_reconciler,
    open_connection,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.sync.sweep import Sweeper
from tests.demo.expectation import compare
from tests.demo.scenario import PEOPLE, fill_registry
from tests.integration.sync.conftest import ACCOUNT, STEM, World

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


class Sweeps:
    """The agent's sweeps of a connection by a clock of the test's, the workers' part done at once or not at all."""

    def __init__(self, world: World, state_dir: Path | None) -> None:
        self.world = world
        self.day = 0
        self.parts = open_connection(world.connection)
        self.reconciler = make_reconciler(self.parts)
        self.sweeper = Sweeper(
            self.parts.registry,
            self.parts.reader,
            self.parts.projector,
            self.parts.applier.groups,
            GuardSettings(),
            known_summaries(self.parts, state_dir),
            clock=lambda: self.day * 86_400.0,
        )

    def full(self, *, work: bool = True) -> tuple[list[str], int]:
        """What a full sweep marked, sorted, and how many packages it described."""
        return self._sweep(self.sweeper.full_sweep, work)

    def incremental(self, since: datetime, *, work: bool = True) -> tuple[list[str], int]:
        """The same of an incremental sweep."""
        return self._sweep(lambda mark: self.sweeper.incremental_sweep(since, mark), work)

    def _sweep(self, sweep: Callable[[Callable[[Iterable[str]], None]], object], work: bool) -> tuple[list[str], int]:
        marked: list[str] = []
        self.world.aws.clear_calls()
        sweep(marked.extend)
        described = self.world.aws.calls().get(DESCRIBE, 0)
        for key in sorted(marked) if work else ():
            self.reconciler.reconcile(key)
        return sorted(marked), described

    def settled(self) -> Sweeps:
        """Sweep until everything is in step and known."""
        self.full()
        assert self.full()[0] == []
        return self


@pytest.fixture
def sweeps(denied: World, tmp_path: Path) -> Iterator[Callable[..., Sweeps]]:
    """Begins sweeps, with a state directory unless told otherwise; each time those of a new agent."""
    begun: list[Sweeps] = []

    def begin(state_dir: Path | None = tmp_path) -> Sweeps:
        begun.append(Sweeps(denied, state_dir))
        return begun[-1]

    yield begin
    for one in begun:
        one.parts.console.close()


LONG_AGO = datetime(2020, 1, 1, tzinfo=timezone.utc)


def now(world: World) -> datetime:
    """The registry's time, when its newest group was made."""
    groups = world.sagemaker.list_model_package_groups(SortBy="CreationTime", SortOrder="Descending")
    moment: datetime = groups["ModelPackageGroupSummaryList"][0]["CreationTime"]
    return moment


def test_full_sweeps_describe_each_package_once_and_then_a_seventh_a_day(
    denied: World, sweeps: Callable[..., Sweeps]
) -> None:
    packages = denied.register("churn", versions=20)
    agent = sweeps()
    marked, described = agent.full()
    assert (marked, described) == (sorted([f"{STEM}model-package-group/churn", *packages]), 20)
    assert agent.full() == ([], 20)  # that they are in step now has to be seen once
    week = []
    for agent.day in range(7):
        marked, described = agent.full()
        week.append(described)
        assert marked == []
    assert sum(week) == 20
    assert max(week) < 20
    assert sum(sweeps().full()[1] for _unused in range(2)) < 40, "what is known outlives the agent"


def test_what_no_summary_shows_and_no_event_told_is_found_within_a_week(
    denied: World, sweeps: Callable[..., Sweeps]
) -> None:
    first, _second = denied.register("churn", versions=2)
    agent = sweeps().settled()
    denied.sagemaker.update_model_package(ModelPackageArn=first, CustomerMetadataProperties={"Owner": "alice"})
    assert agent.incremental(LONG_AGO) == ([f"{STEM}model-package-group/churn"], 0)
    found = []
    for agent.day in range(7):
        found += agent.full()[0]
    assert found == [first]


def test_incremental_sweeps_mark_what_is_new_and_whose_summary_changed_once(
    denied: World, sweeps: Callable[..., Sweeps]
) -> None:
    first, second = denied.register("churn", versions=2)
    denied.aws.advance(3600)
    agent = sweeps().settled()
    denied.aws.advance(3600)
    denied.sagemaker.update_model_package(ModelPackageArn=second, ModelApprovalStatus="Approved")
    (third,) = denied.register("fraud")
    since = now(denied)
    assert agent.incremental(since) == (sorted([f"{STEM}model-package-group/fraud", second, third]), 0)
    assert denied.aws.calls()["sagemaker.ListModelPackages"] == 1
    assert "Approved" in denied.model(second)["fields"]["MRG-UserFact-Model:Additional Details"]
    denied.aws.advance(60)
    later = now(denied) + timedelta(seconds=2)
    assert agent.incremental(later) == ([], 0)
    denied.sagemaker.update_model_package(ModelPackageArn=second, ModelApprovalStatus="Rejected")
    assert agent.incremental(later) == ([second], 0)
    assert agent.settled().incremental(later) == ([], 0)
    assert first not in agent.incremental(LONG_AGO)[0]


def test_a_mark_that_could_not_be_written_is_made_again(denied: World, sweeps: Callable[..., Sweeps]) -> None:
    (arn,) = denied.register("churn")
    agent = sweeps().settled()
    denied.sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")

    def full_disk(_keys: Iterable[str]) -> None:
        raise OSError("no space left on device")

    since = now(denied) + timedelta(seconds=2)
    with pytest.raises(OSError, match="no space"):
        agent.sweeper.incremental_sweep(since, full_disk)
    assert agent.incremental(since)[0] == [arn]


def test_what_filters_leave_out_is_not_marked_time_and_again(denied: World, sweeps: Callable[..., Sweeps]) -> None:
    (by_name,), (by_approval,) = denied.register("experiment-1"), denied.register("churn")
    filters = Filters(exclude_groups=("experiment-*",), approval_statuses=("Approved",))
    denied.connection = replace(denied.connection, sync=SyncSettings(filters=filters))
    agent = sweeps()
    since = now(denied) + timedelta(seconds=2)
    agent.full()
    assert agent.incremental(since) == ([by_approval], 0)
    assert agent.incremental(since) == ([], 0)
    assert denied.objects(by_name) == denied.objects(by_approval) == []


def test_an_object_deleted_by_hand_is_found_by_the_next_full_sweep(
    denied: World, sweeps: Callable[..., Sweeps]
) -> None:
    (arn,) = denied.register("churn")
    agent = sweeps().settled()
    url = f"{denied.console.url}/opgrc/api/v2/contents/{denied.model(arn)['id']}"
    denied.session._session.delete(url, timeout=5).raise_for_status()
    assert agent.full() == ([arn], 1)
    assert len(denied.objects(arn)) == 1


def test_without_a_place_for_summaries_new_packages_are_found_and_all_are_described(
    denied: World, sweeps: Callable[..., Sweeps]
) -> None:
    (old,) = denied.register("churn")
    denied.aws.advance(3600)
    agent = sweeps(None).settled()
    assert agent.full() == ([], 1)
    denied.sagemaker.update_model_package(ModelPackageArn=old, ModelApprovalStatus="Approved")
    (new,) = denied.register("fraud")
    assert agent.incremental(now(denied)) == ([f"{STEM}model-package-group/fraud", new], 0)


@pytest.mark.parametrize("call", ["ListModelPackageGroups", "ListModelPackages"])
def test_sweeps_say_both_that_are_denied_and_mark_nothing_gone(
    call: str, denied: World, sweeps: Callable[..., Sweeps]
) -> None:
    denied.register("churn")
    agent = sweeps().settled()
    denied.aws.fault(f"sagemaker.{call}", "error", code="AccessDeniedException", status=400, times=EVER)
    for sweep in (agent.full, lambda: agent.incremental(LONG_AGO)):
        with pytest.raises(DeniedError, match=f"denied sagemaker:Search.* denied too: AWS denied sagemaker:{call}"):
            sweep()


@pytest.mark.parametrize("call", ["ListModelPackageGroups", "ListModelPackages"])
def test_a_listing_that_is_denied_as_well_says_both(denied: World, call: str) -> None:
    denied.register("churn")
    denied.aws.fault(f"sagemaker.{call}", "error", code="AccessDeniedException", status=400, times=EVER)
    listing = RegistryListing(RegistryClient(denied.sagemaker))
    with pytest.raises(DeniedError, match=f"denied sagemaker:Search.* denied too: AWS denied sagemaker:{call}"):
        list(listing.groups() if call.endswith("Groups") else listing.packages())
