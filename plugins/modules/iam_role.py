#!/usr/bin/python
# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: iam_role
short_description: Manages an IAM role that other accounts or AWS services take on
version_added: "0.1.0"
author: "wxgov.sagemaker contributors (@wxgov)"
description:
  - Creates, changes and deletes an IAM role with its trust policy, its managed and its inline policies.
  - The trust can be given by accounts and services instead of as a document, with an external id that is made once and
    kept from then on.
  - Policies are compared by meaning, not by text.
  - An option that is not set leaves the role as it is; an empty value clears. No instance profile is made or needed.
options:
  name:
    description: The role's name.
    type: str
    required: true
  state:
    description:
      - Whether the role shall be there.
      - V(absent) detaches its managed policies, deletes its inline policies and then the role.
    type: str
    choices: [present, absent]
    default: present
  path:
    description: The role's path. AWS cannot change it; a new role has V(/) when this is not set.
    type: str
  description:
    description: What the role is for; at most 1000 characters.
    type: str
  trusted_accounts:
    description: The AWS accounts that may take the role on, as 12 digits in quotes, or ARNs of principals in them.
    type: list
    elements: str
  trusted_services:
    description: The AWS services that may take the role on, for instance V(sagemaker.amazonaws.com).
    type: list
    elements: str
  external_id:
    description: The external id that O(trusted_accounts) must present. It is no secret to those who may read the role.
    type: str
  generate_external_id:
    description: Whether to make an external id; the one the role's trust policy asks for already is kept.
    type: bool
    default: false
  require_external_id:
    description:
      - Whether to refuse a trust policy by which another account could take the role on without an external id.
      - See U(https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html).
    type: bool
    default: true
  assume_role_policy_document:
    description: The trust policy as JSON or as a dictionary, instead of the options above.
    type: json
  max_session_duration:
    description: For how many seconds a session of the role lasts at most, 3600 to 43200.
    type: int
  managed_policies:
    description:
      - Managed policies to attach, by ARN or by name.
      - A name is looked up among those attached already, then AWS's, then the account's.
    type: list
    elements: str
  purge_managed_policies:
    description: Whether managed policies that are not in O(managed_policies) are detached.
    type: bool
    default: false
  inline_policies:
    description: Inline policies by name, each a dictionary.
    type: dict
  purge_inline_policies:
    description: Whether inline policies that are not in O(inline_policies) are deleted.
    type: bool
    default: false
  permissions_boundary:
    description: The ARN of the managed policy that bounds what the role may do; an empty value takes the bound away.
    type: str
  wait:
    description: Whether to wait until AWS shows what was written; a new role may take seconds to be there.
    type: bool
    default: true
  wait_assumable:
    description:
      - Whether to take the role on, with the external id that its trust policy asks for, until STS allows it; also when
        nothing was changed, but not in check mode.
      - For callers whom the role trusts, and who may do C(sts:AssumeRole) on it.
      - When O(wait_timeout) is over first, the task fails. With O(wait=false) it is tried once.
      - The session that comes of it is thrown away.
    type: bool
    default: false
  wait_timeout:
    description: For how many seconds to wait, for each of O(wait) and O(wait_assumable).
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
    details:
      - An external id that is yet to be made is shown as V(generated-when-the-role-is-made).
  diff_mode:
    support: full
  idempotent:
    support: full
seealso:
  - module: wxgov.sagemaker.sqs_queue
"""

EXAMPLES = r"""
- name: Let another account read the queue, with an external id that is made once
  wxgov.sagemaker.iam_role:
    name: registry-governance
    description: Synchronises the model registry with watsonx.governance
    trusted_accounts:
      - "444455556666"
    generate_external_id: true
    inline_policies:
      queue:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Action:
              - sqs:ReceiveMessage
              - sqs:DeleteMessage
            Resource: arn:aws:sqs:us-east-1:111122223333:registry-events.fifo
    tags:
      team: governance
  register: governance

- name: Add a policy of AWS to it and keep what else it has
  wxgov.sagemaker.iam_role:
    name: registry-governance
    managed_policies:
      - AmazonSageMakerReadOnly

- name: Make a role for SageMaker itself
  wxgov.sagemaker.iam_role:
    name: registry-execution
    trusted_services:
      - sagemaker.amazonaws.com

- name: Make a role that this account itself takes on next
  wxgov.sagemaker.iam_role:
    name: registry-reader
    trusted_accounts:
      - "111122223333"
    managed_policies:
      - AmazonSageMakerReadOnly
    wait_assumable: true

- name: Delete the role
  wxgov.sagemaker.iam_role:
    name: registry-governance
    state: absent
"""

RETURN = r"""
role:
  description: The role as it is now (in check mode, as it would be). Null when there is none.
  returned: success
  type: dict
  contains:
    name:
      description: The role's name.
      returned: always
      type: str
      sample: registry-governance
    arn:
      description: The role's ARN.
      returned: always
      type: str
      sample: arn:aws:iam::111122223333:role/registry-governance
    path:
      description: The role's path.
      returned: always
      type: str
      sample: /
    role_id:
      description: AWS's id of the role. Empty for a role that check mode would make.
      returned: always
      type: str
      sample: AROAEXAMPLE
    description:
      description: What the role is for.
      returned: always
      type: str
      sample: Synchronises the model registry with watsonx.governance
    assume_role_policy_document:
      description: The trust policy.
      returned: always
      type: dict
      sample: {"Version": "2012-10-17", "Statement": []}
    max_session_duration:
      description: For how many seconds a session lasts at most.
      returned: always
      type: int
      sample: 3600
    permissions_boundary:
      description: The ARN of the policy that bounds the role. Null when there is none.
      returned: always
      type: str
      sample: arn:aws:iam::111122223333:policy/boundary
    managed_policies:
      description: The ARNs of the attached managed policies, sorted.
      returned: always
      type: list
      elements: str
      sample: ["arn:aws:iam::aws:policy/AmazonSageMakerReadOnly"]
    inline_policies:
      description: The inline policies by name.
      returned: always
      type: dict
      sample: {"queue": {"Version": "2012-10-17", "Statement": []}}
    tags:
      description: The role's tags.
      returned: always
      type: dict
      sample: {"team": "governance"}
external_id:
  description:
    - The external id that the role's trust policy asks for. Null when it asks for none, or there is no role.
  returned: success
  type: str
  sample: Zk3yT0examplev2a
operations:
  description: What was done (in check mode, what would be done), in order.
  returned: success
  type: list
  elements: str
  sample: [create_role, put_inline_policy]
operations_done:
  description: The operations that were done before one failed; the rest was not begun.
  returned: when an operation failed
  type: list
  elements: str
  sample: [create_role]
"""

import secrets
from collections.abc import Mapping
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ..module_utils.aws.documents import parse_object
from ..module_utils.aws.module import WAIT_OPTIONS, ModuleSession, finish
from ..module_utils.aws.plan import Outcome
from ..module_utils.aws.policy import external_id_of
from ..module_utils.aws.role import await_assumable, ensure_role
from ..module_utils.aws.role_plan import GENERATED_LATER, DesiredRole, RoleState, Trust, check_role, check_trust
from ..module_utils.aws.tags import text_tags

ARGUMENTS = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "path": {"type": "str"},
    "description": {"type": "str"},
    "trusted_accounts": {"type": "list", "elements": "str"},
    "trusted_services": {"type": "list", "elements": "str"},
    "external_id": {"type": "str"},
    "generate_external_id": {"type": "bool", "default": False},
    "require_external_id": {"type": "bool", "default": True},
    "assume_role_policy_document": {"type": "json"},
    "max_session_duration": {"type": "int"},
    "managed_policies": {"type": "list", "elements": "str"},
    "purge_managed_policies": {"type": "bool", "default": False},
    "inline_policies": {"type": "dict"},
    "purge_inline_policies": {"type": "bool", "default": False},
    "permissions_boundary": {"type": "str"},
    "tags": {"type": "dict", "aliases": ["resource_tags"]},
    "purge_tags": {"type": "bool", "default": True},
    "wait_assumable": {"type": "bool", "default": False},
    **WAIT_OPTIONS,
}


def desired_role(options: Mapping[str, Any]) -> DesiredRole:
    """The role that the options ask for, checked, but for its trust."""
    inline = options["inline_policies"]
    same_names = (
        *("name", "path", "description", "max_session_duration", "permissions_boundary"),
        *("managed_policies", "purge_managed_policies", "purge_inline_policies", "purge_tags"),
    )
    desired = DesiredRole(
        present=options["state"] == "present",
        inline_policies=None
        if inline is None
        else {name: parse_object(document, f"inline_policies: {name}") for name, document in inline.items()},
        tags=text_tags(options["tags"]),
        **{name: options[name] for name in same_names},
    )
    check_role(desired)
    return desired


def desired_trust(options: Mapping[str, Any]) -> Trust | None:
    """The trust that the options ask for, checked; None where they say nothing of it."""
    document = options["assume_role_policy_document"]
    if not document and not options["trusted_accounts"] and not options["trusted_services"]:
        return None
    trust = Trust(
        accounts=options["trusted_accounts"] or (),
        services=options["trusted_services"] or (),
        external_id=options["external_id"],
        generate_external_id=options["generate_external_id"],
        document=parse_object(document, "assume_role_policy_document") if document else None,
        require_external_id=options["require_external_id"],
    )
    check_trust(trust)
    return trust


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec=ARGUMENTS,
        supports_check_mode=True,
        mutually_exclusive=[
            ("assume_role_policy_document", "trusted_accounts"),
            ("assume_role_policy_document", "trusted_services"),
            ("assume_role_policy_document", "external_id"),
        ],
        required_by={"external_id": ("trusted_accounts",)},
        required_if=[("generate_external_id", True, ("trusted_accounts",))],
    )
    session = ModuleSession(module)

    def work() -> Outcome[RoleState]:
        outcome = ensure_role(
            session.client("iam", regional=False),
            desired_role(module.params),
            desired_trust(module.params),
            account=session.account,
            check_mode=session.check_mode,
            patience=session.patience,
            new_external_id=lambda: GENERATED_LATER if session.check_mode else secrets.token_urlsafe(24),
        )
        if module.params["wait_assumable"] and outcome.state is not None and not session.check_mode:
            await_assumable(session.client("sts", regional=False), outcome.state, session.patience)
        return outcome

    finish(module, "role", work, lambda role: {"external_id": external_id_of(role.trust) if role else None})


if __name__ == "__main__":
    main()
