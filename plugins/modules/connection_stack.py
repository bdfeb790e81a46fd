#!/usr/bin/python
# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: connection_stack
short_description: Manages everything that a connection has on the AWS side, in one account or in many
version_added: "0.1.0"
author: "wxgov.sagemaker contributors (@wxgov)"
description:
  - Brings the whole chain of a connection to the wanted state in one process, CloudTrail trail, dead-letter queues,
    queue, EventBridge rule, alarms and the role that the agent takes on.
  - What hangs on nothing is done in parallel, in all accounts at once. The single resources are compared and changed by
    the very functions of M(wxgov.sagemaker.sqs_queue), M(wxgov.sagemaker.eventbridge_rule) and
    M(wxgov.sagemaker.iam_role).
  - A resource that fails stops what needs it and nothing else. The module then fails and returns all the same what
    stands in each account; a second run finishes the rest.
  - Everything of a connection called NAME is called C(wxgov-sagemaker-NAME) or begins so, and is tagged
    C(wxgov-connection=NAME). The role and the trail have names of their own.
options:
  state:
    description:
      - Whether the connection's AWS side shall be there.
      - V(absent) takes it down from the source to the sink, rules first, then alarms and queues with the messages in
        them, the role last. A trail and its bucket stay, for they serve more than this connection.
      - Role, alarms and the key's statement are removed where O(access), O(alarms) and O(kms_master_key_id) say that
        they are part of the connection.
    type: str
    choices: [present, absent]
    default: present
  accounts:
    description:
      - The accounts to work on. Without it, the one account that the module's own credentials lead to.
      - Every option below, up to O(tags), may be set in an account too and then counts there; dictionaries are taken
        member by member.
    type: list
    elements: dict
    suboptions:
      name:
        description: What the account is called in results, once each; also the connection's name where none is given.
        type: str
        required: true
      region:
        description: The account's region; O(region) when not set.
        type: str
      profile:
        description: A profile of the AWS configuration; takes the place of the module's own credentials.
        type: str
      access_key:
        description: An access key; takes the place of the module's own credentials.
        type: str
      secret_key:
        description: The secret of O(accounts[].access_key).
        type: str
      session_token:
        description: The session token of O(accounts[].access_key).
        type: str
      assume_role:
        description: A role to take on with these credentials, or with the module's own.
        type: dict
        suboptions:
          role_arn:
            description: The role's ARN.
            type: str
            required: true
          external_id:
            description: The external id that the role asks for.
            type: str
          session_name:
            description: The session's name; C(wxgov-sagemaker) when not set.
            type: str
      connection_name:
        description:
          - The connection's name, at most 40 letters, digits, hyphens and underscores.
          - Needed where the account has no O(accounts[].name).
        type: str
      vendor_defaults:
        description:
          - V(true) keeps to the vendor's values, 4 days of retention and a pattern that takes failed calls too.
          - V(false) keeps messages for 14 days and leaves failed calls out. That is what counts when nothing is set.
        type: bool
      message_retention_period:
        description:
          - For how many seconds the queue keeps a message; 1209600, or 345600 with
            O(accounts[].vendor_defaults=true), when not set.
        type: int
      max_receive_count:
        description: How often a message may be received before it goes to the dead-letter queue; 5 when not set.
        type: int
      message_group_id:
        description: The message group of all events; C(model-registry) when not set.
        type: str
      retry_policy:
        description: How long EventBridge tries to deliver an event.
        type: dict
        suboptions:
          maximum_retry_attempts:
            description: How often, 0 to 185; 185 when not set.
            type: int
          maximum_event_age_in_seconds:
            description: For how many seconds, 60 to 86400; 86400 when not set.
            type: int
      native_events:
        description:
          - Whether C(SageMaker Model Package State Change) events go to the same queue too; V(false) when not set.
          - They come by a second rule, so that the first one keeps the vendor's pattern word for word.
        type: bool
      kms_master_key_id:
        description:
          - The customer's KMS key that encrypts the three queues, as id, ARN or alias. An empty value takes it away.
          - When not set, the encryption of queues that are there is left alone; new ones are encrypted by SQS.
        type: str
      manage_key_policy:
        description:
          - Whether the key's policy gets the statement without which EventBridge cannot send to the queues; V(true)
            when not set.
        type: bool
      trail:
        description: The CloudTrail trail that the rule depends on.
        type: dict
        suboptions:
          require:
            description: Whether nothing is made where no trail logs SageMaker's write calls; V(true) when not set.
            type: bool
          create:
            description:
              - Whether to make a multi-region trail and its bucket where no trail does; V(false) when not set.
            type: bool
          name:
            description: That trail's name; C(wxgov-sagemaker) when not set.
            type: str
          bucket:
            description:
              - That trail's bucket; C(wxgov-sagemaker-trail-ACCOUNT-REGION) when not set. Its tags are set when it is
                made.
            type: str
      access:
        description: The cross-account role that the governance account takes on. When not set, access is left alone.
        type: dict
        suboptions:
          install_source:
            description:
              - Who takes the role on. V(marketplace) is watsonx.governance installed from the AWS Marketplace, V(ibm)
                installed from IBM, V(agent) the agent of this collection in the account
                O(accounts[].access.agent_account_id).
              - V(agent) when not set.
            type: str
            choices: [marketplace, ibm, agent]
          agent_account_id:
            description: The account that runs the agent, 12 digits in quotes.
            type: str
          role_name:
            description:
              - The role's name; C(Aws_Sagemaker_Sqs_Cross_Account_Role) when not set. Two connections in one account
                need two.
            type: str
          role_path:
            description: The role's path; V(/) when not set.
            type: str
          external_id:
            description: The external id; when not set, one is made, and kept from then on.
            type: str
          full_access:
            description:
              - Whether to attach the vendor's AmazonSageMakerFullAccess and AmazonSQSFullAccess instead of policies
                scoped to the queues and the registry; V(false) when not set.
            type: bool
          without_search:
            description:
              - Whether to grant C(sagemaker:ListModelPackageGroups) and C(sagemaker:ListModelPackages) in the place of
                C(sagemaker:Search), for an account that allows Search to nobody; V(false) when not set.
            type: bool
          purge_policies:
            description: Whether the role loses every other policy; V(true) when not set.
            type: bool
          tags:
            description: The role's tags; those of everything else when not set. Other tags stay.
            type: dict
      alarms:
        description:
          - CloudWatch alarms on the age of the oldest message and on both dead-letter queues. When not set, alarms
            are left alone.
        type: dict
        suboptions:
          enabled:
            description: V(false) deletes the alarms; V(true) when not set.
            type: bool
          oldest_message_age:
            description: After how many seconds of waiting the first alarm goes off; 3600 when not set.
            type: int
          actions:
            description:
              - ARNs of what is told, an SNS topic for instance, at most five. When not set, actions are left alone.
            type: list
            elements: str
      tags:
        description: Tags for everything that is made. Other tags stay.
        type: dict
  connection_name:
    description:
      - The connection's name, at most 40 letters, digits, hyphens and underscores.
      - Needed where the account has no O(accounts[].name).
    type: str
  vendor_defaults:
    description:
      - V(true) keeps to the vendor's values, 4 days of retention and a pattern that takes failed calls too.
      - V(false) keeps messages for 14 days and leaves failed calls out. That is what counts when nothing is set.
    type: bool
  message_retention_period:
    description:
      - For how many seconds the queue keeps a message; 1209600, or 345600 with O(vendor_defaults=true), when not set.
    type: int
  max_receive_count:
    description: How often a message may be received before it goes to the dead-letter queue; 5 when not set.
    type: int
  message_group_id:
    description: The message group of all events; C(model-registry) when not set.
    type: str
  retry_policy:
    description: How long EventBridge tries to deliver an event.
    type: dict
    suboptions:
      maximum_retry_attempts:
        description: How often, 0 to 185; 185 when not set.
        type: int
      maximum_event_age_in_seconds:
        description: For how many seconds, 60 to 86400; 86400 when not set.
        type: int
  native_events:
    description:
      - Whether C(SageMaker Model Package State Change) events go to the same queue too; V(false) when not set.
      - They come by a second rule, so that the first one keeps the vendor's pattern word for word.
    type: bool
  kms_master_key_id:
    description:
      - The customer's KMS key that encrypts the three queues, as id, ARN or alias. An empty value takes it away.
      - When not set, the encryption of queues that are there is left alone; new ones are encrypted by SQS.
    type: str
  manage_key_policy:
    description:
      - Whether the key's policy gets the statement without which EventBridge cannot send to the queues; V(true) when
        not set.
    type: bool
  trail:
    description: The CloudTrail trail that the rule depends on.
    type: dict
    suboptions:
      require:
        description: Whether nothing is made where no trail logs SageMaker's write calls; V(true) when not set.
        type: bool
      create:
        description: Whether to make a multi-region trail and its bucket where no trail does; V(false) when not set.
        type: bool
      name:
        description: That trail's name; C(wxgov-sagemaker) when not set.
        type: str
      bucket:
        description:
          - That trail's bucket; C(wxgov-sagemaker-trail-ACCOUNT-REGION) when not set. Its tags are set when it is
            made.
        type: str
  access:
    description: The cross-account role that the governance account takes on. When not set, access is left alone.
    type: dict
    suboptions:
      install_source:
        description:
          - Who takes the role on. V(marketplace) is watsonx.governance installed from the AWS Marketplace, V(ibm)
            installed from IBM, V(agent) the agent of this collection in the account O(access.agent_account_id).
          - V(agent) when not set.
        type: str
        choices: [marketplace, ibm, agent]
      agent_account_id:
        description: The account that runs the agent, 12 digits in quotes.
        type: str
      role_name:
        description:
          - The role's name; C(Aws_Sagemaker_Sqs_Cross_Account_Role) when not set. Two connections in one account need
            two.
        type: str
      role_path:
        description: The role's path; V(/) when not set.
        type: str
      external_id:
        description: The external id; when not set, one is made, and kept from then on.
        type: str
      full_access:
        description:
          - Whether to attach the vendor's AmazonSageMakerFullAccess and AmazonSQSFullAccess instead of policies
            scoped to the queues and the registry; V(false) when not set.
        type: bool
      without_search:
        description:
          - Whether to grant C(sagemaker:ListModelPackageGroups) and C(sagemaker:ListModelPackages) in the place of
            C(sagemaker:Search), for an account that allows Search to nobody; V(false) when not set.
        type: bool
      purge_policies:
        description: Whether the role loses every other policy; V(true) when not set.
        type: bool
      tags:
        description: The role's tags; those of everything else when not set. Other tags stay.
        type: dict
  alarms:
    description:
      - CloudWatch alarms on the age of the oldest message and on both dead-letter queues. When not set, alarms are
        left alone.
    type: dict
    suboptions:
      enabled:
        description: V(false) deletes the alarms; V(true) when not set.
        type: bool
      oldest_message_age:
        description: After how many seconds of waiting the first alarm goes off; 3600 when not set.
        type: int
      actions:
        description:
          - ARNs of what is told, an SNS topic for instance, at most five. When not set, actions are left alone.
        type: list
        elements: str
  tags:
    description: Tags for everything that is made. Other tags stay.
    type: dict
  concurrency:
    description: How many AWS calls may be under way at the same time, over all accounts; 1 to 64.
    type: int
    default: 16
  wait:
    description:
      - Whether to wait until AWS shows what was written, and until it gives a deleted queue's name back (60 seconds).
    type: bool
    default: true
  wait_timeout:
    description: For how many seconds to wait for each resource.
    type: int
    default: 120
extends_documentation_fragment:
  - wxgov.sagemaker.attributes
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
attributes:
  check_mode:
    support: full
    details:
      - On an account where nothing is yet, all that would be made is shown. An external id that is yet to be made is
        shown as V(generated-when-the-role-is-made).
  diff_mode:
    support: full
  idempotent:
    support: full
notes:
  - Every resource is read in each run, so what somebody changed by hand is found and mended.
  - The number of AWS calls of each account is returned as RV(accounts[].calls).
seealso:
  - module: wxgov.sagemaker.sqs_queue
  - module: wxgov.sagemaker.eventbridge_rule
  - module: wxgov.sagemaker.iam_role
  - module: wxgov.sagemaker.cloudtrail_coverage_info
"""

EXAMPLES = r"""
- name: Set up a connection in the account that the credentials lead to
  wxgov.sagemaker.connection_stack:
    connection_name: fraud
    trail:
      create: true
    access:
      agent_account_id: "444455556666"
    alarms:
      oldest_message_age: 1800
  register: fraud

- name: Show what the agent's host needs to know
  ansible.builtin.debug:
    msg: "{{ fraud.accounts[0].outputs }}"

- name: Set up two accounts in one task, one of them by a role, with a region and tags of its own
  wxgov.sagemaker.connection_stack:
    trail:
      create: true
    tags:
      team: governance
    accounts:
      - name: credit
      - name: claims
        region: eu-west-1
        assume_role:
          role_arn: arn:aws:iam::222233334444:role/onboarding
          external_id: onboarding-2026
        native_events: true
        tags:
          unit: insurance

- name: Take the connection down again
  wxgov.sagemaker.connection_stack:
    connection_name: fraud
    state: absent
    access: {}
    alarms: {}
"""

RETURN = r"""
accounts:
  description: The accounts in the order of the option, with the same keys whatever became of them, in check mode too.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: The account's name; without O(accounts), the connection's.
      returned: always
      type: str
      sample: fraud
    connection_name:
      description: The connection's name.
      returned: always
      type: str
      sample: fraud
    account_id:
      description: The AWS account. Empty when it could not be entered.
      returned: always
      type: str
      sample: "111122223333"
    region:
      description: The region. Empty when the account could not be entered.
      returned: always
      type: str
      sample: us-east-1
    changed:
      description: Whether anything was changed (in check mode, would be).
      returned: always
      type: bool
      sample: true
    failed:
      description: Whether anything is not as it should be.
      returned: always
      type: bool
      sample: false
    error:
      description: Why the account could not be entered. Empty when it could.
      returned: always
      type: str
      sample: ""
    operations:
      description: What was done (in check mode, what would be done), with the resource's name before it.
      returned: always
      type: list
      elements: str
      sample: ["queue: create_queue", "rule: create_rule", "rule: put_targets"]
    resources:
      description:
        - The resources by name in the order in which they are dealt with, C(trail), C(key), C(dead_letter_queue),
          C(target_dead_letter_queue), C(queue), C(rule), C(native_rule), C(alarms), C(role), as far as asked for.
        - Each has C(status) (C(ok), C(changed), C(failed) or C(not_attempted)), C(changed), C(operations), C(state) as
          the module for that resource returns it, C(diff) (in diff mode), C(seconds), C(error) and
          C(error_details) (C(missing_permission) where an action is not allowed).
      returned: always
      type: dict
      sample:
        rule:
          status: failed
          changed: false
          operations: []
          state: null
          diff: {before: {}, after: {}}
          seconds: 0.12
          error: The credentials may not do events:PutRule on wxgov-sagemaker-fraud; allow that action there.
          error_details: {missing_permission: {action: "events:PutRule", resource: wxgov-sagemaker-fraud}}
    outputs:
      description:
        - What others need of it, with empty texts for what is not there or not asked for.
      returned: always
      type: dict
      contains:
        queue_url:
          description: The queue's URL.
          returned: always
          type: str
          sample: https://sqs.us-east-1.amazonaws.com/111122223333/wxgov-sagemaker-fraud.fifo
        queue_arn:
          description: The queue's ARN.
          returned: always
          type: str
          sample: arn:aws:sqs:us-east-1:111122223333:wxgov-sagemaker-fraud.fifo
        dead_letter_queue_url:
          description: The URL of the dead-letter queue behind the queue.
          returned: always
          type: str
          sample: https://sqs.us-east-1.amazonaws.com/111122223333/wxgov-sagemaker-fraud-dlq.fifo
        dead_letter_queue_arn:
          description: Its ARN.
          returned: always
          type: str
          sample: arn:aws:sqs:us-east-1:111122223333:wxgov-sagemaker-fraud-dlq.fifo
        target_dead_letter_queue_url:
          description: The URL of the dead-letter queue behind the rules' targets.
          returned: always
          type: str
          sample: https://sqs.us-east-1.amazonaws.com/111122223333/wxgov-sagemaker-fraud-target-dlq
        target_dead_letter_queue_arn:
          description: Its ARN.
          returned: always
          type: str
          sample: arn:aws:sqs:us-east-1:111122223333:wxgov-sagemaker-fraud-target-dlq
        rule_name:
          description: The rule's name.
          returned: always
          type: str
          sample: wxgov-sagemaker-fraud
        rule_arn:
          description: The rule's ARN.
          returned: always
          type: str
          sample: arn:aws:events:us-east-1:111122223333:rule/wxgov-sagemaker-fraud
        trail_arn:
          description: The ARN of the trail that logs registry events.
          returned: always
          type: str
          sample: arn:aws:cloudtrail:us-east-1:111122223333:trail/wxgov-sagemaker
        role_name:
          description: The role's name.
          returned: always
          type: str
          sample: Aws_Sagemaker_Sqs_Cross_Account_Role
        role_arn:
          description: The role's ARN.
          returned: always
          type: str
          sample: arn:aws:iam::111122223333:role/Aws_Sagemaker_Sqs_Cross_Account_Role
        external_id:
          description: The external id that the role asks for.
          returned: always
          type: str
          sample: Zk3yT0examplev2a
        trusted_account_id:
          description: The account that takes the role on.
          returned: always
          type: str
          sample: "444455556666"
    calls:
      description: How many AWS calls the account took, repeated ones counted again.
      returned: always
      type: int
      sample: 19
    seconds:
      description: How long the account took.
      returned: always
      type: float
      sample: 0.8
operations:
  description: What was done (in check mode, what would be done) in all accounts, with account and resource before it.
  returned: always
  type: list
  elements: str
  sample: ["fraud: queue: create_queue"]
"""

from collections.abc import Mapping
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ..module_utils.aws.module import WAIT_OPTIONS, fail
from ..module_utils.aws.stack import ensure_stacks, warnings_of
from ..module_utils.aws.stack_options import client_factory, conditions, jobs
from ..module_utils.aws.stack_result import account_result, diff_of, failure_of
from ..module_utils.errors import WxgovError

# What all accounts share and each may set for itself. Defaults are in stack_settings, for here an account's option that
# is not set could not be told from one that is.
SHARED: Mapping[str, Any] = {
    "connection_name": {"type": "str"},
    "vendor_defaults": {"type": "bool"},
    "message_retention_period": {"type": "int"},
    "max_receive_count": {"type": "int"},
    "message_group_id": {"type": "str"},
    "retry_policy": {
        "type": "dict",
        "options": {"maximum_retry_attempts": {"type": "int"}, "maximum_event_age_in_seconds": {"type": "int"}},
    },
    "native_events": {"type": "bool"},
    "kms_master_key_id": {"type": "str", "no_log": False},
    "manage_key_policy": {"type": "bool", "no_log": False},
    "trail": {
        "type": "dict",
        "options": {
            "require": {"type": "bool"},
            "create": {"type": "bool"},
            "name": {"type": "str"},
            "bucket": {"type": "str"},
        },
    },
    "access": {
        "type": "dict",
        "options": {
            "install_source": {"type": "str", "choices": ["marketplace", "ibm", "agent"]},
            "agent_account_id": {"type": "str"},
            "role_name": {"type": "str"},
            "role_path": {"type": "str"},
            "external_id": {"type": "str"},
            "full_access": {"type": "bool"},
            "without_search": {"type": "bool"},
            "purge_policies": {"type": "bool"},
            "tags": {"type": "dict"},
        },
    },
    "alarms": {
        "type": "dict",
        "options": {
            "enabled": {"type": "bool"},
            "oldest_message_age": {"type": "int"},
            "actions": {"type": "list", "elements": "str"},
        },
    },
    "tags": {"type": "dict"},
}
ACCOUNT = {
    "name": {"type": "str", "required": True},
    "region": {"type": "str"},
    "profile": {"type": "str"},
    "access_key": {"type": "str", "no_log": False},
    "secret_key": {"type": "str", "no_log": True},
    "session_token": {"type": "str", "no_log": True},
    "assume_role": {
        "type": "dict",
        "options": {
            "role_arn": {"type": "str", "required": True},
            "external_id": {"type": "str"},
            "session_name": {"type": "str"},
        },
    },
    **SHARED,
}
ARGUMENTS = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "accounts": {
        "type": "list",
        "elements": "dict",
        "options": ACCOUNT,
        "mutually_exclusive": [("profile", "access_key")],
        "required_together": [("access_key", "secret_key")],
    },
    "concurrency": {"type": "int", "default": 16},
    **SHARED,
    **WAIT_OPTIONS,
}


def main() -> None:
    module = AnsibleAWSModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    try:
        results = ensure_stacks(client_factory(module), jobs(module), conditions(module))
    except WxgovError as error:
        fail(module, error)
        return
    for warning in warnings_of(results):
        module.warn(warning)
    accounts = [account_result(result, bool(module._diff)) for result in results]
    answer: dict[str, Any] = {
        "changed": any(account["changed"] for account in accounts),
        "accounts": accounts,
        "operations": [f"{account['name']}: {step}" for account in accounts for step in account["operations"]],
    }
    if module._diff:
        answer["diff"] = diff_of(accounts)
    failure = failure_of(accounts)
    if failure:
        module.fail_json(msg=failure, **answer)
    module.exit_json(**answer)


if __name__ == "__main__":
    main()
