# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""What IAM, STS and signing do and stock moto does not: one probe a mend."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.unit.emulators.aws.clouds import ACCOUNT, OTHER, Cloud, Keys, error_code

MANAGED = ("AmazonSageMakerFullAccess", "AmazonSageMakerReadOnly", "AmazonSQSFullAccess")


def trust(principal: str, external_id: str | None = None, **more: Any) -> str:
    statement: dict[str, Any] = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole", **more}
    if external_id:
        statement["Condition"] = {"StringEquals": {"sts:ExternalId": external_id}}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def role(cloud: Cloud, principal: str = f"arn:aws:iam::{OTHER}:root", external_id: str | None = "secret-id") -> str:
    """The ARN of a new role that trusts the principal."""
    answer = cloud.client("iam").create_role(RoleName="probe", AssumeRolePolicyDocument=trust(principal, external_id))
    arn: str = answer["Role"]["Arn"]
    return arn


def user_key(cloud: Cloud, status: str = "Active") -> tuple[Any, Callable[[], Any]]:
    """(STS client of a new user's access key, what deletes the key)."""
    iam = cloud.client("iam")
    iam.create_user(UserName="alice")
    key = iam.create_access_key(UserName="alice")["AccessKey"]
    iam.update_access_key(UserName="alice", AccessKeyId=key["AccessKeyId"], Status=status)
    sts = cloud.client_with("sts", Keys(key["AccessKeyId"], key["SecretAccessKey"]))
    return sts, lambda: iam.delete_access_key(UserName="alice", AccessKeyId=key["AccessKeyId"])


def mend_managed_policies_can_be_attached(cloud: Cloud) -> None:
    role(cloud)
    iam = cloud.client("iam")
    for name in MANAGED:
        iam.attach_role_policy(RoleName="probe", PolicyArn=f"arn:aws:iam::aws:policy/{name}")
    attached = iam.list_attached_role_policies(RoleName="probe")["AttachedPolicies"]
    assert sorted(policy["PolicyName"] for policy in attached) == sorted(MANAGED)


def mend_trust_policy_must_be_json(cloud: Cloud) -> None:
    code = error_code(cloud.client("iam").create_role, RoleName="probe", AssumeRolePolicyDocument="{nope")
    assert code == "MalformedPolicyDocument"


def mend_trust_policy_has_no_resource(cloud: Cloud) -> None:
    document = trust(f"arn:aws:iam::{OTHER}:root", Resource="*")
    code = error_code(cloud.client("iam").create_role, RoleName="probe", AssumeRolePolicyDocument=document)
    assert code == "MalformedPolicyDocument"


def mend_trust_policy_principal_is_an_account(cloud: Cloud) -> None:
    document = trust("arn:aws:iam::12345:root")
    code = error_code(cloud.client("iam").create_role, RoleName="probe", AssumeRolePolicyDocument=document)
    assert code == "MalformedPolicyDocument"


def mend_wrong_external_id_is_denied(cloud: Cloud) -> None:
    arn = role(cloud)
    sts = cloud.client("sts", OTHER)
    assert sts.assume_role(RoleArn=arn, RoleSessionName="probe", ExternalId="secret-id")["Credentials"]
    code = error_code(sts.assume_role, RoleArn=arn, RoleSessionName="probe", ExternalId="guess")
    assert code == "AccessDenied"


def mend_missing_external_id_is_denied(cloud: Cloud) -> None:
    arn = role(cloud)
    assert error_code(cloud.client("sts", OTHER).assume_role, RoleArn=arn, RoleSessionName="probe") == "AccessDenied"


def mend_foreign_account_is_denied(cloud: Cloud) -> None:
    arn = role(cloud)
    sts = cloud.client("sts", "999988887777")
    code = error_code(sts.assume_role, RoleArn=arn, RoleSessionName="probe", ExternalId="secret-id")
    assert code == "AccessDenied"


def mend_role_must_exist(cloud: Cloud) -> None:
    arn = f"arn:aws:iam::{ACCOUNT}:role/missing"
    assert error_code(cloud.client("sts").assume_role, RoleArn=arn, RoleSessionName="probe") == "AccessDenied"


def mend_session_is_no_longer_than_the_role_allows(cloud: Cloud) -> None:
    arn = role(cloud, external_id=None)
    sts = cloud.client("sts", OTHER)
    code = error_code(sts.assume_role, RoleArn=arn, RoleSessionName="probe", DurationSeconds=7200)
    assert code.startswith("Validation")


def mend_session_name_has_no_spaces(cloud: Cloud) -> None:
    arn = role(cloud, external_id=None)
    code = error_code(cloud.client("sts", OTHER).assume_role, RoleArn=arn, RoleSessionName="two words")
    assert code.startswith("Validation")


def mend_session_expires(cloud: Cloud) -> None:
    arn = role(cloud, external_id=None)
    given = cloud.client("sts", OTHER).assume_role(RoleArn=arn, RoleSessionName="probe")["Credentials"]
    keys = Keys(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
    assert cloud.client_with("sts", keys).get_caller_identity()["Account"] == ACCOUNT
    cloud.wait(3601)
    assert error_code(cloud.client_with("sts", keys).get_caller_identity) == "ExpiredToken"


def mend_wrong_secret_is_refused(cloud: Cloud) -> None:
    iam = cloud.client("iam")
    iam.create_user(UserName="alice")
    key = iam.create_access_key(UserName="alice")["AccessKey"]["AccessKeyId"]
    assert error_code(cloud.client_with("sts", Keys(key, "guess")).get_caller_identity) == "SignatureDoesNotMatch"
    assert error_code(cloud.client_with("sqs", Keys(key, "guess")).list_queues) == "InvalidSignatureException"


def mend_wrong_session_token_is_refused(cloud: Cloud) -> None:
    arn = role(cloud, external_id=None)
    given = cloud.client("sts", OTHER).assume_role(RoleArn=arn, RoleSessionName="probe")["Credentials"]
    keys = Keys(given["AccessKeyId"], given["SecretAccessKey"], "another")
    assert error_code(cloud.client_with("sts", keys).get_caller_identity) == "InvalidClientTokenId"


def mend_deleted_access_key_is_refused(cloud: Cloud) -> None:
    sts, delete = user_key(cloud)
    assert sts.get_caller_identity()["Arn"].endswith(":user/alice")
    delete()
    assert error_code(sts.get_caller_identity) == "InvalidClientTokenId"


def mend_inactive_access_key_is_refused(cloud: Cloud) -> None:
    sts, _unused = user_key(cloud, status="Inactive")
    assert error_code(sts.get_caller_identity) == "InvalidClientTokenId"


def mend_twelve_digits_are_the_root_of_an_account(cloud: Cloud) -> None:
    identity = cloud.client_with("sts", Keys(OTHER)).get_caller_identity()
    assert identity["Arn"] == f"arn:aws:iam::{OTHER}:root"


def mend_unknown_region_is_an_error_of_the_client(cloud: Cloud) -> None:
    code = error_code(cloud.client("sqs", region="mars-north-1").list_queues)
    assert code == "InvalidSignatureException"
