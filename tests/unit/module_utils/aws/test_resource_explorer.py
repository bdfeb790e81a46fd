# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resource Explorer: its plans as properties, its calls against botocore's own model of the service.

Nothing emulates the service, so botocore's Stubber stands in for the wire: it checks each request and each answer
against the service's model, and that exactly the expected calls are made, in their order.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from botocore.stub import Stubber
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.wxgov.sagemaker.plugins.module_utils.aws.client import Retries, ServiceClient
from ansible_collections.wxgov.sagemaker.plugins.module_utils.aws.errors import AccessDenied, AwsError, InputError
from ansible_collections.wxgov.sagemaker.plugins.module_utils.aws.patience import Patience
from ansible_collections.wxgov.sagemaker.plugins.module_utils.aws.resource_explorer import (
    ensure_index,
    ensure_view,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.aws.resource_explorer_plan import (
    DesiredIndex,
    DesiredView,
    IndexState,
    ViewState,
    check_view,
    plan_index,
    plan_view,
)

REGION = "eu-west-1"
ARN = f"arn:aws:resource-explorer-2:{REGION}:111122223333:index/1a2b"
VIEW = f"arn:aws:resource-explorer-2:{REGION}:111122223333:view/models/3c4d"
SCOPE = "arn:aws:iam::111122223333:root"
PATIENT = Patience(timeout=60, sleep=lambda seconds: None)
HASTY = Patience(timeout=0)

tags = st.dictionaries(st.sampled_from("abc"), st.sampled_from("xy"))
types = st.sampled_from(("LOCAL", "AGGREGATOR"))
indexes = st.none() | st.builds(IndexState, st.just(ARN), types, st.just("ACTIVE"), tags)
wanted_indexes = st.builds(
    DesiredIndex, present=st.booleans(), type=st.none() | types, tags=st.none() | tags, purge_tags=st.booleans()
)
properties = st.frozensets(st.sampled_from(("tags", "more")))
views = st.none() | st.builds(
    ViewState,
    name=st.just("models"),
    arn=st.just(VIEW),
    filter_string=st.sampled_from(("", "a", "b")),
    included_properties=properties,
    scope=st.just(SCOPE),
    is_default=st.booleans(),
    tags=tags,
)
wanted_views = st.builds(
    DesiredView,
    name=st.just("models"),
    present=st.booleans(),
    filter_string=st.none() | st.sampled_from(("", "a", "b")),
    included_properties=st.none() | properties.map(sorted),
    scope=st.none() | st.just(SCOPE),
    is_default=st.none() | st.booleans(),
    tags=st.none() | tags,
    purge_tags=st.booleans(),
)


@given(wanted_indexes, indexes)
def test_after_the_plan_of_an_index_nothing_is_left(desired: DesiredIndex, current: IndexState | None) -> None:
    plan = plan_index(desired, current, REGION, lambda: None)
    assert not plan_index(desired, plan.after, REGION, lambda: None).changed
    assert (plan.after is not None) == desired.present
    if plan.after and desired.type:
        assert plan.after.type == desired.type


@given(wanted_views, views)
def test_after_the_plan_of_a_view_nothing_is_left(desired: DesiredView, current: ViewState | None) -> None:
    plan = plan_view(desired, current)
    assert not plan_view(desired, plan.after).changed
    assert (plan.after is not None) == desired.present
    if plan.after and desired.filter_string is not None:
        assert plan.after.filter_string == desired.filter_string


@pytest.mark.parametrize("current", [None, IndexState(ARN)])
def test_one_aggregator_an_account(current: IndexState | None) -> None:
    with pytest.raises(InputError, match="The aggregator index of this account is in us-east-1"):
        plan_index(DesiredIndex(type="AGGREGATOR"), current, REGION, lambda: "us-east-1")
    assert plan_index(DesiredIndex(type="AGGREGATOR"), current, REGION, lambda: REGION).changed


def test_the_aggregator_is_asked_for_only_when_this_index_is_to_become_it() -> None:
    def ask() -> str:
        raise AssertionError("asked")

    plan_index(DesiredIndex(type="LOCAL"), IndexState(ARN, "AGGREGATOR"), REGION, ask)
    plan_index(DesiredIndex(type="AGGREGATOR"), IndexState(ARN, "AGGREGATOR"), REGION, ask)
    plan_index(DesiredIndex(present=False, type="AGGREGATOR"), IndexState(ARN), REGION, ask)


@pytest.mark.parametrize(
    ("desired", "sentence"),
    [
        (DesiredView("a b"), "name is 'a b'; a view's name has 1 to 64 letters, digits and hyphens."),
        (DesiredView("v", filter_string="x" * 2049), "filter_string has 2049 characters; AWS takes at most 2048."),
        (DesiredView("v", scope="account"), "scope is 'account', which is not an ARN"),
    ],
)
def test_bad_views(desired: DesiredView, sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        check_view(desired)
    assert sentence in str(caught.value)


def test_a_scope_cannot_be_changed() -> None:
    with pytest.raises(InputError, match="has the scope arn:aws:iam::111122223333:root and AWS cannot change that"):
        plan_view(DesiredView("models", scope="arn:aws:iam::444455556666:root"), ViewState("models", VIEW, scope=SCOPE))


# --- calls ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def stub() -> Iterator[Stubber]:
    client = boto3.client(
        "resource-explorer-2", region_name=REGION, aws_access_key_id="key", aws_secret_access_key="secret"
    )
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


@pytest.fixture
def explorer(stub: Stubber) -> ServiceClient:
    return ServiceClient("resource-explorer-2", stub.client, Retries(attempts=3, delay=0, longest_delay=0))


def index(state: str = "ACTIVE", kind: str = "LOCAL", **tags_: str) -> dict[str, Any]:
    return {"Arn": ARN, "State": state, "Type": kind, "Tags": tags_}


def absent(stub: Stubber, method: str) -> None:
    stub.add_client_error(method, "ResourceNotFoundException", http_status_code=404)


def test_an_aggregator_is_made_in_a_fresh_account(stub: Stubber, explorer: ServiceClient) -> None:
    absent(stub, "get_index")
    stub.add_response("list_indexes", {"Indexes": []}, {"Type": "AGGREGATOR"})
    stub.add_response("create_index", {"Arn": ARN, "State": "CREATING"}, {"Tags": {"team": "a"}})
    stub.add_response("get_index", index("CREATING", team="a"), {})
    stub.add_response("get_index", index(team="a"), {})
    stub.add_response("update_index_type", {"Arn": ARN, "State": "UPDATING"}, {"Arn": ARN, "Type": "AGGREGATOR"})
    stub.add_response("get_index", index("UPDATING", "AGGREGATOR", team="a"), {})
    stub.add_response("get_index", index("ACTIVE", "AGGREGATOR", team="a"), {})
    desired = DesiredIndex(type="AGGREGATOR", tags={"team": "a"})
    made = ensure_index(explorer, desired, check_mode=False, patience=PATIENT)
    assert [operation.name for operation in made.plan.operations] == ["create_index", "update_index_type"]
    assert made.state == IndexState(ARN, "AGGREGATOR", "ACTIVE", {"team": "a"})
    assert made.warnings == ()


def test_check_mode_makes_no_change(stub: Stubber, explorer: ServiceClient) -> None:
    stub.add_response("get_index", index("UPDATING", old="1"), {})
    stub.add_response("list_indexes", {"Indexes": [], "NextToken": "more"}, {"Type": "AGGREGATOR"})
    stub.add_response(
        "list_indexes",
        {"Indexes": [{"Region": REGION, "Arn": ARN, "Type": "AGGREGATOR"}]},
        {"Type": "AGGREGATOR", "NextToken": "more"},
    )
    desired = DesiredIndex(type="AGGREGATOR", tags={"new": "2"})
    checked = ensure_index(explorer, desired, check_mode=True, patience=PATIENT)
    assert [operation.name for operation in checked.plan.operations] == ["update_index_type", "tag", "untag"]
    assert checked.state == IndexState(ARN, "AGGREGATOR", "UPDATING", {"new": "2"})


def test_an_index_is_retagged_and_then_left_alone(stub: Stubber, explorer: ServiceClient) -> None:
    stub.add_response("get_index", index(old="1"), {})
    stub.add_response("tag_resource", {}, {"resourceArn": ARN, "Tags": {"new": "2"}})
    stub.add_response("untag_resource", {}, {"resourceArn": ARN, "tagKeys": ["old"]})
    stub.add_response("get_index", index(new="2"), {})
    stub.add_response("get_index", index(new="2"), {})
    desired = DesiredIndex(tags={"new": "2"})
    assert ensure_index(explorer, desired, check_mode=False, patience=PATIENT).plan.changed
    assert not ensure_index(explorer, desired, check_mode=False, patience=PATIENT).plan.changed


@pytest.mark.parametrize("last", ["DELETED", "gone"])
def test_an_index_is_deleted(stub: Stubber, explorer: ServiceClient, last: str) -> None:
    stub.add_response("get_index", index(), {})
    stub.add_response("delete_index", {"Arn": ARN, "State": "DELETING"}, {"Arn": ARN})
    stub.add_response("get_index", index("DELETING"), {})
    if last == "gone":
        absent(stub, "get_index")
    else:
        stub.add_response("get_index", index("DELETED"), {})
    gone = ensure_index(explorer, DesiredIndex(present=False), check_mode=False, patience=PATIENT)
    assert (gone.plan.changed, gone.state, gone.warnings) == (True, None, ())


def test_an_index_that_is_being_deleted_is_waited_for_and_made_anew(stub: Stubber, explorer: ServiceClient) -> None:
    stub.add_response("get_index", index("DELETING"), {})
    stub.add_response("get_index", index("DELETING"), {})
    absent(stub, "get_index")
    stub.add_response("create_index", {"Arn": ARN, "State": "CREATING"}, {"Tags": {}})
    stub.add_response("get_index", index(), {})
    made = ensure_index(explorer, DesiredIndex(), check_mode=False, patience=PATIENT)
    assert made.state == IndexState(ARN)


def test_a_busy_index_is_said_to_be_busy(stub: Stubber, explorer: ServiceClient) -> None:
    stub.add_response("get_index", index("UPDATING"), {})
    stub.add_response("get_index", index("UPDATING"), {})
    with pytest.raises(AwsError, match="index of eu-west-1 is UPDATING and cannot be changed now"):
        ensure_index(explorer, DesiredIndex(), check_mode=False, patience=HASTY)


def test_what_goes_on_in_the_background_is_a_warning(stub: Stubber, explorer: ServiceClient) -> None:
    stub.add_response("get_index", index(kind="AGGREGATOR"), {})
    stub.add_response("update_index_type", {"Arn": ARN}, {"Arn": ARN, "Type": "LOCAL"})
    stub.add_response("get_index", index("UPDATING", "LOCAL"), {})
    done = ensure_index(explorer, DesiredIndex(type="LOCAL"), check_mode=False, patience=HASTY)
    assert "still works on it (UPDATING)" in done.warnings[0]


def test_throttling_is_survived_and_a_refusal_named(stub: Stubber, explorer: ServiceClient) -> None:
    stub.add_client_error("get_index", "ThrottlingException", http_status_code=429)
    stub.add_client_error("get_index", "AccessDeniedException", http_status_code=403)
    with pytest.raises(AccessDenied, match="may not do resource-explorer-2:GetIndex on the index of the region"):
        ensure_index(explorer, DesiredIndex(), check_mode=False, patience=HASTY)


def view(filter_string: str = "", *included: str) -> dict[str, Any]:
    return {
        "View": {
            "ViewArn": VIEW,
            "Scope": SCOPE,
            "Filters": {"FilterString": filter_string},
            "IncludedProperties": [{"Name": name} for name in included],
        },
        "Tags": {"team": "a"},
    }


def add_view(stub: Stubber, filter_string: str, *included: str, default: bool) -> None:
    """The two calls that read a view whose ARN is known."""
    stub.add_response("get_view", view(filter_string, *included), {"ViewArn": VIEW})
    if default:
        stub.add_response("get_default_view", {"ViewArn": VIEW}, {})
    else:
        absent(stub, "get_default_view")


MODELS = DesiredView(
    "models", filter_string="type:x", included_properties=["tags"], is_default=True, tags={"team": "a"}
)
CONTENT = {"Filters": {"FilterString": "type:x"}, "IncludedProperties": [{"Name": "tags"}]}


def test_a_view_is_made_the_default_and_then_left_alone(stub: Stubber, explorer: ServiceClient) -> None:
    other = VIEW.replace("/models/", "/models-of-others/")
    stub.add_response("list_views", {"Views": [other], "NextToken": "more"}, {})
    stub.add_response("list_views", {"Views": []}, {"NextToken": "more"})
    stub.add_response("get_index", index(), {})
    token = {"ClientToken": "given-by-botocore"}
    stub.client.meta.events.register(
        "provide-client-params.resource-explorer-2.CreateView", lambda params, **_rest: {**params, **token}
    )
    stub.add_response(
        "create_view",
        {"View": {"ViewArn": VIEW}},
        {"ViewName": "models", "Tags": {"team": "a"}, **CONTENT, **token},
    )
    stub.add_response("associate_default_view", {"ViewArn": VIEW}, {"ViewArn": VIEW})
    add_view(stub, "type:x", "tags", default=True)
    made = ensure_view(explorer, MODELS, check_mode=False, patience=PATIENT)
    assert [operation.name for operation in made.plan.operations] == ["create_view", "associate_default_view"]
    assert made.state == ViewState("models", VIEW, "type:x", frozenset({"tags"}), SCOPE, True, {"team": "a"})

    stub.add_response("list_views", {"Views": [other, VIEW]}, {})
    add_view(stub, "type:x", "tags", default=True)
    assert not ensure_view(explorer, MODELS, check_mode=False, patience=PATIENT).plan.changed


def test_a_view_is_changed_and_no_longer_the_default(stub: Stubber, explorer: ServiceClient) -> None:
    stub.add_response("list_views", {"Views": [VIEW]}, {})
    add_view(stub, "type:x", "tags", default=True)
    after = {"Filters": {"FilterString": ""}, "IncludedProperties": [{"Name": "tags"}]}
    stub.add_response("update_view", {"View": view("", "tags")["View"]}, {"ViewArn": VIEW, **after})
    stub.add_response("disassociate_default_view", {}, {})
    add_view(stub, "", "tags", default=False)
    desired = DesiredView("models", filter_string="", is_default=False)
    changed = ensure_view(explorer, desired, check_mode=False, patience=PATIENT)
    assert changed.plan.diff()["before"]["filter_string"] == "type:x"
    assert changed.plan.after == changed.state


def test_a_view_is_deleted(stub: Stubber, explorer: ServiceClient) -> None:
    stub.add_response("list_views", {"Views": [VIEW]}, {})
    add_view(stub, "type:x", default=False)
    stub.add_response("delete_view", {"ViewArn": VIEW}, {"ViewArn": VIEW})
    stub.add_response("list_views", {"Views": []}, {})
    gone = ensure_view(explorer, DesiredView("models", present=False), check_mode=False, patience=PATIENT)
    assert (gone.plan.changed, gone.state) == (True, None)


@pytest.mark.parametrize("check", [True, False])
def test_a_view_needs_an_index(stub: Stubber, explorer: ServiceClient, check: bool) -> None:
    stub.add_response("list_views", {"Views": []}, {})
    absent(stub, "get_index")
    if check:
        (warning,) = ensure_view(explorer, MODELS, check_mode=True, patience=HASTY).warnings
        assert warning.startswith("eu-west-1 has no Resource Explorer index that the view 'models' could look into")
    else:
        with pytest.raises(AwsError, match="make it with resource_explorer_index first"):
            ensure_view(explorer, MODELS, check_mode=False, patience=HASTY)


@pytest.mark.parametrize("name", ["index", "view"])
def test_the_examples_are_what_the_module_takes(name: str) -> None:
    module = importlib.import_module(f"ansible_collections.wxgov.sagemaker.plugins.modules.resource_explorer_{name}")
    tasks = [task[f"wxgov.sagemaker.resource_explorer_{name}"] for task in yaml.safe_load(module.EXAMPLES)]
    assert len(tasks) == 2
    for options in tasks:
        validated = ArgumentSpecValidator(module.ARGUMENTS).validate(options)
        assert validated.error_messages == []
        desired = getattr(module, f"desired_{name}")(validated.validated_parameters)
        assert desired.present == (options.get("state") != "absent")
