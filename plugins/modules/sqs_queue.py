#!/usr/bin/python
# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sqs_queue
short_description: Manages an Amazon SQS queue with everything that belongs to it
version_added: "0.1.0"
author: "wxgov.sagemaker contributors (@wxgov)"
description:
  - Creates, changes and deletes an SQS queue, standard or FIFO.
  - A new queue is made in one call with all that is asked, so it is at no time there without its policy.
  - An option that is not set leaves the queue as it is; an empty value clears what can be cleared.
options:
  name:
    description:
      - The queue's name; a FIFO queue's ends in C(.fifo).
    type: str
    required: true
  state:
    description: Whether the queue shall be there.
    type: str
    choices: [present, absent]
    default: present
  fifo_queue:
    description:
      - Whether the queue is a FIFO queue. The name says so already; set this to have the name checked.
    type: bool
  visibility_timeout:
    description: For how many seconds a received message is hidden from others, 0 to 43200.
    type: int
  message_retention_period:
    description: For how many seconds a message is kept, 60 to 1209600.
    type: int
  maximum_message_size:
    description: The most bytes a message may have, 1024 to 1048576.
    type: int
  delay_seconds:
    description: For how many seconds a new message is held back, 0 to 900.
    type: int
  receive_message_wait_time_seconds:
    description: For how many seconds a receive call waits for a message, 0 to 20.
    type: int
  content_based_deduplication:
    description:
      - Whether a message's body decides what is a duplicate. FIFO queues only.
      - A FIFO queue that is the target of an EventBridge rule needs this, for EventBridge gives no deduplication id.
    type: bool
  deduplication_scope:
    description: Where duplicates are looked for. FIFO queues only.
    type: str
    choices: [queue, messageGroup]
  fifo_throughput_limit:
    description:
      - What the throughput limit counts for. FIFO queues only.
      - V(perMessageGroupId) needs O(deduplication_scope=messageGroup).
    type: str
    choices: [perQueue, perMessageGroupId]
  high_throughput_fifo:
    description:
      - V(true) means O(deduplication_scope=messageGroup) and O(fifo_throughput_limit=perMessageGroupId), in one call.
      - V(false) means O(deduplication_scope=queue) and O(fifo_throughput_limit=perQueue).
    type: bool
  policy:
    description:
      - The access policy as JSON or as a dictionary. Policies are compared by meaning, not by text.
      - Its statements take the place of those with the same C(Sid); the queue's other statements stay, unless
        O(purge_policy=true).
      - V({}) clears the whole policy.
    type: json
  purge_policy:
    description: Whether statements that are not in O(policy) are removed.
    type: bool
    default: false
  redrive_policy:
    description: Where messages go that were received too often; V({}) clears it.
    type: dict
    suboptions:
      dead_letter_target_arn:
        description: The ARN of the dead-letter queue; of a FIFO queue it must be a FIFO queue.
        type: str
      max_receive_count:
        description: How often a message may be received before it goes there, 1 to 1000.
        type: int
  redrive_allow_policy:
    description: Which queues may name this one as their dead-letter queue; V({}) clears it.
    type: dict
    suboptions:
      redrive_permission:
        description: Who may.
        type: str
        choices: [allowAll, denyAll, byQueue]
      source_queue_arns:
        description: The ARNs of 1 to 10 queues for V(byQueue).
        type: list
        elements: str
  kms_master_key_id:
    description:
      - The KMS key that encrypts messages, as id, ARN or alias. It takes the place of O(sqs_managed_sse_enabled).
      - An empty value clears it.
    type: str
  kms_data_key_reuse_period_seconds:
    description: For how many seconds a data key is used again, 60 to 86400. Needs O(kms_master_key_id).
    type: int
  sqs_managed_sse_enabled:
    description: Whether SQS encrypts messages with a key of its own. V(true) takes the place of O(kms_master_key_id).
    type: bool
  wait:
    description:
      - Whether to wait until AWS shows what was written, and until it gives a deleted queue's name back (60 seconds).
    type: bool
    default: true
  wait_timeout:
    description: For how many seconds to wait.
    type: int
    default: 120
extends_documentation_fragment:
  - wxgov.sagemaker.attributes
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.tags
  - amazon.aws.boto3
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
seealso:
  - module: wxgov.sagemaker.eventbridge_rule
"""

EXAMPLES = r"""
- name: Make the dead-letter queue of a FIFO queue
  wxgov.sagemaker.sqs_queue:
    name: registry-events-dlq.fifo
    message_retention_period: 1209600
    content_based_deduplication: true
  register: dead_letter_queue

- name: Make a high-throughput FIFO queue that EventBridge may send to
  wxgov.sagemaker.sqs_queue:
    name: registry-events.fifo
    fifo_queue: true
    high_throughput_fifo: true
    content_based_deduplication: true
    visibility_timeout: 30
    redrive_policy:
      dead_letter_target_arn: "{{ dead_letter_queue.queue.arn }}"
      max_receive_count: 5
    policy:
      Version: "2012-10-17"
      Statement:
        - Sid: EventBridge
          Effect: Allow
          Principal:
            Service: events.amazonaws.com
          Action: sqs:SendMessage
          Resource: arn:aws:sqs:us-east-1:111122223333:registry-events.fifo
          Condition:
            ArnEquals:
              aws:SourceArn: arn:aws:events:us-east-1:111122223333:rule/registry-events
    tags:
      team: governance

- name: Take the dead-letter queue away from it
  wxgov.sagemaker.sqs_queue:
    name: registry-events.fifo
    redrive_policy: {}

- name: Delete the queue
  wxgov.sagemaker.sqs_queue:
    name: registry-events.fifo
    state: absent
"""

RETURN = r"""
queue:
  description: The queue as it is now (in check mode, as it would be). Null when there is none.
  returned: success
  type: dict
  contains:
    name:
      description: The queue's name.
      returned: always
      type: str
      sample: registry-events.fifo
    url:
      description: The queue's URL.
      returned: always
      type: str
      sample: https://sqs.us-east-1.amazonaws.com/111122223333/registry-events.fifo
    arn:
      description: The queue's ARN.
      returned: always
      type: str
      sample: arn:aws:sqs:us-east-1:111122223333:registry-events.fifo
    fifo_queue:
      description: Whether it is a FIFO queue.
      returned: always
      type: bool
      sample: true
    visibility_timeout:
      description: For how many seconds a received message is hidden.
      returned: always
      type: int
      sample: 30
    message_retention_period:
      description: For how many seconds a message is kept.
      returned: always
      type: int
      sample: 345600
    maximum_message_size:
      description: The most bytes a message may have.
      returned: always
      type: int
      sample: 262144
    delay_seconds:
      description: For how many seconds a new message is held back.
      returned: always
      type: int
      sample: 0
    receive_message_wait_time_seconds:
      description: For how many seconds a receive call waits.
      returned: always
      type: int
      sample: 0
    content_based_deduplication:
      description: Whether a message's body decides what is a duplicate. False for a standard queue.
      returned: always
      type: bool
      sample: true
    deduplication_scope:
      description: Where duplicates are looked for. Null for a standard queue.
      returned: always
      type: str
      sample: messageGroup
    fifo_throughput_limit:
      description: What the throughput limit counts for. Null for a standard queue.
      returned: always
      type: str
      sample: perMessageGroupId
    policy:
      description: The access policy. Null when there is none.
      returned: always
      type: dict
      sample: {"Version": "2012-10-17", "Statement": []}
    redrive_policy:
      description: Where messages go that were received too often. Null when there is none.
      returned: always
      type: dict
      sample: {"dead_letter_target_arn": "arn:aws:sqs:us-east-1:111122223333:dlq.fifo", "max_receive_count": 5}
    redrive_allow_policy:
      description: Which queues may name this one as their dead-letter queue. Null when nothing is said.
      returned: always
      type: dict
      sample: {"redrive_permission": "denyAll"}
    kms_master_key_id:
      description: The KMS key that encrypts messages. Null when there is none.
      returned: always
      type: str
      sample: alias/aws/sqs
    kms_data_key_reuse_period_seconds:
      description: For how many seconds a data key is used again. Null without a KMS key.
      returned: always
      type: int
      sample: 300
    sqs_managed_sse_enabled:
      description: Whether SQS encrypts messages with a key of its own.
      returned: always
      type: bool
      sample: true
    tags:
      description: The queue's tags.
      returned: always
      type: dict
      sample: {"team": "governance"}
operations:
  description: What was done (in check mode, what would be done), in order.
  returned: success
  type: list
  elements: str
  sample: [set_queue_attributes, tag]
operations_done:
  description: The operations that were done before one failed; the rest was not begun.
  returned: when an operation failed
  type: list
  elements: str
  sample: [set_queue_attributes]
"""

from collections.abc import Mapping
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ..module_utils.aws.documents import parse_object
from ..module_utils.aws.module import WAIT_OPTIONS, ModuleSession, finish
from ..module_utils.aws.plan import Outcome
from ..module_utils.aws.queue import ensure_queue
from ..module_utils.aws.queue_plan import DesiredQueue, QueueState, check_queue, desired_attributes
from ..module_utils.aws.tags import text_tags

ARGUMENTS = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "fifo_queue": {"type": "bool"},
    "visibility_timeout": {"type": "int"},
    "message_retention_period": {"type": "int"},
    "maximum_message_size": {"type": "int"},
    "delay_seconds": {"type": "int"},
    "receive_message_wait_time_seconds": {"type": "int"},
    "content_based_deduplication": {"type": "bool"},
    "deduplication_scope": {"type": "str", "choices": ["queue", "messageGroup"]},
    "fifo_throughput_limit": {"type": "str", "choices": ["perQueue", "perMessageGroupId"]},
    "high_throughput_fifo": {"type": "bool"},
    "policy": {"type": "json"},
    "purge_policy": {"type": "bool", "default": False},
    "redrive_policy": {
        "type": "dict",
        "options": {"dead_letter_target_arn": {"type": "str"}, "max_receive_count": {"type": "int"}},
    },
    "redrive_allow_policy": {
        "type": "dict",
        "options": {
            "redrive_permission": {"type": "str", "choices": ["allowAll", "denyAll", "byQueue"]},
            "source_queue_arns": {"type": "list", "elements": "str"},
        },
    },
    "kms_master_key_id": {"type": "str", "no_log": False},
    "kms_data_key_reuse_period_seconds": {"type": "int", "no_log": False},
    "sqs_managed_sse_enabled": {"type": "bool"},
    "tags": {"type": "dict", "aliases": ["resource_tags"]},
    "purge_tags": {"type": "bool", "default": True},
    **WAIT_OPTIONS,
}


def desired_queue(options: Mapping[str, Any]) -> DesiredQueue:
    """The queue that the options ask for, checked."""
    given = dict(options)
    if given["policy"] is not None:
        given["policy"] = parse_object(given["policy"], "policy")
    for name in ("redrive_policy", "redrive_allow_policy"):
        if given[name] is not None:
            given[name] = {key: value for key, value in given[name].items() if value is not None}
    desired = DesiredQueue(
        name=given["name"],
        present=given["state"] == "present",
        attributes=desired_attributes(given),
        purge_policy=given["purge_policy"],
        tags=text_tags(given["tags"]),
        purge_tags=given["purge_tags"],
    )
    check_queue(desired, given["fifo_queue"])
    return desired


def main() -> None:
    module = AnsibleAWSModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    session = ModuleSession(module)

    def work() -> Outcome[QueueState]:
        desired = desired_queue(module.params)
        return ensure_queue(
            session.client("sqs"),
            desired,
            account=session.account,
            check_mode=session.check_mode,
            patience=session.patience,
        )

    finish(module, "queue", work)


if __name__ == "__main__":
    main()
