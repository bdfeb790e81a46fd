# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way into the account: each link broken by itself, and exactly that check fails."""

from __future__ import annotations

import dataclasses

import boto3
import pytest

from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.model import (
    AccessKey,
    AmbientCredentials,
    AssumeRole,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.plan import merge
from ansible_collections.wxgov.sagemaker.plugins.module_utils.preflight.aws_checks import (
    check_credentials,
    check_external_id_required,
)

from .conftest import AGENT, REGISTRY


@pytest.fixture
def connection(wanted):
    return merge(None, wanted())


def stand(checks):
    return {check.name.removeprefix("aws."): check.status for check in checks}


def test_all_is_well_in_four_calls_of_sts(cloud, connection):
    checks = check_credentials(connection)
    assert stand(checks) == {"role_assumable": "ok", "external_id_required": "ok", "account": "ok"}
    assert cloud.emulator.calls() == {"sts.AssumeRole": 3, "sts.GetCallerIdentity": 1}
    assert "secret-" not in str(checks)
    assert not any(check.mend for check in checks)


def test_a_role_that_anybody_may_assume_without_the_external_id(cloud, connection):
    cloud.let(external_id=None)
    checks = check_credentials(connection)
    assert stand(checks) == {"role_assumable": "ok", "external_id_required": "failed", "account": "ok"}
    assert "sts:ExternalId" in checks[1].mend
    assert "secret-" not in str(checks)


@pytest.mark.parametrize("trust", [{"external_id": "another-id"}, {"account": "123123123123"}])
def test_a_role_that_does_not_let_us_in(cloud, connection, trust):
    cloud.let(**trust)
    checks = check_credentials(connection)
    assert stand(checks) == {"role_assumable": "failed", "external_id_required": "skipped", "account": "skipped"}
    assert "trust policy" in checks[0].mend
    assert connection.credentials.role_arn in checks[0].evidence


def test_a_role_that_is_not_there(cloud, connection):
    cloud.iam.delete_role(RoleName="Sync")
    assert stand(check_credentials(connection))["role_assumable"] == "failed"


def test_a_connection_without_external_id_is_a_warning(cloud, connection):
    cloud.let(external_id=None)
    bare = dataclasses.replace(connection, credentials=AssumeRole(connection.credentials.role_arn))
    checks = check_credentials(bare)
    assert stand(checks) == {"role_assumable": "ok", "external_id_required": "warning", "account": "ok"}


def test_what_cannot_be_told_is_not_called_safe(cloud, connection):
    """AssumeRole fails for another reason than a denial, or something else answers."""
    for kind, words in (("error", "InternalFailure"), ("http_html_200", "not STS")):
        cloud.emulator.fault("sts.AssumeRole", kind, code="InternalFailure", status=400, times=2)
        assert stand(check_credentials(connection))["role_assumable"] == "failed"
        check = check_external_id_required(connection)
        assert (check.status, words in check.evidence) == ("warning", True)


def test_credentials_of_another_account(cloud, connection):
    own = dataclasses.replace(connection, credentials=AmbientCredentials())
    checks = check_credentials(own)
    assert stand(checks) == {"role_assumable": "skipped", "external_id_required": "skipped", "account": "failed"}
    assert AGENT in checks[2].evidence
    assert REGISTRY in checks[2].evidence
    keyed = dataclasses.replace(connection, credentials=AccessKey(REGISTRY, "secret-key"))
    assert stand(check_credentials(keyed))["account"] == "ok"


def test_a_key_that_was_revoked(cloud, connection):
    keyed = dataclasses.replace(connection, credentials=AccessKey("AKIAIOSFODNN7EXAMPLE", "secret-key"))
    check = check_credentials(keyed)[2]
    assert (check.status, "does not accept the credentials" in check.evidence) == ("failed", True)
    assert "secret-key" not in str(check)


def test_no_credentials_at_all(cloud, connection, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    checks = check_credentials(connection)
    assert stand(checks)["role_assumable"] == "failed"
    assert "credentials" in checks[0].evidence
    base = boto3.Session(aws_access_key_id=AGENT, aws_secret_access_key="x", region_name="us-east-1")
    assert stand(check_credentials(connection, base)) == {
        "role_assumable": "ok",
        "external_id_required": "ok",
        "account": "ok",
    }
