# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Policy evaluation, by table."""

from __future__ import annotations

from typing import Any

import pytest

from tests.emulators.aws.iam import trust_policy_error
from tests.emulators.aws.policy import AccessRequest, evaluate, resource_policy_error, wildcard

QUEUE = "arn:aws:sqs:us-east-1:111122223333:q"
REQUEST = AccessRequest(
    "sqs:SendMessage",
    QUEUE,
    account="444455556666",
    arns=("arn:aws:iam::444455556666:user/alice",),
    context={"sts:ExternalId": "x", "aws:SourceArn": "arn:aws:events:r:1:rule/a", "aws:SecureTransport": "true"},
)


def statement(effect: str = "Allow", **more: Any) -> dict[str, Any]:
    return {"Effect": effect, "Principal": {"AWS": "444455556666"}, "Action": "sqs:*", "Resource": QUEUE, **more}


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ([], "none"),
        ([statement()], "allow"),
        ([statement(), statement("Deny", Action="sqs:SendMessage")], "deny"),
        ([statement(Principal="*")], "allow"),
        ([statement(Principal={"AWS": "arn:aws:iam::444455556666:root"})], "allow"),
        ([statement(Principal={"AWS": ["999988887777", "arn:aws:iam::444455556666:user/alice"]})], "allow"),
        ([statement(Principal={"AWS": "arn:aws:iam::444455556666:user/bob"})], "none"),
        ([statement(Principal={"Service": "events.amazonaws.com"})], "none"),
        ([statement(Action="SQS:sendmessage")], "allow"),
        ([statement(Action=["sqs:Receive*"])], "none"),
        ([statement(Action="sqs:?endMessage")], "allow"),
        ([statement(Resource="arn:aws:sqs:*:111122223333:*")], "allow"),
        ([statement(Resource="arn:aws:sqs:us-east-1:111122223333:other")], "none"),
        ([{**statement(), "NotAction": "sqs:DeleteQueue", "Action": []}], "allow"),
        ([statement(Condition={"StringEquals": {"sts:ExternalId": ["y", "x"]}})], "allow"),
        ([statement(Condition={"StringEquals": {"STS:externalid": "x"}})], "allow"),
        ([statement(Condition={"StringEquals": {"sts:ExternalId": "y"}})], "none"),
        ([statement(Condition={"StringNotEquals": {"sts:ExternalId": "y"}})], "allow"),
        ([statement(Condition={"StringEquals": {"aws:Missing": "y"}})], "none"),
        ([statement(Condition={"StringEqualsIfExists": {"aws:Missing": "y"}})], "allow"),
        ([statement(Condition={"ArnLike": {"aws:SourceArn": "arn:aws:events:*:1:rule/*"}})], "allow"),
        ([statement(Condition={"Bool": {"aws:SecureTransport": True}})], "allow"),
        ([statement("Deny", Condition={"Bool": {"aws:SecureTransport": "false"}}), statement()], "allow"),
        ([statement(Condition={"Null": {"aws:Missing": "true"}})], "allow"),
        ([statement(Condition={"Null": {"sts:ExternalId": "true"}})], "none"),
        ([statement(Condition={"StringEquals": {"sts:ExternalId": "x", "aws:Missing": "y"}})], "none"),
    ],
)
def test_evaluate(statements: list[dict[str, Any]], expected: str) -> None:
    assert evaluate({"Statement": statements}, REQUEST) == expected


def test_unknown_operator_is_an_error_and_not_an_answer() -> None:
    with pytest.raises(NotImplementedError, match="DateGreaterThan"):
        evaluate({"Statement": statement(Condition={"DateGreaterThan": {"aws:SourceArn": "x"}})}, REQUEST)


@pytest.mark.parametrize(
    ("pattern", "value", "expected"),
    [("a*c", "abbc", True), ("a?c", "abc", True), ("a?c", "abbc", False), ("a.c", "abc", False), ("*", "a\nb", True)],
)
def test_wildcard(pattern: str, value: str, expected: bool) -> None:
    assert wildcard(pattern, value) is expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "not JSON"),
        ("[]", "no Statement"),
        ('{"Statement": [1]}', "not an object"),
        ('{"Statement": {"Effect": "Maybe"}}', "Effect"),
        ('{"Statement": {"Effect": "Allow", "Action": "*"}}', "no Principal"),
        ('{"Statement": {"Effect": "Allow", "Principal": "*"}}', "no Action"),
    ],
)
def test_resource_policy_errors(text: str, problem: str) -> None:
    assert problem in (resource_policy_error(text) or "")


def test_good_policies_have_no_error() -> None:
    assert resource_policy_error('{"Statement": {"Effect": "Allow", "Principal": "*", "Action": "*"}}') is None
    trust = '{"Statement": [{"Effect": "Allow", "Principal": {"Service": "x"}, "Action": ["sts:AssumeRole"]}]}'
    assert trust_policy_error(trust) is None
    assert trust_policy_error(trust.replace("sts:AssumeRole", "s3:GetObject")) is not None
