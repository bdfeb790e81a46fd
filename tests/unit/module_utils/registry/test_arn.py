# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""ARNs of groups and packages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.wxgov.sagemaker.plugins.module_utils.registry.arn import (
    PACKAGE,
    RegistryArn,
    group_arn,
    parse_arn,
    partition_of,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.registry.errors import InvalidArnError

names = st.from_regex(r"[a-zA-Z0-9](-?[a-zA-Z0-9]){0,30}", fullmatch=True)
regions = st.sampled_from(["us-east-1", "eu-central-1", "us-gov-west-1", "cn-north-1", "ap-southeast-2"])
accounts = st.from_regex(r"[0-9]{12}", fullmatch=True)


@given(regions, accounts, names, st.none() | st.integers(1, 10**8))
def test_a_package_arn_comes_back_as_it_was(region, account, name, version):
    arn = RegistryArn(partition_of(region), region, account, PACKAGE, name, version)
    assert parse_arn(str(arn)) == arn


@given(regions, accounts, names)
def test_a_group_arn_comes_back_as_it_was(region, account, name):
    arn = group_arn(region, account, name)
    assert parse_arn(str(arn)) == arn
    assert arn.is_group


@pytest.mark.parametrize(
    "text",
    [
        "",
        "churn",
        "arn:aws:s3:::bucket",
        "arn:aws:sagemaker:us-east-1:1:model-package/churn/1",
        "arn:aws:sagemaker:us-east-1:111122223333:model-package/churn/0",
        "arn:aws:sagemaker:us-east-1:111122223333:model-package/churn/1/2",
        "arn:aws:sagemaker:us-east-1:111122223333:model-package-group/churn/1",
        "arn:aws:sagemaker:us-east-1:111122223333:endpoint/churn",
        "arn:aws:sagemaker:us-east-1:111122223333:model-package/churn' OR '1'='1",
        "arn:aws:sagemaker:us-east-1:111122223333:model-package/churn/1\n",
    ],
)
def test_what_is_no_arn_of_ours_is_refused_with_its_value(text):
    with pytest.raises(InvalidArnError) as caught:
        parse_arn(text)
    assert repr(text) in str(caught.value)
