# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""What SQS does and stock moto does not: one probe a mend."""

from __future__ import annotations

import json
from typing import Any

from tests.unit.emulators.aws.clouds import ACCOUNT, OTHER, Cloud, error_code

FIFO = {"FifoQueue": "true", "VisibilityTimeout": "30"}
HIGH_THROUGHPUT = {**FIFO, "DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"}


def queue(cloud: Cloud, name: str = "probe.fifo", account: str = ACCOUNT, **attributes: str) -> tuple[Any, str]:
    """(client, QueueUrl) of a new queue; FIFO attributes where the name says so."""
    sqs = cloud.client("sqs", account)
    given = {**(FIFO if name.endswith(".fifo") else {}), **attributes}
    return sqs, sqs.create_queue(QueueName=name, Attributes=given)["QueueUrl"]


def attributes_of(sqs: Any, url: str) -> dict[str, str]:
    attributes: dict[str, str] = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return attributes


def send(sqs: Any, url: str, body: str, group: str = "A", deduplication: str | None = None) -> dict[str, Any]:
    answer: dict[str, Any] = sqs.send_message(
        QueueUrl=url, MessageBody=body, MessageGroupId=group, MessageDeduplicationId=deduplication or f"{group}{body}"
    )
    return answer


def receive(sqs: Any, url: str, **options: Any) -> list[dict[str, Any]]:
    answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["All"], **options)
    messages: list[dict[str, Any]] = answer.get("Messages", [])
    return messages


def bodies(messages: list[dict[str, Any]]) -> list[str]:
    return [message["Body"] for message in messages]


def allow(arn: str, principal: dict[str, str], action: str = "sqs:*") -> str:
    statement = {"Effect": "Allow", "Principal": principal, "Action": action, "Resource": arn}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


# ---- attributes


def mend_policy_survives_setting_another_attribute(cloud: Cloud) -> None:
    sqs, url = queue(cloud, "probe")
    policy = allow(attributes_of(sqs, url)["QueueArn"], {"AWS": OTHER})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "60"})
    assert json.loads(attributes_of(sqs, url)["Policy"]) == json.loads(policy)


def mend_range_is_checked_at_create(cloud: Cloud) -> None:
    sqs = cloud.client("sqs")
    code = error_code(sqs.create_queue, QueueName="probe", Attributes={"VisibilityTimeout": "43201"})
    assert code == "InvalidAttributeValue"


def mend_range_is_checked_at_set(cloud: Cloud) -> None:
    sqs, url = queue(cloud, "probe")
    code = error_code(sqs.set_queue_attributes, QueueUrl=url, Attributes={"MaximumMessageSize": "1048577"})
    assert code == "InvalidAttributeValue"


def mend_high_throughput_needs_both_attributes(cloud: Cloud) -> None:
    sqs = cloud.client("sqs")
    wanted = {**FIFO, "FifoThroughputLimit": "perMessageGroupId"}
    assert error_code(sqs.create_queue, QueueName="probe.fifo", Attributes=wanted) == "InvalidAttributeValue"


def mend_enumeration_is_checked(cloud: Cloud) -> None:
    sqs = cloud.client("sqs")
    wanted = {**FIFO, "DeduplicationScope": "messagegroups"}
    assert error_code(sqs.create_queue, QueueName="probe.fifo", Attributes=wanted) == "InvalidAttributeValue"


def mend_unknown_attribute_is_refused(cloud: Cloud) -> None:
    sqs = cloud.client("sqs")
    assert error_code(sqs.create_queue, QueueName="probe", Attributes={"Colour": "red"}) == "InvalidAttributeName"


def mend_fifo_attribute_on_standard_queue_is_refused(cloud: Cloud) -> None:
    sqs = cloud.client("sqs")
    wanted = {"ContentBasedDeduplication": "true"}
    assert error_code(sqs.create_queue, QueueName="probe", Attributes=wanted) == "InvalidAttributeName"


def mend_fifo_name_needs_the_fifo_attribute(cloud: Cloud) -> None:
    assert error_code(cloud.client("sqs").create_queue, QueueName="probe.fifo") == "InvalidParameterValue"


def mend_malformed_policy_is_refused(cloud: Cloud) -> None:
    sqs = cloud.client("sqs")
    assert error_code(sqs.create_queue, QueueName="probe", Attributes={"Policy": "{"}) == "InvalidAttributeValue"


def mend_policy_statements_are_checked(cloud: Cloud) -> None:
    sqs, url = queue(cloud, "probe")
    policy = json.dumps({"Statement": [{"Effect": "Nope", "Principal": "*", "Action": "sqs:*", "Resource": "*"}]})
    code = error_code(sqs.set_queue_attributes, QueueUrl=url, Attributes={"Policy": policy})
    assert code == "InvalidAttributeValue"


def mend_kms_key_turns_sqs_encryption_off(cloud: Cloud) -> None:
    sqs, url = queue(cloud, "probe", KmsMasterKeyId="alias/aws/sqs")
    assert attributes_of(sqs, url)["SqsManagedSseEnabled"] == "false"


def mend_sqs_encryption_turns_kms_key_off(cloud: Cloud) -> None:
    sqs, url = queue(cloud, "probe", KmsMasterKeyId="alias/aws/sqs")
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"SqsManagedSseEnabled": "true"})
    assert "KmsMasterKeyId" not in attributes_of(sqs, url)


def mend_only_one_encryption_at_a_time(cloud: Cloud) -> None:
    wanted = {"KmsMasterKeyId": "alias/aws/sqs", "SqsManagedSseEnabled": "true"}
    code = error_code(cloud.client("sqs").create_queue, QueueName="probe", Attributes=wanted)
    assert code == "InvalidAttributeValue"


def mend_redrive_allow_policy_is_kept(cloud: Cloud) -> None:
    policy = json.dumps({"redrivePermission": "denyAll"})
    sqs, url = queue(cloud, "probe", RedriveAllowPolicy=policy)
    answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["RedriveAllowPolicy"])
    assert answer["Attributes"]["RedriveAllowPolicy"] == policy


def mend_redrive_allow_policy_is_enforced(cloud: Cloud) -> None:
    sqs, url = queue(cloud, "dead", RedriveAllowPolicy=json.dumps({"redrivePermission": "denyAll"}))
    redrive = {"deadLetterTargetArn": attributes_of(sqs, url)["QueueArn"], "maxReceiveCount": "3"}
    code = error_code(sqs.create_queue, QueueName="probe", Attributes={"RedrivePolicy": json.dumps(redrive)})
    assert code == "InvalidParameterValue"


def mend_dead_letter_queue_is_of_the_same_type(cloud: Cloud) -> None:
    sqs, url = queue(cloud, "dead.fifo")
    redrive = {"deadLetterTargetArn": attributes_of(sqs, url)["QueueArn"], "maxReceiveCount": "3"}
    code = error_code(sqs.create_queue, QueueName="probe", Attributes={"RedrivePolicy": json.dumps(redrive)})
    assert code == "InvalidParameterValue"


def mend_receive_count_limit_is_checked(cloud: Cloud) -> None:
    sqs, url = queue(cloud, "dead")
    redrive = {"deadLetterTargetArn": attributes_of(sqs, url)["QueueArn"], "maxReceiveCount": "0"}
    code = error_code(sqs.create_queue, QueueName="probe", Attributes={"RedrivePolicy": json.dumps(redrive)})
    assert code == "InvalidParameterValue"


def mend_timestamps_are_whole_seconds(cloud: Cloud) -> None:
    sqs, url = queue(cloud, "probe")
    assert attributes_of(sqs, url)["CreatedTimestamp"].isdigit()


def mend_name_is_blocked_for_a_minute_after_delete(cloud: Cloud) -> None:
    sqs, url = queue(cloud, "probe")
    sqs.delete_queue(QueueUrl=url)
    assert error_code(sqs.create_queue, QueueName="probe").endswith("QueueDeletedRecently")
    cloud.wait(61)
    sqs.create_queue(QueueName="probe")


# ---- sending


def mend_size_limit_counts_bytes(cloud: Cloud) -> None:
    sqs, url = queue(cloud, "probe", MaximumMessageSize="1024")
    assert error_code(sqs.send_message, QueueUrl=url, MessageBody="あ" * 400) == "InvalidParameterValue"


def mend_batch_limit_counts_bytes(cloud: Cloud) -> None:
    sqs, url = queue(cloud, "probe")
    entries = [{"Id": str(number), "MessageBody": "あ" * 200_000} for number in range(2)]
    assert error_code(sqs.send_message_batch, QueueUrl=url, Entries=entries).endswith("BatchRequestTooLong")


def mend_control_characters_are_refused(cloud: Cloud) -> None:
    sqs, url = queue(cloud, "probe")
    assert error_code(sqs.send_message, QueueUrl=url, MessageBody="a\x01b") == "InvalidMessageContents"


def mend_group_id_is_checked(cloud: Cloud) -> None:
    sqs, url = queue(cloud)
    code = error_code(
        sqs.send_message, QueueUrl=url, MessageBody="x", MessageGroupId="g" * 129, MessageDeduplicationId="1"
    )
    assert code == "InvalidParameterValue"


def mend_duplicate_answers_with_the_first_id(cloud: Cloud) -> None:
    sqs, url = queue(cloud)
    first, second = send(sqs, url, "1", deduplication="d"), send(sqs, url, "2", deduplication="d")
    assert (first["MessageId"], first["SequenceNumber"]) == (second["MessageId"], second["SequenceNumber"])


def mend_deduplication_outlives_the_message(cloud: Cloud) -> None:
    sqs, url = queue(cloud)
    send(sqs, url, "1", deduplication="d")
    sqs.delete_message(QueueUrl=url, ReceiptHandle=receive(sqs, url)[0]["ReceiptHandle"])
    send(sqs, url, "2", deduplication="d")
    assert receive(sqs, url) == []
    cloud.wait(301)
    send(sqs, url, "3", deduplication="d")
    assert bodies(receive(sqs, url)) == ["3"]


def mend_deduplication_scope_is_the_group(cloud: Cloud) -> None:
    sqs, url = queue(cloud, **HIGH_THROUGHPUT)
    send(sqs, url, "same", group="A", deduplication="d")
    send(sqs, url, "same", group="B", deduplication="d")
    assert len(receive(sqs, url)) == 2


def mend_sequence_numbers_increase(cloud: Cloud) -> None:
    sqs, url = queue(cloud)
    numbers = [int(send(sqs, url, str(number))["SequenceNumber"]) for number in range(8)]
    assert numbers == sorted(set(numbers))
    assert [int(message["Attributes"]["SequenceNumber"]) for message in receive(sqs, url)] == numbers


def mend_content_deduplication_has_sequence_numbers(cloud: Cloud) -> None:
    sqs, url = queue(cloud, ContentBasedDeduplication="true")
    answer = sqs.send_message(QueueUrl=url, MessageBody="x", MessageGroupId="A")
    assert int(answer["SequenceNumber"]) > 0


# ---- receiving


def mend_order_survives_a_visibility_timeout(cloud: Cloud) -> None:
    sqs, url = queue(cloud)
    for number in range(4):
        send(sqs, url, str(number))
    first = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=3)["Messages"]
    assert bodies(first) == ["0", "1", "2"]
    cloud.wait(31)
    assert bodies(receive(sqs, url)) == ["0", "1", "2", "3"]


def mend_group_stops_at_the_first_invisible_message(cloud: Cloud) -> None:
    sqs, url = queue(cloud)
    for number in range(3):
        send(sqs, url, str(number))
    handles = [message["ReceiptHandle"] for message in receive(sqs, url)]
    for handle in (handles[0], handles[2]):
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0)
    assert bodies(receive(sqs, url)) == ["0"]


def mend_expired_handle_cannot_delete(cloud: Cloud) -> None:
    sqs, url = queue(cloud)
    send(sqs, url, "x")
    handle = receive(sqs, url)[0]["ReceiptHandle"]
    cloud.wait(31)
    assert error_code(sqs.delete_message, QueueUrl=url, ReceiptHandle=handle) == "InvalidParameterValue"
    assert bodies(receive(sqs, url)) == ["x"]


def mend_superseded_handle_cannot_delete(cloud: Cloud) -> None:
    sqs, url = queue(cloud)
    send(sqs, url, "x")
    old = receive(sqs, url)[0]["ReceiptHandle"]
    cloud.wait(31)
    new = receive(sqs, url)[0]["ReceiptHandle"]
    assert error_code(sqs.delete_message, QueueUrl=url, ReceiptHandle=old) == "InvalidParameterValue"
    sqs.delete_message(QueueUrl=url, ReceiptHandle=new)


def mend_batch_delete_reports_expired_handles(cloud: Cloud) -> None:
    sqs, url = queue(cloud)
    send(sqs, url, "x")
    handle = receive(sqs, url)[0]["ReceiptHandle"]
    cloud.wait(31)
    answer = sqs.delete_message_batch(QueueUrl=url, Entries=[{"Id": "1", "ReceiptHandle": handle}])
    assert [entry["Code"] for entry in answer["Failed"]] == ["InvalidParameterValue"]


def mend_visibility_is_only_changed_in_flight(cloud: Cloud) -> None:
    sqs, url = queue(cloud, "probe", VisibilityTimeout="30")
    sqs.send_message(QueueUrl=url, MessageBody="x")
    handle = receive(sqs, url)[0]["ReceiptHandle"]
    cloud.wait(31)
    code = error_code(sqs.change_message_visibility, QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=60)
    assert code.endswith("MessageNotInflight")


def mend_visibility_limit_counts_from_the_receive(cloud: Cloud) -> None:
    sqs, url = queue(cloud)
    send(sqs, url, "x")
    cloud.wait(50_000)
    handle = receive(sqs, url)[0]["ReceiptHandle"]
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=60)
    code = error_code(sqs.change_message_visibility, QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=43_200)
    assert code == "InvalidParameterValue"


def mend_expired_messages_do_not_hide_others(cloud: Cloud) -> None:
    sqs, url = queue(cloud, "probe", MessageRetentionPeriod="60")
    sqs.send_message(QueueUrl=url, MessageBody="old")
    cloud.wait(61)
    sqs.send_message(QueueUrl=url, MessageBody="new")
    assert bodies(receive(sqs, url)) == ["new"]
    assert attributes_of(sqs, url)["ApproximateNumberOfMessagesNotVisible"] == "1"


def mend_attempt_id_replays_the_batch(cloud: Cloud) -> None:
    sqs, url = queue(cloud)
    send(sqs, url, "x")
    first = receive(sqs, url, ReceiveRequestAttemptId="attempt")
    second = receive(sqs, url, ReceiveRequestAttemptId="attempt")
    assert [message["ReceiptHandle"] for message in first] == [message["ReceiptHandle"] for message in second]
    assert receive(sqs, url, ReceiveRequestAttemptId="another") == []


def mend_dead_letters_name_their_source(cloud: Cloud) -> None:
    sqs, dead = queue(cloud, "dead.fifo")
    redrive = {"deadLetterTargetArn": attributes_of(sqs, dead)["QueueArn"], "maxReceiveCount": "1"}
    _unused, url = queue(cloud, RedrivePolicy=json.dumps(redrive))
    send(sqs, url, "x")
    assert bodies(receive(sqs, url)) == ["x"]
    cloud.wait(31)
    assert receive(sqs, url) == []
    letters = receive(sqs, dead)
    assert letters[0]["Attributes"]["DeadLetterQueueSourceArn"] == attributes_of(sqs, url)["QueueArn"]


def mend_dead_letters_can_be_moved_back(cloud: Cloud) -> None:
    sqs, dead = queue(cloud, "dead")
    arn = attributes_of(sqs, dead)["QueueArn"]
    redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": "1"})
    _unused, url = queue(cloud, "probe", RedrivePolicy=redrive, VisibilityTimeout="30")
    sqs.send_message(QueueUrl=url, MessageBody="x")
    receive(sqs, url)
    cloud.wait(31)
    assert receive(sqs, url) == []
    sqs.start_message_move_task(SourceArn=arn)
    assert sqs.list_message_move_tasks(SourceArn=arn)["Results"][0]["ApproximateNumberOfMessagesMoved"] == 1
    assert bodies(receive(sqs, url)) == ["x"]


# ---- other accounts


def mend_queue_url_names_the_account(cloud: Cloud) -> None:
    sqs, url = queue(cloud, "probe")
    sqs.set_queue_attributes(
        QueueUrl=url, Attributes={"Policy": allow(attributes_of(sqs, url)["QueueArn"], {"AWS": OTHER})}
    )
    cloud.client("sqs", OTHER).send_message(QueueUrl=url, MessageBody="x")
    assert bodies(receive(sqs, url)) == ["x"]


def mend_other_accounts_need_the_queue_policy(cloud: Cloud) -> None:
    _unused, url = queue(cloud, "probe")
    assert error_code(cloud.client("sqs", OTHER).send_message, QueueUrl=url, MessageBody="x") == "AccessDenied"


def mend_queue_policy_limits_the_action(cloud: Cloud) -> None:
    sqs, url = queue(cloud, "probe")
    policy = allow(attributes_of(sqs, url)["QueueArn"], {"AWS": f"arn:aws:iam::{OTHER}:root"}, "sqs:SendMessage")
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    stranger = cloud.client("sqs", OTHER)
    entries = [{"Id": "1", "MessageBody": "x"}]
    assert len(stranger.send_message_batch(QueueUrl=url, Entries=entries)["Successful"]) == 1
    assert error_code(stranger.receive_message, QueueUrl=url) == "AccessDenied"
