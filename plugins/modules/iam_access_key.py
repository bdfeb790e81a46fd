#!/usr/bin/python
# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: iam_access_key
short_description: Manages the access key of an IAM user and its rotation
version_added: "0.1.0"
author: "wxgov.sagemaker contributors (@wxgov)"
description:
  - Sees that an IAM user has one usable access key. A key that is there is kept, so a second run makes no other.
  - Rotates the key with an overlap, in steps that are safe to repeat. O(state=rotated) makes a new key beside the old
    one; once the new one is in use, O(other_keys=inactive) turns the old one off, which can be taken back; in a later
    run O(other_keys=absent) deletes it.
  - A new key is tried until AWS accepts it, then its secret is given back once, or written straight into AWS Secrets
    Manager with O(store_in_secret). A new key whose secret could be neither given back nor stored is deleted again.
  - A key is never deleted to make room for another, unless O(other_keys=absent) says so and it is inactive.
options:
  user_name:
    description: The IAM user's name. The user must be there.
    type: str
    required: true
  state:
    description:
      - V(present) sees that the user has an active key, and makes one where there is none.
      - V(rotated) sees that the user has an active key other than O(access_key_id) and no older, or one younger than
        O(max_age_days), and makes one where there is none. The old key stays as it is.
      - V(absent) deletes the key O(access_key_id), or all keys of the user and the secret O(store_in_secret).
    type: str
    choices: [present, rotated, absent]
    default: present
  access_key_id:
    description:
      - With O(state=present) the key that is in use; an inactive one is made active.
      - With O(state=rotated) the key that is to be replaced.
      - With O(state=absent) the key to delete.
    type: str
  other_keys:
    description:
      - What becomes of the user's other keys, once the one in use is named by O(access_key_id) or held by
        O(store_in_secret). Only with O(state=present).
      - V(absent) deletes only keys that are inactive and fails when one is active.
    type: str
    choices: [keep, inactive, absent]
    default: keep
  max_age_days:
    description: From what age on O(state=rotated) replaces a key, in days.
    type: int
  store_in_secret:
    description:
      - The name or ARN of a secret of AWS Secrets Manager that holds the key in use, as a JSON object with
        C(user_name), C(access_key_id) and C(secret_access_key). It is made when it is not there.
      - The secret's version id tells which key it holds, so the right to read the secret is not needed.
      - A secret that was not written by this module counts as holding no key of the user.
    type: str
  secret_kms_key_id:
    description: The KMS key that encrypts a secret which is made; without it, the one of AWS.
    type: str
  wait:
    description: Whether to wait until AWS accepts a new key and shows what was written.
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
  - amazon.aws.boto3
attributes:
  check_mode:
    support: full
    details:
      - The id of a key that is yet to be made is shown as V(made-by-this-run).
      - A user that is not there yet is a warning in check mode and an error otherwise.
  diff_mode:
    support: full
    details: A secret is never in the diff.
  idempotent:
    support: full
seealso:
  - module: amazon.aws.iam_user
  - module: wxgov.sagemaker.iam_role
"""

EXAMPLES = r"""
- name: Have a key made, whose secret never passes through the play
  wxgov.sagemaker.iam_access_key:
    user_name: registry-governance
    store_in_secret: governance/registry-key

- name: Replace it when it is 90 days old; the old one goes on working
  wxgov.sagemaker.iam_access_key:
    user_name: registry-governance
    state: rotated
    max_age_days: 90
    store_in_secret: governance/registry-key

- name: Turn all other keys off once the new one is in use
  wxgov.sagemaker.iam_access_key:
    user_name: registry-governance
    store_in_secret: governance/registry-key
    other_keys: inactive

- name: Delete them in a later run
  wxgov.sagemaker.iam_access_key:
    user_name: registry-governance
    store_in_secret: governance/registry-key
    other_keys: absent

- name: Make a key whose secret is given back, this once
  wxgov.sagemaker.iam_access_key:
    user_name: registry-reader
  register: key
  no_log: true

- name: Make its successor
  wxgov.sagemaker.iam_access_key:
    user_name: registry-reader
    state: rotated
    access_key_id: "{{ key.access_key.access_key_id }}"
  register: new_key
  no_log: true

- name: Delete all keys of the user
  wxgov.sagemaker.iam_access_key:
    user_name: registry-reader
    state: absent
"""

RETURN = r"""
access_key:
  description:
    - The user's keys as they are now (in check mode, as they would be). Null when there are none.
  returned: success
  type: dict
  contains:
    user_name:
      description: The user's name.
      returned: always
      type: str
      sample: registry-governance
    access_key_id:
      description: The id of the key in use. Null when it is not known which is.
      returned: always
      type: str
      sample: AKIAIOSFODNN7EXAMPLE
    status:
      description: Whether the key in use is C(Active) or C(Inactive).
      returned: always
      type: str
      sample: Active
    created:
      description: When the key in use was made. Empty for one that check mode would make.
      returned: always
      type: str
      sample: "2026-01-31T12:00:00Z"
    keys:
      description: All keys of the user, the oldest first.
      returned: always
      type: list
      elements: dict
      contains:
        access_key_id:
          description: The key's id.
          returned: always
          type: str
          sample: AKIAIOSFODNN7EXAMPLE
        status:
          description: Whether it is C(Active) or C(Inactive).
          returned: always
          type: str
          sample: Active
        created:
          description: When it was made.
          returned: always
          type: str
          sample: "2026-01-31T12:00:00Z"
    secret:
      description: The secret that holds the key, with its C(name) and C(arn). Null when none is named or there.
      returned: always
      type: dict
      sample: {"name": "governance/registry-key", "arn": "arn:aws:secretsmanager:us-east-1:111122223333:secret:x"}
secret_access_key:
  description:
    - The secret of a key that this run made. Null when none was made, in check mode, and with O(store_in_secret).
    - It cannot be had again. Set C(no_log) on the task, so that it is not printed.
  returned: success
  type: str
  sample: null
operations:
  description: What was done (in check mode, what would be done), in order.
  returned: success
  type: list
  elements: str
  sample: [create_access_key, create_secret]
"""

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ..module_utils.aws.access_key import KeyServices, NewAccessKey, ensure_access_key
from ..module_utils.aws.access_key_plan import AccessKeyState, DesiredAccessKey, check_access_key
from ..module_utils.aws.client import ServiceClient
from ..module_utils.aws.module import WAIT_OPTIONS, ModuleSession, finish
from ..module_utils.aws.plan import Outcome

ARGUMENTS = {
    "user_name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "rotated", "absent"], "default": "present"},
    "access_key_id": {"type": "str", "no_log": False},
    "other_keys": {"type": "str", "choices": ["keep", "inactive", "absent"], "default": "keep", "no_log": False},
    "max_age_days": {"type": "int"},
    "store_in_secret": {"type": "str", "no_log": False},
    "secret_kms_key_id": {"type": "str", "no_log": False},
    **WAIT_OPTIONS,
}


def desired_access_key(options: Mapping[str, Any]) -> DesiredAccessKey:
    """The key that the options ask for, checked."""
    desired = DesiredAccessKey(
        user_name=options["user_name"],
        state=options["state"],
        access_key_id=options["access_key_id"],
        others=options["other_keys"],
        max_age_days=options["max_age_days"],
        secret_name=options["store_in_secret"],
    )
    check_access_key(desired)
    return desired


def services_of(module: Any, session: ModuleSession, with_secret: bool) -> KeyServices:
    """The clients; STS gets the new key in place of the module's own credentials."""

    def sts_with(new: NewAccessKey) -> ServiceClient:
        keys = {"aws_access_key_id": new.access_key_id, "aws_secret_access_key": new.secret_access_key}
        region = module.region or "us-east-1"
        own = {**keys, "aws_session_token": None, "profile_name": None}
        return ServiceClient("sts", module.client("sts", region=region, **own))

    secrets = session.client("secretsmanager") if with_secret else None
    return KeyServices(session.client("iam", regional=False), secrets, sts_with)


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec=ARGUMENTS,
        supports_check_mode=True,
        required_by={"secret_kms_key_id": ("store_in_secret",)},
    )
    session = ModuleSession(module)
    made: list[NewAccessKey] = []

    def work() -> Outcome[AccessKeyState]:
        desired = desired_access_key(module.params)
        return ensure_access_key(
            services_of(module, session, desired.secret_name is not None),
            desired,
            check_mode=session.check_mode,
            patience=session.patience,
            now=datetime.now(timezone.utc),
            secret_kms_key_id=module.params["secret_kms_key_id"],
            hand_over=made.append,
        )

    finish(module, "access_key", work, lambda state: {"secret_access_key": made[0].secret_access_key if made else None})


if __name__ == "__main__":
    main()
