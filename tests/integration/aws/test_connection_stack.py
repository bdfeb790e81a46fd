# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""connection_stack against the emulator: the walk as a playbook; faults, kills and bad input in this process."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from tests.emulators.aws.server import AwsEmulator
from tests.harness.playbook import PlayResult
from tests.integration.aws.conftest import ACCOUNT, REGION, SECRET, Account

AGENT = "999988887777"
ROLE = "Aws_Sagemaker_Sqs_Cross_Account_Role"
BASE = "wxgov-sagemaker-alpha"
QUEUES = [f"{BASE}-dlq.fifo", f"{BASE}-target-dlq", f"{BASE}.fifo"]
WHOLE: dict[str, Any] = {
    "connection_name": "alpha",
    "trail": {"create": True},
    "access": {"agent_account_id": AGENT},
    "alarms": {"actions": [f"arn:aws:sns:{REGION}:{ACCOUNT}:governance"]},
}
Run = Callable[..., PlayResult]


def account_numbers(count: int) -> list[str]:
    return [f"{200000000000 + number}" for number in range(count)]


def entries(count: int) -> list[dict[str, Any]]:
    """The option `accounts` for some accounts of the emulator, as their roots."""
    return [
        {"name": f"account{number}", "access_key": number, "secret_key": SECRET} for number in account_numbers(count)
    ]


def snapshot(account: Account) -> dict[str, Any]:
    """What is there, by boto3, without what differs from run to run."""
    sqs, events, iam = account.client("sqs"), account.client("events"), account.client("iam")
    urls = sqs.list_queues().get("QueueUrls", [])
    volatile = {"CreatedTimestamp", "LastModifiedTimestamp"}
    queues = {}
    for url in sorted(urls):
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        queues[url.rsplit("/", 1)[1]] = {
            **{key: value for key, value in found.items() if key not in volatile},
            "tags": sqs.list_queue_tags(QueueUrl=url).get("Tags"),
        }
    rules = {
        rule["Name"]: (
            rule["State"],
            json.loads(rule["EventPattern"]),
            events.list_targets_by_rule(Rule=rule["Name"])["Targets"],
        )
        for rule in events.list_rules()["Rules"]
    }
    roles = {
        role["RoleName"]: sorted(iam.list_role_policies(RoleName=role["RoleName"])["PolicyNames"])
        for role in iam.list_roles()["Roles"]
    }
    alarms = account.client("cloudwatch").describe_alarms()["MetricAlarms"]
    trails = account.client("cloudtrail").describe_trails()["trailList"]
    buckets = account.client("s3").list_buckets()["Buckets"]
    return {
        "queues": queues,
        "rules": rules,
        "roles": roles,
        "alarms": {alarm["AlarmName"]: (alarm["Threshold"], alarm["AlarmActions"]) for alarm in alarms},
        "trails": [trail["Name"] for trail in trails],
        "buckets": [bucket["Name"] for bucket in buckets],
    }


def statuses(entry: dict[str, Any]) -> dict[str, str]:
    return {name: resource["status"] for name, resource in entry["resources"].items()}


def module(name: str, options: dict[str, Any], check: bool = False, to: str = "connection_stack") -> dict[str, Any]:
    return {"name": name, f"wxgov.sagemaker.{to}": options, "check_mode": check, "register": "one"}


# What somebody may do to a chain by hand; each is one resource that the next run must mend.
DRIFT: tuple[tuple[str, dict[str, Any]], ...] = (
    ("sqs_queue", {"name": f"{BASE}.fifo", "visibility_timeout": 99, "policy": {}}),
    ("eventbridge_rule", {"name": BASE, "state": "disabled", "targets": []}),
    ("iam_role", {"name": ROLE, "inline_policies": {}, "purge_inline_policies": True}),
)


def test_the_whole_walk_as_a_playbook(run_playbook: Run, account: Account) -> None:
    """Fresh check → make → nothing → drift → mended → check of absent → absent → absent again."""
    tasks = [
        module("check", WHOLE, check=True),
        module("make", WHOLE),
        module("again", WHOLE),
        *(module("drift", options, to=name) for name, options in DRIFT),
        module("mend", WHOLE),
        module("check absent", {**WHOLE, "state": "absent"}, check=True),
        module("absent", {**WHOLE, "state": "absent"}),
        module("absent again", {**WHOLE, "state": "absent"}),
    ]
    play = {"hosts": "localhost", "gather_facts": False, "tasks": tasks}
    result = run_playbook([play], env=account.environment, diff=True, verbosity=3).check()

    check, made, again = result.one("check"), result.one("make"), result.one("again")
    (promised,), (done,), (nothing,) = check["accounts"], made["accounts"], again["accounts"]
    assert check["changed"] is made["changed"] is True
    assert set(statuses(done).values()) == {"changed", "ok"}
    assert [name for name, status in statuses(done).items() if status == "ok"] == ["native_rule"]
    assert made["operations"] == check["operations"]
    assert comparable(made["diff"]) == comparable(check["diff"])
    assert {key: value for key, value in done["outputs"].items() if key != "external_id"} == {
        key: value for key, value in promised["outputs"].items() if key != "external_id"
    }
    assert promised["outputs"]["external_id"] == "generated-when-the-role-is-made"
    assert again["changed"] is False
    assert again["diff"] == {"before": {}, "after": {}}
    assert nothing["outputs"] == done["outputs"]
    for resource in nothing["resources"].values():
        assert (resource["status"], resource["operations"]) == ("ok", [])
    assert done["calls"] <= 49
    assert nothing["calls"] <= 26

    mended = result.one("mend")["accounts"][0]
    assert {name for name, status in statuses(mended).items() if status == "changed"} == {"role", "queue", "rule"}
    assert mended["outputs"] == done["outputs"]

    gone = result.one("absent")
    order = [step.split(": ")[1:] for step in gone["operations"]]
    assert [step for step in order if step[1].startswith("delete_") and step[0] != "role"] == [
        ["rule", "delete_rule"],
        ["alarms", "delete_alarms"],
        ["target_dead_letter_queue", "delete_queue"],
        ["queue", "delete_queue"],
        ["dead_letter_queue", "delete_queue"],
    ]
    assert order[-1] == ["role", "delete_role"]
    assert result.one("check absent")["operations"] == gone["operations"]
    assert result.one("absent again")["changed"] is False
    left = snapshot(account)
    assert (left.pop("trails"), len(left.pop("buckets"))) == (["wxgov-sagemaker"], 1)
    assert not any(left.values())
    assert len({frozenset(entry) for entry in (promised, done, nothing, mended, gone["accounts"][0])}) == 1


def test_ten_accounts_in_one_task(run_playbook: Run, account: Account) -> None:
    ten = {**WHOLE, "connection_name": None, "alarms": {}, "accounts": entries(10)}
    tasks = [module("check", ten, check=True), module("make", ten), module("again", ten)]
    play = {"hosts": "localhost", "gather_facts": False, "tasks": tasks}
    result = run_playbook([play], env=account.environment).check()
    assert [entry["changed"] for entry in result.one("check")["accounts"]] == [True] * 10
    assert [entry["account_id"] for entry in result.one("make")["accounts"]] == account_numbers(10)
    assert result.one("again")["changed"] is False
    one, *others = [snapshot(Account(account.emulator, number)) for number in account_numbers(10)]
    assert len(one["queues"]) == len(one["alarms"]) == 3
    for number, other in zip(account_numbers(10)[1:], others, strict=True):
        assert text_without(other, number) == text_without(one, account_numbers(1)[0])


def text_without(found: dict[str, Any], number: str) -> str:
    """What is there, with the account's own number and name taken out."""
    return json.dumps(found, sort_keys=True, default=str).replace(number, "ACCOUNT")


def comparable(diff: dict[str, Any]) -> dict[str, Any]:
    """A diff without what AWS chooses: the role's id and its trust, which has the external id."""
    found = json.loads(json.dumps(diff))
    role = found["after"]["alpha"]["role"]
    assert role.pop("role_id", None) is not None
    assert role.pop("assume_role_policy_document")["Statement"][0]["Condition"]["StringEquals"]["sts:ExternalId"]
    return found


def test_the_examples_run_as_printed(run_playbook: Run, account: Account) -> None:
    other = Account(account.emulator, "222233334444")
    iam = other.client("iam")
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": ACCOUNT},
                "Action": "sts:AssumeRole",
                "Condition": {"StringEquals": {"sts:ExternalId": "onboarding-2026"}},
            }
        ],
    }
    iam.create_role(RoleName="onboarding", AssumeRolePolicyDocument=json.dumps(trust))
    from ansible_collections.wxgov.sagemaker.plugins.modules import connection_stack

    tasks = yaml.safe_load(connection_stack.EXAMPLES)
    result = run_playbook(
        [{"hosts": "localhost", "gather_facts": False, "tasks": tasks}], env=account.environment
    ).check()
    documented = yaml.safe_load(connection_stack.RETURN)["accounts"]["contains"]
    entry = result.results[0].result["accounts"][0]
    assert set(entry) == set(documented)
    assert set(entry["outputs"]) == set(documented["outputs"]["contains"])
    (claims,) = (one for one in result.results[2].result["accounts"] if one["name"] == "claims")
    assert (claims["account_id"], claims["region"]) == ("222233334444", "eu-west-1")
    abroad = Account(account.emulator, "222233334444", "eu-west-1")
    assert sorted(snapshot(abroad)["rules"]) == ["wxgov-sagemaker-claims", "wxgov-sagemaker-claims-native"]
    assert snapshot(abroad)["buckets"] == ["wxgov-sagemaker-trail-222233334444-eu-west-1"]
    assert sorted(snapshot(account)["rules"]) == ["wxgov-sagemaker-credit"]


def test_events_of_both_rules_reach_the_queue(account: Account) -> None:
    made = account.succeed("connection_stack", **WHOLE, native_events=True)
    url = made["accounts"][0]["outputs"]["queue_url"]
    account.client("sagemaker").create_model_package_group(ModelPackageGroupName="fraud")
    native = {
        "source": "aws.sagemaker",
        "detail-type": "SageMaker Model Package State Change",
        "detail": {"ModelPackageGroupName": "fraud", "ModelApprovalStatus": "Approved"},
    }
    account.emulator.inject_event(ACCOUNT, REGION, native)
    assert sorted(received(account, url, 2)) == ["AWS API Call via CloudTrail", "SageMaker Model Package State Change"]

    account.succeed("connection_stack", **WHOLE)
    assert sorted(snapshot(account)["rules"]) == [BASE]
    account.emulator.inject_event(ACCOUNT, REGION, native)
    account.client("sagemaker").create_model_package_group(ModelPackageGroupName="churn")
    assert received(account, url, 1) == ["AWS API Call via CloudTrail"]


def received(account: Account, url: str, count: int) -> list[str]:
    """The detail types of the next messages, which are taken from the queue."""
    sqs, found = account.client("sqs"), list[str]()
    while len(found) < count:
        messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=5).get("Messages", [])
        assert messages, f"no further message after {found}"
        for message in messages:
            found.append(json.loads(message["Body"])["detail-type"])
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return found


def test_an_account_without_search_gets_lists_in_its_place(account: Account) -> None:
    account.succeed("connection_stack", **WHOLE)
    options = {**WHOLE, "access": {**WHOLE["access"], "without_search": True}}
    assert account.succeed("connection_stack", **options)["operations"] == ["alpha: role: put_inline_policy"]
    assert account.succeed("connection_stack", **options)["changed"] is False
    policy = account.client("iam").get_role_policy(RoleName=ROLE, PolicyName="wxgov-registry")["PolicyDocument"]
    find = policy["Statement"][0]["Action"]
    assert find == ["sagemaker:ListModelPackageGroups", "sagemaker:ListModelPackages"]


# ---- faults


def test_a_failure_in_one_account_leaves_the_others_alone_and_a_second_run_finishes(account: Account) -> None:
    options = {**WHOLE, "connection_name": None, "accounts": entries(3)}
    account.emulator.fault("events.PutRule", "error", code="ValidationException")
    result = account.run("connection_stack", **options)
    assert result["failed"] is True
    (bad,) = (entry for entry in result["accounts"] if entry["failed"])
    assert {name for name, status in statuses(bad).items() if status == "failed"} == {"rule"}
    assert "not_attempted" not in statuses(bad).values()
    assert result["msg"].startswith("1 of 3 accounts are not finished; run again once it is mended.")
    assert f"{bad['name']}: rule: events:PutRule on wxgov-sagemaker-{bad['name']} failed" in result["msg"]
    assert "Done: native_rule, trail, dead_letter_queue" in result["msg"]
    assert "Traceback" not in result.get("exception", "")

    finished = account.succeed("connection_stack", **options)
    assert [entry["name"] for entry in finished["accounts"] if entry["changed"]] == [bad["name"]]
    assert finished["operations"] == [f"{bad['name']}: rule: create_rule", f"{bad['name']}: rule: put_targets"]


def test_what_needs_a_failed_resource_is_not_attempted(account: Account) -> None:
    account.emulator.fault("sqs.CreateQueue", "error", times=1, code="OverLimit")
    result = account.run("connection_stack", **WHOLE)
    (entry,) = result["accounts"]
    by_status: dict[str, set[str]] = {}
    for name, status in statuses(entry).items():
        by_status.setdefault(status, set()).add(name)
    assert len(by_status["failed"]) == 1
    assert by_status["failed"] < {"dead_letter_queue", "target_dead_letter_queue"}
    assert {"rule", "alarms"} <= by_status["not_attempted"]
    assert "role" in by_status["changed"]
    (broken,) = by_status["failed"]
    assert entry["resources"]["rule"]["error"].startswith("not attempted because of ")
    assert broken in result["msg"]
    assert account.succeed("connection_stack", **WHOLE)["changed"] is True
    assert account.succeed("connection_stack", **WHOLE)["changed"] is False


def test_credentials_that_do_not_work_stop_one_account_only(account: Account) -> None:
    role = {"role_arn": "arn:aws:iam::222233334444:role/nobody", "external_id": "some-id"}
    accounts = [*entries(1), {"name": "closed", "assume_role": role}, {"name": "lost", "profile": "no-such-profile"}]
    options = {**WHOLE, "connection_name": None, "accounts": accounts}
    result = account.run("connection_stack", **options)
    assert result["failed"] is True
    good, closed, lost = result["accounts"]
    assert (good["failed"], closed["failed"], lost["failed"]) == (False, True, True)
    assert closed["error"].startswith(
        "The credentials may not do sts:AssumeRole on arn:aws:iam::222233334444:role/nobody"
    )
    assert "no-such-profile" in lost["error"]
    assert (closed["account_id"], closed["resources"], set(closed)) == ("", {}, set(good))


def test_the_same_connection_twice_is_refused(account: Account) -> None:
    accounts = [{"name": "one"}, {"name": "two"}]
    result = account.run("connection_stack", **WHOLE, accounts=accounts)
    assert "which are the same connection 'alpha' in account 111122223333, us-east-1; leave one out" in result["msg"]
    assert sorted(entry["failed"] for entry in result["accounts"]) == [False, True]


def test_a_missing_permission_is_named_with_its_resource(account: Account) -> None:
    iam = account.client("iam")
    iam.create_user(UserName="runner")
    statement = [
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
        {"Effect": "Deny", "Action": "events:PutTargets", "Resource": "*"},
    ]
    document = {"Version": "2012-10-17", "Statement": statement}
    iam.put_user_policy(UserName="runner", PolicyName="p", PolicyDocument=json.dumps(document))
    key = iam.create_access_key(UserName="runner")["AccessKey"]
    account.emulator.enforce_iam()
    options = {**WHOLE, "access_key": key["AccessKeyId"], "secret_key": key["SecretAccessKey"]}
    result = account.run("connection_stack", **options)
    assert f"The credentials may not do events:PutTargets on {BASE}; allow that action there." in result["msg"]
    details = result["accounts"][0]["resources"]["rule"]["error_details"]
    assert details == {"missing_permission": {"action": "events:PutTargets", "resource": BASE}}

    iam.put_user_policy(
        UserName="runner", PolicyName="p", PolicyDocument=json.dumps({**document, "Statement": statement[:1]})
    )
    assert account.succeed("connection_stack", **options)["operations"] == ["alpha: rule: put_targets"]


def test_five_calls_a_second_are_survived(account: Account) -> None:
    for operation in ("sqs.GetQueueUrl", "sqs.CreateQueue", "events.DescribeRule", "monitoring.DescribeAlarms"):
        account.emulator.throttle(operation, rate=5)
    options = {**WHOLE, "connection_name": None, "accounts": entries(3)}
    result = account.succeed("connection_stack", **options)
    assert sum(account.emulator.throttled_calls().values()) > 0
    assert sum(entry["calls"] for entry in result["accounts"]) > 3 * 49
    assert all(set(statuses(entry).values()) == {"changed", "ok"} for entry in result["accounts"])


def test_reads_that_answer_nonsense_are_no_reason_to_make_things(account: Account) -> None:
    account.succeed("connection_stack", **WHOLE)
    before = snapshot(account)
    account.emulator.fault("events.DescribeRule", "http_html_200")
    result = account.run("connection_stack", **WHOLE)
    assert result["failed"] is True
    assert snapshot(account) == before


# ---- kills


def run_and_die(endpoint: str, after: int) -> None:
    """Run the module and die by SIGKILL at the given AWS request (in a process of its own)."""
    import botocore.httpsession

    send, seen = botocore.httpsession.URLLib3Session.send, [0]

    def count(self: Any, request: Any) -> Any:
        seen[0] += 1
        if seen[0] > after:
            os.kill(os.getpid(), signal.SIGKILL)
        return send(self, request)

    botocore.httpsession.URLLib3Session.send = count
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    account = Account(type("Elsewhere", (), {"endpoint_url": endpoint})())
    account.run("connection_stack", **WHOLE)


def test_killed_at_any_call_the_next_run_finishes(account: Account) -> None:
    """Fifteen kills spread over the calls of a run; then one run must end in what an undisturbed run makes."""
    account.succeed("connection_stack", **WHOLE)
    wanted = snapshot(account)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.integration.aws.test_connection_stack", "boto3"])
    seed = random.Random(7)
    points = sorted(seed.sample(range(2, 48), 15))
    killed = 0
    for turn in range(3):
        account.emulator.reset()
        for after in points[turn::3]:
            child = context.Process(target=run_and_die, args=(account.emulator.endpoint_url, after))
            child.start()
            child.join(60)
            assert child.exitcode in (-signal.SIGKILL, 0)
            killed += child.exitcode != 0
        account.succeed("connection_stack", **WHOLE)
        assert snapshot(account) == wanted
        assert account.succeed("connection_stack", **WHOLE)["changed"] is False
    # A run that has less left to do than the point says comes through; most do not.
    assert killed >= 10


# ---- encryption


def key_statements(account: Account, key: str) -> list[str]:
    policy = account.client("kms").get_key_policy(KeyId=key, PolicyName="default")["Policy"]
    return [statement["Sid"] for statement in json.loads(policy)["Statement"]]


def test_a_key_of_the_customer_is_opened_to_eventbridge_and_closed_again(account: Account) -> None:
    kms, sqs = account.client("kms"), account.client("sqs")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName="alias/governance", TargetKeyId=key)
    before = key_statements(account, key)
    options = {**WHOLE, "kms_master_key_id": "alias/governance"}
    account.succeed("connection_stack", **options)
    assert key_statements(account, key) == [*before, "Wxgov EventBridge alpha"]
    for name in QUEUES:
        url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        assert found["KmsMasterKeyId"] == "alias/governance"
    assert account.succeed("connection_stack", **options)["changed"] is False
    account.succeed("connection_stack", **options, state="absent")
    assert key_statements(account, key) == before


@pytest.mark.parametrize("key", ["alias/missing", "00000000-0000-0000-0000-000000000000"])
def test_a_key_that_is_not_there_stops_the_rule(account: Account, key: str) -> None:
    message = account.refuse("connection_stack", **WHOLE, kms_master_key_id=key)
    assert f"kms_master_key_id is {key!r}, but there is no such key in this account and region" in message
    assert snapshot(account)["rules"] == {}


# ---- bad input


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({}, "connection_name is ''; it has 1 to 40 letters"),
        ({"accounts": [{"name": "a"}, {"name": "a"}]}, "accounts has the name 'a' twice"),
        ({"accounts": [{"name": "a", "access": {}}]}, "a: access.agent_account_id is ''"),
        ({"connection_name": "a", "concurrency": 0}, "concurrency is 0; it must be from 1 to 64"),
        ({"accounts": [{"name": "a", "region": "us-east-9"}]}, "a: The region 'us-east-9' does not exist"),
        ({"connection_name": "a", "max_receive_count": 1001}, "max_receive_count is 1001; it must be from 1 to 1000"),
        ({"accounts": [{"name": "a", "access_key": "k"}]}, "parameters are required together: access_key, secret_key"),
    ],
)
def test_bad_input_is_refused_before_anything_is_made(account: Account, options: dict[str, Any], sentence: str) -> None:
    assert sentence in account.refuse("connection_stack", **options)
    assert set(account.emulator.calls()) <= {"sts.GetCallerIdentity"}


def test_without_a_trail_nothing_is_made(account: Account) -> None:
    message = account.refuse("connection_stack", **{**WHOLE, "trail": None})
    assert "No CloudTrail trail covers us-east-1" in message
    assert "Not attempted: dead_letter_queue (because of trail)" in message
    assert not any(snapshot(account).values())
    account.succeed("connection_stack", **{**WHOLE, "trail": {"require": False}})
    assert sorted(snapshot(account)["queues"]) == QUEUES


def test_an_emulator_of_many_accounts_is_what_these_tests_run_on(aws: AwsEmulator) -> None:
    """Two accounts do not see each other; without that, the tests above would prove little."""
    Account(aws, "200000000000").client("sqs").create_queue(QueueName="q")
    assert Account(aws, "200000000001").client("sqs").list_queues().get("QueueUrls", []) == []
