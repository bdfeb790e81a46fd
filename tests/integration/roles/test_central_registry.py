# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role central_registry: a hub and a spoke, with nothing but the permissions of the two runner policies."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable
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


def granted(side: str) -> set[str]:
    """The actions of a runner policy, in lower case."""
    policy = json.loads((FILES / f"runner-policy-{side}.json").read_text())
    actions = [statement["Action"] for statement in policy["Statement"]]
    return {action.lower() for listed in actions for action in ([listed] if isinstance(listed, str) else listed)}


class Registry:
    """Two accounts, each with a user who has the runner policy of its side, and a way to run plays on them."""

    def __init__(self, emulator: AwsEmulator, run_playbook: Callable[..., PlayResult]) -> None:
        self.emulator = emulator
        self.hub, self.spoke = Account(emulator, HUB), Account(emulator, SPOKE)
        self._run = run_playbook
        self._hosts = {"hub": self._runner(self.hub, "hub"), "spoke": self._runner(self.spoke, "spoke")}
        self.called: set[str] = set()
        emulator.enforce_iam()

    @staticmethod
    def _runner(account: Account, side: str) -> dict[str, str]:
        iam = account.client("iam")
        iam.create_user(UserName="runner")
        policy = (FILES / f"runner-policy-{side}.json").read_text()
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

    def shares(self) -> list[dict[str, Any]]:
        found = self.hub.client("ram").get_resource_shares(resourceOwner="SELF", resourceShareStatus="ACTIVE")
        shares: list[dict[str, Any]] = found["resourceShares"]
        return shares


@pytest.fixture
def registry(aws: AwsEmulator, run_playbook: Callable[..., PlayResult]) -> Registry:
    return Registry(aws, run_playbook)


def facts(result: PlayResult) -> list[dict[str, Any]]:
    return [entry["central_registry_result"] for entry in result.named("facts")]


def changed(result: PlayResult) -> list[bool]:
    """Of each task that can change something, whether it did."""
    names = ("Share them", "Accept what the hub shares", "End the share")
    return [
        bool(entry.result.get("changed"))
        for entry in result.results
        if entry.kind == "ok" and any(entry.task.endswith(name) for name in names)
    ]


def test_a_hub_and_a_spoke_from_check_mode_to_nothing_left(registry: Registry) -> None:
    """One walk, as each run costs seconds; the actions it takes are those of the policies, no more and no fewer."""
    hub = {"side": "hub", "groups": [FRAUD], "principals": [SPOKE, THIRD]}
    checked = registry.run(hub, SPOKE_SIDE, check=True).check()
    assert registry.shares() == []
    assert registry.hub.client("sagemaker").list_model_package_groups()["ModelPackageGroupSummaryList"] == []
    assert changed(checked) == [True, True]
    assert facts(checked)[0]["group_arns"] == [f"{GROUPS}/fraud"]
    assert facts(checked)[0]["share_arn"].endswith("/known-when-the-share-is-made")

    made = registry.run(hub, SPOKE_SIDE, hub, SPOKE_SIDE).check()
    assert changed(made) == [True, True, False, False]
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
    shut = {**more, "principals": [], "allow_external_principals": False}
    gone = {"side": "hub", "state": "absent"}
    spoke_gone = {**SPOKE_SIDE, "state": "absent"}
    rest = registry.run(more, SPOKE_SIDE, spoke_gone, shut, spoke_gone, gone, gone).check()
    assert changed(rest) == [True, False, True, True, False]
    assert facts(rest)[0]["principals"] == [SPOKE]
    assert facts(rest)[1]["group_arns"] == [f"{GROUPS}/churn", f"{GROUPS}/fraud"]
    said = [entry for entry in rest.results if entry.task.endswith("Say who can end it")]
    assert [entry.kind for entry in said] == ["ok", "skipped"]
    assert f"The account {HUB} still shares wxgov-sagemaker-central with this one" in said[0].result["msg"]
    assert registry.shares() == []
    left = registry.hub.client("sagemaker").list_model_package_groups(SortBy="Name", SortOrder="Ascending")
    assert [group["ModelPackageGroupName"] for group in left["ModelPackageGroupSummaryList"]] == ["churn", "fraud"]

    assert registry.called - {"sts:getcalleridentity"} == granted("hub") | granted("spoke")


def test_without_a_permission_the_role_says_which(registry: Registry) -> None:
    iam = registry.hub.client("iam")
    policy = json.loads((FILES / "runner-policy-hub.json").read_text())
    policy["Statement"][2]["Action"].remove("ram:CreateResourceShare")
    iam.put_user_policy(UserName="runner", PolicyName="runner", PolicyDocument=json.dumps(policy))
    denied = registry.run({"side": "hub", "groups": [FRAUD], "principals": [SPOKE]})
    assert "The credentials may not do ram:CreateResourceShare on wxgov-sagemaker-central" in denied.stdout
    assert registry.shares() == []
    refused = registry.run({"side": "spoke", "hub_account_id": "1234"})
    assert refused.rc != 0
    sentence = (
        "central_registry_hub_account_id must be the 12 digits, in quotes, of the account that shares its registry"
    )
    assert f"{sentence}; it is '1234'." in " ".join(refused.stdout.split())
