# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a queue's policy lets a rule send: single cases, and many beside what the AWS emulator makes of them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.wxgov.sagemaker.plugins.module_utils.aws.stack_documents import sending_policy
from ansible_collections.wxgov.sagemaker.plugins.module_utils.preflight.queue_policy import Sending, may_send
from tests.emulators.aws.policy import AccessRequest, evaluate

ACCOUNT = "111122223333"
RULE = f"arn:aws:events:us-east-1:{ACCOUNT}:rule/registry"
OTHER_RULE = f"arn:aws:events:us-east-1:{ACCOUNT}:rule/other"
QUEUE = f"arn:aws:sqs:us-east-1:{ACCOUNT}:registry.fifo"
SENDING = Sending(RULE, QUEUE)


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def statement(**changes):
    base = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": QUEUE,
    }
    return {**base, **changes}


def test_the_policy_that_this_collection_makes_lets_its_rules_send_and_no_other():
    made = json.dumps(sending_policy(QUEUE, [RULE]))
    assert may_send(made, SENDING) == "allowed"
    assert may_send(made, Sending(OTHER_RULE, QUEUE)) == "not allowed"
    both = json.dumps(sending_policy(QUEUE, [OTHER_RULE, RULE]))
    assert may_send(both, SENDING) == "allowed"


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, "allowed"),
        ({"Action": ["sqs:*"], "Resource": "*", "Principal": "*"}, "allowed"),
        ({"Action": "SQS:sendmessage"}, "allowed"),
        ({"Action": "sqs:ReceiveMessage"}, "not allowed"),
        ({"Resource": "arn:aws:sqs:*:*:another.fifo"}, "not allowed"),
        ({"Principal": {"Service": "sns.amazonaws.com"}}, "not allowed"),
        ({"Principal": {"AWS": ACCOUNT}}, "not allowed"),
        ({"Condition": {"ArnLike": {"AWS:sourceArn": "arn:aws:events:*:*:rule/reg*"}}}, "allowed"),
        ({"Condition": {"StringEquals": {"aws:SourceAccount": "999999999999"}}}, "not allowed"),
        ({"Condition": {"StringEquals": {"aws:SourceAccount": [ACCOUNT, "999999999999"]}}}, "allowed"),
        ({"Condition": {"StringNotEquals": {"aws:SourceAccount": ACCOUNT}}}, "not allowed"),
        ({"Condition": {"Bool": {"aws:SecureTransport": True}}}, "allowed"),
        ({"Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}, "unclear"),
        ({"Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}}, "unclear"),
        # A condition that does not hold settles it, whatever the others come to.
        (
            {"Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}, "Bool": {"aws:SecureTransport": "false"}}},
            "not allowed",
        ),
    ],
)
def test_one_statement(changes, verdict):
    assert may_send(policy(statement(**changes)), SENDING) == verdict


def test_a_deny_wins_and_one_that_is_not_understood_makes_it_unclear():
    deny = statement(Effect="Deny", Principal="*", Action="sqs:*")
    assert may_send(policy(statement(), deny), SENDING) == "denied"
    unclear = {**deny, "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}
    assert may_send(policy(statement(), unclear), SENDING) == "unclear"
    tls = {**deny, "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    assert may_send(policy(statement(), tls), SENDING) == "allowed"


@pytest.mark.parametrize("text", [None, "", "{}", '{"Statement": []}'])
def test_without_a_policy_nobody_may_send(text):
    assert may_send(text, SENDING) == "not allowed"


def test_a_policy_that_is_no_json_is_unclear():
    assert may_send("{", SENDING) == "unclear"


CONDITIONS = st.dictionaries(
    st.sampled_from(["ArnEquals", "ArnLike", "StringEquals", "StringLike", "StringNotEquals", "ArnNotLike"]),
    st.dictionaries(
        st.sampled_from(["aws:SourceArn", "aws:SourceAccount"]),
        st.sampled_from([RULE, OTHER_RULE, ACCOUNT, "arn:aws:events:*", "*"]) | st.just([OTHER_RULE, RULE]),
        min_size=1,
    ),
    max_size=2,
)
STATEMENTS = st.fixed_dictionaries(
    {
        "Effect": st.sampled_from(["Allow", "Allow", "Deny"]),
        "Principal": st.sampled_from(
            ["*", {"Service": "events.amazonaws.com"}, {"Service": ["sns.amazonaws.com"]}, {"AWS": ACCOUNT}]
        ),
        "Resource": st.sampled_from([QUEUE, "*", "arn:aws:sqs:*:*:another.fifo"]),
        "Condition": CONDITIONS,
    }
).flatmap(
    lambda base: st.sampled_from(
        [
            {**base, "Action": "sqs:SendMessage"},
            {**base, "Action": ["sqs:Get*", "sqs:Send*"]},
            {**base, "NotAction": "sqs:Delete*"},
            {**base, "Action": "sqs:ReceiveMessage"},
        ]
    )
)


@given(st.lists(STATEMENTS, max_size=4))
def test_the_emulator_comes_to_the_same(statements):
    text = policy(*statements)
    request = AccessRequest(
        "sqs:SendMessage",
        QUEUE,
        service="events.amazonaws.com",
        context={"aws:SourceArn": RULE, "aws:SourceAccount": ACCOUNT},
    )
    verdict = {"allow": "allowed", "deny": "denied", "none": "not allowed"}[evaluate(text, request)]
    assert may_send(text, SENDING) == verdict
