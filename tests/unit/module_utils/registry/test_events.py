# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an event says about the registry. The samples are derived from documented record layouts, not recorded."""

from __future__ import annotations

import contextlib
import copy
import json
import pathlib
import string
from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.wxgov.sagemaker.plugins.module_utils.registry.errors import UndecodableEventError
from ansible_collections.wxgov.sagemaker.plugins.module_utils.registry.events import Irrelevant, Touched, parse

EVENTS = pathlib.Path(__file__).resolve().parents[3] / "fixtures" / "events"
ACCOUNT, REGION = "111122223333", "us-east-1"
PACKAGE = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package/credit-risk/3"
GROUP = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package-group/credit-risk"


def sample(name):
    return json.loads((EVENTS / f"{name}.json").read_text())


def read(event, account_id=ACCOUNT, region=REGION):
    return parse(event if isinstance(event, str) else json.dumps(event), account_id=account_id, region=region)


@pytest.mark.parametrize(
    ("name", "arn"),
    [
        ("create_model_package", PACKAGE),
        ("create_model_package_cross_account", PACKAGE.replace("/3", "/4")),
        ("update_model_package", PACKAGE),
        ("delete_model_package", PACKAGE),
        ("create_model_package_group", GROUP),
        ("delete_model_package_group", GROUP),
        ("model_package_state_change", PACKAGE),
    ],
)
def test_each_kind_of_event_names_what_it_touched(name, arn):
    assert read(sample(name)).arns == (arn,)


def test_an_event_keeps_its_identity_and_time():
    event = read(sample("update_model_package"))
    assert event.event_id == "a6f85b21-0000-4000-8000-000000000003"
    assert event.event_name == "UpdateModelPackage"
    assert event.event_time == datetime(2026, 10, 22, 9, 10, 13, tzinfo=timezone.utc)


def test_a_state_change_keeps_the_identity_of_its_envelope():
    event = read(sample("model_package_state_change"))
    assert event.event_id == "844e2571-85d4-695f-b930-0153b71dcb42"
    assert event.event_time == datetime(2026, 10, 22, 9, 12, tzinfo=timezone.utc)


def test_a_failed_call_is_irrelevant():
    assert read(sample("failed_call")) == Irrelevant("a call that failed")


@pytest.mark.parametrize("name", sorted(path.stem for path in EVENTS.glob("*.json")))
def test_capital_first_letters_mean_the_same(name):
    def capitals(value):
        if isinstance(value, dict):
            return {key[0].upper() + key[1:]: capitals(entry) for key, entry in value.items()}
        return value

    event = sample(name)
    spelled = event | {"detail": capitals(event["detail"])}
    assert read(spelled) == read(event)


@pytest.mark.parametrize("response", [None, {"omitted": True}, {}])
def test_a_creation_without_its_answer_touches_the_group(response):
    event = sample("create_model_package")
    event["detail"]["responseElements"] = response
    assert read(event).arns == (GROUP,)


def test_a_creation_without_answer_in_a_group_given_by_arn_touches_that_group():
    event = sample("create_model_package_cross_account")
    del event["detail"]["responseElements"]
    assert read(event).arns == (GROUP,)


def test_a_creation_without_request_and_answer_is_left_to_the_sweeps():
    event = sample("create_model_package")
    event["detail"] |= {"requestParameters": {"omitted": True}, "responseElements": {"omitted": True}}
    assert isinstance(read(event), Irrelevant)


@pytest.mark.parametrize("name", ["DeleteModelPackage", "UpdateModelPackage", "CreateModelPackage"])
def test_a_bare_name_is_an_unversioned_package(name):
    event = sample("delete_model_package")
    event["detail"] |= {"eventName": name, "requestParameters": {"modelPackageName": "stand-alone"}}
    assert read(event) == Irrelevant("a model package without version, which belongs to no group")


def test_an_arn_without_version_is_an_unversioned_package():
    event = sample("create_model_package")
    event["detail"]["responseElements"]["modelPackageArn"] = PACKAGE.removesuffix("/3")
    assert isinstance(read(event), Irrelevant)


def test_a_group_may_be_named_by_its_arn():
    event = sample("delete_model_package_group")
    event["detail"]["requestParameters"]["modelPackageGroupName"] = GROUP
    assert read(event).arns == (GROUP,)


def test_a_group_keeps_its_capitals_and_a_package_does_not():
    group = sample("delete_model_package_group")
    group["detail"]["requestParameters"]["modelPackageGroupName"] = "Credit-Risk"
    package = sample("delete_model_package")
    package["detail"]["requestParameters"]["modelPackageName"] = PACKAGE.replace("credit-risk", "Credit-Risk")
    assert read(group).arns == (GROUP.replace("credit-risk", "Credit-Risk"),)
    assert read(package).arns == (PACKAGE,)


def test_the_owner_of_a_bare_group_name_is_the_recipient_and_not_the_caller():
    event = sample("delete_model_package_group")
    event["detail"]["userIdentity"]["accountId"] = "444455556666"
    assert read(event).arns == (GROUP,)


@pytest.mark.parametrize(
    ("region", "partition"),
    [("us-east-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")],
)
def test_a_group_is_looked_for_in_its_partition(region, partition):
    event = sample("delete_model_package_group")
    event["detail"]["awsRegion"] = region
    assert read(event, region=region).arns == (
        f"arn:{partition}:sagemaker:{region}:{ACCOUNT}:model-package-group/credit-risk",
    )


def test_other_accounts_are_irrelevant():
    assert read(sample("create_model_package"), account_id="999999999999") == Irrelevant("an entity of another account")


def test_other_regions_are_irrelevant():
    assert read(sample("create_model_package"), region="eu-west-1") == Irrelevant("an entity of another region")


@pytest.mark.parametrize(
    "change",
    [
        {"detail-type": "SageMaker Model Card State Change"},
        {"source": "aws.bedrock"},
        {"source": "my.app"},
    ],
)
def test_other_events_are_irrelevant(change):
    assert isinstance(read(sample("create_model_package") | change), Irrelevant)


@pytest.mark.parametrize("change", [{"eventName": "CreateModel"}, {"eventSource": "s3.amazonaws.com"}])
def test_other_calls_are_irrelevant(change):
    event = sample("create_model_package")
    event["detail"] |= change
    assert read(event) == Irrelevant("a call that is not synchronised")


def test_a_newer_minor_record_version_is_read_and_a_newer_major_one_is_not():
    event = sample("create_model_package")
    event["detail"]["eventVersion"] = "1.99"
    assert isinstance(read(event), Touched)
    event["detail"]["eventVersion"] = "2.0"
    with pytest.raises(UndecodableEventError, match="newer than 1.x"):
        read(event)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "nonsense",
        "[]",
        "null",
        "7",
        '"text"',
        "{}",
        '{"detail-type": 1}',
        "[" * 100_000,
        "1" * 10_000,
        "\ud800",
    ],
)
def test_what_is_no_event_is_undecodable(body):
    with pytest.raises(UndecodableEventError):
        read(body)


@pytest.mark.parametrize("name", ["create_model_package", "update_model_package", "delete_model_package"])
def test_a_package_call_without_package_is_undecodable(name):
    event = sample(name)
    event["detail"] |= {"requestParameters": {}, "responseElements": None}
    with pytest.raises(UndecodableEventError, match="names no model package"):
        read(event)


@pytest.mark.parametrize("group", [None, 7, "", "-x", "a" * 64, "a/b", "arn:aws:s3:::bucket", "naïve", "a\n"])
def test_a_group_call_without_usable_group_is_undecodable(group):
    event = sample("delete_model_package_group")
    event["detail"]["requestParameters"]["modelPackageGroupName"] = group
    with pytest.raises(UndecodableEventError, match="names no model package group"):
        read(event)


def test_the_reason_never_quotes_the_body():
    event = sample("update_model_package")
    event["detail"] |= {"requestParameters": {"modelPackageArn": "hunter2"}, "responseElements": {"x": "hunter2"}}
    with pytest.raises(UndecodableEventError) as caught:
        read(event)
    assert "hunter2" not in str(caught.value)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(string.printable, max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(st.text() | anything.map(json.dumps) | st.binary().map(lambda data: data.decode("latin-1")))
def test_any_text_is_touched_irrelevant_or_undecodable(body):
    with contextlib.suppress(UndecodableEventError):
        assert isinstance(read(body), Touched | Irrelevant)


SAMPLES = [sample(path.stem) for path in sorted(EVENTS.glob("*.json"))]


def places(value, path=()):
    """The path of every field of an event."""
    if isinstance(value, dict):
        for key, entry in value.items():
            yield (*path, key)
            yield from places(entry, (*path, key))


@given(st.data())
def test_an_event_with_fields_replaced_or_removed_does_no_harm(data):
    event = copy.deepcopy(data.draw(st.sampled_from(SAMPLES)))
    for _time in range(data.draw(st.integers(1, 3))):
        *parents, last = data.draw(st.sampled_from(sorted(places(event))))
        holder = event
        for key in parents:
            holder = holder[key]
        if data.draw(st.booleans()):
            del holder[last]
        else:
            holder[last] = data.draw(anything | st.sampled_from([PACKAGE, GROUP, "credit-risk", {"omitted": True}]))
        if not event:
            return
    try:
        result = read(event)
    except UndecodableEventError:
        return
    if isinstance(result, Touched):
        assert all(arn.startswith(f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package") for arn in result.arns)
    else:
        assert isinstance(result, Irrelevant)
