#!/usr/bin/python
# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sqs_queue_info
short_description: Lists Amazon SQS queues with everything that belongs to them
version_added: "0.1.0"
author: "wxgov.sagemaker contributors (@wxgov)"
description:
  - Lists queues with their attributes, policies and tags, as M(wxgov.sagemaker.sqs_queue) returns them.
options:
  name:
    description: Only the queue of this name.
    type: str
  name_prefix:
    description: Only queues whose name begins so.
    type: str
extends_documentation_fragment:
  - wxgov.sagemaker.attributes
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
attributes:
  check_mode:
    support: full
    details:
      - It changes nothing in any mode.
  diff_mode:
    support: N/A
    details:
      - It changes nothing.
  idempotent:
    support: N/A
    details:
      - It changes nothing.
seealso:
  - module: wxgov.sagemaker.sqs_queue
"""

EXAMPLES = r"""
- name: Look at one queue
  wxgov.sagemaker.sqs_queue_info:
    name: registry-events.fifo

- name: List the queues of all connections
  wxgov.sagemaker.sqs_queue_info:
    name_prefix: wxgov-sagemaker-
"""

RETURN = r"""
queues:
  description: The queues, sorted by name; an empty list when there are none.
  returned: success
  type: list
  elements: dict
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
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ..module_utils.aws.module import ModuleSession, fail
from ..module_utils.aws.queue_listing import list_queues
from ..module_utils.errors import WxgovError

ARGUMENTS = {"name": {"type": "str"}, "name_prefix": {"type": "str"}}


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec=ARGUMENTS, supports_check_mode=True, mutually_exclusive=[("name", "name_prefix")]
    )
    try:
        sqs = ModuleSession(module).client("sqs")
        queues = list_queues(sqs, name=module.params["name"], prefix=module.params["name_prefix"] or "")
    except WxgovError as error:
        fail(module, error)
    else:
        module.exit_json(changed=False, queues=[queue.as_result() for queue in queues])


if __name__ == "__main__":
    main()
