#!/usr/bin/python
# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: iam_user
short_description: Manages an IAM user that a program acts as, with its policies
version_added: "0.1.0"
author: "wxgov.sagemaker contributors (@wxgov)"
description:
  - Creates, changes and deletes an IAM user with its managed and its inline policies. Its access key is managed by
    M(wxgov.sagemaker.iam_access_key); a password it has none.
  - Policies are compared by meaning, not by text. Check mode tells of a user that is not there yet too.
  - An option that is not set leaves the user as it is; an empty value clears.
options:
  name:
    description: The user's name.
    type: str
    required: true
  state:
    description:
      - Whether the user shall be there.
      - V(absent) detaches its managed policies, deletes its inline policies and then the user. It must have no access
        key any more.
    type: str
    choices: [present, absent]
    default: present
  path:
    description: The user's path, part of its ARN. A new user has V(/) when this is not set; it is not changed.
    type: str
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
    description: The ARN of the managed policy that bounds what the user may do; an empty value takes the bound away.
    type: str
  wait:
    description: Whether to wait until AWS shows what was written.
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
  - module: wxgov.sagemaker.iam_access_key
  - module: amazon.aws.iam_user
"""

EXAMPLES = r"""
- name: Make a user that may read the queue and nothing else
  wxgov.sagemaker.iam_user:
    name: registry-governance
    inline_policies:
      queue:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Action:
              - sqs:ReceiveMessage
              - sqs:DeleteMessage
            Resource: arn:aws:sqs:us-east-1:111122223333:registry-events.fifo
    purge_inline_policies: true
    tags:
      team: governance

- name: Delete the user
  wxgov.sagemaker.iam_user:
    name: registry-governance
    state: absent
"""

RETURN = r"""
user:
  description: The user as it is now (in check mode, as it would be). Null when there is none.
  returned: success
  type: dict
  contains:
    name:
      description: The user's name.
      returned: always
      type: str
      sample: registry-governance
    arn:
      description: The user's ARN.
      returned: always
      type: str
      sample: arn:aws:iam::111122223333:user/registry-governance
    path:
      description: The user's path.
      returned: always
      type: str
      sample: /
    user_id:
      description: AWS's id of the user. Empty for a user that check mode would make.
      returned: always
      type: str
      sample: AIDAEXAMPLE
    permissions_boundary:
      description: The ARN of the policy that bounds the user. Null when there is none.
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
      description: The user's tags.
      returned: always
      type: dict
      sample: {"team": "governance"}
operations:
  description: What was done (in check mode, what would be done), in order.
  returned: success
  type: list
  elements: str
  sample: [create_user, put_inline_policy]
"""

from collections.abc import Mapping
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ..module_utils.aws.documents import parse_object
from ..module_utils.aws.module import WAIT_OPTIONS, ModuleSession, finish
from ..module_utils.aws.plan import Outcome
from ..module_utils.aws.tags import text_tags
from ..module_utils.aws.user import ensure_user
from ..module_utils.aws.user_plan import DesiredUser, UserState, check_user

ARGUMENTS = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "path": {"type": "str"},
    "managed_policies": {"type": "list", "elements": "str"},
    "purge_managed_policies": {"type": "bool", "default": False},
    "inline_policies": {"type": "dict"},
    "purge_inline_policies": {"type": "bool", "default": False},
    "permissions_boundary": {"type": "str"},
    "tags": {"type": "dict", "aliases": ["resource_tags"]},
    "purge_tags": {"type": "bool", "default": True},
    **WAIT_OPTIONS,
}


def desired_user(options: Mapping[str, Any]) -> DesiredUser:
    """The user that the options ask for, checked."""
    inline = options["inline_policies"]
    same_names = ("name", "path", "permissions_boundary", "managed_policies", "purge_managed_policies")
    desired = DesiredUser(
        present=options["state"] == "present",
        inline_policies=None
        if inline is None
        else {name: parse_object(document, f"inline_policies: {name}") for name, document in inline.items()},
        purge_inline_policies=options["purge_inline_policies"],
        tags=text_tags(options["tags"]),
        purge_tags=options["purge_tags"],
        **{name: options[name] for name in same_names},
    )
    check_user(desired)
    return desired


def main() -> None:
    module = AnsibleAWSModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    session = ModuleSession(module)

    def work() -> Outcome[UserState]:
        return ensure_user(
            session.client("iam", regional=False),
            desired_user(module.params),
            account=session.account,
            check_mode=session.check_mode,
            patience=session.patience,
        )

    finish(module, "user", work)


if __name__ == "__main__":
    main()
