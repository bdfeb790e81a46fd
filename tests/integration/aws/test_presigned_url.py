# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Presigned URLs against the emulator, and the lookup through ansible-playbook."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from ansible_collections.wxgov.sagemaker.plugins.lookup import presigned_url as plugin
from ansible_collections.wxgov.sagemaker.plugins.module_utils.aws.client import ServiceClient
from ansible_collections.wxgov.sagemaker.plugins.module_utils.aws.errors import AwsError
from ansible_collections.wxgov.sagemaker.plugins.module_utils.aws.presigned_url import (
    PresignedRequest,
    check_request,
    create_presigned_url,
    parse_profile_arn,
)
from tests.harness.playbook import PlayResult
from tests.integration.aws.conftest import ACCOUNT, Account

PREFIX = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}"


def studio(account: Account, mode: str = "IAM", profile: str = "auditor") -> str:
    """The ARN of a user profile in a new Studio domain."""
    sagemaker = account.client("sagemaker")
    domain = sagemaker.create_domain(
        DomainName="studio",
        AuthMode=mode,
        DefaultUserSettings={"ExecutionRole": f"arn:aws:iam::{ACCOUNT}:role/studio"},
        SubnetIds=["subnet-1"],
        VpcId="vpc-1",
    )["DomainArn"].rsplit("/", 1)[-1]
    arn: str = sagemaker.create_user_profile(DomainId=domain, UserProfileName=profile)["UserProfileArn"]
    return arn


def package(account: Account, group: str = "Fraud-Models") -> str:
    sagemaker = account.client("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName=group)
    arn: str = sagemaker.create_model_package(ModelPackageGroupName=group)["ModelPackageArn"]
    return arn


def look_up(account: Account, profile: Any, **options: Any) -> str:
    """What the plugin does, without Ansible."""
    request = PresignedRequest(parse_profile_arn(profile), **options)
    check_request(request)
    return create_presigned_url(ServiceClient("sagemaker", account.client("sagemaker")), request).url


def refuse(account: Account, profile: Any, **options: Any) -> str:
    with pytest.raises(AwsError) as caught:
        look_up(account, profile, **options)
    return str(caught.value)


def expiry(url: str) -> int:
    """The second at which a URL of the emulator ends."""
    (second,) = re.findall(r"X-Expires=(\d+)", url)
    return int(second)


def test_a_url_is_fresh_and_lives_five_minutes(account: Account) -> None:
    profile = studio(account)
    now = int(account.emulator.clock.timestamp())
    account.emulator.clear_calls()
    first, second = look_up(account, profile), look_up(account, profile)
    assert account.emulator.calls() == {"sagemaker.CreatePresignedDomainUrl": 2}
    assert first != second
    expires = expiry(first)
    assert 300 <= expires - now <= 330
    assert first.endswith("&landing=")
    short = look_up(account, profile, expires_in=5)
    assert expiry(short) < expires


def test_a_url_lands_on_a_model_package(account: Account) -> None:
    profile, model = studio(account), package(account)
    assert "model-package/fraud-models/1" in model
    url = look_up(account, profile, model_package_arn=model)
    assert url.endswith("landing=studio%3A%3Amodels/registered-models/Fraud-Models/versions")
    url = look_up(account, profile, model_package_arn=model, landing_path="/x/{group}/{version}/y")
    assert url.endswith("landing=studio%3A%3Ax/Fraud-Models/1/y")
    url = look_up(account, profile, landing_path="app:JupyterLab:tree")
    assert url.endswith("landing=app%3AJupyterLab%3Atree")


def test_a_profile_with_capitals_is_found_by_its_arn(account: Account) -> None:
    profile = studio(account, profile="Auditor-One")
    assert profile.endswith("/auditor-one")
    assert look_up(account, profile).startswith("https://")


def test_a_domain_in_sso_mode_is_said_to_be(account: Account) -> None:
    message = refuse(account, studio(account, "SSO"))
    assert "sign in through IAM Identity Center (AuthMode SSO)" in message
    assert message.endswith("use a user profile of such a domain.")


def test_missing_things_are_named(account: Account) -> None:
    profile = studio(account)
    domain = profile.split("/")[1]
    message = refuse(account, f"{profile}-two")
    assert f"There is no user profile 'auditor-two' in the Studio domain {domain}" in message
    message = refuse(account, profile, model_package_arn=f"{PREFIX}:model-package/none/1")
    assert message.endswith(f"There is no model package {PREFIX}:model-package/none/1.")


BAD: dict[str, tuple[Any, dict[str, Any], str]] = {
    "no ARN": ("auditor", {}, "The user profile ARN is 'auditor', which is not an ARN"),
    "no text": (5, {}, "The user profile ARN is of the type int; give it as a text."),
    "other service": (f"arn:aws:iam::{ACCOUNT}:user/u", {}, "an ARN of the service 'iam'; give one of 'sagemaker'."),
    "other kind": (f"{PREFIX}:domain/d-abc", {}, "which is not that of a user profile; give one of the form"),
    "domain": (f"{PREFIX}:user-profile/abc/auditor", {}, "whose domain or name is malformed"),
    "name": (f"{PREFIX}:user-profile/d-abc/a b", {}, "whose domain or name is malformed"),
    "life": (None, {"expires_in": 301}, "expires_in is 301; it must be from 5 to 300 seconds."),
    "session": (None, {"session_seconds": 60}, "session_expires_in is 60; it must be from 1800 to 43200 seconds."),
    "package": (None, {"model_package_arn": f"{PREFIX}:model-package-group/g"}, "which is not that of a version in a"),
    "package elsewhere": (
        None,
        {"model_package_arn": f"arn:aws:sagemaker:eu-west-1:{ACCOUNT}:model-package/g/1"},
        "model_package_arn is in the region 'eu-west-1', and the user profile in 'us-east-1'",
    ),
    "path without package": (None, {"landing_path": "models/{group}"}, "which needs model_package_arn to fill in"),
    "path": (None, {"landing_path": "x" * 1024}, "landing_path has 1024 characters; AWS takes at most 1023."),
}


@pytest.mark.parametrize(("profile", "options", "sentence"), BAD.values(), ids=BAD)
def test_bad_input_is_refused_before_any_call(
    account: Account, profile: Any, options: dict[str, Any], sentence: str
) -> None:
    message = refuse(account, profile or f"{PREFIX}:user-profile/d-abc/auditor", **options)
    assert sentence in message
    assert account.emulator.calls() == {}


def test_a_refusal_names_action_and_resource(account: Account) -> None:
    profile = studio(account)
    operation = "sagemaker.CreatePresignedDomainUrl"
    account.emulator.fault(operation, "error", code="AccessDeniedException", status=403)
    message = refuse(account, profile)
    assert f"may not do sagemaker:CreatePresignedDomainUrl on {profile}; allow that action there." in message
    account.emulator.fault(operation, "error", code="ThrottlingException")
    assert look_up(account, profile)


def test_a_url_is_not_in_its_repr(account: Account) -> None:
    request = PresignedRequest(parse_profile_arn(studio(account)))
    made = create_presigned_url(ServiceClient("sagemaker", account.client("sagemaker")), request)
    assert made.url.startswith("https://d-")
    assert "https" not in repr(made)


def test_the_lookup_in_a_play(account: Account, run_playbook: Callable[..., PlayResult]) -> None:
    """Its examples as printed, every option, a refusal; and nothing prints the URL."""
    profile, model = studio(account), package(account)
    sso = studio(Account(account.emulator, "444455556666"), "SSO").replace("444455556666", ACCOUNT)
    call = "lookup('wxgov.sagemaker.presigned_url', {})"
    several = call.format("default_profile_arn, default_profile_arn, wantlist=true, region='eu-west-1'")
    every = call.format(
        "default_profile_arn, model_package_arn=model_package_arn, landing_path='x/{group}', expires_in=60, "
        "session_expires_in=1800"
    )
    tasks = [
        *yaml.safe_load(plugin.EXAMPLES),
        see("{{ studio_url is match('https://d-.*landing=studio%3A%3Amodels') }}"),
        see("{{ " + several + " | unique | length == 2 }}"),
        see("{{ " + every + " is match('https://d-.*landing=studio%3A%3Ax/Fraud-Models') }}"),
        {
            **see("{{ " + call.format(f"'{profile.replace('us-east', 'mars-east')}'") + " }}"),
            "name": "no region",
            "ignore_errors": True,
        },
        {**see("{{ " + call.format("'auditor'") + " }}"), "name": "no ARN", "ignore_errors": True},
        {**see("{{ " + call.format(f"'{sso}-none'") + " }}"), "name": "no profile", "ignore_errors": True},
    ]
    play = {"hosts": "localhost", "gather_facts": False, "tasks": tasks}
    variables = {"default_profile_arn": profile, "model_package_arn": model}
    done = run_playbook([play], env=account.environment, extra_vars=variables, verbosity=3).check()
    assert len(done.results) == len(tasks)
    assert "The user profile ARN is 'auditor', which is not an ARN" in str(done.one("no ARN"))
    assert "The region 'mars-east-1' does not exist" in str(done.one("no region"))
    assert "There is no user profile 'auditor-none'" in str(done.one("no profile"))
    assert "auth?token=" not in done.stdout
    assert "auth?token=" not in json.dumps([entry.result for entry in done.results])


def see(expression: str) -> dict[str, Any]:
    return {"name": "see", "ansible.builtin.assert": {"that": expression}}
