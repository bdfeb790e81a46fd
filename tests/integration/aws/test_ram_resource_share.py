# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""ram_resource_share and its info module against the emulator: every option, check → change → check → no change."""

from __future__ import annotations

from typing import Any

import pytest
from moto.ram.models import ram_backends

from tests.integration.aws.conftest import ACCOUNT, Account, differing, walk_cycle

ROOM = "ansible_collections.wxgov.sagemaker.plugins.module_utils.aws"
ONE, TWO = "444455556666", "777788889999"
ORGANIZATION = f"arn:aws:organizations::{ACCOUNT}:organization/o-abcdefghij"
REGISTER = "AWSRAMPermissionSageMakerModelPackageGroupAllowRegister"
PERMISSIONS = "arn:aws:ram::aws:permission"
DEFAULT = f"{PERMISSIONS}/AWSRAMDefaultPermissionSageMakerModelPackageGroup"


def group_arn(name: str) -> str:
    return f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:model-package-group/{name}"


A, B = group_arn("a"), group_arn("b")
CYCLES: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, tuple[Any, Any]]]] = {
    "principals": ({}, {"principals": [ONE]}, {"principals": ([], [ONE])}),
    "principals replaced": (
        {"principals": [ONE]},
        {"principals": [TWO]},
        {"principals": ([ONE], [TWO])},
    ),
    "principals without purge": (
        {"principals": [ONE]},
        {"principals": [TWO], "purge_principals": False},
        {"principals": ([ONE], [ONE, TWO])},
    ),
    "principals emptied": ({"principals": [ONE, TWO]}, {"principals": []}, {"principals": ([ONE, TWO], [])}),
    "principals of other kinds": (
        {},
        {"principals": ["sagemaker.amazonaws.com", f"arn:aws:iam::{ONE}:role/ml/reader"]},
        {"principals": ([], [f"arn:aws:iam::{ONE}:role/ml/reader", "sagemaker.amazonaws.com"])},
    ),
    "resource_arns": ({"resource_arns": [A]}, {"resource_arns": [B, A]}, {"resource_arns": ([A], [A, B])}),
    "resource_arns replaced": ({"resource_arns": [A]}, {"resource_arns": [B]}, {"resource_arns": ([A], [B])}),
    "resource_arns without purge": (
        {"resource_arns": [A]},
        {"resource_arns": [B], "purge_resources": False},
        {"resource_arns": ([A], [A, B])},
    ),
    "resource_arns emptied": ({"resource_arns": [A]}, {"resource_arns": []}, {"resource_arns": ([A], [])}),
    "everything at once": (
        {"resource_arns": [A], "principals": [ONE]},
        {"resource_arns": [B], "principals": [TWO], "permissions": [REGISTER]},
        {
            "resource_arns": ([A], [B]),
            "principals": ([ONE], [TWO]),
            "permissions": ([DEFAULT], [f"{PERMISSIONS}/{REGISTER}"]),
        },
    ),
    "permissions by name": (
        {"resource_arns": [A]},
        {"permissions": [REGISTER]},
        {"permissions": ([DEFAULT], [f"{PERMISSIONS}/{REGISTER}"])},
    ),
    "permissions by ARN": (
        {"resource_arns": [A], "permissions": [REGISTER]},
        {"permissions": [DEFAULT]},
        {"permissions": ([f"{PERMISSIONS}/{REGISTER}"], [DEFAULT])},
    ),
    "permissions before there is a resource": (
        {},
        {"permissions": [REGISTER]},
        {"permissions": ([], [f"{PERMISSIONS}/{REGISTER}"])},
    ),
    "allow_external_principals off": (
        {},
        {"allow_external_principals": False},
        {"allow_external_principals": (True, False)},
    ),
    "outsiders out, then shut": (
        {"principals": [ONE]},
        {"principals": [], "allow_external_principals": False},
        {"allow_external_principals": (True, False), "principals": ([ONE], [])},
    ),
    "opened, then outsiders in": (
        {"allow_external_principals": False},
        {"principals": [ONE], "allow_external_principals": True},
        {"allow_external_principals": (False, True), "principals": ([], [ONE])},
    ),
    "tags unset to set": ({}, {"tags": {"team": "a"}}, {"tags": ({}, {"team": "a"})}),
    "tags changed, added and purged": (
        {"tags": {"a": "1", "b": "2"}},
        {"tags": {"b": "3", "c": "4"}},
        {"tags": ({"a": "1", "b": "2"}, {"b": "3", "c": "4"})},
    ),
    "tags without purge": (
        {"tags": {"a": "1"}},
        {"tags": {"b": "2"}, "purge_tags": False},
        {"tags": ({"a": "1"}, {"a": "1", "b": "2"})},
    ),
}


@pytest.fixture
def groups(account: Account) -> None:
    """The groups `a` and `b`."""
    for name in ("a", "b"):
        account.client("sagemaker").create_model_package_group(ModelPackageGroupName=name)


@pytest.fixture
def impatient(account: Account, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Waiting moves the emulator's clock instead; the seconds waited."""
    from ansible_collections.wxgov.sagemaker.plugins.module_utils.aws.patience import Patience

    waited: list[float] = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        account.emulator.advance(seconds)

    def clock() -> float:
        return sum(waited)

    monkeypatch.setattr(f"{ROOM}.module.Patience", lambda timeout: Patience(timeout, sleep=sleep, clock=clock))
    return waited


def associations(account: Account, kind: str, arn: str) -> set[str]:
    found = account.client("ram").get_resource_share_associations(associationType=kind, resourceShareArns=[arn])
    return {
        entry["associatedEntity"]
        for entry in found["resourceShareAssociations"]
        if entry["status"] in ("ASSOCIATED", "ASSOCIATING")
    }


def real(account: Account, name: str = "s") -> dict[str, Any]:
    """The share of this name as boto3 shows it."""
    ram = account.client("ram")
    listed = ram.get_resource_shares(resourceOwner="SELF", name=name, resourceShareStatus="ACTIVE")
    (share,) = listed["resourceShares"]
    arn = share["resourceShareArn"]
    return {
        **{key: share[key] for key in ("resourceShareArn", "allowExternalPrincipals", "tags")},
        "resources": associations(account, "RESOURCE", arn),
        "principals": associations(account, "PRINCIPAL", arn),
        "permissions": [
            entry["arn"] for entry in ram.list_resource_share_permissions(resourceShareArn=arn)["permissions"]
        ],
    }


@pytest.mark.usefixtures("groups")
@pytest.mark.parametrize("cycle", CYCLES)
def test_one_option(account: Account, cycle: str) -> None:
    base, change, expected = CYCLES[cycle]
    account.succeed("ram_resource_share", name="s", **base)
    walk_cycle(account, "ram_resource_share", "share", {"name": "s"}, change, lambda: real(account), expected)


@pytest.mark.usefixtures("groups")
def test_creation_is_foreseen_and_done_in_one_call(account: Account) -> None:
    options = {
        "name": "s",
        "resource_arns": [A],
        "principals": [ONE],
        "permissions": [REGISTER],
        "allow_external_principals": True,
        "tags": {"team": "a"},
    }
    checked = account.succeed("ram_resource_share", check=True, **options)
    assert account.client("ram").get_resource_shares(resourceOwner="SELF")["resourceShares"] == []
    account.emulator.clear_calls()
    done = account.succeed("ram_resource_share", **options)
    written = {name for name in account.emulator.calls() if name.startswith("ram.") and not name.startswith("ram.get")}
    assert written - {"ram.listresourcesharepermissions"} == {"ram.createresourceshare"}
    assert set(done) == set(checked)
    assert set(differing(checked["share"], done["share"])) == {"arn"}
    assert checked["share"]["arn"].endswith(":resource-share/known-when-the-share-is-made")
    assert (done["pending_principals"], checked["pending_principals"]) == ([ONE], [])
    assert real(account)["resourceShareArn"] == done["share"]["arn"]
    assert done["share"]["tags"] == {"team": "a"}

    account.emulator.clear_calls()
    assert account.succeed("ram_resource_share", **options)["changed"] is False
    assert account.emulator.calls() == {
        "ram.getresourceshares": 1,
        "ram.getresourceshareassociations": 2,
        "ram.listresourcesharepermissions": 1,
    }


@pytest.mark.usefixtures("groups")
def test_an_answer_that_is_lost_makes_no_second_share(account: Account) -> None:
    account.emulator.fault("ram.createresourceshare", "lost_response")
    account.succeed("ram_resource_share", name="s", resource_arns=[A])
    assert account.emulator.calls()["ram.createresourceshare"] == 2
    assert len(account.client("ram").get_resource_shares(resourceOwner="SELF")["resourceShares"]) == 1


def test_deletion_is_shown_done_and_repeated_without_harm(account: Account) -> None:
    made = account.succeed("ram_resource_share", name="s", principals=[ONE])["share"]
    checked = account.succeed("ram_resource_share", name="s", state="absent", check=True)
    assert (checked["changed"], checked["share"], checked["diff"]) == (True, None, {"before": made, "after": {}})
    assert real(account)["resourceShareArn"] == made["arn"]
    assert account.succeed("ram_resource_share", name="s", state="absent") == checked
    for check in (True, False):
        again = account.succeed("ram_resource_share", name="s", state="absent", check=check)
        assert (again["changed"], again["share"], again["operations"]) == (False, None, [])
    again = account.succeed("ram_resource_share", name="s")
    assert again["share"]["arn"] != made["arn"]


def test_a_share_is_renamed_by_its_arn_and_never_made_by_it(account: Account) -> None:
    arn = account.succeed("ram_resource_share", name="s")["share"]["arn"]
    identity = {"arn": arn}
    expected = {"name": ("s", "t")}
    share = {"read": lambda: account.client("ram").get_resource_shares(resourceOwner="SELF")["resourceShares"]}
    walk_cycle(account, "ram_resource_share", "share", identity, {"name": "t"}, share["read"], expected)
    assert account.succeed("ram_resource_share", arn=arn, state="absent")["changed"] is True
    message = account.refuse("ram_resource_share", arn=arn.replace("resource-share/", "resource-share/0"), name="t")
    assert message.endswith("; give a name and no arn to make one.")


def test_check_mode_goes_on_with_a_share_that_it_would_make(account: Account) -> None:
    foreseen = account.succeed("ram_resource_share", name="s", check=True)["share"]
    account.emulator.clear_calls()
    more = account.succeed("ram_resource_share", arn=foreseen["arn"], principals=[ONE], check=True)
    assert (more["operations"], more["share"]["principals"]) == (["create_resource_share"], [ONE])
    assert more["share"]["arn"] == foreseen["arn"]
    other = Account(account.emulator, ONE)
    assert other.succeed("ram_invitation", share_arn=foreseen["arn"], check=True)["changed"] is True
    assert set(account.emulator.calls()) <= {"sts.GetCallerIdentity"}
    assert "only stands for a share in check mode" in account.refuse("ram_resource_share", arn=foreseen["arn"])


def test_two_shares_of_one_name_are_told_apart_by_their_arns(account: Account) -> None:
    first = account.succeed("ram_resource_share", name="s")["share"]["arn"]
    second = account.client("ram").create_resource_share(name="s")["resourceShare"]["resourceShareArn"]
    message = account.refuse("ram_resource_share", name="s")
    assert message == f"There are 2 resource shares named 's'; give arn, one of {first}, {second}."
    assert account.succeed("ram_resource_share", arn=second, tags={"a": "1"})["share"]["arn"] == second


@pytest.mark.usefixtures("groups")
def test_resources_on_their_way_are_waited_for(account: Account, impatient: list[float]) -> None:
    ram_backends[ACCOUNT]["us-east-1"].association_seconds = 20
    # Ansible gathers the warnings of a whole process, so those of other tests are there too.
    made = account.succeed("ram_resource_share", name="s", resource_arns=[A])
    assert f"yet: {A}." not in str(made.get("warnings"))
    assert 20 <= sum(impatient) < 40
    warned = account.succeed("ram_resource_share", name="s", resource_arns=[A, B], wait_timeout=5)
    assert f"RAM accepted the change of s but has not done with it yet: {B}." in str(warned["warnings"])


@pytest.mark.usefixtures("groups")
def test_what_ram_gives_up_is_an_error_with_its_reason(account: Account, impatient: list[float]) -> None:
    arn = account.succeed("ram_resource_share", name="s", resource_arns=[A])["share"]["arn"]
    share = ram_backends[ACCOUNT]["us-east-1"].shares[arn]
    share.associations[A].status = "FAILED"
    assert account.succeed("ram_resource_share", name="s")["share"]["resource_arns"] == []
    assert account.succeed("ram_resource_share", name="s", resource_arns=[A])["operations"] == [
        "associate_resource_share"
    ]
    share.add_resources = lambda arns, backend: [
        setattr(share.associations.setdefault(entry, share.associations[A]), "status", "FAILED") for entry in arns
    ]
    share.associations[A].status = "DISASSOCIATED"
    message = account.refuse("ram_resource_share", name="s", resource_arns=[A])
    assert message == f"RAM could not put into the resource share s: {A}: AWS does not say why"
    share.status = "FAILED"
    assert "The resource share s has failed: AWS does not say why; delete it" in account.refuse(
        "ram_resource_share", name="s"
    )


@pytest.mark.usefixtures("groups")
def test_a_change_under_way_is_waited_out(account: Account, impatient: list[float]) -> None:
    account.succeed("ram_resource_share", name="s")
    account.emulator.fault(
        "ram.associateresourceshare", "error", times=2, code="InvalidStateTransitionException", status=400
    )
    assert account.succeed("ram_resource_share", name="s", principals=[ONE])["changed"] is True
    assert len(impatient) == 2


@pytest.mark.usefixtures("groups")
def test_the_organization_and_a_unit_of_it_are_let_in_at_once(account: Account) -> None:
    organizations = account.client("organizations")
    organization = organizations.create_organization(FeatureSet="ALL")["Organization"]["Arn"]
    root = organizations.list_roots()["Roots"][0]["Id"]
    unit = organizations.create_organizational_unit(ParentId=root, Name="ml")["OrganizationalUnit"]["Arn"]
    options = {"name": "s", "resource_arns": [A], "principals": [unit, organization]}
    message = account.refuse("ram_resource_share", allow_external_principals=False, **options)
    assert "ram:CreateResourceShare on s failed (UnknownResourceException)" in message
    account.client("ram").enable_sharing_with_aws_organization()
    done = account.succeed("ram_resource_share", allow_external_principals=False, **options)
    assert (done["share"]["principals"], done["pending_principals"]) == (sorted([organization, unit]), [])
    assert account.succeed("ram_resource_share", **options)["changed"] is False


def test_a_share_for_the_organization_only_takes_no_outsider(account: Account) -> None:
    options = {"name": "s", "principals": [ONE], "allow_external_principals": False}
    message = account.refuse("ram_resource_share", **options)
    assert "OperationNotPermittedException" in message


def principals(*members: str) -> dict[str, Any]:
    return {"principals": list(members)}


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no name": ({"name": None}, "one of the following is required: name, arn"),
    "empty name": ({"name": " "}, "name is empty; give the share a name."),
    "arn of something else": (
        {"arn": A},
        f"arn is {A!r}, an ARN of the service 'sagemaker'; give one of 'ram'.",
    ),
    "arn of an invitation": (
        {"arn": f"arn:aws:ram:us-east-1:{ACCOUNT}:resource-share-invitation/x"},
        "which is not the ARN of a resource share.",
    ),
    "arn of another region": (
        {"arn": f"arn:aws:ram:eu-west-1:{ACCOUNT}:resource-share/x"},
        "of the region eu-west-1, but RAM shares within a region, and this is us-east-1; set region: eu-west-1.",
    ),
    "account of 11 digits": (
        principals("44445555666"),
        "principals has '44445555666', but an account id has 12 digits",
    ),
    "no principal": (
        principals("everybody"),
        "principals has 'everybody'; give an account id of 12 digits, the ARN of",
    ),
    "root of an organization": (
        principals(ORGANIZATION.replace("organization/", "root/")),
        "the ARN of an organization ends in organization/o-",
    ),
    "short organization": (
        principals(f"arn:aws:organizations::{ACCOUNT}:organization/o-short"),
        "the ARN of an organization ends in organization/o-",
    ),
    "group of IAM": (principals(f"arn:aws:iam::{ONE}:group/x"), "of IAM only roles and users can be given"),
    "root of IAM": (principals(f"arn:aws:iam::{ONE}:root"), "of IAM only roles and users can be given"),
    "queue": (principals(f"arn:aws:sqs:us-east-1:{ONE}:q"), "an ARN of 'sqs'; RAM cannot share with that."),
    "principal of another partition": (
        principals(f"arn:aws-cn:iam::{ONE}:role/x"),
        "of the partition aws-cn, but this is aws.",
    ),
    "resource is no ARN": ({"resource_arns": ["fraud"]}, "resource_arns is 'fraud', which is not an ARN"),
    "resource of another region": (
        {"resource_arns": [A.replace("us-east-1", "eu-west-1")]},
        "of the region eu-west-1, but RAM shares within a region, and this is us-east-1; set region: eu-west-1.",
    ),
    "resource of another partition": (
        {"resource_arns": [A.replace("arn:aws:", "arn:aws-us-gov:")]},
        "of the partition aws-us-gov, but this is aws.",
    ),
    "region": ({"region": "us-east-9"}, "The region 'us-east-9' does not exist"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_sentence_before_any_call(account: Account, case: str) -> None:
    options, sentence = BAD[case]
    given = {key: value for key, value in {"name": "s", **options}.items() if value is not None}
    assert sentence in account.refuse("ram_resource_share", **given)
    assert account.emulator.calls() == {}


LATER_BAD: dict[str, tuple[dict[str, Any], str]] = {
    "resource of another account": (
        {"resource_arns": [A.replace(ACCOUNT, ONE)]},
        f"of the account {ONE}, but the share belongs to {ACCOUNT}; only its owner can share a resource.",
    ),
    "permission that is not there": (
        {"permissions": ["AWSRAMPermissionNone"]},
        f"permissions: there is no RAM permission {PERMISSIONS}/AWSRAMPermissionNone.",
    ),
    "permission that is no name": ({"permissions": ["a b"]}, "permissions has 'a b'; give a permission's ARN"),
    "permission that is no permission": ({"permissions": [A]}, "an ARN of the service 'sagemaker'; give one of 'ram'."),
    "permission of another partition": (
        {"permissions": ["arn:aws-cn:ram::aws:permission/x"]},
        "of the partition aws-cn, but this is aws.",
    ),
    "two permissions of a type": (
        {"permissions": [REGISTER, DEFAULT]},
        "both for sagemaker:modelpackagegroup; a share has one for each type.",
    ),
}


@pytest.mark.parametrize("case", LATER_BAD)
def test_what_contradicts_aws_is_one_sentence_before_anything_is_changed(account: Account, case: str) -> None:
    options, sentence = LATER_BAD[case]
    for check in (True, False):
        assert sentence in account.refuse("ram_resource_share", name="s", check=check, **options)
    assert "ram.createresourceshare" not in account.emulator.calls()


def test_a_refusal_names_action_and_resource(account: Account) -> None:
    account.emulator.fault("ram.createresourceshare", "error", code="AccessDeniedException", status=403)
    result = account.run("ram_resource_share", name="s")
    assert "The credentials may not do ram:CreateResourceShare on s; allow that action there." in result["msg"]
    assert result["missing_permission"] == {"action": "ram:CreateResourceShare", "resource": "s"}


@pytest.mark.usefixtures("groups")
def test_a_run_that_broke_off_is_finished_by_the_next(account: Account) -> None:
    account.succeed("ram_resource_share", name="s", resource_arns=[A], principals=[ONE])
    options = {"name": "s", "resource_arns": [B], "principals": [TWO], "permissions": [REGISTER], "tags": {"a": "1"}}
    for operation in ("associateresourcesharepermission", "associateresourceshare", "tagresource"):
        account.emulator.fault(f"ram.{operation}", "error", code="AccessDeniedException", status=403)
        assert account.run("ram_resource_share", **options)["failed"] is True
    assert account.succeed("ram_resource_share", **options)["operations"] == ["tag"]
    assert account.succeed("ram_resource_share", **options)["changed"] is False
    assert (real(account)["resources"], real(account)["principals"]) == ({B}, {TWO})


def test_throttling_is_waited_out(account: Account) -> None:
    account.emulator.fault("ram.createresourceshare", "error", times=3, status=429)
    options = {"name": "s", "aws_config": {"retries": {"max_attempts": 1}}}
    assert account.succeed("ram_resource_share", **options)["changed"] is True


def test_an_answer_without_its_body_is_not_taken_for_nothing(account: Account) -> None:
    account.succeed("ram_resource_share", name="s")
    account.emulator.fault("ram.getresourceshares", "http_html_200")
    assert "ram:GetResourceShares on s" in account.refuse("ram_resource_share", name="s")


# ---- ram_resource_share_info


@pytest.mark.usefixtures("groups")
def test_own_shares_are_listed_over_pages_by_name_prefix_and_arn(account: Account) -> None:
    made = account.succeed("ram_resource_share", name="s", resource_arns=[A, B], principals=[ONE], tags={"a": "1"})
    expected = {**made["share"], "pending_principals": [ONE]}
    for number in range(55):  # more than RAM gives in a page, and more than are asked about in one call
        account.client("ram").create_resource_share(name=f"many-{number:02}")
    found = account.succeed("ram_resource_share_info")
    assert (len(found["shares"]), found["changed"], found["invitations"]) == (56, False, [])
    assert expected in found["shares"]
    for options in ({"name": "s"}, {"name_prefix": "s"}, {"arn": expected["arn"]}):
        assert account.succeed("ram_resource_share_info", check=True, **options)["shares"] == [expected]
    assert account.succeed("ram_resource_share_info", name="t")["shares"] == []
    missing = expected["arn"].replace("resource-share/", "resource-share/0")
    assert account.succeed("ram_resource_share_info", arn=missing)["shares"] == []
    assert "mutually exclusive" in account.refuse("ram_resource_share_info", name="a", name_prefix="a")


@pytest.mark.usefixtures("groups")
def test_the_other_side_sees_what_it_was_given(account: Account) -> None:
    made = account.succeed("ram_resource_share", name="s", resource_arns=[A], principals=[ONE])["share"]
    other = Account(account.emulator, ONE)
    found = other.succeed("ram_resource_share_info", resource_owner="OTHER-ACCOUNTS")
    assert found["shares"] == []
    (invitation,) = found["invitations"]
    assert (invitation["share_arn"], invitation["status"]) == (made["arn"], "PENDING")
    other.succeed("ram_invitation", share_arn=made["arn"])
    found = other.succeed("ram_resource_share_info", resource_owner="OTHER-ACCOUNTS")
    nothing = {"principals": [], "permissions": [], "tags": {}, "pending_principals": []}
    assert found["shares"] == [{**made, **nothing}]
    assert other.succeed("ram_resource_share_info")["shares"] == []
    (seen,) = other.succeed("model_package_group_info", cross_account=True)["groups"]
    assert (seen["name"], seen["arn"], seen["policy"]) == ("a", A, None)
    assert other.succeed("model_package_group_info", cross_account=True, name="a")["groups"] == [seen]
    assert other.succeed("model_package_group_info", cross_account=True, name_prefix="b")["groups"] == []
