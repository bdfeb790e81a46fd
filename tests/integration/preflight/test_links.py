# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every link broken by itself in a world that connection_stack made: exactly its check fails.

What else is not ok is skipped, and only because of the broken link. Each test mends what it broke.
"""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from moto.events.models import events_backends
from moto.sqs.models import sqs_backends

from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.model import AmbientCredentials, Connection
from ansible_collections.wxgov.sagemaker.plugins.module_utils.preflight.inspection import (
    ENABLED,
    ORDER,
    InspectionSettings,
    inspect_connections,
    look_at_chain,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.preflight.inspector import InspectorSettings
from tests.integration.least_privilege.grants import grants, unused, without
from tests.integration.preflight.world import (
    AGENT,
    INSPECTOR,
    INSPECTOR_ARN,
    INSPECTOR_ID,
    REGION,
    ROLE,
    World,
    policy_file,
    standing,
)

ACCOUNT = "111122223333"
NAME = "credit"
RULE = f"wxgov-sagemaker-{NAME}"
QUEUE, LETTERS, TARGET_LETTERS = f"{RULE}.fifo", f"{RULE}-dlq.fifo", f"{RULE}-target-dlq"
Break = Callable[[World], contextlib.AbstractContextManager[Any]]
breaking = contextlib.contextmanager


@pytest.fixture(scope="module")
def world(empty_world: World) -> World:
    """One connection, with every link in place."""
    empty_world.onboard({NAME: ACCOUNT}, {"look": policy_file("inspector")})
    return empty_world


def url(world: World, queue: str) -> str:
    found: str = world.root("sqs", ACCOUNT).get_queue_url(QueueName=queue)["QueueUrl"]
    return found


# ---- ways to break the chain -----------------------------------------------------------------------------------------


@breaking
def trail_stopped(world: World) -> Iterator[None]:
    trails = world.root("cloudtrail", ACCOUNT)
    trails.stop_logging(Name="wxgov-sagemaker")
    yield
    trails.start_logging(Name="wxgov-sagemaker")


@breaking
def trail_of_read_events(world: World) -> Iterator[None]:
    trails = world.root("cloudtrail", ACCOUNT)
    before = trails.get_event_selectors(TrailName="wxgov-sagemaker")["EventSelectors"]
    selector = {"ReadWriteType": "ReadOnly", "IncludeManagementEvents": True}
    trails.put_event_selectors(TrailName="wxgov-sagemaker", EventSelectors=[selector])
    yield
    trails.put_event_selectors(TrailName="wxgov-sagemaker", EventSelectors=before)


@breaking
def rule_disabled(world: World) -> Iterator[None]:
    events = world.root("events", ACCOUNT)
    events.disable_rule(Name=RULE)
    yield
    events.enable_rule(Name=RULE)


@breaking
def rule_deleted(world: World) -> Iterator[None]:
    rules = events_backends[ACCOUNT][REGION]._get_event_bus("default").rules
    rule = rules.pop(RULE)
    yield
    rules[RULE] = rule


@breaking
def pattern_narrowed(world: World) -> Iterator[None]:
    events = world.root("events", ACCOUNT)
    before = events.describe_rule(Name=RULE)["EventPattern"]
    pattern = json.loads(before)
    pattern["detail"]["eventName"].remove("DeleteModelPackage")
    events.put_rule(Name=RULE, EventPattern=json.dumps(pattern))
    yield
    events.put_rule(Name=RULE, EventPattern=before)


@breaking
def target_changed(world: World, **changes: Any) -> Iterator[None]:
    """Straight in the emulator's state, for EventBridge refuses a FIFO target without a message group."""
    rule = events_backends[ACCOUNT][REGION]._get_event_bus("default").rules[RULE]
    before = list(rule.targets)
    (target,) = before
    rule.targets[:] = [{key: value for key, value in {**target, **changes}.items() if value is not None}]
    yield
    rule.targets[:] = before


@breaking
def attribute(world: World, queue: str, **attributes: str) -> Iterator[None]:
    sqs, address = world.root("sqs", ACCOUNT), url(world, queue)
    found = sqs.get_queue_attributes(QueueUrl=address, AttributeNames=["All"])["Attributes"]
    sqs.set_queue_attributes(QueueUrl=address, Attributes=attributes)
    yield
    sqs.set_queue_attributes(QueueUrl=address, Attributes={name: found.get(name, "") for name in attributes})


@breaking
def queue_deleted(world: World, queue: str) -> Iterator[None]:
    queues = sqs_backends[ACCOUNT][REGION].queues
    kept = queues.pop(queue)
    yield
    queues[queue] = kept


@breaking
def message_in(world: World, queue: str) -> Iterator[None]:
    sqs, address = world.root("sqs", ACCOUNT), url(world, queue)
    fifo = {"MessageGroupId": "g", "MessageDeduplicationId": uuid.uuid4().hex} if queue.endswith(".fifo") else {}
    sqs.send_message(QueueUrl=address, MessageBody="x", **fifo)
    yield
    (message,) = sqs.receive_message(QueueUrl=address)["Messages"]
    sqs.delete_message(QueueUrl=address, ReceiptHandle=message["ReceiptHandle"])


@breaking
def role_trusts(world: World, principal: str, external_id: bool) -> Iterator[None]:
    iam = world.root("iam", ACCOUNT)
    before = iam.get_role(RoleName=ROLE)["Role"]["AssumeRolePolicyDocument"]
    statement = {**before["Statement"][0], "Principal": {"AWS": f"arn:aws:iam::{principal}:root"}}
    if not external_id:
        del statement["Condition"]
    document = json.dumps({**before, "Statement": [statement]})
    iam.update_assume_role_policy(RoleName=ROLE, PolicyDocument=document)
    yield
    iam.update_assume_role_policy(RoleName=ROLE, PolicyDocument=json.dumps(before))


@breaking
def without_action(world: World, policy: str, action: str) -> Iterator[None]:
    iam = world.root("iam", ACCOUNT)
    before = iam.get_role_policy(RoleName=ROLE, PolicyName=policy)["PolicyDocument"]
    text = json.dumps(before).replace(f'"{action}"', '"sts:GetCallerIdentity"')
    assert text != json.dumps(before)
    iam.put_role_policy(RoleName=ROLE, PolicyName=policy, PolicyDocument=text)
    yield
    iam.put_role_policy(RoleName=ROLE, PolicyName=policy, PolicyDocument=json.dumps(before))


@breaking
def instead_of_search(world: World, *actions: str) -> Iterator[None]:
    iam = world.root("iam", ACCOUNT)
    before = iam.get_role_policy(RoleName=ROLE, PolicyName="wxgov-registry")["PolicyDocument"]
    granted = ", ".join(f'"sagemaker:{action}"' for action in actions)
    text = json.dumps(before).replace('"sagemaker:Search"', granted)
    iam.put_role_policy(RoleName=ROLE, PolicyName="wxgov-registry", PolicyDocument=text)
    yield
    iam.put_role_policy(RoleName=ROLE, PolicyName="wxgov-registry", PolicyDocument=json.dumps(before))


@breaking
def connection_with(world: World, change: Callable[[World, Connection], dict[str, Any]]) -> Iterator[None]:
    before = world.store.load(NAME)
    world.store.save(replace(before, **change(world, before)))
    yield
    world.store.save(before)


@breaking
def login_may_not_write(world: World) -> Iterator[None]:
    world.console.switch(can_write=False)
    yield
    world.console.switch(can_write=True)


@breaking
def user_inactive(world: World) -> Iterator[None]:
    world.console.add_user("model.owner", "owner@example.com", active=False)
    yield
    world.console.add_user("model.owner", "owner@example.com")


def wrong_key(world: World, connection: Connection) -> dict[str, Any]:
    options = {**connection.console.auth_options, "api_key": "wrong-api-key"}
    return {"console": replace(connection.console, auth_options=options)}


def child_entity(world: World, connection: Connection) -> dict[str, Any]:
    child = world.session.create("SOXBusEntity", "A child", connection.business_entity_id)
    return {"business_entity_id": child, "business_entity_name": "A child"}


def other_field(_world: World, connection: Connection) -> dict[str, Any]:
    return {"sync": replace(connection.sync, arn_field="Integration:No Such Field")}


def profile(arn: str) -> Break:
    return lambda world: connection_with(world, lambda _world, _connection: {"default_profile_arn": arn})


def target(**changes: Any) -> Break:
    return lambda world: target_changed(world, **changes)


def queue_attribute(queue: str, **attributes: str) -> Break:
    return lambda world: attribute(world, queue, **attributes)


def queue_policy_denying(world: World) -> contextlib.AbstractContextManager[Any]:
    sqs = world.root("sqs", ACCOUNT)
    found = sqs.get_queue_attributes(QueueUrl=url(world, QUEUE), AttributeNames=["Policy"])["Attributes"]["Policy"]
    policy = json.loads(found)
    policy["Statement"].append({"Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": "*"})
    return attribute(world, QUEUE, Policy=json.dumps(policy))


ELSEWHERE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:another.fifo"
BEHIND_THE_ROLE = ("aws.external_id_required", "aws.account", "aws.queue_access", "registry.read")
BEHIND_THE_LOGIN = ("console.business_entity", "console.permissions", "console.fields", "console.default_user")
BEHIND_THE_RULE = ("aws.pattern", "aws.target", "aws.target_dead_letters", "aws.queue_policy")

FAILURES: dict[str, tuple[Break, str, tuple[str, ...], str]] = {
    # what is broken: how, the check that fails, those skipped because of it, words of the evidence
    "trail stopped": (trail_stopped, "aws.trail", (), "it is not logging"),
    "trail of read events": (trail_of_read_events, "aws.trail", (), "read events only"),
    "rule disabled": (rule_disabled, "aws.rule", (), f"Disabled: {RULE}"),
    "rule deleted": (rule_deleted, "aws.rule", BEHIND_THE_RULE, f"none called {RULE}"),
    "pattern leaves out a call": (pattern_narrowed, "aws.pattern", (), "leaves out DeleteModelPackage."),
    "target without message group": (target(SqsParameters=None), "aws.target", (), "no message group"),
    "target changes the event": (target(Input='{"a": 1}'), "aws.target", (), "Input"),
    "target is another queue": (target(Arn=ELSEWHERE), "aws.target", ("aws.target_dead_letters",), "does not have"),
    "no policy on the target's dead-letter queue": (
        queue_attribute(TARGET_LETTERS, Policy=""),
        "aws.target_dead_letters",
        (),
        "does not let the rule",
    ),
    "target's dead-letter queue gone": (
        lambda world: queue_deleted(world, TARGET_LETTERS),
        "aws.target_dead_letters",
        (),
        "does not exist",
    ),
    "queue without policy": (queue_attribute(QUEUE, Policy=""), "aws.queue_policy", (), "shuts EventBridge out"),
    "queue policy denies": (queue_policy_denying, "aws.queue_policy", (), "shuts EventBridge out"),
    "queue gone": (
        lambda world: queue_deleted(world, QUEUE),
        "aws.queue",
        ("aws.queue_policy", "aws.dead_letters", "aws.queue_access"),
        "There is no queue",
    ),
    "queue without deduplication": (
        queue_attribute(QUEUE, ContentBasedDeduplication="false"),
        "aws.queue",
        (),
        "no content-based deduplication",
    ),
    "queue not FIFO": (
        lambda world: connection_with(
            world, lambda _world, connection: {"queue_url": connection.queue_url.removesuffix(".fifo")}
        ),
        "connection.values",
        (
            "aws.rule",
            *BEHIND_THE_RULE,
            "aws.queue",
            "aws.dead_letters",
            "aws.queue_access",
        ),
        "not a FIFO queue",
    ),
    "dead-letter queue gone": (
        lambda world: queue_deleted(world, LETTERS),
        "aws.dead_letters",
        (),
        "does not exist",
    ),
    "role does not trust us": (
        lambda world: role_trusts(world, "123123123123", True),
        "aws.role_assumable",
        BEHIND_THE_ROLE,
        "STS denies",
    ),
    "role asks for no external id": (
        lambda world: role_trusts(world, AGENT, False),
        "aws.external_id_required",
        (),
        "without the external id",
    ),
    "credentials of another account": (
        lambda world: connection_with(world, lambda _world, _connection: {"credentials": AmbientCredentials()}),
        "aws.account",
        ("aws.role_assumable", "aws.external_id_required", "aws.queue_access", "registry.read"),
        AGENT,
    ),
    "queue not allowed": (
        lambda world: without_action(world, "wxgov-queue", "sqs:GetQueueAttributes"),
        "aws.queue_access",
        (),
        "AWS denies sqs:GetQueueAttributes",
    ),
    **{
        f"{action} not allowed": (
            lambda world, action=action: without_action(world, "wxgov-registry", f"sagemaker:{action}"),
            "registry.read",
            (),
            f"AWS denied sagemaker:{action}",
        )
        for action in ("Search", "DescribeModelPackage", "DescribeModelPackageGroup")
    },
    "wrong key of the console": (
        lambda world: connection_with(world, wrong_key),
        "console.login",
        BEHIND_THE_LOGIN,
        "",
    ),
    "entity not at the root": (
        lambda world: connection_with(world, child_entity),
        "console.business_entity",
        ("console.permissions",),
        "not at the root",
    ),
    "permission lacking": (login_may_not_write, "console.permissions", (), "may not write"),
    "field missing": (lambda world: connection_with(world, other_field), "console.fields", (), "No Such Field"),
    "default user inactive": (user_inactive, "console.default_user", (), "not active"),
    "profile of another account": (
        profile(f"arn:aws:sagemaker:{REGION}:{AGENT}:user-profile/d-studio/links"),
        "aws.default_profile",
        (),
        AGENT,
    ),
    "profile gone": (
        profile(f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:user-profile/d-studio/nobody"),
        "aws.default_profile",
        (),
        "There is no user profile",
    ),
}
WARNINGS: dict[str, tuple[Break, str, tuple[str, ...], str]] = {
    "connection disabled": (
        lambda world: connection_with(world, lambda _world, _connection: {"enabled": False}),
        "connection.enabled",
        (),
        "disabled",
    ),
    "target without dead-letter queue": (target(DeadLetterConfig=None), "aws.target_dead_letters", (), "is lost"),
    "events that could not be delivered": (
        lambda world: message_in(world, TARGET_LETTERS),
        "aws.target_dead_letters",
        (),
        "1 events",
    ),
    "short retention": (queue_attribute(QUEUE, MessageRetentionPeriod="3600"), "aws.queue", (), "3600 seconds only"),
    "queue without dead-letter queue": (
        queue_attribute(QUEUE, RedrivePolicy=""),
        "aws.dead_letters",
        (),
        "has no dead-letter queue",
    ),
    "messages set aside": (lambda world: message_in(world, LETTERS), "aws.dead_letters", (), "1 messages"),
}


def look(world: World, found: tuple[Break, str, tuple[str, ...], str], status: str) -> dict[str, Any]:
    """The result while the link is broken; check, evidence, mend and what is skipped are as they should be."""
    break_it, name, skipped, words = found
    with break_it(world):
        result = world.run()
    assert standing(result) == {name: status, **dict.fromkeys(skipped, "skipped")}
    (check,) = [check for check in result["reports"][0]["checks"] if check["name"] == name]
    assert words in check["evidence"]
    assert check["mend"]
    secret = world.store.load(NAME).credentials.external_id
    assert not any(text in json.dumps(result) for text in (secret, "demo-api-key", "wrong-api-key"))
    return result


@pytest.mark.parametrize("link", FAILURES)
def test_exactly_the_broken_link_fails(world: World, link: str) -> None:
    result = look(world, FAILURES[link], "failed")
    assert result["failed"]
    assert result["reports"][0]["ok"] is False
    assert result["msg"].startswith(f"{NAME}: {FAILURES[link][1]} failed")


@pytest.mark.parametrize("link", WARNINGS)
def test_what_works_but_needs_a_look_is_a_warning(world: World, link: str) -> None:
    result = look(world, WARNINGS[link], "warning")
    assert "failed" not in result
    assert result["reports"][0]["ok"] is True
    assert result["msg"].startswith(f"{NAME}: {WARNINGS[link][1]} warning")


def test_nothing_is_wrong_with_a_chain_that_was_just_made(world: World) -> None:
    world.aws.clear_calls()
    world.console.clear_calls()
    result = world.run(check=True)
    assert standing(result) == {}
    assert result["changed"] is False
    assert result["msg"] == f"{NAME}: ok (21 checks)."
    calls = world.aws.calls()
    assert sum(calls.values()) == 28
    assert not any(
        name.split(".")[1].startswith(("Create", "Put", "Set", "Delete", "Send", "Receive")) for name in calls
    )
    assert set(world.console.calls()) <= {
        "POST token",
        "POST query",
        "GET types",
        "GET contents/associations",
        "GET contents/permissions/effective",
        "GET scim/Users",
    }


def test_every_check_has_a_link_whose_break_fails_it() -> None:
    """A disabled connection is a warning: somebody wanted it so."""
    assert {name for _break, name, _skipped, _words in FAILURES.values()} == set(ORDER) - {ENABLED}


def test_lists_do_in_the_place_of_search_if_both_are_granted(world: World) -> None:
    with instead_of_search(world, "ListModelPackageGroups", "ListModelPackages"):
        result = world.run(check=True)
    assert standing(result) == {}
    (evidence,) = [one["evidence"] for one in result["reports"][0]["checks"] if one["name"] == "registry.read"]
    assert evidence.endswith("may list the registry and describe what is in it; Search is denied.")
    with instead_of_search(world, "ListModelPackageGroups"):
        result = world.run(check=True)
    assert standing(result) == {"registry.read": "failed"}
    assert "AWS denied sagemaker:ListModelPackages" in result["msg"]


def test_fail_on_decides_what_the_module_makes_of_it(world: World) -> None:
    with message_in(world, LETTERS):
        result = world.run(fail_on="warning")
    assert result["failed"]
    with trail_stopped(world):
        result = world.run(fail_on="never")
    assert "failed" not in result
    assert standing(result) == {"aws.trail": "failed"}


def test_without_an_inspector_what_the_agent_may_not_see_is_skipped(world: World) -> None:
    result = world.run(inspector_role_arn=None)
    assert "failed" not in result
    unseen = ("aws.trail", "aws.rule", *BEHIND_THE_RULE, "aws.dead_letters", "aws.default_profile")
    assert standing(result) == dict.fromkeys(unseen, "skipped")
    assert "8 skipped; Set inspector_role_arn to a role" in result["msg"]
    assert "cloudtrail:DescribeTrails" in result["msg"]


def test_an_inspector_that_cannot_be_assumed_is_a_warning(world: World) -> None:
    result = world.run(inspector_external_id="guessed-external-id")
    unseen = ("aws.rule", *BEHIND_THE_RULE, "aws.queue", "aws.dead_letters", "aws.default_profile")
    assert standing(result) == {"aws.trail": "warning", **dict.fromkeys(unseen, "skipped")}
    assert "inspector_role_arn" in result["msg"]
    assert "guessed-external-id" not in json.dumps(result)


def test_a_process_in_the_account_itself_looks_with_its_own_credentials(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCOUNT)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "root-of-the-account")
    with role_trusts(world, ACCOUNT, True):
        assert standing(world.run(inspector_role_arn=None)) == {}


def test_an_inspector_with_a_bad_arn_is_named(world: World) -> None:
    result = world.run(inspector_role_arn="arn:aws:iam::{account}:role/typo")
    assert result["msg"].startswith('inspector_role_arn: "arn:aws:iam::{account}:role/typo" is not the ARN of a role')
    assert "reports" not in result


def test_aws_settings_of_the_process_that_cannot_be_used_are_said_so(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    result = world.run()
    unusable = {name: check for check in result["reports"][0]["checks"] if (name := check["name"]).startswith("aws.")}
    assert unusable["aws.role_assumable"]["status"] == "failed"
    assert "no-such-profile" in unusable["aws.role_assumable"]["evidence"]
    assert unusable["aws.trail"]["status"] == "skipped"
    assert "no-such-profile" in unusable["aws.trail"]["evidence"]
    assert standing(result)["registry.read"] == "skipped"


def test_two_connections_with_one_entity_and_a_file_that_cannot_be_read(world: World) -> None:
    first = world.store.load(NAME)
    other = replace(first, name="twin")
    world.store.save(other)
    (world.store.path / "torn.json").write_text("{")
    try:
        result = world.run()
        assert [report["connection"] for report in result["reports"]] == [NAME, "torn", "twin"]
        assert [report["ok"] for report in result["reports"]] == [False, False, False]
        assert standing(result, 0) == {"connection.values": "failed"}
        assert standing(result, 1) == {"connection.values": "failed"}
        assert standing(result, 2)["connection.values"] == "failed"
        assert "not valid JSON" in result["msg"]
        only = world.run(connections=["torn"])
        assert [report["connection"] for report in only["reports"]] == ["torn"]
        missing = world.run(connections=["nobody", NAME])
        assert missing["msg"] == "There is no connection nobody; there are: credit, torn, twin."
    finally:
        world.store.remove("twin")
        (world.store.path / "torn.json").unlink()


OPERATIONS = (
    "cloudtrail.DescribeTrails",
    "cloudtrail.GetTrailStatus",
    "cloudtrail.GetEventSelectors",
    "events.ListRuleNamesByTarget",
    "events.DescribeRule",
    "events.ListTargetsByRule",
    "events.TestEventPattern",
    "sqs.GetQueueAttributes",
    "sqs.GetQueueUrl",
    "sagemaker.DescribeUserProfile",
    "sts.GetCallerIdentity",
)


@pytest.mark.parametrize("kind", ["http_html_200", "truncate"])
def test_an_answer_that_is_none_is_never_taken_for_one(world: World, kind: Any) -> None:
    """A proxy's page, or half an answer: neither "it is in order", nor "there is no such thing"."""
    settings = InspectionSettings(InspectorSettings(INSPECTOR_ARN, INSPECTOR_ID))
    for operation in OPERATIONS:
        world.aws.fault(operation, kind, times=100)
        (report,) = inspect_connections(world.store.load_all(), (NAME,), settings, strands=(look_at_chain,))
        world.aws.clear_faults()
        bad = [check for check in report.checks if check.status in ("failed", "warning")]
        assert bad, operation
        told = " ".join(check.evidence for check in bad)
        assert any(words in told for words in ("look for a proxy", "got no answer", "cannot be read")), told
        assert not any(words in told for words in ("There is no", "does not exist", "Disabled", "not logging")), told


def test_the_inspectors_policy_is_enough_and_no_more(world: World) -> None:
    """With it everything is seen; without any one action, something is not."""
    policies = {"look": policy_file("inspector")}
    iam = world.root("iam", ACCOUNT)
    world.aws.enforce_iam()
    with trail_of_read_events(world):  # so that trails of other regions are looked for
        world.run()
    judged = [one for one in world.aws.judgements() if one.principal.endswith(f"role/{INSPECTOR}")]
    assert [one for one in judged if not one.allowed] == []
    assert unused(policies, judged) == []
    settings = InspectionSettings(InspectorSettings(INSPECTOR_ARN, INSPECTOR_ID))
    for grant in grants(policies):
        if grant.action == "cloudtrail:ListTrails":
            continue  # only says more about why no trail covers the region
        document = json.dumps(without(policies, grant)["look"])
        iam.put_role_policy(RoleName=INSPECTOR, PolicyName="look", PolicyDocument=document)
        (report,) = inspect_connections(world.store.load_all(), (NAME,), settings, strands=(look_at_chain,))
        warnings = [check for check in report.checks if check.status == "warning"]
        assert any(grant.action in check.evidence for check in warnings), grant
        assert report.ok
    iam.put_role_policy(RoleName=INSPECTOR, PolicyName="look", PolicyDocument=json.dumps(policies["look"]))
