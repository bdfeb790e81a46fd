# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Intake against the emulator's SQS over HTTP: no message leaves the queue before its key is on disk."""

from __future__ import annotations

import threading

import pytest

from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.errors import UnreadableQueueAnswerError
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.intake import Intake
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.journal import Journal
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.queue import EventQueue
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.status import Counters
from tests.integration.agent.support import (
    create_queue,
    event_body,
    make_connection,
    package_arn,
    sqs_client,
    wait_until,
)

ONE, TWO = package_arn("credit-risk", 1), package_arn("credit-risk", 2)


class Rig:
    """One connection's intake, with its queue and journal in reach."""

    def __init__(self, emulator, folder, queue):
        self.emulator = emulator
        self.queue = queue
        self.client = sqs_client(emulator.endpoint_url)
        self.journal = Journal(folder / "state.db")
        self.counters = Counters()
        self.steps = []
        self.at = {}
        self.outages = []
        self.now = None
        self.intake = self.make()
        emulator.clear_calls()

    def make(self, **options):
        return Intake(
            make_connection(self.queue.url),
            EventQueue(self.client, self.queue.url, wait_seconds=1),
            self.journal,
            self.counters,
            on_outage=self.outages.append,
            step=self.step,
            jitter=lambda low, high: 0.01,
            **options,
        )

    def step(self, name):
        self.steps.append(name)
        self.at.pop(name, lambda: None)()

    def keys(self):
        found = []
        while (lease := self.journal.take("prod")) is not None:
            found.append(lease.key)
            self.journal.done(lease)
        return found

    def count(self, name):
        return self.counters.snapshot().counts[name]


@pytest.fixture
def rig(aws, tmp_path):
    made = Rig(aws, tmp_path, create_queue(aws.endpoint_url))
    yield made
    made.journal.close()


def test_an_event_costs_one_receive_and_one_delete(rig):
    rig.queue.send(event_body(ONE))
    rig.emulator.clear_calls()
    rig.intake.turn()
    assert rig.emulator.calls() == {"sqs.ReceiveMessage": 1, "sqs.DeleteMessageBatch": 1}
    assert rig.keys() == [ONE]
    assert rig.queue.depth() == 0


def test_ten_events_cost_as_many_calls_as_one(rig):
    for number in range(10):
        rig.queue.send(event_body(package_arn("credit-risk", number + 1)))
    rig.emulator.clear_calls()
    rig.intake.turn()
    assert rig.emulator.calls() == {"sqs.ReceiveMessage": 1, "sqs.DeleteMessageBatch": 1}
    assert len(rig.keys()) == 10


def test_duplicates_and_any_order_end_in_one_key(rig):
    bodies = [event_body(ONE), event_body(ONE, "delete_model_package"), event_body(ONE, "create_model_package")]
    for body in (*bodies, *reversed(bodies)):
        rig.queue.send(body)
    rig.intake.turn()
    assert rig.keys() == [ONE]
    assert rig.queue.depth() == 0


def test_keys_are_on_disk_before_the_messages_are_deleted(rig):
    rig.queue.send(event_body(ONE))
    seen = []
    rig.at["journaled"] = lambda: seen.append((rig.queue.depth(), rig.journal.backlog("prod").dirty))
    rig.intake.turn()
    assert seen == [(1, 1)]


def test_irrelevant_events_are_deleted_and_counted(rig):
    rig.queue.send(event_body(ONE, errorCode="ConflictException"))
    rig.queue.send(event_body(ONE.replace("111122223333", "999999999999")))
    rig.intake.turn()
    assert rig.keys() == []
    assert rig.queue.depth() == 0
    assert rig.count("irrelevant") == 2


def test_poison_goes_to_the_dead_letter_queue_with_its_reason_and_blocks_nothing(rig):
    rig.queue.send("this is not JSON")
    rig.queue.send(event_body(ONE))
    rig.intake.turn()
    assert rig.keys() == [ONE]
    assert rig.queue.depth() == 0
    (letter,) = rig.queue.dead_letters()
    assert letter["Body"] == "this is not JSON"
    assert letter["MessageAttributes"]["Reason"]["StringValue"] == "it is not JSON"
    assert rig.count("dead_lettered") == 1


def test_the_dead_letter_queue_is_looked_up_once(rig):
    for number in range(3):
        rig.queue.send(f"poison {number}")
        rig.intake.turn()
    calls = rig.emulator.calls()
    assert (calls["sqs.GetQueueAttributes"], calls["sqs.GetQueueUrl"]) == (1, 1)


def test_poison_stays_until_its_copy_is_safe(rig):
    rig.queue.send("poison")
    rig.queue.send(event_body(ONE))
    rig.emulator.fault("sqs.SendMessage", "error", code="InternalError", status=500)
    rig.intake.turn()
    assert rig.keys() == [ONE]
    assert rig.queue.depth() == 1
    assert rig.count("dead_lettered") == 0
    rig.emulator.advance(31)
    rig.intake.turn()
    assert rig.queue.depth() == 0
    assert len(rig.queue.dead_letters()) == 1


def test_a_copy_whose_answer_was_lost_is_not_made_twice(rig):
    rig.queue.send("poison")
    rig.emulator.fault("sqs.SendMessage", "lost_response")
    rig.intake.turn()
    assert rig.queue.depth() == 1
    rig.emulator.advance(31)
    rig.intake.turn()
    assert rig.queue.depth() == 0
    assert len(rig.queue.dead_letters()) == 1


def test_poison_without_a_dead_letter_queue_is_discarded_so_that_it_blocks_nothing(aws, tmp_path):
    rig = Rig(aws, tmp_path, create_queue(aws.endpoint_url, redrive=False))
    rig.queue.send("poison")
    rig.intake.turn()
    assert rig.queue.depth() == 0
    assert rig.count("discarded") == 1
    rig.journal.close()


@pytest.mark.parametrize("kind", ["http_html_200", "truncate"])
def test_a_successful_answer_that_is_garbage_is_an_error_and_loses_nothing(rig, kind):
    rig.queue.send(event_body(ONE))
    rig.emulator.fault("sqs.ReceiveMessage", kind)
    with pytest.raises(UnreadableQueueAnswerError, match="not one of SQS"):
        rig.intake.turn()
    assert rig.keys() == []
    assert "receive" not in rig.counters.snapshot().moments, "it does not count as an answer of the queue"
    rig.intake.turn()
    assert rig.keys() == [ONE]


def test_messages_whose_answer_was_lost_come_again_at_once(rig):
    rig.queue.send(event_body(ONE))
    rig.emulator.fault("sqs.ReceiveMessage", "lost_response")
    with pytest.raises(Exception, match="closed"):
        rig.intake.turn()
    rig.intake.turn()  # without the same ReceiveRequestAttemptId the group is locked for 30 s
    assert rig.keys() == [ONE]
    assert rig.queue.depth() == 0


def test_the_id_of_an_attempt_is_kept_until_there_is_an_answer_and_then_renewed(rig):
    asked = []
    rig.client.meta.events.register(
        "provide-client-params.sqs.ReceiveMessage",
        lambda params, **_event: asked.append(params["ReceiveRequestAttemptId"]),
    )
    rig.emulator.fault("sqs.ReceiveMessage", "reset", times=2)
    for _time in range(2):
        with pytest.raises(Exception, match="closed"):
            rig.intake.turn()
    for _time in range(2):
        rig.queue.send(event_body(ONE))
        rig.intake.turn()
    assert asked[0] == asked[1] == asked[2] != asked[3]


def test_a_deletion_whose_answer_was_lost_does_no_harm(rig):
    rig.queue.send(event_body(ONE))
    rig.emulator.fault("sqs.DeleteMessageBatch", "lost_response")
    with pytest.raises(Exception, match="closed"):
        rig.intake.turn()
    rig.intake.turn()
    assert rig.keys() == [ONE]
    assert rig.queue.depth() == 0


def test_expired_handles_are_harmless(rig):
    rig.queue.send(event_body(ONE))
    rig.at["journaled"] = lambda: rig.emulator.advance(31)
    rig.intake.turn()
    assert rig.count("delete_failures") == 1
    assert rig.queue.depth() == 1
    rig.intake.turn()
    assert rig.queue.depth() == 0
    assert rig.keys() == [ONE]


def test_a_partial_failure_of_a_deletion_is_seen_and_only_that_message_comes_again(rig):
    handles = {}

    def remember(parsed, **_event):
        handles.update({message["Body"]: message["ReceiptHandle"] for message in parsed.get("Messages", ())})

    rig.client.meta.events.register("after-call.sqs.ReceiveMessage", remember)
    first, second = event_body(ONE), event_body(TWO)
    rig.queue.send(first, group="a")
    rig.queue.send(second, group="b")

    def expire_one():
        rig.queue.client.change_message_visibility(
            QueueUrl=rig.queue.url, ReceiptHandle=handles[first], VisibilityTimeout=0
        )

    rig.at["journaled"] = expire_one
    rig.intake.turn()
    assert (rig.count("deleted"), rig.count("delete_failures")) == (1, 1)
    rig.intake.turn()
    assert rig.queue.depth() == 0
    assert sorted(rig.keys()) == [ONE, TWO]


@pytest.mark.parametrize("operation", ["sqs.ReceiveMessage", "sqs.DeleteMessageBatch"])
def test_the_intake_goes_on_after_any_failure(rig, operation):
    rig.queue.send(event_body(ONE))
    for kind in ("error", "reset", "http_html_200"):
        rig.emulator.fault(operation, kind, code="RequestThrottled", status=400)
    with Running(rig):
        wait_until(lambda: bool(rig.journal.backlog("prod").dirty))
        wait_until(lambda: rig.emulator.advance(31) and rig.queue.depth() == 0)
        wait_until(lambda: rig.count("received") >= 1)
    assert rig.keys() == [ONE]


def test_a_queue_that_is_deleted_and_made_again_is_used_again(rig):
    with Running(rig):
        wait_until(lambda: rig.emulator.calls().get("sqs.ReceiveMessage", 0) >= 1)
        rig.queue.client.delete_queue(QueueUrl=rig.queue.url)
        wait_until(lambda: rig.count("queue_errors") >= 1)
        rig.emulator.advance(61)
        again = create_queue(rig.emulator.endpoint_url)
        again.send(event_body(TWO))
        wait_until(lambda: rig.journal.backlog("prod").dirty == 1)
    assert rig.keys() == [TWO]


def test_nothing_is_deleted_or_received_while_the_journal_cannot_be_written(rig):
    rig.queue.send(event_body(ONE))
    rig.at["received"] = lambda: rig.journal._database.execute("PRAGMA query_only = ON")
    with Running(rig):
        wait_until(lambda: rig.count("journal_errors") >= 3)
        calls = rig.emulator.calls()
        assert calls["sqs.ReceiveMessage"] == 1
        assert "sqs.DeleteMessageBatch" not in calls
        rig.journal._database.execute("PRAGMA query_only = OFF")
        wait_until(lambda: rig.queue.depth() == 0)
    assert rig.keys() == [ONE]


def test_a_stop_while_the_journal_cannot_be_written_leaves_the_message_in_the_queue(rig):
    rig.queue.send(event_body(ONE))
    rig.at["received"] = lambda: rig.journal._database.execute("PRAGMA query_only = ON")
    with Running(rig):
        wait_until(lambda: rig.count("journal_errors") >= 1)
    assert rig.queue.depth() == 1
    rig.journal._database.execute("PRAGMA query_only = OFF")
    rig.emulator.advance(31)
    rig.make().turn()
    assert rig.keys() == [ONE]


def test_a_stop_during_a_receive_still_takes_in_what_it_brings(rig):
    with Running(rig):
        wait_until(lambda: rig.emulator.calls().get("sqs.ReceiveMessage", 0) >= 1)
        rig.intake.stop()
        rig.queue.send(event_body(ONE))
    assert rig.keys() == [ONE]
    assert rig.queue.depth() == 0
    assert rig.emulator.calls()["sqs.ReceiveMessage"] == 1


def test_a_silence_is_reported_with_its_length_when_the_queue_answers_again(rig):
    moments = iter([1000.0, 1020.0, 701_020.0])
    intake = rig.make(clock=lambda: next(moments))
    intake.turn()
    intake.turn()
    assert rig.outages == [20.0, 700_000.0]


def test_the_lag_of_the_last_event_is_known(rig):
    rig.queue.send(event_body(ONE, eventTime="2026-10-22T09:10:13Z"))
    rig.make(clock=lambda: 1_792_660_313.0).turn()
    assert rig.counters.snapshot().event_lag == 100.0


class Running:
    """The intake's `run` in a thread; it must end when told to."""

    def __init__(self, rig):
        self._rig = rig
        self._thread = threading.Thread(target=rig.intake.run)

    def __enter__(self):
        self._thread.start()

    def __exit__(self, *_error):
        self._rig.intake.stop()
        self._thread.join(10)
        assert not self._thread.is_alive()
