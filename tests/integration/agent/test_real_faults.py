# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults around an agent with the real synchronisation: it goes on by itself, and in the end both sides are equal.

Its sweeps are blind (but where a test says otherwise), so that a change whose event it lost would stay lost.
"""

from __future__ import annotations

import datetime
import json
import urllib.request

import boto3
import pytest

from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.model import (
    AssumeRole,
    ConsoleEndpoint,
)
from tests.emulators.console.server import ConsoleEmulator
from tests.integration.agent.conftest import end
from tests.integration.agent.network import Network, StallingProxy, TlsFront
from tests.integration.agent.support import ACCOUNT, REGION, wait_until
from tests.integration.agent.two_sides import TwoSides
from tests.unit.module_utils.console.test_tls import certificate

HURRY = {"WXGOV_TEST_HURRY": "1"}
BLIND = {**HURRY, "WXGOV_TEST_BLIND": "1"}


@pytest.fixture
def sides(home, console):
    made = TwoSides(home.emulator, console, seed=11)
    for _package in range(3):
        made.register()
    yield made
    made.close()


def endpoint(url, **options):
    """The emulated console at another address; its tokens are to be had there, too."""
    login = {"api_key": "demo-api-key", "instance_id": "demo-instance", "token_url": url}
    return ConsoleEndpoint(url, "mcsp", login, **options)


def counts(home, name="prod"):
    return home.connection(name).get("counts", {})


def page(home):
    """What the status page is made of."""
    with urllib.request.urlopen(f"{home.status()['listening']}/api/status", timeout=30) as answer:
        return json.load(answer)


def in_step(home, sides, name="prod"):
    """Wait until everything that was told has arrived, once each."""
    wait_until(lambda: home.connection(name).get("dirty") == 0 and counts(home, name)["received"] >= sides.changes)
    wait_until(lambda: sides.differences() == [])


def test_a_network_that_fails_on_either_side_is_survived_without_a_restart(home, console, sides):
    """Row 8: packets are dropped, connections stay half-open, and no name can be looked up."""
    hosts = home.folder / "hosts"
    hosts.write_text("console.test aws.test")
    with Network("127.0.0.1", console.port) as to_console, Network("127.0.0.1", home.emulator.port) as to_aws:
        console_url = to_console.url.replace("127.0.0.1", "console.test")
        home.store.save(sides.connection(console=endpoint(console_url, allow_http=True)))
        aws_url = to_aws.url.replace("127.0.0.1", "aws.test")
        agent = home.start(module="real_agent", AWS_ENDPOINT_URL=aws_url, WXGOV_TEST_HOSTS=str(hosts), **BLIND)
        in_step(home, sides)

        def fails(counter, fail, heal):
            known = counts(home)[counter]
            fail()
            sides.decide(sides.packages[0])
            sides.register()
            wait_until(lambda: counts(home)[counter] > known)
            heal()
            home.emulator.advance(31)  # what was handed out to a connection that died is to be had again
            in_step(home, sides)

        def forget_hosts():
            hosts.write_text("")
            for network in (to_console, to_aws):
                network.refuse()
                network.heal()  # a lookup is made for each new connection

        fails("reconcile_failures", to_console.silence, to_console.heal)
        fails("queue_errors", to_aws.silence, to_aws.heal)
        fails("queue_errors", forget_hosts, lambda: hosts.write_text("console.test aws.test"))
        assert end(agent) == 0
    assert sides.queue.dead_letters() == []


def test_certificates_that_end_are_named_and_their_renewal_is_noticed(home, console, sides, tmp_path):
    """Row 8."""
    ended, good = tmp_path / "ended", tmp_path / "good"
    for folder in (ended, good):
        folder.mkdir()
    day = datetime.timedelta(days=1)
    old, new = certificate(ended, age=2 * day, ends_in=-day), certificate(good)
    both = tmp_path / "authorities.pem"
    both.write_bytes(old[0].read_bytes() + new[0].read_bytes())
    fronts = [TlsFront("127.0.0.1", port, *new) for port in (console.port, home.emulator.port)]
    with fronts[0] as to_console, fronts[1] as to_aws:
        home.store.save(sides.connection(console=endpoint(to_console.url, ca_path=str(both))))
        agent = home.start(module="real_agent", AWS_ENDPOINT_URL=to_aws.url, AWS_CA_BUNDLE=str(both), **BLIND)
        in_step(home, sides)
        for front, counter in ((to_console, "reconcile_failures"), (to_aws, "queue_errors")):
            known = counts(home)[counter]
            front.present(*old)
            sides.register()
            wait_until(lambda counter=counter, known=known: counts(home)[counter] > known)
            wait_until(lambda: "certificate" in home.connection()["last_error"])
            front.present(*new)
            home.emulator.advance(31)
            in_step(home, sides)
        assert end(agent) == 0


HOST_ACCOUNT = "444455556666"


class Role:
    """The role of a connection, in the registry's account; the agent's host is in another one."""

    def __init__(self, emulator):
        self.iam = boto3.client(
            "iam",
            endpoint_url=emulator.endpoint_url,
            region_name=REGION,
            aws_access_key_id=ACCOUNT,
            aws_secret_access_key="x",
        )
        self.arn = self.iam.create_role(RoleName="agent", AssumeRolePolicyDocument=self._trust("nobody-at-all"))[
            "Role"
        ]["Arn"]

    def _trust(self, external_id):
        statement = {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{HOST_ACCOUNT}:root"},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"sts:ExternalId": external_id}},
        }
        return json.dumps({"Version": "2012-10-17", "Statement": [statement]})

    def trust(self, external_id):
        self.iam.update_assume_role_policy(RoleName="agent", PolicyDocument=self._trust(external_id))


def test_a_role_that_is_refused_and_a_session_that_ends_are_survived_without_a_restart(home, sides):
    """Row 11: refused at the start; granted; its session ends while nobody may take a new one; granted again."""
    role, ahead = Role(home.emulator), home.folder / "ahead"
    ahead.write_text("0")
    home.store.save(sides.connection(credentials=AssumeRole(role.arn, "tenant-7")))
    host = {"AWS_ACCESS_KEY_ID": HOST_ACCOUNT, "AWS_SECRET_ACCESS_KEY": "x", "WXGOV_TEST_CLOCK": str(ahead)}
    agent = home.start(module="real_agent", **BLIND, **host)
    refusal = f"The role {role.arn} of the connection prod cannot be assumed (AccessDenied)"
    wait_until(lambda: refusal in (home.connection().get("last_error") or ""))
    role.trust("tenant-7")
    in_step(home, sides)
    role.trust("somebody-else")
    for step in (3010, 600):  # within the last ten minutes of the session, and after its end
        ahead.write_text(str(int(ahead.read_text()) + step))
        home.emulator.advance(step)
        known = counts(home)["queue_errors"]
        wait_until(lambda known=known: counts(home)["queue_errors"] > known)  # the receive under way has ended
        home.emulator.clear_calls()
        sides.register()
        known = counts(home)["queue_errors"]
        wait_until(lambda known=known: counts(home)["queue_errors"] >= known + 3)
        calls = home.emulator.calls()
        assert refusal in home.connection()["last_error"]
        assert "sqs.ReceiveMessage" not in calls, "nothing is asked with a session that ends"
        wait_until(lambda calls=calls, known=known: counts(home)["queue_errors"] - known >= calls["sts.AssumeRole"] - 2)
    role.trust("tenant-7")
    in_step(home, sides)
    assert agent.poll() is None
    assert not any(line["level"] == "critical" for line in home.log_lines())
    assert end(agent) == 0


def lay_chain(home, sides):
    """What brings the registry's calls to the queue: a trail and a rule; returns their clients."""
    clients = {
        service: boto3.client(
            service,
            endpoint_url=home.emulator.endpoint_url,
            region_name=REGION,
            aws_access_key_id=ACCOUNT,
            aws_secret_access_key="x",
        )
        for service in ("s3", "cloudtrail", "events", "sqs")
    }
    clients["s3"].create_bucket(Bucket="trail")
    clients["cloudtrail"].create_trail(Name="writes", S3BucketName="trail")
    clients["cloudtrail"].start_logging(Name="writes")
    pattern = {"source": ["aws.sagemaker"], "detail-type": ["AWS API Call via CloudTrail"]}
    rule = clients["events"].put_rule(Name="registry", EventPattern=json.dumps(pattern))["RuleArn"]
    asked = clients["sqs"].get_queue_attributes(QueueUrl=sides.queue.url, AttributeNames=["QueueArn"])
    queue_arn = asked["Attributes"]["QueueArn"]
    target = {"Id": "queue", "Arn": queue_arn, "SqsParameters": {"MessageGroupId": "wxgov"}}
    clients["events"].put_targets(Rule="registry", Targets=[target])
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue_arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": rule}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    clients["sqs"].set_queue_attributes(QueueUrl=sides.queue.url, Attributes={"Policy": policy})
    return clients


def test_sweeps_repair_what_a_broken_chain_loses_and_health_tells_of_it(home, console):
    """Row 17: the queue is purged, the rule disabled, the trail off."""
    home.configure(listen="127.0.0.1:0", incremental_sweep_seconds=1)
    sides = TwoSides(home.emulator, console, seed=17)
    home.store.save(sides.connection())
    chain = lay_chain(home, sides)
    agent = home.start(module="real_agent", **HURRY)
    package = sides.register(tell=False)

    def told():
        return counts(home)["touched"]

    def unannounced():
        return counts(home)["unannounced"]

    def health():
        with urllib.request.urlopen(f"{home.status()['listening']}/readyz", timeout=30) as answer:
            return answer.status, json.load(answer)

    def changes_by_sweep():
        known = unannounced()
        sides.decide(package, tell=False)
        wait_until(lambda: sides.differences() == [])
        wait_until(lambda: unannounced() > known)

    def changes_by_event():
        """Until one does: a sweep may be faster."""
        known = told()
        sides.decide(package, tell=False)
        wait_until(lambda: told() > known)
        wait_until(lambda: sides.differences() == [])

    wait_until(lambda: sides.differences() == [])
    changes_by_event()
    home.emulator.fault("sqs.ReceiveMessage", "error", times=10_000, code="AccessDenied", status=403)
    known = counts(home)["queue_errors"]
    wait_until(lambda: counts(home)["queue_errors"] > known)
    changes_by_sweep()
    chain["sqs"].purge_queue(QueueUrl=sides.queue.url)
    assert sides.queue.depth() == 0
    home.emulator.clear_faults()
    changes_by_event()
    for loses, mends in (
        (lambda: chain["events"].disable_rule(Name="registry"), lambda: chain["events"].enable_rule(Name="registry")),
        (
            lambda: chain["cloudtrail"].stop_logging(Name="writes"),
            lambda: chain["cloudtrail"].start_logging(Name="writes"),
        ),
    ):
        loses()
        heard = told()
        changes_by_sweep()
        changes_by_sweep()
        wait_until(lambda: health() == (200, {**health()[1], "status": "degraded", "no_events": ["prod"]}))
        assert any("no event told of" in trouble["what"] for trouble in page(home)["troubles"])
        assert told() == heard
        mends()
        changes_by_event()
        wait_until(lambda: health()[1]["status"] == "ok")
        assert page(home)["troubles"] == []
    assert end(agent) == 0
    sides.close()
    for client in chain.values():
        client.close()


@pytest.fixture
def own_console():
    """A console that a test may stop: the other one is every test's."""
    with ConsoleEmulator() as emulator:
        yield emulator


def test_a_console_that_is_down_under_load_is_caught_up_with(home, own_console):
    """Row 16: intake goes on until the journal is full; nothing is lost, doubled or received twice."""
    home.configure(listen="127.0.0.1:0", dirty_limit=12)
    sides = TwoSides(home.emulator, own_console, seed=5)
    home.store.save(sides.connection())
    for _package in range(3):
        sides.register()
    agent = home.start(module="real_agent", **BLIND)
    in_step(home, sides)

    def seen():
        (connection,) = page(home)["connections"]
        return connection

    own_console.stop()
    for _package in range(4):
        sides.register()
    sides.decide(sides.packages[0])
    wait_until(lambda: seen()["breaker"] != "closed")
    wait_until(lambda: counts(home)["received"] == sides.changes)
    assert (counts(home)["intake_pauses"], home.connection()["dirty"]) == (0, 5), "the intake has gone on"
    while not counts(home)["intake_pauses"]:
        sides.register()  # one at a time, so that the limit is met rather than jumped over
        told = sides.changes
        wait_until(lambda told=told: counts(home)["received"] >= told or counts(home)["intake_pauses"])
    for _package in range(30):
        sides.register()
    paused_at = seen()["seen"]["moments"]["pause"]
    home.emulator.clear_calls()
    wait_until(lambda: seen()["seen"]["moments"]["pause"] != paused_at)  # it has looked again
    assert "sqs.ReceiveMessage" not in home.emulator.calls()
    assert 30 <= sides.queue.depth() == sides.changes - counts(home)["deleted"]
    assert sides.hidden() == 0
    assert home.connection()["dirty"] >= 12  # looked up once a second, so that some may have come in meanwhile
    assert [trouble["severity"] for trouble in page(home)["troubles"]] == ["critical", "critical"]
    own_console.start()
    in_step(home, sides)
    assert seen()["breaker"] == "closed"
    found = counts(home)
    assert (found["received"], found["deleted"], found["dead_lettered"]) == (sides.changes, sides.changes, 0)
    assert (found["intake_pauses"], found["queue_errors"], found["journal_errors"]) == (1, 0, 0)
    assert sides.queue.depth() == 0
    assert sides.queue.dead_letters() == []
    assert page(home)["troubles"] == []
    assert end(agent) == 0
    sides.close()


def test_ten_connections_of_which_three_are_broken_do_not_keep_each_other_waiting(home, console):
    """A credential is refused, a queue is gone, a registry never answers; the other seven are in step."""
    home.configure(workers=16, grace_seconds=0)
    accounts = {f"account-{number}": f"1111000000{number:02}" for number in range(10)}
    refused, gone, hung, *good = accounts
    with StallingProxy("127.0.0.1", home.emulator.port, accounts[hung]) as registry:
        every = {name: TwoSides(home.emulator, console, 3, account, name) for name, account in accounts.items()}
        broken = {refused: {"credentials": AssumeRole("arn:aws:iam::111100000000:role/none", None)}}
        for name, sides in every.items():
            home.store.save(sides.connection(**broken.get(name, {})))
        every[gone].queue.client.delete_queue(QueueUrl=every[gone].queue.url)
        host = {"AWS_ACCESS_KEY_ID": HOST_ACCOUNT, "AWS_SECRET_ACCESS_KEY": "x"}
        agent = home.start(module="real_agent", AWS_ENDPOINT_URL_SAGEMAKER=registry.url, WXGOV_TEST_BLIND="1", **host)
        wait_until(lambda: all(home.connection(name).get("state") == "running" for name in accounts))
        for _package in range(20):  # more than there are workers
            every[hung].register()
        wait_until(lambda: counts(home, hung).get("received") == 20 and registry.stalled >= 5)
        for _round in range(2):
            for name in (refused, *good):
                every[name].register()
                every[name].register()
            for name in good:
                in_step(home, every[name], name)
        for name in good:
            found = counts(home, name)
            assert (found["received"], found["queue_errors"], found["reconcile_failures"]) == (4, 0, 0)
            assert home.connection(name)["last_error"] is None
        assert counts(home, refused)["queue_errors"] >= 1
        assert "cannot be assumed" in home.connection(refused)["last_error"]
        assert counts(home, gone)["queue_errors"] >= 1
        assert home.connection(hung)["dirty"] == 20, "it waits in the journal"
        assert (home.connection(hung)["outcomes"], counts(home, hung)["reconcile_failures"]) == ({}, 0), "it hangs"
        assert end(agent) == 0
    for sides in every.values():
        sides.close()
