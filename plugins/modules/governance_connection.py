#!/usr/bin/python
# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: governance_connection
short_description: Manages a connection between a SageMaker Model Registry and a Governance console
version_added: "0.1.0"
author: "wxgov.sagemaker contributors (@wxgov)"
description:
  - A connection ties the Model Registry of one AWS account and region to one business entity of a watsonx.governance
    console (OpenPages). The sync agent and M(wxgov.sagemaker.sync_existing_models) work by it.
  - The module writes the connection to a file on the host it runs on, readable by its owner only, or to a secret in AWS
    Secrets Manager. Before that it logs in to the console and checks what the connection rests on; when something is
    wrong nothing is written.
  - An option that is not set leaves what is there alone; an empty text clears what can be cleared.
requirements:
  - requests, on the host the module runs on, with O(validate=true)
  - botocore, on the host the module runs on, to tell whether a region exists; without it only its form is checked
notes:
  - Run by root, the module gives a new file to the owner of O(connections_dir), so that the agent's user can read it.
  - With O(validate=true) a run makes eight requests to the console and its login. It is one more where the default user
    is given as an e-mail address that is a user name, where O(sync_mapping) asks for metrics, and for each other
    business entity of the same name.
  - An environment variable that stands for an option is used where the connection is new. A connection that is there
    keeps its console and its login, whatever the environment has, until the task itself gives the option.
options:
  name:
    description:
      - The connection's name, up to 63 of C(a-z), C(0-9) and C(-).
    type: str
    required: true
  state:
    description:
      - Whether the connection shall be there. V(absent) also removes a file that cannot be used.
    type: str
    choices: [present, absent]
    default: present
  description:
    description:
      - What the connection is for.
    type: str
  business_entity:
    description:
      - Name or id of the console's business entity that use cases, model groups and models are kept under. It has to
        be at the root, and no other connection may have it.
      - Needed for a new connection. With O(validate=false) only an id will do.
    type: str
  default_user:
    description:
      - User name or e-mail address of the console user who owns models that have no other owner. Needed for a new
        connection.
    type: str
  account_id:
    description:
      - The AWS account that owns the registry. No other connection may have it. Needed for a new connection.
    type: str
  region:
    description:
      - The registry's AWS region. Needed for a new connection.
    type: str
  default_profile_arn:
    description:
      - ARN of the SageMaker user profile that links into SageMaker are made with.
    type: str
  role_arn:
    description:
      - ARN of the role in the registry's account that is assumed to reach registry and queue.
      - A new connection needs one of O(role_arn), O(access_key_id) and O(ambient).
    type: str
  external_id:
    description:
      - The external id that the role's trust policy asks for.
    type: str
  access_key_id:
    description:
      - Id of an access key of a user in the registry's account.
    type: str
  secret_access_key:
    description:
      - The secret that belongs to O(access_key_id).
    type: str
  ambient:
    description:
      - Use the AWS credentials that the agent's or the module's process finds by itself.
    type: bool
  queue_url:
    description:
      - URL of the FIFO queue that the registry's events arrive in. Needed for a new connection.
    type: str
  enabled:
    description:
      - Whether the agent serves the connection. A new connection is enabled unless told otherwise.
    type: bool
  console_page_limit:
    description:
      - How many rows of a query are asked for at a time, from 1 to 10000. A new connection has V(500).
      - This and the next four options are for consoles that are otherwise than is taken for granted. The page
        docs/console-dialect.md of the collection says when to set them.
    type: int
  console_max_rows:
    description:
      - How many rows a query's whole result may have; V(0), which a new connection has, asks the console for no limit.
      - For a console that takes 0 for none at all. It has to be above the number of models and of model groups. A
        result that reaches it is an error, for what is cut off would be taken for missing.
    type: int
  console_in_operator:
    description:
      - Whether the console's query language knows C(IN). A new connection takes it for granted, and does without from
        the first C(IN) on that the console refuses. V(false) spares that attempt.
    type: bool
  console_in_list_size:
    description:
      - How many values a query names at most, from 1 to 1000. A new connection has V(50).
    type: int
  console_empty_value:
    description:
      - What clears a field of the console. A new connection has V(json_null).
    type: str
    choices: [json_null, empty_text]
  sync_arn_field:
    description:
      - The console's field that holds the ARN of a model or model group. A new connection has
        V(Integration:External ID).
    type: str
  sync_state_field:
    description:
      - The console's field that holds what was last agreed on. A new connection has
        V(Integration:Additional Information).
    type: str
  sync_model_group_type:
    description:
      - System name of the console's type of model groups. An empty text means the type labelled C(Model Group).
    type: str
  sync_model_type:
    description:
      - System name of the console's type of models. A new connection has V(Model).
    type: str
  sync_use_case_type:
    description:
      - System name of the console's type of use cases. A new connection has V(Register).
    type: str
  sync_business_entity_type:
    description:
      - System name of the console's type of business entities. A new connection has V(SOXBusEntity).
    type: str
  sync_push_use_cases:
    description:
      - Whether a use case that is approved gets a model package group and a first model package in the registry. A new
        connection does so unless told otherwise.
    type: bool
  sync_push_text:
    description:
      - Whether a use case's description and purpose go to the model cards of its packages. A new connection does so
        unless told otherwise.
    type: bool
  sync_mapping:
    description:
      - What this connection changes in the mapping of SageMaker's values to the console's fields, and in the table of
        statuses. The keys are C(rows), C(statuses) and C(metrics); docs/mapping.md of the collection has the tables and
        every key of an entry.
      - It is checked before anything is written, and replaces what the connection had. An empty dictionary means the
        mapping as it comes.
    type: dict
  sync_filters:
    description:
      - Which of the registry's groups and packages the connection takes care of. It replaces what the connection had;
        an empty dictionary means all of them.
      - What the filters leave out stays as it is in the console. It is reported, and not decommissioned.
    type: dict
    suboptions:
      include_groups:
        description:
          - Only groups whose name matches one of these patterns, and their packages. A pattern has C(*), C(?) and
            C([…]); the case does not count.
        type: list
        elements: str
        default: []
      exclude_groups:
        description:
          - No groups whose name matches one of these patterns, and none of their packages.
        type: list
        elements: str
        default: []
      include_tags:
        description:
          - Only groups that have one of these tags, each C(key) or C(key=value), and their packages. Filters by tag
            cost a call of ListTags an event.
        type: list
        elements: str
        default: []
      exclude_tags:
        description:
          - No groups that have one of these tags, and none of their packages.
        type: list
        elements: str
        default: []
      approval_statuses:
        description:
          - Only packages of one of these approval statuses.
        type: list
        elements: str
        choices: [Approved, Rejected, PendingManualApproval]
        default: []
  sync_poll_seconds:
    description:
      - How often the agent asks the console what people changed there, in seconds, up to 86400. V(0), which a new
        connection has, leaves that to the agent's own setting C(console_poll_seconds).
    type: int
  sync_max_decommission_percent:
    description:
      - The largest share of the connection's objects, in percent, that may be decommissioned at once because the
        registry no longer lists them. It counts only beyond O(sync_max_decommission_count) objects.
      - The agent's full sweeps keep to it, and M(wxgov.sagemaker.sync_existing_models) unless it is told otherwise. A
        new connection has V(10).
    type: float
  sync_max_decommission_count:
    description:
      - So many objects may be decommissioned whatever their share is. A new connection has V(10).
    type: int
  update_secret:
    description:
      - V(always) replaces secrets that differ from those given; V(on_create) leaves a secret alone that is there.
    type: str
    choices: [always, on_create]
    default: always
  secrets_kms_key_id:
    description:
      - Key that new secrets are encrypted with, with O(connections_store=secretsmanager). If not set, it is the
        account's own key for Secrets Manager.
    type: str
  cross_account_queue:
    description:
      - Whether the queue of O(queue_url) may belong to another account than O(account_id). Without it such a queue is
        taken for a mistake. It is looked at where one of the two is given.
    type: bool
    default: false
  max_connections:
    description:
      - How many connections there may be.
    type: int
    default: 10
  validate:
    description:
      - Whether to check the connection against the console before it is written. The login, the business entity, the
        default user, what the login may do in the entity, and the types and fields that the synchronisation uses are
        looked at.
    type: bool
    default: true
  validate_aws:
    description:
      - Whether to check, before the connection is written, that the role can be assumed with the external id and cannot
        be assumed without it, and that the credentials are of O(account_id). The module's process needs the AWS
        credentials that the agent will have, and boto3.
    type: bool
    default: false
  test:
    description:
      - Test the connection as it would be, at the console and at AWS, and write nothing. RV(checks) says what was seen.
        The module fails if a check fails. With O(name) alone the connection that is kept is tested.
    type: bool
    default: false
extends_documentation_fragment:
  - wxgov.sagemaker.attributes
  - wxgov.sagemaker.connections
  - wxgov.sagemaker.console
attributes:
  check_mode:
    support: full
    details: The checks against the console are made in check mode too.
  diff_mode:
    support: full
    details: Secrets are hidden; one that would change is marked.
  idempotent:
    support: full
seealso:
  - module: wxgov.sagemaker.governance_connection_info
"""

EXAMPLES = r"""
- name: Connect a registry through a cross-account role
  wxgov.sagemaker.governance_connection:
    name: credit-risk
    description: Models of the credit risk department
    business_entity: Credit Risk
    default_user: model.owner
    account_id: "111122223333"
    region: eu-central-1
    role_arn: arn:aws:iam::111122223333:role/Aws_Sagemaker_Sqs_Cross_Account_Role
    external_id: "{{ credit_risk_external_id }}"
    queue_url: https://sqs.eu-central-1.amazonaws.com/111122223333/model-registry-events.fifo
    console_url: https://console.example.com
    console_auth_method: mcsp
    console_api_key: "{{ console_api_key }}"
    console_instance_id: 4f1e6c52-0d55-4a0c-9d7b-5f2f3d9ad3a1

- name: Leave experiments out, take a status of our own both ways, and show risk ratings in the console
  wxgov.sagemaker.governance_connection:
    name: credit-risk
    sync_filters:
      exclude_groups: ["experiment-*"]
    sync_mapping:
      rows:
        - field: MRG-Model:Version Comment
          value: card:intended_uses.risk_rating
      statuses:
        - status: Feature Engineering Complete
          direction: both

- name: Spare a slow console, and let no sweep decommission more than three models of a small registry
  wxgov.sagemaker.governance_connection:
    name: credit-risk
    console_page_limit: 100
    sync_poll_seconds: 300
    sync_max_decommission_percent: 0
    sync_max_decommission_count: 3

- name: Keep its API key in a file, where the running agent reads it anew when it is rotated
  wxgov.sagemaker.governance_connection:
    name: credit-risk
    console_api_key_file: /etc/wxgov-sagemaker/console-api-key

- name: Test it as it is kept, at the console and at AWS
  wxgov.sagemaker.governance_connection:
    name: credit-risk
    test: true

- name: Pause it
  wxgov.sagemaker.governance_connection:
    name: credit-risk
    enabled: false

- name: Remove it
  wxgov.sagemaker.governance_connection:
    name: credit-risk
    state: absent
"""

RETURN = r"""
connection:
  description:
    - The connection as it is now, or would be out of check mode; empty when it is absent. Secrets are hidden.
  returned: success
  type: dict
  contains:
    name:
      description: The connection's name.
      type: str
      sample: credit-risk
    description:
      description: What it is for.
      type: str
      sample: Models of the credit risk department
    enabled:
      description: Whether the agent serves it.
      type: bool
      sample: true
    business_entity:
      description: The console's business entity, with C(id) and C(name).
      type: dict
      sample: {"id": "4577", "name": "Credit Risk"}
    default_user:
      description: User name of the owner of models without one.
      type: str
      sample: model.owner
    account_id:
      description: The account that owns the registry.
      type: str
      sample: "111122223333"
    region:
      description: The registry's region.
      type: str
      sample: eu-central-1
    default_profile_arn:
      description: ARN of the user profile that links into SageMaker are made with, or none.
      type: str
      sample: arn:aws:sagemaker:eu-central-1:111122223333:user-profile/d-abcdefghijkl/links
    queue_url:
      description: The queue that the registry's events arrive in.
      type: str
      sample: https://sqs.eu-central-1.amazonaws.com/111122223333/model-registry-events.fifo
    credentials:
      description: C(type) is C(assume_role), C(access_key) or C(ambient); the other keys depend on it.
      type: dict
      sample: {"type": "ambient"}
    console:
      description: Where the console is, how to log in, and in C(dialect) what it does otherwise than others.
      type: dict
      sample: {"url": "https://console.example.com", "auth_method": "mcsp", "validate_certs": true}
    sync:
      description:
        - Names of the console's types and fields that the synchronisation uses, what it may write to the registry, how
          often the console is polled, and the limits of the guard.
      type: dict
      sample: {"arn_field": "Integration:External ID", "model_type": "Model"}
operations:
  description:
    - What was done or would be done; nothing, V(create), V(update), V(protect) (the file could be read by others) or
      V(remove).
  returned: success
  type: list
  elements: str
  sample: [create]
checks:
  description:
    - What was seen of each link, with O(test=true); else empty.
  returned: success, and when a check failed
  type: list
  elements: dict
  contains:
    name:
      description:
        - C(connection.values), C(console.login), C(console.business_entity), C(console.permissions),
          C(console.default_user), C(console.fields), C(aws.role_assumable), C(aws.external_id_required) or
          C(aws.account).
      type: str
      sample: aws.external_id_required
    status:
      description:
        - C(ok), C(warning), C(failed), or C(skipped) where there is nothing to check or an earlier link is broken.
      type: str
      sample: ok
    evidence:
      description: What was seen.
      type: str
      sample: Without the external id STS denies the role arn:aws:iam::111122223333:role/Sync.
    mend:
      description: What to do about it; empty where nothing is to be done.
      type: str
      sample: ""
"""

import os
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.connection.model import EMPTY_VALUES, SyncSettings
from ..module_utils.connection.plan import Wanted
from ..module_utils.connection.stores import ConnectionStore
from ..module_utils.connections_module import STORE_OPTIONS, store_of
from ..module_utils.console_module import SECRET_OPTIONS, console_options, environment_values
from ..module_utils.errors import WxgovError
from ..module_utils.preflight.checks import failures
from ..module_utils.preflight.registration import (
    Registration,
    Rules,
    carry_out,
    decide_absence,
    decide_presence,
    decide_trial,
)
from ..module_utils.sync.mapping_overrides import effective_table

CONNECTION_OPTIONS: dict[str, dict[str, Any]] = {
    "name": {"type": "str", "required": True},
    "description": {"type": "str"},
    "business_entity": {"type": "str"},
    "default_user": {"type": "str"},
    "account_id": {"type": "str"},
    "region": {"type": "str"},
    "default_profile_arn": {"type": "str"},
    "role_arn": {"type": "str"},
    "external_id": {"type": "str", "no_log": True},
    "access_key_id": {"type": "str", "no_log": False},
    "secret_access_key": {"type": "str", "no_log": True},
    "ambient": {"type": "bool"},
    "queue_url": {"type": "str"},
    "enabled": {"type": "bool"},
    **console_options(),
    "console_page_limit": {"type": "int"},
    "console_max_rows": {"type": "int"},
    "console_in_operator": {"type": "bool"},
    "console_in_list_size": {"type": "int"},
    "console_empty_value": {"type": "str", "choices": list(EMPTY_VALUES)},
    "sync_arn_field": {"type": "str"},
    "sync_state_field": {"type": "str"},
    "sync_model_group_type": {"type": "str"},
    "sync_model_type": {"type": "str"},
    "sync_use_case_type": {"type": "str"},
    "sync_business_entity_type": {"type": "str"},
    "sync_push_use_cases": {"type": "bool"},
    "sync_push_text": {"type": "bool"},
    "sync_mapping": {"type": "dict"},
    "sync_filters": {
        "type": "dict",
        "options": {
            "include_groups": {"type": "list", "elements": "str", "default": []},
            "exclude_groups": {"type": "list", "elements": "str", "default": []},
            "include_tags": {"type": "list", "elements": "str", "default": []},
            "exclude_tags": {"type": "list", "elements": "str", "default": []},
            "approval_statuses": {
                "type": "list",
                "elements": "str",
                "choices": ["Approved", "Rejected", "PendingManualApproval"],
                "default": [],
            },
        },
    },
    "sync_poll_seconds": {"type": "int"},
    "sync_max_decommission_percent": {"type": "float"},
    "sync_max_decommission_count": {"type": "int"},
}

RULE_OPTIONS: dict[str, dict[str, Any]] = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "update_secret": {"type": "str", "choices": ["always", "on_create"], "default": "always", "no_log": False},
    **STORE_OPTIONS,
    "secrets_kms_key_id": {"type": "str", "no_log": False},
    "cross_account_queue": {"type": "bool", "default": False},
    "max_connections": {"type": "int", "default": 10},
    "validate": {"type": "bool", "default": True},
    "validate_aws": {"type": "bool", "default": False},
    "test": {"type": "bool", "default": False},
}


def main() -> None:
    """Read the options, let the rooms do the work, say what came of it."""
    module = AnsibleModule(
        argument_spec={**CONNECTION_OPTIONS, **RULE_OPTIONS},
        supports_check_mode=True,
    )
    params = module.params
    rules = Rules(
        validate=params["validate"],
        validate_aws=params["validate_aws"],
        update_secrets=params["update_secret"] == "always",
        max_connections=params["max_connections"],
        cross_account_queue=params["cross_account_queue"],
    )
    if params["test"] and params["state"] == "absent":
        module.fail_json(msg="test=true needs state=present: there is nothing to test about a connection that goes.")
    try:
        environment = environment_values(params, os.environ)
        # As Ansible does with the values of options with no_log.
        module.no_log_values.update(environment[name] for name in SECRET_OPTIONS & environment.keys())
        wanted = Wanted(**{name: params[name] for name in CONNECTION_OPTIONS}, for_new=environment)
        store = store_of(params, params["secrets_kms_key_id"] or None)
        done = carry_out(store, lambda: decide(store, wanted, rules, params), check_mode=module.check_mode)
    except WxgovError as error:
        module.fail_json(msg=str(error))
    result = done.result()
    if not module._diff:
        del result["diff"]
    broken = failures(done.checks)
    if broken:
        module.fail_json(msg=f"The connection does not work. {broken}", **result)
    module.exit_json(**result)


def decide(store: ConnectionStore, wanted: Wanted, rules: Rules, params: dict[str, Any]) -> Registration:
    """Return what is to be done; raises WxgovError."""
    if params["state"] == "absent":
        return decide_absence(store, wanted.name)
    usual = SyncSettings()
    own_fields = (wanted.sync_arn_field or usual.arn_field, wanted.sync_state_field or usual.state_field)
    effective_table(wanted.sync_mapping or {}, own_fields)
    if params["test"]:
        return decide_trial(store, wanted, rules)
    return decide_presence(store, wanted, rules)


if __name__ == "__main__":
    main()
