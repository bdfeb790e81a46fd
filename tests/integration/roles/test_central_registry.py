# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role central_registry: a hub and a spoke, with nothing but the permissions of the two runner policies."""

from __future__ import annotations

import json
import pathlib
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.emulators.aws.server import AwsEmulator
from tests.harness.playbook import PlayResult
from tests.integration.aws.conftest import REGION, Account

HUB, SPOKE, THIRD = "111122223333", "444455556666", "777788889999"
FILES = pathlib.Path(__file__).parents[3] / "roles" / "central_registry" / "files"
REGISTER = "AWSRAMPermissionSageMakerModelPackageGroupAllowRegister"
GROUPS = f"arn:aws:sagemaker:us-east-1:{HUB}:model-package-group"
FRAUD = {"name": "fraud", "description": "Card payments"}
SPOKE_SIDE = {"side": "spoke", "hub_account_id": HUB}


def actions(statement: dict[str, Any]) -> list[str]:
    listed = statement["Action"]
    return [listed] if isinstance(listed, str) else list(listed)


def policy_of(side: str, without: str = "") -> dict[str, Any]:
    """The runner policy of a side, but for one action."""
    policy: dict[str, Any] = json.loads((FILES / f"runner-policy-{side}.json").read_text())
    for statement in policy["Statement"]:
        statement["Action"] = [action for action in actions(statement) if action != without]
    return policy


def granted(side: str, *services: str) -> set[str]:
    """The actions of a runner policy for some services."""
    every = {action for statement in policy_of(side)["Statement"] for action in statement["Action"]}
    return {action for action in every if action.split(":")[0] in services}


class Explorer(BaseHTTPRequestHandler):
    """As much of Resource Explorer as the role needs, for nothing emulates it; one account, no permissions."""

    called: set[str] = set()
    index: dict[str, Any] = {}
    views: dict[str, dict[str, Any]] = {}

    def do_POST(self) -> None:  # the name that http.server looks for
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or "{}")
        operation = self.path.strip("/")
        self.called.add(f"resource-explorer-2:{operation}")
        answer = getattr(self, f"answer_{operation.lower()}")(body)
        text = json.dumps(answer if answer is not None else {"Message": "not there"}).encode()
        self.send_response(200 if answer is not None else 404)
        if answer is None:
            self.send_header("x-amzn-ErrorType", "ResourceNotFoundException")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def answer_getindex(self, _body: dict[str, Any]) -> dict[str, Any] | None:
        return self.index or None

    def answer_createindex(self, _body: dict[str, Any]) -> dict[str, Any]:
        self.index |= {"Arn": "arn:aws:resource-explorer-2:us-east-1:0:index/i", "State": "ACTIVE", "Type": "LOCAL"}
        return self.index

    def answer_listviews(self, _body: dict[str, Any]) -> dict[str, Any]:
        return {"Views": list(self.views)}

    def answer_getview(self, body: dict[str, Any]) -> dict[str, Any] | None:
        view = self.views.get(body["ViewArn"])
        return view and {"View": view, "Tags": {}}

    def answer_getdefaultview(self, _body: dict[str, Any]) -> dict[str, Any]:
        return {}

    def answer_createview(self, body: dict[str, Any]) -> dict[str, Any]:
        arn = f"arn:aws:resource-explorer-2:us-east-1:0:view/{body['ViewName']}/1"
        self.views[arn] = {"ViewArn": arn, **{key: body[key] for key in ("Filters", "IncludedProperties")}}
        return {"View": self.views[arn]}

    def answer_deleteview(self, body: dict[str, Any]) -> dict[str, Any]:
        del self.views[body["ViewArn"]]
        return {"ViewArn": body["ViewArn"]}

    def log_message(self, *_arguments: Any) -> None:
        """Keep quiet."""


@pytest.fixture
def explorer() -> Iterator[str]:
    """The address of an empty Resource Explorer."""
    for state in (Explorer.called, Explorer.index, Explorer.views):
        state.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Explorer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class Registry:
    """Two accounts, each with a user who has the runner policy of its side, and a way to run plays on them."""

    def __init__(self, emulator: AwsEmulator, run_playbook: Callable[..., PlayResult], explorer: str) -> None:
        self.emulator = emulator
        self._explorer = explorer
        self.hub, self.spoke = Account(emulator, HUB), Account(emulator, SPOKE)
        self._run = run_playbook
        self._hosts = {"hub": self._runner(self.hub, "hub"), "spoke": self._runner(self.spoke, "spoke")}
        self.called: set[str] = set()
        emulator.enforce_iam()

    @staticmethod
    def _runner(account: Account, side: str) -> dict[str, str]:
        iam = account.client("iam")
        iam.create_user(UserName="runner")
        policy = json.dumps(policy_of(side))
        iam.put_user_policy(UserName="runner", PolicyName="runner", PolicyDocument=policy)
        key = iam.create_access_key(UserName="runner")["AccessKey"]
        return {"access_key": key["AccessKeyId"], "secret_key": key["SecretAccessKey"]}

    def run(self, *sides: dict[str, Any], check: bool = False) -> PlayResult:
        """One play for each entry: the role's options without their prefix."""
        plays = [
            {
                "hosts": options["side"],
                "gather_facts": False,
                "environment": {
                    "AWS_ENDPOINT_URL": self.emulator.endpoint_url,
                    "AWS_ENDPOINT_URL_RESOURCE_EXPLORER_2": self._explorer,
                    "AWS_ACCESS_KEY_ID": "{{ access_key }}",
                    "AWS_SECRET_ACCESS_KEY": "{{ secret_key }}",
                    "AWS_REGION": REGION,
                },
                "roles": [
                    {
                        "role": "wxgov.sagemaker.central_registry",
                        "vars": {f"central_registry_{name}": value for name, value in options.items()},
                    }
                ],
                "tasks": [{"name": "facts", "ansible.builtin.debug": {"var": "central_registry_result"}}],
            }
            for options in sides
        ]
        hosts = {name: {"ansible_connection": "local", **keys} for name, keys in self._hosts.items()}
        self.emulator.clear_calls()
        result = self._run(plays, inventory={"all": {"hosts": hosts}}, check=check)
        self.called |= {name.replace(".", ":").lower() for name in self.emulator.calls()}
        return result

    def keys(self, side: str) -> dict[str, str]:
        """The keys of the runner of a side."""
        return self._hosts[side]

    def shares(self) -> list[dict[str, Any]]:
        found = self.hub.client("ram").get_resource_shares(resourceOwner="SELF", resourceShareStatus="ACTIVE")
        shares: list[dict[str, Any]] = found["resourceShares"]
        return shares


@pytest.fixture
def registry(aws: AwsEmulator, run_playbook: Callable[..., PlayResult], explorer: str) -> Registry:
    return Registry(aws, run_playbook, explorer)


def facts(result: PlayResult) -> list[dict[str, Any]]:
    return [entry["central_registry_result"] for entry in result.named("facts")]


def changed(result: PlayResult) -> list[bool]:
    """Of each task that can change something, whether it did."""
    names = ("Share them", "Group the model package groups", "Accept what the hub shares", "End the share")
    return [
        bool(entry.result.get("changed"))
        for entry in result.results
        if entry.kind == "ok" and any(entry.task.endswith(name) for name in names)
    ]


def views() -> list[str]:
    return [view["Filters"]["FilterString"] for view in Explorer.views.values()]


def test_a_hub_and_a_spoke_from_check_mode_to_nothing_left(registry: Registry) -> None:
    """One walk, as each run costs seconds; the actions it takes are those of the policies, no more and no fewer."""
    hub = {"side": "hub", "groups": [FRAUD], "principals": [SPOKE, THIRD]}
    checked = registry.run(hub, SPOKE_SIDE, check=True).check()
    assert registry.shares() == []
    assert registry.hub.client("sagemaker").list_model_package_groups()["ModelPackageGroupSummaryList"] == []
    assert changed(checked) == [True, True, True]
    assert facts(checked)[0]["group_arns"] == [f"{GROUPS}/fraud"]
    assert facts(checked)[0]["share_arn"].endswith("/known-when-the-share-is-made")

    made = registry.run(hub, SPOKE_SIDE, hub, SPOKE_SIDE).check()
    assert changed(made) == [True, True, True, False, False, False]
    theirs, ours, theirs_again, ours_again = facts(made)
    (share,) = registry.shares()
    assert share["name"] == "wxgov-sagemaker-central"
    assert theirs == {
        "side": "hub",
        "share_name": share["name"],
        "share_arn": share["resourceShareArn"],
        "hub_account_id": HUB,
        "group_arns": [f"{GROUPS}/fraud"],
        "principals": [SPOKE, THIRD],
        "pending_principals": [SPOKE, THIRD],
    }
    assert (
        ours
        == ours_again
        == {
            "side": "spoke",
            "share_name": share["name"],
            "share_arn": share["resourceShareArn"],
            "hub_account_id": HUB,
            "group_arns": [f"{GROUPS}/fraud"],
        }
    )
    assert theirs_again == {**theirs, "pending_principals": [THIRD]}
    tags = registry.hub.client("sagemaker").list_tags(ResourceArn=f"{GROUPS}/fraud")["Tags"]
    assert tags == [{"Key": "wxgov-registry", "Value": "central"}]
    version = registry.spoke.client("sagemaker").create_model_package(ModelPackageGroupName=f"{GROUPS}/fraud")
    assert version["ModelPackageArn"].startswith(f"arn:aws:sagemaker:us-east-1:{HUB}:")

    more = {
        **hub,
        "groups": [FRAUD, {"name": "churn"}],
        "principals": [SPOKE],
        "permissions": [REGISTER],
        "tags": {"team": "a"},
    }
    (group,) = registry.hub.client("resource-groups").list_groups()["GroupIdentifiers"]
    assert group["GroupName"] == "wxgov-sagemaker-central"

    shut = {**more, "principals": [], "allow_external_principals": False}
    found = {**SPOKE_SIDE, "resource_explorer": True}
    gone = {"side": "hub", "state": "absent"}
    spoke_gone = {**found, "state": "absent"}
    rest = registry.run(more, found, spoke_gone, shut, SPOKE_SIDE | {"state": "absent"}, gone, gone).check()
    assert changed(rest) == [True, True, False, True, False, True, False]
    (made_view,) = rest.named("wxgov.sagemaker.central_registry : Make a view of model package groups")
    assert made_view["view"]["filter_string"] == "resourcetype:sagemaker:model-package-group"
    assert (views(), Explorer.index["State"]) == ([], "ACTIVE")
    assert Explorer.called == granted("spoke", "resource-explorer-2") == granted("hub", "resource-explorer-2")
    assert facts(rest)[0]["principals"] == [SPOKE]
    assert facts(rest)[1]["group_arns"] == [f"{GROUPS}/churn", f"{GROUPS}/fraud"]
    said = [entry for entry in rest.results if entry.task.endswith("Say who can end it")]
    assert [entry.kind for entry in said] == ["ok", "skipped"]
    assert f"The account {HUB} still shares wxgov-sagemaker-central with this one" in said[0].result["msg"]
    assert registry.shares() == []
    assert registry.hub.client("resource-groups").list_groups()["GroupIdentifiers"] == []
    left = registry.hub.client("sagemaker").list_model_package_groups(SortBy="Name", SortOrder="Ascending")
    assert [group["ModelPackageGroupName"] for group in left["ModelPackageGroupSummaryList"]] == ["churn", "fraud"]

    every = granted("hub", "ram", "sagemaker") | granted("spoke", "ram", "sagemaker")
    called = {name for name in registry.called if not name.startswith(("sts:", "resource-groups:"))}
    assert called == {action.lower() for action in every}


@pytest.mark.parametrize("action", sorted(granted("hub", "resource-groups")))
def test_each_action_on_the_resource_group_is_needed(registry: Registry, action: str) -> None:
    """The emulator counts these calls by HTTP method only, so here each is taken away."""
    iam = registry.hub.client("iam")
    options = {"name": "g", "tag_filters": {"wxgov-registry": ["central"]}, "tags": {"a": "1"}, **registry.keys("hub")}
    steps = [options, {**options, "tags": {"a": "2"}}, {**options, "state": "absent"}]
    document = json.dumps(policy_of("hub", without=action))
    iam.put_user_policy(UserName="runner", PolicyName="runner", PolicyDocument=document)
    results = [registry.hub.run("resource_group", **step) for step in steps]
    assert action in [result["missing_permission"]["action"] for result in results if result.get("failed")]


def test_without_a_permission_the_role_says_which(registry: Registry) -> None:
    iam = registry.hub.client("iam")
    policy = json.dumps(policy_of("hub", without="ram:CreateResourceShare"))
    iam.put_user_policy(UserName="runner", PolicyName="runner", PolicyDocument=policy)
    denied = registry.run({"side": "hub", "groups": [FRAUD], "principals": [SPOKE]})
    assert "The credentials may not do ram:CreateResourceShare on wxgov-sagemaker-central" in denied.stdout
    assert registry.shares() == []
    refused = registry.run({"side": "spoke", "hub_account_id": "1234"})
    assert refused.rc != 0
    sentence = (
        "central_registry_hub_account_id must be the 12 digits, in quotes, of the account that shares its registry"
    )
    assert f"{sentence}; it is '1234'." in " ".join(refused.stdout.split())
