# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""Intake against the emulator's SQS over HTTP: no message leaves the queue before its key is on disk."""

from __future__ import annotations

import threading

import pytest
from botocore.exceptions import ClientError

from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.burst import HOLD_SECONDS
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.errors import UnreadableQueueAnswerError
from ansible_collections.wxgov.sagemaker.plugins.module_utils.agent.intake import (
    HELD_ATTEMPT,
    Intake,
    held_attempt,
)
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

    def make(self, *, wait_seconds=1, attempt_id=None, **options):
        return Intake(
            make_connection(self.queue.url),
            EventQueue(self.client, self.queue.url, wait_seconds=wait_seconds, attempt_id=attempt_id),
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
    assert rig.journal.backlog("prod").dirty == 10


@pytest.mark.parametrize(("messages", "ready"), [(9, 9), (10, 0)])
def test_keys_of_a_full_batch_wait_for_what_else_is_in_the_queue(rig, tmp_path, messages, ready):
    rig.journal.close()
    rig.journal = Journal(tmp_path / "still.db", clock=lambda: 1_800_000_000.0)
    rig.intake = rig.make()
    for number in range(messages):
        rig.queue.send(event_body(package_arn("credit-risk", number + 1)))
    rig.intake.turn()
    assert rig.journal.backlog("prod").dirty == messages
    assert len(rig.keys()) == ready
    assert rig.journal.seconds_to_next(["prod"]) == (HOLD_SECONDS if ready == 0 else None)


@pytest.mark.parametrize("messages", [10, 25])
def test_a_burst_is_over_when_the_queue_has_no_more_and_then_each_key_is_due(rig, messages):
    """Three keys in turn; a receive that waited for more messages would let those wait that are here."""
    waits = []
    rig.client.meta.events.register(
        "provide-client-params.sqs.ReceiveMessage", lambda params, **_event: waits.append(params["WaitTimeSeconds"])
    )
    for number in range(messages):
        rig.queue.send(event_body(package_arn("credit-risk", number % 3 + 1)))
    for _full in range(messages // 10):
        rig.intake.turn()
        assert rig.keys() == []
    rig.emulator.fault("sqs.ReceiveMessage", "error", times=1, code="ServiceUnavailable", status=503)
    with pytest.raises(ClientError):
        rig.intake.turn()  # what fails is not the end
    assert rig.keys() == []
    rig.intake.turn()
    assert rig.keys() == [package_arn("credit-risk", number + 1) for number in range(3)]
    assert rig.queue.depth() == 0
    rig.intake.turn()
    assert waits == [1, *[0] * (messages // 10 + 1), 1]


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


def polls(rig):
    """Receives that have arrived at the queue."""
    return rig.emulator.calls().get("sqs.ReceiveMessage", 0)


def leave(rig, intake, thread):
    """End an intake as the process's end does: nobody waits for the receive that is under way."""
    intake.stop()
    intake.take_leave()
    assert intake.may_be_left
    assert thread.is_alive(), "its long poll is still under way"


def test_a_stop_need_not_wait_for_the_long_poll_and_loses_nothing_that_comes_at_that_moment(rig):
    intake = rig.make(wait_seconds=20)
    thread = threading.Thread(target=intake.run, daemon=True)
    thread.start()
    wait_until(lambda: polls(rig) == 1)
    leave(rig, intake, thread)
    assert polls(rig) == 2, "one more receive, which does not wait"
    rig.queue.send(event_body(ONE))  # handed out to the receive under way, while the process still lives
    thread.join(60)
    assert rig.keys() == [ONE]
    assert rig.queue.depth() == 0
    assert rig.journal.note("prod", HELD_ATTEMPT), "for what would come after its end"


def hidden(rig):
    """Messages that are in flight."""
    names = ["ApproximateNumberOfMessagesNotVisible"]
    answer = rig.queue.client.get_queue_attributes(QueueUrl=rig.queue.url, AttributeNames=names)
    return int(answer["Attributes"][names[0]])


def test_what_is_handed_out_to_a_process_that_has_gone_is_had_at_once_by_the_next(rig):
    """A receive under way at the end of a process: the next one asks under the same id, which the journal has."""
    first = EventQueue(rig.client, rig.queue.url, wait_seconds=20)
    attempt = first.attempt_id()
    rig.journal.set_note("prod", HELD_ATTEMPT, f"{attempt} {rig.journal.now()}")
    rig.queue.send(event_body(ONE))
    first.receive()  # handed out, and nobody is there to take it
    assert (hidden(rig), rig.queue.depth()) == (1, 1)
    without = rig.make()
    without.turn()
    assert rig.keys() == [], "its group is locked for as long as the message is hidden"
    following = rig.make(attempt_id=held_attempt(rig.journal, "prod"))
    following.turn()
    assert rig.keys() == [ONE]
    assert rig.queue.depth() == 0
    assert held_attempt(rig.journal, "prod") is None, "it is used once"


def test_an_old_note_of_a_receive_is_not_used(rig):
    rig.journal.set_note("prod", HELD_ATTEMPT, f"abc {rig.journal.now() - 241}")
    assert held_attempt(rig.journal, "prod") is None
    assert held_attempt(rig.journal, "other") is None


def test_an_id_that_the_queue_refuses_is_given_up(rig):
    rig.queue.send(event_body(ONE))
    rig.emulator.fault("sqs.ReceiveMessage", "error", code="InvalidParameterValue", status=400)
    intake = rig.make(attempt_id="stale")
    asked = []
    rig.client.meta.events.register(
        "provide-client-params.sqs.ReceiveMessage",
        lambda params, **_event: asked.append(params["ReceiveRequestAttemptId"]),
    )
    with pytest.raises(Exception, match="InvalidParameterValue"):
        intake.turn()
    intake.turn()
    assert asked[0] == "stale" != asked[1]
    assert rig.keys() == [ONE]


def test_a_last_receive_takes_in_what_the_first_one_was_given(rig):
    """The answer to the receive under way is on its way when the end comes: the second one has the same messages."""
    intake = rig.make(wait_seconds=20)
    rig.queue.send(event_body(ONE))
    rig.emulator.fault("sqs.ReceiveMessage", "latency", seconds=3)
    with Running(rig, intake):
        wait_until(lambda: polls(rig) == 1)
        intake.stop()
        intake.take_leave()
        assert rig.keys() == [ONE]
        assert rig.queue.depth() == 0
    assert rig.keys() == [], "and again it is nothing new"


def test_without_a_last_receive_the_one_under_way_is_waited_for(rig):
    intake = rig.make(wait_seconds=2)
    with Running(rig, intake):
        wait_until(lambda: polls(rig) == 1)
        intake.stop()
        rig.emulator.fault("sqs.ReceiveMessage", "reset")
        intake.take_leave()
        assert not intake.may_be_left


def test_nothing_is_received_above_the_limit_and_again_below_it(rig):
    """Row 16 of the fault matrix: a console that is down for long fills the journal only so far."""
    others = [package_arn("others", number + 1) for number in range(10)]
    rig.journal.mark_dirty("prod", others)
    rig.journal.mark_dirty("another", [ONE] * 100)
    intake = rig.make(dirty_limit=10)
    with Running(rig, intake):
        rig.queue.send(event_body(ONE))
        wait_until(lambda: rig.count("intake_pauses") == 1)
        first_look = rig.counters.snapshot().moments["pause"]
        wait_until(lambda: rig.counters.snapshot().moments["pause"] > first_look)  # it is the same pause still
        assert polls(rig) == 0
        assert rig.queue.depth() == 1
        rig.journal.done(rig.journal.take("prod"))
        wait_until(lambda: rig.queue.depth() == 0)
    assert rig.count("intake_pauses") == 1
    assert sorted(rig.keys()) == sorted([*others[1:], ONE])


@pytest.mark.parametrize("size", [262_144])
def test_a_message_as_large_as_may_be_is_taken_in(rig, size):
    """Row 25: 256 KB, poison or not."""
    body = event_body(ONE, padding="x" * (size - len(event_body(ONE)) - 20))
    rig.queue.send(body + " " * (size - len(body)))
    rig.intake.turn()
    rig.queue.send("x" * size)
    rig.emulator.advance(1)
    rig.intake.turn()
    assert rig.keys() == [ONE]
    assert rig.queue.depth() == 0
    (letter,) = rig.queue.dead_letters()
    assert len(letter["Body"]) == size


def test_a_clock_that_is_wrong_is_named_and_left_as_soon_as_it_is_right(rig, caplog):
    """Row 15: AWS refuses signatures of another time."""
    rig.queue.send(event_body(ONE))
    rig.emulator.fault("sqs.ReceiveMessage", "error", times=2, code="RequestTimeTooSkewed", status=403)
    with Running(rig):
        wait_until(lambda: rig.queue.depth() == 0)
    assert rig.keys() == [ONE]
    assert rig.count("queue_errors") == 2
    assert "clock" in rig.counters.snapshot().last_error


class Running:
    """An intake's `run` in a thread; it must end when told to."""

    def __init__(self, rig, intake=None):
        self.intake = intake or rig.intake
        self.thread = threading.Thread(target=self.intake.run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_error):
        self.intake.stop()
        self.thread.join(60)
        assert not self.thread.is_alive()
