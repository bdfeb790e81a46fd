# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent's policies of connection_stack are those that the role aws_access writes, for the same queues."""

from __future__ import annotations

import json
from pathlib import Path

import jinja2
import pytest

from ansible_collections.wxgov.sagemaker.plugins.module_utils.aws.policy import check_policy, same_policy
from ansible_collections.wxgov.sagemaker.plugins.module_utils.aws.stack_documents import (
    Names,
    Place,
    agent_policies,
    registry_pattern,
    sending_policy,
)

CHECKOUT = Path(__file__).resolve().parents[4]
TEMPLATE = CHECKOUT / "roles" / "aws_access" / "templates" / "policies.json.j2"


@pytest.mark.parametrize(
    "place", [Place("aws", "eu-west-1", "111122223333"), Place("aws-cn", "cn-north-1", "444455556666")]
)
@pytest.mark.parametrize("find", [None, ["sagemaker:ListModelPackageGroups", "sagemaker:ListModelPackages"]])
def test_both_ways_to_give_access_give_the_same(place: Place, find: list[str] | None) -> None:
    names = Names("alpha")
    rendered = jinja2.Template(TEMPLATE.read_text()).render(
        aws_access_queue_arn=place.arn("sqs", names.queue),
        aws_access_dead_letter_queue_arn=place.arn("sqs", names.dead_letter_queue),
        __aws_access_registry_arn=place.arn("sagemaker", "")[:-1],
        **({} if find is None else {"__aws_access_find": find}),
    )
    theirs, ours = json.loads(rendered), agent_policies(place, names, None, without_search=find is not None)
    assert set(theirs) == set(ours)
    for name, document in ours.items():
        assert same_policy(document, theirs[name], place.partition), name
        check_policy(document, name, "identity")


@pytest.mark.parametrize("without_search", [False, True])
def test_the_policies_fit_into_a_user(without_search: bool) -> None:
    """IAM takes 2,048 characters of inline policies for a user, blanks not counted (IAM and STS quotas)."""
    place = Place("aws-us-gov", "us-gov-west-1", "111122223333")
    key = f"arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/{'k' * 36}"
    documents = agent_policies(place, Names("x" * 40), key, without_search=without_search)
    assert sum(len("".join(json.dumps(document).split())) for document in documents.values()) <= 2048


def test_a_queues_policy_is_one_that_aws_takes() -> None:
    check_policy(
        sending_policy("arn:aws:sqs:us-east-1:1:q", ["arn:aws:events:us-east-1:1:rule/r"]), "policy", "resource"
    )


def test_the_pattern_takes_the_five_calls() -> None:
    assert registry_pattern(failed_calls=True) == {
        "source": ["aws.sagemaker"],
        "detail-type": ["AWS API Call via CloudTrail"],
        "detail": {
            "eventSource": ["sagemaker.amazonaws.com"],
            "eventName": [
                "CreateModelPackage",
                "CreateModelPackageGroup",
                "DeleteModelPackage",
                "DeleteModelPackageGroup",
                "UpdateModelPackage",
            ],
        },
    }
