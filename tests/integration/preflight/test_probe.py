# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The probe, with the shipped agent at work and without it. Whatever happens, nothing of it is left."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from dataclasses import replace
from typing import Any

import pytest

from tests.integration.least_privilege.grants import Grant, grants, unused, without
from tests.integration.preflight.world import INSPECTOR, REGION, ROLE, World, policy_file, standing

ACCOUNT, NAME = "111122223333", "credit"
HOPS = [
    "registry: group created",
    "console: model group shown",
    "registry: package created",
    "console: model shown",
    "registry: package deleted",
    "console: model decommissioned",
    "registry: group deleted",
    "console: model group marked as gone",
    "cleaned up",
]
STEM = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}"
ARN_FIELD, STATUS_FIELD = "Integration:External ID", "MRG-Model:Status"
POLICY = policy_file("probe")
CREATE = "sagemaker:CreateModelPackageGroup"


@pytest.fixture(scope="module")
def world(empty_world: World) -> World:
    """One connection whose inspector may send probes; the agent stands still."""
    empty_world.onboard({NAME: ACCOUNT}, {"look": policy_file("inspector"), "probe": POLICY})
    return empty_world


def groups(world: World) -> list[str]:
    listed = world.root("sagemaker", ACCOUNT).list_model_package_groups()["ModelPackageGroupSummaryList"]
    return [group["ModelPackageGroupName"] for group in listed]


def objects(world: World) -> dict[str, dict[str, Any]]:
    """The console's models and model groups by ARN."""
    ids = [
        number
        for kind in ("Model", "ModelGroup")
        for (number,) in world.session.rows(f"SELECT [Resource ID] FROM [{kind}]")
    ]
    found = [world.session.get(number) for number in ids]
    return {document["fields"][ARN_FIELD]: document for document in found}


def probe(world: World, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The result of a preflight with a probe, and what became of the probe."""
    result = world.run(probe=True, **options)
    return result, result["reports"][0]["probe"]


def test_a_probe_goes_all_the_way_and_leaves_nothing(world: World) -> None:
    world.aws.enforce_iam()
    with world.agent():
        result, found = probe(world, probe_timeout=60)
        assert standing(result) == {}, result["msg"]
        assert [hop["name"] for hop in found["hops"]] == HOPS
        assert found["group_arn"].startswith(f"{STEM}:model-package-group/wxgov-probe-")
        assert found["package_arn"].startswith(f"{STEM}:model-package/wxgov-probe-")
        assert (found["left_behind"], found["kept"], found["removed_leftovers"]) == ([], [], [])
        assert (result["changed"], found["status"], found["stuck_at"]) == (False, "ok", "")
        assert (groups(world), objects(world)) == ([], {})

        result, found = probe(world, probe_timeout=60, probe_keep_objects=True, probe_prefix="wxgov-probe-keep")
        assert result["changed"] is True
        left = objects(world)
        assert set(left) == {found["group_arn"], found["package_arn"]}
        assert sorted(document["id"] for document in left.values()) == sorted(found["kept"])
        assert left[found["package_arn"]]["fields"][STATUS_FIELD] == "Decommissioned"
        assert "No longer in Amazon SageMaker" in left[found["group_arn"]]["description"]
        assert groups(world) == []

        # An event that is late is no event yet; and when it comes, the probe is over and nothing is made of it.
        world.aws.delivery.hold()
        result, late = probe(world, probe_timeout=1)
        assert late["stuck_at"] == "console: model group shown"
        assert "The queue is empty: CloudTrail has not delivered the event yet" in result["msg"]
        world.aws.delivery.release()

        # The rehearsal makes the call once, the probe once more, when the group is there already.
        world.aws.fault("sagemaker.CreateModelPackage", "error", times=2, code="ValidationException")
        result, found = probe(world, probe_timeout=60)
        assert (found["stuck_at"], found["left_behind"]) == ("registry: package created", [])
        assert "CreateModelPackage failed" in result["msg"]
        assert groups(world) == []
        assert set(objects(world)) == set(left)
    remove(world, left)
    judged = [one for one in world.aws.judgements() if one.principal.endswith(f"role/{INSPECTOR}")]
    assert [one for one in judged if not one.allowed] == []
    assert unused({"probe": POLICY}, judged) == ["Probe-sagemaker:ListTags"]  # is for leftovers: see below


def remove(world: World, documents: dict[str, dict[str, Any]]) -> None:
    for document in documents.values():
        world.session._session.delete(f"{world.session._base}/contents/{document['id']}").raise_for_status()


def test_with_the_agent_stopped_the_hop_is_named_and_nothing_is_left(world: World) -> None:
    result, found = probe(world, probe_timeout=1)
    assert standing(result) == {"probe": "failed"}
    assert found["stuck_at"] == "console: model group shown"
    assert [hop["name"] for hop in found["hops"]] == HOPS[:1]
    assert '"console: model group shown" did not happen within' in result["msg"]
    assert "messages wait in the queue: no agent takes them" in result["msg"]
    assert (groups(world), objects(world), found["left_behind"]) == ([], {}, [])


def test_check_mode_says_what_it_would_do_and_does_nothing(world: World) -> None:
    world.aws.clear_calls()
    result, found = probe_in_check_mode(world)
    assert (found["status"], found["hops"], result["changed"]) == ("skipped", [], False)
    (check,) = [check for check in result["reports"][0]["checks"] if check["name"] == "probe"]
    assert "would be created in the registry" in check["evidence"]
    assert not any(name.startswith(("sagemaker.Create", "sagemaker.Delete")) for name in world.aws.calls())


def probe_in_check_mode(world: World) -> tuple[dict[str, Any], dict[str, Any]]:
    result = world.run(probe=True, check=True)
    return result, result["reports"][0]["probe"]


@pytest.mark.parametrize("broken", ["link", "disabled"])
def test_no_probe_is_sent_down_a_chain_that_is_broken(world: World, broken: str) -> None:
    connection = world.store.load(NAME)
    if broken == "disabled":
        world.store.save(replace(connection, enabled=False))
    else:
        world.console.switch(can_write=False)
    world.aws.clear_calls()
    result, found = probe(world, probe_timeout=60)
    world.store.save(connection)
    world.console.switch(can_write=True)
    assert found["status"] == "skipped"
    assert standing(result)["probe"] == "skipped"
    assert not any(name.startswith(("sagemaker.Create", "sagemaker.Delete")) for name in world.aws.calls())


@pytest.mark.parametrize(
    "grant", [grant for grant in grants({"probe": POLICY}) if not grant.action.endswith("ListTags")], ids=str
)
def test_without_a_permission_nothing_is_created(world: World, grant: Grant) -> None:
    iam = world.root("iam", ACCOUNT)
    document = json.dumps(without({"probe": POLICY}, grant)["probe"])
    iam.put_role_policy(RoleName=INSPECTOR, PolicyName="probe", PolicyDocument=document)
    result, found = probe(world, probe_timeout=60)
    iam.put_role_policy(RoleName=INSPECTOR, PolicyName="probe", PolicyDocument=json.dumps(POLICY))
    assert standing(result) == {"probe": "failed"}
    assert (found["group_arn"], found["hops"], found["left_behind"]) == ("", [], [])
    assert grant.action.removeprefix("sagemaker:") in result["msg"]
    assert "playbooks/files/probe-policy.json" in result["msg"]
    assert groups(world) == []


def test_the_connections_own_credentials_serve_where_the_inspectors_may_not(world: World) -> None:
    iam = world.root("iam", ACCOUNT)
    iam.delete_role_policy(RoleName=INSPECTOR, PolicyName="probe")
    iam.put_role_policy(RoleName=ROLE, PolicyName="probe", PolicyDocument=json.dumps(POLICY))
    world.aws.enforce_iam()
    _result, found = probe(world, probe_timeout=1)
    creators = {one.principal for one in world.aws.judgements() if one.action == CREATE and one.allowed}
    iam.delete_role_policy(RoleName=ROLE, PolicyName="probe")
    iam.put_role_policy(RoleName=INSPECTOR, PolicyName="probe", PolicyDocument=json.dumps(POLICY))
    assert creators == {f"arn:aws:iam::{ACCOUNT}:role/{ROLE}"}
    assert (found["stuck_at"], found["left_behind"], groups(world)) == ("console: model group shown", [], [])


def test_a_signal_ends_the_probe_and_everything_is_removed(world: World) -> None:
    """As Ctrl-C or a time-out of the play does: the module says so, and has cleaned up before it ends."""

    def stop_once_the_group_is_there() -> None:
        deadline = time.monotonic() + 60
        while not groups(world) and time.monotonic() < deadline:
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=stop_once_the_group_is_there)
    # If the module did not catch it, the signal must not end the test run.
    signal.signal(signal.SIGTERM, lambda _number, _frame: None)
    thread.start()
    result, found = probe(world, probe_timeout=120)
    thread.join()
    signal.signal(signal.SIGTERM, before)
    assert standing(result) == {"probe": "failed"}
    assert "was stopped while it waited for" in result["msg"]
    assert (groups(world), objects(world), found["left_behind"]) == ([], {}, [])


def test_what_cannot_be_removed_is_listed_with_the_reason(world: World) -> None:
    """The rehearsal makes the call once; that it goes wrong then looks as if the group was not there, as it should."""
    world.aws.fault("sagemaker.DeleteModelPackageGroup", "error", times=2, code="ValidationException")
    result, found = probe(world, probe_timeout=1)
    (name,) = groups(world)
    (left,) = found["left_behind"]
    assert left.startswith(f"{STEM}:model-package-group/{name} (sagemaker:DeleteModelPackageGroup failed")
    assert "A later probe removes what is left" in result["msg"]
    assert result["changed"] is True
    world.root("sagemaker", ACCOUNT).delete_model_package_group(ModelPackageGroupName=name)


def test_leftovers_of_a_probe_that_was_cut_off_are_removed_and_nothing_else(world: World) -> None:
    """A leftover has a name whose time is over and our tag with that name; console objects also the ARN of no group."""
    over, later = f"{int(time.time()) - 60:08x}", f"{int(time.time()) + 3600:08x}"
    names = {
        "leftover": f"wxgov-probe-{over}-00000001",
        "untagged": f"wxgov-probe-{over}-00000002",
        "copied tag": f"wxgov-probe-{over}-00000003",
        "running": f"wxgov-probe-{later}-00000004",
        "own": "wxgov-probe-results",
    }
    tags = {**names, "copied tag": names["leftover"]}
    sagemaker = world.root("sagemaker", ACCOUNT)
    for kind, name in names.items():
        given = [] if kind == "untagged" else [{"Key": "wxgov-probe", "Value": tags[kind]}]
        sagemaker.create_model_package_group(ModelPackageGroupName=name, Tags=given)
    package = sagemaker.create_model_package(ModelPackageGroupName=names["leftover"])["ModelPackageArn"]
    gone = f"wxgov-probe-{over}-00000005"
    entity = world.store.load(NAME).business_entity_id
    shown = {
        package: "Model",
        f"{STEM}:model-package-group/{names['leftover']}": "ModelGroup",
        f"{STEM}:model-package-group/{gone}": "ModelGroup",
        f"{STEM}:model-package-group/{names['untagged']}": "ModelGroup",
        f"{STEM}:model-package-group/{names['running']}": "ModelGroup",
        f"{STEM}:model-package/{gone}/1": "Model",
        f"{STEM}:model-package/{names['own']}/1": "Model",
    }
    for number, (arn, kind) in enumerate(shown.items()):
        world.session.create(kind, f"object {number}", entity, **{ARN_FIELD: arn})
    _result, found = probe(world, probe_timeout=1)
    assert sorted(found["removed_leftovers"]) == sorted([names["leftover"], gone])
    assert sorted(groups(world)) == sorted(name for kind, name in names.items() if kind != "leftover")
    left = objects(world)
    stay = (names["untagged"], names["running"], names["own"])
    assert set(left) == {arn for arn in shown if any(name in arn for name in stay)}
    remove(world, left)
    for name in groups(world):
        sagemaker.delete_model_package_group(ModelPackageGroupName=name)


def test_a_prefix_that_no_group_can_have_is_refused(world: World) -> None:
    result = world.run(probe=True, probe_prefix="-no-")
    assert result["msg"].startswith("probe_prefix is '-no-'")
    result = world.run(probe=True, probe_timeout=0)
    assert result["msg"] == "probe_timeout is 0; it must be at least 1 second."
